//! The projection follows the log, whoever changes it: other programs write to `event_log` with
//! plain SQLite while an engine or a server is open.

mod batches;
mod changes;
mod cold;
mod damaged_safety;
mod flags;
mod held;
mod rewind;
mod stuck;
mod trust;
mod undo;

use std::path::Path;
use std::time::{Duration, Instant};

use backstitch::domain::Domain;
use backstitch::store::state::State;
use rusqlite::Connection;
use serde_json::{Value, json};

use crate::support::{Server, TestStore, assert_follows, program};

/// Inserts an event as another program does: kind and payload, the rest by default.
fn insert(conn: &Connection, kind: &str, payload: &Value) -> i64 {
    let sql = "INSERT INTO event_log (kind, payload_json) VALUES (?1, ?2)";
    conn.execute(sql, (kind, payload.to_string())).unwrap();
    conn.last_insert_rowid()
}

/// A turn in the story's chat.
fn insert_turn(conn: &Connection) -> i64 {
    insert(conn, "user_turn", &json!({ "chat_id": "c", "text": "From elsewhere." }))
}

fn assert_store_follows(store: &TestStore) -> State {
    assert_follows(&store.other_program(), &store.engine.domain())
}

/// `projection status` as JSON, and in words.
fn projection_status(folder: &Path) -> (Value, String) {
    let run = |arguments: &[&str]| {
        let output = program(folder).args(["projection", "status"]).args(arguments).output().unwrap();
        assert!(output.status.success(), "{output:?}");
        String::from_utf8(output.stdout).unwrap()
    };
    (serde_json::from_str(&run(&["--json"])).unwrap(), run(&[]))
}

/// Asks a server until its health fits.
fn wait_for_health(server: &Server, fits: impl Fn(&Value) -> bool) -> Value {
    let deadline = Instant::now() + Duration::from_secs(20);
    loop {
        let health = server.get("/health").json();
        if fits(&health) {
            return health;
        }
        assert!(Instant::now() < deadline, "still {health}");
    }
}

/// The built-in domain with a piece of one of its files replaced.
fn changed_domain(file: &str, from: &str, to: &str) -> Domain {
    let mut files = Domain::companion().unwrap().files().clone();
    let text = files.get_mut(file).unwrap();
    assert!(text.contains(from), "{file} has no {from:?}");
    *text = text.replacen(from, to, 1);
    Domain::from_files(files).unwrap()
}
