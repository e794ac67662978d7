//! Proving that what is kept is what it should be: the tables against the log, and a snapshot by a
//! rehearsed restore.

use std::time::Instant;

use rusqlite::Connection;
use serde_json::json;

use super::safety::{Asked, Safety, safely, trusting};
use super::{Engine, millis};
use crate::catchup::{Hold, follow_change};
use crate::clock;
use crate::drift::{self, DriftRow, ProjectionCheck};
use crate::error::{Error, Result};
use crate::history::{Means, What};
use crate::log;
use crate::progress::Task;
use crate::projection;
use crate::rehearsal;
use crate::snapshot::take::Shelf;
use crate::snapshot::{Entry, Expected, Kind, Restored, Snapshot, SnapshotId};
use crate::store::state::{State, distrust, raise_epoch, trust};

impl Engine {
    /// Compares the tables with what the log alone gives, aside. Where they differ, no snapshot
    /// taken since the last clean comparison is a base any more.
    ///
    /// # Errors
    ///
    /// Unprocessable where the log does not replay.
    ///
    /// # Example
    ///
    /// ```
    /// # use backstitch::{engine::{Engine, Options}, log::NewEvent};
    /// # fn main() -> backstitch::error::Result<()> {
    /// # let folder = tempfile::tempdir()?;
    /// # let store = Engine::open(Options::new(folder.path()))?;
    /// store.append(vec![NewEvent::new("bot_created", r#"{"bot_id": "ada", "name": "Ada", "persona": "Counts."}"#)?])?;
    /// assert!(store.verify_projection()?.clean);
    /// # Ok(())
    /// # }
    /// ```
    pub fn verify_projection(&self) -> Result<ProjectionCheck> {
        let _task = self.core.progress.task(Task::Compare);
        let started = Instant::now();
        let domain = self.domain();
        let (found, sequence) = self.read_settled(|conn| {
            let state = State::read(conn)?;
            state.check_logic(domain.logic)?;
            // Of what is published: one that has its number may still be taken, of later rows.
            let own = self.core.library.entries()?.into_iter().filter(|entry| entry.is_own(&state.store));
            let sequence = own.map(|entry| entry.sequence()).max().unwrap_or(0);
            let found = drift::find(conn, self.core.shelf(&domain), &self.core.data_dir)?;
            Ok((found, sequence))
        })?;
        self.transact(move |core, conn| {
            let check = drift::keep(conn, &found, core.clock.now(), millis(started))?;
            if check.clean {
                found_clean(conn, sequence)?;
            } else {
                distrust(conn, State::read(conn)?.clean_sequence + 1)?;
            }
            Ok(check)
        })
    }

    /// What the last comparison of the tables with the log found; none where there was none.
    ///
    /// # Errors
    ///
    /// Where the database fails.
    pub fn last_projection_check(&self) -> Result<Option<ProjectionCheck>> {
        self.readers.read(drift::last)
    }

    /// Rows that the last comparison found, of one table or of all.
    ///
    /// # Errors
    ///
    /// Where the database fails.
    pub fn drift_rows(&self, table: Option<&str>, after: u64, limit: usize) -> Result<Vec<DriftRow>> {
        self.readers.read(|conn| drift::rows(conn, table, after, limit))
    }

    /// Makes the tables anew from the log alone, after a safety snapshot; a hold ends.
    ///
    /// # Errors
    ///
    /// Conflict where the store is not where `expected` says; unprocessable where the log does not
    /// replay.
    pub fn rebuild_projection(&self, expected: Expected, means: Means) -> Result<Restored> {
        let _task = self.core.progress.task(Task::Rebuild);
        trusting(|doubt| {
            let asked = Asked { expected, means, reason: "rebuild of the tables".to_owned(), doubt };
            self.transact(move |core, conn| {
                safely(conn, core, asked, |_| Ok(()), |shelf, safety| rebuild(conn, shelf, safety))
            })
        })
    }

    /// Rehearses a restore of a snapshot aside: its rows are put into a scratch database, which is
    /// checked and replayed to where the live tables stand; then the two must be equal.
    ///
    /// # Errors
    ///
    /// Not found; damaged; unprocessable where the rehearsal ends in another state, saying which.
    pub fn drill(&self, kind: Kind, id: &SnapshotId) -> Result<Snapshot> {
        let _task = self.core.progress.task(Task::Drill);
        let _shared = self.core.chunks.share()?;
        let entry = self.core.library.find(kind, id)?;
        self.refuse_damaged(&entry)?;
        let domain = self.domain();
        self.noting_damage(&entry, || {
            let opened = self.core.open_anew(&entry, &domain)?;
            let shelf = opened.shelf(self.core.shelf(&domain));
            self.read_settled(|conn| rehearsal::run(conn, shelf, &self.core.data_dir, opened.entry.manifest()?))
        })?;
        self.note_proof(&entry)?;
        self.snapshot(kind, id)
    }

    /// Reads tables that follow from the log. Should another process change the log between catching
    /// up and reading, they would not: then once more.
    fn read_settled<T>(&self, work: impl Fn(&Connection) -> Result<T>) -> Result<T> {
        const TRIES: usize = 10;
        for _ in 0..TRIES {
            self.catch_up_if_behind()?;
            let read = self.readers.read(|conn| {
                let settled = State::read(conn)?.is_settled(log::head(conn)?);
                settled.then(|| work(conn)).transpose()
            })?;
            if let Some(answer) = read {
                return Ok(answer);
            }
        }
        Err(Error::busy())
    }

    fn note_proof(&self, entry: &Entry) -> Result<()> {
        let now = clock::rfc3339(self.core.clock.now());
        let row = (entry.kind.as_str(), entry.id.to_string(), entry.fingerprint().unwrap_or_default(), now);
        self.transact(move |_, conn| {
            // All of it was read, so it is checked as well.
            conn.execute(
                "INSERT INTO backstitch_checks (kind, snapshot, manifest, checked_at, proven_at) VALUES (?1, ?2, ?3, ?4, ?4)
                 ON CONFLICT (kind, snapshot) DO UPDATE SET manifest = excluded.manifest, damage = NULL, chunk = NULL,
                   checked_at = excluded.checked_at, proven_at = excluded.proven_at",
                row,
            )?;
            Ok(())
        })
    }
}

/// The tables follow from the log, and so does what was taken of them up to this number.
fn found_clean(conn: &Connection, sequence: u64) -> Result<()> {
    trust(conn)?;
    conn.execute("UPDATE backstitch_state SET clean_sequence = max(clean_sequence, ?1)", [sequence as i64])?;
    Ok(())
}

fn rebuild(conn: &Connection, shelf: Shelf<'_>, safety: &Safety) -> Result<Restored> {
    let before = State::read(conn)?;
    projection::clear(conn, shelf.domain)?;
    State { position: 0, hold: None, stale_from: None, stuck: None, ..before.clone() }.write(conn)?;
    follow_change(conn, shelf, Hold::End, before.stuck.as_ref())?;
    raise_epoch(conn)?;
    let changed = safety.changed_tables(conn, shelf)?;
    // Events that waited are applied too, so a change need not be drift; barring then costs time only.
    if !changed.is_empty() {
        distrust(conn, before.clean_sequence + 1)?;
    }
    found_clean(conn, before.snapshot_sequence)?;
    safety.record(conn, What::Rebuild, &changed, json!({ "last_event_id": log::head(conn)? }))
}
