//! `backup create|list|validate|restore`, and the settings that say what goes into one.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use backstitch::backup::Gate;
use serde_json::{Value, json};
use tempfile::TempDir;

use super::{EVENTS, Ran, everything, run, run_with, store};
use crate::support::program;

/// An event that comes after a backup.
const MORE: &str = r#"{"kind":"bot_created","payload":{"bot_id":"cid","name":"Cid","persona":""}}"#;

/// A store with three events, beside a registry file and a folder of vectors.
struct App {
    data: TempDir,
    home: TempDir,
}

impl App {
    fn new() -> Self {
        let home = tempfile::tempdir().unwrap();
        fs::write(home.path().join("registry.json"), r#"["one"]"#).unwrap();
        fs::create_dir(home.path().join("vectors")).unwrap();
        fs::write(home.path().join("vectors/data.bin"), "first").unwrap();
        Self { data: store(), home }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.home.path().join(name)
    }

    /// A command that is told where registry file and vectors are.
    fn run(&self, arguments: &[&str]) -> Ran {
        let (registry, vectors) = (self.path("registry.json"), self.path("vectors"));
        let places = ["--registry", registry.to_str().unwrap(), "--chroma-dir", vectors.to_str().unwrap()];
        run(self.data.path(), &[arguments, &places].concat())
    }

    /// The stamp of a new backup of everything.
    fn back_up(&self) -> String {
        stamp(&self.run(&["backup", "create", "--include-chroma", "--json"]).json())
    }

    /// One more event, another registry, other vectors.
    fn move_on(&self) {
        run_with(self.data.path(), &["append"], MORE).done();
        fs::write(self.path("registry.json"), r#"["two"]"#).unwrap();
        fs::write(self.path("vectors/data.bin"), "second").unwrap();
    }

    /// Log, tables, registry file and vectors.
    fn state(&self) -> Vec<String> {
        let mut state = everything(self.data.path())[..3].to_vec();
        for file in ["registry.json", "vectors/data.bin"] {
            state.push(fs::read_to_string(self.path(file)).unwrap());
        }
        state
    }

    /// A file of a backup.
    fn file(&self, stamp: &str, path: &str) -> PathBuf {
        self.data.path().join("backups/snapshots").join(stamp).join(path)
    }
}

fn stamp(backup: &Value) -> String {
    backup["stamp"].as_str().unwrap().to_owned()
}

fn listed(folder: &Path) -> Vec<Value> {
    run(folder, &["backup", "list", "--json"]).json()["backups"].as_array().unwrap().clone()
}

#[test]
fn a_backup_is_made_listed_and_found_sound() {
    let app = App::new();
    let said = app.run(&["backup", "list"]).done();
    assert!(said.starts_with("No backups yet. Make one with: backstitch backup create --data-dir /"), "{said}");
    assert!(said.trim_end().ends_with("/vectors"), "{said}");

    let said = app.run(&["backup", "create", "--include-chroma"]).done();
    let [backup] = &listed(app.data.path())[..] else { panic!("one backup") };
    let stamp = stamp(backup);
    let lines: Vec<&str> = said.lines().collect();
    assert!(lines[0].starts_with(&format!("Backup {stamp} of event 3 made, ")), "{said}");
    assert!(lines[0].ends_with(": database, registry file, vector store."), "{said}");
    assert_eq!(lines[1], format!("It is in {}.", backup["path"].as_str().unwrap()));
    assert_eq!(backup["includes"], json!({"database": true, "registry": true, "vectors": true}));

    let said = run(app.data.path(), &["backup", "list"]).done();
    assert!(said.contains("database, registry file, vector store  not checked\n"), "{said}");
    let said = run(app.data.path(), &["backup", "validate", &stamp]).done();
    assert_eq!(said, format!("Backup {stamp} is sound: every file is as it was written.\n"));
    let said = run(app.data.path(), &["backup", "list"]).done();
    assert!(said.contains("  sound at 20"), "{said}");
    let found = run(app.data.path(), &["backup", "validate", &stamp, "--json"]).json();
    assert_eq!((&found["valid"], &found["errors"], &found["chroma_ok"]), (&true.into(), &json!([]), &true.into()));
}

#[test]
fn what_is_not_asked_for_or_not_there_is_not_in_it_and_that_is_told() {
    let app = App::new();
    let said = app.run(&["backup", "create"]).done();
    assert!(said.contains(": database, registry file.\n"), "{said}");
    let said = run(app.data.path(), &["backup", "create"]).done();
    assert!(said.contains(": database.\n"), "{said}");
    let said = run(app.data.path(), &["backup", "create", "--include-chroma"]).refused(1);
    assert!(said.contains("--chroma-dir"), "{said}");
    fs::remove_dir_all(app.path("vectors")).unwrap();
    let said = app.run(&["backup", "create", "--include-chroma"]).done();
    assert!(said.contains("\nThe vector store is not included: its folder was not there.\n"), "{said}");
}

#[test]
fn a_backup_with_damage_ends_with_1_and_is_not_restored() {
    let app = App::new();
    let stamp = app.back_up();
    fs::write(app.file(&stamp, "config/registry.json"), "{}").unwrap();
    fs::remove_file(app.file(&stamp, "chroma/data.bin")).unwrap();
    let found = run(app.data.path(), &["backup", "validate", &stamp]);
    assert_eq!(found.code, 1);
    assert_eq!(found.out, "file_differs: config/registry.json\nfile_missing: chroma/data.bin\n");
    let words = format!("backstitch: 2 things are wrong with the backup {stamp}. It cannot be restored.\n");
    assert_eq!(found.err, words);
    let found = run(app.data.path(), &["backup", "validate", &stamp, "--json"]);
    let json: Value = serde_json::from_str(&found.out).unwrap();
    assert_eq!((found.code, &json["valid"], json["errors"].as_array().map(Vec::len)), (1, &false.into(), Some(2)));

    app.move_on();
    let before = app.state();
    let said = app.run(&["backup", "restore", &stamp, "--confirm", &stamp]).refused(1);
    assert!(said.contains("file_missing: chroma/data.bin"), "{said}");
    let to = app.path("elsewhere");
    app.run(&["backup", "restore", &stamp, "--to", to.to_str().unwrap()]).refused(1);
    assert!(app.state() == before && !to.exists());
}

#[test]
fn one_that_is_not_there_is_told() {
    let app = App::new();
    let none = run(app.data.path(), &["backup", "validate", "20200101T000000Z"]);
    assert_eq!((none.code, none.out.as_str()), (1, "snapshot_directory_missing\n"));
    for none in ["20200101T000000Z", "../x"] {
        let said = run(app.data.path(), &["backup", "restore", none, "--confirm", none]).refused(1);
        assert_eq!(said, "backup not found");
    }
    let nowhere = app.path("nowhere");
    for command in [&["list"][..], &["create"], &["validate", "x"], &["restore", "x"], &["restore", "x", "--to", "y"]] {
        let said = run(&nowhere, &[&["backup"], command].concat()).refused(1);
        assert!(said.starts_with("there is no store in "), "{command:?}: {said}");
    }
    assert!(!nowhere.exists(), "a mistyped folder is not made");
}

#[test]
fn a_restore_brings_everything_back_and_is_undone_by_what_it_says() {
    let app = App::new();
    let stamp = app.back_up();
    let then = app.state();
    app.move_on();
    let now = app.state();

    let plan = app.run(&["backup", "restore", &stamp, "--dry-run"]).done();
    let start: Vec<&str> = plan.lines().take(5).collect();
    assert_eq!(
        start,
        [
            &format!("Backup {stamp} of event 3: database, registry file, vector store."),
            "The log stands at event 4.",
            "1 event leaves the log, 0 events come back.",
            &format!("The registry file {} becomes the backup's.", app.path("registry.json").display()),
            &format!("The vector store {} becomes the backup's.", app.path("vectors").display()),
        ]
    );
    assert!(plan.lines().any(|line| line.split_whitespace().eq(["bots", "0", "1", "0", "3", "2"])), "{plan}");
    let plan = app.run(&["backup", "restore", &stamp, "--dry-run", "--json"]).json();
    assert_eq!((&plan["stamp"], &plan["events_removed"]), (&stamp.as_str().into(), &1.into()));
    assert_eq!(app.state(), now);

    let said = app.run(&["backup", "restore", &stamp, "--confirm", &stamp]).done();
    assert_eq!(app.state(), then);
    let start = format!("Backup {stamp} is restored; registry file and vector store are the backup's. Backup ");
    assert!(said.starts_with(&start), "{said}");
    let before = said.trim_start_matches(&start).split_once(" has the present.").unwrap().0;
    assert_eq!(listed(app.data.path()).iter().filter(|one| one["stamp"] == before).count(), 1);
    let undo: Vec<&str> = said.trim_end().split_once("Undo: backstitch ").unwrap().1.split(' ').collect();
    let number = run(app.data.path(), &["history", "--json"]).json()["operations"][0]["operation"].to_string();
    assert_eq!(undo[..2], ["undo", number.as_str()]);
    run(app.data.path(), &undo).done();
    assert_eq!(app.state(), now);
}

#[test]
fn a_restore_asks_for_the_stamp_and_for_a_place() {
    let app = App::new();
    let stamp = app.back_up();
    app.move_on();
    let before = app.state();
    let asked = app.run(&["backup", "restore", &stamp]);
    assert_eq!((asked.code, asked.out.as_str()), (1, ""));
    assert!(asked.err.starts_with(&format!("Backup {stamp} of event 3: ")), "{}", asked.err);
    let words = format!("this needs the stamp typed, or --confirm {stamp}. Nothing was done.\n");
    assert!(asked.err.ends_with(&words), "{}", asked.err);
    let said = app.run(&["backup", "restore", &stamp, "--confirm", "yes"]).refused(1);
    assert_eq!(said, format!("That is \"yes\"; the stamp is {stamp}. Nothing was done."));
    app.run(&["backup", "restore", &stamp, "--confirm", &stamp, "--expected-head", "3"]).refused(1);
    let plan = run(app.data.path(), &["backup", "restore", &stamp, "--dry-run"]).done();
    assert!(plan.contains("Its registry file has no place here: say where with --registry FILE.\n"), "{plan}");
    let said = run(app.data.path(), &["backup", "restore", &stamp, "--confirm", &stamp]).refused(1);
    assert!(said.contains("--registry"), "{said}");
    assert_eq!(app.state(), before);
    for wrong in [["--to", "x", "--dry-run", ""], ["--to", "x", "--confirm", "y"], ["--dry-run", "", "--confirm", "y"]]
    {
        let flags = wrong.into_iter().filter(|word| !word.is_empty());
        let arguments: Vec<&str> = ["backup", "restore", &stamp].into_iter().chain(flags).collect();
        run(app.data.path(), &arguments).misused();
    }
}

/// On another machine there is the folder of one backup and no store.
#[test]
fn a_backup_alone_becomes_a_store_elsewhere() {
    let app = App::new();
    let stamp = app.back_up();
    let then = app.state();
    let machine = app.path("other machine");
    let kept = machine.join("backups/snapshots");
    fs::create_dir_all(&kept).unwrap();
    fs::rename(app.file(&stamp, ""), kept.join(&stamp)).unwrap();

    assert_eq!(listed(&machine).len(), 1);
    run(&machine, &["backup", "validate", &stamp]).done();
    let said = run(&machine, &["backup", "restore", &stamp, "--confirm", &stamp]).refused(1);
    assert!(said.ends_with("put the backup into an empty one with --to DIR."), "{said}");
    let to = app.path("my data");
    let put = run(&machine, &["backup", "restore", &stamp, "--to", to.to_str().unwrap()]).done();
    assert!(!machine.join("backstitch.db").exists(), "it is no store");
    let home = app.home.path().display();
    let words = format!(
        "Backup {stamp} is in {home}/my data, a data folder of its own. Nothing changed here.\n\
         Serve it with: backstitch serve --data-dir '{home}/my data' \
         --registry '{home}/my data/config/registry.json' --chroma-dir '{home}/my data/chroma'\n"
    );
    assert_eq!(put, words);
    assert_eq!(everything(&to)[..3], then[..3]);
    assert_eq!(fs::read_to_string(to.join("config/registry.json")).unwrap(), then[3]);
    assert_eq!(fs::read_to_string(to.join("chroma/data.bin")).unwrap(), then[4]);
    let said = run(&machine, &["backup", "restore", &stamp, "--to", to.to_str().unwrap()]).refused(1);
    assert!(said.contains("is not empty"), "{said}");
    let other = app.path("third");
    let json = run(&machine, &["backup", "restore", &stamp, "--to", other.to_str().unwrap(), "--json"]).json();
    assert_eq!(json["registry"].as_str(), other.join("config/registry.json").to_str());
}

#[test]
fn a_store_that_cannot_be_opened_keeps_no_backup_from_being_used() {
    let app = App::new();
    let stamp = app.back_up();
    let then = everything(app.data.path());
    for side in ["-wal", "-shm"] {
        let _ = fs::remove_file(app.data.path().join(format!("backstitch.db{side}")));
    }
    fs::write(app.data.path().join("backstitch.db"), "no database at all").unwrap();
    run(app.data.path(), &["events"]).refused(1);
    assert_eq!(listed(app.data.path()).len(), 1);
    run(app.data.path(), &["backup", "validate", &stamp]).done();
    let to = app.path("saved");
    run(app.data.path(), &["backup", "restore", &stamp, "--to", to.to_str().unwrap()]).done();
    assert_eq!(everything(&to)[..3], then[..3]);
}

#[test]
fn places_and_retention_come_from_the_environment_too() {
    let app = App::new();
    let create = || {
        let mut command = program(app.data.path());
        command.env("BACKSTITCH_REGISTRY", app.path("registry.json"));
        command.env("BACKSTITCH_CHROMA_DIR", app.path("vectors")).env("BACKSTITCH_KEEP_BACKUPS", "2");
        let made: Ran = command.args(["backup", "create", "--include-chroma", "--json"]).output().unwrap().into();
        made.json()
    };
    let made: Vec<Value> = (0..3).map(|_| create()).collect();
    assert_eq!(made[2]["includes"], json!({"database": true, "registry": true, "vectors": true}));
    let left: Vec<String> = listed(app.data.path()).iter().map(stamp).collect();
    assert_eq!(left, [stamp(&made[2]), stamp(&made[1])]);
    run(app.data.path(), &["backup", "create"]).done();
    assert_eq!(listed(app.data.path()).len(), 3, "all are kept without the setting");
    let said = run(app.data.path(), &["backup", "create", "--keep-backups", "0"]).misused();
    assert!(said.contains("--keep-backups"), "{said}");
}

/// Closed as by a backup of the vector store that takes long.
#[test]
fn an_append_that_waited_too_long_for_a_backup_ends_with_1_and_says_why() {
    let app = App::new();
    let closed = Gate::new(app.data.path()).close(Duration::ZERO).unwrap();
    let said = run_with(app.data.path(), &["append", "--busy-timeout", "50ms"], MORE).refused(1);
    assert!(said.starts_with("A backup is being taken or restored, and new events wait until it is done."), "{said}");
    let said = app.run(&["backup", "create", "--include-chroma", "--busy-timeout", "50ms"]).refused(1);
    assert!(said.starts_with("Another backup is being taken or restored"), "{said}");
    app.run(&["backup", "create", "--busy-timeout", "50ms"]).done();
    drop(closed);
    run_with(app.data.path(), &["append"], MORE).done();
}

/// A server copies the same places.
#[test]
fn events_come_in_while_a_server_runs_and_commands_back_it_up() {
    let app = App::new();
    let server = crate::support::Server::start(app.data.path(), &[]);
    let stamp = app.back_up();
    run_with(app.data.path(), &["append"], EVENTS.lines().last().unwrap()).done();
    app.run(&["backup", "restore", &stamp, "--confirm", &stamp]).done();
    assert_eq!(server.get("/health").json()["last_event_id"], 3);
    assert_eq!(server.post("/events", "application/json", MORE).json()["first_id"], 5);
}
