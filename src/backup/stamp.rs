//! A backup's stamp: the name of its folder, made by the rule of snapshot ids.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

use crate::error::{Error, Result};
use crate::snapshot::SnapshotId;

/// A stamp: the UTC moment as `YYYYMMDDTHHMMSSZ`, `_02` and on for more of one second.
///
/// Made by parsing only, so whatever holds one can be joined to a folder without leaving it.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Stamp(SnapshotId);

impl Stamp {
    /// The stamp for a moment: the `attempt`-th (from 1) of its second.
    pub fn at(moment: OffsetDateTime, attempt: u32) -> Self {
        Self(SnapshotId::at(moment, attempt))
    }

    /// The stamp as text.
    pub fn as_str(&self) -> &str {
        self.0.as_str()
    }
}

impl fmt::Display for Stamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl FromStr for Stamp {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        text.parse().map(Self).map_err(|_| Error::not_found("backup not found"))
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]
    use time::macros::datetime;

    use super::*;

    #[test]
    fn stamps_sort_by_moment_and_are_no_paths() {
        let at = datetime!(2026-11-20 20:41:12 UTC);
        assert_eq!(Stamp::at(at, 1).as_str(), "20261120T204112Z");
        assert_eq!(Stamp::at(at, 2).as_str(), "20261120T204112Z_02");
        assert!(Stamp::at(at, 1) < Stamp::at(at, 2));
        for text in ["", ".", "..", "a/b", "../x", ".unfinished-1", "a\0"] {
            assert_eq!(text.parse::<Stamp>().unwrap_err().message(), "backup not found", "{text:?}");
        }
    }
}
