//! Backups of other versions of the program: an older one is restored, a newer one is not.

use std::fs;
use std::path::Path;

use backstitch::backup::Stamp;
use backstitch::engine::Engine;
use backstitch::error::ErrorKind;
use backstitch::history::Means;
use backstitch::snapshot::Expected;
use rusqlite::Connection;

use super::words::{list_anew, rewrite};
use super::{App, files, note};

/// A backup of schema 2, as the program of that time made it: the sample story of 110 events, a
/// registry file, a vector store. Its database is compressed.
const OLD: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/backups/schema_2");

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap().map(|entry| entry.unwrap()) {
        let to = to.join(entry.file_name());
        if entry.path().is_dir() {
            copy(&entry.path(), &to);
        } else {
            fs::copy(entry.path(), to).unwrap();
        }
    }
}

fn put_old(app: &App) -> Stamp {
    let folder = app.backups().join("old");
    copy(Path::new(OLD), &folder);
    fs::create_dir(folder.join("db")).unwrap();
    let packed = fs::File::open(folder.join("backstitch.db.zst")).unwrap();
    fs::write(folder.join("db/backstitch.db"), zstd::decode_all(packed).unwrap()).unwrap();
    "old".parse().unwrap()
}

fn version(conn: &Connection) -> i64 {
    conn.query_row("PRAGMA user_version", [], |row| row.get(0)).unwrap()
}

#[test]
fn a_backup_of_an_older_schema_is_sound_and_restored_and_stays_as_it_is() {
    let app = App::new();
    let stamp = put_old(&app);
    let before = files(&app.backups().join("old"));
    let listed = app.store.engine.backup(&stamp).unwrap();
    assert!(listed.own && listed.includes.vectors && listed.last_event_id == Some(110));
    let found = app.store.engine.validate_backup(&stamp).unwrap();
    assert!(found.valid, "{:?}", found.errors);
    let plan = app.store.engine.preview_backup(&stamp).unwrap();

    let now = app.everything();
    let done = app.store.engine.restore_backup(&stamp, Expected::default(), Means::Command).unwrap();
    assert_eq!((plan.events_removed, plan.events_returned), (0, 80));
    assert_eq!((done.restored.events_removed, done.restored.events_returned), (0, 80));
    assert_eq!(app.store.engine.status().unwrap().head, 110);
    assert!(app.store.engine.verify_projection().unwrap().clean);
    assert_eq!(fs::read_to_string(app.vectors().join("ab/data.bin")).unwrap(), "vectors");
    assert_eq!(app.store.append(vec![note()]).first_id, 111);
    app.store.engine.undo(done.restored.operation, true, Expected::default(), Means::Command).unwrap();
    assert_eq!(app.everything(), now);

    let to = app.home.path().join("elsewhere");
    app.store.engine.restore_backup_to(&stamp, &to).unwrap();
    let elsewhere = Engine::open(backstitch::engine::Options::new(&to)).unwrap();
    assert_eq!(elsewhere.status().unwrap().head, 110);
    assert!(elsewhere.verify_projection().unwrap().clean);
    let (old, new) = (app.backups().join("old/db/backstitch.db"), to.join("backstitch.db"));
    assert!(version(&Connection::open(new).unwrap()) > 2);
    assert_eq!(version(&Connection::open(old).unwrap()), 2);
    assert_eq!(files(&app.backups().join("old")), before);
}

#[test]
fn a_backup_of_a_newer_schema_is_told_as_such_and_not_restored() {
    let app = App::new();
    let made = app.back_up();
    app.move_on();
    rewrite(&app.folder(&made), "PRAGMA user_version = 99");
    list_anew(&app.folder(&made));
    let told = "the database has schema 99";
    let found = app.store.engine.validate_backup(&made.stamp).unwrap();
    assert_eq!(found.errors.len(), 1, "{:?}", found.errors);
    assert!(!found.valid && found.errors[0].starts_with("db_open_failed: ") && found.errors[0].contains(told));
    let before = app.everything();
    let refused = app.store.engine.restore_backup(&made.stamp, Expected::default(), Means::Command).unwrap_err();
    assert!(refused.kind() == ErrorKind::Damaged && refused.message().contains(told), "{refused}");
    assert!(refused.message().contains("a newer Backstitch wrote it"), "{refused}");
    let refused = app.store.engine.preview_backup(&made.stamp).unwrap_err();
    assert!(refused.message().contains(told), "{refused}");
    let to = app.home.path().join("elsewhere");
    assert!(app.store.engine.restore_backup_to(&made.stamp, &to).is_err() && !to.exists());
    assert_eq!(app.everything(), before);
    assert_eq!(app.store.engine.backups().unwrap().len(), 1);
}
