//! `GET /state/{table}/row`: the events that changed one row.

use serde_json::{Value, json};

use super::refused;
use crate::support::{HTML, JSON, Story, TestApp, encoded};

fn address(table: &str, key: &Value) -> String {
    format!("/state/{table}/row?key={}", encoded(&key.to_string()))
}

fn edge() -> String {
    address("edges", &json!(["ada", "bob"]))
}

/// The ids of the events that a program is told.
fn events(app: &TestApp, address: &str) -> Vec<i64> {
    let json = app.get(address, JSON).json();
    json["events"].as_array().unwrap().iter().map(|one| one["event"].as_i64().unwrap()).collect()
}

#[test]
fn a_program_gets_the_events_newest_first_with_the_row_before_and_after() {
    let app = TestApp::with_story(30);
    let json = app.get(&edge(), JSON).json();
    assert_eq!((&json["table"], &json["at"], &json["total"]), (&"edges".into(), &30.into(), &4.into()));
    assert_eq!(json["key"], json!(["ada", "bob"]));
    assert_eq!(events(&app, &edge()), [26, 20, 14, 8]);
    let newest = &json["events"][0];
    assert_eq!(newest["change"], "changed");
    let affinity = json["columns"].as_array().unwrap().iter().position(|name| name == "affinity").unwrap();
    assert_eq!((&newest["before"][affinity], &newest["after"][affinity]), (&3.into(), &4.into()));
    assert_eq!((&json["events"][3]["change"], &json["events"][3]["before"]), (&"added".into(), &Value::Null));
    assert_eq!(json["next_before"], Value::Null);
}

#[test]
fn the_page_leads_to_each_event_and_shows_what_it_did_to_the_row() {
    let app = TestApp::with_story(30);
    let page = app.get(&edge(), HTML).page();
    assert_eq!(page.text("h1"), "A row of edges: ada \u{b7} bob");
    assert_eq!(page.text(".title-row .quiet"), "4 events changed it.");
    assert_eq!(page.attributes(".touch-head a", "href"), ["/events/26", "/events/20", "/events/14", "/events/8"]);
    assert!(page.texts(".touch .row.changes").len() == 3 && page.texts(".touch .row.comes").len() == 1);
    let reason = page.texts(".touch .differs").remove(0);
    assert!(reason.contains("turn") && page.has(".touch .differs del") && page.has(".touch .differs ins"), "{reason}");
}

#[test]
fn a_page_of_a_table_and_the_page_of_an_event_lead_there() {
    let app = TestApp::with_story(12);
    let row = "/state/edges/row?key=%5B%22ada%22%2C%22bob%22%5D";
    assert_eq!(app.get("/state/edges", HTML).page().attributes("table.state tbody a", "href"), [row]);
    assert!(!app.get("/state/edges?at=9", HTML).page().has("table.state tbody a"), "those are rows of another moment");
    assert!(app.get("/events/8", HTML).page().attributes(".row .key a", "href").contains(&row.to_owned()));
    assert_eq!(app.get(row, HTML).status, 200);
}

#[test]
fn pages_of_any_size_have_every_event_once() {
    let app = TestApp::with_story(60);
    let all = events(&app, &edge());
    for limit in [1, 4, 100] {
        let (mut seen, mut before) = (Vec::new(), String::new());
        loop {
            let json = app.get(&format!("{}&limit={limit}{before}", edge()), JSON).json();
            seen.extend(json["events"].as_array().unwrap().iter().map(|one| one["event"].as_i64().unwrap()));
            match json["next_before"].as_i64() {
                Some(next) => before = format!("&before={next}"),
                None => break,
            }
        }
        assert_eq!(seen, all);
    }
    let first = app.get(&format!("{}&limit=4", edge()), HTML).page();
    let older = first.attribute(".pages a", "href");
    assert_eq!(app.get(&older, HTML).page().attributes(".touch-head a", "href")[0], format!("/events/{}", all[4]));
}

#[test]
fn the_answer_follows_the_log() {
    let app = TestApp::with_story(14);
    assert_eq!(events(&app, &edge()), [14, 8]);
    app.store.append(Story::from(15).tell(6));
    assert_eq!(events(&app, &edge()), [20, 14, 8], "what is remembered goes on");
    assert_eq!(app.post("/events/14/hide", &[], HTML).status, 303);
    assert_eq!(events(&app, &edge()), [20, 8], "a hidden event changed nothing");
    let superseding = r#"{"kind": "note", "payload": 1, "supersedes": 8}"#;
    assert_eq!(app.post_body("/events", "application/json", superseding, JSON).status, 201);
    assert_eq!(events(&app, &edge()), [20], "nor did one that is superseded");
    app.post("/rewind", &[("after_event_id", "19"), ("confirm_event_id", "19")], HTML);
    assert_eq!(events(&app, &edge()), [8], "what left the log is not told, and what it superseded is live again");
}

#[test]
fn a_row_that_is_gone_or_never_was_is_told() {
    let app = TestApp::with_story(12);
    let never = app.get(&address("edges", &json!(["no", "body"])), HTML).page();
    assert_eq!(never.text(".title-row .quiet"), "No event of the log changed a row with this key.");
    assert!(!never.has(".touch"));
}

#[test]
fn what_is_no_key_is_refused() {
    let app = TestApp::with_story(12);
    refused(|accept| app.get("/state/edges/row", accept), 400, "key must be");
    refused(|accept| app.get("/state/edges/row?key=ada", accept), 400, "key must be");
    refused(|accept| app.get(&address("edges", &json!(["ada"])), accept), 400, "key must be a key with 2 values");
    refused(|accept| app.get(&address("nothing", &json!(["ada"])), accept), 404, "no table");
    refused(|accept| app.get(&format!("{}&before=x", edge()), accept), 400, "before must be");
}

#[test]
fn the_events_of_every_row_are_those_whose_changes_name_it() {
    let app = TestApp::with_story(60);
    let superseding = r#"{"kind": "edge_update", "supersedes": 20, "payload": {"source_id": "ada", "target_id": "bob", "affinity_delta": 5, "trust_delta": 0, "reason": "again"}}"#;
    assert_eq!(app.post_body("/events", "application/json", superseding, JSON).status, 201);
    let engine = &app.store.engine;
    let mut told = std::collections::BTreeMap::<(String, String), Vec<i64>>::new();
    // What a later event superseded changed nothing as of today, and that one adds its own change
    // only: so each is asked as of itself but for these two.
    for event in (1..=60).filter(|event| *event != 20) {
        for changed in engine.event_changes(event).unwrap().tables {
            for row in changed.rows {
                let key = serde_json::to_string(&row.key).unwrap();
                told.entry((changed.table.clone(), key)).or_default().push(event);
            }
        }
    }
    let edge = ("edges".to_owned(), r#"["ada","bob"]"#.to_owned());
    told.get_mut(&edge).unwrap().push(61);
    assert!(told.len() > 10, "{told:?}");
    for ((table, key), events) in told {
        let found = engine.row_events(&table, &key).unwrap();
        let found: Vec<i64> = found.events.iter().map(|one| one.event).collect();
        assert_eq!(found, events, "{table} {key}");
    }
}
