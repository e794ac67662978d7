//! The image of the live log, with the hashes of closed segments from their cache.
//!
//! A segment that has met its cut never changes by appending, so its hash is kept in
//! `backstitch_log_segments`; a trigger drops it when a row of it changes. Only what was appended
//! or changed since is read again.

use std::sync::Arc;

use rusqlite::{Connection, OptionalExtension};

use crate::error::{Error, Result};
use crate::image::build::{Builder, push_rows};
use crate::image::table::quote;
use crate::image::{ChunkWriter, Hash, Segment, Table, Value, cut};
use crate::store::State;

/// The name of the log's table.
pub const LOG: &str = "event_log";

/// The log's segments, and which of them the cache does not have yet.
pub struct LogImage {
    /// All segments up to the end asked for.
    pub segments: Vec<Segment>,
    /// Closed ones that were hashed just now.
    pub fresh: Vec<Segment>,
}

/// Which part of the log an image is of, and as of when it is read.
#[derive(Debug, Clone)]
pub struct Part {
    up_to: i64,
    as_of: i64,
    /// Events that only a later one than `as_of` superseded, ascending: read as live.
    revived: Arc<[i64]>,
}

impl Part {
    /// All of it, as it is.
    pub fn whole() -> Self {
        Self { up_to: i64::MAX, as_of: i64::MAX, revived: Arc::new([]) }
    }

    /// The log as of an event: up to it, and what only a later event superseded is live.
    ///
    /// # Errors
    ///
    /// Where the log cannot be read.
    pub fn as_of(conn: &Connection, event: i64) -> Result<Self> {
        // The signs keep SQLite from going through the whole log for the order of it.
        let sql = "SELECT id FROM event_log WHERE superseded_by > ?1 AND +id <= ?1 ORDER BY +id";
        let mut select = conn.prepare_cached(sql)?;
        let revived = select.query_map([event], |row| row.get(0))?.collect::<rusqlite::Result<Vec<i64>>>()?;
        Ok(Self { up_to: event, as_of: event, revived: revived.into() })
    }

    /// The beginning of this part, up to an event.
    #[must_use]
    pub fn up_to(&self, event: i64) -> Self {
        Self { up_to: event.min(self.up_to), ..self.clone() }
    }

    /// Its last id, where it has one.
    pub fn end(&self) -> i64 {
        self.up_to
    }

    /// The events that are read as live though the log, by now, names a successor.
    pub fn revived(&self) -> &[i64] {
        &self.revived
    }

    /// Whether the rows between two ids are in the log as this part reads them.
    fn is_as_stored(&self, first: i64, last: i64) -> bool {
        let from = self.revived.partition_point(|&id| id < first);
        self.revived.get(from).is_none_or(|&id| id > last)
    }

    /// The columns of the log as this part reads them.
    pub fn columns(&self, table: &Table) -> String {
        let column = |name: &String| match name.as_str() {
            "superseded_by" if !self.revived.is_empty() => {
                format!("CASE WHEN superseded_by > {} THEN NULL ELSE superseded_by END", self.as_of)
            }
            name => quote(name),
        };
        table.columns.iter().map(column).collect::<Vec<_>>().join(", ")
    }
}

/// The image of a part of the log; with a writer, stored too.
///
/// # Errors
///
/// Where the log cannot be read or a chunk cannot be stored.
pub fn scan(
    conn: &Connection,
    table: &Table,
    part: &Part,
    mut writer: Option<&mut ChunkWriter>,
    progress: &mut dyn FnMut(u64),
) -> Result<LogImage> {
    let mut image = LogImage { segments: Vec::new(), fresh: Vec::new() };
    let mut after = 0;
    while let Some((next, cached)) = next_segment(conn, after, part)? {
        let segment = match cached {
            Some(segment) if is_stored(&segment, writer.as_deref())? => segment,
            cached => {
                let segment = hash_from(conn, table, next, part, writer.as_deref_mut())?;
                let closed = cut::level(&segment.last) > 0 && part.is_as_stored(next, last_id(&segment)?);
                if cached.is_none() && closed {
                    image.fresh.push(segment.clone());
                }
                segment
            }
        };
        progress(segment.rows);
        after = last_id(&segment)?;
        image.segments.push(segment);
    }
    Ok(image)
}

/// The hash of the log as it is, from its first event up to any later one. It is over the hashes of
/// the segments, the last one cut off at the event; what is behind a closed segment is not read again.
#[derive(Debug, Clone, Default)]
pub struct RunningHash {
    /// The end of the last closed segment that is in it.
    after: i64,
    so_far: blake3::Hasher,
}

impl RunningHash {
    /// The last event that it has gone past for good: what is asked for next must not lie before it.
    pub fn after(&self) -> i64 {
        self.after
    }

    /// Goes on to an event. Closed segments on the way that the cache does not have yet are put into
    /// `fresh`.
    ///
    /// # Errors
    ///
    /// Where the log cannot be read.
    pub fn up_to(&mut self, conn: &Connection, event: i64, fresh: &mut Vec<Segment>) -> Result<Hash> {
        loop {
            if let Some(hash) = self.step(conn, event, fresh)? {
                return Ok(hash);
            }
        }
    }

    /// Goes on by one closed segment; answers the hash where there is none that ends at or before
    /// the event.
    ///
    /// # Errors
    ///
    /// Where the log cannot be read.
    pub fn step(&mut self, conn: &Connection, event: i64, fresh: &mut Vec<Segment>) -> Result<Option<Hash>> {
        let Some(next) = next_id(conn, self.after, event)? else { return Ok(Some(self.so_far.finalize().into())) };
        let part = Part::whole().up_to(event);
        let cached = cached_from(conn, next, &part)?;
        let is_known = cached.is_some();
        let segment = cached.map_or_else(|| hash_from(conn, &Table::read(conn, LOG)?, next, &part, None), Ok)?;
        if cut::level(&segment.last) == 0 {
            return Ok(Some(self.so_far.clone().update(segment.hash.as_bytes()).finalize().into()));
        }
        self.so_far.update(segment.hash.as_bytes());
        self.after = last_id(&segment)?;
        if !is_known {
            fresh.push(segment);
        }
        Ok(None)
    }
}

/// About how many rows the log has, for progress: counting all of them would read the whole log.
///
/// # Errors
///
/// Where the database fails.
pub fn row_count(conn: &Connection) -> Result<u64> {
    let sql = "SELECT coalesce(sum(rows), 0)
                      + (SELECT count(*) FROM event_log WHERE id > coalesce(max(last_id), 0))
               FROM backstitch_log_segments";
    let count: i64 = conn.prepare_cached(sql)?.query_row([], |row| row.get(0))?;
    Ok(count.unsigned_abs())
}

/// Whether nothing has to be written for a segment whose hash is known.
fn is_stored(segment: &Segment, writer: Option<&ChunkWriter>) -> Result<bool> {
    writer.map_or(Ok(true), |writer| writer.has_segment(segment))
}

/// Where the next segment begins, and the segment where it is cached.
fn next_segment(conn: &Connection, after: i64, part: &Part) -> Result<Option<(i64, Option<Segment>)>> {
    // Most follow each other without a gap, and a cached one has all of its rows.
    if let Some(next) = after.checked_add(1)
        && let Some(cached) = cached_from(conn, next, part)?
    {
        return Ok(Some((next, Some(cached))));
    }
    let Some(next) = next_id(conn, after, part.up_to)? else { return Ok(None) };
    Ok(Some((next, cached_from(conn, next, part)?)))
}

fn next_id(conn: &Connection, after: i64, up_to: i64) -> Result<Option<i64>> {
    let sql = "SELECT min(id) FROM event_log WHERE id > ?1 AND id <= ?2";
    Ok(conn.prepare_cached(sql)?.query_row((after, up_to), |row| row.get(0))?)
}

fn cached_from(conn: &Connection, first: i64, part: &Part) -> Result<Option<Segment>> {
    let sql = "SELECT last_id, rows, bytes, hash, pieces FROM backstitch_log_segments
               WHERE first_id = ?1 AND last_id <= ?2";
    let found = conn
        .prepare_cached(sql)?
        .query_row((first, part.up_to), |row| {
            Ok((
                row.get(0)?,
                row.get::<_, i64>(1)?,
                row.get::<_, i64>(2)?,
                row.get::<_, String>(3)?,
                row.get::<_, String>(4)?,
            ))
        })
        .optional()?;
    let found = found.filter(|&(last, ..)| part.is_as_stored(first, last));
    let Some((last, rows, bytes, hash, pieces)) = found else { return Ok(None) };
    let unreadable = || Error::damaged("the cache of the log's hashes is damaged");
    Ok(Some(Segment {
        first: vec![Value::Integer(first)],
        last: vec![Value::Integer(last)],
        rows: rows.unsigned_abs(),
        bytes: bytes.unsigned_abs(),
        hash: hash.parse().map_err(|_| unreadable())?,
        pieces: serde_json::from_str(&pieces).map_err(|_| unreadable())?,
    }))
}

/// Reads the rows from `first` to the next cut.
fn hash_from(
    conn: &Connection,
    table: &Table,
    first: i64,
    part: &Part,
    writer: Option<&mut ChunkWriter>,
) -> Result<Segment> {
    // The cut is a matter of the id alone, so it is found without reading the rows.
    let mut ids = conn.prepare_cached("SELECT id FROM event_log WHERE id >= ?1 AND id <= ?2 ORDER BY id")?;
    let mut rows = ids.query((first, part.up_to))?;
    let mut last = first;
    while let Some(row) = rows.next()? {
        last = row.get(0)?;
        if cut::level([&Value::Integer(last)]) > 0 {
            break;
        }
    }
    drop(rows);
    let mut builder = Builder::new(writer);
    let sql = format!("SELECT {} FROM event_log WHERE id >= ?1 AND id <= ?2 ORDER BY id", part.columns(table));
    push_rows(conn, table, &sql, &[&first, &last], &mut builder, &mut |_| {})?;
    builder.finish()?.pop().ok_or_else(|| Error::internal("a segment of the log has no rows"))
}

fn last_id(segment: &Segment) -> Result<i64> {
    match segment.last.as_slice() {
        [Value::Integer(id)] => Ok(*id),
        _ => Err(Error::internal("a segment of the log does not end with an id")),
    }
}

/// Keeps the hashes of closed segments, unless a row of the log has changed since `seen` was read.
///
/// # Errors
///
/// Where the database fails.
pub fn remember(conn: &Connection, fresh: &[Segment], seen: &State) -> Result<()> {
    let now = State::read(conn)?;
    if now.epoch != seen.epoch || now.stale_from.is_some() || seen.stale_from.is_some() {
        return Ok(());
    }
    let mut insert = conn.prepare_cached(
        "INSERT OR REPLACE INTO backstitch_log_segments (first_id, last_id, rows, bytes, hash, pieces)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
    )?;
    // Where a cut was deleted, what is one segment now was two: the trigger that drops the hash of a
    // changed row's segment relies on it that none overlap.
    let mut overlapping =
        conn.prepare_cached("DELETE FROM backstitch_log_segments WHERE first_id <= ?2 AND last_id >= ?1")?;
    for segment in fresh {
        overlapping.execute((segment.first.first(), segment.last.first()))?;
        let pieces = serde_json::to_string(&segment.pieces)
            .map_err(|source| Error::internal("names of pieces have no JSON form").because(source))?;
        insert.execute((
            segment.first.first(),
            segment.last.first(),
            segment.rows as i64,
            segment.bytes as i64,
            segment.hash.to_string(),
            pieces,
        ))?;
    }
    Ok(())
}

/// Drops the hashes of all segments from an id on: what a restore, with triggers off, does itself.
///
/// # Errors
///
/// Where the database fails.
pub fn forget(conn: &Connection, from: &Value) -> Result<()> {
    conn.execute("DELETE FROM backstitch_log_segments WHERE last_id >= ?1", [from])?;
    Ok(())
}

/// Whether a snapshot's log is, event for event, the beginning of (a part of) today's log.
///
/// # Errors
///
/// Where the log cannot be read.
pub fn is_beginning(
    conn: &Connection,
    table: &Table,
    part: &Part,
    snapshot: &[Segment],
    last_event_id: i64,
) -> Result<bool> {
    let live = scan(conn, table, &part.up_to(last_event_id), None, &mut |_| {})?.segments;
    Ok(live.len() == snapshot.len() && live.iter().zip(snapshot).all(|(live, then)| live.hash == then.hash))
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]
    use super::*;
    use crate::store::schema;

    #[test]
    fn a_hash_that_goes_on_is_the_one_from_the_first_event() {
        let mut conn = Connection::open_in_memory().unwrap();
        schema::migrate(&mut conn).unwrap();
        for id in (1..3000).filter(|id| id % 7 > 0) {
            let sql = "INSERT INTO event_log (id, kind, payload_json) VALUES (?1, 'note', '{}')";
            conn.execute(sql, [id]).unwrap();
        }
        let (mut running, mut fresh) = (RunningHash::default(), Vec::new());
        let mut seen = std::collections::HashSet::new();
        for event in [0, 1, 2, 7, 300, 300, 1000, 1003, 2500, 2999, 5000] {
            let found = running.up_to(&conn, event, &mut fresh).unwrap();
            assert_eq!(found, RunningHash::default().up_to(&conn, event, &mut Vec::new()).unwrap(), "at {event}");
            seen.insert(found);
        }
        assert_eq!(seen.len(), 9, "300 was asked for twice, and 5000 is past the end");
        let last = last_id(fresh.last().unwrap()).unwrap();
        assert_eq!(running.after(), last);
        assert!(fresh.len() > 3 && fresh.iter().map(|one| last_id(one).unwrap()).is_sorted());
    }
}
