//! When the next snapshot is taken and why, and what the policy last decided.

use time::OffsetDateTime;

use super::filters::{Moment, counted};
use crate::engine::{Decision, Status};
use crate::snapshot::policy::Why;

/// A sentence with a moment in it, so that a script can make it local.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Timed {
    pub(super) before: String,
    pub(super) at: Option<Moment>,
    pub(super) after: &'static str,
}

impl Timed {
    fn plain(text: impl Into<String>) -> Self {
        Self { before: text.into(), ..Self::default() }
    }
}

/// When the next one is taken, and why. `noun` is what the page calls it: `snapshot` or `one`.
pub(super) fn next(status: &Status, noun: &str, now: OffsetDateTime) -> Timed {
    let due = &status.next_due;
    let after = counted(due.after_events, "more event");
    match (due.why, due.at.map(|at| Moment::new(at, now))) {
        (Why::Held, _) => Timed::plain("No snapshot is taken by itself while the tables are paused."),
        (Why::Stuck, _) => Timed::plain("No snapshot is taken by itself while the tables cannot go on."),
        (Why::EmptyLog, _) => Timed::plain("The first snapshot follows the first event."),
        (Why::First, _) => Timed::plain("The first snapshot is due now."),
        (Why::Events(1), _) => Timed::plain(format!("The next {noun} is due now: an event has come since the last.")),
        (Why::Events(events), _) => {
            Timed::plain(format!("The next {noun} is due now: {} have come since the last.", counted(events, "event")))
        }
        (Why::Time, _) => {
            Timed::plain(format!("The next {noun} is due now: its time has come and something has changed."))
        }
        (_, None) => Timed::plain(format!("Next {noun} after {after}.")),
        (Why::NotYet, at) => {
            Timed { before: format!("Next {noun} after {after}, or at "), at, after: ", since something has changed." }
        }
        (Why::Unchanged, _) if due.at.is_some_and(|at| at <= now) => {
            Timed::plain(format!("Next {noun} after {after}, or as soon as anything changes."))
        }
        (Why::Unchanged, at) => {
            Timed { before: format!("Next {noun} after {after}, or at "), at, after: " if anything changes." }
        }
    }
}

/// What the policy made of the moment when it last looked.
#[derive(Debug)]
pub(super) struct Decided {
    pub(super) at: Moment,
    pub(super) what: Timed,
}

impl Decided {
    /// None while the tables stand still: then the policy decides nothing.
    pub(super) fn new(decision: &Decision, status: &Status, now: OffsetDateTime) -> Option<Self> {
        let follows = !status.held && status.stuck.is_none();
        follows.then(|| Self { at: Moment::new(decision.at, now), what: decided(&decision.what, status, now) })
    }
}

/// The policy's own words; where they are about the last snapshot, that is named by its time.
fn decided(what: &str, status: &Status, now: OffsetDateTime) -> Timed {
    let last = status.last_snapshot.as_ref();
    let at = last.map(|(_, at)| Moment::new(*at, now));
    if at.is_some() && what == Why::Unchanged.to_string() {
        let before = "nothing has changed since the snapshot of ".to_owned();
        return Timed { before, at, after: ", so it stands for now as well." };
    }
    if at.is_some() && what == Why::NotYet.to_string() {
        let before = "something has changed since the snapshot of ".to_owned();
        return Timed { before, at, after: ", but neither enough events nor enough time for another." };
    }
    if last.is_some_and(|(id, _)| what == format!("took {id}")) {
        return Timed { before: "took the snapshot of ".to_owned(), at, after: "." };
    }
    Timed::plain(format!("{}.", what.trim_end_matches('.')))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use time::macros::datetime;

    use super::*;
    use crate::snapshot::policy::NextDue;

    const NOW: OffsetDateTime = datetime!(2026-11-20 20:55 UTC);

    fn status(why: Why, at: OffsetDateTime) -> Status {
        Status {
            head: 9,
            position: 9,
            held: false,
            stuck: None,
            epoch: 0,
            waiting: 0,
            events: 9,
            last_snapshot: Some(("20261120T204112Z".to_owned().parse().unwrap_or_else(|_| unreachable!()), NOW)),
            next_due: NextDue { after_events: 37, at: Some(at), due_now: false, why },
            domain: "companion".to_owned(),
        }
    }

    fn told(why: Why, at: OffsetDateTime) -> String {
        let timed = next(&status(why, at), "one", NOW);
        let at = timed.at.map(|at| at.spoken()).unwrap_or_default();
        format!("{}{at}{}", timed.before, timed.after)
    }

    #[test]
    fn the_next_one_is_told_with_its_reason() {
        let later = NOW + Duration::from_secs(960);
        assert_eq!(told(Why::Unchanged, later), "Next one after 37 more events, or at 21:11 UTC if anything changes.");
        assert_eq!(told(Why::Unchanged, NOW), "Next one after 37 more events, or as soon as anything changes.");
        assert_eq!(
            told(Why::NotYet, later),
            "Next one after 37 more events, or at 21:11 UTC, since something has changed."
        );
        assert_eq!(told(Why::Events(100), NOW), "The next one is due now: 100 events have come since the last.");
    }

    #[test]
    fn a_decision_names_the_snapshot_that_it_is_about() {
        let status = status(Why::Unchanged, NOW);
        let said = decided(&Why::Unchanged.to_string(), &status, NOW);
        assert_eq!((said.before.as_str(), said.at.is_some()), ("nothing has changed since the snapshot of ", true));
        assert_eq!(decided("took 20261120T204112Z", &status, NOW).before, "took the snapshot of ");
        assert_eq!(decided("could not take it", &status, NOW).before, "could not take it.");
    }
}
