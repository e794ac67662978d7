//! What one event changed: the rows of the tables before it and after it.
//!
//! Where the event superseded nothing it is applied to the tables as of the event before, with
//! temporary triggers that keep each row as it was when it was touched first. One that supersedes
//! another also takes that one's effect back, so there the two states are compared whole.

use rusqlite::{Connection, OptionalExtension, params_from_iter};
use serde::Serialize;

use crate::compare::{self, DiffPage, DiffRow, RowChange};
use crate::domain::Domain;
use crate::error::{Error, Result};
use crate::image::table::quote;
use crate::image::{Table, Value, codec};
use crate::moment::Moment;
use crate::snapshot::log_image::Part;
use crate::snapshot::take::Shelf;

/// Rows of one table that are told at most.
const MOST: usize = 1000;

/// What one event changed in the tables.
#[derive(Debug, Clone, Serialize)]
pub struct EventChanges {
    /// The event.
    pub event: i64,
    /// The tables in which rows changed, in the domain's order.
    pub tables: Vec<Changed>,
    /// The event before it in the log.
    pub previous: Option<i64>,
    /// The event after it.
    pub next: Option<i64>,
    /// The event that it superseded.
    pub supersedes: Option<i64>,
}

/// The rows of one table that an event changed.
#[derive(Debug, Clone, Serialize)]
pub struct Changed {
    /// The table.
    pub table: String,
    /// Its columns.
    pub columns: Vec<String>,
    /// The names of the key's columns.
    pub key: Vec<String>,
    /// The rows, in the key's order.
    pub rows: Vec<RowEffect>,
    /// Whether more rows changed than are listed.
    pub more: bool,
}

/// One row that an event changed.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct RowEffect {
    /// Whether the event added, removed or changed it.
    pub change: RowChange,
    /// The values of its primary key.
    pub key: Vec<Value>,
    /// Its values before the event; none where the event added it.
    pub before: Option<Vec<Value>>,
    /// Its values after the event; none where the event removed it.
    pub after: Option<Vec<Value>>,
}

/// The events before and after one in the log, and the one that it superseded.
///
/// # Errors
///
/// Not found where there is no such event.
pub fn neighbours(conn: &Connection, event: i64) -> Result<EventChanges> {
    let found = "SELECT (SELECT max(id) FROM event_log WHERE id < ?1), (SELECT min(id) FROM event_log WHERE id > ?1),
                        (SELECT max(id) FROM event_log WHERE superseded_by = ?1)
                 FROM event_log WHERE id = ?1";
    conn.prepare_cached(found)?
        .query_row([event], |row| {
            let (previous, next, supersedes) = (row.get(0)?, row.get(1)?, row.get(2)?);
            Ok(EventChanges { event, tables: Vec::new(), previous, next, supersedes })
        })
        .optional()?
        .ok_or_else(|| Error::not_found("event not found"))
}

/// Compares two moments table by table.
///
/// # Errors
///
/// Where a table cannot be read.
pub fn between(domain: &Domain, before: &Moment, after: &Moment) -> Result<Vec<Changed>> {
    let mut changed = Vec::new();
    for table in &domain.tables {
        let asked = DiffPage { limit: MOST, ..DiffPage::default() };
        let page = compare::page(table, &after.table(table)?, &before.table(table)?, &asked)?;
        let rows = page.rows.into_iter().map(|DiffRow { change, key, now, then }| RowEffect {
            change,
            key,
            before: now,
            after: then,
        });
        changed.push(Changed::new(table, rows.collect(), page.next_after.is_some()));
    }
    changed.retain(|table| !table.rows.is_empty());
    Ok(changed)
}

/// What applying the next event to a moment would change; the moment stays where it is.
///
/// # Errors
///
/// Unprocessable where today's handlers cannot apply it.
pub fn ahead(conn: &Connection, shelf: Shelf<'_>, moment: &Moment, event: i64) -> Result<Vec<Changed>> {
    let scratch = moment.scratch();
    scratch.conn().execute_batch("SAVEPOINT ahead")?;
    let changed = of(scratch.conn(), shelf.domain, || {
        scratch.copy_log(conn, &Part::as_of(conn, event)?, moment.at())?;
        scratch.apply(shelf.domain, moment.at(), event, shelf.progress).map(|_| ())
    });
    scratch.conn().execute_batch("ROLLBACK TO ahead; RELEASE ahead")?;
    changed
}

/// Runs `work` on a scratch database and answers which rows it changed.
fn of(conn: &Connection, domain: &Domain, work: impl FnOnce() -> Result<()>) -> Result<Vec<Changed>> {
    let watched: Vec<Watched<'_>> =
        domain.tables.iter().enumerate().map(|(number, table)| Watched { table, number }).collect();
    watched.iter().try_for_each(|one| conn.execute_batch(&one.start()).map_err(Error::from))?;
    let outcome = work().and_then(|()| watched.iter().map(|one| one.changed(conn)).collect::<Result<Vec<_>>>());
    watched.iter().try_for_each(|one| conn.execute_batch(&one.stop()).map_err(Error::from))?;
    let mut changed = outcome?;
    changed.retain(|table| !table.rows.is_empty());
    Ok(changed)
}

impl Changed {
    fn new(table: &Table, rows: Vec<RowEffect>, more: bool) -> Self {
        Self {
            table: table.name.clone(),
            columns: table.columns.clone(),
            key: table.key_columns().cloned().collect(),
            rows,
            more,
        }
    }
}

/// A table whose rows are kept as they were when they were touched first.
struct Watched<'d> {
    table: &'d Table,
    number: usize,
}

impl Watched<'_> {
    fn touched(&self) -> String {
        format!("touched_{}", self.number)
    }

    /// A column beside those of the table: whether the row was there before.
    fn existed(&self) -> String {
        let taken = |name: &String| self.table.columns.iter().any(|column| column.eq_ignore_ascii_case(name));
        let mut names = std::iter::successors(Some("existed".to_owned()), |name| Some(format!("{name}_")));
        quote(&names.find(|name| !taken(name)).unwrap_or_default())
    }

    /// The key's values of `new` or `old`, comma separated.
    fn values(of: &str, columns: &[String]) -> String {
        columns.iter().map(|column| format!("{of}.{}", quote(column))).collect::<Vec<_>>().join(", ")
    }

    fn key(&self) -> Vec<String> {
        self.table.key_columns().cloned().collect()
    }

    fn start(&self) -> String {
        let (touched, table) = (self.touched(), self.table.quoted());
        let (columns, key, existed) = (self.table.column_list(), self.key(), self.existed());
        let unknown = |of: &str| {
            let same = key.iter().map(|column| format!("t.{0} IS {of}.{0}", quote(column)));
            format!("WHERE NOT EXISTS (SELECT 1 FROM {touched} t WHERE {})", same.collect::<Vec<_>>().join(" AND "))
        };
        let came = format!(
            "INSERT INTO {touched} ({existed}, {}) SELECT 0, {} {};",
            self.table.key_list(),
            Self::values("new", &key),
            unknown("new")
        );
        let was = format!(
            "INSERT INTO {touched} ({existed}, {columns}) SELECT 1, {} {};",
            Self::values("old", &self.table.columns),
            unknown("old")
        );
        format!(
            "CREATE TEMP TABLE {touched} ({existed}, {columns}, PRIMARY KEY ({key_list}));
             CREATE TEMP TRIGGER {touched}_i AFTER INSERT ON main.{table} BEGIN {came} END;
             CREATE TEMP TRIGGER {touched}_d AFTER DELETE ON main.{table} BEGIN {was} END;
             CREATE TEMP TRIGGER {touched}_u AFTER UPDATE ON main.{table} BEGIN {was} {came} END;",
            key_list = self.table.key_list(),
        )
    }

    fn stop(&self) -> String {
        let touched = self.touched();
        format!("DROP TRIGGER {touched}_i; DROP TRIGGER {touched}_d; DROP TRIGGER {touched}_u; DROP TABLE {touched}")
    }

    fn changed(&self, conn: &Connection) -> Result<Changed> {
        let (columns, key, existed) = (self.table.column_list(), self.table.key_list(), self.existed());
        let width = self.table.columns.len();
        let sql = format!("SELECT {columns}, {existed} FROM temp.{} ORDER BY {key} LIMIT {}", self.touched(), MOST + 1);
        let mut select = conn.prepare(&sql)?;
        let touched = select.query_map([], |row| Ok((codec::row_values(row, width)?, row.get::<_, bool>(width)?)))?;
        let touched: Vec<(Vec<Value>, bool)> = touched.collect::<rusqlite::Result<_>>()?;
        let more = touched.len() > MOST;
        let mut rows = Vec::new();
        for (was, existed) in touched.into_iter().take(MOST) {
            let key: Vec<Value> = self.table.key.iter().filter_map(|&at| was.get(at).cloned()).collect();
            let after = self.row(conn, &key)?;
            rows.extend(effect(key, existed.then_some(was), after));
        }
        Ok(Changed::new(self.table, rows, more))
    }

    fn row(&self, conn: &Connection, key: &[Value]) -> Result<Option<Vec<Value>>> {
        let marks = vec!["?"; key.len()].join(", ");
        let (columns, list) = (self.table.column_list(), self.table.key_list());
        let sql = format!("SELECT {columns} FROM main.{} WHERE ({list}) = ({marks})", self.table.quoted());
        let width = self.table.columns.len();
        let mut select = conn.prepare_cached(&sql)?;
        Ok(select.query_row(params_from_iter(key), |row| codec::row_values(row, width)).optional()?)
    }
}

/// None where the row is as it was.
pub(crate) fn effect(key: Vec<Value>, before: Option<Vec<Value>>, after: Option<Vec<Value>>) -> Option<RowEffect> {
    let change = match (&before, &after) {
        (None, Some(_)) => RowChange::Added,
        (Some(_), None) => RowChange::Removed,
        (Some(before), Some(after)) if before != after => RowChange::Changed,
        _ => return None,
    };
    Some(RowEffect { change, key, before, after })
}
