//! `/rewind`: the plan of going back to an event, then doing it.
//!
//! As with a restore, the plan posts back what it was computed from, and whatever stops a rewind
//! asked for from the page, the answer is the plan again, as it is now, with what was typed.

use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse, Redirect, Response};

use super::diff::{AskedTable, Of, RowsPage};
use super::error::{self, Failure, retry_hint};
use super::extract::{Fields, Form, Query};
use super::layout::{Door, page};
use super::links::{self, PlanLinks};
use super::negotiate::Wants;
use super::notice::Saw;
use super::plan_page::AskedRows;
use super::rewind_view::{Drawn, Typed, plan};
use super::snapshots::means;
use super::state::{AppState, blocking};
use super::twice;
use crate::engine::Engine;
use crate::error::{Error, ErrorKind, Result};
use crate::history::{Operation, What};
use crate::snapshot::Restored;

/// `GET /rewind?after_event_id=`: the plan. With `table`, a program gets the rows of that table; on
/// a page they stand beside the plan, or with `view=rows` on a page of their own.
pub(super) async fn show(
    State(state): State<AppState>,
    wants: Wants,
    Query(fields): Query,
) -> Result<Response, Failure> {
    let after = after_event_id(&fields)?;
    let is_rows = fields.filled("table")?.is_some() && (wants.json() || fields.get("view")? == Some("rows"));
    if is_rows {
        return rows(&state, wants, after, &fields).await;
    }
    if wants.json() {
        let preview = blocking(&state, move |engine| engine.compute_rewind_preview(after)).await?;
        return Ok(Json(preview).into_response());
    }
    let asked = AskedRows::read(&fields, state.settings.page_limit)?;
    let drawn = blocking(&state, move |engine| draw(engine, after, asked)).await?;
    Ok(page(&plan(&state, drawn, String::new(), None))?)
}

fn after_event_id(fields: &Fields) -> Result<i64> {
    const WHAT: &str = "0 or the id of an event";
    let after: Option<i64> = fields.number("after_event_id", WHAT)?;
    after.ok_or_else(|| Error::malformed(format!("after_event_id must be {WHAT}")))
}

async fn rows(state: &AppState, wants: Wants, after: i64, fields: &Fields) -> Result<Response, Failure> {
    let asked = AskedTable::read(fields, state.settings.page_limit, wants)?;
    let (asked, found, status) = blocking(state, move |engine| {
        let found = engine.rewind_rows(after, &asked.table, &asked.page)?;
        Ok((asked, found, engine.status()?))
    })
    .await?;
    if wants.json() {
        return Ok(Json(found).into_response());
    }
    let of = Of {
        door: Door::Events,
        plan: format!("The plan of going back to event {after}"),
        doing: format!("going back to event {after}"),
        id: None,
        links: PlanLinks::of_rewind(after),
        command: format!("backstitch rewind {after} --dry-run"),
    };
    Ok(page(&RowsPage::new(state, &status, of, &asked, &found))?)
}

/// The plan, the event that becomes the last, and the rows of one table.
fn draw(engine: &Engine, after: i64, asked: AskedRows) -> Result<Drawn> {
    let preview = engine.compute_rewind_preview(after)?;
    let changed = preview.tables.iter().map(|table| (table.name.as_str(), table.total()));
    let rows = match asked.choose(changed) {
        Some((table, rows)) => Some(engine.rewind_rows(after, &table, &rows)?),
        None => None,
    };
    let last = match preview.last_event_id {
        0 => None,
        id => Some(engine.event(id)?),
    };
    let names = engine.speaker_names(last.as_slice())?;
    let (status, domain) = (engine.status()?, engine.domain());
    Ok(Drawn { status, preview, last, names, domain, rows, q: asked.q.unwrap_or_default() })
}

/// `POST /rewind`.
pub(super) async fn rewind(
    State(state): State<AppState>,
    wants: Wants,
    Form(fields): Form,
) -> Result<Response, Failure> {
    let to = |operation| Redirect::to(&links::done_on(links::EVENTS, operation)).into_response();
    match run(&state, wants, &fields).await {
        Ok(restored) if wants.json() => Ok(Json(restored).into_response()),
        Ok(restored) => Ok(to(restored.operation)),
        Err(error) if wants == Wants::Page => match sent_twice(&state, &fields, &error).await {
            Some(operation) => Ok(to(operation)),
            None => again(&state, &fields, error).await,
        },
        Err(error) => Err(error.into()),
    }
}

/// The checks that need nothing but the request; then the work.
async fn run(state: &AppState, wants: Wants, fields: &Fields) -> Result<Restored> {
    let after = after_event_id(fields)?;
    if fields.filled("confirm_event_id")? != fields.filled("after_event_id")? {
        return Err(Error::malformed("confirm_event_id does not match after_event_id"));
    }
    let (expected, means) = (fields.expected()?, means(wants));
    blocking(state, move |engine| engine.execute_rewind(after, expected, means)).await
}

/// The rewind that this very form has done already. Then the event is the log's end, and going back
/// to that is what a second time is refused with.
async fn sent_twice(state: &AppState, fields: &Fields, error: &Error) -> Option<i64> {
    if !matches!(error.kind(), ErrorKind::Conflict | ErrorKind::Malformed) {
        return None;
    }
    let after = after_event_id(fields).ok()?;
    let is_it = move |one: &Operation| one.what == What::Rewind && one.detail["after_event_id"] == after;
    twice::done_already(state, fields, is_it).await
}

/// The plan as it is now, with what stopped the rewind. Where no plan can be drawn, or where the
/// fault is the server's, the error stands alone.
async fn again(state: &AppState, fields: &Fields, error: Error) -> Result<Response, Failure> {
    let alone = matches!(error.kind(), ErrorKind::Internal | ErrorKind::Refused);
    let Some(after) = after_event_id(fields).ok().filter(|_| !alone) else { return Err(error.into()) };
    let saw = Saw::read(fields);
    let drawn = blocking(state, move |engine| Ok((draw(engine, after, AskedRows::default())?, saw.counted(engine)?)));
    let Ok((drawn, saw)) = drawn.await else { return Err(error.into()) };
    let typed = Typed::read(fields, saw);
    let notice = typed.notice(&error, &drawn.preview);
    let mut response = page(&plan(state, drawn, typed.confirm, Some(notice)))?;
    *response.status_mut() = error::status(error.kind());
    retry_hint(&mut response);
    Ok(response)
}
