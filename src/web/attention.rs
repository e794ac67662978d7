//! What is not as it should be: each matter in words, with the one action that mends it.
//!
//! The strip of every page shows the first of the store's; the overview shows all of them, and the
//! damaged snapshots.

use serde::Serialize;
use time::OffsetDateTime;

use super::due::Timed;
use super::filters::{Moment, counted};
use super::links::{self, SnapshotLinks};
use super::projection_view::differing;
use super::words::rule;
use crate::engine::Status;
use crate::snapshot::Snapshot;
use crate::store::state::Stuck;

/// The mark of tables that are paused.
pub(super) const PAUSED: &str = "paused";
/// Damaged snapshots that the overview names; the list of snapshots has all of them.
const NAMED: usize = 3;
/// What a full disk leads to.
pub(super) const BY_SIZE: &str = "Snapshots by size";
/// How every text about a full disk begins.
pub(super) const DISK_FULL: &str = "The disk is full";
/// The mark of a full disk.
pub(super) const FULL: &str = "full";

/// Something that is not as it should be.
#[derive(Debug, Clone, Serialize)]
pub(super) struct Matter {
    /// The symbol in front of it.
    #[serde(rename = "what")]
    pub(super) mark: &'static str,
    /// What is the matter, in one sentence.
    pub(super) lead: String,
    /// The same with its moment apart, where it has one.
    #[serde(skip)]
    pub(super) timed: Option<Timed>,
    /// What follows from it.
    pub(super) text: String,
    /// What mends it; none where there is nothing to do.
    #[serde(skip)]
    pub(super) action: Option<Action>,
}

/// What a reader can do about something.
#[derive(Debug, Clone)]
pub(super) enum Action {
    /// Go somewhere.
    Link { words: String, url: String },
    /// Change something.
    Post { words: String, url: &'static str },
    /// Change something on what is shown: the fields say what that is. `of` is heard, not seen.
    Send { words: String, of: String, url: String, fields: Vec<(&'static str, String)> },
    /// See first what would change.
    Plan { of: String, url: String },
}

impl Action {
    pub(super) fn words(&self) -> &str {
        match self {
            Self::Link { words, .. } | Self::Post { words, .. } | Self::Send { words, .. } => words,
            Self::Plan { .. } => "See the plan",
        }
    }

    /// What the words are about, for those who hear them apart from what stands around them.
    pub(super) fn of(&self) -> &str {
        match self {
            Self::Send { of, .. } | Self::Plan { of, .. } => of,
            Self::Link { .. } | Self::Post { .. } => "",
        }
    }

    pub(super) fn url(&self) -> &str {
        match self {
            Self::Link { url, .. } | Self::Send { url, .. } | Self::Plan { url, .. } => url,
            Self::Post { url, .. } => url,
        }
    }

    /// What a form sends besides where to come back to.
    pub(super) fn fields(&self) -> &[(&'static str, String)] {
        match self {
            Self::Send { fields, .. } => fields,
            Self::Link { .. } | Self::Post { .. } | Self::Plan { .. } => &[],
        }
    }

    /// Whether it is a form that posts, not a link.
    pub(super) fn posts(&self) -> bool {
        matches!(self, Self::Post { .. } | Self::Send { .. })
    }
}

/// What is wrong with the store itself, the worst first.
pub(super) fn of_store(status: &Status, now: OffsetDateTime) -> Vec<Matter> {
    let paused = status.held.then(|| paused(status));
    // While the tables are paused, the strip that says so names the event too.
    let stuck = status.stuck.as_ref().filter(|_| !status.held).map(|at| stuck(at, status.waiting.saturating_sub(1)));
    [drift(status), status.disk_full.then(full), paused, stuck, late(status, now)].into_iter().flatten().collect()
}

/// The damaged ones among the snapshots.
pub(super) fn of_snapshots(snapshots: &[Snapshot], now: OffsetDateTime) -> Vec<Matter> {
    let damaged: Vec<_> = snapshots.iter().filter(|one| one.damaged.is_some()).collect();
    let mut matters: Vec<Matter> = damaged.iter().take(NAMED).map(|one| damaged_one(one, now)).collect();
    if let more @ 1.. = damaged.len().saturating_sub(NAMED) {
        let action = Action::Link { words: "See all snapshots".to_owned(), url: links::SNAPSHOTS.to_owned() };
        matters.push(Matter {
            mark: "damaged",
            lead: match more {
                1 => "And 1 more snapshot is damaged.".to_owned(),
                more => format!("And {} are damaged.", counted(more as u64, "more snapshot")),
            },
            timed: None,
            text: String::new(),
            action: Some(action),
        });
    }
    matters
}

/// The button that applies what waits.
pub(super) fn apply(waiting: u64) -> Action {
    let words = if waiting == 0 {
        "Apply the waiting events".to_owned()
    } else {
        format!("Apply {}", counted(waiting, "event"))
    };
    Action::Post { words, url: links::REPLAY }
}

fn full() -> Matter {
    Matter {
        mark: FULL,
        lead: format!("{DISK_FULL}: nothing can be changed."),
        timed: None,
        text: "Reading works. Free some space, or delete a snapshot; no restart is needed.".to_owned(),
        action: Some(Action::Link { words: BY_SIZE.to_owned(), url: links::SNAPSHOTS_BY_SIZE.to_owned() }),
    }
}

/// The tables were compared with the log, and rows differ.
fn drift(status: &Status) -> Option<Matter> {
    let (them, they) = if status.drift == 1 { ("it", "it follows") } else { ("them", "they follow") };
    (status.drift > 0).then(|| Matter {
        mark: "differs",
        lead: format!("{}.", differing(status.drift)),
        timed: None,
        text: format!("Another program or a fault changed {them}. The log has all that {they} from."),
        action: Some(Action::Link {
            words: format!("See {them}, or make the tables anew"),
            url: links::PROJECTION.to_owned(),
        }),
    })
}

fn paused(status: &Status) -> Matter {
    let wait = if status.waiting == 1 { "is in the log and waits" } else { "are in the log and wait" };
    let newer = counted(status.waiting, "newer event");
    let them = if status.waiting == 1 { "it" } else { "them" };
    let (then, action) = match &status.stuck {
        Some(at) => {
            (format!("Event {} cannot be applied: it breaks a rule: {}.", at.event, rule(&at.reason)), see(at.event))
        }
        None => (format!("The next event that comes in, or a restart, applies {them} as well."), apply(status.waiting)),
    };
    Matter {
        mark: PAUSED,
        lead: format!("The tables are paused at event {}.", status.position),
        timed: None,
        text: format!("{newer} {wait}. {then}"),
        action: Some(action),
    }
}

fn see(event: i64) -> Action {
    Action::Link { words: format!("See event {event}"), url: links::event(event) }
}

fn stuck(at: &Stuck, later: u64) -> Matter {
    let later = match later {
        0 => "new events".to_owned(),
        1 => "1 later event waits, and new ones".to_owned(),
        _ => format!("{} wait, and new ones", counted(later, "later event")),
    };
    Matter {
        mark: "stuck",
        lead: format!("The tables stopped before event {}.", at.event),
        timed: None,
        text: format!(
            "Another program wrote it, and it breaks a rule: {}. Nothing is lost; {later} are refused until this is \
             mended.",
            rule(&at.reason)
        ),
        action: Some(see(at.event)),
    }
}

/// The policy has wanted a snapshot for more than twice its interval.
fn late(status: &Status, now: OffsetDateTime) -> Option<Matter> {
    let (_, taken) = status.last_snapshot.as_ref()?;
    let due = status.next_due.at.filter(|_| status.next_due.due_now)?;
    let interval = due - *taken;
    let is_late = interval.is_positive() && now - due > interval * 2;
    let at = Moment::new(*taken, now);
    is_late.then(|| Matter {
        mark: "unchecked",
        lead: format!("No checkpoint has been taken since {}.", at.spoken()),
        timed: Some(Timed {
            before: "No checkpoint has been taken since ".to_owned(),
            at: Some(at),
            after: ".".into(),
        }),
        text: "Events have come since, and one is long due.".to_owned(),
        action: Some(Action::Post { words: "Take snapshot".to_owned(), url: links::TAKE }),
    })
}

fn damaged_one(snapshot: &Snapshot, now: OffsetDateTime) -> Matter {
    // Several may be of one minute.
    let id = &snapshot.snapshot_id;
    let at = Moment::new(snapshot.created_at, now);
    Matter {
        mark: "damaged",
        lead: format!("The snapshot {id} of {}, {} UTC is damaged.", at.day, at.clock),
        timed: Some(Timed { before: format!("The snapshot {id} of "), at: Some(at), after: " is damaged.".into() }),
        text: "It cannot be restored. Your live data is not affected.".to_owned(),
        action: Some(Action::Link {
            words: "See what is wrong, or delete it".to_owned(),
            url: SnapshotLinks::new(&snapshot.snapshot_id, snapshot.kind).plan(),
        }),
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::snapshot::policy::{NextDue, Why};

    #[test]
    fn a_stuck_store_says_what_waits() {
        let at = Stuck { event: 1301, reason: "names no bot.".into() };
        assert_eq!(
            stuck(&at, 27).text,
            "Another program wrote it, and it breaks a rule: names no bot. Nothing is lost; 27 later events wait, and \
             new ones are refused until this is mended."
        );
        assert!(stuck(&at, 0).text.ends_with("Nothing is lost; new events are refused until this is mended."));
    }

    #[test]
    fn the_worst_comes_first() {
        let now = OffsetDateTime::UNIX_EPOCH + Duration::from_secs(90_000);
        let all = Status {
            version: 1,
            head: 1328,
            position: 1240,
            held: true,
            stuck: None,
            epoch: 7,
            waiting: 88,
            drift: 3,
            events: 1328,
            disk_full: true,
            domain: "companion".to_owned(),
            last_snapshot: "20261120T204112Z".parse().ok().map(|id| (id, OffsetDateTime::UNIX_EPOCH)),
            next_due: NextDue {
                after_events: 1,
                at: Some(OffsetDateTime::UNIX_EPOCH + Duration::from_secs(1800)),
                due_now: true,
                why: Why::Time,
            },
        };
        let marks = |status: &Status| of_store(status, now).iter().map(|one| one.mark).collect::<Vec<_>>();
        assert_eq!(marks(&all), ["differs", FULL, "paused", "unchecked"]);
        let stuck = Some(Stuck { event: 1301, reason: "names no bot.".into() });
        assert_eq!(marks(&Status { stuck, held: false, ..all }), ["differs", FULL, "stuck", "unchecked"]);
    }

    #[test]
    fn the_button_names_its_number() {
        let Action::Post { words, .. } = apply(1) else { return };
        assert_eq!(words, "Apply 1 event");
    }
}
