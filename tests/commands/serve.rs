//! `serve`: how it starts, when it refuses, how it ends.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::os::unix::fs::PermissionsExt;
use std::process::Stdio;

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
    assert!(server.greeting.contains("\nThe tables stand at the end of the log.\n"));
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
fn a_start_that_finds_its_port_taken_changes_nothing() {
    let (folder, id) = super::store_with_snapshot();
    run(folder.path(), &["snapshot", "restore", &id, "--confirm", &id]).done();
    let before = super::everything(folder.path());
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let said = run(folder.path(), &["serve", "--listen", &address]).refused(1);
    assert!(said.contains("cannot be listened on"), "{said}");
    assert_eq!(super::everything(folder.path()), before, "what waits still waits");
    let fresh = folder.path().join("fresh");
    run(&fresh, &["serve", "--listen", &address]).refused(1);
    assert!(!fresh.exists(), "no store was made");
}

#[test]
fn a_second_server_with_the_same_address_is_told_who_has_the_folder() {
    let folder = store();
    let first = Server::start(folder.path(), &[]);
    let address = first.address.strip_prefix("http://").unwrap();
    let second = run(folder.path(), &["serve", "--listen", address]).refused(1);
    assert!(second.starts_with("another server runs on ") && second.contains(address), "{second}");
    let elsewhere = store();
    let other = run(elsewhere.path(), &["serve", "--listen", address]).refused(1);
    assert!(other.starts_with(&format!("{address} cannot be listened on: ")), "{other}");
}

#[test]
fn a_name_of_a_loopback_address_may_be_listened_on() {
    let folder = store();
    for (listen, words) in
        [("localhost", "localhost is no address: "), ("nowhere.invalid:0", "nowhere.invalid:0 is no address: ")]
    {
        let said = run(folder.path(), &["serve", "--listen", listen]).refused(2);
        assert!(said.starts_with(words), "{said}");
    }
    let mut child =
        program(folder.path()).args(["serve", "--listen", "localhost:0"]).stdout(Stdio::piped()).spawn().unwrap();
    let lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let told = lines.map(Result::unwrap).find(|line| line.starts_with("Listening on "));
    child.kill().unwrap();
    child.wait().unwrap();
    let told = told.expect("it listens");
    assert!(told.contains("http://127.0.0.1:") || told.contains("http://[::1]:"), "{told}");
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
    assert!(
        server.greeting.contains("The tables stand at the end of the log: 2 events applied first, in "),
        "{}",
        server.greeting
    );
    assert_eq!(server.get("/health").json()["held"], false);
}

#[test]
fn the_environment_sets_it_too() {
    let folder = store();
    let output = program(folder.path()).env("BACKSTITCH_LISTEN", "0.0.0.0:0").arg("serve").output().unwrap();
    assert!(super::Ran::from(output).refused(2).contains("0.0.0.0:0 is not a loopback address"));
    let plain = program(folder.path()).env("BACKSTITCH_LISTEN", "0.0.0.0:0").output().unwrap();
    assert!(super::Ran::from(plain).refused(2).contains("0.0.0.0:0 is not a loopback address"));
    for (name, value, words) in [
        ("BACKSTITCH_LISTEN", "bad", "bad is no address: "),
        ("BACKSTITCH_BODY_LIMIT", "bad", "invalid value 'bad' for '--body-limit <BYTES>': "),
    ] {
        let plain = program(folder.path()).env(name, value).output().unwrap();
        let said = super::Ran::from(plain).refused(2);
        assert!(said.starts_with(words) && !said.contains("--help"), "{said}");
    }
}

#[test]
fn an_open_stream_of_progress_ends_with_the_server() {
    let folder = store();
    let server = Server::start(folder.path(), &[]);
    let host = server.address.strip_prefix("http://").unwrap().to_owned();
    let mut stream = TcpStream::connect(&host).unwrap();
    let ask = format!("GET /progress HTTP/1.1\r\nHost: {host}\r\nAccept: text/event-stream\r\n\r\n");
    stream.write_all(ask.as_bytes()).unwrap();
    let mut seen = String::new();
    let mut piece = [0; 4096];
    while !seen.contains("event: changed") {
        let read = stream.read(&mut piece).unwrap();
        assert!(read > 0, "{seen}");
        seen.push_str(&String::from_utf8_lossy(&piece[..read]));
    }
    assert!(seen.contains("content-type: text/event-stream") && seen.contains("content-security-policy: "), "{seen}");
    assert_eq!(server.terminate().code(), Some(0));
    stream.read_to_end(&mut Vec::new()).unwrap();
}

#[test]
fn help_tells_the_settings_that_the_server_was_started_with() {
    let folder = store();
    let server = Server::start(folder.path(), &["--keep-periodic", "7", "--allowed-host", "stitch.example"]);
    let flags = server.get("/help").json()["flags"].clone();
    let told = |name: &str| {
        let found = flags.as_array().unwrap().iter().find(|flag| flag["name"] == name).unwrap();
        (found["value"].as_str().unwrap().to_owned(), found["origin"].clone())
    };
    assert_eq!(told("keep-periodic"), ("7".into(), "flag".into()));
    assert_eq!(told("allowed-host"), ("stitch.example".into(), "flag".into()));
    assert_eq!(told("listen"), ("127.0.0.1:0".into(), "flag".into()));
    assert_eq!(told("snapshot-interval"), ("30m".into(), "default".into()));
    assert_eq!(told("registry"), ("".into(), "default".into()));
    let (data, origin) = told("data-dir");
    assert_eq!(
        (data.as_str(), &origin["environment"]),
        (folder.path().to_str().unwrap(), &"BACKSTITCH_DATA_DIR".into())
    );
}

#[test]
fn the_browser_is_opened_at_its_address_where_that_is_asked_for() {
    let folder = store();
    let tools = tempfile::tempdir().unwrap();
    let opener = tools.path().join("xdg-open");
    // A pipe, so that who waits for the address is woken by it.
    let pipe = tools.path().join("opened");
    assert!(std::process::Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    std::fs::write(&opener, format!("#!/bin/sh\nprintf %s \"$1\" > '{}'\n", pipe.display())).unwrap();
    std::fs::set_permissions(&opener, std::fs::Permissions::from_mode(0o755)).unwrap();
    let mut command = program(folder.path());
    let path = format!("{}:{}", tools.path().display(), std::env::var("PATH").unwrap());
    let mut child = command
        .args(["serve", "--listen", "127.0.0.1:0", "--open"])
        .env("PATH", path)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let opened = std::fs::read_to_string(&pipe).unwrap();
    let lines = BufReader::new(child.stdout.take().unwrap()).lines().map(Result::unwrap);
    let listening = lines.take_while(|line| !line.is_empty()).find(|line| line.starts_with("Listening on ")).unwrap();
    child.kill().unwrap();
    child.wait().unwrap();
    assert_eq!(listening, format!("Listening on {opened}"));
}

#[test]
fn a_browser_that_cannot_be_opened_is_a_line_of_the_log() {
    let folder = store();
    let mut child = program(folder.path())
        .args(["serve", "--listen", "127.0.0.1:0", "--open"])
        .env("PATH", "")
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let line = BufReader::new(child.stderr.take().unwrap()).lines().next().unwrap().unwrap();
    assert!(line.contains("no browser could be opened; open http://127.0.0.1:"), "{line}");
    assert!(child.try_wait().unwrap().is_none(), "it goes on serving");
    child.kill().unwrap();
    child.wait().unwrap();
}
