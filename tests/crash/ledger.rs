//! What is known of a store over all its rounds, and what its log must be after each.

use std::collections::{BTreeMap, HashSet};

use rusqlite::Connection;
use serde_json::Value;

use super::model::Deeds;
use super::work::Done;

/// Everything that was ever acknowledged or seen.
#[derive(Default)]
pub struct Ledger {
    /// Every event that was in the log when a round began or ended: its kind and payload.
    seen: BTreeMap<i64, (String, String)>,
    /// The append that each acknowledged event came with.
    acknowledged: BTreeMap<i64, String>,
    /// Safety snapshots that a command was told to delete.
    pub deleted: HashSet<String>,
}

impl Ledger {
    pub fn of(conn: &Connection) -> Self {
        Self { seen: events(conn), ..Self::default() }
    }

    /// Takes note of what was acknowledged.
    pub fn note(&mut self, done: &[Done]) {
        for one in done {
            match one {
                Done::Appended { tag, first, last } => {
                    for id in *first..=*last {
                        let other = self.acknowledged.insert(id, tag.clone());
                        assert_eq!(other, None, "event {id} was given twice");
                    }
                }
                Done::AskedToDelete { id } => {
                    self.deleted.insert(id.clone());
                }
                _ => {}
            }
        }
    }

    /// The log is what the acknowledged appends and the operations give, and an id is one event for
    /// ever.
    pub fn assert_log(&mut self, conn: &Connection) {
        let (deeds, now) = (Deeds::read(conn), events(conn));
        for (id, event) in now {
            if let Some(tag) = self.acknowledged.get(&id) {
                assert_eq!(Some(tag), tag_of(&event.1).as_ref(), "event {id} is not the one that was acknowledged");
            }
            let before = self.seen.entry(id).or_insert_with(|| event.clone());
            assert_eq!(*before, event, "event {id} was another one once");
        }
        let hidden = hidden(conn);
        let known: HashSet<i64> = self.seen.keys().chain(self.acknowledged.keys()).copied().collect();
        for id in &known {
            assert_eq!(hidden.get(id).copied(), deeds.fate(*id), "whether event {id} is there, and hidden");
        }
        let highest: i64 = number(conn, "SELECT seq FROM sqlite_sequence WHERE name = 'event_log'");
        assert!(known.iter().all(|id| *id <= highest), "ids up to {highest} are given");
    }
}

fn events(conn: &Connection) -> BTreeMap<i64, (String, String)> {
    let mut statement = conn.prepare("SELECT id, kind, payload_json FROM event_log").unwrap();
    let rows = statement.query_map([], |row| Ok((row.get(0)?, (row.get(1)?, row.get(2)?)))).unwrap();
    rows.collect::<rusqlite::Result<_>>().unwrap()
}

fn hidden(conn: &Connection) -> BTreeMap<i64, bool> {
    let mut statement = conn.prepare("SELECT id, hidden FROM event_log").unwrap();
    let rows = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?))).unwrap();
    rows.collect::<rusqlite::Result<_>>().unwrap()
}

fn tag_of(payload: &str) -> Option<String> {
    serde_json::from_str::<Value>(payload).unwrap()["tag"].as_str().map(str::to_owned)
}

/// The one number that a query answers.
pub fn number(conn: &Connection, sql: &str) -> i64 {
    conn.query_row(sql, [], |row| row.get(0)).unwrap()
}
