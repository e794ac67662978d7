//! The words of the snapshot routes and commands as types: ids, kinds, scopes, and what listing,
//! previewing and restoring answer. Nothing here touches a file or a database.

use std::fmt;
use std::str::FromStr;

use serde::Serialize;
use time::OffsetDateTime;

use crate::compare::{RowPage, TableChange};
use crate::error::{Error, Result};

/// What a snapshot is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// Taken by the policy or by hand.
    Periodic,
    /// The safety snapshot before something destructive.
    Rewind,
}

impl Kind {
    /// Both kinds, in the order in which their folders are read.
    pub const ALL: [Self; 2] = [Self::Periodic, Self::Rewind];

    /// The word in routes, manifests and folder names.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Periodic => "periodic",
            Self::Rewind => "rewind",
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Kind {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        Self::ALL
            .into_iter()
            .find(|kind| kind.as_str() == text)
            .ok_or_else(|| Error::malformed("kind must be one of periodic, rewind"))
    }
}

/// What a restore brings back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Scope {
    /// The projected tables; the log is not touched.
    Projections,
    /// The tables and the log.
    Everything,
}

impl Scope {
    /// The word in routes.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Projections => "projections",
            Self::Everything => "everything",
        }
    }
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Scope {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        match text {
            "" | "projections" => Ok(Self::Projections),
            "everything" => Ok(Self::Everything),
            _ => Err(Error::malformed("scope must be one of projections, everything")),
        }
    }
}

/// A snapshot's id: the stem of its file, `[A-Za-z0-9][A-Za-z0-9._-]{0,63}`.
///
/// Made by parsing only, so whatever holds one can be joined to a folder without leaving it.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(transparent)]
pub struct SnapshotId(String);

impl<'de> serde::Deserialize<'de> for SnapshotId {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

impl SnapshotId {
    /// For ids made from a moment, which have the form by construction.
    pub(super) fn from_made(text: String) -> Self {
        Self(text)
    }

    /// The id as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for SnapshotId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for SnapshotId {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let mut bytes = text.bytes();
        let fits = text.len() <= 64
            && bytes.next().is_some_and(|first| first.is_ascii_alphanumeric())
            && bytes.all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-'));
        if fits { Ok(Self(text.to_owned())) } else { Err(Error::not_found("snapshot not found")) }
    }
}

/// How a snapshot's file is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Format {
    /// A manifest and shared chunks.
    Chunks,
    /// One JSON object with every row, as the original service wrote it.
    Dump,
}

impl Format {
    /// The word in JSON and on the command line.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Chunks => "chunks",
            Self::Dump => "dump",
        }
    }
}

impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Format {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let known = [Self::Chunks, Self::Dump].into_iter().find(|format| format.as_str() == text);
        known.ok_or_else(|| Error::malformed("the form of snapshots must be one of chunks, dump"))
    }
}

/// One snapshot as lists and pages show it.
#[derive(Debug, Clone, Serialize)]
pub struct Snapshot {
    /// Its id, unique among its kind.
    pub snapshot_id: SnapshotId,
    /// What it is for.
    pub kind: Kind,
    /// The moment of capture.
    #[serde(with = "time::serde::rfc3339")]
    pub created_at: OffsetDateTime,
    /// Bytes of the file `filename`.
    pub file_size_bytes: u64,
    /// Bytes on disk that deleting it would free, the chunks it shares with no other included.
    pub unique_bytes: u64,
    /// The log's highest id in it; none where it is damaged.
    pub last_event_id: Option<i64>,
    /// The file's name in the folder of its kind.
    pub filename: String,
    /// The user's name for it.
    pub label: Option<String>,
    /// Never pruned.
    pub pinned: bool,
    /// How its file is written.
    pub format: Format,
    /// Whether its log is the beginning of today's log; none where that was not checked.
    pub on_this_history: Option<bool>,
    /// What took it off this history; none where it is on it, or that was not checked.
    #[serde(rename = "left_by", skip_serializing_if = "Option::is_none")]
    pub left: Option<super::left::Left>,
    /// Events of today's log that came after it, counted; none where it is damaged.
    pub events_after: Option<u64>,
    /// Events in it that today's log has no longer; none where that is not known.
    pub events_gone: Option<u64>,
    /// When a rehearsed restore last passed.
    #[serde(with = "time::serde::rfc3339::option")]
    pub proven_at: Option<OffsetDateTime>,
    /// Why it cannot be restored.
    pub damaged: Option<String>,
    /// When all of it was last read and compared with its hashes.
    #[serde(skip)]
    pub checked_at: Option<OffsetDateTime>,
    /// Taken by this store, not imported or put there by hand: what retention may remove.
    #[serde(skip)]
    pub own: bool,
    /// Taken by the policy, not by hand.
    #[serde(skip)]
    pub automatic: bool,
    /// Why, where an operation took it to be safe: "restore of 20261120T180201Z".
    #[serde(skip)]
    pub reason: Option<String>,
    /// Grows with every snapshot of this store: orders those of one second.
    #[serde(skip)]
    pub sequence: u64,
    /// The event up to which its tables had taken account of the log.
    #[serde(skip)]
    pub position: i64,
    /// Why it is kept and when it goes.
    #[serde(skip)]
    pub keep: Keep,
}

/// Why a snapshot is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Keep {
    /// Until it is unpinned.
    Pinned,
    /// It is the n-th (from 1) of the newest of its kind that are kept.
    Newest(usize),
    /// Until this moment.
    Until(OffsetDateTime),
    /// Until it is deleted: this store did not take it, or cannot read it.
    UntilDeleted,
    /// The next prune removes it.
    Due,
}

/// Events of one kind that a restore of everything would take out of the log.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct KindCount {
    /// The events' kind.
    pub kind: String,
    /// How many.
    pub events: u64,
}

/// A snapshot, and what restoring it would change.
#[derive(Debug, Clone, Serialize)]
pub struct Preview {
    /// The snapshot.
    #[serde(flatten)]
    pub snapshot: Snapshot,
    /// What the counts below are for.
    pub scope: Scope,
    /// The log's highest id today.
    pub current_event_log_max_id: i64,
    /// `current_event_log_max_id` minus the snapshot's `last_event_id`.
    pub event_delta: i64,
    /// Events of today's log that a restore of everything takes out (with `projections`: that wait).
    pub events_removed: u64,
    /// Events that a restore of everything brings back.
    pub events_returned: u64,
    /// The first of them.
    #[serde(skip)]
    pub first_returned: Option<i64>,
    /// Events that stay and differ, as where one was hidden since.
    #[serde(skip)]
    pub events_changed: u64,
    /// Events in the snapshot.
    pub event_log_rows_in_snapshot: u64,
    /// Every projected table, in the domain's order.
    pub tables: Vec<TableChange>,
    /// Why the tables alone cannot be restored, and the way out; none where they can.
    pub tables_alone: Option<String>,
    /// The events that would wait or leave, by kind, most first.
    pub newer_by_kind: Vec<KindCount>,
    /// The first event that would wait or leave: its id and `ts`.
    pub first_newer: Option<(i64, String)>,
    /// The epoch of the store when this was computed: posted back as `expected_epoch`.
    pub epoch: u64,
    /// Where the tables stand today.
    pub position: i64,
}

/// One page of the rows of one table that a restore would change.
#[derive(Debug, Clone, Serialize)]
pub struct Diff {
    /// The snapshot compared with.
    pub snapshot_id: SnapshotId,
    /// Its kind.
    pub kind: Kind,
    /// What would be restored.
    pub scope: Scope,
    /// The rows; of `event_log` too where everything is restored.
    #[serde(flatten)]
    pub page: RowPage,
}

/// Where the caller believes the store to be: what a plan was computed from.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Expected {
    /// The log's highest id.
    pub head: Option<i64>,
    /// The epoch.
    pub epoch: Option<u64>,
}

/// The safety snapshot that an operation took first.
#[derive(Debug, Clone, Serialize)]
pub struct SafetySnapshot {
    /// Its id.
    pub snapshot_id: SnapshotId,
    /// Always `rewind`.
    pub kind: Kind,
}

/// What a destructive operation did.
#[derive(Debug, Clone, Serialize)]
pub struct Restored {
    /// The operation's id in the history.
    pub operation: i64,
    /// The snapshot that holds what was there before.
    pub safety_snapshot: SafetySnapshot,
    /// Events that left the log.
    pub events_removed: u64,
    /// Events that came back.
    pub events_returned: u64,
    /// Rows written or deleted, by table; tables without a change are left out.
    pub rows_changed: std::collections::BTreeMap<String, u64>,
    /// Where the tables stand now.
    pub position: i64,
    /// Whether they stand there on purpose, with newer events waiting.
    pub held: bool,
    /// The store's epoch now.
    pub epoch: u64,
    /// How long it took, in milliseconds.
    pub took_ms: u64,
}
