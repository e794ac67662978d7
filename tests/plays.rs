//! Real event streams: Shakespeare's plays, where the folder with them is beside the checkout.

use std::fs::File;
use std::io::{BufReader, Write};
use std::path::PathBuf;

use backstitch::compare::RowChange;
use backstitch::history::Means;
use backstitch::log::NewEvent;
use backstitch::snapshot::Scope;

use crate::support::{Content, TestStore, program};

/// The folder with the plays; none, said out loud, where it is not there.
fn plays(name: &str) -> Option<PathBuf> {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../shared/data").join(name);
    if path.exists() {
        return Some(path);
    }
    eprintln!("skipped: {name} is not beside the checkout");
    None
}

fn hamlet() -> Option<TestStore> {
    let file = File::open(plays("hamlet.events.jsonl")?).unwrap();
    let store = TestStore::new();
    let appended = store.engine.append_lines(BufReader::new(file)).unwrap();
    assert_eq!((appended.first_id, appended.last_id), (1, 2587));
    Some(store)
}

fn line(text: &str) -> NewEvent {
    NewEvent::new("user_turn", serde_json::json!({ "chat_id": "hamlet", "text": text }).to_string()).unwrap()
}

fn without_log(mut content: Content) -> Content {
    content.remove("event_log");
    content
}

#[test]
fn all_plays_come_in_by_one_command_with_the_counts_of_their_source() {
    let Some(packed) = plays("shakespeare.events.jsonl.zst") else { return };
    let folder = tempfile::tempdir().unwrap();
    let mut child = program(folder.path())
        .args(["append", "-", "--json"])
        .stdin(std::process::Stdio::piped())
        .stdout(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = zstd::stream::read::Decoder::new(File::open(packed).unwrap()).unwrap();
    let mut input = child.stdin.take().unwrap();
    std::io::copy(&mut lines, &mut input).unwrap();
    input.flush().unwrap();
    drop(input);
    let output = child.wait_with_output().unwrap();
    let answer: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(answer, serde_json::json!({ "first_id": 1, "last_id": 74262, "count": 74262 }));

    let conn = rusqlite::Connection::open(folder.path().join("backstitch.db")).unwrap();
    let count = |condition: &str| -> i64 {
        conn.query_row(&format!("SELECT count(*) FROM event_log WHERE {condition}"), [], |row| row.get(0)).unwrap()
    };
    for (kind, expected) in [
        ("bot_created", 1376),
        ("you_updated", 1),
        ("chat_created", 37),
        ("container_created", 706),
        ("scene_opened", 754),
        ("scene_closed", 754),
        ("user_turn", 5669),
        ("assistant_turn", 32_600),
        ("activity_changed", 10_186),
        ("edge_update", 11_461),
        ("memory_written", 10_477),
        ("memory_pinned", 213),
        ("classifier_failed", 28),
    ] {
        assert_eq!(count(&format!("kind = '{kind}'")), expected, "{kind}");
    }
    assert_eq!((count("superseded_by IS NOT NULL"), count("hidden")), (355, 107));
}

#[test]
fn the_tables_of_a_play_are_what_a_full_replay_gives() {
    let Some(store) = hamlet() else { return };
    let applied = store.content();
    // A trigger that is not the domain's makes the next cold load build the tables anew.
    store.other_program().execute_batch("CREATE TRIGGER odd AFTER INSERT ON bots BEGIN SELECT 1; END").unwrap();
    let load = store.engine.cold_load(None, false).unwrap();
    assert_eq!(load.applied, 2570, "2,587 events, of which 10 are superseded and 7 hidden");
    assert_eq!(store.content(), applied);
}

#[test]
fn rows_edited_behind_its_back_are_shown_exactly_and_brought_back_without_touching_others() {
    let Some(store) = hamlet() else { return };
    let snapshot = store.take();
    let before = store.content();
    let other = store.other_program();
    other
        .execute_batch("UPDATE edges SET affinity = 99 WHERE source_id = 'hamlet-hamlet' AND target_id LIKE '%-p%'")
        .unwrap();
    let edited = store.content();

    let preview = store.engine.preview(&snapshot.snapshot_id, snapshot.kind, Scope::Projections).unwrap();
    let changes: Vec<_> = preview.tables.iter().filter(|table| table.total() > 0).collect();
    assert_eq!(changes.len(), 1);
    let differing = before["edges"].iter().zip(&edited["edges"]).filter(|(a, b)| a != b).count() as u64;
    assert_eq!((changes[0].name.as_str(), changes[0].changed, changes[0].total()), ("edges", differing, differing));
    let page = backstitch::engine::DiffPage { limit: 1000, ..Default::default() };
    let diff =
        store.engine.diff(&snapshot.snapshot_id, snapshot.kind, Scope::Projections, "edges", &page).unwrap().page;
    assert!(diff.rows.iter().all(|row| row.change == RowChange::Changed));
    assert_eq!(diff.rows.len() as u64, differing);

    let restored = store.restore(&snapshot, Scope::Projections);
    assert_eq!(restored.rows_changed.get("edges"), Some(&differing));
    assert_eq!(store.content(), before);

    let safety = restored.safety_snapshot;
    store
        .engine
        .restore_from_snapshot(&safety.snapshot_id, safety.kind, Scope::Projections, Default::default(), Means::Command)
        .unwrap();
    assert_eq!(store.content(), edited, "the edited rows are kept in the safety snapshot");
}

#[test]
fn a_thousand_events_leave_and_come_back_with_every_byte() {
    let Some(store) = hamlet() else { return };
    let snapshot = store.take();
    let before = store.content();
    store.append((0..1000).map(|n| line(&format!("Aside {n}"))).collect());
    let after = store.content();

    let restored = store.restore(&snapshot, Scope::Everything);
    assert_eq!((restored.events_removed, restored.events_returned), (1000, 0));
    assert_eq!(store.content(), before);
    assert!(!restored.held);

    let safety = store.engine.snapshot(restored.safety_snapshot.kind, &restored.safety_snapshot.snapshot_id).unwrap();
    let forward = store.restore(&safety, Scope::Everything);
    assert_eq!((forward.events_removed, forward.events_returned), (0, 1000));
    assert_eq!(store.content(), after);
    assert_eq!(store.append(vec![line("Again")]).first_id, 3588, "no id is given twice");
}

#[test]
fn restoring_the_tables_alone_holds_them_and_the_log_keeps_everything() {
    let Some(store) = hamlet() else { return };
    let snapshot = store.take();
    let before = without_log(store.content());
    store.append((0..50).map(|n| line(&format!("Aside {n}"))).collect());
    let after = store.content();

    let restored = store.restore(&snapshot, Scope::Projections);
    assert!(restored.held);
    assert_eq!(restored.position, 2587);
    assert_eq!(without_log(store.content()), before);
    assert_eq!(store.content()["event_log"], after["event_log"]);

    store.engine.replay(Means::Command).unwrap();
    assert_eq!(store.content(), after);
}
