//! The state of an entity at one of its versions, from its own events applied aside.

use rusqlite::Connection;

use super::{EntityKey, EntitySnapshot, state};
use crate::domain::{Domain, Entity};
use crate::error::{Error, ErrorKind, Result};
use crate::image::Table;
use crate::progress::Progress;
use crate::scratch::{Scratch, copy_rows};
use crate::snapshot::log_image::LOG;

/// The state after the entity's events up to one, from a snapshot before it where one is given and
/// can be loaded; none where there is no such entity then.
///
/// # Errors
///
/// Unprocessable where today's handlers cannot apply one of its events alone, or its state is none.
pub fn state_at(
    conn: &Connection,
    domain: &Domain,
    entity: &Entity,
    key: &EntityKey,
    up_to: i64,
    from: Option<&EntitySnapshot>,
) -> Result<Option<String>> {
    if let Some(from) = from.filter(|from| from.sequence == up_to) {
        return Ok(Some(from.state.clone()));
    }
    let loaded = from.filter(|_| !entity.load.is_empty()).map(|from| load(domain, entity, from)).transpose()?.flatten();
    let (scratch, after) = match (loaded, from) {
        (Some(scratch), Some(from)) => (scratch, from.sequence),
        _ => (empty(domain)?, 0),
    };
    scratch.together(|| {
        copy_events(conn, scratch.conn(), key, after, up_to)?;
        scratch.apply(domain, after, up_to, &Progress::default()).map_err(|error| explain(error, key))
    })?;
    state(scratch.conn(), entity, &key.id)
}

fn empty(domain: &Domain) -> Result<Scratch> {
    let scratch = Scratch::in_memory(domain)?;
    // Rows of other entities, which its own refer to, are not there.
    scratch.conn().pragma_update(None, "foreign_keys", false)?;
    Ok(scratch)
}

/// The snapshot's rows; none where loading it does not give its state back, so that what follows
/// could not be relied on.
fn load(domain: &Domain, entity: &Entity, from: &EntitySnapshot) -> Result<Option<Scratch>> {
    let scratch = empty(domain)?;
    let loaded = scratch.together(|| {
        for statement in &entity.load {
            let mut statement = scratch.conn().prepare(statement)?;
            for (name, value) in [(":entity_id", &from.entity_id), (":state", &from.state)] {
                if let Some(place) = statement.parameter_index(name)? {
                    statement.raw_bind_parameter(place, value)?;
                }
            }
            statement.raw_execute()?;
        }
        Ok(state(scratch.conn(), entity, &from.entity_id)?.as_ref() == Some(&from.state))
    });
    match loaded {
        Ok(true) => Ok(Some(scratch)),
        Ok(false) => {
            tracing::warn!(entity = %from.key(), "its load does not give the state back; its events are applied from the first");
            Ok(None)
        }
        Err(error) => {
            tracing::warn!(entity = %from.key(), %error, "its load fails; its events are applied from the first");
            Ok(None)
        }
    }
}

fn copy_events(from: &Connection, to: &Connection, key: &EntityKey, after: i64, up_to: i64) -> Result<()> {
    let log = Table::read(to, LOG)?;
    let sql = format!(
        "SELECT {} FROM {LOG} WHERE id IN (SELECT event_id FROM entity_events
           WHERE type = ?1 AND id = ?2 AND event_id > ?3 AND event_id <= ?4) ORDER BY id",
        log.column_list(),
    );
    copy_rows(from, &sql, (&key.kind, &key.id, after, up_to), to, &log)
}

/// An event that cannot be applied without what other entities' events gave.
fn explain(error: Error, key: &EntityKey) -> Error {
    if error.kind() != ErrorKind::Unprocessable {
        return error;
    }
    let words = format!("the events of {key} cannot be applied without those of others: {}.", error.message());
    Error::unprocessable(words).hint("Say `replay = \"full\"` for this entity in domain.toml.").because(error)
}
