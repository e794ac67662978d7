//! `backstitch events`: the log, ascending; hiding an event and showing it again.

use clap::{Args, Subcommand};

use super::output::{Output, safe};
use super::{Failure, Settings};
use crate::history::Means;
use crate::log::EventQuery;

#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true)]
pub(super) struct Events {
    /// Only events with a higher id [default: 0, from the first event on]
    #[arg(long, value_name = "ID")]
    after: Option<i64>,
    /// Only events with a lower id; the newest of them first, unless --after is given as well
    #[arg(long, value_name = "ID")]
    before: Option<i64>,
    /// The newest first
    #[arg(long, conflicts_with = "after")]
    newest: bool,
    /// Only events of this kind
    #[arg(long)]
    kind: Option<String>,
    /// Only events of this branch
    #[arg(long, value_name = "N")]
    branch_id: Option<i64>,
    /// Only events with this text in their payload
    #[arg(long, short, value_name = "TEXT")]
    query: Option<String>,
    /// At most so many events
    #[arg(long, default_value_t = 100, value_name = "N")]
    limit: u64,
    #[command(subcommand)]
    flag: Option<Flag>,
}

#[derive(Debug, Subcommand)]
enum Flag {
    /// Leave an event out of the tables; it stays in the log
    Hide(Which),
    /// Let a hidden event count again
    Unhide(Which),
}

#[derive(Debug, Args)]
struct Which {
    /// The event
    #[arg(value_name = "N", value_parser = clap::value_parser!(i64).range(1..))]
    event: i64,
}

impl Events {
    pub(super) fn run(self, settings: &Settings, out: Output) -> Result<(), Failure> {
        match self.flag {
            Some(Flag::Hide(which)) => return set_hidden(which.event, true, settings, out),
            Some(Flag::Unhide(which)) => return set_hidden(which.event, false, settings, out),
            None => {}
        }
        let events = settings.open()?.events(&self.asked())?;
        out.each(events, |event, out| {
            let flags = match (event.superseded_by, event.hidden) {
                (Some(by), _) => format!(" (superseded by {by})"),
                (None, true) => " (hidden)".to_owned(),
                (None, false) => String::new(),
            };
            let (ts, kind) = (safe(&event.ts), safe(&event.kind));
            writeln!(out, "{}  {ts}  {kind}{flags}  {}", event.id, safe(event.payload.get()))
        })
    }
}

impl Events {
    fn asked(self) -> EventQuery {
        let from_the_first = !self.newest && self.before.is_none();
        EventQuery {
            after: self.after.or(from_the_first.then_some(0)),
            before: self.before,
            limit: self.limit,
            kind: self.kind,
            branch_id: self.branch_id,
            q: self.query,
            superseded_by: None,
        }
    }
}

fn set_hidden(event: i64, hidden: bool, settings: &Settings, out: Output) -> Result<(), Failure> {
    let flagged = settings.open()?.set_hidden(event, hidden, Means::Command)?;
    out.show(&flagged, |out| {
        let word = if hidden { "hidden" } else { "shown" };
        let Some(operation) = flagged.operation else {
            return writeln!(out, "Event {event} is {word} already.");
        };
        let paused = if flagged.held { ", paused" } else { "" };
        writeln!(out, "Event {event} is {word}. The tables stand at event {}{paused}.", flagged.position)?;
        writeln!(out, "Undo: backstitch undo {operation}{}", settings.flags())
    })
}
