//! `backstitch entity`.

use std::process::Output;

use serde_json::Value;

use crate::support::{TestStore, program};

fn run(store: &TestStore, words: &[&str]) -> Output {
    program(store.path()).arg("entity").args(words).output().unwrap()
}

fn printed(store: &TestStore, words: &[&str]) -> String {
    let output = run(store, words);
    assert!(output.status.success(), "{words:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

fn refused(store: &TestStore, words: &[&str]) -> String {
    let output = run(store, words);
    assert_eq!(output.status.code(), Some(1), "{words:?}");
    let error = String::from_utf8(output.stderr).unwrap();
    assert!(error.starts_with("backstitch: ") && error.trim_end().lines().count() == 1, "{error}");
    error
}

#[test]
fn entities_are_listed_shown_and_compared() {
    let store = TestStore::with_story(40);
    let list = printed(&store, &["list"]);
    assert!(list.starts_with("type  id   version"), "{list}");
    assert_eq!(list.lines().count(), 4, "{list}");
    assert_eq!(printed(&store, &["list", "bot", "--query", "AD"]).lines().count(), 2);
    let shown = printed(&store, &["show", "bot", "ada", "--version", "1"]);
    assert!(shown.starts_with("bot ada at version 1 of "), "{shown}");
    assert!(shown.contains("\"name\": \"Ada\"") && shown.ends_with("No snapshots.\n"), "{shown}");
    let json: Value = serde_json::from_str(&printed(&store, &["show", "bot", "ada", "--at", "20", "--json"])).unwrap();
    assert_eq!(json["state"]["name"], "Ada");
    let diff = printed(&store, &["diff", "bot", "ada", "1", "2"]);
    assert!(diff.starts_with("+ $.edges_out[target_id=\"bob\"]  {\"target_id\":\"bob\""), "{diff}");
    assert_eq!(printed(&store, &["diff", "bot", "ada", "2", "2"]), "The state is the same at versions 2 and 2.\n");
}

#[test]
fn a_snapshot_is_taken_exported_and_imported() {
    let store = TestStore::with_story(40);
    let taken = printed(&store, &["snapshot", "bot", "ada"]);
    let version = taken.split("version ").nth(1).unwrap().split(' ').next().unwrap().to_owned();
    assert_eq!(taken, format!("The snapshot of bot ada at version {version} is taken.\n"));
    assert!(printed(&store, &["snapshot", "bot", "ada"]).ends_with("is there already.\n"));
    assert!(printed(&store, &["show", "bot", "ada"]).contains("matches the log"));

    let file = store.path().join("ada.json");
    let path = file.to_str().unwrap();
    assert!(printed(&store, &["export", "bot", "ada", &version, "--out", path]).ends_with("ada.json.\n"));
    assert!(refused(&store, &["export", "bot", "ada", &version, "--out", path]).contains("is there already"));
    let text = std::fs::read_to_string(&file).unwrap();
    assert_eq!(printed(&store, &["export", "bot", "ada", &version]), text);

    let other = TestStore::new();
    let imported = printed(&other, &["import", path]);
    assert_eq!(imported, format!("The snapshot of bot ada at version {version} is imported; its hash fits.\n"));
    assert!(refused(&store, &["import", path]).contains("a snapshot of its own"));
}

#[test]
fn a_snapshot_is_read_from_standard_input() {
    use std::io::Write as _;
    let store = TestStore::new();
    let mut command = program(store.path());
    let pipes = command.args(["entity", "import", "-", "--json"]).stdin(std::process::Stdio::piped());
    let mut child = pipes.stdout(std::process::Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(br#"{"entity_type": "chat", "entity_id": "c"}"#).unwrap();
    let answer: Value = serde_json::from_slice(&child.wait_with_output().unwrap().stdout).unwrap();
    assert_eq!((&answer["entity_id"], &answer["origin"]), (&"c".into(), &"unverified".into()));
}

#[test]
fn what_is_wrong_is_one_line() {
    let store = TestStore::with_story(20);
    assert!(refused(&store, &["show", "ship", "ada"]).contains("no type of entity \"ship\". It has bot, chat."));
    assert!(refused(&store, &["show", "bot", "eve"]).contains("there is no bot \"eve\""));
    assert!(refused(&store, &["show", "bot", "ada", "--version", "99"]).contains("has no version 99"));
    assert!(refused(&store, &["export", "bot", "ada", "1"]).contains("no snapshot of bot \"ada\" at version 1"));
    assert!(printed(&store, &["export", "bot", "ada", "1", "--replay"]).starts_with("{\"entity_type\":\"bot\""));
    assert!(refused(&store, &["import", "nowhere.json"]).contains("nowhere.json"));
    let both = run(&store, &["show", "bot", "ada", "--version", "1", "--at", "2"]);
    assert_eq!(both.status.code(), Some(2));
}
