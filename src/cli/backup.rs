//! `backstitch backup`: create, list, validate, restore.
//!
//! Listing, checking and restoring into another folder read the backups alone. They go without the
//! store: a backup is what brings one back that is damaged, or not on this machine.

use std::io::{self, Write};
use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};
use serde::Serialize;
use serde_json::json;

use super::confirm::STAMP;
use super::effects::{leave_and_return, print_tables, tell};
use super::expected::ExpectedFlags;
use super::output::{Output, bytes, columns, grouped, moment, safe};
use super::settings::quoted;
use super::{Failure, Settings, progress};
use crate::backup::restore::Source;
use crate::backup::{Backup as Listed, Backups, Includes, Stamp, Validation, list, validate};
use crate::clock::Clock;
use crate::engine::{Engine, RestoredBackup};
use crate::error::{Error, Result};
use crate::history::Means;
use crate::rewind::TableEffect;
use crate::snapshot::Preview;

#[derive(Debug, Subcommand)]
pub(super) enum Backup {
    /// Copy database and registry file while they are in use, and remove the oldest by --keep-backups
    Create(Create),
    /// All backups, newest first
    List,
    /// Compare every file with its hash, and check the database as a store; ends with 1 where anything is wrong
    Validate(Which),
    /// Restore it, after a backup of the present; or put it into an empty folder
    Restore(Restore),
}

#[derive(Debug, Args)]
pub(super) struct Create {
    /// The folder of the vector store too (--chroma-dir); new events wait while it is copied
    #[arg(long)]
    include_chroma: bool,
}

#[derive(Debug, Args)]
pub(super) struct Which {
    /// The backup's stamp
    stamp: String,
}

#[derive(Debug, Args)]
pub(super) struct Restore {
    #[command(flatten)]
    which: Which,
    /// The stamp once more, in place of typing it
    #[arg(long, value_name = "STAMP")]
    confirm: Option<String>,
    /// Put it into this folder, which is empty or not there, and change nothing here
    #[arg(long, value_name = "DIR", conflicts_with_all = ["confirm", "dry_run", "expected_head", "expected_epoch"])]
    to: Option<PathBuf>,
    /// Only show what would leave the log and change in the tables
    #[arg(long, conflicts_with_all = ["confirm", "expected_head", "expected_epoch"])]
    dry_run: bool,
    #[command(flatten)]
    expected: ExpectedFlags,
}

/// What a restore would do.
#[derive(Debug, Serialize)]
struct Plan {
    stamp: Stamp,
    includes: Includes,
    #[serde(flatten)]
    preview: Preview,
}

/// A backup in a folder of its own.
#[derive(Debug, Serialize)]
struct Put {
    stamp: Stamp,
    data_dir: PathBuf,
    registry: Option<PathBuf>,
    chroma_dir: Option<PathBuf>,
}

impl Backup {
    pub(super) fn run(self, settings: &Settings, out: Output) -> Result<(), Failure> {
        match self {
            Self::Create(create) => create.run(settings, out),
            Self::List => list(settings, out),
            Self::Validate(which) => validate(settings, &which.stamp, out),
            Self::Restore(Restore { which, to: Some(to), .. }) => put(settings, &which.stamp, &to, out),
            Self::Restore(restore) => restore.run(settings, out),
        }
    }
}

/// The folder of backups; refused where neither it nor a store is there.
fn folder(settings: &Settings) -> Result<Backups> {
    let data_dir = settings.data_dir.canonicalize().unwrap_or_else(|_| settings.data_dir.clone());
    let backups = Backups::new(&data_dir);
    if !backups.snapshots().is_dir() && !settings.options().database().exists() {
        let error = settings.no_store();
        return Err(error.hint("Give its folder with --data-dir; backups are looked for in backups/snapshots of it."));
    }
    Ok(backups)
}

impl Create {
    fn run(self, settings: &Settings, out: Output) -> Result<(), Failure> {
        let made = settings.open()?.create_backup(self.include_chroma, Means::Command)?.backup;
        out.show(&made, |out| {
            let (event, size) = (made.last_event_id.unwrap_or_default(), bytes(made.size_bytes));
            writeln!(out, "Backup {} of event {event} made, {size}: {}.", made.stamp, parts(made.includes))?;
            if self.include_chroma && !made.includes.vectors {
                writeln!(out, "{}", note(&made))?;
            }
            if let Some(registry) = settings.runtime.registry.as_ref().filter(|_| !made.includes.registry) {
                writeln!(
                    out,
                    "The registry file is not included: {} was not there.",
                    safe(&registry.display().to_string())
                )?;
            }
            writeln!(out, "It is in {}.", made.path)
        })
    }
}

/// What the metadata says of the vector store.
fn note(made: &Listed) -> String {
    let note = made.metadata.as_ref().and_then(|metadata| metadata.get("vector_store_note")?.as_str());
    safe(note.unwrap_or_default())
}

fn parts(includes: Includes) -> String {
    let Includes { database, registry, vectors } = includes;
    let parts = [(database, "database"), (registry, "registry file"), (vectors, "vector store")];
    let named: Vec<&str> = parts.into_iter().filter_map(|(is_in, part)| is_in.then_some(part)).collect();
    if named.is_empty() { "nothing".to_owned() } else { named.join(", ") }
}

fn list(settings: &Settings, out: Output) -> Result<(), Failure> {
    let backups = list::list(&folder(settings)?)?;
    out.show(&json!({ "backups": &backups }), |out| {
        if backups.is_empty() {
            return writeln!(out, "No backups yet. Make one with: backstitch backup create{}", settings.flags());
        }
        let rows: Vec<Vec<String>> = backups.iter().map(line).collect();
        columns(out, &["stamp", "event", "size", "what is in it", "state"], &rows)
    })
}

fn line(one: &Listed) -> Vec<String> {
    let state = match (&one.metadata, &one.checked) {
        (None, _) => "its metadata cannot be read".to_owned(),
        (_, Some(checked)) if checked.valid => format!("sound at {}", moment(checked.at)),
        (_, Some(checked)) => format!("wrong at {}: {}", moment(checked.at), safe(&checked.errors.join("; "))),
        (_, None) if !one.own => "of another program; not checked".to_owned(),
        (_, None) => "not checked".to_owned(),
    };
    vec![
        one.stamp.to_string(),
        one.last_event_id.map_or_else(|| "-".to_owned(), |id| id.to_string()),
        bytes(one.size_bytes),
        parts(one.includes),
        state,
    ]
}

/// Checks a backup by its files alone, and remembers what was found.
fn check(backups: &Backups, stamp: &Stamp) -> Result<Validation> {
    validate::check(backups, stamp, Clock::system().now(), &progress::on_terminal())
}

fn validate(settings: &Settings, stamp: &str, out: Output) -> Result<(), Failure> {
    let found = check(&folder(settings)?, &stamp.parse()?)?;
    out.show(&found, |out| tell_found(&found, out))?;
    if found.valid {
        return Ok(());
    }
    let refused = Error::refused(match found.errors.len() {
        1 => format!("1 thing is wrong with the backup {}.", found.stamp),
        wrong => format!("{wrong} things are wrong with the backup {}.", found.stamp),
    });
    Err(match found.damage().is_empty() {
        true => refused.hint("It was so in the store when it was copied; it can be restored as it is."),
        false => refused.hint("It cannot be restored."),
    }
    .into())
}

fn tell_found(found: &Validation, out: &mut dyn Write) -> io::Result<()> {
    if found.valid {
        writeln!(out, "Backup {} is sound: every file is as it was written.", found.stamp)?;
    }
    for error in &found.errors {
        writeln!(out, "{}", safe(error))?;
    }
    let Some(vectors) = found.vectors else { return Ok(()) };
    let entries = match vectors.embeddings {
        1 => "1 entry".to_owned(),
        embeddings => format!("{} entries", grouped(embeddings)),
    };
    match vectors.memories {
        Some(1) => writeln!(out, "Its vector store has {entries}, its database 1 memory."),
        Some(memories) => {
            writeln!(out, "Its vector store has {entries}, its database {} memories.", grouped(memories))
        }
        None => writeln!(out, "Its vector store has {entries}."),
    }
}

impl Restore {
    fn run(self, settings: &Settings, out: Output) -> Result<(), Failure> {
        let stamp: Stamp = self.which.stamp.parse()?;
        let engine = open(settings)?;
        if self.dry_run {
            let plan = plan(&engine, &stamp)?;
            return out.show(&plan, |out| plan.describe(settings, out));
        }
        // Shown before it is confirmed, and what was shown is what runs.
        let expected = if self.confirm.is_none() {
            let plan = plan(&engine, &stamp)?;
            plan.describe(settings, &mut io::stderr())?;
            self.expected.or_shown(plan.preview.current_event_log_max_id, plan.preview.epoch)
        } else {
            self.expected.given()
        };
        STAMP.ask(stamp.as_str(), self.confirm.as_deref())?;
        let done = engine.restore_backup(&stamp, expected, Means::Command)?;
        out.show(&done, |out| tell_restored(&done, &settings.flags(), out))
    }
}

/// The store that a backup is restored into.
fn open(settings: &Settings) -> Result<Engine> {
    if settings.options().database().exists() {
        return settings.open();
    }
    Err(settings.no_store().hint("Give its folder with --data-dir, or put the backup into an empty one with --to DIR."))
}

fn plan(engine: &Engine, stamp: &Stamp) -> Result<Plan> {
    let includes = engine.backup(stamp)?.includes;
    Ok(Plan { stamp: stamp.clone(), includes, preview: engine.preview_backup(stamp)? })
}

impl Plan {
    fn describe(&self, settings: &Settings, out: &mut dyn Write) -> io::Result<()> {
        let Self { stamp, includes, preview } = self;
        let event = preview.snapshot.last_event_id.unwrap_or_default();
        writeln!(out, "Backup {stamp} of event {event}: {}.", parts(*includes))?;
        writeln!(out, "The log stands at event {}.", preview.current_event_log_max_id)?;
        leave_and_return(preview.events_removed, preview.events_returned, out)?;
        let (registry, vectors) = (&settings.runtime.registry, &settings.runtime.chroma_dir);
        let files = [
            (includes.registry, registry, "registry file", "--registry FILE"),
            (includes.vectors, vectors, "vector store", "--chroma-dir DIR"),
        ];
        for (_, place, what, flag) in files.into_iter().filter(|(is_in, ..)| *is_in) {
            match place {
                Some(place) => writeln!(out, "The {what} {} becomes the backup's.", place.display())?,
                None => writeln!(out, "Its {what} has no place here: say where with {flag}.")?,
            }
        }
        let tables: Vec<TableEffect> = preview.tables.iter().cloned().map(TableEffect::from).collect();
        print_tables(&tables, out)
    }
}

fn tell_restored(done: &RestoredBackup, flags: &str, out: &mut dyn Write) -> io::Result<()> {
    let files = match (done.registry, done.vectors) {
        (true, true) => "; registry file and vector store are the backup's",
        (true, false) => "; the registry file is the backup's",
        (false, true) => "; the vector store is the backup's",
        (false, false) => "",
    };
    writeln!(out, "Backup {} is restored{files}. Backup {} has the present.", done.stamp, done.backup_before)?;
    tell(&done.restored, flags, out)
}

/// Puts a backup into a folder of its own; nothing changes here.
fn put(settings: &Settings, stamp: &str, to: &Path, out: Output) -> Result<(), Failure> {
    let backups = folder(settings)?;
    let stamp: Stamp = stamp.parse()?;
    let _shared = backups.share()?;
    let source = Source::proven(&backups, &check(&backups, &stamp)?)?;
    source.put_into(to, &progress::on_terminal())?;
    let put = Put {
        registry: source.registry().map(|path| to.join(path)),
        chroma_dir: source.has_vectors().then(|| to.join("chroma")),
        data_dir: to.to_owned(),
        stamp,
    };
    out.show(&put, |out| {
        writeln!(out, "Backup {} is in {}, a data folder of its own. Nothing changed here.", put.stamp, to.display())?;
        let places = [("registry", &put.registry), ("chroma-dir", &put.chroma_dir)];
        let places = places.into_iter().filter_map(|(flag, path)| Some((flag, path.as_ref()?)));
        let mut flags = format!(" --data-dir {}", quoted(&to.to_string_lossy()));
        for (flag, path) in places {
            flags.push_str(&format!(" --{flag} {}", quoted(&path.to_string_lossy())));
        }
        writeln!(out, "Serve it with: backstitch serve{flags}")
    })
}
