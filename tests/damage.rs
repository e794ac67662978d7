//! Damaged snapshots: refused by name before anything changes, listed, and never the cause of a
//! crash.
//!
//! `mutations` breaks the files of a real snapshot at random, `named` tells what happens in each
//! known case, `forged` has manifests whose hashes are right and whose content is not.

mod forged;
mod mutations;
mod named;

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering::Relaxed};
use std::time::{Duration, SystemTime};

use backstitch::clock::Clock;
use backstitch::error::Result;
use backstitch::history::Means;
use backstitch::image::Hash;
use backstitch::snapshot::{Expected, Preview, Restored, Scope, Snapshot};
use rusqlite::Connection;
use time::OffsetDateTime;

use crate::support::{Content, Story, TestStore, content, story};

/// A store that has gone on since a snapshot, in every table.
struct Fixture {
    store: TestStore,
    /// The snapshot, and what it is of.
    then: Snapshot,
    of_then: Content,
    /// A later snapshot, of today's store.
    now: Snapshot,
    of_now: Content,
    conn: Connection,
}

impl Fixture {
    /// With more than one segment of the log.
    fn new() -> Self {
        Self::of(400)
    }

    /// With a snapshot after so many events, and another after sixty more.
    fn of(events: i64) -> Self {
        let store = TestStore::in_memory(|options| options.clock = ticking());
        store.append(story(events as usize));
        let then = store.take();
        let of_then = store.content();
        store.append(Story::from(events + 1).tell(60));
        let now = store.take();
        let (of_now, conn) = (store.content(), store.other_program());
        Self { store, then, of_then, now, of_now, conn }
    }

    fn folder(&self) -> PathBuf {
        self.store.path().join("snapshots")
    }

    fn manifest(&self, snapshot: &Snapshot) -> PathBuf {
        self.folder().join(snapshot.kind.as_str()).join(&snapshot.filename)
    }

    fn chunk(&self, hash: Hash) -> PathBuf {
        let name = hash.to_string();
        self.folder().join("chunks").join(&name[..2]).join(format!("{name}.zst"))
    }

    fn content(&self) -> Content {
        content(&self.conn, &self.store.engine)
    }

    fn listed(&self, snapshot: &Snapshot) -> Option<Snapshot> {
        let all = self.store.engine.snapshots().expect("snapshots are always listed");
        all.into_iter().find(|one| (one.kind, &one.snapshot_id) == (snapshot.kind, &snapshot.snapshot_id))
    }

    fn verify(&self, snapshot: &Snapshot) -> Result<()> {
        self.store.engine.verify(snapshot.kind, &snapshot.snapshot_id).map(|_| ())
    }

    fn preview(&self, snapshot: &Snapshot, scope: Scope) -> Result<Preview> {
        self.store.engine.preview(&snapshot.snapshot_id, snapshot.kind, scope)
    }

    fn restore(&self, snapshot: &Snapshot, scope: Scope) -> Result<Restored> {
        let (id, expected) = (&snapshot.snapshot_id, Expected::default());
        self.store.engine.restore_from_snapshot(id, snapshot.kind, scope, expected, Means::Command)
    }

    /// The manifest's JSON.
    fn json(&self, snapshot: &Snapshot) -> serde_json::Value {
        serde_json::from_slice(&std::fs::read(self.manifest(snapshot)).unwrap()).unwrap()
    }
}

/// A clock that is a second later each time, so that no two snapshots of a kind share an id.
fn ticking() -> Clock {
    let (start, ticks) = (OffsetDateTime::now_utc(), AtomicU32::new(0));
    Clock::new(move || start + Duration::from_secs(ticks.fetch_add(1, Relaxed).into()))
}

/// Every chunk of a folder.
fn chunk_files(folder: &Path) -> Vec<PathBuf> {
    let folders = std::fs::read_dir(folder.join("chunks")).unwrap().map(|entry| entry.unwrap().path());
    let in_folder = |folder: PathBuf| std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let is_chunk = |path: &PathBuf| path.is_dir() && !path.ends_with("damaged");
    let mut files: Vec<PathBuf> = folders.filter(is_chunk).flat_map(in_folder).collect();
    files.sort();
    files
}

/// Writes a file with a moment of its own: manifests are remembered by size and moment, and a
/// clock may not tick between two writes of a test.
fn write(path: &Path, bytes: &[u8]) {
    static WRITTEN: AtomicU32 = AtomicU32::new(1);
    std::fs::write(path, bytes).unwrap();
    let moment = SystemTime::now() - Duration::from_millis(WRITTEN.fetch_add(1, Relaxed).into());
    std::fs::File::options().write(true).open(path).unwrap().set_modified(moment).unwrap();
}

/// A manifest's bytes from its JSON, its hash computed anew.
fn with_right_hash(mut json: serde_json::Value) -> Vec<u8> {
    json["backstitch"].as_object_mut().unwrap().remove("hash");
    let about = json.as_object_mut().unwrap().remove("backstitch").unwrap();
    // The hash is the last thing in the file.
    json["backstitch"] = about;
    let mut bytes = serde_json::to_vec(&json).unwrap();
    bytes.truncate(bytes.len() - 2);
    bytes.extend_from_slice(b",\"hash\":\"");
    let hash = Hash::of(&bytes).to_string();
    bytes.extend_from_slice(hash.as_bytes());
    bytes.extend_from_slice(b"\"}}\n");
    bytes
}
