//! Backups on a full disk: none is half made, and a restore leaves everything as it was.

use std::fs;
use std::path::PathBuf;

use serde_json::Value;

use super::disk::{SmallDisk, command, file_of, post, refusal};
use super::{FULL, Full};
use crate::support::{CLIENTS, JSON, Server, Story};

/// A store on a small disk with a registry file and a vector store beside it.
struct App {
    full: Full,
    home: PathBuf,
}

impl App {
    fn mount() -> Option<Self> {
        let disk = SmallDisk::mount_of("8m")?;
        let home = disk.store().with_file_name("app");
        fs::create_dir_all(home.join("vectors")).unwrap();
        fs::write(home.join("registry.json"), r#"["one"]"#).unwrap();
        fs::write(home.join("vectors/data.bin"), vec![7; 100_000]).unwrap();
        Some(Self { full: Full::on(disk), home })
    }

    fn places(&self) -> [String; 4] {
        let path = |name: &str| self.home.join(name).to_str().unwrap().to_owned();
        ["--registry".into(), path("registry.json"), "--chroma-dir".into(), path("vectors")]
    }

    fn run(&self, arguments: &[&str]) -> std::process::Output {
        let places = self.places();
        let places: Vec<&str> = places.iter().map(String::as_str).collect();
        command(&self.full.disk.store(), &[arguments, &places].concat())
    }

    fn serve(&self) -> Server {
        let places = self.places();
        let places: Vec<&str> = places.iter().map(String::as_str).collect();
        Server::start(&self.full.disk.store(), &[&["--snapshot-events", "1000000"][..], &places].concat())
    }

    fn back_up(&self) -> String {
        let made = self.run(&["backup", "create", "--include-chroma", "--json"]);
        let made: Value = serde_json::from_slice(&made.stdout).unwrap();
        made["stamp"].as_str().unwrap().to_owned()
    }

    /// The names in the folder of backups, those of crashes and failures too.
    fn backups(&self) -> Vec<String> {
        let Ok(entries) = fs::read_dir(self.full.disk.store().join("backups/snapshots")) else { return Vec::new() };
        let mut names: Vec<String> =
            entries.map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned()).collect();
        names.sort();
        names
    }

    /// The names beside the store, and what the app's own files hold.
    fn beside(&self) -> (Vec<String>, String, Vec<u8>) {
        let mut names: Vec<String> = fs::read_dir(&self.home)
            .unwrap()
            .map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned())
            .collect();
        names.sort();
        let registry = fs::read_to_string(self.home.join("registry.json")).unwrap();
        (names, registry, fs::read(self.home.join("vectors/data.bin")).unwrap())
    }
}

#[test]
fn on_a_full_disk_no_backup_is_made_and_none_is_restored() {
    let Some(mut app) = App::mount() else { return };
    let stamp = app.back_up();
    let server = app.serve();
    assert!(app.full.append(&server, 10));
    fs::write(app.home.join("registry.json"), r#"["two"]"#).unwrap();
    let (kept, beside) = (app.backups(), app.beside());
    app.full.fill(&server);
    let restore = format!("/backups/{stamp}/restore");
    for accept in CLIENTS {
        for (path, fields) in [
            ("/backups", [("include_chroma", "false")]),
            ("/backups", [("include_chroma", "true")]),
            (&restore, [("confirm_stamp", &stamp)]),
        ] {
            let answer = post(&server, path, accept, &fields);
            assert_eq!(answer.status, 507, "{path}: {}", answer.text());
            assert!(answer.words(accept).contains("The disk is full: nothing was changed."), "{path}");
        }
    }
    assert_eq!(post(&server, "/backups", JSON, &[]).words(JSON), FULL);
    for arguments in [&["backup", "create"][..], &["backup", "restore", &stamp, "--confirm", &stamp]] {
        let said = refusal(&app.run(arguments)).to_lowercase();
        assert!(said.contains("the disk is full") && said.contains("nothing was changed"), "{said}");
    }
    assert_eq!((app.backups(), app.beside()), (kept, beside));

    app.full.disk.free();
    app.full.assert_nothing_is_lost();
    let made = post(&server, "/backups", JSON, &[("include_chroma", "true")]);
    assert_eq!(made.status, 201, "{}", made.text());
    assert!(app.full.append(&server, 1));
}

/// The disk has room for this much and no more; how far a restore comes depends on it.
#[test]
fn a_restore_that_runs_out_of_room_at_any_point_leaves_everything_as_it_was() {
    let Some(app) = App::mount() else { return };
    let stamp = app.back_up();
    let more = file_of(&Story::from(app.full.end() + 1).tell(10));
    assert!(command(&app.full.disk.store(), &["append", more.path().to_str().unwrap()]).status.success());
    fs::write(app.home.join("registry.json"), r#"["two"]"#).unwrap();
    let (kept, beside) = (app.backups(), app.beside());
    let head = || {
        let events = app.run(&["events", "--after", "0", "--limit", "1000", "--json"]);
        String::from_utf8(events.stdout).unwrap()
    };
    let log = head();
    let (mut room, mut refused) = (64 << 10, 0);
    loop {
        app.full.disk.fill_but(room);
        let done = app.run(&["backup", "restore", &stamp, "--confirm", &stamp]);
        app.full.disk.free();
        if done.status.success() {
            break;
        }
        let said = refusal(&done);
        assert!(said.to_lowercase().contains("the disk is full"), "{room}: {said}");
        assert_eq!(app.beside(), beside, "{room}");
        assert_eq!(head(), log, "{room}");
        let left: Vec<String> = app.backups().into_iter().filter(|name| !kept.contains(name)).collect();
        for whole in left {
            assert!(
                whole.ends_with(".checked") || app.run(&["backup", "validate", &whole]).status.success(),
                "{whole}"
            );
            let path = app.full.disk.store().join("backups/snapshots").join(&whole);
            if path.is_dir() { fs::remove_dir_all(path).unwrap() } else { fs::remove_file(path).unwrap() }
        }
        refused += 1;
        room += 256 << 10;
    }
    assert!(refused > 3, "{refused}");
    assert_eq!(app.beside().1, r#"["one"]"#);
    app.full.assert_nothing_is_lost();
}
