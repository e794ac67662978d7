//! Rehearsing a restore: a snapshot's rows in a scratch database, checked, and led to today.
//!
//! Where the snapshot is on this history the rest of today's log is applied to its tables, which
//! must then equal the live ones. One that is not, or whose tables stood elsewhere, is led from
//! nothing through its own log, which must give its own tables.

use std::path::Path;

use rusqlite::Connection;

use crate::compare;
use crate::error::{Error, Result};
use crate::image::{Rows, Table, diff};
use crate::projection::first_broken_reference;
use crate::scratch::Scratch;
use crate::snapshot::Manifest;
use crate::snapshot::log_image::{self, LOG, Part};
use crate::snapshot::restore::stored_table;
use crate::snapshot::take::Shelf;
use crate::store::State;

/// Rehearses restoring a snapshot, in the transaction of a reader.
///
/// # Errors
///
/// Damaged where a piece is not what was written; unprocessable where a check fails, saying which.
pub fn run(conn: &Connection, shelf: Shelf<'_>, folder: &Path, manifest: &Manifest) -> Result<()> {
    let scratch = Scratch::new(folder, shelf.domain)?;
    let log = stored_table(shelf.chunks, manifest, LOG)?;
    if manifest.about.shape != shelf.domain.shape {
        // A restore takes its log alone, and so does the rehearsal.
        scratch.replay(&log, shelf.domain, shelf.progress)?;
        return check(&scratch, shelf);
    }
    scratch.together(|| {
        scratch.fill(&Table::read(scratch.conn(), LOG)?, &log)?;
        shelf
            .domain
            .projected()
            .iter()
            .try_for_each(|table| scratch.fill(table, &stored_table(shelf.chunks, manifest, &table.name)?))
    })?;
    check(&scratch, shelf)?;
    let state = State::read(conn)?;
    let about = &manifest.about;
    let from = about.position;
    let leads_here = about.logic == shelf.domain.logic
        && from == manifest.last_event_id
        && state.position >= from
        && log_image::is_beginning(conn, &Table::read(conn, LOG)?, &Part::whole(), &log.segments, from)?;
    if leads_here {
        scratch.together(|| {
            scratch.copy_log(conn, &Part::whole().up_to(state.position), from)?;
            scratch.apply(shelf.domain, from, state.position, shelf.progress)
        })?;
        return equal(shelf, &scratch, conn, "the live tables have");
    }
    let own = Scratch::new(folder, shelf.domain)?;
    own.together(|| {
        own.fill(&Table::read(own.conn(), LOG)?, &log)?;
        // Past where its tables stood, an event may break a rule.
        own.apply(shelf.domain, 0, from, shelf.progress)
    })?;
    if about.logic == shelf.domain.logic {
        return equal(shelf, &own, scratch.conn(), "the snapshot has");
    }
    Ok(())
}

/// The checks of SQLite itself: pages, references, full-text indexes.
fn check(scratch: &Scratch, shelf: Shelf<'_>) -> Result<()> {
    let failed = |what: String| Error::unprocessable(format!("The rehearsal failed: {what}."));
    let conn = scratch.conn();
    let said: String = conn.query_row("PRAGMA integrity_check", [], |row| row.get(0))?;
    if said != "ok" {
        return Err(failed(said));
    }
    for table in &shelf.domain.tables {
        if let Some(broken) = first_broken_reference(conn, &table.name)? {
            return Err(failed(broken));
        }
    }
    // Building an index reads every text that it is of.
    scratch.index()
}

fn equal(shelf: Shelf<'_>, led: &Scratch, there: &Connection, whose: &str) -> Result<()> {
    let mut told = Vec::new();
    for table in shelf.domain.projected() {
        let (then, now) = (compare::scanned(led.conn(), table)?, compare::scanned(there, table)?);
        if then.segments().iter().map(|one| one.hash).ne(now.segments().iter().map(|one| one.hash)) {
            let rows = diff::count(table, &then, &now)?.total();
            told.push(format!("{} ({rows} {})", table.name, if rows == 1 { "row" } else { "rows" }));
        }
    }
    if told.is_empty() {
        return Ok(());
    }
    Err(Error::unprocessable(format!("The rehearsal ended with other rows than {whose}: {}.", told.join(", ")))
        .hint("Compare the tables with the log."))
}
