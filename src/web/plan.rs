//! `/snapshots/{id}/preview` and `/snapshots/restore/{id}`: the plan of going back, then doing it.
//!
//! The plan posts back what it was computed from (`expected_head`, `expected_epoch`), so what was
//! shown is what runs. Whatever stops a restore asked for from the page, the answer is the plan
//! again, as it is now, with the reason on it and with what was typed.

use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse, Redirect, Response};

use super::damaged::{self, Before};
use super::diff;
use super::error::{self, Failure, retry_hint};
use super::extract::{Fields, Form, Query, RawId};
use super::keeping::typed_wrongly;
use super::layout::page;
use super::links;
use super::negotiate::Wants;
use super::notice::Notice;
use super::plan_page::AskedRows;
use super::plan_view::{Drawn, Typed, plan};
use super::snapshots::means;
use super::state::{AppState, blocking};
use super::twice;
use crate::engine::Engine;
use crate::error::{Error, ErrorKind, Result};
use crate::history::{Operation, What};
use crate::snapshot::{Kind, Preview, Restored, Scope, SnapshotId};

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
    let asked = Asked { id: id.clone(), kind, scope, rows: AskedRows::read(&fields, state.settings.page_limit)? };
    match blocking(&state, move |engine| draw(engine, &asked)).await {
        Ok(drawn) => Ok(page(&plan(&state, drawn, Typed::default(), None, fields.get("done")?))?),
        Err(error) if wants == Wants::Page => {
            let before = fields.owned("done")?.map_or(Before::Nothing, Before::Noted);
            damaged::answer(&state, kind, &id, error, before).await
        }
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
    rows: AskedRows,
}

/// The plan, and the rows of the table asked for or of the first one that changes.
fn draw(engine: &Engine, asked: &Asked) -> Result<Drawn> {
    let preview = sound(engine, &asked.id, asked.kind, asked.scope)?;
    // Where the tables alone cannot go back, the counts are those of everything.
    let scope = if preview.tables_alone.is_some() { Scope::Everything } else { asked.scope };
    let changed = preview.tables.iter().map(|table| (table.name.as_str(), table.total()));
    let rows = match asked.rows.choose(changed) {
        Some((table, rows)) => Some(engine.diff(&asked.id, asked.kind, scope, &table, &rows)?.page),
        None => None,
    };
    let q = asked.rows.q.clone().unwrap_or_default();
    Ok(Drawn { status: engine.status()?, preview, scope, rows, q })
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

/// The restore that this very form has done already.
async fn sent_twice(state: &AppState, id: &str, kind: Kind, fields: &Fields, error: &Error) -> Option<i64> {
    if error.kind() != ErrorKind::Conflict {
        return None;
    }
    let (scope, id) = (fields.scope().ok()?, id.to_owned());
    let is_it = move |one: &Operation| {
        let detail = &one.detail;
        one.what == What::Restore
            && detail["snapshot_id"] == id.as_str()
            && detail["kind"] == kind.as_str()
            && detail["scope"] == scope.as_str()
    };
    twice::done_already(state, fields, is_it).await
}

/// The checks that need nothing but the request, in the contract's order; then the work.
async fn run(state: &AppState, wants: Wants, id: &str, kind: Kind, fields: &Fields) -> Result<Restored> {
    if fields.get("confirm_id")?.unwrap_or_default().trim() != id {
        return Err(Error::malformed("confirm_id does not match snapshot id"));
    }
    let id: SnapshotId = id.parse()?;
    let scope = fields.scope()?;
    let expected = fields.expected()?;
    let means = means(wants);
    blocking(state, move |engine| engine.restore_from_snapshot(&id, kind, scope, expected, means)).await
}

/// The plan as it is now, with what stopped the restore. Where no plan can be drawn, or where the
/// fault is the server's, the error stands alone.
async fn again(state: &AppState, id: &str, kind: Kind, fields: &Fields, error: Error) -> Result<Response, Failure> {
    let alone = matches!(error.kind(), ErrorKind::NotFound | ErrorKind::Internal | ErrorKind::Refused);
    let Some(id) = id.parse::<SnapshotId>().ok().filter(|_| !alone) else { return Err(error.into()) };
    if error.kind() == ErrorKind::Damaged {
        return damaged::answer(state, kind, &id, error, Before::Nothing).await;
    }
    let mut typed = Typed::read(fields);
    let saw = typed.saw;
    let asked = Asked { id, kind, scope: typed.scope.unwrap_or(Scope::Projections), rows: AskedRows::default() };
    let drawn = blocking(state, move |engine| Ok((draw(engine, &asked)?, saw.counted(engine)?)));
    let Ok((drawn, saw)) = drawn.await else { return Err(error.into()) };
    typed.saw = saw;
    let notice = typed.notice(&error, &drawn.preview);
    let mut response = page(&plan(state, drawn, typed, Some(notice), None))?;
    *response.status_mut() = error::status(error.kind());
    retry_hint(&mut response);
    Ok(response)
}

/// The page of a snapshot that is not deleted, since another id was typed or another change is being
/// written, with that on it and with what was typed.
pub(super) async fn not_deleted(
    state: &AppState,
    kind: Kind,
    id: SnapshotId,
    typed: String,
    error: Error,
) -> Result<Response, Failure> {
    let wrong = if typed == id.as_str() { error.to_string() } else { typed_wrongly(&typed, &id) };
    let asked = Asked { id: id.clone(), kind, scope: Scope::Projections, rows: AskedRows::default() };
    match blocking(state, move |engine| draw(engine, &asked)).await {
        Ok(drawn) => {
            let typed = Typed::to_delete(typed);
            let mut response = page(&plan(state, drawn, typed, Some(Notice::NotDeleted(wrong)), None))?;
            *response.status_mut() = error::status(error.kind());
            retry_hint(&mut response);
            Ok(response)
        }
        Err(damage) if damage.kind() == ErrorKind::Damaged => {
            damaged::answer(state, kind, &id, error, Before::NotDeleted { typed, wrong }).await
        }
        Err(_) => Err(error.into()),
    }
}
