//! Stores with a past: held, rewound, flagged, with gaps in their ids, changed by other programs.

use backstitch::error::ErrorKind;
use backstitch::history::Means;
use backstitch::image::Value;
use backstitch::log::EventQuery;
use backstitch::snapshot::{Expected, Kind, Restored, Scope};
use proptest::collection::vec;
use proptest::prelude::*;

use super::stream::{BEFORE, Step, found, go, log_of, steps, try_restore};
use crate::support::{Content, TestStore};

/// What happens to a store beside the steps of a stream.
#[derive(Debug, Clone)]
pub enum Move {
    Steps(Vec<Step>),
    /// Another program appends an event with an id further up.
    Leap(u8),
    /// Another program deletes an event that no other needs.
    Delete(u16),
    /// The flag of an event is turned.
    Hide(u16),
    /// The tables of a snapshot are restored.
    Hold(u16),
    /// The log is rewound, and goes on.
    Rewind(u16),
}

pub fn moves(most: usize) -> impl Strategy<Value = Vec<Move>> {
    let one = prop_oneof![
        6 => steps(3).prop_map(Move::Steps),
        1 => any::<u8>().prop_map(Move::Leap),
        1 => any::<u16>().prop_map(Move::Delete),
        2 => any::<u16>().prop_map(Move::Hide),
        2 => any::<u16>().prop_map(Move::Hold),
        1 => any::<u16>().prop_map(Move::Rewind),
    ];
    vec(one, 0..most)
}

pub fn walk(store: &TestStore, moves: &[Move]) {
    for one in moves {
        match one {
            Move::Steps(steps) => {
                // Whoever turns a flag may break events that wait; the stream wants to see it.
                if steps.iter().any(|step| matches!(step, Step::Flip(_))) {
                    end_hold(store);
                }
                go(store, steps);
            }
            Move::Leap(by) => leap(store, i64::from(*by)),
            Move::Delete(which) => delete(store, *which),
            Move::Hide(which) => drop(turn(store, some_event(store, *which))),
            Move::Hold(which) => drop(hold(store, *which)),
            Move::Rewind(which) => {
                let head = head(store);
                let after = BEFORE as i64 + i64::from(*which) % (head - BEFORE as i64).max(1);
                if after < head && rewind(store, after).is_some() {
                    leap(store, 0);
                }
            }
        }
    }
}

pub fn head(store: &TestStore) -> i64 {
    store.engine.status().unwrap().head
}

fn end_hold(store: &TestStore) {
    if store.engine.status().unwrap().held {
        store.engine.replay(Means::Command).unwrap();
    }
}

fn leap(store: &TestStore, by: i64) {
    let sql = "INSERT INTO event_log (id, kind, payload_json)
               SELECT seq + 1 + ?1, 'note', '[]' FROM sqlite_sequence WHERE name = 'event_log'";
    store.other_program().execute(sql, [by]).unwrap();
    store.engine.catch_up().unwrap();
}

fn delete(store: &TestStore, which: u16) {
    let sql = "DELETE FROM event_log AS e WHERE id = ?1 AND id < (SELECT max(id) FROM event_log)
               AND kind IN ('note', 'assistant_turn', 'activity_changed', 'edge_update')
               AND NOT EXISTS (SELECT 1 FROM event_log WHERE superseded_by = e.id)";
    store.other_program().execute(sql, [some_event(store, which)]).unwrap();
    store.engine.catch_up().unwrap();
}

pub fn some_event(store: &TestStore, which: u16) -> i64 {
    let ids = ids(store);
    ids[usize::from(which) % ids.len()]
}

pub fn ids(store: &TestStore) -> Vec<i64> {
    let id = |row: &Vec<Value>| match row[0] {
        Value::Integer(id) => id,
        _ => panic!("an id is a number"),
    };
    log_of(&store.content()).iter().map(id).collect()
}

/// Turns the flag of an event, unless the log does not replay then. The operation.
pub fn turn(store: &TestStore, event: i64) -> Option<i64> {
    let before = whole(store);
    let query = EventQuery { after: Some(event - 1), limit: 1, ..EventQuery::default() };
    let hidden = store.engine.events(&query).unwrap()[0].hidden;
    match store.engine.set_hidden(event, !hidden, Means::Command) {
        Ok(flagged) => flagged.operation,
        Err(refused) => {
            assert_eq!(refused.kind(), ErrorKind::Unprocessable, "{refused}");
            assert_eq!(whole(store), before, "refused: {refused}");
            None
        }
    }
}

/// Restores the tables of a snapshot, where there is one on this history. The operation.
pub fn hold(store: &TestStore, which: u16) -> Option<i64> {
    let periodic = store.engine.snapshots().unwrap().into_iter().filter(|one| one.kind == Kind::Periodic);
    let periodic: Vec<_> = periodic.collect();
    let one = periodic.get(usize::from(which) % periodic.len().max(1))?;
    try_restore(store, one, Scope::Projections).ok().map(|restored| restored.operation)
}

/// Rewinds, unless an event that would be live again does not fit any more.
pub fn rewind(store: &TestStore, after: i64) -> Option<Restored> {
    let before = whole(store);
    match store.engine.execute_rewind(after, Expected::default(), Means::Command) {
        Ok(done) => Some(done),
        Err(refused) => {
            assert_eq!(refused.kind(), ErrorKind::Unprocessable, "{refused}");
            assert_eq!(whole(store), before, "refused: {refused}");
            None
        }
    }
}

/// All that going back and forth has to keep.
#[derive(Debug, PartialEq)]
pub struct Whole {
    pub content: Content,
    pub found: Vec<Vec<i64>>,
    pub position: i64,
    pub held: bool,
    /// Which snapshots are on this history, by their place among all.
    pub here: Vec<(u64, Option<bool>)>,
}

pub fn whole(store: &TestStore) -> Whole {
    let status = store.engine.status().unwrap();
    assert_eq!(status.stuck, None);
    let periodic = store.engine.snapshots().unwrap().into_iter().filter(|one| one.kind == Kind::Periodic);
    Whole {
        content: store.content(),
        found: found(&store.other_program()),
        position: status.position,
        held: status.held,
        here: periodic.map(|one| (one.sequence, one.on_this_history)).collect(),
    }
}
