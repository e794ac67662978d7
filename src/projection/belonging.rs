//! Which entities an event belongs to, kept beside the tables just after its handler has run.

use rusqlite::types::{ToSqlOutput, ValueRef};
use rusqlite::{CachedStatement, Connection, Row};

use super::{Failure, Prepared, Stop, blames_event, message};
use crate::domain::{Domain, ENTITY_EVENTS, Entity};
use crate::error::Result;

/// Asks the domain's entities and keeps what they answer; none where the domain has none.
pub(super) struct Belonging<'c>(Option<Statements<'c>>);

struct Statements<'c> {
    /// The queries of all types in one: which of them, and an id.
    ids: Prepared<'c>,
    insert: CachedStatement<'c>,
    types: Vec<String>,
}

impl<'c> Belonging<'c> {
    /// Prepares the statements.
    ///
    /// # Errors
    ///
    /// Where the database fails.
    pub(super) fn new(conn: &'c Connection, domain: &Domain) -> Result<Self> {
        if domain.entities.is_empty() {
            return Ok(Self(None));
        }
        let insert =
            format!("INSERT INTO {ENTITY_EVENTS} (type, id, event_id) VALUES (?1, ?2, ?3) ON CONFLICT DO NOTHING");
        Ok(Self(Some(Statements {
            ids: Prepared::new(conn, &ids(&domain.entities))?,
            insert: conn.prepare_cached(&insert)?,
            types: domain.entities.iter().map(|entity| entity.kind.clone()).collect(),
        })))
    }

    /// Keeps what an event belongs to. An id that comes twice counts once, and NULL and the empty
    /// text for nothing.
    ///
    /// # Errors
    ///
    /// [`Stop::Event`] where a query fails on it, or gives what is no id.
    pub(super) fn keep(&mut self, event: &Row<'_>) -> Result<(), Stop> {
        let Some(statements) = &mut self.0 else { return Ok(()) };
        statements.keep(event).map_err(|error| explain(event, error))
    }
}

impl Statements<'_> {
    fn keep(&mut self, event: &Row<'_>) -> rusqlite::Result<()> {
        self.ids.bind(event)?;
        let mut rows = self.ids.statement.raw_query();
        while let Some(row) = rows.next()? {
            let id = row.get_ref(1)?;
            if matches!(id, ValueRef::Null | ValueRef::Text(b"")) {
                continue;
            }
            if matches!(id, ValueRef::Text(text) if std::str::from_utf8(text).is_err()) {
                return Err(not_utf8());
            }
            let kind = self.types.get(usize::from(row.get::<_, u16>(0)?));
            self.insert.execute((kind, ToSqlOutput::Borrowed(id), ToSqlOutput::Borrowed(event.get_ref(0)?)))?;
        }
        Ok(())
    }
}

/// An id in which half of a character stands could not be told to anybody.
fn not_utf8() -> rusqlite::Error {
    let code = rusqlite::ffi::Error::new(rusqlite::ffi::SQLITE_MISMATCH);
    rusqlite::Error::SqliteFailure(code, Some("an entity's id is not UTF-8".to_owned()))
}

fn ids(entities: &[Entity]) -> String {
    let query = |(at, entity): (usize, &Entity)| format!("ids_{at} (id) AS ({}\n)", entity.events);
    let queries: Vec<String> = entities.iter().enumerate().map(query).collect();
    let rows: Vec<String> = (0..entities.len()).map(|at| format!("SELECT {at}, id FROM ids_{at}")).collect();
    format!("WITH {} {}", queries.join(", "), rows.join(" UNION ALL "))
}

fn explain(event: &Row<'_>, error: rusqlite::Error) -> Stop {
    let reason = format!("asking for its entities: {}", message(&error));
    match (event.get(0), event.get(3)) {
        (Ok(id), Ok(kind)) if blames_event(&error) => Stop::Event(Failure { event: id, kind, reason }),
        _ => Stop::Store(error.into()),
    }
}
