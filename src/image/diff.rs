//! The rows in which two images of one table differ.
//!
//! A segment's hash covers its keys, so a hash that stands in both images stands for the same
//! rows: those segments are skipped unread, and what is left is merged in key order. One segment
//! of each side is in memory at a time.

use std::cmp::Ordering;
use std::collections::{HashSet, VecDeque};

use super::segment::Segment;
use super::source::Rows;
use super::value::{Value, key_cmp};
use super::{Hash, Table};
use crate::error::Result;

/// What going from `now` to `then` does to one row.
#[derive(Debug, Clone, PartialEq)]
pub enum Change {
    /// It comes back, with these values.
    Added(Vec<Value>),
    /// It goes; these are its values.
    Removed(Vec<Value>),
    /// It stays, with other values.
    Changed {
        /// Today's values.
        now: Vec<Value>,
        /// The values it gets.
        then: Vec<Value>,
    },
}

impl Change {
    /// The values of the row where it is: those it gets, or those it loses.
    pub fn row(&self) -> &[Value] {
        match self {
            Self::Added(row) | Self::Removed(row) | Self::Changed { then: row, .. } => row,
        }
    }
}

/// How many rows change, and how.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counts {
    /// Rows that come back.
    pub added: u64,
    /// Rows that go.
    pub removed: u64,
    /// Rows that stay with other values.
    pub changed: u64,
}

impl Counts {
    /// Counts one more change.
    pub fn count(&mut self, change: &Change) {
        match change {
            Change::Added(_) => self.added += 1,
            Change::Removed(_) => self.removed += 1,
            Change::Changed { .. } => self.changed += 1,
        }
    }

    /// All of them.
    pub fn total(&self) -> u64 {
        self.added + self.removed + self.changed
    }
}

/// All changes from `now` to `then`, in key order, those with a key at or below `after` left out.
pub fn changes<'a>(table: &'a Table, then: &'a dyn Rows, now: &'a dyn Rows, after: Option<&'a [Value]>) -> Changes<'a> {
    Changes { then: Stream::new(table, then, now, after), now: Stream::new(table, now, then, after), table }
}

/// Counts all changes from `now` to `then`.
///
/// # Errors
///
/// Where rows of either side cannot be read.
pub fn count(table: &Table, then: &dyn Rows, now: &dyn Rows) -> Result<Counts> {
    let mut counts = Counts::default();
    for change in changes(table, then, now, None) {
        counts.count(&change?);
    }
    Ok(counts)
}

/// See [`changes`].
pub struct Changes<'a> {
    table: &'a Table,
    then: Stream<'a>,
    now: Stream<'a>,
}

impl Changes<'_> {
    fn step(&mut self) -> Result<Option<Change>> {
        loop {
            self.then.fill()?;
            self.now.fill()?;
            let order = match (self.then.rows.front(), self.now.rows.front()) {
                (None, None) => return Ok(None),
                (Some(_), None) => Ordering::Less,
                (None, Some(_)) => Ordering::Greater,
                (Some(then), Some(now)) => key_cmp(key(self.table, then), key(self.table, now)),
            };
            let then = if order.is_le() { self.then.rows.pop_front() } else { None };
            let now = if order.is_ge() { self.now.rows.pop_front() } else { None };
            match (then, now) {
                (Some(then), Some(now)) if then == now => {}
                (Some(then), Some(now)) => return Ok(Some(Change::Changed { now, then })),
                (Some(then), None) => return Ok(Some(Change::Added(then))),
                (None, Some(now)) => return Ok(Some(Change::Removed(now))),
                (None, None) => return Ok(None),
            }
        }
    }
}

impl Iterator for Changes<'_> {
    type Item = Result<Change>;

    fn next(&mut self) -> Option<Self::Item> {
        self.step().transpose()
    }
}

fn key<'r>(table: &'r Table, row: &'r [Value]) -> impl Iterator<Item = &'r Value> {
    table.key.iter().filter_map(move |&at| row.get(at))
}

/// The rows of one side that stand in segments which the other side does not have.
struct Stream<'a> {
    table: &'a Table,
    source: &'a dyn Rows,
    segments: VecDeque<&'a Segment>,
    rows: VecDeque<Vec<Value>>,
    after: Option<&'a [Value]>,
}

impl<'a> Stream<'a> {
    fn new(table: &'a Table, source: &'a dyn Rows, other: &dyn Rows, after: Option<&'a [Value]>) -> Self {
        let shared: HashSet<Hash> = other.segments().iter().map(|segment| segment.hash).collect();
        let segments = source
            .segments()
            .iter()
            .filter(|segment| !shared.contains(&segment.hash))
            .filter(|segment| after.is_none_or(|after| key_cmp(&segment.last, after).is_gt()))
            .collect();
        Self { table, source, segments, rows: VecDeque::new(), after }
    }

    /// Reads the next segment where there are no rows left.
    fn fill(&mut self) -> Result<()> {
        while self.rows.is_empty() {
            let Some(segment) = self.segments.pop_front() else { return Ok(()) };
            self.rows = self.source.read(segment)?.into();
            if let Some(after) = self.after {
                self.rows.retain(|row| key_cmp(key(self.table, row), after).is_gt());
            }
        }
        Ok(())
    }
}
