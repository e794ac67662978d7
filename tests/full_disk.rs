//! A disk with no room left and a disk that may not be written, seen from outside: a small file
//! system of its own, and the program as a process. Where nothing can be mounted the tests say so and
//! are skipped.

mod backups;
mod commands;
mod disk;
mod files;
mod refused;
mod running;
mod starting;

use std::path::Path;

use backstitch::domain::Domain;
use backstitch::log::NewEvent;
use rusqlite::Connection;
use serde_json::Value;

use crate::support::{JSON, Random, Server, Story, assert_follows, story};

use self::disk::{SmallDisk, append, command, file_of};

/// What is said on a full disk, to whomever.
const FULL: &str = "The disk is full: nothing was changed. Reading works. \
                    Free some space, or delete a snapshot; no restart is needed.";

/// A store on a small disk, with a snapshot, and what it has acknowledged.
struct Full {
    disk: SmallDisk,
    acknowledged: Vec<NewEvent>,
    snapshot: String,
}

impl Full {
    /// A store with some events; none where nothing can be mounted.
    fn mount() -> Option<Self> {
        SmallDisk::mount().map(Self::on)
    }

    /// Made by commands, so that the policy of no server takes a snapshot before.
    fn on(disk: SmallDisk) -> Self {
        let mut acknowledged = story(60);
        acknowledged.push(large_event());
        let events = file_of(&acknowledged);
        let appended = command(&disk.store(), &["append", events.path().to_str().unwrap()]);
        assert!(appended.status.success(), "{}", String::from_utf8_lossy(&appended.stderr));
        let taken = command(&disk.store(), &["snapshot", "take", "--json"]);
        let taken: Value = serde_json::from_slice(&taken.stdout).unwrap();
        Self { disk, acknowledged, snapshot: taken["snapshot_id"].as_str().unwrap().to_owned() }
    }

    /// A server whose policy is content with the snapshot that is there.
    fn serve(&self) -> Server {
        Server::start(&self.disk.store(), &["--snapshot-events", "1000000"])
    }

    /// Posts the next events of the story; whether they were acknowledged.
    fn append(&mut self, server: &Server, events: usize) -> bool {
        let told = Story::from(self.end() + 1).tell(events);
        let answer = append(server, JSON, &told);
        match answer.status {
            201 => {
                self.acknowledged.extend(told);
                assert_eq!(answer.json()["last_id"], self.end());
                true
            }
            507 => false,
            other => panic!("{other}: {}", answer.text()),
        }
    }

    /// The last event that was acknowledged.
    fn end(&self) -> i64 {
        self.acknowledged.len() as i64
    }

    /// Fills the disk until an event is refused.
    fn fill(&mut self, server: &Server) {
        self.disk.fill();
        for _ in 0..100 {
            if !self.append(server, 1) {
                return;
            }
            self.disk.fill();
        }
        panic!("a full disk took 100 events");
    }

    /// Asserts that the log is what was acknowledged, that the tables follow from it, and that the
    /// database is sound.
    fn assert_nothing_is_lost(&self) {
        assert_log(&self.disk.store(), &self.acknowledged);
    }
}

/// An event that takes room in a snapshot, since it cannot be made smaller.
fn large_event() -> NewEvent {
    let mut random = Random::new(7);
    let text: String = (0..20_000).map(|_| format!("{:016x}", random.number())).collect();
    NewEvent::new("note", format!("{{\"text\":\"{text}\"}}")).unwrap()
}

fn assert_log(folder: &Path, expected: &[NewEvent]) {
    let conn = Connection::open(folder.join("backstitch.db")).unwrap();
    let check: String = conn.query_row("PRAGMA integrity_check", [], |row| row.get(0)).unwrap();
    assert_eq!(check, "ok");
    let mut log = conn.prepare("SELECT id, kind, payload_json FROM event_log ORDER BY id").unwrap();
    let found = log.query_map([], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)));
    let found: Vec<(i64, String, String)> = found.unwrap().collect::<rusqlite::Result<_>>().unwrap();
    let expected = expected.iter().zip(1..).map(|(event, id)| (id, event.kind.clone(), event.payload.get().to_owned()));
    assert_eq!(found, expected.collect::<Vec<_>>());
    assert_follows(&conn, &Domain::companion().unwrap());
}
