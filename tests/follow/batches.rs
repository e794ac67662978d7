//! Appends: all of a batch or nothing of it, and events that supersede earlier ones.

use std::io::{BufReader, Read};

use backstitch::engine::{Engine, Options};
use backstitch::error::{Error, ErrorKind};
use backstitch::log::NewEvent;
use serde_json::{Value, json};

use super::assert_store_follows;
use crate::support::{Server, TestStore, story};

fn event(kind: &str, payload: &Value) -> NewEvent {
    NewEvent::new(kind, payload.to_string()).unwrap()
}

fn turn(chat: &str) -> NewEvent {
    event("user_turn", &json!({ "chat_id": chat, "text": "?" }))
}

fn edge(affinity: i64) -> NewEvent {
    event(
        "edge_update",
        &json!({ "source_id": "bob", "target_id": "ada", "affinity_delta": affinity, "trust_delta": 0, "reason": "r" }),
    )
}

fn superseding(id: i64, mut event: NewEvent) -> NewEvent {
    event.supersedes = Some(id);
    event
}

fn refused(store: &TestStore, events: Vec<NewEvent>) -> Error {
    let before = store.content();
    let error = store.engine.append(events).unwrap_err();
    assert_eq!(store.content(), before, "a refused append changes nothing");
    assert_store_follows(store);
    error
}

#[test]
fn a_batch_with_a_broken_event_is_refused_whole_and_names_its_place() {
    let store = TestStore::with_story(12);
    for place in 1..=5 {
        let events = (1..=5).map(|at| turn(if at == place { "nowhere" } else { "c" })).collect();
        let error = refused(&store, events);
        assert_eq!(error.kind(), ErrorKind::Unprocessable);
        assert!(error.message().starts_with(&format!("event {place} of the batch: ")), "{error}");
        assert!(error.message().contains("chat_state.chat_id names no row of chats"), "{error}");
    }
    assert_eq!(store.append(vec![turn("c")]).count, 1);
    assert_store_follows(&store);
}

#[test]
fn a_server_answers_a_broken_batch_with_422_and_keeps_nothing_of_it() {
    let store = TestStore::with_story(12);
    let server = Server::start(store.path(), &[]);
    let line = |chat: &str| json!({ "kind": "user_turn", "payload": { "chat_id": chat, "text": "?" } }).to_string();
    let (good, bad) = (line("c"), line("nowhere"));
    for (content_type, body) in [
        ("application/x-ndjson", format!("{good}\n{good}\n{bad}\n")),
        ("application/json", format!("[{good}, {good}, {bad}]")),
    ] {
        let answer = server.post("/events", content_type, &body);
        assert_eq!(answer.status, 422);
        assert!(answer.body.contains("event 3 of the batch"), "{answer:?}");
        assert!(answer.body.contains("chat_state.chat_id"), "{answer:?}");
    }
    assert_eq!(server.get("/health").json()["last_event_id"], 12);
    assert_store_follows(&store);
}

#[test]
fn what_is_superseded_in_its_own_batch_is_projected_once() {
    let store = TestStore::with_story(12);
    let appended = store.append(vec![edge(1), superseding(13, edge(5)), edge(100), superseding(14, edge(7))]);
    assert_eq!((appended.first_id, appended.last_id, appended.count), (13, 16, 4));
    let affinity: i64 = store
        .other_program()
        .query_row("SELECT affinity FROM edges WHERE source_id = 'bob'", [], |row| row.get(0))
        .unwrap();
    assert_eq!(affinity, 107);
    assert_store_follows(&store);
}

#[test]
fn what_is_superseded_later_is_as_if_it_had_never_been() {
    let store = TestStore::with_story(12);
    let with_base = store.take();
    store.append(vec![edge(1), turn("c"), edge(10)]);
    store.append(vec![superseding(15, edge(20))]);
    store.append(vec![superseding(9, turn("c"))]);
    assert_store_follows(&store);
    let listed = store.engine.snapshot(with_base.kind, &with_base.snapshot_id).unwrap();
    assert_eq!(listed.on_this_history, Some(false), "its ninth event is superseded today");
    let memories: i64 =
        store.other_program().query_row("SELECT count(*) FROM memories WHERE id = 9", [], |row| row.get(0)).unwrap();
    assert_eq!(memories, 0);
}

#[test]
fn superseding_twice_names_the_successor() {
    let store = TestStore::with_story(12);
    store.append(vec![superseding(9, turn("c"))]);
    let error = refused(&store, vec![superseding(9, turn("c"))]);
    assert_eq!(error.kind(), ErrorKind::Unprocessable);
    assert!(error.message().contains("event 13 superseded it already"), "{error}");
    // The refused append was given event 14, which goes to the next one: nothing of it was kept.
    let error = refused(&store, vec![turn("c"), superseding(14, turn("c")), superseding(14, turn("c"))]);
    assert!(error.message().starts_with("event 3 of the batch: "), "{error}");
    assert!(error.message().contains("event 15 superseded it already"), "{error}");
}

#[test]
fn what_is_unknown_or_comes_later_cannot_be_superseded() {
    let store = TestStore::with_story(12);
    for id in [-1, 0, 13, 14, 15, 1000, i64::MAX] {
        let error = refused(&store, vec![superseding(id, turn("c")), turn("c")]);
        assert_eq!(error.kind(), ErrorKind::Unprocessable, "{id}");
        assert!(error.message().contains("no earlier event"), "{id}: {error}");
        assert!(error.message().starts_with("event 1 of the batch: "), "{id}: {error}");
    }
}

#[test]
fn superseding_what_others_need_is_refused_with_the_event_and_the_constraint() {
    let store = TestStore::with_story(12);
    let error = refused(&store, vec![superseding(5, turn("c"))]);
    assert_eq!(error.kind(), ErrorKind::Unprocessable);
    assert!(error.message().contains("event 6 (scene_opened)"), "{error}");
    assert!(error.message().contains("scenes.container_id names no row of containers"), "{error}");
}

#[test]
fn a_server_answers_a_wrong_supersedes_with_422() {
    let store = TestStore::with_story(12);
    let server = Server::start(store.path(), &[]);
    let post = |supersedes: i64| {
        let event =
            json!({ "kind": "user_turn", "payload": { "chat_id": "c", "text": "?" }, "supersedes": supersedes });
        server.post("/events", "application/json", &event.to_string())
    };
    assert_eq!(post(9).status, 201);
    let twice = post(9);
    assert_eq!(twice.status, 422);
    assert!(twice.body.contains("event 13 superseded it already"), "{twice:?}");
    assert_eq!(post(99).status, 422);
    assert_store_follows(&store);
}

#[test]
fn a_hidden_event_is_recorded_and_not_projected() {
    let store = TestStore::with_story(12);
    let before = store.content();
    let mut hidden = edge(1000);
    hidden.hidden = true;
    store.append(vec![hidden]);
    let after = store.content();
    assert_eq!(after["event_log"].len(), 13);
    assert_eq!(after["edges"], before["edges"]);
    assert_store_follows(&store);
}

/// A pipe in whose pauses another process appends.
struct Slow<'a> {
    lines: Vec<String>,
    meanwhile: &'a Engine,
}

impl Read for Slow<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let Some(line) = self.lines.pop() else { return Ok(0) };
        self.meanwhile.append(vec![turn("c")]).expect("others write while a pipe is waited for");
        buffer[..line.len()].copy_from_slice(line.as_bytes());
        Ok(line.len())
    }
}

#[test]
fn while_a_slow_pipe_is_read_others_write() {
    let store = TestStore::with_story(12);
    let other =
        Engine::open(Options { busy_timeout: std::time::Duration::from_millis(200), ..Options::new(store.path()) });
    let line = || format!("{}\n", json!({ "kind": "user_turn", "payload": { "chat_id": "c", "text": "?" } }));
    let slow = Slow { lines: vec![line(), line(), line()], meanwhile: &other.unwrap() };
    let appended = store.engine.append_lines(BufReader::new(slow)).unwrap();
    assert_eq!((appended.first_id, appended.last_id), (16, 18), "after the three of the other");
    assert_store_follows(&store);
}

#[test]
fn an_append_of_nothing_is_refused() {
    let store = TestStore::with_story(12);
    assert_eq!(refused(&store, Vec::new()).kind(), ErrorKind::Malformed);
    assert_eq!(store.append(story(13).split_off(12)).first_id, 13);
}
