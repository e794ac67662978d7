//! From rows to segments: a builder that is given rows in key order, and the scan that feeds it.

use rusqlite::{Connection, ToSql};

use super::chunk_writer::ChunkWriter;
use super::segment::{PIECE, Segment};
use super::value::Value;
use super::{Hash, Table, codec, cut};
use crate::error::Result;

/// Cuts rows into segments; with a writer, stores them too.
pub struct Builder<'w> {
    writer: Option<&'w mut ChunkWriter>,
    open: Open,
    done: Vec<Segment>,
}

/// The segment that has not met its cut yet.
#[derive(Default)]
struct Open {
    first: Vec<Value>,
    last: Vec<Value>,
    rows: u64,
    /// Bytes of pieces that have left `buffer`.
    flushed: u64,
    buffer: Vec<u8>,
    hasher: blake3::Hasher,
    pieces: Vec<Hash>,
}

impl<'w> Builder<'w> {
    /// A builder that only hashes, or that stores what it builds.
    pub fn new(writer: Option<&'w mut ChunkWriter>) -> Self {
        Self { writer, open: Open::default(), done: Vec::new() }
    }

    /// Takes the next row: its key, and what writes its line. Says whether it closed a segment.
    ///
    /// # Errors
    ///
    /// Where the row cannot be written or a chunk cannot be stored.
    pub fn push(&mut self, key: Vec<Value>, write: impl FnOnce(&mut Vec<u8>) -> Result<()>) -> Result<bool> {
        write(&mut self.open.buffer)?;
        let closes = cut::level(&key) > 0;
        if self.open.rows == 0 {
            self.open.first.clone_from(&key);
        }
        self.open.last = key;
        self.open.rows += 1;
        self.flush_pieces()?;
        if closes {
            self.close()?;
        }
        Ok(closes)
    }

    /// Takes a segment that is known already, between two cuts.
    pub fn push_known(&mut self, segment: Segment) {
        self.done.push(segment);
    }

    /// Whether nothing has to be written for a segment that is known.
    ///
    /// # Errors
    ///
    /// Where the file of a doubted chunk cannot be read.
    pub fn has(&self, segment: &Segment) -> Result<bool> {
        self.writer.as_ref().map_or(Ok(true), |writer| writer.has_segment(segment))
    }

    /// Whether the last row closed its segment (or there was none).
    pub fn is_closed(&self) -> bool {
        self.open.rows == 0
    }

    /// All segments, the last one open-ended.
    ///
    /// # Errors
    ///
    /// Where its chunk cannot be stored.
    pub fn finish(mut self) -> Result<Vec<Segment>> {
        if self.open.rows > 0 {
            self.close()?;
        }
        Ok(self.done)
    }

    /// Stores all whole pieces of the buffer but the one that may be the last.
    fn flush_pieces(&mut self) -> Result<()> {
        let mut from = 0;
        while self.open.buffer.len() - from > PIECE {
            self.put_piece(from, from + PIECE)?;
            from += PIECE;
        }
        // Once for all of them: a row of 100 MB has a hundred pieces.
        self.open.buffer.drain(..from);
        Ok(())
    }

    fn put_piece(&mut self, from: usize, to: usize) -> Result<()> {
        let piece = &self.open.buffer[from..to];
        self.open.hasher.update(piece);
        let hash = Hash::of(piece);
        if let Some(writer) = &mut self.writer {
            writer.put(hash, piece)?;
        }
        self.open.pieces.push(hash);
        self.open.flushed += piece.len() as u64;
        Ok(())
    }

    fn close(&mut self) -> Result<()> {
        let hash = if self.open.pieces.is_empty() {
            let hash = Hash::of(&self.open.buffer);
            if let Some(writer) = &mut self.writer {
                writer.put(hash, &self.open.buffer)?;
            }
            self.open.flushed = self.open.buffer.len() as u64;
            hash
        } else {
            self.put_piece(0, self.open.buffer.len())?;
            cut::finish(&self.open.hasher)
        };
        // The buffer is kept: a table has thousands of segments of like size.
        self.open.buffer.clear();
        let buffer = std::mem::take(&mut self.open.buffer);
        let closed = std::mem::replace(&mut self.open, Open { buffer, ..Open::default() });
        self.done.push(Segment {
            first: closed.first,
            last: closed.last,
            rows: closed.rows,
            bytes: closed.flushed,
            hash,
            pieces: closed.pieces,
        });
        Ok(())
    }
}

/// Scans a whole table into its segments; with a writer, stores those that are not stored yet.
///
/// # Errors
///
/// Where the table cannot be read or a chunk cannot be stored.
pub fn scan(
    conn: &Connection,
    table: &Table,
    writer: Option<&mut ChunkWriter>,
    progress: &mut dyn FnMut(u64),
) -> Result<Vec<Segment>> {
    let mut builder = Builder::new(writer);
    let sql = format!("SELECT {} FROM {} ORDER BY {}", table.column_list(), table.quoted(), table.key_list());
    push_rows(conn, table, &sql, &[], &mut builder, &mut |_| progress(1))?;
    builder.finish()
}

/// Runs a query that gives rows of `table` in key order and pushes them; after each row `each` is
/// told whether it closed a segment.
///
/// # Errors
///
/// As [`scan`].
pub(crate) fn push_rows(
    conn: &Connection,
    table: &Table,
    sql: &str,
    parameters: &[&dyn ToSql],
    builder: &mut Builder<'_>,
    each: &mut dyn FnMut(bool),
) -> Result<()> {
    let columns = table.columns.len();
    let mut statement = conn.prepare_cached(sql)?;
    let mut rows = statement.query(parameters)?;
    while let Some(row) = rows.next()? {
        let key = table.key.iter().map(|&at| row.get_ref(at).map(Value::from)).collect::<rusqlite::Result<Vec<_>>>()?;
        let closed = builder.push(key, |line| codec::write_row(row, columns, line))?;
        each(closed);
    }
    Ok(())
}
