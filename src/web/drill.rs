//! `POST /snapshots/{id}/drill`: rehearses a restore of a snapshot aside.

use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse, Redirect, Response};

use super::damaged::{self, Before};
use super::error::Failure;
use super::extract::{Form, RawId};
use super::links::SnapshotLinks;
use super::negotiate::Wants;
use super::state::{AppState, blocking};
use crate::snapshot::SnapshotId;

/// `POST /snapshots/{id}/drill`. The plan then says that it was rehearsed just now.
pub(super) async fn drill(
    State(state): State<AppState>,
    wants: Wants,
    RawId(id): RawId,
    Form(fields): Form,
) -> Result<Response, Failure> {
    let (kind, id) = (fields.kind()?, id.parse::<SnapshotId>()?);
    let rehearsed = id.clone();
    match blocking(&state, move |engine| engine.drill(kind, &rehearsed)).await {
        Ok(snapshot) if wants.json() => Ok(Json(snapshot).into_response()),
        Ok(_) => Ok(Redirect::to(&SnapshotLinks::new(&id, kind).plan_told("rehearsed")).into_response()),
        Err(error) if wants == Wants::Page => damaged::answer(&state, kind, &id, error, Before::Nothing).await,
        Err(error) => Err(error.into()),
    }
}
