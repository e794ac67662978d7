//! What runs when the kill comes: the clients of a server (commands: `commands`).

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::mpsc::Sender;
use std::thread::{JoinHandle, spawn};

use serde_json::Value;

use super::choices::{Known, events, flagged, some_snapshot};
use crate::support::{Answer, Random, request};

/// What was acknowledged.
#[derive(Debug)]
pub enum Done {
    Appended {
        tag: String,
        first: i64,
        last: i64,
    },
    Taken {
        id: String,
        at: String,
    },
    /// A restore, a rewind, an undo, or a change of a flag.
    Changed {
        what: &'static str,
        operation: i64,
    },
    /// A command is about to delete a safety snapshot.
    AskedToDelete {
        id: String,
    },
    /// Refused, or done with nothing to look for afterwards.
    Other,
    /// An answer that nobody may get.
    Wrong(String),
}

/// Clients, until the server is gone.
pub fn client(
    address: String,
    folder: PathBuf,
    name: String,
    seed: u64,
    known: Arc<Known>,
    tell: Sender<Done>,
) -> JoinHandle<()> {
    spawn(move || {
        let mut random = Random::new(seed);
        for n in 0.. {
            let name = format!("{name}-{n}");
            match one_request(&address, &folder, &name, &known, &mut random) {
                Some(done) => {
                    known.hear(&done);
                    tell.send(done).unwrap();
                }
                None => return,
            }
        }
    })
}

/// One request; none where the server is gone.
fn one_request(address: &str, folder: &Path, name: &str, known: &Known, random: &mut Random) -> Option<Done> {
    let form = |path: &str, body: &str| request(address, "POST", path, "application/x-www-form-urlencoded", body);
    let count = |random: &mut Random| 2 + random.below(19);
    let mut tag = String::new();
    let (what, answer) = match random.below(26) {
        0..11 => {
            tag = format!("{name}/1");
            ("append", request(address, "POST", "/events", "application/json", &events(&tag, 1, random)))
        }
        11..14 => {
            let count = count(random);
            tag = format!("{name}/{count}");
            ("append", request(address, "POST", "/events", "application/x-ndjson", &events(&tag, count, random)))
        }
        14..17 => ("take", request(address, "POST", "/snapshots/take", "", "")),
        way @ 17..20 => {
            let (kind, id) = some_snapshot(folder, random)?;
            let scope = if way < 19 { "projections" } else { "everything" };
            let body = format!("confirm_id={id}&kind={kind}&scope={scope}");
            ("restore", form(&format!("/snapshots/restore/{id}"), &body))
        }
        20..22 => {
            let after = known.target(random);
            ("rewind", form("/rewind", &format!("after_event_id={after}&confirm_event_id={after}")))
        }
        22 => ("hide", form(&format!("/events/{}/hide", flagged(random)), "")),
        23 => ("unhide", form(&format!("/events/{}/unhide", flagged(random)), "")),
        _ => match known.operation(random) {
            Some(operation) => {
                ("undo", form(&format!("/history/{operation}/undo"), &format!("confirm_op={operation}")))
            }
            None => return Some(Done::Other),
        },
    };
    Some(judge(what, &tag, &answer.ok()?))
}

fn judge(what: &'static str, tag: &str, answer: &Answer) -> Done {
    match answer.status {
        200 | 201 => acknowledged(what, tag, &answer.json()),
        // Gone since it was chosen; not on this history, or undone; another change took too long.
        404 if answer.body.contains("not found") => Done::Other,
        409 | 503 => Done::Other,
        422 if answer.body.contains("superseded it already") => Done::Other,
        400 if answer.body.contains("there is nothing after event") => Done::Other,
        _ => Done::Wrong(format!("{what}: {answer:?}")),
    }
}

/// What an answer says was done.
pub fn acknowledged(what: &'static str, tag: &str, answer: &Value) -> Done {
    let number = |key: &str| answer[key].as_i64();
    let text = |key: &str| answer[key].as_str().map(str::to_owned);
    let done = match what {
        "append" => number("first_id").zip(number("last_id")).map(|(first, last)| Done::Appended {
            tag: tag.to_owned(),
            first,
            last,
        }),
        "take" => text("snapshot_id").zip(text("created_at")).map(|(id, at)| Done::Taken { id, at }),
        // It was so already.
        "hide" | "unhide" if answer["operation"].is_null() => Some(Done::Other),
        _ => number("operation").map(|operation| Done::Changed { what, operation }),
    };
    done.unwrap_or_else(|| Done::Wrong(format!("{what}: {answer}")))
}
