//! What can be said of a damaged snapshot beyond the sentence that names the damage: how much of it
//! there is, which rows the piece holds, and which other snapshots need the same piece.

use std::collections::HashSet;
use std::error::Error as _;

use super::Engine;
use crate::error::{Error, Result};
use crate::image::{ChunkError, Hash, Segment, Value};
use crate::snapshot::{Entry, Kind, Manifest, Snapshot, SnapshotId, retention};

/// What is known of a damaged snapshot.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Damage {
    /// The pieces that it needs; none where what names them cannot be read.
    pub pieces: Option<u64>,
    /// How many of them are not there, those included that were set aside.
    pub lost: u64,
    /// Where in it the piece is that its sentence names.
    pub place: Option<Place>,
    /// The other snapshots that need that piece, newest first.
    pub shared: Vec<(Kind, SnapshotId)>,
}

/// Where in a snapshot a piece is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Place {
    /// It holds rows of a table.
    Rows {
        /// The table.
        table: String,
        /// The key of the first row, in words.
        first: String,
        /// The key of the last row.
        last: String,
    },
    /// It is of the list of a table's pieces.
    List {
        /// The table.
        table: String,
    },
}

impl Engine {
    /// Looks where a damaged snapshot is damaged. Of one that is not, or whose own file cannot be
    /// read, nothing is known. Nothing but lists of pieces is read.
    ///
    /// # Errors
    ///
    /// Where the folder cannot be read.
    pub fn damage(&self, snapshot: &Snapshot) -> Result<Damage> {
        let _shared = self.core.chunks.share()?;
        let entry = self.core.library.find(snapshot.kind, &snapshot.snapshot_id)?;
        let (Some(sentence), Some(manifest)) = (&snapshot.damaged, entry.chunks()) else {
            return Ok(Damage::default());
        };
        let named = pieces_named(sentence);
        let mut damage = self.look_through(manifest, &named);
        for other in self.core.library.entries()? {
            if (other.kind, &other.id) != (entry.kind, &entry.id) && self.needs_one_of(&other, &named) {
                damage.shared.push((other.kind, other.id));
            }
        }
        Ok(damage)
    }

    fn look_through(&self, manifest: &Manifest, named: &[Hash]) -> Damage {
        let (mut pieces, mut place, mut list) = (HashSet::new(), None, None);
        for (table, image) in &manifest.tables {
            let Ok(index) = image.index(&self.core.chunks) else {
                list.get_or_insert_with(|| Place::List { table: table.clone() });
                continue;
            };
            if let Some(segment) = index.segments.iter().find(|segment| holds(segment, named)) {
                let (first, last) = (key(&segment.first), key(&segment.last));
                place.get_or_insert_with(|| Place::Rows { table: table.clone(), first, last });
            }
            pieces.extend(index.chunks);
            pieces.extend(index.segments.iter().flat_map(Segment::chunks).map(|(chunk, _)| chunk));
        }
        let lost = pieces.iter().filter(|piece| !self.core.chunks.has(**piece)).count() as u64;
        let all = list.is_none().then_some(pieces.len() as u64);
        Damage { pieces: all, lost, place: place.or(list), shared: Vec::new() }
    }

    fn needs_one_of(&self, entry: &Entry, named: &[Hash]) -> bool {
        match retention::chunks_of(entry, &self.core.chunks) {
            Ok(chunks) => chunks.iter().any(|chunk| named.contains(chunk)),
            // A list that cannot be read is the same list where the same piece of it is gone.
            Err(error) => lost_piece(&error).is_some_and(|piece| named.contains(&piece)),
        }
    }
}

/// The pieces that a sentence about damage names. A key in it may look like one: it is none of the
/// snapshot's, so nothing is found for it.
fn pieces_named(sentence: &str) -> Vec<Hash> {
    const DIGITS: usize = 64;
    let rests = sentence.match_indices("piece ").map(|(at, word)| &sentence[at + word.len()..]);
    rests.filter_map(|rest| rest.get(..DIGITS)?.parse().ok()).collect()
}

fn lost_piece(error: &Error) -> Option<Hash> {
    error.source()?.downcast_ref::<ChunkError>().map(ChunkError::chunk)
}

fn holds(segment: &Segment, named: &[Hash]) -> bool {
    // Pieces that are each what was written may still not be the segment: then that is named.
    named.contains(&segment.hash) || segment.chunks().any(|(chunk, _)| named.contains(&chunk))
}

fn key(values: &[Value]) -> String {
    values.iter().map(Value::to_string).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sentence_names_its_piece() {
        let piece = Hash::of(b"rows");
        let sentence = format!("memories, rows piece of cake to é: piece {piece} is not what was written");
        assert_eq!(pieces_named(&sentence), [piece]);
        assert!(pieces_named("it was cut short after a piece ").is_empty());
    }
}
