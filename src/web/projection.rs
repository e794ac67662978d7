//! `/projection`: where the tables stand, comparing them with the log, making them anew from it.

use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse, Redirect, Response};
use serde_json::json;

use super::error::{self, Failure, retry_hint};
use super::extract::{Fields, Form, Query};
use super::layout::page;
use super::links;
use super::negotiate::Wants;
use super::notice::{Notice, Saw};
use super::outcome::{Outcome, Tell};
use super::projection_view::{Drawn, Rows, view};
use super::snapshots::means;
use super::state::{AppState, blocking};
use super::twice;
use crate::engine::Engine;
use crate::error::{Error, ErrorKind, Result};
use crate::history::{Operation, What};
use crate::snapshot::{Expected, Restored};

/// Rows of a page where the address does not say: rows are long.
const ROWS: usize = 25;

/// Which of the rows that differ an address asks for.
#[derive(Debug, Clone, Default)]
struct Asked {
    table: Option<String>,
    after: u64,
    limit: usize,
}

impl Asked {
    fn read(fields: &Fields, most: usize, usual: usize) -> Result<Self> {
        let after = fields.number("after", "a number of rows, as next_after gives it")?.unwrap_or_default();
        Ok(Self { table: fields.owned("table")?, after, limit: fields.limit(most, usual)? })
    }

    /// What the last comparison found, with these of the rows.
    fn look(self, engine: &Engine) -> Result<Drawn> {
        let domain = engine.domain();
        if let Some(name) =
            self.table.as_ref().filter(|name| domain.projected().iter().all(|table| table.name != **name))
        {
            return Err(Error::not_found(format!("the domain has no table {name:?}")));
        }
        let check = engine.last_projection_check()?;
        // One row more than asked for tells whether there is another page.
        let mut rows = engine.drift_rows(self.table.as_deref(), self.after, self.limit.saturating_add(1))?;
        let more = rows.len() > self.limit;
        rows.truncate(self.limit);
        let next_after = more.then(|| self.after + rows.len() as u64);
        let rows = Rows { table: self.table, after: self.after, limit: self.limit, usual: ROWS, rows, next_after };
        Ok(Drawn { status: engine.status()?, domain, check, rows })
    }
}

/// `GET /projection?table=&after=&limit=`.
pub(super) async fn show(
    State(state): State<AppState>,
    wants: Wants,
    Query(fields): Query,
) -> Result<Response, Failure> {
    let most = state.settings.page_limit;
    let asked = Asked::read(&fields, most, if wants.json() { most / 10 } else { ROWS })?;
    let (tell, kept) = (Tell::read(&fields)?, state.settings.safety_kept);
    let (drawn, outcome) = blocking(&state, move |engine| {
        let drawn = asked.look(engine)?;
        let outcome = tell.outcome(engine, &drawn.status, kept)?;
        Ok((drawn, outcome))
    })
    .await?;
    if wants.json() {
        return Ok(answer(&drawn));
    }
    drawn_page(&state, drawn, outcome, String::new(), None)
}

fn drawn_page(
    state: &AppState,
    drawn: Drawn,
    outcome: Option<Outcome>,
    typed: String,
    notice: Option<Notice>,
) -> Result<Response, Failure> {
    Ok(page(&view(state, drawn, outcome, typed, notice))?)
}

fn answer(drawn: &Drawn) -> Response {
    let Drawn { status, check, rows, .. } = drawn;
    Json(json!({
        "position": status.position, "held": status.held, "stuck": status.stuck, "epoch": status.epoch,
        "head": status.head, "waiting": status.waiting, "last_check": check,
        "rows": rows.rows, "next_after": rows.next_after,
    }))
    .into_response()
}

/// `POST /projection/verify`.
pub(super) async fn verify(State(state): State<AppState>, wants: Wants, _: Form) -> Result<Response, Failure> {
    let check = blocking(&state, Engine::verify_projection).await?;
    Ok(if wants.json() { Json(check).into_response() } else { Redirect::to(links::PROJECTION).into_response() })
}

/// `POST /projection/rebuild`.
pub(super) async fn rebuild(
    State(state): State<AppState>,
    wants: Wants,
    Form(fields): Form,
) -> Result<Response, Failure> {
    let to = |operation| Redirect::to(&links::done_on(links::PROJECTION, operation)).into_response();
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

/// A page has to send what was typed; a program may.
async fn run(state: &AppState, wants: Wants, fields: &Fields) -> Result<Restored> {
    let expected = fields.expected()?;
    let typed = fields.filled("confirm_head")?.map(str::to_owned);
    let means = means(wants);
    blocking(state, move |engine| {
        if wants == Wants::Page || typed.is_some() {
            check_typed(engine, typed.as_deref().unwrap_or_default(), expected)?;
        }
        engine.rebuild_projection(expected, means)
    })
    .await
}

/// What was typed has to be the log's last event, as the form saw it.
fn check_typed(engine: &Engine, typed: &str, expected: Expected) -> Result<()> {
    let head = match expected.head {
        Some(head) => head,
        None => engine.status()?.head,
    };
    if typed == head.to_string() {
        return Ok(());
    }
    Err(Error::malformed("confirm_head does not match the id of the log's last event"))
}

/// The rebuild that this very form has done already.
async fn sent_twice(state: &AppState, fields: &Fields, error: &Error) -> Option<i64> {
    if error.kind() != ErrorKind::Conflict {
        return None;
    }
    twice::done_already(state, fields, |one: &Operation| one.what == What::Rebuild).await
}

/// The page as it is now, with what stopped the work. Where the fault is the server's, the error
/// stands alone.
async fn again(state: &AppState, fields: &Fields, error: Error) -> Result<Response, Failure> {
    if matches!(error.kind(), ErrorKind::Internal | ErrorKind::Refused) {
        return Err(error.into());
    }
    let asked = Asked { limit: ROWS, ..Asked::default() };
    let saw = Saw::read(fields);
    let drawn = blocking(state, move |engine| Ok((asked.look(engine)?, saw.counted(engine)?)));
    let Ok((drawn, saw)) = drawn.await else { return Err(error.into()) };
    let typed = fields.filled("confirm_head").ok().flatten().unwrap_or_default().to_owned();
    let notice = notice(&error, &typed, saw, &drawn);
    let mut response = drawn_page(state, drawn, None, typed, Some(notice))?;
    *response.status_mut() = error::status(error.kind());
    retry_hint(&mut response);
    Ok(response)
}

fn notice(error: &Error, typed: &str, saw: Saw, drawn: &Drawn) -> Notice {
    let (head, epoch) = (drawn.status.head, drawn.status.epoch);
    if !error.message().starts_with("confirm_head does not match") {
        return Notice::of(error, saw, head, epoch);
    }
    let last = format!("the log's last event is {head}. Nothing was done.");
    Notice::Wrong(match typed {
        "" => format!("Nothing was typed; {last}"),
        _ => format!("That is {typed}; {last}"),
    })
}
