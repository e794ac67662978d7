//! `POST /events/{id}/hide` and `…/unhide`, and the ways out of a log that the tables cannot follow.

use super::{follow, refused, send_form};
use crate::support::{HTML, JSON, PLAIN, TestApp};

#[test]
fn a_program_gets_what_is_so_now() {
    let app = TestApp::with_story(12);
    let before = app.store.content();
    let hidden = app.post("/events/9/hide", &[], JSON);
    assert_eq!(hidden.status, 200, "{}", hidden.text());
    let hidden = hidden.json();
    assert_eq!((&hidden["event"], &hidden["hidden"], &hidden["operation"]), (&9.into(), &true.into(), &1.into()));
    assert!(app.store.content()["memories"].is_empty());
    assert_eq!(app.post("/events/9/hide", &[], JSON).json()["operation"], serde_json::Value::Null);
    assert_eq!(app.post("/events/9/unhide", &[], JSON).json()["hidden"], false);
    assert_eq!(app.store.content(), before);
}

#[test]
fn the_page_of_an_event_hides_it_and_tells_so_with_an_undo() {
    let app = TestApp::with_story(12);
    let before = app.store.content();
    let page = app.get("/events/9", HTML).page();
    let hidden = follow(&app, &send_form(&app, &page, "form[action='/events/9/hide']", &[]));
    assert_eq!(hidden.text("#result"), "Event 9 is hidden.");
    assert!(hidden.has("form[action='/events/9/unhide']") && !hidden.has("form[action='/events/9/hide']"));
    assert!(app.get("/events", HTML).page().text("ol.log .flag").contains("hidden"));
    let undone = follow(&app, &send_form(&app, &hidden, ".result form", &[]));
    assert_eq!(undone.text("#result"), "Undone: event 9 is shown again.");
    assert_eq!(app.store.content(), before);
    let again = follow(&app, &send_form(&app, &undone, ".result form", &[]));
    assert_eq!(again.text("#result"), "Undone: event 9 is hidden.");
}

#[test]
fn hiding_what_is_hidden_says_that_nothing_changed() {
    let app = TestApp::with_story(12);
    for (path, words) in [
        ("/events/9/unhide", "The event was not hidden."),
        ("/events/9/hide", "Event 9 is hidden."),
        ("/events/9/hide", "The event was hidden already."),
    ] {
        for accept in [PLAIN, HTML] {
            let page = follow(&app, &app.post(path, &[], accept));
            if words != "Event 9 is hidden." {
                assert_eq!(page.text("#result"), words);
            }
        }
    }
}

#[test]
fn what_other_events_need_is_not_hidden() {
    let app = TestApp::with_story(12);
    let before = app.store.content();
    for accept in [JSON, HTML, PLAIN] {
        let answer = app.post("/events/4/hide", &[], accept);
        assert_eq!(answer.status, 422, "{}", answer.text());
        assert!(answer.words(accept).to_lowercase().contains("event 5 would break a rule"), "{}", answer.words(accept));
    }
    assert_eq!(app.store.content(), before);
}

#[test]
fn what_is_no_event_is_not_found() {
    let app = TestApp::with_story(3);
    for id in ["99", "0", "nobody", "..%2Fx", "9999999999999999999"] {
        for verb in ["hide", "unhide"] {
            refused(|accept| app.post(&format!("/events/{id}/{verb}"), &[], accept), 404, "event not found");
        }
    }
}

#[test]
fn a_stopped_store_has_three_ways_out_and_two_of_them_are_on_the_page() {
    for way in ["hide", "rewind"] {
        let app = TestApp::with_story(6);
        let insert = "INSERT INTO event_log (kind, payload_json) VALUES ('user_turn', '{\"chat_id\": \"none\", \"text\": \"x\"}')";
        app.store.other_program().execute_batch(insert).unwrap();
        app.store.engine.catch_up().unwrap();
        assert_eq!(app.store.engine.status().unwrap().stuck.unwrap().event, 7);
        let page = app.get("/events/7", HTML).page();
        assert_eq!(page.texts(".ways-out li").len(), 3);
        if way == "hide" {
            follow(&app, &send_form(&app, &page, ".ways-out form", &[]));
        } else {
            let plan = app.get(&page.attribute(".ways-out a", "href"), HTML).page();
            follow(&app, &send_form(&app, &plan, "form#rewind", &[("confirm_event_id", "6")]));
        }
        assert_eq!(app.store.engine.status().unwrap().stuck, None, "{way}");
        assert_eq!(
            app.post_body("/events", "application/json", r#"{"kind": "note", "payload": {}}"#, JSON).status,
            201
        );
    }
}
