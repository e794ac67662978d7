//! Facts about the built-in domain: a story is told and a wrong one refused.

use rusqlite::named_params;

use super::*;

fn apply(conn: &Connection, domain: &Domain, id: i64, kind: &str, payload: &str) -> rusqlite::Result<()> {
    for sql in domain.handler(kind).map(|handler| handler.statements.as_slice()).unwrap_or_default() {
        let mut statement = conn.prepare(sql)?;
        let values = named_params! {
            ":id": id, ":branch_id": 1, ":ts": "2024-01-01T00:00:00Z", ":kind": kind, ":payload": payload,
        };
        for (name, value) in values {
            if let Some(index) = statement.parameter_index(name)? {
                statement.raw_bind_parameter(index, value)?;
            }
        }
        statement.raw_execute()?;
    }
    Ok(())
}

const STORY: [(&str, &str); 16] = [
    ("bot_created", r#"{"bot_id": "a", "name": "Ada", "persona": "counts"}"#),
    ("bot_created", r#"{"bot_id": "b", "name": "Ben", "persona": "sings"}"#),
    ("you_updated", r#"{"name": "Reader", "persona": ""}"#),
    ("chat_created", r#"{"chat_id": "c", "title": "Tea", "host_bot_id": "a"}"#),
    ("container_created", r#"{"container_id": "house", "chat_id": "c", "name": "House", "parent_id": null}"#),
    ("container_created", r#"{"container_id": "room", "chat_id": "c", "name": "Room", "parent_id": "house"}"#),
    ("scene_opened", r#"{"scene_id": "s", "chat_id": "c", "container_id": "room", "title": "Five o'clock"}"#),
    ("user_turn", r#"{"chat_id": "c", "text": "Milk?"}"#),
    ("assistant_turn", r#"{"chat_id": "c", "bot_id": "a", "text": "Two drops."}"#),
    ("activity_changed", r#"{"chat_id": "c", "entity_id": "a", "container_id": "room", "activity": "pours"}"#),
    (
        "edge_update",
        r#"{"source_id": "a", "target_id": "you", "affinity_delta": 2, "trust_delta": -1, "reason": "milk"}"#,
    ),
    (
        "edge_update",
        r#"{"source_id": "a", "target_id": "you", "affinity_delta": 1, "trust_delta": 3, "reason": "tea"}"#,
    ),
    (
        "memory_written",
        r#"{"owner_id": "a", "chat_id": "c", "scene_id": "s", "text": "likes milk", "significance": 3}"#,
    ),
    ("memory_pinned", r#"{"memory_event_id": 13, "pinned": true}"#),
    ("classifier_failed", r#"{"chat_id": "c", "classifier": "mood", "error": "no JSON", "raw": ""}"#),
    ("scene_closed", r#"{"scene_id": "s", "summary": "Tea was had."}"#),
];

/// The companion with the story told.
fn told() -> (Domain, Connection) {
    let domain = Domain::companion().unwrap();
    let conn = database(&domain);
    for (at, (kind, payload)) in STORY.iter().enumerate() {
        apply(&conn, &domain, at as i64 + 1, kind, payload).unwrap();
    }
    (domain, conn)
}

#[test]
fn the_companion_loads() {
    let domain = Domain::companion().unwrap();
    assert_eq!(domain.name, "companion");
    assert_eq!(domain.tables.len(), 10);
    assert_eq!(domain.handlers.len(), 13);
    assert_eq!(domain.full_text[0].rowid, "id");
    assert!(domain.handler("nothing").is_none());
    assert_eq!(domain.files().len(), 15);
    assert!(domain.handlers.values().all(|handler| !handler.statements.is_empty()));
}

#[test]
fn the_companion_tells_a_story() {
    let (_, conn) = told();
    let text = |sql: &str| conn.query_row(sql, [], |row| row.get::<_, String>(0)).unwrap();
    assert_eq!(text("SELECT affinity || ' ' || trust || ' ' || reason FROM edges"), "3 2 tea");
    assert_eq!(text("SELECT turn_count || ' ' || last_event_id FROM chat_state WHERE active_scene_id IS NULL"), "2 9");
    assert_eq!(text("SELECT pinned || significance FROM memories WHERE id = 13"), "13");
    assert_eq!(text("SELECT rowid || '' FROM memories_fts WHERE memories_fts MATCH 'milk'"), "13");
    assert_eq!(text("SELECT summary FROM scenes WHERE closed_at IS NOT NULL"), "Tea was had.");
    conn.execute_batch("INSERT INTO memories_fts (memories_fts, rank) VALUES ('integrity-check', 1)").unwrap();
}

#[test]
fn a_story_that_cannot_be_is_refused_by_a_constraint() {
    let (domain, conn) = told();
    for (kind, payload, words) in [
        ("bot_created", r#"{"bot_id": "a", "name": "n", "persona": "p"}"#, "UNIQUE constraint failed: bots.id"),
        ("bot_created", r#"{"bot_id": 5, "name": "n", "persona": "p"}"#, "bots_id_is_text"),
        ("bot_created", r#"{"bot_id": "d", "name": 5, "persona": "p"}"#, "bots_name_is_text"),
        ("bot_created", r#"{"bot_id": "d", "persona": "p"}"#, "NOT NULL constraint failed: bots.name"),
        ("user_turn", r#"{"chat_id": "x", "text": "t"}"#, "FOREIGN KEY"),
        ("user_turn", r#"{"chat_id": "c"}"#, "chat_state.turn_count"),
        ("assistant_turn", r#"{"chat_id": "c", "text": "t"}"#, "chat_state.turn_count"),
        ("scene_closed", r#"{"scene_id": "x", "summary": "t"}"#, "NOT NULL constraint failed: scenes."),
        ("memory_pinned", r#"{"memory_event_id": 1, "pinned": true}"#, "NOT NULL constraint failed: memories."),
        ("memory_pinned", r#"{"memory_event_id": 13, "pinned": 2}"#, "memories_pinned_is_0_or_1"),
        (
            "memory_written",
            r#"{"owner_id": "a", "chat_id": "c", "text": "t", "significance": 6}"#,
            "memories_significance_is_1_to_5",
        ),
        (
            "memory_written",
            r#"{"owner_id": "a", "chat_id": "c", "text": "t", "significance": "3"}"#,
            "memories_significance_is_1_to_5",
        ),
        ("memory_written", r#"{"owner_id": "x", "chat_id": "c", "text": "t", "significance": 3}"#, "FOREIGN KEY"),
        (
            "edge_update",
            r#"{"source_id": "x", "target_id": "a", "affinity_delta": 1, "trust_delta": 1, "reason": "r"}"#,
            "FOREIGN KEY",
        ),
        (
            "edge_update",
            r#"{"source_id": "a", "target_id": "b", "affinity_delta": true, "trust_delta": 1, "reason": "r"}"#,
            "edges_affinity_is_integer",
        ),
    ] {
        let error = apply(&conn, &domain, 99, kind, payload).unwrap_err().to_string();
        assert!(error.contains(words), "{kind} {payload}: {error}");
    }
}

#[test]
fn an_entity_belongs_to_its_events_and_follows_from_them_alone() {
    let (domain, conn) = told();
    let bare = |entity: &Entity, id: &str| {
        let scratch = Connection::open_in_memory().unwrap();
        scratch.pragma_update(None, "foreign_keys", false).unwrap();
        domain.create_tables(&scratch).unwrap();
        let mut ids = Vec::new();
        for (at, (kind, payload)) in STORY.iter().enumerate() {
            let event = at as i64 + 1;
            let mut statement = conn.prepare(&entity.events).unwrap();
            for (name, value) in [(":kind", *kind), (":payload", *payload)] {
                let index = statement.parameter_index(name).unwrap().unwrap();
                statement.raw_bind_parameter(index, value).unwrap();
            }
            let mut rows = statement.raw_query();
            while let Some(row) = rows.next().unwrap() {
                if row.get::<_, Option<String>>(0).unwrap().as_deref() == Some(id) {
                    apply(&scratch, &domain, event, kind, payload).unwrap();
                    ids.push(event);
                }
            }
        }
        (scratch, ids)
    };
    let state = |conn: &Connection, entity: &Entity, id: &str| {
        conn.query_row(&entity.state, named_params! {":entity_id": id}, |row| row.get::<_, String>(0)).unwrap()
    };
    for (entity, id, events) in [
        (&domain.entities[0], "a", vec![1, 11, 12, 13, 14]),
        (&domain.entities[1], "c", vec![4, 5, 6, 7, 8, 9, 10, 16]),
    ] {
        let (scratch, ids) = bare(entity, id);
        assert_eq!(ids, events, "{}", entity.kind);
        assert_eq!(state(&scratch, entity, id), state(&conn, entity, id));
    }
    let memories: serde_json::Value = serde_json::from_str(&state(&conn, &domain.entities[0], "a")).unwrap();
    assert_eq!(memories["memories"][0]["text"], "likes milk");
    assert_eq!(memories["edges_out"][0]["affinity"], 3);
}

#[test]
fn a_turn_finds_the_name_of_its_speaker() {
    let (domain, conn) = told();
    let turn = &domain.turns[1];
    let speaker = turn.speaker_of(&serde_json::json!({"bot_id": "a"})).unwrap();
    let query = turn.speaker_name.as_deref().unwrap();
    let name: String = conn.query_row(query, named_params! {":speaker": speaker}, |row| row.get(0)).unwrap();
    assert_eq!(name, "Ada");
}
