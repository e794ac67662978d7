//! The list of commands and settings: each is run, and has the default that is told.

use std::io::Write;
use std::process::{Command, Output, Stdio};

use serde_json::Value;

use super::blocks::{section, text};
use super::room::{Room, said_by};

/// Where the descriptions begin in the list.
const DESCRIPTION: usize = 36;

/// The lines of the list: the words of the command, and what it does.
fn list() -> Vec<(Vec<String>, String)> {
    let lines = text("Commands", "text");
    let split = |line: &str| {
        let (command, what) = line.split_at(DESCRIPTION);
        let words = command.split_whitespace().map(str::to_owned).collect::<Vec<_>>();
        assert_eq!(words[0], "backstitch", "{line}");
        (words[1..].to_vec(), what.to_owned())
    };
    lines.lines().map(split).collect()
}

/// Runs the program with this on standard input.
fn run(room: &Room, arguments: &[&str], input: &str) -> Output {
    let mut command = room.backstitch(arguments);
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    // A command that reads nothing may have ended already.
    let _ = child.stdin.take().unwrap().write_all(input.as_bytes());
    child.wait_with_output().unwrap()
}

/// A store with an event and a snapshot of it, and the snapshot's id.
fn store() -> (Room, String) {
    let room = Room::new();
    let event = r#"{"kind": "you_updated", "payload": {"name": "Ada", "persona": "Counts."}}"#;
    assert!(run(&room, &["append"], event).status.success());
    let taken = said_by(&mut room.backstitch(&["snapshot", "take", "--json"]));
    let taken: Value = serde_json::from_str(&taken).unwrap();
    (room, taken["snapshot_id"].as_str().unwrap().to_owned())
}

/// What a reader would put for a word in capitals; words in brackets are left out.
fn filled<'w>(word: &'w str, given: &[(&str, &'w str)]) -> Option<&'w str> {
    if word.starts_with('[') || word.ends_with(']') {
        return None;
    }
    let known = given.iter().find(|(name, _)| *name == word).map(|(_, put)| *put);
    assert!(known.is_some() || word == word.to_lowercase(), "this test does not know what to put for {word}");
    Some(known.unwrap_or(word))
}

#[test]
fn every_command_does_its_work_in_the_order_told() {
    let (room, id) = store();
    let file = room.path("store.db").to_string_lossy().into_owned();
    let dump = room.path("dump.json").to_string_lossy().into_owned();
    said_by(&mut room.backstitch(&["snapshot", "export", &id, "--out", &dump]));
    let events = r#"{"kind": "you_updated", "payload": {"name": "Bob", "persona": "Draws."}}
                    {"kind": "bot_created", "payload": {"bot_id": "ada", "name": "Ada", "persona": "Counts."}}"#;
    let snapshot = room.path("ada.json").to_string_lossy().into_owned();
    std::fs::write(&snapshot, r#"{"entity_type": "bot", "entity_id": "ada", "version": 9}"#).unwrap();
    let entity = [("TYPE", "bot"), ("ID", "ada"), ("N", "1"), ("M", "0"), ("FILE", &snapshot)];
    let mut stamp = String::new();
    for (words, what) in list().into_iter().filter(|(words, _)| words[0] != "serve") {
        let given = [
            ("ID", &*id),
            ("TEXT", "a name"),
            ("TABLE", "you_entity"),
            ("N", "1"),
            ("FILE", &file),
            ("DUMP", &dump),
            ("STAMP", &stamp),
            ("SHELL", "bash"),
        ];
        let given = if words[0] == "entity" { &entity[..] } else { &given[..] };
        let mut arguments: Vec<&str> = words.iter().filter_map(|word| filled(word, given)).collect();
        arguments.push("--json");
        if words[0] == "snapshot" && words.iter().any(|word| word == "ID") {
            // The restore takes its safety snapshot in the same second, and so under the same id.
            arguments.extend(["--kind", "periodic"]);
        }
        if what.contains("takes --confirm ") {
            let unconfirmed = run(&room, &arguments, "");
            assert_eq!(unconfirmed.status.code(), Some(1), "{arguments:?} asks");
            let confirmed = match arguments[..2] {
                ["rewind", event] => event,
                ["projection", "rebuild"] => "3",
                ["backup", "restore"] => &stamp,
                _ => &id,
            };
            arguments.extend(["--confirm", confirmed]);
        }
        let done = run(&room, &arguments, events);
        let error = String::from_utf8_lossy(&done.stderr);
        assert!(done.status.success(), "{arguments:?}: {error}");
        let mut values = serde_json::Deserializer::from_slice(&done.stdout).into_iter::<Value>();
        // What a shell reads is in the shell's language.
        assert!(words[0] == "completions" || values.all(|value| value.is_ok()), "{arguments:?} prints JSON");
        if arguments[..2] == ["backup", "create"] {
            let made: Value = serde_json::from_slice(&done.stdout).unwrap();
            made["stamp"].as_str().unwrap().clone_into(&mut stamp);
        }
    }
    let left = said_by(&mut room.backstitch(&["snapshot", "list", "--json"]));
    assert!(!left.contains(&format!("\"snapshot_id\": \"{id}\",\n      \"kind\": \"periodic\"")), "{left}");
    assert_eq!(
        room.value("SELECT name FROM you_entity"),
        "Bob",
        "the undo brought the event back that the rewind took, and the replay applied it"
    );
    assert!(room.path("store.db").is_file());
}

#[test]
fn refusals_end_with_1_and_one_line_and_wrong_usage_with_2() {
    let (room, _) = store();
    let refused = run(&room, &["snapshot", "show", "none"], "");
    let error = String::from_utf8(refused.stderr).unwrap();
    assert_eq!((refused.status.code(), error.lines().count()), (Some(1), 1), "{error}");
    assert!(error.starts_with("backstitch: "), "{error}");
    assert_eq!(run(&room, &["snapshot", "unmake"], "").status.code(), Some(2));
    let _server = room.serve();
    assert_eq!(run(&room, &["serve", "--listen", "127.0.0.1:0"], "").status.code(), Some(1), "one server on a folder");
}

/// The settings that the text names, each with its default or with a word for its value.
fn settings() -> Vec<String> {
    let code = section("Commands").split('`').skip(1).step_by(2).map(|code| code.replace('\n', " "));
    code.filter(|code| code.starts_with("--") && !["--help", "--json"].contains(&code.as_str()))
        .filter(|code| !code.starts_with("--kind") && !code.starts_with("--confirm"))
        .collect()
}

#[test]
fn settings_have_the_variable_and_the_default_that_are_told() {
    let mut program = Command::new(env!("CARGO_BIN_EXE_backstitch"));
    let help = said_by(program.args(["serve", "--help"]).env("COLUMNS", "1000"));
    assert!(settings().len() >= 10, "{:?}", settings());
    for setting in settings() {
        let (flag, default) = setting.split_once(' ').unwrap_or((&setting, ""));
        let line = help.split("\n  ").find(|line| line.split_whitespace().any(|word| word == flag));
        let line = line.unwrap_or_else(|| panic!("serve --help does not name {flag}"));
        let variable = format!("BACKSTITCH_{}", flag.trim_start_matches("--").replace('-', "_").to_uppercase());
        assert!(line.contains(&format!("[env: {variable}=")), "{setting}: {line}");
        let word = !default.is_empty() && default.bytes().all(|byte| byte.is_ascii_uppercase());
        assert!(word || default.is_empty() || line.contains(&format!("[default: {default}]")), "{setting}: {line}");
    }
}
