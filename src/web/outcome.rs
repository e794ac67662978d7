//! The result box: what an operation did, told from the history, so that a reload tells it again.

use serde_json::Value;
use time::OffsetDateTime;

use super::attention::{self, Action};
use super::extract::Fields;
use super::filters::{Moment, counted, size, took};
use super::links::{self, SnapshotLinks};
use super::words::visible;
use crate::engine::{Engine, Status};
use crate::error::{ErrorKind, Result};
use crate::history::{Operation, What};
use crate::snapshot::Kind;

/// The table of events, which the history counts with the others.
pub(super) const LOG: &str = "event_log";

/// What the box says, and the one link that goes on from it.
#[derive(Debug)]
pub(super) struct Outcome {
    pub(super) heading: String,
    pub(super) text: String,
    pub(super) link: Option<(String, String)>,
    /// What can be done next, while it can.
    pub(super) action: Option<Action>,
}

impl Outcome {
    /// The box of an operation; none for one that no page of this program started.
    pub(super) fn of(operation: &Operation, status: &Status, safety_kept: std::time::Duration) -> Option<Self> {
        match operation.what {
            What::Take => Some(taken(&operation.detail)),
            What::Restore => Some(restored(operation, status, safety_kept)),
            What::Delete => Some(deleted(&operation.detail)),
            What::Replay => Some(applied(&operation.detail, status)),
            What::Prune | What::Domain => None,
        }
    }

    /// The box of what no line of the history tells.
    fn of_word(word: &str, status: &Status) -> Option<Self> {
        match (word, &status.stuck) {
            ("nothing", Some(_)) => Some(applied(&Value::Null, status)),
            ("nothing", None) => {
                Some(Self::plain("Nothing waited.", format!("The tables stand at event {}.", status.position)))
            }
            ("continued", _) => Some(Self::plain("40 events came in.", "The story is continued.".to_owned())),
            _ => None,
        }
    }

    fn plain(heading: &str, text: String) -> Self {
        Self { heading: heading.to_owned(), text, link: None, action: None }
    }
}

/// What an address asks to be told.
pub(super) struct Tell {
    done: Option<i64>,
    word: Option<String>,
}

impl Tell {
    /// The fields `done`, the number of an operation, and `told`, a fixed word.
    ///
    /// # Errors
    ///
    /// Malformed where `done` is no number.
    pub(super) fn read(fields: &Fields) -> Result<Self> {
        Ok(Self { done: fields.number("done", "the number of an operation")?, word: fields.owned("told")? })
    }

    /// The box; none where there is nothing to tell, or no such operation.
    ///
    /// # Errors
    ///
    /// Where the database fails.
    pub(super) fn outcome(
        &self,
        engine: &Engine,
        status: &Status,
        safety_kept: std::time::Duration,
    ) -> Result<Option<Outcome>> {
        let operation = match self.done.map(|done| engine.operation(done)).transpose() {
            Err(error) if error.kind() != ErrorKind::NotFound => return Err(error),
            found => found.ok().flatten(),
        };
        let told = operation.and_then(|operation| Outcome::of(&operation, status, safety_kept));
        Ok(told.or_else(|| self.word.as_deref().and_then(|word| Outcome::of_word(word, status))))
    }
}

fn applied(detail: &Value, status: &Status) -> Outcome {
    let done = match detail["applied"].as_u64().unwrap_or_default() {
        0 => "No event was applied.".to_owned(),
        1 => "1 event was applied.".to_owned(),
        applied => format!("{} were applied.", counted(applied, "event")),
    };
    match &status.stuck {
        Some(stuck) => Outcome {
            heading: format!("The tables stopped before event {}.", stuck.event),
            text: visible(&format!("{done} That event breaks a rule: {}.", stuck.reason.trim_end_matches('.'))),
            link: Some((format!("See event {}", stuck.event), links::event(stuck.event))),
            action: None,
        },
        None => {
            let to = detail["to"].as_i64().unwrap_or(status.position);
            Outcome::plain(&format!("The tables stand at event {to}."), done)
        }
    }
}

fn taken(detail: &Value) -> Outcome {
    let event = detail["last_event_id"].as_i64().unwrap_or_default();
    let heading = match event {
        0 => "A snapshot of the empty store is taken.".to_owned(),
        _ => format!("A snapshot is taken, at event {event}."),
    };
    let text = match detail["label"].as_str() {
        Some(label) => format!("It is called \u{201c}{}\u{201d}.", visible(label)),
        None => String::new(),
    };
    Outcome { heading, text, link: link("See what going back to it would change", detail), action: None }
}

fn deleted(detail: &Value) -> Outcome {
    let id = detail["removed"][0].as_str().unwrap_or_default();
    let text = match (detail["skipped"].as_bool(), detail["bytes"].as_u64()) {
        (Some(true), _) => {
            "What only it needed is still on the disk: other work uses the pieces now, or a snapshot cannot be read, so \
             nothing says which pieces are needed."
                .to_owned()
        }
        (_, None | Some(0)) => "What it shared with other snapshots stays.".to_owned(),
        (_, Some(bytes)) => format!("{} are free.", size(bytes)),
    };
    Outcome { heading: format!("The snapshot {id} is deleted."), text, link: None, action: None }
}

fn restored(operation: &Operation, status: &Status, safety_kept: std::time::Duration) -> Outcome {
    let detail = &operation.detail;
    let event = detail["last_event_id"].as_i64().unwrap_or_default();
    let took = took(detail["took_ms"].as_u64().unwrap_or(operation.took_ms));
    let rows = rows_changed(detail);
    let (heading, done) = if detail["scope"] == "everything" {
        (format!("Went back to event {event}."), format!("{}{rows} in {took}.", events_moved(detail)))
    } else {
        (format!("The tables are as they were at event {event}."), format!("{rows} in {took}.{}", waiting(status)))
    };
    let until = Moment::new(operation.at + safety_kept, OffsetDateTime::now_utc()).day;
    Outcome {
        heading,
        text: format!("{done} A safety copy of what was there before is kept until {until}."),
        link: link("See the safety copy", &detail["safety_snapshot"]),
        action: (status.held && status.stuck.is_none()).then(|| attention::apply(status.waiting)),
    }
}

fn events_moved(detail: &Value) -> String {
    let count = |name: &str| detail[name].as_u64().unwrap_or_default();
    let mut text = String::new();
    if count("events_removed") > 0 {
        text += &format!("{} left the log. ", counted(count("events_removed"), "event"));
    }
    if count("events_returned") > 0 {
        text += &format!("{} came back. ", counted(count("events_returned"), "event"));
    }
    text
}

fn rows_changed(detail: &Value) -> String {
    let counts: Vec<u64> = detail["rows_changed"]
        .as_object()
        .into_iter()
        .flatten()
        // Events are told apart from the rows of the tables.
        .filter(|(table, _)| *table != LOG)
        .filter_map(|(_, rows)| rows.as_u64())
        .collect();
    match counts.iter().sum() {
        0 => "No row changed,".to_owned(),
        rows => format!("{} changed in {}", counted(rows, "row"), counted(counts.len() as u64, "table")),
    }
}

/// Said only while it is still so: the history knows what was done, not what came after.
fn waiting(status: &Status) -> String {
    match (status.held, status.waiting) {
        (true, 1) => " 1 event waits.".to_owned(),
        (true, waiting) => format!(" {} wait.", counted(waiting, "event")),
        (false, _) => String::new(),
    }
}

fn link(words: &'static str, named: &Value) -> Option<(String, String)> {
    let id = named["snapshot_id"].as_str()?.parse().ok()?;
    let kind: Kind = named["kind"].as_str()?.parse().ok()?;
    Some((words.to_owned(), SnapshotLinks::new(&id, kind).plan()))
}
