//! A store that has all of what pages show, behind a server, and the addresses of its pages.

use std::path::PathBuf;

use backstitch::history::Means;
use backstitch::log::{EventQuery, NewEvent};
use backstitch::snapshot::{Expected, Kind, Scope};

use crate::support::{Server, Story, TestStore};

/// Pages to look at, and what they are called.
pub type Pages = Vec<(&'static str, String)>;

/// An event that changes one row.
fn renamed(n: i64) -> NewEvent {
    let payload = serde_json::json!({ "name": format!("Reader {n}"), "persona": "Asks." });
    NewEvent::new("you_updated", payload.to_string()).unwrap()
}

/// A store and its server. The server goes first.
pub struct House {
    pub server: Server,
    pub store: TestStore,
    pub pages: Pages,
}

impl House {
    /// Over a play where one lies beside the checkout, else over the story of the tests.
    pub fn open() -> Self {
        let play = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../shared/data/hamlet.events.jsonl");
        let store = TestStore::new();
        match std::fs::File::open(play) {
            Ok(play) => drop(store.engine.append_lines(std::io::BufReader::new(play)).unwrap()),
            Err(_) => drop(store.append(Story::default().tell(600))),
        }
        Self::furnished(store)
    }

    /// Snapshots of every sort, an operation that can be undone, a backup, a comparison.
    fn furnished(store: TestStore) -> Self {
        let engine = &store.engine;
        let head = engine.status().unwrap().head;
        let damaged = store.take().snapshot_id;
        let named = engine.take_snapshot(Some("before the upgrade".into()), true, Means::Page).unwrap().snapshot;
        engine.drill(Kind::Periodic, &named.snapshot_id).unwrap();
        store.append((0..40).map(renamed).collect());
        engine.execute_rewind(head + 30, Expected::default(), Means::Page).unwrap();
        let backup = engine.create_backup(false, Means::Page).unwrap().backup.stamp;
        engine.validate_backup(&backup).unwrap();
        engine.verify_projection().unwrap();
        engine.set_hidden(head, true, Means::Page).unwrap();
        let manifest = store.path().join(format!("snapshots/periodic/{damaged}.json"));
        std::fs::write(manifest, "{\"last_event_id\": 12, ").unwrap();
        let plan = format!("snapshots/{}/preview?kind=periodic", named.snapshot_id);
        let rows = format!("snapshots/{}/diff?kind=periodic&table=you_entity", named.snapshot_id);
        let half = head / 2;
        let shown = engine.events(&EventQuery { limit: 200, ..EventQuery::default() }).unwrap();
        let speaker = shown.iter().find(|event| event.kind == "assistant_turn").unwrap();
        let speaker: serde_json::Value = serde_json::from_str(speaker.payload.get()).unwrap();
        let entity = format!("entities/bot/{}", speaker["bot_id"].as_str().unwrap());
        let pages = vec![
            ("overview", String::new()),
            ("snapshots", "snapshots".into()),
            ("plan", plan),
            ("rows", rows),
            ("damaged", format!("snapshots/{damaged}/preview?kind=periodic")),
            ("events", "events".into()),
            ("event", format!("events/{half}")),
            ("rewind", format!("rewind?after_event_id={half}")),
            ("rewind-rows", format!("rewind?after_event_id={half}&table=memories&view=rows")),
            ("tables", "state".into()),
            ("table", "state/memories".into()),
            ("table-then", format!("state/memories?at={half}")),
            ("compare", "projection".into()),
            ("history", "history".into()),
            ("undo", "history/3/undo".into()),
            ("result", "events?done=3".into()),
            ("entities", "entities".into()),
            ("entity", entity.clone()),
            ("entity-compared", format!("{entity}?version=1&with=2")),
            ("backups", "backups".into()),
            ("backup", format!("backups/{backup}")),
            ("progress", "progress".into()),
            ("help", "help".into()),
            ("components", "help/components".into()),
            ("missing", "nowhere".into()),
        ];
        let server = Server::start(store.path(), &["--snapshot-events", "1000000"]);
        Self { server, store, pages }
    }

    pub fn url(&self, path: &str) -> String {
        format!("{}/{path}", self.server.address)
    }

    /// Goes back with the tables alone, for the strip that says that they are paused.
    pub fn pause(&self) {
        let snapshot = self.store.take();
        self.store.append(vec![renamed(0)]);
        self.store.restore(&snapshot, Scope::Projections);
    }
}
