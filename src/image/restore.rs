//! Writing the difference of two images into the live table.
//!
//! Two passes over all tables, on a connection whose triggers and foreign keys are off: first all
//! removed *and changed* rows of all tables are deleted, then what the image has is inserted.
//! Exchanged unique keys and rows that refer to each other cannot fail that way. After the first
//! pass the difference holds exactly the rows to insert, so the second computes it anew and
//! nothing has to be kept in memory between the two.

use rusqlite::{Connection, ToSql};

use super::Table;
use super::diff::{Change, Counts, changes};
use super::source::{LiveTable, Rows};
use super::table::quote;
use super::value::Value;
use crate::error::Result;

/// An external-content FTS5 index that has to be told of rows, since its triggers are off.
#[derive(Debug, Clone)]
pub struct IndexedText {
    /// The FTS5 table.
    pub index: String,
    /// Where the integer primary key stands among the table's columns.
    pub rowid: usize,
    /// The indexed columns: their names in the index and where they stand in the table.
    pub columns: Vec<(String, usize)>,
}

impl IndexedText {
    fn parameters<'r>(&self, row: &'r [Value]) -> Vec<&'r dyn ToSql> {
        std::iter::once(self.rowid)
            .chain(self.columns.iter().map(|(_, at)| *at))
            .filter_map(|at| row.get(at))
            .map(|value| value as &dyn ToSql)
            .collect()
    }

    fn names(&self) -> String {
        self.columns.iter().map(|(name, _)| quote(name)).collect::<Vec<_>>().join(", ")
    }

    fn marks(&self) -> String {
        vec!["?"; self.columns.len() + 1].join(", ")
    }

    fn forget(&self, conn: &Connection, row: &[Value]) -> Result<()> {
        let index = quote(&self.index);
        let sql = format!("INSERT INTO {index}({index}, rowid, {}) VALUES ('delete', {})", self.names(), self.marks());
        conn.prepare_cached(&sql)?.execute(self.parameters(row).as_slice())?;
        Ok(())
    }

    fn learn(&self, conn: &Connection, row: &[Value]) -> Result<()> {
        let sql = format!("INSERT INTO {}(rowid, {}) VALUES ({})", quote(&self.index), self.names(), self.marks());
        conn.prepare_cached(&sql)?.execute(self.parameters(row).as_slice())?;
        Ok(())
    }

    /// Builds the index anew from its table.
    ///
    /// # Errors
    ///
    /// Where the database fails.
    pub fn rebuild(&self, conn: &Connection) -> Result<()> {
        let index = quote(&self.index);
        conn.execute(&format!("INSERT INTO {index}({index}) VALUES ('rebuild')"), [])?;
        Ok(())
    }
}

/// First pass: deletes the rows of one table that the image does not have as they are.
///
/// `indexes` are told row by row; give none where they are rebuilt afterwards.
///
/// # Errors
///
/// Where rows cannot be read or deleted; the caller rolls back.
pub fn delete_differing(
    then: &dyn Rows,
    now: &LiveTable<'_>,
    indexes: &[IndexedText],
    progress: &mut dyn FnMut(u64),
) -> Result<Counts> {
    let table = now.table;
    let mut counts = Counts::default();
    let sql = format!("DELETE FROM {} WHERE ({}) = ({})", table.quoted(), table.key_list(), marks(table.key.len()));
    let mut delete = now.conn.prepare_cached(&sql)?;
    for change in changes(table, then, now, None) {
        let change = change?;
        counts.count(&change);
        progress(1);
        if let Change::Removed(row) | Change::Changed { now: row, .. } = &change {
            for index in indexes {
                index.forget(now.conn, row)?;
            }
            delete.execute(key_parameters(table, row).as_slice())?;
        }
    }
    Ok(counts)
}

/// Second pass: inserts the rows that the image has and the table, after the first pass, has not.
///
/// # Errors
///
/// As [`delete_differing`].
pub fn insert_missing(
    then: &dyn Rows,
    now: &LiveTable<'_>,
    indexes: &[IndexedText],
    progress: &mut dyn FnMut(u64),
) -> Result<()> {
    let table = now.table;
    let sql =
        format!("INSERT INTO {} ({}) VALUES ({})", table.quoted(), table.column_list(), marks(table.columns.len()));
    let mut insert = now.conn.prepare_cached(&sql)?;
    for change in changes(table, then, now, None) {
        let change = change?;
        let row = change.row();
        insert.execute(rusqlite::params_from_iter(row))?;
        for index in indexes {
            index.learn(now.conn, row)?;
        }
        progress(1);
    }
    Ok(())
}

fn marks(count: usize) -> String {
    vec!["?"; count].join(", ")
}

fn key_parameters<'r>(table: &Table, row: &'r [Value]) -> Vec<&'r dyn ToSql> {
    table.key.iter().filter_map(|&at| row.get(at)).map(|value| value as &dyn ToSql).collect()
}
