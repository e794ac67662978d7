//! What is wrong with a backup is told in the words that programs know, and a damaged one is not
//! restored.

use std::fs;
use std::path::Path;

use backstitch::backup::{Stamp, Validation};
use backstitch::error::ErrorKind;
use backstitch::history::Means;
use backstitch::snapshot::Expected;
use rusqlite::Connection;
use serde_json::Value;
use sha2::{Digest, Sha256};

use super::App;

const METADATA: &str = "backup-metadata.json";

/// Makes rows break a rule of their table, which a check of the database finds.
pub const BREAK_A_RULE: &str = "PRAGMA writable_schema = ON;
    UPDATE sqlite_schema SET sql = replace(sql, 'superseded_by INTEGER', 'superseded_by INTEGER NOT NULL')
    WHERE name = 'event_log'";

/// Changes the metadata of a backup.
fn edit(folder: &Path, change: impl FnOnce(&mut Value)) {
    let mut metadata: Value = serde_json::from_slice(&fs::read(folder.join(METADATA)).unwrap()).unwrap();
    change(&mut metadata);
    fs::write(folder.join(METADATA), metadata.to_string()).unwrap();
}

/// Lists the files with the sums that they have now.
pub fn list_anew(folder: &Path) {
    edit(folder, |metadata| {
        for file in metadata["files"].as_array_mut().unwrap() {
            let bytes = fs::read(folder.join(file["path"].as_str().unwrap())).unwrap();
            file["size"] = bytes.len().into();
            file["sha256"] = hex::encode(Sha256::digest(&bytes)).into();
        }
    });
}

/// Changes the database of a backup, and its sum with it.
pub fn rewrite(folder: &Path, sql: &str) {
    let conn = Connection::open(folder.join("db/backstitch.db")).unwrap();
    conn.execute_batch(sql).unwrap();
    drop(conn);
    list_anew(folder);
}

fn checked(app: &App, stamp: &Stamp) -> Validation {
    app.store.engine.validate_backup(stamp).unwrap()
}

/// Harms one backup after the other; each is told with its word, and refused.
fn told_and_refused(app: &App, word: &str, harm: impl FnOnce(&Path)) -> Validation {
    let made = app.back_up();
    harm(&app.folder(&made));
    let found = checked(app, &made.stamp);
    assert!(!found.valid && found.errors.iter().any(|error| error.starts_with(word)), "{word}: {:?}", found.errors);
    let before = app.everything();
    let refused = app.store.engine.restore_backup(&made.stamp, Expected::default(), Means::Command).unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::Damaged, "{word}: {refused}");
    assert!(refused.message().contains(word), "{word}: {refused}");
    assert_eq!(app.everything(), before);
    let other = app.home.path().join("other");
    assert_eq!(app.store.engine.restore_backup_to(&made.stamp, &other).unwrap_err().kind(), ErrorKind::Damaged);
    assert!(!other.exists());
    found
}

#[test]
fn a_backup_that_is_not_there_is_told() {
    let app = App::new();
    let stamp: Stamp = "20200101T000000Z".parse().unwrap();
    let found = checked(&app, &stamp);
    assert!(!found.exists && !found.valid);
    assert_eq!(found.errors, ["snapshot_directory_missing"]);
    let refused = app.store.engine.restore_backup(&stamp, Expected::default(), Means::Command).unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::NotFound);
    assert!("../x".parse::<Stamp>().is_err());
}

#[test]
fn metadata_that_is_missing_or_no_json_is_told() {
    let app = App::new();
    told_and_refused(&app, "metadata_missing", |folder| fs::remove_file(folder.join(METADATA)).unwrap());
    told_and_refused(&app, "metadata_invalid_json", |folder| fs::write(folder.join(METADATA), "{").unwrap());
    told_and_refused(&app, "metadata_invalid_json", |folder| fs::write(folder.join(METADATA), "[]").unwrap());
    let listed = app.store.engine.backups().unwrap();
    let errors: Vec<_> = listed.iter().map(|backup| (backup.has_metadata, backup.metadata_error.as_deref())).collect();
    assert_eq!(errors, [(true, Some("invalid_json")), (true, Some("invalid_json")), (false, None)]);
}

#[test]
fn damage_of_the_database_is_told() {
    let app = App::new();
    let database = |folder: &Path| folder.join("db/backstitch.db");
    told_and_refused(&app, "db_snapshot_missing", |folder| fs::remove_file(database(folder)).unwrap());
    let found = told_and_refused(&app, "db_open_failed", |folder| {
        fs::write(database(folder), "no database at all, and long enough to be read as one".repeat(90)).unwrap();
    });
    assert!(!found.db_ok);
    let found = told_and_refused(&app, "db_integrity_check_failed", |folder| {
        rewrite(folder, BREAK_A_RULE);
    });
    assert!(!found.db_ok);
    let found = told_and_refused(&app, "db_open_failed: it is an empty database", |folder| {
        fs::remove_file(database(folder)).unwrap();
        fs::write(database(folder), "").unwrap();
        list_anew(folder);
    });
    assert!(!found.db_ok);
}

#[test]
fn damage_of_the_files_is_told() {
    let app = App::new();
    let found = told_and_refused(&app, "registry_snapshot_missing", |folder| {
        fs::remove_file(folder.join("config/registry.json")).unwrap();
    });
    assert_eq!((found.registry_ok, found.chroma_ok, found.db_ok), (Some(false), Some(true), true));
    told_and_refused(&app, "file_differs: config/registry.json", |folder| {
        fs::write(folder.join("config/registry.json"), "{}").unwrap();
    });
    let found = told_and_refused(&app, "chroma_snapshot_missing", |folder| {
        fs::remove_dir_all(folder.join("chroma")).unwrap();
    });
    assert_eq!((found.registry_ok, found.chroma_ok), (Some(true), Some(false)));
    told_and_refused(&app, "file_missing: chroma/ab/data.bin", |folder| {
        fs::remove_file(folder.join("chroma/ab/data.bin")).unwrap();
    });
    told_and_refused(&app, "chroma_open_failed", |folder| {
        fs::write(folder.join("chroma/chroma.sqlite3"), "SQLite format 3\0 and no more of it").unwrap();
        list_anew(folder);
    });
}

#[test]
fn metadata_that_lies_is_told() {
    let app = App::new();
    told_and_refused(&app, "file_differs: chroma/ab/data.bin", |folder| {
        edit(folder, |metadata| metadata["files"][0]["sha256"] = "0".repeat(64).into());
    });
    told_and_refused(&app, "file_differs: db/backstitch.db", |folder| {
        edit(folder, |metadata| metadata["files"][3]["size"] = 1.into());
    });
    told_and_refused(&app, "metadata_differs", |folder| {
        edit(folder, |metadata| metadata["last_event_id"] = 29.into());
    });
    told_and_refused(&app, "metadata_invalid_json", |folder| {
        edit(folder, |metadata| metadata["files"][2]["path"] = "config/../../../x".into());
    });
    told_and_refused(&app, "db_snapshot_missing", |folder| {
        edit(folder, |metadata| metadata["files"].as_array_mut().unwrap().truncate(3));
    });
}

/// What the store itself was like is told, and comes back with the rest.
#[test]
fn what_was_so_when_it_was_copied_is_told_and_restored() {
    let app = App::new();
    for (word, sql) in [
        ("db_references_broken: a row of event_log", "UPDATE event_log SET superseded_by = 999 WHERE id = 1"),
        ("db_full_text_differs: memories_fts", "INSERT INTO memories_fts (memories_fts) VALUES ('delete-all')"),
        ("db_projection_differs: edges, 1 rows", "UPDATE edges SET affinity = 99"),
    ] {
        let made = app.back_up();
        rewrite(
            &app.folder(&made),
            &format!("PRAGMA foreign_keys = OFF; {sql}; UPDATE backstitch_state SET stale_from = NULL"),
        );
        let found = checked(&app, &made.stamp);
        assert!(found.db_ok && !found.valid, "{word}");
        assert!(found.errors.iter().any(|error| error.starts_with(word)), "{word}: {:?}", found.errors);
        assert!(found.damage().is_empty(), "{:?}", found.errors);
    }
    let made = app.back_up();
    let folder = app.folder(&made);
    fs::write(folder.join("config/registry.json"), "{ half").unwrap();
    list_anew(&folder);
    let found = checked(&app, &made.stamp);
    assert_eq!(found.registry_ok, Some(false));
    assert!(found.errors[0].starts_with("registry_invalid_json: "), "{:?}", found.errors);
    app.store.engine.restore_backup(&made.stamp, Expected::default(), Means::Command).unwrap();
    assert_eq!(fs::read_to_string(app.registry()).unwrap(), "{ half");
    // Nor does a broken file of today keep a good one from coming back.
    let good = app.store.engine.backups().unwrap().pop().unwrap();
    app.store.engine.restore_backup(&good.stamp, Expected::default(), Means::Command).unwrap();
    assert_eq!(fs::read_to_string(app.registry()).unwrap(), r#"{"projects": ["one"]}"#);
}
