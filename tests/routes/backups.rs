//! `/backups`: making, listing, showing, checking and restoring backups of the runtime state.

use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use backstitch::backup::Gate;
use backstitch::history::Means;
use serde_json::{Value, json};
use tempfile::TempDir;

use super::{follow, refused, send_form};
use crate::support::{HTML, JSON, PLAIN, Page, TestApp, story};

/// Thirty events, a registry file, and a folder of a vector store.
fn runtime() -> (TestApp, TempDir) {
    let home = tempfile::tempdir().unwrap();
    fs::write(home.path().join("registry.json"), r#"{"projects": ["one"]}"#).unwrap();
    fs::create_dir(home.path().join("vectors")).unwrap();
    fs::write(home.path().join("vectors/data.bin"), [7; 1000]).unwrap();
    let app = TestApp::with(|options| {
        options.registry = Some(home.path().join("registry.json"));
        options.chroma_dir = Some(home.path().join("vectors"));
    });
    app.store.append(story(30));
    (app, home)
}

/// Ten events later, with another registry.
fn move_on(app: &TestApp, home: &TempDir) {
    app.store.append(story(40).split_off(30));
    fs::write(home.path().join("registry.json"), r#"{"projects": ["two"]}"#).unwrap();
}

fn back_up(app: &TestApp, include_chroma: &str) -> Value {
    let made = app.post("/backups", &[("include_chroma", include_chroma)], JSON);
    assert_eq!(made.status, 201, "{}", made.text());
    made.json()
}

fn stamp(backup: &Value) -> String {
    backup["stamp"].as_str().unwrap().to_owned()
}

fn folder(app: &TestApp, stamp: &str) -> PathBuf {
    app.store.path().join("backups/snapshots").join(stamp)
}

fn plan_of(app: &TestApp, stamp: &str) -> Page {
    let answer = app.get(&format!("/backups/{stamp}"), HTML);
    assert_eq!(answer.status, 200, "{}", answer.text());
    answer.page()
}

#[test]
fn a_backup_that_is_made_is_listed_and_shown_with_the_same_fields() {
    let (app, _home) = runtime();
    assert_eq!(app.get("/backups", JSON).json(), json!({ "backups": [] }));
    let made = back_up(&app, "true");
    assert_eq!((&made["has_metadata"], &made["metadata_error"]), (&true.into(), &Value::Null));
    assert_eq!(made["includes"], json!({"database": true, "registry": true, "vectors": true}));
    assert!(made["metadata"]["vector_store_note"].as_str().unwrap().contains("is included"));
    assert_eq!(app.get("/backups", JSON).json(), json!({ "backups": [made] }));
    let shown = app.get(&format!("/backups/{}", stamp(&made)), JSON).json();
    assert_eq!((&shown["stamp"], &shown["path"]), (&made["stamp"], &made["path"]));
    assert_eq!((&shown["plan"]["events_removed"], &shown["plan_error"]), (&0.into(), &Value::Null));
    let made = app.post("/backups", &[], JSON).json();
    assert_eq!(made["includes"]["vectors"], false, "it was not asked for");
    assert_eq!(app.get("/backups", JSON).json()["backups"][0]["stamp"], made["stamp"], "newest first");
}

#[test]
fn what_cannot_be_included_and_what_is_no_answer_is_refused() {
    let app = TestApp::with_story(6);
    refused(|accept| app.post("/backups", &[("include_chroma", "maybe")], accept), 400, "include_chroma must be");
    refused(|accept| app.post("/backups", &[("include_chroma", "true")], accept), 400, "it is not said where it is");
    assert_eq!(app.get("/backups", JSON).json(), json!({ "backups": [] }));
}

#[test]
fn a_store_without_backups_says_what_one_is_for() {
    let app = TestApp::with_story(6);
    let page = app.get("/backups", HTML).page();
    assert!(page.text(".teach").contains("A backup is a folder of its own"));
    assert!(page.text(".teach pre").starts_with("backstitch backup create"));
    assert!(page.text(".teach").contains("start with --chroma-dir DIR"));
    assert!(!page.has("[name=include_chroma]"), "no vector store is known");
    let (app, home) = runtime();
    let page = app.get("/backups", HTML).page();
    assert!(page.has("input[type=checkbox][name=include_chroma][value=true]:not([checked])"));
    let command = page.text(".teach pre");
    assert!(command.contains(&format!("--chroma-dir {}", home.path().join("vectors").display())), "{command}");
}

#[test]
fn backups_are_behind_more_on_every_page() {
    let app = TestApp::with_story(6);
    for (path, current) in [("/", false), ("/history", false), ("/backups", true)] {
        let page = app.get(path, HTML).page();
        assert_eq!(page.text("nav .more summary"), "More");
        assert_eq!(page.text("nav .more a[href='/backups']"), "Backups");
        assert_eq!(page.has("nav .more a[aria-current=page]"), current, "{path}");
        assert_eq!(page.has("nav .more summary.current"), current, "{path}");
    }
}

#[test]
fn the_form_of_the_list_makes_a_backup_and_leads_to_it() {
    let (app, _home) = runtime();
    let page = app.get("/backups", HTML).page();
    let result = follow(&app, &send_form(&app, &page, "form.back-up", &[("include_chroma", "true")]));
    assert_eq!(result.text("#result"), "A backup is made, at event 30.");
    assert!(result.text(".result").contains("It holds database, registry file and vector store"));
    assert_eq!(result.texts("table.backups tbody tr").len(), 1);
    let url = result.attribute(".result a", "href");
    assert_eq!(url, result.attribute("table.backups a", "href"));
    let page = app.get(&url, HTML).page();
    let holds = page.text(".holds");
    for words in ["with the log to event 30", "The vector store is included", "not yet checked", "db/backstitch.db"] {
        assert!(holds.contains(words), "{words}: {holds}");
    }
    assert!(page.texts(".holds tr").contains(&"event_log30".to_owned()), "{holds}");
}

#[test]
fn checking_says_what_is_wrong_and_the_list_remembers_it() {
    let (app, _home) = runtime();
    let stamp = stamp(&back_up(&app, "false"));
    let path = format!("/backups/{stamp}/validate");
    let found = app.post(&path, &[], JSON).json();
    assert_eq!((&found["valid"], &found["exists"], &found["errors"]), (&true.into(), &true.into(), &json!([])));
    let sound = follow(&app, &app.post(&path, &[], HTML));
    assert_eq!(sound.text("#result"), "This backup is sound.");
    assert!(sound.text(".holds").contains("checked just now"));
    fs::write(folder(&app, &stamp).join("config/registry.json"), "{}").unwrap();
    let found = app.post(&path, &[], JSON).json();
    assert_eq!(found["valid"], false);
    assert!(found["errors"][0].as_str().unwrap().starts_with("file_differs"), "{found}");
    let damaged = follow(&app, &app.post(&path, &[], HTML));
    assert!(damaged.text(".alert").contains("a file is not what was written: config/registry.json"));
    assert!(damaged.text("main").contains("The last check found it damaged"), "{}", damaged.text("main"));
    assert!(!damaged.has("form#restore") && damaged.has(".keep form button"), "it can be checked again");
    assert!(app.get("/backups", HTML).page().text("table.backups .c-state").contains("a file is not what was written"));
    let shown = app.get(&format!("/backups/{stamp}"), JSON).json();
    assert!(shown["plan"].is_null() && shown["plan_error"].as_str().unwrap().contains("damaged"), "{shown}");
    fs::write(folder(&app, &stamp).join("config/registry.json"), r#"{"projects": ["one"]}"#).unwrap();
    assert!(follow(&app, &app.post(&path, &[], HTML)).has("form#restore"));
}

#[test]
fn the_page_of_a_backup_shows_table_by_table_and_row_by_row_what_restoring_would_change() {
    let (app, home) = runtime();
    let stamp = stamp(&back_up(&app, "true"));
    move_on(&app, &home);
    let before = app.store.content();
    let page = plan_of(&app, &stamp);
    assert!(page.text(".lead").ends_with("to event 30: 10 events leave."), "{}", page.text(".lead"));
    assert!(page.text("main").contains("The registry file and the vector store are put back as well."));
    assert!(page.has("#rows ol.rows li"));
    let plan = app.get(&format!("/backups/{stamp}"), JSON).json()["plan"].clone();
    assert_eq!((&plan["events_removed"], &plan["current_event_log_max_id"]), (&10.into(), &40.into()));
    let memories = plan["tables"].as_array().unwrap().iter().find(|table| table["name"] == "memories").unwrap();
    let removed = memories["removed"].as_u64().unwrap();
    assert!(removed > 0);
    let rows = app.get(&format!("/backups/{stamp}?table=memories"), JSON).json();
    assert_eq!(rows["rows"].as_array().unwrap().len() as u64, removed);
    let page = app.get(&format!("/backups/{stamp}?table=memories&view=rows"), HTML).page();
    assert_eq!((page.text("h1"), page.texts("ol.rows li").len() as u64), ("Rows of memories".into(), removed));
    refused(|accept| app.get(&format!("/backups/{stamp}?table=nowhere&view=rows"), accept), 404, "there is no table");
    assert_eq!(app.store.content(), before);
}

#[test]
fn the_form_of_a_plan_restores_everything_and_its_result_can_be_undone_at_once() {
    let (app, home) = runtime();
    let stamp = stamp(&back_up(&app, "false"));
    let then = app.store.content();
    move_on(&app, &home);
    let now = app.store.content();
    let registry = || fs::read_to_string(home.path().join("registry.json")).unwrap();
    let page = plan_of(&app, &stamp);
    let typed = format!(" {stamp} ");
    let result = follow(&app, &send_form(&app, &page, "form#restore", &[("confirm_stamp", &typed)]));
    assert_eq!(result.text("#result"), "Went back to a backup at event 30.");
    assert!(result.text(".result").contains("10 events left the log"));
    assert_eq!((app.store.content(), registry().as_str()), (then, r#"{"projects": ["one"]}"#));
    let undone = follow(&app, &send_form(&app, &result, ".result form", &[]));
    assert!(undone.text("#result").starts_with("Undone: the log is at event 40 again"), "{}", undone.text("#result"));
    assert!(undone.has("nav .more a[aria-current=page]"), "the page that asked");
    assert_eq!((app.store.content(), registry().as_str()), (now, r#"{"projects": ["two"]}"#));
}

#[test]
fn a_program_gets_what_a_restore_did() {
    let (app, home) = runtime();
    let stamp = stamp(&back_up(&app, "true"));
    move_on(&app, &home);
    let answer = app.post(&format!("/backups/{stamp}/restore"), &[("confirm_stamp", &stamp)], JSON);
    assert_eq!(answer.status, 200, "{}", answer.text());
    let done = answer.json();
    assert_eq!((&done["stamp"], &done["events_removed"]), (&stamp.as_str().into(), &10.into()));
    assert_eq!((&done["registry"], &done["vectors"]), (&true.into(), &true.into()));
    assert_ne!(done["backup_before"], stamp.as_str());
    assert_eq!(app.store.engine.status().unwrap().head, 30);
}

#[test]
fn a_confirmation_of_another_stamp_is_refused_before_anything_is_opened() {
    let (app, _home) = runtime();
    let made = stamp(&back_up(&app, "false"));
    let before = app.store.content();
    // Even where there is no such backup, or none could have that name.
    for (path, typed) in [(made.as_str(), ""), (&made, "20200101T000000Z"), ("20200101T000000Z", &made), ("%2e.", "x")]
    {
        for accept in [JSON, PLAIN] {
            let fields = [("confirm_stamp", typed), ("expected_head", "no number")];
            let answer = app.post(&format!("/backups/{path}/restore"), &fields, accept);
            assert_eq!(answer.status, 400, "{path} {typed}");
            assert!(answer.words(accept).contains("confirm_stamp does not match backup stamp"));
        }
    }
    let typed = [("confirm_stamp", "<b>20200101")];
    let answer = send_form(&app, &plan_of(&app, &made), "form#restore", &typed);
    assert_eq!(answer.status, 400);
    let again = answer.page();
    assert!(again.text("#cid-error").starts_with("That is <b>20200101; the stamp is"));
    assert_eq!(again.attribute("#cid", "value"), "<b>20200101", "what was typed stays");
    assert_eq!((app.store.content(), app.store.engine.backups().unwrap().len()), (before, 1));
}

/// Closed as by a backup of the vector store that takes long.
#[test]
fn an_event_that_waited_too_long_for_a_backup_is_told_to_come_again() {
    let app = TestApp::with(|options| options.busy_timeout = Duration::from_millis(300));
    let closed = Gate::new(app.store.path()).close(Duration::ZERO).unwrap();
    let event = r#"{"kind": "note", "payload": {}}"#;
    let answer = app.post_body("/events", "application/json", event, JSON);
    assert_eq!(answer.status, 503, "{}", answer.text());
    assert!(answer.header("retry-after").parse::<u32>().is_ok());
    assert!(answer.words(JSON).starts_with("A backup is being taken or restored, and new events wait"));
    drop(closed);
    assert_eq!(app.post_body("/events", "application/json", event, JSON).status, 201);
}

#[test]
fn a_stamp_that_is_none_is_not_found_on_every_route() {
    let (app, _home) = runtime();
    back_up(&app, "false");
    for (id, path) in [
        ("20200101T000000Z", "20200101T000000Z"),
        ("..", "%2e%2e"),
        ("../x", "..%2fx"),
        (".unfinished-1", ".unfinished-1"),
        ("a\0", "a%00"),
        ("/etc/passwd", "%2fetc%2fpasswd"),
    ] {
        refused(|accept| app.get(&format!("/backups/{path}"), accept), 404, "backup not found");
        refused(|accept| app.get(&format!("/backups/{path}?table=bots"), accept), 404, "backup not found");
        refused(|accept| app.post(&format!("/backups/{path}/validate"), &[], accept), 404, "backup not found");
        if !id.contains('\0') {
            let fields = [("confirm_stamp", id)];
            refused(|accept| app.post(&format!("/backups/{path}/restore"), &fields, accept), 404, "backup not found");
        }
    }
}

#[test]
fn a_form_drawn_before_an_event_came_does_nothing_and_shows_the_new_plan() {
    let (app, home) = runtime();
    let stamp = stamp(&back_up(&app, "false"));
    let page = plan_of(&app, &stamp);
    move_on(&app, &home);
    let before = app.store.content();
    let answer = send_form(&app, &page, "form#restore", &[("confirm_stamp", &stamp)]);
    assert_eq!((answer.status, app.store.content()), (409, before));
    let again = answer.page();
    assert!(again.text(".strip").contains("The log moved while you were reading: 10 new events."));
    assert_eq!(again.attribute("#cid", "value"), "", "it confirmed another plan");
    let typed = [("confirm_stamp", stamp.as_str())];
    let (first, second) =
        (send_form(&app, &again, "form#restore", &typed), send_form(&app, &again, "form#restore", &typed));
    assert_eq!((first.status, second.status), (303, 303), "a form sent twice is answered twice alike");
    assert_eq!(first.header("location"), second.header("location"));
    assert_eq!(app.store.engine.status().unwrap().head, 30);
}

#[test]
fn a_backup_that_cannot_be_restored_says_why_and_has_no_form() {
    let (app, _home) = runtime();
    let made = stamp(&back_up(&app, "false"));
    let database = folder(&app, &made).join("db/backstitch.db");
    let mut bytes = fs::read(&database).unwrap();
    bytes[5000] ^= 1;
    fs::write(&database, bytes).unwrap();
    let page = plan_of(&app, &made);
    assert!(!page.has("form#restore") && page.has(".holds"));
    assert!(page.text("main").contains("The backup's database is not what was written."), "{}", page.text("main"));
    let shown = app.get(&format!("/backups/{made}"), JSON).json();
    assert!(shown["plan"].is_null() && shown["plan_error"].as_str().unwrap().contains("not what was written"));
    let restore = format!("/backups/{made}/restore");
    refused(|accept| app.post(&restore, &[("confirm_stamp", &made)], accept), 422, "backup");
    fs::write(folder(&app, &made).join("backup-metadata.json"), "{").unwrap();
    assert!(plan_of(&app, &made).text("main").contains("cannot be restored"));
    let list = app.get("/backups", HTML).page();
    assert!(list.text("table.backups .c-what").contains("what is in it cannot be read"));
}

#[test]
fn a_backup_of_another_program_is_shown_and_not_restored() {
    let (app, _home) = runtime();
    let made = stamp(&back_up(&app, "false"));
    let file = folder(&app, &made).join("backup-metadata.json");
    let mut metadata: Value = serde_json::from_slice(&fs::read(&file).unwrap()).unwrap();
    metadata.as_object_mut().unwrap().retain(|key, _| key != "files");
    fs::write(&file, metadata.to_string()).unwrap();
    assert!(app.get("/backups", HTML).page().text("table.backups").contains("made by another program"));
    let page = plan_of(&app, &made);
    assert!(!page.has("form#restore"));
    assert!(page.text("main").contains("made by another program"), "{}", page.text("main"));
    let sound = follow(&app, &app.post(&format!("/backups/{made}/validate"), &[], HTML));
    assert!(sound.text(".result").contains("no hashes to compare"), "{}", sound.text("main"));
}

#[test]
fn a_part_without_a_place_is_told_before_anything_is_done() {
    let (app, home) = runtime();
    let made = stamp(&back_up(&app, "true"));
    let bare = TestApp::with_story(30);
    let to = folder(&bare, &made);
    for part in ["db", "config", "chroma"] {
        fs::create_dir_all(to.join(part)).unwrap();
    }
    for file in ["db/backstitch.db", "config/registry.json", "chroma/data.bin", "backup-metadata.json"] {
        fs::copy(folder(&app, &made).join(file), to.join(file)).unwrap();
    }
    let page = plan_of(&bare, &made);
    assert!(!page.has("form#restore"));
    assert!(page.text("main").contains("The backup holds a registry file"), "{}", page.text("main"));
    let restore = format!("/backups/{made}/restore");
    refused(|accept| bare.post(&restore, &[("confirm_stamp", &made)], accept), 409, "not told where that belongs");
    assert_eq!(bare.store.engine.backups().unwrap().len(), 1, "no backup of the present was made");
    drop(home);
}

#[test]
fn the_history_names_backups_and_offers_to_undo_a_restore() {
    let (app, home) = runtime();
    let made = app.store.engine.create_backup(false, Means::Command).unwrap().backup.stamp;
    move_on(&app, &home);
    app.post(&format!("/backups/{made}/restore"), &[("confirm_stamp", made.as_str())], HTML);
    let lines = app.get("/history", HTML).page().texts("main tbody tr").join("\n");
    assert!(lines.contains("Went back to a backup at event 30: 10 events left the log"), "{lines}");
    assert!(lines.contains("Backup at event 30") && lines.contains("Undo"), "{lines}");
    let operation = app.get("/history", JSON).json()["operations"][0]["operation"].as_i64().unwrap();
    let plan = app.get(&format!("/history/{operation}/undo"), HTML).page();
    assert_eq!(plan.text("h1"), "Undo going back to a backup at event 30");
    assert!(plan.text(".lead").contains("10 events come back"), "{}", plan.text(".lead"));
}
