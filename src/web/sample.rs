//! The sample story: loading it, continuing it, and the three steps that lead through it.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};

use super::error::Failure;
use super::extract::Form;
use super::links::{self, SnapshotLinks};
use super::negotiate::Wants;
use super::state::{AppState, blocking};
use crate::engine::{Engine, Status};
use crate::error::{Error, ErrorKind, Result};
use crate::log::Appended;
use crate::sample::{Told, story};
use crate::snapshot::{Kind, Snapshot};

/// With more events than this a store is past the sample, and nobody needs the steps.
const SMALL: u64 = 200;
/// Events of the story and its continuation.
const WHOLE: i64 = 150;

/// `POST /sample`.
pub(super) async fn load(state: State<AppState>, wants: Wants, form: Form) -> Result<Response, Failure> {
    append(state, wants, form, links::OVERVIEW.to_owned(), |engine| {
        engine.append_sample().map_err(|error| match (error.kind(), engine.sample()) {
            (ErrorKind::Conflict, Ok(Told::Story(_) | Told::All(_))) => {
                Error::conflict("The sample story is in this store already. Nothing was added.")
                    .hint("The overview leads through it.")
            }
            _ => error,
        })
    })
    .await
}

/// `POST /sample/continue`.
pub(super) async fn go_on(state: State<AppState>, wants: Wants, form: Form) -> Result<Response, Failure> {
    append(state, wants, form, links::told_on(links::OVERVIEW, "continued"), Engine::continue_sample).await
}

async fn append(
    State(state): State<AppState>,
    wants: Wants,
    _: Form,
    next: String,
    work: impl FnOnce(&Engine) -> Result<Appended> + Send + 'static,
) -> Result<Response, Failure> {
    let appended = blocking(&state, work).await?;
    Ok(match wants {
        Wants::Json => (StatusCode::CREATED, Json(appended)).into_response(),
        Wants::Page | Wants::Plain => Redirect::to(&next).into_response(),
    })
}

/// Whether the store could take the sample: the story is told in the words of one domain.
pub(super) fn fits(status: &Status) -> bool {
    status.events == 0 && status.domain == "companion"
}

/// How far the sample is told; not asked of a store that is past it.
pub(super) fn told(engine: &Engine, status: &Status) -> Result<Told> {
    if (1..=SMALL).contains(&status.events) { engine.sample() } else { Ok(Told::Nothing) }
}

/// The newest sound snapshot of what was there before the story was continued; none where there is
/// none, or where the story is not continued.
pub(super) fn before_continuation(told: &Told, snapshots: &[Snapshot]) -> Result<Option<SnapshotLinks>> {
    let Told::All(first) = *told else { return Ok(None) };
    let continuation = first + story(first)?.len() as i64;
    let is_before = |one: &&Snapshot| {
        one.kind == Kind::Periodic
            && one.damaged.is_none()
            && one.last_event_id.is_some_and(|last| (first..continuation).contains(&last))
    };
    Ok(snapshots.iter().find(is_before).map(|one| SnapshotLinks::new(&one.snapshot_id, one.kind)))
}

/// The way through the sample. What is done follows from the store; nothing is kept about it, so a
/// tick tells of what was done to the store and never of a look.
pub(super) struct Steps {
    /// The plan of the first snapshot of the story; none in the moment before it is taken.
    pub(super) plan: Option<String>,
    pub(super) continued: bool,
    /// The story is not continued now, and was before the store went back.
    pub(super) was_continued: bool,
    /// New events are taken; not while the tables are stuck.
    pub(super) can_go_on: bool,
    /// The store went back with the story in it, at any time.
    pub(super) went_back: bool,
    /// The plan of going back to before the story.
    pub(super) remove: String,
}

impl Steps {
    /// The plan of going back before the continuation, once there is one.
    pub(super) fn back(&self) -> Option<&str> {
        self.plan.as_deref().filter(|_| self.continued)
    }

    /// None where the story is not told. `went_back_from`: the last event of the log before the
    /// store went back, at its highest.
    pub(super) fn new(
        told: Told,
        status: &Status,
        snapshots: &[Snapshot],
        went_back_from: Option<i64>,
    ) -> Option<Self> {
        let (first, continued) = match told {
            Told::Nothing => return None,
            Told::Story(first) => (first, false),
            Told::All(first) => (first, true),
        };
        let is_of_it = |one: &&Snapshot| {
            one.kind == Kind::Periodic && one.damaged.is_none() && one.last_event_id.is_some_and(|last| last >= first)
        };
        // The list is newest first, so the last is the one taken of the first part.
        let snapshot = snapshots.iter().rfind(is_of_it);
        Some(Self {
            plan: snapshot.map(|one| SnapshotLinks::new(&one.snapshot_id, one.kind).plan()),
            continued,
            was_continued: !continued && went_back_from.is_some_and(|from| from >= first + WHOLE - 1),
            can_go_on: status.stuck.is_none(),
            went_back: went_back_from.is_some_and(|from| from >= first),
            remove: links::rewind(first - 1),
        })
    }
}
