//! The settings that every command takes: from a flag, else `BACKSTITCH_<FLAG>`, else the default.

use std::path::PathBuf;
use std::time::Duration;

use clap::Args;

use super::progress;
use crate::engine::{Engine, Options};
use crate::entity::SnapshotPolicy;
use crate::error::{Error, ErrorKind, Result};
use crate::snapshot::Format;
use crate::snapshot::policy::Policy;

/// The data folder where none is given.
const DATA_DIR: &str = "data";

/// Settings of a store; they may stand after any command.
#[derive(Debug, Clone, Args)]
pub(super) struct Settings {
    /// Folder of the database, snapshots and backups
    #[arg(long, global = true, env = "BACKSTITCH_DATA_DIR", default_value = DATA_DIR, value_name = "DIR")]
    pub data_dir: PathBuf,
    /// The database, where it is not DIR/backstitch.db
    #[arg(long, global = true, env = "BACKSTITCH_DB", value_name = "FILE")]
    pub db: Option<PathBuf>,
    /// How long work waits for its turn at the database
    #[arg(long, global = true, env = "BACKSTITCH_BUSY_TIMEOUT", default_value = "5s", value_parser = duration, value_name = "TIME")]
    pub busy_timeout: Duration,
    /// Print JSON
    #[arg(long, global = true)]
    pub json: bool,
    #[command(flatten)]
    pub policy: PolicySettings,
    #[command(flatten)]
    pub runtime: RuntimeSettings,
    #[command(flatten)]
    pub entities: EntitySettings,
}

/// When snapshots are taken and how long they are kept.
#[derive(Debug, Clone, Args)]
pub(super) struct PolicySettings {
    /// A snapshot is due after so many events
    #[arg(long, global = true, env = "BACKSTITCH_SNAPSHOT_EVENTS", default_value_t = 100, value_parser = clap::value_parser!(u64).range(1..), value_name = "N")]
    pub snapshot_events: u64,
    /// A snapshot is due after so long, if anything has changed
    #[arg(long, global = true, env = "BACKSTITCH_SNAPSHOT_INTERVAL", default_value = "30m", value_parser = duration, value_name = "TIME")]
    pub snapshot_interval: Duration,
    /// After that time also where nothing has changed
    #[arg(long, global = true, env = "BACKSTITCH_SNAPSHOT_UNCHANGED")]
    pub snapshot_unchanged: bool,
    /// How many checkpoints are kept
    #[arg(long, global = true, env = "BACKSTITCH_KEEP_PERIODIC", default_value_t = 5, value_parser = at_least_one, value_name = "N")]
    pub keep_periodic: usize,
    /// How long safety copies are kept
    #[arg(long, global = true, env = "BACKSTITCH_KEEP_REWIND", default_value = "14d", value_parser = duration, value_name = "TIME")]
    pub keep_rewind: Duration,
    /// How checkpoints are written: chunks, or dump (one JSON file in the original's form)
    #[arg(long, global = true, env = "BACKSTITCH_SNAPSHOT_FORMAT", default_value_t = Format::Chunks, value_name = "FORM")]
    pub snapshot_format: Format,
}

/// When snapshots of single entities are taken, and how many are kept.
#[derive(Debug, Clone, Args)]
pub(super) struct EntitySettings {
    /// A snapshot of an entity is due after so many of its events
    #[arg(long, global = true, env = "BACKSTITCH_ENTITY_SNAPSHOT_EVENTS", default_value_t = 100, value_parser = clap::value_parser!(u64).range(1..), value_name = "N")]
    pub entity_snapshot_events: u64,
    /// It is due after so long since its last one, if it has changed
    #[arg(long, global = true, env = "BACKSTITCH_ENTITY_SNAPSHOT_INTERVAL", default_value = "1h", value_parser = duration, value_name = "TIME")]
    pub entity_snapshot_interval: Duration,
    /// How many snapshots of an entity are kept
    #[arg(long, global = true, env = "BACKSTITCH_KEEP_ENTITY_SNAPSHOTS", default_value_t = 20, value_parser = at_least_one, value_name = "N")]
    pub keep_entity_snapshots: usize,
}

/// What of the app goes into runtime backups beside the database, and how many are kept.
#[derive(Debug, Clone, Args)]
pub(super) struct RuntimeSettings {
    /// The app's registry file, which goes into backups
    #[arg(long, global = true, env = "BACKSTITCH_REGISTRY", value_name = "FILE")]
    pub registry: Option<PathBuf>,
    /// The folder of the app's vector store, which goes into backups when it is asked for
    #[arg(long, global = true, env = "BACKSTITCH_CHROMA_DIR", value_name = "DIR")]
    pub chroma_dir: Option<PathBuf>,
    /// How many backups are kept; without it, all
    #[arg(long, global = true, env = "BACKSTITCH_KEEP_BACKUPS", value_parser = at_least_one, value_name = "N")]
    pub keep_backups: Option<usize>,
}

impl Settings {
    pub(super) fn options(&self) -> Options {
        Options {
            db: self.db.clone(),
            busy_timeout: self.busy_timeout,
            policy: Policy {
                events: self.policy.snapshot_events,
                interval: self.policy.snapshot_interval,
                unchanged: self.policy.snapshot_unchanged,
                keep_periodic: self.policy.keep_periodic,
                keep_rewind: self.policy.keep_rewind,
            },
            format: self.policy.snapshot_format,
            registry: self.runtime.registry.clone(),
            chroma_dir: self.runtime.chroma_dir.clone(),
            keep_backups: self.runtime.keep_backups,
            entity_policy: SnapshotPolicy::new(
                self.entities.entity_snapshot_events,
                self.entities.entity_snapshot_interval,
            ),
            keep_entity_snapshots: self.entities.keep_entity_snapshots,
            ..Options::new(&self.data_dir)
        }
    }

    /// The store for a command; made where there is none. Progress is drawn on a terminal.
    pub(super) fn open_or_make(&self) -> Result<Engine> {
        self.opened(Engine::open(Options { progress: progress::on_terminal(), ..self.options() }))
    }

    /// A file that is no database at all is the wrong file, more likely than a damaged one.
    pub(super) fn opened(&self, opened: Result<Engine>) -> Result<Engine> {
        opened.map_err(|error| {
            if error.kind() == ErrorKind::DiskFull {
                return self.no_room(error);
            }
            if self.leaves_unsaid_where(&error) {
                return error.at(self.data_dir.display());
            }
            let source = std::error::Error::source(&error).and_then(|source| source.downcast_ref::<rusqlite::Error>());
            if source.and_then(rusqlite::Error::sqlite_error_code) != Some(rusqlite::ErrorCode::NotADatabase) {
                return error;
            }
            let file = self.options().database();
            Error::refused(format!("{} is not an SQLite database, and is left as it is.", file.display()))
                .hint("Give another file with --db. If it was one, something has written over it: keep a copy, and check the disk.")
                .because(error)
        })
    }

    /// Whether a file may not be used and neither the folder nor the database is named.
    fn leaves_unsaid_where(&self, error: &Error) -> bool {
        let source = std::error::Error::source(error);
        let named = [self.data_dir.clone(), self.options().database()];
        error.kind() == ErrorKind::Refused
            && source.is_some_and(<dyn std::error::Error>::is::<std::io::Error>)
            && !named.iter().any(|path| error.message().contains(&path.display().to_string()))
    }

    /// Even reading needs a little room next to a database that nobody has open. The ids are not
    /// listed then, so it is said where they are to be seen.
    fn no_room(&self, error: Error) -> Error {
        let (folder, flags) = (self.data_dir.display(), self.flags());
        let full = format!("the disk is full, and the store in {folder} cannot be opened. Nothing was changed.");
        Error::new(ErrorKind::DiskFull, full)
            .hint(format!(
                "Free some space, or delete a snapshot with `backstitch snapshot delete ID{flags}`; \
                 the files in {} are named after their ids.",
                self.data_dir.join("snapshots/periodic").display()
            ))
            .because(error)
    }

    /// The flags by which a command that is told to the reader finds the same store, and what belongs
    /// to it; each with a blank before it.
    pub(super) fn flags(&self) -> String {
        let mut flags = String::new();
        if self.data_dir.as_os_str() != DATA_DIR {
            flags.push_str(&format!(" --data-dir {}", quoted(&self.data_dir.to_string_lossy())));
        }
        let RuntimeSettings { registry, chroma_dir, .. } = &self.runtime;
        for (flag, path) in [("--db", &self.db), ("--registry", registry), ("--chroma-dir", chroma_dir)] {
            if let Some(path) = path {
                flags.push_str(&format!(" {flag} {}", quoted(&path.to_string_lossy())));
            }
        }
        flags
    }

    /// The store for a command that needs one to be there: a mistyped folder is not made.
    pub(super) fn open(&self) -> Result<Engine> {
        if !self.options().database().exists() {
            return Err(self
                .no_store()
                .hint("Give its folder with --data-dir, or make one with `backstitch serve` or `backstitch append`."));
        }
        self.open_or_make()
    }

    /// The refusal where the database is not there.
    pub(super) fn no_store(&self) -> Error {
        let (folder, db) = (self.data_dir.display(), self.options().database());
        Error::refused(format!("there is no store in {folder}: {} is not there.", db.display()))
    }
}

/// A word as a shell reads it back.
pub(super) fn quoted(word: &str) -> String {
    let is_plain = |c: char| c.is_alphanumeric() || "/._-+:,@%=".contains(c);
    if !word.is_empty() && word.chars().all(is_plain) {
        return word.to_owned();
    }
    format!("'{}'", word.replace('\'', "'\\''"))
}

fn duration(text: &str) -> std::result::Result<Duration, String> {
    humantime::parse_duration(text).map_err(|error| format!("{error}; write it as 90s, 30m, 12h or 14d"))
}

fn at_least_one(text: &str) -> std::result::Result<usize, String> {
    match text.parse() {
        Ok(0) | Err(_) => Err("a whole number from 1".to_owned()),
        Ok(number) => Ok(number),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_is_quoted_where_a_shell_would_read_it_otherwise() {
        for (word, told) in [
            ("/srv/data-1", "/srv/data-1"),
            ("my data", "'my data'"),
            ("it's", "'it'\\''s'"),
            ("$HOME", "'$HOME'"),
            ("~", "'~'"),
            ("", "''"),
            ("[\"ada\"]", "'[\"ada\"]'"),
        ] {
            assert_eq!(quoted(word), told);
        }
    }
}
