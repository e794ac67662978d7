//! Snapshots go over to the package and come back, by the library and by the command.

use std::io::Write as _;
use std::path::Path;
use std::process::{Output, Stdio};
use std::sync::Arc;

use backstitch::domain::Domain;
use backstitch::engine::{Engine, Options};
use backstitch::entity::{EntityKey, EntitySnapshot, Origin};
use backstitch::error::ErrorKind;
use backstitch::log::NewEvent;
use serde_json::{Value, json};

use super::stabilize::Stabilize;
use super::states::{self, TRAPS};
use crate::support::{Random, TestStore, program, seed};

/// The types of entities that the package knows.
const TYPES: [&str; 3] = ["workflow", "stage", "task"];

const SCHEMA: &str = "
CREATE TABLE things (
  type TEXT NOT NULL, id TEXT NOT NULL, workflow_id TEXT NOT NULL, context TEXT NOT NULL, PRIMARY KEY (type, id));
";

const CHANGED: &str = "
INSERT INTO things (type, id, workflow_id, context)
VALUES (:payload ->> '$.type', :payload ->> '$.id', :payload ->> '$.workflow_id', :payload -> '$.context')
ON CONFLICT (type, id) DO UPDATE SET context = excluded.context;
";

/// A domain of these types, whose states are what their last event says.
fn domain() -> Domain {
    let entity = |kind: &str| {
        let workflow = if kind == "workflow" { "id" } else { "workflow_id" };
        let from = format!("FROM things WHERE type = '{kind}'");
        let events = format!("SELECT :payload ->> '$.id' WHERE :payload ->> '$.type' = '{kind}'");
        format!(
            "[[entity]]\ntype = \"{kind}\"\nreplay = \"own\"\nlist = \"SELECT id {from} ORDER BY id\"\n\
             state = \"SELECT context {from} AND id = :entity_id\"\nevents = \"{events}\"\n\
             workflow = \"SELECT {workflow} {from} AND id = :entity_id\"\n"
        )
    };
    let toml = format!("name = \"work\"\ntables = [\"things\"]\n{}", TYPES.map(entity).concat());
    let files = [("domain.toml", &*toml), ("schema.sql", SCHEMA), ("handlers/changed.sql", CHANGED)];
    Domain::from_files(files.map(|(name, text)| (name.to_owned(), text.to_owned())).into()).unwrap()
}

fn store() -> TestStore {
    let folder = tempfile::tempdir().unwrap();
    let engine = Engine::open_with(Options::new(folder.path()), &mut || Ok(domain())).unwrap();
    TestStore { engine: Arc::new(engine), folder }
}

fn change(kind: &str, id: &str, context: &str) -> NewEvent {
    let payload = format!(r#"{{"type": "{kind}", "id": "{id}", "workflow_id": "w-1", "context": {context}}}"#);
    NewEvent::new("changed", payload).unwrap()
}

fn parsed(text: &str) -> Value {
    serde_json::from_str(text).unwrap()
}

#[test]
fn the_types_are_those_of_the_package() {
    let Some(stabilize) = Stabilize::new() else { return };
    assert_eq!(stabilize.ask("types", &["null"]), [json!(TYPES)]);
}

#[test]
fn what_a_store_took_is_accepted_by_the_package_and_comes_back_into_another_store() {
    let Some(stabilize) = Stabilize::new() else { return };
    let (from, to, mut random) = (store(), store(), Random::new(seed()));
    let made: Vec<String> = (0..60).map(|_| states::random(&mut random)).collect();
    let states = TRAPS.iter().map(|trap| (*trap).to_owned()).chain(made).filter(|state| !state.contains("1e400"));
    let taken: Vec<EntitySnapshot> = states.enumerate().map(|(n, state)| taken_of(&from, n, &state)).collect();
    let ours: Vec<String> = taken.iter().map(|taken| taken.to_dict().unwrap()).collect();

    for (taken, answer) in taken.iter().zip(stabilize.ask("load", &ours)) {
        let theirs = answer["is"].as_str().unwrap();
        let dict = parsed(theirs);
        let workflow = if taken.entity_type == "workflow" { &*taken.entity_id } else { "w-1" };
        let told = ["entity_type", "entity_id", "workflow_id", "state_hash"].map(|name| dict[name].as_str().unwrap());
        assert_eq!(told, [&*taken.entity_type, &*taken.entity_id, workflow, &*taken.state_hash], "{}", taken.state);
        assert_eq!((&dict["version"], &dict["sequence"]), (&json!(2), &json!(taken.sequence)));
        let imported = to.engine.import_entity_snapshot(theirs).unwrap();
        assert_eq!((imported.origin, &imported.state_hash), (Origin::Imported, &taken.state_hash));
        assert_eq!(imported.created_at.unix_timestamp(), taken.created_at.unix_timestamp());
        let read = to.engine.entity_snapshot(&taken.key(), 2, false).unwrap();
        let (kept, replayed) = (read.snapshot, read.replayed);
        assert_eq!((kept, replayed), (imported, false));
        let refused = from.engine.import_entity_snapshot(theirs).unwrap_err();
        assert_eq!(refused.kind(), ErrorKind::Conflict, "one of its own is there: {refused}");
    }
}

/// A snapshot of the `n`th entity, whose second event gives it a state.
fn taken_of(store: &TestStore, n: usize, state: &str) -> EntitySnapshot {
    let (kind, id) = (TYPES[n % 3], format!("{}-{n}", TYPES[n % 3]));
    store.append(vec![change(kind, &id, "{}"), change(kind, &id, state)]);
    let (taken, new) = store.engine.save_entity_snapshot(&EntityKey::new(kind, &id)).unwrap();
    assert!(new && taken.version == 2, "{state}");
    taken
}

#[test]
fn a_workflow_is_taken_as_the_package_takes_one() {
    let Some(stabilize) = Stabilize::new() else { return };
    let store = store();
    store.append(vec![change("workflow", "w-1", r#"{"status": "RUNNING"}"#), change("task", "t", "{}")]);
    let (taken, _) = store.engine.create_workflow_snapshot("w-1").unwrap();
    let theirs = parsed(&stabilize.load(&taken.to_dict().unwrap()).unwrap());
    let told = ["entity_type", "entity_id", "workflow_id"].map(|name| theirs[name].as_str().unwrap().to_owned());
    assert_eq!(told, ["workflow", "w-1", "w-1"]);
    assert_eq!(theirs["state"], json!({ "status": "RUNNING" }));
}

/// Runs `entity` with words, and with this on standard input.
fn entity(folder: &Path, words: &[&str], input: &str) -> Output {
    let mut command = program(folder);
    command.arg("entity").args(words).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    // One that reads nothing may have ended already.
    let _ = child.stdin.take().unwrap().write_all(input.as_bytes());
    child.wait_with_output().unwrap()
}

fn said(output: &Output) -> &str {
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    std::str::from_utf8(&output.stdout).unwrap()
}

#[test]
fn the_commands_exchange_with_the_package() {
    let Some(stabilize) = Stabilize::new() else { return };
    let (from, to) = (store(), store());
    let state = r#"{"ｚ": 18446744073709551616, "😀": -0.0, "é": [1e16, null, "\u007f"]}"#;
    from.append(vec![change("task", "t-1", state)]);
    said(&entity(from.path(), &["snapshot", "task", "t-1"], ""));

    let exported = entity(from.path(), &["export", "task", "t-1", "1"], "");
    let theirs = stabilize.load(said(&exported)).unwrap();
    let imported = entity(to.path(), &["import", "-"], &theirs);
    assert_eq!(said(&imported), "The snapshot of task t-1 at version 1 is imported; its hash fits.\n");

    let file = to.path().join("snapshot.json");
    std::fs::write(&file, stabilize.ask_texts("dump", &[state]).remove(0)).unwrap();
    said(&entity(to.path(), &["import", file.to_str().unwrap()], ""));
    let back = entity(to.path(), &["export", "task", "t-1", "7"], "");
    assert_eq!(stabilize.load(said(&back)).unwrap(), std::fs::read_to_string(&file).unwrap());
}

#[test]
fn a_wrong_hash_and_half_a_character_are_refused_on_either_side_and_nothing_is_kept() {
    let Some(stabilize) = Stabilize::new() else { return };
    let (from, to) = (store(), store());
    from.append(vec![change("task", "t-1", r#"{"done": 1}"#)]);
    let (taken, _) = from.engine.save_entity_snapshot(&EntityKey::new("task", "t-1")).unwrap();
    let ours = taken.to_dict().unwrap().replace(r#"{"done":1}"#, r#"{"done":2}"#);
    let words = stabilize.load(&ours).unwrap_err();
    assert!(words.contains("integrity check failed"), "{words}");

    let theirs = stabilize.ask_texts("dump", &[r#"{"done": 1}"#, r#"{"done": "\udc00"}"#]);
    let changed = theirs[0].replace(r#"{"done": 1}"#, r#"{"done": 1.0}"#);
    for (dict, kind, words) in [
        (&changed, ErrorKind::Unprocessable, "and that of the state is"),
        (&theirs[1], ErrorKind::Malformed, "half of a character"),
    ] {
        let error = to.engine.import_entity_snapshot(dict).unwrap_err();
        assert!(error.kind() == kind && error.to_string().contains(words), "{error:?}");
        let refused = entity(to.path(), &["import", "-"], dict);
        let error = String::from_utf8_lossy(&refused.stderr);
        assert!(refused.status.code() == Some(1) && error.starts_with("backstitch: "), "{error}");
        assert!(error.contains(words) && error.lines().count() == 1, "{error}");
    }
    let none = to.engine.entity_snapshot(&EntityKey::new("task", "t-1"), 7, false).unwrap_err();
    assert_eq!(none.kind(), ErrorKind::NotFound);
}
