//! Hiding an event and showing it again: the tables follow, or nothing changes.

use backstitch::error::{Error, ErrorKind};
use backstitch::history::Means;
use backstitch::log::NewEvent;
use backstitch::snapshot::{Expected, Scope};
use serde_json::json;

use super::rewind::{everything, held_at_ten, stuck_at_fourteen};
use super::{assert_store_follows, insert};
use crate::support::{TestStore, story};

fn hide(store: &TestStore, event: i64) -> Result<Option<i64>, Error> {
    Ok(store.engine.set_hidden(event, true, Means::Command)?.operation)
}

fn show(store: &TestStore, event: i64) -> Result<Option<i64>, Error> {
    Ok(store.engine.set_hidden(event, false, Means::Command)?.operation)
}

fn assert_refused(store: &TestStore, event: i64, rule: &str, work: impl Fn() -> Result<Option<i64>, Error>) {
    let before = everything(store);
    let refused = work().unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::Unprocessable, "{refused}");
    let named = refused.message().contains(&format!("event {event} ")) && refused.message().contains(rule);
    assert!(named, "{refused} does not name event {event} and {rule}");
    assert_eq!(everything(store), before);
}

#[test]
fn a_hidden_event_leaves_the_tables_and_comes_back() {
    let store = TestStore::with_story(20);
    store.take();
    let before = store.content();
    let operation = hide(&store, 9).unwrap().unwrap();
    assert_eq!(store.content()["memories"].len() + 1, before["memories"].len());
    assert_store_follows(&store);
    assert_eq!(hide(&store, 9).unwrap(), None, "it is hidden already");
    let history = store.engine.history(None, 10).unwrap();
    assert_eq!(history[0].operation.operation, operation, "nothing was done, so nothing is told");
    show(&store, 9).unwrap().unwrap();
    assert_eq!(store.content(), before);
}

#[test]
fn an_event_that_is_not_there_cannot_be_hidden() {
    let store = TestStore::with_story(12);
    let before = everything(&store);
    for event in [0, -1, 13, i64::MAX] {
        assert_eq!(hide(&store, event).unwrap_err().kind(), ErrorKind::NotFound);
    }
    assert_eq!(everything(&store), before);
}

#[test]
fn an_event_that_others_need_is_not_hidden() {
    let store = TestStore::with_story(20);
    assert_refused(&store, 4, "chats.host_bot_id names no row of bots", || hide(&store, 2));
    assert_refused(&store, 5, "containers.chat_id names no row of chats", || hide(&store, 4));
    assert_refused(&store, 6, "scenes.container_id names no row of containers", || hide(&store, 5));
    store.take();
    assert_refused(&store, 4, "chats.host_bot_id names no row of bots", || hide(&store, 2));
}

#[test]
fn an_event_that_no_longer_fits_is_not_shown() {
    let store = TestStore::with_story(12);
    let bob = json!({ "bot_id": "cy", "name": "Cy", "persona": "First." }).to_string();
    let event = || NewEvent::new("bot_created", bob.clone()).unwrap();
    let first = store.append(vec![event()]).first_id;
    hide(&store, first).unwrap();
    let second = store.append(vec![event()]).first_id;
    assert_refused(&store, second, "bots.id", || show(&store, first));
    hide(&store, second).unwrap();
    show(&store, first).unwrap();
    assert_store_follows(&store);
}

#[test]
fn hiding_the_stuck_event_mends_and_showing_it_again_is_refused() {
    let (store, _) = stuck_at_fourteen();
    hide(&store, 14).unwrap();
    let status = store.engine.status().unwrap();
    assert_eq!((status.stuck, status.position), (None, 15));
    assert_store_follows(&store);
    assert_refused(&store, 14, "chat_state.chat_id names no row of chats", || show(&store, 14));
    store.append(story(16).split_off(15));
    assert_store_follows(&store);
}

#[test]
fn while_stuck_other_events_can_be_hidden_but_none_that_an_earlier_one_needs() {
    let (store, other) = stuck_at_fourteen();
    insert(&other, "user_turn", &json!({ "chat_id": "nowhere", "text": "Still?" }));
    for event in [15, 9] {
        hide(&store, event).unwrap();
        assert_eq!(store.engine.status().unwrap().stuck.unwrap().event, 14);
        assert_eq!(assert_store_follows(&store).position, 13);
    }
    assert_refused(&store, 4, "chats.host_bot_id names no row of bots", || hide(&store, 2));
    hide(&store, 14).unwrap();
    assert_eq!(store.engine.status().unwrap().stuck.unwrap().event, 16, "the next one is met");
    hide(&store, 16).unwrap();
    assert_eq!(store.engine.status().unwrap().stuck, None);
    assert_store_follows(&store);
}

#[test]
fn a_flag_of_a_held_store_leaves_it_held() {
    let (store, _) = held_at_ten();
    for event in [9, 15] {
        let before = store.content();
        hide(&store, event).unwrap();
        let status = store.engine.status().unwrap();
        assert_eq!((status.held, status.position, status.stuck), (true, 10, None));
        assert_store_follows(&store);
        show(&store, event).unwrap();
        assert_eq!(store.content(), before);
    }
    hide(&store, 15).unwrap();
    store.engine.replay(Means::Command).unwrap();
    assert_eq!(assert_store_follows(&store).position, 20);
}

#[test]
fn an_event_that_waiting_ones_need_is_not_hidden() {
    let store = TestStore::with_story(10);
    let snapshot = store.take();
    let scene = json!({ "scene_id": "t", "chat_id": "c", "container_id": "house", "title": "Later" });
    let closed = json!({ "scene_id": "t", "summary": "So it went." });
    let event = |kind, payload: &serde_json::Value| NewEvent::new(kind, payload.to_string()).unwrap();
    store.append(vec![event("scene_opened", &scene), event("scene_closed", &closed)]);
    assert!(store.restore(&snapshot, Scope::Projections).held);
    assert_refused(&store, 12, "scenes.chat_id", || hide(&store, 11));
    hide(&store, 12).unwrap();
    hide(&store, 11).unwrap();
    assert_refused(&store, 12, "scenes.chat_id", || show(&store, 12));
    store.engine.replay(Means::Command).unwrap();
    assert_eq!(assert_store_follows(&store).position, 12);
}

#[test]
fn a_waiting_event_that_another_program_broke_can_be_hidden() {
    let (store, _) = held_at_ten();
    let breaking = "UPDATE event_log SET payload_json = '{}' WHERE id IN (15, 19)";
    store.other_program().execute(breaking, []).unwrap();
    store.engine.catch_up().unwrap();
    assert_eq!(store.engine.status().unwrap().stuck, None, "it is not come to yet");
    hide(&store, 15).unwrap();
    hide(&store, 19).unwrap();
    store.engine.replay(Means::Command).unwrap();
    assert_eq!(assert_store_follows(&store).position, 20);
}

#[test]
fn undoing_a_flag_turns_it_back_and_can_be_undone() {
    let store = TestStore::with_story(20);
    let shown = store.content();
    let operation = hide(&store, 9).unwrap().unwrap();
    let hidden = store.content();
    let undo = |operation| store.engine.undo(operation, false, Expected::default(), Means::Command);
    let undone = undo(operation).unwrap();
    assert_eq!(store.content(), shown);
    assert_eq!(undone.rows_changed.get("memories"), Some(&1));
    assert_eq!((undone.events_removed, undone.events_returned), (0, 0));
    let refused = undo(operation).unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::Conflict, "it is shown already: {refused}");
    let again = undo(undone.operation).unwrap();
    assert_eq!(store.content(), hidden);
    store.append(story(22).split_off(20));
    undo(again.operation).unwrap();
    assert_eq!(store.content()["memories"].len(), shown["memories"].len() + 1);
    assert_store_follows(&store);
}

#[test]
fn an_undo_of_a_flag_that_would_break_a_rule_changes_nothing() {
    let store = TestStore::with_story(12);
    let cy = json!({ "bot_id": "cy", "name": "Cy", "persona": "First." }).to_string();
    let event = || NewEvent::new("bot_created", cy.clone()).unwrap();
    let first = store.append(vec![event()]).first_id;
    let operation = hide(&store, first).unwrap().unwrap();
    let second = store.append(vec![event()]).first_id;
    let undo = || store.engine.undo(operation, true, Expected::default(), Means::Command).map(|_| None);
    assert_refused(&store, second, "bots.id", undo);
}

#[test]
fn a_flag_of_an_event_that_left_the_log_cannot_be_undone() {
    let store = TestStore::with_story(20);
    let operation = hide(&store, 15).unwrap().unwrap();
    store.engine.execute_rewind(10, Expected::default(), Means::Command).unwrap();
    let undo = store.engine.line(operation).unwrap().undo.unwrap();
    assert!(!undo.offered && undo.why_not.is_some_and(|why| why.contains("not in the log any more")));
    let refused = store.engine.undo(operation, true, Expected::default(), Means::Command).unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::Conflict);
}
