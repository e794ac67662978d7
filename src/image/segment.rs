//! The segment between two cuts: the unit of comparison.

use serde::{Deserialize, Serialize};

use super::hash::Hash;
use super::value::Value;

/// A segment longer than this is stored in pieces of this length, the last one shorter.
pub const PIECE: usize = 1 << 20;

/// One entry of an index: a run of rows (or, higher up, a chunk of entries) and its hash.
///
/// Written as the array `[first key, last key, rows, bytes, hash, pieces]`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(from = "Line", into = "Line")]
pub struct Segment {
    /// The key of its first row.
    pub first: Vec<Value>,
    /// The key of its last row.
    pub last: Vec<Value>,
    /// How many rows it holds.
    pub rows: u64,
    /// Bytes before compression.
    pub bytes: u64,
    /// BLAKE3 of those bytes.
    pub hash: Hash,
    /// The names of its pieces, where `bytes` is over [`PIECE`]; else it is one chunk named `hash`.
    pub pieces: Vec<Hash>,
}

type Line = (Vec<Value>, Vec<Value>, u64, u64, Hash, Vec<Hash>);

impl From<Line> for Segment {
    fn from((first, last, rows, bytes, hash, pieces): Line) -> Self {
        Self { first, last, rows, bytes, hash, pieces }
    }
}

impl From<Segment> for Line {
    fn from(segment: Segment) -> Self {
        (segment.first, segment.last, segment.rows, segment.bytes, segment.hash, segment.pieces)
    }
}

impl Segment {
    /// The chunks that hold it, each with its length before compression.
    pub fn chunks(&self) -> impl Iterator<Item = (Hash, u64)> + '_ {
        let whole = self.pieces.is_empty().then_some((self.hash, self.bytes));
        let piece = PIECE as u64;
        let parts = self.pieces.iter().enumerate().map(move |(at, &hash)| {
            let before = at as u64 * piece;
            (hash, self.bytes.saturating_sub(before).min(piece))
        });
        whole.into_iter().chain(parts)
    }

    /// Whether its recorded length and its pieces agree: what caps the memory that reading takes.
    pub fn is_well_formed(&self) -> bool {
        let pieces = self.pieces.len() as u64;
        match pieces {
            0 => self.bytes <= PIECE as u64,
            _ => self.bytes > PIECE as u64 && self.bytes.div_ceil(PIECE as u64) == pieces,
        }
    }
}
