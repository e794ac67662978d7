//! When snapshots of entities are taken, and how many are kept.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use backstitch::clock::Clock;
use backstitch::engine::{Engine, EntityAt};
use backstitch::entity::{EntityKey, SnapshotPolicy};
use backstitch::history::Means;
use backstitch::scheduler::Scheduler;
use backstitch::snapshot::{Expected, Scope};
use time::OffsetDateTime;
use time::macros::datetime;

use super::{ada, chat};
use crate::support::{Story, TestStore};

/// A store whose clock the test sets, with a policy of 10 events or an hour.
fn store() -> (TestStore, Arc<Mutex<OffsetDateTime>>) {
    store_with(10)
}

fn store_with(events: u64) -> (TestStore, Arc<Mutex<OffsetDateTime>>) {
    let now = Arc::new(Mutex::new(datetime!(2026-01-01 12:00 UTC)));
    let clock = Arc::clone(&now);
    let store = TestStore::with(|options| {
        options.entity_policy = SnapshotPolicy::new(events, Duration::from_secs(3600));
        options.keep_entity_snapshots = 3;
        options.clock = Clock::new(move || *clock.lock().unwrap());
    });
    (store, now)
}

/// Follows the policy until nothing is due, as the background thread does over its rounds.
fn follow(engine: &Engine) -> usize {
    let mut taken = 0;
    loop {
        match engine.follow_entity_policy_now().unwrap() {
            0 => return taken,
            more => taken += more,
        }
    }
}

fn versions(store: &TestStore, key: &EntityKey) -> Vec<u64> {
    let found = store.engine.entity(key, EntityAt::Now).unwrap();
    found.snapshots.iter().map(|one| one.version).collect()
}

#[test]
fn one_is_due_after_so_many_events_of_the_entity() {
    let (store, _) = store();
    store.append(Story::default().tell(20));
    let (of_ada, of_chat) = (version(&store, &ada()), version(&store, &chat()));
    assert!(of_ada < 10 && of_chat >= 10, "{of_ada} and {of_chat}");
    assert_eq!(follow(&store.engine), 1);
    assert_eq!((versions(&store, &ada()), versions(&store, &chat())), (vec![], vec![of_chat]));
    assert_eq!(follow(&store.engine), 0, "nothing has come since");

    store.append(Story::from(21).tell(6));
    assert_eq!(follow(&store.engine), 0, "too little has come since");
    let due = store.engine.entities("chat", None, None, 10).unwrap().remove(0);
    assert_eq!((due.snapshot_version, due.due_after_events), (Some(of_chat), 10 - due.events_since));
}

fn version(store: &TestStore, key: &EntityKey) -> u64 {
    store.engine.entity(key, EntityAt::Now).unwrap().version
}

#[test]
fn one_is_due_an_hour_after_the_last_if_the_entity_has_changed() {
    let (store, now) = store_with(1000);
    store.append(Story::default().tell(8));
    *now.lock().unwrap() += Duration::from_secs(7200);
    assert_eq!(follow(&store.engine), 0, "the time counts from the last one, and there is none");
    store.engine.save_entity_snapshot(&ada()).unwrap();
    *now.lock().unwrap() += Duration::from_secs(3600);
    assert_eq!(follow(&store.engine), 0, "it has not changed");
    store.append(Story::from(9).tell(6));
    assert_eq!(follow(&store.engine), 1);
    assert_eq!(versions(&store, &ada()).len(), 2);
    store.append(Story::from(15).tell(6));
    *now.lock().unwrap() += Duration::from_secs(3599);
    assert_eq!(follow(&store.engine), 0);
    *now.lock().unwrap() += Duration::from_secs(1);
    assert_eq!(follow(&store.engine), 1);
}

#[test]
fn a_restart_forgets_nothing() {
    let (store, _) = store();
    store.append(Story::default().tell(14));
    let chat_version = version(&store, &chat());
    assert!(chat_version < 10);
    let options = backstitch::engine::Options {
        entity_policy: SnapshotPolicy::new(10, Duration::from_secs(3600)),
        ..backstitch::engine::Options::new(store.path())
    };
    let TestStore { engine, folder: _folder } = store;
    drop(engine);
    let engine = Engine::open(options).unwrap();
    engine.append(Story::from(15).tell(4)).unwrap();
    assert_eq!(follow(&engine), 1, "what came before the restart counts");
}

#[test]
fn the_newest_so_many_of_its_own_are_kept_and_imported_ones_beside_them() {
    let (store, _) = store();
    store.append(Story::default().tell(6));
    let text = r#"{"entity_type": "bot", "entity_id": "ada", "version": 1, "state": {}}"#;
    store.engine.import_entity_snapshot(text).unwrap();
    for n in 0..5 {
        store.append(Story::from(7 + 6 * n).tell(6));
        store.engine.save_entity_snapshot(&ada()).unwrap();
    }
    let latest = version(&store, &ada());
    let kept = versions(&store, &ada());
    assert_eq!(kept.len(), 4);
    assert_eq!((kept[0], kept[3]), (latest, 1));
}

#[test]
fn what_is_not_on_this_history_does_not_count_as_the_last() {
    let (store, _) = store();
    store.append(Story::default().tell(30));
    assert!(follow(&store.engine) > 0);
    store.engine.execute_rewind(8, Expected::default(), Means::Command).unwrap();
    let due = store.engine.entities("chat", None, None, 10).unwrap().remove(0);
    assert_eq!((due.snapshot_version, due.events_since), (None, due.version));
    store.append(Story::from(31).tell(24));
    assert_eq!(follow(&store.engine), 2, "ada and the chat have ten events anew");
}

#[test]
fn none_is_taken_by_itself_while_the_tables_are_paused() {
    let (store, _) = store();
    store.append(Story::default().tell(8));
    let taken = store.take();
    store.append(Story::from(9).tell(30));
    store.restore(&taken, Scope::Projections);
    assert_eq!(follow(&store.engine), 0);
    store.engine.replay(Means::Command).unwrap();
    assert!(follow(&store.engine) > 0);
}

#[test]
fn the_background_thread_takes_them() {
    let (store, _) = store();
    let _scheduler = Scheduler::start(&store.engine).unwrap();
    store.append(Story::default().tell(40));
    let deadline = std::time::Instant::now() + Duration::from_secs(60);
    while versions(&store, &chat()).is_empty() {
        assert!(std::time::Instant::now() < deadline, "none was taken in a minute");
        std::thread::yield_now();
    }
}

#[test]
fn one_at_the_same_version_is_there_already() {
    let (store, _) = store();
    store.append(Story::default().tell(20));
    let (first, new) = store.engine.save_entity_snapshot(&ada()).unwrap();
    assert!(new);
    assert_eq!(store.engine.save_entity_snapshot(&ada()).unwrap(), (first, false));
}
