//! `backstitch snapshot`: take, list, show, diff, restore, verify, pin, label, delete, prune.

use std::io::{self, BufRead, IsTerminal, Write};

use clap::{Args, Subcommand};
use serde_json::json;

use super::output::{Output, bytes, columns, counted, grouped, safe};
use super::settings::quoted;
use super::{Failure, Settings};
use crate::engine::{DiffPage, Engine};
use crate::error::{Error, Result};
use crate::history::Means;
use crate::snapshot::log_image::LOG;
use crate::snapshot::{
    Diff, DiffRow, Expected, Kind, Preview, Restored, RowChange, Scope, Snapshot as Listed, SnapshotId,
};

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
    /// Keep it until it is unpinned
    Pin(Which),
    /// Let retention have it
    Unpin(Which),
    /// Name it; nothing takes the name away
    Label(Label),
    /// Delete it, and the pieces that only it needs
    Delete(Delete),
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
    /// Refuse if the log does not end at this event
    #[arg(long, value_name = "ID")]
    expected_head: Option<i64>,
    /// Refuse if anything but an append has changed the store since this epoch
    #[arg(long, value_name = "N")]
    expected_epoch: Option<u64>,
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
        let engine = if let Self::Take(_) = self { settings.open_or_make()? } else { settings.open()? };
        match self {
            Self::Take(take) => take.run(&engine, out),
            Self::List => list(&engine, out),
            Self::Show(chosen) => show(&engine, &chosen, out),
            Self::Diff(diff) => diff.run(&engine, out),
            Self::Restore(restore) => restore.run(&engine, settings, out),
            Self::Verify(which) => verify(&engine, &which, out),
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
    fn find(&self, engine: &Engine) -> Result<(SnapshotId, Kind)> {
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
        let (gone, back) = (preview.events_removed, preview.events_returned);
        writeln!(out, "{} leave the log, {} come back.", counted(gone, "event"), counted(back, "event"))?;
    }
    let rows: Vec<Vec<String>> = preview
        .tables
        .iter()
        .map(|table| {
            let counts = [table.added, table.removed, table.changed, table.rows_now, table.rows_in_snapshot];
            std::iter::once(table.name.clone()).chain(counts.map(grouped)).collect()
        })
        .collect();
    columns(out, &["table", "come back", "go", "change", "rows now", "rows then"], &rows)
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
        out.each(diffs, |diff, out| print_diff(diff, out))
    }
}

fn print_diff(diff: &Diff, out: &mut dyn Write) -> io::Result<()> {
    writeln!(out, "{}", diff.table)?;
    for row in &diff.rows {
        let key = row.key.iter().map(|value| safe(&value.to_string())).collect::<Vec<_>>().join(", ");
        let word = match row.change {
            RowChange::Added => "+ comes back",
            RowChange::Removed => "- goes",
            RowChange::Changed => "~ changes",
        };
        writeln!(out, "  {word}  {key}")?;
        print_cells(diff, row, out)?;
    }
    if let Some(after) = &diff.next_after {
        let (table, after) = (quoted(&diff.table), quoted(&safe(after)));
        writeln!(out, "  more rows follow: raise --limit, or go on with --table {table} --after {after}")?;
    }
    Ok(())
}

/// The cells that differ; of a row that comes or goes, none: its key says which it is.
fn print_cells(diff: &Diff, row: &DiffRow, out: &mut dyn Write) -> io::Result<()> {
    let (Some(now), Some(then)) = (&row.now, &row.then) else { return Ok(()) };
    for ((column, now), then) in diff.columns.iter().zip(now).zip(then).filter(|((_, now), then)| now != then) {
        writeln!(out, "      {column}  now   {}", safe(&now.to_string()))?;
        writeln!(out, "      {:width$}  then  {}", "", safe(&then.to_string()), width = column.chars().count())?;
    }
    Ok(())
}

impl Restore {
    fn run(self, engine: &Engine, settings: &Settings, out: Output) -> Result<(), Failure> {
        let (id, kind) = self.chosen.which.find(engine)?;
        let scope = self.chosen.scope;
        // Shown before it is confirmed, and what was shown is what runs.
        let expected = if self.confirm.is_none() {
            let preview = engine.preview(&id, kind, scope)?;
            describe(&preview, &mut io::stderr())?;
            Expected {
                head: self.expected_head.or(Some(preview.current_event_log_max_id)),
                epoch: self.expected_epoch.or(Some(preview.epoch)),
            }
        } else {
            Expected { head: self.expected_head, epoch: self.expected_epoch }
        };
        confirm(id.as_str(), self.confirm.as_deref())?;
        let restored = engine.restore_from_snapshot(&id, kind, scope, expected, Means::Command)?;
        out.show(&restored, |out| tell(&restored, &settings.flags(), out))
    }
}

fn tell(restored: &Restored, flags: &str, out: &mut dyn Write) -> io::Result<()> {
    // The log's rows are told as events.
    let tables = restored.rows_changed.iter().filter(|(name, _)| *name != LOG);
    let (rows, tables) = tables.fold((0, 0), |(rows, tables), (_, more)| (rows + more, tables + 1));
    writeln!(
        out,
        "{} changed in {}; {} left the log, {} came back. The tables stand at event {}{}.",
        counted(rows, "row"),
        counted(tables, "table"),
        counted(restored.events_removed, "event"),
        counted(restored.events_returned, "event"),
        restored.position,
        if restored.held { ", paused" } else { "" },
    )?;
    let safety = &restored.safety_snapshot.snapshot_id;
    writeln!(
        out,
        "What was there before is kept: backstitch snapshot restore {safety} --kind rewind --scope everything{flags}"
    )
}

fn verify(engine: &Engine, which: &Which, out: Output) -> Result<(), Failure> {
    let (id, kind) = which.find(engine)?;
    let verified = engine.verify(kind, &id)?;
    out.show(&verified, |out| {
        let (rows, tables) = (counted(verified.rows, "row"), counted(verified.tables, "table"));
        writeln!(out, "Snapshot {id} is sound: {rows} in {tables}, {} read.", bytes(verified.bytes))
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
        confirm(id.as_str(), self.confirm.as_deref())?;
        let pruned = engine.delete(kind, &id, Means::Command)?;
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
        if pruned.collected.skipped {
            writeln!(out, "Pieces were left: they are in use, or a snapshot cannot be read.")?;
        }
        Ok(())
    })
}

/// The hard confirm: the id is given by flag, or typed.
fn confirm(id: &str, given: Option<&str>) -> Result<(), Failure> {
    let typed = match given {
        Some(given) => given.to_owned(),
        None if io::stdin().is_terminal() => {
            write!(io::stderr(), "Type the snapshot's id to confirm: {id}\n> ")?;
            let mut line = String::new();
            io::stdin().lock().read_line(&mut line)?;
            line
        }
        None => {
            return Err(Error::refused(format!("this needs the id typed, or --confirm {id}. Nothing was done.")).into());
        }
    };
    match typed.trim() {
        typed if typed == id => Ok(()),
        typed => Err(Error::refused(format!("That is {typed:?}; the id is {id}. Nothing was done.")).into()),
    }
}
