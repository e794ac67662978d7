//! The hard confirm: what destroys asks for an id or a number, by flag or typed.

use std::io::{self, BufRead, IsTerminal, Write};

use super::Failure;
use crate::error::Error;

/// What has to be typed.
pub(super) struct Confirm {
    /// It with whose it is: "the snapshot's id".
    whole: &'static str,
    /// It alone: "id".
    short: &'static str,
}

/// The id of a snapshot.
pub(super) const SNAPSHOT: Confirm = Confirm { whole: "the snapshot's id", short: "id" };

/// The number of the event to go back to.
pub(super) const EVENT: Confirm = Confirm { whole: "the event's number", short: "number" };

/// The id of the event at which the log ends.
pub(super) const HEAD: Confirm = Confirm { whole: "the id of the log's last event", short: "id" };

/// The stamp of a backup.
pub(super) const STAMP: Confirm = Confirm { whole: "the backup's stamp", short: "stamp" };

/// The number of a line of the history.
pub(super) const OPERATION: Confirm = Confirm { whole: "the operation's number", short: "number" };

impl Confirm {
    /// Answers where `word` is what was given by flag, else what is typed on a terminal.
    pub(super) fn ask(&self, word: &str, given: Option<&str>) -> Result<(), Failure> {
        let Self { whole, short } = self;
        let typed = match given {
            Some(given) => given.to_owned(),
            None if io::stdin().is_terminal() => {
                write!(io::stderr(), "Type {whole} to confirm: {word}\n> ")?;
                let mut line = String::new();
                io::stdin().lock().read_line(&mut line)?;
                line
            }
            None => {
                let refusal = format!("this needs the {short} typed, or --confirm {word}. Nothing was done.");
                return Err(Error::refused(refusal).into());
            }
        };
        match typed.trim() {
            typed if typed == word => Ok(()),
            typed => Err(Error::refused(format!("That is {typed:?}; the {short} is {word}. Nothing was done.")).into()),
        }
    }
}
