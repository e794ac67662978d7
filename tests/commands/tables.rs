//! `projection status|replay` and `state TABLE`.

use super::{run, store, store_with_snapshot};

#[test]
fn the_status_says_where_log_and_tables_stand() {
    let folder = store();
    let status = run(folder.path(), &["projection", "status"]).done();
    assert_eq!(status, "The log stands at event 3, the tables at event 3.\n");
    let json = run(folder.path(), &["projection", "status", "--json"]).json();
    assert_eq!((&json["last_event_id"], &json["position"], &json["held"]), (&3.into(), &3.into(), &false.into()));
    assert_eq!((&json["stuck"], &json["domain"]), (&serde_json::Value::Null, &"companion".into()));
}

#[test]
fn a_replay_applies_what_a_restore_of_the_tables_left_waiting() {
    let (folder, id) = store_with_snapshot();
    run(folder.path(), &["snapshot", "restore", &id, "--confirm", &id]).done();
    insta::assert_snapshot!(run(folder.path(), &["projection", "status"]).done(), @r"
    The log stands at event 5, the tables at event 3.
    The tables are paused; 2 events wait. Apply them with: backstitch projection replay
    ");
    let replay = run(folder.path(), &["projection", "replay", "--json"]).json();
    assert_eq!(replay, serde_json::json!({"applied": 2, "position": 5}));
    let again = run(folder.path(), &["projection", "replay"]).done();
    assert_eq!(again, "0 events applied; the tables stand at event 5.\n");
}

#[test]
fn a_table_is_printed_in_columns() {
    let folder = store();
    insta::assert_snapshot!(run(folder.path(), &["state", "bots"]).done(), @r"
    id   name  persona  created_at            archived
    ada  Ada   Counts.  2026-11-20T20:41:01Z         0
    bob  Bob   Draws.   2026-11-20T20:41:02Z         0
    ");
    let json = run(folder.path(), &["state", "bots", "--json"]).json();
    assert_eq!((&json["table"], &json["at"]), (&"bots".into(), &3.into()));
    assert_eq!(json["rows"][0][1], "Ada");
    assert_eq!(json["columns"].as_array().unwrap().len(), 5);
}

#[test]
fn a_table_that_is_none_of_the_domain_is_refused() {
    let folder = store();
    for table in ["nothing", "event_log", "sqlite_schema", "bots; DROP TABLE bots", ""] {
        let said = run(folder.path(), &["state", table]).refused(1);
        assert!(said.contains("no table"), "{said}");
    }
    run(folder.path(), &["state", "--query", "ada"]).misused();
}

#[test]
fn without_a_table_all_are_listed_as_the_page_lists_them() {
    let folder = store();
    let listed = run(folder.path(), &["state"]).done();
    let lines: Vec<Vec<&str>> = listed.lines().map(|line| line.split_whitespace().collect()).collect();
    assert_eq!(lines[0], ["table", "rows"]);
    assert!(lines.contains(&vec!["bots", "2"]) && lines.contains(&vec!["chats", "0"]), "{listed}");
    let json = run(folder.path(), &["state", "--at", "1", "--json"]).json();
    let bots = json["tables"].as_array().unwrap().iter().find(|table| table["name"] == "bots").unwrap();
    assert_eq!((&json["at"], &bots["rows"]), (&1.into(), &1.into()));
}

#[test]
fn an_event_that_another_program_broke_is_told_with_its_rule() {
    let folder = store();
    let conn = rusqlite::Connection::open(folder.path().join("backstitch.db")).unwrap();
    let broken = r#"{"bot_id":"x","name":5,"persona":""}"#;
    conn.execute("INSERT INTO event_log (kind, payload_json) VALUES ('bot_created', ?1)", [broken]).unwrap();
    run(folder.path(), &["projection", "replay"]).done();
    let status = run(folder.path(), &["projection", "status"]).done();
    assert!(status.contains("The tables stopped before event 4: ") && status.contains("bots_name_is_text"), "{status}");
    let said = super::run_with(folder.path(), &["append"], "{\"kind\":\"note\",\"payload\":{}}").refused(1);
    assert!(said.contains("stopped before event 4"), "{said}");
}
