//! `GET /state/{table}/row`: the events that changed one row, the newest first.

use askama::Template;
use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use serde::Serialize;

use super::difference::{Difference, Run};
use super::error::Failure;
use super::event_view::Stamp;
use super::extract::{Fields, Query, RawId};
use super::filters::{self, counted};
use super::layout::{Door, Shell, page};
use super::links;
use super::negotiate::Wants;
use super::rows::{Cell, RowView, Words};
use super::state::{AppState, blocking};
use crate::compare::DiffRow;
use crate::engine::{Engine, Status};
use crate::error::{Error, Result};
use crate::log::Event;
use crate::touched::{RowEvent, RowEvents};

/// Events of a page where the address does not say.
const EVENTS: usize = 20;
/// Characters of a value in a row.
const VALUE: usize = 2000;

const WORDS: Words = Words {
    added: ("adds it", "+", "comes"),
    removed: ("removes it", "\u{2212}", "goes"),
    changed: ("changes it", "~", "changes"),
    now: "before",
    then: "after",
};

/// What the address of a row asks for.
struct Asked {
    table: String,
    key: String,
    before: Option<i64>,
    limit: usize,
}

impl Asked {
    fn read(table: String, fields: &Fields, most: usize, usual: usize) -> Result<Self> {
        let key = fields.filled("key")?.ok_or_else(|| Error::malformed("key must be the row's key: a JSON array"))?;
        let before = fields.number("before", "the id of an event")?;
        Ok(Self { table, key: key.to_owned(), before, limit: fields.limit(most, usual)? })
    }
}

/// The answer for programs: the newest events first.
#[derive(Serialize)]
struct Answer<'a> {
    table: &'a str,
    columns: &'a [String],
    key: &'a [crate::image::Value],
    /// The event that the answer is as of.
    at: i64,
    /// How many events changed the row.
    total: u64,
    events: Vec<&'a RowEvent>,
    next_before: Option<i64>,
}

/// The part of the answer that is asked for, and the events themselves.
struct Seen {
    status: Status,
    found: RowEvents,
    events: Vec<(RowEvent, Event)>,
    next_before: Option<i64>,
}

impl Seen {
    fn look(engine: &Engine, asked: &Asked) -> Result<Self> {
        let found = engine.row_events(&asked.table, &asked.key)?;
        let (part, next_before) = part(&found, asked);
        let event = |one: &RowEvent| Ok((one.clone(), engine.event(one.event)?));
        let events = part.into_iter().map(event).collect::<Result<_>>()?;
        Ok(Self { status: engine.status()?, events, next_before, found })
    }
}

/// The newest events before one, and where the next page begins.
fn part<'a>(found: &'a RowEvents, asked: &Asked) -> (Vec<&'a RowEvent>, Option<i64>) {
    let earlier = |one: &&RowEvent| asked.before.is_none_or(|before| one.event < before);
    let mut part: Vec<&RowEvent> = found.events.iter().rev().filter(earlier).take(asked.limit + 1).collect();
    let more = part.len() > asked.limit;
    part.truncate(asked.limit);
    let next = part.last().filter(|_| more).map(|last| last.event);
    (part, next)
}

/// `GET /state/{table}/row?key=&before=&limit=`.
pub(super) async fn show(
    State(state): State<AppState>,
    wants: Wants,
    RawId(table): RawId,
    Query(fields): Query,
) -> Result<Response, Failure> {
    let most = state.settings.page_limit;
    let asked = Asked::read(table, &fields, most, if wants.json() { most / 10 } else { EVENTS })?;
    if wants.json() {
        return Ok(blocking(&state, move |engine| answer(engine, &asked)).await?);
    }
    let (asked, seen) = blocking(&state, move |engine| {
        let seen = Seen::look(engine, &asked)?;
        Ok((asked, seen))
    })
    .await?;
    Ok(page(&RowPage::new(&state, &asked, &seen))?)
}

fn answer(engine: &Engine, asked: &Asked) -> Result<Response> {
    let found = engine.row_events(&asked.table, &asked.key)?;
    let (events, next_before) = part(&found, asked);
    let RowEvents { table, columns, key, at, total, .. } = &found;
    Ok(Json(Answer { table, columns, key, at: *at, total: *total, events, next_before }).into_response())
}

/// One event and what it did to the row.
struct Entry {
    id: i64,
    url: String,
    kind: String,
    stamp: Stamp,
    row: RowView,
}

#[derive(Template)]
#[template(path = "row.html")]
struct RowPage {
    shell: Shell,
    table: String,
    key: String,
    /// What was found, and how.
    lead: String,
    entries: Vec<Entry>,
    first_page: Option<String>,
    next_page: Option<String>,
}

impl RowPage {
    fn new(state: &AppState, asked: &Asked, seen: &Seen) -> Self {
        let now = state.engine.now();
        let found = &seen.found;
        let link = |before| links::row(&found.table, &asked.key, before);
        let entries: Vec<Entry> = seen
            .events
            .iter()
            .map(|(change, event)| Entry {
                id: event.id,
                url: links::event(event.id),
                kind: filters::spoken(&event.kind),
                stamp: Stamp::new(&event.ts, now),
                row: row(found, change),
            })
            .collect();
        let key: Vec<String> = found.key.iter().map(|value| Cell::of(value).spoken().to_owned()).collect();
        let key = key.join(" \u{b7} ");
        let shell = Shell::new(state, &seen.status, &format!("A row of {}", found.table), Door::Tables);
        let mut shell = shell.also(state, &link(asked.before), String::new());
        // No command answers this.
        shell.as_command.clear();
        Self {
            shell,
            table: found.table.clone(),
            lead: lead(found, &seen.status),
            key,
            entries,
            first_page: asked.before.map(|_| link(None)),
            next_page: seen.next_before.map(|before| link(Some(before))),
        }
    }
}

fn row(found: &RowEvents, change: &RowEvent) -> RowView {
    let effect = &change.effect;
    let (now, then) = (effect.before.clone(), effect.after.clone());
    let row = DiffRow { change: effect.change, key: effect.key.clone(), now, then };
    let mut row = RowView::of(&found.columns, &found.key_columns, &row, &WORDS).cut(VALUE);
    // The heading of the page says which row it is.
    row.key.clear();
    row
}

fn lead(found: &RowEvents, status: &Status) -> String {
    let gone = if found.total > 0 && !found.is_there() { " The row is not there any more." } else { "" };
    let changed = match found.total {
        0 => "No event of the log changed a row with this key.".to_owned(),
        total => format!("{} changed it.{gone}", counted(total, "event")),
    };
    let kept = found.events.len() as u64;
    let newest =
        if kept < found.total { format!(" The newest {} are listed.", filters::grouped(kept)) } else { String::new() };
    let waiting = if status.waiting > 0 {
        format!(" {} are not looked at, since they wait.", counted(status.waiting, "newer event"))
    } else {
        String::new()
    };
    format!("{changed}{newest}{waiting}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::compare::RowChange;
    use crate::effect::RowEffect;

    #[test]
    fn a_page_ends_where_the_next_begins() {
        let asked = |before, limit| Asked { table: "t".into(), key: "[1]".into(), before, limit };
        let effect = RowEffect { change: RowChange::Added, key: vec![], before: None, after: None };
        let columns = Vec::new();
        let table = crate::image::Table { name: "t".into(), columns, key: vec![] };
        let mut found = RowEvents::none(&table, vec![]);
        found.events.extend([3, 5, 9].map(|event| RowEvent { event, effect: effect.clone() }));
        let ids = |before, limit| {
            let (part, next) = part(&found, &asked(before, limit));
            (part.iter().map(|one| one.event).collect::<Vec<_>>(), next)
        };
        assert_eq!(ids(None, 2), (vec![9, 5], Some(5)));
        assert_eq!(ids(Some(5), 2), (vec![3], None));
    }
}
