//! `backstitch entity`: entities at their versions, and snapshots of them.

use std::fs::File;
use std::io::{self, Read, Write};
use std::path::PathBuf;

use clap::{Args, Subcommand};
use serde_json::json;

use super::output::{Output, columns, counted, grouped, moment, safe};
use super::{Failure, Settings};
use crate::engine::{Engine, EntityAt, EntityDue, EntitySnapshotLine, EntityState, PathChange};
use crate::entity::{EntityKey, EntitySnapshot, Origin};
use crate::error::{Error, Result};
use crate::json;

#[derive(Debug, Subcommand)]
pub(super) enum Entity {
    /// The entities of a type, or of all types, with version and when the next snapshot is due
    List(List),
    /// One entity: its state now, at a version or as of an event, and its snapshots
    Show(Show),
    /// What one version differs in from another, by path
    Diff(Diff),
    /// Take a snapshot of one now
    Snapshot(Which),
    /// Print a snapshot in the original's form, one JSON object
    Export(Export),
    /// Read a snapshot of that form; - reads standard input
    Import(Import),
}

#[derive(Debug, Args)]
pub(super) struct List {
    /// The type; all without it
    kind: Option<String>,
    /// Only those with this text in their id
    #[arg(long, short, value_name = "TEXT")]
    query: Option<String>,
    /// Only those whose id comes after this one
    #[arg(long, value_name = "ID")]
    after: Option<String>,
    /// At most so many of each type
    #[arg(long, default_value_t = 1000, value_name = "N")]
    limit: usize,
}

#[derive(Debug, Args)]
pub(super) struct Which {
    /// The entity's type, as the domain names it
    kind: String,
    /// Its id
    id: String,
}

#[derive(Debug, Args)]
pub(super) struct Show {
    #[command(flatten)]
    which: Which,
    /// At this version, in place of now
    #[arg(long, value_name = "N", conflicts_with = "at")]
    version: Option<u64>,
    /// As of this event of the log
    #[arg(long, value_name = "EVENT", value_parser = clap::value_parser!(i64).range(0..))]
    at: Option<i64>,
}

#[derive(Debug, Args)]
pub(super) struct Diff {
    #[command(flatten)]
    which: Which,
    /// The version
    version: u64,
    /// The version that it is compared with
    with: u64,
}

#[derive(Debug, Args)]
pub(super) struct Export {
    #[command(flatten)]
    which: Which,
    /// The version of the snapshot
    version: u64,
    /// The file to write, which must not be there yet; standard output without it
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// Where no sound snapshot is there, let the log answer
    #[arg(long)]
    replay: bool,
}

#[derive(Debug, Args)]
pub(super) struct Import {
    /// The file to read; standard input for -
    file: PathBuf,
}

impl Which {
    fn key(&self) -> EntityKey {
        EntityKey::new(&self.kind, &self.id)
    }
}

impl Entity {
    pub(super) fn run(self, settings: &Settings, out: Output) -> Result<(), Failure> {
        let engine = settings.open()?;
        match self {
            Self::List(list) => list.run(&engine, out),
            Self::Show(show) => show.run(&engine, out),
            Self::Diff(diff) => diff.run(&engine, out),
            Self::Snapshot(which) => take(&engine, &which.key(), out),
            Self::Export(export) => export.run(&engine, out),
            Self::Import(import) => import.run(&engine, out),
        }
    }
}

impl List {
    fn run(self, engine: &Engine, out: Output) -> Result<(), Failure> {
        let (types, failed): (Vec<String>, Vec<String>) = match self.kind {
            Some(kind) => (vec![kind], Vec::new()),
            None => {
                let types = engine.entity_types()?;
                let failed = types.iter().filter_map(|one| one.error.clone()).collect();
                (types.into_iter().filter(|one| one.count.is_some()).map(|one| one.kind).collect(), failed)
            }
        };
        let (mut found, mut more) = (Vec::new(), Vec::new());
        for kind in &types {
            let limit = self.limit.saturating_add(1);
            let mut some = engine.entities(kind, self.query.as_deref(), self.after.as_deref(), limit)?;
            if some.len() > self.limit {
                some.truncate(self.limit);
                more.push(kind.as_str());
            }
            found.extend(some);
        }
        out.show(&json!({ "entities": found, "more_of": more, "failed": failed }), |out| {
            failed.iter().try_for_each(|why| writeln!(out, "Left out: {}.", safe(why)))?;
            if found.is_empty() {
                return writeln!(out, "No entities.");
            }
            let head = ["type", "id", "version", "last event", "snapshot", "events since", "next due"];
            columns(out, &head, &found.iter().map(row).collect::<Vec<_>>())?;
            more.iter().try_for_each(|kind| {
                writeln!(
                    out,
                    "There are more of the type {}: give --after the last id, or a larger --limit.",
                    safe(kind)
                )
            })
        })
    }
}

fn row(one: &EntityDue) -> Vec<String> {
    vec![
        safe(&one.key.kind),
        safe(&one.key.id),
        grouped(one.version),
        one.sequence.to_string(),
        one.snapshot_version.map_or_else(|| "none".to_owned(), |version| format!("version {version}")),
        grouped(one.events_since),
        due(one),
    ]
}

fn due(one: &EntityDue) -> String {
    let events = match one.due_after_events {
        _ if one.version == 0 => return "none of its events are in the log".to_owned(),
        0 => return "now".to_owned(),
        events => format!("after {}", counted(events, "event")),
    };
    one.due_at.map_or_else(|| events.clone(), |at| format!("{events}, or at {}", moment(at)))
}

impl Show {
    fn run(self, engine: &Engine, out: Output) -> Result<(), Failure> {
        let at = match (self.version, self.at) {
            (Some(version), _) => EntityAt::Version(version),
            (None, Some(event)) => EntityAt::Event(event),
            (None, None) => EntityAt::Now,
        };
        let found = engine.entity(&self.which.key(), at)?;
        out.show(&found, |out| tell(&found, out))
    }
}

fn tell(found: &EntityState, out: &mut dyn Write) -> io::Result<()> {
    let EntityState { key, version, sequence, latest, .. } = found;
    let of = if version == latest { String::new() } else { format!(" of {latest}") };
    match version {
        0 => writeln!(out, "{} {}, before its first event.", safe(&key.kind), safe(&key.id))?,
        _ => writeln!(out, "{} {} at version {version}{of}, event {sequence}.", safe(&key.kind), safe(&key.id))?,
    }
    match &found.state {
        Some(state) => writeln!(out, "{}", pretty(state))?,
        None => writeln!(out, "It has no state then.")?,
    }
    let rows: Vec<Vec<String>> = found.snapshots.iter().map(snapshot_row).collect();
    if rows.is_empty() {
        writeln!(out, "No snapshots.")
    } else {
        columns(out, &["version", "event", "taken", "state"], &rows)
    }
}

/// Over several lines.
fn pretty(state: &str) -> String {
    json::parse(state).map_or_else(|_| safe(state), |value| json::pretty(&value))
}

fn snapshot_row(one: &EntitySnapshotLine) -> Vec<String> {
    let state = match one {
        EntitySnapshotLine { damaged: Some(_), .. } => "damaged",
        EntitySnapshotLine { origin: Origin::Imported, checked: false, .. } => "imported, not checked yet",
        EntitySnapshotLine { origin: Origin::Imported, .. } => "imported",
        EntitySnapshotLine { origin: Origin::Unverified, .. } => "imported without a hash",
        EntitySnapshotLine { on_this_history: Some(false), .. } => "the log has changed since",
        EntitySnapshotLine { of_this_logic: Some(false), .. } => "of another domain",
        EntitySnapshotLine { checked: false, .. } => "matches the log, not checked yet",
        _ => "matches the log",
    };
    vec![one.version.to_string(), one.sequence.to_string(), moment(one.created_at), state.to_owned()]
}

impl Diff {
    fn run(self, engine: &Engine, out: Output) -> Result<(), Failure> {
        let found = engine.entity_difference(&self.which.key(), self.version, self.with)?;
        out.show(&found, |out| {
            if found.differences.is_empty() {
                return writeln!(out, "The state is the same at versions {} and {}.", found.version, found.with);
            }
            found.differences.iter().try_for_each(|one| tell_change(one, out))
        })
    }
}

fn tell_change(one: &PathChange, out: &mut dyn Write) -> io::Result<()> {
    let (path, value) = (safe(&one.path), |value: &Option<String>| safe(value.as_deref().unwrap_or_default()));
    match one.change {
        "added" => writeln!(out, "+ {path}  {}", value(&one.after)),
        "removed" => writeln!(out, "- {path}  {}", value(&one.before)),
        "reordered" => writeln!(out, "~ {path}  in another order"),
        _ => writeln!(out, "~ {path}  {} -> {}", value(&one.before), value(&one.after)),
    }
}

fn take(engine: &Engine, key: &EntityKey, out: Output) -> Result<(), Failure> {
    let (snapshot, new) = engine.save_entity_snapshot(key)?;
    out.show(&snapshot, |out| {
        let words = if new { "is taken" } else { "is there already" };
        let EntitySnapshot { entity_type, entity_id, version, .. } = &snapshot;
        writeln!(out, "The snapshot of {} {} at version {version} {words}.", safe(entity_type), safe(entity_id))
    })
}

impl Export {
    fn run(self, engine: &Engine, out: Output) -> Result<(), Failure> {
        let snapshot = engine.entity_snapshot(&self.which.key(), self.version, self.replay)?.snapshot;
        let text = snapshot.to_dict()?;
        let Some(path) = self.out else {
            return Ok(writeln!(io::stdout().lock(), "{text}")?);
        };
        let failed = |error: io::Error| Error::from(error).at(path.display());
        let mut file = File::create_new(&path).map_err(|error| match error.kind() {
            io::ErrorKind::AlreadyExists => {
                Error::refused(format!("{} is there already, and is left as it is.", path.display()))
                    .hint("Give a path where there is no file.")
            }
            _ => failed(error),
        })?;
        writeln!(file, "{text}").and_then(|()| file.sync_all()).map_err(failed)?;
        out.show(&json!({ "file": path, "state_hash": snapshot.state_hash }), |out| {
            writeln!(out, "The snapshot at version {} is in {}.", snapshot.version, path.display())
        })
    }
}

impl Import {
    fn run(self, engine: &Engine, out: Output) -> Result<(), Failure> {
        let mut text = String::new();
        if self.file.as_os_str() == "-" {
            io::stdin().lock().read_to_string(&mut text)?;
        } else {
            let failed = |error: io::Error| Error::from(error).at(self.file.display());
            File::open(&self.file).and_then(|mut file| file.read_to_string(&mut text)).map_err(failed)?;
        }
        let snapshot = engine.import_entity_snapshot(&text)?;
        out.show(&snapshot, |out| {
            let hash = if snapshot.origin == Origin::Imported { "its hash fits" } else { "it came without a hash" };
            let EntitySnapshot { entity_type, entity_id, version, .. } = &snapshot;
            writeln!(
                out,
                "The snapshot of {} {} at version {version} is imported; {hash}.",
                safe(entity_type),
                safe(entity_id)
            )
        })
    }
}
