//! `POST /sample` and `POST /sample/continue`.

use std::collections::BTreeSet;

use backstitch::snapshot::Scope;
use serde_json::{Value, json};

use super::refused;
use crate::support::{HTML, JSON, PLAIN, TestApp};

/// The kinds of the built-in domain, all of which the story tells of.
const KINDS: usize = 13;

fn load(app: &TestApp) -> Value {
    let answer = app.post("/sample", &[], JSON);
    assert_eq!(answer.status, 201, "{}", answer.text());
    answer.json()
}

fn events(app: &TestApp) -> Vec<Value> {
    let answer = app.get("/events?after=0&limit=1000", JSON).json();
    answer["events"].as_array().unwrap().clone()
}

/// Expects a 409 to every sort of client, after which the log and the tables are as they were.
#[track_caller]
fn nothing_added(app: &TestApp, path: &str, words: &str) {
    let before = app.store.content();
    refused(|accept| app.post(path, &[], accept), 409, words);
    assert_eq!(app.store.content(), before);
}

#[test]
fn a_browser_that_loads_the_sample_is_led_to_the_overview() {
    for accept in [HTML, PLAIN] {
        let app = TestApp::new();
        let answer = app.post("/sample", &[], accept);
        assert_eq!((answer.status, answer.header("location")), (303, "/"));
        assert_eq!(app.store.engine.status().unwrap().events, 110);
    }
}

#[test]
fn a_program_that_loads_the_sample_gets_its_ids() {
    let app = TestApp::new();
    assert_eq!(load(&app), json!({ "first_id": 1, "last_id": 110, "count": 110 }));
    let status = app.store.engine.status().unwrap();
    assert_eq!((status.head, status.position, status.stuck), (110, 110, None));
}

#[test]
fn the_sample_is_loaded_once() {
    let app = TestApp::new();
    load(&app);
    nothing_added(&app, "/sample", "Nothing was added");
}

#[test]
fn a_store_with_events_takes_no_sample() {
    let app = TestApp::with_story(1);
    nothing_added(&app, "/sample", "store without events");
    nothing_added(&app, "/sample/continue", "no sample story");
}

#[test]
fn an_empty_store_has_no_story_to_continue() {
    nothing_added(&TestApp::new(), "/sample/continue", "no sample story");
}

#[test]
fn the_sample_is_continued_once() {
    let app = TestApp::new();
    load(&app);
    let answer = app.post("/sample/continue", &[], JSON);
    assert_eq!((answer.status, answer.json()), (201, json!({ "first_id": 111, "last_id": 150, "count": 40 })));
    nothing_added(&app, "/sample/continue", "continued already");
    nothing_added(&app, "/sample", "Nothing was added");
}

#[test]
fn a_browser_that_continues_the_sample_is_led_to_the_overview() {
    for accept in [HTML, PLAIN] {
        let app = TestApp::new();
        load(&app);
        let answer = app.post("/sample/continue", &[], accept);
        assert_eq!(answer.status, 303);
        assert_eq!(answer.header("location").split(['?', '#']).next(), Some("/"));
        assert_eq!(app.store.engine.status().unwrap().head, 150);
    }
}

#[test]
fn the_sample_tells_of_every_kind_of_one_hidden_and_of_one_superseded_event() {
    let app = TestApp::new();
    load(&app);
    let events = events(&app);
    let kinds: BTreeSet<&str> = events.iter().map(|event| event["kind"].as_str().unwrap()).collect();
    assert_eq!(kinds.len(), KINDS, "{kinds:?}");
    assert_eq!(events.iter().filter(|event| event["hidden"] == true).count(), 1);
    let superseded: Vec<&Value> = events.iter().filter(|event| !event["superseded_by"].is_null()).collect();
    assert_eq!(superseded.len(), 1);
    assert!(superseded[0]["superseded_by"].as_i64() > superseded[0]["id"].as_i64());
}

#[test]
fn after_going_back_to_the_empty_store_it_is_loaded_again_with_higher_ids() {
    let app = TestApp::new();
    let empty = app.store.take();
    load(&app);
    app.post("/sample/continue", &[], JSON);
    app.store.restore(&empty, Scope::Everything);
    assert_eq!(app.store.engine.status().unwrap().events, 0);
    assert_eq!(load(&app), json!({ "first_id": 151, "last_id": 260, "count": 110 }));
    assert_eq!(app.post("/sample/continue", &[], JSON).json()["first_id"], 261);
    let status = app.store.engine.status().unwrap();
    assert_eq!((status.position, status.head, status.stuck), (300, 300, None));
    references_are_those_of_a_fresh_store(&app, 150);
}

/// The events of a fresh store, moved up by so many ids, and memories pinned alike.
#[track_caller]
fn references_are_those_of_a_fresh_store(app: &TestApp, moved: i64) {
    let fresh = TestApp::new();
    load(&fresh);
    fresh.post("/sample/continue", &[], JSON);
    let (there, here) = (events(&fresh), events(app));
    assert_eq!(there.len(), here.len());
    let up = |value: &Value| value.as_i64().map(|id| id + moved);
    for (there, here) in there.iter().zip(&here) {
        assert_eq!(up(&there["id"]), here["id"].as_i64());
        assert_eq!(up(&there["superseded_by"]), here["superseded_by"].as_i64());
        let (there, here) = (&there["payload"]["memory_event_id"], &here["payload"]["memory_event_id"]);
        assert_eq!(up(there), here.as_i64());
    }
    assert!(here.iter().any(|event| event["kind"] == "memory_pinned"));
    let pinned = |app: &TestApp| app.get("/state/memories?limit=1000&sort=-pinned", JSON).json();
    let column = |rows: &Value| rows["columns"].as_array().unwrap().iter().position(|one| one == "pinned").unwrap();
    let flags = |rows: Value| {
        let at = column(&rows);
        rows["rows"].as_array().unwrap().iter().filter(|row| row[at] == 1).count()
    };
    let (there, here) = (flags(pinned(&fresh)), flags(pinned(app)));
    assert!(here > 0 && here == there, "{here} pinned, not {there}");
}

#[test]
fn hidden_events_do_not_keep_the_sample_out() {
    let app = TestApp::with_story(3);
    app.store.other_program().execute("UPDATE event_log SET hidden = 1", []).unwrap();
    assert_eq!(load(&app)["first_id"], 4);
    let status = app.store.engine.status().unwrap();
    assert_eq!((status.head, status.position, status.stuck), (113, 113, None));
}
