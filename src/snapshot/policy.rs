//! When a periodic snapshot is due.
//!
//! There is none and the log has an event; or so many events have come since the last one; or so
//! much time has passed and anything has changed. None is taken while the tables are held or stuck.

use std::fmt;
use std::time::Duration;

use rusqlite::Connection;
use time::OffsetDateTime;

use super::entry::Entry;
use crate::clock;
use crate::domain::Domain;
use crate::error::Result;
use crate::log;
use crate::store::State;

/// When snapshots are taken and how long they are kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Policy {
    /// Due after so many events.
    pub events: u64,
    /// Due after so long, if anything has changed.
    pub interval: Duration,
    /// After `interval` also due where nothing has changed.
    pub unchanged: bool,
    /// How many periodic snapshots are kept.
    pub keep_periodic: usize,
    /// How long safety snapshots are kept.
    pub keep_rewind: Duration,
}

impl Default for Policy {
    fn default() -> Self {
        Self {
            events: 100,
            interval: Duration::from_secs(30 * 60),
            unchanged: false,
            keep_periodic: 5,
            keep_rewind: Duration::from_secs(14 * 24 * 60 * 60),
        }
    }
}

/// What the policy makes of the moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NextDue {
    /// So many more events make one due.
    pub after_events: u64,
    /// From this moment on one is due if anything has changed.
    pub at: Option<OffsetDateTime>,
    /// One is due.
    pub due_now: bool,
    /// Why it is so.
    pub why: Why,
}

/// Why a snapshot is due or not.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Why {
    /// The log has no event.
    EmptyLog,
    /// There is none yet, and the log has an event.
    First,
    /// So many events have come.
    Events(u64),
    /// So much time has passed and something has changed.
    Time,
    /// Something has changed, too little and too lately.
    NotYet,
    /// Nothing has changed since the last one.
    Unchanged,
    /// The tables stand at an older event on purpose.
    Held,
    /// The tables cannot go on.
    Stuck,
}

impl fmt::Display for Why {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::EmptyLog => f.write_str("the log has no event yet"),
            Self::First => f.write_str("there is no snapshot yet"),
            Self::Events(events) => write!(f, "{events} events have come since the last one"),
            Self::Time => f.write_str("the time has come and something has changed"),
            Self::NotYet => f.write_str("neither the events nor the time since the last one are enough"),
            Self::Unchanged => f.write_str("nothing has changed since the last one, so it stands for now as well"),
            Self::Held => f.write_str("none is taken while the tables are paused"),
            Self::Stuck => f.write_str("none is taken while the tables cannot go on"),
        }
    }
}

/// Judges the moment. `last` is the newest sound periodic snapshot that this store took itself.
///
/// # Errors
///
/// Where the log cannot be read.
pub fn next_due(
    conn: &Connection,
    policy: &Policy,
    domain: &Domain,
    last: Option<&Entry>,
    now: OffsetDateTime,
) -> Result<NextDue> {
    let state = State::read(conn)?;
    let head = log::head(conn)?;
    let Some((entry, last_event_id)) = last.and_then(|entry| Some((entry, entry.last_event_id()?))) else {
        let why = if head == 0 { Why::EmptyLog } else { Why::First };
        return Ok(judged(&state, NextDue { after_events: u64::from(head == 0), at: None, due_now: head > 0, why }));
    };
    let events = count_after(conn, last_event_id, policy.events)?;
    let at = clock::after(entry.modified, policy.interval);
    let changed = head != last_event_id
        || entry.epoch() != Some(state.epoch)
        || entry.chunks().is_some_and(|manifest| domain.logic != manifest.about.logic)
        || policy.unchanged;
    let why = match changed {
        _ if events >= policy.events => Why::Events(events),
        false => Why::Unchanged,
        // A file of the future is one of a clock that was ahead: its age is not known.
        true if at.is_some_and(|at| now >= at) || now < entry.modified => Why::Time,
        true => Why::NotYet,
    };
    let due_now = matches!(why, Why::Events(_) | Why::Time);
    Ok(judged(&state, NextDue { after_events: policy.events.saturating_sub(events), at, due_now, why }))
}

/// None is taken while the tables stand still.
fn judged(state: &State, due: NextDue) -> NextDue {
    match (&state.stuck, state.hold) {
        (Some(_), _) => NextDue { due_now: false, why: Why::Stuck, ..due },
        (None, Some(_)) => NextDue { due_now: false, why: Why::Held, ..due },
        (None, None) => due,
    }
}

/// Counts no further than the policy needs.
fn count_after(conn: &Connection, after: i64, enough: u64) -> Result<u64> {
    let sql = "SELECT count(*) FROM (SELECT 1 FROM event_log WHERE id > ?1 LIMIT ?2)";
    let enough = i64::try_from(enough).unwrap_or(i64::MAX);
    let count: i64 = conn.prepare_cached(sql)?.query_row((after, enough), |row| row.get(0))?;
    Ok(count.unsigned_abs())
}
