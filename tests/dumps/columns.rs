//! What is wrong with a value: of another sort, out of range, left out, twice, or against a rule.

use serde_json::{Value as Json, json};

use super::{Case, Sound, replaced};

/// Columns that a row may leave out.
const WITH_DEFAULT: [(&str, &str); 4] =
    [("event_log", "branch_id"), ("event_log", "hidden"), ("bots", "archived"), ("memories", "pinned")];

pub fn cases(sound: &Sound) -> Vec<Case> {
    [sorts(sound), names(sound), numbers(sound), rules(sound)].into_iter().flatten().collect()
}

/// A value of another sort in every column of every table.
fn sorts(sound: &Sound) -> Vec<Case> {
    let mut cases = Vec::new();
    for (table, column) in sound.columns() {
        let place = format!("{table}, row 1, column {column}: ");
        for value in [json!(true), json!(["a"]), json!({ "a": 1 })] {
            let name = format!("{value} in {table}.{column}");
            cases.push(Case::new(name, sound.with(&table, 0, &column, value), place.clone()));
        }
        let filled = sound.rows(&table).iter().find_map(|row| Some(&row[&column]).filter(|value| !value.is_null()));
        let (other, place) = match filled {
            Some(Json::String(_)) => (json!(5), format!("{table}, ")),
            Some(_) => (json!("1"), place),
            None => continue,
        };
        let name = format!("{other} in {table}.{column}");
        cases.push(Case::new(name, sound.with(&table, 0, &column, other), place));
    }
    cases
}

fn names(sound: &Sound) -> Vec<Case> {
    let mut cases = Vec::new();
    for (table, column) in sound.columns() {
        if WITH_DEFAULT.contains(&(&table, &column)) {
            continue;
        }
        let mut spoilt = sound.clone();
        spoilt.json[&table][0].as_object_mut().unwrap().shift_remove(&column);
        let place = format!("{table}, row 1, column {column}: the row leaves it out");
        cases.push(Case::new(format!("{table} without {column}"), spoilt.bytes(), place));
    }
    let tables = sound.json.as_object().unwrap().iter().filter(|(_, rows)| rows.is_array());
    for (table, rows) in tables {
        let (column, value) = rows[0].as_object().unwrap().iter().next().unwrap();
        for other in ["extra", "ID", "rowid", "_rowid_"] {
            let place = format!("{table}, row 1, column {other}: the table has no such column");
            cases.push(Case::new(format!("{table} with {other:?}"), sound.with(table, 0, other, json!(1)), place));
        }
        let pair = format!("\"{column}\":{value},");
        let start = format!("\"{table}\":[{{");
        let dump = replaced(&sound.bytes(), &start, format!("{start}{pair}").as_bytes());
        let place = format!("{table}, row 1, column {column}: it stands twice in the row");
        cases.push(Case::new(format!("{table}.{column} twice"), dump, place));
    }
    let generated = sound.with("edges", 0, "source_bot_id", json!("ada"));
    cases.push(Case::new("a generated column", generated, "edges, row 1, column source_bot_id: "));
    cases
}

/// Numbers that no reader agrees on, in a column that takes numbers.
fn numbers(sound: &Sound) -> Vec<Case> {
    let mut cases = Vec::new();
    for raw in ["9223372036854775808", "-9223372036854775809", "1e400", "-1e99999", "1.5e400", "1.0", "-0.0", "2e0"] {
        let dump = sound.with_raw("edges", 0, "trust", raw);
        cases.push(Case::new(format!("trust {raw}"), dump, "edges, row 1, column trust: "));
    }
    let long = "9".repeat(100_000);
    let dump = sound.with_raw("edges", 0, "trust", &long);
    cases.push(Case::new("100,000 digits", dump, "edges, row 1, column trust: 999"));
    for raw in ["1.5", "1e999", "-1e999", "1E+999", "\"many\""] {
        let dump = sound.with_raw("edges", 0, "trust", raw);
        cases.push(Case::new(format!("trust {raw}"), dump, "edges, row 1: CHECK constraint failed: edges_trust"));
    }
    let python = ["NaN", "Infinity", "-Infinity"];
    let others = ["01", "+1", ".5", "1.", "1e", "0x1F", "--1", "1_000", "-", "None", "True", "undefined", "'x'", "nul"];
    for raw in python {
        let dump = sound.with_raw("edges", 0, "trust", raw);
        let place = "NaN and Infinity are no JSON";
        cases.push(Case::new(format!("{raw} in words"), dump.clone(), place));
        cases.push(Case::new(raw, dump, "edges, row 1, byte "));
    }
    for raw in others {
        cases.push(Case::new(raw, sound.with_raw("edges", 0, "trust", raw), "edges, row 1, byte "));
    }
    cases
}

/// What the schema forbids.
fn rules(sound: &Sound) -> Vec<Case> {
    let long = "k".repeat(201);
    let check = |name: &str| format!("row 1: CHECK constraint failed: {name}");
    let null = |column: &str| format!("row 1: NOT NULL constraint failed: {column}");
    [
        ("event_log", "id", json!(0), "row 1, column id: ".to_owned()),
        ("event_log", "id", json!(-1), "row 1, column id: ".to_owned()),
        ("event_log", "id", json!(i64::MAX), "row 1, column id: ".to_owned()),
        ("event_log", "id", json!(null), "row 1, column id: ".to_owned()),
        ("event_log", "id", json!(1.0), "row 1, column id: ".to_owned()),
        ("event_log", "id", json!(1.5), "row 1: datatype mismatch".to_owned()),
        ("event_log", "id", json!("first"), "row 1: datatype mismatch".to_owned()),
        ("event_log", "branch_id", json!(null), null("event_log.branch_id")),
        ("event_log", "branch_id", json!("main"), check("branch_is_a_number")),
        ("event_log", "ts", json!(null), null("event_log.ts")),
        ("event_log", "ts", json!(1.5), "row 1, column ts: ".to_owned()),
        ("event_log", "kind", json!(null), null("event_log.kind")),
        ("event_log", "kind", json!(""), check("kind_is_a_word")),
        ("event_log", "kind", json!(long), check("kind_is_a_word")),
        ("event_log", "payload_json", json!(null), null("event_log.payload_json")),
        ("event_log", "payload_json", json!(""), check("payload_is_json")),
        ("event_log", "payload_json", json!("{"), check("payload_is_json")),
        ("event_log", "payload_json", json!("{}\0"), check("payload_is_json")),
        ("event_log", "payload_json", json!({ "a": 1 }), "row 1, column payload_json: ".to_owned()),
        ("event_log", "hidden", json!(2), check("hidden_is_0_or_1")),
        ("event_log", "hidden", json!(null), null("event_log.hidden")),
        ("bots", "id", json!(null), "row 1, column id: null is no key".to_owned()),
        ("bots", "name", json!(null), null("bots.name")),
        ("bots", "archived", json!(2), check("bots_archived_is_0_or_1")),
        ("you_entity", "id", json!(2), check("you_entity_is_one_row")),
        ("edges", "affinity", json!(null), null("edges.affinity")),
        ("edges", "target_id", json!(null), "row 1, column target_id: null is no key".to_owned()),
        ("memories", "significance", json!(6), check("memories_significance_is_1_to_5")),
        ("memories", "significance", json!(0), check("memories_significance_is_1_to_5")),
        ("memories", "pinned", json!(-1), check("memories_pinned_is_0_or_1")),
        ("memories", "id", json!("x"), "row 1: datatype mismatch".to_owned()),
        ("chat_state", "turn_count", json!(-1), check("chat_state_turn_count_is_a_count")),
        ("chat_state", "turn_count", json!(0.5), check("chat_state_turn_count_is_a_count")),
        ("scenes", "summary", json!(5), check("scenes_summary_is_text")),
        ("scenes", "title", json!(null), null("scenes.title")),
        ("activity", "activity", json!(null), null("activity.activity")),
        ("classifier_failures", "raw", json!(null), null("classifier_failures.raw")),
    ]
    .into_iter()
    .map(|(table, column, value, place)| {
        let name = format!("{value} in {table}.{column}");
        Case::new(name, sound.with(table, 0, column, value), format!("{table}, {place}"))
    })
    .collect()
}
