//! A story for the built-in domain, the same every time: two bots, a chat, turns, memories.

use backstitch::log::NewEvent;
use serde_json::json;

/// Makes events one after the other; every one of them is valid after those before it.
#[derive(Default)]
pub struct Story {
    told: i64,
}

impl Story {
    /// The story from an id on: memories are pinned by the id of the event that wrote them.
    pub fn from(next_id: i64) -> Self {
        Self { told: next_id - 1 }
    }

    fn next_event(&mut self) -> NewEvent {
        self.told += 1;
        let n = self.told;
        let (kind, payload) = match n {
            1 => ("you_updated", json!({ "name": "Reader", "persona": "Asks." })),
            2 => ("bot_created", json!({ "bot_id": "ada", "name": "Ada", "persona": "Counts." })),
            3 => ("bot_created", json!({ "bot_id": "bob", "name": "Bob", "persona": "Draws." })),
            4 => ("chat_created", json!({ "chat_id": "c", "title": "A talk", "host_bot_id": "ada" })),
            5 => (
                "container_created",
                json!({ "container_id": "house", "chat_id": "c", "name": "House", "parent_id": null }),
            ),
            6 => (
                "scene_opened",
                json!({ "scene_id": "s", "chat_id": "c", "container_id": "house", "title": "Evening" }),
            ),
            _ => match n % 6 {
                0 => ("user_turn", json!({ "chat_id": "c", "text": format!("Question {n}?") })),
                1 | 4 => ("assistant_turn", json!({ "chat_id": "c", "bot_id": "ada", "text": format!("Answer {n}.") })),
                2 => (
                    "edge_update",
                    json!({ "source_id": "ada", "target_id": "bob", "affinity_delta": 1, "trust_delta": -1, "reason": format!("turn {n}") }),
                ),
                3 => (
                    "memory_written",
                    json!({ "owner_id": "ada", "chat_id": "c", "scene_id": "s", "text": format!("Remembers \u{e9}vening {n}"), "significance": 1 + n % 5 }),
                ),
                _ => (
                    "activity_changed",
                    json!({ "chat_id": "c", "entity_id": "bob", "container_id": "house", "activity": format!("draws {n}") }),
                ),
            },
        };
        NewEvent::new(kind, payload.to_string()).unwrap()
    }

    /// The next events.
    pub fn tell(&mut self, events: usize) -> Vec<NewEvent> {
        (0..events).map(|_| self.next_event()).collect()
    }
}

/// The first events of the story, for an empty store.
pub fn story(events: usize) -> Vec<NewEvent> {
    Story::default().tell(events)
}
