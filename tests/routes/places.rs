//! `GET /events?go=`: jumping to an event or to a moment; and payloads as they were sent.

use super::refused;
use crate::support::{HTML, JSON, TestApp, encoded};

/// Events of three minutes, the last of them earlier than the one before.
fn app() -> TestApp {
    let app = TestApp::new();
    let line = |at: &str| format!(r#"{{"kind": "note", "ts": "2026-11-20T{at}Z", "payload": {{"a":  "{at}"}}}}"#);
    let lines = ["19:41:10", "19:41:50", "20:15:00", "19:50:00"].map(line).join("\n");
    assert_eq!(app.post_body("/events", "application/x-ndjson", &lines, JSON).status, 201);
    app
}

fn go(app: &TestApp, place: &str) -> String {
    let answer = app.get(&format!("/events?go={}", encoded(place)), HTML);
    assert_eq!(answer.status, 303, "{}", answer.text());
    answer.header("location").to_owned()
}

#[test]
fn a_number_leads_to_its_event_or_to_the_next_one() {
    let app = app();
    assert_eq!(go(&app, "2"), "/events?after=1#e2");
    assert_eq!(go(&app, " #3 "), "/events?after=2#e3");
    assert_eq!(go(&app, "-7"), "/events?after=0#e1");
    let page = app.get("/events?after=1", HTML).page();
    assert!(page.has("li#e2.event"));
}

#[test]
fn a_moment_leads_to_the_first_event_from_it_on_whatever_their_order() {
    let app = app();
    assert_eq!(go(&app, "2026-11-20 19:41"), "/events?after=0#e1");
    assert_eq!(go(&app, "2026-11-20 19:42"), "/events?after=3#e4");
    assert_eq!(go(&app, "2026-11-20T21:00:00+01:00"), "/events?after=2#e3");
    assert_eq!(go(&app, "2026-11-20"), "/events?after=0#e1");
}

#[test]
fn a_program_reads_the_log_from_there() {
    let json = app().get("/events?go=2026-11-20%2020:00", JSON).json();
    let ids: Vec<i64> = json["events"].as_array().unwrap().iter().map(|one| one["id"].as_i64().unwrap()).collect();
    assert_eq!(ids, [3, 4]);
}

#[test]
fn a_place_that_is_none_stays_in_its_field_with_the_reason() {
    let app = app();
    for (place, status, words) in [
        ("yesterday", 400, "2026-11-20 19:41"),
        ("9", 404, "has no event there or after it"),
        ("2027-01-01", 404, "has no event there"),
    ] {
        let answer = app.get(&format!("/events?go={place}"), HTML);
        assert_eq!(answer.status, status, "{place}");
        let page = answer.page();
        assert!(page.text(".alert").contains(words) && page.text("#go-error").contains(words), "{place}");
        assert_eq!(page.attribute("#go", "value"), place);
        assert_eq!(page.texts(".event").len(), 4, "the log is there all the same");
    }
    refused_by_programs(&app);
}

fn refused_by_programs(app: &TestApp) {
    let answer = app.get("/events?go=yesterday", JSON);
    assert_eq!((answer.status, answer.json()["status"].as_i64()), (400, Some(400)));
    refused(|accept| app.get("/events?raw=perhaps", accept), 400, "raw must be");
}

#[test]
fn payloads_are_shown_as_they_were_sent_on_demand() {
    let app = app();
    let page = app.get("/events?kind=note", HTML).page();
    assert!(!page.has(".event code"));
    let other = page.attribute(".form-of a", "href");
    assert_eq!(other, "/events?kind=note&raw=true");
    let raw = app.get(&other, HTML).page();
    assert!(raw.texts(".event code")[0].contains(r#"{"a": "19:50:00"}"#));
    assert_eq!(raw.attribute(".form-of a", "href"), "/events?kind=note");
    assert_eq!(
        app.get("/events?limit=2&raw=true", HTML).page().attributes("nav.pages a[rel=next]", "href"),
        ["/events?limit=2&raw=true&before=3"]
    );
}

#[test]
fn the_branch_is_asked_for_only_where_there_are_several() {
    let app = app();
    assert!(!app.get("/events", HTML).page().has("#branch"));
    assert!(app.get("/events?branch_id=1", HTML).page().has("#branch"));
    let other = r#"{"kind": "note", "payload": 1, "branch_id": 2}"#;
    assert_eq!(app.post_body("/events", "application/json", other, JSON).status, 201);
    assert!(app.get("/events", HTML).page().has("#branch"));
}

#[test]
fn a_program_gets_the_events_that_the_page_shows() {
    let app = TestApp::with_story(60);
    for address in ["/events", "/events?before=30", "/events?after=5&limit=7", "/events?kind=user_turn"] {
        let page = app.get(address, HTML).page();
        let line = page.texts("footer pre")[0].clone();
        let path = line.trim_end_matches('\'').split_once(":8787").unwrap().1;
        let mut ids: Vec<String> =
            app.get(path, JSON).json()["events"].as_array().unwrap().iter().map(|one| one["id"].to_string()).collect();
        if address.contains("after") {
            ids.reverse();
        }
        assert_eq!(page.texts(".event-head a"), ids, "{address}: {path}");
    }
}

#[test]
fn every_page_of_the_store_has_its_command() {
    let app = TestApp::with_story(12);
    let command = |address: &str| app.get(address, HTML).page().texts("footer pre")[1].clone();
    assert!(command("/events").starts_with("backstitch events --newest --limit 40"));
    assert!(command("/state?at=3").starts_with("backstitch state --at 3"));
    assert!(command("/projection").starts_with("backstitch projection status --limit 25"));
}
