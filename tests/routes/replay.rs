//! `POST /projection/replay`.

use serde_json::json;

use super::with_newer_events;
use crate::support::{HTML, JSON, PLAIN, TestApp};

/// The tables stand at event 12, the log at 24.
fn paused() -> TestApp {
    let (app, id) = with_newer_events();
    assert_eq!(app.restore(&id, &[("scope", "projections")]).status, 200);
    app
}

#[test]
fn a_program_gets_what_was_applied_and_where_the_tables_stand() {
    let (app, id) = with_newer_events();
    let before = app.store.content();
    app.restore(&id, &[("scope", "projections")]);
    assert_ne!(app.store.content(), before);
    let answer = app.post("/projection/replay", &[], JSON);
    let epoch = app.get("/health", JSON).json()["epoch"].clone();
    let expected = json!({ "applied": 12, "position": 24, "held": false, "stuck": null, "epoch": epoch });
    assert_eq!((answer.status, answer.json()), (200, expected));
    assert_eq!(app.store.content(), before);
}

#[test]
fn a_browser_is_led_back_to_the_page_that_asked() {
    for accept in [HTML, PLAIN] {
        for (back, page) in [("/events", "/events"), ("/state", "/state"), ("/snapshots", "/snapshots"), ("/", "/")] {
            let app = paused();
            let answer = app.post("/projection/replay", &[("back", back)], accept);
            let (address, part) = answer.header("location").split_once('#').unwrap();
            assert_eq!((answer.status, part, address.split('?').next()), (303, "result", Some(page)));
            let told = app.get(address, HTML).page();
            assert_eq!(told.text("#result"), "The tables stand at event 24.");
            assert_eq!(told.text(".result p"), "12 events were applied.");
            assert!(!told.has(".strip"));
        }
    }
}

#[test]
fn nobody_is_led_elsewhere() {
    for back in ["https://example.org/", "//example.org", "/nowhere", "javascript:x", "/events/../x", "\r\nx: y"] {
        let answer = paused().post("/projection/replay", &[("back", back)], HTML);
        assert_eq!((answer.status, answer.header("location").split('?').next()), (303, Some("/")), "{back:?}");
    }
}

#[test]
fn where_nothing_waits_nothing_is_applied() {
    let app = TestApp::with_story(12);
    let before = app.store.content();
    assert_eq!(app.post("/projection/replay", &[], JSON).json()["applied"], 0);
    let answer = app.post("/projection/replay", &[], HTML);
    assert_eq!(answer.status, 303);
    let address = answer.header("location").split('#').next().unwrap().to_owned();
    assert!(app.get(&address, HTML).page().has("#result"));
    assert_eq!((app.store.content(), app.get("/", JSON).json()["operations"].clone()), (before, json!([])));
}

#[test]
fn looking_applies_nothing() {
    let app = paused();
    assert_eq!(app.get("/projection/replay", JSON).status, 405);
    assert_eq!(app.store.engine.status().unwrap().position, 12);
}

#[test]
fn what_was_hidden_while_it_waited_is_counted_with_what_waited() {
    let (app, id) = with_newer_events();
    assert_eq!(app.post("/events/20/hide", &[], JSON).status, 200);
    app.restore(&id, &[("scope", "projections")]);
    assert_eq!(app.get("/events", HTML).page().text(".strip button"), "Apply 12 events");
    let answer = app.post("/projection/replay", &[], HTML);
    let told = app.get(answer.header("location").split('#').next().unwrap(), HTML).page();
    assert_eq!(told.text(".result p"), "12 events are taken account of: 11 applied, 1 hidden or superseded.");
    assert!(app.get("/history", HTML).page().texts(".c-what")[0].starts_with("Applied 12 waiting events"));
}
