//! What every destructive operation has in common: the check that the store is where its plan saw
//! it, the safety snapshot taken first, and the line of the history afterwards.

use std::collections::BTreeMap;
use std::time::Instant;

use rusqlite::Connection;
use serde_json::Value as Json;
use time::OffsetDateTime;

use super::{Core, millis};
use crate::catchup::{Broken, Hold, catch_up};
use crate::domain::Domain;
use crate::drift;
use crate::error::{Error, ErrorKind, Result};
use crate::history::{self, Means, What};
use crate::image::{Counts, Doubt, Table};
use crate::log;
use crate::snapshot::log_image::LOG;
use crate::snapshot::restore::{Comparison, compare};
use crate::snapshot::take::{Capture, Shelf, Taken, take};
use crate::snapshot::{Expected, Kind, Restored, SafetySnapshot};
use crate::store::state::State;

/// Refuses work on a store that is not where who asks for it expects it.
///
/// # Errors
///
/// Conflict, saying what moved.
pub(super) fn check_expected(conn: &Connection, expected: Expected) -> Result<()> {
    let (head, epoch) = (log::head(conn)?, State::read(conn)?.epoch);
    if let Some(seen) = expected.head
        && seen != head
    {
        return Err(Error::conflict(format!(
            "The log stands at event {head}, and event {seen} was expected. Nothing was done."
        ))
        .hint("Look at the plan as it is now."));
    }
    if let Some(seen) = expected.epoch
        && seen != epoch
    {
        return Err(Error::conflict(format!(
            "The store is at epoch {epoch}, and epoch {seen} was expected: something else changed it, such as a restore. \
             Nothing was done."
        ))
        .hint("Look at the plan as it is now."));
    }
    Ok(())
}

/// Runs an operation whose safety snapshot shares the pieces that are there, unread. The operation
/// reads those that it relies on before it ends; where one is damaged, nothing has happened, and it
/// runs once more with every piece read, so that a damaged one is written anew.
///
/// # Errors
///
/// Those of the operation.
pub(super) fn trusting<T>(run: impl Fn(Doubt) -> Result<T>) -> Result<T> {
    match run(Doubt::Nothing) {
        Err(error) if error.kind() == ErrorKind::Damaged => run(Doubt::Everything),
        done => done,
    }
}

/// A destructive operation as it was asked for.
pub(super) struct Asked {
    pub(super) expected: Expected,
    pub(super) means: Means,
    /// What the safety snapshot is told to be for.
    pub(super) reason: String,
    pub(super) doubt: Doubt,
}

/// Runs `work` after what others did is taken in, `check` has passed, the store is where it is
/// expected, and a safety snapshot of the present is durable.
///
/// # Errors
///
/// Those of `check` and `work`; conflict where the store has moved.
pub(super) fn safely(
    conn: &Connection,
    core: &Core,
    asked: Asked,
    check: impl FnOnce(Shelf<'_>) -> Result<()>,
    work: impl FnOnce(Shelf<'_>, &Safety) -> Result<Restored>,
) -> Result<Restored> {
    let domain = core.domain();
    let shelf = core.shelf(&domain);
    let _shared = shelf.chunks.share()?;
    catch_up(conn, shelf, Hold::Keep, Broken::Stick)?;
    check(shelf)?;
    check_expected(conn, asked.expected)?;
    let safety = Safety::take(conn, core, &domain, asked.means, asked.reason, asked.doubt)?;
    work(shelf, &safety)
}

/// A safety snapshot, durable, and the store as it was when it was taken.
pub(super) struct Safety {
    pub(super) taken: Taken,
    means: Means,
    at: OffsetDateTime,
    started: Instant,
    head: i64,
}

impl Safety {
    /// Takes it, in the transaction of the operation that it is for. Pieces under `doubt` are read
    /// before they are relied on.
    ///
    /// # Errors
    ///
    /// Where it cannot be taken; then the operation does not happen.
    pub(super) fn take(
        conn: &Connection,
        core: &Core,
        domain: &Domain,
        means: Means,
        reason: String,
        doubt: Doubt,
    ) -> Result<Self> {
        let (started, at) = (Instant::now(), core.clock.now());
        let sequence = core.next_sequence(conn)?;
        let capture = Capture { kind: Kind::Rewind, means, reason: Some(reason), label: None, at, sequence };
        let taken = take(conn, core.shelf(domain), capture, doubt)?;
        Ok(Self { taken, means, at, started, head: log::head(conn)? })
    }

    /// How the tables differ from what the safety snapshot has of them. Every stored row that is
    /// gone or changed is read and hashed for that, so it is known that it can come back.
    ///
    /// # Errors
    ///
    /// Damaged where a piece that the snapshot relies on is not what was written.
    pub(super) fn changed_tables(&self, conn: &Connection, shelf: Shelf<'_>) -> Result<BTreeMap<String, Counts>> {
        self.changed(conn, shelf, shelf.domain.projected())
    }

    /// How the log differs, as [`Safety::changed_tables`].
    ///
    /// # Errors
    ///
    /// As there.
    pub(super) fn changed_log(&self, conn: &Connection, shelf: Shelf<'_>) -> Result<BTreeMap<String, Counts>> {
        self.changed(conn, shelf, &[Table::read(conn, LOG)?])
    }

    fn changed(&self, conn: &Connection, shelf: Shelf<'_>, tables: &[Table]) -> Result<BTreeMap<String, Counts>> {
        let before = self.taken.entry.manifest()?;
        // From now to then: what is added there was removed by the operation.
        let compared = compare(conn, tables, shelf, before)?.changed();
        let turned = |counts: Counts| Counts { added: counts.removed, removed: counts.added, changed: counts.changed };
        Ok(compared.into_iter().map(|(table, counts)| (table, turned(counts))).collect())
    }

    /// Writes the line of the history and answers what was done.
    ///
    /// # Errors
    ///
    /// Where the database fails.
    pub(super) fn record(
        &self,
        conn: &Connection,
        what: What,
        changed: &BTreeMap<String, Counts>,
        detail: Json,
    ) -> Result<Restored> {
        let state = State::read(conn)?;
        let log_changes = changed.get(LOG).copied().unwrap_or_default();
        let is_still = log_changes.total() == 0 && state.position == self.taken.state.position;
        let mut restored = Restored {
            operation: 0,
            safety_snapshot: SafetySnapshot { snapshot_id: self.taken.id.clone(), kind: Kind::Rewind },
            events_removed: log_changes.removed,
            events_returned: log_changes.added,
            rows_changed: Comparison::rows_changed(changed, is_still || what == What::Rebuild),
            position: state.position,
            held: state.hold.is_some(),
            epoch: state.epoch,
            took_ms: millis(self.started),
        };
        let mut line = serde_json::to_value(&restored).unwrap_or_default();
        if let (Some(line), Json::Object(detail)) = (line.as_object_mut(), detail) {
            line.remove("operation");
            line.insert("head".into(), log::head(conn)?.into());
            line.insert("from_head".into(), self.head.into());
            line.insert("from_epoch".into(), self.taken.state.epoch.into());
            line.insert("from_position".into(), self.taken.state.position.into());
            line.extend(detail);
        }
        // What was compared with the log is not what the tables are now.
        drift::forget(conn)?;
        restored.operation = history::record(conn, what, self.means, self.at, restored.took_ms, &line)?;
        Ok(restored)
    }
}
