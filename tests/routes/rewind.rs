//! `/rewind`: the plan of going back to an event, and doing it.

use serde_json::{Value, json};

use super::{follow, refused, send_form};
use crate::support::{HTML, JSON, PLAIN, Story, TestApp};

fn preview(app: &TestApp, after: i64) -> Value {
    let answer = app.get(&format!("/rewind?after_event_id={after}"), JSON);
    assert_eq!(answer.status, 200, "{}", answer.text());
    answer.json()
}

fn rewind(app: &TestApp, after: &str) -> Value {
    let answer = app.post("/rewind", &[("after_event_id", after), ("confirm_event_id", after)], JSON);
    assert_eq!(answer.status, 200, "{}", answer.text());
    answer.json()
}

#[test]
fn a_preview_says_what_would_leave_and_change() {
    let app = TestApp::with_story(24);
    let before = app.store.content();
    let preview = preview(&app, 12);
    assert_eq!((&preview["after_event_id"], &preview["last_event_id"]), (&12.into(), &12.into()));
    assert_eq!(preview["total_events"], 12);
    assert_eq!(preview["by_kind"]["memory_written"], 2);
    assert_eq!((&preview["first_event"]["id"], &preview["last_event"]["id"]), (&13.into(), &24.into()));
    let memories = preview["tables"].as_array().unwrap().iter().find(|table| table["name"] == "memories").unwrap();
    let counts = json!({"name": "memories", "rows_now": 3, "rows_after": 1, "added": 0, "removed": 2, "changed": 0});
    assert_eq!(memories, &counts);
    assert_eq!(app.store.content(), before);
}

#[test]
fn the_rows_of_one_table_come_in_pages() {
    let app = TestApp::with_story(40);
    let path = "/rewind?after_event_id=6&table=memories";
    let all = app.get(path, JSON).json();
    let rows = all["rows"].as_array().unwrap();
    assert_eq!((&all["table"], rows.len(), &all["next_after"]), (&"memories".into(), 6, &Value::Null));
    let mut paged = Vec::new();
    let mut after = String::new();
    loop {
        let page = app.get(&format!("{path}&limit=4{after}"), JSON).json();
        paged.extend(page["rows"].as_array().unwrap().clone());
        let Some(next) = page["next_after"].as_str() else { break };
        after = format!("&after={}", crate::support::encoded(next));
    }
    assert_eq!(&paged, rows);
    let found = app.get(&format!("{path}&q=VENING%2021"), JSON).json();
    assert_eq!(found["rows"].as_array().unwrap().len(), 1);
    let page = app.get(&format!("{path}&view=rows&limit=4"), HTML).page();
    assert_eq!((page.text("h1"), page.texts("ol.rows li").len()), ("Rows of memories".into(), 4));
    let next = page.attributes("p.pages a", "href").pop().unwrap();
    assert_eq!(app.get(&next, HTML).page().texts("ol.rows li").len(), 2);
    refused(|accept| app.get("/rewind?after_event_id=6&table=nowhere", accept), 404, "there is no table");
}

#[test]
fn what_is_no_event_to_go_back_to_is_refused() {
    let app = TestApp::with_story(12);
    for query in
        ["", "?after_event_id=", "?after_event_id=ten", "?after_event_id=1.5", "?after_event_id=9999999999999999999"]
    {
        refused(|accept| app.get(&format!("/rewind{query}"), accept), 400, "after_event_id must be");
    }
    refused(|accept| app.get("/rewind?after_event_id=-1", accept), 400, "after_event_id must be");
    for past in [12, 13, i64::MAX] {
        let words = format!("nothing after event {past} to take back: the log ends at event 12");
        refused(|accept| app.get(&format!("/rewind?after_event_id={past}"), accept), 400, &words);
    }
}

#[test]
fn a_confirmation_of_another_event_is_refused_before_anything_else() {
    let app = TestApp::with_story(12);
    let before = app.store.content();
    // Even where there is no such event, or the store has moved.
    for (after, confirm) in [("6", ""), ("6", "7"), ("6", "06"), ("99", "98")] {
        let fields = [("after_event_id", after), ("confirm_event_id", confirm), ("expected_head", "1")];
        for accept in [JSON, PLAIN] {
            let answer = app.post("/rewind", &fields, accept);
            assert_eq!(answer.status, 400);
            assert!(answer.words(accept).contains("confirm_event_id does not match after_event_id"));
        }
    }
    refused(|accept| app.post("/rewind", &[("confirm_event_id", "6")], accept), 400, "after_event_id must be");
    assert_eq!(app.store.content(), before);
    assert!(app.store.engine.snapshots().unwrap().is_empty());
}

#[test]
fn a_rewind_answers_with_what_the_plan_said() {
    let app = TestApp::with_story(24);
    let plan = preview(&app, 12);
    let done = rewind(&app, "12");
    assert_eq!((&done["events_removed"], &done["position"], &done["held"]), (&12.into(), &12.into(), &false.into()));
    assert_eq!(done["safety_snapshot"]["kind"], "rewind");
    for table in plan["tables"].as_array().unwrap() {
        let total: u64 = ["added", "removed", "changed"].iter().map(|field| table[field].as_u64().unwrap()).sum();
        let changed =
            done["rows_changed"].get(table["name"].as_str().unwrap()).map_or(0, |rows| rows.as_u64().unwrap());
        assert_eq!(changed, total, "{table}");
    }
    assert_eq!(app.store.engine.status().unwrap().head, 12);
}

#[test]
fn the_form_of_a_plan_works_without_script_and_its_result_can_be_undone_at_once() {
    let app = TestApp::with_story(24);
    let before = app.store.content();
    let page = app.get("/rewind?after_event_id=12", HTML).page();
    assert_eq!(page.text("h1"), "Go back to event 12");
    let lead = page.text(".lead");
    assert!(lead.starts_with("Take back 12 events. Event 12 ("), "{lead}");
    assert!(lead.contains("becomes the last; events 13 to 24 leave the log"), "{lead}");
    assert_eq!(page.text("#rewind button"), "Take back 12 events");
    assert_eq!(page.text("label[for=cid]"), "Type the number of the last event that stays: 12");
    let result = follow(&app, &send_form(&app, &page, "form#rewind", &[("confirm_event_id", " 12 ")]));
    assert_eq!(result.text("#result"), "Went back to event 12.");
    assert!(result.text(".result").contains("12 events left the log"));
    assert_eq!(app.store.engine.status().unwrap().head, 12);
    let undone = follow(&app, &send_form(&app, &result, ".result form", &[]));
    assert_eq!(undone.text("#result"), "Undone: the log is at event 24 again, all rows as before.");
    assert_eq!(app.store.content(), before);
    assert!(undone.text(".result form button").starts_with("Go back again"));
    let again = follow(&app, &send_form(&app, &undone, ".result form", &[]));
    assert_eq!(again.text("#result"), "The undo is undone: the log stands at event 12 again.");
    assert!(again.text(".result form button").starts_with("Bring back 12 events"));
    assert_eq!(app.store.engine.status().unwrap().head, 12);
}

#[test]
fn a_form_drawn_before_an_event_came_does_nothing_and_shows_the_new_plan() {
    let app = TestApp::with_story(24);
    let page = app.get("/rewind?after_event_id=12", HTML).page();
    app.store.append(Story::from(25).tell(1));
    let before = app.store.content();
    let answer = send_form(&app, &page, "form#rewind", &[("confirm_event_id", "12")]);
    assert_eq!(answer.status, 409);
    assert_eq!(app.store.content(), before);
    let again = answer.page();
    assert!(again.text(".strip").contains("The log moved while you were reading: 1 new event."));
    assert_eq!(again.attribute("#rewind input[name=confirm_event_id]", "value"), "", "it confirmed another plan");
    assert_eq!(again.text("#rewind button"), "Take back 13 events");
    assert_eq!(send_form(&app, &again, "form#rewind", &[("confirm_event_id", "12")]).status, 303);
}

#[test]
fn a_wrongly_typed_number_is_told_at_its_field_and_kept() {
    let app = TestApp::with_story(24);
    let page = app.get("/rewind?after_event_id=12", HTML).page();
    for (typed, words) in [("<b>21", "That is <b>21; the number is 12."), ("", "Nothing was typed; the number is 12.")]
    {
        let answer = send_form(&app, &page, "form#rewind", &[("confirm_event_id", typed)]);
        assert_eq!(answer.status, 400);
        let again = answer.page();
        assert!(again.text("#cid-error").contains(words), "{}", again.text("#cid-error"));
        assert_eq!(again.attribute("#cid", "value"), typed);
    }
    assert_eq!(app.store.engine.status().unwrap().head, 24);
}

#[test]
fn a_form_sent_twice_is_answered_twice_alike() {
    let app = TestApp::with_story(24);
    let page = app.get("/rewind?after_event_id=12", HTML).page();
    let typed = [("confirm_event_id", "12")];
    let (first, second) =
        (send_form(&app, &page, "form#rewind", &typed), send_form(&app, &page, "form#rewind", &typed));
    assert_eq!((first.status, first.header("location")), (second.status, second.header("location")));
    assert_eq!(app.store.engine.snapshots().unwrap().len(), 1);
    app.store.append(Story::from(25).tell(1));
    assert_eq!(send_form(&app, &page, "form#rewind", &typed).status, 409, "something has come since");
}

#[test]
fn a_number_in_a_gap_means_the_event_below_it() {
    let app = TestApp::with_story(24);
    rewind(&app, "12");
    app.store.append(Story::from(25).tell(3));
    let lead = app.get("/rewind?after_event_id=6", HTML).page().text(".lead");
    assert!(
        lead.starts_with("Take back 9 events. ") && lead.contains("; events 7 to 27, 9 in all, leave the log: "),
        "{lead}"
    );
    let page = app.get("/rewind?after_event_id=20", HTML).page();
    assert_eq!((page.text("h1"), page.text("label[for=cid] code")), ("Go back to event 12".into(), "12".into()));
    assert_eq!(send_form(&app, &page, "form#rewind", &[("confirm_event_id", "12")]).status, 303);
    assert_eq!(app.store.engine.status().unwrap().head, 12);
}

#[test]
fn going_back_to_before_the_first_event_leaves_no_event() {
    let app = TestApp::with_story(6);
    let page = app.get("/rewind?after_event_id=0", HTML).page();
    assert!(page.text(".lead").starts_with("Take back 6 events. No event stays; events 1 to 6 leave the log"));
    let result = follow(&app, &send_form(&app, &page, "form#rewind", &[("confirm_event_id", "0")]));
    assert_eq!(result.text("#result"), "Went back to before the first event.");
    assert_eq!(app.store.engine.status().unwrap().events, 0);
}

#[test]
fn every_event_but_the_last_offers_to_go_back_to_it() {
    let app = TestApp::with_story(12);
    let list = app.get("/events", HTML).page();
    let offers = list.attributes("ol.log .rewind a", "href");
    assert_eq!((offers.len(), offers[0].as_str()), (11, "/rewind?after_event_id=11"));
    assert!(app.get("/events/11", HTML).page().has("main a[href='/rewind?after_event_id=11']"));
    let last = app.get("/events/12", HTML).page();
    assert!(!last.has("main a[href^='/rewind']"));
    assert!(last.text("main").contains("This is the last event: nothing comes after it to take back."));
}

#[test]
fn the_steps_of_the_sample_lead_to_removing_it() {
    let app = TestApp::new();
    app.post("/sample", &[], HTML);
    let page = app.get("/", HTML).page();
    let plan = page.attribute(".steps a[href^='/rewind']", "href");
    assert_eq!(plan, "/rewind?after_event_id=0");
    let plan = app.get(&plan, HTML).page();
    follow(&app, &send_form(&app, &plan, "form#rewind", &[("confirm_event_id", "0")]));
    assert_eq!(app.store.engine.status().unwrap().events, 0);
}
