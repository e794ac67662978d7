//! Two states of one table side by side: counted, and row by row in pages.
//!
//! What is compared is any two images: a snapshot or a scratch database with the live tables.

use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};
use crate::image::{Change, LiveTable, Rows, Seen, Segment, Table, Value, diff, scan};
use crate::progress::Progress;

/// What a restore would do to one table, counted in rows.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct TableChange {
    /// The table.
    pub name: String,
    /// Its rows in the snapshot.
    pub rows_in_snapshot: u64,
    /// Its rows today.
    pub rows_now: u64,
    /// Rows that come back.
    pub added: u64,
    /// Rows that go.
    pub removed: u64,
    /// Rows that stay with other values.
    pub changed: u64,
}

impl TableChange {
    /// All rows that a restore would write or delete.
    pub fn total(&self) -> u64 {
        self.added + self.removed + self.changed
    }
}

/// What a restore does to one row.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum RowChange {
    /// It comes back.
    Added,
    /// It goes.
    Removed,
    /// It stays with other values.
    Changed,
}

/// One row that a restore would write or delete.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct DiffRow {
    /// What happens to it.
    pub change: RowChange,
    /// The values of its primary key.
    pub key: Vec<Value>,
    /// Its values today, in the order of the columns; none where it comes back.
    pub now: Option<Vec<Value>>,
    /// Its values afterwards; none where it goes.
    pub then: Option<Vec<Value>>,
}

/// One page of the rows in which two states of a table differ.
#[derive(Debug, Clone, Serialize)]
pub struct RowPage {
    /// The table.
    pub table: String,
    /// Its columns.
    pub columns: Vec<String>,
    /// The names of the key's columns.
    pub key: Vec<String>,
    /// The rows, in the key's order.
    pub rows: Vec<DiffRow>,
    /// Give this as `after` for the next page; none on the last.
    pub next_after: Option<String>,
    /// Whether other rows come before these.
    #[serde(skip)]
    pub later: bool,
}

/// Which page of differences is asked for.
#[derive(Debug, Clone, Default)]
pub struct DiffPage {
    /// Only rows with this text in a value, capitals aside.
    pub q: Option<String>,
    /// Only rows after this key: a JSON array, as `next_after` gives it.
    pub after: Option<String>,
    /// At most so many rows.
    pub limit: usize,
}

/// A table of an open database, scanned just now.
///
/// # Errors
///
/// Where the table cannot be read.
pub fn scanned<'a>(conn: &'a rusqlite::Connection, table: &'a Table) -> Result<LiveTable<'a>> {
    Ok(LiveTable { conn, table, segments: scan(conn, table, None, &mut |_| {})? })
}

/// A table of the live database, from what is known of it.
///
/// # Errors
///
/// Where the table cannot be read.
pub fn live<'a>(conn: &'a rusqlite::Connection, table: &'a Table, seen: Seen<'_>) -> Result<LiveTable<'a>> {
    let segments = seen.of(conn, table)?.segments(conn, table, None, &mut |_| {})?;
    Ok(LiveTable { conn, table, segments })
}

/// Counts what going from `now` to `then` does to one table.
///
/// # Errors
///
/// Where rows of either side cannot be read.
pub fn count(table: &Table, then: &dyn Rows, now: &dyn Rows, progress: &Progress) -> Result<TableChange> {
    let mut work = progress.begin(&format!("comparing {}", table.name), None);
    let counts = diff::count(table, then, now)?;
    work.advance(1);
    let rows = |segments: &[Segment]| segments.iter().map(|segment| segment.rows).sum();
    Ok(TableChange {
        name: table.name.clone(),
        rows_in_snapshot: rows(then.segments()),
        rows_now: rows(now.segments()),
        added: counts.added,
        removed: counts.removed,
        changed: counts.changed,
    })
}

/// One page of the rows that going from `now` to `then` changes.
///
/// # Errors
///
/// Malformed where `after` is no key of the table.
pub fn page(table: &Table, then: &dyn Rows, now: &dyn Rows, asked: &DiffPage) -> Result<RowPage> {
    let after = asked.after.as_deref().map(|after| parse_after(after, table)).transpose()?;
    let needle = asked.q.as_deref().map(str::to_lowercase).filter(|needle| !needle.is_empty());
    let mut rows = Vec::new();
    let mut next_after = None;
    for change in diff::changes(table, then, now, after.as_deref()) {
        let row = diff_row(table, change?);
        if needle.as_ref().is_some_and(|needle| !mentions(&row, needle)) {
            continue;
        }
        if rows.len() == asked.limit {
            next_after = rows.last().map(|row: &DiffRow| key_text(&row.key)).transpose()?;
            break;
        }
        rows.push(row);
    }
    Ok(RowPage {
        table: table.name.clone(),
        columns: table.columns.clone(),
        key: table.key_columns().cloned().collect(),
        rows,
        next_after,
        later: asked.after.is_some(),
    })
}

/// One change as a row of a page.
pub fn diff_row(table: &Table, change: Change) -> DiffRow {
    let key = table.key.iter().filter_map(|&at| change.row().get(at).cloned()).collect();
    let (change, now, then) = match change {
        Change::Added(then) => (RowChange::Added, None, Some(then)),
        Change::Removed(now) => (RowChange::Removed, Some(now), None),
        Change::Changed { now, then } => (RowChange::Changed, Some(now), Some(then)),
    };
    DiffRow { change, key, now, then }
}

fn mentions(row: &DiffRow, needle: &str) -> bool {
    let mut values = row.now.iter().chain(&row.then).flatten();
    values.any(|value| value.to_string().to_lowercase().contains(needle))
}

/// A key as [`DiffPage::after`] has it: a JSON array.
///
/// # Errors
///
/// Internal where it has no such form.
pub fn key_text(key: &[Value]) -> Result<String> {
    serde_json::to_string(key).map_err(|source| Error::internal("a key has no JSON form").because(source))
}

fn parse_after(text: &str, table: &Table) -> Result<Vec<Value>> {
    parse_key("after", text, table)
}

/// A key of a table, as [`key_text`] writes it; `field` is where it was given.
///
/// # Errors
///
/// Malformed where it is none.
pub fn parse_key(field: &str, text: &str, table: &Table) -> Result<Vec<Value>> {
    let key: Vec<Value> = serde_json::from_str(text)
        .map_err(|_| Error::malformed(format!("{field} must be a key as next_after gives it: a JSON array")))?;
    if key.len() != table.key.len() {
        return Err(Error::malformed(format!("{field} must be a key with {} values", table.key.len())));
    }
    Ok(key)
}
