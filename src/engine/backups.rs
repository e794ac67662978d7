//! Runtime backups: making, listing and checking them.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use rusqlite::Connection;
use serde::Serialize;
use serde_json::json;

use super::{Engine, Options, millis};
use crate::backup::create::{Sources, create};
use crate::backup::gate::{Closed, Gate};
use crate::backup::intent::mend;
use crate::backup::restore::Places;
use crate::backup::{Backup, Backups, Stamp, Validation, list, validate};
use crate::error::{Error, ErrorKind, Result};
use crate::history::{self, Means, What};
use crate::image::lock::FileLock;
use crate::progress::Task;

/// Where everything of a runtime backup is, and how many are kept.
pub(super) struct Runtime {
    pub(super) backups: Backups,
    gate: Gate,
    pub(super) places: Places,
    keep: Option<usize>,
    wait: Duration,
    database: PathBuf,
}

/// A backup that was just made, and its line of the history.
#[derive(Debug, Clone, Serialize)]
pub struct NewBackup {
    /// The backup.
    #[serde(flatten)]
    pub backup: Backup,
    /// The operation's id.
    #[serde(skip)]
    pub operation: i64,
}

impl Runtime {
    pub(super) fn new(options: &Options, data_dir: &Path, database: PathBuf) -> Result<Self> {
        let places = Places { registry: whole(&options.registry), vectors: whole(&options.chroma_dir) };
        places.check(data_dir, &database)?;
        Ok(Self {
            backups: Backups::new(data_dir),
            gate: Gate::new(data_dir),
            places,
            keep: options.keep_backups,
            wait: options.busy_timeout,
            database,
        })
    }

    /// Keeps appends waiting; what a crash left of a restore is mended first.
    pub(super) fn close(&self, conn: &Connection) -> Result<Closed> {
        self.close_within(self.wait, conn)
    }

    fn close_within(&self, wait: Duration, conn: &Connection) -> Result<Closed> {
        let closed = self.gate.close(wait)?;
        mend(&self.backups, conn)?;
        Ok(closed)
    }

    /// What whoever opens the folder does first: completes or reverses a restore that a crash cut
    /// short. One that is under way just now is its process's own matter.
    ///
    /// # Errors
    ///
    /// Where files cannot be moved.
    pub(super) fn mend(&self, conn: &Connection) -> Result<()> {
        self.mend_within(self.wait, conn)
    }

    fn mend_within(&self, wait: Duration, conn: &Connection) -> Result<()> {
        if !self.is_cut_short() {
            return Ok(());
        }
        match self.close_within(wait, conn) {
            Err(error) if error.kind() != ErrorKind::Busy => Err(error),
            _ => Ok(()),
        }
    }

    /// Whether a restore is under way, or did not end.
    fn is_cut_short(&self) -> bool {
        self.backups.intent().exists()
    }
}

/// Whoever mends a restore may have been started in another folder.
fn whole(path: &Option<PathBuf>) -> Option<PathBuf> {
    path.as_ref().map(|path| std::path::absolute(path).unwrap_or_else(|_| path.clone()))
}

impl Engine {
    /// Lets an append through: no backup copies or exchanges the vector store until the answer is
    /// dropped.
    ///
    /// # Errors
    ///
    /// Busy where one does for too long.
    pub(super) fn pass_gate(&self) -> Result<FileLock> {
        let runtime = &self.core.runtime;
        let open = runtime.gate.pass(runtime.wait)?;
        if !runtime.is_cut_short() {
            return Ok(open);
        }
        // No restore is under way while the gate is open: the process of this one is gone.
        drop(open);
        runtime.mend(&*self.readers.get()?)?;
        runtime.gate.pass(runtime.wait)
    }

    /// Completes or reverses a restore of a backup whose process is gone. Waits for nobody.
    ///
    /// # Errors
    ///
    /// Where files cannot be moved.
    pub fn mend_if_cut_short(&self) -> Result<()> {
        let runtime = &self.core.runtime;
        if !runtime.is_cut_short() {
            return Ok(());
        }
        runtime.mend_within(Duration::ZERO, &*self.readers.get()?)
    }

    /// Makes a backup of the whole runtime state: the database while it is in use, the registry file
    /// where there is one, and with `include_chroma` the folder of the vector store, while new
    /// events wait. Older ones go by retention.
    ///
    /// # Errors
    ///
    /// Refused where no folder of a vector store is known; busy where another backup is at work;
    /// those of copying. Nothing is visible then.
    ///
    /// # Example
    ///
    /// ```
    /// # use backstitch::{engine::{Engine, Options}, history::Means, log::NewEvent};
    /// # fn main() -> backstitch::error::Result<()> {
    /// # let folder = tempfile::tempdir()?;
    /// # let store = Engine::open(Options::new(folder.path()))?;
    /// store.append(vec![NewEvent::new("note", "{}")?])?;
    /// let made = store.create_backup(false, Means::Command)?.backup;
    /// assert_eq!(made.last_event_id, Some(1));
    /// assert!(folder.path().join("backups/snapshots").join(made.stamp.as_str()).join("db/backstitch.db").exists());
    /// # Ok(())
    /// # }
    /// ```
    pub fn create_backup(&self, include_chroma: bool, means: Means) -> Result<NewBackup> {
        let _task = self.core.progress.task(Task::Backup);
        let runtime = &self.core.runtime;
        if include_chroma && runtime.places.vectors.is_none() {
            return Err(Error::malformed("the vector store cannot be included: it is not said where it is.")
                .hint("Start with --chroma-dir FOLDER, or leave it out."));
        }
        runtime.backups.sweep()?;
        let started = Instant::now();
        let closed = include_chroma.then(|| self.readers.get().and_then(|conn| runtime.close(&conn))).transpose()?;
        let made = self.copy_runtime(include_chroma, false, closed, means, started)?;
        // It is made and stays; what retention cannot remove now it removes after the next one.
        if let Err(error) = self.prune_backups(&made.backup.stamp, means) {
            tracing::warn!(%error, "older backups could not be removed");
        }
        Ok(made)
    }

    /// All backups, newest first, those of the original service too; only their metadata is read.
    ///
    /// # Errors
    ///
    /// Where the folder cannot be read.
    ///
    /// # Example
    ///
    /// ```
    /// # use backstitch::{engine::{Engine, Options}, history::Means};
    /// # fn main() -> backstitch::error::Result<()> {
    /// # let folder = tempfile::tempdir()?;
    /// # let store = Engine::open(Options::new(folder.path()))?;
    /// assert!(store.backups()?.is_empty());
    /// let made = store.create_backup(false, Means::Command)?.backup;
    /// assert_eq!(store.backups()?, [made]);
    /// # Ok(())
    /// # }
    /// ```
    pub fn backups(&self) -> Result<Vec<Backup>> {
        list::list(&self.core.runtime.backups)
    }

    /// Where the registry file and the vector store of the app are, as far as that was said at the
    /// start.
    pub fn runtime_places(&self) -> &Places {
        &self.core.runtime.places
    }

    /// One backup.
    ///
    /// # Errors
    ///
    /// Not found where there is none.
    pub fn backup(&self, stamp: &Stamp) -> Result<Backup> {
        list::find(&self.core.runtime.backups, stamp)
    }

    /// Checks a backup: every file against its hash, the database as a database and as a store. One
    /// that is not there is an answer too. What was found is remembered.
    ///
    /// # Errors
    ///
    /// Where the machine refuses.
    ///
    /// # Example
    ///
    /// ```
    /// # use backstitch::{engine::{Engine, Options}, history::Means};
    /// # fn main() -> backstitch::error::Result<()> {
    /// # let folder = tempfile::tempdir()?;
    /// # let store = Engine::open(Options::new(folder.path()))?;
    /// let made = store.create_backup(false, Means::Command)?.backup;
    /// assert!(store.validate_backup(&made.stamp)?.valid);
    /// let other = store.validate_backup(&"20200101T000000Z".parse()?)?;
    /// assert_eq!(other.errors, ["snapshot_directory_missing"]);
    /// # Ok(())
    /// # }
    /// ```
    pub fn validate_backup(&self, stamp: &Stamp) -> Result<Validation> {
        let _task = self.core.progress.task(Task::Validate);
        validate::check(&self.core.runtime.backups, stamp, self.core.clock.now(), &self.core.progress)
    }

    /// Copies everything and writes the line of the history.
    pub(super) fn copy_runtime(
        &self,
        vectors: bool,
        any_registry: bool,
        closed: Option<Closed>,
        means: Means,
        started: Instant,
    ) -> Result<NewBackup> {
        self.catch_up_if_behind()?;
        let (runtime, at) = (&self.core.runtime, self.core.clock.now());
        let sources = Sources {
            database: &runtime.database,
            registry: runtime.places.registry.as_deref(),
            any_registry,
            vectors: runtime.places.vectors.as_deref().filter(|_| vectors),
            wait: runtime.wait,
            progress: &self.core.progress,
        };
        let (stamp, _) = create(&runtime.backups, sources, closed, at)?;
        let recorded = list::find(&runtime.backups, &stamp).and_then(|backup| {
            let detail = json!({
                "backup": stamp, "include_chroma": vectors, "includes": backup.includes,
                "size_bytes": backup.size_bytes, "last_event_id": backup.last_event_id,
            });
            let record =
                move |conn: &Connection| history::record(conn, What::Backup, means, at, millis(started), &detail);
            Ok(NewBackup { backup, operation: self.transact(move |_, conn| record(conn))? })
        });
        if recorded.is_err() {
            // Who is told that nothing was done should find nothing; the reason counts more.
            let _ = runtime.backups.remove(&stamp);
        }
        recorded
    }

    /// Removes the oldest of the backups that this store made, beyond those that are kept. Which are
    /// its own, and in what order they were made, is in the history: a clock may go back, and one
    /// that was put there by hand stays.
    fn prune_backups(&self, made: &Stamp, means: Means) -> Result<()> {
        let Some(keep) = self.core.runtime.keep else { return Ok(()) };
        let (started, at, backups) = (Instant::now(), self.core.clock.now(), &self.core.runtime.backups);
        let own = self.readers.read(history::backups)?;
        let others = own.iter().filter_map(|stamp| stamp.parse::<Stamp>().ok());
        let others = others.filter(|stamp| stamp != made && backups.find(stamp).is_ok());
        let mut removed = Vec::new();
        for stamp in others.skip(keep.max(1) - 1) {
            if backups.remove(&stamp)? {
                removed.push(stamp);
            }
        }
        if removed.is_empty() {
            return Ok(());
        }
        let detail = json!({ "of": "backups", "removed": removed });
        self.transact(move |_, conn| history::record(conn, What::Prune, means, at, millis(started), &detail))?;
        Ok(())
    }
}
