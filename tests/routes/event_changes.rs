//! `GET /events/{id}`: what the event changed, row by row, and its neighbours in the log.

use serde_json::{Value, json};

use super::refused;
use crate::support::{HTML, JSON, TestApp};

#[track_caller]
fn read(app: &TestApp, id: i64) -> Value {
    let answer = app.get(&format!("/events/{id}"), JSON);
    assert_eq!(answer.status, 200, "{}", answer.text());
    answer.json()
}

fn append(app: &TestApp, event: &Value) -> i64 {
    let answer = app.post_body("/events", "application/json", &event.to_string(), JSON);
    assert_eq!(answer.status, 201, "{}", answer.text());
    answer.json()["last_id"].as_i64().unwrap()
}

fn bot(name: &str) -> Value {
    json!({ "kind": "bot_created", "payload": { "bot_id": "eve", "name": name, "persona": "Listens." } })
}

/// A table's rows in what an event changed.
#[track_caller]
fn of<'v>(event: &'v Value, table: &str) -> &'v Value {
    event["changes"].as_array().unwrap().iter().find(|one| one["table"] == table).unwrap()
}

#[test]
fn a_program_gets_the_event_with_the_rows_before_and_after_it() {
    let app = TestApp::with_story(12);
    let event = read(&app, 3);
    assert_eq!(
        (&event["id"], &event["kind"], &event["payload"]["bot_id"]),
        (&3.into(), &"bot_created".into(), &"bob".into())
    );
    assert_eq!((&event["previous"], &event["next"], &event["supersedes"]), (&2.into(), &4.into(), &Value::Null));
    let bots = of(&event, "bots");
    let row = &bots["rows"][0];
    assert_eq!((&row["change"], &row["before"], &row["key"]), (&"added".into(), &Value::Null, &json!(["bob"])));
    assert_eq!((&row["after"][0], bots["rows"].as_array().unwrap().len()), (&"bob".into(), 1));
    let (first, last) = (read(&app, 1), read(&app, 12));
    assert_eq!((&first["previous"], &first["next"]), (&Value::Null, &2.into()));
    assert_eq!((&last["previous"], &last["next"]), (&11.into(), &Value::Null));
}

#[test]
fn the_payload_stays_byte_for_byte() {
    let app = TestApp::with_story(6);
    let raw = r#"{"kind": "note", "payload": {"b":1.50,  "a": 1e2, "b": "\u00e9"}}"#;
    assert_eq!(app.post_body("/events", "application/json", raw, JSON).status, 201);
    assert!(app.get("/events/7", JSON).text().contains(r#""payload":{"b":1.50,  "a": 1e2, "b": "\u00e9"}"#));
}

#[test]
fn the_page_tells_added_changed_and_removed_rows_apart() {
    let app = TestApp::with_story(40);
    let page = app.get("/events/3", HTML).page();
    assert_eq!(page.texts("#changes .verb"), ["+ adds"]);
    assert_eq!((page.text("#changes h3"), page.text("#changes .key")), ("bots".to_owned(), "bob".to_owned()));
    // Events 8 and 14 are both of one edge.
    let page = app.get("/events/14", HTML).page();
    assert_eq!(page.texts("#changes .verb"), ["~ changes"]);
    let cells = page.texts("#changes dd");
    assert!(cells.contains(&"before 1".to_owned()) && cells.contains(&"after 2".to_owned()), "{cells:?}");
    assert_eq!(page.attributes("[rel=prev], [rel=next]", "href"), ["/events/13", "/events/15"]);
}

#[test]
fn an_event_that_changes_nothing_says_so() {
    let app = TestApp::with_story(6);
    let id = append(&app, &json!({ "kind": "note", "payload": {} }));
    assert_eq!(read(&app, id)["changes"], json!([]));
    assert_eq!(app.get(&format!("/events/{id}"), HTML).page().text("#changes > p"), "It changed no row.");
}

#[test]
fn a_hidden_event_says_that_the_tables_leave_it_out() {
    let app = TestApp::with_story(12);
    assert_eq!(app.post("/events/9/hide", &[], JSON).status, 200);
    assert_eq!(read(&app, 9)["changes"], json!([]));
    let words = app.get("/events/9", HTML).page().text("#changes");
    assert!(words.contains("It is hidden, so the tables leave it out"), "{words}");
}

#[test]
fn a_superseded_event_tells_what_it_changed_as_of_itself() {
    let app = TestApp::with_story(6);
    let first = append(&app, &bot("Eve"));
    let mut second = bot("Eva");
    second["supersedes"] = first.into();
    let second = append(&app, &second);
    let event = read(&app, first);
    assert_eq!((&event["superseded_by"], &of(&event, "bots")["rows"][0]["change"]), (&second.into(), &"added".into()));
    let words = app.get(&format!("/events/{first}"), HTML).page().text("#changes > p");
    assert!(words.contains(&format!("Event {second} has superseded it since")), "{words}");
    let event = read(&app, second);
    assert_eq!(event["supersedes"], first);
    let row = &of(&event, "bots")["rows"][0];
    assert_eq!(
        (&row["change"], &row["before"][1], &row["after"][1]),
        (&"changed".into(), &"Eve".into(), &"Eva".into())
    );
    let words = app.get(&format!("/events/{second}"), HTML).page().text("#changes > p");
    assert!(words.contains(&format!("what it took back of event {first} included")), "{words}");
}

#[test]
fn where_the_change_cannot_be_told_the_event_is_shown_and_says_why() {
    let app = TestApp::with_story(6);
    let insert = "INSERT INTO event_log (kind, payload_json) VALUES ('user_turn', ?1)";
    app.store.other_program().execute(insert, [json!({ "chat_id": "none", "text": "?" }).to_string()]).unwrap();
    app.store.engine.catch_up().unwrap();
    let event = read(&app, 7);
    assert_eq!((&event["id"], &event["changes"], &event["previous"]), (&7.into(), &Value::Null, &6.into()));
    assert!(event["changes_unknown"].as_str().unwrap().contains("event 7"), "{event}");
    let page = app.get("/events/7", HTML);
    assert_eq!(page.status, 200);
    assert!(
        page.page().text("#changes").starts_with("What it changed It cannot be told"),
        "{}",
        page.page().text("#changes")
    );
    assert!(read(&app, 6)["changes"].is_array());
}

#[test]
fn a_long_text_is_cut_on_the_page_and_whole_for_a_program() {
    let app = TestApp::with_story(6);
    let long = "x".repeat(50_000);
    let id = append(&app, &bot(&long));
    assert_eq!(of(&read(&app, id), "bots")["rows"][0]["after"][1], long);
    let page = app.get(&format!("/events/{id}"), HTML).page();
    assert!(page.text("#changes").len() < 10_000);
}

#[test]
fn an_event_that_is_not_there_is_not_found() {
    let app = TestApp::with_story(6);
    for id in ["7", "0", "-1", "x"] {
        refused(|accept| app.get(&format!("/events/{id}"), accept), 404, "event not found");
    }
}
