//! A scratch database: a log replayed aside, without touching the live tables.

use rusqlite::Connection;
use tempfile::TempDir;

use crate::domain::Domain;
use crate::error::{Error, Result};
use crate::files;
use crate::image::{Rows, Table};
use crate::progress::Progress;
use crate::projection::{self, Stop};
use crate::snapshot::log_image::LOG;
use crate::store::schema;

/// A database of its own in a folder that goes with it.
pub struct Scratch {
    conn: Connection,
    /// Removes the folder when dropped; after the connection, since fields drop in order.
    _folder: TempDir,
}

impl Scratch {
    /// An empty store of a domain, in a folder beside the data: as much room as the data has.
    ///
    /// # Errors
    ///
    /// Where the folder or the database cannot be made.
    pub fn new(beside: &std::path::Path, domain: &Domain) -> Result<Self> {
        let folder = tempfile::Builder::new().prefix(files::UNFINISHED).tempdir_in(beside)?;
        let mut conn = Connection::open(folder.path().join("scratch.db"))?;
        // It is thrown away after a crash, so nothing has to reach the disk.
        conn.execute_batch("PRAGMA journal_mode = MEMORY; PRAGMA synchronous = OFF; PRAGMA foreign_keys = ON")?;
        schema::migrate(&mut conn)?;
        domain.create_tables(&conn)?;
        Ok(Self { conn, _folder: folder })
    }

    /// Its connection.
    pub fn conn(&self) -> &Connection {
        &self.conn
    }

    /// Puts a log in and applies all of it.
    ///
    /// # Errors
    ///
    /// Unprocessable with the first event that today's handlers cannot apply.
    pub fn replay(&self, log: &dyn Rows, domain: &Domain, progress: &Progress) -> Result<()> {
        let table = Table::read(&self.conn, LOG)?;
        let marks = vec!["?"; table.columns.len()].join(", ");
        // The log is taken as it is: what it names is not this database's to judge.
        self.conn.execute_batch("DROP TRIGGER event_log_ids_only_grow; PRAGMA foreign_keys = OFF; BEGIN")?;
        let mut insert = self.conn.prepare(&format!("INSERT INTO {LOG} ({}) VALUES ({marks})", table.column_list()))?;
        for segment in log.segments() {
            for row in log.read(segment)? {
                insert.execute(rusqlite::params_from_iter(&row))?;
            }
        }
        self.conn.execute_batch("COMMIT; PRAGMA foreign_keys = ON; BEGIN")?;
        let head = crate::log::head(&self.conn)?;
        projection::apply(&self.conn, domain, 0, head, progress).map_err(Stop::into_error)?;
        self.conn.execute_batch("COMMIT").map_err(Error::from)
    }
}
