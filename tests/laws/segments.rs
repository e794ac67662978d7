//! Segments depend on the rows alone, and a small change touches few of them.

use std::collections::HashSet;

use backstitch::image::{Hash, Segment, Table, Value, cut, scan};
use proptest::prelude::*;
use rusqlite::{Connection, params};

use super::check;
use super::tables::changes;
use crate::support::Random;

#[test]
fn equal_rows_give_equal_segments_in_whatever_order_they_came() {
    check(1, &(changes(), any::<u64>()), |(changes, seed)| {
        let (table, other) = (changes.table(), changes.table());
        changes.go_to_a(&table);
        let mut rows = table.stored_rows();
        Random::new(seed).shuffle(&mut rows);
        changes.go_to_b(&other);
        other.conn.execute_batch("PRAGMA foreign_keys = OFF; DELETE FROM t").unwrap();
        rows.iter().for_each(|row| other.insert(row));
        assert_eq!(other.segments(), table.segments());
    });
}

#[test]
fn a_vacuum_changes_no_segment() {
    check(2, &changes(), |changes| {
        let table = changes.table();
        changes.go_to_a(&table);
        changes.go_to_b(&table);
        let before = table.segments();
        table.conn.execute_batch("VACUUM").unwrap();
        assert_eq!(table.segments(), before);
    });
}

/// A table of many segments whose rows all have the same length.
struct Large {
    conn: Connection,
    table: Table,
    ids: Vec<i64>,
    length: usize,
}

impl Large {
    fn new(ids: impl Iterator<Item = i64>, length: usize) -> Self {
        let conn = Connection::open_in_memory().unwrap();
        conn.execute_batch("CREATE TABLE t (a, b, v, PRIMARY KEY (a, b)) WITHOUT ROWID").unwrap();
        let table = Table::read(&conn, "t").unwrap();
        let large = Self { conn, table, ids: ids.collect(), length };
        large.conn.execute_batch("BEGIN").unwrap();
        large.ids.iter().for_each(|&id| large.put(id, "x"));
        large.conn.execute_batch("COMMIT").unwrap();
        large
    }

    fn put(&self, id: i64, text: &str) {
        let sql = "INSERT OR REPLACE INTO t VALUES ('key', ?1, ?2)";
        self.conn.execute(sql, params![id, text.repeat(self.length)]).unwrap();
    }

    fn delete(&self, id: i64) {
        self.conn.execute("DELETE FROM t WHERE b = ?1", [id]).unwrap();
    }

    fn segments(&self) -> Vec<Segment> {
        scan(&self.conn, &self.table, None, &mut |_| {}).unwrap()
    }
}

/// How many segments of each of two lists the other does not have.
fn differing(before: &[Segment], after: &[Segment]) -> (usize, usize) {
    let hashes = |list: &[Segment]| list.iter().map(|segment| segment.hash).collect::<HashSet<Hash>>();
    let (before, after) = (hashes(before), hashes(after));
    (before.difference(&after).count(), after.difference(&before).count())
}

fn small_changes_touch_few_segments(large: &Large, one_in: u32) {
    let before = large.segments();
    assert!(before.len() >= 8, "{} segments", before.len());
    check(one_in, &(any::<prop::sample::Index>(), any::<bool>()), |(index, at_cut)| {
        let is_cut = |id: &&i64| cut::level([&Value::Text(b"key".to_vec()), &Value::Integer(**id)]) > 0;
        let cuts: Vec<&i64> = large.ids.iter().filter(is_cut).collect();
        let id = if at_cut { *cuts[index.index(cuts.len())] } else { *index.get(&large.ids) };
        large.put(id, "longer");
        let after = large.segments();
        assert_eq!((before.len(), differing(&before, &after)), (after.len(), (1, 1)), "row {id} changed");
        large.delete(id);
        let deleted = large.segments();
        let (gone, new) = differing(&before, &deleted);
        assert!(gone <= 2 && new <= 1, "row {id} deleted: {gone} gone, {new} new");
        large.put(id, "x");
        assert_eq!(large.segments(), before, "row {id} came back");
        let (gone, new) = differing(&deleted, &before);
        assert!(gone <= 1 && new <= 2, "row {id} inserted: {gone} gone, {new} new");
    });
}

#[test]
fn a_changed_row_changes_one_segment_and_an_insert_or_delete_two_at_most() {
    small_changes_touch_few_segments(&Large::new(0..4_000, 1), 16);
}

#[test]
fn rows_of_40_kb_are_cut_no_differently() {
    // Every id that cuts and a sixteenth of the rest: many segments, some of several pieces.
    let is_cut = |id: i64| cut::level([&Value::Text(b"key".to_vec()), &Value::Integer(id)]) > 0;
    let large = Large::new((0..4_000).filter(|&id| is_cut(id) || id % 16 == 0), 40_000);
    assert!(large.segments().iter().any(|segment| segment.pieces.len() > 1), "a segment of pieces");
    small_changes_touch_few_segments(&large, 64);
}
