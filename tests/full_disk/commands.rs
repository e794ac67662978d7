//! Commands on a full disk, with no server.

use super::Full;
use super::disk::{command, file_of, refusal};
use crate::support::Story;

#[test]
fn commands_on_a_full_disk_say_in_one_line_that_nothing_was_changed() {
    let Some(mut full) = Full::mount() else { return };
    let server = full.serve();
    let snapshot = full.snapshot.clone();
    let events = file_of(&Story::from(full.end() + 1).tell(5));
    let append = ["append", events.path().to_str().unwrap()];
    let restore = ["snapshot", "restore", &snapshot, "--confirm", &snapshot, "--scope", "everything"];
    let refused = |full: &Full| {
        for arguments in [append.as_slice(), &["snapshot", "take"], &restore] {
            let said = refusal(&command(&full.disk.store(), arguments)).to_lowercase();
            assert!(said.contains("the disk is full") && said.contains("nothing was changed"), "{said}");
        }
    };
    full.fill(&server);
    refused(&full);
    // Without a server there is even less room: the database has to be opened.
    full.disk.free();
    assert!(server.terminate().success());
    full.disk.fill();
    refused(&full);

    full.disk.free();
    full.assert_nothing_is_lost();
    let list = command(&full.disk.store(), &["snapshot", "list"]);
    let list = String::from_utf8(list.stdout).unwrap();
    assert_eq!(list.lines().count(), 2, "a head and the one snapshot: {list}");
    assert!(list.contains(&snapshot));
    let appended = command(&full.disk.store(), &append);
    assert!(appended.status.success(), "{}", String::from_utf8_lossy(&appended.stderr));
}

#[test]
fn a_snapshot_goes_where_there_is_no_room_to_open_the_database() {
    let Some(full) = Full::mount() else { return };
    let (server, snapshot) = (full.serve(), full.snapshot.clone());
    assert!(server.terminate().success());
    full.disk.fill();

    let store = full.disk.store();
    let unknown =
        refusal(&command(&store, &["snapshot", "delete", "20200101T000000Z", "--confirm", "20200101T000000Z"]));
    assert_eq!(unknown, "snapshot not found");
    let wrong = refusal(&command(&store, &["snapshot", "delete", &snapshot, "--confirm", "another"]));
    assert!(wrong.contains("Nothing was done"), "{wrong}");
    let deleted = command(&store, &["snapshot", "delete", &snapshot, "--confirm", &snapshot]);
    assert!(deleted.status.success(), "{}", String::from_utf8_lossy(&deleted.stderr));
    // With its room the store can be opened again.
    let list = command(&store, &["snapshot", "list", "--json"]);
    let list: serde_json::Value = serde_json::from_slice(&list.stdout).unwrap();
    assert_eq!(list, serde_json::json!({ "snapshots": [] }));
    full.assert_nothing_is_lost();
}
