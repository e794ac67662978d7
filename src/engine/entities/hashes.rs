//! Hashes of the log up to events: what tells whether a snapshot of an entity is on this history.

use std::collections::HashMap;
use std::sync::Mutex;

use rusqlite::Connection;

use crate::engine::lock;
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
    fresh: Vec<Segment>,
}

impl LogHashes {
    /// The hashes of the log up to each of these events, which ascend.
    pub(super) fn of(&self, conn: &Connection, state: &State, events: &[i64]) -> Result<Vec<Hash>> {
        if state.stale_from.is_some() {
            // What another program changed is not taken in yet, and the epoch is still the old one.
            return Ok(log_image::hashes_up_to(conn, events)?.0);
        }
        let mut remembered = lock(&self.0);
        if remembered.epoch != state.epoch {
            *remembered = Remembered { epoch: state.epoch, ..Remembered::default() };
        }
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

    /// The segments that were hashed on the way and are to be kept.
    pub(super) fn take_fresh(&self) -> Vec<Segment> {
        std::mem::take(&mut lock(&self.0).fresh)
    }
}
