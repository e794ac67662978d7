//! The blocks of "Entities".

use std::fs::OpenOptions;
use std::io::Write as _;

use serde_json::{Value, json};

use super::blocks::{section, text, texts};
use super::room::{Room, Started, installed, said_by};

const HEADING: &str = "Entities";

fn parsed(text: &str) -> Value {
    serde_json::from_str(text).unwrap()
}

#[test]
fn an_entity_is_looked_at_kept_and_taken_elsewhere() {
    if !installed(&["curl", "jq"]) {
        return;
    }
    let room = Room::new();
    let server = room.serve();
    assert_eq!(server.post("/sample", "", "").status, 201);
    let blocks: Vec<String> =
        texts(HEADING, "sh").iter().map(|text| text.replace("http://127.0.0.1:8787", &server.address)).collect();

    let looked = said_by(&mut room.sh(&blocks[0]));

    assert!(looked.contains("bot ruth at version 2 of "), "{looked}");
    assert!(looked.lines().any(|line| line.starts_with(['+', '~'])), "two versions differ: {looked}");
    let answer = parsed(looked.lines().last().unwrap());
    assert_eq!((&answer["version"], &answer["diff"]["with"]), (&json!(2), &json!(4)));
    assert!(!answer["diff"]["differences"].as_array().unwrap().is_empty());
    assert!(section(HEADING).contains("/entities` shows the same"));
    assert_eq!(server.get("/entities").status, 200);

    let taken = said_by(&mut room.sh(&blocks[1]));

    let exported = parsed(&std::fs::read_to_string(room.path("ruth.json")).unwrap());
    let asked = parsed(taken.lines().last().unwrap());
    assert_eq!(asked["state_hash"], exported["state_hash"]);
    assert_eq!(asked["origin"], "own");
    let elsewhere = said_by(&mut room.sh("backstitch entity show bot ruth --json --data-dir elsewhere"));
    assert_eq!(parsed(&elsewhere)["snapshots"][0]["origin"], "imported");

    let imported = parsed(said_by(&mut room.sh(&blocks[2])).lines().last().unwrap());
    assert_eq!((&imported["origin"], &imported["version"]), (&json!("unverified"), &json!(7)));
    let again = room.sh("backstitch entity import ruth.json").output().unwrap();
    let error = String::from_utf8(again.stderr).unwrap();
    assert!(again.status.code() == Some(1) && error.contains("a snapshot of its own"), "{error}");
}

#[test]
fn the_accounts_become_entities() {
    let room = Room::new();
    let accounts = texts("A domain of your own", "sh");
    Started::new(&mut room.sh(&accounts[0])).terminate();
    for _ in 0..2 {
        said_by(&mut room.sh(&accounts[1]));
    }
    let mut file = OpenOptions::new().append(true).open(room.path("ledger/domain.toml")).unwrap();
    write!(file, "\n{}", text(HEADING, "toml")).unwrap();
    Started::new(&mut room.sh("backstitch serve --domain ledger --data-dir ledger-data")).terminate();

    let entity =
        |words: &str| said_by(&mut room.sh(&format!("backstitch entity {words} --data-dir ledger-data --json")));
    assert_eq!(parsed(&entity("show account ada"))["state"], json!({ "name": "ada", "balance": 10 }));
    entity("snapshot account ada");
    said_by(&mut room.sh(&accounts[1]));
    said_by(&mut room.sh(&accounts[1]));
    let third = parsed(&entity("show account ada --version 3"));
    assert_eq!(third["state"], json!({ "name": "ada", "balance": 15 }), "from the snapshot on");
    assert_eq!(parsed(&entity("diff account ada 1 4"))["differences"][0]["path"], "$.balance");
}
