//! Rows that nobody knows to follow from the log are never replayed from, and hashes of the log are
//! never those of rows that have changed.

use backstitch::engine::RowQuery;
use backstitch::error::ErrorKind;
use backstitch::history::Means;
use backstitch::log::NewEvent;
use backstitch::snapshot::{Expected, Scope, Snapshot};

use crate::support::TestStore;

fn bots(ids: impl IntoIterator<Item = u32>) -> Vec<NewEvent> {
    let bot = |id| format!(r#"{{"bot_id": "bot-{id}", "name": "Bot {id}", "persona": "Counts."}}"#);
    ids.into_iter().map(|id| NewEvent::new("bot_created", bot(id)).unwrap()).collect()
}

fn edit_a_row(store: &TestStore) {
    let edited = store.other_program().execute("UPDATE bots SET persona = 'EDITED' WHERE id = 'bot-1'", []);
    assert_eq!(edited.unwrap(), 1);
}

fn pinned(store: &TestStore) -> Snapshot {
    store.engine.take_snapshot(None, true, Means::Command).unwrap().snapshot
}

fn rewind(store: &TestStore, after: i64) -> i64 {
    store.engine.execute_rewind(after, Expected::default(), Means::Command).unwrap().operation
}

#[test]
fn what_is_taken_after_drift_was_found_is_no_base_until_it_is_mended() {
    let store = TestStore::new();
    store.append(bots(1..6));
    store.take();
    edit_a_row(&store);
    assert!(!store.engine.verify_projection().unwrap().clean);
    store.append(bots(6..8));
    store.take();
    store.append(bots(8..10));
    let then = store.engine.state_at("bots", 8, &RowQuery::default()).unwrap();
    assert!(!format!("{:?}", then.rows).contains("EDITED"));
    rewind(&store, 8);
    assert!(store.engine.verify_projection().unwrap().clean);
}

#[test]
fn rows_that_an_undone_rebuild_brings_back_are_no_base() {
    let store = TestStore::new();
    store.append(bots(1..6));
    edit_a_row(&store);
    let rebuilt = store.engine.rebuild_projection(Expected::default(), Means::Command).unwrap();
    store.engine.undo(rebuilt.operation, false, Expected::default(), Means::Command).unwrap();
    store.take();
    store.append(bots(6..8));
    rewind(&store, 6);
    assert!(store.engine.verify_projection().unwrap().clean);
}

#[test]
fn a_cut_that_another_program_deletes_leaves_no_hash_of_rows_as_they_were() {
    let store = TestStore::new();
    let note = |n: u32| NewEvent::new("note", format!(r#"{{"text": "as it was {n}"}}"#)).unwrap();
    store.append((0..1000).map(note).collect());
    store.take();
    let other = store.other_program();
    let sql = "SELECT last_id FROM backstitch_log_segments";
    let cuts: Vec<i64> =
        other.prepare(sql).unwrap().query_map([], |row| row.get(0)).unwrap().map(Result::unwrap).collect();
    assert!(!cuts.is_empty());
    for cut in &cuts {
        other.execute("DELETE FROM event_log WHERE id = ?1", [cut]).unwrap();
        store.take();
    }
    other.execute("UPDATE event_log SET payload_json = '\"corrected\"' WHERE id = 700", []).unwrap();
    store.take();
    let done = rewind(&store, 650);
    store.engine.undo(done, false, Expected::default(), Means::Command).unwrap();
    assert_eq!(store.engine.event(700).unwrap().payload.get(), "\"corrected\"");
}

#[test]
fn a_stuck_event_goes_with_the_log_that_had_it() {
    let store = TestStore::new();
    store.append(bots(1..6));
    let five = pinned(&store);
    store.append(bots(6..11));
    store.restore(&five, Scope::Projections);
    let held = pinned(&store);
    store.engine.replay(Means::Command).unwrap();
    let bad = "INSERT INTO event_log (kind, payload_json) VALUES ('bot_created', '{}')";
    store.other_program().execute(bad, []).unwrap();
    store.engine.catch_up().unwrap();
    assert_eq!(store.engine.status().unwrap().stuck.unwrap().event, 11);
    let stuck = pinned(&store);
    store.engine.drill(stuck.kind, &stuck.snapshot_id).unwrap();
    store.restore(&held, Scope::Everything);
    assert_eq!(store.engine.status().unwrap().stuck, None);
    store.append(bots(11..12));
}

#[test]
fn a_deletion_that_has_to_wait_too_long_deletes_nothing() {
    let store = TestStore::with(|options| options.busy_timeout = std::time::Duration::from_millis(200));
    let taken = store.take();
    let other = store.other_program();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    let refused = store.engine.delete(taken.kind, &taken.snapshot_id, Means::Command).unwrap_err();
    assert_eq!((refused.kind(), store.engine.snapshots().unwrap().len()), (ErrorKind::Busy, 1));
    other.execute_batch("ROLLBACK").unwrap();
    store.engine.delete(taken.kind, &taken.snapshot_id, Means::Command).unwrap();
    assert!(store.engine.snapshots().unwrap().is_empty());
}

#[test]
fn the_sample_can_be_continued_again_once_its_continuation_was_taken_back() {
    let store = TestStore::new();
    store.engine.append_sample().unwrap();
    store.engine.continue_sample().unwrap();
    let first = store.content();
    rewind(&store, 110);
    let again = store.engine.continue_sample().unwrap();
    assert_eq!((again.first_id, again.last_id), (151, 190));
    assert_eq!(store.content().keys().collect::<Vec<_>>(), first.keys().collect::<Vec<_>>());
    assert!(store.engine.verify_projection().unwrap().clean);
}
