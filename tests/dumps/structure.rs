//! What is wrong with the dump as a whole: its head, its tables, and what rows say of each other.

use serde_json::{Value as Json, json};

use super::{Case, Sound, replaced};

pub fn cases(sound: &Sound) -> Vec<Case> {
    [heads(sound), tables(sound), doubled(sound), references(sound), foreign()].into_iter().flatten().collect()
}

fn heads(sound: &Sound) -> Vec<Case> {
    let whole = sound.bytes();
    let head = "\"last_event_id\":8,";
    let mut cases: Vec<Case> = ["-1", "null", "\"8\"", "8.0", "true", "[]", "{}", "9223372036854775808", "1e3"]
        .map(|value| {
            let dump = replaced(&whole, head, format!("\"last_event_id\":{value},").as_bytes());
            Case::new(format!("last_event_id {value}"), dump, "last_event_id: ")
        })
        .into();
    for other in ["0", "7", "9", "1000"] {
        let dump = replaced(&whole, head, format!("\"last_event_id\":{other},").as_bytes());
        let place = format!("last_event_id: it is {other}, and the highest id of event_log is 8");
        cases.push(Case::new(format!("last_event_id {other}"), dump, place));
    }
    let without = replaced(&whole, head, b"");
    cases.push(Case::new("no last_event_id", without.clone(), "byte "));
    let last = [&without[..without.len() - 1], b",\"last_event_id\":8}"].concat();
    cases.push(Case::new("last_event_id at the end", last, "byte "));
    let twice = [&whole[..whole.len() - 1], b",\"last_event_id\":8}"].concat();
    cases.push(Case::new("last_event_id twice", twice, "last_event_id: it stands twice"));
    cases.push(Case::new("capitals", replaced(&whole, "last_event_id", b"LAST_EVENT_ID"), "byte "));
    let empty = br#"{"last_event_id": 8, "event_log": [], "bots": []}"#;
    cases.push(Case::new("a head without a log", &empty[..], "last_event_id: it is 8, and event_log is empty"));
    let mut spoilt = sound.clone();
    spoilt.json.as_object_mut().unwrap().shift_remove("event_log");
    cases.push(Case::new("no event_log", spoilt.bytes(), "event_log: the dump lacks it"));
    cases
}

fn tables(sound: &Sound) -> Vec<Case> {
    let mut cases = Vec::new();
    let long = "x".repeat(1_000);
    let clipped = format!("{}…", "x".repeat(60));
    for (name, place) in [
        ("others", "others"),
        ("Bots", "Bots"),
        ("bots ", "bots "),
        ("sqlite_schema", "sqlite_schema"),
        ("backstitch_state", "backstitch_state"),
        ("backstitch", "backstitch"),
        ("a\nb", "a\u{fffd}b"),
        ("", "\"\""),
        (&long, &clipped),
    ] {
        for rows in [json!([]), json!([{ "id": 1 }])] {
            let mut spoilt = sound.clone();
            spoilt.json[name] = rows;
            cases.push(Case::new(
                format!("a table {name:?}"),
                spoilt.bytes(),
                format!("{place}: there is no such table"),
            ));
        }
    }
    let odd = [json!(null), json!(5), json!(1.5), json!(true), json!("rows"), json!({}), json!({ "rows": [] })];
    for table in ["event_log", "bots", "classifier_failures", "memories_fts"] {
        for rows in &odd {
            let mut spoilt = sound.clone();
            spoilt.json[table] = rows.clone();
            cases.push(Case::new(format!("{rows} for {table}"), spoilt.bytes(), format!("{table}, byte ")));
        }
    }
    for row in [json!(null), json!(5), json!("row"), json!([]), json!(["id", 1]), json!(false)] {
        let mut spoilt = sound.clone();
        spoilt.json["memories"][1] = row.clone();
        cases.push(Case::new(format!("{row} for a row"), spoilt.bytes(), "memories, row 2: "));
    }
    cases
}

/// Each table, and its first row, twice.
fn doubled(sound: &Sound) -> Vec<Case> {
    let whole = sound.bytes();
    let mut cases = Vec::new();
    for (table, rows) in sound.json.as_object().unwrap().iter().filter(|(_, rows)| rows.is_array()) {
        let again = format!(",\"{table}\":[]}}");
        let dump = [&whole[..whole.len() - 1], again.as_bytes()].concat();
        cases.push(Case::new(format!("{table} twice"), dump, format!("{table}: it stands twice in the dump")));
        let mut spoilt = sound.clone();
        let first = rows[0].clone();
        spoilt.json[table].as_array_mut().unwrap().push(first);
        let place = format!("{table}, row {}: UNIQUE constraint failed: {table}.", rows.as_array().unwrap().len() + 1);
        cases.push(Case::new(format!("a row of {table} twice"), spoilt.bytes(), place));
    }
    cases
}

/// Every column that names a row of another table, with a name that none has.
fn references(sound: &Sound) -> Vec<Case> {
    let columns = [
        ("edges", "source_id", "edges.source_bot_id names no row of bots"),
        ("edges", "target_id", "edges.target_bot_id names no row of bots"),
        ("chats", "host_bot_id", "chats.host_bot_id names no row of bots"),
        ("containers", "chat_id", "containers.chat_id names no row of chats"),
        ("containers", "parent_id", "containers.parent_id names no row of containers"),
        ("scenes", "chat_id", "scenes.chat_id names no row of chats"),
        ("scenes", "container_id", "scenes.container_id names no row of containers"),
        ("chat_state", "chat_id", "chat_state.chat_id names no row of chats"),
        ("chat_state", "active_scene_id", "chat_state.active_scene_id names no row of scenes"),
        ("activity", "chat_id", "activity.chat_id names no row of chats"),
        ("activity", "container_id", "activity.container_id names no row of containers"),
        ("memories", "owner_id", "memories.owner_bot_id names no row of bots"),
        ("memories", "chat_id", "memories.chat_id names no row of chats"),
        ("memories", "scene_id", "memories.scene_id names no row of scenes"),
        ("classifier_failures", "chat_id", "classifier_failures.chat_id names no row of chats"),
    ];
    let mut cases = Vec::new();
    for (table, column, words) in columns {
        let dump = sound.with(table, 0, column, json!("nobody"));
        cases.push(Case::new(format!("{table}.{column}"), dump, words));
        let key = sound.with(table, 0, column, json!("nobody"));
        cases.push(Case::new(format!("the row of {table}.{column}"), key, format!("{table}, the row with the key ")));
    }
    let mut spoilt = sound.clone();
    spoilt.json["chats"] = json!([]);
    cases.push(Case::new("no chats", spoilt.bytes(), "names no row of chats"));
    for (successor, place) in [
        (json!(9), "event_log, the row with the key 3: FOREIGN KEY constraint failed: event_log.superseded_by"),
        (json!(3), "event_log, row 3: CHECK constraint failed: successor_comes_later"),
        (json!(2), "event_log, row 3: CHECK constraint failed: successor_comes_later"),
        (json!(-1), "event_log, row 3: CHECK constraint failed: successor_comes_later"),
        (json!("x"), "event_log, row 3: CHECK constraint failed: successor_comes_later"),
        (json!(4.5), "event_log, row 3: CHECK constraint failed: successor_comes_later"),
    ] {
        let dump = sound.with("event_log", 2, "superseded_by", successor.clone());
        cases.push(Case::new(format!("superseded by {successor}"), dump, place));
    }
    cases
}

/// A snapshot's manifest, whose tables are objects.
fn foreign() -> Vec<Case> {
    let manifest: Json = json!({ "last_event_id": 3, "event_log": { "columns": [], "rows": 3 }, "backstitch": {} });
    vec![Case::new("a manifest", manifest.to_string(), "event_log, byte ")]
}
