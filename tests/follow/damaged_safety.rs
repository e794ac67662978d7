//! Damaged pieces of what makes going back safe: found before anything changes, and mended where
//! the live rows still give them.

use std::path::{Path, PathBuf};

use backstitch::error::ErrorKind;
use backstitch::history::Means;
use backstitch::snapshot::{Expected, Scope};

use super::rewind::{assert_stands_at, everything, rewind, try_rewind};
use crate::support::{Story, TestStore};

fn row_chunks(folder: &Path) -> Vec<PathBuf> {
    let folders = std::fs::read_dir(folder.join("snapshots/chunks")).unwrap().map(|entry| entry.unwrap().path());
    let folders = folders.filter(|path| path.is_dir() && !path.ends_with("damaged"));
    folders.flat_map(|folder| std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path())).collect()
}

fn flip_a_byte(file: &Path) {
    let mut bytes = std::fs::read(file).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 0x55;
    std::fs::write(file, bytes).unwrap();
}

#[test]
fn a_damaged_piece_that_the_safety_snapshot_shares_is_written_anew() {
    let store = TestStore::with_story(400);
    store.take();
    let chunks = row_chunks(store.path());
    assert!(chunks.len() > 8, "{chunks:?}");
    let before = store.content();
    for chunk in &chunks {
        let whole = std::fs::read(chunk).unwrap();
        flip_a_byte(chunk);
        match try_rewind(&store, 100) {
            Err(refused) => {
                assert_eq!(refused.kind(), ErrorKind::Damaged, "{refused}");
                assert_eq!(store.content(), before);
            }
            Ok(done) => {
                assert_stands_at(&store, 100);
                store.engine.undo(done.operation, false, Expected::default(), Means::Command).unwrap();
                assert_eq!(store.content(), before);
            }
        }
        std::fs::write(chunk, whole).unwrap();
    }
}

#[test]
fn a_safety_snapshot_damaged_later_is_refused_and_changes_nothing() {
    let store = TestStore::with_story(400);
    let done = rewind(&store, 100);
    row_chunks(store.path()).iter().for_each(|chunk| flip_a_byte(chunk));
    let before = everything(&store);
    let refused = store.engine.undo(done.operation, false, Expected::default(), Means::Command).unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::Damaged, "{refused}");
    assert_eq!(everything(&store), before);
    let undo = store.engine.line(done.operation).unwrap().undo.unwrap();
    assert!(!undo.offered && undo.why_not.unwrap().contains("damaged"));
}

#[test]
fn a_flag_is_turned_back_whatever_older_snapshots_are_damaged() {
    let store = TestStore::with_story(400);
    let before = store.content();
    let hidden = store.engine.set_hidden(9, true, Means::Command).unwrap();
    store.take();
    row_chunks(store.path()).iter().for_each(|chunk| flip_a_byte(chunk));
    let undone = store.engine.undo(hidden.operation.unwrap(), false, Expected::default(), Means::Command).unwrap();
    assert_eq!(store.content(), before);
    store.engine.verify(undone.safety_snapshot.kind, &undone.safety_snapshot.snapshot_id).unwrap();
}

#[test]
fn an_undone_restore_of_the_tables_leaves_a_safety_snapshot_that_is_whole() {
    let store = TestStore::with_story(400);
    let snapshot = store.take();
    store.append(Story::from(401).tell(50));
    let restored = store.restore(&snapshot, Scope::Projections);
    let before = store.content();
    for chunk in row_chunks(store.path()) {
        let whole = std::fs::read(&chunk).unwrap();
        flip_a_byte(&chunk);
        match store.engine.undo(restored.operation, true, Expected::default(), Means::Command) {
            Err(refused) => assert_eq!(refused.kind(), ErrorKind::Damaged, "{refused}"),
            Ok(undone) => {
                assert_eq!(undone.position, 450);
                store.engine.undo(undone.operation, true, Expected::default(), Means::Command).unwrap();
            }
        }
        assert_eq!(store.content(), before);
        std::fs::write(&chunk, whole).unwrap();
    }
}

#[test]
fn a_rewind_passes_over_a_damaged_base() {
    let store = TestStore::with_story(10);
    store.take();
    store.append(Story::from(11).tell(40));
    store.take();
    store.append(Story::from(51).tell(50));
    let before = store.content();
    row_chunks(store.path()).iter().for_each(|chunk| flip_a_byte(chunk));
    let done = rewind(&store, 80);
    assert_stands_at(&store, 80);
    store.engine.undo(done.operation, false, Expected::default(), Means::Command).unwrap();
    assert_eq!(store.content(), before);
}
