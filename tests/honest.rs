//! Promises that are easy to break in a corner: clocks that go back, rows edited behind the store's
//! back, holds and epochs, known damage.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use backstitch::clock::Clock;
use backstitch::domain::Domain;
use backstitch::error::ErrorKind;
use backstitch::history::Means;
use backstitch::log::NewEvent;
use backstitch::snapshot::{Expected, Kind, Scope};
use time::OffsetDateTime;

use crate::support::{Story, TestStore, assert_follows};

fn with_clock() -> (TestStore, Arc<AtomicI64>) {
    let now = Arc::new(AtomicI64::new(1_900_000_000));
    let hands = Arc::clone(&now);
    let store = TestStore::with(|options| {
        options.clock = Clock::new(move || OffsetDateTime::from_unix_timestamp(hands.load(Ordering::SeqCst)).unwrap());
    });
    (store, now)
}

fn turn() -> NewEvent {
    NewEvent::new("user_turn", r#"{"chat_id":"c","text":"On"}"#).unwrap()
}

fn edited_edges(store: &TestStore) -> i64 {
    let sql = "SELECT count(*) FROM edges WHERE trust = 99";
    store.other_program().query_row(sql, [], |row| row.get(0)).unwrap()
}

fn edit(store: &TestStore) {
    assert_eq!(store.other_program().execute("UPDATE edges SET trust = 99", []).unwrap(), 1);
}

#[test]
fn a_snapshot_taken_after_the_clock_went_back_stays() {
    let (store, now) = with_clock();
    store.append(Story::default().tell(20));
    for _ in 0..5 {
        now.fetch_add(60, Ordering::SeqCst);
        store.take();
    }
    now.fetch_sub(3600, Ordering::SeqCst);
    let taken = store.take();
    assert!(store.engine.snapshots().unwrap().iter().any(|one| one.snapshot_id == taken.snapshot_id));
    assert_eq!(store.engine.latest_snapshot(Kind::Periodic).unwrap().unwrap().snapshot_id, taken.snapshot_id);
}

#[test]
fn snapshots_of_the_future_do_not_make_the_policy_take_one_after_the_other() {
    let (store, now) = with_clock();
    store.append(Story::default().tell(20));
    now.fetch_add(10 * 365 * 86_400, Ordering::SeqCst);
    for _ in 0..5 {
        store.take();
    }
    now.fetch_sub(10 * 365 * 86_400, Ordering::SeqCst);
    store.append(vec![turn()]);
    store.engine.follow_policy().unwrap();
    assert!(!store.engine.should_take_periodic_snapshot().unwrap(), "the one just taken counts");
}

#[test]
fn rows_that_a_restore_repaired_never_come_back_by_themselves() {
    let store = TestStore::with_story(40);
    let snapshot = store.take();
    edit(&store);
    store.take();
    store.restore(&snapshot, Scope::Projections);
    assert_eq!(edited_edges(&store), 0);
    // A superseded turn sends the tables back to a base: not to one that holds the edited rows.
    let superseded = store.append(vec![turn()]).last_id;
    store.append(vec![NewEvent { supersedes: Some(superseded), ..turn() }]);
    assert_eq!(edited_edges(&store), 0);
    assert_follows(&store.other_program(), &store.engine.domain());
}

#[test]
fn a_change_of_the_log_before_a_change_of_the_domain_is_not_forgotten() {
    let store = TestStore::with_story(60);
    let mut files = Domain::companion().unwrap().files().clone();
    files.insert("handlers/note.sql".into(), "UPDATE chats SET title = title WHERE 0;".into());
    let hide = "UPDATE event_log SET hidden = 1 WHERE id = (SELECT max(id) FROM memories)";
    assert_eq!(store.other_program().execute(hide, []).unwrap(), 1);
    store.engine.cold_load(Some(Domain::from_files(files).unwrap()), false).unwrap();
    assert_follows(&store.other_program(), &store.engine.domain());
    store.engine.cold_load(Some(Domain::companion().unwrap()), false).unwrap();
    assert_follows(&store.other_program(), &store.engine.domain());
}

#[test]
fn what_did_not_fit_together_still_comes_back_from_its_safety_snapshot() {
    let store = TestStore::with_story(40);
    let snapshot = store.take();
    let other = store.other_program();
    other.execute_batch("PRAGMA foreign_keys = OFF; DELETE FROM bots WHERE id = 'ada'").unwrap();
    let edited = store.content();
    let restored = store.restore(&snapshot, Scope::Everything);
    let safety = store.engine.snapshot(Kind::Rewind, &restored.safety_snapshot.snapshot_id).unwrap();
    store.restore(&safety, Scope::Everything);
    assert_eq!(store.content(), edited);
}

#[test]
fn a_plan_that_was_drawn_while_the_tables_were_held_is_no_longer_one_after_a_replay() {
    let store = TestStore::with_story(40);
    let snapshot = store.take();
    store.append(Story::from(41).tell(5));
    store.restore(&snapshot, Scope::Projections);
    let status = store.engine.status().unwrap();
    let expected = Expected { head: Some(status.head), epoch: Some(status.epoch) };
    store.engine.replay(Means::Command).unwrap();
    let refused = store
        .engine
        .restore_from_snapshot(&snapshot.snapshot_id, snapshot.kind, Scope::Everything, expected, Means::Command)
        .unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::Conflict);
}

#[test]
fn a_hold_ends_when_nothing_waits_any_more() {
    let store = TestStore::with_story(40);
    let snapshot = store.take();
    store.append(Story::from(41).tell(3));
    store.restore(&snapshot, Scope::Projections);
    store.other_program().execute("DELETE FROM event_log WHERE id > 40", []).unwrap();
    store.engine.catch_up().unwrap();
    let status = store.engine.status().unwrap();
    assert_eq!((status.held, status.position, status.waiting), (false, 40, 0));
}

#[test]
fn an_event_that_cannot_be_applied_is_still_told_while_the_tables_are_held() {
    let store = TestStore::with_story(40);
    let snapshot = store.take();
    store.append(Story::from(41).tell(3));
    let broken =
        "INSERT INTO event_log (kind, payload_json) VALUES ('user_turn', '{\"chat_id\":\"nowhere\",\"text\":\"x\"}')";
    store.other_program().execute(broken, []).unwrap();
    store.engine.catch_up().unwrap();
    store.restore(&snapshot, Scope::Projections);
    let status = store.engine.status().unwrap();
    assert!(status.held);
    assert_eq!(status.stuck.map(|stuck| stuck.event), Some(44));
}

#[test]
fn a_replayed_restore_says_how_many_rows_it_changed() {
    let store = TestStore::with_story(40);
    let snapshot = store.take();
    let mut files = Domain::companion().unwrap().files().clone();
    files.insert("handlers/note.sql".into(), "UPDATE chats SET title = title WHERE 0;".into());
    store.engine.cold_load(Some(Domain::from_files(files).unwrap()), false).unwrap();
    edit(&store);
    let preview = store.engine.preview(&snapshot.snapshot_id, snapshot.kind, Scope::Everything).unwrap();
    assert_eq!(preview.tables.iter().map(backstitch::compare::TableChange::total).sum::<u64>(), 1);
    let restored = store.restore(&snapshot, Scope::Everything);
    assert_eq!(restored.rows_changed, [("edges".to_owned(), 1)].into());
}

#[test]
fn damage_that_is_known_is_refused_by_every_door_until_it_is_mended() {
    let store = TestStore::with_story(40);
    let snapshot = store.take();
    store.append(vec![turn()]);
    // The last piece of the log: it is not what today's log has, and nothing else names it.
    let damaged = store.engine.snapshots().unwrap().remove(0);
    let chunks = store.path().join("snapshots/chunks");
    for folder in std::fs::read_dir(&chunks).unwrap().map(|folder| folder.unwrap().path()).filter(|path| path.is_dir())
    {
        for file in std::fs::read_dir(folder).unwrap() {
            std::fs::remove_file(file.unwrap().path()).unwrap();
        }
    }
    let engine = &store.engine;
    let (id, kind) = (&damaged.snapshot_id, damaged.kind);
    assert_eq!(engine.verify(kind, id).unwrap_err().kind(), ErrorKind::Damaged);
    let page = backstitch::engine::DiffPage { limit: 10, ..Default::default() };
    assert_eq!(engine.preview(id, kind, Scope::Projections).unwrap_err().kind(), ErrorKind::Damaged);
    assert_eq!(engine.diff(id, kind, Scope::Projections, "edges", &page).unwrap_err().kind(), ErrorKind::Damaged);
    // Damage comes before "it has moved".
    let expected = Expected { head: Some(1), epoch: None };
    let refused = engine.restore_from_snapshot(id, kind, Scope::Everything, expected, Means::Command).unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::Damaged);
    assert_eq!(snapshot.snapshot_id, damaged.snapshot_id);
}

#[test]
fn one_piece_that_the_disk_does_not_give_hides_no_other_snapshot() {
    let store = TestStore::with_story(40);
    let first = store.take();
    let manifest = std::fs::read_to_string(store.path().join("snapshots/periodic").join(&first.filename)).unwrap();
    let manifest: serde_json::Value = serde_json::from_str(&manifest).unwrap();
    let hash = manifest["edges"]["root"]["hash"].as_str().unwrap();
    let file = store.path().join("snapshots/chunks").join(&hash[..2]).join(format!("{hash}.zst"));
    std::fs::remove_file(&file).unwrap();
    std::fs::create_dir(&file).unwrap();
    // Another engine has nothing remembered.
    let fresh = backstitch::engine::Engine::open(backstitch::engine::Options::new(store.path())).unwrap();
    let listed = fresh.snapshots().unwrap();
    assert_eq!(listed.len(), 1);
    assert!(listed[0].damaged.is_some());
    fresh.delete(first.kind, &first.snapshot_id, Means::Command).unwrap();
    assert!(fresh.snapshots().unwrap().is_empty());
}

#[cfg(unix)]
#[test]
fn an_empty_folder_that_becomes_a_store_is_closed_to_others() {
    use std::os::unix::fs::PermissionsExt;
    let folder = tempfile::tempdir().unwrap();
    std::fs::set_permissions(folder.path(), std::fs::Permissions::from_mode(0o755)).unwrap();
    backstitch::engine::Engine::open(backstitch::engine::Options::new(folder.path())).unwrap();
    let mode = |path: &std::path::Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(folder.path()), 0o700);
    assert_eq!(mode(&folder.path().join("backstitch.db")), 0o600);
    assert_eq!(mode(&folder.path().join("snapshots")), 0o700);
}
