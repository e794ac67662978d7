//! What a page offers to undo an operation: a button while nothing came after it, else its plan; or
//! since when there is no undoing it.

use serde_json::Value;
use time::OffsetDateTime;

use super::attention::Action;
use super::due::Timed;
use super::filters::{Moment, counted};
use super::links;
use super::operations::{place, standing};
use super::plan_page::expected_of;
use crate::clock;
use crate::engine::{Line, Status, Undo, Way};
use crate::history::{Operation, What};

/// Whether and how an operation is undone from a page.
#[derive(Debug)]
pub(super) enum Offer {
    /// At once, or by way of the plan.
    Do(Action),
    /// It is undone, by the operation of this number.
    Undone(i64),
    /// Not any more, and why.
    Not(Timed),
}

impl Offer {
    /// The offer of a line; none for what destroyed nothing.
    pub(super) fn of(line: &Line, status: &Status, now: OffsetDateTime) -> Option<Self> {
        let undo = line.undo.as_ref()?;
        Some(match (undo.undone_by, &undo.why_not) {
            (Some(by), _) => Self::Undone(by),
            (None, Some(why)) => Self::Not(since(why, now)),
            (None, None) => Self::Do(action(line, undo, status)),
        })
    }

    /// The action, where there is one.
    pub(super) fn action(self) -> Option<Action> {
        match self {
            Self::Do(action) => Some(action),
            Self::Undone(_) | Self::Not(_) => None,
        }
    }
}

fn action(line: &Line, undo: &Undo, status: &Status) -> Action {
    let (url, of) = (links::undo(line.operation.operation), deed(&line.operation));
    // The plan says whether undoing would change anything.
    if undo.confirm || is_overtaken(&line.operation, status) {
        return Action::Plan { of: format!("of undoing {of}"), url };
    }
    let (words, of) = button(line, undo, of);
    Action::Send { words, of, url, fields: expected_of(status).to_vec() }
}

/// Whether the tables that went back alone stand again where they stood before: what waited is
/// applied since.
fn is_overtaken(operation: &Operation, status: &Status) -> bool {
    let before = operation.detail["from_position"].as_i64().unwrap_or(i64::MAX);
    let is_alone = operation.what == What::Restore && operation.detail["scope"] == "projections";
    is_alone && !status.held && status.position >= before
}

/// The words of the button, and what is heard after them; `deed` is what would be undone.
fn button(line: &Line, undo: &Undo, deed: String) -> (String, String) {
    let words = match (line.undid, &undo.way) {
        (None, _) => "Undo".to_owned(),
        (_, Way::Flag { hidden: true, .. }) => "Hide again".to_owned(),
        (_, Way::Flag { .. }) => "Show again".to_owned(),
        (Some(What::Undo), _) => once_more(&line.operation.detail),
        (Some(What::Rebuild), _) => "Make the tables anew again".to_owned(),
        _ => "Go back again".to_owned(),
    };
    let of = if line.undid.is_some() { format!("({deed} is undone)") } else { deed };
    (words, of)
}

/// What undoing the undo of an undo does to the log: the opposite of what it did.
fn once_more(undone: &Value) -> String {
    let events = |name: &str| undone[name].as_u64().unwrap_or_default();
    match (events("events_removed"), events("events_returned")) {
        (gone @ 1.., 0) => format!("Bring back {}", counted(gone, "event")),
        (0, back @ 1..) => format!("Take back {} again", counted(back, "event")),
        _ => "Undo".to_owned(),
    }
}

/// What would be undone, after `undo` or `undoing`.
pub(super) fn deed(operation: &Operation) -> String {
    let number = |name: &str| operation.detail[name].as_i64().unwrap_or_default();
    match operation.what {
        What::Rewind => format!("the rewind to {}", place(number("last_event_id"))),
        What::Restore => format!("going back to {}", place(number("last_event_id"))),
        What::Undo => format!("the undo of operation {}", number("of")),
        What::Hide => format!("hiding event {}", number("event")),
        What::Unhide => format!("showing event {} again", number("event")),
        What::Rebuild => "making the tables anew".to_owned(),
        What::BackupRestore => format!("going back to a backup {}", standing(number("last_event_id"))),
        _ => format!("operation {}", operation.operation),
    }
}

/// The engine's reason, with the moment in it apart, so that a script can make it local.
fn since(why: &str, now: OffsetDateTime) -> Timed {
    let apart = why.trim_end_matches('.').rsplit_once(" since ");
    match apart.and_then(|(before, at)| Some((before, clock::parse_rfc3339(at)?))) {
        Some((before, at)) => {
            Timed { before: format!("{before} since "), at: Some(Moment::new(at, now)), after: ".".into() }
        }
        None => Timed { before: why.to_owned(), ..Timed::default() },
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use time::macros::datetime;

    use super::*;

    #[test]
    fn the_undo_of_an_undo_names_its_effect() {
        let said = |removed, returned| once_more(&json!({"events_removed": removed, "events_returned": returned}));
        assert_eq!([said(40, 0), said(1, 0)], ["Bring back 40 events", "Bring back 1 event"]);
        assert_eq!([said(0, 40), said(0, 0), said(3, 4)], ["Take back 40 events again", "Undo", "Undo"]);
    }

    #[test]
    fn since_when_a_safety_copy_is_gone_is_a_moment() {
        let now = datetime!(2026-11-20 20:55 UTC);
        let told = since("Its safety copy X is gone since 2026-11-19T20:41:12Z.", now);
        assert_eq!((told.before.as_str(), told.after.as_ref()), ("Its safety copy X is gone since ", "."));
        assert_eq!(told.at.map(|at| at.clock), Some("20:41".to_owned()));
        let told = since("Event 7 is not in the log any more.", now);
        assert_eq!((told.before.as_str(), told.at), ("Event 7 is not in the log any more.", None));
    }
}
