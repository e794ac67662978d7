//! The list of a table's segments, cut and stored as its rows are.
//!
//! An index chunk is NDJSON, one [`Segment`] a line; on the lowest level its entries name
//! segments, higher up index chunks. An entry closes its chunk where its last key closes that
//! level ([`cut`]), so an insert rewrites one path and not the list. The [`Root`] stands in the
//! manifest.

use serde::{Deserialize, Serialize};

use super::chunk_writer::ChunkWriter;
use super::chunks::ChunkStore;
use super::segment::Segment;
use super::{Hash, cut};
use crate::error::{Error, Result};

/// The name of the one chunk at the top of an index.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Root {
    /// The chunk's name.
    pub hash: Hash,
    /// Its length before compression.
    pub bytes: u64,
    /// How many levels of index chunks stand below it.
    pub level: u32,
}

/// Stores the index of some segments; none for an empty table.
///
/// # Errors
///
/// Where a chunk cannot be stored.
pub fn write(segments: &[Segment], writer: &mut ChunkWriter) -> Result<Option<Root>> {
    if segments.is_empty() {
        return Ok(None);
    }
    let mut level = 0;
    let mut nodes = write_level(segments, level, writer)?;
    while nodes.len() > 1 {
        level += 1;
        nodes = write_level(&nodes, level, writer)?;
    }
    Ok(nodes.pop().map(|node| Root { hash: node.hash, bytes: node.bytes, level }))
}

fn write_level(entries: &[Segment], level: u32, writer: &mut ChunkWriter) -> Result<Vec<Segment>> {
    let mut nodes = Vec::new();
    let mut from = 0;
    for (at, entry) in entries.iter().enumerate() {
        let closes = cut::level(&entry.last) >= level + 2;
        if closes || at + 1 == entries.len() {
            nodes.push(write_node(&entries[from..=at], writer)?);
            from = at + 1;
        }
    }
    Ok(nodes)
}

fn write_node(entries: &[Segment], writer: &mut ChunkWriter) -> Result<Segment> {
    let mut bytes = Vec::new();
    for entry in entries {
        serde_json::to_writer(&mut bytes, entry)
            .map_err(|source| Error::internal("an index entry cannot be written").because(source))?;
        bytes.push(b'\n');
    }
    let hash = Hash::of(&bytes);
    writer.put_surely(hash, &bytes)?;
    Ok(Segment {
        first: entries.first().map(|entry| entry.first.clone()).unwrap_or_default(),
        last: entries.last().map(|entry| entry.last.clone()).unwrap_or_default(),
        rows: entries.iter().map(|entry| entry.rows).sum(),
        bytes: bytes.len() as u64,
        hash,
        pieces: Vec::new(),
    })
}

/// What an index names: its segments, and the chunks it is made of itself.
#[derive(Debug, Clone, Default)]
pub struct Index {
    /// The table's segments, in key order.
    pub segments: Vec<Segment>,
    /// The index chunks, the root first.
    pub chunks: Vec<Hash>,
}

/// Reads an index whole.
///
/// # Errors
///
/// Damaged where a chunk is missing, is not what was written, or holds no entries.
pub fn read(store: &ChunkStore, root: Option<&Root>) -> Result<Index> {
    let mut index = Index::default();
    if let Some(root) = root {
        if root.level > 8 {
            return Err(Error::damaged("an index has more levels than any table can need"));
        }
        read_node(store, root.hash, root.bytes, root.level, &mut index)?;
    }
    Ok(index)
}

fn read_node(store: &ChunkStore, hash: Hash, bytes: u64, level: u32, index: &mut Index) -> Result<()> {
    index.chunks.push(hash);
    let chunk = store.read(hash, bytes)?;
    for line in chunk.split_inclusive(|&byte| byte == b'\n') {
        let entry: Segment = serde_json::from_slice(line)
            .map_err(|source| Error::damaged(format!("index piece {hash} cannot be read")).because(source))?;
        if level > 0 {
            read_node(store, entry.hash, entry.bytes, level - 1, index)?;
        } else if entry.is_well_formed() {
            index.segments.push(entry);
        } else {
            return Err(Error::damaged(format!("index piece {hash} has an entry whose length and pieces disagree")));
        }
    }
    Ok(())
}
