//! `GET /snapshots/{id}/preview`: the plan of going back, as JSON and as a page.

use serde_json::{Value, json};

use super::{refused, with_newer_events};
use crate::support::{HTML, JSON, PLAIN, TestApp};

fn preview(app: &TestApp, id: &str, scope: &str) -> Value {
    let answer = app.get(&format!("/snapshots/{id}/preview?kind=periodic{scope}"), JSON);
    assert_eq!(answer.status, 200, "{}", answer.text());
    answer.json()
}

fn table<'p>(preview: &'p Value, name: &str) -> &'p Value {
    preview["tables"].as_array().unwrap().iter().find(|table| table["name"] == name).unwrap()
}

#[test]
fn a_preview_has_the_fields_of_the_contract() {
    let (app, id) = with_newer_events();
    let preview = preview(&app, &id, "");
    for field in [
        "snapshot_id",
        "kind",
        "created_at",
        "file_size_bytes",
        "unique_bytes",
        "last_event_id",
        "filename",
        "label",
        "pinned",
        "format",
        "on_this_history",
        "proven_at",
        "damaged",
    ] {
        assert!(preview.get(field).is_some(), "{field}");
    }
    assert_eq!(preview["current_event_log_max_id"], 24);
    assert_eq!(preview["event_delta"], 12);
    assert_eq!((&preview["events_removed"], &preview["events_returned"]), (&12.into(), &0.into()));
    assert_eq!(preview["event_log_rows_in_snapshot"], 12);
    let counts =
        json!({"name": "memories", "rows_in_snapshot": 1, "rows_now": 3, "added": 0, "removed": 2, "changed": 0});
    assert_eq!(table(&preview, "memories"), &counts);
    assert_eq!(preview["tables"].as_array().unwrap().len(), app.store.engine.domain().tables.len());
}

#[test]
fn counts_see_what_was_edited_behind_the_back() {
    let app = TestApp::with_story(30);
    let id = app.store.take().snapshot_id.to_string();
    let memories = app.store.content()["memories"].len() as u64;
    app.store
        .other_program()
        .execute_batch(
            "UPDATE bots SET name = 'Adah' WHERE id = 'ada';
             DELETE FROM memories WHERE id = (SELECT min(id) FROM memories);
             INSERT INTO bots (id, name, persona, created_at) VALUES ('cid', 'Cid', '', '');",
        )
        .unwrap();
    let preview = preview(&app, &id, "");
    let bots = json!({"name": "bots", "rows_in_snapshot": 2, "rows_now": 3, "added": 0, "removed": 1, "changed": 1});
    assert_eq!(table(&preview, "bots"), &bots);
    let lost = table(&preview, "memories");
    assert_eq!((&lost["added"], &lost["rows_now"]), (&1.into(), &(memories - 1).into()));
    assert_eq!(preview["event_delta"], 0);
}

#[test]
fn the_scope_is_the_tables_unless_everything_is_asked_for() {
    let (app, id) = with_newer_events();
    assert_eq!(preview(&app, &id, "")["scope"], "projections");
    assert_eq!(preview(&app, &id, "&scope=")["scope"], "projections");
    assert_eq!(preview(&app, &id, "&scope=everything")["scope"], "everything");
    let path = format!("/snapshots/{id}/preview?kind=periodic&scope=half");
    refused(|accept| app.get(&path, accept), 400, "scope must be one of");
}

#[test]
fn a_preview_changes_nothing() {
    let (app, id) = with_newer_events();
    let before = (app.store.content(), app.store.engine.status().unwrap().epoch);
    for accept in crate::support::CLIENTS {
        app.get(&format!("/snapshots/{id}/preview?kind=periodic&scope=everything"), accept);
    }
    assert_eq!((app.store.content(), app.store.engine.status().unwrap().epoch), before);
    assert_eq!(app.store.engine.snapshots().unwrap().len(), 1);
}

#[test]
fn a_snapshot_off_this_history_gives_the_reason_and_shows_everything() {
    let app = TestApp::with_story(12);
    let behind = app.leave_a_snapshot_behind(8);
    let answer = preview(&app, behind.snapshot_id.as_str(), "");
    assert_eq!(answer["on_this_history"], false);
    assert!(answer["tables_alone"].as_str().unwrap().contains("scope=everything"), "{answer}");
    assert_eq!((&answer["events_removed"], &answer["events_returned"]), (&0.into(), &8.into()));
    assert_eq!(answer["event_delta"], -8);
    let page = app.get(&format!("/snapshots/{}/preview?kind=periodic", behind.snapshot_id), HTML).page();
    assert!(page.has("#tables[disabled]") && !page.has("#everything[disabled]"));
    assert_eq!(page.text(".option.off"), "Tables only Not possible: they would not fit today's log.");
}

#[test]
fn a_plan_page_shows_choice_counts_rows_and_confirm() {
    let (app, id) = with_newer_events();
    for accept in [HTML, PLAIN] {
        let page = app.get(&format!("/snapshots/{id}/preview?kind=periodic"), accept).page();
        assert!(page.text("h1").starts_with("Go back to "));
        assert_eq!(page.attributes("input[type=radio][name=scope]", "value"), ["projections", "everything"]);
        assert!(!page.has("input[name=scope][checked]"), "the choice is the reader's");
        assert!(page.texts("table.changes th a.wide").contains(&"memories".to_owned()));
        assert!(!page.texts("ol.rows li").is_empty());
        assert_eq!(page.text("label[for=cid] code"), id);
    }
}

#[test]
fn the_rows_beside_a_plan_are_of_the_table_that_is_asked_for() {
    let (app, id) = with_newer_events();
    let plan = format!("/snapshots/{id}/preview?kind=periodic");
    let page = app.get(&format!("{plan}&table=memories"), HTML).page();
    assert_eq!(page.text("#rows-head"), "memories, 2 rows");
    assert_eq!(page.text("table.changes tr.current a.wide"), "memories");
    assert!(page.texts("ol.rows .glimpse").iter().all(|text| text.contains("vening")), "each by its words");
    let one = app.get(&format!("{plan}&table=memories&limit=1"), HTML).page();
    assert_eq!(one.texts("ol.rows li").len(), 1);
    assert_eq!(app.get(&format!("{plan}&limit=0"), HTML).status, 400);
    let filtered = app.get(&format!("{plan}&table=memories&q=VENING%2021"), HTML).page();
    assert_eq!(filtered.texts("ol.rows li").len(), 1);
    let none = app.get(&format!("{plan}&table=memories&q=%3Cb%3E"), HTML).page();
    assert_eq!(none.text(".pane q"), "<b>");
    assert_eq!(none.texts("ol.rows li").len(), 0);
}

#[test]
fn a_plan_without_a_change_has_no_form() {
    let app = TestApp::with_story(12);
    let id = app.store.take().snapshot_id;
    let page = app.get(&format!("/snapshots/{id}/preview?kind=periodic"), HTML).page();
    assert_eq!(page.text("main .lead"), "The tables already are as this snapshot has them.");
    assert!(!page.has("form#restore"));
}

#[test]
fn the_kind_is_judged_before_the_id_and_the_id_before_anything_is_opened() {
    let (app, id) = with_newer_events();
    for query in ["", "?kind=", "?kind=hourly", "?kind=Periodic"] {
        for id in [id.as_str(), "nobody", "..%2Fx"] {
            refused(|accept| app.get(&format!("/snapshots/{id}/preview{query}"), accept), 400, "kind must be one of");
        }
    }
    for id in ["20010101T000000Z", "nobody", "..%2Fx"] {
        refused(|accept| app.get(&format!("/snapshots/{id}/preview?kind=periodic"), accept), 404, "snapshot not found");
    }
    refused(|accept| app.get(&format!("/snapshots/{id}/preview?kind=rewind"), accept), 404, "snapshot not found");
    let doubled = format!("/snapshots/{id}/preview?kind=periodic&kind=rewind");
    refused(|accept| app.get(&doubled, accept), 400, "kind is given more than once");
}

#[test]
fn a_snapshot_that_is_called_restore_has_its_plan_too() {
    let (app, id) = with_newer_events();
    let folder = app.store.path().join("snapshots/periodic");
    std::fs::copy(folder.join(format!("{id}.json")), folder.join("restore.json")).unwrap();
    let plan = app.get("/snapshots/restore/preview?kind=periodic", JSON).json();
    assert_eq!((&plan["snapshot_id"], &plan["last_event_id"]), (&"restore".into(), &12.into()));
    let diff = app.get("/snapshots/restore/diff?kind=periodic&table=memories", JSON).json();
    assert_eq!(diff["rows"].as_array().unwrap().len(), 2);
    refused(|accept| app.get("/snapshots/restore/other?kind=periodic", accept), 405, "does not take that method");
}
