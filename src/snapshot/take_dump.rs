//! Taking a snapshot as one file in the original service's form, for whoever still reads that.
//!
//! It costs the whole store each time, and cannot say a blob, nor where the tables stand if not at
//! the log's end; so it is only for settled tables, and never a base.

use rusqlite::Connection;

use super::dump::write::{Source, write};
use super::entry::{Content, Entry, Note, OwnDump};
use super::log_image::LOG;
use super::restore::live_segments;
use super::take::{Capture, Shelf, Taken};
use crate::compare;
use crate::error::Result;
use crate::image::{LiveTable, Table};
use crate::log;
use crate::snapshot::dump::head::Head;
use crate::store::State;

/// Takes a dump of the transaction that `conn` is in.
///
/// # Errors
///
/// Unprocessable where a value has no form in a dump, or where the folder cannot be written;
/// nothing is visible then.
pub fn take(conn: &Connection, shelf: Shelf<'_>, capture: Capture) -> Result<Taken> {
    let state = State::read(conn)?;
    state.check_logic(shelf.domain.logic)?;
    let last_event_id = log::head(conn)?;
    let mut file = shelf.library.unfinished(capture.kind)?;
    write_tables(conn, shelf, last_event_id, &mut file)?;
    let bytes = file.as_file().metadata()?.len();
    let id = shelf.library.publish_file(capture.kind, capture.at, file)?;
    let note = Note {
        pinned: false,
        label: capture.label,
        dump: Some(OwnDump {
            store: state.store.clone(),
            bytes,
            sequence: capture.sequence,
            epoch: state.epoch,
            means: capture.means.as_str().to_owned(),
        }),
    };
    if let Err(error) = shelf.library.write_note(capture.kind, &id, &note) {
        // Without it the file would be a stranger's, and stay.
        shelf.library.remove(capture.kind, &id)?;
        return Err(error);
    }
    let content = Content::Dump(Head { last_event_id });
    let (kind, modified) = (capture.kind, capture.at);
    let entry = Entry { kind, id: id.clone(), size: bytes, modified, content, note: Some(note) };
    Ok(Taken { id, entry, last_event_id, fresh: Vec::new(), state, written: bytes, chunks: Vec::new() })
}

fn write_tables(
    conn: &Connection,
    shelf: Shelf<'_>,
    last_event_id: i64,
    file: &mut tempfile::NamedTempFile,
) -> Result<()> {
    let log = Table::read(conn, LOG)?;
    let mut tables =
        vec![LiveTable { conn, table: &log, segments: live_segments(conn, &log, shelf.seen, &mut |_| {})? }];
    for table in &shelf.domain.tables {
        tables.push(compare::live(conn, table, shelf.seen)?);
    }
    let sources = tables.iter().map(|live| Source { name: &live.table.name, columns: &live.table.columns, rows: live });
    let mut out = std::io::BufWriter::new(file);
    write(&mut out, last_event_id, &sources.collect::<Vec<_>>(), shelf.progress)?;
    std::io::Write::flush(&mut out).map_err(Into::into)
}
