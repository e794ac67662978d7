//! `GET /events/{id}`: one event with all its fields.

use std::sync::Arc;

use askama::Template;
use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use serde::Serialize;

use super::difference::{Difference, Run};
use super::error::{self, Failure, retry_hint, sentence};
use super::event_changes::{Effects, EffectsView};
use super::event_view::{Said, Stamp};
use super::extract::{Query, RawId};
use super::filters::{self, cut, grouped};
use super::layout::{Door, Shell, page};
use super::links;
use super::negotiate::Wants;
use super::outcome::{Outcome, Tell};
use super::rows::Cell;
use super::state::{AppState, blocking};
use super::words::{on_pages, rule, visible};
use crate::domain::Domain;
use crate::effect::Changed;
use crate::engine::{Engine, SpeakerNames, Status};
use crate::error::{Error, Result};
use crate::log::{Event, EventQuery};

/// Characters of a payload that the page shows.
const PAYLOAD: usize = 16_000;
/// An event replaces one; more than this are another program's doing.
const REPLACED: u64 = 100;

/// Everything that the page is drawn from.
struct Seen {
    event: Event,
    status: Status,
    replaced: Vec<i64>,
    previous: Option<i64>,
    next: Option<i64>,
    domain: Arc<Domain>,
    names: SpeakerNames,
    effects: Effects,
}

/// The answer for programs: the event, what it changed, and its neighbours.
#[derive(Serialize)]
struct Answer<'a> {
    #[serde(flatten)]
    event: &'a Event,
    /// By table; none where that cannot be told.
    changes: Option<&'a [Changed]>,
    /// Why that cannot be told.
    #[serde(skip_serializing_if = "Option::is_none")]
    changes_unknown: Option<&'a str>,
    previous: Option<i64>,
    next: Option<i64>,
    supersedes: Option<i64>,
}

impl Seen {
    fn look(engine: &Engine, id: i64) -> Result<Self> {
        let event = engine.event(id)?;
        let before = EventQuery { before: Some(id), limit: 1, ..EventQuery::default() };
        let replaced = EventQuery { superseded_by: Some(id), limit: REPLACED, ..EventQuery::default() };
        let after = EventQuery { after: Some(id), limit: 1, ..EventQuery::default() };
        Ok(Self {
            previous: engine.events(&before)?.first().map(|event| event.id),
            replaced: engine.events(&replaced)?.iter().map(|event| event.id).collect(),
            names: engine.speaker_names(std::slice::from_ref(&event))?,
            next: engine.events(&after)?.first().map(|event| event.id),
            status: engine.status()?,
            domain: engine.domain(),
            effects: Effects::of(engine, id)?,
            event,
        })
    }

    fn answer(&self) -> Answer<'_> {
        Answer {
            event: &self.event,
            changes: self.effects.tables(),
            changes_unknown: self.effects.unknown(),
            previous: self.previous,
            next: self.next,
            supersedes: self.replaced.first().copied(),
        }
    }
}

/// `GET /events/{id}`.
pub(super) async fn show(
    State(state): State<AppState>,
    wants: Wants,
    RawId(id): RawId,
    Query(fields): Query,
) -> Result<Response, Failure> {
    let id: i64 = id.parse().map_err(|_| Error::not_found("event not found"))?;
    if wants.json() {
        let seen = blocking(&state, move |engine| Seen::look(engine, id)).await?;
        return Ok(Json(seen.answer()).into_response());
    }
    let (tell, kept) = (Tell::read(&fields)?, state.settings.safety_kept);
    let (seen, outcome) = blocking(&state, move |engine| {
        let seen = Seen::look(engine, id)?;
        let outcome = tell.outcome(engine, &seen.status, kept)?;
        Ok((seen, outcome))
    })
    .await?;
    Ok(page(&EventPage::new(&state, &seen, None, outcome))?)
}

/// The page with why the event was not hidden or shown.
pub(super) async fn refused(state: &AppState, id: i64, error: Error) -> Result<Response, Failure> {
    let Ok(seen) = blocking(state, move |engine| Seen::look(engine, id)).await else { return Err(error.into()) };
    let words = visible(&sentence(&on_pages(&error.to_string())));
    let mut response = page(&EventPage::new(state, &seen, Some(words), None))?;
    *response.status_mut() = error::status(error.kind());
    retry_hint(&mut response);
    Ok(response)
}

#[derive(Template)]
#[template(path = "event.html")]
struct EventPage {
    shell: Shell,
    id: i64,
    kind: String,
    kind_word: String,
    stamp: Stamp,
    branch: i64,
    said: Said,
    hidden: bool,
    superseded_by: Option<(i64, String)>,
    replaced: Vec<(i64, String)>,
    previous: Option<(i64, String)>,
    next: Option<(i64, String)>,
    /// The tables have not taken account of it yet.
    waits: bool,
    /// Why the tables cannot go on past it.
    broken: Option<String>,
    held: bool,
    /// Why the event was not hidden or shown.
    refused: Option<String>,
    /// The plan of going back to it; none for the log's last event.
    rewind: Option<String>,
    /// The plan of going back to the event before it.
    rewind_before: String,
    effects: EffectsView,
    pretty: String,
    raw: String,
    /// How much of the payload is left out, in words.
    left_out: Option<String>,
}

impl EventPage {
    fn new(state: &AppState, seen: &Seen, refused: Option<String>, outcome: Option<Outcome>) -> Self {
        let event = &seen.event;
        let linked = |id: i64| (id, links::event(id));
        let shell = Shell::new(state, &seen.status, &format!("Event {}", event.id), Door::Events).told(outcome);
        let command = format!("backstitch events --after {} --limit 1", event.id.saturating_sub(1));
        let stuck = seen.status.stuck.as_ref().filter(|stuck| stuck.event == event.id);
        let waits = event.id > seen.status.position && stuck.is_none();
        let (raw, is_cut) = cut(event.payload.get(), PAYLOAD);
        Self {
            shell: shell.also(state, &links::event(event.id), command),
            id: event.id,
            kind: filters::spoken(&event.kind),
            kind_word: visible(&event.kind),
            stamp: Stamp::new(&event.ts, state.engine.now()),
            branch: event.branch_id,
            said: Said::of(event, &seen.domain, &seen.names, PAYLOAD),
            hidden: event.hidden,
            superseded_by: event.superseded_by.map(linked),
            replaced: seen.replaced.iter().copied().map(linked).collect(),
            previous: seen.previous.map(linked),
            next: seen.next.map(linked),
            held: seen.status.held,
            refused,
            rewind: (event.id < seen.status.head).then(|| links::rewind(event.id)),
            rewind_before: links::rewind(seen.previous.unwrap_or_default()),
            effects: EffectsView::new(&seen.effects, event, waits),
            waits,
            broken: stuck.map(|stuck| rule(&stuck.reason)),
            pretty: visible(&cut(&pretty(event), PAYLOAD).0),
            left_out: is_cut.then(|| left_out(event.payload.get())),
            raw: visible(&raw),
        }
    }
}

fn left_out(payload: &str) -> String {
    let all = payload.chars().count() as u64;
    format!("These are the first {} of {} characters.", grouped(PAYLOAD as u64), grouped(all))
}

/// Indented where it can be read; numbers may be written in another way than they were sent, so
/// the raw text stands beside it.
fn pretty(event: &Event) -> String {
    let value: Option<serde_json::Value> = serde_json::from_str(event.payload.get()).ok();
    value.and_then(|value| serde_json::to_string_pretty(&value).ok()).unwrap_or_else(|| event.payload.get().to_owned())
}
