//! What a kill may leave: a store in which everything is wholly before or wholly after.

use std::path::Path;

use backstitch::clock::parse_rfc3339;
use backstitch::domain::Domain;
use backstitch::engine::{Engine, Options};
use backstitch::history::Means;
use backstitch::snapshot::{Kind, Snapshot};
use rusqlite::Connection;
use serde_json::Value;

use super::ledger::{Ledger, number};
use super::work::Done;
use crate::support::assert_follows;

pub fn all_is_well(folder: &Path, ledger: &mut Ledger, done: &[Done]) {
    let conn = open(folder);
    let domain = Domain::companion().unwrap();
    assert_sound(&conn);
    let state = assert_follows(&conn, &domain);
    assert_eq!(state.stuck, None, "every event was valid");
    assert_appends_are_whole(&conn);
    assert_successors_are_there(&conn);
    ledger.note(done);
    ledger.assert_log(&conn);
    let snapshots = verified(folder);
    assert_safety(&conn, &snapshots, ledger);
    assert_last_restore_is_whole(&conn, &snapshots, ledger);
    for one in done {
        assert_kept(&conn, one, &snapshots);
    }
}

pub fn open(folder: &Path) -> Connection {
    Connection::open(folder.join("backstitch.db")).unwrap()
}

fn assert_sound(conn: &Connection) {
    let answer: String = conn.query_row("PRAGMA integrity_check", [], |row| row.get(0)).unwrap();
    assert_eq!(answer, "ok");
    let broken = number(conn, "SELECT count(*) FROM pragma_foreign_key_check");
    assert_eq!(broken, 0, "rows that refer to nothing");
}

/// Each event says how many came with it. Only a rewind to one of them takes those after it away.
fn assert_appends_are_whole(conn: &Connection) {
    let sql = "SELECT payload_json ->> '$.tag' AS tag, count(*), min(id), max(id) FROM event_log
               WHERE tag IS NOT NULL GROUP BY tag";
    let mut statement = conn.prepare(sql).unwrap();
    let mut rows = statement.query([]).unwrap();
    while let Some(row) = rows.next().unwrap() {
        let (tag, count): (String, i64) = (row.get(0).unwrap(), row.get(1).unwrap());
        let (first, last): (i64, i64) = (row.get(2).unwrap(), row.get(3).unwrap());
        let size: i64 = tag.rsplit('/').next().unwrap().parse().unwrap();
        let sql = "SELECT count(*) FROM backstitch_operations
                   WHERE what = 'rewind' AND detail ->> '$.after_event_id' = ?1";
        let is_cut = || conn.query_row(sql, [last], |row| row.get::<_, i64>(0)).unwrap() > 0;
        assert_eq!(last - first + 1, count, "the append {tag} has gaps");
        assert!(count == size || is_cut(), "the append {tag} is half there");
    }
}

/// An event is superseded by the one that says so, and by that one only while it is in the log.
fn assert_successors_are_there(conn: &Connection) {
    let sql = "SELECT count(*) FROM event_log later
               JOIN event_log earlier ON earlier.id = later.payload_json ->> '$.instead_of'
               WHERE earlier.superseded_by IS NOT later.id";
    assert_eq!(number(conn, sql), 0, "events that supersede another, which does not say so");
    let sql = "SELECT count(*) FROM event_log earlier WHERE superseded_by IS NOT NULL AND NOT EXISTS
               (SELECT 1 FROM event_log later WHERE later.id = earlier.superseded_by
                AND later.payload_json ->> '$.instead_of' = earlier.id)";
    assert_eq!(number(conn, sql), 0, "events that are superseded by none");
}

/// All listed snapshots, each of them read whole.
fn verified(folder: &Path) -> Vec<Snapshot> {
    let engine = Engine::open(Options::new(folder)).unwrap();
    let snapshots = engine.snapshots().unwrap();
    for one in &snapshots {
        assert_eq!(one.damaged, None, "{} {}", one.kind, one.snapshot_id);
        engine.verify(one.kind, &one.snapshot_id).unwrap();
    }
    snapshots
}

fn find<'a>(snapshots: &'a [Snapshot], kind: &str, id: &str) -> Option<&'a Snapshot> {
    snapshots.iter().find(|one| one.kind.as_str() == kind && one.snapshot_id.as_str() == id)
}

/// What every operation destroyed is in the safety snapshot that its line names, until that is
/// deleted; its id may be given again within the same second then.
fn assert_safety(conn: &Connection, snapshots: &[Snapshot], ledger: &Ledger) {
    let sql = "SELECT operation, detail FROM backstitch_operations WHERE detail ->> '$.safety_snapshot' IS NOT NULL";
    let mut statement = conn.prepare(sql).unwrap();
    let mut rows = statement.query([]).unwrap();
    while let Some(row) = rows.next().unwrap() {
        let (operation, detail): (i64, String) = (row.get(0).unwrap(), row.get(1).unwrap());
        let detail: Value = serde_json::from_str(&detail).unwrap();
        let id = detail["safety_snapshot"]["snapshot_id"].as_str().unwrap();
        if ledger.deleted.contains(id) {
            continue;
        }
        let safety = find(snapshots, Kind::Rewind.as_str(), id);
        let safety = safety.unwrap_or_else(|| panic!("the safety snapshot {id} of operation {operation} is gone"));
        assert_eq!(safety.last_event_id, detail["from_head"].as_i64(), "the safety snapshot of operation {operation}");
    }
}

/// After the last restore of everything the log is that snapshot's and what came after it.
fn assert_last_restore_is_whole(conn: &Connection, snapshots: &[Snapshot], ledger: &Ledger) {
    let sql = "SELECT detail FROM backstitch_operations
               WHERE what IN ('restore', 'rewind', 'undo', 'hide', 'unhide')
               AND detail ->> '$.scope' IS NOT 'projections'
               ORDER BY operation DESC LIMIT 1";
    let Ok(detail) = conn.query_row(sql, [], |row| row.get::<_, String>(0)) else { return };
    let detail: Value = serde_json::from_str(&detail).unwrap();
    if detail["scope"] != "everything" {
        return;
    }
    let (kind, id) = (detail["kind"].as_str().unwrap(), detail["snapshot_id"].as_str().unwrap());
    let (last, from_head) = (detail["last_event_id"].as_i64().unwrap(), detail["from_head"].as_i64().unwrap());
    let sql = "SELECT count(*) FROM event_log WHERE id <= ?1 AND superseded_by > ?2";
    let superseded_since: i64 = conn.query_row(sql, [last, from_head], |row| row.get(0)).unwrap();
    if let (0, false, Some(snapshot)) = (superseded_since, ledger.deleted.contains(id), find(snapshots, kind, id)) {
        assert_eq!(snapshot.on_this_history, Some(true), "{kind} {id} was restored");
    }
}

/// What was acknowledged is there, unless retention removed it. For events the ledger knows.
fn assert_kept(conn: &Connection, done: &Done, snapshots: &[Snapshot]) {
    match done {
        Done::Taken { id, at } => {
            let periodic = || snapshots.iter().filter(|one| one.kind == Kind::Periodic);
            let newer = periodic().filter(|one| Some(one.created_at) > parse_rfc3339(at)).count();
            let is_there = periodic().any(|one| one.snapshot_id.as_str() == id);
            assert!(is_there || newer >= 5, "{done:?} was acknowledged, and {newer} newer ones are there");
        }
        Done::Changed { what, operation } => {
            let sql = "SELECT what FROM backstitch_operations WHERE operation = ?1";
            let found: String = conn.query_row(sql, [operation], |row| row.get(0)).unwrap();
            assert_eq!(found, *what, "operation {operation} was acknowledged");
        }
        Done::Wrong(what) => panic!("{what}"),
        Done::Appended { .. } | Done::AskedToDelete { .. } | Done::Other => {}
    }
}

/// A start and a prune remove what the kills left unfinished.
pub fn no_leftovers(folder: &Path) {
    let engine = Engine::open(Options::new(folder)).unwrap();
    engine.cold_load(None, false).unwrap();
    // A process that another test starts just now shares this one's locks until it runs its own
    // program, and collection never waits for a lock: then once more.
    let prune = || engine.prune_periodic_snapshots(Means::Command).unwrap();
    let collected = (0..1000).any(|_| !prune().collected.skipped);
    assert!(collected, "nobody reads or writes pieces, and every manifest can be read");
    let mut folders = vec![folder.to_owned()];
    while let Some(next) = folders.pop() {
        for entry in std::fs::read_dir(next).unwrap() {
            let path = entry.unwrap().path();
            assert!(!path.to_string_lossy().contains(".unfinished-"), "{} is left", path.display());
            if path.is_dir() {
                folders.push(path);
            }
        }
    }
}
