//! The lock that a server holds on its data folder for its life: one server a folder.
//!
//! The file names the holder's process and address, for the one that comes second. A lock ends
//! with its process, however that ends, so a file that is left over means nothing.

use std::fs;
use std::io::{ErrorKind, Seek, Write};
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

use crate::error::{Error, Result};
use crate::image::lock::FileLock;

/// Its name in the data folder.
const FILE: &str = "server.lock";
/// How long a second server waits to learn the address of the first, which may be starting.
const PATIENCE: Duration = Duration::from_secs(10);
/// In place of the address of a server that does not listen yet.
const STARTING: &str = "starting just now";
/// How often it looks.
const LOOK: Duration = Duration::from_millis(50);

/// The lock, held until dropped.
pub struct ServerLock {
    lock: FileLock,
    path: PathBuf,
}

impl ServerLock {
    /// Takes the lock of a data folder.
    ///
    /// # Errors
    ///
    /// Refused, naming process and address, where another server has it. One that does not listen
    /// yet is waited for, since it may still fail.
    pub fn take(data_dir: &Path) -> Result<Self> {
        let path = data_dir.join(FILE);
        let deadline = Instant::now() + PATIENCE;
        let mut seen = String::new();
        loop {
            if let Some(lock) = FileLock::try_exclusive(&path)? {
                let mut taken = Self { lock, path };
                taken.name_address(STARTING)?;
                return Ok(taken);
            }
            let holder = fs::read_to_string(&path).unwrap_or_default();
            // Seen twice: the first look may find what a killed server left.
            let is_named = holder == seen && holder.ends_with('\n') && !holder.contains(STARTING);
            if is_named || Instant::now() >= deadline {
                let holder = if holder.trim().is_empty() { STARTING } else { holder.trim() };
                return Err(Error::refused(format!("another server runs on {}: {holder}.", data_dir.display()))
                    .hint("Use that one, stop it, or give another --data-dir."));
            }
            seen = holder;
            thread::sleep(LOOK);
        }
    }

    /// Whether a server has run on this data folder, or runs: only then is there something to ask.
    pub fn is_known(data_dir: &Path) -> bool {
        data_dir.join(FILE).exists()
    }

    /// Writes down where this server is to be found, unless the disk is full.
    ///
    /// # Errors
    ///
    /// Where the file cannot be written.
    pub fn name_address(&mut self, address: &str) -> Result<()> {
        let mut file = self.lock.file();
        file.set_len(0)?;
        file.rewind()?;
        match writeln!(file, "process {}, {address}", std::process::id()) {
            // The lock holds without a name, and on a full disk the server can still read.
            Err(error) if matches!(error.kind(), ErrorKind::StorageFull | ErrorKind::QuotaExceeded) => Ok(()),
            written => Ok(written?),
        }
    }
}

impl Drop for ServerLock {
    /// Emptied, not removed: a second server may have opened the file already.
    fn drop(&mut self) {
        if self.lock.file().set_len(0).is_err() {
            tracing::debug!(path = %self.path.display(), "the lock file keeps its last address");
        }
    }
}
