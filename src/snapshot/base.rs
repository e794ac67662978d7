//! From which snapshot a replay may start.
//!
//! A base is a periodic snapshot that this store took, on this history, with today's shape and
//! logic, and with tables that had taken account of the whole of its log; and it is not barred.

use rusqlite::Connection;

use super::Kind;
use super::library::Entry;
use super::log_image::{self, LOG};
use super::restore::{compare, stored_table};
use super::take::Shelf;
use crate::domain::Domain;
use crate::error::{ErrorKind, Result};
use crate::image::Table;
use crate::projection;
use crate::store::State;

/// Brings the tables to the newest base before an event, or empties them where there is none.
/// Answers the event that they stand at then.
///
/// # Errors
///
/// Where the database fails. A damaged base is passed over for an older one.
pub fn rewind_tables(conn: &Connection, shelf: Shelf<'_>, state: &State, before: i64) -> Result<i64> {
    let _shared = shelf.chunks.share()?;
    for entry in shelf.library.entries()? {
        if !may_be_base(&entry, state, shelf.domain, before) {
            continue;
        }
        match start_from(conn, shelf, &entry) {
            Ok(Some(position)) => return Ok(position),
            Ok(None) => {}
            Err(error) if error.kind() == ErrorKind::Damaged => {
                tracing::warn!(snapshot = %entry.id, %error, "passed over a damaged snapshot for an older one");
            }
            Err(error) => return Err(error),
        }
    }
    projection::clear(conn, shelf.domain)?;
    Ok(0)
}

/// What can be told from the manifest alone.
fn may_be_base(entry: &Entry, state: &State, domain: &Domain, before: i64) -> bool {
    // A safety snapshot may hold what somebody just undid: rows edited behind the store's back.
    entry.kind == Kind::Periodic
        && entry.is_own(&state.store)
        && !state.bars(entry.sequence())
        && entry.content.as_ref().is_ok_and(|manifest| {
            manifest.last_event_id < before
                && manifest.about.position == manifest.last_event_id
                && manifest.about.shape == domain.shape
                && manifest.about.logic == domain.logic
        })
}

fn start_from(conn: &Connection, shelf: Shelf<'_>, entry: &Entry) -> Result<Option<i64>> {
    let manifest = entry.manifest()?;
    let log = Table::read(conn, LOG)?;
    let then = stored_table(shelf.chunks, manifest, LOG)?;
    if !log_image::is_beginning(conn, &log, &then.segments, manifest.last_event_id)? {
        return Ok(None);
    }
    compare(conn, &shelf.domain.tables, shelf.domain, shelf.chunks, manifest, shelf.progress)?.write(
        conn,
        true,
        shelf.progress,
    )?;
    Ok(Some(manifest.last_event_id))
}
