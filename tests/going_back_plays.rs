//! Going back on real event streams: Shakespeare's plays, where the folder with them is beside the
//! checkout.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::PathBuf;

use backstitch::engine::RowQuery;
use backstitch::history::Means;
use backstitch::image::Hash;
use backstitch::snapshot::Expected;

use crate::support::{TestStore, assert_follows};

/// A file with plays, unpacked; none, said out loud, where it is not there.
fn plays(name: &str) -> Option<Box<dyn BufRead>> {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../shared/data").join(name);
    let Ok(file) = File::open(path) else {
        eprintln!("skipped: {name} is not beside the checkout");
        return None;
    };
    if name.ends_with(".zst") {
        return Some(Box::new(BufReader::new(zstd::stream::read::Decoder::new(file).unwrap())));
    }
    Some(Box::new(BufReader::new(file)))
}

fn store_of(name: &str) -> Option<TestStore> {
    let lines = plays(name)?;
    let store = TestStore::in_memory(|_| {});
    store.engine.append_lines(lines).unwrap();
    Some(store)
}

/// The hash of every row of each table, and of what the full-text index finds.
fn hashes(store: &TestStore) -> BTreeMap<String, Hash> {
    let content = store.content().into_iter().map(|(name, rows)| (name, Hash::of(format!("{rows:?}").as_bytes())));
    let mut hashes: BTreeMap<_, _> = content.collect();
    let other = store.other_program();
    other.execute("INSERT INTO memories_fts (memories_fts, rank) VALUES ('integrity-check', 1)", []).unwrap();
    for word in ["love", "ghost OR crown", "\"my lord\"", "king NOT queen", "be*"] {
        let sql = "SELECT rowid FROM memories_fts WHERE memories_fts MATCH ?1 ORDER BY rowid";
        let mut select = other.prepare(sql).unwrap();
        let found: Vec<i64> = select.query_map([word], |row| row.get(0)).unwrap().map(Result::unwrap).collect();
        hashes.insert(format!("found by {word}"), Hash::of(format!("{found:?}").as_bytes()));
    }
    hashes
}

fn ids(store: &TestStore, sql: &str) -> Vec<i64> {
    let other = store.other_program();
    let mut select = other.prepare(sql).unwrap();
    select.query_map([], |row| row.get(0)).unwrap().map(Result::unwrap).collect()
}

#[test]
fn all_plays_but_the_first_leave_and_come_back_with_every_byte() {
    let Some(store) = store_of("shakespeare.events.jsonl.zst") else { return };
    let first_play_ends = "SELECT max(id) FROM event_log WHERE kind = 'scene_closed'
        AND id < (SELECT id FROM event_log WHERE kind = 'chat_created' ORDER BY id LIMIT 1 OFFSET 1)";
    let end = ids(&store, first_play_ends)[0];
    let before = hashes(&store);
    let done = store.engine.execute_rewind(end, Expected::default(), Means::Command).unwrap();
    assert_eq!((done.position, done.events_removed), (end, 74_262 - end.unsigned_abs()));
    assert_follows(&store.other_program(), &store.engine.domain());
    let after = hashes(&store);
    assert_ne!(after, before);

    let undone = store.engine.undo(done.operation, false, Expected::default(), Means::Command).unwrap();
    assert_eq!((undone.position, undone.events_returned), (74_262, done.events_removed));
    assert_eq!(hashes(&store), before);
    let again = store.engine.undo(undone.operation, false, Expected::default(), Means::Command).unwrap();
    assert_eq!(again.rows_changed, undone.rows_changed);
    assert_eq!(hashes(&store), after);
}

#[test]
fn a_play_rewound_before_each_regenerated_speech_has_the_speech_before_it() {
    let Some(store) = store_of("hamlet.events.jsonl") else { return };
    let before = hashes(&store);
    let regenerations = ids(&store, "SELECT DISTINCT superseded_by FROM event_log WHERE superseded_by IS NOT NULL");
    assert_eq!(regenerations.len(), 10);
    for (at, event) in regenerations.into_iter().enumerate() {
        if at == 5 {
            store.engine.take_snapshot(None, false, Means::Command).unwrap();
        }
        let then = store.engine.state_at("chat_state", event - 1, &RowQuery::default()).unwrap();
        let done = store.engine.execute_rewind(event - 1, Expected::default(), Means::Command).unwrap();
        let state = assert_follows(&store.other_program(), &store.engine.domain());
        assert_eq!(state.position, event - 1);
        assert_eq!(store.engine.line(done.operation).unwrap().operation.detail["events_revived"], 1);
        assert_eq!(store.engine.state("chat_state", &RowQuery::default()).unwrap().rows, then.rows);
        store.engine.undo(done.operation, false, Expected::default(), Means::Command).unwrap();
        assert_eq!(hashes(&store), before, "back from before event {event}");
    }
}
