//! Making backups: complete under load, of one moment, and either whole or not there.

use std::fs;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicUsize, Ordering};
use std::time::Duration;

use backstitch::clock::Clock;
use backstitch::engine::Options;
use backstitch::error::ErrorKind;
use backstitch::history::{Means, What};
use backstitch::log::NewEvent;
use backstitch::snapshot::Expected;
use time::macros::datetime;

use super::{App, Once, note, places};
use crate::support::TestStore;

/// From one append of a thread to its next, where none waits: four threads append 50 times a second
/// and, with the other pace, 500 times.
const PACES: [Duration; 2] = [Duration::from_millis(80), Duration::from_millis(8)];

/// So large that its copy takes several steps, between which events come.
fn large_store() -> TestStore {
    let store = TestStore::with_story(60);
    let text = "x".repeat(1 << 20);
    store.append((0..6).map(|_| NewEvent::new("note", format!("{{\"text\":\"{text}\"}}")).unwrap()).collect());
    store
}

#[test]
fn twenty_backups_under_a_steady_load_are_complete_and_sound() {
    let store = large_store();
    let (stop, pace, acknowledged) = (AtomicBool::new(false), AtomicUsize::new(0), AtomicI64::new(0));
    let write = || {
        while !stop.load(Ordering::Relaxed) {
            let done = store.engine.append(vec![note()]).unwrap();
            acknowledged.fetch_max(done.last_id, Ordering::SeqCst);
            std::thread::sleep(PACES[pace.load(Ordering::Relaxed)]);
        }
    };
    let made = std::thread::scope(|scope| {
        (0..4).for_each(|_| drop(scope.spawn(write)));
        let made: Vec<_> = (0..20)
            .map(|number| {
                pace.store(number / 10, Ordering::Relaxed);
                let before = acknowledged.load(Ordering::SeqCst);
                let made = store.engine.create_backup(false, Means::Command).unwrap().backup;
                assert!(made.last_event_id >= Some(before), "what was acknowledged before is in it");
                made
            })
            .collect();
        stop.store(true, Ordering::Relaxed);
        made
    });
    let ends: Vec<i64> = made.iter().map(|backup| backup.last_event_id.unwrap()).collect();
    assert!(ends.is_sorted() && ends[0] >= 66 && ends[19] > ends[0] + 20, "{ends:?}");
    for backup in &made {
        let found = store.engine.validate_backup(&backup.stamp).unwrap();
        assert!(found.valid && found.db_ok, "{:?}", found.errors);
        // Ids are given without gaps here, so none is missing.
        assert_eq!(found.metadata.unwrap()["rows"]["event_log"].as_i64(), backup.last_event_id);
    }
    assert_eq!(store.engine.backups().unwrap().len(), 20);
}

#[test]
fn backups_of_one_second_have_stamps_of_their_own() {
    let at = datetime!(2026-11-20 20:41:12 UTC);
    let store = TestStore::with(|options| options.clock = Clock::new(move || at));
    let makers: Vec<_> = (0..6)
        .map(|_| {
            let engine = Arc::clone(&store.engine);
            std::thread::spawn(move || engine.create_backup(false, Means::Command).unwrap().backup.stamp)
        })
        .collect();
    let mut stamps: Vec<String> = makers.into_iter().map(|maker| maker.join().unwrap().to_string()).collect();
    stamps.sort();
    let last = ["_02", "_03", "_04", "_05", "_06"].map(|end| format!("20261120T204112Z{end}"));
    assert_eq!(stamps[0], "20261120T204112Z");
    assert_eq!(stamps[1..], last);
}

#[test]
fn a_backup_holds_everything_and_says_so() {
    let app = App::new();
    let made = app.back_up();
    let folder = app.folder(&made);
    let metadata = made.metadata.as_ref().unwrap();
    for (key, path) in [
        ("backup_root", folder.clone()),
        ("db_snapshot_path", folder.join("db/backstitch.db")),
        ("registry_snapshot_path", folder.join("config/registry.json")),
        ("chroma_snapshot_path", folder.join("chroma")),
    ] {
        let told = fs::canonicalize(metadata[key].as_str().unwrap()).unwrap();
        assert_eq!(told, fs::canonicalize(path).unwrap(), "{key}");
    }
    assert_eq!(metadata["chroma_snapshot_included"], true);
    assert_eq!(metadata["chroma_snapshot_files"], 2);
    assert_eq!(metadata["db_size_bytes"], fs::metadata(folder.join("db/backstitch.db")).unwrap().len());
    assert_eq!((metadata["last_event_id"].as_i64(), metadata["rows"]["event_log"].as_i64()), (Some(30), Some(30)));
    assert!(made.includes.database && made.includes.registry && made.includes.vectors && made.own);
    let listed: Vec<&str> =
        metadata["files"].as_array().unwrap().iter().map(|file| file["path"].as_str().unwrap()).collect();
    assert_eq!(listed, ["chroma/ab/data.bin", "chroma/chroma.sqlite3", "config/registry.json", "db/backstitch.db"]);
    let there: Vec<String> =
        super::files(&folder).into_keys().map(|path| path.to_string_lossy().into_owned()).collect();
    assert_eq!(there.len(), listed.len() + 1, "and the metadata: {there:?}");
    let found = app.store.engine.validate_backup(&made.stamp).unwrap();
    assert!(found.valid, "{:?}", found.errors);
    let memories = app.store.content()["memories"].len() as u64;
    assert_eq!(found.vectors.map(|vectors| (vectors.embeddings, vectors.memories)), Some((3, Some(memories))));
    assert!(app.store.engine.backups().unwrap()[0].checked.as_ref().unwrap().valid);
    let line = app.store.engine.history(None, 1).unwrap().remove(0);
    assert!(line.operation.what == What::Backup && line.undo.is_none());
    assert_eq!(line.operation.detail["backup"], made.stamp.as_str());
}

#[test]
fn what_is_not_there_is_not_in_the_backup() {
    let app = App::new();
    fs::remove_file(app.registry()).unwrap();
    fs::remove_dir_all(app.vectors()).unwrap();
    let made = app.back_up();
    assert!(made.includes.database && !made.includes.registry && !made.includes.vectors);
    assert_eq!(made.metadata.as_ref().unwrap()["chroma_snapshot_included"], false);
    assert!(app.store.engine.validate_backup(&made.stamp).unwrap().valid);
    let refused = TestStore::new().engine.create_backup(true, Means::Command).unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::Malformed);
}

#[test]
fn new_events_wait_while_both_stores_are_copied() {
    let app = App::new();
    let (tell, told) = std::sync::mpsc::channel();
    let (folder, home) = (app.store.path().to_owned(), app.home.path().to_owned());
    let slow = app.again(|options| {
        options.progress = Once::progress("copying the vector store", move || {
            let mut options = Options::new(&folder);
            options.busy_timeout = Duration::from_millis(300);
            places(&mut options, &home);
            let other = backstitch::engine::Engine::open(options).unwrap();
            tell.send(other.append(vec![note()]).unwrap_err()).unwrap();
            tell.send(other.create_backup(true, Means::Command).unwrap_err()).unwrap();
        });
    });
    let made = slow.create_backup(true, Means::Command).unwrap().backup;
    let refused = told.recv().unwrap();
    assert_eq!(refused.kind(), ErrorKind::Busy);
    assert!(refused.message().contains("backup"), "{refused}");
    assert_eq!(told.recv().unwrap().kind(), ErrorKind::Busy);
    assert_eq!(made.last_event_id, Some(30));
    assert_eq!(app.store.append(vec![note()]).first_id, 31);
}

/// A file that could not be removed there, say.
#[test]
fn what_sqlite_left_beside_a_copy_is_not_in_the_backup() {
    let app = App::new();
    let backups = app.backups();
    let other = app.again(|options| {
        options.progress = Once::progress("checking the copy", move || {
            let mut folders = fs::read_dir(backups).unwrap().map(|entry| entry.unwrap().path());
            let unfinished = folders.find(|path| path.to_string_lossy().contains("/.unfinished-")).unwrap();
            fs::write(unfinished.join("db/backstitch.db-shm"), "left").unwrap();
        });
    });
    let made = other.create_backup(false, Means::Command).unwrap().backup;
    assert_eq!(fs::read_dir(app.folder(&made).join("db")).unwrap().count(), 1);
    let found = app.store.engine.validate_backup(&made.stamp).unwrap();
    assert!(found.valid, "{:?}", found.errors);
}

/// Once the vector store is copied, nobody waits for the database, which is still of that moment.
#[test]
fn new_events_go_on_while_the_database_is_copied_and_are_not_in_the_backup() {
    let app = App::new();
    let (folder, home) = (app.store.path().to_owned(), app.home.path().to_owned());
    let busy = app.again(|options| {
        options.progress = Once::progress("copying the database", move || {
            let mut options = Options::new(&folder);
            options.busy_timeout = Duration::from_millis(300);
            places(&mut options, &home);
            let other = backstitch::engine::Engine::open(options).unwrap();
            assert_eq!(other.append(vec![note()]).unwrap().first_id, 31);
        });
    });
    let made = busy.create_backup(true, Means::Command).unwrap().backup;
    assert_eq!(made.last_event_id, Some(30));
    assert_eq!(app.store.engine.status().unwrap().head, 31);
    assert!(app.store.engine.validate_backup(&made.stamp).unwrap().valid);
}

#[test]
fn only_the_owner_may_read_a_backup() {
    use std::os::unix::fs::PermissionsExt;
    let app = App::new();
    fs::create_dir_all(app.vectors().join("empty")).unwrap();
    for path in ["", "ab", "empty"] {
        fs::set_permissions(app.vectors().join(path), fs::Permissions::from_mode(0o755)).unwrap();
    }
    for path in [app.registry(), app.vectors().join("ab/data.bin"), app.vectors().join("chroma.sqlite3")] {
        fs::set_permissions(path, fs::Permissions::from_mode(0o644)).unwrap();
    }
    let made = app.back_up();
    app.store.engine.validate_backup(&made.stamp).unwrap();
    let to = app.home.path().join("elsewhere");
    app.store.engine.restore_backup_to(&made.stamp, &to).unwrap();
    let mut left = vec![app.store.path().join("backups"), to];
    while let Some(path) = left.pop() {
        let found = fs::metadata(&path).unwrap();
        let wanted = if found.is_dir() { 0o700 } else { 0o600 };
        assert_eq!(found.permissions().mode() & 0o777, wanted, "{}", path.display());
        if found.is_dir() {
            left.extend(fs::read_dir(path).unwrap().map(|entry| entry.unwrap().path()));
        }
    }
    // What is put back is for those who could read what it replaces.
    app.move_on();
    app.store.engine.restore_backup(&made.stamp, Expected::default(), Means::Command).unwrap();
    for (path, wanted) in [("registry.json", 0o644), ("vectors/ab/data.bin", 0o644), ("vectors/ab", 0o755)] {
        let found = fs::metadata(app.home.path().join(path)).unwrap().permissions().mode();
        assert_eq!(found & 0o777, wanted, "{path}");
    }
}

#[test]
fn the_oldest_own_backups_go_and_nobody_elses() {
    let app = App::with(|options| options.keep_backups = Some(2));
    let theirs = app.backups().join("20200101T000000Z");
    fs::create_dir_all(&theirs).unwrap();
    let made: Vec<_> = (0..4).map(|_| app.back_up().stamp).collect();
    let left: Vec<_> = app.store.engine.backups().unwrap().into_iter().map(|backup| backup.stamp).collect();
    assert_eq!(left, [made[3].clone(), made[2].clone(), "20200101T000000Z".parse().unwrap()]);
    // A clock that goes back by years makes no backup that goes at once.
    let early = app.again(|options| {
        options.keep_backups = Some(1);
        options.clock = Clock::new(|| datetime!(2021-01-01 00:00 UTC));
    });
    let early = early.create_backup(false, Means::Command).unwrap().backup.stamp;
    let left: Vec<_> = app.store.engine.backups().unwrap().into_iter().map(|backup| backup.stamp).collect();
    assert_eq!(left, [early.clone(), "20200101T000000Z".parse().unwrap()]);
    // Nor does one that a clock ahead of its time has named stay before those that are newer.
    let ahead = app.again(|options| {
        options.keep_backups = Some(2);
        options.clock = Clock::new(|| datetime!(2040-01-01 00:00 UTC));
    });
    let ahead = ahead.create_backup(false, Means::Command).unwrap().backup.stamp;
    let made = [app.back_up().stamp, app.back_up().stamp];
    let left: Vec<_> = app.store.engine.backups().unwrap().into_iter().map(|backup| backup.stamp).collect();
    assert_eq!(left[..2], [made[1].clone(), made[0].clone()]);
    assert!(!left.contains(&ahead) && !left.contains(&early));
    assert!(app.leftovers().is_empty());
}

/// One that was put there to be restored, say.
#[test]
fn a_backup_from_elsewhere_stays_until_somebody_removes_it() {
    let (app, other) = (App::with(|options| options.keep_backups = Some(1)), App::new());
    let theirs = other.back_up();
    fs::create_dir_all(app.backups()).unwrap();
    fs::rename(other.folder(&theirs), app.backups().join("from-elsewhere")).unwrap();
    let (_, last) = (app.back_up(), app.back_up());
    let left: Vec<_> = app.store.engine.backups().unwrap().into_iter().map(|backup| backup.stamp).collect();
    assert_eq!(left, ["from-elsewhere".parse().unwrap(), last.stamp]);
}

#[test]
fn a_drifted_full_text_index_is_sound_in_the_backup() {
    let app = App::new();
    app.store.other_program().execute_batch("INSERT INTO memories_fts (memories_fts) VALUES ('delete-all')").unwrap();
    let made = app.back_up();
    assert!(app.store.engine.validate_backup(&made.stamp).unwrap().valid);
}
