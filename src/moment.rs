//! The tables as of an event, in a scratch database: the newest base at or before it, then replay.
//!
//! "As of N" is today's log up to N, with a successor beyond N read as none, and `hidden` as it is
//! today. The live tables are not touched.

use std::path::Path;

use rusqlite::Connection;

use crate::compare;
use crate::error::Result;
use crate::image::{LiveTable, Table};
use crate::log;
use crate::scratch::Scratch;
use crate::snapshot::log_image::Part;
use crate::snapshot::restore::stored_table;
use crate::snapshot::take::Shelf;
use crate::snapshot::{Manifest, base};
use crate::store::State;

/// The tables as of an event, aside.
pub struct Moment {
    scratch: Scratch,
    at: i64,
}

impl Moment {
    /// The tables as of an event, in a folder beside the data.
    ///
    /// # Errors
    ///
    /// Unprocessable with the first event that today's handlers cannot apply.
    pub fn as_of(conn: &Connection, shelf: Shelf<'_>, folder: &Path, event: i64) -> Result<Self> {
        let state = State::read(conn)?;
        state.check_logic(shelf.domain.logic)?;
        let part = Part::as_of(conn, event)?;
        let mut scratch = Scratch::new(folder, shelf.domain)?;
        let base = base::newest(conn, shelf, &state, event.saturating_add(1), &part, &mut |manifest| {
            let filled = scratch.together(|| fill(&scratch, shelf, manifest));
            if filled.is_err() {
                scratch = Scratch::new(folder, shelf.domain)?;
            }
            filled
        })?;
        let mut moment = Self { scratch, at: base.unwrap_or(0) };
        moment.scratch.build_needed_indexes(shelf.domain)?;
        moment.go_on(conn, shelf, &part)?;
        Ok(moment)
    }

    /// The tables of a snapshot with the events after it, up to another, applied.
    ///
    /// # Errors
    ///
    /// Damaged where a piece is not what was written; unprocessable where an event cannot be
    /// applied.
    pub fn after_snapshot(
        conn: &Connection,
        shelf: Shelf<'_>,
        folder: &Path,
        manifest: &Manifest,
        up_to: i64,
    ) -> Result<Self> {
        let scratch = Scratch::new(folder, shelf.domain)?;
        scratch.together(|| fill(&scratch, shelf, manifest))?;
        scratch.build_needed_indexes(shelf.domain)?;
        let mut moment = Self { scratch, at: manifest.about.position };
        moment.go_on(conn, shelf, &Part::whole().up_to(up_to))?;
        Ok(moment)
    }

    /// The event that the tables are as of.
    pub fn at(&self) -> i64 {
        self.at
    }

    /// The database that holds them.
    pub fn scratch(&self) -> &Scratch {
        &self.scratch
    }

    /// Whether [`Moment::forward`] leads to an event: it comes later, and nothing up to here is
    /// superseded on the way.
    ///
    /// # Errors
    ///
    /// Where the log cannot be read.
    pub fn leads_to(&self, conn: &Connection, event: i64) -> Result<bool> {
        Ok(event >= self.at && !log::superseded_between(conn, self.at, event)?)
    }

    /// Goes forward to an event, in the same database.
    ///
    /// # Errors
    ///
    /// As [`Moment::as_of`].
    pub fn forward(&mut self, conn: &Connection, shelf: Shelf<'_>, event: i64) -> Result<()> {
        self.go_on(conn, shelf, &Part::as_of(conn, event)?)
    }

    fn go_on(&mut self, conn: &Connection, shelf: Shelf<'_>, part: &Part) -> Result<()> {
        let scratch = &self.scratch;
        scratch.together(|| {
            // What was applied before is not needed again.
            scratch.conn().execute("DELETE FROM event_log", [])?;
            scratch.copy_log(conn, part, self.at)?;
            scratch.apply(shelf.domain, self.at, part.end(), shelf.progress).map(|_| ())
        })?;
        self.at = part.end();
        Ok(())
    }

    /// One of its tables, scanned.
    ///
    /// # Errors
    ///
    /// Where it cannot be read.
    pub fn table<'a>(&'a self, table: &'a Table) -> Result<LiveTable<'a>> {
        compare::scanned(self.scratch.conn(), table)
    }
}

fn fill(scratch: &Scratch, shelf: Shelf<'_>, manifest: &Manifest) -> Result<()> {
    for table in shelf.domain.projected() {
        let mut work = shelf.progress.begin(&format!("reading {}", table.name), None);
        scratch.fill(table, &stored_table(shelf.chunks, manifest, &table.name)?)?;
        work.advance(1);
    }
    Ok(())
}
