//! `backstitch append`: NDJSON events from a file or standard input.

use std::fs::File;
use std::io::{BufRead, BufReader, stdin};
use std::path::PathBuf;

use clap::Args;

use super::output::{Output, counted};
use super::{Failure, Settings, progress};
use crate::error::{Error, Result};
use crate::log::Spool;

#[derive(Debug, Args)]
pub(super) struct Append {
    /// File of NDJSON events, one object a line; `-` or nothing reads standard input
    file: Option<PathBuf>,
}

impl Append {
    pub(super) fn run(self, settings: &Settings, out: Output) -> Result<(), Failure> {
        // All of it before the store is opened: what cannot be read makes no store.
        let spool = self.read(settings)?;
        let appended = settings.open_or_make()?.append_spooled(spool)?;
        out.show(&appended, |out| {
            let (first, last) = (appended.first_id, appended.last_id);
            writeln!(out, "{} appended and applied: {first} to {last}.", counted(appended.count, "event"))
        })
    }

    fn read(self, settings: &Settings) -> Result<Spool> {
        let input: Box<dyn BufRead> = match self.file.filter(|file| file.as_os_str() != "-") {
            None => Box::new(stdin().lock()),
            Some(path) => {
                let file = File::open(&path).map_err(|error| {
                    Error::refused(format!("{} cannot be read: {error}", path.display())).because(error)
                })?;
                Box::new(BufReader::with_capacity(1 << 16, file))
            }
        };
        let mut work = progress::on_terminal().begin_of("reading events", "event", None);
        Spool::read(&settings.data_dir, input, || work.advance(1))
    }
}
