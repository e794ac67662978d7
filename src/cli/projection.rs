//! `backstitch projection`: where the tables stand, and applying what waits.

use clap::Subcommand;
use serde_json::json;

use super::output::{Output, counted};
use super::{Failure, Settings};
use crate::history::Means;

#[derive(Debug, Subcommand)]
pub(super) enum Projection {
    /// Where the log and the tables stand
    Status,
    /// Apply the waiting events
    Replay,
}

impl Projection {
    pub(super) fn run(self, settings: &Settings, out: Output) -> Result<(), Failure> {
        let engine = settings.open()?;
        if let Self::Replay = self {
            let done = engine.replay(Means::Command)?;
            let position = engine.status()?.position;
            return out.show(&json!({ "applied": done.applied, "position": position }), |out| {
                writeln!(out, "{} applied; the tables stand at event {position}.", counted(done.applied, "event"))
            });
        }
        let status = engine.status()?;
        let value = json!({
            "last_event_id": status.head, "position": status.position, "held": status.held,
            "stuck": status.stuck, "epoch": status.epoch, "waiting": status.waiting, "domain": status.domain,
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
            Ok(())
        })
    }
}
