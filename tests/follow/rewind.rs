//! Rewinding: the log is cut after an event, and the tables are what its beginning gives.

use backstitch::engine::{Engine, Loaded, Options, RowQuery};
use backstitch::error::{Error, ErrorKind};
use backstitch::history::Means;
use backstitch::image::Value;
use backstitch::log::NewEvent;
use backstitch::snapshot::policy::Why;
use backstitch::snapshot::{Expected, Keep, Kind, Restored, Scope, Snapshot};
use rusqlite::Connection;
use serde_json::json;

use super::{assert_store_follows, insert, insert_turn};
use crate::support::{Story, TestStore, assert_follows, story};

pub(super) fn rewind(store: &TestStore, after: i64) -> Restored {
    try_rewind(store, after).unwrap()
}

pub(super) fn try_rewind(store: &TestStore, after: i64) -> Result<Restored, Error> {
    store.engine.execute_rewind(after, Expected::default(), Means::Command)
}

/// What no refused operation changes: log, tables, where they stand, and the history. The number
/// of the last snapshot is left out, since a safety snapshot may stay.
pub(super) fn everything(store: &TestStore) -> (crate::support::Content, Vec<Vec<Value>>, Vec<Vec<Value>>) {
    let mut state = crate::support::rows(&store.other_program(), "backstitch_state");
    state[0].pop();
    (store.content(), state, crate::support::rows(&store.other_program(), "backstitch_operations"))
}

pub(super) fn assert_stands_at(store: &TestStore, event: i64) {
    let status = store.engine.status().unwrap();
    assert_eq!((status.head, status.position, status.held, status.stuck), (event, event, false, None));
    assert_store_follows(store);
}

fn answer(text: &str, supersedes: Option<i64>) -> NewEvent {
    let payload = json!({ "chat_id": "c", "bot_id": "ada", "text": text }).to_string();
    NewEvent { supersedes, ..NewEvent::new("assistant_turn", payload).unwrap() }
}

fn superseded_by(store: &TestStore, event: i64) -> Option<i64> {
    let sql = "SELECT superseded_by FROM event_log WHERE id = ?1";
    store.other_program().query_row(sql, [event], |row| row.get(0)).unwrap()
}

/// The base at ten events, then drift that a snapshot at thirty holds, and ten events more.
fn store_with_drift() -> TestStore {
    let store = TestStore::with_story(10);
    store.take();
    store.append(story(30).split_off(10));
    let drift = "UPDATE edges SET affinity = 99; UPDATE chat_state SET turn_count = 1000";
    store.other_program().execute_batch(drift).unwrap();
    store.take();
    store.append(story(40).split_off(30));
    store
}

#[test]
fn a_rewind_past_a_regenerated_answer_makes_the_old_one_live() {
    let store = TestStore::with_story(9);
    let first = store.append(vec![answer("One.", None)]).first_id;
    let second = store.append(vec![answer("Two.", Some(first))]).first_id;
    assert_eq!(superseded_by(&store, first), Some(second));
    let before = store.content();
    let plan = store.engine.compute_rewind_preview(first).unwrap();
    assert_eq!((plan.total_events, plan.events_revived, plan.last_event_id), (1, 1, first));

    let done = rewind(&store, first);
    assert_eq!((done.events_removed, done.events_returned, done.position), (1, 0, first));
    assert_eq!(superseded_by(&store, first), None);
    assert_stands_at(&store, first);
    let line = store.engine.line(done.operation).unwrap().operation;
    assert_eq!(line.detail["events_revived"], 1);
    assert_eq!(store.append(vec![answer("Three.", Some(first))]).first_id, second + 1, "no id is given twice");
    assert_stands_at(&store, second + 1);

    store.engine.undo(done.operation, true, Expected::default(), Means::Command).unwrap();
    assert_eq!(store.content(), before);
}

#[test]
fn a_rewind_into_a_chain_of_answers_makes_its_newest_live_and_no_other() {
    for (after, expected) in [(10, [None, None, None]), (11, [Some(11), None, None]), (12, [Some(11), Some(12), None])]
    {
        let store = TestStore::with_story(9);
        store.append(vec![answer("One.", None)]);
        store.append(vec![answer("Two.", Some(10)), answer("Three.", Some(11))]);
        store.append(vec![answer("Four.", Some(12))]);
        rewind(&store, after);
        let chain: Vec<_> = (10..=after).map(|event| superseded_by(&store, event)).collect();
        assert_eq!(chain, expected[..chain.len()], "after event {after}");
        assert_stands_at(&store, after);
        // Of the story's nine events only the seventh is a turn.
        let sql = "SELECT turn_count FROM chat_state";
        assert_eq!(store.other_program().query_row(sql, [], |row| row.get::<_, i64>(0)).unwrap(), 2);
    }
}

#[test]
fn a_snapshot_from_beyond_the_event_is_no_base_then_or_later() {
    let store = store_with_drift();
    rewind(&store, 20);
    assert_stands_at(&store, 20);
    store.append(Story::from(41).tell(3));
    store.other_program().execute("UPDATE event_log SET hidden = 1 WHERE id = 41", []).unwrap();
    let engine = Engine::open(Options::new(store.path())).unwrap();
    let load = engine.cold_load(None, false).unwrap();
    assert_eq!((load.loaded, load.applied), (Loaded::FromBase(10), 12));
    assert_follows(&store.other_program(), &engine.domain());
}

#[test]
fn a_rewind_to_an_event_after_the_drift_would_show_it() {
    let store = store_with_drift();
    rewind(&store, 35);
    let sql = "SELECT affinity FROM edges";
    let affinity: i64 = store.other_program().query_row(sql, [], |row| row.get(0)).unwrap();
    assert_eq!(affinity, 100, "the snapshot at thirty was the base: the tests beside this one can fail");
}

#[test]
fn once_drift_is_found_neither_the_past_nor_a_rewind_has_it() {
    let store = store_with_drift();
    let edges = |store: &TestStore| store.engine.state_at("edges", 35, &RowQuery::default()).unwrap().rows;
    let drifted = edges(&store);
    assert!(!store.engine.verify_projection().unwrap().clean);
    let told = edges(&store);
    assert_ne!(told, drifted);
    rewind(&store, 35);
    assert_stands_at(&store, 35);
    assert_eq!(store.content()["edges"], told);
}

#[test]
fn rows_edited_behind_its_back_do_not_outlive_a_rewind() {
    for taken in [false, true] {
        let store = TestStore::with_story(30);
        store.other_program().execute_batch("DELETE FROM memories; UPDATE edges SET affinity = 99").unwrap();
        if taken {
            store.take();
        }
        let edited = store.content();
        let done = rewind(&store, 20);
        assert_stands_at(&store, 20);
        store.engine.undo(done.operation, false, Expected::default(), Means::Command).unwrap();
        assert_eq!(store.content(), edited, "the undo brings back what was there");
    }
}

#[test]
fn rows_edited_while_held_do_not_outlive_a_rewind_past_the_hold() {
    let (store, _) = held_at_ten();
    store.other_program().execute_batch("DELETE FROM memories; UPDATE edges SET affinity = 99").unwrap();
    let plan = store.engine.compute_rewind_preview(15).unwrap();
    let done = rewind(&store, 15);
    assert_stands_at(&store, 15);
    for table in plan.tables {
        assert_eq!(done.rows_changed.get(&table.name).copied().unwrap_or(0), table.total(), "{}", table.name);
    }
}

/// Twenty events; the tables are held at the tenth.
pub(super) fn held_at_ten() -> (TestStore, Snapshot) {
    let store = TestStore::with_story(10);
    let snapshot = store.take();
    store.append(story(20).split_off(10));
    assert!(store.restore(&snapshot, Scope::Projections).held);
    (store, snapshot)
}

#[test]
fn a_rewind_ends_a_hold_and_its_undo_brings_it_back() {
    for after in [0, 7, 10, 15, 19] {
        let (store, _) = held_at_ten();
        let before = store.content();
        let done = rewind(&store, after);
        assert_eq!((done.position, done.held, done.events_removed), (after, false, 20 - after.unsigned_abs()));
        assert_stands_at(&store, after);
        let undone = store.engine.undo(done.operation, false, Expected::default(), Means::Command).unwrap();
        assert_eq!((undone.position, undone.held), (10, true));
        assert_eq!(store.content(), before);
        assert_store_follows(&store);
    }
}

#[test]
fn a_rewind_to_nothing_empties_log_and_tables_and_can_be_undone() {
    let store = TestStore::with_story(30);
    let before = store.content();
    let done = rewind(&store, 0);
    assert_eq!(done.events_removed, 30);
    assert!(store.content().values().all(Vec::is_empty));
    assert_stands_at(&store, 0);
    assert_eq!(store.engine.next_due().unwrap().why, Why::EmptyLog);
    store.engine.undo(done.operation, false, Expected::default(), Means::Command).unwrap();
    assert_eq!(store.content(), before);
    let done = rewind(&store, 0);
    assert_eq!(store.append(story(6)).first_id, 31);
    assert_stands_at(&store, 36);
    let refused = store.engine.undo(done.operation, false, Expected::default(), Means::Command).unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::Malformed, "events came after it: {refused}");
}

#[test]
fn a_rewind_into_a_gap_keeps_the_last_event_before_it() {
    let store = TestStore::with_story(12);
    let sql = "INSERT INTO event_log (id, kind, payload_json) VALUES (50, 'note', '{}')";
    store.other_program().execute(sql, []).unwrap();
    store.append(Story::from(51).tell(2));
    let plan = store.engine.compute_rewind_preview(30).unwrap();
    assert_eq!((plan.after_event_id, plan.last_event_id, plan.total_events), (30, 12, 3));
    let done = rewind(&store, 30);
    assert_eq!((done.position, done.events_removed), (12, 3));
    let detail = store.engine.line(done.operation).unwrap().operation.detail;
    assert_eq!((&detail["after_event_id"], &detail["last_event_id"]), (&json!(30), &json!(12)));
    assert_stands_at(&store, 12);
    assert_eq!(store.append(story(1)).first_id, 53);
}

#[test]
fn there_is_nothing_to_take_back_at_the_end_past_it_or_below_nothing() {
    let store = TestStore::with_story(12);
    let before = everything(&store);
    for after in [12, 13, i64::MAX, -1, i64::MIN] {
        for refused in [
            try_rewind(&store, after).unwrap_err(),
            store.engine.compute_rewind_preview(after).unwrap_err(),
            store.engine.rewind_rows(after, "edges", &backstitch::engine::DiffPage::default()).unwrap_err(),
        ] {
            assert_eq!(refused.kind(), ErrorKind::Malformed, "{after}: {refused}");
        }
    }
    assert_eq!(everything(&store), before);
    assert_eq!(store.engine.latest_snapshot(Kind::Rewind).unwrap().map(|one| one.snapshot_id), None);
    let empty = TestStore::new();
    assert_eq!(try_rewind(&empty, 0).unwrap_err().kind(), ErrorKind::Malformed);
}

#[test]
fn a_rewind_of_a_store_that_moved_since_its_plan_is_refused() {
    let store = TestStore::with_story(12);
    let plan = store.engine.compute_rewind_preview(5).unwrap();
    let expected = Expected { head: Some(plan.current_event_log_max_id), epoch: Some(plan.epoch) };
    let guarded = |expected| store.engine.execute_rewind(5, expected, Means::Command);
    insert_turn(&store.other_program());
    let moved = [expected, Expected { epoch: None, ..expected }];
    store.engine.catch_up().unwrap();
    let before = everything(&store);
    for expected in moved {
        assert_eq!(guarded(expected).unwrap_err().kind(), ErrorKind::Conflict);
    }
    store.engine.set_hidden(8, true, Means::Command).unwrap();
    let same_head = Expected { head: Some(13), epoch: Some(plan.epoch) };
    let hidden = everything(&store);
    assert_eq!(guarded(same_head).unwrap_err().kind(), ErrorKind::Conflict, "a flag was changed");
    assert_eq!(everything(&store), hidden);
    assert_ne!(hidden, before);
    assert_eq!(store.engine.latest_snapshot(Kind::Rewind).unwrap().map(|one| one.snapshot_id), None);
    let plan = store.engine.compute_rewind_preview(5).unwrap();
    guarded(Expected { head: Some(13), epoch: Some(plan.epoch) }).unwrap();
    assert_stands_at(&store, 5);
}

/// Twelve events, one in another program's hand, one that breaks a rule, one after it.
pub(super) fn stuck_at_fourteen() -> (TestStore, Connection) {
    let store = TestStore::with_story(12);
    let other = store.other_program();
    insert_turn(&other);
    insert(&other, "user_turn", &json!({ "chat_id": "nowhere", "text": "Hello?" }));
    insert_turn(&other);
    store.engine.catch_up().unwrap();
    assert_eq!(store.engine.status().unwrap().stuck.unwrap().event, 14);
    (store, other)
}

#[test]
fn a_rewind_before_the_stuck_event_mends_and_its_undo_is_stuck_again() {
    for after in [0, 6, 12, 13] {
        let (store, _) = stuck_at_fourteen();
        let (before, status) = (store.content(), store.engine.status().unwrap());
        let done = rewind(&store, after);
        assert_stands_at(&store, after);
        store.engine.undo(done.operation, false, Expected::default(), Means::Command).unwrap();
        assert_eq!(store.content(), before);
        let again = store.engine.status().unwrap();
        assert_eq!((again.stuck, again.position, again.held), (status.stuck, status.position, false));
    }
}

#[test]
fn a_rewind_before_a_stuck_event_after_a_gap_leaves_the_tables_at_the_last_event() {
    let store = TestStore::with_story(12);
    let sql = "INSERT INTO event_log (id, kind, payload_json) VALUES (50, 'user_turn', '{\"chat_id\": \"nowhere\"}')";
    store.other_program().execute(sql, []).unwrap();
    store.engine.catch_up().unwrap();
    assert_eq!(store.engine.status().unwrap().stuck.unwrap().event, 50);
    rewind(&store, 20);
    assert_stands_at(&store, 12);
    store.append(Story::from(51).tell(1));
    assert_stands_at(&store, 51);
}

#[test]
fn a_rewind_to_the_stuck_event_or_after_it_is_refused_and_changes_nothing() {
    let (store, other) = stuck_at_fourteen();
    let last = insert_turn(&other);
    store.engine.catch_up().unwrap();
    let before = everything(&store);
    for after in 14..last {
        let refused = try_rewind(&store, after).unwrap_err();
        assert_eq!(refused.kind(), ErrorKind::Unprocessable, "{refused}");
        let (event, rule) = ("event 14", "chat_state.chat_id names no row of chats");
        assert!(refused.message().contains(event) && refused.message().contains(rule), "{refused}");
        assert_eq!(everything(&store), before);
        assert_eq!(store.engine.compute_rewind_preview(after).unwrap_err().kind(), ErrorKind::Unprocessable);
    }
    rewind(&store, 13);
    assert_stands_at(&store, 13);
}

#[test]
fn a_rewind_that_would_bring_back_an_event_that_no_longer_fits_is_refused() {
    let store = TestStore::with_story(6);
    let chat = |by: &str| {
        NewEvent::new("chat_created", json!({ "chat_id": "d", "title": "B", "host_bot_id": by }).to_string())
    };
    store.append(vec![chat("bob").unwrap()]);
    let second = NewEvent { supersedes: Some(7), ..chat("ada").unwrap() };
    store.append(vec![second]);
    store.engine.set_hidden(3, true, Means::Command).unwrap();
    let before = everything(&store);
    let refused = try_rewind(&store, 7).unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::Unprocessable);
    assert!(refused.message().contains("event 7") && refused.message().contains("chats.host_bot_id"), "{refused}");
    assert_eq!(everything(&store), before);
    assert_eq!(store.engine.compute_rewind_preview(7).unwrap_err().kind(), ErrorKind::Unprocessable);
    rewind(&store, 6);
    assert_stands_at(&store, 6);
}

#[test]
fn after_a_rewind_the_policy_counts_the_events_that_come_then() {
    let store = TestStore::with(|options| options.policy.events = 10);
    store.append(story(20));
    store.take();
    store.append(story(25).split_off(20));
    rewind(&store, 22);
    let due = |store: &TestStore| store.engine.next_due().map(|due| (due.after_events, due.due_now, due.why)).unwrap();
    assert_eq!(due(&store), (8, false, Why::NotYet), "events 21 and 22 have come since");
    rewind(&store, 12);
    assert_eq!(due(&store), (10, false, Why::NotYet), "something has changed");
    store.append(Story::from(26).tell(9));
    assert_eq!(due(&store), (1, false, Why::NotYet));
    store.append(Story::from(35).tell(1));
    assert_eq!(due(&store), (0, true, Why::Events(10)));
    store.engine.follow_policy().unwrap();
    assert_eq!(due(&store), (10, false, Why::Unchanged));
}

#[test]
fn after_a_rewind_the_newest_snapshot_on_this_history_stays_and_so_do_safety_snapshots() {
    let store = TestStore::with(|options| options.policy.keep_periodic = 3);
    let taken: Vec<Snapshot> = [10, 20, 30]
        .map(|events| {
            let told = usize::try_from(store.engine.status().unwrap().head).unwrap();
            store.append(story(events).split_off(told));
            store.take()
        })
        .into();
    let done = rewind(&store, 15);
    let engine = {
        let mut options = Options::new(store.path());
        options.policy.keep_periodic = 1;
        options.policy.keep_rewind = std::time::Duration::ZERO;
        Engine::open(options).unwrap()
    };
    let keep = |id: &Snapshot| {
        let all = engine.snapshots().unwrap();
        let one = all.into_iter().find(|one| one.snapshot_id == id.snapshot_id && one.kind == id.kind).unwrap();
        (one.keep, one.on_this_history)
    };
    assert_eq!(keep(&taken[0]), (Keep::Newest(3), Some(true)), "the only one on this history");
    assert_eq!(keep(&taken[1]), (Keep::Due, Some(false)));
    assert_eq!(keep(&taken[2]), (Keep::Newest(1), Some(false)));
    engine.prune_periodic_snapshots(Means::Command).unwrap();
    let left: Vec<_> = engine.snapshots().unwrap().into_iter().map(|one| one.snapshot_id).collect();
    assert_eq!(left.len(), 3, "{left:?}");
    assert!(left.contains(&taken[0].snapshot_id) && left.contains(&done.safety_snapshot.snapshot_id));
    engine.undo(done.operation, false, Expected::default(), Means::Command).unwrap();
    assert_eq!(engine.status().unwrap().head, 30);
}
