//! Which snapshots were found sound before: Python's form of a long state costs far more to make
//! than a hash of the row as it stands.

use std::collections::HashSet;
use std::sync::Mutex;

use crate::engine::lock;
use crate::entity::EntitySnapshot;
use crate::entity::table::Stored;
use crate::error::Result;
use crate::image::Hash;

/// So many are remembered.
const KNOWN: usize = 10_000;

/// The rows that were found sound, each by a hash of all of it.
#[derive(Debug, Default)]
pub(in crate::engine) struct Sound(Mutex<HashSet<Hash>>);

impl Sound {
    /// The snapshot, both of its hashes checked: now, or before on a row that is the same to the byte.
    pub(super) fn checked(&self, stored: Stored) -> Result<EntitySnapshot> {
        let row = stored.row_hash();
        if lock(&self.0).contains(&row) {
            return Ok(stored.known_to_be_sound());
        }
        let snapshot = stored.checked()?;
        let mut known = lock(&self.0);
        if known.len() >= KNOWN {
            known.clear();
        }
        known.insert(row);
        Ok(snapshot)
    }
}
