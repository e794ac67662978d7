//! The folder of backups: paths in it, what crashes left there, and what is removed.
//!
//! Layout: `snapshots/<stamp>/` a backup, `snapshots/<stamp>.checked` beside it what checking it
//! found, `restore.json` what a restore is about to do. Whatever reads or makes a backup holds the
//! lock shared; removing one, and sweeping, needs it alone and is never waited for.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use time::OffsetDateTime;

use super::stamp::Stamp;
use crate::error::{Error, Result};
use crate::files;
use crate::image::lock::FileLock;

/// More backups than a second has room for.
const STAMPS_OF_A_SECOND: u32 = 10_000;

/// The folder of backups of a data folder.
#[derive(Debug, Clone)]
pub struct Backups {
    folder: PathBuf,
    snapshots: PathBuf,
}

impl Backups {
    /// The backups below a data folder; nothing is made yet.
    pub fn new(data_dir: &Path) -> Self {
        let folder = data_dir.join("backups");
        Self { snapshots: folder.join("snapshots"), folder }
    }

    /// Where a backup is or would be.
    pub fn path(&self, stamp: &Stamp) -> PathBuf {
        self.snapshots.join(stamp.as_str())
    }

    /// Where backups are.
    pub fn snapshots(&self) -> &Path {
        &self.snapshots
    }

    /// Where the intent of a restore is.
    pub fn intent(&self) -> PathBuf {
        self.folder.join("restore.json")
    }

    /// Where what checking a backup found is.
    pub fn checked(&self, stamp: &Stamp) -> PathBuf {
        self.snapshots.join(format!("{stamp}.checked"))
    }

    /// Makes the folders.
    ///
    /// # Errors
    ///
    /// Where they cannot be made.
    pub fn make(&self) -> Result<()> {
        if !self.snapshots.is_dir() {
            files::make_folder(&self.snapshots)?;
            let mut parents = self.folder.ancestors().take(2);
            parents.try_for_each(files::sync_folder)?;
        }
        Ok(())
    }

    /// Keeps backups from being removed while it is held.
    ///
    /// # Errors
    ///
    /// Where the lock file cannot be used.
    pub fn share(&self) -> Result<FileLock> {
        self.make()?;
        FileLock::shared(&self.folder.join("lock"))
    }

    /// The backup of a stamp, where there is one.
    ///
    /// # Errors
    ///
    /// Not found where there is none.
    pub fn find(&self, stamp: &Stamp) -> Result<PathBuf> {
        let path = self.path(stamp);
        if path.is_dir() { Ok(path) } else { Err(Error::not_found("backup not found")) }
    }

    /// The stamps of all backups, in their order.
    ///
    /// # Errors
    ///
    /// Where the folder cannot be read.
    pub fn stamps(&self) -> Result<Vec<Stamp>> {
        let entries = match fs::read_dir(&self.snapshots) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            entries => entries?,
        };
        let mut stamps = Vec::new();
        for entry in entries {
            let entry = entry?;
            let stamp = entry.file_name().to_str().and_then(|name| name.parse().ok());
            stamps.extend(stamp.filter(|_| entry.path().is_dir()));
        }
        stamps.sort_unstable();
        Ok(stamps)
    }

    /// Publishes a folder under the first stamp of its moment above all that are there; `write` is
    /// given the stamp before, for what has to name it.
    ///
    /// # Errors
    ///
    /// Where it cannot be put there; nothing is visible then.
    pub fn publish(
        &self,
        unfinished: &Path,
        moment: OffsetDateTime,
        write: &mut dyn FnMut(&Stamp) -> Result<()>,
    ) -> Result<Stamp> {
        for attempt in self.last_of_second(moment)? + 1..STAMPS_OF_A_SECOND {
            let stamp = Stamp::at(moment, attempt);
            let path = self.path(&stamp);
            if path.symlink_metadata().is_ok() {
                continue;
            }
            write(&stamp)?;
            match fs::rename(unfinished, &path) {
                // Somebody else was quicker; a backup is never empty, so it is not replaced.
                Err(_) if path.exists() => {}
                renamed => {
                    renamed?;
                    // Who is told that it failed must find nothing.
                    files::sync_folder(&self.snapshots).inspect_err(|_| {
                        let _ = fs::rename(&path, unfinished);
                    })?;
                    return Ok(stamp);
                }
            }
        }
        Err(Error::internal("there are ten thousand backups of this second"))
    }

    /// The number of the last stamp of a moment's second; 0 where there is none.
    fn last_of_second(&self, moment: OffsetDateTime) -> Result<u32> {
        let first = Stamp::at(moment, 1);
        let number = |stamp: Stamp| match stamp.as_str().strip_prefix(first.as_str())? {
            "" => Some(1),
            rest => rest.strip_prefix('_')?.parse().ok(),
        };
        let numbers = self.stamps()?.into_iter().filter_map(number);
        // A folder put there by hand may have any number.
        Ok(numbers.filter(|number| *number < STAMPS_OF_A_SECOND / 2).max().unwrap_or(0))
    }

    /// Removes a backup: at once out of sight, then file by file. One that is in use just now stays,
    /// and the answer says so.
    ///
    /// # Errors
    ///
    /// Where it cannot be removed.
    pub fn remove(&self, stamp: &Stamp) -> Result<bool> {
        let Some(_alone) = self.try_alone()? else { return Ok(false) };
        self.remove_alone(stamp)?;
        Ok(true)
    }

    fn remove_alone(&self, stamp: &Stamp) -> Result<()> {
        let gone = files::unfinished_folder(&self.snapshots)?;
        fs::rename(self.path(stamp), gone.path().join("backup"))?;
        files::sync_folder(&self.snapshots)?;
        files::remove_if_there(&self.checked(stamp))?;
        Ok(gone.close()?)
    }

    /// Removes what crashes left unfinished, where nobody is at work here.
    ///
    /// # Errors
    ///
    /// Where it cannot be removed.
    pub fn sweep(&self) -> Result<()> {
        match self.try_alone()? {
            Some(_alone) => files::sweep_unfinished(&self.snapshots),
            None => Ok(()),
        }
    }

    fn try_alone(&self) -> Result<Option<FileLock>> {
        if !self.folder.exists() {
            return Ok(None);
        }
        FileLock::try_exclusive(&self.folder.join("lock"))
    }
}
