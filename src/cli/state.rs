//! `backstitch state`: the rows of a table, or the whole store as a file; now, or as of an event.

use std::path::PathBuf;

use clap::Args;
use serde_json::json;

use super::output::{Output, columns, grouped, safe};
use super::{Failure, Settings};
use crate::engine::{Engine, RowQuery};
use crate::image::Value;

#[derive(Debug, Args)]
pub(super) struct State {
    /// The table; without one, all tables are listed with how many rows each has
    table: Option<String>,
    /// Only rows with these words
    #[arg(long, short, value_name = "WORDS", requires = "table")]
    query: Option<String>,
    /// As of this event, in place of now
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(i64).range(0..))]
    at: Option<i64>,
    /// In place of printing a table: write log and tables to a new SQLite file
    #[arg(long, value_name = "FILE", conflicts_with_all = ["table", "query"])]
    out: Option<PathBuf>,
}

impl State {
    pub(super) fn run(self, settings: &Settings, out: Output) -> Result<(), Failure> {
        let engine = settings.open()?;
        if let Some(file) = &self.out {
            engine.write_state(self.at, file)?;
            return out.show(&json!({ "file": file, "at": self.at }), |out| {
                let moment = self.at.map_or_else(|| "now".to_owned(), |at| format!("as of event {at}"));
                writeln!(out, "Log and tables, {moment}, are in {}.", file.display())
            });
        }
        match self.table {
            Some(table) => print(&engine, &table, self.query, self.at, out),
            None => list(&engine, self.at, out),
        }
    }
}

fn print(engine: &Engine, table: &str, q: Option<String>, at: Option<i64>, out: Output) -> Result<(), Failure> {
    let query = RowQuery { q, ..RowQuery::default() };
    let state = match at {
        Some(at) => engine.state_at(table, at, &query)?,
        None => engine.state(table, &query)?,
    };
    out.show(&state, |out| {
        let head: Vec<&str> = state.columns.iter().map(String::as_str).collect();
        let cell = |value: &Value| safe(&value.to_string());
        let rows: Vec<Vec<String>> = state.rows.iter().map(|row| row.iter().map(cell).collect()).collect();
        columns(out, &head, &rows)
    })
}

/// The tables, as `GET /state` lists them.
fn list(engine: &Engine, at: Option<i64>, out: Output) -> Result<(), Failure> {
    let (at, tables) = match at {
        Some(at) => (at, engine.tables_at(at)?),
        None => engine.tables()?,
    };
    out.show(&json!({ "at": at, "tables": tables }), |out| {
        let rows: Vec<Vec<String>> = tables.iter().map(|table| vec![table.name.clone(), grouped(table.rows)]).collect();
        columns(out, &["table", "rows"], &rows)
    })
}
