//! Taking, previewing, verifying, deleting and pruning snapshots.

use std::sync::Arc;
use std::time::Instant;

use rusqlite::Connection;
use serde::Serialize;

use super::{Core, Engine, millis};
use crate::catchup::{Broken, Hold, catch_up};
use crate::clock;
use crate::compare::DiffPage;
use crate::error::{Error, ErrorKind, Result};
use crate::history::{self, Means, What};
use crate::image::{ChunkError, Doubt};
use crate::log;
use crate::plan::Plan;
use crate::progress::Task;
use crate::snapshot::entry::Note;
use crate::snapshot::take::{Capture, Shelf, Taken, take};
use crate::snapshot::verify::{Verified, verify};
use crate::snapshot::{Diff, Entry, Format, Kind, Preview, Scope, Snapshot, SnapshotId, log_image, take_dump};
use crate::store::State;
use crate::store::state::next_snapshot_sequence;

/// A snapshot that was just taken, and its line of the history.
#[derive(Debug, Clone, Serialize)]
pub struct NewSnapshot {
    /// The snapshot.
    #[serde(flatten)]
    pub snapshot: Snapshot,
    /// The operation's id.
    #[serde(skip)]
    pub operation: i64,
}

impl Core {
    /// The next number in the order of snapshots: above the database's, which a rolled-back
    /// operation takes back, and above what is published.
    pub(super) fn next_sequence(&self, conn: &Connection) -> Result<u64> {
        let published = self.library.entries()?;
        let highest = published.iter().map(|entry| entry.order().1).max().unwrap_or(0);
        let next = next_snapshot_sequence(conn)?.max(highest + 1);
        conn.execute("UPDATE backstitch_state SET snapshot_sequence = ?1", [next as i64])?;
        Ok(next)
    }
}

impl Engine {
    /// Takes a periodic snapshot now and prunes by retention. A label pins it if `pinned` says so.
    ///
    /// # Errors
    ///
    /// Where the tables cannot be read or the folder cannot be written; nothing is visible then.
    ///
    /// # Example
    ///
    /// ```
    /// # use backstitch::{engine::{Engine, Options}, history::Means, log::NewEvent, snapshot::{Expected, Kind, Scope}};
    /// # fn main() -> backstitch::error::Result<()> {
    /// # let folder = tempfile::tempdir()?;
    /// # let store = Engine::open(Options::new(folder.path()))?;
    /// store.append(vec![NewEvent::new("note", r#"{"text": "hello"}"#)?])?;
    /// let taken = store.take_snapshot(Some("before".into()), true, Means::Command)?.snapshot;
    /// assert_eq!(taken.last_event_id, Some(1));
    /// assert!(taken.pinned);
    /// # Ok(())
    /// # }
    /// ```
    pub fn take_snapshot(&self, label: Option<String>, pinned: bool, means: Means) -> Result<NewSnapshot> {
        let _task = self.core.progress.task(Task::Take);
        let (entry, operation) = self.take_unpruned(label, pinned, means)?;
        // It is taken and stays; what retention cannot remove now it removes after the next one.
        if let Err(error) = self.prune(means, false) {
            tracing::warn!(%error, "older snapshots could not be pruned");
        }
        let snapshot = self.readers.read(|conn| self.core.shown_new(conn, entry))?;
        Ok(NewSnapshot { snapshot, operation })
    }

    fn take_unpruned(&self, label: Option<String>, pinned: bool, means: Means) -> Result<(Entry, i64)> {
        let started = Instant::now();
        let label = check_label(label)?;
        let at = self.core.clock.now();
        let taken = self.take_settled(&|sequence| Capture {
            kind: Kind::Periodic,
            means,
            reason: None,
            label: label.clone(),
            at,
            sequence,
        })?;
        if pinned {
            let dump = taken.entry.own_dump().cloned();
            let note = Note { pinned, label: label.clone(), dump };
            if let Err(error) = self.core.library.write_note(Kind::Periodic, &taken.id, &note) {
                self.core.library.remove(Kind::Periodic, &taken.id)?;
                return Err(error);
            }
        }
        self.core.listing.remember(&taken);
        let entry = taken.entry.clone();
        let operation = self.transact(move |_, conn| {
            log_image::remember(conn, &taken.fresh, &taken.state)?;
            let detail = serde_json::json!({
                "snapshot_id": taken.id, "kind": Kind::Periodic, "label": label,
                "last_event_id": taken.last_event_id, "written_bytes": taken.written,
            });
            history::record(conn, What::Take, means, at, millis(started), &detail)
        });
        match operation {
            Ok(operation) => Ok((entry, operation)),
            // Who is told that nothing was done must find nothing.
            Err(error) => {
                self.core.library.remove(entry.kind, &entry.id)?;
                Err(error)
            }
        }
    }

    /// Takes a snapshot on a reader, so that appends go on. Should another process change the log
    /// between catching up and reading, the tables would not follow from it: then once more.
    fn take_settled(&self, capture: &dyn Fn(u64) -> Capture) -> Result<Taken> {
        const TRIES: usize = 10;
        let domain = self.domain();
        for _ in 0..TRIES {
            let sequence = self.transact(|core, conn| {
                let domain = core.domain();
                catch_up(conn, core.shelf(&domain), Hold::Keep, Broken::Stick)?;
                core.next_sequence(conn)
            })?;
            let taken = self.read_beside(&domain, |conn, shelf| {
                let settled = State::read(conn)?.is_settled(log::head(conn)?);
                settled.then(|| self.take_one(conn, shelf, capture(sequence))).transpose()
            })?;
            if let Some(taken) = taken {
                return Ok(taken);
            }
        }
        Err(Error::busy())
    }

    /// In the form that is set; one that a dump cannot be of, since the tables stand elsewhere than
    /// at the log's end, is kept in chunks.
    fn take_one(&self, conn: &Connection, shelf: Shelf<'_>, capture: Capture) -> Result<Taken> {
        if self.core.format == Format::Dump && State::read(conn)?.position == log::head(conn)? {
            take_dump::take(conn, shelf, capture)
        } else {
            take(conn, shelf, capture, Doubt::Nothing)
        }
    }

    /// Pins or unpins a snapshot, or gives it another label; what is none stays.
    ///
    /// # Errors
    ///
    /// Not found where there is none; malformed where the label has no form of one.
    pub fn note(&self, kind: Kind, id: &SnapshotId, pinned: Option<bool>, label: Option<&str>) -> Result<Snapshot> {
        let entry = self.core.library.find(kind, id)?;
        let label = match label {
            Some(label) => check_label(Some(label.to_owned()))?,
            None => entry.label().map(str::to_owned),
        };
        let dump = entry.own_dump().cloned();
        let note = Note { pinned: pinned.unwrap_or_else(|| entry.is_pinned()), label, dump };
        self.core.library.write_note(kind, id, &note)?;
        self.snapshot(kind, id)
    }

    /// What restoring a snapshot would change.
    ///
    /// # Errors
    ///
    /// Not found, or damaged where a piece that is needed is not what was written.
    pub fn preview(&self, id: &SnapshotId, kind: Kind, scope: Scope) -> Result<Preview> {
        let _task = self.core.progress.task(Task::Plan);
        let _shared = self.core.chunks.share()?;
        let entry = self.core.library.find(kind, id)?;
        self.refuse_damaged(&entry)?;
        self.noting_damage(&entry, || {
            let snapshot = self.snapshot(kind, id)?;
            let mut preview = self.with_plan(&entry, scope, |plan| plan.preview(snapshot))?;
            // Reading all of a dump tells what its ends could not.
            preview.snapshot.on_this_history.get_or_insert(preview.tables_alone.is_none());
            Ok(preview)
        })
    }

    /// One page of the rows of one table that restoring a snapshot would change.
    ///
    /// # Errors
    ///
    /// As [`Engine::preview`]; not found where there is no such table.
    pub fn diff(&self, id: &SnapshotId, kind: Kind, scope: Scope, table: &str, page: &DiffPage) -> Result<Diff> {
        let _task = self.core.progress.task(Task::Plan);
        let _shared = self.core.chunks.share()?;
        let entry = self.core.library.find(kind, id)?;
        self.refuse_damaged(&entry)?;
        self.noting_damage(&entry, || self.with_plan(&entry, scope, |plan| plan.diff(&entry, table, page)))
    }

    fn with_plan<T>(&self, entry: &Entry, scope: Scope, work: impl FnOnce(&Plan<'_>) -> Result<T>) -> Result<T> {
        let domain = self.domain();
        let opened = self.core.open_snapshot(entry, &domain)?;
        self.read_beside(&domain, |conn, shelf| {
            work(&Plan::open(conn, opened.shelf(shelf), &opened.entry, scope, &self.core.data_dir)?)
        })
    }

    /// Reads a snapshot whole and compares every hash; remembers what it found.
    ///
    /// # Errors
    ///
    /// Damaged, naming the piece.
    pub fn verify(&self, kind: Kind, id: &SnapshotId) -> Result<Verified> {
        let _task = self.core.progress.task(Task::Verify);
        let _shared = self.core.chunks.share()?;
        let entry = self.core.library.find(kind, id)?;
        let domain = self.domain();
        let verified = self.noting_damage(&entry, || {
            let opened = self.core.open_anew(&entry, &domain)?;
            let shelf = opened.shelf(self.core.shelf(&domain));
            verify(&opened.entry, shelf.chunks, shelf.progress)
        })?;
        self.note_check(&entry, None)?;
        Ok(verified)
    }

    /// Runs `work` on a snapshot; damage that it meets is remembered and told in words.
    pub(super) fn noting_damage<T>(&self, entry: &Entry, work: impl FnOnce() -> Result<T>) -> Result<T> {
        work().map_err(|error| {
            if error.kind() != ErrorKind::Damaged || entry.fingerprint().is_none() {
                return error;
            }
            if let Err(unnoted) = self.note_check(entry, Some(&error)) {
                tracing::warn!(%unnoted, snapshot = %entry.id, "the damage could not be remembered");
            }
            cannot_be_restored(entry, error.message()).because(error)
        })
    }

    /// Refuses a snapshot in which damage was found before and not mended since.
    pub(super) fn refuse_damaged(&self, entry: &Entry) -> Result<()> {
        if entry.fingerprint().is_none() {
            entry.manifest()?;
        }
        match self.readers.read(|conn| self.core.known_damage(conn, entry))? {
            Some(damage) => Err(cannot_be_restored(entry, &damage)),
            None => Ok(()),
        }
    }

    fn note_check(&self, entry: &Entry, damage: Option<&Error>) -> Result<()> {
        use std::error::Error as _;
        let chunk = damage
            .and_then(|error| error.source())
            .and_then(|source| source.downcast_ref::<ChunkError>())
            .map(|error| error.chunk().to_string());
        let Some(file) = entry.fingerprint() else { return entry.manifest().map(|_| ()) };
        let row = (
            entry.kind.as_str(),
            entry.id.to_string(),
            file,
            clock::rfc3339(self.core.clock.now()),
            damage.map(|error| error.message().to_owned()),
            chunk,
        );
        self.transact(move |_, conn| {
            conn.execute(
                "INSERT INTO backstitch_checks (kind, snapshot, manifest, checked_at, damage, chunk)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6)
                 ON CONFLICT (kind, snapshot) DO UPDATE SET
                   proven_at = iif(manifest = excluded.manifest AND excluded.damage IS NULL, proven_at, NULL),
                   manifest = excluded.manifest, checked_at = excluded.checked_at,
                   damage = excluded.damage, chunk = excluded.chunk",
                row,
            )?;
            Ok(())
        })
    }
}

fn cannot_be_restored(entry: &Entry, damage: &str) -> Error {
    Error::damaged(format!("Snapshot {} cannot be restored: {damage}.", entry.id))
        .hint("Nothing of it was read into your tables, and your live data is not affected.")
}

/// A label without blanks around it; none where nothing is left.
fn check_label(label: Option<String>) -> Result<Option<String>> {
    let label = label.map(|label| label.trim().to_owned()).filter(|label| !label.is_empty());
    if label.as_ref().is_some_and(|label| label.chars().count() > 200 || label.chars().any(char::is_control)) {
        return Err(Error::malformed("label must have at most 200 characters, none of them control"));
    }
    Ok(label)
}

/// A shared engine is what a server holds.
const _: fn() = || {
    fn shared<T: Send + Sync>() {}
    shared::<Arc<Engine>>();
};
