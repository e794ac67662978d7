//! `POST /snapshots/{id}/drill`.

use super::{damage, refused, with_newer_events};
use crate::support::{HTML, JSON, PLAIN, TestApp};

fn drill(app: &TestApp, id: &str, accept: &str) -> crate::support::Reply {
    app.post(&format!("/snapshots/{id}/drill"), &[("kind", "periodic")], accept)
}

#[test]
fn a_program_gets_the_snapshot_with_when_it_was_rehearsed() {
    let (app, id) = with_newer_events();
    assert!(app.get("/snapshots", JSON).json()["snapshots"][0]["proven_at"].is_null());
    let before = app.store.content();
    let answer = drill(&app, &id, JSON);
    assert_eq!(answer.status, 200, "{}", answer.text());
    assert_eq!(answer.json()["snapshot_id"], id.as_str());
    assert!(answer.json()["proven_at"].is_string());
    assert_eq!(app.get("/snapshots", JSON).json()["snapshots"][0]["proven_at"], answer.json()["proven_at"]);
    assert_eq!(app.store.content(), before);
}

#[test]
fn a_browser_is_led_to_the_plan_which_says_so() {
    for accept in [HTML, PLAIN] {
        let (app, id) = with_newer_events();
        let plan = format!("/snapshots/{id}/preview?kind=periodic");
        let form = format!("form[action='/snapshots/{id}/drill']");
        let page = app.get(&plan, HTML).page();
        assert_eq!(page.text(&format!("{form} button")), "Rehearse this restore");
        assert_eq!(page.attribute(&format!("{form} input[name=kind]"), "value"), "periodic");
        assert!(!page.text("main").contains("rehearsed"));
        let answer = drill(&app, &id, accept);
        let (address, part) = answer.header("location").split_once('#').unwrap();
        assert_eq!((answer.status, part), (303, "about"));
        let told = app.get(address, HTML).page();
        assert!(told.text(".said").starts_with("Rehearsed: "), "{}", told.text(".said"));
        assert!(told.text(".facts").contains("rehearsed just now"), "{}", told.text(".facts"));
        assert!(app.get("/snapshots", HTML).page().text("td.c-state").contains("rehearsed just now"));
    }
}

#[test]
fn tables_that_differ_from_the_log_fail_the_rehearsal_and_say_which() {
    let (app, id) = with_newer_events();
    app.store.other_program().execute_batch("UPDATE bots SET name = 'Eve' WHERE id = 'ada'").unwrap();
    refused(|accept| drill(&app, &id, accept), 422, "other rows than the live tables have: bots");
    assert!(app.get("/snapshots", JSON).json()["snapshots"][0]["proven_at"].is_null());
}

#[test]
fn a_snapshot_that_cannot_be_found_or_read_is_not_rehearsed() {
    let (app, id) = with_newer_events();
    refused(|accept| app.post(&format!("/snapshots/{id}/drill"), &[], accept), 400, "kind must be one of");
    refused(|accept| drill(&app, "20010101T000000Z", accept), 404, "snapshot not found");
    refused(|accept| drill(&app, "..%2f..", accept), 404, "snapshot not found");
    damage(&app, &id);
    for accept in [HTML, JSON, PLAIN] {
        assert_eq!(drill(&app, &id, accept).status, 422, "{accept}");
    }
    assert_eq!(app.get(&format!("/snapshots/{id}/drill"), JSON).status, 405);
}
