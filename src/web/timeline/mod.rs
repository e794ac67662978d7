//! The timeline of the overview: bars of events, the seam with a knot for each snapshot, a loop
//! under it for each time that events were taken back.
//!
//! It is drawn twice, for wide pages and for small ones, and the style sheet shows one; the same
//! links stand under it as a list.

mod axis;
mod drawing;
mod labels;

use time::{Duration, OffsetDateTime};

use self::drawing::{Drawing, ROOMS};
use super::filters::{Moment, counted, grouped};
use super::links;
use super::snapshots::{Name, Row};
use crate::engine::TakenBack;
use crate::error::{Error, Result};
use crate::log::Census;
use crate::snapshot::Snapshot;

/// Links of the list; the pages of snapshots and history have the rest.
const LISTED: usize = 40;
/// Minutes with events that a span has to have to be shown unasked.
const ENOUGH: usize = 5;
/// Going back that is looked at.
pub(super) const DEEDS: u64 = 40;

/// How far back the timeline goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Span {
    /// Not since midnight: where the reader has midnight a server cannot know.
    Day,
    Week,
    All,
}

impl Span {
    const EACH: [Self; 3] = [Self::Day, Self::Week, Self::All];

    /// The field `show`.
    ///
    /// # Errors
    ///
    /// Malformed where it is none of the words.
    pub(super) fn parse(word: &str) -> Result<Self> {
        let found = Self::EACH.into_iter().find(|span| span.word() == word);
        found.ok_or_else(|| Error::malformed("show must be one of day, week, all"))
    }

    fn word(self) -> &'static str {
        match self {
            Self::Day => "day",
            Self::Week => "week",
            Self::All => "all",
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::Day => "24 hours",
            Self::Week => "7 days",
            Self::All => "all",
        }
    }

    /// The first minute that is shown.
    fn begins(self, now: OffsetDateTime) -> i64 {
        match self {
            Self::Day => minute(now - Duration::DAY) as i64,
            Self::Week => minute(now - Duration::WEEK) as i64,
            Self::All => i64::MIN,
        }
    }

    /// The shortest span in which enough happened to have a course.
    fn fitting(census: &Census, now: OffsetDateTime) -> Self {
        let minutes = |span: &Self| census.minutes().range(span.begins(now)..).take(ENOUGH).count();
        Self::EACH.into_iter().find(|span| minutes(span) == ENOUGH).unwrap_or(Self::All)
    }
}

/// When something happened, for the axis and for people.
#[derive(Debug, Clone)]
struct When {
    minute: f64,
    moment: Moment,
}

impl When {
    fn new(at: OffsetDateTime, now: OffsetDateTime) -> Self {
        Self { minute: minute(at), moment: Moment::new(at, now) }
    }
}

/// A snapshot on the seam.
#[derive(Debug)]
struct Knot {
    at: When,
    symbol: &'static str,
    pinned: bool,
    title: String,
    url: String,
}

/// Events taken back, from the moment that the store went back to, to the moment that it did.
#[derive(Debug)]
struct Deed {
    from: f64,
    at: When,
    /// Its words but for the time of day, which is told after them.
    words: String,
    brief: String,
    title: String,
    url: String,
    /// They are back in the log.
    undone: bool,
}

/// Everything that happened in the time shown, in order of time.
struct Moments {
    /// Minutes and the events in them.
    events: Vec<(i64, u64)>,
    knots: Vec<Knot>,
    deeds: Vec<Deed>,
    now: OffsetDateTime,
}

impl Moments {
    /// All minutes that the axis must have, in order.
    fn minutes(&self) -> Vec<i64> {
        let events = self.events.iter().map(|(minute, _)| *minute);
        let knots = self.knots.iter().map(|knot| knot.at.minute as i64);
        let deeds = self.deeds.iter().map(|deed| deed.at.minute as i64);
        let mut minutes: Vec<i64> = events.chain(knots).chain(deeds).collect();
        minutes.sort_unstable();
        minutes.dedup();
        minutes
    }
}

/// The timeline, ready to be drawn. Its parts are drawn in order of time.
pub(super) struct Timeline {
    /// Each span with its address, and whether it is the one shown.
    pub(super) spans: Vec<(&'static str, String, bool)>,
    /// One for each room; none where nothing happened in the time shown.
    pub(super) drawings: Vec<Drawing>,
    /// What it shows, in one sentence.
    pub(super) sentence: String,
    /// The log's last event, at the seam's end.
    pub(super) head: i64,
    pub(super) list: Vec<Item>,
    /// Not in the list any more.
    pub(super) more: u64,
}

/// One link of the list.
pub(super) struct Item {
    pub(super) at: Moment,
    pub(super) mark: &'static str,
    pub(super) words: String,
    pub(super) url: String,
}

impl Timeline {
    pub(super) fn new(
        asked: Option<Span>,
        census: &Census,
        snapshots: &[Snapshot],
        taken_back: &[TakenBack],
        head: i64,
        now: OffsetDateTime,
    ) -> Self {
        let span = asked.unwrap_or_else(|| Span::fitting(census, now));
        let begins = span.begins(now);
        let mut seen = Moments {
            events: census.minutes().range(begins..).map(|(minute, events)| (*minute, events.events)).collect(),
            knots: snapshots.iter().map(|one| knot(one, now)).collect(),
            deeds: taken_back.iter().map(|one| deed(one, now)).collect(),
            now,
        };
        seen.knots.retain(|knot| knot.at.minute >= begins as f64);
        seen.deeds.retain(|deed| deed.at.minute >= begins as f64);
        Self::of(seen, span, head)
    }

    /// Each mark once, for the page of components.
    pub(super) fn made_up(now: OffsetDateTime) -> Self {
        let at = |ago: i64| When::new(now - Duration::minutes(ago), now);
        let knot = |ago, symbol, title: &str| Knot {
            at: at(ago),
            symbol,
            pinned: title.ends_with("pinned"),
            title: title.to_owned(),
            url: links::SNAPSHOTS.to_owned(),
        };
        let deed = Deed {
            from: at(90).minute,
            at: at(40),
            words: "took back 88 events, to 1240, ".to_owned(),
            brief: "\u{2212}88, ".to_owned(),
            title: "took back 88 events, to 1240".to_owned(),
            url: links::HISTORY.to_owned(),
            undone: false,
        };
        let undone = Deed {
            from: at(345).minute,
            at: at(310),
            words: "took back 12 events, to 880, undone, ".to_owned(),
            brief: "\u{2212}12, undone, ".to_owned(),
            title: "took back 12 events, to 880, undone".to_owned(),
            url: links::HISTORY.to_owned(),
            undone: true,
        };
        let knots = vec![
            knot(350, "round", "checkpoint, automatic at event 900"),
            knot(330, "damaged", "checkpoint, automatic, damaged"),
            knot(100, "round", "checkpoint, by hand at event 1301, pinned"),
            knot(40, "diamond", "safety copy before the rewind to 1240 at event 1328"),
            knot(6, "round", "checkpoint, automatic at event 1400"),
            knot(5, "round", "checkpoint, automatic at event 1428"),
        ];
        let events = (0..360).filter(|ago| !(120..300).contains(ago));
        let events = events.map(|ago| (at(ago).minute as i64, 1 + ago.unsigned_abs() * 7 % 11)).collect();
        Self::of(Moments { events, knots, deeds: vec![undone, deed], now }, Span::Day, 1428)
    }

    fn of(mut seen: Moments, span: Span, head: i64) -> Self {
        seen.events.sort_unstable();
        seen.knots.sort_by(|a, b| a.at.minute.total_cmp(&b.at.minute));
        seen.deeds.sort_by(|a, b| a.at.minute.total_cmp(&b.at.minute));
        let mut list = list(&seen);
        let more = list.len().saturating_sub(LISTED) as u64;
        list.truncate(LISTED);
        Self {
            spans: Span::EACH.map(|each| (each.name(), links::overview_of(each.word()), each == span)).to_vec(),
            drawings: ROOMS.into_iter().filter_map(|room| Drawing::new(room, &seen)).collect(),
            sentence: sentence(&seen),
            head,
            list,
            more,
        }
    }
}

fn knot(snapshot: &Snapshot, now: OffsetDateTime) -> Knot {
    let row = Row::new(snapshot, snapshot.last_event_id.unwrap_or_default(), now);
    let Name { mark, what, to, label, pinned } = row.name;
    let to = to.map(|at| format!(" {}", at.spoken())).unwrap_or_default();
    let label = label.map(|label| format!("\u{201c}{label}\u{201d}, ")).unwrap_or_default();
    let state = match (mark, snapshot.last_event_id) {
        ("damaged", _) => ", damaged".to_owned(),
        (_, Some(event)) => format!(" at event {event}"),
        _ => String::new(),
    };
    Knot {
        at: When::new(snapshot.created_at, now),
        symbol: mark,
        pinned,
        title: format!("{label}{what}{to}{state}{}", if pinned { ", pinned" } else { "" }),
        url: row.plan,
    }
}

fn deed(taken: &TakenBack, now: OffsetDateTime) -> Deed {
    let at = When::new(taken.operation.at, now);
    let events = counted(taken.events, "event");
    let to = if taken.to == 0 { "before the first event".to_owned() } else { taken.to.to_string() };
    let undone = if taken.undone { ", undone" } else { "" };
    Deed {
        from: taken.since.map_or(at.minute, minute),
        words: format!("took back {events}, to {to}{undone}, "),
        brief: format!("\u{2212}{}{undone}, ", grouped(taken.events)),
        title: format!("took back {events}, to {to}{undone}"),
        undone: taken.undone,
        url: links::history_from(taken.operation.operation),
        at,
    }
}

fn list(seen: &Moments) -> Vec<Item> {
    let knots = seen.knots.iter().map(|knot| (&knot.at, knot.symbol, &knot.title, &knot.url));
    let deeds = seen.deeds.iter().map(|deed| (&deed.at, "back", &deed.title, &deed.url));
    let mut all: Vec<_> = knots.chain(deeds).collect();
    all.sort_by(|a, b| b.0.minute.total_cmp(&a.0.minute));
    let item = |(at, mark, words, url): (&When, _, &String, &String)| Item {
        at: at.moment.clone(),
        mark,
        words: words.clone(),
        url: url.clone(),
    };
    all.into_iter().map(item).collect()
}

/// `1,340 events from 20 Nov, 15:00 UTC to 20:41 UTC, 7 snapshots, events taken back once.`
fn sentence(seen: &Moments) -> String {
    let minutes = seen.minutes();
    let (Some(first), Some(last)) = (minutes.first(), minutes.last()) else {
        return "Nothing happened in this time.".to_owned();
    };
    let events = seen.events.iter().map(|(_, events)| events).sum();
    let back = match seen.deeds.len() {
        0 => String::new(),
        1 => ", events taken back once".to_owned(),
        times => format!(", events taken back {times} times"),
    };
    format!(
        "{} and {} from {} to {}{back}.",
        counted(events, "event"),
        counted(seen.knots.len() as u64, "snapshot"),
        moment_at(*first, seen.now).dated(),
        moment_at(*last, seen.now).dated(),
    )
}

fn minute(at: OffsetDateTime) -> f64 {
    at.unix_timestamp() as f64 / 60.0
}

/// The moment at which a minute begins.
fn moment_at(minute: i64, now: OffsetDateTime) -> Moment {
    let at = OffsetDateTime::from_unix_timestamp(minute.saturating_mul(60));
    Moment::new(at.unwrap_or(OffsetDateTime::UNIX_EPOCH), now)
}

#[cfg(test)]
mod tests;
