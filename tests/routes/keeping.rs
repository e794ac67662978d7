//! `POST /snapshots/{id}/pin`, `unpin`, `label`, `verify`, `delete`.

use serde_json::Value;

use super::{damage, refused};
use crate::support::{HTML, JSON, PLAIN, TestApp};

const UNKNOWN: &str = "20260101T000000Z";
const WAYS: [&str; 5] = ["pin", "unpin", "label", "verify", "delete"];
const PERIODIC: (&str, &str) = ("kind", "periodic");

fn with_snapshot() -> (TestApp, String) {
    let app = TestApp::with_story(12);
    let id = app.store.take().snapshot_id.to_string();
    (app, id)
}

fn listed(app: &TestApp) -> Vec<Value> {
    app.get("/snapshots", JSON).json()["snapshots"].as_array().unwrap().clone()
}

/// Posts as a program and expects success.
#[track_caller]
fn done(app: &TestApp, id: &str, way: &str, fields: &[(&str, &str)]) -> Value {
    let answer = app.post(&format!("/snapshots/{id}/{way}"), &[&[PERIODIC], fields].concat(), JSON);
    assert_eq!(answer.status, 200, "{}", answer.text());
    answer.json()
}

#[test]
fn pinning_and_unpinning_show_in_the_answer_and_in_the_list() {
    let (app, id) = with_snapshot();
    for (way, pinned) in [("pin", true), ("pin", true), ("unpin", false), ("unpin", false)] {
        let answer = done(&app, &id, way, &[]);
        assert_eq!((&answer["snapshot_id"], &answer["pinned"]), (&id.as_str().into(), &pinned.into()));
        assert_eq!(listed(&app)[0]["pinned"], pinned);
    }
}

#[test]
fn a_label_is_set_replaced_and_taken_away() {
    let (app, id) = with_snapshot();
    for (label, kept) in [
        ("before upgrade", "before upgrade".into()),
        ("  näher \"am\" <b>  ", "näher \"am\" <b>".into()),
        (" ", Value::Null),
    ] {
        assert_eq!(done(&app, &id, "label", &[("label", label)])["label"], kept);
        assert_eq!(listed(&app)[0]["label"], kept);
    }
}

#[test]
fn a_label_leaves_the_pin_and_a_pin_the_label() {
    let (app, id) = with_snapshot();
    done(&app, &id, "label", &[("label", "mine")]);
    done(&app, &id, "pin", &[]);
    done(&app, &id, "label", &[("label", "ours")]);
    assert_eq!((&listed(&app)[0]["label"], &listed(&app)[0]["pinned"]), (&"ours".into(), &true.into()));
}

#[test]
fn a_label_is_one_line_of_a_bounded_length_and_must_be_given() {
    let (app, id) = with_snapshot();
    let path = format!("/snapshots/{id}/label");
    for label in ["two\nlines", "\u{1}x", &"é".repeat(201)] {
        refused(|accept| app.post(&path, &[PERIODIC, ("label", label)], accept), 400, "label must be");
    }
    refused(|accept| app.post(&path, &[PERIODIC], accept), 400, "label must be");
    assert!(listed(&app)[0]["label"].is_null());
    assert_eq!(done(&app, &id, "label", &[("label", &"é".repeat(200))])["label"], "é".repeat(200));
}

#[test]
fn a_snapshot_that_is_whole_is_verified() {
    let (app, id) = with_snapshot();
    let answer = done(&app, &id, "verify", &[]);
    assert_eq!((&answer["snapshot_id"], &answer["kind"]), (&id.as_str().into(), &"periodic".into()));
    assert!(["tables", "rows", "bytes"].iter().all(|name| answer[name].as_u64() > Some(0)), "{answer}");
}

#[test]
fn a_damaged_snapshot_fails_its_verification() {
    let (app, id) = with_snapshot();
    damage(&app, &id);
    refused(|accept| app.post(&format!("/snapshots/{id}/verify"), &[PERIODIC], accept), 422, "cannot be restored");
}

#[test]
fn a_piece_that_was_changed_is_found_by_verifying() {
    let (app, id) = with_snapshot();
    spoil_chunks(&app.store.path().join("snapshots/chunks"));
    let path = format!("/snapshots/{id}/verify");
    refused(|accept| app.post(&path, &[PERIODIC], accept), 422, "cannot be restored");
    assert!(listed(&app)[0]["damaged"].is_string());
}

/// Changes the last byte of every chunk.
fn spoil_chunks(folder: &std::path::Path) {
    for path in std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()) {
        if path.is_dir() {
            spoil_chunks(&path);
        } else {
            let mut bytes = std::fs::read(&path).unwrap();
            let Some(last) = bytes.last_mut() else { continue };
            *last ^= 0xff;
            std::fs::remove_file(&path).unwrap();
            std::fs::write(path, bytes).unwrap();
        }
    }
}

#[test]
fn a_browser_is_led_back_to_the_plan() {
    let (app, id) = with_snapshot();
    let plan = format!("/snapshots/{id}/preview?kind=periodic");
    for accept in [HTML, PLAIN] {
        for way in ["pin", "unpin", "label", "verify"] {
            let answer = app.post(&format!("/snapshots/{id}/{way}"), &[PERIODIC, ("label", "x")], accept);
            assert_eq!(answer.status, 303, "{way}");
            let (address, part) = answer.header("location").split_once('#').unwrap();
            assert!(address.starts_with(&plan) && !part.is_empty(), "{address}");
            assert_eq!(app.get(address, HTML).status, 200);
        }
    }
}

#[test]
fn a_deleted_snapshot_is_gone_from_the_list() {
    for accept in [HTML, JSON, PLAIN] {
        let (app, id) = with_snapshot();
        let answer =
            app.post(&format!("/snapshots/{id}/delete"), &[PERIODIC, ("confirm_id", &format!(" {id} "))], accept);
        if accept == JSON {
            assert_eq!((answer.status, &answer.json()["removed"]), (200, &serde_json::json!([id])));
        } else {
            assert_eq!(answer.status, 303);
            let (address, _) = answer.header("location").split_once('#').unwrap();
            assert!(address.starts_with("/snapshots?done="), "{address}");
            assert!(app.get(address, HTML).page().has("#result"));
        }
        assert!(listed(&app).is_empty());
        refused(|accept| app.post(&format!("/snapshots/{id}/pin"), &[PERIODIC], accept), 404, "");
    }
}

#[test]
fn a_damaged_snapshot_can_be_deleted() {
    let (app, id) = with_snapshot();
    damage(&app, &id);
    done(&app, &id, "delete", &[("confirm_id", &id)]);
    assert!(listed(&app).is_empty());
}

#[test]
fn nothing_is_deleted_without_the_id_typed() {
    let (app, id) = with_snapshot();
    for typed in ["", "20260101T000000Z", "decoy", &id.to_lowercase()] {
        let answers = [HTML, JSON, PLAIN]
            .map(|accept| app.post(&format!("/snapshots/{id}/delete"), &[PERIODIC, ("confirm_id", typed)], accept));
        assert_eq!(answers.map(|answer| answer.status), [400; 3], "{typed:?}");
    }
    assert_eq!(app.post(&format!("/snapshots/{id}/delete"), &[PERIODIC], JSON).status, 400);
    assert_eq!(listed(&app).len(), 1);
}

#[test]
fn the_typed_id_is_judged_before_anything_is_opened() {
    let app = TestApp::new();
    for id in [UNKNOWN, "a..b"] {
        let answer = app.post(&format!("/snapshots/{id}/delete"), &[PERIODIC, ("confirm_id", "other")], JSON);
        assert_eq!((answer.status, answer.words(JSON).contains("confirm_id")), (400, true), "{id}");
    }
}

#[test]
fn the_kind_is_judged_first() {
    let (app, id) = with_snapshot();
    for way in WAYS {
        for id in [&id, UNKNOWN, ".."] {
            for kind in ["", "snapshot", "PERIODIC"] {
                let id = crate::support::encoded(id);
                let answer = app.post(&format!("/snapshots/{id}/{way}"), &[("kind", kind), ("confirm_id", "x")], JSON);
                assert_eq!(answer.status, 400, "{way} {kind}");
                assert!(answer.words(JSON).contains("kind must be"), "{}", answer.text());
            }
        }
        assert_eq!(app.post(&format!("/snapshots/{id}/{way}"), &[], JSON).status, 400);
    }
    assert_eq!((listed(&app).len(), &listed(&app)[0]["pinned"]), (1, &false.into()));
}

#[test]
fn a_snapshot_that_is_not_there_is_not_found() {
    let (app, id) = with_snapshot();
    for way in WAYS {
        let fields = [PERIODIC, ("confirm_id", UNKNOWN), ("label", "x")];
        refused(|accept| app.post(&format!("/snapshots/{UNKNOWN}/{way}"), &fields, accept), 404, "");
        let fields = [("kind", "rewind"), ("confirm_id", &id), ("label", "x")];
        let answer = app.post(&format!("/snapshots/{id}/{way}"), &fields, JSON);
        assert_eq!(answer.status, 404, "{way} of the other kind");
    }
}

#[test]
fn none_of_it_is_done_by_looking() {
    let (app, id) = with_snapshot();
    for way in WAYS {
        let answer = app.get(&format!("/snapshots/{id}/{way}?kind=periodic&confirm_id={id}&label=x"), JSON);
        assert_eq!(answer.status, 405, "{way}");
    }
    assert_eq!((listed(&app).len(), &listed(&app)[0]["label"]), (1, &Value::Null));
}
