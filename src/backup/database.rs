//! A database copied while it is in use, and the checks of such a copy.
//!
//! The copy reads one moment: a transaction that stays open from before its first page to after its
//! last. Without one, a backup in steps starts anew whenever somebody else writes, and under a
//! steady load it never ends. Writers do not wait for it.

use std::collections::BTreeMap;
use std::fs::File;
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use rusqlite::backup::{Backup, StepResult};
use rusqlite::{Connection, OpenFlags};

use super::sums;
use crate::error::{Error, Result};
use crate::files;
use crate::image::table::quote;
use crate::log;
use crate::progress::Progress;
use crate::store::connection;

/// How every SQLite database begins.
const MAGIC: &[u8; 16] = b"SQLite format 3\0";
/// What SQLite keeps beside a database.
pub const SIDES: [&str; 3] = ["-wal", "-shm", "-journal"];
/// How often a database that is locked just now is tried again.
const LOOK: Duration = Duration::from_millis(10);
/// For a copy that is thrown away where it is not whole: it is read once from end to end, and in
/// the order of each index as well.
pub const OF_A_COPY: &str = "PRAGMA synchronous = OFF; PRAGMA cache_size = -65536";
/// Pages from one report of progress to the next.
const PAGES: i32 = 1024;

/// A database held at one moment: whatever others write meanwhile, this is what is copied.
pub struct Held {
    conn: Connection,
    wait: Duration,
}

impl Held {
    /// Takes hold of a database that may be in use.
    ///
    /// # Errors
    ///
    /// Busy where it stays locked for longer than `wait`; damaged where it cannot be read.
    pub fn take(path: &Path, wait: Duration) -> Result<Self> {
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let conn = Connection::open_with_flags(path, flags)?;
        connection::set_up_reader(&conn, wait)?;
        // The moment is that of the first read.
        conn.execute_batch("BEGIN; SELECT 1 FROM sqlite_schema")?;
        Ok(Self { conn, wait })
    }

    /// Copies it into a new file, which needs no other file beside it, and is not synced. Progress
    /// counts pages, under the name `what`.
    ///
    /// # Errors
    ///
    /// Where it cannot be read or the other not written.
    pub fn copy(&self, to: &Path, what: &str, progress: &Progress) -> Result<()> {
        drop(sums::create(to)?);
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let mut target = Connection::open_with_flags(to, flags)?;
        // A copy that is not whole is thrown away.
        target.execute_batch("PRAGMA synchronous = OFF")?;
        self.step(&mut target, what, progress)?;
        // With a write-ahead log, reading the copy would leave files beside it.
        let mode: String = target.pragma_update_and_check(None, "journal_mode", "DELETE", |row| row.get(0))?;
        if mode != "delete" {
            return Err(Error::internal(format!("a copy of a database stays in mode {mode}")));
        }
        target.close().map_err(|(_, error)| error)?;
        remove_sides(to)
    }

    fn step(&self, target: &mut Connection, what: &str, progress: &Progress) -> Result<()> {
        let mut left: u32 = self.conn.query_row("PRAGMA page_count", [], |row| row.get(0))?;
        let mut work = progress.begin_of(what, "page", Some(left.into()));
        let deadline = Instant::now() + self.wait;
        let backup = Backup::new(&self.conn, target)?;
        loop {
            let answer = backup.step(PAGES)?;
            if matches!(answer, StepResult::Done | StepResult::More) {
                let lot = left.min(PAGES.unsigned_abs());
                work.advance(lot.into());
                left -= lot;
            }
            match answer {
                StepResult::Done => return Ok(()),
                StepResult::More => {}
                _ if Instant::now() >= deadline => return Err(Error::busy()),
                _ => thread::sleep(LOOK),
            }
        }
    }
}

/// Removes what SQLite keeps beside a database that is whole without it: it is content with less
/// than having removed that.
fn remove_sides(path: &Path) -> Result<()> {
    for side in SIDES {
        let mut name = path.to_owned().into_os_string();
        name.push(side);
        files::remove_if_there(Path::new(&name))?;
    }
    Ok(())
}

/// Whether a file begins as an SQLite database does.
///
/// # Errors
///
/// Where it cannot be read.
pub fn is_one(file: &mut File) -> std::io::Result<bool> {
    use std::io::{Read, Seek};
    let mut first = Vec::with_capacity(MAGIC.len());
    Read::by_ref(file).take(MAGIC.len() as u64).read_to_end(&mut first)?;
    file.rewind()?;
    Ok(first == MAGIC)
}

/// What a database says of itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Told {
    /// The highest id of its log.
    pub last_event_id: i64,
    /// Rows of the log and of every projected table.
    pub rows: BTreeMap<String, u64>,
}

/// Proves a fresh copy of the store's database: its pages, and its full-text indexes, which are
/// built anew where they have drifted from their tables.
///
/// # Errors
///
/// Damaged where its pages do not fit together.
pub fn prove(path: &Path, progress: &Progress) -> Result<Told> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let conn = Connection::open_with_flags(path, flags)?;
    conn.execute_batch(OF_A_COPY)?;
    let work = progress.begin("checking the copy", None);
    if let Some(said) = broken_pages(&conn)? {
        return Err(Error::damaged(format!("the database is damaged: {said}."))
            .hint("No backup was made. Check the disk; an earlier backup can be restored into an empty folder."));
    }
    drop(work);
    let _work = progress.begin("checking the search indexes", None);
    for index in drifted_indexes(&conn)? {
        let name = quote(&index);
        conn.execute(&format!("INSERT INTO {name}({name}) VALUES ('rebuild')"), [])?;
    }
    let told = tell(&conn)?;
    conn.close().map_err(|(_, error)| error)?;
    remove_sides(path)?;
    Ok(told)
}

/// What does not fit together in a database's pages; none where all does.
///
/// # Errors
///
/// Where it cannot be read so far.
pub fn broken_pages(conn: &Connection) -> rusqlite::Result<Option<String>> {
    let said: String = conn.query_row("PRAGMA integrity_check", [], |row| row.get(0))?;
    Ok((said != "ok").then_some(said))
}

/// The full-text indexes that are not what their tables say.
///
/// # Errors
///
/// Where the database fails otherwise.
pub fn drifted_indexes(conn: &Connection) -> Result<Vec<String>> {
    let sql = "SELECT name FROM sqlite_schema WHERE type = 'table' AND sql LIKE 'CREATE VIRTUAL TABLE%USING%fts5%'";
    let mut statement = conn.prepare(sql)?;
    let names: Vec<String> = statement.query_map([], |row| row.get(0))?.collect::<rusqlite::Result<_>>()?;
    let mut drifted = Vec::new();
    for index in names {
        let name = quote(&index);
        match conn.execute(&format!("INSERT INTO {name}({name}, rank) VALUES ('integrity-check', 1)"), []) {
            Ok(_) => {}
            Err(error) if error.sqlite_error_code() == Some(rusqlite::ErrorCode::DatabaseCorrupt) => {
                drifted.push(index);
            }
            Err(error) => return Err(error.into()),
        }
    }
    Ok(drifted)
}

/// What a store's database says of itself.
///
/// # Errors
///
/// Where it is no database of a store.
pub fn tell(conn: &Connection) -> Result<Told> {
    let sql = "SELECT name FROM pragma_table_list WHERE schema = 'main' AND type = 'table'
               AND name NOT GLOB 'sqlite_*' AND name NOT GLOB 'backstitch_*'";
    let mut statement = conn.prepare(sql)?;
    let names: Vec<String> = statement.query_map([], |row| row.get(0))?.collect::<rusqlite::Result<_>>()?;
    let mut rows = BTreeMap::new();
    for name in names {
        rows.insert(name.clone(), count(conn, &name)?);
    }
    Ok(Told { last_event_id: log::head(conn)?, rows })
}

fn count(conn: &Connection, table: &str) -> Result<u64> {
    let rows: i64 = conn.query_row(&format!("SELECT count(*) FROM {}", quote(table)), [], |row| row.get(0))?;
    Ok(rows.unsigned_abs())
}
