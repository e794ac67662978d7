//! Drift: rows of the live tables that are not what the log gives.
//!
//! The log is applied aside, from nothing and with no snapshot's help, up to where the tables
//! stand; then the two are compared row by row. What was found is kept in the database.

use std::path::Path;

use rusqlite::{Connection, OptionalExtension};
use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

use crate::clock;
use crate::compare::{self, DiffRow, RowChange};
use crate::domain::ENTITY_EVENTS;
use crate::error::{Error, Result};
use crate::image::{Change, diff};
use crate::scratch::Scratch;
use crate::snapshot::log_image::Part;
use crate::snapshot::take::Shelf;
use crate::store::State;

/// Rows that are kept of one comparison, over all tables.
const MOST: usize = 10_000;

/// What comparing the tables with the log found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ProjectionCheck {
    /// Whether the tables are what the log gives.
    pub clean: bool,
    /// When they were compared.
    #[serde(with = "time::serde::rfc3339")]
    pub at: OffsetDateTime,
    /// The event that they stood at.
    pub position: i64,
    /// Events that were applied aside.
    pub applied: u64,
    /// How long it took, in milliseconds.
    pub took_ms: u64,
    /// Every projected table, in the domain's order.
    pub tables: Vec<Drift>,
}

impl ProjectionCheck {
    /// All rows that differ.
    pub fn rows(&self) -> u64 {
        self.tables.iter().map(Drift::total).sum()
    }
}

/// The drift of one table, in rows.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Drift {
    /// The table.
    pub name: String,
    /// Rows that the log gives and the table lacks.
    pub missing: u64,
    /// Rows that the table has and the log does not give.
    pub extra: u64,
    /// Rows with other values than the log gives.
    pub different: u64,
}

impl Drift {
    /// All of them.
    pub fn total(&self) -> u64 {
        self.missing + self.extra + self.different
    }
}

/// One row that differs from the log: `now` is the live row, `then` what the log gives.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct DriftRow {
    /// The table.
    pub table: String,
    /// The row; `added` is one that the table lacks, `removed` one that it has too many.
    #[serde(flatten)]
    pub row: DiffRow,
}

/// What was found, with the rows.
pub struct Found {
    /// The event that the tables stood at.
    pub position: i64,
    /// Events that were applied aside.
    pub applied: u64,
    /// Every projected table.
    pub tables: Vec<Drift>,
    /// The first rows of all that differ.
    pub rows: Vec<DriftRow>,
}

/// Compares the live tables with the log, in the transaction of a reader.
///
/// # Errors
///
/// Unprocessable where today's handlers cannot apply an event that the tables have taken account
/// of.
pub fn find(conn: &Connection, shelf: Shelf<'_>, folder: &Path) -> Result<Found> {
    let position = State::read(conn)?.position;
    let scratch = Scratch::new(folder, shelf.domain)?;
    scratch.build_needed_indexes(shelf.domain)?;
    let applied = scratch.together(|| {
        scratch.copy_log(conn, &Part::whole().up_to(position), 0)?;
        scratch.apply(shelf.domain, 0, position, shelf.progress)
    })?;
    let mut found = Found { position, applied, tables: Vec::new(), rows: Vec::new() };
    for table in shelf.domain.projected() {
        let mut work = shelf.progress.begin(&format!("comparing {}", table.name), None);
        let (then, now) = (compare::scanned(scratch.conn(), table)?, compare::scanned(conn, table)?);
        let mut drift = Drift { name: table.name.clone(), missing: 0, extra: 0, different: 0 };
        for change in diff::changes(table, &then, &now, None) {
            let change = change?;
            match &change {
                Change::Added(_) => drift.missing += 1,
                Change::Removed(_) => drift.extra += 1,
                Change::Changed { .. } => drift.different += 1,
            }
            if found.rows.len() < MOST {
                found.rows.push(DriftRow { table: table.name.clone(), row: compare::diff_row(table, change) });
            }
        }
        work.advance(1);
        // What is not among the tables that are shown is told where something is wrong with it.
        if table.name != ENTITY_EVENTS || drift.total() > 0 {
            found.tables.push(drift);
        }
    }
    Ok(found)
}

/// Keeps what was found, in place of what was found before.
///
/// # Errors
///
/// Where the database fails.
pub fn keep(conn: &Connection, found: &Found, at: OffsetDateTime, took_ms: u64) -> Result<ProjectionCheck> {
    forget(conn)?;
    let tables = json(&found.tables)?;
    conn.execute(
        "INSERT INTO backstitch_comparison (id, at, position, applied, took_ms, tables) VALUES (1, ?1, ?2, ?3, ?4, ?5)",
        (clock::rfc3339(at), found.position, found.applied as i64, took_ms as i64, tables),
    )?;
    let mut insert = conn.prepare_cached("INSERT INTO backstitch_drift (name, content) VALUES (?1, ?2)")?;
    for row in &found.rows {
        insert.execute((&row.table, json(&row.row)?))?;
    }
    last(conn)?.ok_or_else(|| Error::internal("a comparison was kept and is not there"))
}

/// Forgets the last comparison: the tables are others since.
///
/// # Errors
///
/// Where the database fails.
pub fn forget(conn: &Connection) -> Result<()> {
    conn.execute_batch("DELETE FROM backstitch_comparison; DELETE FROM backstitch_drift").map_err(Error::from)
}

/// The last comparison; none where there was none.
///
/// # Errors
///
/// Where the database fails.
pub fn last(conn: &Connection) -> Result<Option<ProjectionCheck>> {
    let sql = "SELECT at, position, applied, took_ms, tables FROM backstitch_comparison";
    let row = |row: &rusqlite::Row<'_>| {
        let (at, tables): (String, String) = (row.get(0)?, row.get(4)?);
        Ok((at, tables, row.get(1)?, row.get::<_, i64>(2)?.unsigned_abs(), row.get::<_, i64>(3)?.unsigned_abs()))
    };
    let found = conn.prepare_cached(sql)?.query_row([], row).optional()?;
    let Some((at, tables, position, applied, took_ms)) = found else { return Ok(None) };
    let unreadable = || Error::internal("what the last comparison found cannot be read");
    let at = clock::parse_rfc3339(&at).ok_or_else(unreadable)?;
    let tables: Vec<Drift> = serde_json::from_str(&tables).map_err(|source| unreadable().because(source))?;
    let clean = tables.iter().all(|table| table.total() == 0);
    Ok(Some(ProjectionCheck { clean, at, position, applied, took_ms, tables }))
}

/// Rows that the last comparison found, of one table or of all, after so many and at most so many.
///
/// # Errors
///
/// Where the database fails.
pub fn rows(conn: &Connection, table: Option<&str>, after: u64, limit: usize) -> Result<Vec<DriftRow>> {
    let sql = "SELECT name, content FROM backstitch_drift WHERE name = coalesce(?1, name)
               ORDER BY n LIMIT ?2 OFFSET ?3";
    let mut select = conn.prepare_cached(sql)?;
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    let found = select.query_map((table, limit, i64::try_from(after).unwrap_or(i64::MAX)), |row| {
        Ok((row.get::<_, String>(0)?, row.get::<_, String>(1)?))
    })?;
    let mut rows = Vec::new();
    for found in found {
        let (table, content) = found?;
        let row = serde_json::from_str(&content)
            .map_err(|source| Error::internal("a row of the last comparison cannot be read").because(source))?;
        rows.push(DriftRow { table, row });
    }
    Ok(rows)
}

fn json(value: &impl Serialize) -> Result<String> {
    serde_json::to_string(value).map_err(|source| Error::internal("what was found has no JSON form").because(source))
}

/// The word of a change, seen from the table.
pub fn word(change: RowChange) -> &'static str {
    match change {
        RowChange::Added => "missing",
        RowChange::Removed => "extra",
        RowChange::Changed => "different",
    }
}
