//! What is kept in memory of the live tables is what their rows give, whatever happens to them.
//!
//! A debug build compares each image with a scan wherever one is asked for; here the snapshots that
//! come of them are compared with a scan by another connection, in every build.

use backstitch::engine::{Engine, Options};
use backstitch::error::ErrorKind;
use backstitch::history::Means;
use backstitch::image::{ChunkStore, LiveImages, Seen, Segment, Table, scan};
use backstitch::log::NewEvent;
use backstitch::snapshot::{Expected, Manifest, Scope, Snapshot};
use proptest::collection::vec;
use proptest::prelude::*;

use super::check;
use super::stream::{edit, edits, store, try_restore};
use super::tables::{TestTable, changes as row_changes};
use super::walk::{Move, moves, walk};
use crate::support::TestStore;

/// What may happen to the tables.
#[derive(Debug, Clone)]
enum Change {
    /// Events, flags, restores of the tables and rewinds, with other programs at the log.
    Walk(Vec<Move>),
    /// Another program edits rows.
    Edit(Vec<usize>),
    /// An append that is refused after some of its events were applied.
    Refused,
    /// Everything of a snapshot comes back.
    Restore(u16),
    /// The last operation is undone.
    Undo,
    Rebuild,
    /// All that a plan reads.
    Plans(u16),
    /// Another process takes a snapshot.
    Elsewhere,
    /// The server starts once more.
    Start,
}

fn changes() -> impl Strategy<Value = Vec<Change>> {
    let one = prop_oneof![
        8 => moves(3).prop_map(Change::Walk),
        1 => edits().prop_map(Change::Edit),
        2 => Just(Change::Refused),
        3 => any::<u16>().prop_map(Change::Restore),
        3 => Just(Change::Undo),
        1 => Just(Change::Rebuild),
        3 => any::<u16>().prop_map(Change::Plans),
        1 => Just(Change::Elsewhere),
        1 => Just(Change::Start),
    ];
    vec(one, 1..8)
}

fn go(store: &TestStore, change: &Change) {
    let (engine, none, by) = (&store.engine, Expected::default(), Means::Command);
    match change {
        Change::Walk(moves) => walk(store, moves),
        Change::Edit(which) => edit(store, which),
        Change::Refused => refuse(engine),
        Change::Restore(which) => {
            let snapshots = engine.snapshots().unwrap();
            if let Some(one) = snapshots.get(usize::from(*which) % snapshots.len().max(1)) {
                // Refused where an event of its log breaks a rule by now.
                drop(try_restore(store, one, Scope::Everything));
                go_on(engine);
            }
        }
        Change::Undo => {
            let latest = engine.operations(1).unwrap();
            drop(latest.first().map(|one| engine.undo(one.operation, true, none, by)));
            go_on(engine);
        }
        Change::Rebuild => drop(engine.rebuild_projection(none, by)),
        Change::Plans(which) => plans(engine, *which),
        Change::Elsewhere => {
            let other = Engine::open(Options::new(store.path())).unwrap();
            other.take_snapshot(None, false, by).unwrap();
        }
        Change::Start => drop(engine.cold_load(None, false).unwrap()),
    }
}

/// The log goes on behind what was taken back: the steps of a stream take the next id for the one
/// after its last.
fn go_on(engine: &Engine) {
    engine.append(vec![NewEvent::new("note", "[]").unwrap()]).unwrap();
}

/// The first event is applied before the second breaks a rule.
fn refuse(engine: &Engine) {
    let good = r#"{"owner_id": "ada", "chat_id": "c", "text": "gone again", "significance": 1}"#;
    let batch = [good, "{}"].map(|payload| NewEvent::new("memory_written", payload).unwrap());
    let refused = engine.append(batch.to_vec()).unwrap_err();
    assert!(matches!(refused.kind(), ErrorKind::Unprocessable | ErrorKind::Conflict), "{refused}");
}

fn plans(engine: &Engine, which: u16) {
    for one in engine.snapshots().unwrap().iter().take(2) {
        engine.preview(&one.snapshot_id, one.kind, Scope::Everything).unwrap();
    }
    let head = engine.status().unwrap().head;
    // Unprocessable where the log up to there does not replay.
    drop(engine.compute_rewind_preview(i64::from(which) % head));
}

/// The segments that a snapshot has of a table.
fn taken(store: &TestStore, manifest: &Manifest, table: &Table) -> Vec<Segment> {
    let chunks = ChunkStore::open(store.path().join("snapshots/chunks")).unwrap();
    manifest.table(&table.name).unwrap().index(&chunks).unwrap().segments
}

fn is_what_the_rows_give(store: &TestStore, snapshot: &Snapshot) {
    let id = &snapshot.snapshot_id;
    let file = store.path().join("snapshots").join(snapshot.kind.as_str()).join(format!("{id}.json"));
    let manifest = Manifest::read(&std::fs::read(file).unwrap()).unwrap();
    let other = store.other_program();
    for table in store.engine.domain().projected() {
        let scanned = scan(&other, table, None, &mut |_| {}).unwrap();
        assert_eq!(taken(store, &manifest, table), scanned, "{}", table.name);
    }
    store.engine.verify(snapshot.kind, id).unwrap();
}

#[test]
fn a_snapshot_is_that_of_a_scan_after_whatever_happened() {
    check(4, &changes(), |changes| {
        let store = store();
        is_what_the_rows_give(&store, &store.take());
        for change in &changes {
            go(&store, change);
            is_what_the_rows_give(&store, &store.take());
        }
    });
}

/// Looks at a table with what is known of it, as a reader and as the writer do.
fn look(live: &LiveImages, table: &TestTable, writing: bool) {
    let tables = std::slice::from_ref(&table.table);
    let view;
    let seen = if writing {
        Seen::Writing(live)
    } else {
        view = live.view(&table.conn, tables, || Ok(())).unwrap().1;
        Seen::Reading(&view)
    };
    let known = seen.of(&table.conn, &table.table).unwrap();
    let segments = known.segments(&table.conn, &table.table, None, &mut |_| {}).unwrap();
    assert_eq!(segments, scan(&table.conn, &table.table, None, &mut |_| {}).unwrap());
}

#[test]
fn an_image_that_follows_changes_of_rows_is_that_of_a_scan() {
    check(1, &row_changes(), |changes| {
        let (live, table) = (LiveImages::default(), changes.table());
        look(&live, &table, false);
        changes.go_to_a(&table);
        look(&live, &table, true);
        look(&live, &table, false);
        changes.go_to_b(&table);
        look(&live, &table, true);
        table.conn.execute_batch("BEGIN; DELETE FROM t").unwrap();
        look(&live, &table, true);
        table.conn.execute_batch("ROLLBACK").unwrap();
        look(&live, &table, true);
        look(&live, &table, false);
    });
}
