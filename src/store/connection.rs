//! How connections are set up: the busy timeout first, so that everything after it may wait.

use std::fs::OpenOptions;
use std::io;
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use rusqlite::config::DbConfig;
use rusqlite::{Connection, ErrorCode, OpenFlags};

use crate::error::{Error, Result};

/// Before 3.51.3, two connections that checkpoint at once could lose committed data.
const OLDEST_SOUND_LIBRARY: i32 = 3_051_003;
/// The write-ahead log is cut back to this after a checkpoint, in bytes.
const WAL_KEPT: i64 = 64 << 20;
/// How often a switch that another process is making too is tried again.
const LOOK: Duration = Duration::from_millis(10);
/// Handlers, images and lists together have well below this many statements.
const CACHED_STATEMENTS: usize = 256;

/// Refuses a library that is known to lose data.
///
/// # Errors
///
/// Refused, with both versions.
pub fn check_library() -> Result<()> {
    if rusqlite::version_number() < OLDEST_SOUND_LIBRARY {
        return Err(Error::refused(format!(
            "SQLite {} can lose committed data while two connections checkpoint; 3.51.3 or newer is needed.",
            rusqlite::version()
        ))
        .hint("Build with the bundled library."));
    }
    Ok(())
}

/// Opens the database for writing and makes it if it is not there.
///
/// # Errors
///
/// Where it cannot be opened or is no database.
pub fn open_writer(path: &Path, busy_timeout: Duration) -> Result<Connection> {
    create_private(path)?;
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let conn = Connection::open_with_flags(path, flags)?;
    conn.busy_timeout(busy_timeout)?;
    let mode = switch_to_wal(&conn, busy_timeout)?;
    if mode != "wal" {
        return Err(Error::refused(format!("the database cannot keep a write-ahead log here (mode {mode})"))
            .hint("Put the data folder on a local disk."));
    }
    harden(&conn)?;
    // Without it, a REPLACE deletes rows without the triggers that keep a full-text index sound.
    conn.pragma_update(None, "recursive_triggers", true)?;
    conn.pragma_update(None, "synchronous", "FULL")?;
    conn.pragma_update(None, "foreign_keys", true)?;
    conn.pragma_update(None, "journal_size_limit", WAL_KEPT)?;
    Ok(conn)
}

/// Answers the mode. Of two processes that make one database at once, SQLite tells one that it is
/// busy, without waiting.
fn switch_to_wal(conn: &Connection, busy_timeout: Duration) -> Result<String> {
    let deadline = Instant::now() + busy_timeout;
    loop {
        match conn.pragma_update_and_check(None, "journal_mode", "WAL", |row| row.get(0)) {
            Err(error) if error.sqlite_error_code() == Some(ErrorCode::DatabaseBusy) && Instant::now() < deadline => {
                thread::sleep(LOOK);
            }
            answer => return Ok(answer?),
        }
    }
}

/// Sets up a connection that reads only.
///
/// # Errors
///
/// Where a setting is refused.
pub fn set_up_reader(conn: &Connection, busy_timeout: Duration) -> rusqlite::Result<()> {
    conn.busy_timeout(busy_timeout)?;
    harden(conn)
}

fn harden(conn: &Connection) -> rusqlite::Result<()> {
    conn.pragma_update(None, "trusted_schema", false)?;
    conn.pragma_update(None, "cell_size_check", true)?;
    conn.set_db_config(DbConfig::SQLITE_DBCONFIG_DEFENSIVE, true)?;
    conn.set_prepared_statement_cache_capacity(CACHED_STATEMENTS);
    Ok(())
}

/// An empty file for the owner alone: SQLite gives its side files the same permissions.
///
/// Only ever on a path with no file: closing another descriptor on a live database would drop
/// SQLite's locks.
fn create_private(path: &Path) -> Result<()> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    match options.open(path) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => Err(error.into()),
        _ => Ok(()),
    }
}
