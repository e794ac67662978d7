//! The history in words: one line for each operation.

use serde_json::Value;
use time::OffsetDateTime;

use super::filters::{self, Moment, counted};
use super::outcome::{LOG, events_moved};
use super::words::visible;
use crate::history::{Means, Operation, What};

/// One operation as lists show it.
#[derive(Debug)]
pub(super) struct Done {
    pub(super) at: Moment,
    pub(super) words: String,
    /// How long it took and who asked for it.
    pub(super) how: String,
}

impl Done {
    pub(super) fn new(operation: &Operation, now: OffsetDateTime) -> Self {
        Self {
            at: Moment::new(operation.at, now),
            words: words(operation.what, &operation.detail),
            how: format!("{}, {}", filters::took(operation.took_ms), by(operation.by)),
        }
    }
}

fn by(means: Means) -> &'static str {
    match means {
        Means::Page => "from a page",
        Means::Http => "by a program",
        Means::Command => "by command",
        Means::Policy => "by itself",
    }
}

fn words(what: What, detail: &Value) -> String {
    let event = detail["last_event_id"].as_i64().unwrap_or_default();
    match what {
        What::Take => match detail["label"].as_str() {
            Some(label) => format!("Snapshot {}, \u{201c}{}\u{201d}", standing(event), visible(label)),
            None => format!("Snapshot {}", standing(event)),
        },
        What::Restore if detail["scope"] == "everything" => {
            format!("Went back to {}, tables and log{}", place(event), rows(detail))
        }
        What::Restore => format!("Went back to {}, tables only{}", place(event), rows(detail)),
        What::Delete => format!("Deleted {}", removed(detail, "snapshot")),
        What::Prune if detail["of"] == "backups" => format!("Removed {}", removed(detail, "old backup")),
        What::Prune => format!("Removed {}", removed(detail, "old snapshot")),
        What::Backup => format!("Backup {}", standing(event)),
        What::BackupRestore => format!("Went back to a backup {}{}", standing(event), and_moved(detail)),
        What::Replay => {
            // Hidden ones waited as well. Lines of older versions do not tell how many waited.
            let waited = detail["waited"].as_u64().or(detail["applied"].as_u64()).unwrap_or_default();
            format!("Applied {}", counted(waited, "waiting event"))
        }
        What::Domain => match detail["to"].as_str() {
            Some(name) => format!("The tables follow the domain {name} since"),
            None => "The tables follow another domain since".to_owned(),
        },
        What::Rewind => format!("Went back to {}{}", place(event), and_moved(detail)),
        What::Undo => undone(detail),
        What::Hide => format!("Hid event {}", number(detail, "event")),
        What::Unhide => format!("Showed event {} again", number(detail, "event")),
        What::Import => match detail["snapshot_id"].as_str() {
            Some(id) => format!("Brought in the snapshot {}", visible(id)),
            None => "Brought in a snapshot".to_owned(),
        },
        What::Rebuild => format!("Made the tables anew from the log{}", rows(detail)),
    }
}

/// `event 12`, or `before the first event`: where something goes back to.
pub(super) fn place(event: i64) -> String {
    if event == 0 { "before the first event".to_owned() } else { format!("event {event}") }
}

/// `at event 12`, or `before the first event`: where something was taken.
pub(super) fn standing(event: i64) -> String {
    if event == 0 { place(event) } else { format!("at {}", place(event)) }
}

fn number(detail: &Value, name: &str) -> i64 {
    detail[name].as_i64().unwrap_or_default()
}

/// `: 8 events left the log, 2 rows changed`; nothing where nothing moved.
fn and_moved(detail: &Value) -> String {
    let moved = format!("{}{}", events_moved(detail), rows(detail).trim_start_matches(", "));
    match moved.trim_end_matches(", ") {
        "" => String::new(),
        moved => format!(": {moved}"),
    }
}

fn undone(detail: &Value) -> String {
    let did = format!("Undid operation {}", number(detail, "of"));
    match (detail["scope"].as_str(), detail["hidden"].as_bool()) {
        (Some("flag"), Some(true)) => format!("{did}: event {} is hidden", number(detail, "event")),
        (Some("flag"), _) => format!("{did}: event {} is shown", number(detail, "event")),
        _ => format!("{did}{}", and_moved(detail)),
    }
}

/// What moved in the log and in the tables, and from where to where; nothing for what moves neither.
pub(super) fn moves(detail: &Value) -> Vec<String> {
    let moved = |what: &str, from: Option<i64>, to: Option<i64>| match (from, to) {
        (Some(from), Some(to)) if from != to => Some(format!("{what} {from} \u{2192} {to}")),
        _ => None,
    };
    let log = moved("log", detail["from_head"].as_i64(), detail["head"].as_i64());
    // Applying what waited moves nothing else, and calls its two ends by themselves.
    let number = |name: &str, alone: &str| detail[name].as_i64().or_else(|| detail[alone].as_i64());
    let tables = moved("tables", number("from_position", "from"), number("position", "to"));
    log.into_iter().chain(tables).collect()
}

fn rows(detail: &Value) -> String {
    let tables = detail["rows_changed"].as_object();
    let tables = tables.into_iter().flatten().filter(|(table, _)| *table != LOG);
    match tables.filter_map(|(_, rows)| rows.as_u64()).sum() {
        0 => String::new(),
        rows => format!(", {} changed", counted(rows, "row")),
    }
}

/// One is named, more are counted.
fn removed(detail: &Value, noun: &str) -> String {
    let ids = detail["removed"].as_array().map(Vec::as_slice).unwrap_or_default();
    match ids {
        [id] => format!("the {noun} {}", id.as_str().unwrap_or_default()),
        _ => counted(ids.len() as u64, noun),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn operations_are_told_in_words() {
        assert_eq!(words(What::Take, &json!({"last_event_id": 12, "label": null})), "Snapshot at event 12");
        assert_eq!(
            words(
                What::Restore,
                &json!({"last_event_id": 9, "scope": "projections", "rows_changed": {"a": 2, "b": 1, "event_log": 9}})
            ),
            "Went back to event 9, tables only, 3 rows changed"
        );
        assert_eq!(words(What::Prune, &json!({"removed": ["a", "b"]})), "Removed 2 old snapshots");
        assert_eq!(words(What::Delete, &json!({"removed": ["a"]})), "Deleted the snapshot a");
        assert_eq!(words(What::Replay, &json!({"applied": 1})), "Applied 1 waiting event");
        let detail = json!({"applied": 38, "waited": 40});
        assert_eq!(words(What::Replay, &detail), "Applied 40 waiting events");
        assert_eq!(words(What::Hide, &json!({"event": 7})), "Hid event 7");
    }

    #[test]
    fn there_is_no_event_0() {
        let zero = json!({"last_event_id": 0, "scope": "everything"});
        let said = |what| words(what, &zero);
        assert_eq!(said(What::Take), "Snapshot before the first event");
        assert_eq!(said(What::Rewind), "Went back to before the first event");
        assert_eq!(said(What::Restore), "Went back to before the first event, tables and log");
        assert_eq!(said(What::BackupRestore), "Went back to a backup before the first event");
    }

    #[test]
    fn going_back_and_undoing_are_told_with_what_moved() {
        let detail = json!({
            "of": 4, "scope": "everything", "last_event_id": 12, "events_removed": 8, "events_returned": 0,
            "rows_changed": {"bots": 2, "event_log": 8}, "from_head": 20, "head": 12, "from_position": 20, "position": 12,
        });
        assert_eq!(words(What::Rewind, &detail), "Went back to event 12: 8 events left the log, 2 rows changed");
        assert_eq!(words(What::Undo, &detail), "Undid operation 4: 8 events left the log, 2 rows changed");
        assert_eq!(moves(&detail), ["log 20 \u{2192} 12", "tables 20 \u{2192} 12"]);
        assert!(moves(&json!({"last_event_id": 12})).is_empty());
        assert_eq!(moves(&json!({"from": 110, "to": 112, "applied": 2})), ["tables 110 \u{2192} 112"]);
    }
}
