//! Where the caller believes the store to be: flags of the commands that destroy something.

use clap::Args;

use crate::snapshot::Expected;

/// Refusals where the store has moved.
#[derive(Debug, Clone, Copy, Args)]
pub(super) struct ExpectedFlags {
    /// Refuse if the log does not end at this event
    #[arg(long, value_name = "ID")]
    expected_head: Option<i64>,
    /// Refuse if anything but an append has changed the store since this epoch
    #[arg(long, value_name = "N")]
    expected_epoch: Option<u64>,
}

impl ExpectedFlags {
    /// What the flags say, and nothing more.
    pub(super) fn given(self) -> Expected {
        Expected { head: self.expected_head, epoch: self.expected_epoch }
    }

    /// What the flags say, else where the store stood when the plan was shown.
    pub(super) fn or_shown(self, head: i64, epoch: u64) -> Expected {
        Expected { head: self.expected_head.or(Some(head)), epoch: self.expected_epoch.or(Some(epoch)) }
    }
}
