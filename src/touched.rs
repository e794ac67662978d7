//! The events that changed one row of a table.
//!
//! No event says which rows it changes: only its handler does. So the log is applied aside, from a
//! moment on, with temporary triggers that tell when the row is touched. That costs a replay,
//! whatever the row; who asks again goes on from where the answer ended.

use std::collections::VecDeque;

use rusqlite::{Connection, OptionalExtension, params_from_iter};
use serde::Serialize;

use crate::effect::{RowEffect, effect};
use crate::error::Result;
use crate::image::table::quote;
use crate::image::{Table, Value, codec};
use crate::moment::Moment;
use crate::projection::{self, Stop};
use crate::snapshot::log_image::Part;
use crate::snapshot::take::Shelf;

/// Changes of one row that are kept: a counter may change with every event.
const MOST: usize = 1000;

/// One event that changed the row.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct RowEvent {
    /// The event.
    pub event: i64,
    /// What it did to the row.
    #[serde(flatten)]
    pub effect: RowEffect,
}

/// The events that changed one row, as of an event.
#[derive(Debug, Clone, Serialize)]
pub struct RowEvents {
    /// The table.
    pub table: String,
    /// Its columns.
    pub columns: Vec<String>,
    /// The names of the key's columns.
    pub key_columns: Vec<String>,
    /// The values of the row's key.
    pub key: Vec<Value>,
    /// The event that this is as of.
    pub at: i64,
    /// How many events changed the row.
    pub total: u64,
    /// The newest of them, in the log's order.
    pub events: VecDeque<RowEvent>,
    /// The row; none where it is not there.
    #[serde(skip)]
    row: Option<Vec<Value>>,
}

impl RowEvents {
    /// Of a log without events.
    pub fn none(table: &Table, key: Vec<Value>) -> Self {
        Self {
            table: table.name.clone(),
            columns: table.columns.clone(),
            key_columns: table.key_columns().cloned().collect(),
            key,
            at: 0,
            total: 0,
            events: VecDeque::new(),
            row: None,
        }
    }

    /// Whether the row is there.
    pub fn is_there(&self) -> bool {
        self.row.is_some()
    }

    /// Goes on to another event from a moment, which must be the one that this is as of; the moment
    /// stays where it is.
    ///
    /// # Errors
    ///
    /// Unprocessable with the first event that today's handlers cannot apply.
    pub fn go_on(
        &mut self,
        conn: &Connection,
        shelf: Shelf<'_>,
        moment: &Moment,
        table: &Table,
        up_to: i64,
    ) -> Result<()> {
        let scratch = moment.scratch();
        scratch.conn().execute_batch("SAVEPOINT watching")?;
        let done = scratch
            .copy_log(conn, &Part::as_of(conn, up_to)?, self.at)
            .and_then(|()| self.watch(scratch.conn(), shelf, table, up_to));
        scratch.conn().execute_batch("ROLLBACK TO watching; RELEASE watching")?;
        done
    }

    fn watch(&mut self, conn: &Connection, shelf: Shelf<'_>, table: &Table, up_to: i64) -> Result<()> {
        conn.execute_batch(&triggers(table))?;
        let marks = vec!["?"; self.key.len()].join(", ");
        conn.execute(&format!("INSERT INTO temp.sought VALUES ({marks})"), params_from_iter(&self.key))?;
        let mut touched = conn.prepare("DELETE FROM temp.touched RETURNING 1")?;
        let mut row = conn.prepare(&row_query(table))?;
        let after = self.at;
        projection::apply_watched(conn, shelf.domain, after, up_to, shelf.progress, &mut |event| {
            if touched.query_row([], |_| Ok(())).optional()?.is_some() {
                let width = table.columns.len();
                let now = row.query_row(params_from_iter(&self.key), |row| codec::row_values(row, width)).optional()?;
                self.add(event, now);
            }
            Ok(())
        })
        .map_err(Stop::into_error)?;
        self.at = up_to;
        Ok(())
    }

    /// The row is so after the event.
    fn add(&mut self, event: i64, now: Option<Vec<Value>>) {
        let Some(effect) = effect(self.key.clone(), self.row.clone(), now.clone()) else { return };
        self.row = now;
        self.total += 1;
        self.events.push_back(RowEvent { event, effect });
        if self.events.len() > MOST {
            self.events.pop_front();
        }
    }
}

fn row_query(table: &Table) -> String {
    let marks = vec!["?"; table.key.len()].join(", ");
    let (columns, key) = (table.column_list(), table.key_list());
    format!("SELECT {columns} FROM main.{} WHERE ({key}) = ({marks})", table.quoted())
}

/// A row in `touched` for each time that the row of the key in `sought` is written.
fn triggers(table: &Table) -> String {
    let places: Vec<String> = (0..table.key.len()).map(|at| format!("k{at}")).collect();
    let is_it = |of: &str| {
        let same = table.key_columns().zip(&places).map(|(name, place)| format!("s.{place} IS {of}.{}", quote(name)));
        format!("EXISTS (SELECT 1 FROM sought s WHERE {})", same.collect::<Vec<_>>().join(" AND "))
    };
    let (name, insert) = (table.quoted(), "BEGIN INSERT INTO touched VALUES (1); END");
    format!(
        "CREATE TEMP TABLE sought ({});
         CREATE TEMP TABLE touched (n);
         CREATE TEMP TRIGGER sought_i AFTER INSERT ON main.{name} WHEN {new} {insert};
         CREATE TEMP TRIGGER sought_d AFTER DELETE ON main.{name} WHEN {old} {insert};
         CREATE TEMP TRIGGER sought_u AFTER UPDATE ON main.{name} WHEN {old} OR {new} {insert};",
        places.join(", "),
        new = is_it("new"),
        old = is_it("old"),
    )
}
