//! Restoring a table from its image gives the table back, bit for bit, from wherever it went.

use backstitch::image::{ChunkStore, Counts};

use super::check;
use super::tables::changes;
use crate::support::memory_folder;

fn chunks() -> (tempfile::TempDir, ChunkStore) {
    let folder = memory_folder();
    let chunks = ChunkStore::open(folder.path().join("chunks")).unwrap();
    (folder, chunks)
}

#[test]
fn restore_after_take_gives_every_row_back_bit_for_bit() {
    let (_folder, chunks) = chunks();
    check(1, &changes(), |changes| {
        let table = changes.table();
        changes.go_to_a(&table);
        let (rows, segments) = (table.rows(), table.segments());
        let root = table.take(&chunks);
        changes.go_to_b(&table);
        table.restore(&table.stored(&chunks, root.as_ref()));
        assert_eq!(table.rows(), rows);
        assert_eq!(table.segments(), segments);
        let again = table.restore(&table.stored(&chunks, root.as_ref()));
        assert_eq!(again, Counts::default(), "a second restore has nothing to do");
    });
}

#[test]
fn a_restore_by_difference_equals_a_full_one() {
    let (_folder, chunks) = chunks();
    check(1, &changes(), |changes| {
        let (changed, empty) = (changes.table(), changes.table());
        changes.go_to_a(&changed);
        let root = changed.take(&chunks);
        changes.go_to_b(&changed);
        changed.restore(&changed.stored(&chunks, root.as_ref()));
        let full = empty.restore(&empty.stored(&chunks, root.as_ref()));
        assert_eq!(changed.rows(), empty.rows());
        assert_eq!(full.added, empty.rows().len() as u64);
    });
}

#[test]
fn a_restore_there_and_back_again_is_no_change() {
    let (_folder, chunks) = chunks();
    check(1, &changes(), |changes| {
        let table = changes.table();
        changes.go_to_a(&table);
        let a = table.take(&chunks);
        changes.go_to_b(&table);
        let (rows, b) = (table.rows(), table.take(&chunks));
        let there = table.restore(&table.stored(&chunks, a.as_ref()));
        let back = table.restore(&table.stored(&chunks, b.as_ref()));
        assert_eq!(table.rows(), rows);
        assert_eq!((there.added, there.removed, there.changed), (back.removed, back.added, back.changed));
    });
}
