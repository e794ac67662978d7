//! What the clients and the commands ask for, after the numbers of a seed.

use std::path::Path;
use std::sync::Mutex;

use rusqlite::Connection;
use serde_json::{Value, json};

use super::work::Done;
use crate::support::Random;

/// Events up to this one stay: no rewind goes further back, and no snapshot is older.
const STAYS: i64 = 100;

/// What everybody at work knows of the store.
#[derive(Default)]
pub struct Known(Mutex<(i64, Vec<i64>)>);

impl Known {
    /// The end of the log, and the operations that have something to undo.
    pub fn read(conn: &Connection) -> Self {
        let sql = "SELECT operation FROM backstitch_operations
                   WHERE what IN ('restore', 'rewind', 'undo', 'hide', 'unhide') ORDER BY operation";
        let mut statement = conn.prepare(sql).unwrap();
        let operations = statement.query_map([], |row| row.get(0)).unwrap().collect::<rusqlite::Result<_>>().unwrap();
        let head = conn.query_row("SELECT max(id) FROM event_log", [], |row| row.get(0)).unwrap();
        Self(Mutex::new((head, operations)))
    }

    pub fn hear(&self, done: &Done) {
        let mut known = self.0.lock().unwrap();
        match done {
            Done::Appended { last, .. } => known.0 = known.0.max(*last),
            Done::Changed { operation, .. } => known.1.push(*operation),
            _ => {}
        }
    }

    /// An event to go back to, mostly a late one; it may be gone, or the end of the log.
    pub fn target(&self, random: &mut Random) -> i64 {
        let room = (self.0.lock().unwrap().0 - STAYS).max(1) as usize;
        let far = if random.below(4) == 0 { room } else { room.min(40) };
        let back = random.below(far);
        STAYS + (room - back) as i64 - 1
    }

    /// An operation to undo: mostly one of the last, which may have been undone already.
    pub fn operation(&self, random: &mut Random) -> Option<i64> {
        let known = self.0.lock().unwrap();
        let far = if random.below(4) == 0 { 20 } else { 3 };
        let back = random.below(known.1.len().min(far));
        known.1.len().checked_sub(back + 1).map(|at| known.1[at])
    }
}

/// An event that no other needs, to hide or to show again.
pub fn flagged(random: &mut Random) -> i64 {
    7 + random.below(30) as i64
}

/// Events as NDJSON. They are valid after the first six of the story. Each names the append that it
/// came with, how many came with it, and what it supersedes.
pub fn events(tag: &str, count: usize, random: &mut Random) -> String {
    let event = |n: usize| match n {
        0 => json!({ "kind": "edge_update", "payload": { "tag": tag, "source_id": "ada", "target_id": "bob",
            "affinity_delta": 1, "trust_delta": -1, "reason": "because" } }),
        1 => json!({ "kind": "memory_written", "payload": { "tag": tag, "owner_id": "ada", "chat_id": "c",
            "scene_id": "s", "text": format!("Remembers {tag}"), "significance": 3 } }),
        2 => json!({ "kind": "activity_changed", "payload": { "tag": tag, "chat_id": "c", "entity_id": "bob",
            "container_id": "house", "activity": tag } }),
        _ => json!({ "kind": "user_turn", "payload": { "tag": tag, "chat_id": "c", "text": "And then?" } }),
    };
    let mut lines: Vec<Value> = (0..count).map(|_| event(random.below(4))).collect();
    if random.below(8) == 0 {
        let of = superseded(random);
        lines[0]["supersedes"] = of.into();
        lines[0]["payload"]["instead_of"] = of.into();
    }
    lines.iter().map(|line| format!("{line}\n")).collect()
}

/// A turn of the first hundred events, which nothing removes. Where it is superseded already the
/// append is refused.
fn superseded(random: &mut Random) -> i64 {
    12 + 6 * random.below(15) as i64
}

/// A listed snapshot, by its file.
pub fn some_snapshot(folder: &Path, random: &mut Random) -> Option<(&'static str, String)> {
    let of_kind = |kind| move |id| (kind, id);
    let mut all: Vec<_> = listed(folder, "periodic").into_iter().map(of_kind("periodic")).collect();
    all.extend(listed(folder, "rewind").into_iter().map(of_kind("rewind")));
    (!all.is_empty()).then(|| random.pick(&all).clone())
}

/// The ids of a kind, oldest first.
pub fn listed(folder: &Path, kind: &str) -> Vec<String> {
    let files = std::fs::read_dir(folder.join("snapshots").join(kind)).unwrap();
    let mut ids: Vec<String> =
        files.filter_map(|file| Some(file.unwrap().file_name().to_str()?.strip_suffix(".json")?.to_owned())).collect();
    ids.sort_unstable();
    ids
}
