//! The labels of the timeline's axis: moments, as many as stand side by side.

use time::OffsetDateTime;

use super::axis::Axis;
use super::drawing::percent;
use super::moment_at;

/// The width of a letter at the labels' size, in pixels, rather too much.
const LETTER: f64 = 7.0;
/// Between two labels.
const GAP: f64 = 14.0;
/// Right of the axis there is room for the end of a label.
const MARGIN: f64 = 30.0;
/// Minutes between labels within a stretch: those that people count in.
const PERIODS: [i64; 12] = [5, 10, 15, 30, 60, 120, 240, 480, 720, 1440, 10_080, 43_200];
/// With steps of so many minutes the axis has several days, and today's beginning is a day too.
const LONG: i64 = 15;
/// Minutes of a day.
const DAY: i64 = 1440;

/// Words at a place of the picture.
#[derive(Debug, Clone)]
pub(in crate::web) struct Label {
    pub(in crate::web) x: String,
    /// The side of the words that is at the place.
    pub(in crate::web) anchor: &'static str,
    pub(in crate::web) words: String,
    pub(in crate::web) iso: String,
    /// In which form a script makes it local.
    pub(in crate::web) form: &'static str,
    from: f64,
    to: f64,
}

impl Label {
    /// As near to a place as there is room for, with so many letters more than its words.
    pub(super) fn near(place: f64, words: String, iso: String, more: usize, width: f64) -> Self {
        let length = (words.chars().count() + more) as f64 * LETTER * 100.0 / width;
        let (anchor, from) = match place {
            _ if place < length / 2.0 => ("start", 0.0),
            _ if place > 100.0 - length / 2.0 => ("end", 100.0 - length),
            _ => ("middle", place - length / 2.0),
        };
        let x = match anchor {
            "start" => 0.0,
            "end" => 100.0,
            _ => place,
        };
        Self { x: percent(x), anchor, words, iso, form: "clock", from, to: from + length }
    }

    /// From where to where it reaches, in hundredths.
    pub(super) fn extent(&self) -> (f64, f64) {
        (self.from, self.to)
    }

    fn from_place(place: f64, tick: Tick, width: f64) -> Self {
        let length = tick.words.chars().count() as f64 * LETTER * 100.0 / width;
        let is_late = place + length > 100.0 + MARGIN * 100.0 / width;
        let (anchor, from) = if is_late { ("end", place - length) } else { ("start", place) };
        let Tick { words, iso, form } = tick;
        Self { x: percent(place), anchor, words, iso, form, from, to: from + length }
    }

    fn is_clear_of(&self, other: &Self, width: f64) -> bool {
        let gap = GAP * 100.0 / width;
        self.to + gap <= other.from || other.to + gap <= self.from
    }
}

struct Tick {
    words: String,
    iso: String,
    form: &'static str,
}

/// The labels: of each stretch's beginning, the newest first, then between them.
pub(super) fn labels(axis: &Axis, width: f64, now: OffsetDateTime) -> Vec<Label> {
    let mut labels: Vec<Label> = Vec::new();
    // After another day a time of day alone would be taken for one of that day.
    let dated = axis.stretches.first().is_some_and(|first| !moment_at(first.from, now).today);
    let mut add = |minute: i64, begins: bool| {
        let place = axis.percent(minute as f64);
        // Where there is no room for the whole moment, its day may fit.
        for tick in ticks(minute, axis.step, begins, dated, now) {
            let label = Label::from_place(place, tick, width);
            if label.from >= 0.0 && labels.iter().all(|other| label.is_clear_of(other, width)) {
                labels.push(label);
                break;
            }
        }
    };
    for stretch in axis.stretches.iter().rev() {
        add(stretch.from, true);
    }
    let step = width / axis.steps as f64;
    let period = PERIODS.into_iter().find(|period| *period as f64 / axis.step as f64 * step >= 96.0);
    for stretch in &axis.stretches {
        let Some(period) = period else { break };
        let first = (stretch.from.div_euclid(period) + 1) * period;
        for minute in (first..stretch.until).step_by(usize::try_from(period).unwrap_or(1)) {
            add(minute, false);
        }
    }
    labels
}

/// The ways to write a moment, the best first. Where a step is a third of a day, the time of day
/// says nothing. `begins`: it is the first of its stretch; `dated`: today is not the only day.
fn ticks(minute: i64, step: i64, begins: bool, dated: bool, now: OffsetDateTime) -> Vec<Tick> {
    let at = moment_at(minute, now);
    let is_midnight = minute.rem_euclid(DAY) == 0;
    let day = Tick { words: at.day.clone(), iso: at.iso.clone(), form: "day" };
    match () {
        () if step >= DAY / 3 || (is_midnight && (!begins || step >= LONG)) || (begins && at.today && step >= LONG) => {
            vec![day]
        }
        () if begins && dated => {
            vec![Tick { words: format!("{}, {}", at.day, at.clock), iso: at.iso, form: "moment" }, day]
        }
        () => vec![Tick { words: at.clock, iso: at.iso, form: "clock" }],
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test may stop at once")]
    use time::macros::datetime;

    use super::*;

    #[test]
    fn labels_never_overlap_and_the_newest_stretch_has_one() {
        let now = datetime!(1970-01-09 12:00 UTC);
        let minutes: Vec<i64> = (0..8).flat_map(|day| (0..200).map(move |minute| day * 1440 + 540 + minute)).collect();
        for (width, steps) in [(640.0, 96), (212.0, 44)] {
            let axis = Axis::new(&minutes, steps).unwrap();
            let labels = labels(&axis, width, now);
            for (at, one) in labels.iter().enumerate() {
                assert!(labels.iter().skip(at + 1).all(|other| one.is_clear_of(other, width)), "{labels:?}");
            }
            assert!(labels.len() >= 2, "{labels:?}");
            assert!(labels[0].words.starts_with("8 Jan"), "{labels:?}");
        }
    }

    #[test]
    fn after_another_day_todays_beginning_has_its_day() {
        let now = datetime!(1970-01-09 12:00 UTC);
        let today = 8 * DAY + 540;
        let axis = Axis::new(&(540..600).chain(today..today + 60).collect::<Vec<_>>(), 96).unwrap();
        let words: Vec<String> = labels(&axis, 640.0, now).into_iter().map(|label| label.words).collect();
        assert!(words[0].starts_with("9 Jan") && words[1].starts_with("1 Jan"), "{words:?}");
    }

    #[test]
    fn todays_labels_are_times_of_day() {
        let now = datetime!(1970-01-01 12:00 UTC);
        let axis = Axis::new(&(540..720).collect::<Vec<_>>(), 96).unwrap();
        let words: Vec<String> = labels(&axis, 520.0, now).into_iter().map(|label| label.words).collect();
        assert_eq!(words[0], "09:00");
        assert!(words.iter().all(|word| word.len() == 5), "{words:?}");
    }
}
