//! `POST /snapshots/take`: taking one more. Where that cannot be done from the page, the answer is
//! the list again, with what was typed.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};

use super::error::{self, Failure, retry_hint, sentence};
use super::extract::{Fields, Form};
use super::links;
use super::negotiate::Wants;
use super::snapshots::{Refused, Seen, means, refused};
use super::state::{AppState, blocking};
use super::words::{on_pages, visible};
use crate::engine::NewSnapshot;
use crate::error::{Error, ErrorKind, Result};

/// The longest label, in characters.
const LABEL_LIMIT: usize = 200;

/// `POST /snapshots/take`, with `label` and `pin`, both optional.
pub(super) async fn take(State(state): State<AppState>, wants: Wants, Form(fields): Form) -> Result<Response, Failure> {
    match run(&state, wants, &fields).await {
        Ok(taken) if wants.json() => Ok((StatusCode::CREATED, Json(taken)).into_response()),
        Ok(taken) => Ok(Redirect::to(&links::done(taken.operation)).into_response()),
        Err(error) if wants == Wants::Page => again(&state, &fields, error).await,
        Err(error) => Err(error.into()),
    }
}

async fn run(state: &AppState, wants: Wants, fields: &Fields) -> Result<NewSnapshot> {
    let label = label(fields)?;
    // Who names a snapshot wants to find it again, so a label pins unless told otherwise.
    let pinned = flag(fields, "pin")?.unwrap_or(label.is_some());
    let means = means(wants);
    blocking(state, move |engine| engine.take_snapshot(label, pinned, means)).await
}

/// The list as it is now, with what stopped the taking. Where the list cannot be drawn, or where the
/// fault is neither the label's nor one that passes, the error stands alone.
async fn again(state: &AppState, fields: &Fields, error: Error) -> Result<Response, Failure> {
    let Ok(typed) = fields.get("label") else { return Err(error.into()) };
    let is_label = error.kind() == ErrorKind::Malformed && label(fields).is_err();
    if !is_label && !matches!(error.kind(), ErrorKind::Busy | ErrorKind::DiskFull) {
        return Err(error.into());
    }
    let text = visible(&sentence(&on_pages(&error.to_string())));
    let why = Refused {
        label: is_label.then(|| text.clone()),
        text,
        typed: typed.unwrap_or_default().to_owned(),
        full: error.kind() == ErrorKind::DiskFull,
    };
    let Ok(seen) = blocking(state, Seen::look).await else { return Err(error.into()) };
    let mut response = refused(state, seen, why)?;
    *response.status_mut() = error::status(error.kind());
    retry_hint(&mut response);
    Ok(response)
}

/// The field `label` as a name for a snapshot; none where it is not there or blank.
pub(super) fn label(fields: &Fields) -> Result<Option<String>> {
    let Some(label) = fields.filled("label")? else { return Ok(None) };
    if label.chars().count() > LABEL_LIMIT || label.chars().any(char::is_control) {
        return Err(Error::malformed(format!("label must be one line of at most {LABEL_LIMIT} characters")));
    }
    Ok(Some(label.to_owned()))
}

fn flag(fields: &Fields, name: &str) -> Result<Option<bool>> {
    fields.number(name, "true or false")
}
