//! `backstitch projection`: where the tables stand, applying what waits, comparing them with the log.

use std::io::{self, Write};

use clap::{Args, Subcommand};
use serde::Serialize;
use serde_json::json;

use super::confirm::HEAD;
use super::effects::{key, print_cells, tell};
use super::expected::ExpectedFlags;
use super::output::{Output, counted, grouped, moment};
use super::{Failure, Settings};
use crate::compare::RowChange;
use crate::domain::Domain;
use crate::drift::{Drift, DriftRow, ProjectionCheck};
use crate::engine::Engine;
use crate::error::Error;
use crate::history::Means;

#[derive(Debug, Subcommand)]
pub(super) enum Projection {
    /// Where the log and the tables stand, and what the last comparison found
    Status(Status),
    /// Apply the waiting events
    Replay,
    /// Compare the tables with what the log alone gives; ends with 1 where rows differ
    Verify(Verify),
    /// Make the tables anew from the log, after a safety snapshot
    Rebuild(Rebuild),
}

#[derive(Debug, Args)]
pub(super) struct Status {
    /// List at most so many rows that differ
    #[arg(long, default_value_t = 100, value_name = "N")]
    limit: usize,
}

#[derive(Debug, Args)]
pub(super) struct Verify {
    /// List at most so many rows that differ
    #[arg(long, default_value_t = 100, value_name = "N")]
    limit: usize,
}

#[derive(Debug, Args)]
pub(super) struct Rebuild {
    /// The id of the log's last event, in place of typing it
    #[arg(long, value_name = "ID")]
    confirm: Option<String>,
    #[command(flatten)]
    expected: ExpectedFlags,
}

impl Projection {
    pub(super) fn run(self, settings: &Settings, out: Output) -> Result<(), Failure> {
        let engine = settings.open()?;
        match self {
            Self::Status(Status { limit }) => status(&engine, limit, out),
            Self::Replay => replay(&engine, out),
            Self::Verify(verify) => verify.run(&engine, settings, out),
            Self::Rebuild(rebuild) => rebuild.run(&engine, settings, out),
        }
    }
}

fn status(engine: &Engine, limit: usize, out: Output) -> Result<(), Failure> {
    let status = engine.status()?;
    let compared = engine.last_projection_check()?;
    let compared = compared.map(|check| Compared::new(engine, check, limit)).transpose()?;
    let value = json!({
        "last_event_id": status.head, "position": status.position, "held": status.held,
        "stuck": status.stuck, "epoch": status.epoch, "waiting": status.waiting, "domain": status.domain,
        "last_check": compared.as_ref().map(|compared| &compared.check),
        "rows": compared.as_ref().map_or(&[][..], |compared| &compared.rows),
    });
    out.show(&value, |out| {
        writeln!(out, "The log stands at event {}, the tables at event {}.", status.head, status.position)?;
        if let Some(stuck) = &status.stuck {
            writeln!(out, "The tables stopped before event {}: {}.", stuck.event, stuck.reason)?;
        } else if status.held {
            writeln!(
                out,
                "The tables are paused; {} wait. Apply them with: backstitch projection replay",
                counted(status.waiting, "event")
            )?;
        }
        if let Some(compared) = &compared {
            writeln!(out, "Compared with the log at {}: {}.", moment(compared.check.at), found(&compared.check))?;
            compared.print_rows(&engine.domain(), out)?;
        }
        Ok(())
    })
}

fn replay(engine: &Engine, out: Output) -> Result<(), Failure> {
    let done = engine.replay(Means::Command)?;
    let position = engine.status()?.position;
    out.show(&json!({ "applied": done.applied, "position": position }), |out| {
        writeln!(out, "{} applied; the tables stand at event {position}.", counted(done.applied, "event"))
    })
}

/// What a comparison found, and the rows that differ.
#[derive(Debug, Serialize)]
struct Compared {
    #[serde(flatten)]
    check: ProjectionCheck,
    rows: Vec<DriftRow>,
}

impl Verify {
    fn run(self, engine: &Engine, settings: &Settings, out: Output) -> Result<(), Failure> {
        let check = engine.verify_projection()?;
        let compared = Compared::new(engine, check, self.limit)?;
        out.show(&compared, |out| compared.print(&engine.domain(), out))?;
        if compared.check.clean {
            return Ok(());
        }
        let way = format!("Make the tables anew with: backstitch projection rebuild{}", settings.flags());
        Err(Error::refused(format!("{}.", found(&compared.check))).hint(way).into())
    }
}

impl Compared {
    fn new(engine: &Engine, check: ProjectionCheck, limit: usize) -> Result<Self, Failure> {
        let rows = if check.clean { Vec::new() } else { engine.drift_rows(None, 0, limit)? };
        Ok(Self { check, rows })
    }

    fn print(&self, domain: &Domain, out: &mut dyn Write) -> io::Result<()> {
        let (position, applied) = (self.check.position, counted(self.check.applied, "event"));
        writeln!(out, "The tables stand at event {position}; {applied} applied aside. {}.", found(&self.check))?;
        self.print_rows(domain, out)
    }

    fn print_rows(&self, domain: &Domain, out: &mut dyn Write) -> io::Result<()> {
        for table in &domain.tables {
            let mut rows = self.rows.iter().filter(|row| row.table == table.name).map(|row| &row.row).peekable();
            if rows.peek().is_some() {
                writeln!(out, "{}", table.name)?;
            }
            for row in rows {
                let word = match row.change {
                    RowChange::Added => "- missing",
                    RowChange::Removed => "+ too many",
                    RowChange::Changed => "~ different",
                };
                writeln!(out, "  {word}  {}", key(row))?;
                print_cells(&table.columns, row, ["now", "log"], out)?;
            }
        }
        let (listed, all) = (self.rows.len() as u64, total(&self.check));
        if listed < all {
            writeln!(
                out,
                "The first {} of {} are listed; --limit says how many.",
                grouped(listed),
                counted(all, "row")
            )?;
        }
        Ok(())
    }
}

fn total(check: &ProjectionCheck) -> u64 {
    check.tables.iter().map(Drift::total).sum()
}

fn found(check: &ProjectionCheck) -> String {
    match total(check) {
        0 => "No row differs from the log".to_owned(),
        1 => "1 row differs from the log".to_owned(),
        rows => format!("{} differ from the log", counted(rows, "row")),
    }
}

impl Rebuild {
    fn run(self, engine: &Engine, settings: &Settings, out: Output) -> Result<(), Failure> {
        let status = engine.status()?;
        let expected = if self.confirm.is_none() {
            let events = counted(status.events, "event");
            writeln!(io::stderr(), "The tables are emptied and made anew from {events}, after a safety snapshot.")?;
            self.expected.or_shown(status.head, status.epoch)
        } else {
            self.expected.given()
        };
        HEAD.ask(&status.head.to_string(), self.confirm.as_deref())?;
        let rebuilt = engine.rebuild_projection(expected, Means::Command)?;
        out.show(&rebuilt, |out| tell(&rebuilt, &settings.flags(), out))
    }
}
