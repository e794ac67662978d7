//! `POST /projection/replay`: applies the events that wait while the tables are paused.

use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse, Redirect, Response};
use serde::Serialize;

use super::error::Failure;
use super::extract::Form;
use super::layout::Door;
use super::links;
use super::negotiate::Wants;
use super::snapshots::means;
use super::state::{AppState, blocking};
use crate::catchup::CaughtUp;
use crate::history::What;
use crate::store::state::Stuck;

/// Operations among which the one just done is looked for.
const LATEST: u64 = 5;

/// What was applied, and where the tables stand since.
#[derive(Serialize)]
struct Replayed {
    applied: u64,
    position: i64,
    held: bool,
    stuck: Option<Stuck>,
    epoch: u64,
}

/// The field `back` names the page that asked; any but the pages behind the doors is passed over.
pub(super) async fn replay(
    State(state): State<AppState>,
    wants: Wants,
    Form(fields): Form,
) -> Result<Response, Failure> {
    let back = fields.get("back")?.and_then(Door::at).map_or(links::OVERVIEW, Door::url);
    let means = means(wants);
    let (done, status, line) = blocking(&state, move |engine| {
        let done = engine.replay(means)?;
        let line = engine.operations(LATEST)?.into_iter().find(|one| one.what == What::Replay);
        Ok((done, engine.status()?, line))
    })
    .await?;
    if !wants.json() {
        // Where nothing was applied, no line was written.
        let told = match line.filter(|_| done != CaughtUp::default()) {
            Some(line) => links::done_on(back, line.operation),
            None => links::told_on(back, "nothing"),
        };
        return Ok(Redirect::to(&told).into_response());
    }
    let (position, held, stuck, epoch) = (status.position, status.held, status.stuck, status.epoch);
    Ok(Json(Replayed { applied: done.applied, position, held, stuck, epoch }).into_response())
}
