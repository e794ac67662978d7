//! A server whose disk fills up while it runs.

use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use super::disk::{append, ask, command, listed, post, take};
use super::{FULL, Full};
use crate::support::{CLIENTS, HTML, JSON, Reply, Server, Story};

/// What a full disk leads to.
const SIZES: (&str, &str) = ("Snapshots by size", "/snapshots?sort=size");

/// Posts that write, as a client sends them, and the way of each.
fn writes(server: &Server, snapshot: &str, accept: &str) -> Vec<(&'static str, Reply)> {
    let confirmed = [("confirm_id", snapshot), ("kind", "periodic")];
    let restore = format!("/snapshots/restore/{snapshot}");
    let head = server.get("/health").json()["last_event_id"].to_string();
    let everything = [confirmed.as_slice(), &[("scope", "everything")]].concat();
    vec![
        ("append", append(server, accept, &Story::default().tell(1))),
        ("take", post(server, "/snapshots/take", accept, &[])),
        ("restore of the tables", post(server, &restore, accept, &confirmed)),
        ("restore of everything", post(server, &restore, accept, &everything)),
        ("rewind", post(server, "/rewind", accept, &[("after_event_id", "3"), ("confirm_event_id", "3")])),
        ("tables made anew", post(server, "/projection/rebuild", accept, &[("confirm_head", &head)])),
    ]
}

/// Pages that only read.
fn pages(snapshot: &str) -> Vec<String> {
    let plan = format!("/snapshots/{snapshot}/preview?kind=periodic");
    let rows = format!("/snapshots/{snapshot}/diff?kind=periodic&scope=everything&table=event_log");
    let others = ["/", "/snapshots", "/events", "/events/3", "/state", "/state/bots", "/health"];
    others.into_iter().map(str::to_owned).chain([plan, rows]).collect()
}

/// Every file under a folder, sorted.
fn files(folder: &Path) -> Vec<String> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() { found.extend(files(&path)) } else { found.push(path.display().to_string()) }
    }
    found.sort();
    found
}

#[test]
fn a_full_disk_is_told_and_nothing_is_lost() {
    let Some(mut full) = Full::mount() else { return };
    let (server, snapshot) = (full.serve(), full.snapshot.clone());
    assert!(full.append(&server, 20));
    full.fill(&server);
    for accept in CLIENTS {
        for (what, answer) in writes(&server, &snapshot, accept) {
            assert_eq!(answer.status, 507, "{what}: {}", answer.text());
            // The page of a plan says it over the plan.
            assert!(answer.words(accept).starts_with(FULL), "{what}: {}", answer.words(accept));
            if accept == HTML {
                assert_eq!(answer.page().attribute("main .ways a, main .alert a", "href"), SIZES.1, "{what}");
            }
        }
        for page in pages(&snapshot) {
            assert_eq!(ask(&server, "GET", &page, accept, "text/plain", "").status, 200, "{page} as {accept}");
        }
    }
    let health = server.get("/health").json();
    assert_eq!((&health["last_event_id"], &health["position"]), (&full.end().into(), &full.end().into()));
    assert_eq!(listed(&server), [snapshot.as_str()], "only what was taken is listed");
    let left: Vec<String> =
        files(&full.disk.store()).into_iter().filter(|file| file.contains(".unfinished-")).collect();
    assert!(left.is_empty(), "{left:?}");

    full.disk.free();
    assert!(full.append(&server, 20), "no restart is needed");
    full.assert_nothing_is_lost();
    let checked = post(&server, &format!("/snapshots/{snapshot}/verify"), JSON, &[("kind", "periodic")]);
    assert_eq!(checked.status, 200, "{}", checked.text());
    let newer = take(&server);
    assert_eq!(listed(&server), [newer, snapshot]);
}

const STRIP: &str = "The disk is full: nothing can be changed. Reading works. \
                     Free some space, or delete a snapshot; no restart is needed.";

#[test]
fn pages_say_that_the_disk_is_full_until_there_is_room() {
    let Some(mut full) = Full::mount() else { return };
    let server = full.serve();
    let page = || ask(&server, "GET", "/", HTML, "text/plain", "").page();
    let matters = || server.get("/").json()["attention"].clone();
    assert!(!page().has(".strip"));
    full.fill(&server);
    let told = page();
    assert!(told.text(".strip").contains(STRIP), "{}", told.text(".strip"));
    assert_eq!((told.text(".strip a").as_str(), told.attribute(".strip a", "href").as_str()), SIZES);
    assert!(told.text(".matters").contains("The disk is full: nothing can be changed."));
    assert_eq!((told.text(".matters a").as_str(), told.attribute(".matters a", "href").as_str()), SIZES);
    assert_eq!(matters()[0]["what"], "full");
    let refused = post(&server, "/snapshots/take", HTML, &[]);
    assert!(refused.status == 507 && !refused.page().has(".strip"), "a page that says so says it once");
    let sorted = ask(&server, "GET", SIZES.1, HTML, "text/plain", "").page();
    assert!(sorted.has(".strip") && !sorted.has(".strip a"), "a page does not lead to itself");
    let named = post(&server, "/snapshots/take", HTML, &[("label", "kept")]);
    assert_eq!(named.page().attribute("#label", "value"), "kept", "what was typed stays");

    full.disk.free();
    let deadline = Instant::now() + Duration::from_secs(20);
    while page().has(".strip") {
        assert!(Instant::now() < deadline, "no restart is needed");
    }
    assert_eq!(matters(), serde_json::json!([]));
    full.assert_nothing_is_lost();
}

#[test]
fn a_server_on_a_full_disk_deletes_a_snapshot_and_has_its_room() {
    let Some(mut full) = Full::mount() else { return };
    let server = full.serve();
    let (first, second) = (full.snapshot.clone(), take(&server));
    full.fill(&server);
    let pieces = full.disk.store().join("snapshots/chunks");
    let before = files(&pieces).len();
    for id in [&first, &second] {
        let answer =
            post(&server, &format!("/snapshots/{id}/delete"), JSON, &[("confirm_id", id), ("kind", "periodic")]);
        assert_eq!(answer.status, 200, "{}", answer.text());
    }
    assert!(listed(&server).is_empty());
    let after = files(&pieces);
    assert!(after.len() < before, "their pieces go too: {after:?}");
    assert!(full.append(&server, 1), "with the room that they had");
    full.assert_nothing_is_lost();
}

#[test]
fn a_command_deletes_a_snapshot_of_a_server_on_a_full_disk() {
    let Some(mut full) = Full::mount() else { return };
    let (server, snapshot) = (full.serve(), full.snapshot.clone());
    full.fill(&server);
    let deleted = command(&full.disk.store(), &["snapshot", "delete", &snapshot, "--confirm", &snapshot]);
    assert!(deleted.status.success(), "{}", String::from_utf8_lossy(&deleted.stderr));
    assert!(listed(&server).is_empty());
    assert!(full.append(&server, 1), "with the room that it had");
    full.assert_nothing_is_lost();
}
