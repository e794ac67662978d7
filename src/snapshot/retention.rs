//! Which snapshots go: why each is kept, the prune, and the collection of chunks.
//!
//! Policy removes only what this store took itself. A chunk goes only when no manifest names it,
//! and none goes while any manifest cannot be read or anyone reads or writes chunks.

use std::collections::HashSet;

use time::OffsetDateTime;

use super::entry::Entry;
use super::library::Library;
use super::model::{Keep, Kind, SnapshotId};
use super::policy::Policy;
use crate::error::Result;
use crate::image::{ChunkStore, Hash};

/// How many safety snapshots are kept whatever their age.
pub const SAFETY_KEPT: usize = 5;

/// An entry with what is known of it beyond its file.
pub struct Judged<'a> {
    /// The entry.
    pub entry: &'a Entry,
    /// This store took it.
    pub own: bool,
    /// All of it can be read, as far as is known.
    pub sound: bool,
    /// Its log is the beginning of today's.
    pub on_this_history: bool,
}

/// Why each of some snapshots is kept, in their order.
///
/// What is newest is told by the sequence number and not by the moment: a clock that goes back
/// must not make the snapshot that was just taken the oldest.
pub fn keep(judged: &[Judged<'_>], policy: &Policy, now: OffsetDateTime) -> Vec<Keep> {
    let newest_here = judged
        .iter()
        .enumerate()
        .filter(|(_, one)| one.sound && one.on_this_history)
        .max_by_key(|(_, one)| (one.own, one.entry.sequence(), one.entry.captured_at()))
        .map(|(at, _)| at);
    judged
        .iter()
        .enumerate()
        .map(|(at, one)| match rank(judged, one) {
            _ if one.entry.is_pinned() => Keep::Pinned,
            None => Keep::UntilDeleted,
            Some(rank) => keep_own(one.entry, rank, newest_here == Some(at), policy, now),
        })
        .collect()
}

/// The place of a snapshot, from 1, among the sound ones of its kind that this store took.
fn rank(judged: &[Judged<'_>], one: &Judged<'_>) -> Option<usize> {
    let counted = |other: &&Judged<'_>| other.own && other.sound && other.entry.kind == one.entry.kind;
    let newer = |other: &&Judged<'_>| other.entry.sequence() > one.entry.sequence();
    counted(&one).then(|| judged.iter().filter(counted).filter(newer).count() + 1)
}

fn keep_own(entry: &Entry, rank: usize, newest_here: bool, policy: &Policy, now: OffsetDateTime) -> Keep {
    match entry.kind {
        Kind::Periodic if rank <= policy.keep_periodic || newest_here => Keep::Newest(rank),
        Kind::Periodic => Keep::Due,
        Kind::Rewind => {
            let kept = time::Duration::try_from(policy.keep_rewind).unwrap_or(time::Duration::MAX);
            let until = entry.captured_at().saturating_add(kept);
            if now < until {
                Keep::Until(until)
            } else if rank <= SAFETY_KEPT || newest_here {
                Keep::Newest(rank)
            } else {
                Keep::Due
            }
        }
    }
}

/// What a collection did.
#[derive(Debug, Clone, Default, PartialEq, Eq, serde::Serialize)]
pub struct Collected {
    /// Chunks removed.
    pub chunks: u64,
    /// Their bytes on disk.
    pub bytes: u64,
    /// Not done: a manifest cannot be read, or chunks are in use.
    pub skipped: bool,
    /// The snapshot of which it cannot be read what it needs.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unreadable: Option<SnapshotId>,
}

/// Removes chunks that no manifest names. Skipped while anyone reads or writes chunks, and while
/// a manifest or an index cannot be read.
///
/// # Errors
///
/// Where a folder cannot be read or a file not removed.
pub fn collect(library: &Library, chunks: &ChunkStore) -> Result<Collected> {
    let skipped = Collected { skipped: true, ..Collected::default() };
    let Some(own) = chunks.try_own()? else { return Ok(skipped) };
    // Only now: a manifest published before the lock was had must be seen.
    let mut named = HashSet::new();
    for entry in library.entries()? {
        match chunks_of(&entry, chunks) {
            Ok(hashes) => named.extend(hashes),
            // Whatever the reason: it may need any chunk.
            Err(_) => return Ok(Collected { unreadable: Some(entry.id), ..skipped }),
        }
    }
    let (chunks, bytes) = chunks.remove_all_but(&named, &own)?;
    Ok(Collected { chunks, bytes, ..Collected::default() })
}

/// Every chunk that a snapshot needs, those of its indexes included.
///
/// # Errors
///
/// Damaged where the manifest or a chunk of an index is.
pub fn chunks_of(entry: &Entry, store: &ChunkStore) -> Result<Vec<Hash>> {
    let mut hashes = Vec::new();
    if entry.is_dump() {
        return Ok(hashes);
    }
    for (name, image) in &entry.manifest()?.tables {
        let index = image.index(store).map_err(|error| error.at(name))?;
        hashes.extend(index.chunks);
        for segment in &index.segments {
            hashes.extend(segment.chunks().map(|(chunk, _)| chunk));
        }
    }
    Ok(hashes)
}
