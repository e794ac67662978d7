//! Hiding an event and showing it again; the tables follow from the newest base before it.

use std::time::Instant;

use rusqlite::Connection;
use serde::Serialize;
use serde_json::json;

use super::{Core, Engine, millis};
use crate::catchup::{Broken, Hold, catch_up, follow_change, will_stick};
use crate::error::Result;
use crate::history::{self, Means, What};
use crate::log::{self, flags};
use crate::progress::Task;
use crate::store::state::State;

/// What hiding or showing an event did.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Flagged {
    /// The operation's id in the history; none where the event was so already.
    pub operation: Option<i64>,
    /// The event.
    pub event: i64,
    /// Whether it is hidden now.
    pub hidden: bool,
    /// Where the tables stand now.
    pub position: i64,
    /// Whether they stand there on purpose, with newer events waiting.
    pub held: bool,
    /// The store's epoch now.
    pub epoch: u64,
    /// How long it took, in milliseconds.
    pub took_ms: u64,
}

impl Engine {
    /// Hides an event from the tables, or shows it again.
    ///
    /// # Errors
    ///
    /// Not found where there is no such event; unprocessable where the log does not replay then.
    ///
    /// # Example
    ///
    /// ```
    /// # use backstitch::{engine::{Engine, Options, RowQuery}, history::Means, log::NewEvent};
    /// # fn main() -> backstitch::error::Result<()> {
    /// # let folder = tempfile::tempdir()?;
    /// # let store = Engine::open(Options::new(folder.path()))?;
    /// let ada = r#"{"bot_id": "ada", "name": "Ada", "persona": "Counts."}"#;
    /// let event = store.append(vec![NewEvent::new("bot_created", ada)?])?.first_id;
    /// store.set_hidden(event, true, Means::Command)?;
    /// assert!(store.state("bots", &RowQuery::default())?.rows.is_empty());
    /// store.set_hidden(event, false, Means::Command)?;
    /// assert_eq!(store.state("bots", &RowQuery::default())?.rows.len(), 1);
    /// # Ok(())
    /// # }
    /// ```
    pub fn set_hidden(&self, event: i64, hidden: bool, means: Means) -> Result<Flagged> {
        let _task = self.core.progress.task(Task::Flag);
        self.transact(move |core, conn| {
            let started = Instant::now();
            let changed = flip(conn, core, event, hidden)?;
            let state = State::read(conn)?;
            let mut flagged = Flagged {
                operation: None,
                event,
                hidden,
                position: state.position,
                held: state.hold.is_some(),
                epoch: state.epoch,
                took_ms: millis(started),
            };
            if changed {
                let detail =
                    json!({ "event": event, "log_from": event, "head": log::head(conn)?, "epoch": state.epoch });
                let what = if hidden { What::Hide } else { What::Unhide };
                let line = history::record(conn, what, means, core.clock.now(), flagged.took_ms, &detail)?;
                flagged.operation = Some(line);
            }
            Ok(flagged)
        })
    }
}

/// Sets the flag and lets the tables follow; says whether anything changed.
pub(super) fn flip(conn: &Connection, core: &Core, event: i64, hidden: bool) -> Result<bool> {
    let domain = core.domain();
    let shelf = core.shelf(&domain);
    catch_up(conn, shelf, Hold::Keep, Broken::Stick)?;
    let stuck = will_stick(conn, shelf)?;
    let changed = flags::set_hidden(conn, event, hidden)?;
    if changed {
        follow_change(conn, shelf, Hold::Keep, stuck.as_ref())?;
    }
    Ok(changed)
}
