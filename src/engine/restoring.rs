//! Restoring a snapshot: everything checked, a safety snapshot, then one transaction.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Instant;

use rusqlite::{Connection, OptionalExtension, TransactionBehavior};

use super::{Core, Engine, millis};
use crate::catchup::{self, Broken, Hold, catch_up};
use crate::error::{Error, Result};
use crate::history::{self, Means, What};
use crate::image::{Counts, Doubt, Segment, Table};
use crate::log;
use crate::plan::{needs_replay, why_not_alone};
use crate::snapshot::log_image::{self, LOG};
use crate::snapshot::restore::{Comparison, Pair, compare, stored_table};
use crate::snapshot::retention;
use crate::snapshot::take::{Capture, Shelf, Taken, take};
use crate::snapshot::{Entry, Expected, Kind, Manifest, Restored, SafetySnapshot, Scope, SnapshotId};
use crate::store::state::{State, bar, raise_epoch};

/// One restore as it was asked for.
struct Order {
    entry: Entry,
    scope: Scope,
    expected: Expected,
    means: Means,
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
        let entry = self.core.library.find(kind, id)?;
        self.refuse_damaged(&entry)?;
        let core = Arc::clone(&self.core);
        let order = Order { entry: entry.clone(), scope, expected, means };
        self.noting_damage(&entry, || {
            self.writer.alone(move |conn| {
                let transaction = conn.transaction_with_behavior(TransactionBehavior::Immediate)?;
                let restored = restore(&transaction, &core, &order)?;
                transaction.commit()?;
                Ok(restored)
            })
        })
    }
}

fn restore(conn: &Connection, core: &Core, order: &Order) -> Result<Restored> {
    let started = Instant::now();
    let at = core.clock.now();
    let domain = core.domain();
    let shelf = core.shelf(&domain);
    let manifest = Arc::clone(order.entry.manifest()?);
    let _shared = shelf.chunks.share()?;
    // It may have been deleted while this waited; from here on its pieces stay.
    core.library.find(order.entry.kind, &order.entry.id)?;
    catch_up(conn, shelf, Hold::Keep, Broken::Stick)?;
    // In this order, so that who asks for what cannot be is told that before "it has moved".
    retention::chunks_of(&order.entry, shelf.chunks)?;
    check_scope(conn, shelf, &manifest, order.scope)?;
    let log = Table::read(conn, LOG)?;
    let own = order.entry.is_own(&State::read(conn)?.store);
    let work = Work::prepare(conn, shelf, &manifest, order.scope, &log, own)?;
    check_expected(conn, order.expected)?;
    let before = log::head(conn)?;
    let drifted = own && work.shows_drift(conn, shelf, &manifest)?;
    let capture = Capture {
        kind: Kind::Rewind,
        means: order.means,
        reason: Some(format!("restore of {}", order.entry.id)),
        label: None,
        at,
        sequence: core.next_sequence(conn)?,
    };
    let safety = take(conn, shelf, capture, work.at_risk())?;
    if drifted {
        bar(conn, manifest.about.sequence + 1, safety.entry.sequence())?;
    }
    let changed = work.run(conn, shelf, &manifest, order.scope, &safety)?;
    let epoch = raise_epoch(conn)?;
    let state = State::read(conn)?;
    let log_changes = changed.get(LOG).copied().unwrap_or_default();
    let mut restored = Restored {
        operation: 0,
        safety_snapshot: SafetySnapshot { snapshot_id: safety.id.clone(), kind: Kind::Rewind },
        events_removed: log_changes.removed,
        events_returned: log_changes.added,
        rows_changed: Comparison::rows_changed(&changed),
        position: state.position,
        held: state.hold.is_some(),
        epoch,
        took_ms: millis(started),
    };
    restored.operation = record(conn, order, &manifest, &safety, before, &restored, at)?;
    Ok(restored)
}

fn check_expected(conn: &Connection, expected: Expected) -> Result<()> {
    let (head, epoch) = (log::head(conn)?, State::read(conn)?.epoch);
    if let Some(seen) = expected.head
        && seen != head
    {
        let what = if head > seen { "new events have come" } else { "events have gone" };
        return Err(Error::conflict(format!(
            "The log moved: it stood at event {seen} when the plan was shown and stands at {head} now ({what}). Nothing was done."
        ))
        .hint("Look at the plan as it is now."));
    }
    if let Some(seen) = expected.epoch
        && seen != epoch
    {
        return Err(Error::conflict(
            "The store was changed after the plan was shown (another restore, or a change of an event). Nothing was done.",
        )
        .hint("Look at the plan as it is now."));
    }
    Ok(())
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
        let compared =
            |tables: &'a [Table]| compare(conn, tables, shelf.domain, shelf.chunks, manifest, shelf.progress).map(Some);
        let everything = scope == Scope::Everything;
        Ok(Self {
            own,
            log: if everything { compared(std::slice::from_ref(log))? } else { None },
            tables: if needs_replay(shelf, manifest, scope, false) { None } else { compared(&shelf.domain.tables)? },
        })
    }

    /// The pieces whose rows this will change: the safety snapshot is all that is left of them.
    fn at_risk(&self) -> Doubt {
        let Some(tables) = &self.tables else { return Doubt::Everything };
        let pairs = tables.pairs.iter().chain(self.log.iter().flat_map(|log| &log.pairs));
        Doubt::These(pairs.flat_map(Pair::only_now).flat_map(Segment::chunks).map(|(chunk, _)| chunk).collect())
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
        log_image::is_beginning(conn, &log, &then.segments, manifest.last_event_id)
    }

    /// Writes log and tables, and where the tables stand.
    fn run(
        self,
        conn: &Connection,
        shelf: Shelf<'_>,
        manifest: &Manifest,
        scope: Scope,
        safety: &Taken,
    ) -> Result<BTreeMap<String, Counts>> {
        let mut changed = BTreeMap::new();
        if let Some(log) = self.log {
            write_log(conn, shelf, log, self.own, &mut changed)?;
        }
        let Some(tables) = self.tables else {
            // Its rows follow other rules than today's, so its log is replayed after today's.
            catchup::rebuild(conn, shelf)?;
            changed.extend(changed_since(conn, shelf, safety)?);
            return Ok(changed);
        };
        changed.extend(tables.write(conn, self.own, shelf.progress)?);
        let head = log::head(conn)?;
        let position = manifest.about.position.min(head);
        // Everything comes back as it was, a hold included; tables alone are held where they stand.
        let held = scope == Scope::Projections || manifest.about.held;
        let hold = (held && position < head).then_some(head);
        let state = State::read(conn)?;
        // The log keeps the event that breaks a rule, and so does the state.
        let stuck = state.stuck.clone().filter(|_| hold.is_some());
        State { position, hold, stale_from: None, stuck, ..state }.write(conn)?;
        catch_up(conn, shelf, Hold::Keep, Broken::Stick)?;
        Ok(changed)
    }
}

/// How the tables differ from what the safety snapshot of them has.
fn changed_since(conn: &Connection, shelf: Shelf<'_>, safety: &Taken) -> Result<BTreeMap<String, Counts>> {
    let before = safety.entry.manifest()?;
    let compared = compare(conn, &shelf.domain.tables, shelf.domain, shelf.chunks, before, shelf.progress)?;
    Ok(compared.changed())
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

fn record(
    conn: &Connection,
    order: &Order,
    manifest: &Manifest,
    safety: &Taken,
    before: i64,
    restored: &Restored,
    at: time::OffsetDateTime,
) -> Result<i64> {
    let mut detail = serde_json::to_value(restored).unwrap_or_default();
    if let Some(detail) = detail.as_object_mut() {
        detail.remove("operation");
        detail.insert("snapshot_id".into(), order.entry.id.to_string().into());
        detail.insert("kind".into(), order.entry.kind.as_str().into());
        detail.insert("scope".into(), order.scope.as_str().into());
        detail.insert("last_event_id".into(), manifest.last_event_id.into());
        detail.insert("from_head".into(), before.into());
        detail.insert("from_position".into(), safety.state.position.into());
    }
    history::record(conn, What::Restore, order.means, at, restored.took_ms, &detail)
}
