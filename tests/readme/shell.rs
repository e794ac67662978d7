//! The blocks that are typed into a terminal, and the unit file.

use std::process::Command;

use super::blocks::{section, text, texts};
use super::room::{Room, Started, installed, said_by, skipped};

#[test]
fn the_curl_lines_go_back_to_the_moment_before() {
    if !installed(&["curl", "jq"]) {
        return;
    }
    let room = Room::new();
    let server = room.serve();
    assert_eq!(server.post("/sample", "", "").status, 201);
    let before = server.get("/health").json();
    let block = text("Ten minutes", "sh").replace("http://127.0.0.1:8787", &server.address);

    let said = said_by(&mut room.sh(&block));

    assert!(said.contains("\"events_removed\":1"), "the plan is shown: {said}");
    assert_eq!(server.get("/health").json()["last_event_id"], before["last_event_id"]);
    assert_eq!(room.value("SELECT group_concat(name) FROM bots WHERE id = 'eve'"), "");
    let list = server.get("/snapshots").json();
    let named = |one: &&serde_json::Value| one["label"] == "before" && one["pinned"] == true;
    assert_eq!(list["snapshots"].as_array().unwrap().iter().filter(named).count(), 1, "{list}");
    let safety = list["snapshots"].as_array().unwrap().iter().find(|one| one["kind"] == "rewind").unwrap();
    assert_eq!(safety["last_event_id"].as_i64(), before["last_event_id"].as_i64().map(|last| last + 1));
}

#[test]
fn what_a_program_did_is_looked_at_taken_back_and_brought_in_again() {
    if !installed(&["jq"]) {
        return;
    }
    let room = Room::new();
    let server = room.serve();
    assert_eq!(server.post("/sample", "", "").status, 201);
    let head = || server.get("/health").json()["last_event_id"].as_i64().unwrap();
    let you = || room.value("SELECT name FROM you_entity");
    let (before, name) = (head(), you());
    let blocks = texts("Let a program loose, and take it back", "sh");

    let looked = said_by(&mut room.sh(&blocks[0]));
    assert!(looked.contains("2 events leave the log: ") && looked.contains("Event 110 becomes the last."), "{looked}");
    assert_eq!((head(), you()), (before + 2, "Somebody Else".to_owned()), "looking changes nothing");
    assert!(section("Let a program loose, and take it back").contains("/rewind?after_event_id="));
    assert_eq!(server.get(&format!("/rewind?after_event_id={before}")).json()["total_events"], 2);

    let (take_back, bring_in) = blocks[1].split_once('\n').unwrap();
    said_by(&mut room.sh(&format!("before={before}\n{take_back}")));
    assert_eq!((head(), you()), (before, name));
    said_by(&mut room.sh(bring_in));
    assert_eq!((head(), you()), (before + 2, "Somebody Else".to_owned()));
}

#[test]
fn a_domain_of_ones_own_keeps_balances() {
    let room = Room::new();
    let blocks = texts("A domain of your own", "sh");
    let server = Started::new(&mut room.sh(&blocks[0]));
    for balance in [5, 10] {
        let said = said_by(&mut room.sh(&blocks[1]));
        assert!(said.lines().any(|line| line.split_whitespace().eq(["ada", &balance.to_string()])), "{said}");
    }

    let overdraw = blocks[1].lines().next().unwrap().replace("\"amount\": 5", "\"amount\": -11");
    let refused = room.sh(&overdraw).output().unwrap();

    assert_eq!(refused.status.code(), Some(1));
    let error = String::from_utf8(refused.stderr).unwrap();
    assert!(error.starts_with("backstitch: ") && error.contains("never_below_zero"), "{error}");
    let events = said_by(&mut room.sh("backstitch events --data-dir ledger-data"));
    assert_eq!(events.lines().count(), 2, "nothing of the refused batch is stored: {events}");
    server.terminate();
}

/// A home folder with the program where `cargo install` puts it, and the unit file.
fn home() -> Room {
    let room = Room::new();
    std::fs::create_dir_all(room.path(".cargo/bin")).unwrap();
    std::os::unix::fs::symlink(env!("CARGO_BIN_EXE_backstitch"), room.path(".cargo/bin/backstitch")).unwrap();
    std::fs::write(room.path("backstitch.service"), text("At every login", "ini")).unwrap();
    room
}

#[test]
fn systemd_accepts_the_unit() {
    if !installed(&["systemd-analyze"]) {
        return;
    }
    let room = home();
    let mut verify = Command::new("systemd-analyze");
    verify.args(["--user", "verify", "./backstitch.service"]);
    let verified =
        verify.current_dir(room.path("")).env("HOME", room.path("")).env("XDG_RUNTIME_DIR", room.path("")).output();
    let verified = verified.unwrap();
    let error = String::from_utf8_lossy(&verified.stderr);
    if error.contains("Failed to initialize manager") {
        skipped("systemd-analyze does not run here");
        return;
    }
    assert!(verified.status.success() && error.is_empty(), "{error}");
}

#[test]
fn the_unit_starts_a_server_that_stops_when_asked() {
    let room = home();
    let unit = text("At every login", "ini");
    let line = unit.lines().find_map(|line| line.strip_prefix("ExecStart=")).unwrap();
    let line = line.replace("%h", room.path("").to_str().unwrap().trim_end_matches('/'));
    let words: Vec<&str> = line.split(' ').collect();

    let stopped = Started::new(room.command(words[0]).args(&words[1..])).terminate();

    assert_eq!(stopped.code(), Some(0));
    assert!(room.path(".local/share/backstitch/backstitch.db").is_file());
}
