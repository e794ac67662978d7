//! `POST /backups/{stamp}/restore`: going back to a backup.
//!
//! As with every plan, the form posts back what it was computed from, and whatever stops a restore
//! asked for from the page, the answer is the plan again, as it is now, with what was typed.

use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse, Redirect, Response};

use super::backups::draw;
use super::backups_plan::{Typed, answer, without_place};
use super::error::{self, Failure, retry_hint};
use super::extract::{Fields, Form, RawId};
use super::links;
use super::negotiate::Wants;
use super::plan_page::AskedRows;
use super::snapshots::means;
use super::state::{AppState, blocking};
use super::twice;
use crate::backup::Stamp;
use crate::engine::RestoredBackup;
use crate::error::{Error, ErrorKind, Result};
use crate::history::{Operation, What};

/// `POST /backups/{stamp}/restore`, with `confirm_stamp`, and what the plan was computed from.
pub(super) async fn restore(
    State(state): State<AppState>,
    wants: Wants,
    RawId(id): RawId,
    Form(fields): Form,
) -> Result<Response, Failure> {
    let to = |operation| Redirect::to(&links::done_on(links::BACKUPS, operation)).into_response();
    match run(&state, wants, &id, &fields).await {
        Ok(done) if wants.json() => Ok(Json(done).into_response()),
        Ok(done) => Ok(to(done.restored.operation)),
        Err(error) if wants == Wants::Page => match sent_twice(&state, &id, &fields, &error).await {
            Some(operation) => Ok(to(operation)),
            None => again(&state, &id, &fields, error).await,
        },
        Err(error) => Err(error.into()),
    }
}

/// The checks that need nothing but the request, in the contract's order; then the work.
async fn run(state: &AppState, wants: Wants, id: &str, fields: &Fields) -> Result<RestoredBackup> {
    if fields.get("confirm_stamp")?.unwrap_or_default().trim() != id {
        return Err(Error::malformed("confirm_stamp does not match backup stamp"));
    }
    let stamp: Stamp = id.parse()?;
    let (expected, means) = (fields.expected()?, means(wants));
    blocking(state, move |engine| {
        let backup = engine.backup(&stamp)?;
        match without_place(backup.includes, engine.runtime_places()) {
            Some(error) if backup.own => Err(error),
            _ => engine.restore_backup(&stamp, expected, means),
        }
    })
    .await
}

/// The restore that this very form has done already.
async fn sent_twice(state: &AppState, id: &str, fields: &Fields, error: &Error) -> Option<i64> {
    if error.kind() != ErrorKind::Conflict {
        return None;
    }
    let id = id.to_owned();
    let is_it = move |one: &Operation| one.what == What::BackupRestore && one.detail["backup"] == id.as_str();
    twice::done_already(state, fields, is_it).await
}

/// The plan as it is now, with what stopped the restore. Where no plan can be drawn, or where the
/// fault is the server's, the error stands alone.
async fn again(state: &AppState, id: &str, fields: &Fields, error: Error) -> Result<Response, Failure> {
    let alone = matches!(error.kind(), ErrorKind::NotFound | ErrorKind::Internal | ErrorKind::Refused);
    let Some(stamp) = id.parse::<Stamp>().ok().filter(|_| !alone) else { return Err(error.into()) };
    let mut typed = Typed::read(fields);
    let saw = typed.saw;
    let drawn =
        blocking(state, move |engine| Ok((draw(engine, &stamp, Some(AskedRows::default()))?, saw.counted(engine)?)));
    let Ok((drawn, saw)) = drawn.await else { return Err(error.into()) };
    typed.saw = saw;
    let notice = typed.notice(&error, &drawn);
    let mut response = answer(state, drawn, typed, Some(notice), false)?;
    *response.status_mut() = error::status(error.kind());
    retry_hint(&mut response);
    Ok(response)
}
