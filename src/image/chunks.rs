//! The folder of chunks: content-addressed, immutable, compressed files shared by all snapshots.
//!
//! Layout: `ab/ab12….zst`, a zstd frame (level 1) of NDJSON, named by the BLAKE3 of the bytes in
//! it, so `zstd -dc` and `jq` read it without this program. A file appears under its name only
//! when it is durable: written as an unfinished file beside its place, synced, renamed.
//! [`ChunkWriter::finish`] syncs the folders; whoever publishes a name of a chunk does so after it.
//!
//! Reading hashes everything that it reads. A file that is not what its name says is moved to
//! `damaged/`, so that the next take writes it anew where the live rows still give it.
//!
//! Whatever reads or writes chunks holds [`ChunkStore::share`]; removing chunks needs
//! [`ChunkStore::try_own`], which is never waited for.

use std::collections::HashSet;
use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use super::Hash;
use super::chunk_writer::{ChunkWriter, Doubt};
use super::lock::FileLock;
use super::present::{Look, Present};
use crate::error::{Error, Result};
use crate::files;

/// A frame that wants a larger window was not written here: the largest chunk of rows is 1 MiB.
const LARGEST_WINDOW_LOG: u32 = 23;
/// A chunk up to this length is known as sound whatever length was recorded for it.
const LARGEST_REREAD: u64 = 16 << 20;

/// A chunk that cannot be served.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ChunkError {
    /// Its file is not there.
    #[error("piece {chunk} is missing")]
    Missing {
        /// Its name.
        chunk: Hash,
    },
    /// Its bytes hash to another name.
    #[error("piece {chunk} is not what was written: expected {chunk}, found {found}")]
    Mismatch {
        /// Its name.
        chunk: Hash,
        /// The hash of what is there.
        found: Hash,
    },
    /// It does not unfold, or to more or fewer bytes than recorded.
    #[error("piece {chunk} is not what was written: expected {expected} bytes that hash to it, found {found}")]
    Unreadable {
        /// Its name.
        chunk: Hash,
        /// The length recorded for it.
        expected: u64,
        /// What was found instead.
        found: String,
    },
}

impl ChunkError {
    /// The chunk's name.
    pub fn chunk(&self) -> Hash {
        match self {
            Self::Missing { chunk } | Self::Mismatch { chunk, .. } | Self::Unreadable { chunk, .. } => *chunk,
        }
    }
}

impl From<ChunkError> for Error {
    fn from(error: ChunkError) -> Self {
        Self::damaged(error.to_string()).because(error)
    }
}

/// The folder of chunks.
#[derive(Debug, Clone)]
pub struct ChunkStore {
    folder: PathBuf,
    /// Chunks whose folders this program has synced.
    durable: Arc<Mutex<HashSet<Hash>>>,
    present: Arc<Present>,
    /// Whether its chunks go with who made them, so that none has to reach the disk.
    aside: bool,
}

impl ChunkStore {
    /// The chunks in a folder, which is made if it is not there.
    ///
    /// # Errors
    ///
    /// Where the folder cannot be made.
    pub fn open(folder: PathBuf) -> Result<Self> {
        files::make_folder(&folder)?;
        Ok(Self { folder, durable: Arc::default(), present: Arc::default(), aside: false })
    }

    /// Chunks in a folder that is thrown away after a crash: nothing of it is synced.
    ///
    /// # Errors
    ///
    /// Where the folder cannot be made.
    pub fn open_aside(folder: PathBuf) -> Result<Self> {
        Ok(Self { aside: true, ..Self::open(folder)? })
    }

    /// Keeps chunks from being removed while it is held.
    ///
    /// # Errors
    ///
    /// Where the lock file cannot be used.
    pub fn share(&self) -> Result<FileLock> {
        FileLock::shared(&self.folder.join("lock"))
    }

    /// The right to remove chunks; none while anyone reads or writes them.
    ///
    /// # Errors
    ///
    /// As [`ChunkStore::share`].
    pub fn try_own(&self) -> Result<Option<FileLock>> {
        FileLock::try_exclusive(&self.folder.join("lock"))
    }

    pub(super) fn is_aside(&self) -> bool {
        self.aside
    }

    pub(super) fn folder(&self) -> &Path {
        &self.folder
    }

    pub(super) fn folder_of(&self, chunk: Hash) -> PathBuf {
        self.folder.join(&chunk.to_string()[..2])
    }

    /// Whether this program has seen to it that a chunk stays.
    pub(super) fn is_durable(&self, chunk: Hash) -> bool {
        self.durable.lock().unwrap_or_else(PoisonError::into_inner).contains(&chunk)
    }

    pub(super) fn note_durable(&self, chunks: impl Iterator<Item = Hash>) {
        self.durable.lock().unwrap_or_else(PoisonError::into_inner).extend(chunks);
    }

    pub(super) fn path(&self, chunk: Hash) -> PathBuf {
        // A take asks for thousands, so the path is put together at once.
        let name = chunk.to_string();
        let mut path = PathBuf::with_capacity(self.folder.as_os_str().len() + name.len() + "/ab/.zst".len());
        path.push(&self.folder);
        path.push(&name[..2]);
        path.push(&name);
        path.as_mut_os_string().push(".zst");
        path
    }

    /// Bytes on disk of a chunk; none where it is not there.
    pub fn size(&self, chunk: Hash) -> Option<u64> {
        fs::metadata(self.path(chunk)).ok().map(|metadata| metadata.len())
    }

    /// Whether a chunk is there.
    pub fn has(&self, chunk: Hash) -> bool {
        self.size(chunk).is_some()
    }

    /// Whether a chunk is there, as [`Present`] has it.
    pub(super) fn is_present(&self, look: &Look, chunk: Hash) -> bool {
        self.present.has(look, chunk, || self.folder_of(chunk), || self.has(chunk))
    }

    /// Reads a chunk of `length` bytes, hashed and compared with its name.
    ///
    /// # Errors
    ///
    /// [`ChunkError`] as an [`Error`] of kind damaged; a chunk that is there and is not what was
    /// written is set aside first.
    pub fn read(&self, chunk: Hash, length: u64) -> Result<Vec<u8>> {
        let file = match File::open(self.path(chunk)) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Err(self.lost(chunk, length)?.into()),
            Err(error) => return Err(error.into()),
        };
        let problem = match read_as(file, chunk, length)? {
            Ok(bytes) => return Ok(bytes),
            Err(problem) => problem,
        };
        if !self.is_sound(chunk) {
            self.set_aside(chunk)?;
        }
        Err(problem.into())
    }

    /// What is wrong with a chunk that is not in its place: it may have been set aside.
    fn lost(&self, chunk: Hash, length: u64) -> Result<ChunkError> {
        let aside = match File::open(self.aside(chunk)) {
            Ok(file) => read_as(file, chunk, length)?.err(),
            Err(_) => None,
        };
        Ok(aside.unwrap_or(ChunkError::Missing { chunk }))
    }

    fn aside(&self, chunk: Hash) -> PathBuf {
        self.folder.join("damaged").join(format!("{chunk}.zst"))
    }

    /// Whether a chunk is what its name says: then the length recorded for it is wrong, and other
    /// snapshots may need it.
    fn is_sound(&self, chunk: Hash) -> bool {
        let mut hasher = blake3::Hasher::new();
        let hashed = File::open(self.path(chunk))
            .and_then(frame)
            .and_then(|frame| io::copy(&mut frame.take(LARGEST_REREAD), &mut hasher));
        hashed.is_ok() && Hash::from(hasher.finalize()) == chunk
    }

    /// Moves a damaged chunk out of the way, for the next take to write it anew.
    fn set_aside(&self, chunk: Hash) -> Result<()> {
        files::make_folder(&self.folder.join("damaged"))?;
        match fs::rename(self.path(chunk), self.aside(chunk)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error.into()),
            _ => Ok(()),
        }
    }

    /// A writer of new chunks. The caller holds [`ChunkStore::share`] until the chunks are named.
    pub fn writer(&self, doubt: Doubt) -> ChunkWriter {
        ChunkWriter::new(self.clone(), doubt)
    }

    /// Removes every chunk that is not in `keep`, and what crashes left. Answers chunks and bytes.
    ///
    /// # Errors
    ///
    /// Where a folder cannot be read or a file not removed.
    pub fn remove_all_but(&self, keep: &HashSet<Hash>, _own: &FileLock) -> Result<(u64, u64)> {
        let (mut chunks, mut bytes) = (0, 0);
        for folder in fs::read_dir(&self.folder)? {
            let folder = folder?.path();
            if !is_chunk_folder(&folder) {
                continue;
            }
            files::sweep_unfinished(&folder)?;
            for entry in fs::read_dir(&folder)? {
                let entry = entry?;
                let kept = chunk_name(&entry.path()).is_none_or(|chunk| keep.contains(&chunk));
                // What has the name of a chunk and is no file was not written here.
                if !kept && entry.file_type()?.is_file() {
                    bytes += entry.metadata()?.len();
                    chunks += u64::from(files::remove_if_there(&entry.path())?);
                }
            }
        }
        Ok((chunks, bytes))
    }
}

/// The bytes of a chunk's file, or what is wrong with them.
fn read_as(file: File, chunk: Hash, length: u64) -> Result<std::result::Result<Vec<u8>, ChunkError>> {
    Ok(Err(match unfold(file, length) {
        Ok(bytes) if bytes.len() as u64 != length => {
            let found = if bytes.len() as u64 > length { "more".into() } else { format!("{} bytes", bytes.len()) };
            ChunkError::Unreadable { chunk, expected: length, found }
        }
        Ok(bytes) => match Hash::of(&bytes) {
            found if found == chunk => return Ok(Ok(bytes)),
            found => ChunkError::Mismatch { chunk, found },
        },
        // The disk said so, not the content: the next read may succeed, so it stays in place.
        Err(error) if error.raw_os_error().is_some() => return Err(error.into()),
        Err(error) => {
            let found = format!("what does not unpack ({})", error.to_string().to_lowercase());
            ChunkError::Unreadable { chunk, expected: length, found }
        }
    }))
}

/// At most one byte more than `length` is unfolded: enough to see that there is more.
fn unfold(file: File, length: u64) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::with_capacity(length.min(1 << 20) as usize + 1);
    frame(file)?.take(length.saturating_add(1)).read_to_end(&mut bytes)?;
    Ok(bytes)
}

fn frame(file: File) -> io::Result<impl Read> {
    let mut decoder = zstd::stream::read::Decoder::new(file)?;
    decoder.window_log_max(LARGEST_WINDOW_LOG)?;
    Ok(decoder)
}

fn is_chunk_folder(path: &Path) -> bool {
    path.file_name().and_then(|name| name.to_str()).is_some_and(|name| name.len() == 2) && path.is_dir()
}

fn chunk_name(path: &Path) -> Option<Hash> {
    path.file_name()?.to_str()?.strip_suffix(".zst")?.parse().ok()
}
