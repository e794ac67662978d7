//! A moment of the store as a plain SQLite file: the log and the tables, with their indexes and
//! triggers, and nothing of this program's own. Any SQLite tool opens it.

use std::path::Path;

use rusqlite::{Connection, OpenFlags};

use crate::domain::Domain;
use crate::error::{Error, Result};
use crate::image::table::quote;
use crate::progress::Progress;
use crate::scratch::{copy_log, copy_rows};
use crate::snapshot::log_image::{LOG, Part};

/// Writes the tables of `tables` and a part of the log of `live` into a new file.
///
/// # Errors
///
/// Where there is a file that is not empty, or it cannot be written; nothing is left of it then.
pub fn write(
    to: &Path,
    domain: &Domain,
    live: &Connection,
    part: &Part,
    tables: &Connection,
    progress: &Progress,
) -> Result<()> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    create(to)?;
    let written = Connection::open_with_flags(to, flags)
        .map_err(Error::from)
        .and_then(|conn| fill(&conn, domain, live, part, tables, progress));
    if written.is_err() {
        // The reason counts more than whether the rest could be removed.
        let _ = std::fs::remove_file(to);
    }
    written
}

fn create(to: &Path) -> Result<()> {
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    match options.open(to) {
        Ok(_) => Ok(()),
        // An empty one, as mktemp makes, holds nothing that could be lost.
        Err(_) if to.metadata().is_ok_and(|file| file.is_file() && file.len() == 0) => Ok(()),
        Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {
            Err(Error::refused(format!("{} is there already, and is left as it is.", to.display()))
                .hint("Give a path where there is no file."))
        }
        Err(error) => Err(Error::from(error).at(to.display())),
    }
}

fn fill(
    conn: &Connection,
    domain: &Domain,
    live: &Connection,
    part: &Part,
    tables: &Connection,
    progress: &Progress,
) -> Result<()> {
    conn.execute_batch("PRAGMA journal_mode = DELETE; PRAGMA synchronous = FULL; PRAGMA cache_size = -32768; BEGIN")?;
    for sql in log_schema(live)? {
        conn.execute_batch(&sql)?;
    }
    domain.create_tables(conn)?;
    copy_log(live, conn, part, 0)?;
    for table in domain.projected() {
        let mut work = progress.begin(&format!("copying {}", table.name), None);
        copy_rows(tables, &format!("SELECT {} FROM {}", table.column_list(), table.quoted()), (), conn, table)?;
        work.advance(1);
    }
    for index in &domain.full_text {
        let name = quote(&index.index);
        conn.execute(&format!("INSERT INTO {name}({name}) VALUES ('rebuild')"), [])?;
    }
    conn.execute_batch("COMMIT").map_err(Error::from)
}

/// The log's table and indexes; its triggers write to tables that only the store has.
fn log_schema(live: &Connection) -> Result<Vec<String>> {
    let sql = "SELECT sql FROM sqlite_schema
               WHERE tbl_name = ?1 AND type IN ('table', 'index') AND sql IS NOT NULL ORDER BY type DESC";
    let mut select = live.prepare(sql)?;
    let found = select.query_map([LOG], |row| row.get(0))?;
    Ok(found.collect::<rusqlite::Result<_>>()?)
}
