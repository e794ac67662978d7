//! Reading a snapshot whole: every chunk, every hash, every row.

use serde::Serialize;

use super::entry::Entry;
use super::restore::stored_table;
use crate::domain::ENTITY_EVENTS;
use crate::error::{Error, Result};
use crate::image::{ChunkStore, Rows};
use crate::progress::Progress;

/// What was read and found sound.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Verified {
    /// Tables that are shown, the log included.
    pub tables: u64,
    /// Their rows.
    pub rows: u64,
    /// Bytes before compression.
    pub bytes: u64,
}

/// Reads everything that a snapshot names.
///
/// # Errors
///
/// Damaged, naming the table, the rows and the piece.
pub fn verify(entry: &Entry, chunks: &ChunkStore, progress: &Progress) -> Result<Verified> {
    let manifest = entry.manifest()?;
    let _shared = chunks.share()?;
    let mut verified = Verified::default();
    for (name, image) in &manifest.tables {
        let mut work = progress.begin(&format!("checking {name}"), Some(image.rows));
        let table = stored_table(chunks, manifest, name)?;
        let is_shown = name != ENTITY_EVENTS;
        for segment in table.segments() {
            let rows = table.read(segment)?.len() as u64;
            if rows != segment.rows {
                return Err(Error::damaged(format!(
                    "{name}: a segment has {rows} rows, its index says {}",
                    segment.rows
                )));
            }
            work.advance(rows);
            verified.rows += if is_shown { rows } else { 0 };
            verified.bytes += segment.bytes;
        }
        verified.tables += u64::from(is_shown);
    }
    Ok(verified)
}
