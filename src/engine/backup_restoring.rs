//! Restoring a runtime backup: proven, read aside, a backup of the present, then rows and files
//! change places together.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Instant;

use rusqlite::{Connection, OpenFlags};
use serde::Serialize;

use super::dumps::Opened;
use super::restoring::{FromBackup, Order, restore};
use super::safety::check_expected;
use super::{Engine, lock};
use crate::backup::Stamp;
use crate::backup::intent::Intent;
use crate::backup::metadata::Listed;
use crate::backup::replica::Replica;
use crate::backup::restore::Source;
use crate::backup::sums::Sum;
use crate::compare::{DiffPage, RowPage};
use crate::entity;
use crate::error::{Error, Result};
use crate::history::Means;
use crate::plan::Plan;
use crate::progress::Task;
use crate::snapshot::take::Shelf;
use crate::snapshot::{Entry, Expected, Preview, Restored, Scope};

/// What restoring a backup did.
#[derive(Debug, Clone, Serialize)]
pub struct RestoredBackup {
    /// What it did to the store.
    #[serde(flatten)]
    pub restored: Restored,
    /// The backup that was restored.
    pub stamp: Stamp,
    /// The backup that was made of everything just before.
    pub backup_before: Stamp,
    /// Whether the registry file was put back.
    pub registry: bool,
    /// Whether the vector store was put back.
    pub vectors: bool,
}

/// The backup that was opened last.
#[derive(Clone)]
pub(super) struct Remembered {
    /// Of its database.
    sum: Sum,
    opened: Arc<Opened>,
    /// The copy that was opened, which goes with it.
    database: PathBuf,
}

impl Engine {
    /// Restores a backup: log and tables become the backup's, and so do the registry file and the
    /// vector store where they are in it. It is checked first, then a backup of the present is made.
    /// History, ids and epoch go on. Where any step fails, everything is as it was.
    ///
    /// # Errors
    ///
    /// Not found; damaged, with what is; conflict where the store is not where `expected` says;
    /// refused where a part has no place.
    ///
    /// # Example
    ///
    /// ```
    /// # use backstitch::{engine::{Engine, Options}, history::Means, log::NewEvent, snapshot::Expected};
    /// # fn main() -> backstitch::error::Result<()> {
    /// # let folder = tempfile::tempdir()?;
    /// # let store = Engine::open(Options::new(folder.path()))?;
    /// let made = store.create_backup(false, Means::Command)?.backup;
    /// store.append(vec![NewEvent::new("note", "{}")?])?;
    /// let done = store.restore_backup(&made.stamp, Expected::default(), Means::Command)?;
    /// assert_eq!(done.restored.events_removed, 1);
    /// assert_eq!(store.append(vec![NewEvent::new("note", "{}")?])?.first_id, 2, "no id is given twice");
    /// store.undo(done.restored.operation, true, Expected::default(), Means::Command)?;
    /// assert_eq!(store.event(1)?.id, 1);
    /// # Ok(())
    /// # }
    /// ```
    pub fn restore_backup(&self, stamp: &Stamp, expected: Expected, means: Means) -> Result<RestoredBackup> {
        let _task = self.core.progress.task(Task::BackupRestore);
        self.run_backup_restore(stamp, expected, means, None)
    }

    /// Restores a backup into a folder that is empty or not there: a data folder of its own. Nothing
    /// here changes.
    ///
    /// # Errors
    ///
    /// Not found; damaged; refused where something is in the folder.
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
    /// let other = folder.path().join("other");
    /// store.restore_backup_to(&made.stamp, &other)?;
    /// assert_eq!(Engine::open(Options::new(other))?.event(1)?.id, 1);
    /// # Ok(())
    /// # }
    /// ```
    pub fn restore_backup_to(&self, stamp: &Stamp, folder: &Path) -> Result<()> {
        let _shared = self.core.runtime.backups.share()?;
        self.sound(stamp)?.put_into(folder, &self.core.progress)
    }

    /// What restoring a backup would change in the log and the tables. The snapshot in the answer is
    /// no file: it stands for the backup's database.
    ///
    /// # Errors
    ///
    /// Not found; damaged where the database is not what was written.
    pub fn preview_backup(&self, stamp: &Stamp) -> Result<Preview> {
        let _task = self.core.progress.task(Task::Plan);
        self.with_backup(stamp, |conn, shelf, entry| {
            let snapshot = self.core.shown_new(conn, entry.clone())?;
            self.backup_plan(conn, shelf, entry, |plan| plan.preview(snapshot))
        })
    }

    /// One page of the rows of a table that restoring a backup would change.
    ///
    /// # Errors
    ///
    /// As [`Engine::preview_backup`]; not found where there is no such table.
    pub fn backup_rows(&self, stamp: &Stamp, table: &str, page: &DiffPage) -> Result<RowPage> {
        let _task = self.core.progress.task(Task::Plan);
        self.with_backup(stamp, |conn, shelf, entry| {
            self.backup_plan(conn, shelf, entry, |plan| Ok(plan.diff(entry, table, page)?.page))
        })
    }

    fn backup_plan<T>(
        &self,
        conn: &Connection,
        shelf: Shelf<'_>,
        entry: &Entry,
        work: impl FnOnce(&Plan<'_>) -> Result<T>,
    ) -> Result<T> {
        work(&Plan::open(conn, shelf, entry, Scope::Everything, &self.core.data_dir)?)
    }

    /// Runs `work` beside the database of a backup, as an entry and the shelf that it stands on.
    fn with_backup<T>(
        &self,
        stamp: &Stamp,
        work: impl FnOnce(&Connection, Shelf<'_>, &Entry) -> Result<T>,
    ) -> Result<T> {
        let _shared = self.core.runtime.backups.share()?;
        let source = Source::open(self.core.runtime.backups.find(stamp)?)?;
        let known = self.open_backup(&source)?;
        let opened = &known.opened;
        self.read_beside(&self.domain(), |conn, shelf| work(conn, opened.shelf(shelf), &opened.entry))
    }

    /// A backup that was checked just now and is not damaged.
    fn sound(&self, stamp: &Stamp) -> Result<Source> {
        Source::proven(&self.core.runtime.backups, &self.validate_backup(stamp)?)
    }

    /// The database of a backup as a snapshot of its own, aside; remembered, so that paging through a
    /// plan does not read it each time.
    fn open_backup(&self, source: &Source) -> Result<Remembered> {
        let (listed, path) = source.database()?;
        let mut last = lock(&self.core.backup);
        if let Some(known) = last.as_ref().filter(|known| known.sum == listed.sum()) {
            return Ok(known.clone());
        }
        last.take();
        Ok(last.insert(self.read_backup(listed, &path)?).clone())
    }

    fn read_backup(&self, listed: &Listed, path: &Path) -> Result<Remembered> {
        let replica = Replica::of(path, self.core.runtime.backups.snapshots(), &self.core.progress)?;
        if *replica.sum() != listed.sum() {
            return Err(Error::damaged("the backup's database is not what was written."));
        }
        let store = replica.into_store().map_err(|error| error.at("the backup's database"))?;
        let entry = store.snapshot(self.core.clock.now(), &self.core.progress)?;
        let (chunks, database) = (store.chunks().clone(), store.path());
        Ok(Remembered { sum: listed.sum(), opened: Arc::new(Opened::aside(entry, chunks, store)), database })
    }

    pub(super) fn run_backup_restore(
        &self,
        stamp: &Stamp,
        expected: Expected,
        means: Means,
        undoes: Option<i64>,
    ) -> Result<RestoredBackup> {
        let (started, runtime) = (Instant::now(), &self.core.runtime);
        let _shared = runtime.backups.share()?;
        let source = self.sound(stamp)?;
        // Told before the work: a part without a place.
        source.swaps(&runtime.places, "")?;
        let known = self.open_backup(&source)?;
        // It takes as much room as the store, and goes with this restore.
        lock(&self.core.backup).take();
        let _closed = runtime.close(&*self.readers.get()?)?;
        self.catch_up_if_behind()?;
        self.readers.read(|conn| check_expected(conn, expected))?;
        let before = self.copy_runtime(source.has_vectors(), true, None, means, started)?.backup.stamp;
        let token =
            format!("{before}-{:x}", self.core.clock.now().unix_timestamp_nanos() ^ i128::from(std::process::id()));
        let intent = Intent { swaps: source.swaps(&runtime.places, &token)?, token: token.clone() };
        let from = FromBackup { stamp: stamp.clone(), before: before.clone(), token };
        let entry = known.opened.entry.clone();
        let order = Order { entry, scope: Scope::Everything, expected, means, undoes, backup: Some(from) };
        let restored = self.exchange(&source, &intent, order, known)?;
        let (registry, vectors) = (source.has_registry(), source.has_vectors());
        Ok(RestoredBackup { restored, stamp: stamp.clone(), backup_before: before, registry, vectors })
    }

    /// Files and rows change places, both or neither.
    fn exchange(&self, source: &Source, intent: &Intent, order: Order, known: Remembered) -> Result<Restored> {
        let backups = &self.core.runtime.backups;
        intent.write(backups)?;
        let swapping = intent.clone();
        let done = source.stage(intent, &self.core.progress).and_then(|()| {
            self.transact(move |core, conn| {
                let restored = restore(conn, core, &order, &known.opened)?;
                // Beside those that are there: whose log it is says each by itself.
                let there = Connection::open_with_flags(&known.database, OpenFlags::SQLITE_OPEN_READ_ONLY)?;
                entity::table::put_all(&there, conn)?;
                let _work = core.progress.begin("putting the files in place", None);
                swapping.exchange()?;
                Ok(restored)
            })
        });
        let ended = if done.is_ok() { intent.complete(backups) } else { intent.reverse(backups) };
        if let Err(error) = ended {
            tracing::warn!(%error, "files of a restore are left; the next opening deals with them");
        }
        done
    }
}
