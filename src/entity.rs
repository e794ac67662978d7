//! Entities: things of the domain whose state is looked at over their own versions, and snapshots of
//! that state.
//!
//! Which events belong to an entity stands in `entity_events`, which follows from the log. Its
//! *version* is how many live events belong to it, its *sequence* the last of their ids. The state
//! at a version is had by applying just these events aside, from the newest snapshot on.
//!
//! A snapshot's state is what the log gives, never what merely stands in the tables. Two hashes are
//! checked whenever it is read: SHA-256 of the state in Python's form, which the original service
//! gives too, and BLAKE3 of all else. A third names the log up to the snapshot's sequence: where
//! today's log has another there, the snapshot is *not on this history*, and nothing is replayed
//! from it until an undo brings that log back.

pub mod exchange;
pub mod policy;
pub mod replay;
pub mod snapshot;
pub mod table;

use std::fmt;

use rusqlite::types::ValueRef;
use rusqlite::{Connection, OptionalExtension};
use serde::Serialize;

use crate::domain::Entity;
use crate::error::{Error, Result};
use crate::json;

pub use exchange::Import;
pub use policy::SnapshotPolicy;
pub use snapshot::{EntitySnapshot, Origin};

/// Which entity: its type and its id.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
pub struct EntityKey {
    /// The type's name in the domain.
    #[serde(rename = "type")]
    pub kind: String,
    /// Its id, as text.
    pub id: String,
}

impl EntityKey {
    /// The entity of a type with an id.
    pub fn new(kind: impl Into<String>, id: impl Into<String>) -> Self {
        Self { kind: kind.into(), id: id.into() }
    }
}

impl fmt::Display for EntityKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {:?}", self.kind, self.id)
    }
}

/// The state that a database has of an entity: the text of a JSON object, or none where there is no
/// such entity.
///
/// # Errors
///
/// Unprocessable where the domain's query fails or gives no JSON object.
pub fn state(conn: &Connection, entity: &Entity, id: &str) -> Result<Option<String>> {
    let refuse = |why: &str| {
        Error::unprocessable(format!("the domain's query for the state of {} {id:?} {why}.", entity.kind))
            .hint("Mend the `state` of this entity in domain.toml.")
    };
    let failed = |error: rusqlite::Error| match error.sqlite_error_code() {
        Some(rusqlite::ErrorCode::Unknown) => refuse(&format!("fails: {error}")).because(error),
        _ => error.into(),
    };
    let text = |row: &rusqlite::Row<'_>| -> rusqlite::Result<_> {
        Ok(match row.get_ref(0)? {
            ValueRef::Text(text) => Some(String::from_utf8(text.to_vec())),
            _ => None,
        })
    };
    let mut select = conn.prepare_cached(&entity.state)?;
    let mut rows = select.query([id]).map_err(failed)?;
    let Some(row) = rows.next().map_err(failed)? else { return Ok(None) };
    let found = text(row)?;
    if rows.next().map_err(failed)?.is_some() {
        return Err(refuse("gives more than one row"));
    }
    // Half of a character in a payload, as a cut emoji leaves it, is no text in SQLite.
    let found =
        found.transpose().map_err(|_| refuse("gives text that is not UTF-8: an event holds half a character"))?;
    match found.as_deref().map(json::parse) {
        Some(Ok(json::Value::Object(_))) => Ok(found),
        Some(Err(error)) => Err(refuse("gives no JSON").because(error)),
        _ => Err(refuse("gives no JSON object")),
    }
}

/// The workflow that an entity belongs to; empty where it belongs to none.
///
/// # Errors
///
/// Where the database fails.
pub fn workflow(conn: &Connection, entity: &Entity, id: &str) -> Result<String> {
    let Some(query) = &entity.workflow else { return Ok(String::new()) };
    let refuse = |why: &str| {
        Error::unprocessable(format!("the domain's query for the workflow of {} {id:?} {why}.", entity.kind))
            .hint("Mend the `workflow` of this entity in domain.toml.")
    };
    let text = |row: &rusqlite::Row<'_>| {
        Ok(match row.get_ref(0)? {
            ValueRef::Null => Some(String::new()),
            ValueRef::Integer(number) => Some(number.to_string()),
            ValueRef::Text(text) => String::from_utf8(text.to_vec()).ok(),
            _ => None,
        })
    };
    let failed = |error: rusqlite::Error| match error.sqlite_error_code() {
        Some(rusqlite::ErrorCode::Unknown) => refuse(&format!("fails: {error}")).because(error),
        _ => error.into(),
    };
    match conn.prepare_cached(query)?.query_row([id], text).optional().map_err(failed)? {
        None => Ok(String::new()),
        Some(found) => found.ok_or_else(|| refuse("gives neither a text nor a whole number")),
    }
}

/// Version and sequence of an entity, of its events up to one.
///
/// # Errors
///
/// Where the database fails.
pub fn version(conn: &Connection, key: &EntityKey, up_to: i64) -> Result<(u64, i64)> {
    // The last by itself is found at once, and counting alone costs half of both together.
    let sql = "SELECT count(*), coalesce((SELECT max(event_id) FROM entity_events
                                          WHERE type = ?1 AND id = ?2 AND event_id <= ?3), 0)
               FROM entity_events WHERE type = ?1 AND id = ?2 AND event_id <= ?3";
    let row = |row: &rusqlite::Row<'_>| Ok((row.get::<_, i64>(0)?.unsigned_abs(), row.get(1)?));
    Ok(conn.prepare_cached(sql)?.query_row((&key.kind, &key.id, up_to), row)?)
}

/// The event that made a version of an entity; none beyond the last, and for version 0.
///
/// # Errors
///
/// Where the database fails.
pub fn event_of(conn: &Connection, key: &EntityKey, version: u64) -> Result<Option<i64>> {
    let Some(before) = version.checked_sub(1).and_then(|before| i64::try_from(before).ok()) else { return Ok(None) };
    let sql = "SELECT event_id FROM entity_events WHERE type = ?1 AND id = ?2 ORDER BY event_id LIMIT 1 OFFSET ?3";
    Ok(conn.prepare_cached(sql)?.query_row((&key.kind, &key.id, before), |row| row.get(0)).optional()?)
}
