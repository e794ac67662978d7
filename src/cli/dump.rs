//! `backstitch snapshot export` and `import`: one JSON object in the original's form.

use std::fs::File;
use std::io::{self, Read};
use std::path::PathBuf;

use clap::Args;
use serde_json::json;

use super::Failure;
use super::output::Output;
use super::snapshot::Which;
use crate::engine::Engine;
use crate::error::Error;
use crate::history::Means;
use crate::snapshot::Kind;

#[derive(Debug, Args)]
pub(super) struct Export {
    #[command(flatten)]
    which: Which,
    /// The file to write, which must not be there yet; standard output without it
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub(super) struct Import {
    /// The file to read; standard input for -
    file: PathBuf,
    /// The kind that it becomes
    #[arg(long, default_value_t = Kind::Periodic)]
    kind: Kind,
}

impl Export {
    pub(super) fn run(self, engine: &Engine, out: Output) -> Result<(), Failure> {
        let (id, kind) = self.which.find(engine)?;
        let written = engine.export(kind, &id)?;
        let mut whole = written.reopen().map_err(Error::from)?;
        let Some(path) = self.out else {
            io::copy(&mut whole, &mut io::stdout().lock())?;
            return Ok(());
        };
        let there = |error: io::Error| match error.kind() {
            io::ErrorKind::AlreadyExists => {
                Error::refused(format!("{} is there already, and is left as it is.", path.display()))
                    .hint("Give a path where there is no file.")
            }
            _ => Error::from(error).at(path.display()),
        };
        let mut file = File::create_new(&path).map_err(there)?;
        let copied = io::copy(&mut whole, &mut file).and_then(|bytes| file.sync_all().map(|()| bytes));
        let bytes = copied.map_err(|error| {
            // Half a file must not look like a whole one.
            let _ = std::fs::remove_file(&path);
            there(error)
        })?;
        out.show(&json!({ "snapshot_id": id, "kind": kind, "bytes": bytes }), |out| {
            writeln!(out, "Snapshot {id} is in {}.", path.display())
        })
    }
}

impl Import {
    pub(super) fn run(self, engine: &Engine, out: Output) -> Result<(), Failure> {
        let source: Box<dyn Read> = if self.file.as_os_str() == "-" {
            Box::new(io::stdin().lock())
        } else {
            Box::new(File::open(&self.file).map_err(|error| Error::from(error).at(self.file.display()))?)
        };
        let snapshot = engine.import(self.kind, source, Means::Command)?;
        out.show(&snapshot, |out| {
            let event = snapshot.last_event_id.unwrap_or_default();
            writeln!(
                out,
                "Snapshot {}, at event {event}, is imported. It stays until it is deleted.",
                snapshot.snapshot_id
            )
        })
    }
}
