//! `projection verify|rebuild` and `snapshot drill`.

use std::path::Path;

use super::{everything, run, run_with, store, store_with_snapshot};

/// Changes rows of the tables behind the program's back.
fn edit(folder: &Path, sql: &str) {
    rusqlite::Connection::open(folder.join("backstitch.db")).unwrap().execute_batch(sql).unwrap();
}

/// One row of each sort that differs from the log.
const DRIFT: &str = "UPDATE bots SET name = 'Eda' WHERE id = 'ada';
    DELETE FROM edges;
    INSERT INTO bots (id, name, persona, created_at) VALUES ('zoe', 'Zoe', '', '2026-11-20T20:41:05Z');";

#[test]
fn tables_like_the_log_are_told_so() {
    let folder = store();
    let said = run(folder.path(), &["projection", "verify"]).done();
    assert_eq!(said, "The tables stand at event 3; 3 events applied aside. No row differs from the log.\n");
    let json = run(folder.path(), &["projection", "verify", "--json"]).json();
    assert_eq!((&json["clean"], &json["position"], &json["rows"]), (&true.into(), &3.into(), &serde_json::json!([])));
    let status = run(folder.path(), &["projection", "status"]).done();
    let last = status.lines().last().unwrap();
    assert!(
        last.starts_with("Compared with the log at 20") && last.ends_with(": No row differs from the log."),
        "{last}"
    );
}

#[test]
fn rows_that_differ_are_listed_and_it_ends_with_1() {
    let folder = store();
    edit(folder.path(), DRIFT);
    let verified = run(folder.path(), &["projection", "verify"]);
    assert_eq!(verified.code, 1);
    insta::assert_snapshot!(verified.out, @r"
    The tables stand at event 3; 3 events applied aside. 3 rows differ from the log.
    bots
      ~ different  ada
          name  now  Eda
                log  Ada
      + too many  zoe
    edges
      - missing  ada, bob
    ");
    let way =
        format!("Make the tables anew with: backstitch projection rebuild --data-dir {}", folder.path().display());
    assert_eq!(verified.err, format!("backstitch: 3 rows differ from the log. {way}\n"));
    let status = run(folder.path(), &["projection", "status"]).done();
    assert!(verified.out.ends_with(status.split_once("the log.\n").unwrap().1), "{status}");
    let status = run(folder.path(), &["projection", "status", "--json", "--limit", "2"]).json();
    assert_eq!((status["rows"].as_array().map(Vec::len), &status["last_check"]["clean"]), (Some(2), &false.into()));
    let some = run(folder.path(), &["projection", "verify", "--limit", "1"]);
    assert_eq!(some.out.lines().last(), Some("The first 1 of 3 rows are listed; --limit says how many."));
    let json = run(folder.path(), &["projection", "verify", "--json"]);
    assert_eq!(json.code, 1);
    let json: serde_json::Value = serde_json::from_str(&json.out).unwrap();
    assert_eq!((&json["clean"], json["rows"].as_array().map(Vec::len)), (&false.into(), Some(3)));
    assert_eq!(json["tables"][0], serde_json::json!({"name": "bots", "missing": 0, "extra": 1, "different": 1}));
}

#[test]
fn a_rebuild_makes_the_tables_anew_and_can_be_undone() {
    let folder = store();
    let sound = everything(folder.path());
    edit(folder.path(), DRIFT);
    let edited = everything(folder.path());

    let said = run(folder.path(), &["projection", "rebuild", "--confirm", "3"]).done();

    let words = "3 rows changed in 2 tables. The tables stand at event 3.";
    assert_eq!(said.lines().next(), Some(words));
    assert_eq!(everything(folder.path())[..3], sound[..3]);
    run(folder.path(), &["projection", "verify"]).done();
    run(folder.path(), &["undo"]).done();
    assert_eq!(everything(folder.path())[..3], edited[..3]);
}

#[test]
fn a_rebuild_asks_for_the_last_event() {
    let folder = store();
    edit(folder.path(), DRIFT);
    let before = everything(folder.path());
    let asked = run_with(folder.path(), &["projection", "rebuild"], "3\n");
    assert_eq!((asked.code, asked.out.as_str()), (1, ""));
    let words = "The tables are emptied and made anew from 3 events, after a safety snapshot.\n\
                 backstitch: this needs the id typed, or --confirm 3. Nothing was done.\n";
    assert_eq!(asked.err, words);
    let said = run(folder.path(), &["projection", "rebuild", "--confirm", "2"]).refused(1);
    assert_eq!(said, "That is \"2\"; the id is 3. Nothing was done.");
    run(folder.path(), &["projection", "rebuild", "--confirm", "3", "--expected-head", "2"]).refused(1);
    assert_eq!(everything(folder.path()), before);
}

#[test]
fn a_restore_is_rehearsed_and_remembered() {
    let (folder, id) = store_with_snapshot();
    let before = everything(folder.path());
    let said = run(folder.path(), &["snapshot", "drill", &id]).done();
    let words = format!("Snapshot {id} was restored aside and brought to today: every table is as it stands now.\n");
    assert_eq!(said, words);
    // Of the list of snapshots, the moment of the rehearsal.
    let after = everything(folder.path());
    assert_eq!((&after[..3], &after[4..]), (&before[..3], &before[4..]));
    let listed = run(folder.path(), &["snapshot", "list", "--json"]).json();
    assert!(listed["snapshots"][0]["proven_at"].is_string(), "{listed}");
    let json = run(folder.path(), &["snapshot", "drill", &id, "--json"]).json();
    assert_eq!(json["snapshot_id"], id.as_str());
}

#[test]
fn a_rehearsal_that_ends_elsewhere_is_told() {
    let (folder, id) = store_with_snapshot();
    edit(folder.path(), DRIFT);
    run(folder.path(), &["snapshot", "drill", &id]).refused(1);
    assert_eq!(run(folder.path(), &["snapshot", "drill", "none"]).refused(1), "snapshot not found");
}
