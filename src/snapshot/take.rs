//! Taking a snapshot: live rows to chunks, then the manifest that names them.
//!
//! Runs on any connection in a transaction: on a reader, appends go on meanwhile; on the writer,
//! inside the transaction of a destructive operation, the snapshot is of exactly what that
//! operation will change.

use std::sync::Arc;

use rusqlite::Connection;
use time::OffsetDateTime;

use super::entry::{Content, Entry};
use super::library::Library;
use super::log_image::{self, LOG, Part};
use super::manifest::{About, FORMAT, Manifest, StoredImage};
use super::model::{Kind, SnapshotId};
use crate::domain::Domain;
use crate::error::{Error, Result};
use crate::history::Means;
use crate::image::{ChunkStore, ChunkWriter, Doubt, Hash, Seen, Segment, Table};
use crate::log;
use crate::progress::Progress;
use crate::store::State;

/// Where snapshots are kept and what they are of.
#[derive(Clone, Copy)]
pub struct Shelf<'a> {
    /// The folder of manifests.
    pub library: &'a Library,
    /// The folder of chunks.
    pub chunks: &'a ChunkStore,
    /// The domain whose tables are taken.
    pub domain: &'a Domain,
    /// Who is told how far it is.
    pub progress: &'a Progress,
    /// What is known of the live tables on the connection at hand.
    pub seen: Seen<'a>,
}

/// What is particular to one capture.
#[derive(Debug, Clone)]
pub struct Capture {
    /// What it is for.
    pub kind: Kind,
    /// By what means it is taken.
    pub means: Means,
    /// Why, where an operation takes it to be safe.
    pub reason: Option<String>,
    /// The user's name for it.
    pub label: Option<String>,
    /// The moment.
    pub at: OffsetDateTime,
    /// Its place in the order of all snapshots.
    pub sequence: u64,
}

/// A snapshot that was just taken.
pub struct Taken {
    /// Its id.
    pub id: SnapshotId,
    /// Its manifest, as an entry of the library.
    pub entry: Entry,
    /// The log's highest id in it.
    pub last_event_id: i64,
    /// Closed segments of the log whose hashes are not remembered yet.
    pub fresh: Vec<Segment>,
    /// The store's state in it.
    pub state: State,
    /// Bytes of new chunks on disk.
    pub written: u64,
    /// All chunks that it needs, in no order.
    pub chunks: Vec<Hash>,
}

/// Takes a snapshot of the transaction that `conn` is in. Pieces under `doubt` that are there
/// already are read before they are relied on.
///
/// # Errors
///
/// Where the tables cannot be read or the folder cannot be written; nothing is visible then.
pub fn take(conn: &Connection, shelf: Shelf<'_>, capture: Capture, doubt: Doubt) -> Result<Taken> {
    let _shared = shelf.chunks.share()?;
    let state = State::read(conn)?;
    state.check_logic(shelf.domain.logic)?;
    let mut writer = shelf.chunks.writer(doubt);
    let log = scan_log(conn, shelf, &mut writer)?;
    let mut tables = vec![(LOG.to_owned(), log.0)];
    for table in shelf.domain.projected() {
        let known = shelf.seen.of(conn, table)?;
        let rows = known.rows().map_or_else(|| row_count(conn, table), Ok)?;
        let mut work = shelf.progress.begin(&table.name, Some(rows));
        let segments = known.segments(conn, table, Some(&mut writer), &mut |rows| work.advance(rows))?;
        tables.push((table.name.clone(), StoredImage::store(table.columns.clone(), &segments, &mut writer)?));
    }
    let last_event_id = log::head(conn)?;
    let (chunks, stored) = (writer.named(), writer.finish()?);
    let entry = publish(shelf, &state, capture, last_event_id, tables)?;
    let (id, written) = (entry.id.clone(), stored.bytes);
    Ok(Taken { id, entry, last_event_id, fresh: log.1, state, written, chunks })
}

fn scan_log(conn: &Connection, shelf: Shelf<'_>, writer: &mut ChunkWriter) -> Result<(StoredImage, Vec<Segment>)> {
    let table = Table::read(conn, LOG)?;
    let mut work = shelf.progress.begin_of("the log", "event", Some(log_image::row_count(conn)?));
    let log = log_image::scan(conn, &table, &Part::whole(), Some(writer), &mut |rows| work.advance(rows))?;
    Ok((StoredImage::store(table.columns, &log.segments, writer)?, log.fresh))
}

fn publish(
    shelf: Shelf<'_>,
    state: &State,
    capture: Capture,
    last_event_id: i64,
    tables: Vec<(String, StoredImage)>,
) -> Result<Entry> {
    let (kind, at) = (capture.kind, capture.at);
    let mut about = About {
        format: FORMAT,
        id: SnapshotId::at(capture.at, 1),
        store: state.store.clone(),
        kind: capture.kind,
        means: capture.means.as_str().to_owned(),
        reason: capture.reason,
        captured_at: capture.at,
        sequence: capture.sequence,
        position: state.position,
        held: state.hold.is_some(),
        epoch: state.epoch,
        label: capture.label,
        shape: shelf.domain.shape,
        logic: shelf.domain.logic,
    };
    let mut written = None;
    let id = shelf.library.publish(kind, at, &mut |id| {
        about.id = id.clone();
        let (bytes, own) = Manifest::write(last_event_id, &tables, &about)?;
        written = Some((own, bytes.len() as u64));
        Ok(bytes)
    })?;
    let (hash, size) = written.ok_or_else(|| Error::internal("a manifest was published unwritten"))?;
    let manifest = Manifest { last_event_id, tables, about, hash };
    Ok(Entry { kind, id, size, modified: at, content: Content::Chunks(Arc::new(manifest)), note: None })
}

/// How many rows a table has.
///
/// # Errors
///
/// Where the database fails.
pub fn row_count(conn: &Connection, table: &Table) -> Result<u64> {
    let count: i64 =
        conn.prepare_cached(&format!("SELECT count(*) FROM {}", table.quoted()))?.query_row([], |row| row.get(0))?;
    Ok(count.unsigned_abs())
}
