//! The pieces of work that are measured, each in a process of its own on a copy of the store.

use std::path::Path;
use std::time::Duration;

use backstitch::engine::{Engine, Loaded, Options, RowQuery};
use backstitch::history::Means;
use backstitch::snapshot::{Expected, Kind, Scope, Snapshot, SnapshotId};

use crate::backups::{self, Of};
use crate::entities::{self, Asked, Life};
use crate::measure::{Cost, bytes_in, measure, measure_each};
use crate::peers;
use crate::story::Story;

/// Short work is repeated so often, since processor time is counted in hundredths of a second.
const OFTEN: u32 = 200;

/// Events of one append where many are measured, and all of them.
const LOT: u64 = 100;
const APPENDED: u64 = 20_000;

/// A piece of work.
pub(crate) struct Work {
    pub(crate) name: &'static str,
    /// What it is compared with: the name of another.
    pub(crate) peer: Option<&'static str>,
    /// What the folder holds at the beginning.
    pub(crate) start: Start,
    run: Run,
}

/// What a folder holds at the beginning.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Start {
    /// The store without a snapshot.
    Plain,
    /// The store with one snapshot.
    Taken,
}

pub(crate) const DUMP: &str = "JSON dump";
pub(crate) const RELOAD: &str = "JSON reload, tables";
const REPLAY: &str = "full replay";
const VACUUM: &str = "VACUUM INTO";
const SQLITE_BACKUP: &str = "sqlite3 .backup";
const LIFE: &str = "entity of 20,000 events, replay";
const MEMORIES: &str = "entity of many rows, replay";
const APPEND: &str = "append 20,000";
const BULK: &str = "no entity policy, bulk append";

type Run = fn(&Path, u64) -> Cost;

const fn of_entity(name: &'static str, peer: Option<&'static str>, run: Run) -> Work {
    Work { name, peer, start: Start::Plain, run }
}

/// In the order of the table.
pub(crate) const WORKS: &[Work] = &[
    Work { name: VACUUM, peer: None, start: Start::Plain, run: vacuum },
    Work { name: DUMP, peer: None, start: Start::Plain, run: dump },
    Work { name: RELOAD, peer: None, start: Start::Plain, run: |folder, _| reload(folder, false) },
    Work { name: "JSON reload, log too", peer: None, start: Start::Plain, run: |folder, _| reload(folder, true) },
    Work { name: "first take", peer: Some(DUMP), start: Start::Plain, run: first_take },
    Work { name: "take, 100 events on", peer: Some(VACUUM), start: Start::Taken, run: next_take },
    Work { name: "preview, 100 back", peer: Some(RELOAD), start: Start::Taken, run: preview },
    Work { name: "restore, 100 back", peer: Some("JSON reload, log too"), start: Start::Taken, run: restore_all },
    Work { name: "restore, tables", peer: Some(RELOAD), start: Start::Taken, run: restore_tables },
    Work { name: "rewind preview, 100 back", peer: Some(REPLAY), start: Start::Taken, run: rewind_preview },
    Work { name: "rewind, 100 back", peer: Some(VACUUM), start: Start::Taken, run: rewind },
    Work { name: "undo of a rewind", peer: Some(VACUUM), start: Start::Taken, run: undo },
    Work { name: "hide, 50 back", peer: Some(REPLAY), start: Start::Taken, run: hide },
    Work { name: "state, 50 past a snapshot", peer: Some(REPLAY), start: Start::Taken, run: state_near },
    Work { name: "state, 5,000 back, no base", peer: Some(REPLAY), start: Start::Plain, run: state_far },
    Work { name: "compare tables with log", peer: Some(REPLAY), start: Start::Taken, run: verify_projection },
    Work { name: REPLAY, peer: Some(RELOAD), start: Start::Plain, run: replay },
    Work { name: "JSON list of 5", peer: None, start: Start::Plain, run: parse_five },
    Work { name: "list 5 snapshots", peer: Some("JSON list of 5"), start: Start::Taken, run: list },
    Work { name: "JSON is one due?", peer: None, start: Start::Plain, run: json_due },
    Work { name: "is one due?", peer: Some("JSON is one due?"), start: Start::Taken, run: due },
    of_entity(LIFE, None, |folder, _| entities::state(folder, Life::Feelings, Asked::Replayed)),
    of_entity("entity, 50 past a snapshot", Some(LIFE), |folder, _| {
        entities::state(folder, Life::Feelings, Asked::Between)
    }),
    of_entity("entity, at a snapshot", Some(LIFE), |folder, _| entities::state(folder, Life::Feelings, Asked::Kept)),
    of_entity(MEMORIES, None, |folder, _| entities::state(folder, Life::Memories, Asked::Replayed)),
    of_entity("entity of many rows, 50 past a snapshot", Some(MEMORIES), |folder, _| {
        entities::state(folder, Life::Memories, Asked::Between)
    }),
    of_entity("entity of many rows, at a snapshot", Some(MEMORIES), |folder, _| {
        entities::state(folder, Life::Memories, Asked::Kept)
    }),
    of_entity("entity of many rows, as the tables have it", Some(MEMORIES), |folder, _| {
        entities::state(folder, Life::Memories, Asked::Now)
    }),
    Work { name: BULK, peer: None, start: Start::Plain, run: |folder, events| entities::bulk(folder, events, false) },
    Work {
        name: "entity policy beside it",
        peer: Some(BULK),
        start: Start::Plain,
        run: |folder, events| entities::bulk(folder, events, true),
    },
    Work { name: APPEND, peer: None, start: Start::Plain, run: |folder, events| append(&open(folder), events) },
    Work { name: "append 20,000, images kept", peer: Some(APPEND), start: Start::Plain, run: append_noticed },
    Work { name: "open, nothing to do", peer: Some(RELOAD), start: Start::Taken, run: open_idle },
    Work { name: SQLITE_BACKUP, peer: None, start: Start::Plain, run: backups::by_sqlite },
    Work { name: "backup", peer: Some(SQLITE_BACKUP), start: Start::Plain, run: backups::create },
    Work { name: "backup check", peer: Some(SQLITE_BACKUP), start: Start::Plain, run: backups::validate },
    Work { name: "backup preview, 100 back", peer: Some(SQLITE_BACKUP), start: Start::Plain, run: backups::preview },
    Work { name: "backup restore, 100 back", peer: Some(SQLITE_BACKUP), start: Start::Plain, run: backups::restore },
    Work {
        name: "append, median",
        peer: None,
        start: Start::Plain,
        run: |folder, events| backups::append_alone(folder, events, Of::Median),
    },
    Work {
        name: "append, longest",
        peer: None,
        start: Start::Plain,
        run: |folder, events| backups::append_alone(folder, events, Of::Longest),
    },
    Work {
        name: "append beside a backup, median",
        peer: Some("append, median"),
        start: Start::Plain,
        run: |folder, events| backups::append_meanwhile(folder, events, Of::Median, false),
    },
    Work {
        name: "append beside a backup, longest",
        peer: Some("append, longest"),
        start: Start::Plain,
        run: |folder, events| backups::append_meanwhile(folder, events, Of::Longest, false),
    },
    Work {
        name: "append beside a backup with vectors, median",
        peer: Some("append, median"),
        start: Start::Plain,
        run: |folder, events| backups::append_meanwhile(folder, events, Of::Median, true),
    },
    Work {
        name: "append beside a backup with vectors, longest",
        peer: Some("append, longest"),
        start: Start::Plain,
        run: |folder, events| backups::append_meanwhile(folder, events, Of::Longest, true),
    },
];

impl Work {
    pub(crate) fn run(&self, folder: &Path, events: u64) -> Cost {
        (self.run)(folder, events)
    }

    /// Whether it needs a dump beside the store.
    pub(crate) fn needs_dump(&self) -> bool {
        self.name.starts_with("JSON") && self.name != DUMP
    }
}

pub(crate) fn open(folder: &Path) -> Engine {
    let mut options = Options::new(folder);
    options.busy_timeout = Duration::from_secs(600);
    Engine::open(options).unwrap()
}

/// Makes the store that all others are copies of.
pub(crate) fn make_store(folder: &Path, events: u64) {
    let engine = open(folder);
    let mut story = Story::new();
    let mut left = events;
    while left > 0 {
        let lot = left.min(5_000);
        engine.append(story.tell(lot)).unwrap();
        left -= lot;
    }
}

pub(crate) fn take(engine: &Engine) -> Snapshot {
    engine.take_snapshot(None, false, Means::Command).unwrap().snapshot
}

fn newest(engine: &Engine) -> SnapshotId {
    engine.latest_snapshot(Kind::Periodic).unwrap().unwrap().snapshot_id
}

/// Appends so many events more.
fn append(engine: &Engine, events: u64) -> Cost {
    let mut story = Story::after(events);
    let lots: Vec<_> = (0..APPENDED / LOT).map(|_| story.tell(LOT)).collect();
    measure(|| lots.into_iter().for_each(|lot| assert!(engine.append(lot).is_ok())), || 0)
}

fn append_noticed(folder: &Path, events: u64) -> Cost {
    let engine = open(folder);
    take(&engine);
    append(&engine, events)
}

fn first_take(folder: &Path, _: u64) -> Cost {
    let engine = open(folder);
    measure(
        || {
            take(&engine);
        },
        || bytes_in(&folder.join("snapshots")),
    )
}

fn next_take(folder: &Path, events: u64) -> Cost {
    let engine = a_hundred_on(folder, events);
    let before = bytes_in(&folder.join("snapshots"));
    measure(
        || {
            take(&engine);
        },
        || bytes_in(&folder.join("snapshots")) - before,
    )
}

fn preview(folder: &Path, events: u64) -> Cost {
    let engine = a_hundred_on(folder, events);
    let id = newest(&engine);
    measure(
        || {
            let preview = engine.preview(&id, Kind::Periodic, Scope::Everything).unwrap();
            assert_eq!(preview.events_removed, 100);
        },
        || 0,
    )
}

fn restore_all(folder: &Path, events: u64) -> Cost {
    restore(folder, events, Scope::Everything)
}

fn restore_tables(folder: &Path, events: u64) -> Cost {
    restore(folder, events, Scope::Projections)
}

fn restore(folder: &Path, events: u64, scope: Scope) -> Cost {
    let engine = a_hundred_on(folder, events);
    let id = newest(&engine);
    let before = bytes_in(&folder.join("snapshots"));
    measure(
        || {
            engine.restore_from_snapshot(&id, Kind::Periodic, scope, Expected::default(), Means::Command).unwrap();
        },
        || bytes_in(&folder.join("snapshots")) - before,
    )
}

/// A store with 100 events after its newest snapshot, in a server that runs already: the first take
/// of a process reads every row, and is not timed.
fn a_hundred_on(folder: &Path, events: u64) -> Engine {
    let engine = open(folder);
    take(&engine);
    engine.append(Story::after(events).tell(100)).unwrap();
    engine
}

fn rewind_preview(folder: &Path, events: u64) -> Cost {
    let engine = a_hundred_on(folder, events);
    measure(|| assert_eq!(engine.compute_rewind_preview(events as i64).unwrap().total_events, 100), || 0)
}

fn rewind(folder: &Path, events: u64) -> Cost {
    let engine = a_hundred_on(folder, events);
    let before = bytes_in(&folder.join("snapshots"));
    measure(
        || {
            let done = engine.execute_rewind(events as i64, Expected::default(), Means::Command).unwrap();
            assert_eq!(done.events_removed, 100);
        },
        || bytes_in(&folder.join("snapshots")) - before,
    )
}

fn undo(folder: &Path, events: u64) -> Cost {
    let engine = a_hundred_on(folder, events);
    let done = engine.execute_rewind(events as i64, Expected::default(), Means::Command).unwrap();
    measure(
        || {
            let undone = engine.undo(done.operation, false, Expected::default(), Means::Command).unwrap();
            assert_eq!(undone.events_returned, 100);
        },
        || 0,
    )
}

fn hide(folder: &Path, events: u64) -> Cost {
    let engine = a_hundred_on(folder, events);
    measure(
        || {
            engine.set_hidden(events as i64 + 50, true, Means::Command).unwrap();
        },
        || 0,
    )
}

fn state_near(folder: &Path, events: u64) -> Cost {
    let engine = a_hundred_on(folder, events);
    state(&engine, events as i64 + 50)
}

fn state_far(folder: &Path, events: u64) -> Cost {
    state(&open(folder), events.saturating_sub(5_000) as i64)
}

fn state(engine: &Engine, at: i64) -> Cost {
    let query = RowQuery { limit: Some(100), ..RowQuery::default() };
    measure(|| assert_eq!(engine.state_at("edges", at, &query).unwrap().at, at), || 0)
}

fn verify_projection(folder: &Path, events: u64) -> Cost {
    let engine = a_hundred_on(folder, events);
    measure(|| assert!(engine.verify_projection().unwrap().clean), || 0)
}

/// The tables are marked as out of date from the first event on, and there is no snapshot.
fn replay(folder: &Path, events: u64) -> Cost {
    peers::open(folder).execute("UPDATE backstitch_state SET stale_from = 1", []).unwrap();
    let engine = open(folder);
    measure(
        || {
            let load = engine.cold_load(None, false).unwrap();
            assert_eq!((load.loaded, load.applied), (Loaded::Everything, events));
        },
        || 0,
    )
}

fn list(folder: &Path, events: u64) -> Cost {
    let engine = open(folder);
    let mut story = Story::after(events);
    for _ in 0..4 {
        engine.append(story.tell(100)).unwrap();
        take(&engine);
    }
    drop(engine);
    let engine = open(folder);
    measure_each(OFTEN, || assert_eq!(engine.snapshots().unwrap().len(), 5))
}

fn due(folder: &Path, events: u64) -> Cost {
    let engine = open(folder);
    engine.append(Story::after(events).tell(100)).unwrap();
    measure_each(OFTEN, || assert!(engine.should_take_periodic_snapshot().unwrap()))
}

fn open_idle(folder: &Path, _: u64) -> Cost {
    measure_each(10, || {
        let engine = open(folder);
        assert_eq!(engine.cold_load(None, false).unwrap().loaded, Loaded::NothingToDo);
    })
}

fn vacuum(folder: &Path, _: u64) -> Cost {
    let conn = peers::open(folder);
    let copy = folder.join("copy.db");
    measure(|| peers::vacuum_into(&conn, &copy), || copy.metadata().unwrap().len())
}

fn dump(folder: &Path, _: u64) -> Cost {
    let conn = peers::open(folder);
    let file = folder.join("dump.json");
    measure(|| peers::dump(&conn, &file), || file.metadata().unwrap().len())
}

fn reload(folder: &Path, log: bool) -> Cost {
    let conn = peers::open(folder);
    measure(
        || {
            peers::reload(&conn, &folder.join("dump.json"), log);
        },
        || 0,
    )
}

fn parse_five(folder: &Path, _: u64) -> Cost {
    measure(
        || {
            for _ in 0..5 {
                assert!(peers::parse(&folder.join("dump.json"))["last_event_id"].is_i64());
            }
        },
        || 0,
    )
}

fn json_due(folder: &Path, _: u64) -> Cost {
    let conn = peers::open(folder);
    measure(
        || {
            assert!(!peers::is_due(&conn, &folder.join("dump.json")));
        },
        || 0,
    )
}
