//! The result boxes of backups: one was made, or the app went back to one.

use serde_json::Value;
use time::OffsetDateTime;

use super::filters::{counted, size, took};
use super::links;
use super::offer::Offer;
use super::outcome::{LOG, Outcome, events_moved};
use super::undo_view::came_after_result;
use crate::backup::Stamp;
use crate::engine::{Line, Status};

/// The box after a backup was made.
pub(super) fn made(detail: &Value) -> Outcome {
    let heading = match detail["last_event_id"].as_i64().unwrap_or_default() {
        0 => "A backup of the empty store is made.".to_owned(),
        last => format!("A backup is made, at event {last}."),
    };
    let includes = |part: &str| detail["includes"][part].as_bool() == Some(true);
    let parts = match (includes("registry"), includes("vectors")) {
        (true, true) => "database, registry file and vector store",
        (true, false) => "database and registry file",
        (false, true) => "database and vector store",
        (false, false) => "the database",
    };
    let text = format!("It holds {parts}, {}.", size(detail["size_bytes"].as_u64().unwrap_or_default()));
    Outcome { heading, text, link: link("See what is in it", detail, "backup"), actions: Vec::new() }
}

/// The box after a restore of a backup, with its undo.
pub(super) fn restored(line: &Line, status: &Status, now: OffsetDateTime) -> Outcome {
    let operation = &line.operation;
    let detail = &operation.detail;
    let heading = match detail["last_event_id"].as_i64().unwrap_or_default() {
        0 => "Went back to a backup of the empty store.".to_owned(),
        last => format!("Went back to a backup at event {last}."),
    };
    let mut text = done(detail, operation.took_ms);
    if let Some(before) = detail["backup_before"].as_str() {
        text += &format!(" The backup {before} holds everything as it was just before.");
    }
    let offered = line.undo.as_ref().filter(|undo| undo.offered && undo.undone_by.is_none());
    if let Some(since) = offered.and_then(came_after_result) {
        text = format!("{text} {since}");
    }
    let shows = offered.map(|_| ("What changed \u{2192}".to_owned(), links::undo(operation.operation)));
    let undo = Offer::of(line, status, now).and_then(Offer::action);
    Outcome { heading, text, link: shows, actions: undo.into_iter().collect() }
}

/// `12 events left the log, 31 rows changed, in 0.3 s.`
fn done(detail: &Value, took_ms: u64) -> String {
    let tables = detail["rows_changed"].as_object().into_iter().flatten();
    let rows: u64 = tables.filter(|(table, _)| *table != LOG).filter_map(|(_, rows)| rows.as_u64()).sum();
    let moved = events_moved(detail);
    let none = if moved.is_empty() { "No row changed" } else { "no row changed" };
    let rows = if rows == 0 { none.to_owned() } else { format!("{} changed", counted(rows, "row")) };
    format!("{moved}{rows}, in {}.", took(detail["took_ms"].as_u64().unwrap_or(took_ms)))
}

fn link(words: &'static str, detail: &Value, name: &str) -> Option<(String, String)> {
    let stamp: Stamp = detail[name].as_str()?.parse().ok()?;
    Some((words.to_owned(), links::backup(&stamp)))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_a_backup_holds_is_said() {
        let outcome = made(&json!({
            "backup": "20261120T180201Z", "last_event_id": 12, "size_bytes": 12_000,
            "includes": {"database": true, "registry": true, "vectors": false},
        }));
        assert_eq!(outcome.heading, "A backup is made, at event 12.");
        assert_eq!(outcome.text, "It holds database and registry file, 12 KB.");
        assert_eq!(outcome.link.map(|(_, url)| url).as_deref(), Some("/backups/20261120T180201Z"));
    }

    #[test]
    fn what_a_restore_did_is_one_sentence() {
        let detail = json!({"events_removed": 8, "rows_changed": {"bots": 2, "event_log": 8}, "took_ms": 300});
        assert_eq!(done(&detail, 0), "8 events left the log, 2 rows changed, in 0.3 s.");
        assert_eq!(done(&json!({"events_returned": 1}), 20), "1 event came back, no row changed, in 20 ms.");
        assert_eq!(done(&json!({}), 20), "No row changed, in 20 ms.");
    }
}
