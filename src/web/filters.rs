//! Numbers, sizes, moments and durations as pages write them.
//!
//! Each is a plain function with its tests; the filters of the templates at the end only call
//! them. Nothing here makes markup, so that askama escapes all of it.

#![expect(unreachable_pub, reason = "filter_fn makes a public method for each filter")]

use std::time::Duration;

use time::format_description::well_known::Rfc3339;
use time::{Month, OffsetDateTime};

pub(super) use crate::figures::grouped;

/// A count and its noun: `1 event`, `88 events`, `no events`.
pub(super) fn counted(count: u64, noun: &str) -> String {
    match count {
        0 => format!("no {}", plural(noun)),
        1 => format!("1 {noun}"),
        _ => format!("{} {}", grouped(count), plural(noun)),
    }
}

/// A count of events of one kind: `2 assistant turns`, `4 bots created`, else `3 events "you updated"`.
///
/// Whoever writes a domain calls a kind as they like, so only what is certain to be a noun, or a
/// noun with what was done to it, is taken for one.
pub(super) fn counted_kind(count: u64, kind: &str) -> String {
    let words = spoken(kind);
    let (before, last) = words.rsplit_once(' ').unwrap_or(("", &words));
    if NOUNS.contains(&last) {
        return counted(count, &words);
    }
    let is_done = last.ends_with("ed") || last.ends_with("written");
    if is_done && !before.is_empty() && !PRONOUNS.contains(&before) {
        return format!("{} {last}", counted(count, before));
    }
    format!("{} \u{201c}{words}\u{201d}", counted(count, "event"))
}

/// What kinds of events end in where they are nouns.
const NOUNS: [&str; 12] =
    ["turn", "update", "event", "message", "failure", "change", "note", "entry", "request", "reply", "move", "error"];
/// What is no thing that something was done to.
const PRONOUNS: [&str; 8] = ["you", "i", "we", "he", "she", "it", "they", "not"];

/// The plural of the nouns that these pages use.
fn plural(noun: &str) -> String {
    let vowel_before_y = noun.ends_with("ay") || noun.ends_with("ey") || noun.ends_with("oy");
    match noun.strip_suffix('y') {
        Some(stem) if !vowel_before_y => format!("{stem}ies"),
        _ if noun.ends_with('s') || noun.ends_with('x') || noun.ends_with("ch") => format!("{noun}es"),
        _ => format!("{noun}s"),
    }
}

/// A size: `312 B`, `12 KB`, `3.1 MB`, in thousands.
pub(super) fn size(bytes: u64) -> String {
    const UNITS: [&str; 4] = ["KB", "MB", "GB", "TB"];
    if bytes < 1000 {
        return format!("{bytes} B");
    }
    let mut value = bytes as f64 / 1000.0;
    let mut unit = 0;
    // What rounds up to 1000 belongs to the next unit.
    while value >= 999.5 && unit + 1 < UNITS.len() {
        value /= 1000.0;
        unit += 1;
    }
    let decimals = usize::from(unit > 0 && value < 9.95);
    format!("{value:.decimals$} {}", UNITS[unit])
}

/// How long something took: `under 1 ms`, `0.3 s`, `4 s`, `2 min`.
pub(super) fn took(millis: u64) -> String {
    match millis {
        0 => "under 1 ms".to_owned(),
        1..100 => format!("{millis} ms"),
        100..9_950 => format!("{:.1} s", millis as f64 / 1000.0),
        9_950..120_000 => format!("{} s", (millis + 500) / 1000),
        _ => format!("{} min", millis / 60_000),
    }
}

/// A span of time in one unit: `14 min`, `3 h`, `2 days`.
pub(super) fn span(time: Duration) -> String {
    let seconds = time.as_secs();
    match seconds {
        0..60 => format!("{seconds} s"),
        60..3_600 => format!("{} min", seconds / 60),
        3_600..172_800 => format!("{} h", seconds / 3_600),
        _ => format!("{} days", seconds / 86_400),
    }
}

/// How long ago a moment is: `just now`, `14 min ago`; `in 3 h` where it is to come.
pub(super) fn ago(at: OffsetDateTime, now: OffsetDateTime) -> String {
    let between = (now - at).unsigned_abs();
    match (between.as_secs(), at <= now) {
        (0..5, _) => "just now".to_owned(),
        (_, true) => format!("{} ago", span(between)),
        (_, false) => format!("in {}", span(between)),
    }
}

/// A moment ready to be written: always UTC, and said so; a script may make it local.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Moment {
    /// For `datetime`, to the second.
    pub(super) iso: String,
    /// `20 Nov`, with the year where it is not this one.
    pub(super) day: String,
    /// `20:41`.
    pub(super) clock: String,
    /// `14 min ago`.
    pub(super) ago: String,
    /// Whether its day is today: then the time of day says enough.
    pub(super) today: bool,
}

impl Moment {
    pub(super) fn new(at: OffsetDateTime, now: OffsetDateTime) -> Self {
        let (at, now) = (in_utc(at), in_utc(now));
        let (year, month, day) = at.to_calendar_date();
        let (hour, minute, second) = at.to_hms();
        Self {
            iso: format!("{year:04}-{:02}-{day:02}T{hour:02}:{minute:02}:{second:02}Z", u8::from(month)),
            day: date(at, now),
            clock: format!("{hour:02}:{minute:02}"),
            ago: ago(at, now),
            today: at.date() == now.date(),
        }
    }

    /// `20:41 UTC`, or `19 Nov, 20:41 UTC` where that is not today: for sentences without markup.
    pub(super) fn spoken(&self) -> String {
        if self.today { format!("{} UTC", self.clock) } else { self.dated() }
    }

    /// `19 Nov, 20:41 UTC`.
    pub(super) fn dated(&self) -> String {
        format!("{}, {} UTC", self.day, self.clock)
    }
}

/// The moment in UTC; one that has no year of four digits there stays as it is.
fn in_utc(at: OffsetDateTime) -> OffsetDateTime {
    at.checked_to_offset(time::UtcOffset::UTC).unwrap_or(at)
}

/// The day until which something is kept: `4 December`, or `4 January 2027` where that is not this
/// year.
pub(super) fn until(at: OffsetDateTime, now: OffsetDateTime) -> String {
    let (at, now) = (in_utc(at), in_utc(now));
    let year = if at.year() == now.year() { String::new() } else { format!(" {}", at.year()) };
    format!("{} {}{year}", at.day(), at.month())
}

/// `20 Nov`, or `20 Nov 2025` where that is not this year.
fn date(at: OffsetDateTime, now: OffsetDateTime) -> String {
    let year = if at.year() == now.year() { String::new() } else { format!(" {}", at.year()) };
    format!("{} {}{year}", at.day(), month(at.month()))
}

fn month(month: Month) -> &'static str {
    const NAMES: [&str; 12] = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
    NAMES[usize::from(u8::from(month)) - 1]
}

/// `Today`, `Yesterday`, else the date: the headings of lists.
pub(super) fn day(at: OffsetDateTime, now: OffsetDateTime) -> String {
    let (at, now) = (in_utc(at), in_utc(now));
    match now.date().to_julian_day() - at.date().to_julian_day() {
        0 => "Today".to_owned(),
        1 => "Yesterday".to_owned(),
        _ => date(at, now),
    }
}

/// The kind of an event as words: `assistant_turn` is an assistant turn.
pub(super) fn spoken(kind: &str) -> String {
    super::words::visible(&kind.replace(['_', '-'], " "))
}

/// The beginning of a text, at most so many characters of it, and whether that is not all.
pub(super) fn cut(text: &str, most: usize) -> (String, bool) {
    match text.char_indices().nth(most) {
        Some((end, _)) => (format!("{}\u{2026}", text[..end].trim_end()), true),
        None => (text.to_owned(), false),
    }
}

/// The day and the time of a text that is a moment, both as they are written: `2026-11-20`, `T20:41:12Z`.
pub(super) fn moment(text: &str) -> Option<(&str, &str)> {
    OffsetDateTime::parse(text, &Rfc3339).ok()?;
    text.split_at_checked("2026-11-20".len())
}

/// What a query field may hold without being taken for something else.
pub(super) fn encoded(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.' | b'~') {
            encoded.push(char::from(byte));
        } else {
            encoded.push_str(&format!("%{byte:02X}"));
        }
    }
    encoded
}

/// `{{ count|commas }}`.
#[askama::filter_fn]
pub(super) fn commas(count: &u64, _: &dyn askama::Values) -> askama::Result<String> {
    Ok(grouped(*count))
}

/// `{{ count|nouns("event") }}`.
#[askama::filter_fn]
pub(super) fn nouns(count: &u64, _: &dyn askama::Values, noun: &str) -> askama::Result<String> {
    Ok(counted(*count, noun))
}

/// `{{ bytes|bytes }}`.
#[askama::filter_fn]
pub(super) fn bytes(bytes: &u64, _: &dyn askama::Values) -> askama::Result<String> {
    Ok(size(*bytes))
}

#[cfg(test)]
mod tests {
    use time::macros::datetime;

    use super::*;

    const NOW: OffsetDateTime = datetime!(2026-11-20 20:55:30 UTC);

    #[test]
    fn a_moment_is_read_as_its_day_and_its_time() {
        assert_eq!(moment("2026-11-20T20:41:12Z"), Some(("2026-11-20", "T20:41:12Z")));
        for text in ["", "2026-11-20", "20:41", "event 2026-11-20T20:41:12Z", "\u{e9}\u{e9}\u{e9}\u{e9}\u{e9}\u{e9}"] {
            assert_eq!(moment(text), None, "{text}");
        }
    }

    #[test]
    fn nouns_follow_their_count() {
        assert_eq!(counted(0, "event"), "no events");
        assert_eq!(counted(1, "event"), "1 event");
        assert_eq!(counted(1340, "event"), "1,340 events");
        assert_eq!(counted(2, "copy"), "2 copies");
        assert_eq!(counted(2, "day"), "2 days");
    }

    #[test]
    fn kinds_that_are_no_nouns_stand_in_quotes() {
        assert_eq!(counted_kind(8, "assistant_turn"), "8 assistant turns");
        assert_eq!(counted_kind(1, "edge-update"), "1 edge update");
        assert_eq!(
            [counted_kind(4, "bot_created"), counted_kind(1, "bot_created")],
            ["4 bots created", "1 bot created"]
        );
        assert_eq!(counted_kind(12, "memory_written"), "12 memories written");
        assert_eq!(counted_kind(3, "you_updated"), "3 events \u{201c}you updated\u{201d}");
        assert_eq!(counted_kind(1, "nope"), "1 event \u{201c}nope\u{201d}");
        assert_eq!(counted_kind(2, "created"), "2 events \u{201c}created\u{201d}");
    }

    #[test]
    fn sizes_have_two_figures_at_most_after_kilobytes() {
        let seen = [0, 312, 999, 1_000, 12_288, 999_499, 999_500, 3_140_000, 31_400_000, 999_600_000].map(size);
        assert_eq!(seen, ["0 B", "312 B", "999 B", "1 KB", "12 KB", "999 KB", "1.0 MB", "3.1 MB", "31 MB", "1.0 GB"]);
    }

    #[test]
    fn durations_are_short() {
        assert_eq!(
            [0, 7, 312, 9_949, 9_950, 61_000, 120_000].map(took),
            ["under 1 ms", "7 ms", "0.3 s", "9.9 s", "10 s", "61 s", "2 min"]
        );
    }

    #[test]
    fn moments_say_when_and_how_long_ago() {
        let moment = Moment::new(datetime!(2026-11-20 20:41:12.5 UTC), NOW);
        assert_eq!((moment.day.as_str(), moment.clock.as_str()), ("20 Nov", "20:41"));
        assert_eq!(moment.ago, "14 min ago");
        assert_eq!(moment.iso, "2026-11-20T20:41:12Z");
        assert_eq!(Moment::new(datetime!(2025-01-02 03:04 UTC), NOW).day, "2 Jan 2025");
        assert_eq!(Moment::new(datetime!(2026-11-20 23:30 +03:00), NOW).clock, "20:30");
        assert_eq!(ago(NOW + Duration::from_secs(3 * 3600), NOW), "in 3 h");
        assert_eq!(ago(NOW, NOW), "just now");
    }

    #[test]
    fn lists_are_headed_by_days() {
        assert_eq!(day(NOW, NOW), "Today");
        assert_eq!(day(datetime!(2026-11-19 23:59 UTC), NOW), "Yesterday");
        assert_eq!(day(datetime!(2026-11-18 23:59 UTC), NOW), "18 Nov");
    }

    #[test]
    fn today_needs_no_date() {
        assert_eq!(Moment::new(datetime!(2026-11-20 00:01 UTC), NOW).spoken(), "00:01 UTC");
        assert_eq!(Moment::new(datetime!(2026-11-19 23:59 UTC), NOW).spoken(), "19 Nov, 23:59 UTC");
    }

    #[test]
    fn a_long_text_is_cut_between_characters() {
        assert_eq!(cut("näher", 5), ("näher".to_owned(), false));
        assert_eq!(cut("näher komm", 6), ("näher\u{2026}".to_owned(), true));
    }

    #[test]
    fn links_carry_any_text() {
        assert_eq!(encoded("a b&c=é/"), "a%20b%26c%3D%C3%A9%2F");
    }
}
