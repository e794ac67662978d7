//! The list of all backups, and the form that makes one; for a store without any, what one is for.

use std::path::PathBuf;

use askama::Template;

use super::backups_view::{Check, moment};
use super::filters::{self, Moment};
use super::layout::{Door, Shell, with_folder};
use super::links;
use super::outcome::Outcome;
use super::state::AppState;
use super::words::{shell, visible};
use crate::backup::{Backup, Includes};
use crate::engine::Status;

#[derive(Template)]
#[template(path = "backups.html")]
pub(super) struct BackupsPage {
    shell: Shell,
    rows: Vec<Row>,
    count: u64,
    bytes: u64,
    /// Where the app's registry file is; none where the server was not told.
    registry: Option<String>,
    /// The same of its vector store.
    vectors: Option<String>,
    /// Making one in a terminal.
    command: String,
}

/// One backup as the list shows it.
struct Row {
    stamp: String,
    url: String,
    at: Option<Moment>,
    what: String,
    /// The last event in it; none where that is not known.
    last: Option<i64>,
    /// Another program made it.
    foreign: bool,
    unreadable: bool,
    check: Check,
    bytes: u64,
}

impl BackupsPage {
    pub(super) fn new(state: &AppState, status: &Status, backups: &[Backup], outcome: Option<Outcome>) -> Self {
        let now = state.engine.now();
        let places = state.engine.runtime_places();
        let told = |path: &Option<PathBuf>| path.as_ref().map(|path| visible(&path.display().to_string()));
        let shell = Shell::new(state, status, "Backups", Door::Backups).told(outcome);
        let row = |backup: &Backup| Row {
            stamp: backup.stamp.to_string(),
            url: links::backup(&backup.stamp),
            at: moment(backup, now),
            what: what(backup.includes),
            last: backup.last_event_id,
            foreign: !backup.own,
            unreadable: backup.metadata.is_none(),
            check: Check::of(backup.checked.as_ref(), now),
            bytes: backup.size_bytes,
        };
        Self {
            shell: shell.also(state, links::BACKUPS, "backstitch backup list".to_owned()),
            count: backups.len() as u64,
            bytes: backups.iter().map(|backup| backup.size_bytes).sum(),
            rows: backups.iter().map(row).collect(),
            command: with_places(state, "backstitch backup create".to_owned()),
            registry: told(&places.registry),
            vectors: told(&places.vectors),
        }
    }
}

/// `database, registry file`.
fn what(includes: Includes) -> String {
    let parts =
        [(includes.database, "database"), (includes.registry, "registry file"), (includes.vectors, "vector store")];
    let there: Vec<&str> = parts.into_iter().filter_map(|(is_there, name)| is_there.then_some(name)).collect();
    if there.is_empty() { "nothing that can be named".to_owned() } else { there.join(", ") }
}

/// A command with the store that it is about, and the parts of the app that belong to it.
pub(super) fn with_places(state: &AppState, command: String) -> String {
    let mut command = with_folder(state, command);
    let places = state.engine.runtime_places();
    for (flag, path) in [("--registry", &places.registry), ("--chroma-dir", &places.vectors)] {
        if let Some(path) = path {
            command.push_str(&format!(" {flag} {}", shell(&path.to_string_lossy())));
        }
    }
    command
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_parts_of_a_backup_are_named() {
        assert_eq!(what(Includes { database: true, registry: false, vectors: true }), "database, vector store");
        assert_eq!(what(Includes::default()), "nothing that can be named");
    }
}
