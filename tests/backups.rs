//! Runtime backups: an app's whole state is copied while it is in use, proven, and put back.

mod chroma;
mod creating;
mod failing;
mod killed;
mod older;
mod original;
mod refused;
mod restoring;
mod steps;
mod words;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use backstitch::backup::Backup;
use backstitch::engine::{Engine, Options};
use backstitch::history::Means;
use backstitch::log::NewEvent;
use backstitch::progress::{Progress, Report};
use rusqlite::Connection;
use tempfile::TempDir;

use crate::support::{TestStore, memory_folder, story};

/// An app: a store, a registry file and a vector store of Chroma's kind. It is in memory: nothing
/// here counts on what reaches the disk.
struct App {
    store: TestStore,
    home: TempDir,
}

/// All that a backup is of: the tables, the registry file, the files of the vector store.
type Everything = (crate::support::Content, Option<String>, BTreeMap<PathBuf, Vec<u8>>);

impl App {
    fn new() -> Self {
        Self::with(|_| {})
    }

    /// An app with thirty events of the story, its options changed first.
    fn with(change: impl FnOnce(&mut Options)) -> Self {
        let home = memory_folder();
        fs::write(home.path().join("registry.json"), r#"{"projects": ["one"]}"#).unwrap();
        fs::create_dir_all(home.path().join("vectors/ab")).unwrap();
        fs::write(home.path().join("vectors/ab/data.bin"), [7; 1000]).unwrap();
        let chroma = Connection::open(home.path().join("vectors/chroma.sqlite3")).unwrap();
        chroma
            .execute_batch(
                "PRAGMA journal_mode = WAL; CREATE TABLE embeddings (id INTEGER PRIMARY KEY, embedding_id TEXT);
                 INSERT INTO embeddings (embedding_id) VALUES ('a'), ('b'), ('b'), ('c')",
            )
            .unwrap();
        drop(chroma);
        let store = TestStore::in_memory(|options| {
            places(options, home.path());
            change(options);
        });
        store.append(story(30));
        Self { store, home }
    }

    fn registry(&self) -> PathBuf {
        self.home.path().join("registry.json")
    }

    fn vectors(&self) -> PathBuf {
        self.home.path().join("vectors")
    }

    fn backups(&self) -> PathBuf {
        self.store.path().join("backups/snapshots")
    }

    fn back_up(&self) -> Backup {
        self.store.engine.create_backup(true, Means::Command).unwrap().backup
    }

    /// The folder of a backup.
    fn folder(&self, backup: &Backup) -> PathBuf {
        self.backups().join(backup.stamp.as_str())
    }

    /// Ten more events, another registry, other vectors.
    fn move_on(&self) {
        self.store.append(story(40).split_off(30));
        fs::write(self.registry(), r#"{"projects": ["one", "two"]}"#).unwrap();
        fs::write(self.vectors().join("ab/data.bin"), [8; 500]).unwrap();
        fs::write(self.vectors().join("new.bin"), "new").unwrap();
    }

    fn everything(&self) -> Everything {
        (self.store.content(), fs::read_to_string(self.registry()).ok(), files(&self.vectors()))
    }

    /// What a crash or a failure left where it does not belong.
    fn leftovers(&self) -> Vec<PathBuf> {
        let folders = [self.home.path().to_owned(), self.backups(), self.store.path().to_owned()];
        let entries =
            folders.iter().flat_map(|folder| fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()));
        let mut left: Vec<PathBuf> = entries.filter(|path| path.to_string_lossy().contains("/.unfinished-")).collect();
        left.extend(Some(self.store.path().join("backups/restore.json")).filter(|path| path.exists()));
        left
    }

    /// The same app, opened by another process.
    fn again(&self, change: impl FnOnce(&mut Options)) -> Engine {
        let mut options = Options::new(self.store.path());
        places(&mut options, self.home.path());
        change(&mut options);
        Engine::open(options).unwrap()
    }
}

/// Removes what a restore has prepared beside its places.
fn remove_staged(home: &Path) {
    let paths = fs::read_dir(home).unwrap().map(|entry| entry.unwrap().path());
    for path in paths.filter(|path| path.to_string_lossy().contains("/.unfinished-new-")) {
        if path.is_dir() { fs::remove_dir_all(path).unwrap() } else { fs::remove_file(path).unwrap() }
    }
}

fn places(options: &mut Options, home: &Path) {
    options.registry = Some(home.join("registry.json"));
    options.chroma_dir = Some(home.join("vectors"));
}

fn note() -> NewEvent {
    NewEvent::new("note", "{}").unwrap()
}

/// The files below a folder; a database is compared by what it says.
fn files(folder: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let (mut found, mut folders) = (BTreeMap::new(), vec![PathBuf::new()]);
    while let Some(below) = folders.pop() {
        for entry in fs::read_dir(folder.join(&below)).unwrap().map(|entry| entry.unwrap()) {
            let path = below.join(entry.file_name());
            if entry.path().is_dir() {
                folders.push(path);
            } else if path.to_string_lossy().ends_with("chroma.sqlite3") {
                let ids: String = Connection::open(entry.path())
                    .unwrap()
                    .query_row("SELECT group_concat(embedding_id) FROM embeddings", [], |row| row.get(0))
                    .unwrap();
                found.insert(path, ids.into_bytes());
            } else if !path.to_string_lossy().contains("chroma.sqlite3-") {
                found.insert(path, fs::read(entry.path()).unwrap());
            }
        }
    }
    found
}

/// Does something once, when a piece of work begins.
struct Once {
    step: &'static str,
    deed: Mutex<Option<Box<dyn FnOnce() + Send>>>,
}

impl Once {
    fn progress(step: &'static str, deed: impl FnOnce() + Send + 'static) -> Progress {
        Progress::new(Arc::new(Self { step, deed: Mutex::new(Some(Box::new(deed))) }))
    }
}

impl Report for Once {
    fn begin(&self, what: &str, _total: Option<u64>) {
        if what == self.step {
            let deed = self.deed.lock().unwrap().take();
            if let Some(deed) = deed {
                deed();
            }
        }
    }

    fn advance(&self, _steps: u64) {}

    fn end(&self) {}
}
