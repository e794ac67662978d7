//! `POST /snapshots/{id}/…`: pinning a snapshot, naming it, checking it, deleting it.

use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse, Redirect, Response};
use serde::Serialize;

use super::damaged::{self, Before};
use super::error::Failure;
use super::extract::{Fields, Form, RawId};
use super::links::{self, SnapshotLinks};
use super::negotiate::Wants;
use super::plan;
use super::snapshots::means;
use super::state::{AppState, blocking};
use super::take;
use crate::engine::Pruned;
use crate::error::{Error, ErrorKind, Result};
use crate::history::What;
use crate::snapshot::verify::Verified;
use crate::snapshot::{Kind, SnapshotId};

/// Operations among which the one just done is looked for.
const LATEST: u64 = 5;

/// `POST /snapshots/{id}/pin`.
pub(super) async fn pin(state: State<AppState>, wants: Wants, id: RawId, form: Form) -> Result<Response, Failure> {
    note(state, wants, id, form, Change::Pin(true)).await
}

/// `POST /snapshots/{id}/unpin`.
pub(super) async fn unpin(state: State<AppState>, wants: Wants, id: RawId, form: Form) -> Result<Response, Failure> {
    note(state, wants, id, form, Change::Pin(false)).await
}

/// `POST /snapshots/{id}/label`; a blank one takes the name away.
pub(super) async fn label(state: State<AppState>, wants: Wants, id: RawId, form: Form) -> Result<Response, Failure> {
    note(state, wants, id, form, Change::Label).await
}

enum Change {
    Pin(bool),
    Label,
}

async fn note(
    State(state): State<AppState>,
    wants: Wants,
    RawId(id): RawId,
    Form(fields): Form,
    change: Change,
) -> Result<Response, Failure> {
    let (kind, id) = (fields.kind()?, id.parse::<SnapshotId>()?);
    let (pinned, label) = match change {
        Change::Pin(pinned) => (Some(pinned), None),
        Change::Label => (None, Some(new_label(&fields)?)),
    };
    let word = match pinned {
        Some(true) => "pinned",
        Some(false) => "unpinned",
        None => "labelled",
    };
    let told = SnapshotLinks::new(&id, kind).plan_told(word);
    let snapshot = blocking(&state, move |engine| engine.note(kind, &id, pinned, label.as_deref())).await?;
    Ok(if wants.json() { Json(snapshot).into_response() } else { Redirect::to(&told).into_response() })
}

fn new_label(fields: &Fields) -> Result<String> {
    if fields.get("label")?.is_none() {
        return Err(Error::malformed("label must be given; a blank one takes the label away"));
    }
    Ok(take::label(fields)?.unwrap_or_default())
}

/// What was read and found sound.
#[derive(Serialize)]
struct Checked {
    snapshot_id: SnapshotId,
    kind: Kind,
    #[serde(flatten)]
    verified: Verified,
}

/// `POST /snapshots/{id}/verify`. The plan then says that it was checked just now.
pub(super) async fn verify(
    State(state): State<AppState>,
    wants: Wants,
    RawId(id): RawId,
    Form(fields): Form,
) -> Result<Response, Failure> {
    let (kind, snapshot_id) = (fields.kind()?, id.parse::<SnapshotId>()?);
    let id = snapshot_id.clone();
    match blocking(&state, move |engine| engine.verify(kind, &id)).await {
        Ok(verified) if wants.json() => Ok(Json(Checked { snapshot_id, kind, verified }).into_response()),
        Ok(_) => Ok(Redirect::to(&SnapshotLinks::new(&snapshot_id, kind).plan_told("checked")).into_response()),
        Err(error) if wants == Wants::Page => damaged::answer(&state, kind, &snapshot_id, error, Before::Nothing).await,
        Err(error) => Err(error.into()),
    }
}

/// `POST /snapshots/{id}/delete`.
pub(super) async fn delete(
    State(state): State<AppState>,
    wants: Wants,
    RawId(id): RawId,
    Form(fields): Form,
) -> Result<Response, Failure> {
    let kind = fields.kind()?;
    let typed = fields.get("confirm_id")?.unwrap_or_default().trim().to_owned();
    if typed != id {
        let error = Error::malformed("confirm_id does not match snapshot id");
        return match id.parse() {
            Ok(id) if wants == Wants::Page => plan::not_deleted(&state, kind, id, typed, error).await,
            _ => Err(error.into()),
        };
    }
    let id: SnapshotId = id.parse()?;
    let (means, of) = (means(wants), id.clone());
    let done = blocking(&state, move |engine| {
        let pruned = engine.delete(kind, &of, means)?;
        Ok((pruned, engine.operations(LATEST)?.into_iter().find(|one| one.what == What::Delete)))
    });
    let (pruned, operation) = match done.await {
        Err(error) if wants == Wants::Page && error.kind() == ErrorKind::Busy => {
            return plan::not_deleted(&state, kind, id, typed, error).await;
        }
        done => done?,
    };
    let list = operation.map_or(links::SNAPSHOTS.to_owned(), |one| links::done(one.operation));
    Ok(if wants.json() { json(&pruned) } else { Redirect::to(&list).into_response() })
}

fn json(pruned: &Pruned) -> Response {
    Json(pruned).into_response()
}

/// What is said where another id was typed.
pub(super) fn typed_wrongly(typed: &str, id: &SnapshotId) -> String {
    match typed {
        "" => format!("Nothing was typed; the id is {id}. Nothing was done."),
        _ => format!("That is {typed}; the id is {id}. Nothing was done."),
    }
}
