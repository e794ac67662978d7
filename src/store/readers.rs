//! The pool of read-only connections. With a write-ahead log a reader never waits for the writer.

use std::ops::Deref;
use std::path::Path;
use std::time::Duration;

use r2d2::{Pool, PooledConnection};
use r2d2_sqlite::SqliteConnectionManager;
use rusqlite::{Connection, OpenFlags};

use super::connection;
use crate::error::{Error, Result};

/// How long a reader waits for a connection of the pool.
const WAIT: Duration = Duration::from_secs(3);

/// Read-only connections.
#[derive(Clone)]
pub struct Readers(Pool<SqliteConnectionManager>);

/// One of them, until it is dropped.
pub struct Reader(PooledConnection<SqliteConnectionManager>);

impl Readers {
    /// A pool of at most `size` connections to a database that exists.
    ///
    /// # Errors
    ///
    /// Where the pool cannot be made.
    pub fn open(path: &Path, size: u32, busy_timeout: Duration) -> Result<Self> {
        let manager = SqliteConnectionManager::file(path)
            .with_flags(OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX)
            .with_init(move |conn| connection::set_up_reader(conn, busy_timeout));
        let pool = Pool::builder().max_size(size).min_idle(Some(1)).connection_timeout(WAIT).build(manager);
        pool.map(Self).map_err(|source| Error::internal("the pool of readers cannot be made").because(source))
    }

    /// A connection.
    ///
    /// # Errors
    ///
    /// Busy where none is free in time.
    pub fn get(&self) -> Result<Reader> {
        self.0.get().map(Reader).map_err(|source| Error::busy().because(source))
    }

    /// Runs `work` on one unchanging state of the database.
    ///
    /// # Errors
    ///
    /// Those of `work`, and busy where no connection is free in time.
    pub fn read<T>(&self, work: impl FnOnce(&Connection) -> Result<T>) -> Result<T> {
        let reader = self.get()?;
        // Dropped at the end, which ends the transaction: a connection returns to the pool clean.
        let transaction = reader.unchecked_transaction()?;
        work(&transaction)
    }
}

impl Reader {
    /// Begins a transaction: from here on it sees one unchanging state of the database.
    ///
    /// # Errors
    ///
    /// Where the database fails.
    pub fn begin(self) -> Result<Begun> {
        self.execute_batch("BEGIN")?;
        let begun = Begun(self);
        // Only the first look at the database tells which state it is.
        begun.query_row("SELECT count(*) FROM sqlite_schema WHERE rowid = 1", [], |_| Ok(()))?;
        Ok(begun)
    }
}

/// A connection in a transaction, which ends when this is dropped: it returns to the pool clean.
pub struct Begun(Reader);

impl Drop for Begun {
    fn drop(&mut self) {
        // It has written nothing, and the pool looks at what it lends.
        let _ = self.0.execute_batch("ROLLBACK");
    }
}

impl Deref for Begun {
    type Target = Connection;

    fn deref(&self) -> &Connection {
        &self.0
    }
}

impl Deref for Reader {
    type Target = Connection;

    fn deref(&self) -> &Connection {
        &self.0
    }
}
