//! Which entities an event belongs to, kept beside the tables just after its handler has run.

use rusqlite::{Connection, Row};

use super::{Failure, Prepared, Stop, blames_event, message};
use crate::domain::{Domain, ENTITY_EVENTS, Entity};
use crate::error::Result;

/// What asks the domain's entities, in one statement for all of their types; none where it has none.
pub(super) struct Belonging<'c>(Option<Prepared<'c>>);

impl<'c> Belonging<'c> {
    /// Prepares the statement.
    ///
    /// # Errors
    ///
    /// Where the database fails.
    pub(super) fn new(conn: &'c Connection, domain: &Domain) -> Result<Self> {
        let sql = statement(&domain.entities);
        Ok(Self(sql.map(|sql| Prepared::new(conn, &sql)).transpose()?))
    }

    /// Keeps what an event belongs to.
    ///
    /// # Errors
    ///
    /// [`Stop::Event`] where a query fails on it, or gives what is no id.
    pub(super) fn keep(&mut self, event: &Row<'_>) -> Result<(), Stop> {
        let Some(prepared) = &mut self.0 else { return Ok(()) };
        prepared.run(event).map_err(|error| explain(event, error))
    }
}

/// The queries are the domain's own; an id that comes twice counts once, and so NULL and the empty
/// text for nothing.
fn statement(entities: &[Entity]) -> Option<String> {
    let query = |(at, entity): (usize, &Entity)| format!("ids_{at} (id) AS ({}\n)", entity.events);
    // The name of a type is of letters, digits, _ and -.
    let rows =
        |(at, entity): (usize, &Entity)| format!("SELECT :id, '{}', id FROM ids_{at} WHERE id <> ''", entity.kind);
    let queries: Vec<String> = entities.iter().enumerate().map(query).collect();
    let rows: Vec<String> = entities.iter().enumerate().map(rows).collect();
    (!entities.is_empty()).then(|| {
        format!(
            "WITH {} INSERT INTO {ENTITY_EVENTS} (event_id, type, id) {} ON CONFLICT DO NOTHING",
            queries.join(", "),
            rows.join(" UNION ALL ")
        )
    })
}

fn explain(event: &Row<'_>, error: rusqlite::Error) -> Stop {
    let reason = format!("asking for its entities: {}", message(&error));
    match (event.get(0), event.get(3)) {
        (Ok(id), Ok(kind)) if blames_event(&error) => Stop::Event(Failure { event: id, kind, reason }),
        _ => Stop::Store(error.into()),
    }
}
