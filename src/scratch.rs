//! A scratch database: tables and a log aside, without touching the live ones.
//!
//! Full-text indexes are left alone until somebody searches: building them costs several times
//! what the rows do.

use std::cell::Cell;
use std::fs::File;
use std::path::Path;

use rusqlite::{Connection, params_from_iter};
use tempfile::TempDir;

use crate::domain::Domain;
use crate::error::{Error, Result};
use crate::files;
use crate::image::table::quote;
use crate::image::{Rows, Table, Value, codec};
use crate::progress::Progress;
use crate::projection::{self, IndexTriggers, Stop};
use crate::snapshot::log_image::{LOG, Part};
use crate::store::{quietly, schema};

/// A database of its own in a folder that goes with it.
pub struct Scratch {
    conn: Connection,
    /// The full-text triggers, until the indexes are wanted.
    set_aside: IndexTriggers,
    indexed: Cell<bool>,
    /// Its folder; none in memory. After the connection, since fields drop in order.
    folder: Option<Folder>,
}

/// A folder that goes when this is dropped.
struct Folder {
    path: TempDir,
    /// Tells others that somebody works in it.
    _held: File,
}

impl Scratch {
    /// An empty store of a domain, in a folder beside the data: as much room as the data has.
    ///
    /// # Errors
    ///
    /// Where the folder or the database cannot be made.
    pub fn new(beside: &Path, domain: &Domain) -> Result<Self> {
        let path = files::unfinished_folder(beside)?;
        let held = files::hold_unfinished(path.path())?;
        let conn = Connection::open(path.path().join("scratch.db"))?;
        Self::of(conn, domain, Some(Folder { path, _held: held }))
    }

    /// An empty store of a domain in memory, for a few rows.
    ///
    /// # Errors
    ///
    /// Where the tables cannot be made.
    pub fn in_memory(domain: &Domain) -> Result<Self> {
        Self::of(Connection::open_in_memory()?, domain, None)
    }

    fn of(mut conn: Connection, domain: &Domain, folder: Option<Folder>) -> Result<Self> {
        // It is thrown away after a crash, so nothing has to reach the disk.
        conn.execute_batch(
            "PRAGMA journal_mode = MEMORY; PRAGMA synchronous = OFF; PRAGMA foreign_keys = ON;
             PRAGMA recursive_triggers = ON; PRAGMA cache_size = -32768",
        )?;
        schema::migrate(&mut conn)?;
        domain.create_tables(&conn)?;
        let set_aside = IndexTriggers::set_aside(&conn, domain)?;
        Ok(Self { conn, set_aside, indexed: Cell::new(false), folder })
    }

    /// Its connection.
    pub fn conn(&self) -> &Connection {
        &self.conn
    }

    /// Its folder: what is put there goes with it. None in memory.
    pub fn folder(&self) -> Option<&Path> {
        self.folder.as_ref().map(|folder| folder.path.path())
    }

    /// Runs `work` in a transaction: one for all of it costs less than one a row.
    ///
    /// # Errors
    ///
    /// Those of `work`; then nothing of it stays.
    pub fn together<T>(&self, work: impl FnOnce() -> Result<T>) -> Result<T> {
        let transaction = self.conn.unchecked_transaction()?;
        let answer = work()?;
        transaction.commit()?;
        Ok(answer)
    }

    /// Runs `work`, and takes back what it did where it says so by false, or fails.
    ///
    /// # Errors
    ///
    /// Those of `work`, and where it cannot be taken back.
    pub fn kept_if(&self, work: impl FnOnce() -> Result<bool>) -> Result<bool> {
        let transaction = self.conn.unchecked_transaction()?;
        let keep = work()?;
        if keep {
            transaction.commit()?;
        }
        Ok(keep)
    }

    /// Runs `work` and takes back what it did, so that the tables are as empty as before.
    ///
    /// # Errors
    ///
    /// Those of `work`, and where it cannot be taken back.
    pub fn aside<T>(&self, work: impl FnOnce() -> Result<T>) -> Result<T> {
        let transaction = self.conn.unchecked_transaction()?;
        let answer = work();
        // A trigger of the domain may have done so already.
        if !self.conn.is_autocommit() {
            transaction.rollback()?;
        }
        answer
    }

    /// Puts the rows of an image into a table, as [`copy_rows`] does.
    ///
    /// # Errors
    ///
    /// Where rows cannot be read or written.
    pub fn fill(&self, table: &Table, rows: &dyn Rows) -> Result<()> {
        let mut insert = Insert::new(&self.conn, table)?;
        quietly(&self.conn, || {
            for segment in rows.segments() {
                rows.read(segment)?.iter().try_for_each(|row| insert.run(row))?;
            }
            Ok(())
        })
    }

    /// Copies a part of another database's log, from after an event on.
    ///
    /// # Errors
    ///
    /// Where rows cannot be read or written.
    pub fn copy_log(&self, from: &Connection, part: &Part, after: i64) -> Result<()> {
        copy_log(from, &self.conn, part, after)
    }

    /// Full-text indexes that handlers or triggers of the domain deal with in other ways than
    /// following their table are built now: what is applied next may read them.
    ///
    /// # Errors
    ///
    /// Where the database fails.
    pub fn build_needed_indexes(&self, domain: &Domain) -> Result<()> {
        for index in domain.full_text.iter().filter(|index| !self.set_aside.has(index)) {
            let name = quote(&index.index);
            self.conn.execute(&format!("INSERT INTO {name}({name}) VALUES ('rebuild')"), [])?;
        }
        Ok(())
    }

    /// Applies the live events of its log after one, up to another.
    ///
    /// # Errors
    ///
    /// Unprocessable with the first event that today's handlers cannot apply.
    pub fn apply(&self, domain: &Domain, after: i64, up_to: i64, progress: &Progress) -> Result<u64> {
        projection::apply_all(&self.conn, domain, after, up_to, progress).map_err(Stop::into_error)
    }

    /// Puts a log in and applies all of it.
    ///
    /// # Errors
    ///
    /// Unprocessable with the first event that today's handlers cannot apply.
    pub fn replay(&self, log: &dyn Rows, domain: &Domain, progress: &Progress) -> Result<()> {
        self.together(|| {
            self.fill(&Table::read(&self.conn, LOG)?, log)?;
            let head = crate::log::head(&self.conn)?;
            self.apply(domain, 0, head, progress)?;
            Ok(())
        })
    }

    /// Builds the full-text indexes, once.
    ///
    /// # Errors
    ///
    /// Where the database fails.
    pub fn index(&self) -> Result<()> {
        if !self.indexed.get() {
            self.together(|| self.set_aside.put_back(&self.conn))?;
            self.indexed.set(true);
        }
        Ok(())
    }

    /// Whether [`Scratch::index`] was called: from then on triggers keep the indexes.
    pub fn is_indexed(&self) -> bool {
        self.indexed.get()
    }
}

/// Copies a part of a log into another database, from after an event on.
///
/// # Errors
///
/// Where rows cannot be read or written.
pub fn copy_log(from: &Connection, to: &Connection, part: &Part, after: i64) -> Result<()> {
    let table = Table::read(to, LOG)?;
    let (columns, end) = (part.columns(&table), part.end());
    let sql = format!("SELECT {columns} FROM {LOG} WHERE id > {after} AND id <= {end} ORDER BY id");
    copy_rows(from, &sql, (), to, &table)
}

/// Copies the rows of a query into a table as they are: no trigger runs, and what they refer to is
/// not looked at.
///
/// # Errors
///
/// Where rows cannot be read or written.
pub fn copy_rows(
    from: &Connection,
    sql: &str,
    parameters: impl rusqlite::Params,
    to: &Connection,
    table: &Table,
) -> Result<()> {
    let mut select = from.prepare(sql)?;
    let mut rows = select.query(parameters)?;
    let mut insert = Insert::new(to, table)?;
    quietly(to, || {
        while let Some(row) = rows.next()? {
            insert.run(&codec::row_values(row, table.columns.len())?)?;
        }
        Ok(())
    })
}

/// Inserts rows into one table.
struct Insert<'c> {
    statement: rusqlite::Statement<'c>,
}

impl<'c> Insert<'c> {
    fn new(conn: &'c Connection, table: &Table) -> Result<Self> {
        let marks = vec!["?"; table.columns.len()].join(", ");
        let sql = format!("INSERT INTO {} ({}) VALUES ({marks})", table.quoted(), table.column_list());
        Ok(Self { statement: conn.prepare(&sql)? })
    }

    fn run(&mut self, row: &[Value]) -> Result<()> {
        self.statement.execute(params_from_iter(row)).map(|_| ()).map_err(Error::from)
    }
}
