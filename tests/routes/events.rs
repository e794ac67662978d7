//! `POST /events`.

use backstitch::web::Settings;
use serde_json::json;

use super::refused;
use crate::support::{HTML, JSON, PLAIN, TestApp, TestStore};

const AS_JSON: &str = "application/json";
const AS_LINES: &str = "application/x-ndjson";

/// Expects a refusal after which the log and the tables are as they were.
#[track_caller]
fn nothing_stored(app: &TestApp, kind: &str, body: &str, status: u16, words: &str) {
    let before = app.store.content();
    refused(|accept| app.post_body("/events", kind, body, accept), status, words);
    assert_eq!(app.store.content(), before);
}

fn payload(app: &TestApp, id: i64) -> String {
    let sql = "SELECT payload_json FROM event_log WHERE id = ?1";
    app.store.other_program().query_row(sql, [id], |row| row.get(0)).unwrap()
}

#[test]
fn an_object_an_array_and_lines_are_appended() {
    let app = TestApp::new();
    for (kind, body, first, last) in [
        (AS_JSON, r#"{"kind":"note","payload":{"n":1}}"#, 1, 1),
        (AS_JSON, r#" [{"kind":"note","payload":{"n":2}},{"kind":"note","payload":[]}]"#, 2, 3),
        (AS_LINES, "{\"kind\":\"note\",\"payload\":4}\n\n{\"kind\":\"note\",\"payload\":null}\r\n", 4, 5),
        ("application/json; charset=utf-8", r#"{"kind":"note","payload":"six"}"#, 6, 6),
        ("", r#"{"kind":"note","payload":7}"#, 7, 7),
    ] {
        let answer = app.post_body("/events", kind, body, JSON);
        assert_eq!(answer.status, 201, "{}", answer.text());
        assert_eq!(answer.json(), json!({"first_id": first, "last_id": last, "count": last - first + 1}));
    }
    assert_eq!(app.store.engine.status().unwrap().position, 7);
}

#[test]
fn curl_gets_the_ids_and_a_browser_a_page() {
    let app = TestApp::new();
    let body = r#"{"kind":"note","payload":{}}"#;
    let curl = app.post_body("/events", "application/x-www-form-urlencoded", body, PLAIN);
    assert_eq!((curl.status, &curl.json()["first_id"]), (201, &1.into()));
    let browser = app.post_body("/events", AS_JSON, body, HTML);
    assert_eq!((browser.status, browser.header("location")), (303, "/events"));
}

#[test]
fn a_payload_is_kept_byte_for_byte() {
    let app = TestApp::new();
    let odd = r#"{ "b":1.50,"a" :	"\u00e9 é", "a":1e400, "big":12345678901234567890123 }"#;
    let body = format!(r#"{{"kind":"note","payload":{odd}}}"#);
    assert_eq!(app.post_body("/events", AS_JSON, &format!("[{body}]"), JSON).status, 201);
    assert_eq!(app.post_body("/events", AS_LINES, &body, JSON).status, 201);
    assert_eq!((payload(&app, 1).as_str(), payload(&app, 2).as_str()), (odd, odd));
}

#[test]
fn what_is_left_out_gets_defaults_and_what_is_given_is_kept() {
    let app = TestApp::new();
    let full = r#"{"kind":"note","payload":1,"ts":"2026-01-02T03:04:05+01:00","branch_id":7,"hidden":true}"#;
    app.post_body("/events", AS_JSON, full, JSON);
    app.post_body("/events", AS_JSON, r#"{"kind":"note","payload":2}"#, JSON);
    let stored = |id: i64| -> (String, i64, bool) {
        let sql = "SELECT ts, branch_id, hidden FROM event_log WHERE id = ?1";
        let row = |row: &rusqlite::Row<'_>| Ok((row.get(0)?, row.get(1)?, row.get(2)?));
        app.store.other_program().query_row(sql, [id], row).unwrap()
    };
    assert_eq!(stored(1), ("2026-01-02T03:04:05+01:00".to_owned(), 7, true));
    let (ts, branch_id, hidden) = stored(2);
    assert!(ts.starts_with("20") && ts.ends_with('Z'), "{ts}");
    assert_eq!((branch_id, hidden), (1, false));
}

#[test]
fn an_event_may_supersede_an_earlier_one_once() {
    let app = TestApp::with_story(12);
    let replace = |n: i64| format!(r#"{{"kind":"note","payload":{{}},"supersedes":{n}}}"#);
    assert_eq!(app.post_body("/events", AS_JSON, &replace(9), JSON).status, 201);
    assert!(app.store.content()["memories"].is_empty(), "the memory of event 9 is gone");
    nothing_stored(&app, AS_JSON, &replace(9), 422, "event 13 superseded it already");
    nothing_stored(&app, AS_JSON, &replace(14), 422, "no earlier event");
    nothing_stored(&app, AS_JSON, &replace(0), 422, "no earlier event");
    let batch = r#"[{"kind":"note","payload":{}},{"kind":"note","payload":{},"supersedes":14}]"#;
    assert_eq!(app.post_body("/events", AS_JSON, batch, JSON).status, 201);
    let sql = "SELECT superseded_by FROM event_log WHERE id = 14";
    assert_eq!(app.store.other_program().query_row(sql, [], |row| row.get(0)), Ok(15));
}

#[test]
fn superseding_what_later_events_rest_on_is_refused() {
    let app = TestApp::with_story(12);
    let without_ada = r#"{"kind":"note","payload":{},"supersedes":2}"#;
    let before = app.store.content();
    let answer = app.post_body("/events", AS_JSON, without_ada, JSON);
    assert_eq!(answer.status, 422, "{}", answer.text());
    assert_eq!(app.store.content(), before);
}

#[test]
fn a_hidden_event_is_recorded_and_changes_no_table() {
    let app = TestApp::with_story(6);
    let before = app.store.content()["bots"].clone();
    let body = r#"{"kind":"bot_created","payload":{"bot_id":"cid","name":"Cid","persona":""},"hidden":true}"#;
    assert_eq!(app.post_body("/events", AS_JSON, body, JSON).status, 201);
    assert_eq!(app.store.content()["bots"], before);
    assert_eq!(app.store.engine.status().unwrap().position, 7);
}

#[test]
fn what_is_no_event_is_refused() {
    let app = TestApp::with_story(6);
    for (kind, body, words) in [
        (AS_JSON, "", "no event"),
        (AS_JSON, "[]", "no event"),
        (AS_LINES, " \n\n", "no event"),
        (AS_JSON, "{\"kind\":\"note\",", "no event"),
        (AS_JSON, "[{\"kind\":\"note\"", "not JSON"),
        (AS_JSON, r#"{"kind":"note","payload":1} {}"#, "no event"),
        (AS_JSON, r#"[{"kind":"note","payload":1},{"payload":2}]"#, "event 2 of the batch: missing field `kind`"),
        (AS_LINES, "{\"kind\":\"note\",\"payload\":1}\n\n{\"kind\"}\n", "line 3"),
        (AS_JSON, r#"{"kind":"","payload":1}"#, "kind must have"),
        (AS_JSON, r#"{"kind":"a\u0007b","payload":1}"#, "kind must have"),
        (AS_JSON, r#"{"kind":"note","payload":1,"ts":"yesterday"}"#, "ts must be RFC 3339"),
        (AS_JSON, r#"{"kind":"note","payload":1,"branch_id":"one"}"#, "expected i64"),
        (AS_JSON, r#"{"kind":"note","payload":1,"supercedes":1}"#, "supercedes"),
        ("text/plain", "{}", "application/json or application/x-ndjson"),
        ("multipart/form-data; boundary=x", "{}", "application/json or application/x-ndjson"),
    ] {
        nothing_stored(&app, kind, body, 400, words);
    }
    let deep = format!(r#"{{"kind":"note","payload":{}{}}}"#, "[".repeat(100_000), "]".repeat(100_000));
    nothing_stored(&app, AS_JSON, &deep, 400, "nests deeper than 128");
}

#[test]
fn a_body_over_its_limit_is_too_large() {
    let app = TestApp::serving(TestStore::new(), Settings { body_limit: 1000, ..Settings::default() });
    let event = |bytes: usize| {
        let frame = r#"{"kind":"note","payload":""}"#.len();
        format!(r#"{{"kind":"note","payload":"{}"}}"#, "x".repeat(bytes - frame))
    };
    nothing_stored(&app, AS_JSON, &event(1001), 413, "over the limit of 1000 bytes");
    assert_eq!(app.post_body("/events", AS_JSON, &event(1000), JSON).status, 201);
}

#[test]
fn a_broken_rule_names_place_and_constraint_and_stores_nothing() {
    let app = TestApp::with_story(6);
    let good = r#"{"kind":"bot_created","payload":{"bot_id":"x","name":"X","persona":""}}"#;
    let bad = r#"{"kind":"bot_created","payload":{"bot_id":"y","name":5,"persona":""}}"#;
    let later = r#"{"kind":"note","payload":{}}"#;
    for (kind, body) in [(AS_JSON, format!("[{good},{bad},{later}]")), (AS_LINES, format!("{good}\n{bad}\n{later}\n"))]
    {
        nothing_stored(&app, kind, &body, 422, "event 2 of the batch");
        nothing_stored(&app, kind, &body, 422, "bots_name_is_text");
    }
    let nobody = r#"{"kind":"user_turn","payload":{"chat_id":"nowhere","text":"?"}}"#;
    nothing_stored(&app, AS_JSON, nobody, 422, "event 1 of the batch");
    assert_eq!(app.post_body("/events", AS_JSON, good, JSON).json()["first_id"], 7, "no id was used up");
}

#[test]
fn while_stuck_new_events_are_refused_with_the_event_and_the_reason() {
    let app = TestApp::with_story(6);
    let broken = r#"{"bot_id": "y", "name": 5, "persona": ""}"#;
    let sql = "INSERT INTO event_log (kind, payload_json) VALUES ('bot_created', ?1)";
    app.store.other_program().execute(sql, [broken]).unwrap();
    refused(
        |accept| app.post_body("/events", AS_JSON, r#"{"kind":"note","payload":{}}"#, accept),
        409,
        "stopped before event 7",
    );
    let health = app.get("/health", JSON).json();
    assert_eq!((&health["stuck"]["event"], &health["position"]), (&7.into(), &6.into()));
    assert!(health["stuck"]["reason"].as_str().unwrap().contains("bots_name_is_text"));
    assert!(app.get("/snapshots", HTML).page().text(".strip").contains("The tables stopped before event 7."));
    assert_eq!(app.store.engine.status().unwrap().head, 7);
}
