//! `GET /history`: what has been done to the store, and what of it can be undone.

use askama::Template;
use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use time::OffsetDateTime;

use super::error::Failure;
use super::extract::Query;
use super::filters;
use super::layout::{Door, Shell, page};
use super::links;
use super::negotiate::Wants;
use super::offer::Offer;
use super::operations::Done;
use super::outcome::{Outcome, Tell};
use super::state::{AppState, blocking};
use crate::engine::{Line, Status};

/// The answer for programs.
#[derive(Serialize)]
struct Answer {
    operations: Vec<Line>,
}

/// `GET /history?before=&limit=`, newest first.
pub(super) async fn show(
    State(state): State<AppState>,
    wants: Wants,
    Query(fields): Query,
) -> Result<Response, Failure> {
    let most = state.settings.page_limit;
    let before: Option<i64> = fields.number("before", "the number of an operation")?;
    let limit = fields.limit(most, most / 10)?;
    if wants.json() {
        let operations = blocking(&state, move |engine| engine.history(before, limit as u64)).await?;
        return Ok(Json(Answer { operations }).into_response());
    }
    let (tell, kept) = (Tell::read(&fields)?, state.settings.safety_kept);
    let (status, lines, outcome) = blocking(&state, move |engine| {
        // One more than asked for tells whether there is another page.
        let (status, lines) = (engine.status()?, engine.history(before, limit as u64 + 1)?);
        let outcome = tell.outcome(engine, &status, kept)?;
        Ok((status, lines, outcome))
    })
    .await?;
    Ok(page(&HistoryPage::new(&state, &status, lines, (before, limit), outcome))?)
}

/// One operation.
struct Entry {
    operation: i64,
    done: Done,
    /// What moved, and from where to where.
    moves: Vec<String>,
    offer: Option<Offer>,
}

impl Entry {
    fn new(line: &Line, status: &Status, now: OffsetDateTime) -> Self {
        Self {
            operation: line.operation.operation,
            done: Done::new(&line.operation, now),
            moves: super::operations::moves(&line.operation.detail),
            offer: Offer::of(line, status, now),
        }
    }
}

/// The operations of one day.
struct Day {
    name: String,
    entries: Vec<Entry>,
}

#[derive(Template)]
#[template(path = "history.html")]
struct HistoryPage {
    shell: Shell,
    days: Vec<Day>,
    newest: Option<String>,
    older: Option<String>,
}

impl HistoryPage {
    fn new(
        state: &AppState,
        status: &Status,
        mut lines: Vec<Line>,
        (before, limit): (Option<i64>, usize),
        outcome: Option<Outcome>,
    ) -> Self {
        let now = state.engine.now();
        let is_more = lines.len() > limit;
        lines.truncate(limit);
        let limited = if limit == state.settings.page_limit / 10 { String::new() } else { format!("&limit={limit}") };
        let last = lines.last().filter(|_| is_more).map(|line| line.operation.operation);
        let path = before.map_or_else(|| links::HISTORY.to_owned(), |id| format!("{}?before={id}", links::HISTORY));
        let shell = Shell::new(state, status, "History", Door::History).told(outcome);
        Self {
            shell: shell.also(state, &path, "backstitch history".to_owned()),
            days: by_day(&lines, status, now),
            newest: before.map(|_| links::HISTORY.to_owned()),
            older: last.map(|id| format!("{}?before={id}{limited}", links::HISTORY)),
        }
    }
}

fn by_day(lines: &[Line], status: &Status, now: OffsetDateTime) -> Vec<Day> {
    let mut days: Vec<Day> = Vec::new();
    for line in lines {
        let (name, entry) = (filters::day(line.operation.at, now), Entry::new(line, status, now));
        match days.last_mut() {
            Some(day) if day.name == name => day.entries.push(entry),
            _ => days.push(Day { name, entries: vec![entry] }),
        }
    }
    days
}
