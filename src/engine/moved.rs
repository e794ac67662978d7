//! How far the log has moved since a snapshot, counted in events.

use rusqlite::Connection;

use super::{Core, lock};
use crate::error::Result;
use crate::log;
use crate::snapshot::Entry;
use crate::snapshot::log_image::LOG;
use crate::store::State;

/// How the log has moved since a snapshot, in events.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Moved {
    pub(super) after: Option<u64>,
    pub(super) gone: Option<u64>,
}

impl Core {
    /// Counted, since ids leave gaps: a rewind takes events out, and their ids are not given again.
    pub(super) fn moved(&self, conn: &Connection, entry: &Entry, state: &State, events: u64) -> Result<Moved> {
        let Some(last) = entry.last_event_id() else { return Ok(Moved::default()) };
        let up_to = self.count_up_to(conn, last, state, events)?;
        let rows = entry.chunks().and_then(|manifest| manifest.table(LOG)).map(|image| image.rows);
        Ok(Moved { after: Some(events.saturating_sub(up_to)), gone: rows.map(|rows| rows.saturating_sub(up_to)) })
    }

    fn count_up_to(&self, conn: &Connection, last: i64, state: &State, events: u64) -> Result<u64> {
        let key = (last, state.epoch);
        let may_remember = state.stale_from.is_none();
        if let (true, Some(known)) = (may_remember, lock(&self.listing.up_to).get(&key)) {
            return Ok(*known);
        }
        // Counted from the end: most snapshots are not far from it.
        let sql = "SELECT count(*) FROM event_log WHERE id > ?1";
        let after = conn.prepare_cached(sql)?.query_row([last], |row| row.get::<_, i64>(0))?.unsigned_abs();
        let count = events.saturating_sub(after);
        // Events up to the log's end, or past it, may still come.
        if may_remember && last <= log::head(conn)? {
            let mut counted = lock(&self.listing.up_to);
            counted.retain(|(_, epoch), _| *epoch == state.epoch);
            counted.insert(key, count);
        }
        Ok(count)
    }
}
