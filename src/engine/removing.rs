//! Removing snapshots: by hand and by retention, with the chunks that nobody needs then.

use std::sync::{Arc, Mutex};
use std::time::Instant;

use serde::Serialize;

use super::{Core, Engine, lock, millis};
use crate::error::{Error, ErrorKind, Result};
use crate::history::{self, Means, What};
use crate::snapshot::retention::{self, Collected};
use crate::snapshot::{Keep, Kind, SnapshotId};

/// What a prune did.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Pruned {
    /// The snapshots that went.
    pub removed: Vec<SnapshotId>,
    /// The chunks that went with them.
    #[serde(flatten)]
    pub collected: Collected,
}

/// What a removal has done, and what stopped it.
#[derive(Default)]
struct Removed {
    pruned: Pruned,
    /// With their kinds: an id alone may be that of a snapshot of either.
    named: Vec<(Kind, SnapshotId)>,
    failed: Option<Error>,
}

impl Core {
    /// Removes snapshots as far as that goes, and then the chunks that nobody needs. One that was
    /// pinned since retention judged it stays.
    fn remove_files(&self, due: Vec<(Kind, SnapshotId)>, what: What, collect: bool) -> Removed {
        let mut done = Removed::default();
        let pinned = |kind, id: &SnapshotId| self.library.find(kind, id).is_ok_and(|entry| entry.is_pinned());
        for (kind, id) in due {
            if what == What::Prune && pinned(kind, &id) {
                continue;
            }
            match self.library.remove(kind, &id) {
                Ok(true) => {
                    done.pruned.removed.push(id.clone());
                    done.named.push((kind, id));
                }
                Ok(false) => {}
                Err(error) => {
                    done.failed = Some(error);
                    break;
                }
            }
        }
        if !done.pruned.removed.is_empty() || collect {
            match retention::collect(&self.library, &self.chunks) {
                Ok(collected) => done.pruned.collected = collected,
                Err(error) => done.failed = done.failed.or(Some(error)),
            }
        }
        done
    }
}

impl Engine {
    /// Deletes a snapshot and the chunks that only it needs.
    ///
    /// # Errors
    ///
    /// Not found where there is none.
    pub fn delete(&self, kind: Kind, id: &SnapshotId, means: Means) -> Result<Pruned> {
        self.core.library.find(kind, id)?;
        self.remove(vec![(kind, id.clone())], What::Delete, means, false)
    }

    /// Removes what retention no longer keeps, and chunks that nothing names.
    ///
    /// # Errors
    ///
    /// Where a file cannot be removed.
    ///
    /// # Example
    ///
    /// ```
    /// # use backstitch::{engine::{Engine, Options}, history::Means, log::NewEvent, snapshot::{Expected, Kind, Scope}};
    /// # fn main() -> backstitch::error::Result<()> {
    /// # let folder = tempfile::tempdir()?;
    /// # let store = Engine::open(Options::new(folder.path()))?;
    /// for _ in 0..7 {
    ///     store.take_snapshot(None, false, Means::Command)?; // prunes too
    /// }
    /// assert_eq!(store.snapshots()?.len(), 5);
    /// assert!(store.prune_periodic_snapshots(Means::Command)?.removed.is_empty());
    /// # Ok(())
    /// # }
    /// ```
    pub fn prune_periodic_snapshots(&self, means: Means) -> Result<Pruned> {
        self.prune(means, means != Means::Policy)
    }

    /// Removes what retention no longer keeps; and chunks that nothing names where something went, or
    /// where `collect` says so.
    pub(super) fn prune(&self, means: Means, collect: bool) -> Result<Pruned> {
        let due = self.snapshots()?.into_iter().filter(|one| one.keep == Keep::Due);
        self.remove(due.map(|one| (one.kind, one.snapshot_id)).collect(), What::Prune, means, collect)
    }

    fn remove(&self, due: Vec<(Kind, SnapshotId)>, what: What, means: Means, collect: bool) -> Result<Pruned> {
        let (started, at) = (Instant::now(), self.core.clock.now());
        self.core.forget_opened();
        let removed = Arc::new(Mutex::new(Removed::default()));
        let told = Arc::clone(&removed);
        // The writer comes first: who is told that it is busy must find everything there.
        let recorded = self.transact(move |core, conn| {
            let mut removed = lock(&told);
            *removed = core.remove_files(due, what, collect);
            if removed.pruned.removed.is_empty() {
                return Ok(());
            }
            let mut detail = serde_json::to_value(&removed.pruned).unwrap_or_default();
            let named = removed.named.iter().map(|(kind, id)| serde_json::json!({ "kind": kind, "snapshot_id": id }));
            detail["snapshots"] = named.collect();
            for (kind, id) in &removed.named {
                let key = (kind.as_str(), id.as_str());
                // What was found of a piece concerns the other snapshots that need it.
                let sql = "DELETE FROM backstitch_checks WHERE kind = ?1 AND snapshot = ?2 AND chunk IS NULL";
                conn.execute(sql, key)?;
            }
            history::record(conn, what, means, at, millis(started), &detail).map(|_| ())
        });
        let Removed { pruned, failed, .. } = std::mem::take(&mut *lock(&removed));
        match recorded {
            // On a full disk the files are gone and the line cannot be written: the space counts more.
            Err(error) if error.kind() != ErrorKind::DiskFull || pruned.removed.is_empty() => Err(error),
            _ => failed.map_or(Ok(pruned), Err),
        }
    }
}
