//! States of many kilobytes: no list reads them, and their rows are kept for the next version.

use backstitch::engine::EntityAt;
use backstitch::entity::EntityKey;
use backstitch::history::Means;
use backstitch::log::NewEvent;
use backstitch::snapshot::Expected;

use super::{ada, at, companion_of, event, replayed, store_of, without_loads};
use crate::support::TestStore;

/// Long memories of two bots in turn, with feelings and pins between.
fn memories(from: u64, count: u64) -> Vec<NewEvent> {
    let text = "the letter on the table lay open ".repeat(60);
    let one = |n: u64| {
        let owner = ["ada", "bea"][(n % 2) as usize];
        match n % 8 {
            6 => event(
                "edge_update",
                &format!(
                    r#"{{"source_id": "ada", "target_id": "bea", "affinity_delta": {n}, "trust_delta": 1, "reason": "{n}"}}"#
                ),
            ),
            // Event n + 4 is the n-th of these.
            7 => event("memory_pinned", &format!(r#"{{"memory_event_id": {}, "pinned": 1}}"#, n - 3 + 4)),
            _ => event(
                "memory_written",
                &format!(
                    r#"{{"owner_id": "{owner}", "chat_id": "c", "scene_id": null, "text": "{n} {text}", "significance": 3}}"#
                ),
            ),
        }
    };
    (from..from + count).map(one).collect()
}

fn begin(store: &TestStore) {
    store.append(vec![
        event("bot_created", r#"{"bot_id": "ada", "name": "Ada", "persona": "Counts."}"#),
        event("bot_created", r#"{"bot_id": "bea", "name": "Bea", "persona": "Hums."}"#),
        event("chat_created", r#"{"chat_id": "c", "title": "Tea", "host_bot_id": "ada"}"#),
    ]);
}

fn bea() -> EntityKey {
    EntityKey::new("bot", "bea")
}

/// Two bots with snapshots of long states, events after each of them.
fn remembering(store: &TestStore) {
    begin(store);
    for lot in 0..3 {
        store.append(memories(1 + lot * 100, 100));
        for key in [ada(), bea()] {
            let (taken, new) = store.engine.save_entity_snapshot(&key).unwrap();
            assert!(new && taken.state.len() > 64 << 10, "{} bytes", taken.state.len());
        }
    }
    store.append(memories(301, 60));
}

fn assert_every_version_is_the_logs(store: &TestStore) {
    let latest = |key: &EntityKey| store.engine.entity(key, EntityAt::Now).unwrap().latest;
    for key in [ada(), bea()] {
        let newest = latest(&key);
        // Forwards past snapshots, back again, and the same twice.
        for version in [newest - 1, newest - 9, newest - 9, 60, 61, 90, 20, newest - 2] {
            let found = at(store, &key, version);
            assert!(found.state == replayed(store, &key, found.sequence), "{key} at {version}");
        }
    }
}

#[test]
fn each_version_is_what_the_whole_log_gives() {
    let store = TestStore::new();
    remembering(&store);
    assert_every_version_is_the_logs(&store);
}

#[test]
fn each_version_is_so_where_a_state_cannot_be_loaded() {
    let store = store_of(&companion_of(without_loads).unwrap());
    remembering(&store);
    assert_every_version_is_the_logs(&store);
}

#[test]
fn rows_that_were_kept_are_not_of_another_history() {
    let store = TestStore::new();
    remembering(&store);
    assert_every_version_is_the_logs(&store);
    // A memory long before the snapshots goes, and comes back.
    store.engine.set_hidden(5, true, Means::Command).unwrap();
    assert_every_version_is_the_logs(&store);
    store.engine.set_hidden(5, false, Means::Command).unwrap();
    assert_every_version_is_the_logs(&store);
    store.engine.execute_rewind(250, Expected::default(), Means::Command).unwrap();
    store.append(memories(400, 6));
    let found = at(&store, &ada(), at(&store, &ada(), 100).latest - 1);
    assert!(found.state == replayed(&store, &ada(), found.sequence));
}

#[test]
fn what_is_wrong_with_a_long_one_is_told_when_it_is_read_and_then_in_lists() {
    let store = TestStore::new();
    remembering(&store);
    let newest = || store.engine.entity(&bea(), EntityAt::Now).unwrap().snapshots.remove(0);
    assert_eq!((newest().checked, newest().damaged), (false, None), "a list does not read it");
    let version = newest().version;
    store.engine.entity_snapshot(&bea(), version, false).unwrap();
    assert_eq!((newest().checked, newest().damaged), (false, None), "it may have changed since");

    let change = |sql: &str| store.other_program().execute(sql, []).unwrap();
    change("UPDATE entity_snapshots SET state = replace(state, 'Bea', 'Eve') WHERE entity_id = 'bea'");
    assert!(store.engine.entity_snapshot(&bea(), version, false).unwrap_err().to_string().contains("state hash"));
    assert!(newest().damaged.unwrap().contains("state hash"));
    change("UPDATE entity_snapshots SET state = replace(state, 'Eve', 'Bea') WHERE entity_id = 'bea'");
    store.engine.entity_snapshot(&bea(), version, false).unwrap();
    assert_eq!(newest().damaged, None);

    change("UPDATE entity_snapshots SET workflow_id = 'x' WHERE entity_id = 'bea'");
    assert!(newest().damaged.unwrap().contains("identity hash"), "which takes no reading of the state");
}
