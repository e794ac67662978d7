//! Snapshots of entities that come from elsewhere.

use backstitch::engine::EntityAt;
use backstitch::entity::{EntityKey, Origin};
use backstitch::error::ErrorKind;

use super::{ada, at, replayed};
use crate::support::{Story, TestStore};

#[test]
fn an_imported_snapshot_is_marked_and_never_replayed_from() {
    let store = TestStore::with_story(30);
    let text =
        r#"{"entity_type": "bot", "entity_id": "ada", "version": 3, "sequence": 14, "state": {"name": "A lie"}}"#;
    let imported = store.engine.import_entity_snapshot(text).unwrap();
    assert_eq!(imported.origin, Origin::Unverified);
    let found = store.engine.entity(&ada(), EntityAt::Now).unwrap();
    assert_eq!((found.snapshots[0].on_this_history, found.snapshots[0].of_this_logic), (None, None));
    for version in 1..=found.latest {
        let there = at(&store, &ada(), version);
        assert_eq!(there.state, replayed(&store, &ada(), there.sequence), "at {version}");
    }
    let read = store.engine.entity_snapshot(&ada(), 3, false).unwrap();
    assert_eq!((read.snapshot.state.as_str(), read.replayed), (r#"{"name":"A lie"}"#, false));
}

#[test]
fn an_imported_one_replaces_another_imported_one_and_never_an_own_one() {
    let store = TestStore::with_story(30);
    let text = |state: &str| format!(r#"{{"entity_type": "bot", "entity_id": "ada", "version": 2, "state": {state}}}"#);
    store.engine.import_entity_snapshot(&text(r#"{"n": 1}"#)).unwrap();
    store.engine.import_entity_snapshot(&text(r#"{"n": 2}"#)).unwrap();
    assert_eq!(store.engine.entity_snapshot(&ada(), 2, false).unwrap().snapshot.state, r#"{"n":2}"#);
    assert_eq!(store.engine.entity(&ada(), EntityAt::Now).unwrap().snapshots.len(), 1);

    let (own, _) = store.engine.save_entity_snapshot(&ada()).unwrap();
    let over = own.to_dict().unwrap();
    let error = store.engine.import_entity_snapshot(&over).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Conflict);
    assert!(error.to_string().contains("a snapshot of its own"), "{error}");
    assert_eq!(store.engine.entity_snapshot(&ada(), own.version, false).unwrap().snapshot, own);
}

#[test]
fn an_own_one_is_taken_beside_one_that_was_imported_before() {
    let store = TestStore::with_story(30);
    let version = store.engine.entity(&ada(), EntityAt::Now).unwrap().version;
    let text = format!(r#"{{"entity_type": "bot", "entity_id": "ada", "version": {version}, "state": {{}}}}"#);
    store.engine.import_entity_snapshot(&text).unwrap();
    let (own, new) = store.engine.save_entity_snapshot(&ada()).unwrap();
    assert!(new);
    assert_eq!(store.engine.entity_snapshot(&ada(), version, false).unwrap().snapshot, own, "its own comes first");
}

#[test]
fn a_known_type_is_needed_and_an_id_that_nobody_knows_will_do() {
    let store = TestStore::with_story(10);
    let error = store.engine.import_entity_snapshot("{}").unwrap_err();
    assert!(error.to_string().starts_with("the domain has no type of entity \"workflow\""), "{error}");
    store.engine.import_entity_snapshot(r#"{"entity_type": "bot", "entity_id": "far away"}"#).unwrap();
    let found = store.engine.entity(&EntityKey::new("bot", "far away"), EntityAt::Now).unwrap();
    assert_eq!((found.version, found.state, found.snapshots.len()), (0, None, 1));
}

#[test]
fn what_one_store_exports_another_takes_with_its_hash() {
    let (here, there) = (TestStore::with_story(40), TestStore::new());
    let (taken, _) = here.engine.save_entity_snapshot(&ada()).unwrap();
    there.append(Story::default().tell(3));
    let imported = there.engine.import_entity_snapshot(&taken.to_dict().unwrap()).unwrap();
    assert_eq!(imported.origin, Origin::Imported);
    assert_eq!((imported.state_hash, imported.created_at), (taken.state_hash.clone(), taken.created_at));
    let wrong = taken.to_dict().unwrap().replace(&taken.state_hash, &"0".repeat(64));
    let error = there.engine.import_entity_snapshot(&wrong).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unprocessable);
}
