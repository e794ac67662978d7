//! Data folders and databases that cannot be used, or are not ours: refused, and left as they are.

use super::{run, store};

#[test]
fn a_file_in_the_place_of_the_folder_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("data");
    std::fs::write(&file, "mine").unwrap();
    for command in [&["append"][..], &["serve", "--listen", "127.0.0.1:0"]] {
        let said = run(&file, command).refused(1);
        assert!(said.starts_with(&format!("the data folder {} cannot be used: ", file.display())), "{said}");
        assert!(said.ends_with("Give a folder that you may write to with --data-dir."), "{said}");
    }
    run(&file, &["events"]).refused(1);
    assert_eq!(std::fs::read(&file).unwrap(), b"mine");
}

#[test]
fn a_command_that_reads_makes_no_store() {
    let folder = tempfile::tempdir().unwrap();
    let missing = folder.path().join("mistyped");
    for command in [&["events"][..], &["snapshot", "list"], &["state", "bots"], &["projection", "status"]] {
        let said = run(&missing, command).refused(1);
        assert!(said.starts_with(&format!("there is no store in {}", missing.display())), "{said}");
    }
    assert!(!missing.exists());
}

#[test]
fn a_folder_in_the_place_of_the_database_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir(folder.path().join("backstitch.db")).unwrap();
    let said = run(folder.path(), &["events"]).refused(1);
    assert!(said.contains("backstitch.db"), "{said}");
}

#[test]
fn a_newer_schema_is_refused_untouched() {
    let folder = store();
    let db = folder.path().join("backstitch.db");
    let conn = rusqlite::Connection::open(&db).unwrap();
    conn.execute_batch("PRAGMA user_version = 99; PRAGMA wal_checkpoint(TRUNCATE);").unwrap();
    drop(conn);
    let before = std::fs::read(&db).unwrap();
    for command in [&["events"][..], &["snapshot", "take"], &["serve", "--listen", "127.0.0.1:0"]] {
        let said = run(folder.path(), command).refused(1);
        assert!(said.contains("the database has schema 99, and this program knows 3"), "{said}");
        assert!(said.ends_with("Update the program; nothing was changed."), "{said}");
    }
    assert!(std::fs::read(&db).unwrap() == before, "the database was changed");
}

#[test]
fn a_database_of_another_program_is_left_byte_for_byte_as_it_was() {
    for mode in ["delete", "wal"] {
        let folder = tempfile::tempdir().unwrap();
        let theirs = folder.path().join("theirs.db");
        let conn = rusqlite::Connection::open(&theirs).unwrap();
        conn.execute_batch(&format!(
            "PRAGMA journal_mode = {mode}; CREATE TABLE theirs (x); INSERT INTO theirs VALUES (1);"
        ))
        .unwrap();
        drop(conn);
        let before = std::fs::read(&theirs).unwrap();
        let data = folder.path().join("data");
        for command in [&["events"][..], &["snapshot", "take"], &["serve", "--listen", "127.0.0.1:0"]] {
            let said = run(&data, &[command, &["--db", theirs.to_str().unwrap()]].concat()).refused(1);
            assert!(
                said.contains("theirs.db: the database was made by another program, and is left as it is."),
                "{said}"
            );
        }
        assert!(std::fs::read(&theirs).unwrap() == before, "{mode}: their database was changed");
    }
}

#[test]
fn a_file_that_is_no_database_is_left_as_it_was() {
    let folder = tempfile::tempdir().unwrap();
    let text = folder.path().join("notes.txt");
    let words = "What I wrote down, and what no program should touch. ".repeat(100);
    std::fs::write(&text, &words).unwrap();
    for command in [&["events"][..], &["snapshot", "take"], &["serve", "--listen", "127.0.0.1:0"]] {
        let said = run(folder.path(), &[command, &["--db", text.to_str().unwrap()]].concat()).refused(1);
        let words = format!("{} is not an SQLite database, and is left as it is.", text.display());
        assert!(said.starts_with(&words), "{said}");
    }
    assert_eq!(std::fs::read_to_string(&text).unwrap(), words);
}

#[test]
fn a_database_may_lie_elsewhere() {
    let folder = tempfile::tempdir().unwrap();
    let db = folder.path().join("elsewhere.db");
    let data = folder.path().join("data");
    let arguments = ["append", "--db", db.to_str().unwrap()];
    super::run_with(&data, &arguments, super::EVENTS).done();
    assert!(db.is_file() && !data.join("backstitch.db").exists());
}

#[test]
fn what_cannot_be_printed_is_not_told_as_undone() {
    let Ok(full) = std::fs::OpenOptions::new().write(true).open("/dev/full") else {
        eprintln!("skipped: there is no /dev/full here");
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    super::run_with(folder.path(), &["append"], super::EVENTS).done();
    let mut take = crate::support::program(folder.path());
    let output = take.args(["snapshot", "take"]).stdout(full).output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(1));
    assert!(said.starts_with("backstitch: the work is done, but what came of it could not be printed"), "{said}");
    assert_eq!(run(folder.path(), &["snapshot", "list", "--json"]).done().matches("snapshot_id").count(), 1);
}
