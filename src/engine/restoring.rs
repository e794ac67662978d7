//! Restoring a snapshot: everything checked, a safety snapshot, then one transaction.

use std::collections::BTreeMap;
use std::sync::Arc;

use rusqlite::{Connection, OptionalExtension};
use serde_json::{Value as Json, json};

use super::dumps::Opened;
use super::safety::{Safety, check_expected};
use super::{Core, Engine};
use crate::backup::Stamp;
use crate::catchup::{self, Broken, Hold, catch_up};
use crate::error::{Error, Result};
use crate::history::{Means, What};
use crate::image::{Counts, Doubt, Segment, Table, Value};
use crate::log;
use crate::plan::{needs_replay, why_not_alone};
use crate::progress::Task;
use crate::snapshot::log_image::{self, LOG, Part};
use crate::snapshot::restore::{Comparison, Pair, compare, stored_table};
use crate::snapshot::retention;
use crate::snapshot::take::Shelf;
use crate::snapshot::{Entry, Expected, Kind, Manifest, Restored, Scope, SnapshotId};
use crate::store::state::{State, bar, distrust, raise_epoch, trust};

/// One restore as it was asked for.
pub(super) struct Order {
    pub(super) entry: Entry,
    pub(super) scope: Scope,
    pub(super) expected: Expected,
    pub(super) means: Means,
    /// The operation that this restore of its safety snapshot undoes.
    pub(super) undoes: Option<i64>,
    /// The runtime backup whose database the entry is of.
    pub(super) backup: Option<FromBackup>,
}

/// A runtime backup that is restored.
pub(super) struct FromBackup {
    pub(super) stamp: Stamp,
    /// The one that was made of the present just before.
    pub(super) before: Stamp,
    /// Tells this restore from all others.
    pub(super) token: String,
}

impl Order {
    fn reason(&self) -> String {
        match (self.undoes, &self.backup) {
            (Some(operation), _) => format!("undo of operation {operation}"),
            (None, Some(backup)) => format!("restore of the backup {}", backup.stamp),
            (None, None) if self.scope == Scope::Projections => format!("restore of {}, tables only", self.entry.id),
            (None, None) => format!("restore of {}", self.entry.id),
        }
    }

    fn what(&self) -> What {
        match (self.undoes, &self.backup) {
            (Some(_), _) => What::Undo,
            (None, Some(_)) => What::BackupRestore,
            (None, None) => What::Restore,
        }
    }

    /// What of it is told in its line of the history.
    fn detail(&self, manifest: &Manifest, own: bool) -> Json {
        let mut detail = match &self.backup {
            Some(from) => json!({
                "backup": from.stamp, "backup_before": from.before, "token": from.token, "scope": "backup",
            }),
            None => json!({ "snapshot_id": self.entry.id, "kind": self.entry.kind, "scope": self.scope }),
        };
        detail["last_event_id"] = manifest.last_event_id.into();
        if own || self.backup.is_some() {
            detail["restored_epoch"] = manifest.about.epoch.into();
        }
        self.undoes.iter().for_each(|of| detail["of"] = (*of).into());
        detail
    }
}

impl Engine {
    /// Restores a snapshot. A safety snapshot of kind `rewind` is durable before anything changes;
    /// then everything happens in one transaction, or nothing.
    ///
    /// # Errors
    ///
    /// Not found; damaged; conflict where the store is not where `expected` says, or where the
    /// tables alone cannot be restored.
    ///
    /// # Example
    ///
    /// ```
    /// # use backstitch::{engine::{Engine, Options}, history::Means, log::NewEvent, snapshot::{Expected, Kind, Scope}};
    /// # fn main() -> backstitch::error::Result<()> {
    /// # let folder = tempfile::tempdir()?;
    /// # let store = Engine::open(Options::new(folder.path()))?;
    /// let empty = store.take_snapshot(None, false, Means::Command)?.snapshot.snapshot_id;
    /// store.append(vec![NewEvent::new("note", "{}")?])?;
    /// let expected = Expected { head: Some(1), epoch: None };
    /// let restored =
    ///     store.restore_from_snapshot(&empty, Kind::Periodic, Scope::Everything, expected, Means::Command)?;
    /// assert_eq!(restored.events_removed, 1);
    /// assert_eq!(restored.safety_snapshot.kind, Kind::Rewind);
    /// # Ok(())
    /// # }
    /// ```
    pub fn restore_from_snapshot(
        &self,
        id: &SnapshotId,
        kind: Kind,
        scope: Scope,
        expected: Expected,
        means: Means,
    ) -> Result<Restored> {
        let _task = self.core.progress.task(Task::Restore);
        let entry = self.core.library.find(kind, id)?;
        let order = Order { entry, scope, expected, means, undoes: None, backup: None };
        self.run_restore(order)
    }

    pub(super) fn run_restore(&self, order: Order) -> Result<Restored> {
        self.refuse_damaged(&order.entry)?;
        let (entry, domain) = (order.entry.clone(), self.domain());
        self.noting_damage(&entry, || {
            // Before the writer is taken: reading a dump may take long.
            let opened = self.core.open_snapshot(&order.entry, &domain)?;
            self.transact(move |core, conn| restore(conn, core, &order, &opened))
        })
    }
}

pub(super) fn restore(conn: &Connection, core: &Core, order: &Order, opened: &Opened) -> Result<Restored> {
    let domain = core.domain();
    let shelf = core.shelf(&domain);
    let from = opened.shelf(shelf);
    let manifest = Arc::clone(opened.entry.manifest()?);
    let _shared = shelf.chunks.share()?;
    if order.backup.is_none() {
        // It may have been deleted while this waited; from here on its pieces stay.
        core.library.find(order.entry.kind, &order.entry.id)?;
    }
    catch_up(conn, shelf, Hold::Keep, Broken::Stick)?;
    // In this order, so that who asks for what cannot be is told that before "it has moved".
    retention::chunks_of(&opened.entry, from.chunks)?;
    check_scope(conn, from, &manifest, order.scope)?;
    let log = Table::read(conn, LOG)?;
    let own = order.entry.is_own(&State::read(conn)?.store);
    let work = Work::prepare(conn, from, &manifest, order.scope, &log, own)?;
    check_expected(conn, order.expected)?;
    let drifted = own && work.shows_drift(conn, from, &manifest)?;
    let safety = Safety::take(conn, core, &domain, order.means, order.reason(), work.at_risk())?;
    if drifted {
        bar(conn, manifest.about.sequence + 1, safety.taken.entry.sequence())?;
    }
    let (log_from, head) = (work.first_of_log(), log::head(conn)?);
    let replayed = work.tables.is_none();
    let trusted = own && manifest.about.logic == domain.logic && !State::read(conn)?.bars(manifest.about.sequence);
    let changed = work.run(conn, shelf, &manifest, order.scope, &safety)?;
    if replayed || trusted {
        trust(conn)?;
    } else {
        // Nobody knows these rows to follow from the log: what is taken of them must be no base.
        distrust(conn, safety.taken.entry.sequence() + 1)?;
    }
    raise_epoch(conn)?;
    let mut detail = order.detail(&manifest, own);
    if let Some(first) = log_from {
        let only_adds = adds_alone(conn, changed.get(LOG), head)?;
        detail["log_from"] = if only_adds { head + 1 } else { first }.into();
    }
    safety.record(conn, order.what(), &changed, detail)
}

/// Whether all that changed in the log came behind its last event.
fn adds_alone(conn: &Connection, changed: Option<&Counts>, head: i64) -> Result<bool> {
    let Some(Counts { added, removed: 0, changed: 0 }) = changed else { return Ok(false) };
    let sql = "SELECT count(*) FROM event_log WHERE id > ?1";
    let behind: i64 = conn.prepare_cached(sql)?.query_row([head], |row| row.get(0))?;
    Ok(behind.unsigned_abs() == *added)
}

fn check_scope(conn: &Connection, shelf: Shelf<'_>, manifest: &Manifest, scope: Scope) -> Result<()> {
    if scope == Scope::Everything {
        return Ok(());
    }
    let log = Table::read(conn, LOG)?;
    let then = stored_table(shelf.chunks, manifest, LOG)?;
    match why_not_alone(conn, shelf, manifest, &log, &then.segments)? {
        Some(reason) => Err(Error::conflict(reason)),
        None => Ok(()),
    }
}

/// What is to be written, all of it read and hashed already.
struct Work<'a> {
    log: Option<Comparison<'a>>,
    /// None where the snapshot's log is replayed instead.
    tables: Option<Comparison<'a>>,
    /// This store took the snapshot itself.
    own: bool,
}

impl<'a> Work<'a> {
    fn prepare(
        conn: &'a Connection,
        shelf: Shelf<'a>,
        manifest: &Manifest,
        scope: Scope,
        log: &'a Table,
        own: bool,
    ) -> Result<Self> {
        let compared = |tables: &'a [Table]| compare(conn, tables, shelf, manifest).map(Some);
        let everything = scope == Scope::Everything;
        Ok(Self {
            own,
            log: if everything { compared(std::slice::from_ref(log))? } else { None },
            tables: if needs_replay(shelf, manifest, scope, false) {
                None
            } else {
                compared(shelf.domain.projected())?
            },
        })
    }

    /// The pieces whose rows this will change: the safety snapshot is all that is left of them.
    fn at_risk(&self) -> Doubt {
        let Some(tables) = &self.tables else { return Doubt::Everything };
        let pairs = tables.pairs.iter().chain(self.log.iter().flat_map(|log| &log.pairs));
        Doubt::These(pairs.flat_map(Pair::only_now).flat_map(Segment::chunks).map(|(chunk, _)| chunk).collect())
    }

    /// The smallest id of a row of the log that changes; none where the log stays.
    fn first_of_log(&self) -> Option<i64> {
        match self.log.as_ref()?.pairs.first()?.first_difference()? {
            Value::Integer(first) => Some(*first),
            _ => None,
        }
    }

    /// Whether the tables differ from a snapshot of the very same log: then they are not what the
    /// log gives, and neither are those of any snapshot taken meanwhile.
    fn shows_drift(&self, conn: &Connection, shelf: Shelf<'_>, manifest: &Manifest) -> Result<bool> {
        let state = State::read(conn)?;
        let about = &manifest.about;
        let same = about.logic == shelf.domain.logic
            && about.position == state.position
            && manifest.last_event_id == log::head(conn)?
            && state.position == manifest.last_event_id;
        let differs = self.tables.iter().flat_map(|tables| &tables.pairs).any(|pair| pair.counts.total() > 0);
        // Looked at last, since it reads the log.
        if !(same && differs) {
            return Ok(false);
        }
        let log = Table::read(conn, LOG)?;
        let then = stored_table(shelf.chunks, manifest, LOG)?;
        log_image::is_beginning(conn, &log, &Part::whole(), &then.segments, manifest.last_event_id)
    }

    /// Writes log and tables, and where the tables stand.
    fn run(
        self,
        conn: &Connection,
        shelf: Shelf<'_>,
        manifest: &Manifest,
        scope: Scope,
        safety: &Safety,
    ) -> Result<BTreeMap<String, Counts>> {
        let mut changed = BTreeMap::new();
        if let Some(log) = self.log {
            write_log(conn, shelf, log, self.own, &mut changed)?;
        }
        let Some(tables) = self.tables else {
            // Its rows follow other rules than today's, so its log is replayed after today's.
            catchup::rebuild(conn, shelf)?;
            changed.extend(safety.changed_tables(conn, shelf)?);
            return Ok(changed);
        };
        changed.extend(tables.write(conn, self.own, shelf.progress)?);
        let head = log::head(conn)?;
        let position = manifest.about.position.min(head);
        // Everything comes back as it was, a hold included; tables alone are held where they stand.
        let held = scope == Scope::Projections || manifest.about.held;
        let hold = (held && position < head).then_some(head);
        let state = State::read(conn)?;
        // Where the log keeps the event that breaks a rule, so does the state.
        let stuck = state.stuck.clone().filter(|_| hold.is_some() && scope == Scope::Projections);
        State { position, hold, stale_from: None, stuck, ..state }.write(conn)?;
        catch_up(conn, shelf, Hold::Keep, Broken::Stick)?;
        Ok(changed)
    }
}

/// With triggers off the cache of hashes and the sequence of ids are kept by hand.
fn write_log(
    conn: &Connection,
    shelf: Shelf<'_>,
    log: Comparison<'_>,
    own: bool,
    changed: &mut BTreeMap<String, Counts>,
) -> Result<()> {
    let sequence: Option<i64> =
        conn.query_row("SELECT seq FROM sqlite_sequence WHERE name = ?1", [LOG], |row| row.get(0)).optional()?;
    if let Some(first) = log.pairs.first().and_then(Pair::first_difference) {
        log_image::forget(conn, first)?;
    }
    changed.extend(log.write(conn, own, shelf.progress)?);
    if let Some(sequence) = sequence {
        conn.execute("UPDATE sqlite_sequence SET seq = max(seq, ?2) WHERE name = ?1", (LOG, sequence))?;
    }
    Ok(())
}
