//! Several processes on one folder at once: takes and collection, servers, appends.

use std::io::Write;
use std::path::Path;
use std::process::Stdio;
use std::sync::Arc;
use std::thread::{JoinHandle, spawn};

use backstitch::clock::Clock;
use backstitch::engine::{Engine, Options};
use backstitch::error::ErrorKind;
use backstitch::history::Means;
use backstitch::snapshot::{Kind, Scope};
use serde_json::json;
use time::macros::datetime;

use crate::support::{Random, Server, TestStore, assert_follows, count, program, request, seed, story};

mod servers;

/// A turn in the story's chat that says who wrote it.
fn turn(name: &str) -> String {
    json!({ "kind": "user_turn", "payload": { "chat_id": "c", "text": name } }).to_string()
}

fn assert_all_verify(engine: &Engine) {
    for one in engine.snapshots().unwrap() {
        assert_eq!(one.damaged, None, "{} {}", one.kind, one.snapshot_id);
        engine.verify(one.kind, &one.snapshot_id).unwrap();
    }
}

/// Takes through a server: each prunes as well, and collects what no snapshot names.
fn takes_of_a_server(address: String, rounds: u32) -> JoinHandle<()> {
    spawn(move || {
        for n in 0..rounds {
            let answer =
                request(&address, "POST", "/events", "application/json", &turn(&format!("server {n}"))).unwrap();
            assert_eq!(answer.status, 201, "{answer:?}");
            let answer = request(&address, "POST", "/snapshots/take", "", "").unwrap();
            assert_eq!(answer.status, 201, "{answer:?}");
        }
    })
}

/// Takes and restores through this process, on the same folder.
fn takes_of_an_engine(engine: Arc<Engine>, rounds: u32) -> JoinHandle<()> {
    spawn(move || {
        for n in 0..rounds {
            let turn = backstitch::log::NewEvent::new(
                "user_turn",
                json!({ "chat_id": "c", "text": n.to_string() }).to_string(),
            );
            engine.append(vec![turn.unwrap()]).unwrap();
            let taken = engine.take_snapshot(None, false, Means::Command).unwrap().snapshot;
            if n % 5 == 0 {
                let (id, scope) = (&taken.snapshot_id, Scope::Everything);
                let restored = engine.restore_from_snapshot(id, taken.kind, scope, Default::default(), Means::Command);
                assert_gone_or_done(restored);
            }
        }
    })
}

/// Lists, verifies, deletes and prunes, as if there were no one else.
fn deletes(engine: Arc<Engine>, rounds: u32, seed: u64) -> JoinHandle<()> {
    spawn(move || {
        let mut random = Random::new(seed);
        for _ in 0..rounds {
            let snapshots = engine.snapshots().unwrap();
            for one in &snapshots {
                assert_eq!(one.damaged, None, "{} {}", one.kind, one.snapshot_id);
            }
            // Not the newest: whoever took it is about to be told of it.
            if let [_, _, _, rest @ ..] = snapshots.as_slice()
                && !rest.is_empty()
            {
                let one = random.pick(rest);
                assert_gone_or_done(engine.verify(one.kind, &one.snapshot_id));
                assert_gone_or_done(engine.preview(&one.snapshot_id, one.kind, Scope::Everything));
                assert_gone_or_done(engine.delete(one.kind, &one.snapshot_id, Means::Command));
            }
            engine.prune_periodic_snapshots(Means::Command).unwrap();
        }
    })
}

/// What another process has deleted is not found; it is never taken for damaged.
fn assert_gone_or_done<T>(outcome: backstitch::error::Result<T>) {
    if let Err(error) = outcome {
        assert_eq!(error.kind(), ErrorKind::NotFound, "{error:?}");
    }
}

#[test]
fn collection_beside_takes_of_two_processes_leaves_every_listed_snapshot_whole() {
    let rounds = count("BACKSTITCH_ROUNDS", 120);
    let store = TestStore::with_story(150);
    let server = Server::start(store.path(), &[]);
    let other = Arc::new(Engine::open(Options::new(store.path())).unwrap());
    let workers = [
        takes_of_a_server(server.address.clone(), rounds),
        takes_of_an_engine(Arc::clone(&store.engine), rounds),
        deletes(Arc::clone(&other), rounds, seed()),
    ];
    for worker in workers {
        worker.join().unwrap();
    }
    server.kill();
    assert_all_verify(&store.engine);
    let pruned = store.engine.prune_periodic_snapshots(Means::Command).unwrap();
    assert!(!pruned.collected.skipped, "nobody holds the chunks any more");
    assert_all_verify(&store.engine);
    store.engine.catch_up().unwrap();
    assert_follows(&store.other_program(), &store.engine.domain());
}

/// Appends of one process after the other.
fn append_commands(folder: &Path, name: &'static str, rounds: u32) -> JoinHandle<()> {
    let folder = folder.to_owned();
    spawn(move || {
        for n in 0..rounds {
            let command = &mut program(&folder);
            let command = command.args(["append", "-"]).stdin(Stdio::piped()).stdout(Stdio::null());
            let mut child = command.stderr(Stdio::piped()).spawn().unwrap();
            let lines = format!("{}\n{}\n", turn(&format!("{name} {n} a")), turn(&format!("{name} {n} b")));
            child.stdin.take().unwrap().write_all(lines.as_bytes()).unwrap();
            let ended = child.wait_with_output().unwrap();
            assert!(ended.status.success(), "{}", String::from_utf8_lossy(&ended.stderr));
        }
    })
}

fn append_requests(address: String, name: &'static str, rounds: u32) -> JoinHandle<()> {
    spawn(move || {
        for n in 0..rounds {
            let answer =
                request(&address, "POST", "/events", "application/json", &turn(&format!("{name} {n}"))).unwrap();
            assert_eq!(answer.status, 201, "{answer:?}");
        }
    })
}

fn insert_rows(store: &TestStore, name: &'static str, rounds: u32) -> JoinHandle<()> {
    let conn = store.other_program();
    spawn(move || {
        for n in 0..rounds {
            let payload = json!({ "chat_id": "c", "text": format!("{name} {n}") }).to_string();
            conn.execute("INSERT INTO event_log (kind, payload_json) VALUES ('user_turn', ?1)", [payload]).unwrap();
        }
    })
}

#[test]
fn appends_of_several_processes_and_a_server_at_once_are_all_there_and_applied() {
    let rounds = count("BACKSTITCH_ROUNDS", 60);
    let store = TestStore::with_story(10);
    let server = Server::start(store.path(), &[]);
    let workers = [
        append_requests(server.address.clone(), "first client", rounds),
        append_requests(server.address.clone(), "second client", rounds),
        append_commands(store.path(), "first command", rounds / 4),
        append_commands(store.path(), "second command", rounds / 4),
        insert_rows(&store, "other program", rounds),
    ];
    for worker in workers {
        worker.join().unwrap();
    }
    let conn = store.other_program();
    let (head, texts): (i64, i64) = conn
        .query_row(
            "SELECT max(id), count(DISTINCT payload_json ->> '$.text') FROM event_log WHERE id > 10",
            [],
            |row| Ok((row.get(0)?, row.get(1)?)),
        )
        .unwrap();
    let expected = i64::from(rounds * 3 + rounds / 4 * 4);
    assert_eq!((head, texts), (10 + expected, expected), "every event once, without a gap");
    server.wait_for(head);
    let state = assert_follows(&conn, &store.engine.domain());
    assert_eq!(state.position, head);
}

#[test]
fn snapshots_of_one_second_get_distinct_ids_in_every_process() {
    let at_once = |options: &mut Options| {
        options.clock = Clock::new(|| datetime!(2026-11-20 18:02:01.5 UTC));
        options.policy.keep_periodic = 100;
    };
    let store = TestStore::with(at_once);
    store.append(story(10));
    let mut options = Options::new(store.path());
    at_once(&mut options);
    let other = Arc::new(Engine::open(options).unwrap());
    let takers = [&store.engine, &other, &store.engine, &other].map(|engine| {
        let engine = Arc::clone(engine);
        spawn(move || (0..3).map(|_| engine.take_snapshot(None, false, Means::Command).unwrap()).collect::<Vec<_>>())
    });
    let taken = takers.into_iter().flat_map(|taker| taker.join().unwrap());
    let mut ids: Vec<String> = taken.map(|one| one.snapshot.snapshot_id.to_string()).collect();
    ids.sort_unstable();
    let suffixes = std::iter::once(String::new()).chain((2..=12).map(|n| format!("_{n:02}")));
    let expected: Vec<String> = suffixes.map(|suffix| format!("20261120T180201Z{suffix}")).collect();
    assert_eq!(ids, expected);
    let listed = store.engine.snapshots().unwrap();
    assert!(listed.is_sorted_by_key(|one| std::cmp::Reverse(one.sequence)), "the newest first, by their numbers");
    assert_eq!(listed.iter().map(|one| one.sequence).collect::<std::collections::BTreeSet<_>>().len(), 12);
    for one in &listed[5..] {
        store.engine.delete(one.kind, &one.snapshot_id, Means::Command).unwrap();
    }
    assert_eq!(store.take().snapshot_id.as_str(), "20261120T180201Z_13", "ids sort by capture, whatever went");
    let restored = store.restore(&listed[0], Scope::Everything);
    assert_eq!(restored.safety_snapshot.snapshot_id.as_str(), "20261120T180201Z", "each kind counts for itself");
    assert_eq!(restored.safety_snapshot.kind, Kind::Rewind);
}
