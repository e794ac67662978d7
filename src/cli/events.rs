//! `backstitch events`: the log, ascending.

use clap::Args;

use super::output::{Output, safe};
use super::{Failure, Settings};
use crate::log::EventQuery;

#[derive(Debug, Args)]
pub(super) struct Events {
    /// Only events with a higher id
    #[arg(long, default_value_t = 0, value_name = "ID")]
    after: i64,
    /// At most so many events
    #[arg(long, default_value_t = 100, value_name = "N")]
    limit: u64,
}

impl Events {
    pub(super) fn run(self, settings: &Settings, out: Output) -> Result<(), Failure> {
        let query = EventQuery { after: Some(self.after), limit: self.limit, ..EventQuery::default() };
        let events = settings.open()?.events(&query)?;
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
