//! A server that is started on a full disk.

use super::Full;
use super::disk::{ask, command, listed, post, refusal};
use crate::support::{HTML, JSON};

/// After a kill, the database has the room next to it that reading needs.
#[test]
fn a_start_on_a_full_disk_serves_what_can_be_read() {
    let Some(mut full) = Full::mount() else { return };
    let (server, snapshot) = (full.serve(), full.snapshot.clone());
    full.fill(&server);
    server.kill();
    // Nor is there room for the address, which the next server writes into its lock.
    std::fs::write(full.disk.store().join("server.lock"), "").unwrap();
    full.disk.fill();

    let server = full.serve();
    assert!(server.greeting.contains("The tables stand at the end of the log"), "{}", server.greeting);
    assert_eq!(listed(&server), [snapshot]);
    assert!(!full.append(&server, 1));
    full.disk.free();
    assert!(full.append(&server, 10), "no restart is needed");
    full.assert_nothing_is_lost();
}

#[test]
fn a_start_on_a_full_disk_leaves_waiting_what_it_cannot_apply() {
    let Some(mut full) = Full::mount() else { return };
    let (server, snapshot) = (full.serve(), full.snapshot.clone());
    assert!(full.append(&server, 200));
    let fields = [("confirm_id", snapshot.as_str()), ("kind", "periodic"), ("scope", "projections")];
    assert_eq!(post(&server, &format!("/snapshots/restore/{snapshot}"), JSON, &fields).status, 200);
    server.kill();
    full.disk.fill();

    let server = full.serve();
    let told = "The disk is full, so the tables stay at event 61.\n";
    assert!(server.greeting.contains(told), "{}", server.greeting);
    let page = ask(&server, "GET", "/", HTML, "text/plain", "").page();
    assert!(page.text(".strip").contains("The disk is full: nothing can be changed."), "{}", page.text(".strip"));
    assert!(page.text(".matters").contains("paused at event 61"), "{}", page.text(".matters"));
    full.disk.free();
    assert!(full.append(&server, 10), "no restart is needed");
    full.assert_nothing_is_lost();
}

#[test]
fn a_store_that_has_no_room_to_be_opened_is_not_served_and_the_way_out_works() {
    let Some(full) = Full::mount() else { return };
    let (store, snapshot) = (full.disk.store(), full.snapshot.clone());
    full.disk.fill();
    let said = refusal(&command(&store, &["serve", "--listen", "127.0.0.1:0"]));
    assert!(said.contains("the disk is full") && said.contains("`backstitch snapshot delete ID"), "{said}");
    assert!(said.contains(store.join("snapshots/periodic").to_str().unwrap()), "{said}");
    let deleted = command(&store, &["snapshot", "delete", &snapshot, "--confirm", &snapshot]);
    assert!(deleted.status.success(), "{}", String::from_utf8_lossy(&deleted.stderr));

    let server = full.serve();
    assert!(listed(&server).is_empty());
    full.disk.free();
    full.assert_nothing_is_lost();
}
