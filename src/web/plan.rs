//! `/snapshots/{id}/preview` and `/snapshots/restore/{id}`: the plan of going back, then doing it.
//!
//! The plan posts back what it was computed from (`expected_head`, `expected_epoch`), so what was
//! shown is what runs. Whatever stops a restore asked for from the page, the answer is the plan
//! again, as it is now, with the reason on it and with what was typed.

use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse, Redirect, Response};

use super::damaged;
use super::diff;
use super::error::{self, Failure, retry_hint};
use super::extract::{Fields, Form, Query, RawId};
use super::keeping::typed_wrongly;
use super::layout::page;
use super::links;
use super::negotiate::Wants;
use super::plan_view::{Drawn, Notice, PlanPage, Typed};
use super::snapshots::means;
use super::state::{AppState, blocking};
use crate::engine::{DiffPage, Engine};
use crate::error::{Error, ErrorKind, Result};
use crate::history::What;
use crate::snapshot::{Expected, Kind, Preview, Restored, Scope, SnapshotId};

/// Rows beside the plan; the page of differences has the rest.
const ROWS_BESIDE: usize = 20;

/// `GET /snapshots/{id}/preview`; on a page also `table` and `q`, which choose the rows beside it.
pub(super) async fn preview(
    State(state): State<AppState>,
    wants: Wants,
    RawId(id): RawId,
    Query(fields): Query,
) -> Result<Response, Failure> {
    let (kind, id) = (fields.kind()?, id.parse::<SnapshotId>()?);
    let scope = fields.scope()?;
    if wants.json() {
        let preview = blocking(&state, move |engine| sound(engine, &id, kind, scope)).await?;
        return Ok(Json(preview).into_response());
    }
    let asked = Asked { id: id.clone(), kind, scope, table: fields.owned("table")?, q: fields.owned("q")? };
    match blocking(&state, move |engine| draw(engine, &asked)).await {
        Ok(drawn) => Ok(page(&PlanPage::new(&state, drawn, Typed::default(), None).told(fields.get("done")?))?),
        Err(error) if wants == Wants::Page => damaged::answer(&state, kind, &id, error, None).await,
        Err(error) => Err(error.into()),
    }
}

/// A preview of a snapshot that is not known as damaged: a piece that a plan does not need may be.
fn sound(engine: &Engine, id: &SnapshotId, kind: Kind, scope: Scope) -> Result<Preview> {
    let preview = engine.preview(id, kind, scope)?;
    damaged::known(&preview.snapshot)?;
    Ok(preview)
}

/// `GET /snapshots/restore/preview` and `…/diff`: the plan and the rows of a snapshot that is
/// called `restore`, as a file put there by hand may be.
pub(super) async fn read_one_named_restore(
    state: State<AppState>,
    wants: Wants,
    RawId(page): RawId,
    query: Query,
) -> Result<Response, Failure> {
    let id = RawId("restore".to_owned());
    match page.as_str() {
        "preview" => preview(state, wants, id, query).await,
        "diff" => diff::show(state, wants, id, query).await,
        _ => Err(Error::new(ErrorKind::MethodNotAllowed, "This address does not take that method.").into()),
    }
}

/// What a plan is drawn for.
struct Asked {
    id: SnapshotId,
    kind: Kind,
    scope: Scope,
    table: Option<String>,
    q: Option<String>,
}

/// The plan, and the rows of the table asked for or of the first one that changes.
fn draw(engine: &Engine, asked: &Asked) -> Result<Drawn> {
    let preview = sound(engine, &asked.id, asked.kind, asked.scope)?;
    // Where the tables alone cannot go back, the counts are those of everything.
    let scope = if preview.tables_alone.is_some() { Scope::Everything } else { asked.scope };
    let first = preview.tables.iter().find(|table| table.total() > 0).map(|table| table.name.clone());
    let table = asked.table.clone().or(first);
    let rows = match table {
        Some(table) => {
            let rows = DiffPage { q: asked.q.clone(), after: None, limit: ROWS_BESIDE };
            Some(engine.diff(&asked.id, asked.kind, scope, &table, &rows)?)
        }
        None => None,
    };
    Ok(Drawn { status: engine.status()?, preview, scope, rows, q: asked.q.clone().unwrap_or_default() })
}

/// `POST /snapshots/restore/{id}`.
pub(super) async fn restore(
    State(state): State<AppState>,
    wants: Wants,
    RawId(id): RawId,
    Form(fields): Form,
) -> Result<Response, Failure> {
    let kind = fields.kind()?;
    match run(&state, wants, &id, kind, &fields).await {
        Ok(restored) if wants.json() => Ok(Json(restored).into_response()),
        Ok(restored) => Ok(Redirect::to(&links::done(restored.operation)).into_response()),
        Err(error) if wants == Wants::Page => match sent_twice(&state, &id, kind, &fields, &error).await {
            Some(operation) => Ok(Redirect::to(&links::done(operation)).into_response()),
            None => again(&state, &id, kind, &fields, error).await,
        },
        Err(error) => Err(error.into()),
    }
}

/// The restore that this very form has done already, where nothing has changed since: a form that
/// is sent twice is answered twice alike.
async fn sent_twice(state: &AppState, id: &str, kind: Kind, fields: &Fields, error: &Error) -> Option<i64> {
    if error.kind() != ErrorKind::Conflict {
        return None;
    }
    let seen: u64 = fields.number("expected_epoch", "").ok()??;
    let head: i64 = fields.number("expected_head", "").ok()??;
    let scope = fields.scope().ok()?;
    let id = id.to_owned();
    let done = blocking(state, move |engine| {
        let (status, newest) = (engine.status()?, engine.operations(1)?.pop());
        Ok(newest.filter(|one| {
            let detail = &one.detail;
            let stands = if scope == Scope::Everything { detail["last_event_id"].as_i64() } else { Some(head) };
            one.what == What::Restore
                && detail["snapshot_id"] == id.as_str()
                && detail["kind"] == kind.as_str()
                && detail["scope"] == scope.as_str()
                && detail["from_head"] == head
                // One change since the form was drawn: that one.
                && status.epoch == seen + 1
                && Some(status.head) == stands
        }))
    });
    done.await.ok()?.map(|one| one.operation)
}

/// The checks that need nothing but the request, in the contract's order; then the work.
async fn run(state: &AppState, wants: Wants, id: &str, kind: Kind, fields: &Fields) -> Result<Restored> {
    if fields.get("confirm_id")?.unwrap_or_default().trim() != id {
        return Err(Error::malformed("confirm_id does not match snapshot id"));
    }
    let id: SnapshotId = id.parse()?;
    let scope = fields.scope()?;
    let expected = Expected {
        head: fields.number("expected_head", "the id of an event")?,
        epoch: fields.number("expected_epoch", "a whole number")?,
    };
    let means = means(wants);
    blocking(state, move |engine| engine.restore_from_snapshot(&id, kind, scope, expected, means)).await
}

/// The plan as it is now, with what stopped the restore. Where no plan can be drawn, or where the
/// fault is the server's, the error stands alone.
async fn again(state: &AppState, id: &str, kind: Kind, fields: &Fields, error: Error) -> Result<Response, Failure> {
    let alone = matches!(error.kind(), ErrorKind::NotFound | ErrorKind::Internal | ErrorKind::Refused);
    let Some(id) = id.parse::<SnapshotId>().ok().filter(|_| !alone) else { return Err(error.into()) };
    if error.kind() == ErrorKind::Damaged {
        return damaged::answer(state, kind, &id, error, None).await;
    }
    let typed = Typed::read(fields);
    let asked = Asked { id, kind, scope: typed.scope.unwrap_or(Scope::Projections), table: None, q: None };
    let Ok(drawn) = blocking(state, move |engine| draw(engine, &asked)).await else { return Err(error.into()) };
    let notice = Notice::of(&error, &typed, &drawn.preview);
    let mut response = page(&PlanPage::new(state, drawn, typed, Some(notice)))?;
    *response.status_mut() = error::status(error.kind());
    retry_hint(&mut response);
    Ok(response)
}

/// The page of a snapshot that is not deleted since another id was typed, with that on it.
pub(super) async fn not_deleted(
    state: &AppState,
    kind: Kind,
    id: SnapshotId,
    typed: String,
    error: Error,
) -> Result<Response, Failure> {
    let wrong = typed_wrongly(&typed, &id);
    let asked = Asked { id: id.clone(), kind, scope: Scope::Projections, table: None, q: None };
    match blocking(state, move |engine| draw(engine, &asked)).await {
        Ok(drawn) => {
            let typed = Typed::to_delete(typed);
            let mut response = page(&PlanPage::new(state, drawn, typed, Some(Notice::NotDeleted(wrong))))?;
            *response.status_mut() = error::status(error.kind());
            Ok(response)
        }
        Err(damage) if damage.kind() == ErrorKind::Damaged => {
            damaged::answer(state, kind, &id, error, Some((typed, wrong))).await
        }
        Err(_) => Err(error.into()),
    }
}
