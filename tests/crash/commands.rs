//! Commands as processes of their own, beside the server.

use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};
use std::sync::mpsc::Sender;
use std::sync::{Arc, Mutex};
use std::thread::{JoinHandle, spawn};

use super::choices::{Known, events, flagged, listed, some_snapshot};
use super::work::{Done, acknowledged};
use crate::support::{Random, program};

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
pub fn commands(
    victim: Arc<Victim>,
    folder: PathBuf,
    round: u64,
    seed: u64,
    known: Arc<Known>,
    tell: Sender<Done>,
) -> JoinHandle<()> {
    spawn(move || {
        let mut random = Random::new(seed);
        for n in 0.. {
            let order = Order::choose(&folder, &format!("{round}-command-{n}"), &known, &mut random);
            if let Some(id) = order.deletes.clone() {
                tell.send(Done::AskedToDelete { id }).unwrap();
            }
            match order.run(&victim, &folder) {
                Some(done) => {
                    known.hear(&done);
                    tell.send(done).unwrap();
                }
                None => return,
            }
        }
    })
}

/// A command, and what it reads.
struct Order {
    what: &'static str,
    line: String,
    input: String,
    /// What its events name.
    tag: String,
    deletes: Option<String>,
}

impl Order {
    fn new(what: &'static str, line: impl Into<String>) -> Self {
        Self { what, line: line.into(), input: String::new(), tag: String::new(), deletes: None }
    }

    fn choose(folder: &Path, name: &str, known: &Known, random: &mut Random) -> Self {
        match random.below(14) {
            0..4 => {
                let count = 1 + random.below(20);
                let tag = format!("{name}/{count}");
                let input = events(&tag, count, random);
                Self { input, tag, ..Self::new("append", "append -") }
            }
            4..6 => Self::new("take", "snapshot take"),
            6 => match listed(folder, "rewind").into_iter().next() {
                Some(id) => {
                    let line = format!("snapshot delete {id} --kind rewind --confirm {id}");
                    Self { deletes: Some(id), ..Self::new("delete", line) }
                }
                None => Self::new("prune", "snapshot prune"),
            },
            way @ 7..9 => match some_snapshot(folder, random) {
                Some((kind, id)) => {
                    let scope = if way == 7 { "projections" } else { "everything" };
                    let line = format!("snapshot restore {id} --kind {kind} --scope {scope} --confirm {id}");
                    Self::new("restore", line)
                }
                None => Self::new("take", "snapshot take"),
            },
            9..11 => {
                let after = known.target(random);
                Self::new("rewind", format!("rewind {after} --confirm {after}"))
            }
            11 => match random.below(2) {
                0 => Self::new("hide", format!("events hide {}", flagged(random))),
                _ => Self::new("unhide", format!("events unhide {}", flagged(random))),
            },
            _ => match known.operation(random) {
                Some(operation) => Self::new("undo", format!("undo {operation} --confirm {operation}")),
                None => Self::new("prune", "snapshot prune"),
            },
        }
    }

    fn run(&self, victim: &Victim, folder: &Path) -> Option<Done> {
        let mut pipes = None;
        let runs = victim.run(|| {
            let command = &mut program(folder);
            let command = command.args(self.line.split(' ')).arg("--json").stdin(Stdio::piped());
            let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
            pipes = Some((child.stdin.take().unwrap(), child.stdout.take().unwrap(), child.stderr.take().unwrap()));
            child
        });
        let (mut stdin, mut stdout, mut stderr) = pipes.filter(|_| runs)?;
        // A command that was killed reads no more.
        let _ = stdin.write_all(self.input.as_bytes());
        drop(stdin);
        let (mut out, mut err) = (String::new(), String::new());
        stdout.read_to_string(&mut out).unwrap();
        stderr.read_to_string(&mut err).unwrap();
        let code = victim.end();
        match (code, serde_json::from_str(&out)) {
            // Printed is acknowledged, even where the kill came before the end.
            (Some(0) | None, Ok(_)) if matches!(self.what, "prune" | "delete") => Some(Done::Other),
            (Some(0) | None, Ok(answer)) => Some(acknowledged(self.what, &self.tag, &answer)),
            (Some(1), _) if is_a_refusal(&err) => Some(Done::Other),
            (None, _) => None,
            _ => Some(Done::Wrong(format!("{} ended with {code:?}: {err}", self.line))),
        }
    }
}

fn is_a_refusal(error: &str) -> bool {
    let refusals = [
        "snapshot not found",
        "Another change is being written",
        "superseded it already",
        "tables alone",
        "there is nothing after event",
        "cannot be undone",
        // An undo is of what was there when it was chosen.
        "confirm_op is needed",
        "The log stands at event",
        "The store is at epoch",
    ];
    error.starts_with("backstitch: ") && refusals.iter().any(|refusal| error.contains(refusal))
}
