//! The sample story: 110 events for an empty store, and a continuation of 40.
//!
//! In the files an event is named by its line, counted through both of them from 1; here those
//! numbers become the ids that the store gives.

use rusqlite::Connection;
use serde::Serialize;
use serde_json::value::RawValue;

use crate::error::{Error, Result};
use crate::log::{self, EventQuery, NewEvent};

const STORY: &str = include_str!("../data/sample/story.jsonl");
const CONTINUATION: &str = include_str!("../data/sample/continuation.jsonl");

/// In a log longer than this nobody looks for the sample: who has so many events is past it.
const LOOKED_THROUGH: u64 = 2_000;

/// How far the sample story is told in a store.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Told {
    /// It is not there.
    Nothing,
    /// Its first part is, from this event on.
    Story(i64),
    /// All of it is, from this event on.
    All(i64),
}

/// The first part, for a store whose next event gets `first_id`.
///
/// # Errors
///
/// None for the files that are compiled in.
pub fn story(first_id: i64) -> Result<Vec<NewEvent>> {
    resolve(STORY, &|line| first_id - 1 + line)
}

/// The continuation of a story that began at `first_id`, for a store whose next event gets
/// `next_id`: further on where a continuation was told before and taken back.
///
/// # Errors
///
/// None for the files that are compiled in.
pub fn continuation(first_id: i64, next_id: i64) -> Result<Vec<NewEvent>> {
    let told = STORY.lines().filter(|line| !line.trim().is_empty()).count() as i64;
    resolve(CONTINUATION, &|line| if line > told { next_id - 1 + line - told } else { first_id - 1 + line })
}

/// How far the story is told: found by its first and last lines, so nothing has to be kept about it.
///
/// # Errors
///
/// Where the log cannot be read.
pub fn told(conn: &Connection) -> Result<Told> {
    let events = log::read(conn, &EventQuery { after: Some(0), limit: LOOKED_THROUGH, ..EventQuery::default() })?;
    if events.len() as u64 == LOOKED_THROUGH {
        return Ok(Told::Nothing);
    }
    let opening = story(1)?;
    let Some(first) = opening.first().and_then(|first| events.iter().rfind(|event| is(event, first))) else {
        return Ok(Told::Nothing);
    };
    let whole = opening.last().is_some_and(|last| {
        let last_id = first.id + opening.len() as i64 - 1;
        events.iter().any(|event| event.id == last_id && is(event, last))
    });
    let more = continuation(first.id, first.id + opening.len() as i64)?;
    let continued = more.first().is_some_and(|next| events.iter().any(|event| event.id > first.id && is(event, next)));
    Ok(match (whole, continued) {
        (true, true) => Told::All(first.id),
        (true, false) => Told::Story(first.id),
        (false, _) => Told::Nothing,
    })
}

fn is(event: &log::Event, line: &NewEvent) -> bool {
    event.kind == line.kind && Some(&event.ts) == line.ts.as_ref() && event.payload.get() == line.payload.get()
}

/// `id` gives the id of the event on a line.
fn resolve(lines: &str, id: &dyn Fn(i64) -> i64) -> Result<Vec<NewEvent>> {
    log::lines(lines.as_bytes())
        .map(|event| {
            let mut event = event?;
            event.supersedes = event.supersedes.map(id);
            event.payload = resolve_payload(&event.payload, id)?;
            Ok(event)
        })
        .collect()
}

fn resolve_payload(payload: &RawValue, id: &dyn Fn(i64) -> i64) -> Result<Box<RawValue>> {
    let unreadable = |source: serde_json::Error| Error::internal("the sample story is not JSON").because(source);
    let mut object: serde_json::Value = serde_json::from_str(payload.get()).map_err(unreadable)?;
    match object.get_mut("memory_event_id") {
        Some(line) => {
            *line = id(line.as_i64().unwrap_or_default()).into();
            serde_json::value::to_raw_value(&object).map_err(unreadable)
        }
        None => Ok(payload.to_owned()),
    }
}
