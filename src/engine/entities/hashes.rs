//! Hashes of the log up to events: what tells whether a snapshot of an entity is on this history.

use std::collections::HashMap;
use std::sync::Mutex;
use std::time::Instant;

use rusqlite::Connection;

use super::pace::is_up;
use crate::engine::lock;
use crate::entity::table::Mark;
use crate::entity::{self, EntityKey, EntitySnapshot};
use crate::error::Result;
use crate::image::{Hash, Segment};
use crate::log;
use crate::snapshot::log_image::RunningHash;
use crate::store::State;

/// So many answers are remembered: more than there are snapshots, as a rule.
const KNOWN: usize = 100_000;

/// The hashes that were looked up, remembered while the epoch stays: appending changes none.
#[derive(Debug, Default)]
pub(in crate::engine) struct LogHashes(Mutex<Remembered>);

#[derive(Debug, Default)]
struct Remembered {
    epoch: u64,
    running: RunningHash,
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
        if self.known.len().max(self.counted.len()) > KNOWN {
            (self.known, self.counted) = (HashMap::new(), HashMap::new());
        }
    }

    fn of(&mut self, conn: &Connection, event: i64) -> Result<Hash> {
        if let Some(known) = self.known.get(&event) {
            return Ok(*known);
        }
        if event < self.running.after() {
            let found = RunningHash::default().up_to(conn, event, &mut Vec::new())?;
            self.known.insert(event, found);
            return Ok(found);
        }
        let found = self.running.up_to(conn, event, &mut self.fresh)?;
        // Past the end more may come.
        if event <= log::head(conn)? {
            self.known.insert(event, found);
        }
        Ok(found)
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
    /// The hash of the log up to an event.
    pub(super) fn of(&self, conn: &Connection, state: &State, event: i64) -> Result<Hash> {
        if state.stale_from.is_some() {
            // What another program changed is not taken in yet, and the epoch is still the old one.
            return RunningHash::default().up_to(conn, event, &mut Vec::new());
        }
        let mut remembered = lock(&self.0);
        remembered.forget_other(state.epoch);
        remembered.of(conn, event)
    }

    /// Reads the log on to each of these events, which ascend, as far as the time suffices; says
    /// whether it did. What is asked for then is found at once.
    pub(super) fn reach(
        &self,
        conn: &Connection,
        state: &State,
        events: &[i64],
        until: Option<Instant>,
    ) -> Result<bool> {
        let head = log::head(conn)?;
        for &event in events {
            loop {
                let mut remembered = lock(&self.0);
                remembered.forget_other(state.epoch);
                let Remembered { running, known, fresh, .. } = &mut *remembered;
                if event < running.after() || known.contains_key(&event) {
                    break;
                }
                if is_up(until) {
                    return Ok(false);
                }
                if let Some(found) = running.step(conn, event, fresh)? {
                    // Past the end more may come.
                    if event <= head {
                        known.insert(event, found);
                    }
                    break;
                }
            }
        }
        Ok(true)
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
        if self.of(conn, state, place.sequence)?.to_string() != place.log_hash {
            return Ok(false);
        }
        let is_ahead = place.sequence > state.position;
        Ok(is_ahead || self.count(conn, state, place.key, place.sequence)? == place.version)
    }

    /// The segments of a log of this epoch that were hashed on the way and are to be kept.
    pub(super) fn take_fresh(&self, epoch: u64) -> Vec<Segment> {
        let mut remembered = lock(&self.0);
        if remembered.epoch == epoch { std::mem::take(&mut remembered.fresh) } else { Vec::new() }
    }
}
