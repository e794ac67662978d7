//! What proves a snapshot of an entity, and what answers where it does not hold.

use backstitch::domain::Domain;
use backstitch::engine::EntityAt;
use backstitch::error::ErrorKind;

use super::{ada, at, companion_of, companion_with, event, replayed, store_of};
use crate::support::{Story, TestStore, story};

#[test]
fn every_column_is_covered_by_a_hash_and_a_mismatch_names_it() {
    for (column, value, hash) in [
        ("state", "replace(state, 'Ada', 'Eve')", "state hash"),
        ("state", "'{'", "state hash"),
        ("state_hash", "'00'", "state hash"),
        ("workflow_id", "'elsewhere'", "identity hash"),
        ("sequence", "sequence + 1", "identity hash"),
        ("log_hash", "'00'", "identity hash"),
        ("created_at", "'2020-01-01T00:00:00Z'", "identity hash"),
        ("created_at", "'never'", "identity hash"),
        ("logic", "'00'", "identity hash"),
        ("identity_hash", "'00'", "identity hash"),
        ("imported", "1", "identity hash"),
    ] {
        let store = TestStore::with_story(20);
        let (taken, _) = store.engine.save_entity_snapshot(&ada()).unwrap();
        store.other_program().execute(&format!("UPDATE entity_snapshots SET {column} = {value}"), []).unwrap();
        let error = store.engine.entity_snapshot(&ada(), taken.version, false).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Damaged, "{column}");
        let words = error.to_string();
        assert!(words.contains(hash) && words.contains("bot \"ada\"") && words.contains("fallback=replay"), "{words}");
        if column == "state_hash" {
            assert!(words.contains("its identity hash is"), "both are named: {words}");
        }

        let answer = store.engine.entity_snapshot(&ada(), taken.version, true).unwrap();
        assert!(answer.replayed);
        let answer = answer.snapshot;
        assert_eq!((answer.state, answer.state_hash, answer.sequence), (taken.state, taken.state_hash, taken.sequence));
    }
}

#[test]
fn a_damaged_snapshot_is_told_and_never_replayed_from() {
    let store = TestStore::with_story(30);
    store.engine.save_entity_snapshot(&ada()).unwrap();
    let sql = "UPDATE entity_snapshots SET state = replace(state, 'Ada', 'Eve')";
    store.other_program().execute(sql, []).unwrap();
    store.append(Story::from(31).tell(10));
    let found = store.engine.entity(&ada(), EntityAt::Now).unwrap();
    assert!(found.snapshots[0].damaged.as_deref().unwrap().contains("state hash"));
    for version in [found.latest - 1, found.latest] {
        let there = at(&store, &ada(), version);
        assert_eq!(there.state, replayed(&store, &ada(), there.sequence));
        assert!(there.state.unwrap().contains("\"Ada\""));
    }
    assert_eq!(store.engine.latest_entity_snapshot(&ada()).unwrap(), None);
}

#[test]
fn a_snapshot_holds_what_the_log_gives_and_not_what_somebody_put_into_the_tables() {
    let store = TestStore::with_story(30);
    store.other_program().execute("UPDATE bots SET name = 'Eve' WHERE id = 'ada'", []).unwrap();
    let (taken, _) = store.engine.save_entity_snapshot(&ada()).unwrap();
    assert!(taken.state.contains("\"Ada\"") && !taken.state.contains("\"Eve\""));
}

#[test]
fn a_load_that_does_not_give_the_state_back_is_not_used() {
    let lies = [
        (
            "INSERT INTO bots (id, name, persona, created_at, archived)\nVALUES (\n    :entity_id, :state ->> '$.name'",
            "INSERT INTO bots (id, name, persona, created_at, archived)\nVALUES (\n    :entity_id, 'Nobody'",
        ),
        ("VALUES (\n    :entity_id, :state ->> '$.name'", "VALUES (\n    :entity_id, NULL"),
    ];
    for (from, to) in lies {
        let store = store_of(&companion_with(from, to).unwrap());
        store.append(story(30));
        store.engine.save_entity_snapshot(&ada()).unwrap();
        store.append(Story::from(31).tell(20));
        let latest = store.engine.entity(&ada(), EntityAt::Now).unwrap().latest;
        let before = at(&store, &ada(), latest - 1);
        assert_eq!(before.state, replayed(&store, &ada(), before.sequence));
    }
}

#[test]
fn a_load_is_used_where_it_gives_the_state_back() {
    // The mark in the state stands for what only a snapshot knows: a replay from the first event
    // would not show it.
    let domain = |toml: String| {
        let toml = super::changed(
            &toml,
            "'name', name,",
            "'name', name, 'mark', (SELECT reason FROM edges WHERE source_id = 'mark'),",
        );
        super::changed(
            &toml,
            "INSERT INTO edges (source_id, target_id, affinity, trust, reason, updated_event_id)\nSELECT :entity_id,",
            "INSERT INTO edges (source_id, target_id, affinity, trust, reason, updated_event_id)\nSELECT 'mark', 'mark', 0, 0, :state ->> '$.mark', 0 WHERE :state ->> '$.mark' IS NOT NULL\nUNION ALL\nSELECT :entity_id,",
        )
    };
    let store = store_of(&companion_of(domain).unwrap());
    store.append(story(30));
    let (taken, _) = store.engine.save_entity_snapshot(&ada()).unwrap();
    let marked = taken.state.replace("\"mark\":null", "\"mark\":\"from the snapshot\"");
    let forged = backstitch::entity::EntitySnapshot {
        state_hash: backstitch::entity::snapshot::state_hash(&marked).unwrap(),
        state: marked,
        ..taken
    };
    let conn = store.other_program();
    conn.execute("DELETE FROM entity_snapshots", []).unwrap();
    backstitch::entity::table::put(&conn, &forged).unwrap();
    store.append(Story::from(31).tell(20));
    let latest = store.engine.entity(&ada(), EntityAt::Now).unwrap().latest;
    assert!(at(&store, &ada(), latest - 1).state.unwrap().contains("from the snapshot"));
}

#[test]
fn events_that_need_those_of_others_say_what_to_write_into_the_domain() {
    let mut files = Domain::companion().unwrap().files().clone();
    // The memory of another bot decides here, so own events are not enough.
    let handler = "INSERT INTO edges (source_id, target_id, affinity, trust, reason, updated_event_id)
        VALUES (:payload ->> '$.source_id', :payload ->> '$.target_id', 1, 1,
                (SELECT name FROM bots WHERE id = :payload ->> '$.target_id'), :id)";
    files.insert("handlers/edge_update.sql".to_owned(), handler.to_owned());
    let store = store_of(&Domain::from_files(files).unwrap());
    store.append(story(8));
    let error = store.engine.save_entity_snapshot(&ada()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unprocessable);
    assert!(error.to_string().contains("replay = \"full\""), "{error}");
}

#[test]
fn a_state_over_the_limit_is_refused() {
    let store = TestStore::with_story(6);
    let text = "x".repeat(3 << 20);
    for _ in 0..3 {
        let memory = format!(r#"{{"owner_id": "ada", "chat_id": "c", "text": "{text}", "significance": 1}}"#);
        store.append(vec![event("memory_written", &memory)]);
    }
    let error = store.engine.save_entity_snapshot(&ada()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unprocessable);
    assert!(error.to_string().contains("at most 8388608"), "{error}");
    let found = store.engine.entity(&ada(), EntityAt::Now).unwrap();
    assert!(found.state.unwrap().len() > 8 << 20, "it can be looked at all the same");
    assert!(found.snapshots.is_empty());
}
