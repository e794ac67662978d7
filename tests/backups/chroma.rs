//! A vector store that Chroma itself made: backed up, lost, restored, and asked again.

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use backstitch::history::Means;
use backstitch::snapshot::Expected;

use crate::support::{TestStore, story};

/// What is installed, once, in an environment of its own below the target folder.
const PACKAGE: &str = "chromadb==1.5.9";
/// A network that is slower skips the test.
const LONGEST: Duration = Duration::from_secs(300);
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
    let Some(python) = python() else { return };
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

/// Python with Chroma; none, and said why, where it cannot be had here.
fn python() -> Option<PathBuf> {
    let kept = Path::new(env!("CARGO_TARGET_TMPDIR")).join(PACKAGE.replace("==", "-"));
    let python = kept.join("bin/python");
    if has_chroma(&python) {
        return Some(python);
    }
    match install(&kept) {
        Ok(()) if has_chroma(&python) => return Some(python),
        Ok(()) => skipped("chromadb cannot be used after it was installed"),
        Err(why) => skipped(&why),
    }
    None
}

fn has_chroma(python: &Path) -> bool {
    Command::new(python).args(["-c", "import chromadb"]).output().is_ok_and(|run| run.status.success())
}

/// Installs beside its place, so that one that broke off is never taken for whole.
fn install(kept: &Path) -> Result<(), String> {
    let place = kept.parent().unwrap();
    fs::create_dir_all(place).unwrap();
    let fresh = tempfile::tempdir_in(place).unwrap();
    run(Command::new("python3").args(["-m", "venv"]).arg(fresh.path()))?;
    let mut pip = Command::new(fresh.path().join("bin/python"));
    run(pip.args(["-m", "pip", "install", "--quiet", "--no-compile", "--disable-pip-version-check", PACKAGE]))?;
    let _ = fs::remove_dir_all(kept);
    fs::rename(fresh.keep(), kept).map_err(|error| error.to_string())
}

/// Runs a command to its end, and not longer than that is waited for.
fn run(command: &mut Command) -> Result<(), String> {
    let told = command.get_args().take(3).map(|word| word.to_string_lossy()).collect::<Vec<_>>().join(" ");
    let child = command.process_group(0).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn();
    let mut child = child.map_err(|error| format!("python3 cannot be run: {error}"))?;
    let (tell, ended) = mpsc::channel();
    let mut output = child.stderr.take().unwrap().chain(child.stdout.take().unwrap());
    thread::spawn(move || {
        let mut said = String::new();
        let _ = output.read_to_string(&mut said);
        let _ = tell.send(said);
    });
    let Ok(said) = ended.recv_timeout(LONGEST) else {
        let group = format!("-{}", child.id());
        let _ = Command::new("kill").args(["-KILL", "--", &group]).status();
        let _ = child.wait();
        return Err(format!("{told} takes longer than {} seconds", LONGEST.as_secs()));
    };
    match child.wait() {
        Ok(status) if status.success() => Ok(()),
        _ => Err(format!("{told} says: {}", said.trim().lines().last().unwrap_or_default())),
    }
}

/// Says on standard error, past what the test harness holds back, that the test was skipped.
fn skipped(why: &str) {
    let test = thread::current().name().unwrap_or("a test").to_owned();
    let _ = writeln!(std::io::stderr(), "{test}: skipped, {why}");
}
