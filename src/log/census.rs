//! What the log holds, counted: events by the minute in which they happened, and by kind.
//!
//! Counting reads the whole log once; whoever keeps a census goes on from where it ended, since an
//! event's id, moment and kind do not change while it is in the log. Flags are not looked at: a
//! hidden event happened too.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use rusqlite::Connection;

use crate::clock;
use crate::error::Result;

/// Seconds of a minute.
const MINUTE: i64 = 60;

/// The events of one minute.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Minute {
    /// How many.
    pub events: u64,
    /// The lowest id among them.
    pub first: i64,
}

/// The events of a log, counted.
#[derive(Debug, Clone, Default)]
pub struct Census {
    minutes: BTreeMap<i64, Minute>,
    kinds: HashMap<String, u64>,
    branches: BTreeSet<i64>,
    through: i64,
}

impl Census {
    /// The highest id that is counted; 0 where none is.
    pub fn through(&self) -> i64 {
        self.through
    }

    /// Events by minute, in minutes since 1970 began in UTC; those whose `ts` is no moment are not
    /// among them.
    pub fn minutes(&self) -> &BTreeMap<i64, Minute> {
        &self.minutes
    }

    /// How many events of each kind there are, most first.
    pub fn by_kind(&self) -> Vec<(String, u64)> {
        let mut kinds: Vec<(String, u64)> = self.kinds.iter().map(|(kind, events)| (kind.clone(), *events)).collect();
        kinds.sort_by(|(a, many), (b, more)| more.cmp(many).then_with(|| a.cmp(b)));
        kinds
    }

    /// The branches that events are of.
    pub fn branches(&self) -> &BTreeSet<i64> {
        &self.branches
    }

    /// The event with the lowest id in the first minute, from this one on, that has any.
    pub fn first_from(&self, minute: i64) -> Option<i64> {
        self.minutes.range(minute..).next().map(|(_, events)| events.first)
    }

    /// Counts the events that came after those counted before.
    ///
    /// # Errors
    ///
    /// Where the log cannot be read.
    pub fn go_on(&mut self, conn: &Connection) -> Result<()> {
        let mut select =
            conn.prepare_cached("SELECT id, ts, kind, branch_id FROM event_log WHERE id > ?1 ORDER BY id")?;
        let mut rows = select.query([self.through])?;
        while let Some(row) = rows.next()? {
            let id = row.get(0)?;
            // What is not UTF-8 is no moment; of a kind it is shown as far as it is.
            let ts = row.get_ref(1)?.as_str().unwrap_or_default();
            let kind = String::from_utf8_lossy(row.get_ref(2)?.as_bytes().unwrap_or_default());
            self.branches.insert(row.get(3)?);
            self.count(id, ts, &kind);
        }
        Ok(())
    }

    fn count(&mut self, id: i64, ts: &str, kind: &str) {
        if let Some(at) = clock::parse_rfc3339(ts) {
            let minute = at.unix_timestamp().div_euclid(MINUTE);
            self.minutes.entry(minute).or_insert(Minute { events: 0, first: id }).events += 1;
        }
        match self.kinds.get_mut(kind) {
            Some(events) => *events += 1,
            None => {
                self.kinds.insert(kind.to_owned(), 1);
            }
        }
        self.through = id;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_are_counted_by_their_own_minute() {
        let mut census = Census::default();
        census.count(3, "2026-11-20T20:41:12Z", "turn");
        census.count(5, "2026-11-20T21:41:59+01:00", "turn");
        census.count(6, "2026-11-20T20:40:00Z", "bot");
        census.count(7, "yesterday", "turn");
        let seen: Vec<(u64, i64)> = census.minutes().values().map(|minute| (minute.events, minute.first)).collect();
        assert_eq!(seen, [(1, 6), (2, 3)], "in order of time, whatever the order of ids");
        assert_eq!(census.by_kind(), [("turn".to_owned(), 3), ("bot".to_owned(), 1)]);
        assert_eq!(census.through(), 7);
    }

    #[test]
    fn a_moment_leads_to_the_first_event_from_it_on() {
        let mut census = Census::default();
        census.count(3, "1970-01-01T00:10:30Z", "turn");
        census.count(4, "1970-01-01T00:20:30Z", "turn");
        assert_eq!(
            [0, 10, 11, 20, 21].map(|minute| census.first_from(minute)),
            [Some(3), Some(3), Some(4), Some(4), None]
        );
    }
}
