//! The store that the command works on, a copy of it for each point, and what must be true of the
//! copy afterwards.

use std::fs;
use std::path::{Path, PathBuf};

use backstitch::engine::{Engine, Options};
use backstitch::history::{Means, What};
use backstitch::snapshot::{Expected, Kind};
use rusqlite::Connection;
use tempfile::TempDir;

use super::strace::End;
use super::{Deed, strace};
use crate::crash::check::no_leftovers;
use crate::support::{Content, TestStore, assert_follows, content, memory_folder, story};

/// The event that is gone back to.
pub const TARGET: i64 = 26;

/// A store of 31 events with a snapshot at the 20th; the last one supersedes the 12th.
pub struct Base {
    folder: TempDir,
    before: Content,
    /// As the rewind leaves it.
    rewound: Content,
}

impl Base {
    pub fn new() -> Self {
        let store = TestStore::in_memory(|_| {});
        let mut events = story(31);
        events[30].supersedes = Some(12);
        let rest = events.split_off(20);
        store.append(events);
        store.take();
        store.append(rest);
        let before = store.content();
        // Closed, all of it is in the one file.
        let TestStore { engine, folder } = store;
        drop(engine);
        let mut base = Self { folder, rewound: before.clone(), before };
        let lane = Lane::new();
        lane.fill(&base);
        let (_, end) = strace::watch(&lane.store(), Deed::Rewind);
        assert!(matches!(end, End::Done { .. }), "{end:?}");
        base.rewound = lane.content();
        assert_eq!(base.rewound["event_log"].len(), TARGET as usize);
        assert_ne!(base.rewound["memories"], base.before["memories"]);
        base
    }
}

/// A folder in which one copy after the other is worked on; always of the same name.
pub struct Lane(TempDir);

/// What is found in a copy.
struct Found {
    content: Content,
    periodic: usize,
    safety: usize,
    newest: What,
}

impl Lane {
    pub fn new() -> Self {
        Self(memory_folder())
    }

    pub fn store(&self) -> PathBuf {
        self.0.path().canonicalize().unwrap().join("store")
    }

    /// A fresh copy of the store.
    pub fn fill(&self, base: &Base) {
        let _ = fs::remove_dir_all(self.store());
        copy(base.folder.path(), &self.store());
    }

    fn engine(&self) -> Engine {
        Engine::open(Options::new(self.store())).unwrap()
    }

    fn conn(&self) -> Connection {
        Connection::open(self.store().join("backstitch.db")).unwrap()
    }

    fn content(&self) -> Content {
        content(&self.conn(), &self.engine())
    }

    /// Everything is wholly before or wholly after, what was said is true, and nothing is in the way.
    /// Where writes fail, so may those to standard error.
    pub fn assert_whole(&self, base: &Base, deed: Deed, end: &End, fired: bool, is_write: bool) {
        let engine = self.engine();
        let found = self.find(&engine);
        match deed {
            Deed::Take => assert_take(base, &found, end),
            Deed::Rewind => assert_rewind(base, &found, end),
        }
        match end {
            End::Done { out } => assert!(says_done(deed, out), "nothing was said of what was done"),
            End::Failed { err, .. } => {
                let is_whole = err.starts_with("backstitch: ") && err.ends_with('\n');
                assert!(err.matches('\n').count() <= 1 && (is_whole || is_write), "it is told in one line");
            }
            End::Killed { .. } => {}
        }
        assert!(fired || matches!(end, End::Done { .. }), "unharmed it does its work");
        self.assert_goes_on(base, &engine, &found);
    }

    fn find(&self, engine: &Engine) -> Found {
        let snapshots = engine.snapshots().unwrap();
        for one in &snapshots {
            assert_eq!(one.damaged, None, "{} {}", one.kind, one.snapshot_id);
            engine.verify(one.kind, &one.snapshot_id).unwrap();
        }
        let number = |kind| snapshots.iter().filter(|one| one.kind == kind).count();
        Found {
            content: content(&self.conn(), engine),
            periodic: number(Kind::Periodic),
            safety: number(Kind::Rewind),
            newest: engine.operations(1).unwrap()[0].what,
        }
    }

    /// The next take and the next rewind, and an undo of whatever was done.
    fn assert_goes_on(&self, base: &Base, engine: &Engine, found: &Found) {
        let expected = Expected::default;
        let done = engine.operations(1).unwrap().remove(0);
        if done.what == What::Rewind {
            engine.undo(done.operation, true, expected(), Means::Command).unwrap();
        }
        assert_eq!(content(&self.conn(), engine), base.before, "undone");
        engine.take_snapshot(None, false, Means::Command).unwrap();
        engine.execute_rewind(TARGET, expected(), Means::Command).unwrap();
        assert_eq!(content(&self.conn(), engine), base.rewound, "rewound after all");
        let after = self.find(engine);
        let undone = usize::from(done.what == What::Rewind);
        assert_eq!((after.periodic, after.safety), (found.periodic + 1, found.safety + 1 + undone));
        assert_follows(&self.conn(), &engine.domain());
        no_leftovers(&self.store());
    }
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        if entry.file_type().unwrap().is_dir() {
            copy(&entry.path(), &to.join(entry.file_name()));
        } else {
            fs::copy(entry.path(), to.join(entry.file_name())).unwrap();
        }
    }
}

fn says_done(deed: Deed, out: &str) -> bool {
    match deed {
        Deed::Take => out.starts_with("Snapshot ") && out.contains(" taken"),
        Deed::Rewind => out.contains(" left the log") && out.contains("Undo: "),
    }
}

/// What failed left nothing behind.
fn assert_take(base: &Base, found: &Found, end: &End) {
    assert_eq!(found.content, base.before, "a take changes neither log nor tables");
    assert_eq!(found.safety, 0);
    match end {
        End::Done { .. } => assert_eq!(found.periodic, 2),
        End::Killed { out } if out.is_empty() => assert!((1..=2).contains(&found.periodic)),
        End::Killed { .. } => assert_eq!(found.periodic, 2, "it was said to be taken"),
        End::Failed { out, .. } => assert_eq!((found.periodic, out.as_str()), (1, "")),
    }
}

/// What failed left nothing behind but a safety snapshot.
fn assert_rewind(base: &Base, found: &Found, end: &End) {
    let is_done = found.newest == What::Rewind;
    assert_eq!(found.content, *if is_done { &base.rewound } else { &base.before });
    assert_eq!(found.periodic, 1);
    assert!(found.safety == 1 || found.safety == 0 && !is_done, "{} safety snapshots", found.safety);
    match end {
        End::Done { .. } => assert!(is_done),
        End::Killed { out } => assert!(is_done || out.is_empty()),
        End::Failed { out, .. } => assert!(!is_done && out.is_empty()),
    }
}
