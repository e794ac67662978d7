//! A version is what the log gives: whatever stands in the tables, and whoever has changed the log.

use std::time::Duration;

use backstitch::engine::EntityAt;
use backstitch::entity::SnapshotPolicy;
use backstitch::error::ErrorKind;
use backstitch::history::Means;
use backstitch::log::NewEvent;

use super::{ada, at, companion_of, event, replayed, store_of};
use crate::support::TestStore;

fn edge(affinity: i64) -> NewEvent {
    let payload = format!(
        r#"{{"source_id": "ada", "target_id": "you", "affinity_delta": {affinity}, "trust_delta": 0, "reason": "{affinity}"}}"#
    );
    event("edge_update", &payload)
}

/// Ada with three feelings: events 1 to 4.
fn feeling(store: &TestStore) {
    store.append(vec![event("bot_created", r#"{"bot_id": "ada", "name": "Ada", "persona": "Counts."}"#)]);
    store.append([1, 10, 100].map(edge).into());
}

#[test]
fn the_newest_version_is_the_logs_though_another_row_stands_in_the_tables() {
    let store = TestStore::new();
    feeling(&store);
    store.engine.save_entity_snapshot(&ada()).unwrap();
    let change = |sql: &str| store.other_program().execute(sql, []).unwrap();
    change("UPDATE bots SET name = 'Eve' WHERE id = 'ada'");
    change("UPDATE entity_snapshots SET state = '{}'");
    let right = replayed(&store, &ada(), 4);
    assert_eq!(at(&store, &ada(), 4).state, right);
    let answer = store.engine.entity_snapshot(&ada(), 4, true).unwrap();
    assert_eq!((answer.replayed, Some(answer.snapshot.state)), (true, right));
    let found = store.engine.entity_difference(&ada(), 3, 4).unwrap().differences;
    assert!(found.iter().all(|one| one.path.starts_with("$.edges_out")), "{found:?}");
    let now = store.engine.entity(&ada(), EntityAt::Now).unwrap();
    assert!(now.state.unwrap().contains("Eve"), "and now is what stands in the tables");
}

#[test]
fn no_version_is_made_of_two_logs() {
    let store = TestStore::new();
    feeling(&store);
    store.other_program().execute("UPDATE event_log SET hidden = 1 WHERE id = 3", []).unwrap();
    for version in [3, 4] {
        let refused = store.engine.entity(&ada(), EntityAt::Version(version)).unwrap_err();
        assert_eq!(refused.kind(), ErrorKind::Conflict);
        assert!(refused.to_string().contains("the tables have not followed yet"), "{refused}");
    }
    // Taking one takes the change in first.
    let (taken, _) = store.engine.save_entity_snapshot(&ada()).unwrap();
    assert_eq!((taken.version, taken.sequence), (3, 4));
    assert_eq!(Some(taken.state), replayed(&store, &ada(), 4));
}

#[test]
fn what_is_shown_as_of_an_event_is_what_is_compared() {
    let store = TestStore::new();
    feeling(&store);
    store.append(vec![NewEvent { supersedes: Some(2), ..edge(1000) }]);
    let shown = store.engine.entity(&ada(), EntityAt::Event(4)).unwrap();
    assert!(shown.state.as_deref().unwrap().contains(r#""affinity":111"#));
    let found = store.engine.entity_difference_from(&shown, 1).unwrap();
    assert_eq!((found.version, found.with), (4, 1));
    assert!(found.differences[0].before.as_deref().unwrap().contains(r#""affinity":111"#), "{found:?}");
}

#[test]
fn a_damaged_snapshot_counts_for_none_when_the_next_is_judged() {
    let store = TestStore::with(|options| options.entity_policy = SnapshotPolicy::new(3, Duration::from_secs(3600)));
    feeling(&store);
    assert_eq!(store.engine.follow_entity_policy_now().unwrap(), 1);
    assert_eq!(store.engine.follow_entity_policy_now().unwrap(), 0);
    for change in ["state = '{}'", "created_at = '3026-01-01T00:00:00Z'", "created_at = replace(created_at, 'T', ' ')"]
    {
        store.other_program().execute(&format!("UPDATE entity_snapshots SET {change}"), []).unwrap();
        let due = store.engine.entities("bot", None, None, 10).unwrap().remove(0);
        assert_eq!((due.snapshot_version, due.due_after_events), (None, 0), "{change}");
        assert_eq!(store.engine.follow_entity_policy_now().unwrap(), 1, "{change}");
        assert!(store.engine.entity_snapshot(&ada(), 4, false).is_ok(), "{change}");
    }
}

#[test]
fn an_entity_that_failed_is_tried_again_once_the_log_before_has_changed() {
    let domain = companion_of(|toml| {
        toml.replace("FROM bots WHERE id = :entity_id", "FROM bots WHERE id = :entity_id AND (SELECT sum(affinity) FROM edges) < abs(-110) UNION ALL SELECT '[]' FROM bots WHERE id = :entity_id AND (SELECT sum(affinity) FROM edges) >= 110")
    });
    let store = store_of(&domain.unwrap());
    feeling(&store);
    assert_eq!(store.engine.follow_entity_policy_now().unwrap(), 0);
    let due = store.engine.entities("bot", None, None, 10).unwrap().remove(0);
    assert_eq!(due.refused, None, "100 events make one due");
    store.append((0..100).map(|_| edge(0)).collect());
    assert_eq!(store.engine.follow_entity_policy_now().unwrap(), 0);
    let due = store.engine.entities("bot", None, None, 10).unwrap().remove(0);
    assert!(due.refused.unwrap().contains("gives no JSON object"));
    store.engine.set_hidden(4, true, Means::Command).unwrap();
    assert_eq!(store.engine.follow_entity_policy_now().unwrap(), 1);
}

#[test]
fn a_query_that_gives_two_rows_is_refused() {
    let domain =
        companion_of(|toml| toml.replace("FROM bots WHERE id = :entity_id", "FROM bots WHERE id >= :entity_id"));
    let store = store_of(&domain.unwrap());
    feeling(&store);
    store.append(vec![event("bot_created", r#"{"bot_id": "bea", "name": "Bea", "persona": "Hums."}"#)]);
    let refused = store.engine.entity(&ada(), EntityAt::Now).unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::Unprocessable);
    assert!(refused.to_string().contains("gives more than one row"), "{refused}");
}

#[test]
fn a_type_whose_list_fails_leaves_the_others_alone() {
    let domain = companion_of(|toml| toml.replace("SELECT id FROM chats ORDER BY id", "SELECT json(id) FROM chats"));
    let store = store_of(&domain.unwrap());
    feeling(&store);
    store.append(vec![event("chat_created", r#"{"chat_id": "c", "title": "Tea", "host_bot_id": "ada"}"#)]);
    let types = store.engine.entity_types().unwrap();
    assert_eq!((types[0].count, types[1].count), (Some(1), None));
    assert!(types[1].error.as_deref().unwrap().contains("list of chat fails: malformed JSON"), "{types:?}");
    assert_eq!(store.engine.entities("bot", None, None, 10).unwrap().len(), 1);
}
