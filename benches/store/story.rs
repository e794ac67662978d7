//! A long story for the built-in domain, the same every time: every kind of event, texts as long
//! as people write them, about 250 bytes an event.

use backstitch::log::NewEvent;
use serde_json::{Value, json};

const WORDS: &str = "the rain had stopped before anyone thought of closing window and smell wet stone came into \
    kitchen where Ada was still counting spoons she said that river would rise again by morning nobody answered her \
    because letter on table lay open with its blue seal broken Bob drew a heron in margin slowly as if it might leave \
    evening lamps burned low over harbour while old ferry turned once more toward far shore carrying salt bread news \
    perhaps we should wait until winter he replied though his hands already held coat maps lantern and small key";

/// Bots that speak; feelings and memories are theirs.
const BOTS: u64 = 60;
/// Events of one chat before the next one starts.
const CHAT: u64 = 400;
/// Events of one scene.
const SCENE: u64 = 40;
/// 2026-01-01T00:00:00Z.
const START: i64 = 1_767_225_600;

/// Makes events one after the other; every one is valid after those before it.
pub(crate) struct Story {
    told: u64,
    random: u64,
    words: Vec<&'static str>,
    memories: Vec<u64>,
}

impl Story {
    pub(crate) fn new() -> Self {
        Self { told: 0, random: 42, words: WORDS.split_whitespace().collect(), memories: Vec::new() }
    }

    /// The story from where a store of so many events stands.
    pub(crate) fn after(events: u64) -> Self {
        let mut story = Self::new();
        for _ in 0..events {
            story.next_event();
        }
        story
    }

    pub(crate) fn tell(&mut self, events: u64) -> Vec<NewEvent> {
        (0..events)
            .map(|_| {
                let (kind, payload) = self.next_event();
                let mut event = NewEvent::new(kind, payload.to_string()).unwrap();
                event.ts = Some(moment(self.told));
                event
            })
            .collect()
    }

    /// A step of xorshift64*: no dependency, and the same on every machine.
    fn below(&mut self, limit: u64) -> u64 {
        self.random ^= self.random >> 12;
        self.random ^= self.random << 25;
        self.random ^= self.random >> 27;
        (self.random.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 33) % limit
    }

    fn text(&mut self, least: u64, most: u64) -> String {
        let words = least + self.below(most - least);
        let words: Vec<&str> = (0..words)
            .map(|_| {
                let at = self.below(self.words.len() as u64);
                self.words[at as usize]
            })
            .collect();
        words.join(" ")
    }

    fn bot(&mut self) -> String {
        format!("bot-{}", self.below(BOTS))
    }

    fn next_event(&mut self) -> (&'static str, Value) {
        self.told += 1;
        let n = self.told;
        if n == 1 {
            return ("you_updated", json!({ "name": "Reader", "persona": self.text(20, 40) }));
        }
        if n < BOTS + 2 {
            let bot = n - 2;
            return (
                "bot_created",
                json!({ "bot_id": format!("bot-{bot}"), "name": format!("Bot {bot}"), "persona": self.text(20, 60) }),
            );
        }
        let at = n - (BOTS + 2);
        let (chat, scene) = (at / CHAT, at / SCENE);
        let chat_id = format!("chat-{chat:06}");
        match (at % CHAT, at % SCENE) {
            (0, _) => {
                ("chat_created", json!({ "chat_id": chat_id, "title": self.text(3, 8), "host_bot_id": self.bot() }))
            }
            (1, _) => {
                let payload = json!({ "container_id": format!("place-{chat:06}"), "chat_id": chat_id, "name": self.text(2, 5), "parent_id": null });
                ("container_created", payload)
            }
            (_, 2) => {
                let payload = json!({ "scene_id": format!("scene-{scene:06}"), "chat_id": chat_id, "container_id": format!("place-{chat:06}"), "title": self.text(3, 9) });
                ("scene_opened", payload)
            }
            (_, 39) => {
                ("scene_closed", json!({ "scene_id": format!("scene-{scene:06}"), "summary": self.text(25, 45) }))
            }
            (_, 0 | 1) => ("user_turn", json!({ "chat_id": chat_id, "text": self.text(15, 50) })),
            _ => self.talk(n, &chat_id, chat, scene),
        }
    }

    fn talk(&mut self, n: u64, chat_id: &str, chat: u64, scene: u64) -> (&'static str, Value) {
        match self.below(100) {
            0..30 => ("user_turn", json!({ "chat_id": chat_id, "text": self.text(15, 50) })),
            30..66 => {
                ("assistant_turn", json!({ "chat_id": chat_id, "bot_id": self.bot(), "text": self.text(20, 60) }))
            }
            66..78 => {
                self.memories.push(n);
                let scene_id = format!("scene-{scene:06}");
                let payload = json!({ "owner_id": self.bot(), "chat_id": chat_id, "scene_id": scene_id, "text": self.text(15, 45), "significance": 1 + n % 5 });
                ("memory_written", payload)
            }
            78..90 => {
                let payload = json!({ "source_id": self.bot(), "target_id": self.bot(), "affinity_delta": 1, "trust_delta": -1, "reason": self.text(8, 25) });
                ("edge_update", payload)
            }
            90..96 => {
                let payload = json!({ "chat_id": chat_id, "entity_id": self.bot(), "container_id": format!("place-{chat:06}"), "activity": self.text(4, 14) });
                ("activity_changed", payload)
            }
            96..98 if !self.memories.is_empty() => {
                let recent = self.below((self.memories.len() as u64).min(500)) as usize;
                let memory = self.memories[self.memories.len() - 1 - recent];
                ("memory_pinned", json!({ "memory_event_id": memory, "pinned": 1 }))
            }
            _ => {
                let payload = json!({ "chat_id": chat_id, "classifier": "mood", "error": self.text(6, 12), "raw": self.text(15, 30) });
                ("classifier_failed", payload)
            }
        }
    }
}

fn moment(event: u64) -> String {
    let at = time::OffsetDateTime::from_unix_timestamp(START + 7 * event as i64).unwrap();
    at.format(&time::format_description::well_known::Rfc3339).unwrap()
}
