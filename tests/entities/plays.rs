//! Hamlet at the end of each act, beside what SQL over the log alone says of him.

use std::path::Path;

use backstitch::engine::EntityAt;
use backstitch::entity::EntityKey;
use backstitch::json::{self, Value};
use backstitch::log::NewEvent;
use rusqlite::Connection;

use crate::support::TestStore;

const PLAY: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../shared/data/hamlet.events.jsonl");

/// What the log alone says of a bot as of an event, without handlers and without tables of them:
/// name, edges in both directions, memories with their pins.
const BY_LOG: &str = "
WITH live AS (
  SELECT id, ts, kind, payload_json AS p FROM event_log
  WHERE id <= ?2 AND hidden = 0 AND superseded_by IS NULL),
edges AS (
  SELECT p ->> '$.source_id' AS source, p ->> '$.target_id' AS target,
         sum(p ->> '$.affinity_delta') AS affinity, sum(p ->> '$.trust_delta') AS trust,
         (SELECT last.p ->> '$.reason' FROM live AS last
          WHERE last.kind = 'edge_update' AND last.p ->> '$.source_id' = edge.p ->> '$.source_id'
            AND last.p ->> '$.target_id' = edge.p ->> '$.target_id' ORDER BY last.id DESC LIMIT 1) AS reason
  FROM live AS edge WHERE kind = 'edge_update' GROUP BY 1, 2)
SELECT json_object(
  'id', ?1,
  'name', (SELECT p ->> '$.name' FROM live WHERE kind = 'bot_created' AND p ->> '$.bot_id' = ?1),
  'persona', (SELECT p ->> '$.persona' FROM live WHERE kind = 'bot_created' AND p ->> '$.bot_id' = ?1),
  'created_at', (SELECT ts FROM live WHERE kind = 'bot_created' AND p ->> '$.bot_id' = ?1),
  'archived', 0,
  'edges_out', (SELECT json_group_array(json_object('target_id', target, 'affinity', affinity, 'trust', trust, 'reason', reason)
                                        ORDER BY target) FROM edges WHERE source = ?1),
  'edges_in', (SELECT json_group_array(json_object('source_id', source, 'affinity', affinity, 'trust', trust, 'reason', reason)
                                       ORDER BY source) FROM edges WHERE target = ?1),
  'memories', (SELECT json_group_array(json_object(
      'id', id, 'chat_id', p ->> '$.chat_id', 'scene_id', p ->> '$.scene_id', 'text', p ->> '$.text',
      'significance', p ->> '$.significance',
      'pinned', coalesce((SELECT pin.p ->> '$.pinned' FROM live AS pin WHERE pin.kind = 'memory_pinned'
                          AND pin.p ->> '$.memory_event_id' = written.id ORDER BY pin.id DESC LIMIT 1), 0),
      'created_at', ts) ORDER BY id)
    FROM live AS written WHERE kind = 'memory_written' AND p ->> '$.owner_id' = ?1))";

/// The last event of each act: before the first scene of the next one opens, and the end.
fn acts(log: &Connection) -> Vec<i64> {
    let sql = "SELECT min(id) - 1 FROM event_log WHERE kind = 'scene_opened'
               GROUP BY substr(payload_json ->> '$.title', 1, instr(payload_json ->> '$.title', '.'))";
    let mut select = log.prepare(sql).unwrap();
    let mut starts: Vec<i64> = select.query_map([], |row| row.get(0)).unwrap().map(Result::unwrap).collect();
    starts.push(log.query_row("SELECT max(id) FROM event_log", [], |row| row.get(0)).unwrap());
    starts.sort_unstable();
    starts.split_off(1)
}

/// The events of the play, in its order; none where it is not there.
fn play() -> Option<Vec<NewEvent>> {
    if !Path::new(PLAY).exists() {
        eprintln!("skipped: {PLAY} is not there");
        return None;
    }
    let lines = std::fs::read_to_string(PLAY).unwrap();
    Some(lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect())
}

#[test]
fn hamlet_at_the_end_of_each_act_is_what_the_log_says_of_him() {
    let Some(mut play) = play() else { return };
    let store = TestStore::new();
    store.append(play.clone());
    let log = store.other_program();
    let hamlet = EntityKey::new("bot", bot_named(&log, "HAMLET"));
    let acts = acts(&log);
    assert_eq!(acts.len(), 5, "{acts:?}");
    for act in &acts {
        assert_act(&store, &log, &hamlet, *act);
    }

    // And in a store in which a snapshot of him was taken at the end of each.
    let watched = TestStore::new();
    for (from, act) in std::iter::once(&0).chain(&acts).zip(&acts) {
        let rest = play.split_off(usize::try_from(act - from).unwrap());
        watched.append(std::mem::replace(&mut play, rest));
        watched.engine.save_entity_snapshot(&hamlet).unwrap();
    }
    assert_eq!(watched.engine.entity(&hamlet, EntityAt::Now).unwrap().snapshots.len(), 5);
    for act in &acts {
        assert_act(&watched, &log, &hamlet, *act);
    }
}

fn bot_named(log: &Connection, name: &str) -> String {
    let sql = "SELECT payload_json ->> '$.bot_id' FROM event_log WHERE kind = 'bot_created' AND payload_json ->> '$.name' = ?1";
    log.query_row(sql, [name], |row| row.get(0)).unwrap()
}

fn assert_act(store: &TestStore, log: &Connection, hamlet: &EntityKey, act: i64) {
    let found = store.engine.entity(hamlet, EntityAt::Event(act)).unwrap();
    let expected: String = log.query_row(BY_LOG, (&hamlet.id, act), |row| row.get(0)).unwrap();
    let state = found.state.unwrap();
    let (found, expected) = (json::parse(&state).unwrap(), json::parse(&expected).unwrap());
    let differences = json::diff(&expected, &found);
    assert!(differences.is_empty(), "as of event {act}: {:?}", differences.first());
    let Some(Value::Array(memories)) = found.get("memories") else { unreachable!("a bot has memories") };
    assert!(!memories.is_empty());
}
