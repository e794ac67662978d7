//! A vector store that Chroma itself made: backed up, lost, restored, and asked again.

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, ChildStdin, Command, Stdio};

use backstitch::history::Means;
use backstitch::snapshot::Expected;

use crate::support::{TestStore, python_with, story};

/// What is installed, once, in an environment of its own below the target folder.
const PACKAGE: &str = "chromadb==1.5.9";
/// Entries that the program below makes.
const ENTRIES: u64 = 230;

/// Makes a store of so many entries that part of them is in index files and part in its database;
/// or changes it; or only asks it. Prints the answer, and holds the store open until its input ends.
/// The vectors are passed in, so no model is needed.
const PROGRAM: &str = r#"
import json, random, sys
import chromadb
from chromadb.config import Settings

path, deed = sys.argv[1:]
client = chromadb.PersistentClient(path, Settings(anonymized_telemetry=False))

def vectors(seed, count):
    numbers = random.Random(seed)
    return [[numbers.uniform(-1, 1) for _ in range(16)] for _ in range(count)]

def add(store, first, count):
    ids = [f"m{n}" for n in range(first, first + count)]
    store.add(ids=ids, embeddings=vectors(first, count), documents=[f"memory {one}" for one in ids],
              metadatas=[{"weight": n % 5} for n in range(count)])

if deed == "make":
    often = {"hnsw": {"batch_size": 50, "sync_threshold": 50}}
    add(client.create_collection("memories", embedding_function=None, configuration=often), 0, 230)
store = client.get_collection("memories", embedding_function=None)
if deed == "change":
    store.delete(ids=[f"m{n}" for n in range(120)])
    add(store, 1000, 40)
found = store.query(query_embeddings=vectors(7, 3), n_results=6, where={"weight": {"$gt": 1}},
                    include=["documents", "metadatas", "distances"])
print(json.dumps([store.count(), found["ids"], found["documents"], found["metadatas"], found["distances"]]), flush=True)
sys.stdin.read()
"#;

#[test]
fn a_store_of_chroma_answers_as_before_it_was_lost() {
    let Some(python) = python_with(PACKAGE) else { return };
    let home = tempfile::tempdir().unwrap();
    let vectors = home.path().join("vectors");
    let store = TestStore::with(|options| options.chroma_dir = Some(vectors.clone()));
    store.append(story(30));
    let (running, then) = Chroma::start(&python, &vectors, "make");
    assert!(then.starts_with(&format!("[{ENTRIES}, ")), "{then}");

    // The app has its vector store open, and leaves it alone.
    let made = store.engine.create_backup(true, Means::Command).unwrap().backup;
    running.end();
    let found = store.engine.validate_backup(&made.stamp).unwrap();
    assert!(found.valid, "{:?}", found.errors);
    assert_eq!(found.vectors.map(|vectors| vectors.embeddings), Some(ENTRIES));
    assert!(made.metadata.unwrap()["chroma_snapshot_files"].as_u64() > Some(1), "index files beside the database");

    fs::remove_dir_all(&vectors).unwrap();
    store.engine.restore_backup(&made.stamp, Expected::default(), Means::Command).unwrap();
    assert_eq!(ask(&python, &vectors, "query"), then);

    let changed = ask(&python, &vectors, "change");
    assert!(changed.starts_with("[150, "), "{changed}");
    let done = store.engine.restore_backup(&made.stamp, Expected::default(), Means::Command).unwrap();
    assert_eq!(ask(&python, &vectors, "query"), then);
    store.engine.undo(done.restored.operation, true, Expected::default(), Means::Command).unwrap();
    assert_eq!(ask(&python, &vectors, "query"), changed);

    let to = home.path().join("elsewhere");
    store.engine.restore_backup_to(&made.stamp, &to).unwrap();
    assert_eq!(ask(&python, &to.join("chroma"), "query"), then);
}

/// The program with a store open.
struct Chroma {
    child: Child,
    input: ChildStdin,
}

impl Chroma {
    /// Starts it, and waits for its answer.
    fn start(python: &Path, store: &Path, deed: &str) -> (Self, String) {
        let mut command = Command::new(python);
        command.args(["-c", PROGRAM]).arg(store).arg(deed).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let (input, mut answer) = (child.stdin.take().unwrap(), String::new());
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut answer).unwrap();
        assert!(!answer.is_empty(), "{deed}: it ended without an answer");
        (Self { child, input }, answer)
    }

    fn end(self) {
        let Self { mut child, input } = self;
        drop(input);
        assert!(child.wait().unwrap().success());
    }
}

fn ask(python: &Path, store: &Path, deed: &str) -> String {
    let (running, answer) = Chroma::start(python, store, deed);
    running.end();
    answer
}
