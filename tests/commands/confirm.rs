//! What destroys asks for the id: `snapshot restore` and `snapshot delete`.

use super::{everything, run, run_with, store_with_snapshot};

#[test]
fn without_a_confirmation_on_a_pipe_nothing_is_done() {
    let (folder, id) = store_with_snapshot();
    let before = everything(folder.path());
    let refusal = format!("this needs the id typed, or --confirm {id}. Nothing was done.");
    assert_eq!(run(folder.path(), &["snapshot", "delete", &id]).refused(1), refusal);
    // What is typed into a pipe is no confirmation.
    assert_eq!(run_with(folder.path(), &["snapshot", "delete", &id], &id).refused(1), refusal);
    let restore = run_with(folder.path(), &["snapshot", "restore", &id], &id);
    assert_eq!((restore.code, restore.out.as_str()), (1, ""));
    assert!(restore.err.ends_with(&format!("backstitch: {refusal}\n")), "{}", restore.err);
    assert_eq!(everything(folder.path()), before);
}

#[test]
fn a_wrong_confirmation_is_refused() {
    let (folder, id) = store_with_snapshot();
    let before = everything(folder.path());
    for command in ["restore", "delete"] {
        for wrong in ["20010101T000000Z", "", "yes", "20010101t"] {
            let said = run(folder.path(), &["snapshot", command, &id, "--confirm", wrong]).refused(1);
            assert_eq!(said, format!("That is {wrong:?}; the id is {id}. Nothing was done."));
        }
    }
    assert_eq!(everything(folder.path()), before);
}

#[test]
fn a_restore_says_what_changed_and_how_to_go_back() {
    let (folder, id) = store_with_snapshot();
    let said = run(folder.path(), &["snapshot", "restore", &id, "--confirm", &id]).done();
    let (told, way_back) = said.split_once('\n').unwrap();
    let words = "2 rows changed in 2 tables. The tables stand at event 3, paused.";
    assert_eq!(told, words);
    let (safety, command) = way_back.trim_end().split_once(" has what was there before. Undo: backstitch ").unwrap();
    let back = run(folder.path(), &command.split(' ').collect::<Vec<_>>()).done();
    assert!(back.contains("The tables stand at event 5."), "{back}");
    assert!(run(folder.path(), &["state", "bots"]).done().contains("cid"));
    let safety = safety.strip_prefix("Safety copy ").unwrap();
    run(folder.path(), &["snapshot", "show", safety, "--kind", "rewind"]).done();
}

#[test]
fn a_restore_of_everything_answers_in_json() {
    let (folder, id) = store_with_snapshot();
    let confirmed = format!(" {id} ");
    let arguments = ["snapshot", "restore", &id, "--scope", "everything", "--confirm", &confirmed, "--json"];
    let restored = run(folder.path(), &arguments).json();
    assert_eq!((&restored["events_removed"], &restored["position"]), (&2.into(), &3.into()));
    assert_eq!(restored["safety_snapshot"]["kind"], "rewind");
    assert_eq!(run(folder.path(), &["events"]).done().lines().count(), 3);
}

#[test]
fn a_log_that_moved_is_left_alone() {
    let (folder, id) = store_with_snapshot();
    let before = everything(folder.path());
    let restore =
        |head: &str| run(folder.path(), &["snapshot", "restore", &id, "--confirm", &id, "--expected-head", head]);
    let said = restore("4").refused(1);
    assert!(said.starts_with("The log stands at event 5, and event 4 was expected. "), "{said}");
    assert_eq!(everything(folder.path()), before);
    restore("5").done();
}

#[test]
fn a_store_that_changed_since_an_epoch_is_left_alone() {
    let (folder, id) = store_with_snapshot();
    let before = everything(folder.path());
    let epoch = run(folder.path(), &["projection", "status", "--json"]).json()["epoch"].as_u64().unwrap();
    let restore = |epoch: u64| {
        let epoch = epoch.to_string();
        run(folder.path(), &["snapshot", "restore", &id, "--confirm", &id, "--expected-epoch", &epoch])
    };
    restore(epoch + 1).refused(1);
    assert_eq!(everything(folder.path()), before);
    restore(epoch).done();
    restore(epoch).refused(1);
}

#[test]
fn the_way_back_names_the_store_as_a_shell_reads_it() {
    let folder = tempfile::tempdir().unwrap();
    let (data, db) = (folder.path().join("my data"), folder.path().join("it's.db"));
    let arguments = ["--db", db.to_str().unwrap()];
    run_with(&data, &[&["append"], &arguments[..]].concat(), super::EVENTS).done();
    let taken = run(&data, &[&["snapshot", "take", "--json"], &arguments[..]].concat()).json();
    let id = taken["snapshot_id"].as_str().unwrap();
    let said = run(&data, &[&["snapshot", "restore", id, "--confirm", id], &arguments[..]].concat()).done();
    let path = folder.path().display();
    let told = format!(" Undo: backstitch undo 2 --data-dir '{path}/my data' --db '{path}/it'\\''s.db'\n");
    assert!(said.ends_with(&told), "{said}");
}

#[test]
fn a_deleted_snapshot_is_gone() {
    let (folder, id) = store_with_snapshot();
    let said = run(folder.path(), &["snapshot", "delete", &id, "--confirm", &id]).done();
    assert!(said.starts_with(&format!("Snapshot {id} deleted; ")), "{said}");
    assert_eq!(run(folder.path(), &["snapshot", "show", &id]).refused(1), "snapshot not found");
    assert_eq!(run(folder.path(), &["snapshot", "delete", &id, "--confirm", &id]).refused(1), "snapshot not found");
}

#[test]
fn a_snapshot_off_this_history_gives_its_tables_only_with_its_log() {
    let (folder, id) = store_with_snapshot();
    let later = run(folder.path(), &["snapshot", "take", "--json"]).json()["snapshot_id"].as_str().unwrap().to_owned();
    run(folder.path(), &["snapshot", "restore", &id, "--scope", "everything", "--confirm", &id]).done();
    let said =
        run(folder.path(), &["snapshot", "restore", &later, "--kind", "periodic", "--confirm", &later]).refused(1);
    assert!(said.contains("scope=everything"), "{said}");
    run(
        folder.path(),
        &["snapshot", "restore", &later, "--kind", "periodic", "--scope", "everything", "--confirm", &later],
    )
    .done();
}
