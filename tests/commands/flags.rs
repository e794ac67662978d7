//! `events hide` and `events unhide`.

use super::{everything, run, store, store_with_snapshot};

#[test]
fn a_hidden_event_leaves_the_tables_and_comes_back() {
    let (folder, _) = store_with_snapshot();
    let before = everything(folder.path());
    let hidden = run(folder.path(), &["events", "hide", "4"]).done();
    assert!(hidden.starts_with("Event 4 is hidden. The tables stand at event 5.\nUndo: backstitch undo "), "{hidden}");
    assert!(run(folder.path(), &["events"]).done().contains("bot_created (hidden)"));
    assert!(!run(folder.path(), &["state", "bots"]).done().contains("cid"));
    assert_eq!(run(folder.path(), &["events", "hide", "4"]).done(), "Event 4 is hidden already.\n");

    let shown = run(folder.path(), &["events", "unhide", "4", "--json"]).json();
    assert_eq!((&shown["event"], &shown["hidden"], &shown["position"]), (&4.into(), &false.into(), &5.into()));
    assert_eq!(everything(folder.path())[..3], before[..3]);
    let again = run(folder.path(), &["events", "unhide", "4", "--json"]).json();
    assert_eq!(again["operation"], serde_json::Value::Null);
}

#[test]
fn what_is_said_after_hiding_undoes_it() {
    let folder = store();
    let said = run(folder.path(), &["events", "hide", "3"]).done();
    let command = said.trim_end().split_once("Undo: backstitch ").unwrap().1;
    run(folder.path(), &command.split(' ').collect::<Vec<_>>()).done();
    assert!(!run(folder.path(), &["events"]).done().contains("(hidden)"));
}

#[test]
fn hiding_what_others_build_on_is_refused() {
    let folder = store();
    let before = everything(folder.path());
    let said = run(folder.path(), &["events", "hide", "1"]).refused(1);
    assert!(said.contains("event 3"), "{said}");
    run(folder.path(), &["events", "hide", "9"]).refused(1);
    assert_eq!(everything(folder.path()), before);
}

#[test]
fn what_lists_events_is_no_option_of_hiding_one() {
    let folder = store();
    for wrong in
        [&["events", "hide"][..], &["events", "hide", "all"], &["events", "hide", "0"], &["events", "hid", "1"]]
    {
        run(folder.path(), wrong).misused();
    }
    run(folder.path(), &["events", "--limit", "1", "hide", "1"]).misused();
    run(folder.path(), &["events", "hide", "1", "--limit", "1"]).misused();
    assert!(!run(folder.path(), &["events"]).done().contains("(hidden)"));
}
