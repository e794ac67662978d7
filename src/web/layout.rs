//! What every page has around its content: the head, the doors, where the store stands, the
//! status strip, the foot.

use askama::Template;
use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse, Response};

use super::filters::counted;
use super::state::AppState;
use super::{assets, links};
use crate::engine::Status;
use crate::error::{Error, Result};

/// A page of the navigation. Only pages that exist are listed; later ones are added here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Door {
    Snapshots,
}

impl Door {
    const ALL: [Self; 1] = [Self::Snapshots];

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Snapshots => "Snapshots",
        }
    }

    pub(super) fn url(self) -> &'static str {
        match self {
            Self::Snapshots => links::SNAPSHOTS,
        }
    }
}

/// The one line under the head: what is not as it should be, the worst only.
#[derive(Debug, Clone)]
pub(super) struct Strip {
    /// The symbol in front of it.
    pub(super) mark: &'static str,
    /// What is the matter, in one sentence.
    pub(super) lead: String,
    /// What follows from it.
    pub(super) text: String,
}

/// Everything of a page but its content.
#[derive(Debug, Clone)]
pub(super) struct Shell {
    pub(super) title: String,
    pub(super) doors: Vec<(Door, bool)>,
    /// Where the store stands; empty where a page does not know.
    pub(super) standing: String,
    pub(super) strip: Option<Strip>,
    pub(super) data_dir: String,
    pub(super) version: &'static str,
    /// How a program gets the same as JSON, and a terminal as text; empty where neither can.
    pub(super) as_json: String,
    pub(super) as_command: String,
    pub(super) style: String,
    pub(super) script: String,
    pub(super) icon: String,
}

impl Shell {
    /// For a page that must not ask the engine, since it says why the engine failed.
    pub(super) fn bare(state: &AppState, title: &str) -> Self {
        Self {
            title: title.to_owned(),
            doors: Door::ALL.map(|door| (door, false)).to_vec(),
            standing: String::new(),
            strip: None,
            data_dir: state.engine.data_dir().display().to_string(),
            version: env!("CARGO_PKG_VERSION"),
            as_json: String::new(),
            as_command: String::new(),
            style: assets::url("app.css"),
            script: assets::url("app.js"),
            icon: assets::url("favicon.svg"),
        }
    }

    /// For a page behind one of the doors.
    pub(super) fn new(state: &AppState, status: &Status, title: &str, door: Door) -> Self {
        Self {
            doors: Door::ALL.map(|each| (each, each == door)).to_vec(),
            standing: standing(status),
            strip: strip(status),
            ..Self::bare(state, title)
        }
    }

    /// Adds how to get the same page by other means.
    #[must_use]
    pub(super) fn also(mut self, state: &AppState, path: &str, command: String) -> Self {
        self.as_json = format!("curl -H 'Accept: application/json' '{}'", address(state, path));
        self.as_command = command;
        self
    }
}

/// An absolute address for commands that people copy: from the listener, never from Host.
pub(super) fn address(state: &AppState, path: &str) -> String {
    format!("http://{}{path}", state.settings.address)
}

fn standing(status: &Status) -> String {
    match (&status.stuck, status.held) {
        (Some(stuck), _) => format!("stopped before {}", stuck.event),
        (None, true) => format!("paused at {}", status.position),
        (None, false) if status.head == 0 => "no events yet".to_owned(),
        (None, false) => format!("event {}", status.head),
    }
}

fn strip(status: &Status) -> Option<Strip> {
    if status.held {
        let wait = if status.waiting == 1 { "is in the log and waits" } else { "are in the log and wait" };
        let newer = counted(status.waiting, "newer event");
        return Some(Strip {
            mark: "paused",
            lead: format!("The tables are paused at event {}.", status.position),
            text: format!("{newer} {wait}. The next event that comes in, or a restart, applies them as well."),
        });
    }
    let stuck = status.stuck.as_ref()?;
    let later = status.waiting.saturating_sub(1);
    let later =
        if later == 1 { "1 later event waits".to_owned() } else { format!("{} wait", counted(later, "later event")) };
    Some(Strip {
        mark: "stuck",
        lead: format!("The tables stopped before event {}.", stuck.event),
        text: format!(
            "It breaks a rule: {}. Nothing is lost; {later}, and new ones are refused until this is mended.",
            stuck.reason.trim_end_matches('.')
        ),
    })
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
