//! The program as a process: what each command prints, how it exits, what it refuses.

mod backup;
mod completions;
mod confirm;
mod domain;
mod entity;
mod files;
mod flags;
mod history;
mod log;
mod past;
mod proof;
mod rewind;
mod serve;
mod settings;
mod snapshot;
mod tables;
mod undo;

use std::io::Write;
use std::path::Path;
use std::process::{Output, Stdio};

use serde_json::Value;
use tempfile::TempDir;

use crate::support::program;

/// Events with moments of their own, so that what is printed is the same every time.
const EVENTS: &str = r#"{"kind":"bot_created","payload":{"bot_id":"ada","name":"Ada","persona":"Counts."},"ts":"2026-11-20T20:41:01Z"}
{"kind":"bot_created","payload":{"bot_id":"bob","name":"Bob","persona":"Draws."},"ts":"2026-11-20T20:41:02Z"}
{"kind":"edge_update","payload":{"source_id":"ada","target_id":"bob","affinity_delta":2,"trust_delta":-1,"reason":"a talk"},"ts":"2026-11-20T20:41:03Z"}
"#;

/// How a command ended.
struct Ran {
    code: i32,
    out: String,
    err: String,
}

impl From<Output> for Ran {
    fn from(output: Output) -> Self {
        Self {
            code: output.status.code().unwrap(),
            out: String::from_utf8(output.stdout).unwrap(),
            err: String::from_utf8(output.stderr).unwrap(),
        }
    }
}

impl Ran {
    /// What a command that did its work printed; nothing else is told on a pipe, no bar either.
    #[track_caller]
    fn done(self) -> String {
        assert_eq!((self.code, self.err.as_str()), (0, ""), "{}", self.out);
        self.out
    }

    #[track_caller]
    fn json(self) -> Value {
        serde_json::from_str(&self.done()).unwrap()
    }

    /// The words of a refusal: one line on standard error, nothing on standard output.
    #[track_caller]
    fn refused(self, code: i32) -> String {
        assert_eq!((self.code, self.out.as_str()), (code, ""), "{}", self.err);
        assert_eq!(self.err.matches('\n').count(), 1, "one line: {:?}", self.err);
        self.err.strip_prefix("backstitch: ").expect("it says who speaks").trim_end().to_owned()
    }

    /// Wrong usage, which is explained at more length.
    #[track_caller]
    fn misused(self) -> String {
        assert_eq!((self.code, self.out.as_str()), (2, ""), "{}", self.err);
        assert!(!self.err.is_empty());
        self.err
    }
}

/// Runs a command on a data folder.
fn run(folder: &Path, arguments: &[&str]) -> Ran {
    program(folder).args(arguments).output().unwrap().into()
}

/// Runs a command with this on its standard input.
fn run_with(folder: &Path, arguments: &[&str], input: &str) -> Ran {
    let mut command = program(folder);
    let piped = command.args(arguments).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = piped.spawn().unwrap();
    // A command that refuses early does not read it all.
    let _ = child.stdin.take().unwrap().write_all(input.as_bytes());
    child.wait_with_output().unwrap().into()
}

/// A store with three events.
fn store() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    run_with(folder.path(), &["append"], EVENTS).done();
    folder
}

/// A store with three events and a snapshot of them, then two events more.
fn store_with_snapshot() -> (TempDir, String) {
    let folder = store();
    let taken = run(folder.path(), &["snapshot", "take", "--json"]).json();
    let more = r#"{"kind":"bot_created","payload":{"bot_id":"cid","name":"Cid","persona":""},"ts":"2026-11-20T20:41:04Z"}
{"kind":"edge_update","payload":{"source_id":"ada","target_id":"bob","affinity_delta":1,"trust_delta":1,"reason":"a walk"},"ts":"2026-11-20T20:41:05Z"}
"#;
    run_with(folder.path(), &["append"], more).done();
    (folder, taken["snapshot_id"].as_str().unwrap().to_owned())
}

/// Everything that a command could have changed: log, tables, snapshots, where the tables stand.
fn everything(folder: &Path) -> Vec<String> {
    let asked: [&[&str]; 5] = [
        &["events"],
        &["state", "bots", "--json"],
        &["state", "edges", "--json"],
        &["snapshot", "list", "--json"],
        &["projection", "status", "--json"],
    ];
    asked.iter().map(|arguments| run(folder, arguments).done()).collect()
}
