//! `backstitch state`: the rows of a table, now.

use clap::Args;

use super::output::{Output, columns, safe};
use super::{Failure, Settings};
use crate::engine::RowQuery;
use crate::image::Value;

#[derive(Debug, Args)]
pub(super) struct State {
    /// The table
    table: String,
    /// Only rows with these words
    #[arg(long, short, value_name = "WORDS")]
    query: Option<String>,
}

impl State {
    pub(super) fn run(self, settings: &Settings, out: Output) -> Result<(), Failure> {
        let query = RowQuery { q: self.query, ..RowQuery::default() };
        let state = settings.open()?.state(&self.table, &query)?;
        out.show(&state, |out| {
            let head: Vec<&str> = state.columns.iter().map(String::as_str).collect();
            let cell = |value: &Value| safe(&value.to_string());
            let rows: Vec<Vec<String>> = state.rows.iter().map(|row| row.iter().map(cell).collect()).collect();
            columns(out, &head, &rows)
        })
    }
}
