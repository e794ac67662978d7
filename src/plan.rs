//! What a restore would do, computed without touching the live tables.
//!
//! The snapshot's own rows are compared where its logic is today's; else its log is replayed aside
//! with today's handlers, since that is what a restore of everything does.

use std::collections::BTreeMap;
use std::path::Path;

use rusqlite::Connection;

use crate::compare::{self, DiffPage};
use crate::error::{Error, Result};
use crate::image::{Change, LiveTable, Rows, Segment, StoredTable, Table, Value, diff};
use crate::log;
use crate::scratch::Scratch;
use crate::snapshot::log_image::{self, LOG, Part};
use crate::snapshot::restore::{live_segments, stored_table};
use crate::snapshot::take::Shelf;
use crate::snapshot::{Diff, Entry, KindCount, Manifest, Preview, Scope, Snapshot};
use crate::store::State;

/// A snapshot beside today's store, in one transaction of a reader.
pub struct Plan<'a> {
    conn: &'a Connection,
    shelf: Shelf<'a>,
    manifest: &'a Manifest,
    log: Table,
    scope: Scope,
    /// Why the tables alone cannot be restored.
    blocked: Option<String>,
    scratch: Option<Scratch>,
}

impl<'a> Plan<'a> {
    /// Opens a plan; `folder` takes a scratch database where one is needed.
    ///
    /// # Errors
    ///
    /// Damaged where a piece that is needed is not what was written.
    pub fn open(conn: &'a Connection, shelf: Shelf<'a>, entry: &'a Entry, scope: Scope, folder: &Path) -> Result<Self> {
        State::read(conn)?.check_logic(shelf.domain.logic)?;
        let manifest = entry.manifest()?;
        let log = Table::read(conn, LOG)?;
        let then = stored_table(shelf.chunks, manifest, LOG)?;
        let blocked = why_not_alone(conn, shelf, manifest, &log, &then.segments)?;
        let replays = needs_replay(shelf, manifest, scope, blocked.is_some());
        let scratch = if replays {
            let scratch = Scratch::new(folder, shelf.domain)?;
            scratch.replay(&then, shelf.domain, shelf.progress)?;
            Some(scratch)
        } else {
            None
        };
        Ok(Self { conn, shelf, manifest, log, scope, blocked, scratch })
    }

    /// What restoring would change, table by table.
    ///
    /// # Errors
    ///
    /// As [`Plan::open`].
    pub fn preview(&self, snapshot: Snapshot) -> Result<Preview> {
        let state = State::read(self.conn)?;
        let head = log::head(self.conn)?;
        let events = self.events()?;
        let mut tables = Vec::with_capacity(self.shelf.domain.tables.len());
        for table in &self.shelf.domain.tables {
            tables.push(compare::count(table, self.then(table)?.as_ref(), &self.now(table)?, self.shelf.progress)?);
        }
        Ok(Preview {
            snapshot,
            scope: self.scope,
            current_event_log_max_id: head,
            event_delta: head - self.manifest.last_event_id,
            events_removed: events.removed,
            events_returned: events.returned,
            first_returned: events.first_returned,
            events_changed: events.changed,
            event_log_rows_in_snapshot: self.manifest.table(LOG).map_or(0, |image| image.rows),
            tables,
            tables_alone: self.blocked.clone(),
            newer_by_kind: events.by_kind,
            first_newer: events.first,
            epoch: state.epoch,
            position: state.position,
        })
    }

    /// One page of the rows of a table that would change.
    ///
    /// # Errors
    ///
    /// Not found where there is no such table, malformed where `after` is no key.
    pub fn diff(&self, entry: &Entry, name: &str, page: &DiffPage) -> Result<Diff> {
        let table = self.find_table(name)?;
        let page = compare::page(table, self.then(table)?.as_ref(), &self.now(table)?, page)?;
        Ok(Diff { snapshot_id: entry.id.clone(), kind: entry.kind, scope: self.scope, page })
    }

    fn find_table(&self, name: &str) -> Result<&Table> {
        if name == LOG && self.scope == Scope::Everything {
            return Ok(&self.log);
        }
        let known = self.shelf.domain.tables.iter().find(|table| table.name == name);
        known.ok_or_else(|| Error::not_found(format!("there is no table {name:?} in this plan")))
    }

    /// The table as the restore would leave it.
    fn then<'s>(&'s self, table: &'s Table) -> Result<Box<dyn Rows + 's>> {
        match &self.scratch {
            Some(scratch) if table.name != LOG => Ok(Box::new(compare::scanned(scratch.conn(), table)?)),
            _ => Ok(Box::new(stored_table(self.shelf.chunks, self.manifest, &table.name)?)),
        }
    }

    fn now<'s>(&'s self, table: &'s Table) -> Result<LiveTable<'s>> {
        let segments = live_segments(self.conn, table, self.shelf.seen, &mut |_| {})?;
        Ok(LiveTable { conn: self.conn, table, segments })
    }

    fn events(&self) -> Result<Events> {
        let then: StoredTable<'_> = stored_table(self.shelf.chunks, self.manifest, LOG)?;
        let now = self.now(&self.log)?;
        let column = |name: &str| self.log.columns.iter().position(|known| known == name).unwrap_or_default();
        let (ts, kind) = (column("ts"), column("kind"));
        let mut events = Events::default();
        let mut by_kind: BTreeMap<String, u64> = BTreeMap::new();
        for change in diff::changes(&self.log, &then, &now, None) {
            match change? {
                Change::Added(row) => {
                    if let (0, Value::Integer(id)) = (events.returned, &row[0]) {
                        events.first_returned = Some(*id);
                    }
                    events.returned += 1;
                }
                Change::Changed { .. } => events.changed += 1,
                Change::Removed(row) => {
                    if let (0, Value::Integer(id)) = (events.removed, &row[0]) {
                        events.first = Some((*id, row[ts].to_string()));
                    }
                    events.removed += 1;
                    *by_kind.entry(row[kind].to_string()).or_default() += 1;
                }
            }
        }
        events.by_kind = by_kind.into_iter().map(|(kind, events)| KindCount { kind, events }).collect();
        events.by_kind.sort_by_key(|count| std::cmp::Reverse(count.events));
        Ok(events)
    }
}

#[derive(Default)]
struct Events {
    removed: u64,
    returned: u64,
    first_returned: Option<i64>,
    changed: u64,
    by_kind: Vec<KindCount>,
    first: Option<(i64, String)>,
}

/// Why a snapshot's tables cannot be restored without its log; none where they can.
///
/// # Errors
///
/// Where the log cannot be read.
pub fn why_not_alone(
    conn: &Connection,
    shelf: Shelf<'_>,
    manifest: &Manifest,
    log: &Table,
    then: &[Segment],
) -> Result<Option<String>> {
    const WAY_OUT: &str = "Restore tables and log together instead (scope=everything).";
    let reason = if !log_image::is_beginning(conn, log, &Part::whole(), then, manifest.last_event_id)? {
        "The log has changed since this snapshot, so its tables alone would not fit today's log."
    } else if manifest.about.shape != shelf.domain.shape {
        "This snapshot's tables have another shape than those of today's domain."
    } else {
        return Ok(None);
    };
    Ok(Some(format!("{reason} {WAY_OUT}")))
}

/// Whether a restore in this scope replays the snapshot's log instead of taking its rows.
pub fn needs_replay(shelf: Shelf<'_>, manifest: &Manifest, scope: Scope, blocked: bool) -> bool {
    let everything = scope == Scope::Everything || blocked;
    manifest.about.shape != shelf.domain.shape || (everything && manifest.about.logic != shelf.domain.logic)
}
