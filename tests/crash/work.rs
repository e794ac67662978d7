//! What runs when the kill comes: clients of a server, and commands as processes of their own.
//!
//! Each event names the append that it came with and how many came with it, so that a half append
//! can be told afterwards.

use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};
use std::sync::mpsc::Sender;
use std::sync::{Arc, Mutex};
use std::thread::{JoinHandle, spawn};

use serde_json::{Value, json};

use crate::support::{Answer, Random, program, request};

/// What was acknowledged.
#[derive(Debug)]
pub enum Done {
    Appended {
        name: String,
        first: i64,
        last: i64,
    },
    Taken {
        id: String,
        at: String,
    },
    Restored {
        operation: i64,
    },
    /// Refused, or done with nothing to look for afterwards.
    Other,
    /// An answer that nobody may get.
    Wrong(String),
}

/// Clients, until the server is gone.
pub fn client(address: String, folder: PathBuf, name: String, seed: u64, tell: Sender<Done>) -> JoinHandle<()> {
    spawn(move || {
        let mut random = Random::new(seed);
        for n in 0.. {
            let name = format!("{name}-{n}");
            match one_request(&address, &folder, &name, &mut random) {
                Some(done) => tell.send(done).unwrap(),
                None => return,
            }
        }
    })
}

/// One request; none where the server is gone.
fn one_request(address: &str, folder: &Path, name: &str, random: &mut Random) -> Option<Done> {
    let form = "application/x-www-form-urlencoded";
    let answer = match random.below(20) {
        0..11 => request(address, "POST", "/events", "application/json", &events(name, 1, random)),
        11..14 => {
            let count = 2 + random.below(19);
            request(address, "POST", "/events", "application/x-ndjson", &events(name, count, random))
        }
        14..17 => request(address, "POST", "/snapshots/take", "", ""),
        way => {
            let (kind, id) = some_snapshot(folder, random)?;
            let scope = if way < 19 { "projections" } else { "everything" };
            let body = format!("confirm_id={id}&kind={kind}&scope={scope}");
            request(address, "POST", &format!("/snapshots/restore/{id}"), form, &body)
        }
    };
    Some(judge(name, &answer.ok()?))
}

fn judge(name: &str, answer: &Answer) -> Done {
    match answer.status {
        200 | 201 => acknowledged(name, &answer.json()),
        // Gone since it was chosen; not on this history; another change took too long.
        404 | 409 | 503 => Done::Other,
        422 if answer.body.contains("superseded it already") => Done::Other,
        _ => Done::Wrong(format!("{answer:?}")),
    }
}

fn acknowledged(name: &str, answer: &Value) -> Done {
    let number = |key: &str| answer[key].as_i64();
    match (number("first_id"), number("last_id"), number("operation")) {
        (Some(first), Some(last), _) => Done::Appended { name: name.to_owned(), first, last },
        (_, _, Some(operation)) => Done::Restored { operation },
        _ => match (answer["snapshot_id"].as_str(), answer["created_at"].as_str()) {
            (Some(id), Some(at)) => Done::Taken { id: id.to_owned(), at: at.to_owned() },
            _ => Done::Wrong(answer.to_string()),
        },
    }
}

/// Events as NDJSON. They are valid after the first six of the story.
fn events(name: &str, count: usize, random: &mut Random) -> String {
    let tag = format!("{name}/{count}");
    let event = |n: usize| match n {
        0 => json!({ "kind": "edge_update", "payload": { "tag": tag, "source_id": "ada", "target_id": "bob",
            "affinity_delta": 1, "trust_delta": -1, "reason": "because" } }),
        1 => json!({ "kind": "memory_written", "payload": { "tag": tag, "owner_id": "ada", "chat_id": "c",
            "scene_id": "s", "text": format!("Remembers {tag}"), "significance": 3 } }),
        2 => json!({ "kind": "activity_changed", "payload": { "tag": tag, "chat_id": "c", "entity_id": "bob",
            "container_id": "house", "activity": tag } }),
        _ => json!({ "kind": "user_turn", "payload": { "tag": tag, "chat_id": "c", "text": "And then?" } }),
    };
    let mut lines: Vec<Value> = (0..count).map(|_| event(random.below(4))).collect();
    if random.below(8) == 0 {
        lines[0]["supersedes"] = superseded(random).into();
    }
    lines.iter().map(|line| format!("{line}\n")).collect()
}

/// A turn of the first hundred events, which no restore removes. Where it is superseded already the
/// append is refused.
fn superseded(random: &mut Random) -> i64 {
    12 + 6 * random.below(15) as i64
}

/// A listed snapshot, by its file.
fn some_snapshot(folder: &Path, random: &mut Random) -> Option<(&'static str, String)> {
    let of_kind = |kind| move |id| (kind, id);
    let mut all: Vec<_> = listed(folder, "periodic").into_iter().map(of_kind("periodic")).collect();
    all.extend(listed(folder, "rewind").into_iter().map(of_kind("rewind")));
    (!all.is_empty()).then(|| random.pick(&all).clone())
}

/// The ids of a kind, oldest first.
fn listed(folder: &Path, kind: &str) -> Vec<String> {
    let files = std::fs::read_dir(folder.join("snapshots").join(kind)).unwrap();
    let mut ids: Vec<String> =
        files.filter_map(|file| Some(file.unwrap().file_name().to_str()?.strip_suffix(".json")?.to_owned())).collect();
    ids.sort_unstable();
    ids
}

/// The command that runs, to be killed from outside.
#[derive(Default)]
pub struct Victim(Mutex<(bool, Option<Child>)>);

impl Victim {
    /// Lets a command run, unless the kill has come already.
    fn run(&self, start: impl FnOnce() -> Child) -> bool {
        let mut running = self.0.lock().unwrap();
        if !running.0 {
            running.1 = Some(start());
        }
        !running.0
    }

    /// Waits for the end of the command. Both pipes are at their ends, so it is near.
    fn end(&self) -> Option<i32> {
        let mut running = self.0.lock().unwrap();
        running.1.take().and_then(|mut child| child.wait().unwrap().code())
    }

    pub fn kill(&self) {
        let mut running = self.0.lock().unwrap();
        running.0 = true;
        if let Some(child) = &mut running.1 {
            child.kill().unwrap();
        }
    }
}

/// Commands, one after the other, until the kill.
pub fn commands(victim: Arc<Victim>, folder: PathBuf, round: u64, seed: u64, tell: Sender<Done>) -> JoinHandle<()> {
    spawn(move || {
        let mut random = Random::new(seed);
        for n in 0.. {
            let name = format!("{round}-command-{n}");
            match one_command(&victim, &folder, &name, &mut random) {
                Some(done) => tell.send(done).unwrap(),
                None => return,
            }
        }
    })
}

fn one_command(victim: &Victim, folder: &Path, name: &str, random: &mut Random) -> Option<Done> {
    let (arguments, input) = command(folder, name, random)?;
    let mut pipes = None;
    let runs = victim.run(|| {
        let command = &mut program(folder);
        let command = command.args(&arguments).arg("--json").stdin(Stdio::piped());
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        pipes = Some((child.stdin.take().unwrap(), child.stdout.take().unwrap(), child.stderr.take().unwrap()));
        child
    });
    let (mut stdin, mut stdout, mut stderr) = pipes.filter(|_| runs)?;
    // A command that was killed reads no more.
    let _ = stdin.write_all(input.as_bytes());
    drop(stdin);
    let (mut out, mut err) = (String::new(), String::new());
    stdout.read_to_string(&mut out).unwrap();
    stderr.read_to_string(&mut err).unwrap();
    let code = victim.end();
    match (code, serde_json::from_str(&out)) {
        // Printed is acknowledged, even where the kill came before the end.
        (Some(0) | None, Ok(answer)) => Some(done(name, &arguments[1], &answer)),
        (Some(1), _) if is_a_refusal(&err) => Some(Done::Other),
        (None, _) => None,
        _ => Some(Done::Wrong(format!("{arguments:?} ended with {code:?}: {err}"))),
    }
}

fn done(name: &str, command: &str, answer: &Value) -> Done {
    match command {
        "prune" | "delete" => Done::Other,
        _ => acknowledged(name, answer),
    }
}

fn is_a_refusal(error: &str) -> bool {
    let refusals = ["snapshot not found", "Another change is being written", "superseded it already", "tables alone"];
    error.starts_with("backstitch: ") && refusals.iter().any(|refusal| error.contains(refusal))
}

/// A command and what it reads.
fn command(folder: &Path, name: &str, random: &mut Random) -> Option<(Vec<String>, String)> {
    let mut input = String::new();
    let line = match random.below(10) {
        0..4 => {
            let count = 1 + random.below(20);
            input = events(name, count, random);
            "append -".to_owned()
        }
        4..6 => "snapshot take".to_owned(),
        6 => "snapshot prune".to_owned(),
        7 => {
            let id = listed(folder, "rewind").into_iter().next();
            id.map_or("snapshot prune".to_owned(), |id| format!("snapshot delete {id} --kind rewind --confirm {id}"))
        }
        way => {
            let (kind, id) = some_snapshot(folder, random)?;
            let scope = if way == 8 { "projections" } else { "everything" };
            format!("snapshot restore {id} --kind {kind} --scope {scope} --confirm {id}")
        }
    };
    Some((line.split(' ').map(str::to_owned).collect(), input))
}
