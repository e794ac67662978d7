//! `GET /` and `GET /snapshots`.

use backstitch::web::Settings;
use serde_json::Value;

use super::{damage, refused};
use crate::support::{HTML, JSON, PLAIN, Story, TestApp, TestStore, story};

fn ids(list: &Value) -> Vec<&str> {
    list["snapshots"].as_array().unwrap().iter().map(|one| one["snapshot_id"].as_str().unwrap()).collect()
}

#[test]
fn the_root_says_where_the_store_stands_and_leads_on() {
    let app = TestApp::with_story(6);
    for accept in [HTML, PLAIN] {
        let page = app.get("/", accept).page();
        assert_eq!(page.text(".standing"), "event 6");
        assert!(page.has("nav a[href='/snapshots']"));
    }
    let json = app.get("/", JSON).json();
    assert_eq!((&json["ready"], &json["last_event_id"]), (&true.into(), &6.into()));
}

#[test]
fn an_empty_store_teaches_how_to_begin() {
    let app = TestApp::new();
    for accept in [HTML, PLAIN] {
        let answer = app.get("/snapshots", accept);
        assert_eq!(answer.status, 200);
        let page = answer.page();
        assert_eq!(page.text("h1"), "Nothing here yet");
        assert!(page.text("main pre code").contains("curl http://127.0.0.1:8787/events"));
        assert!(!page.has("table") && !page.has("form[action='/snapshots/take']"));
    }
    let list = app.get("/snapshots", JSON);
    assert_eq!((list.status, list.text()), (200, r#"{"snapshots":[]}"#));
}

#[test]
fn a_store_with_events_and_no_snapshot_offers_to_take_one() {
    let page = TestApp::with_story(3).get("/snapshots", HTML).page();
    assert_eq!(page.text("h1"), "Snapshots");
    assert!(page.has("form[method=post][action='/snapshots/take']"));
    assert!(!page.has("table"));
    assert_eq!(page.text(".standing"), "event 3");
}

#[test]
fn the_list_shows_the_newest_first() {
    let app = TestApp::with_story(6);
    let taken: Vec<String> = (0..3).map(|_| app.take_snapshot()["snapshot_id"].as_str().unwrap().to_owned()).collect();
    let newest_first: Vec<&str> = taken.iter().rev().map(String::as_str).collect();
    assert_eq!(ids(&app.get("/snapshots", JSON).json()), newest_first);
    let page = app.get("/snapshots", HTML).page();
    assert_eq!(page.texts("table.snapshots code.id"), newest_first);
    assert!(page.texts("table.snapshots .c-behind").iter().all(|behind| behind == "none"));
}

#[test]
fn a_snapshot_has_the_fields_of_the_contract() {
    let app = TestApp::with_story(6);
    app.take_snapshot();
    let list = app.get("/snapshots", JSON).json();
    let one = list["snapshots"][0].as_object().unwrap();
    let fields: Vec<&str> = one.keys().map(String::as_str).collect();
    let promised = [
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
        "events_after",
        "events_gone",
        "proven_at",
        "damaged",
    ];
    assert_eq!(fields, promised);
    let id = one["snapshot_id"].as_str().unwrap();
    let file = app.store.path().join("snapshots/periodic").join(one["filename"].as_str().unwrap());
    assert_eq!(one["filename"], format!("{id}.json"));
    assert_eq!(one["file_size_bytes"], file.metadata().unwrap().len());
    assert_eq!((&one["kind"], &one["last_event_id"]), (&"periodic".into(), &6.into()));
    assert_eq!((&one["format"], &one["on_this_history"]), (&"chunks".into(), &true.into()));
    assert_eq!((&one["label"], &one["pinned"]), (&Value::Null, &false.into()));
    assert!(one["damaged"].is_null() && one["proven_at"].is_null());
}

#[test]
fn a_damaged_snapshot_is_listed_and_says_so() {
    let app = TestApp::with_story(12);
    let id = app.store.take().snapshot_id.to_string();
    damage(&app, &id);
    let list = app.get("/snapshots", JSON).json();
    assert_eq!(ids(&list), [&id]);
    assert!(list["snapshots"][0]["last_event_id"].is_null());
    assert!(list["snapshots"][0]["damaged"].is_string());
    let page = app.get("/snapshots", HTML).page();
    assert_eq!(page.text("table.snapshots code.id"), id);
    assert!(page.text(".c-what").contains("damaged: not a snapshot of this program"));
    assert!(page.text(".c-what").ends_with("not counted among the newest 5"));
    assert_eq!(page.text(".c-state"), "cannot be restored");
    refused(|accept| app.get(&format!("/snapshots/{id}/preview?kind=periodic"), accept), 422, "cannot be restored");
    refused(
        |accept| app.get(&format!("/snapshots/{id}/diff?kind=periodic&table=bots"), accept),
        422,
        "cannot be restored",
    );
}

#[test]
fn files_that_are_no_snapshots_are_not_listed() {
    let app = TestApp::with_story(6);
    let folder = app.store.path().join("snapshots/periodic");
    for name in [".hidden.json", "notes.txt", "two words.json", "x.json.tmp"] {
        std::fs::write(folder.join(name), "{}").unwrap();
    }
    assert_eq!(app.get("/snapshots", JSON).text(), r#"{"snapshots":[]}"#);
}

#[test]
fn the_result_of_an_operation_is_told_again_at_each_reload() {
    let app = TestApp::with_story(6);
    let told = app.post("/snapshots/take", &[], HTML);
    let (address, part) = told.header("location").split_once('#').unwrap();
    assert_eq!(part, "result");
    for _ in 0..2 {
        assert_eq!(app.get(address, HTML).page().text("#result"), "A snapshot is taken, at event 6.");
    }
}

#[test]
fn an_operation_that_never_was_has_no_result() {
    let app = TestApp::with_story(6);
    assert!(!app.get("/snapshots?done=99", HTML).page().has("#result"));
    for accept in [HTML, PLAIN] {
        let answer = app.get("/snapshots?done=last", accept);
        assert_eq!(answer.status, 400);
        let said = if accept == HTML { "no operation" } else { "done must be" };
        assert!(answer.words(accept).to_lowercase().contains(said));
    }
}

#[test]
fn text_of_a_label_is_never_markup() {
    let app = TestApp::with_story(6);
    let label = "<script>alert(1)</script>\"'&";
    app.post("/snapshots/take", &[("label", label)], HTML);
    let page = app.get("/snapshots", HTML).page();
    assert_eq!(page.text("b.label"), label);
    assert_eq!(page.attributes("script", "src").len(), page.texts("script").len());
}

#[test]
fn a_list_names_how_far_the_log_went_on() {
    let app = TestApp::with_story(6);
    app.take_snapshot();
    app.store.append(story(9).split_off(6));
    assert_eq!(app.get("/snapshots", HTML).page().text(".c-behind"), "3 events");
}

#[test]
fn how_far_a_snapshot_is_behind_or_ahead_is_counted_in_events_not_in_ids() {
    let app = TestApp::with_story(6);
    app.leave_a_snapshot_behind(8);
    let told = || app.get("/snapshots", HTML).page().texts(".c-behind");
    // The safety copy of the restore, what was left behind, and what was gone back to.
    assert_eq!(told(), ["ahead, 8 events", "ahead, 8 events", "none"]);
    let page = app.get("/snapshots", HTML).page();
    assert_eq!(page.texts(".c-behind .nowrap")[0], "ahead, 8 events", "on one line");
    app.store.append(Story::from(15).tell(2));
    assert_eq!(told(), ["ahead, 8 events; 2 behind", "ahead, 8 events; 2 behind", "2 events"]);
}

#[test]
fn the_place_among_the_newest_is_told_with_how_many_are_kept() {
    let app = TestApp::serving(TestStore::with_story(6), Settings { keep_periodic: 3, ..Settings::default() });
    app.store.take();
    app.store.take();
    let kept: Vec<String> = app.get("/snapshots", HTML).page().texts(".c-what .quiet");
    assert_eq!(kept, ["newest 3: 1st", "newest 3: 2nd"]);
    let id = app.store.engine.snapshots().unwrap()[1].snapshot_id.to_string();
    let plan = app.get(&format!("/snapshots/{id}/preview?kind=periodic"), HTML).page();
    assert!(plan.texts(".about dd").contains(&"newest 3: 2nd".to_owned()));
}

#[test]
fn the_list_stands_by_size_where_that_is_asked_for() {
    let app = TestApp::with_story(120);
    let fields = [("after_event_id", "6"), ("confirm_event_id", "6")];
    assert_eq!(app.post("/rewind", &fields, JSON).status, 200);
    app.store.take();
    let sizes = |path: &str| -> Vec<u64> {
        let list = app.get(path, JSON).json();
        list["snapshots"].as_array().unwrap().iter().map(|one| one["unique_bytes"].as_u64().unwrap()).collect()
    };
    let (newest, sorted) = (sizes("/snapshots"), sizes("/snapshots?sort=size"));
    assert!(sorted.is_sorted_by(|a, b| a >= b), "{sorted:?}");
    assert_ne!(newest, sorted);
    let page = app.get("/snapshots?sort=size", HTML).page();
    assert_eq!(page.texts("table.snapshots code.id"), ids(&app.get("/snapshots?sort=size", JSON).json()));
    assert_eq!(page.texts("tr.day"), ["The largest first"]);
    assert_eq!(page.attribute("#kept > p a", "href"), "/snapshots");
    assert_eq!(app.get("/snapshots", HTML).page().attribute("#kept > p a", "href"), "/snapshots?sort=size");
    refused(|accept| app.get("/snapshots?sort=age", accept), 400, "sort must be one of");
}

#[test]
fn a_store_of_damaged_snapshots_does_not_wait_for_its_first() {
    let app = TestApp::with_story(6);
    let said = || app.get("/snapshots", HTML).page().text("#count");
    assert!(said().ends_with("The first snapshot is due now."), "{}", said());
    let id = app.store.take().snapshot_id.to_string();
    damage(&app, &id);
    assert!(said().ends_with("A snapshot is due now: none here can be restored."), "{}", said());
    let fields = [("after_event_id", "3"), ("confirm_event_id", "3")];
    assert_eq!(app.post("/rewind", &fields, JSON).status, 200);
    assert!(said().ends_with("A checkpoint is due now."), "the safety copy is sound: {}", said());
}

#[test]
fn a_safety_copy_names_the_moment_that_was_gone_back_to() {
    let (app, id) = super::with_newer_events();
    assert_eq!(app.restore(&id, &[("scope", "everything")]).status, 200);
    let page = app.get("/snapshots", HTML).page();
    let what = &page.texts(".c-what")[0];
    assert!(what.starts_with("safety copy before going back to ") && !what.contains(&id), "{what}");
    let stamp = page.attributes(".c-what time", "datetime").remove(0);
    assert_eq!(stamp.replace(['-', ':'], ""), id);
    let timeline = app.get("/?show=all", HTML).page().texts(".timeline-foot details a");
    assert!(timeline.iter().any(|words| words.starts_with("safety copy before going back to ")), "{timeline:?}");
}
