//! `serve`: how it starts, when it refuses, how it ends.

use std::net::TcpListener;

use super::{run, run_with, store};
use crate::support::{Server, program};

#[test]
fn it_says_which_folder_it_serves_and_whether_that_is_new() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().canonicalize().unwrap();
    let server = Server::start(folder.path(), &[]);
    assert!(
        server.greeting.starts_with(&format!("Data folder {}, a new store\n", path.display())),
        "{}",
        server.greeting
    );
    assert!(server.address.starts_with("http://127.0.0.1:"));
    assert!(server.terminate().success());
    let server = Server::start(folder.path(), &[]);
    assert!(server.greeting.starts_with(&format!("Data folder {}\n", path.display())), "{}", server.greeting);
    assert!(server.greeting.contains("Cold load: the tables stand at the end of the log"));
}

#[test]
fn a_request_to_stop_ends_it_with_exit_code_0_and_another_may_start() {
    let folder = store();
    for _ in 0..2 {
        assert_eq!(Server::start(folder.path(), &[]).terminate().code(), Some(0));
    }
}

#[test]
fn a_port_in_use_is_refused() {
    let folder = store();
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let ran = run(folder.path(), &["serve", "--listen", &address]);
    assert_eq!(ran.code, 1);
    assert!(ran.err.starts_with(&format!("backstitch: {address} cannot be listened on: ")), "{}", ran.err);
    assert!(!ran.out.contains("Listening"));
}

#[test]
fn an_address_that_others_reach_is_wrong_usage() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    for address in ["0.0.0.0:0", "192.168.1.1:80", "[::]:0", "8.8.8.8:0"] {
        let said = run(&data, &["serve", "--listen", address]).refused(2);
        assert!(said.contains("is not a loopback address") && said.contains("--allowed-host"), "{said}");
    }
    assert!(!data.exists(), "no store was made");
}

#[test]
fn a_second_server_on_the_folder_is_told_who_has_it() {
    let folder = store();
    let first = Server::start(folder.path(), &[]);
    let link = folder.path().with_extension("link");
    std::os::unix::fs::symlink(folder.path(), &link).unwrap();
    for way in [folder.path(), &link] {
        let second = run(way, &["serve", "--listen", "127.0.0.1:0"]).refused(1);
        let holder = format!("process {}, {}", first.id(), first.address);
        assert!(second.starts_with("another server runs on ") && second.contains(&holder), "{second}");
    }
    std::fs::remove_file(link).unwrap();
    assert_eq!(first.get("/health").status, 200);
}

#[test]
fn commands_work_while_a_server_runs_and_it_sees_what_they_did() {
    let folder = store();
    let server = Server::start(folder.path(), &[]);
    run_with(folder.path(), &["append"], "{\"kind\":\"note\",\"payload\":{}}").done();
    assert_eq!(server.get("/health?applied=4&wait=10s").json()["last_event_id"], 4);
    run(folder.path(), &["snapshot", "take"]).done();
}

#[test]
fn a_start_applies_what_a_restore_left_waiting() {
    let (folder, id) = super::store_with_snapshot();
    run(folder.path(), &["snapshot", "restore", &id, "--confirm", &id]).done();
    let server = Server::start(folder.path(), &[]);
    assert!(server.greeting.contains("Cold load: 2 events applied to reach the end of the log"), "{}", server.greeting);
    assert_eq!(server.get("/health").json()["held"], false);
}

#[test]
fn the_environment_sets_it_too() {
    let folder = store();
    let output = program(folder.path()).env("BACKSTITCH_LISTEN", "0.0.0.0:0").arg("serve").output().unwrap();
    assert!(super::Ran::from(output).refused(2).contains("0.0.0.0:0 is not a loopback address"));
    let plain = program(folder.path()).env("BACKSTITCH_LISTEN", "0.0.0.0:0").output().unwrap();
    assert!(super::Ran::from(plain).refused(2).contains("0.0.0.0:0 is not a loopback address"));
}
