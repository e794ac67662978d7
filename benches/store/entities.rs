//! What entities cost: the state of one with a long life, and the policy of their snapshots while
//! events come in.

use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use backstitch::engine::{Engine, EntityAt};
use backstitch::entity::EntityKey;
use backstitch::log::NewEvent;
use serde_json::json;

use crate::measure::{Cost, measure, measure_each};
use crate::story::Story;
use crate::works::open;

/// Events of the entity beside those that the store begins with.
const LIFE: u64 = 20_000;
/// Snapshots that are kept of it, at their number by default.
const KEPT: u64 = 20;
/// Events between two of them, as the policy has it.
const APART: u64 = 100;
/// Events that come in while the policy is followed.
const BULK: u64 = 500_000;
/// In calls of so many.
const LOT: u64 = 1_000;
/// A state is asked for so often, since processor time is counted in hundredths of a second.
const OFTEN: u32 = 10;
/// How often the scheduler looks.
const LOOK: Duration = Duration::from_millis(200);

/// What fills an entity's life.
#[derive(Clone, Copy)]
pub(crate) enum Life {
    /// Its feelings for a few others: many events, and a state of a few kilobytes.
    Feelings,
    /// What it remembers: each event makes the state larger.
    Memories,
}

impl Life {
    fn event(self, n: u64) -> NewEvent {
        let words = "the letter on the table lay open with its blue seal broken";
        let (kind, payload) = match self {
            Self::Feelings => {
                let target = format!("bot-{}", n % 8);
                let payload = json!({ "source_id": "bot-life", "target_id": target, "affinity_delta": 1, "trust_delta": -1, "reason": words });
                ("edge_update", payload)
            }
            Self::Memories => {
                let payload = json!({ "owner_id": "bot-life", "chat_id": "chat-000000", "scene_id": null, "text": format!("{n} {words}"), "significance": 3 });
                ("memory_written", payload)
            }
        };
        NewEvent::new(kind, payload.to_string()).unwrap()
    }

    /// Tells it, with the newest snapshots where they are wanted; the last of them is
    /// [`APART`] events before the end.
    fn live(self, engine: &Engine, snapshots: bool) -> EntityKey {
        let bot = EntityKey::new("bot", "bot-life");
        let created = r#"{"bot_id": "bot-life", "name": "Ada", "persona": "Counts."}"#;
        engine.append(vec![NewEvent::new("bot_created", created).unwrap()]).unwrap();
        let mut told = 0;
        let mut tell = |events: u64| {
            engine.append((told..told + events).map(|n| self.event(n)).collect()).unwrap();
            told += events;
        };
        tell(LIFE - KEPT * APART);
        for _ in 0..KEPT {
            if snapshots {
                engine.save_entity_snapshot(&bot).unwrap();
            }
            tell(APART);
        }
        bot
    }
}

/// Which of its states is asked for.
#[derive(Clone, Copy)]
pub(crate) enum Asked {
    /// That halfway between the last two snapshots that the policy would take, without any of them.
    Replayed,
    /// The same, with them.
    Between,
    /// That of a snapshot.
    Kept,
    /// The newest, which the tables give.
    Now,
}

/// One of its states.
pub(crate) fn state(folder: &Path, life: Life, asked: Asked) -> Cost {
    let engine = open(folder);
    let bot = life.live(&engine, !matches!(asked, Asked::Replayed));
    let latest = engine.entity(&bot, EntityAt::Now).unwrap().version;
    let (at, version) = match asked {
        Asked::Replayed | Asked::Between => (EntityAt::Version(latest - APART / 2), latest - APART / 2),
        Asked::Kept => (EntityAt::Version(latest - APART), latest - APART),
        Asked::Now => (EntityAt::Now, latest),
    };
    measure_each(OFTEN, || {
        let found = engine.entity(&bot, at).unwrap();
        assert_eq!((found.version, found.state.is_some()), (version, true));
    })
}

/// Appends many events, with the policy followed beside it or not.
pub(crate) fn bulk(folder: &Path, events: u64, follow: bool) -> Cost {
    let engine = open(folder);
    let mut story = Story::after(events);
    let lots: Vec<Vec<NewEvent>> = (0..BULK / LOT).map(|_| story.tell(LOT)).collect();
    let done = AtomicBool::new(false);
    thread::scope(|scope| {
        if follow {
            scope.spawn(|| {
                while !done.load(Ordering::Relaxed) {
                    engine.follow_entity_policy().unwrap();
                    thread::park_timeout(LOOK);
                }
            });
        }
        let cost = measure(|| lots.into_iter().for_each(|lot| assert!(engine.append(lot).is_ok())), || 0);
        done.store(true, Ordering::Relaxed);
        cost
    })
}
