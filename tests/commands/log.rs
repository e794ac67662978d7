//! `append` and `events`.

use std::process::Stdio;

use super::{EVENTS, everything, run, run_with, store};
use crate::support::program;

#[test]
fn events_come_from_a_file_a_dash_or_standard_input() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("events.ndjson");
    std::fs::write(&file, EVENTS.lines().next().unwrap()).unwrap();
    let note = "{\"kind\":\"note\",\"payload\":{}}";
    let from_file = run(folder.path(), &["append", file.to_str().unwrap()]);
    assert_eq!(from_file.done(), "1 event appended and applied: 1 to 1.\n");
    assert_eq!(run_with(folder.path(), &["append", "-"], note).done(), "1 event appended and applied: 2 to 2.\n");
    let two = format!("{note}\r\n\n{note}\n");
    assert_eq!(run_with(folder.path(), &["append"], &two).done(), "2 events appended and applied: 3 to 4.\n");
    let json = run_with(folder.path(), &["append", "--json"], note).json();
    assert_eq!(json, serde_json::json!({"first_id": 5, "last_id": 5, "count": 1}));
}

#[test]
fn nothing_to_append_is_refused() {
    let folder = store();
    for input in ["", "\n \n"] {
        assert_eq!(run_with(folder.path(), &["append"], input).refused(1), "there is no event to append");
    }
}

#[test]
fn a_broken_line_is_named_and_nothing_of_the_file_is_appended() {
    let folder = store();
    let before = everything(folder.path());
    let good = "{\"kind\":\"note\",\"payload\":{}}";
    for (line, words) in [
        ("{\"kind\":", "line 3: "),
        ("[1]", "line 3: "),
        ("{\"kind\":\"note\"}", "line 3: missing field `payload`"),
        ("{\"kind\":\"note\",\"payload\":{},\"ts\":\"noon\"}", "line 3: ts must be RFC 3339"),
        ("{\"kind\":\"bot_created\",\"payload\":{\"bot_id\":1}}", "event 2 of the batch"),
        ("{\"kind\":\"note\",\"payload\":{},\"supersedes\":99}", "event 2 of the batch: supersedes 99"),
    ] {
        let said = run_with(folder.path(), &["append"], &format!("{good}\n\n{line}\n{good}\n")).refused(1);
        assert!(said.contains(words), "{line}: {said}");
        assert_eq!(everything(folder.path()), before);
    }
}

#[test]
fn what_cannot_be_read_makes_no_store() {
    let folder = tempfile::tempdir().unwrap();
    let fresh = folder.path().join("fresh");
    run(&fresh, &["append", "no-such-file"]).refused(1);
    run(&fresh, &["append", folder.path().to_str().unwrap()]).refused(1);
    for input in ["", "{\"kind\":\"note\",\"payload\":{}}\n{", "nonsense"] {
        run_with(&fresh, &["append"], input).refused(1);
    }
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
}

#[test]
fn a_line_that_is_too_long_is_named_and_nothing_is_appended() {
    let folder = store();
    let before = everything(folder.path());
    let long = format!("{{\"kind\":\"note\",\"payload\":\"{}\"}}", "x".repeat(16 << 20));
    let said =
        run_with(folder.path(), &["append"], &format!("{{\"kind\":\"note\",\"payload\":{{}}}}\n{long}\n")).refused(1);
    assert_eq!(said, "line 2: an event has at most 16777216 bytes");
    assert_eq!(everything(folder.path()), before);
}

#[test]
fn a_file_that_cannot_be_read_is_named() {
    let folder = store();
    let said = run(folder.path(), &["append", "no-such-file"]).refused(1);
    assert!(said.starts_with("no-such-file cannot be read: "), "{said}");
    run(folder.path(), &["append", folder.path().to_str().unwrap()]).refused(1);
}

#[test]
fn the_log_is_printed_in_its_order() {
    let folder = store();
    insta::assert_snapshot!(run(folder.path(), &["events"]).done(), @r#"
    1  2026-11-20T20:41:01Z  bot_created  {"bot_id":"ada","name":"Ada","persona":"Counts."}
    2  2026-11-20T20:41:02Z  bot_created  {"bot_id":"bob","name":"Bob","persona":"Draws."}
    3  2026-11-20T20:41:03Z  edge_update  {"source_id":"ada","target_id":"bob","affinity_delta":2,"trust_delta":-1,"reason":"a talk"}
    "#);
    let one = run(folder.path(), &["events", "--after", "1", "--limit", "1", "--json"]).json();
    assert_eq!((&one["id"], &one["payload"]["name"]), (&2.into(), &"Bob".into()));
    assert_eq!((&one["superseded_by"], &one["hidden"]), (&serde_json::Value::Null, &false.into()));
    assert_eq!(run(folder.path(), &["events", "--json"]).done().lines().count(), 3);
    assert_eq!(run(folder.path(), &["events", "--after", "3"]).done(), "");
    run(folder.path(), &["events", "--limit", "some"]).misused();
}

#[test]
fn the_newest_events_are_printed_as_the_page_shows_them() {
    let folder = store();
    let ids = |options: &[&str]| -> Vec<String> {
        let out = run(folder.path(), &[&["events"], options].concat()).done();
        out.lines().map(|line| line.split(' ').next().unwrap().to_owned()).collect()
    };
    assert_eq!(ids(&["--newest", "--limit", "2"]), ["3", "2"]);
    assert_eq!(ids(&["--before", "3"]), ["2", "1"]);
    assert_eq!(ids(&["--after", "1", "--before", "3"]), ["2"]);
    assert_eq!(ids(&["--kind", "bot_created", "--newest"]), ["2", "1"]);
    assert_eq!(ids(&["--query", "ADA\",", "--limit", "1"]), ["1"]);
    assert!(ids(&["--branch-id", "7"]).is_empty());
    run(folder.path(), &["events", "--after", "1", "--newest"]).misused();
}

#[test]
fn an_event_that_does_not_count_says_why() {
    let folder = store();
    let flagged =
        "{\"kind\":\"note\",\"payload\":{},\"hidden\":true}\n{\"kind\":\"note\",\"payload\":{},\"supersedes\":3}\n";
    run_with(folder.path(), &["append"], flagged).done();
    let out = run(folder.path(), &["events"]).done();
    let lines: Vec<&str> = out.lines().collect();
    assert!(lines[2].contains("edge_update (superseded by 5)"), "{out}");
    assert!(lines[3].contains("note (hidden)"), "{out}");
}

#[test]
fn control_characters_never_reach_the_terminal() {
    let folder = store();
    let conn = rusqlite::Connection::open(folder.path().join("backstitch.db")).unwrap();
    conn.execute("INSERT INTO event_log (kind, ts, payload_json) VALUES (?1, ?1, '{}')", ["\u{1b}[2J"]).unwrap();
    let out = run(folder.path(), &["events"]).done();
    assert!(out.contains("\\u{1b}[2J") && !out.contains('\u{1b}'), "{out:?}");
}

#[test]
fn a_reader_that_has_seen_enough_ends_it_quietly() {
    let folder = tempfile::tempdir().unwrap();
    let many = "{\"kind\":\"note\",\"payload\":{\"text\":\"so long that a pipe cannot hold all of them at once\"}}\n"
        .repeat(3000);
    run_with(folder.path(), &["append"], &many).done();
    for arguments in [&["events", "--limit", "3000"][..], &["events", "--limit", "3000", "--json"]] {
        let mut child =
            program(folder.path()).args(arguments).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        drop(child.stdout.take());
        let output = child.wait_with_output().unwrap();
        assert_eq!((output.status.code(), output.stderr.as_slice()), (Some(0), &b""[..]));
    }
}
