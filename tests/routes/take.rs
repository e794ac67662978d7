//! `POST /snapshots/take`.

use std::time::Duration;

use super::refused;
use crate::support::{HTML, JSON, PLAIN, TestApp};

#[test]
fn no_body_is_needed() {
    let app = TestApp::with_story(6);
    let taken = app.post("/snapshots/take", &[], JSON);
    assert_eq!(taken.status, 201);
    let taken = taken.json();
    assert_eq!((&taken["last_event_id"], &taken["kind"]), (&6.into(), &"periodic".into()));
    assert_eq!((&taken["pinned"], &taken["label"]), (&false.into(), &serde_json::Value::Null));
    assert_eq!(app.get("/snapshots", JSON).json()["snapshots"][0], taken);
}

#[test]
fn a_content_type_without_a_body_does_no_harm() {
    let app = TestApp::with_story(6);
    for kind in ["application/x-www-form-urlencoded", "application/json", "nonsense"] {
        assert_eq!(app.post_body("/snapshots/take", kind, "", JSON).status, 201, "{kind}");
    }
}

#[test]
fn a_browser_and_curl_are_sent_to_the_list() {
    let app = TestApp::with_story(6);
    for accept in [HTML, PLAIN] {
        let answer = app.post("/snapshots/take", &[], accept);
        assert_eq!(answer.status, 303);
        assert!(answer.header("location").starts_with("/snapshots?done="), "{}", answer.header("location"));
    }
    assert_eq!(app.store.engine.snapshots().unwrap().len(), 2);
}

#[test]
fn a_label_pins_unless_told_otherwise() {
    let app = TestApp::with_story(6);
    let take = |fields: &[(&str, &str)]| {
        let taken = app.post("/snapshots/take", fields, JSON).json();
        (taken["label"].as_str().map(str::to_owned), taken["pinned"].as_bool().unwrap())
    };
    let named = Some("before the move".to_owned());
    assert_eq!(take(&[("label", " before the move ")]), (named.clone(), true));
    assert_eq!(take(&[("label", "before the move"), ("pin", "false")]), (named, false));
    assert_eq!(take(&[("label", "  ")]), (None, false));
    assert_eq!(take(&[("pin", "true")]), (None, true));
    let page = app.get("/snapshots", HTML).page();
    assert_eq!(page.texts("b.label"), ["before the move", "before the move"]);
    assert_eq!(page.texts(".pin"), ["pinned", "pinned"]);
}

#[test]
fn an_empty_store_can_be_taken() {
    let taken = TestApp::new().take_snapshot();
    assert_eq!(taken["last_event_id"], 0);
}

#[test]
fn fields_that_do_not_fit_are_refused_and_nothing_is_taken() {
    let app = TestApp::with_story(6);
    let long = "x".repeat(201);
    let post = |fields: &[(&str, &str)], words: &str| {
        refused(|accept| app.post("/snapshots/take", fields, accept), 400, words);
    };
    post(&[("label", &long)], "label must be one line");
    post(&[("label", "two\nlines")], "label must be one line");
    post(&[("label", "a"), ("pin", "perhaps")], "pin must be true or false");
    post(&[("label", "a"), ("label", "b")], "label is given more than once");
    refused(
        |accept| app.post_body("/snapshots/take", "application/json", "{\"label\":\"a\"}", accept),
        400,
        "the body must be a form",
    );
    refused(
        |accept| app.post_body("/snapshots/take", "application/x-www-form-urlencoded", "label=%zz", accept),
        400,
        "urlencoded",
    );
    let large = format!("label={}", "x".repeat(70_000));
    refused(
        |accept| app.post_body("/snapshots/take", "application/x-www-form-urlencoded", &large, accept),
        413,
        "over the limit",
    );
    assert!(app.store.engine.snapshots().unwrap().is_empty());
}

#[test]
fn only_the_newest_are_kept_and_the_pinned() {
    let app = TestApp::with_story(6);
    app.post("/snapshots/take", &[("label", "first")], JSON);
    for _ in 0..7 {
        app.take_snapshot();
    }
    let snapshots = app.store.engine.snapshots().unwrap();
    assert_eq!(snapshots.len(), 6);
    assert_eq!(snapshots.last().unwrap().label.as_deref(), Some("first"));
}

#[test]
fn what_is_refused_for_a_while_keeps_what_was_typed() {
    let app = TestApp::with(|options| options.busy_timeout = Duration::from_millis(300));
    app.store.append(crate::support::story(6));
    let writer = app.store.other_program();
    writer.execute_batch("BEGIN IMMEDIATE").unwrap();
    let answer = app.post("/snapshots/take", &[("label", "before \u{201c}it\u{201d}")], HTML);
    assert_eq!((answer.status, answer.header("retry-after")), (503, "1"));
    let page = answer.page();
    assert_eq!(page.text("h1"), "Snapshots");
    assert!(page.text("main .alert").starts_with("Another change is being written."), "{}", page.text("main .alert"));
    assert_eq!(page.attribute("#label", "value"), "before \u{201c}it\u{201d}");
    assert!(!page.has("#label[aria-invalid]"));
    for accept in [JSON, PLAIN] {
        assert!(app.post("/snapshots/take", &[], accept).words(accept).starts_with("Another change"));
    }
    writer.execute_batch("ROLLBACK").unwrap();
    let label = page.attribute("#label", "value");
    assert_eq!(app.post("/snapshots/take", &[("label", &label)], HTML).status, 303);
}

#[test]
fn a_label_that_does_not_fit_is_told_at_its_field_and_kept() {
    let app = TestApp::with_story(6);
    let long = "x".repeat(201);
    let answer = app.post("/snapshots/take", &[("label", &long)], HTML);
    assert_eq!(answer.status, 400);
    let page = answer.page();
    assert_eq!(page.text("main .alert"), page.text("#label-error"));
    assert_eq!((page.attribute("#label", "value"), page.has("#label[aria-invalid]")), (long, true));
}
