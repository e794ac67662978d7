//! Putting a snapshot's rows back: the difference of two images, written in the caller's
//! transaction.
//!
//! Every row that is needed is read and hashed before the first is written (counting the changes
//! does that), so damage is found while nothing has changed yet.

use std::collections::{BTreeMap, HashSet};

use rusqlite::Connection;

use super::log_image::{self, LOG, Part};
use super::manifest::{Manifest, StoredImage};
use super::take::Shelf;
use crate::domain::{ENTITY_EVENTS, FullText};
use crate::error::{Error, Result};
use crate::image::restore::{IndexedText, delete_differing, insert_missing};
use crate::image::table::quote;
use crate::image::{self, ChunkStore, Counts, Hash, LiveTable, Seen, StoredTable, Table, Value, diff};
use crate::progress::Progress;
use crate::projection::first_broken_reference;
use crate::store::quietly;

/// One table with what it is and what it becomes.
pub struct Pair<'a> {
    /// The live table.
    pub now: LiveTable<'a>,
    /// The table in the snapshot.
    pub then: StoredTable<'a>,
    /// How its rows change.
    pub counts: Counts,
    indexes: Vec<IndexedText>,
}

/// What is compared.
pub struct Comparison<'a> {
    /// Every table asked for, in order.
    pub pairs: Vec<Pair<'a>>,
}

/// A table of a snapshot, its index read.
///
/// # Errors
///
/// Damaged where the snapshot does not have it, or a piece of its index is not what was written.
pub fn stored_table<'a>(store: &'a ChunkStore, manifest: &Manifest, name: &'a str) -> Result<StoredTable<'a>> {
    let missing = || Error::damaged(format!("the snapshot does not have the table {name}"));
    let image: &StoredImage = manifest.table(name).ok_or_else(missing)?;
    let index = image.index(store).map_err(|error| error.at(name))?;
    Ok(StoredTable { store, name, columns: image.columns.len(), segments: index.segments })
}

/// Compares tables of a snapshot with the live ones, in the caller's transaction.
///
/// # Errors
///
/// Damaged where a piece that is needed is not what was written.
pub fn compare<'a>(
    conn: &'a Connection,
    tables: &'a [Table],
    shelf: Shelf<'a>,
    manifest: &Manifest,
) -> Result<Comparison<'a>> {
    let mut pairs = Vec::with_capacity(tables.len());
    for table in tables {
        let mut work = shelf.progress.begin(&format!("comparing {}", table.name), None);
        let then = stored_table(shelf.chunks, manifest, &table.name)?;
        let segments = live_segments(conn, table, shelf.seen, &mut |rows| work.advance(rows))?;
        let now = LiveTable { conn, table, segments };
        let counts = diff::count(table, &then, &now)?;
        let indexes = shelf.domain.full_text.iter().filter(|index| index.table == table.name);
        let indexes = indexes.map(|index| indexed_text(table, index)).collect::<Result<_>>()?;
        pairs.push(Pair { now, then, counts, indexes });
    }
    Ok(Comparison { pairs })
}

/// The segments of a live table: those of the log from their cache, others from what is known of
/// them.
///
/// # Errors
///
/// Where the table cannot be read.
pub fn live_segments(
    conn: &Connection,
    table: &Table,
    seen: Seen<'_>,
    progress: &mut dyn FnMut(u64),
) -> Result<Vec<image::Segment>> {
    if table.name == LOG {
        Ok(log_image::scan(conn, table, &Part::whole(), None, progress)?.segments)
    } else {
        seen.of(conn, table)?.segments(conn, table, None, progress)
    }
}

fn indexed_text(table: &Table, index: &FullText) -> Result<IndexedText> {
    let place = |column: &String| {
        let at = table.columns.iter().position(|known| known == column);
        at.ok_or_else(|| Error::internal(format!("{} indexes a column that {} does not have", index.index, table.name)))
    };
    let columns = index.columns.iter().map(|column| Ok((column.clone(), place(column)?))).collect::<Result<_>>()?;
    Ok(IndexedText { index: index.index.clone(), rowid: place(&index.rowid)?, columns })
}

impl Comparison<'_> {
    /// Writes all differences. Answers the rows written or deleted, by table.
    ///
    /// Where the rows are of this store's own snapshot they come back as they were, also where they
    /// did not fit together then; anybody else's are checked.
    ///
    /// # Errors
    ///
    /// Unprocessable where a row would refer to nothing; the caller rolls back.
    pub fn write(self, conn: &Connection, own: bool, progress: &Progress) -> Result<BTreeMap<String, Counts>> {
        quietly(conn, || {
            for pair in &self.pairs {
                let mut work = progress.begin(&pair.now.table.name, Some(pair.counts.total()));
                delete_differing(&pair.then, &pair.now, pair.told_row_by_row(), &mut |rows| work.advance(rows))?;
            }
            for pair in &self.pairs {
                let mut work = progress.begin(&pair.now.table.name, Some(pair.counts.total()));
                insert_missing(&pair.then, &pair.now, pair.told_row_by_row(), &mut |rows| work.advance(rows))?;
                if pair.is_much() {
                    pair.indexes.iter().try_for_each(|index| index.rebuild(conn))?;
                }
            }
            Ok(())
        })?;
        let changed = self.changed();
        if !own {
            check_references(conn, &changed)?;
        }
        Ok(changed)
    }

    /// How the tables differ; those without a change are left out.
    pub fn changed(&self) -> BTreeMap<String, Counts> {
        let pairs = self.pairs.iter().filter(|pair| pair.counts.total() > 0);
        pairs.map(|pair| (pair.now.table.name.clone(), pair.counts)).collect()
    }

    /// The rows that change, by table; tables without a change are left out. Which events belong to
    /// which entity comes and goes with the events, so that it is counted only where asked for: where
    /// a change of it is news.
    pub fn rows_changed(changed: &BTreeMap<String, Counts>, all: bool) -> BTreeMap<String, u64> {
        let shown = changed.iter().filter(|(name, _)| all || *name != ENTITY_EVENTS);
        shown.map(|(name, counts)| (name.clone(), counts.total())).collect()
    }
}

impl Pair<'_> {
    /// The live segments that the snapshot does not have.
    pub fn only_now(&self) -> impl Iterator<Item = &image::Segment> {
        let kept: HashSet<Hash> = self.then.segments.iter().map(|segment| segment.hash).collect();
        self.now.segments.iter().filter(move |segment| !kept.contains(&segment.hash))
    }

    /// The first row of the first segment in which the two differ.
    pub fn first_difference(&self) -> Option<&Value> {
        let (then, now) = (&self.then.segments, &self.now.segments);
        let same = then.iter().zip(now).take_while(|(then, now)| then.hash == now.hash).count();
        [then.get(same), now.get(same)]
            .into_iter()
            .flatten()
            .filter_map(|one| one.first.first())
            .min_by(|a, b| a.sqlite_cmp(b))
    }

    /// Rebuilding a full-text index costs as much as telling it of about a tenth of its rows.
    fn is_much(&self) -> bool {
        let rows: u64 = self.now.segments.iter().map(|segment| segment.rows).sum();
        self.counts.total() * 10 > rows.max(100)
    }

    fn told_row_by_row(&self) -> &[IndexedText] {
        if self.is_much() { &[] } else { &self.indexes }
    }
}

/// Checks each changed table and each that refers to one.
///
/// # Errors
///
/// Unprocessable where a row refers to nothing.
pub fn check_references(conn: &Connection, changed: &BTreeMap<String, Counts>) -> Result<()> {
    for table in referring_to(conn, changed)? {
        // The log refers to itself alone, and its index of superseded events makes that cheap.
        let broken = if table == LOG { broken_successor(conn)? } else { first_broken_reference(conn, &table)? };
        if let Some(broken) = broken {
            return Err(Error::unprocessable(format!("the rows would not fit together: {broken}")));
        }
    }
    Ok(())
}

fn referring_to(conn: &Connection, changed: &BTreeMap<String, Counts>) -> Result<Vec<String>> {
    let mut tables = conn.prepare_cached(
        "SELECT DISTINCT m.name, f.\"table\" FROM sqlite_schema m
         JOIN pragma_foreign_key_list(m.name) f WHERE m.type = 'table'",
    )?;
    let pairs: Vec<(String, String)> =
        tables.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?.collect::<rusqlite::Result<_>>()?;
    let mut names: Vec<String> = pairs
        .into_iter()
        .filter(|(table, parent)| changed.contains_key(table) || changed.contains_key(parent))
        .map(|(table, _)| table)
        .collect();
    names.sort_unstable();
    names.dedup();
    Ok(names)
}

fn broken_successor(conn: &Connection) -> Result<Option<String>> {
    let sql = format!(
        "SELECT count(*) FROM {LOG} WHERE superseded_by IS NOT NULL AND superseded_by NOT IN (SELECT id FROM {})",
        quote(LOG)
    );
    let broken: i64 = conn.query_row(&sql, [], |row| row.get(0))?;
    Ok((broken > 0).then(|| format!("{broken} events name a successor that is not there")))
}
