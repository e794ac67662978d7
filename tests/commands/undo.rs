//! `undo`.

use std::path::Path;

use super::{everything, run, run_with, store, store_with_snapshot};

const NOTE: &str = "{\"kind\":\"note\",\"payload\":{}}";

/// The log and the tables, which an undo brings back; snapshots and the epoch only grow.
fn content(folder: &Path) -> Vec<String> {
    everything(folder)[..3].to_vec()
}

/// The number of the newest operation.
fn newest(folder: &Path) -> String {
    let history = run(folder, &["history", "--limit", "1", "--json"]).json();
    history["operations"][0]["operation"].to_string()
}

/// Takes the events after the third back, and answers the operation.
fn rewind(folder: &Path) -> String {
    run(folder, &["rewind", "3", "--confirm", "3"]).done();
    newest(folder)
}

#[test]
fn the_newest_operation_is_undone_where_none_is_named() {
    let (folder, _) = store_with_snapshot();
    let before = content(folder.path());
    let rewound = rewind(folder.path());
    run(folder.path(), &["snapshot", "take"]).done();

    let said = run(folder.path(), &["undo"]).done();

    let lines: Vec<&str> = said.lines().collect();
    assert_eq!(lines[0], format!("Operation {rewound} is undone."));
    let words = "2 rows changed in 2 tables; 2 events came back. The tables stand at event 5.";
    assert_eq!(lines[1], words);
    assert_eq!(content(folder.path()), before);
}

#[test]
fn an_undo_is_undone_only_where_it_is_named() {
    let (folder, _) = store_with_snapshot();
    let before = content(folder.path());
    rewind(folder.path());
    let rewound = content(folder.path());
    run(folder.path(), &["undo"]).done();
    let undo = newest(folder.path());
    assert_eq!(run(folder.path(), &["undo"]).refused(1), "There is nothing that can be undone. Nothing was done.");
    assert_eq!(content(folder.path()), before);

    run(folder.path(), &["undo", &undo]).done();
    assert_eq!(content(folder.path()), rewound, "an undo of an undo does it again");

    // Nothing came after the undo of the undo, so nothing is asked.
    run(folder.path(), &["undo"]).done();
    assert_eq!(content(folder.path()), before);
    run(folder.path(), &["undo"]).refused(1);
}

#[test]
fn operations_are_undone_from_the_newest_to_the_oldest() {
    let (folder, _) = store_with_snapshot();
    let before = content(folder.path());
    run(folder.path(), &["events", "hide", "5"]).done();
    let hidden = content(folder.path());
    run(folder.path(), &["rewind", "3", "--confirm", "3"]).done();
    run(folder.path(), &["undo"]).done();
    assert_eq!(content(folder.path()), hidden);
    run(folder.path(), &["undo"]).done();
    assert_eq!(content(folder.path()), before);
    run(folder.path(), &["undo"]).refused(1);
}

#[test]
fn with_events_after_it_the_plan_is_shown_and_the_number_asked_for() {
    let (folder, _) = store_with_snapshot();
    let rewound = rewind(folder.path());
    run_with(folder.path(), &["append"], NOTE).done();
    let before = everything(folder.path());

    let asked = run_with(folder.path(), &["undo"], &rewound);
    assert_eq!((asked.code, asked.out.as_str()), (1, ""));
    let refusal = format!("backstitch: this needs the number typed, or --confirm {rewound}. Nothing was done.\n");
    assert!(asked.err.ends_with(&refusal), "{}", asked.err);
    let plan = run(folder.path(), &["undo", "--dry-run"]).done();
    assert_eq!(asked.err, format!("{plan}{refusal}"));
    let said = run(folder.path(), &["undo", "--confirm", "99"]).refused(1);
    assert_eq!(said, format!("That is \"99\"; the number is {rewound}. Nothing was done."));
    assert_eq!(everything(folder.path()), before);

    let done = run(folder.path(), &["undo", "--confirm", &rewound, "--json"]).json();
    assert_eq!((&done["events_removed"], &done["events_returned"]), (&1.into(), &2.into()));
    assert_eq!(run(folder.path(), &["events"]).done().lines().count(), 5);
}

#[test]
fn a_dry_run_says_what_would_change() {
    let (folder, _) = store_with_snapshot();
    let rewound = rewind(folder.path());
    run_with(folder.path(), &["append"], NOTE).done();
    let before = everything(folder.path());
    let plan = run(folder.path(), &["undo", &rewound, "--dry-run"]).done();
    let lines: Vec<&str> = plan.lines().collect();
    assert!(lines[0].starts_with(&format!("Operation {rewound} (rewind) of 20")), "{plan}");
    assert_eq!(lines[1..3], ["1 event came after it.", "1 event leaves the log, 2 events come back."]);
    assert!(lines.contains(&"bots                         1   0       0         2          3"), "{plan}");
    let json = run(folder.path(), &["undo", "--dry-run", "--json"]).json();
    assert_eq!((&json["events_removed"], &json["events_returned"]), (&1.into(), &2.into()));
    assert_eq!(json["operation"].to_string(), rewound);
    assert_eq!(everything(folder.path()), before);

    run(folder.path(), &["undo", "--confirm", &rewound]).done();
    run(folder.path(), &["events", "hide", "5"]).done();
    let plan = run(folder.path(), &["undo", "--dry-run"]).done();
    assert_eq!(plan.lines().last(), Some("Event 5 would be shown again."));
}

#[test]
fn what_destroyed_nothing_cannot_be_undone() {
    let folder = store();
    run(folder.path(), &["undo"]).refused(1);
    run(folder.path(), &["snapshot", "take"]).done();
    run(folder.path(), &["undo"]).refused(1);
    let taken = newest(folder.path());
    for arguments in [&["undo", &taken][..], &["undo", &taken, "--dry-run"]] {
        let said = run(folder.path(), arguments).refused(1);
        assert!(said.starts_with(&format!("Operation {taken} cannot be undone: a take changes nothing")), "{said}");
    }
    assert_eq!(run(folder.path(), &["undo", "99"]).refused(1), "operation not found");
    for wrong in [&["undo", "last"][..], &["undo", "0"], &["undo", "1", "--dry-run", "--confirm", "1"]] {
        run(folder.path(), wrong).misused();
    }
}

#[test]
fn an_operation_whose_safety_copy_is_gone_is_passed_over() {
    let (folder, _) = store_with_snapshot();
    run(folder.path(), &["events", "hide", "2"]).refused(1);
    run(folder.path(), &["events", "hide", "3"]).done();
    let hidden = newest(folder.path());
    let rewound = run(folder.path(), &["rewind", "4", "--confirm", "4", "--json"]).json();
    let safety = rewound["safety_snapshot"]["snapshot_id"].as_str().unwrap();
    run(folder.path(), &["snapshot", "delete", safety, "--kind", "rewind", "--confirm", safety]).done();

    let said = run(folder.path(), &["undo", &rewound["operation"].to_string()]).refused(1);
    assert!(said.contains(&format!("Its safety copy {safety} is gone since 20")), "{said}");
    let said = run(folder.path(), &["undo"]).done();
    assert!(said.starts_with(&format!("Operation {hidden} is undone.\n")), "{said}");
}
