//! Undoing an operation: what that would change, and doing it.
//!
//! An undo is an operation like any other, with a safety snapshot of its own, so it can be undone.

use std::error::Error as _;

use rusqlite::Connection;
use serde::Serialize;
use serde_json::json;

use super::lines::{Line, Undo, Way};
use super::restoring::Order;
use super::safety::{Asked, Safety, safely, trusting};
use super::{Engine, flags};
use crate::catchup::{Broken, Hold, catch_up};
use crate::compare::{DiffPage, RowPage};
use crate::error::{Error, Result};
use crate::history::{self, Means, What};
use crate::image::{Doubt, Table};
use crate::log;
use crate::moment::Moment;
use crate::plan::why_not_alone;
use crate::progress::Task;
use crate::projection::Failure;
use crate::rewind::{self, TableEffect};
use crate::snapshot::log_image::LOG;
use crate::snapshot::restore::{compare, stored_table};
use crate::snapshot::take::Shelf;
use crate::snapshot::{Entry, Expected, Kind, Manifest, Preview, Restored, Scope, SnapshotId};
use crate::store::state::{State, distrust, raise_epoch, trust};

/// What undoing an operation would change.
#[derive(Debug, Clone, Serialize)]
pub struct UndoPreview {
    /// The operation, and its undo.
    #[serde(flatten)]
    pub line: Line,
    /// Events that would leave the log.
    pub events_removed: u64,
    /// Events that would come back.
    pub events_returned: u64,
    /// Events that would stay and change, as where one was hidden since.
    #[serde(skip)]
    pub events_changed: u64,
    /// Every projected table, in the domain's order; none for a flag.
    pub tables: Vec<TableEffect>,
    /// The log's last id when this was computed: posted back as `expected_head`.
    pub current_event_log_max_id: i64,
    /// The epoch when this was computed: posted back as `expected_epoch`.
    pub epoch: u64,
}

impl Engine {
    /// What undoing an operation would change.
    ///
    /// # Errors
    ///
    /// Not found; conflict where it cannot be undone, saying why.
    pub fn preview_undo(&self, operation: i64) -> Result<UndoPreview> {
        let _task = self.core.progress.task(Task::Plan);
        let line = self.line(operation)?;
        let undo = offered(&line)?.clone();
        if let Way::Backup { stamp } = &undo.way {
            let plan = self.preview_backup(stamp)?;
            return Ok(of_everything(line, plan));
        }
        let Some(safety) = undo.way.safety() else { return self.plain_undo(line, Vec::new()) };
        if let Way::Everything { .. } = undo.way {
            let plan = self.preview(safety, Kind::Rewind, Scope::Everything)?;
            return Ok(of_everything(line, plan));
        }
        let tables = self.beside_safety(safety, rewind::tables)?;
        self.plain_undo(line, tables)
    }

    /// One page of the rows of a table that undoing an operation would change.
    ///
    /// # Errors
    ///
    /// As [`Engine::preview_undo`]; not found where there is no such table.
    pub fn undo_rows(&self, operation: i64, table: &str, page: &DiffPage) -> Result<RowPage> {
        let _task = self.core.progress.task(Task::Plan);
        let line = self.line(operation)?;
        match &offered(&line)?.way {
            Way::Flag { .. } => Err(Error::not_found("changing a flag back has no list of rows")),
            Way::Backup { stamp } => self.backup_rows(stamp, table, page),
            Way::Everything { snapshot_id } => {
                Ok(self.diff(snapshot_id, Kind::Rewind, Scope::Everything, table, page)?.page)
            }
            Way::Tables { snapshot_id } => {
                self.beside_safety(snapshot_id, |conn, shelf, moment| rewind::rows(conn, shelf, moment, table, page))
            }
        }
    }

    /// Undoes an operation. `confirmed` says that the caller has typed its number, which is needed
    /// where events came after it.
    ///
    /// # Errors
    ///
    /// Not found; malformed where it has to be confirmed and is not; conflict where it cannot be
    /// undone, or the store is not where `expected` says.
    pub fn undo(&self, operation: i64, confirmed: bool, expected: Expected, means: Means) -> Result<Restored> {
        let _task = self.core.progress.task(Task::Undo);
        // Of one moment, so that nothing comes in between that nobody has seen.
        let (line, seen) = self.readers.read(|conn| {
            let line = self.core.line(conn, history::find(conn, operation)?)?;
            let seen = Expected { head: Some(log::head(conn)?), epoch: Some(State::read(conn)?.epoch) };
            Ok((line, seen))
        })?;
        let undo = offered(&line)?;
        if undo.confirm && !confirmed {
            return Err(Error::malformed(format!(
                "confirm_op is needed: {}. Give the operation's number, {operation}, to undo it all the same",
                came_after(undo)
            )));
        }
        let seen = Expected { head: expected.head.or(seen.head), epoch: expected.epoch.or(seen.epoch) };
        let expected = if confirmed { expected } else { seen };
        match undo.way.clone() {
            Way::Everything { snapshot_id } => {
                let entry = self.safety_entry(&snapshot_id)?;
                let undoes = Some(operation);
                self.run_restore(Order { entry, scope: Scope::Everything, expected, means, undoes, backup: None })
            }
            Way::Backup { stamp } => Ok(self.run_backup_restore(&stamp, expected, means, Some(operation))?.restored),
            Way::Tables { snapshot_id } => {
                self.undo_tables(&self.safety_entry(&snapshot_id)?, operation, expected, means)
            }
            Way::Flag { event, hidden } => self.undo_flag(event, hidden, operation, expected, means),
        }
    }

    fn undo_tables(&self, entry: &Entry, undoes: i64, expected: Expected, means: Means) -> Result<Restored> {
        self.refuse_damaged(entry)?;
        let reason = format!("undo of operation {undoes}");
        let (asked, safety_of) = (Asked { expected, means, reason, doubt: Doubt::Everything }, entry.clone());
        self.noting_damage(entry, || {
            self.transact(move |core, conn| {
                let check = |shelf: Shelf<'_>| {
                    // It may have been deleted while this waited; from here on its pieces stay.
                    core.library.find(safety_of.kind, &safety_of.id)?;
                    refuse_changed_log(conn, shelf, safety_of.manifest()?)
                };
                let work = |shelf: Shelf<'_>, safety: &Safety| put_tables_back(conn, shelf, safety, &safety_of, undoes);
                safely(conn, core, asked, check, work)
            })
        })
    }

    fn undo_flag(&self, event: i64, hidden: bool, undoes: i64, expected: Expected, means: Means) -> Result<Restored> {
        trusting(|doubt| {
            let asked = Asked { expected, means, reason: format!("undo of operation {undoes}"), doubt };
            self.transact(move |core, conn| {
                let work = |shelf: Shelf<'_>, safety: &Safety| {
                    flags::flip(conn, core, event, hidden)?;
                    let changed = safety.changed_tables(conn, shelf)?;
                    let detail =
                        json!({ "of": undoes, "scope": "flag", "event": event, "hidden": hidden, "log_from": event });
                    safety.record(conn, What::Undo, &changed, detail)
                };
                safely(conn, core, asked, |_| Ok(()), work)
            })
        })
    }

    fn safety_entry(&self, id: &SnapshotId) -> Result<Entry> {
        self.core.library.find(Kind::Rewind, id)
    }

    fn plain_undo(&self, line: Line, tables: Vec<TableEffect>) -> Result<UndoPreview> {
        let status = self.status()?;
        let (current_event_log_max_id, epoch) = (status.head, status.epoch);
        Ok(UndoPreview {
            line,
            events_removed: 0,
            events_returned: 0,
            events_changed: 0,
            tables,
            current_event_log_max_id,
            epoch,
        })
    }

    /// Runs `work` on the tables of a safety snapshot, with the events that came later applied.
    fn beside_safety<T>(
        &self,
        id: &SnapshotId,
        work: impl FnOnce(&Connection, Shelf<'_>, &Moment) -> Result<T>,
    ) -> Result<T> {
        let entry = self.safety_entry(id)?;
        self.refuse_damaged(&entry)?;
        let domain = self.domain();
        let _shared = self.core.chunks.share()?;
        self.noting_damage(&entry, || {
            self.read_beside(&domain, |conn, shelf| {
                let manifest = entry.manifest()?;
                refuse_changed_log(conn, shelf, manifest)?;
                let up_to = position_then(manifest, log::head(conn)?);
                let put_back = |up_to| Moment::after_snapshot(conn, shelf, &self.core.data_dir, manifest, up_to);
                let moment = put_back(up_to).or_else(|error| match broken_event(&error) {
                    // Where the undo stops, too.
                    Some(event) => put_back(event - 1),
                    None => Err(error),
                })?;
                work(conn, shelf, &moment)
            })
        })
    }
}

fn offered(line: &Line) -> Result<&Undo> {
    let number = line.operation.operation;
    let refused = |why: &str| Error::conflict(format!("Operation {number} cannot be undone: {why}"));
    let undo = line.undo.as_ref().ok_or_else(|| refused(no_undo(line.operation.what)))?;
    match &undo.why_not {
        Some(why) => Err(refused(why)),
        None => Ok(undo),
    }
}

/// Why no operation of this sort is undone.
fn no_undo(what: What) -> &'static str {
    match what {
        What::Take => "a take changes nothing that could be undone.",
        What::Import => "an import changes nothing that could be undone.",
        What::Backup => "a backup changes nothing that could be undone.",
        What::Delete | What::Prune => "what it removed is not kept anywhere.",
        _ => "this sort of operation has no undo.",
    }
}

fn came_after(undo: &Undo) -> String {
    match undo.events_since {
        // What came back since counts as newer as well.
        _ if undo.log_changed_since => "the log was changed after this operation".to_owned(),
        1 => "1 event came after this operation".to_owned(),
        events => format!("{events} events came after this operation"),
    }
}

fn of_everything(line: Line, plan: Preview) -> UndoPreview {
    UndoPreview {
        line,
        events_removed: plan.events_removed,
        events_returned: plan.events_returned,
        events_changed: plan.events_changed,
        tables: plan.tables.into_iter().map(TableEffect::from).collect(),
        current_event_log_max_id: plan.current_event_log_max_id,
        epoch: plan.epoch,
    }
}

/// Where the tables stand once those of a snapshot are put back and later events are applied.
fn position_then(manifest: &Manifest, head: i64) -> i64 {
    let stays = manifest.about.held && head <= manifest.last_event_id;
    if stays { manifest.about.position.min(head) } else { head }
}

/// The event that could not be applied, where that is what went wrong.
fn broken_event(error: &Error) -> Option<i64> {
    Some(error.source()?.downcast_ref::<Failure>()?.event)
}

fn refuse_changed_log(conn: &Connection, shelf: Shelf<'_>, manifest: &Manifest) -> Result<()> {
    let log = Table::read(conn, LOG)?;
    let then = stored_table(shelf.chunks, manifest, LOG)?;
    match why_not_alone(conn, shelf, manifest, &log, &then.segments)? {
        Some(reason) => Err(Error::conflict(reason)),
        None => Ok(()),
    }
}

/// Puts the tables of a snapshot back and applies what came later; the log stays.
fn put_tables_back(
    conn: &Connection,
    shelf: Shelf<'_>,
    safety: &Safety,
    entry: &Entry,
    undoes: i64,
) -> Result<Restored> {
    let manifest = entry.manifest()?;
    let compared = compare(conn, shelf.domain.projected(), shelf, manifest)?;
    compared.write(conn, true, shelf.progress)?;
    let (state, head) = (State::read(conn)?, log::head(conn)?);
    if state.bars(manifest.about.sequence) || manifest.about.logic != shelf.domain.logic {
        // As they were, also where a comparison with the log has found them wanting.
        distrust(conn, safety.taken.entry.sequence() + 1)?;
    } else {
        trust(conn)?;
    }
    let hold = manifest.about.held.then_some(manifest.last_event_id);
    let position = manifest.about.position.min(head);
    State { position, hold, stale_from: None, stuck: None, ..state }.write(conn)?;
    catch_up(conn, shelf, Hold::Keep, Broken::Stick)?;
    raise_epoch(conn)?;
    let changed = safety.changed_tables(conn, shelf)?;
    let detail = json!({
        "of": undoes, "scope": Scope::Projections, "snapshot_id": entry.id, "kind": entry.kind,
        "last_event_id": manifest.last_event_id,
    });
    safety.record(conn, What::Undo, &changed, detail)
}
