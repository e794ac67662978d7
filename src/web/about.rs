//! What can be done with a snapshot besides going back to it: name it, pin it, check it, delete it.

use time::OffsetDateTime;

use super::filters::Moment;
use super::kept::Kept;
use super::links::SnapshotLinks;
use crate::snapshot::{Kind, Snapshot};

/// The facts and forms at the foot of a snapshot's page.
pub(super) struct About {
    pub(super) id: String,
    /// The id as a regular expression, for the browser's own check.
    pub(super) pattern: String,
    pub(super) kind: Kind,
    pub(super) links: SnapshotLinks,
    pub(super) at: Moment,
    /// When a restore of it was last rehearsed.
    pub(super) rehearsed: Option<Moment>,
    pub(super) kept: Kept,
    pub(super) label: String,
    pub(super) pinned: bool,
    pub(super) bytes: u64,
    pub(super) damaged: bool,
    /// Events in it; none where it cannot be read.
    pub(super) events: Option<u64>,
    /// What was typed to delete it, and why that did not do.
    pub(super) typed: String,
    pub(super) wrong: Option<String>,
    /// What was just done with it.
    pub(super) said: Option<&'static str>,
}

impl About {
    pub(super) fn new(snapshot: &Snapshot, events: Option<u64>, now: OffsetDateTime) -> Self {
        Self {
            id: snapshot.snapshot_id.to_string(),
            pattern: snapshot.snapshot_id.as_str().replace('.', "\\."),
            kind: snapshot.kind,
            links: SnapshotLinks::new(&snapshot.snapshot_id, snapshot.kind),
            at: Moment::new(snapshot.created_at, now),
            rehearsed: snapshot.proven_at.map(|at| Moment::new(at, now)),
            kept: Kept::new(snapshot, now),
            label: snapshot.label.clone().unwrap_or_default(),
            pinned: snapshot.pinned,
            bytes: snapshot.unique_bytes,
            damaged: snapshot.damaged.is_some(),
            events,
            typed: String::new(),
            wrong: None,
            said: None,
        }
    }

    /// With what was just done, by the word that the address gives.
    #[must_use]
    pub(super) fn told(mut self, word: Option<&str>) -> Self {
        self.said = match word {
            Some("checked" | "rehearsed") if self.damaged => None,
            Some("rehearsed") if self.rehearsed.is_some() => {
                Some("Rehearsed: restored aside, with the later events applied, it gives the tables as they are.")
            }
            Some("checked") => Some("Checked: all of it is as it was written."),
            Some("pinned") if self.pinned => Some("Pinned: kept until you unpin it."),
            Some("unpinned") if !self.pinned && self.damaged => {
                Some("Unpinned. It is damaged, and stays until you delete it.")
            }
            Some("unpinned") if !self.pinned => Some("Unpinned: it goes when its time has come, as said below."),
            Some("labelled") if self.label.is_empty() => Some("The label is taken away."),
            Some("labelled") => Some("The label is saved."),
            _ => None,
        };
        self
    }

    /// With what was typed wrongly.
    #[must_use]
    pub(super) fn refused(mut self, typed: String, wrong: Option<String>) -> Self {
        (self.typed, self.wrong) = (typed, wrong);
        self
    }
}
