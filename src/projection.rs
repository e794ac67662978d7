//! The projection: events applied to the tables by the domain's handlers, in id order.
//!
//! Everything here runs in the caller's transaction, with triggers and foreign keys on, and moves
//! no position: the caller writes it in the same transaction, so it never lies.

mod belonging;

use std::collections::HashMap;

use rusqlite::types::{ToSqlOutput, ValueRef};
use rusqlite::{CachedStatement, Connection, ErrorCode, Row};

use self::belonging::Belonging;
use crate::domain::{Domain, FullText, PARAMETERS};
use crate::error::{Error, Result};
use crate::image::live::noticing;
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
    if after > 0 || up_to < LONG_REPLAY {
        return apply_all(conn, domain, after, up_to, progress);
    }
    let set_aside = IndexTriggers::set_aside(conn, domain)?;
    let applied = apply_all(conn, domain, after, up_to, progress)?;
    set_aside.put_back(conn)?;
    Ok(applied)
}

/// Applies events as [`apply`] does, and tells full-text indexes row by row, however many.
///
/// # Errors
///
/// As [`apply`].
pub fn apply_all(conn: &Connection, domain: &Domain, after: i64, up_to: i64, progress: &Progress) -> Result<u64, Stop> {
    apply_watched(conn, domain, after, up_to, progress, &mut |_| Ok(()))
}

/// Applies events as [`apply_all`] does, and tells `watcher` after each, by its id.
pub(crate) fn apply_watched(
    conn: &Connection,
    domain: &Domain,
    after: i64,
    up_to: i64,
    progress: &Progress,
    watcher: &mut dyn FnMut(i64) -> Result<()>,
) -> Result<u64, Stop> {
    let mut work = progress.begin_of("applying events", "event", u64::try_from(up_to - after).ok());
    let mut select = conn.prepare_cached(
        "SELECT id, branch_id, ts, kind, payload_json FROM event_log
         WHERE id > ?1 AND id <= ?2 AND hidden = 0 AND superseded_by IS NULL ORDER BY id",
    )?;
    let mut events = select.query((after, up_to))?;
    let mut handlers = Handlers { conn, domain, prepared: HashMap::new() };
    let mut belonging = Belonging::new(conn, domain)?;
    let mut applied = 0;
    while let Some(event) = events.next()? {
        handlers.run(event)?;
        belonging.keep(event)?;
        watcher(event.get(0)?)?;
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
    noticing::stop(conn)?;
    quietly(conn, || {
        for table in domain.projected() {
            conn.execute(&format!("DELETE FROM {}", table.quoted()), [])?;
        }
        for index in &domain.full_text {
            let name = quote(&index.index);
            conn.execute(&format!("INSERT INTO {name}({name}) VALUES ('delete-all')"), [])?;
        }
        Ok(())
    })
}

/// The triggers that keep full-text indexes, dropped while the whole log is applied.
///
/// SQLite makes an index write what it has gathered at every statement that may have to be taken
/// back, so telling it row by row costs several times what building it once at the end does. The
/// caller rolls back after a failure, and the triggers are there again.
pub struct IndexTriggers {
    definitions: Vec<String>,
    indexes: Vec<String>,
}

impl IndexTriggers {
    /// Whether an index is left to nobody until it is put back.
    pub fn has(&self, index: &FullText) -> bool {
        self.indexes.contains(&quote(&index.index))
    }

    /// Drops the triggers of each index that only such triggers deal with.
    ///
    /// # Errors
    ///
    /// Where the database fails.
    pub fn set_aside(conn: &Connection, domain: &Domain) -> Result<Self> {
        let mut aside = Self { definitions: Vec::new(), indexes: Vec::new() };
        for index in &domain.full_text {
            let triggers = triggers_of(conn, index)?;
            if triggers.iter().all(|(_, sql)| only_tells(sql, &index.index)) {
                for (name, sql) in triggers {
                    conn.execute_batch(&format!("DROP TRIGGER {}", quote(&name)))?;
                    aside.definitions.push(sql);
                }
                aside.indexes.push(quote(&index.index));
            }
        }
        Ok(aside)
    }

    /// Builds those indexes anew and puts their triggers back.
    ///
    /// # Errors
    ///
    /// Where the database fails.
    pub fn put_back(&self, conn: &Connection) -> Result<()> {
        for index in &self.indexes {
            conn.execute(&format!("INSERT INTO {index}({index}) VALUES ('rebuild')"), [])?;
        }
        self.definitions.iter().try_for_each(|sql| conn.execute_batch(sql).map_err(Error::from))
    }
}

/// Name and definition of all triggers of an index's table, and of those that name the index.
fn triggers_of(conn: &Connection, index: &FullText) -> rusqlite::Result<Vec<(String, String)>> {
    let mut select = conn.prepare_cached(
        "SELECT name, sql FROM sqlite_schema
         WHERE type = 'trigger' AND (lower(tbl_name) = lower(?1) OR instr(lower(sql), lower(?2)) > 0)",
    )?;
    select.query_map((&index.table, &index.index), |row| Ok((row.get(0)?, row.get(1)?)))?.collect()
}

/// Whether a trigger surely does nothing but insert into an index; what is written in an unusual
/// way counts as something else, and merely costs time.
fn only_tells(trigger: &str, index: &str) -> bool {
    let sql = trigger.to_ascii_lowercase().split_whitespace().collect::<Vec<_>>().join(" ");
    let opening = format!("insert into {}", index.to_ascii_lowercase());
    let tells = |statement: &str| {
        statement.trim_start().strip_prefix(&opening).is_some_and(|rest| rest.trim_start().starts_with('('))
    };
    let body = sql.split_once(" begin ").and_then(|(_, body)| body.strip_suffix("; end"));
    !sql.contains("raise") && body.is_some_and(|body| body.split(';').all(tells))
}

/// The handlers' statements, prepared when a kind is met first.
struct Handlers<'c> {
    conn: &'c Connection,
    domain: &'c Domain,
    prepared: HashMap<String, Vec<Prepared<'c>>>,
}

struct Prepared<'c> {
    statement: CachedStatement<'c>,
    /// Where each of [`PARAMETERS`], which are the columns that [`apply`] selects, stands in it.
    places: [Option<usize>; PARAMETERS.len()],
}

/// From so many events on, building the full-text indexes anew costs less than telling them.
const LONG_REPLAY: i64 = 1000;

impl<'c> Handlers<'c> {
    fn run(&mut self, event: &Row<'_>) -> Result<(), Stop> {
        // Another program may have written a kind that is not UTF-8; no handler has such a name.
        let Ok(kind) = event.get_ref(3)?.as_str() else { return Ok(()) };
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
        let reason = if is_foreign_key(&error) {
            self.broken_reference(event, kind).unwrap_or_else(|| message(&error))
        } else if blames_event(&error) {
            message(&error)
        } else {
            return Stop::Store(error.into());
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

    fn bind(&mut self, event: &Row<'_>) -> rusqlite::Result<()> {
        for (column, place) in self.places.iter().enumerate() {
            if let Some(place) = place {
                let value: ValueRef<'_> = event.get_ref(column)?;
                self.statement.raw_bind_parameter(*place, ToSqlOutput::Borrowed(value))?;
            }
        }
        Ok(())
    }

    fn run(&mut self, event: &Row<'_>) -> rusqlite::Result<()> {
        self.bind(event)?;
        // A SELECT is allowed, for what it checks; its rows are of no interest.
        let mut rows = self.statement.raw_query();
        while rows.next()?.is_some() {}
        Ok(())
    }
}

/// Whether an error says something about the event, and not about the database.
fn blames_event(error: &rusqlite::Error) -> bool {
    use ErrorCode::{ConstraintViolation, TooBig, TypeMismatch, Unknown};
    matches!(error.sqlite_error_code(), Some(ConstraintViolation | TypeMismatch | TooBig | Unknown))
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

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]
    use super::*;
    use crate::store::schema;

    /// A log that writes a memory with each event but the first two.
    fn store(events: i64) -> (Connection, Domain) {
        let mut conn = Connection::open_in_memory().unwrap();
        schema::migrate(&mut conn).unwrap();
        let domain = Domain::companion().unwrap();
        domain.create_tables(&conn).unwrap();
        let mut insert = conn.prepare("INSERT INTO event_log (kind, payload_json) VALUES (?1, ?2)").unwrap();
        insert.execute(("bot_created", r#"{"bot_id":"ada","name":"Ada","persona":"Counts."}"#)).unwrap();
        insert.execute(("chat_created", r#"{"chat_id":"c","title":"A talk","host_bot_id":"ada"}"#)).unwrap();
        for n in 2..events {
            let payload = format!(r#"{{"owner_id":"ada","chat_id":"c","text":"spoon {n}","significance":1}}"#);
            insert.execute(("memory_written", payload)).unwrap();
        }
        drop(insert);
        (conn, domain)
    }

    fn triggers(conn: &Connection) -> Vec<String> {
        let sql = "SELECT sql FROM sqlite_schema WHERE type = 'trigger' ORDER BY name";
        conn.prepare(sql).unwrap().query_map([], |row| row.get(0)).unwrap().map(Result::unwrap).collect()
    }

    #[test]
    fn a_long_replay_leaves_the_index_and_its_triggers_as_they_should_be() {
        let (conn, domain) = store(LONG_REPLAY + 10);
        let before = triggers(&conn);
        assert_eq!(apply(&conn, &domain, 0, LONG_REPLAY + 10, &Progress::default()).unwrap(), 1010);
        assert_eq!(triggers(&conn), before);
        conn.execute("INSERT INTO memories_fts(memories_fts, rank) VALUES ('integrity-check', 1)", []).unwrap();
        let sql = "SELECT count(*) FROM memories_fts WHERE memories_fts MATCH 'spoon'";
        assert_eq!(conn.query_row(sql, [], |row| row.get::<_, i64>(0)).unwrap(), 1008);
    }

    #[test]
    fn a_long_replay_that_fails_leaves_nothing_once_it_is_rolled_back() {
        let (conn, domain) = store(LONG_REPLAY + 10);
        conn.execute("INSERT INTO event_log (kind, payload_json) VALUES ('memory_written', '{}')", []).unwrap();
        let before = triggers(&conn);
        conn.execute_batch("BEGIN; SAVEPOINT forward").unwrap();
        assert!(apply(&conn, &domain, 0, LONG_REPLAY + 11, &Progress::default()).is_err());
        conn.execute_batch("ROLLBACK TO forward; RELEASE forward").unwrap();
        assert_eq!(triggers(&conn), before);
        assert_eq!(apply(&conn, &domain, 0, LONG_REPLAY + 10, &Progress::default()).unwrap(), 1010);
        conn.execute("INSERT INTO memories_fts(memories_fts, rank) VALUES ('integrity-check', 1)", []).unwrap();
    }

    #[test]
    fn a_trigger_that_does_anything_else_stays() {
        let trigger = |body: &str| format!("CREATE TRIGGER t AFTER INSERT ON memories\nBEGIN\n  {body};\nEND");
        let tell = "INSERT INTO memories_fts(rowid, text) VALUES (new.id, new.text)";
        assert!(only_tells(&trigger(tell), "memories_fts"));
        assert!(only_tells(&trigger(&format!("{tell};\n  {tell}")), "Memories_FTS"));
        for other in [
            "UPDATE bots SET archived = 1",
            "INSERT INTO memories_fts_2 (rowid) VALUES (1)",
            "INSERT INTO memories_fts (rowid, text) SELECT new.id, raise(ABORT, 'no')",
        ] {
            assert!(!only_tells(&trigger(&format!("{tell}; {other}")), "memories_fts"), "{other}");
        }
    }
}
