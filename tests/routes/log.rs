//! `GET /events` and `GET /events/{id}`.

use serde_json::Value;

use super::refused;
use crate::support::{HTML, JSON, PLAIN, TestApp, encoded};

fn sample() -> TestApp {
    let app = TestApp::new();
    assert_eq!(app.post("/sample", &[], JSON).status, 201);
    app
}

#[track_caller]
fn read(app: &TestApp, query: &str) -> Vec<Value> {
    let answer = app.get(&format!("/events{query}"), JSON);
    assert_eq!(answer.status, 200, "{query}: {}", answer.text());
    answer.json()["events"].as_array().unwrap().clone()
}

#[track_caller]
fn ids(app: &TestApp, query: &str) -> Vec<i64> {
    read(app, query).iter().map(|event| event["id"].as_i64().unwrap()).collect()
}

/// The ids of the events on a page, as its links name them.
fn shown(app: &TestApp, address: &str) -> Vec<i64> {
    let page = app.get(address, HTML).page();
    let links = page.attributes("ol.log .event-head a[href^='/events/']", "href");
    links.iter().map(|link| link.rsplit('/').next().unwrap().parse().unwrap()).collect()
}

fn append(app: &TestApp, body: &str) {
    assert_eq!(app.post_body("/events", "application/x-ndjson", body, JSON).status, 201);
}

#[test]
fn the_newest_come_first_and_after_an_event_the_oldest() {
    let app = TestApp::with_story(12);
    assert_eq!(ids(&app, ""), (1..=12).rev().collect::<Vec<_>>());
    assert_eq!(ids(&app, "?after=3"), (4..=12).collect::<Vec<_>>());
    assert_eq!(ids(&app, "?before=4"), [3, 2, 1]);
    assert_eq!(ids(&app, "?after=3&before=6"), [4, 5]);
    assert_eq!(ids(&app, "?after=3&limit=2"), [4, 5]);
    assert_eq!(ids(&app, "?limit=2"), [12, 11]);
    assert!(ids(&app, "?after=12").is_empty() && ids(&app, "?before=1").is_empty());
}

#[test]
fn what_cannot_be_read_is_refused_by_name() {
    let app = TestApp::with_story(3);
    for limit in ["0", "1001", "x", "-1", "1.5"] {
        refused(
            |accept| app.get(&format!("/events?limit={limit}"), accept),
            400,
            "limit must be a number from 1 to 1000",
        );
    }
    for name in ["after", "before", "branch_id"] {
        for value in ["x", "1.5", "99999999999999999999"] {
            refused(|accept| app.get(&format!("/events?{name}={value}"), accept), 400, &format!("{name} must be"));
        }
    }
    refused(|accept| app.get("/events?limit=1&limit=2", accept), 400, "limit is given more than once");
    assert_eq!(ids(&app, "?limit=1000&kind=&after=&q="), [3, 2, 1]);
}

#[test]
fn pages_of_any_size_have_every_event_once_in_both_directions() {
    let app = sample();
    for limit in [1, 7, 50, 110, 111] {
        let (mut down, mut up) = (Vec::<i64>::new(), Vec::<i64>::new());
        loop {
            let before = down.last().map(|last| format!("&before={last}")).unwrap_or_default();
            let page = ids(&app, &format!("?limit={limit}{before}"));
            down.extend(&page);
            if page.is_empty() {
                break;
            }
        }
        loop {
            let page = ids(&app, &format!("?limit={limit}&after={}", up.last().unwrap_or(&0)));
            up.extend(&page);
            if page.is_empty() {
                break;
            }
        }
        assert_eq!(up, (1..=110).collect::<Vec<_>>());
        assert_eq!(down, (1..=110).rev().collect::<Vec<_>>());
    }
}

#[test]
fn the_links_of_the_pages_lead_through_the_whole_log() {
    let app = sample();
    let (mut address, mut seen) = ("/events?limit=30".to_owned(), Vec::new());
    loop {
        seen.extend(shown(&app, &address));
        match app.get(&address, HTML).page().attributes("nav.pages a[rel=next]", "href").pop() {
            Some(next) => address = next,
            None => break,
        }
    }
    assert_eq!(seen, (1..=110).rev().collect::<Vec<_>>());
    assert_eq!(shown(&app, "/events?limit=3&after=10"), [13, 12, 11], "newest first on every page");
}

#[test]
fn filters_choose_by_kind_by_branch_and_by_text() {
    let app = TestApp::with_story(8);
    append(
        &app,
        "{\"kind\":\"note\",\"branch_id\":7,\"payload\":{\"a\":\"50% of_it\"}}\n{\"kind\":\"note\",\"payload\":{\"a\":\"quiet\"}}",
    );
    assert_eq!(ids(&app, "?kind=note"), [10, 9]);
    assert_eq!(ids(&app, "?kind=bot_created&after=0"), [2, 3]);
    assert_eq!(ids(&app, "?branch_id=7"), [9]);
    assert_eq!(ids(&app, "?kind=note&branch_id=8"), Vec::<i64>::new());
    assert_eq!(ids(&app, "?q=quiet"), [10]);
    assert_eq!(ids(&app, &format!("?q={}", encoded("50% of_it"))), [9], "no letter is a wildcard");
    for nothing in ["50_ of", "of%it", "' OR 1 --", "no such words"] {
        assert!(ids(&app, &format!("?q={}", encoded(nothing))).is_empty(), "{nothing}");
    }
    assert!(ids(&app, "?kind=NOTE").is_empty() && ids(&app, "?kind=nothing").is_empty());
    for query in ["?kind=nothing", "?q=nothing", "?branch_id=9"] {
        assert_eq!(app.get(&format!("/events{query}"), HTML).status, 200);
        assert!(shown(&app, &format!("/events{query}")).is_empty());
    }
}

#[test]
fn a_payload_is_answered_byte_for_byte() {
    let app = TestApp::new();
    let odd = r#"{ "b":1.50,"a" :  "\u00e9 é", "a":1e400, "big":12345678901234567890123 }"#;
    append(&app, &format!(r#"{{"kind":"note","payload":{odd}}}"#));
    for path in ["/events", "/events?after=0", "/events/1"] {
        assert!(app.get(path, JSON).text().contains(&format!(r#""payload":{odd}"#)), "{path}");
    }
    assert!(
        app.get("/events/1", HTML)
            .page()
            .texts("pre code")
            .contains(&odd.split_whitespace().collect::<Vec<_>>().join(" "))
    );
}

#[test]
fn an_event_has_the_same_fields_alone_and_in_the_list() {
    let app = sample();
    for event in read(&app, "") {
        let fields: Vec<&str> = event.as_object().unwrap().keys().map(String::as_str).collect();
        for name in ["id", "ts", "kind", "payload", "branch_id", "hidden", "superseded_by"] {
            assert!(fields.contains(&name), "{name} in {fields:?}");
        }
        let alone = app.get(&format!("/events/{}", event["id"]), JSON).json();
        assert!(fields.iter().all(|name| alone[name] == event[name]), "{alone} {event}");
    }
}

#[test]
fn every_event_of_the_sample_has_a_page() {
    let app = sample();
    for id in 1..=110 {
        for accept in [HTML, PLAIN] {
            let answer = app.get(&format!("/events/{id}"), accept);
            assert_eq!(answer.status, 200);
            assert_eq!(answer.page().text("h1"), format!("Event {id}"));
        }
    }
}

#[test]
fn an_event_that_is_not_there_is_not_found() {
    let app = TestApp::with_story(3);
    for id in ["0", "4", "-1", "x", "1.0", "99999999999999999999", "9223372036854775807"] {
        refused(|accept| app.get(&format!("/events/{id}"), accept), 404, "event");
    }
}

#[test]
fn what_supersedes_and_what_is_superseded_are_linked_both_ways() {
    let app = sample();
    let events = read(&app, "");
    let old = events.iter().find(|event| !event["superseded_by"].is_null()).unwrap();
    let (old, new) = (old["id"].as_i64().unwrap(), old["superseded_by"].as_i64().unwrap());
    let links = |id: i64| app.get(&format!("/events/{id}"), HTML).page().attributes("dl.fields a", "href");
    assert_eq!(links(old), [format!("/events/{new}")]);
    assert_eq!(links(new), [format!("/events/{old}")]);
}

#[test]
fn an_event_leads_to_its_neighbours() {
    let app = TestApp::with_story(3);
    let links = |id: i64, rel: &str| {
        app.get(&format!("/events/{id}"), HTML).page().attributes(&format!("nav.pages a[rel={rel}]"), "href")
    };
    assert_eq!((links(2, "prev"), links(2, "next")), (vec!["/events/1".to_owned()], vec!["/events/3".to_owned()]));
    assert!(links(1, "prev").is_empty() && links(3, "next").is_empty());
}

#[test]
fn turns_are_shown_under_the_names_of_their_speakers() {
    let app = sample();
    let turn =
        read(&app, "?kind=assistant_turn&after=0").into_iter().find(|event| event["payload"]["bot_id"] == "ruth");
    let turn = turn.unwrap();
    assert!(app.get("/events?kind=assistant_turn", HTML).page().text("main").contains("Ruth Ottaway"));
    let page = app.get(&format!("/events/{}", turn["id"]), HTML).page();
    assert_eq!(page.text("figcaption"), "Ruth Ottaway");
    let words: Vec<&str> = turn["payload"]["text"].as_str().unwrap().split_whitespace().collect();
    assert_eq!(page.text("blockquote"), words.join(" "));
}

#[test]
fn an_empty_log_has_no_events_and_says_so() {
    let app = TestApp::new();
    assert_eq!(app.get("/events", JSON).text(), r#"{"events":[]}"#);
    let page = app.get("/events", HTML).page();
    assert!(page.text("main").contains("The log is empty.") && !page.has("ol.log"));
}
