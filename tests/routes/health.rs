//! `GET /health`.

use super::refused;
use crate::support::{CLIENTS, JSON, Story, TestApp, story};

#[test]
fn it_says_in_json_where_the_store_stands() {
    let app = TestApp::with_story(12);
    let id = app.store.take().snapshot_id.to_string();
    app.store.append(Story::from(13).tell(2));
    for accept in CLIENTS {
        let answer = app.get("/health", accept);
        assert_eq!((answer.status, answer.header("content-type")), (200, "application/json"));
        let health = answer.json();
        let fields: Vec<&str> = health.as_object().unwrap().keys().map(String::as_str).collect();
        let promised = ["ready", "last_event_id", "position", "held", "stuck", "epoch", "last_snapshot", "next_due"];
        assert_eq!(fields, promised);
        assert_eq!((&health["ready"], &health["held"]), (&true.into(), &false.into()));
        assert_eq!((&health["last_event_id"], &health["position"]), (&14.into(), &14.into()));
        assert!(health["stuck"].is_null());
        assert_eq!(health["last_snapshot"]["snapshot_id"], id);
        assert_eq!((&health["next_due"]["due_now"], &health["next_due"]["after_events"]), (&false.into(), &98.into()));
    }
}

#[test]
fn a_new_store_is_ready_and_has_no_snapshot() {
    let health = TestApp::new().get("/health", JSON).json();
    assert_eq!((&health["ready"], &health["last_event_id"]), (&true.into(), &0.into()));
    assert!(health["last_snapshot"].is_null());
    assert_eq!(health["next_due"]["due_now"], false);
}

#[test]
fn a_hold_is_told() {
    let (app, id) = super::with_newer_events();
    app.restore(&id, &[]);
    let health = app.get("/health", JSON).json();
    assert_eq!(
        (&health["held"], &health["position"], &health["last_event_id"]),
        (&true.into(), &12.into(), &24.into())
    );
    assert_eq!(app.get("/health?applied=13", JSON).status, 503);
    assert_eq!(app.get("/health?applied=12", JSON).status, 200);
}

#[test]
fn an_event_that_is_applied_is_200_and_one_that_is_not_503() {
    let app = TestApp::with_story(6);
    for event in [0, 1, 6] {
        assert_eq!(app.get(&format!("/health?applied={event}"), JSON).status, 200);
    }
    let late = app.get("/health?applied=7&wait=1ms", JSON);
    assert_eq!((late.status, late.header("retry-after")), (503, "1"));
    assert_eq!((&late.json()["ready"], &late.json()["position"]), (&false.into(), &6.into()));
}

#[test]
fn waiting_ends_when_the_event_is_applied() {
    let app = TestApp::with_story(6);
    let engine = std::sync::Arc::clone(&app.store.engine);
    let append = tokio::task::spawn_blocking;
    let (health, appended) = app.run(async {
        tokio::join!(
            app.answer("GET", "/health?applied=7&wait=30s", JSON, &[], ""),
            append(move || engine.append(story(7).split_off(6)))
        )
    });
    assert_eq!(appended.unwrap().unwrap().last_id, 7);
    assert_eq!((health.status, &health.json()["position"]), (200, &7.into()));
}

#[test]
fn what_cannot_be_waited_for_is_refused() {
    let app = TestApp::new();
    for (query, words) in [
        ("applied=last", "applied must be the id of an event"),
        ("applied=1&wait=soon", "wait must be a time"),
        ("applied=1&wait=31s", "at most 30s"),
        ("applied=1&applied=2", "more than once"),
    ] {
        refused(|accept| app.get(&format!("/health?{query}"), accept), 400, words);
    }
}
