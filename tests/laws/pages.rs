//! A difference is told the same way whole, counted, or page by page, and is the true one.

use backstitch::image::diff::{changes as differences, count};
use backstitch::image::{Change, ChunkStore, Counts, Rows, Table, Value};

use super::check;
use super::tables::changes;
use crate::support::memory_folder;

fn key(table: &Table, row: &[Value]) -> Vec<Value> {
    table.key.iter().map(|&at| row[at].clone()).collect()
}

fn same_key(table: &Table, a: &[Value], b: &[Value]) -> bool {
    table.key.iter().all(|&at| a[at].sqlite_cmp(&b[at]).is_eq())
}

fn all(table: &Table, then: &dyn Rows, now: &dyn Rows, after: Option<&[Value]>) -> Vec<Change> {
    differences(table, then, now, after).collect::<Result<_, _>>().unwrap()
}

fn counted(found: &[Change]) -> Counts {
    let mut counts = Counts::default();
    found.iter().for_each(|change| counts.count(change));
    counts
}

/// The difference found by comparing every row with every row.
fn expected(table: &Table, then: &[Vec<Value>], now: &[Vec<Value>]) -> Vec<Change> {
    let find = |rows: &[Vec<Value>], row: &[Value]| rows.iter().find(|other| same_key(table, other, row)).cloned();
    let mut found: Vec<Change> = then
        .iter()
        .filter_map(|then| match find(now, then) {
            None => Some(Change::Added(then.clone())),
            Some(now) if now != *then => Some(Change::Changed { now, then: then.clone() }),
            Some(_) => None,
        })
        .collect();
    found.extend(now.iter().filter(|row| find(then, row).is_none()).map(|row| Change::Removed(row.clone())));
    let order = |a: &Change, b: &Change| {
        let mut parts = table.key.iter().map(|&at| a.row()[at].sqlite_cmp(&b.row()[at]));
        parts.find(|order| order.is_ne()).unwrap_or(std::cmp::Ordering::Equal)
    };
    found.sort_by(order);
    found
}

#[test]
fn every_page_size_lists_every_changed_row_once_and_as_many_as_are_counted() {
    let folder = memory_folder();
    let chunks = ChunkStore::open(folder.path().join("chunks")).unwrap();
    check(1, &changes(), |changes| {
        let test = changes.table();
        changes.go_to_a(&test);
        let (rows, root) = (test.stored_rows(), test.take(&chunks));
        changes.go_to_b(&test);
        let (table, then, now) = (&test.table, test.stored(&chunks, root.as_ref()), test.live());
        let whole = all(table, &then, &now, None);
        assert_eq!(whole, expected(table, &rows, &test.stored_rows()));
        assert_eq!(counted(&whole), count(table, &then, &now).unwrap());
        for size in sizes(whole.len()) {
            let mut listed: Vec<Change> = Vec::new();
            loop {
                let after = listed.last().map(|change| key(table, change.row()));
                let page = all(table, &then, &now, after.as_deref()).into_iter().take(size);
                let before = listed.len();
                listed.extend(page);
                assert!(listed.len() <= whole.len(), "a row is listed twice in pages of {size}");
                if listed.len() - before < size {
                    break;
                }
            }
            assert_eq!(listed, whole, "in pages of {size}");
        }
    });
}

/// Every size up to a dozen rows; the ends and some between for more.
fn sizes(rows: usize) -> Vec<usize> {
    if rows <= 12 { (1..=rows + 1).collect() } else { vec![rows / 3, rows / 2, rows - 1, rows, rows + 1] }
}
