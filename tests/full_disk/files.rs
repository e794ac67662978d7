//! A disk that has bytes left, and no room for another file.

use super::disk::{SmallDisk, command, file_of, listed, post, refusal};
use super::{FULL, Full};
use crate::support::{JSON, Story};

#[test]
fn a_disk_with_room_for_no_file_more_is_a_full_disk() {
    let Some(disk) = SmallDisk::mount_for_few_files() else { return };
    let mut full = Full::on(disk);
    let (server, snapshot) = (full.serve(), full.snapshot.clone());
    assert!(full.append(&server, 5));
    full.disk.fill_with_files();
    let refused = post(&server, "/snapshots/take", JSON, &[]);
    assert_eq!((refused.status, refused.words(JSON).as_str()), (507, FULL));
    assert!(full.append(&server, 5), "an event needs no new file");

    let store = full.disk.store();
    let events = file_of(&Story::from(full.end() + 1).tell(1));
    for arguments in [["append", events.path().to_str().unwrap()], ["snapshot", "take"]] {
        let said = refusal(&command(&store, &arguments)).to_lowercase();
        assert!(said.contains("the disk is full") && said.contains("nothing was changed"), "{said}");
    }
    let deleted = command(&store, &["snapshot", "delete", &snapshot, "--confirm", &snapshot]);
    assert!(deleted.status.success(), "{}", String::from_utf8_lossy(&deleted.stderr));
    assert!(listed(&server).is_empty());
    full.assert_nothing_is_lost();
}
