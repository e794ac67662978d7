//! `GET /history`: what has been done, and what of it can be undone.

use super::{follow, refused, send_form, with_newer_events};
use crate::support::{HTML, JSON, Story, TestApp};

fn rewind(app: &TestApp, after: &str) -> i64 {
    let answer = app.post("/rewind", &[("after_event_id", after), ("confirm_event_id", after)], JSON);
    answer.json()["operation"].as_i64().unwrap()
}

#[test]
fn each_operation_is_a_line_with_whether_it_can_be_undone() {
    let app = TestApp::with_story(24);
    app.take_snapshot();
    let operation = rewind(&app, "12");
    let history = app.get("/history", JSON).json();
    let lines = history["operations"].as_array().unwrap();
    assert_eq!((lines.len(), &lines[1]["what"], &lines[1]["undo"]), (2, &"take".into(), &serde_json::Value::Null));
    let line = &lines[0];
    assert_eq!((&line["operation"], &line["what"], &line["by"]), (&operation.into(), &"rewind".into(), &"http".into()));
    assert_eq!((&line["undo"]["offered"], &line["undo"]["confirm"]), (&true.into(), &false.into()));
    assert!(line["at"].as_str().unwrap().ends_with('Z') && line["took_ms"].is_u64());
}

#[test]
fn a_page_tells_from_where_to_where_and_by_what_means() {
    let app = TestApp::with_story(24);
    rewind(&app, "12");
    let page = app.get("/history", HTML).page();
    assert!(
        page.text(".c-what").starts_with("Went back to event 12: 12 events left the log"),
        "{}",
        page.text(".c-what")
    );
    assert!(page.text(".c-what").contains("by a program"));
    assert_eq!(page.texts(".c-moves .fact"), ["log 24 \u{2192} 12", "tables 24 \u{2192} 12"]);
    assert_eq!(page.attribute("nav a[aria-current=page]", "href"), "/history");
}

#[test]
fn an_undo_is_a_button_while_nothing_came_after_and_then_a_link_to_its_plan() {
    let app = TestApp::with_story(24);
    let operation = rewind(&app, "12");
    let page = app.get("/history", HTML).page();
    let fields = page.attributes(".c-undo form input[type=hidden]", "name");
    assert_eq!(fields, ["back", "expected_head", "expected_epoch"]);
    app.store.append(Story::from(25).tell(2));
    let later = app.get("/history", HTML).page();
    assert!(!later.has(".c-undo form"));
    assert_eq!(later.attribute(".c-undo a", "href"), format!("/history/{operation}/undo"));
    let answer = send_form(&app, &page, ".c-undo form", &[]);
    assert_eq!((answer.status, app.store.engine.status().unwrap().head), (409, 26), "the button of the older page");
    let plan = answer.page();
    assert!(plan.text(".strip").contains("2 new events"), "{}", plan.text(".strip"));
    assert_eq!(plan.text("label[for=cid] code"), operation.to_string());
}

#[test]
fn a_line_whose_safety_copy_is_gone_says_since_when() {
    let app = TestApp::with_story(24);
    let done = app.post("/rewind", &[("after_event_id", "12"), ("confirm_event_id", "12")], JSON).json();
    let (operation, safety) = (&done["operation"], done["safety_snapshot"]["snapshot_id"].as_str().unwrap());
    let fields = [("kind", "rewind"), ("confirm_id", safety)];
    assert_eq!(app.post(&format!("/snapshots/{safety}/delete"), &fields, JSON).status, 200);
    let page = app.get("/history", HTML).page();
    let told = page.texts(".c-undo").join(" ");
    assert!(told.contains(&format!("Its safety copy {safety} is gone since")), "{told}");
    assert!(!page.has(".c-undo form") && page.has(".c-undo time[datetime]"));
    refused(|accept| app.get(&format!("/history/{operation}/undo"), accept), 409, "cannot be undone");
    let page = app.get(&format!("/history/{operation}/undo"), HTML).page();
    assert_eq!(page.text("h1"), "That cannot be done now");
    assert!(page.text(".lead").ends_with(" UTC."), "{}", page.text(".lead"));
}

#[test]
fn an_undone_line_names_the_operation_that_undid_it() {
    let app = TestApp::with_story(24);
    rewind(&app, "12");
    let page = app.get("/history", HTML).page();
    follow(&app, &send_form(&app, &page, ".c-undo form", &[]));
    let told = app.get("/history", HTML).page().texts(".c-undo");
    assert_eq!(told.len(), 2);
    assert!(told[0].starts_with("Go back again") && told[1] == "undone by operation 2", "{told:?}");
}

#[test]
fn the_overview_offers_the_undo_of_what_was_last_done_and_leads_back() {
    let (app, id) = with_newer_events();
    app.restore(&id, &[("scope", "everything")]);
    let page = app.get("/", HTML).page();
    let answer = send_form(&app, &page, ".brief form", &[]);
    assert!(answer.header("location").starts_with("/?done="), "{}", answer.header("location"));
    assert_eq!(follow(&app, &answer).text("#result"), "Undone: the log is at event 24 again, all rows as before.");
}

#[test]
fn long_histories_come_in_pages() {
    let app = TestApp::with_story(6);
    for _ in 0..5 {
        app.take_snapshot();
    }
    let all = app.get("/history", JSON).json()["operations"].as_array().unwrap().clone();
    let first = app.get("/history?limit=2", JSON).json()["operations"].as_array().unwrap().clone();
    assert_eq!(first, all[..2]);
    let page = app.get("/history?limit=2", HTML).page();
    let older = page.attribute("nav.pages a[rel=next]", "href");
    assert_eq!(
        app.get(&older, HTML).page().texts(".c-number"),
        [&all[2], &all[3]].map(|one| one["operation"].to_string())
    );
    let past = format!("/history?before={}", all.last().unwrap()["operation"]);
    assert_eq!(app.get(&past, JSON).json()["operations"], serde_json::json!([]));
    assert!(app.get(&past, HTML).page().has("nav.pages a"));
    refused(|accept| app.get("/history?before=first", accept), 400, "before must be");
    refused(|accept| app.get("/history?limit=0", accept), 400, "limit must be");
}

#[test]
fn an_empty_history_teaches_what_becomes_a_line() {
    let page = TestApp::with_story(3).get("/history", HTML).page();
    assert_eq!(page.text("main .lead"), "Nothing has been done here yet.");
    assert!(page.has("main a[href='/snapshots']") && page.has("main a[href='/events']"));
}
