//! `GET /health`: where the store stands, for programs; with `applied=N` also a way to wait.

use std::time::{Duration, Instant};

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use time::OffsetDateTime;
use time::serde::rfc3339;

use super::error::{Failure, retry_hint};
use super::extract::{Fields, Query};
use super::state::{AppState, blocking};
use crate::engine::{Engine, Status};
use crate::error::{Error, Result};
use crate::snapshot::SnapshotId;

/// The longest that a client may wait.
const LONGEST_WAIT: Duration = Duration::from_secs(30);

/// Between two looks while waiting.
const PAUSE: Duration = Duration::from_millis(20);

/// The answer.
#[derive(Serialize)]
pub(super) struct Health {
    ready: bool,
    last_event_id: i64,
    position: i64,
    held: bool,
    stuck: Option<Stuck>,
    epoch: u64,
    last_snapshot: Option<Last>,
    next_due: Due,
}

/// The event that the tables stand before, and the rule that it breaks.
#[derive(Serialize)]
struct Stuck {
    event: i64,
    reason: String,
}

#[derive(Serialize)]
struct Last {
    snapshot_id: SnapshotId,
    #[serde(with = "rfc3339")]
    created_at: OffsetDateTime,
}

#[derive(Serialize)]
struct Due {
    due_now: bool,
    after_events: u64,
    #[serde(with = "rfc3339::option")]
    at: Option<OffsetDateTime>,
    why: String,
}

impl Health {
    pub(super) fn new(status: Status, ready: bool) -> Self {
        Self {
            ready,
            last_event_id: status.head,
            position: status.position,
            held: status.held,
            stuck: status.stuck.map(|stuck| Stuck { event: stuck.event, reason: stuck.reason }),
            epoch: status.epoch,
            last_snapshot: status.last_snapshot.map(|(snapshot_id, created_at)| Last { snapshot_id, created_at }),
            next_due: Due {
                due_now: status.next_due.due_now,
                after_events: status.next_due.after_events,
                at: status.next_due.at,
                why: status.next_due.why.to_string(),
            },
        }
    }
}

/// `GET /health?applied=N&wait=2s`. It is JSON to everyone: only programs read it. `ready` says
/// that what was asked for is so; the plain question asks only for an answer.
pub(super) async fn show(State(state): State<AppState>, Query(fields): Query) -> Result<Response, Failure> {
    let event = fields.number::<i64>("applied", "the id of an event")?;
    let wait = wait(&fields)?;
    let ready = match event {
        Some(event) => applied(&state, event, wait).await?,
        None => true,
    };
    let status = blocking(&state, Engine::status).await?;
    let mut response = Json(Health::new(status, ready)).into_response();
    if !ready {
        *response.status_mut() = StatusCode::SERVICE_UNAVAILABLE;
        retry_hint(&mut response);
    }
    Ok(response)
}

/// Looks again and again instead of once for the whole time: a client that waits must not hold
/// one of the permits that the work it waits for may need.
async fn applied(state: &AppState, event: i64, wait: Duration) -> Result<bool> {
    let started = Instant::now();
    loop {
        if blocking(state, move |engine| engine.applied(event, Duration::ZERO)).await? {
            return Ok(true);
        }
        let left = wait.saturating_sub(started.elapsed());
        if left.is_zero() {
            return Ok(false);
        }
        tokio::time::sleep(PAUSE.min(left)).await;
    }
}

fn wait(fields: &Fields) -> Result<Duration> {
    let Some(text) = fields.filled("wait")? else { return Ok(Duration::ZERO) };
    humantime::parse_duration(text)
        .ok()
        .filter(|wait| *wait <= LONGEST_WAIT)
        .ok_or_else(|| Error::malformed("wait must be a time such as 2s or 500ms, at most 30s"))
}
