//! `/backups`: the app's runtime backups: all of them, making one, what is in one, checking one.
//!
//! What restoring a backup would change stands on the page of the backup; doing it is
//! `backups_restore`.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};
use serde::Serialize;
use serde_json::json;

use super::backups_list::BackupsPage;
use super::backups_plan::{Drawn, Plan, Typed, answer, without_place};
use super::diff::{AskedTable, Of, RowsPage};
use super::error::Failure;
use super::extract::{Fields, Form, Query, RawId};
use super::layout::{Door, page};
use super::links::{self, PlanLinks};
use super::negotiate::Wants;
use super::outcome::Tell;
use super::plan_page::AskedRows;
use super::snapshots::means;
use super::state::{AppState, blocking};
use crate::backup::{Backup, Stamp};
use crate::compare::TableChange;
use crate::engine::Engine;
use crate::error::{Error, ErrorKind, Result};
use crate::snapshot::Preview;

/// `GET /backups`, with the result box of `?done=<operation>`.
pub(super) async fn list(
    State(state): State<AppState>,
    wants: Wants,
    Query(fields): Query,
) -> Result<Response, Failure> {
    if wants.json() {
        let backups = blocking(&state, Engine::backups).await?;
        return Ok(Json(json!({ "backups": backups })).into_response());
    }
    let (tell, kept) = (Tell::read(&fields)?, state.settings.safety_kept);
    let (status, backups, outcome) = blocking(&state, move |engine| {
        let status = engine.status()?;
        let outcome = tell.outcome(engine, &status, kept)?;
        Ok((status, engine.backups()?, outcome))
    })
    .await?;
    Ok(page(&BackupsPage::new(&state, &status, &backups, outcome))?)
}

/// `POST /backups`, with `include_chroma`, which is false where it is not there.
pub(super) async fn create(
    State(state): State<AppState>,
    wants: Wants,
    Form(fields): Form,
) -> Result<Response, Failure> {
    let vectors = fields.number("include_chroma", "true or false")?.unwrap_or(false);
    let means = means(wants);
    let made = blocking(&state, move |engine| engine.create_backup(vectors, means)).await?;
    Ok(match wants {
        Wants::Json => (StatusCode::CREATED, Json(made)).into_response(),
        Wants::Page | Wants::Plain => Redirect::to(&links::done_on(links::BACKUPS, made.operation)).into_response(),
    })
}

/// One backup for programs: what is in it, and what restoring it would change.
#[derive(Serialize)]
struct Answer {
    #[serde(flatten)]
    backup: Backup,
    /// None where it cannot be restored.
    plan: Option<Counts>,
    /// Why it cannot.
    plan_error: Option<String>,
}

/// The plan of a restore in numbers.
#[derive(Serialize)]
struct Counts {
    current_event_log_max_id: i64,
    events_removed: u64,
    events_returned: u64,
    tables: Vec<TableChange>,
    /// Posted back as `expected_epoch`.
    epoch: u64,
}

impl From<Preview> for Counts {
    fn from(preview: Preview) -> Self {
        Self {
            current_event_log_max_id: preview.current_event_log_max_id,
            events_removed: preview.events_removed,
            events_returned: preview.events_returned,
            tables: preview.tables,
            epoch: preview.epoch,
        }
    }
}

/// `GET /backups/{stamp}`: what is in it, and the plan. With `table`, a program gets the rows of that
/// table; on a page they stand beside the plan, or with `view=rows` on a page of their own.
pub(super) async fn show(
    State(state): State<AppState>,
    wants: Wants,
    RawId(id): RawId,
    Query(fields): Query,
) -> Result<Response, Failure> {
    let stamp: Stamp = id.parse()?;
    let is_rows = fields.filled("table")?.is_some() && (wants.json() || fields.get("view")? == Some("rows"));
    if is_rows {
        return rows(&state, wants, stamp, &fields).await;
    }
    if wants.json() {
        let drawn = blocking(&state, move |engine| draw(engine, &stamp, None)).await?;
        let (plan, plan_error) = match drawn.plan {
            Plan::Possible(preview, _) => (Some(Counts::from(*preview)), None),
            Plan::Not(error) => (None, Some(error.to_string())),
        };
        return Ok(Json(Answer { backup: drawn.backup, plan, plan_error }).into_response());
    }
    let (asked, is_checked) =
        (AskedRows::read(&fields, state.settings.page_limit)?, fields.get("told")? == Some("checked"));
    let drawn = blocking(&state, move |engine| draw(engine, &stamp, Some(asked))).await?;
    Ok(answer(&state, drawn, Typed::default(), None, is_checked)?)
}

async fn rows(state: &AppState, wants: Wants, stamp: Stamp, fields: &Fields) -> Result<Response, Failure> {
    let asked = AskedTable::read(fields, state.settings.page_limit, wants)?;
    let of = Of {
        door: Door::Backups,
        plan: format!("The backup {stamp}"),
        doing: "going back to the backup".to_owned(),
        id: Some(stamp.to_string()),
        links: PlanLinks::of_backup(&stamp),
        command: "backstitch backup list".to_owned(),
    };
    let (asked, found, status) = blocking(state, move |engine| {
        let found = engine.backup_rows(&stamp, &asked.table, &asked.page)?;
        Ok((asked, found, engine.status()?))
    })
    .await?;
    if wants.json() {
        return Ok(Json(found).into_response());
    }
    Ok(page(&RowsPage::new(state, &status, of, &asked, &found))?)
}

/// The backup, and the plan of restoring it, with the rows of a table where some are asked for.
pub(super) fn draw(engine: &Engine, stamp: &Stamp, asked: Option<AskedRows>) -> Result<Drawn> {
    let backup = engine.backup(stamp)?;
    let q = asked.as_ref().and_then(|asked| asked.q.clone()).unwrap_or_default();
    let without = without_place(backup.includes, engine.runtime_places()).filter(|_| backup.own);
    let without = without.or_else(|| damaged(&backup));
    let plan = match without.map_or_else(|| plan(engine, stamp, asked), |error| Ok(Plan::Not(error))) {
        // What is wrong with the backup itself is told on its page.
        Err(error) if matches!(error.kind(), ErrorKind::Damaged | ErrorKind::Unprocessable) => Plan::Not(error),
        plan => plan?,
    };
    Ok(Drawn { status: engine.status()?, backup, plan, q })
}

/// Why one is not restored that was found to be damaged.
fn damaged(backup: &Backup) -> Option<Error> {
    let words = "The last check found it damaged, as its state says.";
    let error = || Error::damaged(words).hint("Choose another backup; or mend this one and check it again.");
    backup.checked.as_ref().filter(|checked| backup.own && checked.is_damaged()).map(|_| error())
}

fn plan(engine: &Engine, stamp: &Stamp, asked: Option<AskedRows>) -> Result<Plan> {
    let preview = engine.preview_backup(stamp)?;
    let changed = preview.tables.iter().map(|table| (table.name.as_str(), table.total()));
    let rows = match asked.and_then(|asked| asked.choose(changed)) {
        Some((table, rows)) => Some(engine.backup_rows(stamp, &table, &rows)?),
        None => None,
    };
    Ok(Plan::Possible(Box::new(preview), rows))
}

/// `POST /backups/{stamp}/validate`. The page of the backup then says what was found.
pub(super) async fn validate(
    State(state): State<AppState>,
    wants: Wants,
    RawId(id): RawId,
    _: Form,
) -> Result<Response, Failure> {
    let stamp: Stamp = id.parse()?;
    let back = links::told_on(&links::backup(&stamp), "checked");
    let found = blocking(&state, move |engine| {
        // To the engine one that is not there is an answer; to an address it is none.
        engine.backup(&stamp)?;
        engine.validate_backup(&stamp)
    })
    .await?;
    Ok(if wants.json() { Json(found).into_response() } else { Redirect::to(&back).into_response() })
}
