//! The lock that a server holds on its data folder for its life: one server a folder.
//!
//! The file names the holder's process and address, for the one that comes second. A lock ends
//! with its process, however that ends, so a file that is left over means nothing.

use std::fs;
use std::io::{Seek, Write};
use std::path::{Path, PathBuf};

use crate::error::{Error, Result};
use crate::image::lock::FileLock;

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
    /// Refused, naming process and address, where another server has it.
    pub fn take(data_dir: &Path) -> Result<Self> {
        let path = data_dir.join("server.lock");
        match FileLock::try_exclusive(&path)? {
            Some(lock) => Ok(Self { lock, path }),
            None => {
                let holder = fs::read_to_string(&path).unwrap_or_default();
                let holder = if holder.trim().is_empty() { "starting just now" } else { holder.trim() };
                Err(Error::refused(format!("another server runs on {}: {holder}.", data_dir.display()))
                    .hint("Use that one, stop it, or give another --data-dir."))
            }
        }
    }

    /// Writes down where this server is to be found.
    ///
    /// # Errors
    ///
    /// Where the file cannot be written.
    pub fn name_address(&mut self, address: &str) -> Result<()> {
        let mut file = self.lock.file();
        file.set_len(0)?;
        file.rewind()?;
        writeln!(file, "process {}, {address}", std::process::id())?;
        Ok(())
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
