//! `backstitch rewind`: back to an event; those after it leave the log.

use std::cmp::Reverse;
use std::io::{self, Write};

use clap::Args;

use super::confirm::EVENT;
use super::effects::{print_tables, tell};
use super::expected::ExpectedFlags;
use super::output::{Output, columns, counted, grouped, safe};
use super::{Failure, Settings};
use crate::history::Means;
use crate::log::Event;
use crate::rewind::RewindPreview;

#[derive(Debug, Args)]
pub(super) struct Rewind {
    /// The event to go back to: those after it leave the log; 0 leaves none
    #[arg(value_name = "N", value_parser = clap::value_parser!(i64).range(0..))]
    after: i64,
    /// Only show what would leave the log and change in the tables
    #[arg(long, conflicts_with_all = ["confirm", "expected_head", "expected_epoch"])]
    dry_run: bool,
    /// The event's number once more, in place of typing it
    #[arg(long, value_name = "N")]
    confirm: Option<String>,
    #[command(flatten)]
    expected: ExpectedFlags,
}

impl Rewind {
    pub(super) fn run(self, settings: &Settings, out: Output) -> Result<(), Failure> {
        let engine = settings.open()?;
        if self.dry_run {
            let preview = engine.compute_rewind_preview(self.after)?;
            return out.show(&preview, |out| describe(&preview, out));
        }
        // Shown before it is confirmed, and what was shown is what runs.
        let expected = if self.confirm.is_none() {
            let preview = engine.compute_rewind_preview(self.after)?;
            describe(&preview, &mut io::stderr())?;
            self.expected.or_shown(preview.current_event_log_max_id, preview.epoch)
        } else {
            self.expected.given()
        };
        EVENT.ask(&self.after.to_string(), self.confirm.as_deref())?;
        let rewound = engine.execute_rewind(self.after, expected, Means::Command)?;
        out.show(&rewound, |out| tell(&rewound, &settings.flags(), out))
    }
}

fn describe(preview: &RewindPreview, out: &mut dyn Write) -> io::Result<()> {
    let (first, last) = (edge(&preview.first_event), edge(&preview.last_event));
    match preview.total_events {
        1 => writeln!(out, "1 event leaves the log: {last}.")?,
        events => writeln!(out, "{} leave the log: from {first} to {last}.", counted(events, "event"))?,
    }
    match preview.last_event_id {
        0 => writeln!(out, "No event stays.")?,
        stays => writeln!(out, "Event {stays} becomes the last.")?,
    }
    match preview.events_revived {
        0 => {}
        1 => writeln!(out, "1 event that was superseded since counts again.")?,
        events => writeln!(out, "{} that were superseded since count again.", counted(events, "event"))?,
    }
    if preview.held {
        writeln!(out, "The tables are paused at event {}; that ends.", preview.position)?;
    }
    let mut kinds: Vec<(&String, &u64)> = preview.by_kind.iter().collect();
    kinds.sort_by_key(|(_, events)| Reverse(**events));
    let rows: Vec<Vec<String>> = kinds.iter().map(|(kind, events)| vec![safe(kind), grouped(**events)]).collect();
    columns(out, &["kind", "events"], &rows)?;
    print_tables(&preview.tables, out)
}

fn edge(event: &Event) -> String {
    format!("{} ({}, {})", event.id, safe(&event.kind), safe(&event.ts))
}
