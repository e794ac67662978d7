//! Snapshots of entities and going back: which of them are on this history, and that nothing is
//! replayed from one that is not.

use backstitch::engine::{EntityAt, EntityState};
use backstitch::history::Means;
use backstitch::snapshot::Expected;

use super::{ada, at, event, replayed};
use crate::support::{Story, TestStore};

/// Of each snapshot, newest first, whether it is on this history.
fn on_history(found: &EntityState) -> Vec<bool> {
    found.snapshots.iter().map(|one| one.on_this_history.unwrap()).collect()
}

fn now(store: &TestStore) -> EntityState {
    store.engine.entity(&ada(), EntityAt::Now).unwrap()
}

/// A store with snapshots of ada at events before 20 and before 40, taken back to 30.
fn rewound() -> TestStore {
    let store = TestStore::with_story(20);
    store.engine.save_entity_snapshot(&ada()).unwrap();
    store.append(Story::from(21).tell(20));
    store.engine.save_entity_snapshot(&ada()).unwrap();
    assert_eq!(on_history(&now(&store)), [true, true]);
    store.engine.execute_rewind(30, Expected::default(), Means::Command).unwrap();
    store
}

#[test]
fn a_rewind_leaves_later_snapshots_behind_and_an_undo_makes_them_good_again() {
    let store = rewound();
    assert_eq!(on_history(&now(&store)), [false, true]);
    let rewind = store.engine.operations(1).unwrap().remove(0).operation;
    store.engine.undo(rewind, true, Expected::default(), Means::Command).unwrap();
    assert_eq!(on_history(&now(&store)), [true, true], "with nothing to do");
}

#[test]
fn nothing_is_replayed_from_a_snapshot_that_is_not_on_this_history() {
    let store = rewound();
    // Another life after the rewind, of as many versions as before and more.
    let edge = r#"{"source_id": "ada", "target_id": "you", "affinity_delta": 3, "trust_delta": 3, "reason": "Anew."}"#;
    store.append((0..20).map(|_| event("edge_update", edge)).collect());
    let latest = now(&store).latest;
    for version in 1..=latest {
        let found = at(&store, &ada(), version);
        assert_eq!(found.state, replayed(&store, &ada(), found.sequence), "at {version}");
    }
    assert_eq!(on_history(&now(&store)), [false, true]);
    let newest = store.engine.latest_entity_snapshot(&ada()).unwrap().unwrap();
    assert!(newest.sequence <= 20);
}

#[test]
fn a_hidden_event_takes_the_snapshots_after_it_off_this_history() {
    let store = TestStore::with_story(20);
    store.engine.save_entity_snapshot(&ada()).unwrap();
    store.append(Story::from(21).tell(20));
    store.engine.save_entity_snapshot(&ada()).unwrap();
    store.engine.set_hidden(25, true, Means::Command).unwrap();
    assert_eq!(on_history(&now(&store)), [false, true]);
    store.engine.set_hidden(25, false, Means::Command).unwrap();
    assert_eq!(on_history(&now(&store)), [true, true]);
}

#[test]
fn the_log_of_a_snapshot_has_one_hash_wherever_its_end_was_then() {
    // Closed segments are remembered by a take, and hashed anew without one.
    let (remembered, fresh) = (TestStore::with_story(10), TestStore::with_story(10));
    for store in [&remembered, &fresh] {
        store.append(Story::from(11).tell(1500));
    }
    remembered.take();
    let hash = |store: &TestStore| store.engine.save_entity_snapshot(&ada()).unwrap().0;
    let (first, second) = (hash(&remembered), hash(&fresh));
    assert_eq!(first.sequence, second.sequence);
    assert_ne!(first.log_hash, second.log_hash, "their events came at other moments");
    for store in [&remembered, &fresh] {
        let before = hash(store).log_hash;
        store.append(Story::from(1511).tell(700));
        store.take();
        let again = store.engine.entity(&ada(), EntityAt::Now).unwrap();
        assert_eq!(on_history(&again), [true]);
        assert_eq!(store.engine.latest_entity_snapshot(&ada()).unwrap().unwrap().log_hash, before);
    }
}

#[test]
fn a_snapshot_of_another_logic_is_kept_and_not_replayed_from() {
    let store = TestStore::with_story(30);
    let (taken, _) = store.engine.save_entity_snapshot(&ada()).unwrap();
    let domain = super::companion_with("'archived', archived,", "'archived', archived, 'is_a', 'bot',").unwrap();
    store.engine.cold_load(Some(domain), false).unwrap();
    let found = now(&store);
    assert_eq!((found.snapshots[0].on_this_history, found.snapshots[0].of_this_logic), (Some(true), Some(false)));
    assert!(found.state.as_deref().unwrap().contains("\"is_a\":\"bot\""));
    assert_eq!(at(&store, &ada(), found.latest).state, found.state);
    assert_eq!(store.engine.latest_entity_snapshot(&ada()).unwrap(), None);
    let refused = store.engine.entity_snapshot(&ada(), taken.version, false).unwrap_err();
    assert_eq!(refused.kind(), backstitch::error::ErrorKind::Conflict);
    assert!(refused.to_string().contains("another domain gave the snapshot"), "{refused}");
    let answer = store.engine.entity_snapshot(&ada(), taken.version, true).unwrap();
    assert!(answer.replayed && answer.snapshot.state.contains("\"is_a\":\"bot\""));
    // One of today's takes its place.
    let (anew, new) = store.engine.save_entity_snapshot(&ada()).unwrap();
    assert!(new);
    assert_eq!(store.engine.entity_snapshot(&ada(), taken.version, false).unwrap().snapshot, anew);
}
