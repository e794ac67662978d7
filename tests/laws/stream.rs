//! Random streams of events of the built-in domain, and what other programs do behind its back.

use backstitch::error::{Error, ErrorKind};
use backstitch::history::Means;
use backstitch::image::Value;
use backstitch::log::NewEvent;
use proptest::collection::vec;
use proptest::prelude::*;
use rusqlite::Connection;
use serde_json::json;

use crate::support::{TestStore, story};

/// How many events of the story come first: bots, a chat, a place and a scene.
pub const BEFORE: usize = 8;

/// What happens to a store.
#[derive(Debug, Clone)]
pub enum Step {
    Append(Vec<Draft>),
    Take,
    /// Another program turns the flag of an event.
    Flip(u16),
}

/// An event before it is known where it stands.
#[derive(Debug, Clone)]
pub struct Draft {
    kind: u8,
    which: u16,
    supersedes: Option<u16>,
    hidden: bool,
}

pub fn steps(most: usize) -> impl Strategy<Value = Vec<Step>> {
    let draft = (0..14_u8, any::<u16>(), prop::option::weighted(0.15, any::<u16>()), prop::bool::weighted(0.1))
        .prop_map(|(kind, which, supersedes, hidden)| Draft { kind, which, supersedes, hidden });
    let step = prop_oneof![
        6 => vec(draft, 1..12).prop_map(Step::Append),
        2 => Just(Step::Take),
        1 => any::<u16>().prop_map(Step::Flip),
    ];
    vec(step, 0..most)
}

impl Draft {
    /// The event, where `id` is its own.
    fn event(&self, id: i64) -> NewEvent {
        let some = i64::from(self.which);
        let bot = ["ada", "bob", "you"][usize::from(self.which) % 3];
        let (kind, payload) = match self.kind {
            0 => ("bot_created", json!({ "bot_id": format!("bot{id}"), "name": "Cy", "persona": "\u{1f600}" })),
            1 => ("you_updated", json!({ "name": format!("Reader {some}"), "persona": "Asks." })),
            2 => (
                "container_created",
                json!({ "container_id": format!("room{id}"), "chat_id": "c", "name": "Room", "parent_id": "house" }),
            ),
            3 => (
                "scene_opened",
                json!({ "scene_id": format!("s{id}"), "chat_id": "c", "container_id": "house", "title": "Later" }),
            ),
            4 => ("scene_closed", json!({ "scene_id": "s", "summary": format!("So it went, {some}.") })),
            5 => {
                ("classifier_failed", json!({ "chat_id": "c", "classifier": "mood", "error": "none", "raw": "\u{0}" }))
            }
            6 => ("memory_pinned", json!({ "memory_event_id": 1 + some % id, "pinned": some % 2 })),
            7 => (
                "activity_changed",
                json!({ "chat_id": "c", "entity_id": bot, "container_id": null, "activity": format!("does {some}") }),
            ),
            8 | 9 => (
                "edge_update",
                json!({ "source_id": bot, "target_id": "bob", "affinity_delta": some % 7 - 3, "trust_delta": 1, "reason": "a turn" }),
            ),
            10 => ("assistant_turn", json!({ "chat_id": "c", "bot_id": "ada", "text": "An answer." })),
            11 => ("note", json!([some, 1.5, "a kind without a handler"])),
            _ => (
                "memory_written",
                json!({ "owner_id": bot, "chat_id": "c", "scene_id": null, "text": format!("the evening word{}", some % 20), "significance": 1 + some % 5 }),
            ),
        };
        let mut event = NewEvent::new(kind, payload.to_string()).unwrap();
        event.supersedes = self.supersedes.map(|n| 1 + i64::from(n) % (id - 1));
        event.hidden = self.hidden;
        event
    }
}

/// A store with the beginning of the story.
pub fn store() -> TestStore {
    let store = TestStore::in_memory(|_| {});
    store.append(story(BEFORE));
    store
}

/// Does the steps. A batch that breaks a rule is refused whole; a flag after which the log does
/// not replay is turned back.
pub fn go(store: &TestStore, steps: &[Step]) {
    for step in steps {
        match step {
            Step::Take => drop(store.take()),
            Step::Append(drafts) => append(store, drafts),
            Step::Flip(which) => flip(store, *which),
        }
    }
}

fn append(store: &TestStore, drafts: &[Draft]) {
    let head = store.engine.status().unwrap().head;
    let events: Vec<NewEvent> = (head + 1..).zip(drafts).map(|(id, draft)| draft.event(id)).collect();
    let (first, count) = (head + 1, events.len() as u64);
    match store.engine.append(events) {
        Ok(appended) => assert_eq!((appended.first_id, appended.count), (first, count)),
        Err(error) => {
            assert_eq!(error.kind(), ErrorKind::Unprocessable, "{error}");
            assert_eq!(store.engine.status().unwrap().head, head, "all or nothing");
        }
    }
}

fn flip(store: &TestStore, which: u16) {
    let other = store.other_program();
    let turn = || {
        let head = store.engine.status().unwrap().head;
        other.execute("UPDATE event_log SET hidden = 1 - hidden WHERE id = ?1", [1 + i64::from(which) % head]).unwrap();
        store.engine.catch_up().unwrap();
        store.engine.status().unwrap().stuck.is_some()
    };
    if turn() {
        assert!(!turn(), "the flag is as it was, so the log replays");
    }
}

/// The log as events to append to an empty store, flags included.
pub fn same_log(store: &TestStore) -> Vec<NewEvent> {
    let other = store.other_program();
    let sql = "SELECT kind, payload_json, ts, branch_id, hidden, (SELECT id FROM event_log WHERE superseded_by = e.id)
               FROM event_log e ORDER BY id";
    let mut statement = other.prepare(sql).unwrap();
    let event = |row: &rusqlite::Row<'_>| {
        let mut event = NewEvent::new(&row.get::<_, String>(0)?, row.get::<_, String>(1)?).unwrap();
        event.ts = row.get(2)?;
        event.branch_id = row.get(3)?;
        event.hidden = row.get(4)?;
        event.supersedes = row.get(5)?;
        Ok(event)
    };
    statement.query_map([], event).unwrap().collect::<Result<_, _>>().unwrap()
}

/// What the full-text index finds; it is checked against its rows first.
pub fn found(conn: &Connection) -> Vec<Vec<i64>> {
    conn.execute("INSERT INTO memories_fts (memories_fts, rank) VALUES ('integrity-check', 1)", []).unwrap();
    let mut statement =
        conn.prepare("SELECT rowid FROM memories_fts WHERE memories_fts MATCH ?1 ORDER BY rowid").unwrap();
    let words = ["evening", "remembers", "word1 OR word2", "word1*", "edited", "the NOT word3"];
    let ids = |word| statement.query_map([word], |row| row.get(0)).unwrap().collect::<Result<_, _>>().unwrap();
    words.map(ids).to_vec()
}

/// A change of rows by another program, foreign keys on.
pub fn edits() -> impl Strategy<Value = Vec<usize>> {
    vec(0..EDITS.len(), 0..4)
}

const EDITS: [&str; 9] = [
    "UPDATE edges SET affinity = affinity + 1000",
    "DELETE FROM memories",
    "DELETE FROM memories WHERE id % 3 = 0",
    "UPDATE memories SET text = 'edited ' || id WHERE id % 2 = 0",
    "UPDATE chat_state SET turn_count = 0, active_scene_id = NULL",
    "DELETE FROM classifier_failures",
    "INSERT OR IGNORE INTO bots (id, name, persona, created_at) VALUES ('eve', 'Eve', char(0), '')",
    "DELETE FROM edges WHERE trust > 1",
    "INSERT INTO memories (id, owner_id, chat_id, text, significance, created_at)
     SELECT max(id) + 1000, 'you', 'c', 'edited evening', 1, '' FROM event_log WHERE true
     ON CONFLICT (id) DO NOTHING",
];

pub fn edit(store: &TestStore, edits: &[usize]) {
    let other = store.other_program();
    edits.iter().for_each(|&at| other.execute_batch(EDITS[at]).unwrap());
}

/// The log's rows out of a store's content.
pub fn log_of(content: &crate::support::Content) -> &Vec<Vec<Value>> {
    &content["event_log"]
}

/// A restore that the caller expects to be refused or not.
pub fn try_restore(
    store: &TestStore,
    snapshot: &backstitch::snapshot::Snapshot,
    scope: backstitch::snapshot::Scope,
) -> Result<backstitch::snapshot::Restored, Error> {
    let (id, kind) = (&snapshot.snapshot_id, snapshot.kind);
    store.engine.restore_from_snapshot(id, kind, scope, Default::default(), Means::Command)
}
