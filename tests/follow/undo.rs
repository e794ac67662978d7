//! Undoing: what an operation replaced comes back, and what came after it is not lost unsaid.

use backstitch::engine::DiffPage;
use backstitch::error::{Error, ErrorKind};
use backstitch::history::{Means, What};
use backstitch::snapshot::{Expected, Kind, Restored, Scope};

use super::rewind::{everything, held_at_ten, rewind, stuck_at_fourteen};
use super::{assert_store_follows, insert_turn};
use crate::support::{Story, TestStore, story};

fn undo(store: &TestStore, operation: i64) -> Restored {
    store.engine.undo(operation, false, Expected::default(), Means::Command).unwrap()
}

fn refusal(store: &TestStore, operation: i64, confirmed: bool, expected: Expected) -> Error {
    let before = everything(store);
    let refused = store.engine.undo(operation, confirmed, expected, Means::Command).unwrap_err();
    assert_eq!(everything(store), before);
    refused
}

/// A store at its thirtieth event, edited, whose tables were restored from the tenth.
fn restored_store() -> (TestStore, Restored, crate::support::Content) {
    let store = TestStore::with_story(10);
    let snapshot = store.take();
    store.append(story(30).split_off(10));
    let before = store.content();
    let restored = store.restore(&snapshot, Scope::Projections);
    assert!(restored.held);
    (store, restored, before)
}

#[test]
fn an_undone_restore_of_the_tables_leaves_nothing_waiting() {
    let (store, restored, before) = restored_store();
    let undone = undo(&store, restored.operation);
    assert_eq!((undone.position, undone.held), (30, false));
    assert_eq!(undone.rows_changed, restored.rows_changed);
    assert_eq!(store.content(), before);
    assert_store_follows(&store);
}

#[test]
fn undoing_a_restore_of_the_tables_after_ten_more_events_loses_none_and_applies_all() {
    let (store, restored, _) = restored_store();
    store.append(story(40).split_off(30));
    let asked = refusal(&store, restored.operation, false, Expected::default());
    assert_eq!(asked.kind(), ErrorKind::Malformed);
    assert!(asked.message().contains("confirm_op") && asked.message().contains("10 events"), "{asked}");
    let plan = store.engine.preview_undo(restored.operation).unwrap();
    assert_eq!((plan.events_removed, plan.events_returned), (0, 0));
    let undone = store.engine.undo(restored.operation, true, Expected::default(), Means::Command).unwrap();
    assert_eq!((undone.events_removed, undone.position, undone.held), (0, 40, false));
    assert_eq!(store.engine.status().unwrap().events, 40);
    assert_store_follows(&store);
    assert_eq!(plan.tables.iter().map(backstitch::rewind::TableEffect::total).sum::<u64>(), 0, "nothing had drifted");
}

#[test]
fn rows_edited_before_a_restore_of_the_tables_come_back_with_its_undo() {
    let store = TestStore::with_story(30);
    let snapshot = store.take();
    store.other_program().execute_batch("DELETE FROM memories; UPDATE edges SET affinity = 99").unwrap();
    let edited = store.content();
    let restored = store.restore(&snapshot, Scope::Projections);
    assert_store_follows(&store);
    undo(&store, restored.operation);
    assert_eq!(store.content(), edited);
}

#[test]
fn a_hold_that_a_restore_of_the_tables_replaced_comes_back_with_its_undo() {
    let (store, first) = held_at_ten();
    let second = store.take();
    assert_eq!((second.last_event_id, second.position), (Some(20), 10));
    let before = store.content();
    let restored = store.restore(&first, Scope::Projections);
    let undone = undo(&store, restored.operation);
    assert_eq!((undone.position, undone.held), (10, true));
    assert_eq!(store.content(), before);

    store.engine.replay(Means::Command).unwrap();
    let replayed = store.content();
    let restored = store.restore(&first, Scope::Projections);
    assert_eq!((restored.position, restored.held), (10, true));
    let undone = undo(&store, restored.operation);
    assert_eq!((undone.position, undone.held), (20, false));
    assert_eq!(store.content(), replayed);
    let again = undo(&store, undone.operation);
    assert_eq!((again.position, again.held), (10, true));
    assert_eq!(store.content(), before);
    store.append(story(21).split_off(20));
    assert_eq!(assert_store_follows(&store).position, 21);
    let status = store.engine.status().unwrap();
    assert_eq!((status.held, status.waiting), (false, 0));
}

#[test]
fn a_restore_of_the_tables_of_a_stuck_store_can_be_looked_at_and_undone() {
    let (store, _) = stuck_at_fourteen();
    let snapshot = store.take();
    let (before, status) = (store.content(), store.engine.status().unwrap());
    let restored = store.restore(&snapshot, Scope::Projections);
    store.engine.preview_undo(restored.operation).unwrap();
    undo(&store, restored.operation);
    assert_eq!(store.content(), before);
    let again = store.engine.status().unwrap();
    assert_eq!((again.stuck, again.position, again.held), (status.stuck, status.position, status.held));
}

#[test]
fn an_undone_rebuild_brings_back_the_edited_rows_and_the_hold() {
    for held in [false, true] {
        let store = if held { held_at_ten().0 } else { TestStore::with_story(20) };
        store.other_program().execute_batch("DELETE FROM memories; UPDATE edges SET affinity = 99").unwrap();
        let (before, position) = (store.content(), if held { 10 } else { 20 });
        let rebuilt = store.engine.rebuild_projection(Expected::default(), Means::Command).unwrap();
        assert_eq!((rebuilt.position, rebuilt.held), (20, false));
        assert_store_follows(&store);
        let after = store.content();
        let undone = undo(&store, rebuilt.operation);
        assert_eq!((undone.position, undone.held), (position, held));
        assert_eq!(store.content(), before);
        undo(&store, undone.operation);
        assert_eq!(store.content(), after);
    }
}

#[test]
fn undoing_again_and_again_goes_back_and_forth() {
    let store = TestStore::with_story(30);
    let before = store.content();
    let done = rewind(&store, 12);
    let after = store.content();
    let mut operation = done.operation;
    for round in 0..4 {
        let undone = undo(&store, operation);
        assert_eq!(store.content(), if round % 2 == 0 { before.clone() } else { after.clone() });
        let lines = store.engine.history(None, 2).unwrap();
        assert_eq!((lines[0].operation.what, lines[0].operation.detail["of"].as_i64()), (What::Undo, Some(operation)));
        assert_eq!(lines[1].undo.as_ref().unwrap().undone_by, Some(undone.operation));
        operation = undone.operation;
    }
    assert_eq!(store.append(Story::from(31).tell(1)).first_id, 31);
}

#[test]
fn what_came_after_a_rewind_goes_with_its_undo_only_where_that_was_confirmed() {
    let store = TestStore::with_story(30);
    let before = store.content();
    let done = rewind(&store, 12);
    store.append(Story::from(31).tell(3));
    let after = store.content();
    let line = store.engine.line(done.operation).unwrap().undo.unwrap();
    assert!(line.offered && line.confirm);
    assert_eq!(line.events_since, 3);
    assert_eq!(refusal(&store, done.operation, false, Expected::default()).kind(), ErrorKind::Malformed);
    let plan = store.engine.preview_undo(done.operation).unwrap();
    assert_eq!((plan.events_removed, plan.events_returned), (3, 18));
    let undone = store.engine.undo(done.operation, true, Expected::default(), Means::Command).unwrap();
    assert_eq!((undone.events_removed, undone.events_returned), (3, 18));
    assert_eq!(store.content(), before);
    undo(&store, undone.operation);
    assert_eq!(store.content(), after);
    assert_eq!(store.append(Story::from(34).tell(1)).first_id, 34);
}

#[test]
fn an_event_of_another_program_after_a_rewind_is_not_undone_unasked() {
    let store = TestStore::with_story(30);
    let done = rewind(&store, 12);
    insert_turn(&store.other_program());
    let before = store.content();
    let refused = store.engine.undo(done.operation, false, Expected::default(), Means::Command).unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::Malformed);
    assert_eq!(store.content()["event_log"], before["event_log"]);
}

#[test]
fn an_undo_of_a_store_that_moved_since_its_plan_is_refused() {
    let (store, restored, _) = restored_store();
    let done = rewind(&store, 20);
    for operation in [done.operation, restored.operation] {
        let plan = store.engine.status().unwrap();
        for expected in [
            Expected { head: Some(plan.head + 1), epoch: None },
            Expected { head: None, epoch: Some(plan.epoch + 1) },
            Expected { head: Some(plan.head), epoch: Some(plan.epoch.saturating_sub(1)) },
        ] {
            let refused = refusal(&store, operation, true, expected);
            assert_eq!(refused.kind(), ErrorKind::Conflict, "{refused}");
        }
    }
    let plan = store.engine.preview_undo(done.operation).unwrap();
    let expected = Expected { head: Some(plan.current_event_log_max_id), epoch: Some(plan.epoch) };
    store.engine.undo(done.operation, true, expected, Means::Command).unwrap();
    assert_eq!(store.engine.status().unwrap().head, 30);
}

#[test]
fn a_plan_of_an_undo_says_what_happens() {
    let (store, restored, _) = restored_store();
    store.other_program().execute_batch("DELETE FROM memories WHERE id < 10; UPDATE edges SET affinity = 99").unwrap();
    let restored_tables = restored.operation;
    plan_and_undo(&store, restored_tables);
    let done = rewind(&store, 17);
    store.append(Story::from(31).tell(8));
    plan_and_undo(&store, done.operation);
}

/// Undoes an operation; its plan tells each row that changes.
fn plan_and_undo(store: &TestStore, operation: i64) {
    let before = store.content();
    let plan = store.engine.preview_undo(operation).unwrap();
    let listed: Vec<_> = plan
        .tables
        .iter()
        .map(|table| {
            let page = DiffPage { limit: 1000, ..DiffPage::default() };
            store.engine.undo_rows(operation, &table.name, &page).unwrap().rows
        })
        .collect();
    assert_eq!(store.content(), before, "looking changes nothing");
    let undone = store.engine.undo(operation, true, Expected::default(), Means::Command).unwrap();
    let now = store.content();
    assert!(plan.tables.iter().any(|table| table.total() > 0));
    for (table, rows) in plan.tables.iter().zip(listed) {
        assert_eq!(undone.rows_changed.get(&table.name).copied().unwrap_or(0), table.total(), "{}", table.name);
        assert_eq!(rows.len() as u64, table.total(), "{}", table.name);
        let mut turned = before[&table.name].clone();
        turned.retain(|row| !rows.iter().any(|one| one.now.as_ref() == Some(row)));
        turned.extend(rows.into_iter().filter_map(|one| one.then));
        assert_eq!(turned.len(), now[&table.name].len());
        assert!(turned.iter().all(|row| now[&table.name].contains(row)), "{}", table.name);
    }
}

#[test]
fn without_its_safety_copy_an_operation_cannot_be_undone_and_says_since_when() {
    let store = TestStore::with_story(30);
    let done = rewind(&store, 12);
    let safety = &done.safety_snapshot.snapshot_id;
    store.engine.delete(Kind::Rewind, safety, Means::Command).unwrap();
    let undo = store.engine.line(done.operation).unwrap().undo.unwrap();
    let why = undo.why_not.unwrap();
    assert!(!undo.offered && why.contains(safety.as_str()) && why.contains(" since "), "{why}");
    assert_eq!(refusal(&store, done.operation, true, Expected::default()).kind(), ErrorKind::Conflict);
    assert_eq!(store.engine.preview_undo(done.operation).unwrap_err().kind(), ErrorKind::Conflict);
}

#[test]
fn what_destroyed_nothing_cannot_be_undone() {
    let store = TestStore::with_story(10);
    store.take();
    let take = store.engine.history(None, 1).unwrap().remove(0);
    assert!(take.operation.what == What::Take && take.undo.is_none());
    assert_eq!(refusal(&store, take.operation.operation, true, Expected::default()).kind(), ErrorKind::Conflict);
    assert_eq!(refusal(&store, 1000, true, Expected::default()).kind(), ErrorKind::NotFound);
}
