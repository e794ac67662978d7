//! What every page has around its content: the head, the doors, where the store stands, the
//! status strip, the foot.

use std::path::Path;

use askama::Template;
use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse, Response};

use super::attention::{self, Matter};
use super::outcome::Outcome;
use super::state::AppState;
use super::working::Working;
use super::{assets, links, words};
use crate::engine::Status;
use crate::error::{Error, Result};

/// A page of the navigation. Only pages that exist are listed; later ones are added here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Door {
    Overview,
    Snapshots,
    Events,
    Tables,
    History,
    Entities,
    Backups,
    Help,
}

impl Door {
    /// Those that every page shows.
    const ALL: [Self; 5] = [Self::Overview, Self::Snapshots, Self::Events, Self::Tables, Self::History];
    /// Those behind “More”.
    const MORE: [Self; 3] = [Self::Entities, Self::Backups, Self::Help];

    /// Those behind “More” that have something to show.
    fn more(state: &AppState) -> impl Iterator<Item = Self> {
        let has_entities = !state.engine.domain().entities.is_empty();
        Self::MORE.into_iter().filter(move |door| *door != Self::Entities || has_entities)
    }

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Overview => "Overview",
            Self::Snapshots => "Snapshots",
            Self::Events => "Events",
            Self::Tables => "Tables",
            Self::History => "History",
            Self::Entities => "Entities",
            Self::Backups => "Backups",
            Self::Help => "Help",
        }
    }

    pub(super) fn url(self) -> &'static str {
        match self {
            Self::Overview => links::OVERVIEW,
            Self::Snapshots => links::SNAPSHOTS,
            Self::Events => links::EVENTS,
            Self::Tables => links::TABLES,
            Self::History => links::HISTORY,
            Self::Entities => links::ENTITIES,
            Self::Backups => links::BACKUPS,
            Self::Help => links::HELP,
        }
    }

    /// The door at an address: the only ones that a form may ask to be sent back to.
    pub(super) fn at(url: &str) -> Option<Self> {
        Self::ALL.into_iter().chain(Self::MORE).find(|door| door.url() == url)
    }

    /// The door that a path is behind.
    pub(super) fn behind(path: &str) -> Option<Self> {
        match path.split('/').nth(1).unwrap_or_default() {
            // Its plan is reached from the events.
            "rewind" => Some(Self::Events),
            first => Self::at(&format!("/{first}")),
        }
    }
}

/// The state of the store that a page was drawn from.
#[derive(Debug)]
pub(super) struct DrawnFrom {
    pub(super) version: i64,
    pub(super) events: u64,
    pub(super) epoch: u64,
}

/// Everything of a page but its content.
#[derive(Debug)]
pub(super) struct Shell {
    pub(super) title: String,
    pub(super) doors: Vec<(Door, bool)>,
    /// The doors behind “More”.
    pub(super) more: Vec<(Door, bool)>,
    /// Where the store stands; empty where a page does not know.
    pub(super) standing: String,
    /// What the page was drawn from, so that a script can tell when there is news; none where a page
    /// does not know.
    pub(super) drawn_from: Option<DrawnFrom>,
    /// What runs and has run for a while.
    pub(super) working: Option<Working>,
    /// The one line under the head: what is not as it should be, the worst only.
    pub(super) strip: Option<Matter>,
    /// Where the strip's button leads back to.
    pub(super) back: &'static str,
    pub(super) data_dir: String,
    /// How many checkpoints are kept: the newest so many.
    pub(super) keep_periodic: usize,
    pub(super) version: &'static str,
    /// What was just done, told above the content.
    pub(super) outcome: Option<Outcome>,
    /// How a program gets the same as JSON, and a terminal as text; empty where neither can.
    pub(super) as_json: String,
    pub(super) as_command: String,
    pub(super) style: String,
    pub(super) script: String,
    pub(super) live: String,
    pub(super) icon: String,
}

impl Shell {
    /// Whether the page is behind “More”.
    pub(super) fn is_more(&self) -> bool {
        self.more.iter().any(|(_, current)| *current)
    }

    /// For a page that must not ask the engine, since it says why the engine failed.
    pub(super) fn bare(state: &AppState, title: &str) -> Self {
        Self {
            title: title.to_owned(),
            doors: Door::ALL.map(|door| (door, false)).to_vec(),
            more: Door::more(state).map(|door| (door, false)).collect(),
            standing: String::new(),
            drawn_from: None,
            working: Working::shown(state.engine.progress()),
            strip: None,
            outcome: None,
            back: links::OVERVIEW,
            data_dir: words::visible(&state.engine.data_dir().display().to_string()),
            keep_periodic: state.settings.keep_periodic,
            version: env!("CARGO_PKG_VERSION"),
            as_json: String::new(),
            as_command: String::new(),
            style: assets::url("app.css"),
            script: assets::url("app.js"),
            live: assets::url("live.js"),
            icon: assets::url("favicon.svg"),
        }
    }

    /// For a page behind one of the doors.
    pub(super) fn new(state: &AppState, status: &Status, title: &str, door: Door) -> Self {
        Self::around(state, status, title, Some(door))
    }

    /// For any page that knows where the store stands.
    pub(super) fn around(state: &AppState, status: &Status, title: &str, door: Option<Door>) -> Self {
        Self {
            doors: Door::ALL.map(|each| (each, Some(each) == door)).to_vec(),
            more: Door::more(state).map(|each| (each, Some(each) == door)).collect(),
            standing: standing(status),
            drawn_from: Some(DrawnFrom { version: status.version, events: status.events, epoch: status.epoch }),
            strip: attention::of_store(status, state.engine.now()).into_iter().next(),
            back: door.map_or(links::OVERVIEW, Door::url),
            ..Self::bare(state, title)
        }
    }

    /// Adds how to get the same page by other means.
    #[must_use]
    pub(super) fn also(mut self, state: &AppState, path: &str, command: String) -> Self {
        self.as_json = format!("curl -H 'Accept: application/json' '{}'", address(state, path));
        self.as_command = with_folder(state, command);
        self
    }

    /// Leaves out the strip of a full disk on a page that says it itself, in these words.
    #[must_use]
    pub(super) fn told_by(mut self, text: &str) -> Self {
        let tells = |strip: &Matter| strip.mark == attention::FULL && text.starts_with(attention::DISK_FULL);
        self.strip = self.strip.filter(|strip| !tells(strip));
        self
    }

    /// Leaves out the bar on the page that is about it.
    #[must_use]
    pub(super) fn without_working(mut self) -> Self {
        self.working = None;
        self
    }

    /// Adds what was just done.
    #[must_use]
    pub(super) fn told(mut self, outcome: Option<Outcome>) -> Self {
        self.outcome = outcome;
        self
    }
}

/// A command with the folder and the database that it is about, where they are not the ones that it
/// would take.
pub(super) fn with_folder(state: &AppState, mut command: String) -> String {
    let (folder, database) = (state.engine.data_dir(), state.engine.database());
    let mut give = |flag: &str, path: &Path| {
        command.push_str(&format!(" {flag} {}", words::shell(&path.to_string_lossy())));
    };
    if !std::env::current_dir().is_ok_and(|current| current.join("data") == folder) {
        give("--data-dir", folder);
    }
    // The database's own path is what a link leads to.
    if !folder.join("backstitch.db").canonicalize().is_ok_and(|usual| usual == database) {
        give("--db", &database);
    }
    command
}

/// An absolute address for commands that people copy: from the listener, never from Host.
pub(super) fn address(state: &AppState, path: &str) -> String {
    format!("http://{}{path}", state.settings.address)
}

fn standing(status: &Status) -> String {
    match (&status.stuck, status.held) {
        (Some(stuck), false) => format!("stopped before {}", stuck.event),
        (_, true) => format!("paused at {}", status.position),
        (None, false) if status.head == 0 => "no events yet".to_owned(),
        (None, false) => format!("event {}", status.head),
    }
}

/// The response that holds a page.
///
/// # Errors
///
/// Internal where the template fails.
pub(super) fn page(template: &impl Template) -> Result<Response> {
    let html = template.render().map_err(|error| Error::internal("a page cannot be drawn").because(error))?;
    let kind = HeaderValue::from_static("text/html; charset=utf-8");
    Ok(([(header::CONTENT_TYPE, kind)], html).into_response())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_doors_lead_back() {
        assert_eq!(Door::at("/state"), Some(Door::Tables));
        assert_eq!(Door::at("/backups"), Some(Door::Backups));
        assert_eq!(Door::at("//elsewhere"), None);
        assert_eq!(Door::at("/events/1"), None);
        assert_eq!(Door::behind("/events/1"), Some(Door::Events));
        assert_eq!(Door::behind("/"), Some(Door::Overview));
        assert_eq!(Door::behind("/rewind"), Some(Door::Events));
        assert_eq!(Door::behind("/nowhere"), None);
    }
}
