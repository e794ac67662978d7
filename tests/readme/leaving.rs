//! What an app relies on beside the programs: `epoch`, rows that it wrote itself, and the file without
//! the program.

use super::blocks::text;
use super::room::{Room, installed, said_by};

const HEADING: &str = "What leaves with you";

#[test]
fn any_sqlite_reads_the_log_and_the_tables() {
    if !installed(&["sqlite3"]) {
        return;
    }
    let room = Room::new();
    let server = room.serve();
    let event = r#"{"kind": "you_updated", "payload": {"name": "Ada", "persona": "Counts."}}"#;
    assert_eq!(server.post("/events", "application/json", event).status, 201);
    assert!(server.terminate().success());
    assert_eq!(said_by(&mut room.sh(&text(HEADING, "sh"))), text(HEADING, "text"));
}

#[test]
fn the_log_can_be_written_on_without_the_program() {
    let room = Room::new();
    drop(room.serve());
    let conn = rusqlite::Connection::open(room.path("data/backstitch.db")).unwrap();
    conn.execute_batch(
        "INSERT INTO event_log (kind, payload_json) VALUES ('note', '{\"n\": 1}');
         UPDATE event_log SET hidden = 1;
         DELETE FROM event_log;
         INSERT INTO event_log (kind, payload_json) VALUES ('note', '{\"n\": 2}')",
    )
    .unwrap();
    assert_eq!(room.value("SELECT group_concat(id || payload_json) FROM event_log"), "2{\"n\": 2}");
}

#[test]
fn hiding_a_row_that_breaks_a_rule_lets_the_tables_go_on() {
    let room = Room::new();
    let server = room.serve();
    let conn = rusqlite::Connection::open(room.path("data/backstitch.db")).unwrap();
    let insert = "INSERT INTO event_log (kind, payload_json) VALUES ";
    conn.execute_batch(&format!("{insert} ('bot_created', '{{}}')")).unwrap();
    let waited = server.get("/health?applied=1&wait=2s");
    assert_eq!((waited.status, waited.json()["stuck"]["event"].as_i64()), (503, Some(1)));

    conn.execute_batch(&format!(
        "UPDATE event_log SET hidden = 1 WHERE id = 1; {insert} ('you_updated', '{{\"name\": \"Ada\", \"persona\": \"\"}}')"
    ))
    .unwrap();

    server.wait_for(2);
    assert_eq!(room.value("SELECT name FROM you_entity"), "Ada");
}

#[test]
fn the_epoch_changes_with_everything_but_a_new_event() {
    let room = Room::new();
    let server = room.serve();
    let epoch = || server.get("/health").json()["epoch"].as_u64().unwrap();
    let append = |fields: &str| {
        let event = format!(r#"{{"kind": "you_updated", "payload": {{"name": "Ada", "persona": ""}}{fields}}}"#);
        assert_eq!(server.post("/events", "application/json", &event).status, 201);
    };
    append("");
    let first = epoch();
    append("");
    assert_eq!(epoch(), first);
    let new = server.get("/events?after=1").json();
    assert!(new.to_string().contains(r#""id":2"#) && !new.to_string().contains(r#""id":1,"#), "{new}");

    append(r#", "supersedes": 1"#);
    let superseded = epoch();
    assert!(superseded > first);
    let conn = rusqlite::Connection::open(room.path("data/backstitch.db")).unwrap();
    conn.execute("UPDATE event_log SET hidden = 1 WHERE id = 2", []).unwrap();
    append("");
    assert!(epoch() > superseded);
}
