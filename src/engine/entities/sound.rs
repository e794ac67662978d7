//! What is known of rows from reading them before: Python's form of a long state costs far more to
//! make than a hash of the row as it stands, and a list reads no long state at all.
//!
//! That a long one was sound once is not told in lists, since another program may have changed it;
//! that it was not is, and reading it again tells whether it still is so.

use std::collections::{HashMap, HashSet};
use std::sync::Mutex;

use rusqlite::Connection;

use crate::engine::lock;
use crate::entity::EntitySnapshot;
use crate::entity::table::{self, Entry, Stored};
use crate::error::Result;
use crate::image::Hash;

/// So many rows are remembered.
const KNOWN: usize = 10_000;

/// A list checks states of so many bytes at most: one has up to a few dozen snapshots.
const SHORT: u64 = 64 << 10;

/// What reading rows has told.
#[derive(Debug, Default)]
pub(in crate::engine) struct Sound(Mutex<Known>);

#[derive(Debug, Default)]
struct Known {
    /// The rows that were found sound, each by a hash of all of it.
    sound: HashSet<Hash>,
    /// What was wrong with a row when it was read last.
    damaged: HashMap<i64, String>,
}

/// What a list says of a snapshot.
pub(super) struct Verdict {
    /// Why it cannot be relied on.
    pub(super) damaged: Option<String>,
    /// Whether its state was compared with its hash for this.
    pub(super) checked: bool,
}

impl Sound {
    /// The snapshot, both of its hashes checked: now, or before on a row that is the same to the byte.
    pub(super) fn checked(&self, stored: Stored) -> Result<EntitySnapshot> {
        let (n, row) = (stored.n, stored.row_hash());
        let is_known = lock(&self.0).sound.contains(&row);
        let found = if is_known { Ok(stored.known_to_be_sound()) } else { stored.checked() };
        let mut known = lock(&self.0);
        if known.sound.len().max(known.damaged.len()) >= KNOWN {
            *known = Known::default();
        }
        match &found {
            Ok(_) => {
                known.sound.insert(row);
                known.damaged.remove(&n);
            }
            Err(error) => {
                known.damaged.insert(n, error.message().to_owned());
            }
        }
        found
    }

    /// What a list says of a row: a short state is read and checked, of a long one stands what was
    /// wrong when it was read last.
    pub(super) fn verdict(&self, conn: &Connection, entry: Entry) -> Result<Verdict> {
        if table::state_bytes(conn, entry.n)? <= SHORT {
            let read = entry.read(conn)?.map(|stored| self.checked(stored));
            let damaged = read.and_then(Result::err).map(|error| error.message().to_owned());
            return Ok(Verdict { damaged, checked: true });
        }
        let known = || lock(&self.0).damaged.get(&entry.n).cloned();
        Ok(Verdict { damaged: entry.wrong().or_else(known), checked: false })
    }
}
