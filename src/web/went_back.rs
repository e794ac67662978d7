//! The result box of what moved the log or the tables: what was done, and its undo.

use time::OffsetDateTime;

use super::attention::Action;
use super::filters::{self, counted, took};
use super::links;
use super::offer::Offer;
use super::operations::{place, standing};
use super::outcome::{LOG, Outcome, events_moved};
use super::undo_view::came_after_result;
use crate::clock;
use crate::engine::{Line, Status};
use crate::history::{Operation, What};

/// The box of a restore, a rewind, an undo, or a change of a flag.
pub(super) fn told(line: &Line, status: &Status, safety_kept: std::time::Duration, now: OffsetDateTime) -> Outcome {
    let operation = &line.operation;
    let is_held = operation.detail["scope"] == "projections" && status.held && status.stuck.is_none();
    let offered = line.undo.as_ref().filter(|undo| undo.offered && undo.undone_by.is_none());
    let mut text = match flag(operation) {
        Some((_, true)) => vec!["It stays in the log, and the tables leave it out.".to_owned()],
        Some((_, false)) => vec!["The tables take it in.".to_owned()],
        None => {
            // The heading of tables that went back alone tells what changed.
            let done = (!is_tables_alone(operation)).then(|| done(operation));
            let until = clock::after(operation.at, safety_kept).map(|until| filters::until(until, now));
            let kept = until.map(|until| format!("The safety copy is kept until {until}."));
            done.into_iter().chain(is_held.then(|| waiting(status))).chain(kept).collect()
        }
    };
    text.extend(offered.and_then(came_after_result));
    let apply = is_held.then(|| apply(status));
    let undo = Offer::of(line, status, now).and_then(Offer::action);
    // Where undoing goes by way of its plan, the action leads there.
    let shows_rows = offered.is_some_and(|undo| !undo.confirm) && flag(operation).is_none();
    Outcome {
        heading: heading(line),
        text: text.join(" "),
        link: shows_rows
            .then(|| ("See what undoing would change \u{2192}".to_owned(), links::undo(operation.operation))),
        actions: apply.into_iter().chain(undo).collect(),
    }
}

/// The event whose flag was changed, and whether it is hidden since.
fn flag(operation: &Operation) -> Option<(i64, bool)> {
    let event = operation.detail["event"].as_i64()?;
    match operation.what {
        What::Hide => Some((event, true)),
        What::Unhide => Some((event, false)),
        _ => Some((event, operation.detail["hidden"].as_bool()?)),
    }
}

fn is_tables_alone(operation: &Operation) -> bool {
    operation.what == What::Restore && operation.detail["scope"] == "projections"
}

/// The button that applies what waits, beside the sentence that says how much that is.
fn apply(status: &Status) -> Action {
    let of = format!("({})", counted(status.waiting, "waiting event"));
    Action::Send { words: "Apply them".to_owned(), of, url: links::REPLAY.to_owned(), fields: Vec::new() }
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
    let operation = &line.operation;
    let detail = &operation.detail;
    let number = |name: &str| detail[name].as_i64().unwrap_or_default();
    let last = number("last_event_id");
    match (operation.what, flag(operation)) {
        (What::Undo, Some((event, true))) => format!("Undone: event {event} is hidden."),
        (What::Undo, Some((event, false))) => format!("Undone: event {event} is shown again."),
        (_, Some((event, true))) => format!("Event {event} is hidden."),
        (_, Some((event, false))) => format!("Event {event} is shown again."),
        (What::Rebuild, _) => "The tables are made anew from the log.".to_owned(),
        (What::Undo, _) if detail["scope"] == "projections" => {
            format!("Undone: the tables stand {} again.", standing(number("position")))
        }
        (What::Undo, _) if number("head") == 0 => "Undone: the log is empty again.".to_owned(),
        (What::Undo, _) => format!("Undone: the log is at event {} again, all rows as before.", number("head")),
        (_, _) if is_tables_alone(operation) => {
            let rows = match rows_changed(operation).iter().sum() {
                0 => "no row".to_owned(),
                rows => counted(rows, "row"),
            };
            format!("The tables are as they were {}; {rows} changed in {}.", standing(last), how_long(operation))
        }
        _ => format!("Went back to {}.", place(last)),
    }
}

/// `88 events left the log, 131 rows changed in 6 tables, in 0.3 s.`
fn done(operation: &Operation) -> String {
    let (rows, took) = (rows_changed(operation), how_long(operation));
    let moved = events_moved(&operation.detail);
    match rows.iter().sum() {
        0 if moved.is_empty() => format!("No row changed, in {took}."),
        0 => format!("{moved}no row changed, in {took}."),
        sum => format!("{moved}{} changed in {}, in {took}.", counted(sum, "row"), counted(rows.len() as u64, "table")),
    }
}

/// The rows that changed, table by table. Events are told apart from them.
fn rows_changed(operation: &Operation) -> Vec<u64> {
    let tables = operation.detail["rows_changed"].as_object().into_iter().flatten();
    tables.filter(|(table, _)| *table != LOG).filter_map(|(_, rows)| rows.as_u64()).collect()
}

fn how_long(operation: &Operation) -> String {
    took(operation.detail["took_ms"].as_u64().unwrap_or(operation.took_ms))
}

/// Said only while it is still so: the history knows what was done, not what came after.
fn waiting(status: &Status) -> String {
    match status.waiting {
        1 => "1 event waits.".to_owned(),
        waiting => format!("{} wait.", counted(waiting, "event")),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::history::Means;

    #[test]
    fn what_was_done_is_one_sentence() {
        let told = |detail| {
            done(&Operation {
                operation: 1,
                what: What::Rewind,
                at: OffsetDateTime::UNIX_EPOCH,
                by: Means::Page,
                detail,
                took_ms: 20,
            })
        };
        let detail = json!({
            "events_removed": 88, "events_returned": 0, "took_ms": 300,
            "rows_changed": {"bots": 100, "chats": 31, "event_log": 88},
        });
        assert_eq!(told(detail), "88 events left the log, 131 rows changed in 2 tables, in 0.3 s.");
        let detail = json!({"events_removed": 0, "events_returned": 1, "took_ms": 20, "rows_changed": {}});
        assert_eq!(told(detail), "1 event came back, no row changed, in 20 ms.");
        assert_eq!(told(json!({})), "No row changed, in 20 ms.");
    }
}
