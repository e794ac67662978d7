//! What tests share: a store in a temporary folder, a story to fill it, and looking at all of it.

mod app;
mod http;
mod memory;
mod program;
mod python;
mod random;
mod replay;
mod story;

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use backstitch::engine::{Engine, Options};
use backstitch::history::Means;
use backstitch::image::Value;
use backstitch::log::{Appended, NewEvent};
use backstitch::snapshot::{Expected, Restored, Scope, Snapshot};
use tempfile::TempDir;

pub use app::{CLIENTS, HTML, JSON, PLAIN, Page, Reply, TestApp, encoded};
pub use http::{Answer, request};
pub use memory::memory_folder;
pub use program::{Server, program};
pub use python::python_with;
pub use random::{Random, count, seed};
pub use replay::{assert_follows, replay};
pub use story::{Story, story};

/// A store in a folder of its own. The engine closes before the folder goes.
pub struct TestStore {
    pub engine: Arc<Engine>,
    pub folder: TempDir,
}

/// Everything in a database: each table's rows, sorted by their key's order.
pub type Content = BTreeMap<String, Vec<Vec<Value>>>;

impl TestStore {
    pub fn new() -> Self {
        Self::with(|_| {})
    }

    /// A store whose options a test changes first.
    pub fn with(change: impl FnOnce(&mut Options)) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut options = Options::new(folder.path());
        change(&mut options);
        Self { engine: Arc::new(Engine::open(options).unwrap()), folder }
    }

    /// A store with the first `events` events of the story.
    pub fn with_story(events: usize) -> Self {
        let store = Self::new();
        store.append(story(events));
        store
    }

    pub fn path(&self) -> &Path {
        self.folder.path()
    }

    pub fn append(&self, events: Vec<NewEvent>) -> Appended {
        self.engine.append(events).unwrap()
    }

    pub fn take(&self) -> Snapshot {
        self.engine.take_snapshot(None, false, Means::Command).unwrap().snapshot
    }

    pub fn restore(&self, snapshot: &Snapshot, scope: Scope) -> Restored {
        self.engine
            .restore_from_snapshot(&snapshot.snapshot_id, snapshot.kind, scope, Expected::default(), Means::Command)
            .unwrap()
    }

    /// A connection of another program: plain SQLite with its own defaults.
    pub fn other_program(&self) -> rusqlite::Connection {
        let conn = rusqlite::Connection::open(self.path().join("backstitch.db")).unwrap();
        conn.busy_timeout(std::time::Duration::from_secs(10)).unwrap();
        conn
    }

    /// The log and every projected table.
    pub fn content(&self) -> Content {
        content(&self.other_program(), &self.engine)
    }
}

/// What of all of it is shown: the log and the tables that the domain lists.
pub fn shown(content: Content) -> Content {
    content.into_iter().filter(|(name, _)| name != backstitch::domain::ENTITY_EVENTS).collect()
}

/// The log and every projected table of a database, the one that is not shown too.
pub fn content(conn: &rusqlite::Connection, engine: &Engine) -> Content {
    let names = engine.domain().projected().iter().map(|table| table.name.clone()).collect::<Vec<_>>();
    std::iter::once("event_log".to_owned()).chain(names).map(|name| (name.clone(), rows(conn, &name))).collect()
}

/// The rows of one table, in the order of its key.
pub fn rows(conn: &rusqlite::Connection, name: &str) -> Vec<Vec<Value>> {
    let table = backstitch::image::Table::read(conn, name).unwrap();
    let sql = format!("SELECT {} FROM {} ORDER BY {}", table.column_list(), table.quoted(), table.key_list());
    let mut statement = conn.prepare(&sql).unwrap();
    let rows = statement.query_map([], |row| {
        (0..table.columns.len()).map(|at| Ok(Value::from(row.get_ref(at)?))).collect::<rusqlite::Result<Vec<_>>>()
    });
    rows.unwrap().collect::<rusqlite::Result<_>>().unwrap()
}
