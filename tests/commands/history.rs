//! `history`.

use std::path::Path;

use super::{run, store, store_with_snapshot};

/// What is printed, without the flag that finds the store again.
fn history(folder: &Path, arguments: &[&str]) -> String {
    let printed = run(folder, &[&["history"], arguments].concat()).done();
    printed.replace(&format!(" --data-dir {}", folder.display()), "")
}

/// The columns of the lines below the head, moments and times left out.
fn lines(printed: &str) -> Vec<String> {
    let cells = |line: &str| {
        let cells: Vec<&str> = line.split("  ").map(str::trim).filter(|cell| !cell.is_empty()).collect();
        [&cells[..1], &cells[2..4], cells.get(5..).unwrap_or_default()].concat().join(" | ")
    };
    printed.lines().skip(1).map(cells).collect()
}

#[test]
fn a_store_without_operations_says_so() {
    let folder = store();
    assert_eq!(history(folder.path(), &[]), "Nothing has been done here.\n");
    let json = run(folder.path(), &["history", "--json"]).json();
    assert_eq!(json, serde_json::json!({"operations": []}));
}

#[test]
fn each_line_says_what_was_done_and_the_command_that_undoes_it() {
    let (folder, id) = store_with_snapshot();
    run(folder.path(), &["snapshot", "restore", &id, "--confirm", &id]).done();
    run(folder.path(), &["projection", "replay"]).done();
    run(folder.path(), &["rewind", "3", "--confirm", "3"]).done();
    run(folder.path(), &["undo"]).done();
    run(folder.path(), &["events", "hide", "5"]).done();

    let printed = history(folder.path(), &[]);

    assert!(printed.starts_with("op  when "), "{printed}");
    assert_eq!(
        lines(&printed),
        [
            "6 | event 5 hidden | command | backstitch undo 6",
            "5 | undo of 4, 2 events came back, 2 rows changed | command | backstitch undo 5",
            "4 | rewind to event 3, 2 events left, 2 rows changed | command | undone by 5",
            "3 | 2 waiting events applied | command",
            "2 | restore of the tables to event 3, 2 rows changed | command | The log has changed since, so the tables of \
             then would not fit it.",
            "1 | snapshot of event 3 | command",
        ]
    );
}

#[test]
fn older_lines_are_asked_for_by_the_last_that_was_shown() {
    let folder = store();
    for label in ["a", "b", "c"] {
        run(folder.path(), &["snapshot", "take", "--label", label]).done();
    }
    let first = history(folder.path(), &["--limit", "2"]);
    assert_eq!(first.lines().last(), Some("older ones: backstitch history --before 2"));
    assert!(first.contains("snapshot of event 3, c"), "{first}");
    let rest = history(folder.path(), &["--before", "2"]);
    assert_eq!(lines(&rest), ["1 | snapshot of event 3, a | command"]);
    assert_eq!(history(folder.path(), &["--before", "1"]), "Nothing has been done here before.\n");
    let json = run(folder.path(), &["history", "--limit", "2", "--json"]).json();
    let numbers: Vec<_> = json["operations"].as_array().unwrap().iter().map(|one| one["operation"].as_i64()).collect();
    assert_eq!(numbers, [Some(3), Some(2)]);
}

#[test]
fn a_line_in_json_has_its_undo() {
    let (folder, _) = store_with_snapshot();
    run(folder.path(), &["rewind", "3", "--confirm", "3"]).done();
    let json = run(folder.path(), &["history", "--json"]).json();
    let rewound = &json["operations"][0];
    assert_eq!((&rewound["what"], &rewound["by"]), (&"rewind".into(), &"command".into()));
    assert_eq!((&rewound["undo"]["offered"], &rewound["undo"]["way"]), (&true.into(), &"everything".into()));
    assert_eq!(json["operations"][1]["undo"], serde_json::Value::Null);
}
