//! Where the rows of an image are read from: chunks, or a live table.

use rusqlite::{Connection, ToSql};

use super::chunks::{ChunkError, ChunkStore};
use super::segment::Segment;
use super::value::Value;
use super::{Hash, Table, codec};
use crate::error::{Error, Result};

/// An image whose rows can be read segment by segment.
pub trait Rows {
    /// Its segments, in key order.
    fn segments(&self) -> &[Segment];

    /// The rows of one of its segments, in key order.
    ///
    /// # Errors
    ///
    /// Where they cannot be read, or are not what was written.
    fn read(&self, segment: &Segment) -> Result<Vec<Vec<Value>>>;
}

/// A table in a snapshot.
pub struct StoredTable<'a> {
    /// Where its chunks are.
    pub store: &'a ChunkStore,
    /// The table's name, for errors.
    pub name: &'a str,
    /// How many columns a row has.
    pub columns: usize,
    /// Its segments.
    pub segments: Vec<Segment>,
}

impl StoredTable<'_> {
    /// The bytes of a segment, hashed piece by piece and as a whole.
    ///
    /// # Errors
    ///
    /// Damaged, naming the table, the rows and the piece.
    pub fn read_bytes(&self, segment: &Segment) -> Result<Vec<u8>> {
        let mut bytes = Vec::new();
        for (chunk, length) in segment.chunks() {
            let piece = self.store.read(chunk, length).map_err(|error| error.at(self.place(segment)))?;
            if bytes.is_empty() {
                bytes = piece;
            } else {
                bytes.extend_from_slice(&piece);
            }
        }
        if segment.pieces.is_empty() {
            return Ok(bytes);
        }
        match Hash::of(&bytes) {
            found if found == segment.hash => Ok(bytes),
            found => Err(Error::from(ChunkError::Mismatch { chunk: segment.hash, found }).at(self.place(segment))),
        }
    }

    fn place(&self, segment: &Segment) -> String {
        let key = |values: &[Value]| values.iter().map(Value::to_string).collect::<Vec<_>>().join(", ");
        format!("{}, rows {} to {}", self.name, key(&segment.first), key(&segment.last))
    }
}

impl Rows for StoredTable<'_> {
    fn segments(&self) -> &[Segment] {
        &self.segments
    }

    fn read(&self, segment: &Segment) -> Result<Vec<Vec<Value>>> {
        codec::read_rows(&self.read_bytes(segment)?, self.columns)
    }
}

/// A table of an open database. Its segments are of the moment of its scan, and the caller's
/// transaction keeps the rows the same.
pub struct LiveTable<'a> {
    /// The connection, in a transaction.
    pub conn: &'a Connection,
    /// The table.
    pub table: &'a Table,
    /// Its segments.
    pub segments: Vec<Segment>,
}

impl Rows for LiveTable<'_> {
    fn segments(&self) -> &[Segment] {
        &self.segments
    }

    fn read(&self, segment: &Segment) -> Result<Vec<Vec<Value>>> {
        let columns = self.table.columns.len();
        let parameters: Vec<&dyn ToSql> =
            segment.first.iter().chain(&segment.last).map(|value| value as &dyn ToSql).collect();
        let mut statement = self.conn.prepare_cached(&range_query(self.table))?;
        let rows = statement.query_map(parameters.as_slice(), |row| codec::row_values(row, columns))?;
        Ok(rows.collect::<rusqlite::Result<_>>()?)
    }
}

/// The rows of a table between two keys, both included, in key order.
pub(crate) fn range_query(table: &Table) -> String {
    let key = table.key_list();
    let marks = vec!["?"; table.key.len()].join(", ");
    format!(
        "SELECT {} FROM {} WHERE ({key}) >= ({marks}) AND ({key}) <= ({marks}) ORDER BY {key}",
        table.column_list(),
        table.quoted(),
    )
}
