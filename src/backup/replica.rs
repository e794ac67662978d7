//! A backup's database in a scratch place, where it may be opened and written to: nothing ever
//! opens the one in the backup.

use std::fs::File;
use std::path::{Path, PathBuf};

use rusqlite::{Connection, OpenFlags};
use tempfile::TempDir;
use time::OffsetDateTime;

use super::sums::{self, Sum};
use crate::adopt::adopt;
use crate::catchup::{Broken, Hold, catch_up};
use crate::domain::Domain;
use crate::domain_copy;
use crate::drift::{self, Drift};
use crate::error::{Error, Result};
use crate::files;
use crate::history::Means;
use crate::image::{ChunkStore, Doubt, Seen};
use crate::progress::Progress;
use crate::snapshot::take::{Capture, Shelf, take};
use crate::snapshot::{Entry, Kind, Library};
use crate::store::{State, schema};

/// Its name in that place.
const DATABASE: &str = "replica.db";

/// A copy of a backup's database, in a folder that goes with it.
pub struct Replica {
    conn: Connection,
    sum: Sum,
    /// Tells others that somebody works in it.
    _held: File,
    /// Removes the folder when dropped; after the connection, since fields drop in order.
    folder: TempDir,
}

/// A replica that is a store, of a domain of its own.
pub struct Store {
    replica: Replica,
    domain: Domain,
    library: Library,
    chunks: ChunkStore,
}

impl Replica {
    /// Copies the database of a backup into a folder beside the data.
    ///
    /// # Errors
    ///
    /// Where it cannot be copied or is not opened.
    pub fn of(database: &Path, beside: &Path, progress: &Progress) -> Result<Self> {
        let mut from = File::open(database)?;
        let mut work =
            progress.begin_of("copying its database aside", "kilobyte", Some(sums::steps(from.metadata()?.len())));
        let folder = files::unfinished_folder(beside)?;
        let held = files::hold_unfinished(folder.path())?;
        let path = folder.path().join(DATABASE);
        let sum = sums::copy_aside(&mut from, &path, &mut work)?;
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let conn = Connection::open_with_flags(path, flags)?;
        Ok(Self { conn, sum, _held: held, folder })
    }

    /// Its connection.
    pub fn conn(&self) -> &Connection {
        &self.conn
    }

    /// The sum of what was copied.
    pub fn sum(&self) -> &Sum {
        &self.sum
    }

    /// Brings it to today's schema and reads its domain.
    ///
    /// # Errors
    ///
    /// Refused where it is no database of a store, or one of a newer version.
    pub fn into_store(mut self) -> Result<Store> {
        // It is thrown away after a crash, so nothing has to reach the disk.
        self.conn.execute_batch(
            "PRAGMA journal_mode = MEMORY; PRAGMA synchronous = OFF; PRAGMA foreign_keys = ON;
             PRAGMA recursive_triggers = ON; PRAGMA cache_size = -32768",
        )?;
        if schema::migrate(&mut self.conn)? {
            return Err(Error::refused("it is an empty database."));
        }
        let domain = domain_copy::load(&self.conn)?.ok_or_else(|| Error::refused("it holds no domain."))?;
        adopt(&mut self.conn, &domain, self.folder.path(), &Progress::default())?;
        let folder = self.folder.path().join("snapshots");
        let library = Library::open(folder.clone())?;
        let chunks = ChunkStore::open_aside(folder.join("chunks"))?;
        Ok(Store { replica: self, domain, library, chunks })
    }
}

impl Store {
    /// Its connection.
    pub fn conn(&self) -> &Connection {
        &self.replica.conn
    }

    /// The file of its database, for connections beside its own.
    pub fn path(&self) -> PathBuf {
        self.replica.folder.path().join(DATABASE)
    }

    /// Where its pieces are.
    pub fn chunks(&self) -> &ChunkStore {
        &self.chunks
    }

    fn shelf<'a>(&'a self, progress: &'a Progress) -> Shelf<'a> {
        Shelf { library: &self.library, chunks: &self.chunks, domain: &self.domain, progress, seen: Seen::Nothing }
    }

    /// The tables that are not what the log gives; none where the log was changed and the tables had
    /// not followed yet, so that nothing can be said.
    ///
    /// # Errors
    ///
    /// Unprocessable where the log does not replay.
    pub fn drift(&self, progress: &Progress) -> Result<Vec<Drift>> {
        if State::read(self.conn())?.stale_from.is_some() {
            return Ok(Vec::new());
        }
        let found = drift::find(self.conn(), self.shelf(progress), self.replica.folder.path())?;
        Ok(found.tables.into_iter().filter(|table| table.total() > 0).collect())
    }

    /// A snapshot of all of it, in its own folder.
    ///
    /// # Errors
    ///
    /// Where it cannot be read or its folder not written.
    pub fn snapshot(&self, at: OffsetDateTime, progress: &Progress) -> Result<Entry> {
        let transaction = self.conn().unchecked_transaction()?;
        let shelf = self.shelf(progress);
        // What another program had changed just before the copy was made.
        catch_up(&transaction, shelf, Hold::Keep, Broken::Stick)?;
        let sequence = State::read(&transaction)?.snapshot_sequence;
        let (kind, means) = (Kind::Periodic, Means::Command);
        let capture = Capture { kind, means, reason: None, label: None, at, sequence };
        let taken = take(&transaction, shelf, capture, Doubt::Nothing)?;
        transaction.commit()?;
        Ok(taken.entry)
    }
}
