//! Where settings come from, and what wrong usage answers.

use super::{EVENTS, run, run_with, store};
use crate::support::program;

#[test]
fn the_data_folder_may_stand_after_any_command() {
    let (here, elsewhere) = (store(), tempfile::tempdir().unwrap());
    let folder = elsewhere.path().to_str().unwrap();
    run_with(here.path(), &["append", "--data-dir", folder], EVENTS).done();
    run(here.path(), &["snapshot", "take", "--data-dir", folder]).done();
    for command in [
        &["events"][..],
        &["projection", "status"],
        &["projection", "replay"],
        &["state", "bots"],
        &["snapshot", "list"],
        &["snapshot", "prune"],
    ] {
        let after = run(here.path(), &[command, &["--data-dir", folder]].concat()).done();
        let before = run(here.path(), &[&["--data-dir", folder], command].concat()).done();
        assert_eq!(after, before, "{command:?}");
    }
    assert!(run(here.path(), &["snapshot", "list"]).done().starts_with("No snapshots yet."));
}

#[test]
fn a_flag_comes_before_the_environment_and_that_before_the_default() {
    let folder = store();
    for _ in 0..3 {
        run(folder.path(), &["snapshot", "take"]).done();
    }
    let pruned = |flags: &[&str], kept: &str| {
        let output = program(folder.path())
            .env("BACKSTITCH_KEEP_PERIODIC", kept)
            .args(["snapshot", "prune", "--json"])
            .args(flags)
            .output();
        super::Ran::from(output.unwrap()).json()["removed"].as_array().unwrap().len()
    };
    assert_eq!(pruned(&["--keep-periodic", "3"], "1"), 0);
    assert_eq!(pruned(&[], "2"), 1);
    assert_eq!(run(folder.path(), &["snapshot", "prune", "--json"]).json()["removed"].as_array().unwrap().len(), 0);
}

#[test]
fn a_setting_that_does_not_fit_is_wrong_usage() {
    let folder = store();
    for (flag, value) in [
        ("--keep-periodic", "0"),
        ("--keep-periodic", "some"),
        ("--keep-rewind", "soon"),
        ("--snapshot-events", "0"),
        ("--snapshot-interval", "-1m"),
        ("--busy-timeout", "5"),
    ] {
        let said = run(folder.path(), &["events", &format!("{flag}={value}")]).misused();
        assert!(said.contains(flag), "{said}");
    }
    let output = program(folder.path()).env("BACKSTITCH_SNAPSHOT_EVENTS", "none").arg("events").output().unwrap();
    assert!(super::Ran::from(output).misused().contains("--snapshot-events"));
}

#[test]
fn wrong_usage_exits_2_and_prints_nothing_on_standard_output() {
    let folder = store();
    for arguments in [
        &["nonsense"][..],
        &["events", "--nonsense"],
        &["snapshot"],
        &["snapshot", "nonsense"],
        &["projection"],
        &["append", "a", "b"],
        &["serve", "--listen", "nowhere"],
        &["serve", "--listen", "127.0.0.1:99999"],
    ] {
        run(folder.path(), arguments).misused();
    }
}

#[test]
fn help_and_version_exit_0() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    assert_eq!(run(&data, &["--version"]).done(), format!("backstitch {}\n", env!("CARGO_PKG_VERSION")));
    for arguments in
        [&["--help"][..], &["snapshot", "--help"], &["snapshot", "restore", "--help"], &["serve", "--help"]]
    {
        assert!(run(&data, arguments).done().contains("Usage: backstitch"));
    }
    assert!(!data.exists(), "asking for help makes no store");
}

#[test]
fn a_writer_that_stays_busy_is_told_within_the_busy_timeout() {
    let folder = store();
    let other = rusqlite::Connection::open(folder.path().join("backstitch.db")).unwrap();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    let note = "{\"kind\":\"note\",\"payload\":{}}";
    let said = run_with(folder.path(), &["append", "--busy-timeout", "50ms"], note).refused(1);
    assert_eq!(said, "Another change is being written. Nothing was done; try again in a moment.");
    assert_eq!(run(folder.path(), &["events", "--busy-timeout", "50ms"]).done().lines().count(), 3);
    other.execute_batch("COMMIT").unwrap();
    run_with(folder.path(), &["append"], note).done();
}
