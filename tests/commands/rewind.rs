//! `rewind`.

use serde_json::json;

use super::{everything, run, run_with, store_with_snapshot};

#[test]
fn a_dry_run_shows_what_would_go_and_does_nothing() {
    let (folder, _) = store_with_snapshot();
    let before = everything(folder.path());
    insta::assert_snapshot!(run(folder.path(), &["rewind", "3", "--dry-run"]).done(), @r"
    2 events leave the log: from 4 (bot_created, 2026-11-20T20:41:04Z) to 5 (edge_update, 2026-11-20T20:41:05Z).
    Event 3 becomes the last.
    kind         events
    bot_created       1
    edge_update       1
    table                come back  go  change  rows now  rows then
    bots                         0   1       0         3          2
    you_entity                   0   0       0         0          0
    edges                        0   0       1         1          1
    memories                     0   0       0         0          0
    chats                        0   0       0         0          0
    chat_state                   0   0       0         0          0
    containers                   0   0       0         0          0
    scenes                       0   0       0         0          0
    activity                     0   0       0         0          0
    classifier_failures          0   0       0         0          0
    ");
    let json = run(folder.path(), &["rewind", "0", "--dry-run", "--json"]).json();
    assert_eq!((&json["total_events"], &json["last_event_id"]), (&5.into(), &0.into()));
    assert_eq!(json["by_kind"], json!({"bot_created": 3, "edge_update": 2}));
    assert_eq!((&json["first_event"]["id"], &json["last_event"]["id"]), (&1.into(), &5.into()));
    assert_eq!(everything(folder.path()), before);
}

#[test]
fn one_event_and_none_that_stays_are_told_so() {
    let (folder, _) = store_with_snapshot();
    let one = run(folder.path(), &["rewind", "4", "--dry-run"]).done();
    assert!(one.starts_with("1 event leaves the log: 5 (edge_update, "), "{one}");
    let all = run(folder.path(), &["rewind", "0", "--dry-run"]).done();
    assert_eq!(all.lines().nth(1), Some("No event stays."));
}

#[test]
fn what_is_superseded_by_an_event_that_goes_counts_again() {
    let (folder, _) = store_with_snapshot();
    run_with(folder.path(), &["append"], "{\"kind\":\"note\",\"payload\":{},\"supersedes\":4}").done();
    assert!(!run(folder.path(), &["state", "bots"]).done().contains("cid"));
    let plan = run(folder.path(), &["rewind", "5", "--dry-run"]).done();
    assert!(plan.contains("\n1 event that was superseded since counts again.\n"), "{plan}");
    run(folder.path(), &["rewind", "5", "--confirm", "5"]).done();
    assert!(run(folder.path(), &["state", "bots"]).done().contains("cid"));
}

#[test]
fn a_hold_that_would_end_is_told() {
    let (folder, id) = store_with_snapshot();
    run(folder.path(), &["snapshot", "restore", &id, "--confirm", &id]).done();
    let plan = run(folder.path(), &["rewind", "4", "--dry-run"]).done();
    assert!(plan.contains("\nThe tables are paused at event 3; that ends.\n"), "{plan}");
    run(folder.path(), &["rewind", "4", "--confirm", "4"]).done();
    let status = run(folder.path(), &["projection", "status"]).done();
    assert_eq!(status, "The log stands at event 4, the tables at event 4.\n");
}

#[test]
fn a_rewind_takes_events_back_and_says_what_undoes_it() {
    let (folder, _) = store_with_snapshot();
    let before = everything(folder.path());
    let said = run(folder.path(), &["rewind", "3", "--confirm", "3"]).done();
    let (told, way_back) = said.split_once('\n').unwrap();
    let words = "2 rows changed in 2 tables; 2 events left the log. The tables stand at event 3.";
    assert_eq!(told, words);
    assert_eq!(run(folder.path(), &["events"]).done().lines().count(), 3);
    assert!(!run(folder.path(), &["state", "bots"]).done().contains("cid"));
    let command = way_back.trim_end().split_once("Undo: backstitch ").unwrap().1;
    run(folder.path(), &command.split(' ').collect::<Vec<_>>()).done();
    // Snapshots and the epoch have grown.
    assert_eq!(everything(folder.path())[..3], before[..3]);
}

#[test]
fn without_a_confirmation_on_a_pipe_the_plan_is_shown_and_nothing_is_done() {
    let (folder, _) = store_with_snapshot();
    let before = everything(folder.path());
    let plan = run(folder.path(), &["rewind", "3", "--dry-run"]).done();
    for input in ["", "3\n"] {
        let asked = run_with(folder.path(), &["rewind", "3"], input);
        assert_eq!((asked.code, asked.out.as_str()), (1, ""));
        let refusal = "backstitch: this needs the number typed, or --confirm 3. Nothing was done.\n";
        assert_eq!(asked.err, format!("{plan}{refusal}"));
    }
    for wrong in ["4", "", "03", "yes"] {
        let said = run(folder.path(), &["rewind", "3", "--confirm", wrong]).refused(1);
        assert_eq!(said, format!("That is {wrong:?}; the number is 3. Nothing was done."));
    }
    assert_eq!(everything(folder.path()), before);
}

#[test]
fn an_event_with_nothing_after_it_is_refused() {
    let (folder, _) = store_with_snapshot();
    let before = everything(folder.path());
    for event in ["5", "99"] {
        for arguments in [&["rewind", event, "--dry-run"][..], &["rewind", event, "--confirm", event]] {
            let said = run(folder.path(), arguments).refused(1);
            let words = format!("there is nothing after event {event} to take back: the log ends at event 5");
            assert_eq!(said, words);
        }
    }
    assert_eq!(everything(folder.path()), before);
    for wrong in
        [&["rewind"][..], &["rewind", "last"], &["rewind", "-1"], &["rewind", "3", "--dry-run", "--confirm", "3"]]
    {
        run(folder.path(), wrong).misused();
    }
}

#[test]
fn a_log_that_moved_is_not_rewound() {
    let (folder, _) = store_with_snapshot();
    let before = everything(folder.path());
    let epoch = run(folder.path(), &["projection", "status", "--json"]).json()["epoch"].as_u64().unwrap();
    let rewind = |more: &[&str]| run(folder.path(), &[&["rewind", "3", "--confirm", "3"], more].concat());
    let said = rewind(&["--expected-head", "4"]).refused(1);
    assert!(said.starts_with("The log stands at event 5, and event 4 was expected. "), "{said}");
    rewind(&["--expected-epoch", &(epoch + 1).to_string()]).refused(1);
    assert_eq!(everything(folder.path()), before);
    let done = rewind(&["--expected-head", "5", "--expected-epoch", &epoch.to_string(), "--json"]).json();
    assert_eq!((&done["events_removed"], &done["position"], &done["held"]), (&2.into(), &3.into(), &false.into()));
    assert_eq!(done["safety_snapshot"]["kind"], "rewind");
}
