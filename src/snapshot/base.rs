//! From which snapshot a replay may start.
//!
//! A base is a periodic snapshot that this store took, on this history, with today's shape and
//! logic, and with tables that had taken account of the whole of its log; and it is not barred.

use rusqlite::Connection;

use super::Kind;
use super::entry::Entry;
use super::log_image::{self, LOG, Part};
use super::manifest::Manifest;
use super::restore::{compare, stored_table};
use super::take::Shelf;
use crate::domain::Domain;
use crate::error::{ErrorKind, Result};
use crate::image::Table;
use crate::projection;
use crate::store::State;
use crate::store::state::trust;

/// Brings the tables to the newest base before an event, or empties them where there is none.
/// Answers the event that they stand at then.
///
/// # Errors
///
/// Where the database fails. A damaged base is passed over for an older one.
pub fn rewind_tables(conn: &Connection, shelf: Shelf<'_>, state: &State, before: i64) -> Result<i64> {
    let found = newest(conn, shelf, state, before, &Part::whole(), &mut |manifest| {
        let compared = compare(conn, shelf.domain.projected(), shelf, manifest)?;
        compared.write(conn, true, shelf.progress).map(|_| ())
    })?;
    if found.is_none() {
        projection::clear(conn, shelf.domain)?;
    }
    // Whatever was in the tables, they follow from the log again.
    trust(conn)?;
    Ok(found.unwrap_or(0))
}

/// Starts from the newest base before an event whose log is the beginning of `part`; answers the
/// event that it stands at, or none where there is no base.
///
/// # Errors
///
/// Those of `start`, but for damage: then an older base is tried.
pub fn newest(
    conn: &Connection,
    shelf: Shelf<'_>,
    state: &State,
    before: i64,
    part: &Part,
    start: &mut dyn FnMut(&Manifest) -> Result<()>,
) -> Result<Option<i64>> {
    let _shared = shelf.chunks.share()?;
    let log = Table::read(conn, LOG)?;
    for entry in shelf.library.entries()?.iter().filter(|entry| may_be_base(entry, state, shelf.domain, before)) {
        let manifest = entry.manifest()?;
        let started = stored_table(shelf.chunks, manifest, LOG).and_then(|then| {
            let fits = log_image::is_beginning(conn, &log, part, &then.segments, manifest.last_event_id)?;
            if fits { start(manifest).map(Some) } else { Ok(None) }
        });
        match started {
            Ok(Some(())) => return Ok(Some(manifest.last_event_id)),
            Ok(None) => {}
            Err(error) if error.kind() == ErrorKind::Damaged => {
                tracing::warn!(snapshot = %entry.id, %error, "passed over a damaged snapshot for an older one");
            }
            Err(error) => return Err(error),
        }
    }
    Ok(None)
}

/// What can be told from the manifest alone.
fn may_be_base(entry: &Entry, state: &State, domain: &Domain, before: i64) -> bool {
    // A safety snapshot may hold what somebody just undid: rows edited behind the store's back.
    entry.kind == Kind::Periodic
        && entry.is_own(&state.store)
        && !state.bars(entry.sequence())
        && entry.chunks().is_some_and(|manifest| {
            manifest.last_event_id < before
                && manifest.about.position == manifest.last_event_id
                && manifest.about.shape == domain.shape
                && manifest.about.logic == domain.logic
        })
}
