//! `/history/{op}/undo`: the plan of undoing an operation, then doing it.
//!
//! The button of a list or a result posts here as well, with what it was drawn from: where something
//! came after it meanwhile, the answer is the plan.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};

use super::diff::{AskedTable, Of, RowsPage};
use super::error::{self, Failure, retry_hint};
use super::extract::{Fields, Form, Query, RawId};
use super::layout::{Door, page};
use super::links::{self, PlanLinks};
use super::negotiate::Wants;
use super::notice::{Notice, Saw};
use super::offer::deed;
use super::plan_page::AskedRows;
use super::snapshots::means;
use super::state::{AppState, blocking};
use super::twice;
use super::undo_view::{Drawn, Typed, plan};
use crate::engine::Engine;
use crate::error::{Error, ErrorKind, Result};
use crate::history::{Operation, What};
use crate::snapshot::Restored;

/// `GET /history/{op}/undo`: the plan. With `table`, a program gets the rows of that table; on a page
/// they stand beside the plan, or with `view=rows` on a page of their own.
pub(super) async fn show(
    State(state): State<AppState>,
    wants: Wants,
    RawId(id): RawId,
    Query(fields): Query,
) -> Result<Response, Failure> {
    let operation = number(&id)?;
    let is_rows = fields.filled("table")?.is_some() && (wants.json() || fields.get("view")? == Some("rows"));
    if is_rows {
        return rows(&state, wants, operation, &fields).await;
    }
    if wants.json() {
        let preview = blocking(&state, move |engine| engine.preview_undo(operation)).await?;
        return Ok(Json(preview).into_response());
    }
    let asked = AskedRows::read(&fields, state.settings.page_limit)?;
    let drawn = blocking(&state, move |engine| draw(engine, operation, asked)).await?;
    Ok(page(&plan(&state, drawn, String::new(), None))?)
}

fn number(id: &str) -> Result<i64> {
    id.parse().map_err(|_| Error::not_found("operation not found"))
}

async fn rows(state: &AppState, wants: Wants, operation: i64, fields: &Fields) -> Result<Response, Failure> {
    let asked = AskedTable::read(fields, state.settings.page_limit, wants)?;
    let (asked, found, line, status) = blocking(state, move |engine| {
        let found = engine.undo_rows(operation, &asked.table, &asked.page)?;
        Ok((asked, found, engine.line(operation)?, engine.status()?))
    })
    .await?;
    if wants.json() {
        return Ok(Json(found).into_response());
    }
    let deed = deed(&line.operation);
    let of = Of {
        door: Door::History,
        plan: format!("The plan of undoing {deed}"),
        doing: format!("undoing {deed}"),
        id: None,
        links: PlanLinks::of_undo(operation),
        command: "backstitch history".to_owned(),
    };
    Ok(page(&RowsPage::new(state, &status, of, &asked, &found))?)
}

/// The plan and the rows of one table.
fn draw(engine: &Engine, operation: i64, asked: AskedRows) -> Result<Drawn> {
    let preview = engine.preview_undo(operation)?;
    let changed = preview.tables.iter().map(|table| (table.name.as_str(), table.total()));
    let rows = match asked.choose(changed).filter(|_| !preview.tables.is_empty()) {
        Some((table, rows)) => Some(engine.undo_rows(operation, &table, &rows)?),
        None => None,
    };
    Ok(Drawn { status: engine.status()?, preview, rows, q: asked.q.unwrap_or_default() })
}

/// `POST /history/{op}/undo`. The field `back` names the page that asked; any but the pages behind
/// the doors is passed over.
pub(super) async fn undo(
    State(state): State<AppState>,
    wants: Wants,
    RawId(id): RawId,
    Form(fields): Form,
) -> Result<Response, Failure> {
    let back = fields.get("back")?.and_then(Door::at).map_or(links::HISTORY, Door::url);
    let to = |operation| Redirect::to(&links::done_on(back, operation)).into_response();
    match run(&state, wants, &id, &fields).await {
        Ok(restored) if wants.json() => Ok(Json(restored).into_response()),
        Ok(restored) => Ok(to(restored.operation)),
        Err(error) if wants == Wants::Page => match sent_twice(&state, &id, &fields, &error).await {
            Some(operation) => Ok(to(operation)),
            None => again(&state, &id, &fields, error).await,
        },
        Err(error) => Err(error.into()),
    }
}

/// The checks that need nothing but the request; then the work.
async fn run(state: &AppState, wants: Wants, id: &str, fields: &Fields) -> Result<Restored> {
    let confirmed = fields.filled("confirm_op")?;
    if confirmed.is_some_and(|typed| typed != id) {
        return Err(Error::malformed("confirm_op does not match operation id"));
    }
    let (operation, is_confirmed) = (number(id)?, confirmed.is_some());
    let (expected, means) = (fields.expected()?, means(wants));
    blocking(state, move |engine| engine.undo(operation, is_confirmed, expected, means)).await
}

/// The undo that this very form has done already. What is undone has to be confirmed to be undone
/// once more, so that is what a second time is refused with.
async fn sent_twice(state: &AppState, id: &str, fields: &Fields, error: &Error) -> Option<i64> {
    let typed = fields.filled("confirm_op").ok()?;
    let is_right =
        matches!(error.kind(), ErrorKind::Conflict | ErrorKind::Malformed) && typed.is_none_or(|typed| typed == id);
    let operation = number(id).ok().filter(|_| is_right)?;
    let is_it = move |one: &Operation| one.what == What::Undo && one.detail["of"] == operation;
    twice::done_already(state, fields, is_it).await
}

/// The plan as it is now, with what stopped the undo. Where no plan can be drawn, or where the fault
/// is the server's, the error stands alone.
async fn again(state: &AppState, id: &str, fields: &Fields, error: Error) -> Result<Response, Failure> {
    let alone = matches!(error.kind(), ErrorKind::Internal | ErrorKind::Refused);
    let Some(operation) = number(id).ok().filter(|_| !alone) else { return Err(error.into()) };
    let saw = Saw::read(fields);
    let drawn =
        blocking(state, move |engine| Ok((draw(engine, operation, AskedRows::default())?, saw.counted(engine)?)));
    let Ok((drawn, saw)) = drawn.await else { return Err(error.into()) };
    let typed = Typed::read(fields, saw);
    let notice = typed.notice(&error, &drawn.preview);
    // Who pressed a button that was good when it was drawn has sent nothing malformed.
    let status = match &notice {
        Notice::Moved(_) => StatusCode::CONFLICT,
        _ => error::status(error.kind()),
    };
    let mut response = page(&plan(state, drawn, typed.confirm, Some(notice)))?;
    *response.status_mut() = status;
    retry_hint(&mut response);
    Ok(response)
}
