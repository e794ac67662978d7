//! `POST /snapshots/restore/{id}`: what it does, and what it answers.

use super::with_newer_events;
use crate::support::{HTML, JSON, PLAIN, Page, Reply, TestApp};

#[test]
fn a_program_gets_the_form_of_the_contract() {
    let (app, id) = with_newer_events();
    let answer = app.restore(&id, &[]);
    assert_eq!(answer.status, 200);
    let restored = answer.json();
    let fields: Vec<&str> = restored.as_object().unwrap().keys().map(String::as_str).collect();
    let promised = [
        "operation",
        "safety_snapshot",
        "events_removed",
        "events_returned",
        "rows_changed",
        "position",
        "held",
        "epoch",
        "took_ms",
    ];
    assert_eq!(fields, promised);
    assert_eq!((&restored["position"], &restored["held"]), (&12.into(), &true.into()));
    assert_eq!((&restored["events_removed"], &restored["events_returned"]), (&0.into(), &0.into()));
    assert_eq!(restored["rows_changed"]["memories"], 2);
    assert_eq!(restored["safety_snapshot"]["kind"], "rewind");
    let safety = restored["safety_snapshot"]["snapshot_id"].as_str().unwrap();
    assert_eq!(app.get(&format!("/snapshots/{safety}/preview?kind=rewind"), JSON).json()["last_event_id"], 24);
}

#[test]
fn restoring_everything_moves_the_log_and_says_by_how_much() {
    let (app, id) = with_newer_events();
    let restored = app.restore(&id, &[("scope", "everything")]).json();
    assert_eq!((&restored["events_removed"], &restored["held"]), (&12.into(), &false.into()));
    assert_eq!(app.store.engine.status().unwrap().head, 12);
    let safety = restored["safety_snapshot"]["snapshot_id"].as_str().unwrap();
    let path = format!("/snapshots/restore/{safety}");
    let back = app.post(&path, &[("confirm_id", safety), ("kind", "rewind"), ("scope", "everything")], JSON).json();
    assert_eq!(back["events_returned"], 12);
    assert_eq!(app.store.engine.status().unwrap().head, 24);
}

#[test]
fn a_browser_and_curl_are_sent_to_the_list_that_tells_the_result() {
    for accept in [HTML, PLAIN] {
        let (app, id) = with_newer_events();
        let fields = [("confirm_id", id.as_str()), ("kind", "periodic")];
        let answer = app.post(&format!("/snapshots/restore/{id}"), &fields, accept);
        assert_eq!(answer.status, 303);
        let location = answer.header("location").split('#').next().unwrap();
        let page = app.get(location, HTML).page();
        assert!(page.text("#result").starts_with("The tables are as they were at event 12; "));
        assert!(page.text(".result").contains("12 events wait."));
        assert!(page.text(".strip").contains("The tables are paused at event 12."));
    }
}

#[test]
fn blanks_around_the_confirmed_id_are_accepted() {
    let (app, id) = with_newer_events();
    let pasted = format!(" \t{id}\r\n");
    let fields = [("confirm_id", pasted.as_str()), ("kind", "periodic")];
    assert_eq!(app.post(&format!("/snapshots/restore/{id}"), &fields, JSON).status, 200);
}

/// Posts exactly the fields of the plan's form as a browser without script does, with what a reader
/// chooses and types.
fn submit(app: &TestApp, page: &Page, scope: &str, typed: &str) -> Reply {
    let form = "form#restore";
    assert_eq!(page.attribute(form, "method"), "post");
    let hidden = format!("{form} input[type=hidden]");
    let names = page.attributes(&hidden, "name");
    let values = page.attributes(&hidden, "value");
    let mut fields: Vec<(&str, &str)> =
        names.iter().map(String::as_str).zip(values.iter().map(String::as_str)).collect();
    let radio = format!("input[type=radio][name=scope][form=restore][value={scope}][required]:not([disabled])");
    assert!(page.has(&radio), "{scope} can be chosen");
    fields.push(("scope", scope));
    assert!(page.has(&format!("{form} input[name=confirm_id][required]")));
    fields.push(("confirm_id", typed));
    app.post(&page.attribute(form, "action"), &fields, HTML)
}

#[test]
fn the_form_of_a_plan_works_without_script() {
    for (scope, head) in [("projections", 24), ("everything", 12)] {
        let (app, id) = with_newer_events();
        let page = app.get(&format!("/snapshots/{id}/preview?kind=periodic"), HTML).page();
        let hidden = page.attributes("form#restore input[type=hidden]", "name");
        assert_eq!(hidden, ["kind", "expected_head", "expected_epoch"]);
        assert_eq!(submit(&app, &page, scope, &id).status, 303);
        let status = app.store.engine.status().unwrap();
        assert_eq!((status.head, status.position), (head, 12));
    }
}

#[test]
fn a_form_drawn_before_an_event_came_does_nothing_and_shows_the_new_plan() {
    let (app, id) = with_newer_events();
    let page = app.get(&format!("/snapshots/{id}/preview?kind=periodic"), HTML).page();
    app.store.append(crate::support::Story::from(25).tell(1));
    let before = app.store.content();
    let answer = submit(&app, &page, "projections", &id);
    assert_eq!(answer.status, 409);
    assert_eq!(app.store.content(), before);
    let again = answer.page();
    assert!(again.text(".strip").contains("The log moved while you were reading: 1 new event."));
    assert_eq!(again.attribute("form#restore input[name=expected_head]", "value"), "25");
    assert_eq!(again.attribute("#restore input[name=confirm_id]", "value"), "", "it confirmed another plan");
    assert!(again.has("#tables[checked]"), "what was chosen stays");
    assert_eq!(submit(&app, &again, "projections", &id).status, 303);
}

#[test]
fn a_wrongly_typed_id_is_told_at_its_field_and_kept() {
    let (app, id) = with_newer_events();
    let page = app.get(&format!("/snapshots/{id}/preview?kind=periodic"), HTML).page();
    let answer = submit(&app, &page, "everything", "<b>20010101</b>");
    assert_eq!(answer.status, 400);
    let again = answer.page();
    assert!(again.text("#cid-error").contains("That is <b>20010101</b>; the id is"));
    assert_eq!(again.attribute("#restore input[name=confirm_id]", "value"), "<b>20010101</b>");
    assert!(again.has("#restore input[name=confirm_id][aria-invalid=true]") && again.has("#everything[checked]"));
    assert_eq!(app.store.engine.status().unwrap().head, 24);
}

#[test]
fn an_answered_restore_is_what_the_preview_said() {
    let (app, id) = with_newer_events();
    let plan = app.get(&format!("/snapshots/{id}/preview?kind=periodic"), JSON).json();
    let restored = app.restore(&id, &[]).json();
    for table in plan["tables"].as_array().unwrap() {
        let total: u64 = ["added", "removed", "changed"].iter().map(|field| table[field].as_u64().unwrap()).sum();
        let changed =
            restored["rows_changed"].get(table["name"].as_str().unwrap()).map_or(0, |rows| rows.as_u64().unwrap());
        assert_eq!(changed, total, "{table}");
    }
}
