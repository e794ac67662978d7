//! The result box: what an operation did, told from the history, so that a reload tells it again.

use serde_json::Value;
use time::OffsetDateTime;

use super::attention::Action;
use super::backups_outcome;
use super::extract::Fields;
use super::filters::{counted, grouped, size};
use super::links::{self, SnapshotLinks};
use super::sample;
use super::went_back;
use super::words::{rule, visible};
use crate::engine::{Engine, Line, Status};
use crate::error::{ErrorKind, Result};
use crate::history::What;
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
    pub(super) actions: Vec<Action>,
}

impl Outcome {
    /// The box of an operation; none for one that no page of this program started.
    pub(super) fn of(
        line: &Line,
        status: &Status,
        safety_kept: std::time::Duration,
        now: OffsetDateTime,
    ) -> Option<Self> {
        let operation = &line.operation;
        match operation.what {
            What::Take => Some(taken(&operation.detail)),
            What::Delete => Some(deleted(&operation.detail)),
            What::Replay => Some(applied(&operation.detail, status)),
            What::Backup => Some(backups_outcome::made(&operation.detail)),
            What::BackupRestore => Some(backups_outcome::restored(line, status, now)),
            What::Restore | What::Rewind | What::Undo | What::Rebuild | What::Hide | What::Unhide => {
                Some(went_back::told(line, status, safety_kept, now))
            }
            _ => None,
        }
    }

    /// The box of what no line of the history tells.
    fn of_word(word: &str, status: &Status) -> Option<Self> {
        match (word, &status.stuck) {
            ("hidden", _) => Some(Self::plain("The event was hidden already.", "Nothing changed.".to_owned())),
            ("shown", _) => Some(Self::plain("The event was not hidden.", "Nothing changed.".to_owned())),
            ("nothing", Some(_)) => Some(applied(&Value::Null, status)),
            ("nothing", None) => {
                Some(Self::plain("Nothing waited.", format!("The tables stand at event {}.", status.position)))
            }
            _ => None,
        }
    }

    /// The box after the sample is continued, with the plan of going back before that.
    fn continued(engine: &Engine, status: &Status) -> Result<Self> {
        let before = sample::before_continuation(&sample::told(engine, status)?, &engine.snapshots()?)?;
        let words = "See what going back would change".to_owned();
        Ok(Self {
            link: before.map(|one| (words, one.plan())),
            ..Self::plain("40 events came in.", "The story is continued.".to_owned())
        })
    }

    fn plain(heading: &str, text: String) -> Self {
        Self { heading: heading.to_owned(), text, link: None, actions: Vec::new() }
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
        let line = match self.done.map(|done| engine.line(done)).transpose() {
            Err(error) if error.kind() != ErrorKind::NotFound => return Err(error),
            found => found.ok().flatten(),
        };
        let told = match &line {
            Some(line) => {
                let told = Outcome::of(line, status, safety_kept, engine.now());
                if line.undid == Some(What::Undo) { told.map(|told| went_back::again(told, line)) } else { told }
            }
            None => None,
        };
        match (told, self.word.as_deref()) {
            (Some(told), _) => Ok(Some(told)),
            (None, Some("continued")) => Outcome::continued(engine, status).map(Some),
            (None, Some(word)) => Ok(Outcome::of_word(word, status)),
            (None, None) => Ok(None),
        }
    }
}

fn applied(detail: &Value, status: &Status) -> Outcome {
    let done = done_with(detail["applied"].as_u64().unwrap_or_default(), detail["waited"].as_u64());
    match &status.stuck {
        Some(stuck) => Outcome {
            heading: format!("The tables stopped before event {}.", stuck.event),
            text: format!("{done} That event breaks a rule: {}.", rule(&stuck.reason)),
            link: Some((format!("See event {}", stuck.event), links::event(stuck.event))),
            actions: Vec::new(),
        },
        None => {
            let to = detail["to"].as_i64().unwrap_or(status.position);
            Outcome::plain(&format!("The tables stand at event {to}."), done)
        }
    }
}

/// `40 events are taken account of: 38 applied, 2 hidden or superseded.`
fn done_with(applied: u64, waited: Option<u64>) -> String {
    let passed_over = waited.unwrap_or_default().saturating_sub(applied);
    if passed_over > 0 {
        let events = counted(applied + passed_over, "event");
        let are = if applied + passed_over == 1 { "is" } else { "are" };
        let applied = if applied == 0 { "none".to_owned() } else { grouped(applied) };
        return format!(
            "{events} {are} taken account of: {applied} applied, {} hidden or superseded.",
            grouped(passed_over)
        );
    }
    match applied {
        0 => "No event was applied.".to_owned(),
        1 => "1 event was applied.".to_owned(),
        applied => format!("{} were applied.", counted(applied, "event")),
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
    Outcome { heading, text, link: link("See what going back to it would change", detail), actions: Vec::new() }
}

fn deleted(detail: &Value) -> Outcome {
    let id = detail["removed"][0].as_str().unwrap_or_default();
    let text = match (detail["skipped"].as_bool(), detail["bytes"].as_u64()) {
        (Some(true), _) => {
            let why = match detail["unreadable"].as_str() {
                Some(id) => format!("nothing says which pieces the snapshot {id} needs, which cannot be read"),
                None => "other work uses the pieces now, and the next one that goes takes them along".to_owned(),
            };
            format!("What only it needed is still on the disk: {why}.")
        }
        (_, None | Some(0)) => "What it shared with other snapshots stays.".to_owned(),
        (_, Some(bytes)) => format!("{} are free.", size(bytes)),
    };
    Outcome { heading: format!("The snapshot {id} is deleted."), text, link: None, actions: Vec::new() }
}

/// `88 events left the log, 3 events came back, `: what moved, before what follows.
pub(super) fn events_moved(detail: &Value) -> String {
    let count = |name: &str| detail[name].as_u64().unwrap_or_default();
    let mut text = String::new();
    if count("events_removed") > 0 {
        text += &format!("{} left the log, ", counted(count("events_removed"), "event"));
    }
    if count("events_returned") > 0 {
        text += &format!("{} came back, ", counted(count("events_returned"), "event"));
    }
    text
}

fn link(words: &'static str, named: &Value) -> Option<(String, String)> {
    let id = named["snapshot_id"].as_str()?.parse().ok()?;
    let kind: Kind = named["kind"].as_str()?.parse().ok()?;
    Some((words.to_owned(), SnapshotLinks::new(&id, kind).plan()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_waited_is_told_with_what_of_it_was_applied() {
        assert_eq!(done_with(38, Some(40)), "40 events are taken account of: 38 applied, 2 hidden or superseded.");
        assert_eq!(done_with(0, Some(1)), "1 event is taken account of: none applied, 1 hidden or superseded.");
        assert_eq!(done_with(40, Some(40)), "40 events were applied.");
        assert_eq!([done_with(1, None), done_with(0, None)], ["1 event was applied.", "No event was applied."]);
        // The tables went back first, so that more was applied than waited.
        assert_eq!(done_with(9, Some(4)), "9 events were applied.");
    }
}
