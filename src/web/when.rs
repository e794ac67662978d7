//! The moment that a page shows the tables of, and the form that asks for another.

use super::links;
use crate::engine::Status;

/// What `at` has to be.
pub(super) const EVENT: &str = "the id of an event";

/// The moment that a page shows the tables of: an event, or now.
pub(super) struct When {
    /// The event that the address asks for; none for now.
    pub(super) asked: Option<i64>,
    /// Where the tables stand now.
    position: i64,
    /// The last event of the log.
    pub(super) head: i64,
    /// Where the form goes.
    pub(super) path: String,
    /// What it carries along.
    pub(super) kept: Vec<(&'static str, String)>,
    /// The same page of now.
    pub(super) now: String,
}

impl When {
    /// For the list of the tables.
    pub(super) fn new(asked: Option<i64>, status: &Status) -> Self {
        let path = links::TABLES.to_owned();
        Self { asked, position: status.position, head: status.head, now: path.clone(), path, kept: Vec::new() }
    }

    /// For a page of its own, which keeps some of its fields.
    #[must_use]
    pub(super) fn on(self, path: String, now: String, kept: Vec<(&'static str, String)>) -> Self {
        Self { path, now, kept, ..self }
    }

    /// After the name of what is shown.
    pub(super) fn suffix(&self) -> String {
        match self.asked {
            Some(0) => " before the first event".to_owned(),
            Some(at) => format!(" as of event\u{a0}{at}"),
            None => String::new(),
        }
    }

    /// Where the tables stand now.
    pub(super) fn sentence(&self) -> String {
        let they = if self.asked.is_some() { "Now the tables" } else { "The tables" };
        match self.position {
            0 => format!("{they} stand before the first event."),
            position => format!("{they} stand at event {position}."),
        }
    }

    /// In the field of the form.
    pub(super) fn value(&self) -> String {
        self.asked.map(|at| at.to_string()).unwrap_or_default()
    }

    /// In a terminal.
    pub(super) fn flag(&self) -> String {
        self.asked.map(|at| format!(" --at {at}")).unwrap_or_default()
    }
}
