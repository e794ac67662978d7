//! A place of the log as people give it: the number of an event, or a day and a time.

use time::format_description::BorrowedFormatItem;
use time::macros::format_description;
use time::{Date, OffsetDateTime, PrimitiveDateTime, Time};

use crate::clock;
use crate::error::{Error, Result};

/// What may be given.
const WHAT: &str = "go must be the id of an event, or a day and a time in UTC, as 2026-11-20 19:41";

const DAY: &[BorrowedFormatItem<'_>] = format_description!("[year]-[month]-[day]");
const MINUTE: &[BorrowedFormatItem<'_>] = format_description!("[year]-[month]-[day] [hour]:[minute]");
const SECOND: &[BorrowedFormatItem<'_>] = format_description!("[year]-[month]-[day] [hour]:[minute]:[second]");

/// Where to go in the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Jump {
    Event(i64),
    Moment(OffsetDateTime),
}

impl Jump {
    /// The field `go`.
    ///
    /// # Errors
    ///
    /// Malformed where it is neither.
    pub(super) fn parse(text: &str) -> Result<Self> {
        let text = text.trim();
        if let Ok(event) = text.trim_start_matches('#').parse() {
            return Ok(Self::Event(event));
        }
        moment(text).map(Self::Moment).ok_or_else(|| Error::malformed(WHAT))
    }
}

fn moment(text: &str) -> Option<OffsetDateTime> {
    if let Some(at) = clock::parse_rfc3339(text) {
        return Some(at);
    }
    // As a field of a browser, a page of this program and a log write it.
    let plain = text.trim_end_matches("UTC").trim_end_matches('Z').trim_end().replacen('T', " ", 1);
    let day = || Date::parse(&plain, DAY).ok().map(|day| PrimitiveDateTime::new(day, Time::MIDNIGHT));
    let parsed = PrimitiveDateTime::parse(&plain, MINUTE).or_else(|_| PrimitiveDateTime::parse(&plain, SECOND)).ok();
    parsed.or_else(day).map(PrimitiveDateTime::assume_utc)
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test may stop at once")]
    use time::macros::datetime;

    use super::*;

    #[test]
    fn a_place_is_an_id_or_a_moment() {
        assert_eq!(Jump::parse(" 1240 ").unwrap(), Jump::Event(1240));
        let at = Jump::Moment(datetime!(2026-11-20 19:41 UTC));
        for text in ["2026-11-20 19:41", "2026-11-20T19:41", "2026-11-20 19:41:00 UTC", "2026-11-20T20:41:00+01:00"] {
            assert_eq!(Jump::parse(text).unwrap(), at, "{text}");
        }
        assert_eq!(Jump::parse("2026-11-20").unwrap(), Jump::Moment(datetime!(2026-11-20 00:00 UTC)));
        for text in ["yesterday", "", "2026-13-01", "19:41"] {
            assert!(Jump::parse(text).unwrap_err().to_string().contains("2026-11-20 19:41"), "{text}");
        }
    }
}
