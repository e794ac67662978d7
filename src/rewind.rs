//! Going back to an event: what it would take out of the log and change in the tables, and cutting
//! the log there.
//!
//! The preview is the present beside the tables as of that event, computed aside. Cutting deletes
//! the tail and makes live again what the tail had superseded; whoever cuts brings the tables to
//! the new end in the same transaction.

use std::collections::BTreeMap;
use std::path::Path;

use rusqlite::{Connection, OptionalExtension};
use serde::Serialize;

use crate::catchup::{Broken, Hold, catch_up};
use crate::compare::{self, DiffPage, RowPage, TableChange};
use crate::error::{Error, Result};
use crate::image::Value;
use crate::log::{self, Event, EventQuery};
use crate::moment::Moment;
use crate::snapshot::take::Shelf;
use crate::snapshot::{base, log_image};
use crate::store::state::raise_epoch;
use crate::store::{State, quietly};

/// What a rewind would take out of the log, and change in the tables.
#[derive(Debug, Clone, Serialize)]
pub struct RewindPreview {
    /// The event asked for.
    pub after_event_id: i64,
    /// The last event that stays: at or below the one asked for; 0 where none stays.
    pub last_event_id: i64,
    /// Events that leave the log, hidden and superseded ones counted: they go too.
    pub total_events: u64,
    /// How many of each kind.
    pub by_kind: BTreeMap<String, u64>,
    /// The first event that would go.
    pub first_event: Event,
    /// The last event that would go.
    pub last_event: Event,
    /// Events that are live again, since what superseded them goes.
    pub events_revived: u64,
    /// Every projected table, in the domain's order.
    pub tables: Vec<TableEffect>,
    /// The log's last id when this was computed: posted back as `expected_head`.
    pub current_event_log_max_id: i64,
    /// The epoch when this was computed: posted back as `expected_epoch`.
    pub epoch: u64,
    /// Where the tables stand today.
    pub position: i64,
    /// Whether they stand there on purpose; a rewind ends that.
    pub held: bool,
}

/// What an operation would do to one table, counted in rows.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct TableEffect {
    /// The table.
    pub name: String,
    /// Its rows today.
    pub rows_now: u64,
    /// Its rows afterwards.
    pub rows_after: u64,
    /// Rows that come back.
    pub added: u64,
    /// Rows that go.
    pub removed: u64,
    /// Rows that stay with other values.
    pub changed: u64,
}

impl From<TableChange> for TableEffect {
    fn from(change: TableChange) -> Self {
        let TableChange { name, rows_in_snapshot, rows_now, added, removed, changed } = change;
        Self { name, rows_now, rows_after: rows_in_snapshot, added, removed, changed }
    }
}

impl TableEffect {
    /// All rows that would be written or deleted.
    pub fn total(&self) -> u64 {
        self.added + self.removed + self.changed
    }
}

/// Refuses what is no event to go back to.
///
/// # Errors
///
/// Malformed below 0, and at or past the end of the log.
pub fn check_target(conn: &Connection, after: i64) -> Result<()> {
    let head = log::head(conn)?;
    if after < 0 {
        return Err(Error::malformed("after_event_id must be 0 or the id of an event"));
    }
    if after >= head {
        return Err(Error::malformed(format!(
            "there is nothing after event {after} to take back: the log ends at event {head}"
        )));
    }
    Ok(())
}

/// What going back to an event would do, computed without touching the live tables.
///
/// # Errors
///
/// As [`check_target`]; unprocessable where the log up to there does not replay.
pub fn preview(conn: &Connection, shelf: Shelf<'_>, moment: &Moment) -> Result<RewindPreview> {
    let after = moment.at();
    check_target(conn, after)?;
    let state = State::read(conn)?;
    let by_kind = count_by_kind(conn, after)?;
    let tables = tables(conn, shelf, moment)?;
    Ok(RewindPreview {
        after_event_id: after,
        last_event_id: last_at_or_below(conn, after)?,
        total_events: by_kind.values().sum(),
        by_kind,
        first_event: edge(conn, &EventQuery { after: Some(after), limit: 1, ..EventQuery::default() })?,
        last_event: edge(conn, &EventQuery { limit: 1, ..EventQuery::default() })?,
        events_revived: log_image::Part::as_of(conn, after)?.revived().len() as u64,
        tables,
        current_event_log_max_id: log::head(conn)?,
        epoch: state.epoch,
        position: state.position,
        held: state.hold.is_some(),
    })
}

/// What bringing the live tables to those of a moment would do, table by table.
///
/// # Errors
///
/// Where the tables cannot be read.
pub fn tables(conn: &Connection, shelf: Shelf<'_>, moment: &Moment) -> Result<Vec<TableEffect>> {
    let counted = shelf.domain.tables.iter().map(|table| {
        let now = compare::live(conn, table, shelf.seen)?;
        Ok(compare::count(table, &moment.table(table)?, &now, shelf.progress)?.into())
    });
    counted.collect()
}

/// One page of the rows of a table that bringing it to those of a moment would change.
///
/// # Errors
///
/// Not found where there is no such table; malformed where `after` is no key.
pub fn rows(conn: &Connection, shelf: Shelf<'_>, moment: &Moment, name: &str, page: &DiffPage) -> Result<RowPage> {
    let found = shelf.domain.tables.iter().find(|table| table.name == name);
    let table = found.ok_or_else(|| Error::not_found(format!("there is no table {name:?} in this plan")))?;
    compare::page(table, &moment.table(table)?, &compare::live(conn, table, shelf.seen)?, page)
}

/// The tables as of the event that a rewind would go back to.
///
/// # Errors
///
/// As [`check_target`] and [`Moment::as_of`].
pub fn moment(conn: &Connection, shelf: Shelf<'_>, folder: &Path, after: i64) -> Result<Moment> {
    check_target(conn, after)?;
    Moment::as_of(conn, shelf, folder, after)
}

/// What cutting the log did to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cut {
    /// Events that left.
    pub removed: u64,
    /// Events that are live again.
    pub revived: u64,
    /// The smallest id of a row that left or changed.
    pub first: i64,
}

/// Brings the tables to the end of a log that was just cut after an event: from the newest base, as
/// [`preview`] does, and not from where they stand, since somebody may have edited them there.
///
/// # Errors
///
/// Unprocessable with the first event that cannot be applied.
pub fn follow(conn: &Connection, shelf: Shelf<'_>, after: i64) -> Result<()> {
    let state = State::read(conn)?;
    let position = base::rewind_tables(conn, shelf, &state, after.saturating_add(1))?;
    State { position, stale_from: None, stuck: None, ..state }.write(conn)?;
    raise_epoch(conn)?;
    catch_up(conn, shelf, Hold::End, Broken::Refuse).map(|_| ())
}

/// Deletes the log's tail after an event and makes live again what it had superseded, in the
/// caller's transaction; the tables are as they were.
///
/// # Errors
///
/// Where the database fails.
pub fn cut(conn: &Connection, after: i64) -> Result<Cut> {
    let first_gone: Option<i64> =
        conn.query_row("SELECT min(id) FROM event_log WHERE id > ?1", [after], |row| row.get(0)).optional()?.flatten();
    let first_revived = log_image::Part::as_of(conn, after)?.revived().first().copied();
    let first = first_gone.into_iter().chain(first_revived).min().unwrap_or(i64::MAX);
    // The triggers would do for each row what is done here once for all of them.
    let (removed, revived) = quietly(conn, || {
        let revive = "UPDATE event_log SET superseded_by = NULL WHERE superseded_by > ?1 AND id <= ?1";
        let revived = conn.execute(revive, [after])?;
        Ok((conn.execute("DELETE FROM event_log WHERE id > ?1", [after])?, revived))
    })?;
    log_image::forget(conn, &Value::Integer(first))?;
    Ok(Cut { removed: removed as u64, revived: revived as u64, first })
}

fn last_at_or_below(conn: &Connection, event: i64) -> Result<i64> {
    let sql = "SELECT coalesce(max(id), 0) FROM event_log WHERE id <= ?1";
    Ok(conn.prepare_cached(sql)?.query_row([event], |row| row.get(0))?)
}

fn count_by_kind(conn: &Connection, after: i64) -> Result<BTreeMap<String, u64>> {
    let sql = "SELECT kind, count(*) FROM event_log WHERE id > ?1 GROUP BY kind";
    let mut select = conn.prepare_cached(sql)?;
    let rows = select.query_map([after], |row| {
        let kind = String::from_utf8_lossy(row.get_ref(0)?.as_bytes()?).into_owned();
        Ok((kind, row.get::<_, i64>(1)?.unsigned_abs()))
    })?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}

fn edge(conn: &Connection, query: &EventQuery) -> Result<Event> {
    log::read(conn, query)?.pop().ok_or_else(|| Error::internal("the log ended while it was read"))
}
