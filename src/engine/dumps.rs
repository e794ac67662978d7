//! Snapshots in the original service's form: read aside before they are compared or restored,
//! imported, exported.
//!
//! A dump is read whole into a scratch store, which checks it, and a snapshot of that store is
//! taken beside it. So everything that is done with a snapshot is done with a dump too.

use std::fs::File;
use std::io::{BufReader, BufWriter, Read, Write};
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::Instant;

use serde_json::json;
use tempfile::NamedTempFile;
use time::OffsetDateTime;

use super::{Core, Engine, lock, millis};
use crate::adopt::find_entity_events;
use crate::domain::{Domain, ENTITY_EVENTS, Fingerprint};
use crate::error::{Error, ErrorKind, Result};
use crate::files;
use crate::history::{self, Means, What};
use crate::image::{ChunkStore, Doubt, Seen};
use crate::progress::{Progress, Task};
use crate::scratch::Scratch;
use crate::snapshot::dump::{read, write};
use crate::snapshot::entry::Content;
use crate::snapshot::restore::stored_table;
use crate::snapshot::take::{Capture, Shelf, take};
use crate::snapshot::{Entry, Kind, Library, Snapshot, SnapshotId};

/// A snapshot that can be compared with: its manifest, and where its chunks are.
pub(super) struct Opened {
    /// As the library has it, but with a manifest in any case.
    pub(super) entry: Entry,
    aside: Option<Aside>,
}

/// A dump as chunks of its own, in a folder that goes with it.
struct Aside {
    chunks: ChunkStore,
    /// Only kept: nobody reads it.
    _scratch: Mutex<Box<dyn Send>>,
}

/// The dump that was opened last, so that paging through it does not read it each time.
pub(super) struct Remembered {
    kind: Kind,
    id: SnapshotId,
    file: Option<String>,
    logic: Fingerprint,
    opened: Arc<Opened>,
}

impl Opened {
    /// A snapshot whose chunks go with what holds their folder.
    pub(super) fn aside(entry: Entry, chunks: ChunkStore, scratch: impl Send + 'static) -> Self {
        Self { entry, aside: Some(Aside { chunks, _scratch: Mutex::new(Box::new(scratch)) }) }
    }

    /// The shelf that its chunks are on.
    pub(super) fn shelf<'a>(&'a self, shelf: Shelf<'a>) -> Shelf<'a> {
        match &self.aside {
            Some(aside) => Shelf { chunks: &aside.chunks, ..shelf },
            None => shelf,
        }
    }
}

impl Core {
    /// Opens a snapshot; a dump is read whole for that, and remembered. Called before a reader is
    /// taken: whoever waits here for another's reading must keep none from the rest.
    ///
    /// # Errors
    ///
    /// Damaged where a manifest or a dump is not sound.
    pub(super) fn open_snapshot(&self, entry: &Entry, domain: &Domain) -> Result<Arc<Opened>> {
        self.open(entry, domain, false)
    }

    /// Opens a snapshot as [`Core::open_snapshot`] does, and reads a dump anew: to check it is to
    /// read the file that is there.
    ///
    /// # Errors
    ///
    /// As there.
    pub(super) fn open_anew(&self, entry: &Entry, domain: &Domain) -> Result<Arc<Opened>> {
        self.open(entry, domain, true)
    }

    /// Lets go of the dump and the backup that are remembered, and of the room that they take.
    pub(super) fn forget_opened(&self) {
        lock(&self.dump).take();
        lock(&self.backup).take();
    }

    fn open(&self, entry: &Entry, domain: &Domain, anew: bool) -> Result<Arc<Opened>> {
        if !entry.is_dump() {
            entry.manifest()?;
            return Ok(Arc::new(Opened { entry: entry.clone(), aside: None }));
        }
        let mut last = lock(&self.dump);
        if let Some(known) = last.as_ref().filter(|known| !anew && known.is_of(entry, domain)) {
            return Ok(Arc::clone(&known.opened));
        }
        last.take();
        let opened = Arc::new(self.read_aside(entry, domain)?);
        *last = Some(Remembered {
            kind: entry.kind,
            id: entry.id.clone(),
            file: entry.fingerprint(),
            logic: domain.logic,
            opened: Arc::clone(&opened),
        });
        Ok(opened)
    }

    fn read_aside(&self, entry: &Entry, domain: &Domain) -> Result<Opened> {
        let file = File::open(self.library.path(entry.kind, &entry.id))?;
        let scratch = load(file, &self.data_dir, domain, &self.progress).map_err(|error| match error.kind() {
            ErrorKind::Malformed | ErrorKind::Unprocessable | ErrorKind::TooLarge => {
                Error::damaged(error.message().trim_end_matches('.').to_owned()).because(error)
            }
            _ => error,
        })?;
        let folder = scratch.folder().ok_or_else(|| Error::internal("a dump was read into no folder"))?;
        let library = Library::open(folder.join("snapshots"))?;
        let chunks = ChunkStore::open_aside(folder.join("snapshots/chunks"))?;
        let shelf = Shelf { library: &library, chunks: &chunks, domain, progress: &self.progress, seen: Seen::Nothing };
        let capture = foreign(entry.kind, entry.captured_at());
        let taken = scratch.together(|| take(scratch.conn(), shelf, capture, Doubt::Nothing))?;
        let content = Content::Chunks(Arc::clone(taken.entry.manifest()?));
        Ok(Opened::aside(Entry { content, ..entry.clone() }, chunks, scratch))
    }
}

impl Remembered {
    fn is_of(&self, entry: &Entry, domain: &Domain) -> bool {
        (self.kind, &self.id, &self.file, self.logic) == (entry.kind, &entry.id, &entry.fingerprint(), domain.logic)
    }
}

impl Engine {
    /// Imports a dump of the original service's form, all or nothing. It is marked as not this
    /// store's own: it is no base, and stays until it is deleted.
    ///
    /// # Errors
    ///
    /// Malformed or unprocessable where the dump is not sound or does not fit the domain, naming
    /// the place.
    pub fn import(&self, kind: Kind, source: impl Read, means: Means) -> Result<Snapshot> {
        let _task = self.core.progress.task(Task::Import);
        let (started, at) = (Instant::now(), self.core.clock.now());
        let domain = self.domain();
        let scratch = load(source, &self.core.data_dir, &domain, &self.core.progress)?;
        let shelf = self.core.shelf(&domain);
        let taken = scratch.together(|| take(scratch.conn(), shelf, foreign(kind, at), Doubt::Nothing))?;
        let (id, last_event_id) = (taken.id.clone(), taken.last_event_id);
        let recorded = self.transact(move |_, conn| {
            let detail = json!({ "snapshot_id": id, "kind": kind, "last_event_id": last_event_id });
            history::record(conn, What::Import, means, at, millis(started), &detail)
        });
        if let Err(error) = recorded {
            self.core.library.remove(kind, &taken.id)?;
            return Err(error);
        }
        self.snapshot(kind, &taken.id)
    }

    /// Writes a whole snapshot in the original service's form into an unfinished file of the data
    /// folder, which goes when it is dropped.
    ///
    /// # Errors
    ///
    /// Not found; damaged; unprocessable where a value has no form in a dump.
    pub fn export(&self, kind: Kind, id: &SnapshotId) -> Result<NamedTempFile> {
        let _task = self.core.progress.task(Task::Export);
        let _shared = self.core.chunks.share()?;
        let entry = self.core.library.find(kind, id)?;
        self.refuse_damaged(&entry)?;
        let mut file = files::unfinished(&self.core.data_dir)?;
        self.noting_damage(&entry, || {
            if entry.is_dump() {
                let mut dump = File::open(self.core.library.path(kind, id))?;
                std::io::copy(&mut dump, &mut file)?;
                return Ok(());
            }
            self.write_dump(&entry, &mut BufWriter::new(&mut file))
        })?;
        Ok(file)
    }

    /// Where a snapshot's own file is.
    pub fn snapshot_path(&self, kind: Kind, id: &SnapshotId) -> PathBuf {
        self.core.library.path(kind, id)
    }

    fn write_dump(&self, entry: &Entry, out: &mut dyn Write) -> Result<()> {
        let manifest = entry.manifest()?;
        let tables = manifest
            .tables
            .iter()
            .filter(|(name, _)| name != ENTITY_EVENTS)
            .map(|(name, image)| Ok((name, &image.columns, stored_table(&self.core.chunks, manifest, name)?)));
        let tables: Vec<_> = tables.collect::<Result<_>>()?;
        let sources: Vec<_> =
            tables.iter().map(|(name, columns, rows)| write::Source { name, columns, rows }).collect();
        write::write(out, manifest.last_event_id, &sources, &self.core.progress)?;
        Ok(out.flush()?)
    }
}

/// A capture of what another store held.
fn foreign(kind: Kind, at: OffsetDateTime) -> Capture {
    Capture { kind, means: Means::Command, reason: None, label: None, at, sequence: 0 }
}

/// Reads a dump into a scratch store of its own.
fn load(source: impl Read, folder: &std::path::Path, domain: &Domain, progress: &Progress) -> Result<Scratch> {
    let scratch = Scratch::new(folder, domain)?;
    let loaded = read::load(BufReader::with_capacity(1 << 16, source), scratch.conn(), domain, progress)?;
    let state = "UPDATE backstitch_state SET position = ?1, logic = ?2";
    scratch.conn().execute(state, (loaded.last_event_id, domain.logic.to_string()))?;
    scratch.together(|| find_entity_events(scratch.conn(), domain, loaded.last_event_id, folder, progress))?;
    Ok(scratch)
}
