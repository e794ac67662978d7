//! Backups of the original service are listed and checked as its own check does; and what reads
//! its metadata finds everything in ours.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use backstitch::backup::Backup;
use backstitch::error::ErrorKind;
use backstitch::history::Means;
use backstitch::snapshot::Expected;
use rusqlite::Connection;
use serde_json::{Value, json};

use super::App;

/// A backup as the original wrote it: its own database, a registry file, a cold vector store.
fn theirs(app: &App) -> (PathBuf, Value) {
    let folder = app.backups().join("20260301T101500Z");
    for part in ["db", "config", "chroma/index"] {
        fs::create_dir_all(folder.join(part)).unwrap();
    }
    let conn = Connection::open(folder.join("db/theirs.db")).unwrap();
    conn.execute_batch("PRAGMA journal_mode = WAL; CREATE TABLE memories (id TEXT); INSERT INTO memories VALUES ('m')")
        .unwrap();
    drop(conn);
    fs::write(folder.join("config/projects.json"), "{}").unwrap();
    fs::write(folder.join("chroma/index/data.bin"), [1; 10]).unwrap();
    let metadata = json!({
        "created_at": "2026-03-01T10:15:00+00:00", "backup_root": folder,
        "db_snapshot_path": folder.join("db/theirs.db"), "db_size_bytes": 8192,
        "registry_snapshot_path": folder.join("config/projects.json"),
        "chroma_snapshot_path": folder.join("chroma"), "chroma_snapshot_bytes": 10, "chroma_snapshot_files": 1,
        "chroma_snapshot_included": true, "vector_store_note": "",
    });
    write(&folder, &metadata);
    (folder, metadata)
}

fn write(folder: &Path, metadata: &Value) {
    fs::write(folder.join("backup-metadata.json"), metadata.to_string()).unwrap();
}

#[test]
fn a_backup_of_the_original_is_listed_checked_and_not_restored() {
    let app = App::new();
    let (folder, metadata) = theirs(&app);
    let listed = app.store.engine.backups().unwrap().remove(0);
    assert_eq!((listed.stamp.as_str(), listed.size_bytes, listed.own), ("20260301T101500Z", 8202, false));
    assert_eq!(listed.metadata.as_ref(), Some(&metadata));
    let json = serde_json::to_value(&listed).unwrap();
    for key in ["stamp", "path", "has_metadata", "metadata", "metadata_error"] {
        assert!(json.get(key).is_some(), "{key}");
    }
    let found = app.store.engine.validate_backup(&listed.stamp).unwrap();
    assert!(found.valid && found.db_ok, "{:?}", found.errors);
    assert_eq!((found.registry_ok, found.chroma_ok), (Some(true), Some(true)));
    let json = serde_json::to_value(&found).unwrap();
    for key in ["stamp", "path", "exists", "db_ok", "registry_ok", "chroma_ok", "errors", "valid", "metadata"] {
        assert!(json.get(key).is_some(), "{key}");
    }
    let refused = app.store.engine.restore_backup(&listed.stamp, Expected::default(), Means::Command).unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::Unprocessable);
    let names: Vec<_> = super::files(&folder).into_keys().collect();
    assert_eq!(names.len(), 4, "checking leaves nothing beside the database: {names:?}");
}

#[test]
fn what_is_wrong_with_a_backup_of_the_original_is_told_in_its_words() {
    let app = App::new();
    let (folder, mut metadata) = theirs(&app);
    let stamp = "20260301T101500Z".parse().unwrap();
    fs::write(folder.join("config/projects.json"), "{").unwrap();
    fs::remove_dir_all(folder.join("chroma")).unwrap();
    fs::write(folder.join("db/theirs.db"), "no database").unwrap();
    let words = |errors: &[String]| -> Vec<String> {
        errors.iter().map(|error| error.split(':').next().unwrap().to_owned()).collect()
    };
    let found = app.store.engine.validate_backup(&stamp).unwrap();
    assert_eq!(words(&found.errors), ["db_open_failed", "registry_invalid_json", "chroma_snapshot_missing"]);
    assert_eq!((found.db_ok, found.registry_ok, found.chroma_ok), (false, Some(false), Some(false)));
    fs::remove_dir_all(folder.join("config")).unwrap();
    fs::remove_dir_all(folder.join("db")).unwrap();
    let found = app.store.engine.validate_backup(&stamp).unwrap();
    assert_eq!(found.errors, ["db_snapshot_missing", "registry_snapshot_missing", "chroma_snapshot_missing"]);
    // A path that leads elsewhere is not followed.
    metadata["db_snapshot_path"] = json!(app.store.path().join("backstitch.db"));
    write(&folder, &metadata);
    assert_eq!(app.store.engine.validate_backup(&stamp).unwrap().errors[0], "db_snapshot_missing");
}

/// The original's check, stated anew after what it does: what it finds wrong with the backup in a
/// folder, by its words and in its order. It follows the paths of the metadata, and its `json` and
/// `sqlite3` are Python's own.
const CHECK: &str = r#"
import json, pathlib, sqlite3, sys

def problems(folder):
    if not folder.exists():
        return ["snapshot_directory_missing"]
    file = folder / "backup-metadata.json"
    if not file.exists():
        return ["metadata_missing"]
    try:
        told = json.loads(file.read_text(encoding="utf-8"))
    except json.JSONDecodeError:
        return ["metadata_invalid_json"]
    return database(told) + registry(told) + vectors(told)

def database(told):
    path = pathlib.Path(told.get("db_snapshot_path", ""))
    if not path.exists():
        return ["db_snapshot_missing"]
    try:
        answer = sqlite3.connect(path).execute("PRAGMA integrity_check").fetchone()
    except sqlite3.DatabaseError:
        return ["db_open_failed"]
    return [] if answer == ("ok",) else ["db_integrity_check_failed"]

def registry(told):
    if not (path := told.get("registry_snapshot_path", "")):
        return []
    if not pathlib.Path(path).exists():
        return ["registry_snapshot_missing"]
    try:
        json.loads(pathlib.Path(path).read_text(encoding="utf-8"))
    except json.JSONDecodeError:
        return ["registry_invalid_json"]
    return []

def vectors(told):
    path = told.get("chroma_snapshot_path", "")
    return ["chroma_snapshot_missing"] if path and not pathlib.Path(path).is_dir() else []

folder = pathlib.Path(sys.argv[1])
found = {"errors": problems(folder)}
if not found["errors"]:
    told = json.loads((folder / "backup-metadata.json").read_text(encoding="utf-8"))
    files = [path for path in pathlib.Path(told["chroma_snapshot_path"]).rglob("*") if path.is_file()]
    found["root"] = told["backup_root"] == str(folder)
    found["db"] = told["db_size_bytes"] == pathlib.Path(told["db_snapshot_path"]).stat().st_size
    found["files"] = told["chroma_snapshot_files"] == len(files)
    found["bytes"] = told["chroma_snapshot_bytes"] == sum(path.stat().st_size for path in files)
    found["included"] = told["chroma_snapshot_included"]
    found["note"] = bool(told["vector_store_note"])
print(json.dumps(found))
"#;

/// None, and said why, where there is no Python.
fn ask_python(folder: &Path) -> Option<Value> {
    let Ok(output) = Command::new("python3").args(["-c", CHECK]).arg(folder).output() else {
        eprintln!("skipped: there is no python3 here");
        return None;
    };
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    Some(serde_json::from_slice(&output.stdout).unwrap())
}

fn folder_of(app: &App, made: &Backup) -> PathBuf {
    app.store.engine.data_dir().join("backups/snapshots").join(made.stamp.as_str())
}

#[test]
fn the_check_of_the_original_finds_our_backup_sound_and_its_metadata_true() {
    let app = App::new();
    fs::create_dir_all(app.vectors().join("empty")).unwrap();
    let made = app.back_up();
    let Some(found) = ask_python(&folder_of(&app, &made)) else { return };
    let sound = json!({
        "errors": [], "root": true, "db": true, "files": true, "bytes": true, "included": true, "note": true,
    });
    assert_eq!(found, sound);
    let found = app.store.engine.validate_backup(&made.stamp).unwrap();
    assert!(found.valid, "being read harms it not: {:?}", found.errors);
}

/// Something that is done to a backup in its folder.
type Harm<'a> = &'a dyn Fn(&Path);

/// The words that both have, in the order of ours.
fn in_their_words(errors: &[String]) -> Vec<String> {
    let words = errors.iter().map(|error| error.split(':').next().unwrap_or_default().to_owned());
    words.filter(|word| CHECK.contains(&format!("\"{word}\""))).collect()
}

#[test]
fn what_is_wrong_with_our_backup_is_told_in_the_same_words_by_the_original() {
    let harms: [(&str, Harm<'_>); 9] = [
        ("metadata_missing", &|folder| fs::remove_file(folder.join("backup-metadata.json")).unwrap()),
        ("metadata_invalid_json", &|folder| fs::write(folder.join("backup-metadata.json"), "{").unwrap()),
        ("db_snapshot_missing", &|folder| fs::remove_file(folder.join("db/backstitch.db")).unwrap()),
        ("db_open_failed", &|folder| fs::write(folder.join("db/backstitch.db"), "no database".repeat(500)).unwrap()),
        ("db_integrity_check_failed", &|folder| super::words::rewrite(folder, super::words::BREAK_A_RULE)),
        ("registry_snapshot_missing", &|folder| fs::remove_file(folder.join("config/registry.json")).unwrap()),
        ("registry_invalid_json", &|folder| fs::write(folder.join("config/registry.json"), "{ half").unwrap()),
        ("chroma_snapshot_missing", &|folder| fs::remove_dir_all(folder.join("chroma")).unwrap()),
        ("snapshot_directory_missing", &|folder| fs::remove_dir_all(folder).unwrap()),
    ];
    let app = App::new();
    for (word, harm) in harms {
        let made = app.back_up();
        harm(&folder_of(&app, &made));
        let Some(found) = ask_python(&folder_of(&app, &made)) else { return };
        assert_eq!(found["errors"], json!([word]));
        let ours = app.store.engine.validate_backup(&made.stamp).unwrap();
        assert_eq!(in_their_words(&ours.errors), [word], "{:?}", ours.errors);
    }
}
