//! `GET /snapshots/{id}/export`, `POST /snapshots/import`, and dumps that somebody put into the
//! folder or that this store takes.

use std::fs;

use backstitch::engine::Options;
use backstitch::history::Means;
use backstitch::snapshot::{Format, Kind, Scope};
use serde_json::Value;

use super::refused;
use crate::support::{HTML, JSON, PLAIN, TestApp, TestStore, story};

/// A store of twelve events with a snapshot at the sixth, and that snapshot as a dump.
fn exported() -> (TestApp, String, String) {
    let app = TestApp::with_story(6);
    let id = app.take_snapshot()["snapshot_id"].as_str().unwrap().to_owned();
    app.store.append(story(12).split_off(6));
    let dump = app.get(&format!("/snapshots/{id}/export?kind=periodic"), PLAIN);
    assert_eq!((dump.status, dump.header("content-type")), (200, "application/json"));
    assert_eq!(dump.header("content-disposition"), format!("attachment; filename=\"backstitch-{id}.json\""));
    (app, id, dump.text().to_owned())
}

fn tables(preview: &Value) -> &Value {
    &preview["tables"]
}

#[test]
fn what_is_exported_can_be_imported_and_would_change_the_same() {
    let (app, id, dump) = exported();
    assert!(dump.starts_with(r#"{"last_event_id": 6, "event_log": [{"id": 1, "#), "{}", &dump[..80]);
    let imported = app.post_body("/snapshots/import?kind=rewind", "application/json", &dump, JSON);
    assert_eq!(imported.status, 201, "{}", imported.text());
    let imported = imported.json();
    assert_eq!(
        (&imported["kind"], &imported["format"], &imported["last_event_id"]),
        (&"rewind".into(), &"chunks".into(), &6.into())
    );
    let other = imported["snapshot_id"].as_str().unwrap();
    let own = app.get(&format!("/snapshots/{id}/preview?kind=periodic&scope=everything"), JSON).json();
    let theirs = app.get(&format!("/snapshots/{other}/preview?kind=rewind&scope=everything"), JSON).json();
    assert_eq!(tables(&own), tables(&theirs));
    assert_eq!(app.store.engine.history(None, 1).unwrap()[0].operation.what.as_str(), "import");
    let page = app.post_body("/snapshots/import?kind=periodic", "application/json", &dump, HTML);
    assert!(page.header("location").contains("/preview?kind=periodic"), "{}", page.header("location"));
}

#[test]
fn a_dump_in_the_folder_is_listed_compared_checked_and_restored() {
    let (app, _, dump) = exported();
    let before = app.store.content();
    let path = app.store.engine.snapshot_path(Kind::Periodic, &"by-hand".parse().unwrap());
    fs::write(&path, &dump).unwrap();
    let listed = app.get("/snapshots", JSON).json();
    let one = listed["snapshots"].as_array().unwrap().iter().find(|one| one["snapshot_id"] == "by-hand").unwrap();
    assert_eq!(
        (&one["format"], &one["last_event_id"], &one["damaged"], &one["on_this_history"]),
        (&"dump".into(), &6.into(), &Value::Null, &Value::Null)
    );
    let preview = app.get("/snapshots/by-hand/preview?kind=periodic", JSON).json();
    assert_eq!((&preview["events_removed"], &preview["event_delta"]), (&6.into(), &6.into()));
    let rows = app.get("/snapshots/by-hand/diff?kind=periodic&scope=everything&table=event_log", JSON).json();
    assert_eq!(rows["rows"].as_array().unwrap().len(), 6);
    for work in ["verify", "drill"] {
        let done = app.post(&format!("/snapshots/by-hand/{work}"), &[("kind", "periodic")], JSON);
        assert_eq!(done.status, 200, "{work}: {}", done.text());
    }
    for scope in ["projections", "everything"] {
        let fields = [("confirm_id", "by-hand"), ("kind", "periodic"), ("scope", scope)];
        let restored = app.post("/snapshots/restore/by-hand", &fields, JSON);
        assert_eq!(restored.status, 200, "{}", restored.text());
        assert_eq!(restored.json()["held"], scope == "projections");
        let undone = app.post(&format!("/history/{}/undo", restored.json()["operation"]), &[], JSON);
        assert_eq!(undone.status, 200, "{}", undone.text());
        assert_eq!(app.store.content(), before, "{scope}, undone");
    }
    let again = app.get("/snapshots/by-hand/export?kind=periodic", PLAIN);
    assert_eq!(again.text(), dump);
}

#[test]
fn a_dump_that_is_not_sound_is_refused_whole_with_the_place() {
    let (app, _, dump) = exported();
    let before = app.store.engine.snapshots().unwrap().len();
    let import = |body: &str, status, words: &str| {
        refused(
            |accept| app.post_body("/snapshots/import?kind=periodic", "application/json", body, accept),
            status,
            words,
        );
    };
    import("", 400, "ends in the middle");
    import(&dump[..dump.len() / 2], 400, "byte");
    import(&dump.replace("\"bots\"", "\"robots\""), 422, "robots");
    import(&dump.replacen("\"superseded_by\": null", "\"superseded_by\": 99", 1), 422, "event_log");
    refused(|accept| app.post_body("/snapshots/import", "application/json", &dump, accept), 400, "kind must be one of");
    assert_eq!(app.store.engine.snapshots().unwrap().len(), before);
    let cut = app.store.engine.snapshot_path(Kind::Periodic, &"cut".parse().unwrap());
    fs::write(cut, &dump[..dump.len() - 5]).unwrap();
    let misfit = app.store.engine.snapshot_path(Kind::Periodic, &"misfit".parse().unwrap());
    fs::write(misfit, dump.replace("\"persona\"", "\"character\"")).unwrap();
    for (id, words) in [("cut", "it ends in the middle"), ("misfit", "character")] {
        refused(|accept| app.get(&format!("/snapshots/{id}/preview?kind=periodic"), accept), 422, words);
    }
}

#[test]
fn a_store_that_takes_dumps_counts_and_prunes_them_as_its_own() {
    let store = TestStore::with(|options: &mut Options| options.format = Format::Dump);
    store.append(story(12));
    for _ in 0..7 {
        store.take();
    }
    let snapshots = store.engine.snapshots().unwrap();
    assert_eq!(snapshots.iter().map(|one| one.format).collect::<Vec<_>>(), [Format::Dump; 5]);
    assert!(!store.engine.should_take_periodic_snapshot().unwrap(), "the newest dump is the last snapshot");
    let labelled = store.engine.take_snapshot(Some("kept".into()), true, Means::Command).unwrap().snapshot;
    assert_eq!((labelled.label.as_deref(), labelled.pinned, labelled.own), (Some("kept"), true, true));
    store.engine.note(Kind::Periodic, &labelled.snapshot_id, Some(false), None).unwrap();
    assert!(store.engine.snapshot(Kind::Periodic, &labelled.snapshot_id).unwrap().own, "a note keeps whose it is");
    let before = store.content();
    store.append(story(18).split_off(12));
    let restored = store.restore(&labelled, Scope::Everything);
    assert_eq!((restored.events_removed, store.content()), (6, before));
}
