//! `GET /help`: the settings of this server, the words of the pages, the keys, and how a terminal
//! does what each page does.

use askama::Template;
use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use serde::Serialize;

use super::error::Failure;
use super::help_words::{KEYS, WAYS, WORDS, Way, Word};
use super::layout::{Door, Shell, address, page};
use super::links;
use super::negotiate::Wants;
use super::state::{AppState, blocking};
use super::words::visible;
use crate::engine::Engine;

/// A setting of the server.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Flag {
    /// Without the dashes.
    pub name: String,
    /// What it takes, such as `DIR`; empty where it takes nothing.
    pub takes: String,
    /// Its value, as it was given; empty where it is not set.
    pub value: String,
    /// Where the value is from.
    pub origin: Origin,
    /// What it is.
    pub help: String,
}

/// Where the value of a setting is from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Origin {
    /// From the flag itself.
    Flag,
    /// From this variable of the environment.
    Environment(String),
    /// Nobody gave one.
    Default,
}

/// The answer for programs.
#[derive(Serialize)]
struct Answer<'a> {
    flags: &'a [Flag],
    words: &'static [Word],
}

#[derive(Template)]
#[template(path = "help.html")]
struct HelpPage {
    shell: Shell,
    flags: Vec<Flag>,
    words: &'static [Word],
    ways: Vec<Shown>,
    keys: &'static [(&'static str, &'static str)],
}

/// How a terminal does what a page does, with the address of this server.
struct Shown {
    page: &'static str,
    url: Option<&'static str>,
    curl: String,
    command: String,
}

impl Shown {
    fn new(state: &AppState, way: &Way) -> Self {
        let place = way.curl.find(" /").map_or(0, |at| at + 1);
        let (options, path) = way.curl.split_at(place);
        let quoted = |url: String| if url.contains(['?', '&']) { format!("'{url}'") } else { url };
        let (path, fields) = path.split_once(' ').unwrap_or((path, ""));
        let curl = format!("curl {options}{} {fields}", quoted(address(state, path)));
        let command = if way.command.is_empty() { String::new() } else { format!("backstitch {}", way.command) };
        Self { page: way.page, url: way.url, curl: curl.trim_end().to_owned(), command }
    }
}

/// `GET /help`.
pub(super) async fn show(State(state): State<AppState>, wants: Wants) -> Result<Response, Failure> {
    if wants.json() {
        return Ok(Json(Answer { flags: &state.settings.flags, words: WORDS }).into_response());
    }
    let status = blocking(&state, Engine::status).await?;
    let shell = Shell::new(&state, &status, "Help", Door::Help);
    // A folder that was given relative to another one is told as the foot of the page tells it.
    let told = |flag: &Flag| Flag {
        value: if flag.name == "data-dir" { shell.data_dir.clone() } else { visible(&flag.value) },
        ..flag.clone()
    };
    let flags = state.settings.flags.iter().map(told).collect();
    Ok(page(&HelpPage {
        shell: shell.also(&state, links::HELP, "backstitch --help".to_owned()),
        flags,
        words: WORDS,
        ways: WAYS.iter().map(|way| Shown::new(&state, way)).collect(),
        keys: KEYS,
    })?)
}
