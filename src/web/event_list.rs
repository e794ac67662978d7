//! `GET /events`: the log, page by page; newest first on pages.

use std::sync::Arc;

use askama::Template;
use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};
use serde::Serialize;
use time::OffsetDateTime;

use super::error::{self, Failure, sentence};
use super::event_view::{Line, Said};
use super::extract::{Fields, Query};
use super::filters::{self, encoded};
use super::jump::Jump;
use super::layout::{Door, Shell, page};
use super::links;
use super::negotiate::Wants;
use super::outcome::{Outcome, Tell};
use super::state::{AppState, blocking};
use super::words::{on_pages, shell, visible};
use crate::clock;
use crate::domain::Domain;
use crate::engine::{Engine, SpeakerNames, Status};
use crate::error::{Error, Result};
use crate::log::{Census, Event, EventQuery};

/// Events of a page where the address does not say: what is said may be long.
const EVENTS: usize = 40;
/// Kinds that the form offers; one that is asked for by the address is there in any case.
const KINDS: usize = 100;

/// The answer for programs; each payload byte for byte.
#[derive(Serialize)]
struct Answer {
    events: Vec<Event>,
}

/// Everything that the page is drawn from.
struct Seen {
    status: Status,
    events: Vec<Event>,
    /// More on the side that the page was read towards.
    more: bool,
    census: Arc<Census>,
    domain: Arc<Domain>,
    names: SpeakerNames,
}

/// `GET /events?before=&after=&limit=&kind=&branch_id=&q=`.
pub(super) async fn show(
    State(state): State<AppState>,
    wants: Wants,
    Query(fields): Query,
) -> Result<Response, Failure> {
    let most = state.settings.page_limit;
    let mut query = read(&fields, most, if wants.json() { most / 10 } else { EVENTS })?;
    let raw = fields.number("raw", "true or false")?.unwrap_or(false);
    let mut shown = Shown { raw, ..Shown::default() };
    if let Some(go) = fields.filled("go")? {
        match place(&state, go).await {
            Ok(event) if wants.json() => query.after = Some(event.saturating_sub(1)),
            Ok(event) => return Ok(Redirect::to(&links::place(event)).into_response()),
            Err(error) if !wants.json() => shown.missed(go, &error),
            Err(error) => return Err(error.into()),
        }
    }
    if wants.json() {
        let events = blocking(&state, move |engine| engine.events(&query)).await?;
        return Ok(Json(Answer { events }).into_response());
    }
    let asked = query.clone();
    let (tell, kept) = (Tell::read(&fields)?, state.settings.safety_kept);
    let (seen, outcome) = blocking(&state, move |engine| {
        let seen = Seen::look(engine, query)?;
        let outcome = tell.outcome(engine, &seen.status, kept)?;
        Ok((seen, outcome))
    })
    .await?;
    let status = shown.status;
    let mut response = page(&EventsPage::new(&state, &seen, &asked, shown, outcome))?;
    *response.status_mut() = status;
    Ok(response)
}

/// How the list is shown, besides which events are in it.
#[derive(Default)]
struct Shown {
    /// Payloads as they were sent.
    raw: bool,
    /// The place that was asked for and is not there, and why.
    go: String,
    missed: Option<String>,
    status: StatusCode,
}

impl Shown {
    fn missed(&mut self, go: &str, error: &Error) {
        self.status = error::status(error.kind());
        self.missed = Some(visible(&sentence(&on_pages(&error.to_string()))));
        go.clone_into(&mut self.go);
    }
}

/// The event that a place of the log begins with: that of the number or the first after it, or the
/// first of the minute or of the first minute after it that has any.
async fn place(state: &AppState, go: &str) -> Result<i64> {
    let jump = Jump::parse(go)?;
    let found = blocking(state, move |engine| match jump {
        Jump::Event(id) => {
            let query = EventQuery { after: Some(id.saturating_sub(1)), limit: 1, ..EventQuery::default() };
            Ok(engine.events(&query)?.first().map(|event| event.id))
        }
        Jump::Moment(at) => Ok(engine.census()?.first_from(at.unix_timestamp().div_euclid(60))),
    });
    found.await?.ok_or_else(|| Error::not_found("the log has no event there or after it"))
}

fn read(fields: &Fields, most: usize, usual: usize) -> Result<EventQuery> {
    Ok(EventQuery {
        after: fields.number("after", "the id of an event")?,
        before: fields.number("before", "the id of an event")?,
        limit: fields.limit(most, usual.min(most))? as u64,
        kind: fields.owned("kind")?,
        branch_id: fields.number("branch_id", "the number of a branch")?,
        q: fields.owned("q")?,
        superseded_by: None,
    })
}

impl Seen {
    fn look(engine: &Engine, mut query: EventQuery) -> Result<Self> {
        let limit = query.limit as usize;
        // One more than asked for tells whether there is another page.
        query.limit += 1;
        let mut events = engine.events(&query)?;
        let more = events.len() > limit;
        events.truncate(limit);
        if query.after.is_some() {
            events.reverse();
        }
        let names = engine.speaker_names(&events)?;
        let (status, census) = (engine.status()?, engine.census()?);
        Ok(Self { status, names, events, more, census, domain: engine.domain() })
    }
}

/// The events of one day.
struct Day {
    name: String,
    lines: Vec<Line>,
}

#[derive(Template)]
#[template(path = "events.html")]
struct EventsPage {
    shell: Shell,
    /// The log itself has no event.
    empty: bool,
    filtered: bool,
    /// How many events the page is about.
    total: String,
    kinds: Vec<(String, String, bool)>,
    branch: String,
    /// There is more than one branch to choose from.
    has_branches: bool,
    q: String,
    shown: Shown,
    /// The same list with payloads as they were sent, or as people read them.
    other_form: String,
    /// A moment of this log, to show the form of one.
    example: String,
    days: Vec<Day>,
    newest: Option<String>,
    newer: Option<String>,
    older: Option<String>,
}

impl EventsPage {
    fn new(state: &AppState, seen: &Seen, asked: &EventQuery, shown: Shown, outcome: Option<Outcome>) -> Self {
        let now = state.engine.now();
        let shell = Shell::new(state, &seen.status, "Events", Door::Events).told(outcome);
        let usual = EVENTS as u64;
        let filter = filter(asked, usual, shown.raw);
        let (newest, newer, older) = turns(seen, asked, &filter);
        Self {
            shell: shell.also(state, &address(asked), command(asked)),
            empty: seen.status.events == 0,
            filtered: asked.kind.is_some() || asked.branch_id.is_some() || asked.q.is_some(),
            total: total(seen, asked),
            days: by_day(seen, shown.raw, now),
            other_form: other_form(asked, usual, shown.raw),
            example: example(seen),
            shown,
            kinds: kinds(seen.census.by_kind(), asked.kind.as_deref()),
            has_branches: asked.branch_id.is_some() || seen.census.branches().len() > 1,
            branch: asked.branch_id.map(|branch| branch.to_string()).unwrap_or_default(),
            q: asked.q.clone().unwrap_or_default(),
            newest,
            newer,
            older,
        }
    }
}

/// The links to the newest, newer and older events, as far as there are such.
fn turns(seen: &Seen, asked: &EventQuery, filter: &str) -> (Option<String>, Option<String>, Option<String>) {
    let join = if filter.is_empty() { '?' } else { '&' };
    let link = |bound: &str, id: i64| format!("{}{filter}{join}{bound}={id}", links::EVENTS);
    let is_moved = asked.before.is_some() || asked.after.is_some();
    let newest = is_moved.then(|| format!("{}{filter}", links::EVENTS));
    let (Some(first), Some(last)) = (seen.events.first(), seen.events.last()) else { return (newest, None, None) };
    let forward = asked.after.is_some();
    let newer = if forward { seen.more } else { asked.before.is_some() };
    let older = forward || seen.more;
    (newest, newer.then(|| link("after", first.id)), older.then(|| link("before", last.id)))
}

/// How many events there are; with a filter, how many of them fit, as far as that is known.
fn total(seen: &Seen, asked: &EventQuery) -> String {
    let (fit, all) = (seen.events.len() as u64, filters::counted(seen.status.events, "event"));
    let filtered = asked.kind.is_some() || asked.branch_id.is_some() || asked.q.is_some();
    let whole = asked.before.is_none() && asked.after.is_none();
    match (filtered, fit) {
        (false, _) => format!("{all} in the log, the newest first."),
        (true, 0) => format!("{all} in the log."),
        (true, 1) if whole && !seen.more => format!("1 of {all} fits."),
        (true, _) if whole && !seen.more => format!("{} of {all} fit, the newest first.", filters::grouped(fit)),
        (true, _) if whole => format!("The newest {} that fit, of {all}.", filters::grouped(fit)),
        (true, _) => format!("Some of those that fit, of {all}, the newest first."),
    }
}

/// The filter as the query of an address, without the place in the log.
fn filter(asked: &EventQuery, usual: u64, raw: bool) -> String {
    let mut parts = Vec::new();
    parts.extend(asked.kind.as_ref().map(|kind| format!("kind={}", encoded(kind))));
    parts.extend(asked.branch_id.map(|branch| format!("branch_id={branch}")));
    parts.extend(asked.q.as_ref().map(|q| format!("q={}", encoded(q))));
    if asked.limit != usual {
        parts.push(format!("limit={}", asked.limit));
    }
    if raw {
        parts.push("raw=true".to_owned());
    }
    if parts.is_empty() { String::new() } else { format!("?{}", parts.join("&")) }
}

/// Where a program finds the very events of the page: its own usual number is another one.
fn address(asked: &EventQuery) -> String {
    let after = asked.after.map(|after| format!("&after={after}")).unwrap_or_default();
    let before = asked.before.map(|before| format!("&before={before}")).unwrap_or_default();
    format!("{}{}{after}{before}", links::EVENTS, filter(asked, 0, false))
}

/// The command that prints the same events.
fn command(asked: &EventQuery) -> String {
    let number = |flag: &str, value: Option<i64>| value.map(|value| format!(" --{flag} {value}")).unwrap_or_default();
    let text = |flag: &str, value: &Option<String>| {
        value.as_ref().map(|value| format!(" --{flag} {}", shell(value))).unwrap_or_default()
    };
    let place = match (asked.after, asked.before) {
        (None, None) => " --newest".to_owned(),
        (after, before) => number("after", after) + &number("before", before),
    };
    let (kind, q) = (text("kind", &asked.kind), text("query", &asked.q));
    format!("backstitch events{place}{kind}{}{q} --limit {}", number("branch-id", asked.branch_id), asked.limit)
}

/// When the first event shown happened, as it can be typed.
fn example(seen: &Seen) -> String {
    let at = seen.events.first().and_then(|event| clock::parse_rfc3339(&event.ts));
    let at = at.map(|at| clock::rfc3339(at.to_offset(time::UtcOffset::UTC)));
    at.map_or_else(|| "1240".to_owned(), |at| at.chars().take(16).collect::<String>().replace('T', " "))
}

/// The same place of the same list in the other form.
fn other_form(asked: &EventQuery, usual: u64, raw: bool) -> String {
    let filter = filter(asked, usual, !raw);
    let bound = asked.after.map(|after| format!("after={after}"));
    let bound = bound.or_else(|| asked.before.map(|before| format!("before={before}"))).unwrap_or_default();
    let join = if filter.is_empty() {
        "?"
    } else if bound.is_empty() {
        ""
    } else {
        "&"
    };
    format!("{}{filter}{join}{bound}", links::EVENTS).trim_end_matches('?').to_owned()
}

/// What the form offers: value, words with the count, and whether it is chosen.
fn kinds(counted: Vec<(String, u64)>, chosen: Option<&str>) -> Vec<(String, String, bool)> {
    let is_chosen = |kind: &str| chosen == Some(kind);
    let unknown = chosen.filter(|chosen| !counted.iter().take(KINDS).any(|(kind, _)| kind == chosen));
    let unknown = unknown.map(|kind| (kind.to_owned(), filters::spoken(kind), true));
    let known = counted.into_iter().take(KINDS).map(|(kind, count)| {
        let words = format!("{} ({})", filters::spoken(&kind), filters::grouped(count));
        let chosen = is_chosen(&kind);
        (kind, words, chosen)
    });
    known.chain(unknown).collect()
}

fn by_day(seen: &Seen, raw: bool, now: OffsetDateTime) -> Vec<Day> {
    let mut days: Vec<Day> = Vec::new();
    for event in &seen.events {
        let line = Line::new(event, &seen.domain, &seen.names, now).offering_rewind(seen.status.head);
        let line = if raw { line.raw(event) } else { line };
        let name = match &line.stamp.at {
            Some(at) if at.today => "Today".to_owned(),
            Some(at) => at.day.clone(),
            None => "At a time of its own form".to_owned(),
        };
        match days.last_mut() {
            Some(day) if day.name == name => day.lines.push(line),
            _ => days.push(Day { name, lines: vec![line] }),
        }
    }
    days
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_filter_is_an_address() {
        let asked = EventQuery { limit: 100, ..EventQuery::default() };
        assert_eq!(filter(&asked, 100, false), "");
        assert_eq!(other_form(&asked, 100, false), "/events?raw=true");
        assert_eq!(other_form(&asked, 100, true), "/events");
        let asked = EventQuery { kind: Some("a b".into()), branch_id: Some(2), limit: 5, ..EventQuery::default() };
        assert_eq!(filter(&asked, 100, false), "?kind=a%20b&branch_id=2&limit=5");
    }

    #[test]
    fn programs_and_terminals_get_the_events_of_the_page() {
        let asked = EventQuery { limit: 40, ..EventQuery::default() };
        assert_eq!(address(&asked), "/events?limit=40");
        assert_eq!(command(&asked), "backstitch events --newest --limit 40");
        let asked = EventQuery { before: Some(91), kind: Some("a b".into()), q: Some("it's".into()), ..asked };
        assert_eq!(address(&asked), "/events?kind=a%20b&q=it%27s&limit=40&before=91");
        let said = r"backstitch events --before 91 --kind 'a b' --query 'it'\''s' --limit 40";
        assert_eq!(command(&asked), said);
        let asked = EventQuery { after: Some(7), limit: 5, ..EventQuery::default() };
        assert_eq!(command(&asked), "backstitch events --after 7 --limit 5");
    }

    #[test]
    fn a_kind_that_nothing_has_stays_chosen() {
        let offered = kinds(vec![("user_turn".into(), 1200)], Some("gone"));
        assert_eq!(offered[0], ("user_turn".into(), "user turn (1,200)".into(), false));
        assert_eq!(offered[1], ("gone".into(), "gone".into(), true));
    }
}
