//! `GET /`: whether all is well, and what the store is doing.

use std::sync::Arc;

use askama::Template;
use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use time::OffsetDateTime;

use super::attention::{self, Action, Matter};
use super::due::{self, Policy, Timed};
use super::error::Failure;
use super::event_view::{self, Said, Stamp};
use super::extract::Query;
use super::filters;
use super::health::Health;
use super::layout::{Door, Shell, address, page};
use super::links;
use super::negotiate::Wants;
use super::offer::Offer;
use super::operations::Done;
use super::outcome::{Outcome, Tell};
use super::sample::{self, Steps};
use super::snapshots::Row;
use super::state::{AppState, blocking};
use super::timeline::{DEEDS, Span, Timeline};
use crate::domain::Domain;
use crate::engine::{Decision, Engine, Line, SpeakerNames, Status, TakenBack};
use crate::error::Result;
use crate::log::{Census, Event, EventQuery};
use crate::sample::Told;
use crate::snapshot::Snapshot;

/// Snapshots shown.
const SNAPSHOTS: usize = 3;
/// Operations and events shown.
const LINES: u64 = 5;

/// Everything that the page is drawn from.
struct Seen {
    status: Status,
    snapshots: Vec<Snapshot>,
    operations: Vec<Line>,
    events: Vec<Event>,
    names: SpeakerNames,
    looked: Option<Decision>,
    did: Option<Decision>,
    told: Told,
    went_back_from: Option<i64>,
    domain: Arc<Domain>,
    census: Arc<Census>,
    taken_back: Vec<TakenBack>,
}

impl Seen {
    fn look(engine: &Engine) -> Result<Self> {
        let status = engine.status()?;
        let events = engine.events(&EventQuery { limit: LINES, ..EventQuery::default() })?;
        Ok(Self {
            snapshots: engine.snapshots()?,
            operations: engine.history(None, LINES)?,
            names: engine.speaker_names(&events)?,
            events,
            looked: engine.last_decision(),
            did: engine.last_deed(),
            told: sample::told(engine, &status)?,
            went_back_from: engine.went_back_from()?,
            domain: engine.domain(),
            census: engine.census()?,
            taken_back: engine.taken_back(DEEDS)?,
            status,
        })
    }

    fn attention(&self, now: OffsetDateTime) -> Vec<Matter> {
        let mut matters = attention::of_store(&self.status, now);
        matters.extend(attention::of_snapshots(&self.snapshots, now));
        matters
    }
}

/// The answer for programs: what `/health` says, and what the page shows.
#[derive(Serialize)]
struct Answer {
    #[serde(flatten)]
    health: Health,
    snapshots: Vec<Snapshot>,
    operations: Vec<Line>,
    attention: Vec<Matter>,
}

/// `GET /`.
pub(super) async fn show(
    State(state): State<AppState>,
    wants: Wants,
    Query(fields): Query,
) -> Result<Response, Failure> {
    let (tell, kept) = (Tell::read(&fields)?, state.settings.safety_kept);
    let span = fields.filled("show")?.map(Span::parse).transpose()?;
    let (mut seen, outcome) = blocking(&state, move |engine| {
        let seen = Seen::look(engine)?;
        let outcome = tell.outcome(engine, &seen.status, kept)?;
        Ok((seen, outcome))
    })
    .await?;
    let now = state.engine.now();
    let attention = seen.attention(now);
    if !wants.json() {
        return Ok(page(&OverviewPage::new(&state, &seen, (attention, span), outcome, now))?);
    }
    seen.snapshots.truncate(SNAPSHOTS);
    let Seen { status, snapshots, operations, .. } = seen;
    Ok(Json(Answer { health: Health::new(status, true), snapshots, operations, attention }).into_response())
}

#[derive(Template)]
#[template(path = "overview.html")]
struct OverviewPage {
    shell: Shell,
    /// Nothing has happened in this store yet.
    empty: bool,
    new: bool,
    /// The domain is the one that the sample story is told in.
    can_sample: bool,
    events_url: String,
    standing: String,
    last: Option<Stamp>,
    next: Timed,
    policy: Policy,
    steps: Option<Steps>,
    timeline: Timeline,
    attention: Vec<Matter>,
    snapshots: Vec<Row>,
    more_snapshots: u64,
    operations: Vec<(Done, Option<Action>)>,
    events: Vec<event_view::Line>,
}

impl OverviewPage {
    fn new(
        state: &AppState,
        seen: &Seen,
        (attention, span): (Vec<Matter>, Option<Span>),
        outcome: Option<Outcome>,
        now: OffsetDateTime,
    ) -> Self {
        let status = &seen.status;
        let shell = Shell::new(state, status, "Overview", Door::Overview).told(outcome);
        let shown = seen.snapshots.iter().take(SNAPSHOTS);
        Self {
            shell: shell.also(state, links::OVERVIEW, "backstitch projection status".to_owned()),
            empty: status.events == 0 && seen.snapshots.is_empty(),
            new: state.engine.is_new(),
            can_sample: sample::fits(status),
            events_url: address(state, links::EVENTS),
            standing: standing(status),
            last: seen.events.first().map(|event| Stamp::new(&event.ts, now)),
            next: due::next(status, &seen.snapshots, "snapshot", now),
            policy: Policy::new(seen.looked.as_ref(), seen.did.as_ref(), status, now),
            steps: Steps::new(seen.told, status, &seen.snapshots, seen.went_back_from),
            timeline: Timeline::new(span, &seen.census, &seen.snapshots, &seen.taken_back, status.head, now),
            attention,
            snapshots: shown.map(|one| Row::new(one, status.head, now)).collect(),
            more_snapshots: seen.snapshots.len().saturating_sub(SNAPSHOTS) as u64,
            operations: seen.operations.iter().map(|line| done(line, status, now)).collect(),
            events: seen
                .events
                .iter()
                .map(|event| event_view::Line::new(event, &seen.domain, &seen.names, now))
                .collect(),
        }
    }

    /// Whether the strip above says all about a matter: once is enough.
    fn is_in_strip(&self, matter: &Matter) -> bool {
        self.shell.strip.as_ref().is_some_and(|strip| strip.lead == matter.lead)
    }

    /// Whether taking a snapshot is the main action: while the tables are paused, ending that is.
    fn take_first(&self) -> bool {
        !self.goes_on_first() && !self.attention.iter().any(|matter| matter.mark == attention::PAUSED)
    }

    /// Whether the sample waits to go on, which is the main action then.
    fn goes_on_first(&self) -> bool {
        self.steps.as_ref().is_some_and(|steps| !steps.continued && steps.can_go_on)
    }

    /// The class of the button that mends a matter.
    fn class(&self, matter: &Matter) -> &'static str {
        if matter.mark == attention::PAUSED && !self.goes_on_first() { "primary" } else { "" }
    }
}

/// What was done, and its undo while it has one.
fn done(line: &Line, status: &Status, now: OffsetDateTime) -> (Done, Option<Action>) {
    (Done::new(&line.operation, now), Offer::of(line, status, now).and_then(Offer::action))
}

/// The heading: where log and tables stand.
fn standing(status: &Status) -> String {
    let (head, position) = (status.head, status.position);
    match &status.stuck {
        Some(stuck) if !status.held => {
            format!("The log stands at event\u{a0}{head}; the tables stopped before event\u{a0}{}.", stuck.event)
        }
        _ if status.held => format!("The log stands at event\u{a0}{head}, the tables at event\u{a0}{position}."),
        _ if status.events == 0 => "The log is empty.".to_owned(),
        _ if position < head => format!("The log stands at event\u{a0}{head}; the tables follow."),
        _ => format!("The log stands at event\u{a0}{head}, and the tables with it."),
    }
}
