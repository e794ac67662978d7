//! What took events back out of the log, for the picture of its course.

use rusqlite::{Connection, OptionalExtension};
use time::OffsetDateTime;

use super::Engine;
use crate::clock;
use crate::error::Result;
use crate::history::{self, Operation};

/// An operation that took events out of the log.
#[derive(Debug, Clone)]
pub struct TakenBack {
    /// The operation.
    pub operation: Operation,
    /// How many events it took out.
    pub events: u64,
    /// The last event that stayed; 0 where none did.
    pub to: i64,
    /// When that event happened; none where its `ts` is no moment, or no event stayed.
    pub since: Option<OffsetDateTime>,
    /// Whether a log that held all of them was brought back since.
    pub undone: bool,
}

impl Engine {
    /// The latest operations that took events out of the log, newest first, at most `limit`.
    ///
    /// # Errors
    ///
    /// Where the database fails.
    pub fn taken_back(&self, limit: u64) -> Result<Vec<TakenBack>> {
        self.readers.read(|conn| {
            let operations = history::that_removed_events(conn, limit)?;
            operations.into_iter().map(|operation| of(conn, operation)).collect()
        })
    }
}

fn of(conn: &Connection, operation: Operation) -> Result<TakenBack> {
    let to = operation.detail["head"].as_i64().unwrap_or_default();
    let events = operation.detail["events_removed"].as_u64().unwrap_or_default();
    // It may have left the log since; the one before it is not far from it in time.
    let ts = "SELECT ts FROM event_log WHERE id <= ?1 ORDER BY id DESC LIMIT 1";
    let ts: Option<String> = conn.prepare_cached(ts)?.query_row([to], |row| row.get(0)).optional()?;
    let since = ts.as_deref().and_then(clock::parse_rfc3339);
    let undone = is_undone(conn, operation.operation)?;
    Ok(TakenBack { operation, events, to, since, undone })
}

/// Whether a later operation brought back a log of before this one, up to its end or further.
fn is_undone(conn: &Connection, operation: i64) -> Result<bool> {
    let sql = "SELECT EXISTS (SELECT 1 FROM backstitch_operations taken, backstitch_operations back
                              WHERE taken.operation = ?1 AND back.operation > ?1
                              AND back.detail ->> '$.restored_epoch' < taken.detail ->> '$.epoch'
                              AND back.detail ->> '$.head' >= taken.detail ->> '$.from_head')";
    Ok(conn.prepare_cached(sql)?.query_row([operation], |row| row.get(0))?)
}
