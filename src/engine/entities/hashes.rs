//! Hashes of the log up to events: what tells whether a snapshot of an entity is on this history.

use std::collections::HashMap;
use std::sync::Mutex;

use rusqlite::Connection;

use crate::engine::lock;
use crate::entity::table::Mark;
use crate::entity::{self, EntityKey, EntitySnapshot};
use crate::error::Result;
use crate::image::{Hash, Segment};
use crate::log;
use crate::snapshot::log_image;
use crate::store::State;

/// The hashes that were looked up, remembered while the epoch stays: appending changes none.
#[derive(Debug, Default)]
pub(in crate::engine) struct LogHashes(Mutex<Remembered>);

#[derive(Debug, Default)]
struct Remembered {
    epoch: u64,
    known: HashMap<i64, Hash>,
    /// How many events of an entity there are up to one.
    counted: HashMap<(EntityKey, i64), u64>,
    fresh: Vec<Segment>,
}

impl Remembered {
    fn forget_other(&mut self, epoch: u64) {
        if self.epoch != epoch {
            *self = Self { epoch, ..Self::default() };
        }
    }
}

/// What of a snapshot says where in the log it is.
pub(super) struct Place<'a> {
    pub(super) key: &'a EntityKey,
    pub(super) version: u64,
    pub(super) sequence: i64,
    pub(super) log_hash: &'a str,
}

impl<'a> Place<'a> {
    pub(super) fn of(key: &'a EntityKey, said: &'a EntitySnapshot) -> Self {
        Self { key, version: said.version, sequence: said.sequence, log_hash: &said.log_hash }
    }

    pub(super) fn of_mark(mark: &'a Mark) -> Self {
        Self { key: &mark.key, version: mark.version, sequence: mark.sequence, log_hash: &mark.log_hash }
    }
}

impl LogHashes {
    /// The hashes of the log up to each of these events, which ascend.
    pub(super) fn of(&self, conn: &Connection, state: &State, events: &[i64]) -> Result<Vec<Hash>> {
        if state.stale_from.is_some() {
            // What another program changed is not taken in yet, and the epoch is still the old one.
            return Ok(log_image::hashes_up_to(conn, events)?.0);
        }
        let mut remembered = lock(&self.0);
        remembered.forget_other(state.epoch);
        let unknown: Vec<i64> = events.iter().copied().filter(|event| !remembered.known.contains_key(event)).collect();
        if !unknown.is_empty() {
            let head = log::head(conn)?;
            let (found, fresh) = log_image::hashes_up_to(conn, &unknown)?;
            // Past the end more may come.
            let ended = unknown.iter().copied().zip(found.iter().copied()).filter(|(event, _)| *event <= head);
            remembered.known.extend(ended);
            if !fresh.is_empty() {
                remembered.fresh = fresh;
            }
            if unknown.len() == events.len() {
                return Ok(found);
            }
        }
        Ok(events.iter().filter_map(|event| remembered.known.get(event).copied()).collect())
    }

    /// How many events of an entity there are up to one.
    fn count(&self, conn: &Connection, state: &State, key: &EntityKey, sequence: i64) -> Result<u64> {
        if state.stale_from.is_some() {
            return Ok(entity::version(conn, key, sequence)?.0);
        }
        let mut remembered = lock(&self.0);
        remembered.forget_other(state.epoch);
        let asked = (key.clone(), sequence);
        if let Some(known) = remembered.counted.get(&asked) {
            return Ok(*known);
        }
        let (count, _) = entity::version(conn, key, sequence)?;
        remembered.counted.insert(asked, count);
        Ok(count)
    }

    /// Whether a snapshot is of the log as it is: up to its sequence that has the hash which it had
    /// then, and as many of its events belong to the entity. Where the tables stand before it, only
    /// the log can be asked.
    pub(super) fn has(&self, conn: &Connection, state: &State, place: &Place<'_>) -> Result<bool> {
        let hash = self.of(conn, state, &[place.sequence])?;
        if hash.first().is_none_or(|found| found.to_string() != place.log_hash) {
            return Ok(false);
        }
        let is_ahead = place.sequence > state.position;
        Ok(is_ahead || self.count(conn, state, place.key, place.sequence)? == place.version)
    }

    /// The segments that were hashed on the way and are to be kept.
    pub(super) fn take_fresh(&self) -> Vec<Segment> {
        std::mem::take(&mut lock(&self.0).fresh)
    }
}
