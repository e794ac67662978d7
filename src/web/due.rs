//! When the next snapshot is taken and why, and what the policy last decided and did.

use std::borrow::Cow;

use time::OffsetDateTime;

use super::filters::{Moment, counted};
use super::words::visible;
use crate::engine::{Decided, Decision, Status};
use crate::snapshot::Snapshot;
use crate::snapshot::policy::Why;

/// A sentence with a moment in it, so that a script can make it local.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Timed {
    pub(super) before: String,
    pub(super) at: Option<Moment>,
    pub(super) after: Cow<'static, str>,
}

impl Timed {
    fn plain(text: impl Into<String>) -> Self {
        Self { before: text.into(), ..Self::default() }
    }
}

/// When the next one is taken, and why. `noun` is what the page calls it: `snapshot` or `one`; `kept`
/// are the snapshots of both kinds.
pub(super) fn next(status: &Status, kept: &[Snapshot], noun: &str, now: OffsetDateTime) -> Timed {
    let due = &status.next_due;
    let after = counted(due.after_events, "more event");
    match (due.why, due.at.map(|at| Moment::new(at, now))) {
        (Why::Held, _) => Timed::plain("No snapshot is taken by itself while the tables are paused."),
        (Why::Stuck, _) => Timed::plain("No snapshot is taken by itself while the tables cannot go on."),
        (Why::EmptyLog, _) => Timed::plain("The first snapshot follows the first event."),
        (Why::First, _) => Timed::plain(first(kept)),
        (Why::Events(1), _) => Timed::plain(format!("The next {noun} is due now: an event has come since the last.")),
        (Why::Events(events), _) => {
            Timed::plain(format!("The next {noun} is due now: {} have come since the last.", counted(events, "event")))
        }
        (Why::Time, _) => {
            Timed::plain(format!("The next {noun} is due now: its time has come and something has changed."))
        }
        (_, None) => Timed::plain(format!("Next {noun} after {after}.")),
        (Why::NotYet, at) => Timed {
            before: format!("Next {noun} after {after}, or at "),
            at,
            after: ", since something has changed.".into(),
        },
        (Why::Unchanged, _) if due.at.is_some_and(|at| at <= now) => {
            Timed::plain(format!("Next {noun} after {after}, or as soon as anything changes."))
        }
        (Why::Unchanged, at) => {
            Timed { before: format!("Next {noun} after {after}, or at "), at, after: " if anything changes.".into() }
        }
    }
}

/// Why one is due where there is no checkpoint to count from.
fn first(kept: &[Snapshot]) -> &'static str {
    match (kept.is_empty(), kept.iter().all(|one| one.damaged.is_some())) {
        (true, _) => "The first snapshot is due now.",
        (false, true) => "A snapshot is due now: none here can be restored.",
        // Safety copies, and what was brought in, are here.
        (false, false) => "A checkpoint is due now.",
    }
}

/// What the policy made of its latest look, and what it last did, each where there is something to
/// say.
#[derive(Debug, Default)]
pub(super) struct Policy {
    pub(super) look: Option<Timed>,
    pub(super) deed: Option<Timed>,
}

impl Policy {
    pub(super) fn new(look: Option<&Decision>, deed: Option<&Decision>, status: &Status, now: OffsetDateTime) -> Self {
        Self {
            look: look.and_then(|look| nothing(&look.what, status, now)),
            deed: deed.and_then(|deed| did(deed, now)),
        }
    }
}

/// That nothing has changed since the last one. Said only while it is still so: the sentence about
/// the next one follows the store from moment to moment, and the two must not disagree.
fn nothing(what: &Decided, status: &Status, now: OffsetDateTime) -> Option<Timed> {
    if !matches!(what, Decided::Nothing(Why::Unchanged)) || status.next_due.why != Why::Unchanged {
        return None;
    }
    let at = status.last_snapshot.as_ref().map(|(_, at)| Moment::new(*at, now))?;
    let before = "Nothing has changed since the snapshot of ".to_owned();
    Some(Timed { before, at: Some(at), after: ", so it stands for now as well.".into() })
}

fn did(deed: &Decision, now: OffsetDateTime) -> Option<Timed> {
    let (before, after) = match &deed.what {
        Decided::Took { .. } => ("One was taken by itself at ", format!(", {}.", deed.what.because()?)),
        Decided::Failed(reason) => {
            let reason = visible(reason.trim_end_matches('.'));
            ("The one that was due at ", format!(" could not be taken: {reason}."))
        }
        Decided::Nothing(_) => return None,
    };
    Some(Timed { before: before.to_owned(), at: Some(Moment::new(deed.at, now)), after: after.into() })
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
            version: 1,
            head: 9,
            position: 9,
            held: false,
            stuck: None,
            epoch: 0,
            waiting: 0,
            drift: 0,
            events: 9,
            last_snapshot: Some(("20261120T204112Z".to_owned().parse().unwrap_or_else(|_| unreachable!()), NOW)),
            next_due: NextDue { after_events: 37, at: Some(at), due_now: false, why },
            disk_full: false,
            domain: "companion".to_owned(),
        }
    }

    fn told(why: Why, at: OffsetDateTime) -> String {
        let timed = next(&status(why, at), &[], "one", NOW);
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

    fn spoken(timed: Timed) -> String {
        format!("{}{}{}", timed.before, timed.at.map(|at| at.spoken()).unwrap_or_default(), timed.after)
    }

    #[test]
    fn why_none_is_due_is_told_only_while_it_is_so() {
        let status = status(Why::Unchanged, NOW);
        let said = nothing(&Decided::Nothing(Why::Unchanged), &status, NOW).map(spoken);
        let stands = "Nothing has changed since the snapshot of 20:55 UTC, so it stands for now as well.";
        assert_eq!(said.as_deref(), Some(stands));
        assert!(nothing(&Decided::Nothing(Why::NotYet), &status, NOW).is_none());
        assert!(nothing(&Decided::Nothing(Why::Unchanged), &self::status(Why::NotYet, NOW), NOW).is_none());
    }

    #[test]
    fn what_was_done_is_told_with_its_reason() {
        let snapshot = "20261120T204112Z".parse().unwrap_or_else(|_| unreachable!());
        let told = |what| did(&Decision { at: NOW, what }, NOW).map(spoken).unwrap_or_default();
        assert_eq!(
            told(Decided::Took { snapshot, why: Why::Events(100) }),
            "One was taken by itself at 20:55 UTC, since 100 events had come since the last one."
        );
        assert_eq!(
            told(Decided::Failed("The disk is full.".to_owned())),
            "The one that was due at 20:55 UTC could not be taken: The disk is full."
        );
        assert_eq!(told(Decided::Nothing(Why::NotYet)), "");
    }
}
