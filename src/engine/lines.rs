//! The history with what of it can be undone today, and how.
//!
//! A restore of everything and a rewind are undone by restoring everything from their safety
//! snapshot; a restore of the tables and a rebuild by putting the tables back; a change of a flag
//! by changing it back; a restore of a runtime backup by restoring the one made just before it.

use rusqlite::Connection;
use serde::Serialize;
use time::OffsetDateTime;

use super::{Core, Engine};
use crate::backup::Stamp;
use crate::clock;
use crate::error::{ErrorKind, Result};
use crate::history::{self, Operation, What};
use crate::snapshot::{Kind, SnapshotId};
use crate::store::State;

/// How an operation is undone.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "way", rename_all = "lowercase")]
pub enum Way {
    /// Tables and log become those of its safety snapshot.
    Everything {
        /// The safety snapshot, of kind `rewind`.
        snapshot_id: SnapshotId,
    },
    /// The tables become those of its safety snapshot; later events are applied.
    Tables {
        /// The safety snapshot, of kind `rewind`.
        snapshot_id: SnapshotId,
    },
    /// The event's flag is changed back.
    Flag {
        /// The event.
        event: i64,
        /// What the flag becomes.
        hidden: bool,
    },
    /// Everything becomes that of the backup which was made just before: log, tables, registry file
    /// and vector store.
    Backup {
        /// That backup.
        stamp: Stamp,
    },
}

impl Way {
    /// The way of an operation; none for one that cannot be undone.
    pub fn of(operation: &Operation) -> Option<Self> {
        let detail = &operation.detail;
        let safety = || detail["safety_snapshot"]["snapshot_id"].as_str()?.parse().ok();
        let flag = |hidden| Some(Self::Flag { event: detail["event"].as_i64()?, hidden });
        match (operation.what, detail["scope"].as_str()) {
            (What::Restore | What::Undo, Some("everything")) | (What::Rewind, _) => {
                Some(Self::Everything { snapshot_id: safety()? })
            }
            (What::Restore | What::Undo, Some("projections")) | (What::Rebuild, _) => {
                Some(Self::Tables { snapshot_id: safety()? })
            }
            (What::BackupRestore, _) | (What::Undo, Some("backup")) => {
                Some(Self::Backup { stamp: detail["backup_before"].as_str()?.parse().ok()? })
            }
            (What::Undo, Some("flag")) => flag(!detail["hidden"].as_bool()?),
            (What::Hide, _) => flag(false),
            (What::Unhide, _) => flag(true),
            _ => None,
        }
    }

    pub(super) fn safety(&self) -> Option<&SnapshotId> {
        match self {
            Self::Everything { snapshot_id } | Self::Tables { snapshot_id } => Some(snapshot_id),
            Self::Flag { .. } | Self::Backup { .. } => None,
        }
    }
}

/// Whether and how an operation can be undone today.
#[derive(Debug, Clone, Serialize)]
pub struct Undo {
    /// Whether it can.
    pub offered: bool,
    /// Why it cannot, and since when.
    pub why_not: Option<String>,
    /// Whether its number has to be typed: something came after it.
    pub confirm: bool,
    /// Events of the log that are newer than its end was then, those that came back since among them.
    pub events_since: u64,
    /// Whether the log was changed after it in other ways.
    pub log_changed_since: bool,
    /// The undo that undid it last, or the restore of everything from its safety snapshot; none where
    /// it was not undone.
    pub undone_by: Option<i64>,
    /// How.
    #[serde(flatten)]
    pub way: Way,
}

/// One line of the history, and whether it can be undone.
#[derive(Debug, Clone, Serialize)]
pub struct Line {
    /// The operation.
    #[serde(flatten)]
    pub operation: Operation,
    /// Its undo; none where there is no undoing what it did.
    pub undo: Option<Undo>,
    /// What it undid; none where it is no undo.
    #[serde(skip)]
    pub undid: Option<What>,
}

impl Engine {
    /// Lines of the history before one, newest first, with what can be undone.
    ///
    /// # Errors
    ///
    /// Where the database fails.
    pub fn history(&self, before: Option<i64>, limit: u64) -> Result<Vec<Line>> {
        self.readers.read(|conn| {
            let lines = history::before(conn, before.unwrap_or(i64::MAX), limit)?;
            lines.into_iter().map(|operation| self.core.line(conn, operation)).collect()
        })
    }

    /// The last event of the log before going back, at its highest of all times that the store went
    /// back; none where it never did.
    ///
    /// # Errors
    ///
    /// Where the database fails.
    pub fn went_back_from(&self) -> Result<Option<i64>> {
        self.readers.read(history::went_back_from)
    }

    /// One line of the history, with whether it can be undone.
    ///
    /// # Errors
    ///
    /// Not found where there is none of that id.
    pub fn line(&self, operation: i64) -> Result<Line> {
        self.readers.read(|conn| self.core.line(conn, history::find(conn, operation)?))
    }
}

impl Core {
    pub(super) fn line(&self, conn: &Connection, operation: Operation) -> Result<Line> {
        let undid = undid(conn, &operation)?;
        let Some(way) = Way::of(&operation) else { return Ok(Line { operation, undo: None, undid }) };
        let events_since = events_since(conn, &operation)?;
        let log_changed_since = log_changed_since(conn, operation.operation)?;
        let why_not = match (way.safety(), &way) {
            (Some(id), _) => self.why_no_undo(conn, id, &way, &operation)?,
            (None, Way::Backup { stamp }) => self.why_no_backup(conn, stamp)?,
            (None, _) => why_no_flag(conn, &way)?,
        };
        let confirm = match way {
            Way::Everything { .. } | Way::Backup { .. } => events_since > 0 || log_changed_since,
            Way::Tables { .. } => events_since > 0,
            Way::Flag { .. } => false,
        };
        let undone_by = undone_by(conn, operation.operation, &way)?;
        let offered = why_not.is_none();
        let undo = Undo { offered, why_not, confirm, events_since, log_changed_since, undone_by, way };
        Ok(Line { operation, undo: Some(undo), undid })
    }

    /// Why the backup that was made before a restore cannot be used any more, and since when.
    fn why_no_backup(&self, conn: &Connection, stamp: &Stamp) -> Result<Option<String>> {
        if self.runtime.backups.find(stamp).is_ok() {
            return Ok(None);
        }
        let since = backup_removed_at(conn, stamp)?;
        let since = since.map_or_else(String::new, |at| format!(" since {}", clock::rfc3339(at)));
        Ok(Some(format!("The backup {stamp}, which was made before it, is gone{since}.")))
    }

    /// Why a safety snapshot cannot be used any more, and since when.
    fn why_no_undo(
        &self,
        conn: &Connection,
        id: &SnapshotId,
        way: &Way,
        operation: &Operation,
    ) -> Result<Option<String>> {
        let tables_alone = matches!(way, Way::Tables { .. });
        match self.library.find(Kind::Rewind, id) {
            // Its id was given again within the second in which it was deleted.
            Ok(entry) if entry.epoch() != operation.detail["from_epoch"].as_u64() => {
                Ok(Some(format!("Its safety copy is gone, and {id} is another one by now.")))
            }
            Ok(entry) if tables_alone && self.left(conn, &entry, &State::read(conn)?)?.is_some() => {
                Ok(Some("The log has changed since, so the tables of then would not fit it.".to_owned()))
            }
            Ok(entry) => Ok(self.known_damage(conn, &entry)?.map(|_| format!("Its safety copy {id} is damaged."))),
            Err(error) if error.kind() == ErrorKind::NotFound => {
                let since =
                    removed_at(conn, id)?.map_or_else(String::new, |at| format!(" since {}", clock::rfc3339(at)));
                Ok(Some(format!("Its safety copy {id} is gone{since}.")))
            }
            Err(error) => Err(error),
        }
    }
}

fn undid(conn: &Connection, operation: &Operation) -> Result<Option<What>> {
    let of = operation.detail["of"].as_i64().filter(|_| operation.what == What::Undo);
    of.map(|of| Ok(history::find(conn, of)?.what)).transpose()
}

fn events_since(conn: &Connection, operation: &Operation) -> Result<u64> {
    let head = operation.detail["head"].as_i64().unwrap_or(i64::MAX);
    let sql = "SELECT count(*) FROM event_log WHERE id > ?1";
    Ok(conn.prepare_cached(sql)?.query_row([head], |row| row.get::<_, i64>(0))?.unsigned_abs())
}

fn log_changed_since(conn: &Connection, operation: i64) -> Result<bool> {
    let sql = "SELECT EXISTS (SELECT 1 FROM backstitch_operations
                              WHERE operation > ?1 AND json_extract(detail, '$.log_from') IS NOT NULL)";
    Ok(conn.prepare_cached(sql)?.query_row([operation], |row| row.get(0))?)
}

/// By going back to its safety snapshot, tables and log, a reader has done what an undo does.
fn undone_by(conn: &Connection, operation: i64, way: &Way) -> Result<Option<i64>> {
    let sql = "SELECT max(operation) FROM backstitch_operations WHERE operation > ?1
               AND (what = 'undo' AND detail ->> '$.of' = ?1
                    OR what = 'restore' AND detail ->> '$.scope' = 'everything'
                    AND detail ->> '$.kind' = 'rewind' AND detail ->> '$.snapshot_id' = ?2)";
    let safety = match way {
        Way::Everything { snapshot_id } => Some(snapshot_id.as_str()),
        Way::Tables { .. } | Way::Flag { .. } | Way::Backup { .. } => None,
    };
    Ok(conn.prepare_cached(sql)?.query_row((operation, safety), |row| row.get(0))?)
}

/// When a safety snapshot was deleted or removed by retention; none where somebody took its file.
fn removed_at(conn: &Connection, id: &SnapshotId) -> Result<Option<OffsetDateTime>> {
    let sql = "SELECT max(at) FROM backstitch_operations o WHERE what IN ('delete', 'prune')
               AND EXISTS (SELECT 1 FROM json_each(o.detail, '$.snapshots') s
                           WHERE s.value ->> '$.kind' = 'rewind' AND s.value ->> '$.snapshot_id' = ?1)";
    let at: Option<String> = conn.prepare_cached(sql)?.query_row([id.as_str()], |row| row.get(0))?;
    Ok(at.and_then(|at| clock::parse_rfc3339(&at)))
}

/// When a backup was removed by retention; none where somebody took its folder.
fn backup_removed_at(conn: &Connection, stamp: &Stamp) -> Result<Option<OffsetDateTime>> {
    let sql = "SELECT max(at) FROM backstitch_operations o
               WHERE what = 'prune' AND json_extract(detail, '$.of') = 'backups'
               AND EXISTS (SELECT 1 FROM json_each(o.detail, '$.removed') s WHERE s.value = ?1)";
    let at: Option<String> = conn.prepare_cached(sql)?.query_row([stamp.as_str()], |row| row.get(0))?;
    Ok(at.and_then(|at| clock::parse_rfc3339(&at)))
}

fn why_no_flag(conn: &Connection, way: &Way) -> Result<Option<String>> {
    let Way::Flag { event, hidden } = way else { return Ok(None) };
    let sql = "SELECT (SELECT hidden FROM event_log WHERE id = ?1)";
    let now: Option<bool> = conn.prepare_cached(sql)?.query_row([event], |row| row.get(0))?;
    Ok(match now {
        None => Some(format!("Event {event} is not in the log any more.")),
        Some(now) if now == *hidden => {
            Some(format!("Event {event} is {} already.", if now { "hidden" } else { "shown" }))
        }
        Some(_) => None,
    })
}
