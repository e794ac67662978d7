//! `backstitch snapshot`: take, list, show, diff, restore, verify, drill, pin, label, delete, export, import, prune.

use std::io::{self, Write};

use clap::{Args, Subcommand};
use serde_json::json;

use super::confirm::SNAPSHOT;
use super::effects::{leave_and_return, print_rows, print_tables, tell};
use super::expected::ExpectedFlags;
use super::output::{Output, bytes, columns, counted, safe};
use super::{Failure, Settings};
use crate::engine::{DiffPage, Engine, room};
use crate::error::{Error, ErrorKind, Result};
use crate::history::Means;
use crate::rewind::TableEffect;
use crate::snapshot::{Kind, Preview, Scope, Snapshot as Listed, SnapshotId};

#[derive(Debug, Subcommand)]
pub(super) enum Snapshot {
    /// Take a snapshot now, and prune by retention
    Take(Take),
    /// All snapshots, newest first
    List,
    /// One snapshot, and what restoring it would change
    Show(Chosen),
    /// The rows that restoring it would change
    Diff(DiffRows),
    /// Restore it, after a safety snapshot of the present
    Restore(Restore),
    /// Read all of it and compare every hash
    Verify(Which),
    /// Rehearse a restore of it aside, and compare what comes out with the tables
    Drill(Which),
    /// Keep it until it is unpinned
    Pin(Which),
    /// Let retention have it
    Unpin(Which),
    /// Name it; nothing takes the name away
    Label(Label),
    /// Delete it, and the pieces that only it needs
    Delete(Delete),
    /// Write it as one JSON object in the original's form
    Export(super::dump::Export),
    /// Make a snapshot of such an object
    Import(super::dump::Import),
    /// Remove what retention no longer keeps
    Prune,
}

#[derive(Debug, Args)]
pub(super) struct Take {
    /// A name for it, which also pins it
    #[arg(long)]
    label: Option<String>,
    /// With a label: do not pin it
    #[arg(long, requires = "label")]
    no_pin: bool,
}

#[derive(Debug, Args)]
pub(super) struct Which {
    /// The snapshot's id
    id: String,
    /// Its kind, periodic or rewind; needed where both have this id
    #[arg(long)]
    kind: Option<Kind>,
}

#[derive(Debug, Args)]
pub(super) struct Chosen {
    #[command(flatten)]
    which: Which,
    /// What would go back: projections (the tables) or everything (tables and log)
    #[arg(long, default_value_t = Scope::Projections)]
    scope: Scope,
}

#[derive(Debug, Args)]
pub(super) struct DiffRows {
    #[command(flatten)]
    chosen: Chosen,
    /// Only this table
    #[arg(long)]
    table: Option<String>,
    /// Only rows with this text in a value
    #[arg(long, short)]
    query: Option<String>,
    /// At most so many rows a table
    #[arg(long, default_value_t = 100, value_name = "N")]
    limit: usize,
    /// Only rows of the table after this key, as the end of the page before gives it
    #[arg(long, value_name = "KEY", requires = "table")]
    after: Option<String>,
}

#[derive(Debug, Args)]
pub(super) struct Restore {
    #[command(flatten)]
    chosen: Chosen,
    /// The id once more, in place of typing it
    #[arg(long, value_name = "ID")]
    confirm: Option<String>,
    #[command(flatten)]
    expected: ExpectedFlags,
}

#[derive(Debug, Args)]
pub(super) struct Label {
    #[command(flatten)]
    which: Which,
    /// The name
    label: Vec<String>,
}

#[derive(Debug, Args)]
pub(super) struct Delete {
    #[command(flatten)]
    which: Which,
    /// The id once more, in place of typing it
    #[arg(long, value_name = "ID")]
    confirm: Option<String>,
}

impl Snapshot {
    pub(super) fn run(self, settings: &Settings, out: Output) -> Result<(), Failure> {
        let opened = if let Self::Take(_) | Self::Import(_) = self { settings.open_or_make() } else { settings.open() };
        if let (Err(error), Self::Delete(delete)) = (&opened, &self)
            && error.kind() == ErrorKind::DiskFull
        {
            return delete.without_database(settings, out);
        }
        let engine = opened?;
        match self {
            Self::Take(take) => take.run(&engine, out),
            Self::List => list(&engine, out),
            Self::Show(chosen) => show(&engine, &chosen, out),
            Self::Diff(diff) => diff.run(&engine, out),
            Self::Export(export) => export.run(&engine, out),
            Self::Import(import) => import.run(&engine, out),
            Self::Restore(restore) => restore.run(&engine, settings, out),
            Self::Verify(which) => verify(&engine, &which, out),
            Self::Drill(which) => drill(&engine, &which, out),
            Self::Pin(which) => note(&engine, &which, Some(true), None, out),
            Self::Unpin(which) => note(&engine, &which, Some(false), None, out),
            Self::Label(label) => note(&engine, &label.which, None, Some(&label.label.join(" ")), out),
            Self::Delete(delete) => delete.run(&engine, out),
            Self::Prune => prune(&engine, out),
        }
    }
}

impl Which {
    /// The id and its kind: the one that has it, where only one does.
    pub(super) fn find(&self, engine: &Engine) -> Result<(SnapshotId, Kind)> {
        let id: SnapshotId = self.id.parse()?;
        if let Some(kind) = self.kind {
            return Ok((id, kind));
        }
        let snapshots = engine.snapshots()?;
        let mut kinds = snapshots.iter().filter(|one| one.snapshot_id == id).map(|one| one.kind);
        match (kinds.next(), kinds.next()) {
            (Some(kind), None) => Ok((id, kind)),
            (Some(_), Some(_)) => {
                Err(Error::malformed("both kinds have this id; give --kind periodic or --kind rewind"))
            }
            (None, _) => Err(Error::not_found("snapshot not found")),
        }
    }
}

impl Take {
    fn run(self, engine: &Engine, out: Output) -> Result<(), Failure> {
        let pinned = self.label.is_some() && !self.no_pin;
        let taken = engine.take_snapshot(self.label, pinned, Means::Command)?;
        out.show(&taken, |out| {
            let snapshot = &taken.snapshot;
            let at = snapshot.last_event_id.unwrap_or_default();
            let size = bytes(snapshot.unique_bytes);
            writeln!(out, "Snapshot {} of event {at} taken, {size} of its own.", snapshot.snapshot_id)
        })
    }
}

fn list(engine: &Engine, out: Output) -> Result<(), Failure> {
    let snapshots = engine.snapshots()?;
    out.show(&json!({ "snapshots": &snapshots }), |out| {
        if snapshots.is_empty() {
            return writeln!(out, "No snapshots yet. Take one with: backstitch snapshot take");
        }
        let head = ["id", "kind", "event", "size", "label", "state"];
        let rows: Vec<Vec<String>> = snapshots.iter().map(line).collect();
        columns(out, &head, &rows)
    })
}

fn line(one: &Listed) -> Vec<String> {
    let state = match (&one.damaged, one.on_this_history) {
        (Some(damage), _) => format!("damaged: {}", safe(damage)),
        (None, Some(true)) => "matches the log".to_owned(),
        (None, Some(false)) => "the log has changed since".to_owned(),
        (None, None) => "not checked".to_owned(),
    };
    vec![
        one.snapshot_id.to_string(),
        one.kind.to_string(),
        one.last_event_id.map_or_else(|| "-".to_owned(), |id| id.to_string()),
        bytes(one.unique_bytes),
        match (&one.label, one.pinned) {
            (Some(label), true) => format!("{} (pinned)", safe(label)),
            (Some(label), false) => safe(label),
            (None, true) => "(pinned)".to_owned(),
            (None, false) => String::new(),
        },
        state,
    ]
}

fn show(engine: &Engine, chosen: &Chosen, out: Output) -> Result<(), Failure> {
    let (id, kind) = chosen.which.find(engine)?;
    let preview = engine.preview(&id, kind, chosen.scope)?;
    out.show(&preview, |out| describe(&preview, out))
}

fn describe(preview: &Preview, out: &mut dyn Write) -> io::Result<()> {
    let snapshot = &preview.snapshot;
    let event = snapshot.last_event_id.unwrap_or_default();
    writeln!(out, "Snapshot {} ({}) of event {event}.", snapshot.snapshot_id, snapshot.kind)?;
    writeln!(out, "The log stands at event {}.", preview.current_event_log_max_id)?;
    if let Some(reason) = &preview.tables_alone {
        writeln!(out, "{reason}")?;
    }
    if preview.scope == Scope::Everything {
        leave_and_return(preview.events_removed, preview.events_returned, out)?;
    }
    let tables: Vec<TableEffect> = preview.tables.iter().cloned().map(TableEffect::from).collect();
    print_tables(&tables, out)
}

impl DiffRows {
    fn run(self, engine: &Engine, out: Output) -> Result<(), Failure> {
        let (id, kind) = self.chosen.which.find(engine)?;
        let scope = self.chosen.scope;
        let page = DiffPage { q: self.query, after: self.after, limit: self.limit };
        let names = match self.table {
            Some(table) => vec![table],
            None => engine
                .preview(&id, kind, scope)?
                .tables
                .into_iter()
                .filter(|table| table.total() > 0)
                .map(|table| table.name)
                .collect(),
        };
        let mut diffs = Vec::new();
        for name in names {
            diffs.push(engine.diff(&id, kind, scope, &name, &page)?);
        }
        if diffs.is_empty() && !out.is_json() {
            return out.show(&diffs, |out| writeln!(out, "The tables already are as this snapshot has them."));
        }
        out.each(diffs, |diff, out| print_rows(&diff.page, out))
    }
}

impl Restore {
    fn run(self, engine: &Engine, settings: &Settings, out: Output) -> Result<(), Failure> {
        let (id, kind) = self.chosen.which.find(engine)?;
        let scope = self.chosen.scope;
        // Shown before it is confirmed, and what was shown is what runs.
        let expected = if self.confirm.is_none() {
            let preview = engine.preview(&id, kind, scope)?;
            describe(&preview, &mut io::stderr())?;
            self.expected.or_shown(preview.current_event_log_max_id, preview.epoch)
        } else {
            self.expected.given()
        };
        SNAPSHOT.ask(id.as_str(), self.confirm.as_deref())?;
        let restored = engine.restore_from_snapshot(&id, kind, scope, expected, Means::Command)?;
        out.show(&restored, |out| tell(&restored, &settings.flags(), out))
    }
}

fn verify(engine: &Engine, which: &Which, out: Output) -> Result<(), Failure> {
    let (id, kind) = which.find(engine)?;
    let verified = engine.verify(kind, &id)?;
    out.show(&verified, |out| {
        let (rows, tables) = (counted(verified.rows, "row"), counted(verified.tables, "table"));
        writeln!(out, "Snapshot {id} is sound: {rows} in {tables}, {} read.", bytes(verified.bytes))
    })
}

fn drill(engine: &Engine, which: &Which, out: Output) -> Result<(), Failure> {
    let (id, kind) = which.find(engine)?;
    let proven = engine.drill(kind, &id)?;
    out.show(&proven, |out| {
        writeln!(out, "Snapshot {id} was restored aside and brought to today: every table is as it stands now.")
    })
}

fn note(engine: &Engine, which: &Which, pinned: Option<bool>, label: Option<&str>, out: Output) -> Result<(), Failure> {
    let (id, kind) = which.find(engine)?;
    let noted = engine.note(kind, &id, pinned, label)?;
    out.show(&noted, |out| {
        let kept = if noted.pinned { "kept until you unpin it" } else { "kept as long as retention says" };
        match &noted.label {
            Some(label) => writeln!(out, "Snapshot {id}, {:?}: {kept}.", label),
            None => writeln!(out, "Snapshot {id}: {kept}."),
        }
    })
}

impl Delete {
    fn run(self, engine: &Engine, out: Output) -> Result<(), Failure> {
        let (id, kind) = self.which.find(engine)?;
        SNAPSHOT.ask(id.as_str(), self.confirm.as_deref())?;
        let pruned = engine.delete(kind, &id, Means::Command)?;
        out.show(&pruned, |out| writeln!(out, "Snapshot {id} deleted; {} freed.", bytes(pruned.collected.bytes)))
    }

    /// By its files alone: a full disk leaves no room to open the database.
    fn without_database(&self, settings: &Settings, out: Output) -> Result<(), Failure> {
        let id: SnapshotId = self.which.id.parse()?;
        SNAPSHOT.ask(id.as_str(), self.confirm.as_deref())?;
        let pruned = room::delete(&settings.data_dir, &id, self.which.kind)?;
        out.show(&pruned, |out| writeln!(out, "Snapshot {id} deleted; {} freed.", bytes(pruned.collected.bytes)))
    }
}

fn prune(engine: &Engine, out: Output) -> Result<(), Failure> {
    let pruned = engine.prune_periodic_snapshots(Means::Command)?;
    out.show(&pruned, |out| {
        let removed = counted(pruned.removed.len() as u64, "snapshot");
        writeln!(
            out,
            "{removed} and {} removed, {} freed.",
            counted(pruned.collected.chunks, "piece"),
            bytes(pruned.collected.bytes)
        )?;
        match &pruned.collected.unreadable {
            Some(id) => writeln!(out, "Pieces were left: what the snapshot {id} needs cannot be read."),
            None if pruned.collected.skipped => writeln!(out, "Pieces were left: they are in use."),
            None => Ok(()),
        }
    })
}
