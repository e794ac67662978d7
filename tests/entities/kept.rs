//! What of entities is kept where: in snapshots and backups, not in dumps, and how a database of an
//! earlier version comes to it.

use backstitch::engine::{Engine, EntityAt, Options};
use backstitch::history::Means;
use backstitch::snapshot::{Expected, Kind, Scope};

use super::{ada, chat};
use crate::support::{TestStore, assert_follows, rows, story};

#[test]
fn which_event_belongs_to_what_is_in_a_snapshot_and_not_in_a_dump() {
    let store = TestStore::with_story(40);
    let taken = store.take();
    let path = store.engine.snapshot_path(Kind::Periodic, &taken.snapshot_id);
    assert!(std::fs::read_to_string(path).unwrap().contains("\"entity_events\""));
    let dump = store.engine.export(Kind::Periodic, &taken.snapshot_id).unwrap();
    let text = std::fs::read_to_string(dump.path()).unwrap();
    assert!(!text.contains("entity_events") && text.contains("\"memories\""));

    // One that is restored from a dump has it all the same: it follows from the log.
    let other = TestStore::new();
    let imported = other.engine.import(Kind::Periodic, text.as_bytes(), Means::Command).unwrap();
    other.restore(&imported, Scope::Everything);
    assert_follows(&other.other_program(), &other.engine.domain());
    let version = |store: &TestStore| store.engine.entity(&chat(), EntityAt::Now).unwrap().version;
    assert_eq!(version(&other), version(&store));
}

#[test]
fn it_is_not_among_the_tables_that_are_shown() {
    let store = TestStore::with_story(40);
    let taken = store.take();
    store.append(crate::support::Story::from(41).tell(10));
    let shown = |names: Vec<String>| assert!(!names.contains(&"entity_events".to_owned()), "{names:?}");
    shown(store.engine.tables().unwrap().1.into_iter().map(|table| table.name).collect());
    let plan = store.engine.preview(&taken.snapshot_id, taken.kind, Scope::Everything).unwrap();
    shown(plan.tables.into_iter().map(|table| table.name).collect());
    let restored = store.restore(&taken, Scope::Everything);
    shown(restored.rows_changed.into_keys().collect());
    shown(store.engine.verify_projection().unwrap().tables.into_iter().map(|table| table.name).collect());
    assert!(store.engine.state("entity_events", &backstitch::engine::RowQuery::default()).is_err());
}

#[test]
fn where_it_is_wrong_the_comparison_with_the_log_says_so_and_a_rebuild_mends_it() {
    let store = TestStore::with_story(40);
    store.other_program().execute("DELETE FROM entity_events WHERE id = 'ada' AND event_id = 14", []).unwrap();
    let found = store.engine.verify_projection().unwrap();
    assert!(!found.clean);
    let wrong: Vec<_> = found.tables.iter().filter(|table| table.total() > 0).collect();
    assert_eq!((wrong.len(), wrong[0].name.as_str(), wrong[0].missing), (1, "entity_events", 1));
    store.engine.rebuild_projection(Expected::default(), Means::Command).unwrap();
    assert!(store.engine.verify_projection().unwrap().clean);
}

#[test]
fn a_restored_backup_brings_its_entity_snapshots_along() {
    let store = TestStore::with_story(40);
    let (before, _) = store.engine.save_entity_snapshot(&ada()).unwrap();
    let backup = store.engine.create_backup(false, Means::Command).unwrap().backup;
    store.other_program().execute("DELETE FROM entity_snapshots", []).unwrap();
    store.append(crate::support::Story::from(41).tell(20));
    let (after, _) = store.engine.save_entity_snapshot(&ada()).unwrap();
    store.engine.restore_backup(&backup.stamp, Expected::default(), Means::Command).unwrap();
    let found = store.engine.entity(&ada(), EntityAt::Now).unwrap();
    let there: Vec<_> = found.snapshots.iter().map(|one| (one.version, one.on_this_history)).collect();
    assert_eq!(there, [(after.version, Some(false)), (before.version, Some(true))]);
    assert_eq!(store.engine.entity_snapshot(&ada(), before.version, false).unwrap().snapshot, before);
}

/// Makes a database what an earlier version had: no table of which event belongs to what, and
/// another reading of its domain.
fn make_older(store: &TestStore) {
    let conn = store.other_program();
    conn.execute_batch("DROP TABLE entity_events; UPDATE backstitch_state SET logic = 'an earlier one'").unwrap();
}

#[test]
fn a_database_of_an_earlier_version_is_adopted_when_it_is_opened() {
    let store = TestStore::with_story(60);
    let expected = rows(&store.other_program(), "entity_events");
    make_older(&store);
    let TestStore { engine, folder } = store;
    drop(engine);
    let store = TestStore { engine: Engine::open(Options::new(folder.path())).unwrap().into(), folder };
    assert_eq!(rows(&store.other_program(), "entity_events"), expected);
    assert_follows(&store.other_program(), &store.engine.domain());
    store.append(crate::support::Story::from(61).tell(10));
    assert!(store.engine.verify_projection().unwrap().clean);
}

#[test]
fn snapshots_of_a_restored_backup_keep_their_place_and_put_damaged_ones_right() {
    let store = TestStore::with(|options| options.keep_entity_snapshots = 3);
    let mut next = 1;
    let mut take = |store: &TestStore| {
        store.append(crate::support::Story::from(next).tell(10));
        next += 10;
        store.engine.save_entity_snapshot(&ada()).unwrap().0.version
    };
    let before: Vec<u64> = (0..3).map(|_| take(&store)).collect();
    let backup = store.engine.create_backup(false, Means::Command).unwrap().backup;
    let after: Vec<u64> = (0..3).map(|_| take(&store)).collect();
    let done = store.engine.restore_backup(&backup.stamp, Expected::default(), Means::Command).unwrap();
    store.engine.undo(done.restored.operation, true, Expected::default(), Means::Command).unwrap();
    let newest = take(&store);
    let found = store.engine.entity(&ada(), EntityAt::Now).unwrap().snapshots;
    let versions: Vec<u64> = found.iter().map(|one| one.version).collect();
    assert_eq!(versions, [newest, after[2], after[1]], "and none of {before:?}");

    let backup = store.engine.create_backup(false, Means::Command).unwrap().backup;
    store.other_program().execute("UPDATE entity_snapshots SET state = '{}'", []).unwrap();
    store.engine.restore_backup(&backup.stamp, Expected::default(), Means::Command).unwrap();
    let found = store.engine.entity(&ada(), EntityAt::Now).unwrap().snapshots;
    assert_eq!(found.iter().filter(|one| one.damaged.is_none()).count(), 3);
}

#[test]
fn a_sound_snapshot_of_todays_domain_does_not_give_way_to_one_of_a_restored_backup() {
    let store = TestStore::with_story(40);
    let (first, _) = store.engine.save_entity_snapshot(&ada()).unwrap();
    let backup = store.engine.create_backup(false, Means::Command).unwrap().backup;
    let domain = super::companion_with("'archived', archived,", "'archived', archived, 'is_a', 'bot',").unwrap();
    store.engine.cold_load(Some(domain), false).unwrap();
    let (today, new) = store.engine.save_entity_snapshot(&ada()).unwrap();
    assert!(new && today.version == first.version && today.logic != first.logic);
    store.engine.restore_backup(&backup.stamp, Expected::default(), Means::Command).unwrap();
    assert_eq!(store.engine.entity_snapshot(&ada(), today.version, false).unwrap().snapshot, today);
}

#[test]
fn a_backup_of_an_earlier_version_is_restored() {
    let store = TestStore::with_story(60);
    let older = TestStore::new();
    older.append(story(30));
    make_older(&older);
    let backup = older.engine.create_backup(false, Means::Command).unwrap().backup;
    let (from, to) = (older.path().join("backups"), store.path().join("backups"));
    let copied = std::process::Command::new("cp").arg("-R").args([from, to]).status().unwrap();
    assert!(copied.success());
    store.engine.restore_backup(&backup.stamp, Expected::default(), Means::Command).unwrap();
    assert_follows(&store.other_program(), &store.engine.domain());
    assert_eq!(store.engine.status().unwrap().head, 30);
}
