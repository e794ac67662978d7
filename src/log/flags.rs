//! The flags of an event: what in the log changes in place.

use rusqlite::{Connection, OptionalExtension};

use crate::error::{Error, Result};

/// Hides an event or shows it again; says whether that changed anything. Triggers note from which
/// event on the tables are stale.
///
/// # Errors
///
/// Not found where there is no such event.
pub fn set_hidden(conn: &Connection, event: i64, hidden: bool) -> Result<bool> {
    let sql = "SELECT hidden FROM event_log WHERE id = ?1";
    let now: Option<bool> = conn.prepare_cached(sql)?.query_row([event], |row| row.get(0)).optional()?;
    let now = now.ok_or_else(|| Error::not_found("event not found"))?;
    if now == hidden {
        return Ok(false);
    }
    conn.prepare_cached("UPDATE event_log SET hidden = ?2 WHERE id = ?1")?.execute((event, hidden))?;
    Ok(true)
}
