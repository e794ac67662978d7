//! The one row that says where the store stands.

use rusqlite::Connection;
use serde::Serialize;

use crate::error::{Error, Result};

/// Where the store stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct State {
    /// Random, made with the store: tells its own snapshots from others.
    pub store: String,
    /// The last event that the projection has taken account of.
    pub position: i64,
    /// Where the projection stands at an older position on purpose: the log's end when it was put
    /// there.
    pub hold: Option<i64>,
    /// Grows with every change of log or tables other than by appending.
    pub epoch: u64,
    /// The smallest id of the log whose row was changed or deleted since the projection followed.
    pub stale_from: Option<i64>,
    /// The event at which the projection cannot go on.
    pub stuck: Option<Stuck>,
    /// The logic of the domain that the tables follow, as 64 hex digits; empty in a new store.
    pub logic: String,
    /// Snapshots with a sequence number in this range, both ends included, are no base: tables that
    /// were found to differ from what the log gives may be in them.
    pub barred: (u64, u64),
    /// The sequence number that was given to a snapshot last.
    pub snapshot_sequence: u64,
    /// The number that was last when the tables were found to be what the log gives.
    pub clean_sequence: u64,
}

/// An event whose handler fails. Only a row that another process wrote can be one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Stuck {
    /// Its id.
    pub event: i64,
    /// The rule that it breaks.
    pub reason: String,
}

impl State {
    /// Reads the row.
    ///
    /// # Errors
    ///
    /// Where the database fails.
    pub fn read(conn: &Connection) -> Result<Self> {
        let sql = "SELECT store, position, hold, epoch, stale_from, stuck_event, stuck_reason, logic,
                          barred_from, barred_to, snapshot_sequence, clean_sequence FROM backstitch_state";
        Ok(conn.prepare_cached(sql)?.query_row([], |row| {
            let event: Option<i64> = row.get(5)?;
            let reason: Option<String> = row.get(6)?;
            Ok(Self {
                store: row.get(0)?,
                position: row.get(1)?,
                hold: row.get(2)?,
                epoch: row.get::<_, i64>(3)?.unsigned_abs(),
                stale_from: row.get(4)?,
                stuck: event.map(|event| Stuck { event, reason: reason.unwrap_or_default() }),
                logic: row.get(7)?,
                barred: (row.get::<_, i64>(8)?.unsigned_abs(), row.get::<_, i64>(9)?.unsigned_abs()),
                snapshot_sequence: row.get::<_, i64>(10)?.unsigned_abs(),
                clean_sequence: row.get::<_, i64>(11)?.unsigned_abs(),
            })
        })?)
    }

    /// Whether the tables still follow the domain that the caller knows.
    ///
    /// # Errors
    ///
    /// Conflict where another process has put another domain in place.
    pub fn check_logic(&self, logic: impl std::fmt::Display) -> Result<()> {
        if self.logic == logic.to_string() {
            return Ok(());
        }
        Err(Error::conflict("Another process has put another domain in place.").hint("Start again."))
    }

    /// Whether a snapshot of this sequence number may not be a base.
    pub fn bars(&self, sequence: u64) -> bool {
        (self.barred.0..=self.barred.1).contains(&sequence) && sequence > 0
    }

    /// Whether the projection is where it should be, for a log that ends at `head`: nothing is to be
    /// taken in but by ending a hold or mending the event at which it is stuck.
    pub fn is_settled(&self, head: i64) -> bool {
        let waits = match (self.hold, &self.stuck) {
            (Some(since), _) => head > since,
            (None, Some(_)) => false,
            (None, None) => head > self.position,
        };
        !waits && self.stale_from.is_none()
    }

    /// Writes where the projection stands; the rest is not written.
    ///
    /// # Errors
    ///
    /// Where the database fails.
    pub fn write(&self, conn: &Connection) -> Result<()> {
        let stuck = self.stuck.as_ref();
        conn.prepare_cached(
            "UPDATE backstitch_state SET position = ?1, hold = ?2, stale_from = ?3, stuck_event = ?4, stuck_reason = ?5",
        )?
        .execute((
            self.position,
            self.hold,
            self.stale_from,
            stuck.map(|stuck| stuck.event),
            stuck.map(|stuck| &stuck.reason),
        ))?;
        Ok(())
    }
}

/// The end of a bar that goes on.
const NO_END: u64 = i64::MAX as u64;

/// Bars the snapshots from one sequence number to another, beside those that are barred already.
///
/// # Errors
///
/// Where the database fails.
pub fn bar(conn: &Connection, from: u64, to: u64) -> Result<()> {
    conn.execute(
        "UPDATE backstitch_state SET barred_to = max(barred_to, ?2),
                barred_from = CASE WHEN barred_to = 0 THEN ?1 ELSE min(barred_from, ?1) END",
        (from as i64, to as i64),
    )?;
    Ok(())
}

/// Bars the snapshots from one sequence number on, also those still to be taken, until [`trust`]:
/// the tables may hold rows that the log does not give.
///
/// # Errors
///
/// Where the database fails.
pub fn distrust(conn: &Connection, from: u64) -> Result<()> {
    bar(conn, from, NO_END)
}

/// Ends a bar that has no end yet: the tables follow from the log again, and so does what is taken
/// of them.
///
/// # Errors
///
/// Where the database fails.
pub fn trust(conn: &Connection) -> Result<()> {
    let end = "UPDATE backstitch_state SET barred_to = snapshot_sequence WHERE barred_to = ?1";
    if conn.execute(end, [NO_END as i64])? > 0 {
        // Nothing was taken meanwhile.
        let none = "UPDATE backstitch_state SET barred_from = 0, barred_to = 0 WHERE barred_from > barred_to";
        conn.execute(none, [])?;
    }
    Ok(())
}

/// Raises the epoch: log or tables have changed other than by appending. Answers the new one.
///
/// # Errors
///
/// Where the database fails.
pub fn raise_epoch(conn: &Connection) -> Result<u64> {
    let sql = "UPDATE backstitch_state SET epoch = epoch + 1 RETURNING epoch";
    Ok(conn.query_row(sql, [], |row| row.get::<_, i64>(0))?.unsigned_abs())
}

/// The next number in the order of all snapshots of this store.
///
/// # Errors
///
/// Where the database fails.
pub fn next_snapshot_sequence(conn: &Connection) -> Result<u64> {
    let sql = "UPDATE backstitch_state SET snapshot_sequence = snapshot_sequence + 1 RETURNING snapshot_sequence";
    Ok(conn.query_row(sql, [], |row| row.get::<_, i64>(0))?.unsigned_abs())
}
