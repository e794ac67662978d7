//! Where tables, loads or rows are in doubt, and what at the edge of a calendar must not end a thread.

use std::collections::BTreeMap;
use std::time::Duration;

use backstitch::domain::Domain;
use backstitch::engine::EntityAt;
use backstitch::entity::{EntityKey, SnapshotPolicy};
use backstitch::error::ErrorKind;
use backstitch::history::Means;
use backstitch::log::NewEvent;
use backstitch::snapshot::Expected;

use super::{ada, at, chat, companion_of, event, replayed, store_of, without_loads};
use crate::support::{Story, TestStore, story};

/// A domain of one table: what is set is put behind what was there.
fn joined(extra: &str, replay: &str, load: &str) -> Domain {
    let toml = format!(
        "name = \"joined\"\ntables = [\"acc\"]\n[[entity]]\ntype = \"acc\"\nreplay = \"{replay}\"\n\
         list = \"SELECT name FROM acc ORDER BY name\"\n\
         state = \"SELECT json_object('name', name, 'v', v) FROM acc WHERE name = :entity_id\"\n\
         events = \"SELECT :payload ->> '$.a' WHERE :kind = 'set'\"\n{load}"
    );
    let schema = format!("CREATE TABLE acc (name TEXT PRIMARY KEY NOT NULL, v TEXT NOT NULL{extra});");
    let set = match extra {
        "" => {
            "INSERT INTO acc (name, v) VALUES (:payload ->> '$.a', :payload ->> '$.v')
               ON CONFLICT (name) DO UPDATE SET v = v || excluded.v"
        }
        _ => {
            "INSERT INTO acc (name, v, n) VALUES (:payload ->> '$.a', '0', 0)
              ON CONFLICT (name) DO UPDATE SET n = n + 1, v = v || (n + 1)"
        }
    };
    let files = [("domain.toml", toml), ("schema.sql", schema), ("handlers/set.sql", set.to_owned())];
    Domain::from_files(files.into_iter().map(|(name, text)| (name.to_owned(), text)).collect::<BTreeMap<_, _>>())
        .unwrap()
}

fn set(v: &str) -> NewEvent {
    event("set", &format!(r#"{{"a": "x", "v": "{v}"}}"#))
}

fn x() -> EntityKey {
    EntityKey::new("acc", "x")
}

#[test]
fn a_snapshot_of_doubtful_tables_is_not_relied_on_once_they_are_mended() {
    let load = "load = \"INSERT INTO acc (name, v) VALUES (:state ->> '$.name', :state ->> '$.v')\"\n";
    let store = store_of(&joined("", "own", load));
    store.append(["1", "3", "4"].map(set).into());
    store.other_program().execute("DELETE FROM entity_events WHERE event_id = 1", []).unwrap();
    store.engine.save_entity_snapshot(&x()).unwrap();
    assert!(!store.engine.verify_projection().unwrap().clean);
    store.engine.rebuild_projection(Expected::default(), Means::Command).unwrap();
    store.append(["9", "8"].map(set).into());
    for version in 1..=5 {
        let found = at(&store, &x(), version);
        assert_eq!(found.state, replayed(&store, &x(), found.sequence), "at {version}");
    }
    let found = store.engine.entity(&x(), EntityAt::Now).unwrap();
    assert_eq!(found.snapshots[0].on_this_history, Some(false));
    assert!(store.engine.save_entity_snapshot(&x()).unwrap().0.state.contains("13498"));
}

#[test]
fn a_type_that_is_replayed_in_full_keeps_what_the_log_gives_too() {
    let store = store_of(&joined("", "full", ""));
    store.append(["1", "3", "4"].map(set).into());
    store.other_program().execute("UPDATE acc SET v = 'TAMPER'", []).unwrap();
    let (taken, _) = store.engine.save_entity_snapshot(&x()).unwrap();
    assert!(taken.state.contains("134"), "{}", taken.state);
}

#[test]
fn in_full_a_version_counts_what_is_live_today() {
    let store = store_of(&joined("", "full", ""));
    store.append(["1", "2", "3"].map(set).into());
    store.append(vec![NewEvent { supersedes: Some(2), ..set("4") }]);
    for (version, state) in [(1, "1"), (2, "13"), (3, "134")] {
        let found = at(&store, &x(), version);
        assert_eq!(found.version, version);
        assert!(found.state.unwrap().ends_with(&format!(":\"{state}\"}}")), "at {version}");
    }
    let then = store.engine.entity(&x(), EntityAt::Event(3)).unwrap();
    assert_eq!((then.version, then.state.unwrap().contains("123")), (3, true), "as of the event it was live");
}

#[test]
fn a_load_that_leaves_out_what_later_events_need_is_found_out() {
    let load = "load = \"INSERT INTO acc (name, v, n) VALUES (:state ->> '$.name', :state ->> '$.v', 0)\"\n";
    let store = store_of(&joined(", n INTEGER NOT NULL", "own", load));
    for _ in 0..3 {
        store.append(vec![set("-"), set("-")]);
        let (taken, _) = store.engine.save_entity_snapshot(&x()).unwrap();
        assert_eq!(Some(taken.state), replayed(&store, &x(), taken.sequence));
    }
    for version in 1..=6 {
        let found = at(&store, &x(), version);
        assert_eq!(found.state, replayed(&store, &x(), found.sequence), "at {version}");
    }
}

#[test]
fn a_snapshot_that_is_damaged_is_taken_anew() {
    let store = TestStore::with_story(20);
    let (taken, _) = store.engine.save_entity_snapshot(&ada()).unwrap();
    store.other_program().execute("UPDATE entity_snapshots SET state = '{}'", []).unwrap();
    let (again, new) = store.engine.save_entity_snapshot(&ada()).unwrap();
    assert!(new);
    let read = store.engine.entity_snapshot(&ada(), taken.version, false).unwrap();
    assert_eq!((read.snapshot.state, read.snapshot.created_at), (taken.state, again.created_at));
}

#[test]
fn rows_with_values_of_other_types_are_damaged_and_nothing_worse() {
    for change in [
        "version = 'abc'",
        "version = -3",
        "sequence = 'zz'",
        "created_at = x'ff'",
        "created_at = '9999-12-31T23:59:59Z'",
        "log_hash = x'00'",
        "state = x'ff'",
        "logic = 7",
        "imported = 'x'",
    ] {
        let store = TestStore::with_story(20);
        store.engine.save_entity_snapshot(&ada()).unwrap();
        store.other_program().execute(&format!("UPDATE entity_snapshots SET {change}"), []).unwrap();
        let found = store.engine.entity(&ada(), EntityAt::Now).unwrap();
        assert!(found.snapshots[0].damaged.is_some(), "{change}");
        assert_eq!(store.engine.entities("bot", None, None, 10).unwrap().len(), 2, "{change}");
        store.engine.follow_entity_policy_now().unwrap();
        assert_eq!(store.engine.latest_entity_snapshot(&ada()).unwrap(), None, "{change}");
    }
}

#[test]
fn times_beyond_the_calendar_mean_never() {
    let never = Duration::from_secs(99_999_999 * 3600);
    let store = TestStore::with(|options| {
        options.entity_policy = SnapshotPolicy::new(5, never);
        options.policy.interval = never;
        options.policy.keep_rewind = never;
    });
    store.append(story(30));
    store.take();
    assert!(store.engine.follow_entity_policy_now().unwrap() > 0);
    store.append(Story::from(31).tell(2));
    assert_eq!(store.engine.entities("chat", None, None, 10).unwrap()[0].due_at, None);
    store.engine.follow_entity_policy_now().unwrap();
    assert_eq!(store.engine.next_due().unwrap().at, None);
    store.engine.prune_periodic_snapshots(Means::Command).unwrap();
}

#[test]
fn one_entity_that_cannot_be_told_does_not_stop_the_others() {
    let store = TestStore::with(|options| options.entity_policy = SnapshotPolicy::new(5, Duration::from_secs(3600)));
    store.append(story(30));
    let half = r#"{"owner_id": "bob", "chat_id": "c", "text": "cut \ud83d", "significance": 1}"#;
    store.append((0..6).map(|_| event("memory_written", half)).collect());
    let error = store.engine.entity(&EntityKey::new("bot", "bob"), EntityAt::Now).unwrap_err();
    assert!(error.to_string().contains("half a character"), "{error}");
    assert_eq!(store.engine.follow_entity_policy_now().unwrap(), 2, "ada and the chat");
    assert_eq!(store.engine.entities("bot", None, None, 10).unwrap().len(), 2);

    let id = r#"{"bot_id": "\ud83d", "name": "B", "persona": "P"}"#;
    let refused = store.engine.append(vec![event("bot_created", id)]).unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::Unprocessable);
    assert!(refused.to_string().contains("an entity's id is not UTF-8"), "{refused}");
}

#[test]
fn an_entity_that_failed_is_tried_again_once_it_has_changed() {
    let store = TestStore::with(|options| options.entity_policy = SnapshotPolicy::new(3, Duration::from_secs(3600)));
    store.append(story(6));
    let text = "x".repeat(9 << 20);
    let large = format!(r#"{{"owner_id": "bob", "chat_id": "c", "text": "{text}", "significance": 1}}"#);
    let bob = EntityKey::new("bot", "bob");
    let pin = |n| event("memory_pinned", &format!(r#"{{"memory_event_id": 7, "pinned": {}}}"#, n % 2));
    store.append(vec![event("memory_written", &large), pin(1), pin(0)]);
    store.engine.follow_entity_policy_now().unwrap();
    assert!(store.engine.latest_entity_snapshot(&bob).unwrap().is_none(), "its state is over the limit");
    assert_eq!(store.engine.follow_entity_policy_now().unwrap(), 0, "and is not tried again as it is");
    store.engine.set_hidden(7, true, Means::Command).unwrap_err();
    store.engine.set_hidden(8, true, Means::Command).unwrap();
    store.engine.set_hidden(9, true, Means::Command).unwrap();
    store.engine.set_hidden(7, true, Means::Command).unwrap();
    let edge = r#"{"source_id": "bob", "target_id": "you", "affinity_delta": 1, "trust_delta": 1, "reason": "Tea."}"#;
    store.append((0..3).map(|_| event("edge_update", edge)).collect());
    store.engine.follow_entity_policy_now().unwrap();
    assert!(store.engine.latest_entity_snapshot(&bob).unwrap().is_some());
}

#[test]
fn an_import_without_a_hash_does_not_take_the_place_of_one_with_its_hash() {
    let there = TestStore::with_story(10);
    let hash = backstitch::entity::snapshot::state_hash(r#"{"v": "good"}"#).unwrap();
    let text = |state: &str, hash: &str| {
        format!(r#"{{"entity_type": "bot", "entity_id": "eve", "version": 1, "state": {state}{hash}}}"#)
    };
    there.engine.import_entity_snapshot(&text(r#"{"v": "good"}"#, &format!(r#", "state_hash": "{hash}""#))).unwrap();
    let refused = there.engine.import_entity_snapshot(&text(r#"{"v": "evil"}"#, "")).unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::Conflict);
    let read = there.engine.entity_snapshot(&EntityKey::new("bot", "eve"), 1, false).unwrap();
    assert!(read.snapshot.state.contains("good"));
}

#[test]
fn queries_of_an_entity_ask_for_it_and_a_workflow_may_be_a_number() {
    for (from, to) in [
        ("workflow = \"SELECT id FROM chats WHERE id = :entity_id\"", "workflow = \"SELECT 'one'\""),
        ("WHERE chats.id = :entity_id", "WHERE chats.id = 'c'"),
    ] {
        let refused = super::companion_with(from, to).unwrap_err().to_string();
        assert!(refused.contains("does not ask for :entity_id"), "{refused}");
    }
    let number = "workflow = \"SELECT 5 WHERE :entity_id <> ''\"";
    let domain = companion_of(|toml| {
        without_loads(super::changed(&toml, "workflow = \"SELECT id FROM chats WHERE id = :entity_id\"", number))
    });
    let store = store_of(&domain.unwrap());
    store.append(story(10));
    assert_eq!(store.engine.save_entity_snapshot(&chat()).unwrap().0.workflow_id, "5");
}
