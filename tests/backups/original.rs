//! Backups of the original service are listed and checked as its own check does; and what reads
//! its metadata finds everything in ours.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

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

/// Finds the parts by the metadata's paths, as a program does that knows the original's keys.
const READER: &str = r#"
import json, pathlib, sqlite3, sys
root = pathlib.Path(sys.argv[1])
told = json.loads((root / "backup-metadata.json").read_text(encoding="utf-8"))
database = sqlite3.connect(told["db_snapshot_path"])
print(database.execute("PRAGMA integrity_check").fetchone()[0])
print(database.execute("SELECT count(*) FROM event_log").fetchone()[0])
print(json.loads(pathlib.Path(told["registry_snapshot_path"]).read_text(encoding="utf-8"))["projects"][0])
files = [path for path in pathlib.Path(told["chroma_snapshot_path"]).rglob("*") if path.is_file()]
size = sum(path.stat().st_size for path in files)
print(len(files) == told["chroma_snapshot_files"], size == told["chroma_snapshot_bytes"])
print(told["backup_root"] == str(root), told["db_size_bytes"] == pathlib.Path(told["db_snapshot_path"]).stat().st_size)
"#;

#[test]
fn python_finds_all_parts_of_a_backup_by_its_metadata() {
    if Command::new("python3").arg("--version").output().is_err() {
        eprintln!("skipped: there is no python3 here");
        return;
    }
    let app = App::new();
    let made = app.back_up();
    let root = app.store.engine.data_dir().join("backups/snapshots").join(made.stamp.as_str());
    let output = Command::new("python3").args(["-c", READER]).arg(root).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert_eq!(String::from_utf8_lossy(&output.stdout), "ok\n30\none\nTrue True\nTrue True\n");
    let found = app.store.engine.validate_backup(&made.stamp).unwrap();
    assert!(found.valid, "being read harms it not: {:?}", found.errors);
}
