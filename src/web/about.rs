//! What can be done with a snapshot besides going back to it: name it, pin it, check it, delete it.

use time::OffsetDateTime;

use super::filters::Moment;
use super::links::SnapshotLinks;
use super::snapshots::keep;
use crate::snapshot::{Kind, Snapshot};

/// The facts and forms at the foot of a snapshot's page.
pub(super) struct About {
    pub(super) id: String,
    /// The id as a regular expression, for the browser's own check.
    pub(super) pattern: String,
    pub(super) kind: Kind,
    pub(super) links: SnapshotLinks,
    pub(super) at: Moment,
    pub(super) keep: String,
    pub(super) label: String,
    pub(super) pinned: bool,
    pub(super) bytes: u64,
    pub(super) damaged: bool,
    /// Events in it; none where it cannot be read.
    pub(super) events: Option<u64>,
    /// What was typed to delete it, and why that did not do.
    pub(super) typed: String,
    pub(super) wrong: Option<String>,
}

impl About {
    pub(super) fn new(snapshot: &Snapshot, events: Option<u64>, now: OffsetDateTime) -> Self {
        Self {
            id: snapshot.snapshot_id.to_string(),
            pattern: snapshot.snapshot_id.as_str().replace('.', "\\."),
            kind: snapshot.kind,
            links: SnapshotLinks::new(&snapshot.snapshot_id, snapshot.kind),
            at: Moment::new(snapshot.created_at, now),
            keep: keep(snapshot, now),
            label: snapshot.label.clone().unwrap_or_default(),
            pinned: snapshot.pinned,
            bytes: snapshot.unique_bytes,
            damaged: snapshot.damaged.is_some(),
            events,
            typed: String::new(),
            wrong: None,
        }
    }

    /// With what was typed wrongly.
    #[must_use]
    pub(super) fn refused(mut self, typed: String, wrong: Option<String>) -> Self {
        (self.typed, self.wrong) = (typed, wrong);
        self
    }
}
