//! `POST /events/{id}/hide` and `…/unhide`: whether the tables take account of an event.

use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse, Redirect, Response};

use super::error::Failure;
use super::event_page;
use super::extract::{Form, RawId};
use super::links;
use super::negotiate::Wants;
use super::snapshots::means;
use super::state::{AppState, blocking};
use crate::error::{Error, ErrorKind};

/// Hides an event from the tables; it stays in the log.
pub(super) async fn hide(state: State<AppState>, wants: Wants, id: RawId, form: Form) -> Result<Response, Failure> {
    set(state, wants, id, form, true).await
}

/// Shows it again.
pub(super) async fn unhide(state: State<AppState>, wants: Wants, id: RawId, form: Form) -> Result<Response, Failure> {
    set(state, wants, id, form, false).await
}

async fn set(
    State(state): State<AppState>,
    wants: Wants,
    RawId(id): RawId,
    _: Form,
    hidden: bool,
) -> Result<Response, Failure> {
    let id: i64 = id.parse().map_err(|_| Error::not_found("event not found"))?;
    let means = means(wants);
    let flagged = match blocking(&state, move |engine| engine.set_hidden(id, hidden, means)).await {
        Ok(flagged) => flagged,
        // A rule that the log would break then is told on the page that asked.
        Err(error) if wants == Wants::Page && error.kind() != ErrorKind::Internal => {
            return event_page::refused(&state, id, error).await;
        }
        Err(error) => return Err(error.into()),
    };
    if wants.json() {
        return Ok(Json(flagged).into_response());
    }
    let page = links::event(id);
    // Where it was so already, no line was written.
    let told = match flagged.operation {
        Some(operation) => links::done_on(&page, operation),
        None => links::told_on(&page, if hidden { "hidden" } else { "shown" }),
    };
    Ok(Redirect::to(&told).into_response())
}
