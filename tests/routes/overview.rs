//! `GET /`: whether all is well, and the one action for each thing that is not.

use backstitch::snapshot::Scope;
use serde_json::Value;

use super::{damage, with_newer_events};
use crate::support::{HTML, JSON, PLAIN, Page, TestApp};

const ALL_IS_WELL: &str = "Nothing needs attention.";

fn page(app: &TestApp) -> Page {
    let answer = app.get("/", HTML);
    assert_eq!(answer.status, 200);
    answer.page()
}

/// The marks of what needs attention, as programs see them.
fn matters(app: &TestApp) -> Vec<String> {
    let json = app.get("/", JSON).json();
    let attention = json["attention"].as_array().unwrap();
    attention.iter().map(|matter| matter["what"].as_str().unwrap().to_owned()).collect()
}

/// The tables stand at event 12, the log at 24.
fn paused() -> TestApp {
    let (app, id) = with_newer_events();
    assert_eq!(app.restore(&id, &[("scope", "projections")]).status, 200);
    app
}

/// Another program wrote a turn of a chat that is not there.
fn stuck() -> TestApp {
    let app = TestApp::with_story(12);
    let insert =
        r#"INSERT INTO event_log (kind, payload_json) VALUES ('user_turn', '{"chat_id":"nowhere","text":"?"}')"#;
    app.store.other_program().execute(insert, []).unwrap();
    app.store.engine.catch_up().unwrap();
    assert_eq!(app.store.engine.status().unwrap().stuck.unwrap().event, 13);
    app
}

#[test]
fn an_empty_store_offers_the_sample_and_shows_the_first_event() {
    let app = TestApp::new();
    for accept in [HTML, PLAIN] {
        let page = app.get("/", accept).page();
        assert_eq!(page.text("h1"), "Nothing here yet");
        assert_eq!(page.text("form[method=post][action='/sample'] button"), "Load the sample story");
        assert!(page.text("main pre code").contains("curl http://127.0.0.1:8787/events"));
    }
}

#[test]
fn a_store_with_events_of_its_own_offers_no_sample() {
    let app = TestApp::with_story(3);
    assert!(!page(&app).has("form[action='/sample']"));
    assert!(!page(&app).has(".steps"));
}

#[test]
fn three_steps_lead_through_the_sample() {
    let app = TestApp::new();
    app.post("/sample", &[], HTML);
    assert_eq!(page(&app).texts(".steps li").len(), 3);
    assert!(page(&app).texts(".steps li.ticked").is_empty());
    let id = app.take_snapshot()["snapshot_id"].as_str().unwrap().to_owned();
    let plan = format!("/snapshots/{id}/preview?kind=periodic");
    assert_eq!(page(&app).attributes(".steps li a", "href"), [plan.as_str()]);
    let look = "Look at the first snapshot \u{2192} taken";
    assert_eq!(page(&app).texts(".steps li.ticked"), [look]);
    assert!(page(&app).has(".steps form[method=post][action='/sample/continue'] button"));
    let told = app.post("/sample/continue", &[], HTML);
    app.take_snapshot();
    let told = app.get(told.header("location").split('#').next().unwrap(), HTML).page();
    assert!(told.text("[role=status]").contains("The story is continued."));
    assert_eq!(told.attributes("[role=status] a", "href"), [plan.as_str()]);
    let continued = page(&app);
    assert!(!continued.has("form[action='/sample/continue']"));
    assert_eq!(continued.attributes(".steps li a", "href"), [plan.as_str(), plan.as_str()]);
    assert_eq!(continued.texts(".steps li.ticked"), [look, "The story is continued (40 events)"]);
    let fields = [("after_event_id", "140"), ("confirm_event_id", "140")];
    assert_eq!(app.post("/rewind", &fields, HTML).status, 303);
    assert!(page(&app).text(".steps li:last-child").ends_with("gone back"));
}

#[test]
fn where_all_is_well_nothing_needs_attention() {
    let app = TestApp::with_story(12);
    app.take_snapshot();
    let page = page(&app);
    assert!(page.texts("main p").contains(&ALL_IS_WELL.to_owned()));
    assert!(!page.has(".matters") && !page.has(".strip"));
    assert!(matters(&app).is_empty());
}

#[test]
fn paused_tables_are_told_on_every_page_with_the_button_that_applies_what_waits() {
    let app = paused();
    for path in ["/", "/snapshots", "/events", "/state"] {
        let page = app.get(path, HTML).page();
        assert!(page.text(".strip").contains("The tables are paused at event 12."), "{path}");
        assert_eq!(page.text(".strip form[method=post][action='/projection/replay'] button"), "Apply 12 events");
    }
    let page = page(&app);
    assert!(page.text(".matters").contains("paused at event 12"));
    assert!(page.has(".matters form[action='/projection/replay']"));
    assert_eq!(page.texts("button.primary"), ["Apply 12 events"], "what mends it is the main action");
    assert!(!page.texts("main p").contains(&ALL_IS_WELL.to_owned()));
    assert_eq!(matters(&app), ["paused"]);
}

#[test]
fn an_event_that_the_tables_cannot_take_is_named_and_linked() {
    let app = stuck();
    let page = page(&app);
    assert!(page.text(".strip").contains("The tables stopped before event 13."));
    assert!(page.text(".strip").contains("chat_state.chat_id"));
    assert_eq!(page.text(".matters p:first-child"), "The tables stopped before event 13.", "the rest is said once");
    assert!(page.has(".matters a[href='/events/13']"));
    assert_eq!(matters(&app), ["stuck"]);
    let anew = app.get("/projection", HTML).page().text("main");
    assert!(anew.contains("They will stop before event 13 again, which breaks a rule: chat_state.chat_id"), "{anew}");
    let rule = "chat_state.chat_id names no row of chats.";
    assert!(app.get("/events/13", HTML).page().text(".alert").ends_with(&format!("It breaks a rule: {rule}")));
    for path in ["/", "/snapshots", "/events/13"] {
        assert!(!app.get(path, HTML).text().contains("FOREIGN KEY"), "{path}");
    }
}

#[test]
fn the_command_of_a_page_finds_a_database_that_is_elsewhere() {
    let elsewhere = tempfile::tempdir().unwrap();
    let path = elsewhere.path().canonicalize().unwrap().join("of the app.db");
    let (usual, other) = (TestApp::new(), TestApp::with(|options| options.db = Some(path.clone())));
    let command = |app: &TestApp| page(app).texts("footer pre code").pop().unwrap();
    assert!(!command(&usual).contains("--db"), "{}", command(&usual));
    assert!(command(&other).ends_with(&format!(" --db '{}'", path.display())), "{}", command(&other));
}

#[test]
fn what_the_policy_did_and_why_it_does_no_more_is_told_calmly() {
    let app = TestApp::with_story(12);
    assert!(!page(&app).has(".policy"));
    app.store.engine.follow_policy().unwrap();
    let clock = |told: &str| {
        told.split_whitespace().map(|word| if word.contains(':') { "…" } else { word }).collect::<Vec<_>>().join(" ")
    };
    let did = "One was taken by itself at … UTC, since there was none yet.";
    assert_eq!(clock(&page(&app).text(".policy")), did);
    app.store.engine.follow_policy().unwrap();
    let stands = "Nothing has changed since the snapshot of … UTC, so it stands for now as well.";
    assert_eq!(clock(&page(&app).text(".policy")), format!("{stands} {did}"));
    app.store.append(crate::support::Story::from(13).tell(1));
    assert_eq!(clock(&page(&app).text(".policy")), did, "what is no longer so is not said");
}

#[test]
fn a_damaged_snapshot_needs_attention_and_leads_to_its_page() {
    let app = TestApp::with_story(12);
    let id = app.store.take().snapshot_id.to_string();
    damage(&app, &id);
    let page = page(&app);
    assert!(page.text(".matters").contains("is damaged"));
    assert_eq!(page.attributes(".matters a", "href"), [format!("/snapshots/{id}/preview?kind=periodic")]);
    assert_eq!(matters(&app), ["damaged"]);
}

#[test]
fn what_is_wrong_with_the_store_comes_before_its_snapshots() {
    let app = paused();
    let other = app.store.take().snapshot_id.to_string();
    damage(&app, &other);
    assert_eq!(matters(&app), ["paused", "damaged"]);
    assert_eq!(page(&app).texts(".strip").len(), 1);
}

#[test]
fn a_program_gets_what_health_says_and_what_the_page_shows() {
    let (app, id) = with_newer_events();
    let json = app.get("/", JSON).json();
    for (name, value) in app.get("/health", JSON).json().as_object().unwrap() {
        assert_eq!(&json[name], value, "{name}");
    }
    assert_eq!((&json["last_event_id"], &json["position"], &json["held"]), (&24.into(), &24.into(), &false.into()));
    assert_eq!((&json["stuck"], &json["attention"]), (&Value::Null, &Value::Array(Vec::new())));
    assert_eq!(json["snapshots"][0]["snapshot_id"], id);
    assert_eq!(json["operations"].as_array().unwrap().len(), 1);
}

#[test]
fn three_snapshots_are_shown_and_the_others_counted() {
    let app = TestApp::with_story(6);
    for _ in 0..5 {
        app.take_snapshot();
    }
    assert_eq!(app.get("/", JSON).json()["snapshots"].as_array().unwrap().len(), 3);
    assert!(page(&app).texts("main a[href='/snapshots']").contains(&"2 more snapshots".to_owned()));
}

#[test]
fn a_store_that_is_stuck_offers_no_continuation_of_the_sample() {
    let app = TestApp::new();
    app.post("/sample", &[], HTML);
    assert!(page(&app).has(".steps form[action='/sample/continue']"));
    let insert =
        r#"INSERT INTO event_log (kind, payload_json) VALUES ('user_turn', '{"chat_id":"nowhere","text":"?"}')"#;
    app.store.other_program().execute(insert, []).unwrap();
    app.store.engine.catch_up().unwrap();
    let page = page(&app);
    assert!(!page.has(".steps form[action='/sample/continue']"));
    assert!(page.texts(".steps li")[1].contains("once the tables go on"));
    assert!(page.has("form[action='/snapshots/take'] button.primary"), "one main action is left");
}

#[test]
fn going_back_ticks_the_last_step_of_the_sample() {
    let app = TestApp::new();
    app.post("/sample", &[], HTML);
    let first = app.store.take();
    app.post("/sample/continue", &[], HTML);
    app.store.restore(&first, Scope::Projections);
    assert_eq!(page(&app).texts(".steps li.ticked").len(), 3);
}
