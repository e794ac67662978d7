//! The state of an entity at each of its versions is what the whole log gives there.

use backstitch::engine::EntityAt;
use backstitch::entity::EntityKey;
use backstitch::error::ErrorKind;
use backstitch::history::Means;
use backstitch::log::NewEvent;
use backstitch::snapshot::Scope;

use super::{ada, at, chat, companion_of, companion_with, event, replayed, store_of, without_loads};
use crate::support::{Story, TestStore, story};

#[test]
fn every_version_is_what_the_whole_log_gives_with_snapshots_and_without() {
    let store = TestStore::with_story(40);
    for more in [25, 25, 25] {
        store.append(Story::from(store.engine.status().unwrap().head + 1).tell(more));
        for key in [ada(), chat(), EntityKey::new("bot", "bob")] {
            store.engine.save_entity_snapshot(&key).unwrap();
            let now = store.engine.entity(&key, EntityAt::Now).unwrap();
            for version in 1..=now.latest {
                let found = at(&store, &key, version);
                assert_eq!(found.version, version);
                assert_eq!(found.state, replayed(&store, &key, found.sequence), "{key} at {version}");
            }
        }
    }
    assert!(store.engine.entity(&ada(), EntityAt::Now).unwrap().snapshots.len() == 3);
}

#[test]
fn what_is_superseded_or_hidden_belongs_to_no_version() {
    let store = TestStore::with_story(40);
    let before = store.engine.entity(&chat(), EntityAt::Now).unwrap();
    let replaced = event("assistant_turn", r#"{"chat_id": "c", "bot_id": "ada", "text": "Better."}"#);
    store.append(vec![NewEvent { supersedes: Some(40), ..replaced }]);
    store.engine.set_hidden(36, true, Means::Command).unwrap();
    let now = store.engine.entity(&chat(), EntityAt::Now).unwrap();
    assert_eq!(now.version, before.version - 1, "one in place of another, and one hidden");
    for version in 1..=now.version {
        let found = at(&store, &chat(), version);
        assert_eq!(found.state, replayed(&store, &chat(), found.sequence), "at {version}");
    }
}

#[test]
fn as_of_an_event_what_only_a_later_one_superseded_counts() {
    let store = TestStore::with_story(40);
    let then = store.engine.entity(&chat(), EntityAt::Event(40)).unwrap();
    let replaced = event("assistant_turn", r#"{"chat_id": "c", "bot_id": "ada", "text": "Better."}"#);
    store.append(vec![NewEvent { supersedes: Some(40), ..replaced }]);
    let found = store.engine.entity(&chat(), EntityAt::Event(40)).unwrap();
    assert_eq!((found.version, found.state), (then.version, then.state));
    let before = store.engine.entity(&chat(), EntityAt::Event(20)).unwrap();
    assert_eq!(before.state, replayed(&store, &chat(), 20));
    assert!(before.version < then.version);
}

#[test]
fn before_its_first_event_an_entity_has_no_state() {
    let store = TestStore::with_story(10);
    let found = at(&store, &ada(), 0);
    assert_eq!((found.version, found.sequence, found.state), (0, 0, None));
    let found = store.engine.entity(&ada(), EntityAt::Event(1)).unwrap();
    assert_eq!((found.version, found.state), (0, None));
}

#[test]
fn while_the_tables_are_paused_an_entity_stands_where_they_do() {
    let store = TestStore::with_story(20);
    let taken = store.take();
    let then = store.engine.entity(&chat(), EntityAt::Now).unwrap();
    store.append(Story::from(21).tell(20));
    store.restore(&taken, Scope::Projections);
    let held = store.engine.entity(&chat(), EntityAt::Now).unwrap();
    assert_eq!((held.version, &held.state), (then.version, &then.state));
    let ahead = store.engine.entity(&chat(), EntityAt::Event(40)).unwrap();
    assert_eq!(ahead.state, replayed(&store, &chat(), 40), "as of an event that waits");
}

#[test]
fn a_domain_that_says_so_is_replayed_in_full() {
    let full = |toml: String| toml.replace("replay = \"own\"", "replay = \"full\"");
    // A load is for those whose own events are enough.
    let error = companion_of(full).unwrap_err().to_string();
    assert!(error.contains("`replay = \"own\"`"), "{error}");
    let domain = companion_of(|toml| full(without_loads(toml))).unwrap();
    let store = store_of(&domain);
    store.append(story(30));
    let now = store.engine.entity(&chat(), EntityAt::Now).unwrap();
    for version in [1, now.version / 2, now.version] {
        let found = at(&store, &chat(), version);
        assert_eq!(found.state, replayed(&store, &chat(), found.sequence), "at {version}");
    }
    store.engine.save_entity_snapshot(&chat()).unwrap();
}

#[test]
fn two_versions_differ_by_path() {
    let store = TestStore::with_story(40);
    let now = store.engine.entity(&ada(), EntityAt::Now).unwrap().version;
    let found = store.engine.entity_difference(&ada(), 1, now).unwrap();
    let told: Vec<String> = found.differences.iter().map(|one| format!("{} {}", one.path, one.change)).collect();
    assert_eq!(told[0], "$.edges_out[target_id=\"bob\"] added");
    assert!(told.iter().skip(1).all(|one| one.starts_with("$.memories[id=")), "{told:?}");
    assert!(store.engine.entity_difference(&ada(), now, now).unwrap().differences.is_empty());
    let back = store.engine.entity_difference(&ada(), now, 1).unwrap();
    assert!(back.differences.iter().all(|one| one.change == "removed" && one.before.is_some() && one.after.is_none()));
}

#[test]
fn what_is_not_there_is_named() {
    let store = TestStore::with_story(20);
    let refused = |key: &EntityKey, at| store.engine.entity(key, at).unwrap_err();
    let unknown = refused(&EntityKey::new("ship", "ada"), EntityAt::Now);
    assert_eq!(unknown.to_string(), "the domain has no type of entity \"ship\". It has bot, chat.");
    assert_eq!(refused(&EntityKey::new("bot", "eve"), EntityAt::Now).to_string(), "there is no bot \"eve\"");
    let beyond = refused(&ada(), EntityAt::Version(99));
    assert!(beyond.to_string().starts_with("bot \"ada\" has no version 99: its newest is "), "{beyond}");
    assert_eq!(beyond.kind(), ErrorKind::NotFound);
    let later = refused(&ada(), EntityAt::Event(21));
    assert_eq!(later.kind(), ErrorKind::Malformed);
}

#[test]
fn an_entity_whose_query_fails_or_gives_no_object_is_told() {
    for (from, to, words) in [
        (
            "SELECT json_object(\n    'id', id,\n    'name', name,\n    'persona'",
            "SELECT json_array(\n    'id', id,\n    'name', name,\n    'persona'",
            "gives no JSON object",
        ),
        (
            "'created_at', created_at,\n    'archived', archived,",
            "'created_at', created_at,\n    'broken', json_extract('{', '$.x'),\n    'archived', archived,",
            "malformed JSON",
        ),
    ] {
        let store = store_of(&companion_with(from, to).unwrap());
        store.append(story(10));
        let error = store.engine.entity(&ada(), EntityAt::Now).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unprocessable);
        assert!(error.to_string().contains(words) && error.to_string().contains("bot \"ada\""), "{error}");
    }
}

#[test]
fn an_event_whose_entities_cannot_be_asked_for_is_refused_whole() {
    let from = "SELECT :payload ->> '$.bot_id' WHERE :kind = 'bot_created'";
    let to = "SELECT json_extract(:payload ->> '$.persona', '$.x') WHERE :kind = 'bot_created'";
    let store = store_of(&companion_with(from, to).unwrap());
    let error = store.engine.append(story(2)).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unprocessable);
    assert!(error.to_string().contains("asking for its entities"), "{error}");
    assert_eq!(store.engine.status().unwrap().head, 0);
}
