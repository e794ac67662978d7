//! `/history/{op}/undo`: what undoing would change, and undoing.

use serde_json::Value;

use super::{follow, refused, send_form, with_newer_events};
use crate::support::{HTML, JSON, PLAIN, Story, TestApp};

/// A store of 24 events that was taken back to 12, and the path of undoing that.
fn rewound() -> (TestApp, String) {
    let app = TestApp::with_story(24);
    let done = app.post("/rewind", &[("after_event_id", "12"), ("confirm_event_id", "12")], JSON).json();
    let path = format!("/history/{}/undo", done["operation"]);
    (app, path)
}

fn number(path: &str) -> &str {
    path.split('/').nth(2).unwrap()
}

#[test]
fn a_preview_says_what_comes_back() {
    let (app, path) = rewound();
    let before = app.store.content();
    let preview = app.get(&path, JSON).json();
    assert_eq!((&preview["what"], &preview["undo"]["way"]), (&"rewind".into(), &"everything".into()));
    assert_eq!((&preview["events_removed"], &preview["events_returned"]), (&0.into(), &12.into()));
    let memories = preview["tables"].as_array().unwrap().iter().find(|table| table["name"] == "memories").unwrap();
    assert_eq!((&memories["added"], &memories["rows_after"]), (&2.into(), &3.into()));
    let rows = app.get(&format!("{path}?table=memories&limit=1"), JSON).json();
    assert_eq!((rows["rows"].as_array().unwrap().len(), &rows["rows"][0]["change"]), (1, &"added".into()));
    let page = app.get(&format!("{path}?table=memories&view=rows"), HTML).page();
    assert_eq!(page.texts("ol.rows li").len(), 2);
    assert_eq!(app.store.content(), before);
}

#[test]
fn a_program_undoes_with_the_path_alone_while_nothing_came_after() {
    let (app, path) = rewound();
    let undone = app.post(&path, &[], JSON);
    assert_eq!(undone.status, 200, "{}", undone.text());
    assert_eq!(undone.json()["events_returned"], 12);
    assert_eq!(app.store.engine.status().unwrap().head, 24);
}

#[test]
fn curl_is_sent_to_the_history_with_the_result() {
    let (app, path) = rewound();
    let answer = app.post(&path, &[], PLAIN);
    assert!(answer.header("location").starts_with("/history?done=2#"), "{}", answer.header("location"));
    assert_eq!(follow(&app, &answer).text("#result"), "Undone: the log is at event 24 again, all rows as before.");
}

#[test]
fn a_number_that_is_not_the_paths_is_refused_before_anything_is_opened() {
    let (app, path) = rewound();
    let words = "confirm_op does not match operation id";
    for path in [path.as_str(), "/history/99/undo", "/history/nobody/undo", "/history/..%2Fx/undo"] {
        for accept in [JSON, PLAIN] {
            let answer = app.post(path, &[("confirm_op", "7")], accept);
            assert_eq!(answer.status, 400);
            assert!(answer.words(accept).contains(words));
        }
    }
    assert_eq!(app.store.engine.status().unwrap().head, 12);
}

#[test]
fn what_is_no_operation_is_not_found() {
    let (app, _) = rewound();
    for id in ["99", "0", "-1", "nobody", "..%2F..%2Fetc%2Fpasswd", "9999999999999999999"] {
        let path = format!("/history/{id}/undo");
        refused(|accept| app.get(&path, accept), 404, "operation not found");
        refused(|accept| app.post(&path, &[], accept), 404, "operation not found");
    }
}

#[test]
fn what_destroyed_nothing_cannot_be_undone() {
    let app = TestApp::with_story(6);
    app.take_snapshot();
    refused(|accept| app.get("/history/1/undo", accept), 409, "cannot be undone");
    refused(|accept| app.post("/history/1/undo", &[], accept), 409, "cannot be undone");
}

#[test]
fn after_newer_events_the_number_has_to_be_typed() {
    let (app, path) = rewound();
    app.store.append(Story::from(25).tell(3));
    let answer = app.post(&path, &[], JSON);
    assert_eq!(answer.status, 400);
    assert!(answer.words(JSON).contains("confirm_op is needed"), "{}", answer.text());
    let page = app.get(&path, HTML).page();
    assert!(page.text("main").contains("3 events were added since. Undoing takes them away as well"));
    assert!(page.text(".lead").contains("12 events come back, 3 newer ones leave"), "{}", page.text(".lead"));
    for typed in ["", "8<b>"] {
        let wrong = send_form(&app, &page, "form#undo", &[("confirm_op", typed)]);
        assert_eq!(wrong.status, 400);
        assert_eq!(wrong.page().attribute("#cid", "value"), typed);
        assert!(wrong.page().text("#cid-error").contains(&format!("the number is {}", number(&path))));
    }
    assert_eq!(app.store.engine.status().unwrap().head, 27);
    let result = follow(&app, &send_form(&app, &page, "form#undo", &[("confirm_op", number(&path))]));
    assert_eq!(result.text("#result"), "Undone: the log is at event 24 again, all rows as before.");
}

#[test]
fn a_form_sent_twice_is_answered_twice_alike() {
    let (app, path) = rewound();
    let page = app.get(&path, HTML).page();
    let (first, second) = (send_form(&app, &page, "form#undo", &[]), send_form(&app, &page, "form#undo", &[]));
    assert_eq!((first.status, first.header("location")), (303, second.header("location")));
    assert_eq!(app.store.engine.operations(10).unwrap().len(), 2);
}

#[test]
fn a_restore_of_the_tables_is_undone_from_its_result() {
    let (app, id) = with_newer_events();
    let before = app.store.content();
    let fields = [("confirm_id", id.as_str()), ("kind", "periodic")];
    let result = follow(&app, &app.post(&format!("/snapshots/restore/{id}"), &fields, HTML));
    let actions = result.attributes(".result form", "action");
    assert_eq!((actions.len(), actions[0].as_str()), (2, "/projection/replay"));
    let undo = format!(".result form[action='{}']", actions[1]);
    let undone = follow(&app, &send_form(&app, &result, &undo, &[]));
    assert_eq!(undone.text("#result"), "Undone: the tables stand at event 24 again.");
    assert_eq!(app.store.content(), before);
}

#[test]
fn a_restore_of_the_tables_that_was_followed_by_what_waited_has_no_button_to_undo_it() {
    let (app, id) = with_newer_events();
    let fields = [("confirm_id", id.as_str()), ("kind", "periodic")];
    let restored = app.post(&format!("/snapshots/restore/{id}"), &fields, JSON).json();
    let path = format!("/history/{}/undo", restored["operation"]);
    let history = || app.get("/history", HTML).page();
    assert!(history().has(&format!(".c-undo form[action='{path}'] button")));
    app.post("/projection/replay", &[], HTML);
    assert!(!history().has(&format!("form[action='{path}']")) && history().has(&format!(".c-undo a[href='{path}']")));
    assert_eq!(app.get(&path, HTML).page().texts("main .lead"), ["The store already is as it was before this."]);
}

#[test]
fn back_leads_to_a_door_and_nowhere_else() {
    for (back, page) in
        [("/", "/"), ("/snapshots", "/snapshots"), ("//elsewhere", "/history"), ("/events/1", "/history")]
    {
        let (app, path) = rewound();
        let answer = app.post(&path, &[("back", back)], HTML);
        assert_eq!(answer.header("location").split('?').next(), Some(page), "{back}");
    }
}

#[test]
fn a_preview_of_undoing_an_undo_is_the_way_there_again() {
    let (app, path) = rewound();
    let undone = app.post(&path, &[], JSON).json();
    let again: Value = app.get(&format!("/history/{}/undo", undone["operation"]), JSON).json();
    assert_eq!((&again["events_removed"], &again["events_returned"]), (&12.into(), &0.into()));
}

#[test]
fn what_came_back_since_is_not_said_to_have_been_added() {
    let (app, path) = rewound();
    app.post(&path, &[], JSON);
    let fields = [("after_event_id", "20"), ("confirm_event_id", "20")];
    assert_eq!(app.post("/rewind", &fields, JSON).status, 200);
    let preview = app.get(&path, JSON).json();
    assert_eq!((&preview["events_removed"], &preview["events_returned"]), (&0.into(), &4.into()));
    let page = app.get(&path, HTML).page();
    assert!(page.text(".lead").ends_with("before it: 4 events come back."), "{}", page.text(".lead"));
    let said = page.text("main");
    assert!(said.contains("The log was changed since. Undoing undoes that as well."), "{said}");
    assert!(!said.contains("were added since") && !said.contains("away"), "{said}");
    assert_eq!(said.to_lowercase().matches("safety copy").count(), 1, "{said}");
    let refused = app.post(&path, &[], JSON);
    assert!(refused.words(JSON).contains("the log was changed after this operation"), "{}", refused.text());
}

#[test]
fn going_back_to_the_safety_copy_undoes_and_leaves_nothing_to_undo() {
    let (app, path) = rewound();
    let safety = app.get("/history", JSON).json()["operations"][0]["detail"]["safety_snapshot"]["snapshot_id"].clone();
    let id = safety.as_str().unwrap();
    let fields = [("confirm_id", id), ("kind", "rewind"), ("scope", "everything")];
    assert_eq!(app.post(&format!("/snapshots/restore/{id}"), &fields, JSON).status, 200);
    assert_eq!(app.get("/history", HTML).page().texts(".c-undo")[1], "undone by operation 2");
    let page = app.get(&path, HTML).page();
    assert_eq!(page.texts("main .lead"), ["The store already is as it was before this."]);
    assert!(!page.has("form#undo"));
    app.store.append(Story::from(25).tell(1));
    assert!(app.get(&path, HTML).page().has("form#undo"), "an event more is something to undo");
}

#[test]
fn a_hidden_event_alone_is_something_to_undo() {
    let app = TestApp::with_story(12);
    let note = r#"{"kind": "note", "payload": {}}"#;
    let added = app.post_body("/events", "application/json", note, JSON);
    assert_eq!(added.status, 201, "{}", added.text());
    app.store.append(Story::from(14).tell(1));
    let fields = [("after_event_id", "13"), ("confirm_event_id", "13")];
    let done = app.post("/rewind", &fields, JSON).json();
    let path = format!("/history/{}/undo", done["operation"]);
    app.post(&path, &[], JSON);
    assert!(!app.get(&path, HTML).page().has("form#undo"));
    assert_eq!(app.post("/events/13/hide", &[], JSON).status, 200);
    assert!(app.get(&path, HTML).page().has("form#undo"), "no row of the tables changes, but the log does");
}
