//! `backstitch history`: what was done to the store, newest first, and the command that undoes it.

use clap::Args;
use serde_json::{Value, json};

use super::output::{Output, columns, counted, moment, safe};
use super::{Failure, Settings};
use crate::engine::{Line, Undo};
use crate::history::{Operation, What};
use crate::snapshot::log_image::LOG;

#[derive(Debug, Args)]
pub(super) struct History {
    /// At most so many operations
    #[arg(long, default_value_t = 100, value_name = "N")]
    limit: u64,
    /// Only operations before this one
    #[arg(long, value_name = "OP")]
    before: Option<i64>,
}

impl History {
    pub(super) fn run(self, settings: &Settings, out: Output) -> Result<(), Failure> {
        let lines = settings.open()?.history(self.before, self.limit)?;
        let flags = settings.flags();
        out.show(&json!({ "operations": &lines }), |out| {
            if lines.is_empty() {
                return writeln!(
                    out,
                    "Nothing has been done here{}.",
                    if self.before.is_some() { " before" } else { "" }
                );
            }
            let rows: Vec<Vec<String>> = lines.iter().map(|line| row(line, &flags)).collect();
            columns(out, &["op", "when", "what", "by", "took", "undo"], &rows)?;
            // The first line of a store has the number 1, and none is ever removed.
            match lines.last().map(|line| line.operation.operation) {
                Some(last) if last > 1 => writeln!(out, "older ones: backstitch history --before {last}{flags}"),
                _ => Ok(()),
            }
        })
    }
}

fn row(line: &Line, flags: &str) -> Vec<String> {
    let operation = &line.operation;
    vec![
        operation.operation.to_string(),
        moment(operation.at),
        words(operation),
        operation.by.as_str().to_owned(),
        took(operation.took_ms),
        line.undo.as_ref().map_or_else(String::new, |undo| way_back(operation.operation, undo, flags)),
    ]
}

fn way_back(operation: i64, undo: &Undo, flags: &str) -> String {
    match (undo.undone_by, &undo.why_not) {
        (Some(by), _) => format!("undone by {by}"),
        (None, Some(why)) => safe(why),
        (None, None) => format!("backstitch undo {operation}{flags}"),
    }
}

/// What an operation did.
fn words(operation: &Operation) -> String {
    let detail = &operation.detail;
    let number = |key: &str| detail[key].as_i64().unwrap_or_default();
    let text = |key: &str| safe(detail[key].as_str().unwrap_or_default());
    match operation.what {
        What::Take => match detail["label"].as_str() {
            Some(label) => format!("snapshot of event {}, {}", number("last_event_id"), safe(label)),
            None => format!("snapshot of event {}", number("last_event_id")),
        },
        What::Restore if detail["scope"] == "everything" => {
            format!("restore of tables and log to event {}{}", number("last_event_id"), effect(detail))
        }
        What::Restore => format!("restore of the tables to event {}{}", number("last_event_id"), effect(detail)),
        What::Rewind => format!("rewind to event {}{}", number("after_event_id"), effect(detail)),
        What::Undo => format!("undo of {}{}", number("of"), effect(detail)),
        What::Hide => format!("event {} hidden", number("event")),
        What::Unhide => format!("event {} shown again", number("event")),
        What::Delete => format!("{} deleted", removed(detail)),
        What::Prune if detail["of"] == "backups" => {
            format!("{} removed by retention", removed(detail).replace("snapshot", "backup"))
        }
        What::Prune => format!("{} removed by retention", removed(detail)),
        What::Backup => format!("backup {} of event {}", text("backup"), number("last_event_id")),
        What::BackupRestore => format!("restore of the backup {}{}", text("backup"), effect(detail)),
        What::Import => format!("snapshot {} imported", text("snapshot_id")),
        What::Replay => {
            let waited = detail["waited"].as_u64().or(detail["applied"].as_u64()).unwrap_or_default();
            format!("{} applied", counted(waited, "waiting event"))
        }
        What::Rebuild => format!("tables rebuilt from the log{}", effect(detail)),
        What::Domain => format!("domain {} in place of {}", text("to"), text("from")),
    }
}

/// Events and rows that it changed.
fn effect(detail: &Value) -> String {
    let mut words = String::new();
    for (key, verb) in [("events_removed", "left"), ("events_returned", "came back")] {
        match detail[key].as_u64() {
            None | Some(0) => {}
            Some(events) => words.push_str(&format!(", {} {verb}", counted(events, "event"))),
        }
    }
    let tables = detail["rows_changed"].as_object().into_iter().flatten().filter(|(table, _)| *table != LOG);
    match tables.filter_map(|(_, rows)| rows.as_u64()).sum() {
        0 => {}
        rows => words.push_str(&format!(", {} changed", counted(rows, "row"))),
    }
    words
}

/// One is named, more are counted.
fn removed(detail: &Value) -> String {
    match detail["removed"].as_array().map(Vec::as_slice).unwrap_or_default() {
        [id] => format!("snapshot {}", safe(id.as_str().unwrap_or_default())),
        ids => counted(ids.len() as u64, "snapshot"),
    }
}

/// How long it took, in a unit that fits.
fn took(millis: u64) -> String {
    match millis {
        0..1000 => format!("{millis} ms"),
        1000..60_000 => format!("{:.1} s", millis as f64 / 1000.0),
        _ => format!("{} min", millis / 60_000),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_changed_is_told_in_events_and_rows() {
        let detail = json!({
            "events_removed": 2, "events_returned": 0, "rows_changed": {"a": 2, "b": 1, "event_log": 2}
        });
        assert_eq!(effect(&detail), ", 2 events left, 3 rows changed");
        assert_eq!(effect(&json!({ "rows_changed": {"event_log": 7} })), "");
        assert_eq!(removed(&json!({ "removed": ["a\n"] })), "snapshot a\\n");
        assert_eq!(removed(&json!({ "removed": ["a", "b"] })), "2 snapshots");
    }

    #[test]
    fn times_have_a_unit_that_fits() {
        assert_eq!(
            [0, 999, 1000, 59_999, 60_000, 150_000].map(took),
            ["0 ms", "999 ms", "1.0 s", "60.0 s", "1 min", "2 min"]
        );
    }
}
