//! The start of a server: the cheapest way to the end of the log, and another domain.

use backstitch::domain::Domain;
use backstitch::engine::{ColdLoad, Engine, Loaded, Options};
use backstitch::error::ErrorKind;
use backstitch::history::Means;
use backstitch::image::ChunkStore;
use backstitch::snapshot::{Kind, Scope};

use super::{assert_store_follows, changed_domain, insert_turn};
use crate::support::{TestStore, assert_follows, story};

fn assert_loads(store: &TestStore, expected: Loaded, events: u64) {
    let ColdLoad { loaded, applied, .. } = store.engine.cold_load(None, false).unwrap();
    assert_eq!((loaded, applied), (expected, events));
    assert_store_follows(store);
}

#[test]
fn a_start_takes_the_cheapest_way() {
    let store = TestStore::with_story(20);
    assert_loads(&store, Loaded::NothingToDo, 0);
    let other = store.other_program();
    insert_turn(&other);
    insert_turn(&other);
    assert_loads(&store, Loaded::Suffix, 2);
    other.execute("UPDATE event_log SET hidden = 1 WHERE id = 9", []).unwrap();
    assert_loads(&store, Loaded::Everything, 21);
    store.take();
    store.append(story(40).split_off(20));
    other.execute("UPDATE event_log SET superseded_by = 40 WHERE id = 30", []).unwrap();
    assert_loads(&store, Loaded::FromBase(22), 19);
    assert_loads(&store, Loaded::NothingToDo, 0);
}

#[test]
fn a_snapshot_of_a_held_or_changed_store_is_no_base() {
    let store = TestStore::with_story(20);
    let base = store.take();
    store.append(story(30).split_off(20));
    let restored = store.restore(&base, Scope::Projections);
    let safety = restored.safety_snapshot;
    store.engine.delete(safety.kind, &safety.snapshot_id, Means::Command).unwrap();
    assert_eq!(store.take().position, 20, "its tables stand before its log's end");
    store.append(story(40).split_off(30));
    store.other_program().execute("UPDATE event_log SET hidden = 1 WHERE id = 35", []).unwrap();
    assert_loads(&store, Loaded::FromBase(20), 19);
    store.other_program().execute("UPDATE event_log SET hidden = 1 WHERE id = 14", []).unwrap();
    assert_loads(&store, Loaded::Everything, 38);
}

#[test]
fn a_domain_of_other_logic_rebuilds_the_tables_after_a_safety_snapshot() {
    let store = TestStore::with_story(30);
    store.take();
    let louder =
        changed_domain("handlers/user_turn.sql", "turn_count = turn_count + 1", "turn_count = turn_count + 10");
    let before = store.content();
    let loaded = store.engine.cold_load(Some(louder.clone()), false).unwrap();
    assert_eq!((loaded.loaded, loaded.applied), (Loaded::Everything, 30), "a snapshot of other logic is no base");
    assert_store_follows(&store);
    assert_ne!(store.content()["chat_state"], before["chat_state"]);
    assert_eq!(store.content()["event_log"], before["event_log"]);
    let safety = store.engine.latest_snapshot(Kind::Rewind).unwrap().unwrap();
    assert_eq!(safety.last_event_id, Some(30));
    let again = store.engine.cold_load(Some(louder.clone()), false).unwrap();
    assert_eq!((again.loaded, again.applied), (Loaded::NothingToDo, 0), "it is in place already");
    let reopened = Engine::open(Options::new(store.path())).unwrap();
    assert_eq!(reopened.domain().logic, louder.logic, "every command follows it");
}

#[test]
fn an_engine_that_is_open_notices_that_another_process_changed_the_domain() {
    let store = TestStore::with_story(12);
    let other = Engine::open(Options::new(store.path())).unwrap();
    let louder =
        changed_domain("handlers/user_turn.sql", "turn_count = turn_count + 1", "turn_count = turn_count + 10");
    other.cold_load(Some(louder), false).unwrap();
    let refused = store.engine.append(story(1)).unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::Conflict);
    assert_follows(&store.other_program(), &other.domain());
}

#[test]
fn a_domain_of_another_name_is_refused_unless_the_change_is_meant() {
    let store = TestStore::with_story(12);
    let named = || changed_domain("domain.toml", "name = \"companion\"", "name = \"other\"");
    let before = store.content();
    let refused = store.engine.cold_load(Some(named()), false).unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::Refused);
    assert!(refused.message().contains("companion") && refused.message().contains("other"), "{refused}");
    assert_eq!(store.content(), before);
    assert_eq!(store.engine.domain().name, "companion");
    assert_eq!(store.engine.latest_snapshot(Kind::Rewind).unwrap().map(|one| one.snapshot_id), None);
    store.engine.cold_load(Some(named()), true).unwrap();
    assert_eq!(Engine::open(Options::new(store.path())).unwrap().domain().name, "other");
    assert_store_follows(&store);
}

#[test]
fn a_domain_in_which_an_old_event_breaks_a_rule_is_refused_and_nothing_changes() {
    let store = TestStore::with_story(30);
    let stricter = changed_domain("schema.sql", "significance BETWEEN 1 AND 5", "significance BETWEEN 1 AND 2");
    let before = store.content();
    let status = store.engine.status().unwrap();
    let refused = store.engine.cold_load(Some(stricter), false).unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::Unprocessable);
    // The ninth event is the first memory; its significance is 5.
    assert!(refused.message().contains("event 9 (memory_written)"), "{refused}");
    assert!(refused.message().contains("memories_significance_is_1_to_5"), "{refused}");
    assert_eq!(store.content(), before);
    let after = store.engine.status().unwrap();
    assert_eq!((after.epoch, after.position, after.stuck), (status.epoch, status.position, None));
    assert_eq!(store.engine.domain().logic, Domain::companion().unwrap().logic);
    store.append(story(31).split_off(30));
    assert_store_follows(&store);
}

#[test]
fn tables_altered_behind_the_back_are_rebuilt() {
    for altering in [
        "CREATE INDEX extra ON memories (text)",
        "CREATE UNIQUE INDEX extra ON bots (name)",
        "CREATE TRIGGER extra AFTER INSERT ON bots BEGIN DELETE FROM edges; END",
        "DROP TRIGGER memories_ai",
        "DROP INDEX memories_owner",
        "ALTER TABLE bots ADD COLUMN extra",
        "DROP TABLE edges",
        "DROP TABLE memories_fts",
    ] {
        let store = TestStore::with_story(20);
        store.take();
        store.append(story(30).split_off(20));
        store.other_program().execute_batch(altering).unwrap();
        // The copy of the domain in the database says what the tables were.
        let reopened = Engine::open(Options::new(store.path())).unwrap();
        let ColdLoad { loaded, applied, .. } = reopened.cold_load(None, false).unwrap();
        assert_eq!((loaded, applied), (Loaded::FromBase(20), 10), "{altering}");
        assert!(reopened.domain().matches(&store.other_program()).unwrap(), "{altering}");
        assert_store_follows(&store);
    }
}

#[test]
fn a_start_sweeps_what_crashes_left_and_leaves_what_another_process_is_writing() {
    let store = TestStore::with_story(12);
    store.take();
    let leftovers = [".unfinished-scratch", "snapshots/periodic/.unfinished-a", "snapshots/rewind/.unfinished-b"];
    let paths = leftovers.map(|name| store.path().join(name));
    std::fs::create_dir(&paths[0]).unwrap();
    std::fs::write(paths[0].join("scratch.db"), "half").unwrap();
    paths[1..].iter().for_each(|path| std::fs::write(path, "half").unwrap());
    // Whoever writes manifests, chunks or scratch databases holds this lock.
    let writing = ChunkStore::open(store.path().join("snapshots/chunks")).unwrap().share().unwrap();
    assert_loads(&store, Loaded::NothingToDo, 0);
    assert!(paths.iter().all(|path| path.exists()));
    drop(writing);
    assert_loads(&store, Loaded::NothingToDo, 0);
    assert!(!paths.iter().any(|path| path.exists()));
}
