//! Folders that may not be written: another user's, and those of a disk that can be read only.

use std::path::Path;
use std::process::{Command, Output};

use backstitch::log::NewEvent;
use tempfile::NamedTempFile;

use super::Full;
use super::disk::{Sealed, ask, command, file_of, listed, post, refusal, run, take};
use crate::support::{HTML, JSON, program, story};

/// Each of these opens the store.
const COMMANDS: [&[&str]; 6] = [
    &["append"],
    &["snapshot", "take"],
    &["snapshot", "list"],
    &["events"],
    &["state", "bots"],
    &["serve", "--listen", "127.0.0.1:0"],
];

/// Asserts that a line names the folder, and the flag that gives another.
fn names_the_way_out(said: &str, folder: &Path) {
    assert!(said.contains(&format!("the data folder {} cannot be used", folder.display())), "{said}");
    assert!(said.contains("--data-dir"), "{said}");
}

#[test]
fn a_store_on_a_disk_that_can_be_read_only_is_refused_with_its_folder_and_the_flag() {
    let Some(full) = Full::mount() else { return };
    let server = full.serve();
    assert!(server.terminate().success());
    full.disk.remount("ro");
    for arguments in COMMANDS {
        names_the_way_out(&refusal(&command(&full.disk.store(), arguments)), &full.disk.store());
    }
    full.disk.remount("rw");
    full.assert_nothing_is_lost();
}

/// A command run by a user who owns nothing.
fn as_nobody(folder: &Path, arguments: &[&str]) -> Output {
    let program = program(folder);
    let mut command = Command::new("setpriv");
    command.args(["--reuid", "65534", "--clear-groups"]).arg(program.get_program()).args(arguments);
    command.env_clear().env("BACKSTITCH_DATA_DIR", folder).stdin(std::process::Stdio::null()).output().unwrap()
}

/// Whether this process may run the program as somebody else; where not, that is said.
fn nobody_can_run() -> bool {
    let program = env!("CARGO_BIN_EXE_backstitch");
    run("setpriv", &["--reuid", "65534", "--clear-groups", program, "--version"])
        .map_err(|why| eprintln!("skipped: the program cannot be run as another user here: {why}"))
        .is_ok()
}

#[test]
fn a_folder_of_another_user_is_refused_with_its_name_and_the_flag() {
    let Some(full) = Full::mount() else { return };
    if !nobody_can_run() {
        return;
    }
    let server = full.serve();
    assert!(server.terminate().success());
    let (store, new) = (full.disk.store(), full.disk.store().with_file_name("new"));
    for folder in [&store, &new] {
        for arguments in [COMMANDS[0], COMMANDS[5]] {
            names_the_way_out(&refusal(&as_nobody(folder, arguments)), folder);
        }
    }
    assert!(!new.exists());
    full.assert_nothing_is_lost();
}

#[test]
fn a_file_of_another_user_in_the_folder_is_told_apart_from_a_fault() {
    let Some(full) = Full::mount() else { return };
    if !nobody_can_run() {
        return;
    }
    let server = full.serve();
    assert!(server.terminate().success());
    let store = full.disk.store();
    run("chmod", &["777", store.to_str().unwrap()]).unwrap();
    for arguments in &COMMANDS[1..] {
        let said = refusal(&as_nobody(&store, arguments));
        assert!(said.contains(store.to_str().unwrap()) && said.contains("owner and the permissions"), "{said}");
    }
    full.assert_nothing_is_lost();
}

#[test]
fn an_empty_folder_of_another_user_in_which_anybody_may_write_is_used() {
    let Some(full) = Full::mount() else { return };
    if !nobody_can_run() {
        return;
    }
    let (open, events) = (full.disk.store().with_file_name("open"), readable(&story(3)));
    std::fs::create_dir(&open).unwrap();
    run("chmod", &["777", open.to_str().unwrap()]).unwrap();
    let appended = as_nobody(&open, &["append", events.path().to_str().unwrap()]);
    assert!(appended.status.success(), "{}", String::from_utf8_lossy(&appended.stderr));
    assert!(open.join("backstitch.db").is_file());
}

#[test]
fn a_database_that_can_be_read_only_is_told_apart_from_an_event_that_breaks_a_rule() {
    let Some(full) = Full::mount() else { return };
    if !nobody_can_run() {
        return;
    }
    let (store, events) = (full.disk.store(), readable(&story(1)));
    run("chown", &["-R", "65534", store.to_str().unwrap()]).unwrap();
    run("chmod", &["444", store.join("backstitch.db").to_str().unwrap()]).unwrap();
    let said = refusal(&as_nobody(&store, &["append", events.path().to_str().unwrap()]));
    assert!(said.contains("cannot be opened for writing") && !said.contains("event 1"), "{said}");
    full.assert_nothing_is_lost();
}

/// A file of events that other users may read.
fn readable(events: &[NewEvent]) -> NamedTempFile {
    let file = file_of(events);
    run("chmod", &["644", file.path().to_str().unwrap()]).unwrap();
    file
}

#[test]
fn a_running_server_reads_on_where_its_snapshots_can_no_longer_be_written() {
    let Some(mut full) = Full::mount() else { return };
    let (server, snapshot) = (full.serve(), full.snapshot.clone());
    assert!(full.append(&server, 20));
    let sealed = Sealed::new(&full.disk.store().join("snapshots"));
    let fields = [("confirm_id", snapshot.as_str()), ("kind", "periodic")];
    for path in ["take".to_owned(), format!("restore/{snapshot}"), format!("{snapshot}/delete")] {
        let answer = post(&server, &format!("/snapshots/{path}"), JSON, &fields);
        assert_eq!(answer.status, 500, "{path}: {}", answer.text());
        let said = answer.words(JSON);
        assert!(said.contains("read-only") && said.contains("data folder"), "{path}: {said}");
    }
    for page in ["/", "/snapshots", "/events", "/state/bots", &format!("/snapshots/{snapshot}/preview?kind=periodic")] {
        assert_eq!(ask(&server, "GET", page, HTML, "text/plain", "").status, 200, "{page}");
    }
    assert!(full.append(&server, 5), "the database is not concerned");

    drop(sealed);
    let newer = take(&server);
    assert_eq!(listed(&server), [newer, snapshot]);
    full.assert_nothing_is_lost();
}
