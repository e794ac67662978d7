//! The projection: events applied to the tables by the domain's handlers, in id order.
//!
//! Everything here runs in the caller's transaction, with triggers and foreign keys on, and moves
//! no position: the caller writes it in the same transaction, so it never lies.

use std::collections::HashMap;

use rusqlite::types::{ToSqlOutput, ValueRef};
use rusqlite::{CachedStatement, Connection, ErrorCode, Row};

use crate::domain::Domain;
use crate::error::{Error, Result};
use crate::image::table::quote;
use crate::progress::Progress;
use crate::store::quietly;

/// Why events could not all be applied.
#[derive(Debug)]
pub enum Stop {
    /// The handler of an event failed: the event breaks a rule of the tables.
    Event(Failure),
    /// The database failed; it says nothing about the event.
    Store(Error),
}

impl<E: Into<Error>> From<E> for Stop {
    fn from(error: E) -> Self {
        Self::Store(error.into())
    }
}

impl Stop {
    /// The stop as an error for whoever caused it.
    pub fn into_error(self) -> Error {
        match self {
            Self::Event(failure) => Error::unprocessable(failure.to_string()).because(failure),
            Self::Store(error) => error,
        }
    }
}

/// An event that cannot be applied, and the rule that it breaks.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("event {event} ({kind}) breaks a rule: {reason}")]
pub struct Failure {
    /// Its id.
    pub event: i64,
    /// Its kind.
    pub kind: String,
    /// The rule, with the constraint's name.
    pub reason: String,
}

/// Applies the live events with `after < id <= up_to`; answers how many.
///
/// # Errors
///
/// [`Stop::Event`] at the first event that fails, with the work before it done: the caller rolls
/// back.
pub fn apply(conn: &Connection, domain: &Domain, after: i64, up_to: i64, progress: &Progress) -> Result<u64, Stop> {
    let mut work = progress.begin("applying events", u64::try_from(up_to - after).ok());
    let mut select = conn.prepare_cached(
        "SELECT id, branch_id, ts, kind, payload_json FROM event_log
         WHERE id > ?1 AND id <= ?2 AND hidden = 0 AND superseded_by IS NULL ORDER BY id",
    )?;
    let mut events = select.query((after, up_to))?;
    let mut handlers = Handlers { conn, domain, prepared: HashMap::new() };
    let mut applied = 0;
    while let Some(event) = events.next()? {
        handlers.run(event)?;
        applied += 1;
        work.advance(1);
    }
    Ok(applied)
}

/// Empties all projected tables and their full-text indexes.
///
/// # Errors
///
/// Where the database fails.
pub fn clear(conn: &Connection, domain: &Domain) -> Result<()> {
    quietly(conn, || {
        for table in &domain.tables {
            conn.execute(&format!("DELETE FROM {}", table.quoted()), [])?;
        }
        for index in &domain.full_text {
            let name = quote(&index.index);
            conn.execute(&format!("INSERT INTO {name}({name}) VALUES ('delete-all')"), [])?;
        }
        Ok(())
    })
}

/// The handlers' statements, prepared when a kind is met first.
struct Handlers<'c> {
    conn: &'c Connection,
    domain: &'c Domain,
    prepared: HashMap<String, Vec<Prepared<'c>>>,
}

struct Prepared<'c> {
    statement: CachedStatement<'c>,
    /// Where each of [`PARAMETERS`] stands in it.
    places: [Option<usize>; PARAMETERS.len()],
}

/// A handler's parameters, in the order of the columns that [`apply`] selects.
const PARAMETERS: [&str; 5] = [":id", ":branch_id", ":ts", ":kind", ":payload"];

impl<'c> Handlers<'c> {
    fn run(&mut self, event: &Row<'_>) -> Result<(), Stop> {
        let kind = event.get_ref(3)?.as_str().map_err(|error| Error::damaged(error.to_string()))?;
        if !self.prepared.contains_key(kind) {
            let statements = self.prepare(kind)?;
            self.prepared.insert(kind.to_owned(), statements);
        }
        let statements = self.prepared.get_mut(kind).map(Vec::as_mut_slice).unwrap_or_default();
        let failed = statements.iter_mut().find_map(|prepared| prepared.run(event).err());
        match failed {
            None => Ok(()),
            Some(error) => Err(self.explain(event, kind, error)),
        }
    }

    fn prepare(&self, kind: &str) -> Result<Vec<Prepared<'c>>> {
        let Some(handler) = self.domain.handler(kind) else { return Ok(Vec::new()) };
        handler.statements.iter().map(|sql| Prepared::new(self.conn, sql)).collect()
    }

    /// What a failed handler means: a rule that the event breaks, or a failure of the database.
    fn explain(&self, event: &Row<'_>, kind: &str, error: rusqlite::Error) -> Stop {
        let reason = match error.sqlite_error_code() {
            Some(ErrorCode::ConstraintViolation) if is_foreign_key(&error) => {
                self.broken_reference(event, kind).unwrap_or_else(|| message(&error))
            }
            Some(ErrorCode::ConstraintViolation | ErrorCode::TypeMismatch | ErrorCode::TooBig | ErrorCode::Unknown) => {
                message(&error)
            }
            _ => return Stop::Store(error.into()),
        };
        match event.get(0) {
            Ok(id) => Stop::Event(Failure { event: id, kind: kind.to_owned(), reason }),
            Err(error) => Stop::Store(error.into()),
        }
    }

    /// SQLite does not say which foreign key failed. Run again with the check put off, the rows
    /// that refer to nothing can be looked up; then everything is taken back.
    fn broken_reference(&self, event: &Row<'_>, kind: &str) -> Option<String> {
        self.conn.execute_batch("SAVEPOINT looking; PRAGMA defer_foreign_keys = ON").ok()?;
        let found = self.find_broken_reference(event, kind);
        self.conn.execute_batch("ROLLBACK TO looking; RELEASE looking; PRAGMA defer_foreign_keys = OFF").ok()?;
        found
    }

    fn find_broken_reference(&self, event: &Row<'_>, kind: &str) -> Option<String> {
        for mut prepared in self.prepare(kind).ok()? {
            prepared.run(event).ok()?;
        }
        self.domain.tables.iter().find_map(|table| first_broken_reference(self.conn, &table.name).ok().flatten())
    }
}

impl<'c> Prepared<'c> {
    fn new(conn: &'c Connection, sql: &str) -> Result<Self> {
        let statement = conn.prepare_cached(sql)?;
        let mut places = [None; PARAMETERS.len()];
        for (place, name) in places.iter_mut().zip(PARAMETERS) {
            *place = statement.parameter_index(name)?;
        }
        Ok(Self { statement, places })
    }

    fn run(&mut self, event: &Row<'_>) -> rusqlite::Result<()> {
        for (column, place) in self.places.iter().enumerate() {
            if let Some(place) = place {
                let value: ValueRef<'_> = event.get_ref(column)?;
                self.statement.raw_bind_parameter(*place, ToSqlOutput::Borrowed(value))?;
            }
        }
        // A SELECT is allowed, for what it checks; its rows are of no interest.
        let mut rows = self.statement.raw_query();
        while rows.next()?.is_some() {}
        Ok(())
    }
}

fn is_foreign_key(error: &rusqlite::Error) -> bool {
    const SQLITE_CONSTRAINT_FOREIGNKEY: i32 = 787;
    matches!(error, rusqlite::Error::SqliteFailure(failure, _) if failure.extended_code == SQLITE_CONSTRAINT_FOREIGNKEY)
}

fn message(error: &rusqlite::Error) -> String {
    match error {
        rusqlite::Error::SqliteFailure(_, Some(message)) => message.clone(),
        other => other.to_string(),
    }
}

/// The first row of a table that refers to nothing, in words; none where all is well.
///
/// # Errors
///
/// Where the database fails.
pub fn first_broken_reference(conn: &Connection, table: &str) -> rusqlite::Result<Option<String>> {
    let mut check = conn.prepare(&format!("PRAGMA foreign_key_check({})", quote(table)))?;
    let mut broken = check.query([])?;
    let Some(row) = broken.next()? else { return Ok(None) };
    let (parent, number): (String, i64) = (row.get(2)?, row.get(3)?);
    let columns: String = conn.query_row(
        "SELECT group_concat(\"from\", ', ') FROM pragma_foreign_key_list(?1) WHERE id = ?2",
        (table, number),
        |row| row.get(0),
    )?;
    Ok(Some(format!("FOREIGN KEY constraint failed: {table}.{columns} names no row of {parent}")))
}
