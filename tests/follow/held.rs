//! Held: after a restore of the tables alone, until the log grows, a replay, or the next start.

use backstitch::catchup::CaughtUp;
use backstitch::error::ErrorKind;
use backstitch::history::Means;
use backstitch::log::NewEvent;
use backstitch::snapshot::{Scope, Snapshot};

use super::{assert_store_follows, insert_turn, projection_status};
use crate::support::{Server, TestStore, story};

/// Twenty events; the tables are held at the tenth.
fn held_store() -> (TestStore, Snapshot) {
    let store = TestStore::with_story(10);
    let snapshot = store.take();
    store.append(story(20).split_off(10));
    let restored = store.restore(&snapshot, Scope::Projections);
    assert!(restored.held);
    assert_eq!((restored.position, restored.events_removed), (10, 0));
    (store, snapshot)
}

fn assert_held_at(store: &TestStore, position: i64, waiting: u64) {
    let status = store.engine.status().unwrap();
    assert_eq!((status.held, status.position, status.waiting), (true, position, waiting));
    assert_store_follows(store);
}

fn assert_lifted(store: &TestStore, head: i64) {
    let status = store.engine.status().unwrap();
    assert_eq!((status.held, status.position, status.head, status.waiting), (false, head, head, 0));
    assert_store_follows(store);
}

#[test]
fn after_a_restore_of_the_tables_the_projection_is_held_and_says_so() {
    let (store, _) = held_store();
    assert_held_at(&store, 10, 10);
    let (status, words) = projection_status(store.path());
    assert_eq!((&status["held"], &status["position"], &status["waiting"]), (&true.into(), &10.into(), &10.into()));
    assert!(words.contains("The log stands at event 20, the tables at event 10."), "{words}");
    assert!(words.contains("paused; 10 events wait"), "{words}");
    assert_eq!(store.engine.catch_up().unwrap(), CaughtUp::default(), "looking alone does not lift it");
    assert!(!store.engine.should_take_periodic_snapshot().unwrap());
    assert_held_at(&store, 10, 10);
}

#[test]
fn a_restore_of_the_newest_snapshot_holds_nothing() {
    let store = TestStore::with_story(10);
    let snapshot = store.take();
    assert!(!store.restore(&snapshot, Scope::Projections).held);
    assert_lifted(&store, 10);
}

#[test]
fn a_take_by_hand_while_held_keeps_the_position_and_restoring_everything_brings_it_back() {
    let (store, _) = held_store();
    let held = store.take();
    assert_eq!((held.last_event_id, held.position), (Some(20), 10));
    assert_held_at(&store, 10, 10);
    let before = store.content();
    store.append(story(25).split_off(20));
    assert_lifted(&store, 25);
    let restored = store.restore(&held, Scope::Everything);
    assert_eq!((restored.held, restored.position, restored.events_removed), (true, 10, 5));
    assert_eq!(store.content(), before);
    assert_held_at(&store, 10, 10);
}

#[test]
fn the_next_append_lifts_a_hold() {
    let (store, _) = held_store();
    store.append(story(21).split_off(20));
    assert_lifted(&store, 21);
}

#[test]
fn a_refused_append_lifts_no_hold() {
    let (store, _) = held_store();
    let before = store.content();
    let unknown = NewEvent::new("user_turn", r#"{"chat_id": "nowhere", "text": "?"}"#).unwrap();
    let refused = store.engine.append(vec![unknown]).unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::Unprocessable);
    assert_eq!(store.engine.append(Vec::new()).unwrap_err().kind(), ErrorKind::Malformed);
    assert_eq!(store.content(), before);
    assert_held_at(&store, 10, 10);
}

#[test]
fn an_append_that_meets_a_broken_event_behind_a_hold_lifts_it_not_and_a_replay_says_where_it_stops() {
    let (store, _) = held_store();
    let other = store.other_program();
    other
        .execute(r#"UPDATE event_log SET payload_json = '{"chat_id": "nowhere", "text": "?"}' WHERE id = 18"#, [])
        .unwrap();
    let refused = store.engine.append(story(21).split_off(20)).unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::Conflict);
    assert!(refused.message().contains("event 18"), "{refused}");
    assert_held_at(&store, 10, 10);
    store.engine.replay(Means::Command).unwrap();
    let status = store.engine.status().unwrap();
    assert_eq!((status.stuck.unwrap().event, status.position, status.held), (18, 17, false));
    assert_store_follows(&store);
}

#[test]
fn a_replay_lifts_a_hold() {
    let (store, _) = held_store();
    assert_eq!(store.engine.replay(Means::Command).unwrap(), CaughtUp { applied: 10, from_base: None });
    assert_lifted(&store, 20);
    assert_eq!(store.engine.replay(Means::Command).unwrap(), CaughtUp::default());
}

#[test]
fn a_cold_load_lifts_a_hold() {
    let (store, _) = held_store();
    assert_eq!(store.engine.cold_load(None, false).unwrap().applied, 10);
    assert_lifted(&store, 20);
}

#[test]
fn a_start_of_the_server_lifts_a_hold_and_says_how_much_it_applied() {
    let (store, _) = held_store();
    let server = Server::start(store.path(), &[]);
    assert!(server.greeting.contains("the end of the log: 10 events applied first, in "), "{}", server.greeting);
    assert_lifted(&store, 20);
}

#[test]
fn another_process_that_appends_lifts_a_hold() {
    let (store, _) = held_store();
    assert_eq!(insert_turn(&store.other_program()), 21);
    assert_eq!(store.engine.catch_up_if_behind().unwrap().applied, 11);
    assert_lifted(&store, 21);
}

#[test]
fn another_process_that_changes_old_events_lifts_no_hold() {
    let (store, snapshot) = held_store();
    let other = store.other_program();
    // Before the position, after it, and at the end of the log.
    for change in [
        "UPDATE event_log SET hidden = 1 WHERE id = 9",
        "UPDATE event_log SET hidden = 1 WHERE id = 15",
        "DELETE FROM event_log WHERE id > 18",
    ] {
        other.execute(change, []).unwrap();
        store.engine.catch_up_if_behind().unwrap();
        let status = store.engine.status().unwrap();
        assert_eq!((status.held, status.position), (true, 10), "{change}");
        assert_store_follows(&store);
    }
    let listed = store.engine.snapshot(snapshot.kind, &snapshot.snapshot_id).unwrap();
    assert_eq!(listed.on_this_history, Some(false));
    assert_eq!(insert_turn(&other), 21, "and one that appends does");
    store.engine.catch_up_if_behind().unwrap();
    assert_lifted(&store, 21);
}

#[test]
fn a_change_of_a_waiting_event_takes_snapshots_of_it_off_this_history() {
    let (store, _) = held_store();
    let of_all = store.take();
    assert_eq!(store.engine.snapshot(of_all.kind, &of_all.snapshot_id).unwrap().on_this_history, Some(true));
    store.other_program().execute("UPDATE event_log SET hidden = 1 WHERE id = 15", []).unwrap();
    store.engine.catch_up_if_behind().unwrap();
    assert_eq!(store.engine.snapshot(of_all.kind, &of_all.snapshot_id).unwrap().on_this_history, Some(false));
}
