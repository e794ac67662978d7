//! What changed the log since a snapshot that no longer matches it, in the list and on its plan.

use serde_json::json;

use crate::support::{HTML, JSON, TestApp};

/// What the list and the plan of a snapshot say of the log.
#[track_caller]
fn told(app: &TestApp, id: &str) -> String {
    let list = app.get("/snapshots", HTML).page().texts("td.c-state .care");
    let plan = app.get(&format!("/snapshots/{id}/preview?kind=periodic"), HTML).page().texts(".facts .care");
    assert_eq!((list.len(), &list), (1, &plan));
    list.into_iter().next().unwrap()
}

fn snapshot(app: &TestApp) -> String {
    app.take_snapshot()["snapshot_id"].as_str().unwrap().to_owned()
}

#[test]
fn a_rewind_is_named_with_its_moment() {
    let app = TestApp::with_story(12);
    let id = snapshot(&app);
    let fields = [("after_event_id", "9"), ("confirm_event_id", "9")];
    assert_eq!(app.post("/rewind", &fields, JSON).status, 200);
    let snapshots = app.get("/snapshots", JSON).json()["snapshots"].clone();
    let left =
        snapshots.as_array().unwrap().iter().find(|one| one["snapshot_id"] == id.as_str() && one["kind"] == "periodic");
    assert_eq!(left.unwrap()["on_this_history"], false);
    let page = app.get(&format!("/snapshots/{id}/preview?kind=periodic"), HTML).page();
    let words = page.text(".facts .care");
    assert!(words.starts_with("the log has changed since: rewind of "), "{words}");
    assert_eq!(page.attributes(".facts .care time", "datetime").len(), 1);
}

#[test]
fn an_event_that_replaced_another_is_named() {
    let app = TestApp::with_story(12);
    let id = snapshot(&app);
    let event = json!({ "kind": "user_turn", "payload": { "chat_id": "c", "text": "Better." }, "supersedes": 12 });
    assert_eq!(app.post_body("/events", "application/json", &event.to_string(), JSON).status, 201);
    assert_eq!(told(&app, &id), "the log has changed since: event 13 replaced event 12");
}

#[test]
fn a_hidden_event_is_told_and_shown_again_it_is_not() {
    let app = TestApp::with_story(12);
    let id = snapshot(&app);
    assert_eq!(app.post("/events/9/hide", &[], JSON).status, 200);
    let words = told(&app, &id);
    assert!(words.starts_with("the log has changed since: an event was hidden, "), "{words}");
    assert_eq!(app.post("/events/9/unhide", &[], JSON).status, 200);
    assert!(!app.get("/snapshots", HTML).page().has("td.c-state .care"));
}

#[test]
fn what_another_program_did_is_told_as_that() {
    let app = TestApp::with_story(12);
    let id = snapshot(&app);
    app.store.other_program().execute_batch("UPDATE event_log SET hidden = 1 WHERE id = 9").unwrap();
    app.store.engine.catch_up().unwrap();
    assert_eq!(told(&app, &id), "the log has changed since: another program changed the log");
}
