//! What a kill may leave: a store in which everything is wholly before or wholly after.

use std::collections::BTreeMap;
use std::path::Path;

use backstitch::clock::parse_rfc3339;
use backstitch::domain::Domain;
use backstitch::engine::{Engine, Options};
use backstitch::snapshot::{Kind, Snapshot};
use rusqlite::Connection;
use serde_json::Value;

use super::work::Done;
use crate::support::assert_follows;

/// The store before a round.
pub struct Before {
    events: BTreeMap<i64, (String, String)>,
    operation: i64,
}

impl Before {
    pub fn read(folder: &Path) -> Self {
        let conn = open(folder);
        let operation =
            conn.query_row("SELECT coalesce(max(operation), 0) FROM backstitch_operations", [], |row| row.get(0));
        Self { events: events(&conn), operation: operation.unwrap() }
    }
}

/// A restore of everything that was committed.
struct Restore {
    snapshot: (String, String),
    last_event: i64,
    from_head: i64,
    safety: String,
}

pub fn all_is_well(folder: &Path, before: &Before, done: &[Done]) {
    let conn = open(folder);
    let domain = Domain::companion().unwrap();
    assert_sound(&conn);
    let state = assert_follows(&conn, &domain);
    assert_eq!(state.stuck, None, "every event was valid");
    assert_appends_are_whole(&conn);
    let snapshots = verified(folder);
    let restores = restores(&conn, before.operation);
    assert_restores_are_whole(&conn, &restores, &snapshots);
    let after = events(&conn);
    if restores.is_empty() {
        for (id, event) in &before.events {
            assert_eq!(after.get(id), Some(event), "event {id} was there before");
        }
    }
    for one in done {
        assert_kept(&conn, one, &restores, &snapshots);
    }
}

fn open(folder: &Path) -> Connection {
    Connection::open(folder.join("backstitch.db")).unwrap()
}

fn events(conn: &Connection) -> BTreeMap<i64, (String, String)> {
    let mut statement = conn.prepare("SELECT id, kind, payload_json FROM event_log").unwrap();
    let rows = statement.query_map([], |row| Ok((row.get(0)?, (row.get(1)?, row.get(2)?)))).unwrap();
    rows.collect::<rusqlite::Result<_>>().unwrap()
}

fn assert_sound(conn: &Connection) {
    let answer: String = conn.query_row("PRAGMA integrity_check", [], |row| row.get(0)).unwrap();
    assert_eq!(answer, "ok");
    let broken: i64 = conn.query_row("SELECT count(*) FROM pragma_foreign_key_check", [], |row| row.get(0)).unwrap();
    assert_eq!(broken, 0, "rows that refer to nothing");
}

/// Each event says how many came with it.
fn assert_appends_are_whole(conn: &Connection) {
    let sql = "SELECT payload_json ->> '$.tag' AS tag, count(*) FROM event_log WHERE tag IS NOT NULL GROUP BY tag";
    let mut statement = conn.prepare(sql).unwrap();
    let mut rows = statement.query([]).unwrap();
    while let Some(row) = rows.next().unwrap() {
        let (tag, count): (String, i64) = (row.get(0).unwrap(), row.get(1).unwrap());
        let size: i64 = tag.rsplit('/').next().unwrap().parse().unwrap();
        assert_eq!(count, size, "the append {tag} is half there");
    }
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

fn restores(conn: &Connection, after: i64) -> Vec<Restore> {
    let sql = "SELECT detail FROM backstitch_operations WHERE what = 'restore' AND operation > ?1 ORDER BY operation";
    let mut statement = conn.prepare(sql).unwrap();
    let details = statement.query_map([after], |row| row.get::<_, String>(0)).unwrap();
    let details = details.map(|detail| serde_json::from_str::<Value>(&detail.unwrap()).unwrap());
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    details
        .filter(|detail| detail["scope"] == "everything")
        .map(|detail| Restore {
            snapshot: (text(&detail["kind"]), text(&detail["snapshot_id"])),
            last_event: detail["last_event_id"].as_i64().unwrap(),
            from_head: detail["from_head"].as_i64().unwrap(),
            safety: text(&detail["safety_snapshot"]["snapshot_id"]),
        })
        .collect()
}

/// After the last restore of everything the log is that snapshot's and what came after it, and
/// what each of them removed is in its safety snapshot.
fn assert_restores_are_whole(conn: &Connection, restores: &[Restore], snapshots: &[Snapshot]) {
    let find =
        |kind: &str, id: &str| snapshots.iter().find(|one| one.kind.as_str() == kind && one.snapshot_id.as_str() == id);
    for restore in restores {
        if let Some(safety) = find(Kind::Rewind.as_str(), &restore.safety) {
            assert_eq!(safety.last_event_id, Some(restore.from_head), "the safety snapshot of {:?}", restore.snapshot);
        }
    }
    let Some(last) = restores.last() else { return };
    let count =
        |sql: &str| -> i64 { conn.query_row(sql, [last.last_event, last.from_head], |row| row.get(0)).unwrap() };
    assert_eq!(count("SELECT count(*) FROM event_log WHERE id > ?1 AND id <= ?2"), 0, "events that were removed");
    // It was deleted while it was restored, and its id given again within that second.
    if last.snapshot == (Kind::Rewind.to_string(), last.safety.clone()) {
        return;
    }
    let superseded_since = count("SELECT count(*) FROM event_log WHERE id <= ?1 AND superseded_by > ?2");
    if let (0, Some(snapshot)) = (superseded_since, find(&last.snapshot.0, &last.snapshot.1)) {
        assert_eq!(snapshot.on_this_history, Some(true), "{:?} was restored", last.snapshot);
    }
}

/// What was acknowledged is there, unless a later operation removed it.
fn assert_kept(conn: &Connection, done: &Done, restores: &[Restore], snapshots: &[Snapshot]) {
    let count = |sql: &str, low: i64, high: i64| -> i64 { conn.query_row(sql, [low, high], |row| row.get(0)).unwrap() };
    match done {
        Done::Appended { name, first, last } => {
            let removed = restores.iter().any(|one| one.last_event < *first && *last <= one.from_head);
            let found: i64 = conn
                .query_row(
                    "SELECT count(*) FROM event_log WHERE id BETWEEN ?1 AND ?2 AND payload_json ->> '$.tag' LIKE ?3",
                    (first, last, format!("{name}/%")),
                    |row| row.get(0),
                )
                .unwrap();
            assert!(removed || found == last - first + 1, "{done:?} was acknowledged, and {found} events are there");
        }
        Done::Taken { id, at } => {
            let periodic = || snapshots.iter().filter(|one| one.kind == Kind::Periodic);
            let newer = periodic().filter(|one| Some(one.created_at) > parse_rfc3339(at)).count();
            let is_there = periodic().any(|one| one.snapshot_id.as_str() == id);
            assert!(is_there || newer >= 5, "{done:?} was acknowledged, and {newer} newer ones are there");
        }
        Done::Restored { operation } => {
            let sql =
                "SELECT count(*) FROM backstitch_operations WHERE operation BETWEEN ?1 AND ?2 AND what = 'restore'";
            assert_eq!(count(sql, *operation, *operation), 1, "{done:?} was acknowledged");
        }
        Done::Other => {}
        Done::Wrong(what) => panic!("{what}"),
    }
}

/// A start and a prune remove what the kills left unfinished.
pub fn no_leftovers(folder: &Path) {
    let engine = Engine::open(Options::new(folder)).unwrap();
    engine.cold_load(None, false).unwrap();
    // A process that another test starts just now shares this one's locks until it runs its own
    // program, and collection never waits for a lock: then once more.
    let prune = || engine.prune_periodic_snapshots(backstitch::history::Means::Command).unwrap();
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
