//! The blocks of "Runtime backups".

use std::fs;

use serde_json::Value;

use super::blocks::{section, texts};
use super::room::{Room, installed, said_by};

const HEADING: &str = "Runtime backups";

fn append(room: &Room, name: &str) {
    let event = format!(r#"{{"kind": "you_updated", "payload": {{"name": "{name}", "persona": ""}}}}"#);
    said_by(&mut room.sh(&format!("echo '{event}' | backstitch append")));
}

#[test]
fn an_app_is_backed_up_restored_and_taken_elsewhere() {
    if !installed(&["jq"]) {
        return;
    }
    let room = Room::new();
    let write = |registry: &str, vectors: &str| {
        fs::create_dir_all(room.path("app/chroma")).unwrap();
        fs::write(room.path("app/registry.json"), registry).unwrap();
        fs::write(room.path("app/chroma/data.bin"), vectors).unwrap();
    };
    let read = |file: &str| fs::read_to_string(room.path(file)).unwrap();
    let name = || room.value("SELECT name FROM you_entity");
    let blocks = texts(HEADING, "sh");
    append(&room, "Ada");
    write("[1]", "first");

    let said = said_by(&mut room.sh(&blocks[0]));

    assert!(said.ends_with(" is sound: every file is as it was written.\n"), "{said}");
    let list: Value = serde_json::from_str(&said_by(&mut room.backstitch(&["backup", "list", "--json"]))).unwrap();
    let stamp = list["backups"][0]["stamp"].as_str().unwrap();
    for part in ["db", "config", "chroma", "backup-metadata.json"] {
        assert!(room.path("data/backups/snapshots").join(stamp).join(part).exists(), "{part}");
        assert!(section(HEADING).contains(&format!("`{part}")), "{part} is told");
    }

    append(&room, "Bob");
    write("[2]", "second");
    let places = blocks[0].lines().next().unwrap();
    let (look, restore) = blocks[1].split_once('\n').unwrap();
    let in_shell = |line: &str| said_by(&mut room.sh(&format!("{places}\nstamp={stamp}\n{line}")));
    assert!(in_shell(look).contains("1 event leaves the log"), "the plan is shown");
    assert_eq!((&*name(), &*read("app/registry.json")), ("Bob", "[2]"), "looking changes nothing");
    in_shell(restore);
    assert_eq!((&*name(), &*read("app/registry.json"), &*read("app/chroma/data.bin")), ("Ada", "[1]", "first"));
    in_shell("backstitch undo");
    assert_eq!((&*name(), &*read("app/registry.json"), &*read("app/chroma/data.bin")), ("Bob", "[2]", "second"));

    said_by(&mut room.sh(&format!("stamp={stamp}\n{}", blocks[2])));
    let rows = said_by(&mut room.sh("backstitch state you_entity --data-dir elsewhere"));
    assert!(rows.contains("Ada"), "{rows}");
    assert_eq!((&*read("elsewhere/config/registry.json"), &*read("elsewhere/chroma/data.bin")), ("[1]", "first"));
}
