//! `GET /state.db`: log and tables of a moment as a plain SQLite file.
//!
//! It is written beside the data first and sent from there: a file of SQLite is whole at its end
//! only.

use std::fs::File;
use std::io;

use axum::extract::State;
use axum::response::Response;
use tempfile::{Builder, NamedTempFile};

use super::download;
use super::error::Failure;
use super::extract::Query;
use super::state::{AppState, blocking};
use super::when::EVENT;
use crate::engine::Engine;
use crate::error::Result;
use crate::files;

/// `GET /state.db?at=`.
pub(super) async fn show(State(state): State<AppState>, Query(fields): Query) -> Result<Response, Failure> {
    let at: Option<i64> = fields.number("at", EVENT)?;
    let file = blocking(&state, move |engine| written(engine, at)).await?;
    let name = at.map_or_else(|| "backstitch-now.db".to_owned(), |at| format!("backstitch-at-{at}.db"));
    Ok(download::send(file, "application/vnd.sqlite3", &name)?)
}

/// The file, under a name that the next start sweeps if a crash leaves it.
fn written(engine: &Engine, at: Option<i64>) -> Result<NamedTempFile> {
    let mut failed = None;
    let made = Builder::new().prefix(files::UNFINISHED).suffix(".db").make_in(engine.data_dir(), |path| {
        engine.write_state(at, path).map_err(|error| {
            failed = Some(error);
            io::Error::other("the file cannot be written")
        })?;
        File::open(path)
    });
    made.map_err(|error| failed.unwrap_or_else(|| error.into()))
}
