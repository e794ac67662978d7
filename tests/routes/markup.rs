//! Text of events, labels and rows is text on every page, whatever stands in it.

use serde_json::json;

use crate::support::{HTML, Page, TestApp, encoded};

const MARKUP: &str = "<script>alert(1)</script><img src=x onerror=alert(2)>\"'&amp;";

/// A page with the text as text, and without an element that the text would have made.
#[track_caller]
fn as_text(app: &TestApp, address: &str) -> Page {
    let answer = app.get(address, HTML);
    assert!(matches!(answer.status, 200 | 400 | 404), "{address}: {}", answer.status);
    assert!(!answer.text().contains("<script>alert") && !answer.text().contains("<img"), "{address}");
    assert!(answer.text().contains("alert(1)"), "{address} does not show it");
    answer.page()
}

/// A store in which everything that can be named is named by markup.
fn marked() -> TestApp {
    let app = TestApp::new();
    let line = |kind: &str, payload: serde_json::Value| json!({ "kind": kind, "payload": payload }).to_string();
    let body = [
        line("bot_created", json!({ "bot_id": "ada", "name": MARKUP, "persona": MARKUP })),
        line("chat_created", json!({ "chat_id": "c", "title": MARKUP, "host_bot_id": "ada" })),
        line("assistant_turn", json!({ "chat_id": "c", "bot_id": "ada", "text": MARKUP })),
        line(MARKUP, json!({ MARKUP: MARKUP })),
    ];
    let answer = app.post_body("/events", "application/x-ndjson", &body.join("\n"), HTML);
    assert_eq!(answer.status, 303, "{}", answer.text());
    app
}

#[test]
fn events_are_text_in_the_lists_and_on_their_pages() {
    let app = marked();
    as_text(&app, "/");
    as_text(&app, "/events");
    for id in 1..=4 {
        as_text(&app, &format!("/events/{id}"));
    }
    let page = as_text(&app, "/events/3");
    assert_eq!((page.text("blockquote"), page.text("figcaption")), (MARKUP.to_owned(), MARKUP.to_owned()));
    assert_eq!(as_text(&app, "/events/4").texts("dd code")[0], MARKUP);
}

#[test]
fn what_was_searched_for_is_shown_as_text() {
    let app = marked();
    let q = encoded(MARKUP);
    assert_eq!(as_text(&app, &format!("/events?q={q}")).attribute("#q", "value"), MARKUP);
    as_text(&app, &format!("/events?kind={q}"));
    assert_eq!(as_text(&app, &format!("/state/bots?q={q}")).attribute("#q", "value"), MARKUP);
}

#[test]
fn values_of_rows_are_text() {
    let app = marked();
    assert!(as_text(&app, "/state/bots").texts("td").contains(&MARKUP.to_owned()));
    as_text(&app, "/state/chats");
}

#[test]
fn a_label_is_text_wherever_it_is_shown() {
    let app = marked();
    let id = app.take_snapshot()["snapshot_id"].as_str().unwrap().to_owned();
    let plan = format!("/snapshots/{id}/preview?kind=periodic");
    let fields = [("kind", "periodic"), ("label", MARKUP)];
    assert_eq!(app.post(&format!("/snapshots/{id}/label"), &fields, HTML).status, 303);
    for address in ["/", "/snapshots", &plan] {
        as_text(&app, address);
    }
}

#[test]
fn row_differences_are_text() {
    let app = TestApp::with_story(6);
    let id = app.take_snapshot()["snapshot_id"].as_str().unwrap().to_owned();
    let body = json!({ "kind": "bot_created", "payload": { "bot_id": "eve", "name": MARKUP, "persona": MARKUP } });
    app.post_body("/events", "application/json", &body.to_string(), HTML);
    as_text(&app, &format!("/snapshots/{id}/diff?kind=periodic&table=bots"));
}

#[test]
fn a_reason_why_the_tables_stopped_is_text() {
    let app = TestApp::with_story(6);
    let insert = "INSERT INTO event_log (kind, payload_json) VALUES ('user_turn', ?1)";
    app.store.other_program().execute(insert, [json!({ "chat_id": MARKUP, "text": MARKUP }).to_string()]).unwrap();
    app.store.engine.catch_up().unwrap();
    assert!(app.store.engine.status().unwrap().stuck.is_some());
    as_text(&app, "/");
    as_text(&app, "/events/7");
}
