//! Rows that another program adds, changes or deletes, and those that it may not write.

use backstitch::catchup::CaughtUp;
use rusqlite::Connection;

use super::{assert_store_follows, insert_turn, wait_for_health};
use crate::support::{Server, TestStore, assert_follows, story};

/// Forty events, with a snapshot of the first twenty: a base for what changes after it.
fn store_with_base() -> TestStore {
    let store = TestStore::with_story(20);
    store.take();
    store.append(story(40).split_off(20));
    store
}

#[test]
fn rows_of_another_program_are_applied_by_catching_up() {
    for foreign_keys in [true, false] {
        let store = TestStore::with_story(12);
        let other = store.other_program();
        other.pragma_update(None, "foreign_keys", foreign_keys).unwrap();
        assert_eq!((insert_turn(&other), insert_turn(&other)), (13, 14));
        assert_eq!(store.engine.status().unwrap().waiting, 2);
        assert_eq!(store.engine.catch_up().unwrap(), CaughtUp { applied: 2, from_base: None });
        assert_eq!(assert_store_follows(&store).position, 14);
        assert_eq!(store.engine.catch_up_if_behind().unwrap(), CaughtUp::default());
    }
}

#[test]
fn rows_of_another_program_are_applied_by_a_running_server() {
    let store = TestStore::with_story(12);
    let server = Server::start(store.path(), &[]);
    let other = store.other_program();
    for _ in 0..3 {
        let event = insert_turn(&other);
        let answer = server.get(&format!("/health?applied={event}&wait=2s"));
        assert_eq!(answer.status, 200, "{answer:?}");
        assert_eq!(assert_follows(&other, &store.engine.domain()).position, event);
    }
}

/// Changes of old events that leave a log which can be replayed.
const CHANGES: [&str; 8] = [
    "UPDATE event_log SET hidden = 1 WHERE id = 33",
    "UPDATE event_log SET hidden = 0 WHERE id = 33",
    "UPDATE event_log SET superseded_by = 32 WHERE id = 26",
    r#"UPDATE event_log SET payload_json = json_set(payload_json, '$.text', 'Remembers otherwise') WHERE id = 27"#,
    "UPDATE event_log SET kind = 'unknown to the domain' WHERE id = 9",
    "DELETE FROM event_log WHERE id = 28",
    "DELETE FROM event_log WHERE id IN (8, 15, 16, 30)",
    "DELETE FROM event_log WHERE id > 37",
];

#[test]
fn changed_and_deleted_rows_are_followed_by_catching_up() {
    for foreign_keys in [true, false] {
        let store = store_with_base();
        let other = store.other_program();
        other.pragma_update(None, "foreign_keys", foreign_keys).unwrap();
        for change in CHANGES {
            let epoch = store.engine.status().unwrap().epoch;
            other.execute(change, []).unwrap();
            let done = store.engine.catch_up_if_behind().unwrap();
            assert!(done.from_base.is_some(), "{change}: {done:?}");
            let state = assert_store_follows(&store);
            assert!(state.epoch > epoch, "{change}");
        }
    }
}

#[test]
fn what_changed_after_a_snapshot_is_projected_from_it() {
    let store = store_with_base();
    let other = store.other_program();
    other.execute("UPDATE event_log SET hidden = 1 WHERE id IN (33, 35)", []).unwrap();
    assert_eq!(store.engine.catch_up().unwrap(), CaughtUp { applied: 18, from_base: Some(20) });
    other.execute("UPDATE event_log SET hidden = 0 WHERE id = 33", []).unwrap();
    other.execute("UPDATE event_log SET hidden = 1 WHERE id = 20", []).unwrap();
    assert_eq!(store.engine.catch_up().unwrap(), CaughtUp { applied: 38, from_base: Some(0) });
    assert_store_follows(&store);
}

#[test]
fn changed_and_deleted_rows_are_followed_by_a_running_server() {
    let store = store_with_base();
    let server = Server::start(store.path(), &[]);
    let other = store.other_program();
    for change in CHANGES {
        let epoch = server.get("/health").json()["epoch"].clone();
        other.execute(change, []).unwrap();
        wait_for_health(&server, |health| health["epoch"] != epoch);
        assert_follows(&other, &store.engine.domain());
    }
}

#[test]
fn a_log_emptied_by_another_program_empties_the_tables() {
    let store = store_with_base();
    let other = store.other_program();
    other.execute("DELETE FROM event_log", []).unwrap();
    store.engine.catch_up().unwrap();
    assert_eq!(assert_store_follows(&store).position, 0);
    assert!(store.content().values().all(Vec::is_empty));
    assert_eq!(store.append(story(6)).first_id, 41);
}

fn refusal(conn: &Connection, sql: &str) -> String {
    conn.execute(sql, []).expect_err(sql).to_string()
}

#[test]
fn ids_that_do_not_grow_or_grow_too_far_are_refused() {
    let store = TestStore::with_story(12);
    let other = store.other_program();
    other.execute("DELETE FROM event_log WHERE id > 10", []).unwrap();
    store.engine.catch_up().unwrap();
    let before = store.content();
    for id in [-5, 0, 3, 10, 11, 12, 1_000_013, i64::MAX] {
        for verb in ["INSERT", "INSERT OR REPLACE", "INSERT OR IGNORE", "REPLACE"] {
            let sql = format!("{verb} INTO event_log (id, kind, payload_json) VALUES ({id}, 'note', '{{}}')");
            match other.execute(&sql, []) {
                // It stands already, and is left as it is.
                Ok(rows) => assert!(verb == "INSERT OR IGNORE" && rows == 0 && (id == 3 || id == 10), "{sql}"),
                Err(error) => assert!(
                    error.to_string().contains("above every id ever given") || error.to_string().contains("UNIQUE"),
                    "{sql}: {error}"
                ),
            }
        }
    }
    for change in ["id = 50 WHERE id = 10", "id = 3 WHERE id = 10", "id = id + 100"] {
        for verb in ["UPDATE", "UPDATE OR REPLACE"] {
            assert!(refusal(&other, &format!("{verb} event_log SET {change}")).contains("never changes"));
        }
    }
    store.engine.catch_up().unwrap();
    assert_eq!(store.content(), before);
    let far = "INSERT INTO event_log (id, kind, payload_json) VALUES (1000012, 'note', '{}')";
    assert_eq!(other.execute(far, []).unwrap(), 1, "a million above is not too far");
    store.engine.catch_up().unwrap();
    assert_eq!(store.append(story(1)).first_id, 1_000_013);
    assert_store_follows(&store);
}

#[test]
fn rows_that_are_no_events_are_refused() {
    let store = TestStore::with_story(12);
    let other = store.other_program();
    for (values, constraint) in [
        ("'note', 'no JSON'", "payload_is_json"),
        ("'note', x'7b7d'", "payload_is_json"),
        ("'', '{}'", "kind_is_a_word"),
        ("NULL, '{}'", "NOT NULL"),
    ] {
        let words = refusal(&other, &format!("INSERT INTO event_log (kind, payload_json) VALUES ({values})"));
        assert!(words.contains(constraint), "{values}: {words}");
    }
    assert!(refusal(&other, "UPDATE event_log SET hidden = 2 WHERE id = 3").contains("hidden_is_0_or_1"));
    assert_eq!(store.engine.catch_up().unwrap(), CaughtUp::default());
}

#[test]
fn ids_of_a_deleted_tail_are_not_given_again() {
    let store = TestStore::with_story(12);
    let other = store.other_program();
    other.execute("DELETE FROM event_log WHERE id > 8", []).unwrap();
    assert_eq!(store.append(story(12).split_off(8)).first_id, 13);
    other.execute("DELETE FROM event_log WHERE id > 8", []).unwrap();
    assert_eq!(insert_turn(&other), 17);
    store.engine.catch_up().unwrap();
    assert_eq!(assert_store_follows(&store).position, 17);
}
