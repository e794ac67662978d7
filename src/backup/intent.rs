//! What a restore is about to do with files, written down and synced before its first step.
//!
//! The database decides: the line of the history is written in the transaction in which the files
//! change places. Where it is there, the restore happened and the rest is completed; where not,
//! everything goes back. Each step can be done again, so a crash while mending is mended too.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use rusqlite::Connection;
use serde::{Deserialize, Serialize};

use super::folder::Backups;
use crate::error::{Error, Result};
use crate::files;

/// What a restore is about to do.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Intent {
    /// Tells this restore from all others; it is in its line of the history.
    pub token: String,
    /// The files and folders that change places.
    pub swaps: Vec<Swap>,
}

/// A file or folder that takes the place of another.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Swap {
    /// Where the one in use is.
    pub live: PathBuf,
    /// Where the one to be is made, in the same folder.
    pub staged: PathBuf,
    /// Where the one in use goes, in the same folder.
    pub aside: PathBuf,
    /// Whether there was one in use.
    pub existed: bool,
}

impl Intent {
    /// Writes it down, durably.
    ///
    /// # Errors
    ///
    /// Where it cannot be written.
    pub fn write(&self, backups: &Backups) -> Result<()> {
        let bytes = serde_json::to_vec_pretty(self).map_err(|source| {
            Error::unprocessable("a path of the registry or the vector store is no text").because(source)
        })?;
        files::publish(&backups.intent(), &bytes)
    }

    /// What a restore wrote down that did not end; none where all did.
    ///
    /// # Errors
    ///
    /// Refused where it cannot be understood: nobody but a person can tell then.
    pub fn read(backups: &Backups) -> Result<Option<Self>> {
        let path = backups.intent();
        match fs::read(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error.into()),
            Ok(bytes) => serde_json::from_slice(&bytes).map(Some).map_err(|source| {
                Error::refused(format!("{} says what a restore was about to do, and cannot be read.", path.display()))
                    .hint("Look at the files it names, and remove it.")
                    .because(source)
            }),
        }
    }

    /// Lets the files change places.
    ///
    /// # Errors
    ///
    /// Where one cannot: [`Intent::reverse`] puts back what was done.
    pub fn exchange(&self) -> Result<()> {
        self.swaps.iter().try_for_each(Swap::exchange)
    }

    /// What is left to do once the database is restored.
    ///
    /// # Errors
    ///
    /// Where files cannot be moved; the next opening tries again.
    pub fn complete(&self, backups: &Backups) -> Result<()> {
        for swap in &self.swaps {
            if is_there(&swap.staged) {
                swap.exchange()?;
            }
            remove(&swap.aside)?;
        }
        self.forget(backups)
    }

    /// Puts everything back to how it was.
    ///
    /// # Errors
    ///
    /// Where files cannot be moved; the next opening tries again.
    pub fn reverse(&self, backups: &Backups) -> Result<()> {
        self.swaps.iter().rev().try_for_each(Swap::reverse)?;
        self.forget(backups)
    }

    fn forget(&self, backups: &Backups) -> Result<()> {
        let path = backups.intent();
        files::remove_if_there(&path)?;
        Ok(files::sync_folder(folder_of(&path))?)
    }

    fn happened(&self, conn: &Connection) -> Result<bool> {
        let sql = "SELECT EXISTS (SELECT 1 FROM backstitch_operations WHERE json_extract(detail, '$.token') = ?1)";
        Ok(conn.query_row(sql, [&self.token], |row| row.get(0))?)
    }
}

/// Completes or reverses a restore that did not end. The caller has closed the gate, so none is
/// under way. Says whether there was one.
///
/// # Errors
///
/// Where files cannot be moved.
pub fn mend(backups: &Backups, conn: &Connection) -> Result<bool> {
    let Some(intent) = Intent::read(backups)? else { return Ok(false) };
    if intent.happened(conn)? {
        intent.complete(backups)?;
    } else {
        intent.reverse(backups)?;
    }
    Ok(true)
}

impl Swap {
    /// The swap for a place; both other names are made from the token.
    pub fn new(live: &Path, token: &str) -> Self {
        // A link is followed: what it leads to is replaced, and it leads there still.
        let live = live.canonicalize().unwrap_or_else(|_| live.to_owned());
        // Two places may be in one folder.
        let name = live.file_name().unwrap_or_default().to_string_lossy();
        let beside = |what: &str| folder_of(&live).join(format!("{}{what}-{token}-{name}", files::UNFINISHED));
        Self { staged: beside("new"), aside: beside("old"), existed: is_there(&live), live }
    }

    fn exchange(&self) -> Result<()> {
        // Looked at first: nothing is moved away for what is not there.
        self.staged.symlink_metadata()?;
        if is_there(&self.live) {
            fs::rename(&self.live, &self.aside)?;
        }
        fs::rename(&self.staged, &self.live)?;
        Ok(files::sync_folder(folder_of(&self.live))?)
    }

    fn reverse(&self) -> Result<()> {
        if is_there(&self.aside) {
            if is_there(&self.live) {
                fs::rename(&self.live, &self.staged)?;
            }
            fs::rename(&self.aside, &self.live)?;
        } else if !self.existed && is_there(&self.live) && !is_there(&self.staged) {
            fs::rename(&self.live, &self.staged)?;
        }
        remove(&self.staged)?;
        let folder = folder_of(&self.live);
        if folder.is_dir() { Ok(files::sync_folder(folder)?) } else { Ok(()) }
    }
}

fn is_there(path: &Path) -> bool {
    path.symlink_metadata().is_ok()
}

fn folder_of(path: &Path) -> &Path {
    path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

fn remove(path: &Path) -> Result<()> {
    if path.symlink_metadata().is_ok_and(|found| found.is_dir()) {
        return Ok(fs::remove_dir_all(path)?);
    }
    files::remove_if_there(path).map(|_| ())
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]
    use super::*;

    fn store(token: &str) -> (tempfile::TempDir, Backups, Intent, Connection) {
        let folder = tempfile::tempdir().unwrap();
        let backups = Backups::new(folder.path());
        backups.make().unwrap();
        let (file, dir, fresh) =
            (folder.path().join("registry.json"), folder.path().join("vectors"), folder.path().join("fresh"));
        fs::write(&file, "old").unwrap();
        fs::create_dir(&dir).unwrap();
        fs::write(dir.join("x"), "old").unwrap();
        let intent = Intent {
            token: token.to_owned(),
            swaps: [&file, &dir, &fresh].map(|live| Swap::new(live, token)).to_vec(),
        };
        intent.write(&backups).unwrap();
        fs::write(&intent.swaps[0].staged, "new").unwrap();
        fs::create_dir(&intent.swaps[1].staged).unwrap();
        fs::write(intent.swaps[1].staged.join("x"), "new").unwrap();
        fs::write(&intent.swaps[2].staged, "new").unwrap();
        let conn = Connection::open_in_memory().unwrap();
        conn.execute_batch("CREATE TABLE backstitch_operations (detail)").unwrap();
        conn.execute("INSERT INTO backstitch_operations VALUES (?1)", [r#"{"token": "done"}"#]).unwrap();
        (folder, backups, intent, conn)
    }

    fn read(folder: &Path) -> [Option<String>; 3] {
        ["registry.json", "vectors/x", "fresh"].map(|path| fs::read_to_string(folder.join(path)).ok())
    }

    /// Every state in which a crash can leave the files, mended twice.
    #[test]
    fn after_a_crash_at_any_rename_all_is_old_or_all_is_new() {
        for token in ["done", "not done"] {
            for steps in 0..=5 {
                let (folder, backups, intent, conn) = store(token);
                let renames = intent.swaps.iter().flat_map(|swap| {
                    let away = swap.existed.then_some((&swap.live, &swap.aside));
                    away.into_iter().chain([(&swap.staged, &swap.live)])
                });
                for (from, to) in renames.take(steps) {
                    fs::rename(from, to).unwrap();
                }
                assert!(mend(&backups, &conn).unwrap());
                assert!(!mend(&backups, &conn).unwrap());
                let old = [Some("old".to_owned()), Some("old".to_owned()), None];
                let new = [(); 3].map(|()| Some("new".to_owned()));
                assert_eq!(read(folder.path()), if token == "done" { new } else { old }, "{token}, {steps} renames");
                let left = fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().file_name());
                let left = left.filter(|name| name.to_string_lossy().starts_with(files::UNFINISHED));
                assert_eq!(left.count(), 0);
            }
        }
    }
}
