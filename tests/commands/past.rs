//! `state TABLE --at N` and `state --out FILE`.

use super::{run, store_with_snapshot};

/// The first value of a query on a file.
fn value(file: &std::path::Path, sql: &str) -> String {
    let conn = rusqlite::Connection::open(file).unwrap();
    conn.query_row(sql, [], |row| row.get(0)).unwrap()
}

#[test]
fn a_table_is_printed_as_of_an_event() {
    let (folder, _) = store_with_snapshot();
    let names = |at: &str| {
        let json = run(folder.path(), &["state", "bots", "--at", at, "--json"]).json();
        assert_eq!(json["at"].to_string(), at);
        json["rows"].as_array().unwrap().iter().map(|row| row[0].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    assert!(names("0").is_empty());
    assert_eq!(names("1"), ["ada"]);
    assert_eq!(names("3"), ["ada", "bob"]);
    assert_eq!(names("5"), ["ada", "bob", "cid"]);
    let now = run(folder.path(), &["state", "bots"]).done();
    assert_eq!(run(folder.path(), &["state", "bots", "--at", "5"]).done(), now);
    let found = run(folder.path(), &["state", "bots", "--at", "3", "-q", "Draws"]).done();
    assert!(found.contains("bob") && !found.contains("ada"), "{found}");
}

#[test]
fn an_event_that_the_log_has_not_come_to_is_refused() {
    let (folder, _) = store_with_snapshot();
    run(folder.path(), &["state", "--at", "6"]).refused(1);
    run(folder.path(), &["state", "bots", "--at", "6"]).refused(1);
    run(folder.path(), &["state", "bots", "--at", "-1"]).misused();
    let file = folder.path().join("past.db");
    run(folder.path(), &["state", "--out", file.to_str().unwrap(), "--at", "6"]).refused(1);
    assert!(!file.exists());
}

#[test]
fn the_store_is_written_as_a_plain_file() {
    let (folder, _) = store_with_snapshot();
    let count = "SELECT (SELECT count(*) FROM event_log) || ' ' || (SELECT group_concat(id) FROM bots)";
    let (now, then) = (folder.path().join("now.db"), folder.path().join("then.db"));
    let said = run(folder.path(), &["state", "--out", now.to_str().unwrap()]).done();
    assert_eq!(said, format!("Log and tables, now, are in {}.\n", now.display()));
    assert_eq!(value(&now, count), "5 ada,bob,cid");
    let json = run(folder.path(), &["state", "--out", then.to_str().unwrap(), "--at", "3", "--json"]).json();
    assert_eq!(json, serde_json::json!({"file": then, "at": 3}));
    assert_eq!(value(&then, count), "3 ada,bob");
}

#[test]
fn a_file_that_is_there_is_left_as_it_is() {
    let (folder, _) = store_with_snapshot();
    let file = folder.path().join("mine.db");
    std::fs::write(&file, "mine").unwrap();
    for at in [&[][..], &["--at", "3"]] {
        let said = run(folder.path(), &[&["state", "--out", file.to_str().unwrap()], at].concat()).refused(1);
        assert!(said.contains("mine.db"), "{said}");
        assert_eq!(std::fs::read_to_string(&file).unwrap(), "mine");
    }
}

#[test]
fn a_table_and_a_file_are_not_asked_for_at_once() {
    let (folder, _) = store_with_snapshot();
    let file = folder.path().join("new.db");
    let file = file.to_str().unwrap();
    for wrong in [&["state", "bots", "--out", file][..], &["state", "--out", file, "-q", "x"], &["state", "-q", "x"]] {
        run(folder.path(), wrong).misused();
    }
    assert!(!std::path::Path::new(file).exists());
}
