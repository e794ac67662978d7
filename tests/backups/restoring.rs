//! Restoring backups: everything comes back, the history goes on, and it can be undone.

use std::fs;
use std::path::Path;

use backstitch::engine::{DiffPage, Engine, Options, Way};
use backstitch::error::ErrorKind;
use backstitch::history::{Means, What};
use backstitch::snapshot::Expected;

use super::{App, files, note};
use crate::support::{TestStore, content};

#[test]
fn everything_comes_back_and_history_and_ids_go_on() {
    let app = App::new();
    let then = app.everything();
    let made = app.back_up();
    app.move_on();
    let now = app.everything();
    let status = app.store.engine.status().unwrap();
    let lines = app.store.engine.history(None, 100).unwrap().len();

    let expected = Expected { head: Some(40), epoch: Some(status.epoch) };
    let done = app.store.engine.restore_backup(&made.stamp, expected, Means::Command).unwrap();
    assert_eq!(app.everything(), then);
    assert!(done.registry && done.vectors && done.restored.epoch > status.epoch);
    assert_eq!((done.restored.events_removed, done.restored.events_returned, done.restored.position), (10, 0, 30));
    assert!(app.store.engine.verify_projection().unwrap().clean);
    let history = app.store.engine.history(None, 100).unwrap();
    assert_eq!(history.len(), lines + 2, "the backup of the present, and the restore");
    assert_eq!(history[0].operation.what, What::BackupRestore);
    let before = app.store.engine.validate_backup(&done.backup_before).unwrap();
    assert!(before.valid, "{:?}", before.errors);
    assert_eq!(app.store.append(vec![note()]).first_id, 41, "no id is given twice");
    assert!(app.leftovers().is_empty(), "{:?}", app.leftovers());

    let operation = done.restored.operation;
    let undo = app.store.engine.line(operation).unwrap().undo.unwrap();
    assert!(undo.offered && undo.confirm);
    assert_eq!(undo.way, Way::Backup { stamp: done.backup_before });
    let plan = app.store.engine.preview_undo(operation).unwrap();
    assert_eq!((plan.events_removed, plan.events_returned), (1, 10));
    let rows = app.store.engine.undo_rows(operation, "event_log", &DiffPage { limit: 100, ..DiffPage::default() });
    assert_eq!(rows.unwrap().rows.len(), 11);
    let undone = app.store.engine.undo(operation, true, Expected::default(), Means::Command).unwrap();
    assert_eq!((undone.events_removed, undone.events_returned), (1, 10));
    assert_eq!(app.everything(), now);
    app.store.engine.undo(undone.operation, true, Expected::default(), Means::Command).unwrap();
    let (mut content, registry, vectors) = app.everything();
    assert_eq!(content.get_mut("event_log").unwrap().pop().map(|row| row[0].to_string()), Some("41".to_owned()));
    assert_eq!((content, registry, vectors), then);
    assert_eq!(app.store.append(vec![note()]).first_id, 42);
}

#[test]
fn an_undo_is_offered_while_the_backup_before_is_there() {
    let app = App::new();
    let made = app.back_up();
    app.move_on();
    let done = app.store.engine.restore_backup(&made.stamp, Expected::default(), Means::Command).unwrap();
    let keeps_one = app.again(|options| options.keep_backups = Some(1));
    keeps_one.create_backup(false, Means::Command).unwrap();
    let undo = keeps_one.line(done.restored.operation).unwrap().undo.unwrap();
    let why = undo.why_not.unwrap();
    assert!(why.contains(done.backup_before.as_str()) && why.contains(" is gone since "), "{why}");
    let refused = keeps_one.undo(done.restored.operation, true, Expected::default(), Means::Command).unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::Conflict);
}

#[test]
fn a_store_that_moved_since_its_plan_is_left_alone() {
    let app = App::new();
    let made = app.back_up();
    app.move_on();
    let before = app.everything();
    let expected = Expected { head: Some(39), epoch: None };
    let refused = app.store.engine.restore_backup(&made.stamp, expected, Means::Command).unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::Conflict);
    assert_eq!(app.everything(), before);
    assert_eq!(app.store.engine.backups().unwrap().len(), 1);
}

#[test]
fn parts_that_are_not_in_a_backup_stay_and_those_without_a_place_are_refused() {
    let app = App::new();
    let small = app.store.engine.create_backup(false, Means::Command).unwrap().backup;
    let whole = app.back_up();
    app.move_on();
    let vectors = files(&app.vectors());
    app.store.engine.restore_backup(&small.stamp, Expected::default(), Means::Command).unwrap();
    assert_eq!(files(&app.vectors()), vectors);
    assert_eq!(fs::read_to_string(app.registry()).unwrap(), r#"{"projects": ["one"]}"#);
    let before = app.everything();
    for (registry, what) in [(false, "registry"), (true, "vector store")] {
        let without = app.again(|options| {
            options.chroma_dir = None;
            options.registry = options.registry.take().filter(|_| registry);
        });
        let refused = without.restore_backup(&whole.stamp, Expected::default(), Means::Command).unwrap_err();
        assert!(refused.kind() == ErrorKind::Refused && refused.message().contains(what), "{refused}");
    }
    assert_eq!(app.everything(), before);
}

#[test]
fn a_moved_backup_is_sound_and_restored_elsewhere() {
    let (app, other) = (App::new(), App::new());
    let then = app.everything();
    let made = app.back_up();
    app.move_on();
    fs::create_dir_all(other.backups()).unwrap();
    let moved = other.backups().join("moved-here");
    fs::rename(app.folder(&made), &moved).unwrap();
    let stamp = "moved-here".parse().unwrap();
    let found = other.store.engine.validate_backup(&stamp).unwrap();
    assert!(found.valid, "{:?}", found.errors);
    other.move_on();
    let done = other.store.engine.restore_backup(&stamp, Expected::default(), Means::Command).unwrap();
    assert_eq!(other.everything(), then);
    other.store.engine.undo(done.restored.operation, false, Expected::default(), Means::Command).unwrap();
    assert_eq!(other.store.engine.status().unwrap().head, 40);
}

#[test]
fn a_backup_of_another_domain_brings_its_log_back() {
    let app = App::new();
    let made = app.back_up();
    app.move_on();
    let mut files = app.store.engine.domain().files().clone();
    files.insert("handlers/note.sql".to_owned(), "UPDATE bots SET name = name WHERE :id > 0;".to_owned());
    let changed = backstitch::domain::Domain::from_files(files).unwrap();
    assert_ne!(changed.logic, app.store.engine.domain().logic);
    app.store.engine.cold_load(Some(changed), false).unwrap();
    let done = app.store.engine.restore_backup(&made.stamp, Expected::default(), Means::Command).unwrap();
    assert_eq!((done.restored.events_removed, app.store.engine.status().unwrap().position), (10, 30));
    assert!(app.store.engine.verify_projection().unwrap().clean);
}

#[test]
fn empty_folders_of_a_vector_store_come_back_too() {
    let app = App::new();
    let there = |root: &Path| ["empty", "ab/empty/deep"].map(|folder| root.join(folder).is_dir());
    fs::create_dir_all(app.vectors().join("empty")).unwrap();
    fs::create_dir_all(app.vectors().join("ab/empty/deep")).unwrap();
    let made = app.back_up();
    assert_eq!(made.metadata.as_ref().unwrap()["folders"], serde_json::json!(["chroma/ab/empty/deep", "chroma/empty"]));
    // Where they are lost on the way to another machine, they are told in the metadata.
    fs::remove_dir_all(app.folder(&made).join("chroma/empty")).unwrap();
    assert!(app.store.engine.validate_backup(&made.stamp).unwrap().valid);
    fs::remove_dir_all(app.vectors()).unwrap();
    app.store.engine.restore_backup(&made.stamp, Expected::default(), Means::Command).unwrap();
    assert_eq!(there(&app.vectors()), [true, true]);
    let to = app.home.path().join("elsewhere");
    app.store.engine.restore_backup_to(&made.stamp, &to).unwrap();
    assert_eq!(there(&to.join("chroma")), [true, true]);

    fs::remove_dir_all(app.vectors()).unwrap();
    fs::create_dir(app.vectors()).unwrap();
    let bare = app.back_up();
    fs::remove_dir_all(app.vectors()).unwrap();
    app.store.engine.restore_backup(&bare.stamp, Expected::default(), Means::Command).unwrap();
    assert_eq!(fs::read_dir(app.vectors()).unwrap().count(), 0);
}

#[test]
fn an_empty_folder_becomes_a_store_of_its_own() {
    let app = App::new();
    let then = app.everything();
    let made = app.back_up();
    app.move_on();
    let now = app.everything();
    let to = app.home.path().join("elsewhere/deep");
    app.store.engine.restore_backup_to(&made.stamp, &to).unwrap();
    assert_eq!(app.everything(), now);
    let other =
        TestStore { engine: Engine::open(Options::new(&to)).unwrap().into(), folder: tempfile::tempdir().unwrap() };
    let conn = rusqlite::Connection::open(to.join("backstitch.db")).unwrap();
    assert_eq!(content(&conn, &other.engine), then.0);
    assert_eq!(fs::read_to_string(to.join("config/registry.json")).ok(), then.1);
    assert_eq!(files(&to.join("chroma")), then.2);
    assert_eq!(other.append(vec![note()]).first_id, 31);

    let refused = app.store.engine.restore_backup_to(&made.stamp, &to).unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::Refused);
    let used = app.home.path().join("used");
    fs::create_dir(&used).unwrap();
    fs::write(used.join("x"), "mine").unwrap();
    assert!(app.store.engine.restore_backup_to(&made.stamp, &used).unwrap_err().message().contains("not empty"));
    assert_eq!(files(&used).len(), 1);
}
