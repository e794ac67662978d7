//! `backstitch append`: NDJSON events from a file or standard input.

use std::fs::File;
use std::io::{BufReader, stdin};
use std::path::PathBuf;

use clap::Args;

use super::output::{Output, counted};
use super::{Failure, Settings};
use crate::error::Error;

#[derive(Debug, Args)]
pub(super) struct Append {
    /// File of NDJSON events, one object a line; `-` or nothing reads standard input
    file: Option<PathBuf>,
}

impl Append {
    pub(super) fn run(self, settings: &Settings, out: Output) -> Result<(), Failure> {
        let engine = settings.open_or_make()?;
        let appended = match self.file.filter(|file| file.as_os_str() != "-") {
            None => engine.append_lines(BufReader::new(stdin()))?,
            Some(path) => {
                let file = File::open(&path).map_err(|error| {
                    Error::refused(format!("{} cannot be read: {error}", path.display())).because(error)
                })?;
                engine.append_lines(BufReader::with_capacity(1 << 16, file))?
            }
        };
        out.show(&appended, |out| {
            let (first, last) = (appended.first_id, appended.last_id);
            writeln!(out, "{} appended and applied: {first} to {last}.", counted(appended.count, "event"))
        })
    }
}
