//! What the log must be after the operations of the history, event by event.
//!
//! The history says of each operation where the log stood before and after, and of what goes back
//! to a snapshot the moment of its capture: by the epoch, which every operation raises, and by the
//! last event. From that follows for every event that was ever given whether it is there today.

use rusqlite::Connection;
use serde_json::Value;

/// An operation that changed the log otherwise than by appending.
struct Deed {
    from_head: i64,
    epoch: u64,
    change: Change,
}

enum Change {
    /// A rewind: what comes after an event goes.
    Cut { after: i64 },
    /// A restore of everything, or its undo: the log of a snapshot.
    Becomes { epoch: u64, last: i64 },
    /// An event is hidden or shown.
    Flag { event: i64, hidden: bool },
}

/// All of them, oldest first.
pub struct Deeds(Vec<Deed>);

impl Deeds {
    pub fn read(conn: &Connection) -> Self {
        let mut statement = conn.prepare("SELECT what, detail FROM backstitch_operations ORDER BY operation").unwrap();
        let lines = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?))).unwrap();
        let deeds = lines.filter_map(|line| {
            let (what, detail): (String, String) = line.unwrap();
            deed(&what, &serde_json::from_str(&detail).unwrap())
        });
        Self(deeds.collect())
    }

    /// What has become of an event that was given once: whether it is hidden; none where it is not
    /// in the log.
    pub fn fate(&self, event: i64) -> Option<bool> {
        // Ids only grow, so the first operation that found the log at or past it is the first since.
        let birth = self.0.iter().position(|deed| deed.from_head >= event).unwrap_or(self.0.len());
        let mut states = vec![Some(false)];
        for deed in &self.0[birth..] {
            let now = states[states.len() - 1];
            states.push(match deed.change {
                Change::Cut { after } => now.filter(|_| event <= after),
                Change::Becomes { last, .. } if event > last => None,
                Change::Becomes { epoch, .. } => {
                    let captured = self.0.iter().take_while(|deed| deed.epoch <= epoch).count();
                    states[captured.checked_sub(birth).expect("what a snapshot has was there at its capture")]
                }
                Change::Flag { event: of, hidden } => now.map(|was| if of == event { hidden } else { was }),
            });
        }
        states[states.len() - 1]
    }
}

fn deed(what: &str, detail: &Value) -> Option<Deed> {
    let number = |key: &str| detail[key].as_i64().unwrap_or_else(|| panic!("{what} says its {key}: {detail}"));
    let epoch = |key: &str| detail[key].as_u64().unwrap_or_else(|| panic!("{what} says its {key}: {detail}"));
    let change = match (what, detail["scope"].as_str()) {
        ("rewind", _) => Change::Cut { after: number("after_event_id") },
        ("restore" | "undo", Some("everything")) => {
            Change::Becomes { epoch: epoch("restored_epoch"), last: number("last_event_id") }
        }
        ("hide" | "unhide", _) | ("undo", Some("flag")) => {
            let hidden = detail["hidden"].as_bool().unwrap_or(what == "hide");
            Change::Flag { event: number("event"), hidden }
        }
        _ => return None,
    };
    // A change of a flag leaves the log's end where it is.
    let from_head = detail["from_head"].as_i64().unwrap_or_else(|| number("head"));
    Some(Deed { from_head, epoch: epoch("epoch"), change })
}
