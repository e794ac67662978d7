//! The state of an entity at one of its versions, from its own events applied aside.

use std::collections::HashSet;
use std::sync::{Mutex, MutexGuard, PoisonError};

use rusqlite::Connection;

use super::{EntityKey, EntitySnapshot, state};
use crate::domain::{Domain, Entity, Fingerprint};
use crate::error::{Error, ErrorKind, Result};
use crate::image::Table;
use crate::progress::Progress;
use crate::scratch::{Scratch, copy_rows};
use crate::snapshot::log_image::LOG;

/// Which state is wanted: that after the entity's events up to one.
pub struct Wanted<'a> {
    /// The domain.
    pub domain: &'a Domain,
    /// The entity's type in it.
    pub entity: &'a Entity,
    /// Which entity.
    pub key: &'a EntityKey,
    /// The last event.
    pub up_to: i64,
}

/// Makes states in a database in memory, which it keeps for the next time: making its tables costs
/// more than applying the few events that came after a snapshot.
#[derive(Default)]
pub struct Replayer {
    /// With nothing in its tables.
    empty: Mutex<Option<(Fingerprint, Scratch)>>,
    /// With the rows of long states, the one that was asked for last at the end.
    based: Mutex<Vec<Based>>,
    /// Types of entities whose load was found not to put back all that later events need.
    doubted: Mutex<HashSet<(Fingerprint, String)>>,
}

/// A database that holds what a snapshot of a long state does: versions are looked at one after the
/// other, and putting the rows in costs many times what the events after it do.
struct Based {
    logic: Fingerprint,
    /// The snapshot's identity hash, which covers the hash of its state and that of the log.
    snapshot: String,
    scratch: Scratch,
}

impl Replayer {
    /// From now on states of this type are made from their first events.
    pub fn doubt_load(&self, domain: &Domain, entity: &Entity) {
        lock(&self.based).clear();
        let doubted = (domain.logic, entity.kind.clone());
        if lock(&self.doubted).insert(doubted) {
            tracing::warn!(
                entity = entity.kind,
                "its load puts the state back and not all that later events need; it is not used any more"
            );
        }
    }

    fn is_doubted(&self, domain: &Domain, entity: &Entity) -> bool {
        lock(&self.doubted).contains(&(domain.logic, entity.kind.clone()))
    }

    /// The state, from a snapshot before it where one is given and can be loaded; none where there
    /// is no such entity then.
    ///
    /// # Errors
    ///
    /// Unprocessable where today's handlers cannot apply one of its events alone, or its state is none.
    pub fn state_at(
        &self,
        conn: &Connection,
        wanted: &Wanted<'_>,
        from: Option<EntitySnapshot>,
    ) -> Result<Option<String>> {
        if let Some(from) = from.filter(|_| !self.is_doubted(wanted.domain, wanted.entity)) {
            if from.sequence == wanted.up_to {
                return Ok(Some(from.state));
            }
            if from.state.len() > LONG {
                return self.past_long(conn, wanted, &from);
            }
            let found = self.aside(wanted.domain, |scratch| match loads(scratch, wanted.entity, &from) {
                true => wanted.apply(conn, scratch, from.sequence).map(Some),
                false => Ok(None),
            })?;
            if let Some(state) = found {
                return Ok(state);
            }
        }
        self.aside(wanted.domain, |scratch| wanted.apply(conn, scratch, 0))
    }

    /// Runs `work` on empty tables of a domain; what it did is taken back.
    fn aside<T>(&self, domain: &Domain, work: impl FnOnce(&Scratch) -> Result<T>) -> Result<T> {
        let kept = lock(&self.empty).take();
        let scratch = match kept {
            Some((logic, scratch)) if logic == domain.logic => scratch,
            _ => empty(domain)?,
        };
        let answer = scratch.aside(|| work(&scratch))?;
        *lock(&self.empty) = Some((domain.logic, scratch));
        Ok(answer)
    }

    /// The state from the rows of a snapshot's, which stay for the next time.
    fn past_long(&self, conn: &Connection, wanted: &Wanted<'_>, from: &EntitySnapshot) -> Result<Option<String>> {
        let (logic, snapshot) = (wanted.domain.logic, from.identity_hash());
        let is_it = |kept: &Based| kept.logic == logic && kept.snapshot == snapshot;
        let kept = {
            let mut based = lock(&self.based);
            based.iter().position(is_it).map(|at| based.remove(at))
        };
        let based = match kept {
            Some(kept) => kept,
            None => Based { logic, snapshot, scratch: wanted.base(conn, from)? },
        };
        let state = based.scratch.aside(|| wanted.apply(conn, &based.scratch, from.sequence))?;
        let mut kept = lock(&self.based);
        if kept.len() >= BASES {
            kept.remove(0);
        }
        kept.push(based);
        Ok(state)
    }
}

/// So many are kept: two entities that are looked at by turns, or two versions far apart.
const BASES: usize = 4;

/// A panic elsewhere leaves nothing half-done behind: what is kept is made anew.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn empty(domain: &Domain) -> Result<Scratch> {
    let scratch = Scratch::in_memory(domain)?;
    // Rows of other entities, which its own refer to, are not there.
    scratch.conn().pragma_update(None, "foreign_keys", false)?;
    Ok(scratch)
}

impl Wanted<'_> {
    /// Applies the entity's events after one, and reads its state.
    fn apply(&self, conn: &Connection, scratch: &Scratch, after: i64) -> Result<Option<String>> {
        self.apply_up_to(conn, scratch, after, self.up_to)?;
        state(scratch.conn(), self.entity, &self.key.id)
    }

    fn apply_up_to(&self, conn: &Connection, scratch: &Scratch, after: i64, up_to: i64) -> Result<()> {
        copy_events(conn, scratch.conn(), self.key, after, up_to)?;
        let applied = scratch.apply(self.domain, after, up_to, &Progress::default());
        applied.map(|_| ()).map_err(|error| explain(error, self.key))
    }

    /// The rows of a long state: loaded, or those that the events up to it give where that is less
    /// work or the load does not give the state back.
    fn base(&self, conn: &Connection, from: &EntitySnapshot) -> Result<Scratch> {
        let scratch = empty(self.domain)?;
        if is_shorter(from) && scratch.kept_if(|| Ok(loads(&scratch, self.entity, from)))? {
            return Ok(scratch);
        }
        scratch.together(|| self.apply_up_to(conn, &scratch, 0, from.sequence))?;
        Ok(scratch)
    }
}

/// A state of more bytes is a long one.
const LONG: usize = 64 << 10;

/// Whether loading a long state is less work than applying the events that led to it: not where
/// about every event has left a row.
fn is_shorter(from: &EntitySnapshot) -> bool {
    const BYTES_AN_EVENT: u64 = 100;
    from.state.len() as u64 <= BYTES_AN_EVENT * from.version
}

/// Puts a snapshot's rows in; false where loading it does not give its state back, so that what
/// follows could not be relied on.
fn loads(scratch: &Scratch, entity: &Entity, from: &EntitySnapshot) -> bool {
    if entity.load.is_empty() {
        return false;
    }
    match load(scratch, entity, from) {
        Ok(true) => return true,
        Ok(false) => {
            tracing::warn!(entity = %from.key(), "its load does not give the state back; its events are applied from the first");
        }
        Err(error) => {
            tracing::warn!(entity = %from.key(), %error, "its load fails; its events are applied from the first");
        }
    }
    false
}

fn load(scratch: &Scratch, entity: &Entity, from: &EntitySnapshot) -> Result<bool> {
    for statement in &entity.load {
        let mut statement = scratch.conn().prepare_cached(statement)?;
        for (name, value) in [(":entity_id", &from.entity_id), (":state", &from.state)] {
            if let Some(place) = statement.parameter_index(name)? {
                statement.raw_bind_parameter(place, value)?;
            }
        }
        statement.raw_execute()?;
    }
    Ok(state(scratch.conn(), entity, &from.entity_id)?.as_ref() == Some(&from.state))
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
