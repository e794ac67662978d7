//! The moment, from a clock that tests can set.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use time::format_description::well_known::{Iso8601, Rfc3339};
use time::{OffsetDateTime, UtcOffset};

/// Tells the moment in UTC.
#[derive(Clone)]
pub struct Clock(Arc<dyn Fn() -> OffsetDateTime + Send + Sync>);

impl Clock {
    /// The machine's clock.
    pub fn system() -> Self {
        Self(Arc::new(OffsetDateTime::now_utc))
    }

    /// A clock of the caller's.
    pub fn new(now: impl Fn() -> OffsetDateTime + Send + Sync + 'static) -> Self {
        Self(Arc::new(now))
    }

    /// The moment.
    pub fn now(&self) -> OffsetDateTime {
        (self.0)()
    }
}

impl Default for Clock {
    fn default() -> Self {
        Self::system()
    }
}

impl fmt::Debug for Clock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Clock")
    }
}

/// A moment as RFC 3339 text.
pub fn rfc3339(moment: OffsetDateTime) -> String {
    // Only a year over 9999 has no such form.
    moment.format(&Rfc3339).unwrap_or_default()
}

/// RFC 3339 text as a moment in UTC; none where it is not, or no year of four digits there.
pub fn parse_rfc3339(text: &str) -> Option<OffsetDateTime> {
    in_utc(OffsetDateTime::parse(text, &Rfc3339).ok()?)
}

/// The same of any date, time and offset that ISO 8601 has, such as `20260131T1200+02`.
pub fn parse_iso8601(text: &str) -> Option<OffsetDateTime> {
    parse_rfc3339(text).or_else(|| in_utc(OffsetDateTime::parse(text, &Iso8601::DEFAULT).ok()?))
}

fn in_utc(moment: OffsetDateTime) -> Option<OffsetDateTime> {
    moment.checked_to_offset(UtcOffset::UTC).filter(|moment| (0..=9999).contains(&moment.year()))
}

/// The moment so long after another; none where it lies beyond what a calendar of four digits has,
/// which is as good as never.
pub fn after(moment: OffsetDateTime, time: Duration) -> Option<OffsetDateTime> {
    moment.checked_add(time::Duration::try_from(time).ok()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_moment_at_the_end_of_the_calendar_is_none_or_a_moment_and_never_a_panic() {
        assert_eq!(parse_rfc3339("9999-12-31T23:59:59-23:00"), None);
        assert_eq!(parse_rfc3339("0000-01-01T00:00:00+23:00"), None);
        let last = parse_rfc3339("9999-12-31T23:59:59Z");
        assert!(last.is_some_and(|last| after(last, Duration::from_secs(1)).is_none()));
        assert_eq!(after(OffsetDateTime::UNIX_EPOCH, Duration::MAX), None);
    }

    #[test]
    fn a_moment_may_be_written_in_any_way_of_iso_8601_that_has_an_offset() {
        let noon = parse_rfc3339("2026-01-31T10:00:00Z");
        for text in ["2026-01-31T12:00:00+02:00", "2026-01-31T12:00:00+0200", "20260131T100000Z", "2026-01-31T10:00Z"] {
            assert_eq!(parse_iso8601(text), noon, "{text}");
        }
        for text in ["2026-01-31T12:00:00", "2026-01-31", "noon"] {
            assert_eq!(parse_iso8601(text), None, "{text}");
        }
    }
}
