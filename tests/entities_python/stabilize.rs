//! The package, asked line by line.

use std::io::{BufRead as _, BufReader, Write as _};
use std::path::PathBuf;
use std::process::{Command, Stdio};

use serde_json::Value;

use crate::support::python_with;

const PACKAGE: &str = "stabilize==0.33.1";

/// Reads lines of a word and a JSON text, and answers each with a line. `hash` gives the hash of a
/// state, `dump` a snapshot of one in the form that is exchanged, `load` reads that form and gives
/// it again, or says why it is refused.
const PROGRAM: &str = r#"
import json, sys
from datetime import UTC, datetime
from stabilize.events.base import EntityType
from stabilize.events.snapshots import Snapshot

def snapshot(state):
    return Snapshot(EntityType.TASK, "t-1", "w-1", 7, 19, state, datetime(2026, 1, 31, 12, 0, 0, 123456, UTC))

def load(data):
    try:
        return {"is": json.dumps(Snapshot.from_dict(data).to_dict())}
    except ValueError as error:
        return {"refused": str(error)}

deeds = {
    "hash": lambda state: snapshot(state).to_dict()["state_hash"],
    "dump": lambda state: json.dumps(snapshot(state).to_dict()),
    "load": load,
    "types": lambda _: [one.value for one in EntityType],
}
for line in sys.stdin:
    deed, text = json.loads(line)
    print(json.dumps(deeds[deed](json.loads(text))))
"#;

/// Python with the package.
pub struct Stabilize(PathBuf);

impl Stabilize {
    /// None, and said why, where it cannot be had here.
    pub fn new() -> Option<Self> {
        python_with(PACKAGE).map(Self)
    }

    /// Its answers, one for each text.
    pub fn ask(&self, deed: &str, texts: &[impl AsRef<str> + Sync]) -> Vec<Value> {
        let mut python = Command::new(&self.0);
        let mut child = python.args(["-c", PROGRAM]).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let (mut input, output) = (child.stdin.take().unwrap(), child.stdout.take().unwrap());
        let answers: Vec<Value> = std::thread::scope(|scope| {
            scope.spawn(move || {
                for text in texts {
                    let line = serde_json::to_string(&(deed, text.as_ref())).unwrap();
                    // Where it has ended, its answers are missed below.
                    let _ = writeln!(input, "{line}");
                }
            });
            let lines = BufReader::new(output).lines();
            lines.map(|line| serde_json::from_str(&line.unwrap()).unwrap()).collect()
        });
        assert!(child.wait().unwrap().success());
        assert_eq!(answers.len(), texts.len());
        answers
    }

    /// The same where each answer is a text.
    pub fn ask_texts(&self, deed: &str, texts: &[impl AsRef<str> + Sync]) -> Vec<String> {
        let text = |answer: Value| answer.as_str().unwrap().to_owned();
        self.ask(deed, texts).into_iter().map(text).collect()
    }

    /// What it makes of a snapshot in the form that is exchanged; its words where it refuses it.
    pub fn load(&self, dict: &str) -> Result<String, String> {
        let answer = self.ask("load", &[dict]).remove(0);
        let text = |name: &str| answer[name].as_str().map(str::to_owned);
        text("is").ok_or_else(|| text("refused").unwrap())
    }
}
