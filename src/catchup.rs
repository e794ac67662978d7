//! Catching up: the projection follows what happened to the log.
//!
//! One way for all of it: rows that another process appended, changed or deleted, and our own
//! changes of flags. What was changed is known by `stale_from`, which triggers lower; the tables go
//! back to the newest base before it and forward again by replay.

use rusqlite::Connection;

use crate::error::{Error, Result};
use crate::log;
use crate::projection::{self, Failure, Stop};
use crate::snapshot::base;
use crate::snapshot::take::Shelf;
use crate::store::state::{State, Stuck, raise_epoch};

/// What becomes of a hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Hold {
    /// It stays, unless the log has grown since it was set.
    Keep,
    /// It ends: waiting events are applied.
    End,
}

/// What becomes of an event that cannot be applied.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Broken {
    /// The projection stays before it and says so: another process wrote it.
    Stick,
    /// It is refused, with whatever else the caller did: this process wrote it.
    Refuse,
}

/// What catching up did.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct CaughtUp {
    /// Live events applied.
    pub applied: u64,
    /// The event that the tables went back to first; none where they only went forward.
    pub from_base: Option<i64>,
}

/// Brings the projection to where it should stand, in the caller's transaction.
///
/// # Errors
///
/// Conflict where another process has changed the domain; with [`Broken::Refuse`], unprocessable
/// with the event and the rule that it breaks.
pub fn catch_up(conn: &Connection, shelf: Shelf<'_>, hold: Hold, broken: Broken) -> Result<CaughtUp> {
    let mut state = State::read(conn)?;
    state.check_logic(shelf.domain.logic)?;
    let before = state.clone();
    let head = log::head(conn)?;
    let mut done = CaughtUp::default();
    let ends = hold == Hold::End || state.position >= head;
    if state.hold.is_some_and(|since| ends || head > since) {
        state.hold = None;
        raise_epoch(conn)?;
    }
    let target = if state.hold.is_some() { state.position.min(head) } else { head };
    if let Some(stale) = state.stale_from.take() {
        // Also where the tables had not come so far: a snapshot may hold the row as it was.
        raise_epoch(conn)?;
        // The row that broke a rule may be mended: the replay tells.
        state.stuck = None;
        if stale <= before.position {
            state.position = base::rewind_tables(conn, shelf, &state, stale)?;
            done.from_base = Some(state.position);
        }
    }
    if state.position < target {
        done.applied = go_forward(conn, shelf, &mut state, target, broken)?;
    } else if state.hold.is_none() {
        // They may have stopped in a gap, before an event that has gone since.
        (state.position, state.stuck) = (target, None);
    }
    if state != before {
        state.write(conn)?;
    }
    Ok(done)
}

/// The event at which the tables are stuck, or will be once their hold ends.
///
/// # Errors
///
/// Where the database fails.
pub fn will_stick(conn: &Connection, shelf: Shelf<'_>) -> Result<Option<Stuck>> {
    let state = State::read(conn)?;
    if state.stuck.is_some() || state.hold.is_none() {
        return Ok(state.stuck);
    }
    conn.execute_batch("SAVEPOINT looking")?;
    let outcome = projection::apply(conn, shelf.domain, state.position, log::head(conn)?, shelf.progress);
    conn.execute_batch("ROLLBACK TO looking; RELEASE looking")?;
    match outcome {
        Ok(_) => Ok(None),
        Err(Stop::Event(Failure { event, reason, .. })) => Ok(Some(Stuck { event, reason })),
        Err(stop) => Err(stop.into_error()),
    }
}

/// Follows a change that this process made to a log at which the tables may have been stuck
/// already: they may stop there again, or later, but not before. Events that wait are tried too.
///
/// # Errors
///
/// As [`catch_up`]; unprocessable with the event and the rule where an event breaks that did not.
pub fn follow_change(
    conn: &Connection,
    shelf: Shelf<'_>,
    hold: Hold,
    stuck_before: Option<&Stuck>,
) -> Result<CaughtUp> {
    let done = catch_up(conn, shelf, hold, Broken::Stick)?;
    let now = will_stick(conn, shelf)?;
    match now.filter(|now| stuck_before.is_none_or(|before| now.event < before.event)) {
        None => Ok(done),
        Some(Stuck { event, reason }) => {
            Err(Error::unprocessable(format!("event {event} would break a rule then: {reason}. Nothing was changed.")))
        }
    }
}

/// Rebuilds the tables from the log alone, up to its end, in the caller's transaction.
///
/// # Errors
///
/// Unprocessable with the first event that cannot be applied.
pub fn rebuild(conn: &Connection, shelf: Shelf<'_>) -> Result<u64> {
    let head = log::head(conn)?;
    projection::clear(conn, shelf.domain)?;
    let applied = projection::apply(conn, shelf.domain, 0, head, shelf.progress).map_err(Stop::into_error)?;
    let state = State { position: head, hold: None, stale_from: None, stuck: None, ..State::read(conn)? };
    state.write(conn)?;
    Ok(applied)
}

fn go_forward(conn: &Connection, shelf: Shelf<'_>, state: &mut State, target: i64, broken: Broken) -> Result<u64> {
    let from = state.position;
    conn.execute_batch("SAVEPOINT forward")?;
    let outcome = projection::apply(conn, shelf.domain, from, target, shelf.progress);
    if outcome.is_err() {
        conn.execute_batch("ROLLBACK TO forward")?;
    }
    conn.execute_batch("RELEASE forward")?;
    match outcome {
        Ok(applied) => {
            (state.position, state.stuck) = (target, None);
            Ok(applied)
        }
        Err(Stop::Event(failure)) if broken == Broken::Stick => stick(conn, shelf, state, failure),
        Err(stop) => Err(stop.into_error()),
    }
}

/// Applies what stands before the broken event and stays there.
fn stick(conn: &Connection, shelf: Shelf<'_>, state: &mut State, failure: Failure) -> Result<u64> {
    let up_to = failure.event - 1;
    let applied =
        projection::apply(conn, shelf.domain, state.position, up_to, shelf.progress).map_err(Stop::into_error)?;
    state.position = up_to;
    state.stuck = Some(Stuck { event: failure.event, reason: failure.reason });
    Ok(applied)
}
