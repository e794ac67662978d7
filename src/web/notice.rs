//! Why a plan is drawn again instead of done: typed wrongly, moved meanwhile, no room, or whatever
//! else the store answered.

use super::attention::Matter;
use super::error::sentence;
use super::extract::Fields;
use super::filters::counted;
use super::words::{on_pages, visible};
use crate::engine::Engine;
use crate::error::{Error, ErrorKind, Result};
use crate::log::EventQuery;

/// New events are counted up to here; more are told as more.
const NAMED: u64 = 100;

/// The store as a form saw it when it was drawn.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Saw {
    head: Option<i64>,
    epoch: Option<u64>,
    /// Events that came since, counted up to one more than `NAMED`.
    newer: Option<u64>,
}

impl Saw {
    /// Reads what can be read; what cannot is the error's matter.
    pub(super) fn read(fields: &Fields) -> Self {
        Self {
            head: fields.number("expected_head", "").ok().flatten(),
            epoch: fields.number("expected_epoch", "").ok().flatten(),
            newer: None,
        }
    }

    /// With the events that came since. Ids have gaps, so they do not tell how many.
    ///
    /// # Errors
    ///
    /// Where the log cannot be read.
    pub(super) fn counted(self, engine: &Engine) -> Result<Self> {
        let Some(head) = self.head else { return Ok(self) };
        let query = EventQuery { after: Some(head), limit: NAMED + 1, ..EventQuery::default() };
        Ok(Self { newer: Some(engine.events(&query)?.len() as u64), ..self })
    }
}

/// Why the plan is drawn again.
#[derive(Debug)]
pub(super) enum Notice {
    /// The confirmation was typed wrongly: said at the top and at the field.
    Wrong(String),
    /// The id was typed wrongly to delete the snapshot.
    NotDeleted(String),
    /// The store moved while the plan was read.
    Moved(Box<Matter>),
    /// The disk is full.
    Full(String),
    /// Anything else, in the error's own words.
    Stopped(String),
}

impl Notice {
    /// Why something asked for from a page was not done, where the store stands at `head` and
    /// `epoch` now.
    pub(super) fn of(error: &Error, saw: Saw, head: i64, epoch: u64) -> Self {
        let is_moved = saw.head.is_some_and(|seen| seen != head) || saw.epoch.is_some_and(|seen| seen != epoch);
        if !matches!(error.kind(), ErrorKind::Conflict | ErrorKind::Malformed) || !is_moved {
            let text = visible(&sentence(&on_pages(&error.to_string())));
            return if error.kind() == ErrorKind::DiskFull { Self::Full(text) } else { Self::Stopped(text) };
        }
        let came = |events: &str| format!("The log moved while you were reading: {events}.");
        let lead = match saw.newer {
            Some(0) | None => "The store changed while you were reading.".to_owned(),
            Some(newer) if newer > NAMED => came(&format!("more than {NAMED} new events")),
            Some(newer) => came(&counted(newer, "new event")),
        };
        let text = "Nothing was done. This is the plan as it is now.".to_owned();
        Self::Moved(Box::new(Matter { mark: "moved", lead, timed: None, text, action: None }))
    }

    /// What is said at the top; none where the strip says it.
    pub(super) fn text(&self) -> Option<&str> {
        match self {
            Self::Wrong(text) | Self::NotDeleted(text) | Self::Full(text) | Self::Stopped(text) => Some(text),
            Self::Moved(_) => None,
        }
    }

    pub(super) fn not_deleted(&self) -> Option<String> {
        match self {
            Self::NotDeleted(text) => Some(text.clone()),
            _ => None,
        }
    }
}
