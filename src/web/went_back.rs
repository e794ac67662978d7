//! The result box of what moved the log or the tables: what was done, and its undo.

use serde_json::Value;
use time::OffsetDateTime;

use super::attention;
use super::filters::{Moment, counted, took};
use super::links;
use super::offer::Offer;
use super::outcome::{LOG, Outcome, events_moved};
use super::undo_view::came_after_result;
use crate::clock;
use crate::engine::{Line, Status};
use crate::history::What;

/// The box of a restore, a rewind, an undo, or a change of a flag.
pub(super) fn told(line: &Line, status: &Status, safety_kept: std::time::Duration, now: OffsetDateTime) -> Outcome {
    let operation = &line.operation;
    let detail = &operation.detail;
    let mut text = match operation.what {
        What::Hide => "It stays in the log, and the tables leave it out.".to_owned(),
        What::Unhide => "The tables take it in.".to_owned(),
        _ => {
            let until = clock::after(operation.at, safety_kept).map(|until| Moment::new(until, now).day);
            let kept = until.map_or_else(String::new, |until| format!(" The safety copy is kept until {until}."));
            format!("{}{kept}", done(detail, operation.took_ms))
        }
    };
    let only_tables = detail["scope"] == "projections";
    let is_held = only_tables && status.held && status.stuck.is_none();
    if is_held {
        text += &waiting(status);
    }
    let offered = line.undo.as_ref().filter(|undo| undo.offered && undo.undone_by.is_none());
    if let Some(since) = offered.and_then(came_after_result) {
        text = format!("{text} {since}");
    }
    let apply = is_held.then(|| attention::apply(status.waiting));
    let undo = Offer::of(line, status, now).and_then(Offer::action);
    let shows_rows = offered.is_some() && !matches!(operation.what, What::Hide | What::Unhide);
    Outcome {
        heading: heading(line),
        text,
        link: shows_rows.then(|| ("What changed \u{2192}".to_owned(), links::undo(operation.operation))),
        actions: apply.into_iter().chain(undo).collect(),
    }
}

/// The box of the undo of an undo: what it brought is no more what was before everything.
pub(super) fn again(told: Outcome, line: &Line) -> Outcome {
    let detail = &line.operation.detail;
    let heading = match (detail["scope"].as_str(), detail["head"].as_i64().unwrap_or_default()) {
        (Some("flag" | "projections"), _) => told.heading,
        (_, 0) => "The undo is undone: the log is empty again.".to_owned(),
        (_, head) => format!("The undo is undone: the log stands at event {head} again."),
    };
    Outcome { heading, ..told }
}

fn heading(line: &Line) -> String {
    let detail = &line.operation.detail;
    let number = |name: &str| detail[name].as_i64().unwrap_or_default();
    let last = number("last_event_id");
    let flag = |event: i64, hidden: bool| format!("event {event} is {}", if hidden { "hidden" } else { "shown again" });
    match (line.operation.what, detail["scope"].as_str()) {
        (What::Hide, _) => format!("Event {} is hidden.", number("event")),
        (What::Unhide, _) => format!("Event {} is shown again.", number("event")),
        (What::Rebuild, _) => "The tables are made anew from the log.".to_owned(),
        (What::Undo, Some("flag")) => {
            format!("Undone: {}.", flag(number("event"), detail["hidden"].as_bool() == Some(true)))
        }
        (What::Undo, Some("projections")) => format!("Undone: the tables stand at event {} again.", number("position")),
        (What::Undo, _) if number("head") == 0 => "Undone: the log is empty again.".to_owned(),
        (What::Undo, _) => format!("Undone: the log is at event {} again, all rows as before.", number("head")),
        (_, Some("projections")) => format!("The tables are as they were at event {last}."),
        (_, _) if last == 0 => "Went back to before the first event.".to_owned(),
        (_, _) => format!("Went back to event {last}."),
    }
}

/// `88 events left the log, 131 rows changed in 6 tables, in 0.3 s.`
fn done(detail: &Value, took_ms: u64) -> String {
    let took = took(detail["took_ms"].as_u64().unwrap_or(took_ms));
    let rows: Vec<u64> = detail["rows_changed"]
        .as_object()
        .into_iter()
        .flatten()
        // Events are told apart from the rows of the tables.
        .filter(|(table, _)| *table != LOG)
        .filter_map(|(_, rows)| rows.as_u64())
        .collect();
    let moved = events_moved(detail);
    match rows.iter().sum() {
        0 if moved.is_empty() => format!("No row changed, in {took}."),
        0 => format!("{moved}no row changed, in {took}."),
        sum => format!("{moved}{} changed in {}, in {took}.", counted(sum, "row"), counted(rows.len() as u64, "table")),
    }
}

/// Said only while it is still so: the history knows what was done, not what came after.
fn waiting(status: &Status) -> String {
    match status.waiting {
        1 => " 1 event waits.".to_owned(),
        waiting => format!(" {} wait.", counted(waiting, "event")),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_was_done_is_one_sentence() {
        let detail = json!({
            "events_removed": 88, "events_returned": 0, "took_ms": 300,
            "rows_changed": {"bots": 100, "chats": 31, "event_log": 88},
        });
        assert_eq!(done(&detail, 0), "88 events left the log, 131 rows changed in 2 tables, in 0.3 s.");
        let detail = json!({"events_removed": 0, "events_returned": 1, "took_ms": 20, "rows_changed": {}});
        assert_eq!(done(&detail, 0), "1 event came back, no row changed, in 20 ms.");
        assert_eq!(done(&json!({}), 20), "No row changed, in 20 ms.");
    }
}
