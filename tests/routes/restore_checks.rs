//! The checks of a restore, in the contract's order: the first that fails answers, nothing is done.

use std::time::Duration;

use super::{damage, refused, with_newer_events};
use crate::support::{CLIENTS, HTML, JSON, TestApp};

const UNKNOWN: &str = "20010101T000000Z";

/// Expects a refusal after which store and snapshots are as they were.
#[track_caller]
fn nothing_done(app: &TestApp, id: &str, fields: &[(&str, &str)], status: u16, words: &str) {
    let before = (app.store.content(), app.store.engine.snapshots().unwrap().len());
    refused(|accept| app.post(&format!("/snapshots/restore/{id}"), fields, accept), status, words);
    assert_eq!((app.store.content(), app.store.engine.snapshots().unwrap().len()), before);
}

#[test]
fn first_the_kind_is_judged() {
    let (app, id) = with_newer_events();
    for id in [id.as_str(), UNKNOWN, "..%2Fx"] {
        for kind in [None, Some(""), Some("hourly"), Some("PERIODIC"), Some("periodic ")] {
            let mut fields = vec![("confirm_id", "wrong"), ("scope", "half")];
            fields.extend(kind.map(|kind| ("kind", kind)));
            nothing_done(&app, id, &fields, 400, "kind must be one of");
        }
    }
    nothing_done(&app, &id, &[], 400, "kind must be one of");
}

#[test]
fn then_the_confirmation_before_anything_is_opened() {
    let (app, id) = with_newer_events();
    damage(&app, &id);
    for id in [UNKNOWN, id.as_str(), "..%2Fx"] {
        for confirm in [None, Some(""), Some("wrong"), Some("20010101t000000z")] {
            let mut fields = vec![("kind", "periodic"), ("expected_head", "7")];
            fields.extend(confirm.map(|confirm| ("confirm_id", confirm)));
            let path = format!("/snapshots/restore/{id}");
            for accept in CLIENTS.into_iter().filter(|accept| *accept != HTML) {
                let answer = app.post(&path, &fields, accept);
                assert_eq!(answer.status, 400, "{id}");
                assert_eq!(answer.words(accept), "confirm_id does not match snapshot id");
            }
            assert_eq!(app.post(&path, &fields, HTML).status, 400);
        }
    }
    assert_eq!(app.store.engine.status().unwrap().position, 24);
}

#[test]
fn a_query_cannot_stand_in_for_the_form() {
    let (app, id) = with_newer_events();
    let path = format!("/snapshots/restore/{id}?kind=periodic&confirm_id={id}");
    refused(|accept| app.post(&path, &[], accept), 400, "kind must be one of");
}

#[test]
fn then_whether_there_is_such_a_snapshot() {
    let (app, id) = with_newer_events();
    nothing_done(&app, UNKNOWN, &[("kind", "periodic"), ("confirm_id", UNKNOWN)], 404, "snapshot not found");
    nothing_done(&app, &id, &[("kind", "rewind"), ("confirm_id", &id)], 404, "snapshot not found");
    nothing_done(&app, "..%2Fx", &[("kind", "periodic"), ("confirm_id", "../x")], 404, "snapshot not found");
    let moved = [("kind", "periodic"), ("confirm_id", UNKNOWN), ("expected_head", "7")];
    nothing_done(&app, UNKNOWN, &moved, 404, "snapshot not found");
}

#[test]
fn then_whether_it_is_whole() {
    let (app, id) = with_newer_events();
    damage(&app, &id);
    let moved = [("kind", "periodic"), ("confirm_id", id.as_str()), ("expected_head", "7")];
    nothing_done(&app, &id, &moved, 422, "cannot be restored");
}

#[test]
fn a_damaged_piece_is_named_and_nothing_of_it_is_read() {
    let (app, id) = with_newer_events();
    let chunks = app.store.path().join("snapshots/chunks");
    for folder in std::fs::read_dir(chunks).unwrap().map(|entry| entry.unwrap().path()).filter(|path| path.is_dir()) {
        for file in std::fs::read_dir(folder).unwrap() {
            std::fs::write(file.unwrap().path(), "not what was written").unwrap();
        }
    }
    nothing_done(&app, &id, &[("kind", "periodic"), ("confirm_id", &id)], 422, "cannot be restored");
}

#[test]
fn then_whether_the_tables_alone_can_go_back() {
    let app = TestApp::with_story(12);
    let behind = app.leave_a_snapshot_behind(8).snapshot_id.to_string();
    let fields = [("kind", "periodic"), ("confirm_id", behind.as_str())];
    let before = app.store.content();
    for accept in CLIENTS {
        let answer = app.post(&format!("/snapshots/restore/{behind}"), &fields, accept);
        assert_eq!(answer.status, 409);
        assert!(answer.words(accept).contains("The log has changed since this snapshot"), "{accept}");
        let way_out = if accept == HTML { "Choose \u{201c}Tables and log\u{201d}" } else { "scope=everything" };
        assert!(answer.words(accept).contains(way_out), "{accept}");
    }
    assert_eq!(app.store.content(), before);
    assert_eq!(app.restore(&behind, &[("scope", "everything")]).json()["events_returned"], 8);
}

#[test]
fn a_store_that_moved_since_the_plan_was_shown_is_left_alone() {
    let (app, id) = with_newer_events();
    let epoch = app.store.engine.status().unwrap().epoch;
    let (same, other) = (epoch.to_string(), (epoch + 1).to_string());
    let with = |head, epoch| {
        [("kind", "periodic"), ("confirm_id", id.as_str()), ("expected_head", head), ("expected_epoch", epoch)]
    };
    nothing_done(&app, &id, &with("23", same.as_str()), 409, "Nothing was done.");
    let told = app.restore(&id, &[("expected_head", "23")]).json()["detail"].to_string();
    assert!(told.contains("The log stands at event 24, and event 23 was expected."), "{told}");
    nothing_done(&app, &id, &with("24", other.as_str()), 409, "changed");
    assert_eq!(app.restore(&id, &[("expected_head", "24"), ("expected_epoch", &same)]).status, 200);
}

#[test]
fn another_restore_moves_the_epoch() {
    let (app, id) = with_newer_events();
    let plan = app.get(&format!("/snapshots/{id}/preview?kind=periodic"), JSON).json();
    let epoch = plan["epoch"].to_string();
    assert_eq!(app.restore(&id, &[("expected_epoch", &epoch)]).status, 200);
    assert_eq!(app.restore(&id, &[("expected_epoch", &epoch)]).status, 409);
}

#[test]
fn numbers_and_scopes_that_cannot_be_read_are_refused() {
    let (app, id) = with_newer_events();
    let base = [("kind", "periodic"), ("confirm_id", id.as_str())];
    for (field, value) in
        [("expected_head", "last"), ("expected_epoch", "-1"), ("scope", "half"), ("scope", "Everything")]
    {
        let fields = [base[0], base[1], (field, value)];
        nothing_done(&app, &id, &fields, 400, &format!("{field} must be"));
    }
    nothing_done(&app, &id, &[base[0], base[1], ("confirm_id", "x")], 400, "");
}

#[test]
fn a_busy_writer_is_told_with_the_time_to_come_back() {
    let app = TestApp::with(|options| options.busy_timeout = Duration::from_millis(300));
    app.store.append(crate::support::story(12));
    let id = app.store.take().snapshot_id.to_string();
    app.store.append(crate::support::Story::from(13).tell(3));
    let before = app.store.content();
    let other = app.store.other_program();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    let event = r#"{"kind":"note","payload":{}}"#;
    for accept in CLIENTS {
        let fields = [("kind", "periodic"), ("confirm_id", id.as_str())];
        for answer in [
            app.post(&format!("/snapshots/restore/{id}"), &fields, accept),
            app.post("/snapshots/take", &[], accept),
            app.post_body("/events", "application/json", event, accept),
        ] {
            assert_eq!((answer.status, answer.header("retry-after")), (503, "1"));
            assert!(answer.words(accept).contains("Another change is being written."), "{accept}");
        }
        assert_eq!(app.get(&format!("/snapshots/{id}/preview?kind=periodic"), accept).status, 200, "reading goes on");
    }
    other.execute_batch("COMMIT").unwrap();
    assert_eq!(app.store.content(), before);
    assert_eq!(app.post_body("/events", "application/json", event, JSON).status, 201);
}
