//! Storing chunks: compressed and written in the background, durable before they may be named.

use std::cell::RefCell;
use std::collections::HashSet;
use std::io::Write;
use std::path::PathBuf;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::SystemTime;

use crossbeam_channel::{Receiver, Sender, bounded};

use super::chunks::ChunkStore;
use super::present::Look;
use super::{Hash, Segment};
use crate::error::{Error, ErrorKind, Result};
use crate::files;

/// Level 1 compresses these rows as well as level 3 does, half as fast again.
const LEVEL: i32 = 1;
/// Syncing waits for the disk, so more threads than cores are of use.
const WRITERS: usize = 4;
/// Chunks that wait for a writer: bounds the memory of a take to a few MiB.
const WAITING: usize = 8;

/// Which chunks that are there already a writer reads before it relies on them.
#[derive(Debug, Clone, Default)]
pub enum Doubt {
    /// None: the rows stay in the live tables, and the next take can write them again.
    #[default]
    Nothing,
    /// These: their rows are about to go.
    These(HashSet<Hash>),
    /// All of them.
    Everything,
}

impl Doubt {
    fn covers(&self, chunk: Hash) -> bool {
        match self {
            Self::Nothing => false,
            Self::These(chunks) => chunks.contains(&chunk),
            Self::Everything => true,
        }
    }
}

/// Stores chunks in the background; [`ChunkWriter::finish`] waits until they are durable.
pub struct ChunkWriter {
    store: ChunkStore,
    doubt: Doubt,
    queue: Option<Sender<(Hash, Vec<u8>)>>,
    waiting: Receiver<(Hash, Vec<u8>)>,
    threads: Vec<JoinHandle<Result<Stored>>>,
    seen: HashSet<Hash>,
    folders: HashSet<PathBuf>,
    /// Chunks that were there already and that this program has not seen to be durable: whoever
    /// wrote them may have been killed before it could sync their folder.
    relied_on: RefCell<HashSet<Hash>>,
    /// Every chunk that was asked for or given.
    named: RefCell<HashSet<Hash>>,
    look: Look,
}

/// What a writer has stored.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Stored {
    /// Chunks that were not there before.
    pub chunks: u64,
    /// Their bytes on disk.
    pub bytes: u64,
}

impl ChunkWriter {
    pub(super) fn new(store: ChunkStore, doubt: Doubt) -> Self {
        let (queue, waiting) = bounded(WAITING);
        let (threads, seen, folders) = (Vec::new(), HashSet::new(), HashSet::new());
        let (relied_on, named) = (RefCell::default(), RefCell::default());
        Self {
            store,
            doubt,
            queue: Some(queue),
            waiting,
            threads,
            seen,
            folders,
            relied_on,
            named,
            look: Look::at(SystemTime::now()),
        }
    }

    /// Whether a chunk of this length is stored already or on its way.
    ///
    /// # Errors
    ///
    /// Where the file of a doubted chunk cannot be read.
    pub fn has(&self, chunk: Hash, length: u64) -> Result<bool> {
        self.named.borrow_mut().insert(chunk);
        Ok(self.seen.contains(&chunk) || self.is_stored(chunk, length, self.doubt.covers(chunk))?)
    }

    /// Every chunk that is part of what was written, whether it was stored just now or before.
    pub fn named(&self) -> Vec<Hash> {
        self.named.borrow().iter().copied().collect()
    }

    /// Whether all chunks of a segment are stored already or on their way.
    ///
    /// # Errors
    ///
    /// As [`ChunkWriter::has`].
    pub fn has_segment(&self, segment: &Segment) -> Result<bool> {
        for (chunk, length) in segment.chunks() {
            if !self.has(chunk, length)? {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// A doubted chunk is read; one that is not what was written is set aside, and so not stored.
    fn is_stored(&self, chunk: Hash, length: u64, doubted: bool) -> Result<bool> {
        if !self.store.is_present(&self.look, chunk) {
            return Ok(false);
        }
        if doubted && let Err(error) = self.store.read(chunk, length) {
            return if error.kind() == ErrorKind::Damaged { Ok(false) } else { Err(error) };
        }
        if !self.store.is_durable(chunk) {
            self.relied_on.borrow_mut().insert(chunk);
        }
        Ok(true)
    }

    /// Stores a chunk under its hash, unless it is there.
    ///
    /// # Errors
    ///
    /// Where an earlier chunk could not be written.
    pub fn put(&mut self, chunk: Hash, bytes: &[u8]) -> Result<()> {
        self.put_unless_stored(chunk, bytes, self.doubt.covers(chunk))
    }

    /// As [`ChunkWriter::put`], and one that is there is read first: for the few chunks that
    /// everything else hangs on.
    ///
    /// # Errors
    ///
    /// As [`ChunkWriter::put`].
    pub fn put_surely(&mut self, chunk: Hash, bytes: &[u8]) -> Result<()> {
        self.put_unless_stored(chunk, bytes, true)
    }

    fn put_unless_stored(&mut self, chunk: Hash, bytes: &[u8], doubted: bool) -> Result<()> {
        self.named.get_mut().insert(chunk);
        if !self.seen.insert(chunk) || self.is_stored(chunk, bytes.len() as u64, doubted)? {
            return Ok(());
        }
        let folder = self.store.folder_of(chunk);
        if !self.folders.contains(&folder) {
            files::make_folder(&folder)?;
            self.folders.insert(folder);
        }
        if self.threads.len() < WRITERS {
            let (store, waiting) = (Arc::new(self.store.clone()), self.waiting.clone());
            self.threads.push(std::thread::spawn(move || write_all(&store, &waiting)));
        }
        let sent = self.queue.as_ref().is_some_and(|queue| queue.send((chunk, bytes.to_vec())).is_ok());
        if sent { Ok(()) } else { Err(Error::internal("the chunk writers have stopped")) }
    }

    /// Waits until all chunks and their folders are durable.
    ///
    /// # Errors
    ///
    /// The first failure of any writer: then none of the chunks may be named.
    pub fn finish(mut self) -> Result<Stored> {
        self.queue = None;
        let mut stored = Stored::default();
        for thread in std::mem::take(&mut self.threads) {
            let part = thread.join().map_err(|_| Error::internal("a chunk writer panicked"))??;
            stored.chunks += part.chunks;
            stored.bytes += part.bytes;
        }
        let relied_on = self.relied_on.take();
        let theirs = relied_on.iter().map(|chunk| self.store.folder_of(*chunk));
        let folders: HashSet<PathBuf> = self.folders.drain().chain(theirs).collect();
        if !folders.is_empty() && !self.store.is_aside() {
            folders.iter().try_for_each(|folder| files::sync_folder(folder))?;
            files::sync_folder(self.store.folder())?;
        }
        self.store.note_durable(relied_on.into_iter().chain(self.seen));
        Ok(stored)
    }
}

/// One writer: takes chunks until there are no more; after a failure it drains the rest, so that
/// the one who sends never waits for nobody.
fn write_all(store: &ChunkStore, waiting: &Receiver<(Hash, Vec<u8>)>) -> Result<Stored> {
    let mut outcome = Ok(Stored::default());
    let mut compressor = zstd::bulk::Compressor::new(LEVEL)?;
    for (chunk, bytes) in waiting {
        if let Ok(total) = &mut outcome {
            match write_one(store, &mut compressor, chunk, &bytes) {
                Ok(bytes) => *total = Stored { chunks: total.chunks + 1, bytes: total.bytes + bytes },
                Err(error) => outcome = Err(error),
            }
        }
    }
    outcome
}

fn write_one(
    store: &ChunkStore,
    compressor: &mut zstd::bulk::Compressor<'_>,
    chunk: Hash,
    bytes: &[u8],
) -> Result<u64> {
    let frame = compressor.compress(bytes)?;
    let mut file = files::unfinished(&store.folder_of(chunk))?;
    file.write_all(&frame)?;
    if !store.is_aside() {
        file.as_file().sync_all()?;
    }
    file.persist(store.path(chunk)).map_err(|failed| failed.error)?;
    Ok(frame.len() as u64)
}
