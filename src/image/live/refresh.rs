//! From an older image and the keys that changed since to the image of now.
//!
//! A range of keys ends with each segment of the older image, and one more holds what comes behind
//! all of them. Only ranges with a changed key are read again. Where the row of a cut is gone, the
//! rows before it run on into the next range, which is read too; where a row became a cut, its range
//! gives two segments. So reading ends at the end of the first range whose last row is still there,
//! and everything is as if all rows had been read.

use rusqlite::{Connection, ToSql};

use super::{Before, Key};
use crate::error::Result;
use crate::image::build::{Builder, push_rows};
use crate::image::value::key_cmp;
use crate::image::{ChunkWriter, Segment, Table, Value, cut};

pub(super) fn refresh(
    conn: &Connection,
    table: &Table,
    before: &Before,
    writer: Option<&mut ChunkWriter>,
    progress: &mut dyn FnMut(u64),
) -> Result<Vec<Segment>> {
    let segments = &before.segments;
    let changed = changed_ranges(segments, &before.changed);
    let mut builder = Builder::new(writer);
    let mut after = None;
    for (segment, changed) in segments.iter().zip(&changed) {
        // One that was removed, or is not what was written, is written anew.
        if builder.is_closed() && !changed && builder.has(segment)? {
            builder.push_known(segment.clone());
            progress(segment.rows);
        } else {
            push_range(conn, table, after, Some(&segment.last), &mut builder, progress)?;
        }
        after = Some(&segment.last);
    }
    if !builder.is_closed() || changed.last() == Some(&true) {
        push_range(conn, table, after, None, &mut builder, progress)?;
    }
    builder.finish()
}

/// For each segment, and for what comes behind the last, whether a row of it may have changed.
fn changed_ranges(segments: &[Segment], keys: &[Key]) -> Vec<bool> {
    let mut changed = vec![false; segments.len() + 1];
    for key in keys {
        changed[segments.partition_point(|segment| key_cmp(&segment.last, key).is_lt())] = true;
    }
    // What has not met its cut yet goes on behind its last row.
    if changed[segments.len()]
        && let Some(last) = segments.last()
        && cut::level(&last.last) == 0
    {
        changed[segments.len() - 1] = true;
    }
    changed
}

/// Pushes the rows behind one key, up to another and with it.
fn push_range(
    conn: &Connection,
    table: &Table,
    after: Option<&Key>,
    up_to: Option<&Key>,
    builder: &mut Builder<'_>,
    progress: &mut dyn FnMut(u64),
) -> Result<()> {
    let key = table.key_list();
    let marks = vec!["?"; table.key.len()].join(", ");
    let bounds = [(after, ">"), (up_to, "<=")];
    let given = || bounds.iter().filter_map(|(bound, sign)| bound.map(|bound| (bound, sign)));
    let conditions: Vec<String> = given().map(|(_, sign)| format!("({key}) {sign} ({marks})")).collect();
    let conditions = if conditions.is_empty() { "true".to_owned() } else { conditions.join(" AND ") };
    let sql = format!("SELECT {} FROM {} WHERE {conditions} ORDER BY {key}", table.column_list(), table.quoted());
    let parameters: Vec<&dyn ToSql> =
        given().flat_map(|(bound, _)| bound).map(|value: &Value| value as &dyn ToSql).collect();
    push_rows(conn, table, &sql, &parameters, builder, &mut |_| progress(1))
}
