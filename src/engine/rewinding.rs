//! Rewinding the log to an event: the preview, and doing it.

use rusqlite::Connection;
use serde_json::json;

use super::Engine;
use super::safety::{Asked, Safety, check_expected, safely, trusting};
use crate::compare::{DiffPage, RowPage};
use crate::error::Result;
use crate::history::{Means, What};
use crate::progress::Task;
use crate::rewind::{self, RewindPreview};
use crate::snapshot::restore::check_references;
use crate::snapshot::take::Shelf;
use crate::snapshot::{Expected, Restored};

impl Engine {
    /// What rewinding to an event would take out of the log, and change in the tables.
    ///
    /// # Errors
    ///
    /// Malformed where there is nothing after it; unprocessable where the log up to there does not
    /// replay.
    ///
    /// # Example
    ///
    /// ```
    /// # use backstitch::{engine::{Engine, Options}, history::Means, log::NewEvent, snapshot::Expected};
    /// # fn main() -> backstitch::error::Result<()> {
    /// # let folder = tempfile::tempdir()?;
    /// # let store = Engine::open(Options::new(folder.path()))?;
    /// for n in 0..3 {
    ///     store.append(vec![NewEvent::new("note", format!("{n}"))?])?;
    /// }
    /// let preview = store.compute_rewind_preview(1)?;
    /// assert_eq!((preview.total_events, preview.by_kind["note"]), (2, 2));
    /// # Ok(())
    /// # }
    /// ```
    pub fn compute_rewind_preview(&self, after_event_id: i64) -> Result<RewindPreview> {
        let _task = self.core.progress.task(Task::Plan);
        self.compared_with_moment(after_event_id, rewind::check_target, rewind::preview)
    }

    /// One page of the rows of a table that rewinding to an event would change.
    ///
    /// # Errors
    ///
    /// As [`Engine::compute_rewind_preview`]; not found where there is no such table.
    pub fn rewind_rows(&self, after_event_id: i64, table: &str, page: &DiffPage) -> Result<RowPage> {
        let _task = self.core.progress.task(Task::Plan);
        self.compared_with_moment(after_event_id, rewind::check_target, |conn, shelf, moment| {
            rewind::rows(conn, shelf, moment, table, page)
        })
    }

    /// Rewinds to an event: those after it leave the log. A safety snapshot of kind `rewind` is
    /// durable before anything changes; then everything happens in one transaction, or nothing.
    ///
    /// # Errors
    ///
    /// Malformed where there is nothing after it; conflict where the store is not where `expected`
    /// says; unprocessable where the log up to there does not replay.
    ///
    /// # Example
    ///
    /// ```
    /// # use backstitch::{engine::{Engine, Options}, history::Means, log::NewEvent, snapshot::Expected};
    /// # fn main() -> backstitch::error::Result<()> {
    /// # let folder = tempfile::tempdir()?;
    /// # let store = Engine::open(Options::new(folder.path()))?;
    /// for n in 0..3 {
    ///     store.append(vec![NewEvent::new("note", format!("{n}"))?])?;
    /// }
    /// let done = store.execute_rewind(1, Expected::default(), Means::Command)?;
    /// assert_eq!((done.events_removed, store.status()?.head), (2, 1));
    /// store.undo(done.operation, false, Expected::default(), Means::Command)?;
    /// assert_eq!(store.status()?.head, 3);
    /// # Ok(())
    /// # }
    /// ```
    pub fn execute_rewind(&self, after_event_id: i64, expected: Expected, means: Means) -> Result<Restored> {
        let _task = self.core.progress.task(Task::Rewind);
        trusting(|doubt| {
            let reason = format!("rewind to {after_event_id}");
            let asked = Asked { expected, means, reason, doubt };
            self.transact(move |core, conn| {
                // In this order, so that a form that is sent twice is told that the store has moved.
                let check = |_: Shelf<'_>| {
                    check_expected(conn, expected)?;
                    rewind::check_target(conn, after_event_id)
                };
                safely(conn, core, asked, check, |shelf, safety| execute(conn, shelf, safety, after_event_id))
            })
        })
    }
}

fn execute(conn: &Connection, shelf: Shelf<'_>, safety: &Safety, after: i64) -> Result<Restored> {
    let cut = rewind::cut(conn, after)?;
    rewind::follow(conn, shelf, after)?;
    let mut changed = safety.changed_tables(conn, shelf)?;
    check_references(conn, &changed)?;
    changed.extend(safety.changed_log(conn, shelf)?);
    let detail = json!({
        "after_event_id": after, "last_event_id": crate::log::head(conn)?,
        "events_revived": cut.revived, "log_from": cut.first,
    });
    safety.record(conn, What::Rewind, &changed, detail)
}
