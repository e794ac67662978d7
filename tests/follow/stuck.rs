//! Stuck: another process wrote an event that the tables cannot take.

use backstitch::engine::Loaded;
use backstitch::error::ErrorKind;
use rusqlite::Connection;
use serde_json::json;

use super::{assert_store_follows, changed_domain, insert, insert_turn, projection_status, wait_for_health};
use crate::support::{Server, TestStore, program, story};

const UNKNOWN_CHAT: &str = "FOREIGN KEY constraint failed: chat_state.chat_id names no row of chats";

/// Twelve events of the story, one of another program, one that breaks a rule, and one after it.
fn insert_broken(other: &Connection) -> i64 {
    insert_turn(other);
    let broken = insert(other, "user_turn", &json!({ "chat_id": "nowhere", "text": "Hello?" }));
    insert_turn(other);
    broken
}

fn stuck_store() -> (TestStore, Connection) {
    let store = TestStore::with_story(12);
    let other = store.other_program();
    assert_eq!(insert_broken(&other), 14);
    assert_eq!(store.engine.catch_up().unwrap().applied, 1, "what waits before the broken one is applied");
    (store, other)
}

fn assert_goes_on(store: &TestStore, head: i64) {
    let status = store.engine.status().unwrap();
    assert_eq!((status.stuck, status.position, status.head), (None, head, head));
    assert_store_follows(store);
    let appended = store.append(story(20).split_off(19));
    assert_eq!(appended.count, 1);
    assert_store_follows(store);
}

#[test]
fn the_tables_stop_before_an_event_that_breaks_a_rule_and_name_it() {
    let (store, _) = stuck_store();
    let status = store.engine.status().unwrap();
    let stuck = status.stuck.unwrap();
    assert_eq!((stuck.event, stuck.reason.as_str()), (14, UNKNOWN_CHAT));
    assert_eq!((status.position, status.head, status.waiting, status.held), (13, 15, 2, false));
    assert_eq!(assert_store_follows(&store).position, 13);
    let (json, words) = projection_status(store.path());
    assert_eq!(json["stuck"], json!({ "event": 14, "reason": UNKNOWN_CHAT }));
    assert!(words.contains(&format!("The tables stopped before event 14: {UNKNOWN_CHAT}.")), "{words}");
}

#[test]
fn the_rule_is_named_whatever_it_is() {
    for (kind, payload, rule) in [
        ("user_turn", json!({ "chat_id": "c" }), "chat_state.turn_count"),
        ("user_turn", json!([1, 2]), "chat_state.chat_id"),
        ("bot_created", json!({ "bot_id": "ada", "name": "Ada", "persona": "Again." }), "bots.id"),
        ("bot_created", json!({ "bot_id": 7, "name": "Seven", "persona": "" }), "bots_id_is_text"),
        (
            "memory_written",
            json!({ "owner_id": "ada", "chat_id": "c", "scene_id": "s", "text": "!", "significance": 6 }),
            "memories_significance_is_1_to_5",
        ),
        (
            "memory_written",
            json!({ "owner_id": "eve", "chat_id": "c", "scene_id": "s", "text": "!", "significance": 1 }),
            "memories.owner_bot_id names no row of bots",
        ),
        (
            "container_created",
            json!({ "container_id": "x", "chat_id": "c", "name": "X", "parent_id": "y" }),
            "containers.parent_id names no row of containers",
        ),
    ] {
        let store = TestStore::with_story(12);
        insert(&store.other_program(), kind, &payload);
        store.engine.catch_up().unwrap();
        let stuck = store.engine.status().unwrap().stuck.unwrap();
        assert!(stuck.event == 13 && stuck.reason.contains(rule), "{payload}: {stuck:?}");
        assert_eq!(assert_store_follows(&store).position, 12);
    }
}

#[test]
fn while_stuck_appends_are_refused_and_the_policy_takes_nothing() {
    let (store, _) = stuck_store();
    let before = store.content();
    let refused = store.engine.append(story(1)).unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::Conflict);
    assert!(refused.message().contains("event 14") && refused.message().contains(UNKNOWN_CHAT), "{refused}");
    assert!(!store.engine.should_take_periodic_snapshot().unwrap(), "there is none yet, so one would be due");
    let taken = store.take();
    assert_eq!((taken.last_event_id, taken.position), (Some(15), 13), "by hand one may be taken");
    assert_eq!(store.content(), before);
}

#[test]
fn a_server_says_that_it_is_stuck_and_answers_appends_with_409() {
    let store = TestStore::with_story(12);
    let server = Server::start(store.path(), &[]);
    let other = store.other_program();
    insert_broken(&other);
    let health = wait_for_health(&server, |health| !health["stuck"].is_null());
    assert_eq!(health["stuck"], json!({ "event": 14, "reason": UNKNOWN_CHAT }));
    assert_eq!(health["position"], 13);
    let turn = json!({ "kind": "user_turn", "payload": { "chat_id": "c", "text": "?" } }).to_string();
    let refused = server.post("/events", "application/json", &turn);
    assert_eq!(refused.status, 409);
    assert!(refused.body.contains("event 14"), "{refused:?}");
    assert_eq!(server.get("/health?applied=15&wait=1ms").status, 503);
    other.execute("DELETE FROM event_log WHERE id = 14", []).unwrap();
    server.wait_for(15);
    assert_eq!(server.post("/events", "application/json", &turn).status, 201);
    assert_store_follows(&store);
}

#[test]
fn a_start_on_a_stuck_store_says_where_the_tables_stopped() {
    let (store, _) = stuck_store();
    let server = Server::start(store.path(), &[]);
    let told = "The tables stopped before event 14, which breaks a rule.\n";
    assert!(server.greeting.contains(told), "{}", server.greeting);
}

#[test]
fn whoever_wrote_the_event_can_delete_hide_or_correct_it() {
    for mending in [
        "DELETE FROM event_log WHERE id = 14",
        "DELETE FROM event_log WHERE id >= 14",
        "UPDATE event_log SET hidden = 1 WHERE id = 14",
        "UPDATE event_log SET superseded_by = 15 WHERE id = 14",
        "UPDATE event_log SET payload_json = json_set(payload_json, '$.chat_id', 'c') WHERE id = 14",
    ] {
        let (store, other) = stuck_store();
        other.execute(mending, []).unwrap();
        store.engine.catch_up_if_behind().unwrap();
        let head = other.query_row("SELECT max(id) FROM event_log", [], |row| row.get(0)).unwrap();
        assert_goes_on(&store, head);
    }
}

#[test]
fn a_mending_is_seen_by_the_next_append_too() {
    let (store, other) = stuck_store();
    other.execute("UPDATE event_log SET hidden = 1 WHERE id = 14", []).unwrap();
    assert_eq!(store.append(story(20).split_off(19)).first_id, 16);
    assert_goes_on(&store, 16);
}

#[test]
fn a_domain_in_which_the_event_is_valid_ends_it() {
    let (store, _) = stuck_store();
    let reference = "CONSTRAINT chat_state_chat_is_known REFERENCES chats (id)";
    let corrected = changed_domain(
        "schema.sql",
        &format!("NOT NULL {reference},\n    active_scene_id"),
        "NOT NULL,\n    active_scene_id",
    );
    let loaded = store.engine.cold_load(Some(corrected), false).unwrap();
    assert_eq!((loaded.loaded, loaded.applied), (Loaded::Everything, 15));
    assert_goes_on(&store, 15);
}

#[test]
fn a_second_broken_event_is_met_after_the_first_is_mended() {
    let (store, other) = stuck_store();
    let second = insert(&other, "user_turn", &json!({ "chat_id": "nowhere", "text": "Still?" }));
    store.engine.catch_up_if_behind().unwrap();
    assert_eq!(store.engine.status().unwrap().stuck.unwrap().event, 14);
    other.execute("DELETE FROM event_log WHERE id = 14", []).unwrap();
    store.engine.catch_up_if_behind().unwrap();
    let status = store.engine.status().unwrap();
    assert_eq!((status.stuck.unwrap().event, status.position), (second, second - 1));
    other.execute("DELETE FROM event_log WHERE id = ?1", [second]).unwrap();
    store.engine.catch_up_if_behind().unwrap();
    assert_goes_on(&store, 15);
}

#[test]
fn a_change_that_takes_away_what_later_events_need_stops_at_the_first_of_them() {
    let store = TestStore::with_story(12);
    let other = store.other_program();
    other.execute("UPDATE event_log SET hidden = 1 WHERE kind = 'container_created'", []).unwrap();
    store.engine.catch_up().unwrap();
    let stuck = store.engine.status().unwrap().stuck.unwrap();
    assert_eq!(stuck.event, 6);
    assert!(stuck.reason.contains("scenes.container_id names no row of containers"), "{stuck:?}");
    assert_eq!(assert_store_follows(&store).position, 5);
    other.execute("UPDATE event_log SET hidden = 0", []).unwrap();
    store.engine.catch_up_if_behind().unwrap();
    assert_goes_on(&store, 12);
}

#[test]
fn text_that_is_not_utf_8_stops_neither_the_tables_nor_a_reader() {
    let store = TestStore::with_story(12);
    let other = store.other_program();
    let insert = "INSERT INTO event_log (kind, payload_json) VALUES";
    other.execute(&format!("{insert} (CAST(x'ff41' AS TEXT), '{{}}')"), []).unwrap();
    let payload = "replace('{\"chat_id\": \"c\", \"text\": \"?\"}', '?', CAST(x'ff' AS TEXT))";
    other.execute(&format!("{insert} ('user_turn', {payload})"), []).unwrap();
    store.engine.catch_up().unwrap();
    assert_goes_on(&store, 14);
    let snapshot = store.take();
    store.engine.verify(snapshot.kind, &snapshot.snapshot_id).unwrap();
    let listed = program(store.path()).args(["events", "--json"]).output().unwrap();
    assert!(listed.status.success(), "{listed:?}");
    assert_eq!(listed.stdout.split(|byte| *byte == b'\n').count(), 16, "fifteen lines, each with its end");
}
