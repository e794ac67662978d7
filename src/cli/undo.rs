//! `backstitch undo`: takes an operation back.

use std::collections::HashSet;
use std::io::{self, Write};

use clap::Args;

use super::confirm::OPERATION;
use super::effects::{leave_and_return, print_tables, tell};
use super::output::{Output, counted, moment};
use super::{Failure, Settings};
use crate::engine::{Engine, Line, UndoPreview, Way};
use crate::error::{Error, Result};
use crate::history::{Means, What};
use crate::snapshot::Expected;

/// How many lines of the history are looked at in one go.
const PAGE: u64 = 100;

#[derive(Debug, Args)]
pub(super) struct Undo {
    /// The operation, as `backstitch history` numbers it; by default the newest that is not undone,
    /// undos passed over
    #[arg(value_name = "OP", value_parser = clap::value_parser!(i64).range(1..))]
    operation: Option<i64>,
    /// Only show what it would change
    #[arg(long, conflicts_with = "confirm")]
    dry_run: bool,
    /// The operation's number once more, in place of typing it where that is asked for
    #[arg(long, value_name = "OP")]
    confirm: Option<String>,
}

impl Undo {
    pub(super) fn run(self, settings: &Settings, out: Output) -> Result<(), Failure> {
        let engine = settings.open()?;
        // Before it is chosen: what comes in between may have made another one the newest.
        let epoch = engine.status()?.epoch;
        let line = match self.operation {
            Some(operation) => engine.line(operation)?,
            None => newest(&engine)?,
        };
        let operation = line.operation.operation;
        if self.dry_run {
            let preview = engine.preview_undo(operation)?;
            return out.show(&preview, |out| describe(&preview, out));
        }
        let asks = line.undo.as_ref().is_some_and(|undo| undo.offered && undo.confirm);
        let mut expected = Expected { head: None, epoch: Some(epoch) };
        if asks && self.confirm.is_none() {
            let preview = engine.preview_undo(operation)?;
            describe(&preview, &mut io::stderr())?;
            expected.head = Some(preview.current_event_log_max_id);
        }
        if asks || self.confirm.is_some() {
            OPERATION.ask(&operation.to_string(), self.confirm.as_deref())?;
        }
        let undone = engine.undo(operation, asks, expected, Means::Command)?;
        out.show(&undone, |out| {
            writeln!(out, "Operation {operation} is undone.")?;
            tell(&undone, &settings.flags(), out)
        })
    }
}

/// The newest operation that can be undone and is not undone already. Of one that was undone and
/// brought back, this is the undo that brought it back: fewer things came after that.
fn newest(engine: &Engine) -> Result<Line> {
    let (mut before, mut told) = (None, HashSet::new());
    loop {
        let lines = engine.history(before, PAGE)?;
        let Some(last) = lines.last() else { break };
        before = Some(last.operation.operation);
        for line in lines {
            let (first, does) = origin(engine, &line)?;
            // The newest line about an operation says how it is with it.
            let is_news = told.insert(first);
            if is_news && does && line.undo.as_ref().is_some_and(|undo| undo.offered) {
                return Ok(line);
            }
        }
    }
    Err(Error::refused("There is nothing that can be undone. Nothing was done."))
}

/// The operation that a line does or undoes in the end, and whether it does it: an undo of an undo
/// does again what was done first.
fn origin(engine: &Engine, line: &Line) -> Result<(i64, bool)> {
    let (mut operation, mut does) = (line.operation.clone(), true);
    while let (What::Undo, Some(of)) = (operation.what, operation.detail["of"].as_i64()) {
        operation = engine.operation(of)?;
        does = !does;
    }
    Ok((operation.operation, does))
}

fn describe(preview: &UndoPreview, out: &mut dyn Write) -> io::Result<()> {
    let operation = &preview.line.operation;
    let (number, what, at) = (operation.operation, operation.what, moment(operation.at));
    writeln!(out, "Operation {number} ({what}) of {at} would be undone.")?;
    let Some(undo) = &preview.line.undo else { return Ok(()) };
    match undo.events_since {
        _ if undo.log_changed_since => writeln!(out, "The log was changed after it.")?,
        0 => {}
        1 => writeln!(out, "1 event came after it.")?,
        events => writeln!(out, "{} came after it.", counted(events, "event"))?,
    }
    if let Some(by) = undo.undone_by {
        writeln!(out, "It was undone by operation {by} already.")?;
    }
    match &undo.way {
        Way::Everything { .. } | Way::Backup { .. } => {
            leave_and_return(preview.events_removed, preview.events_returned, out)?;
        }
        Way::Tables { .. } => writeln!(out, "The tables go back, and later events are applied; the log stays.")?,
        Way::Flag { event, hidden: true } => return writeln!(out, "Event {event} would be hidden."),
        Way::Flag { event, hidden: false } => return writeln!(out, "Event {event} would be shown again."),
    }
    print_tables(&preview.tables, out)
}
