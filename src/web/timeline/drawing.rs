//! The timeline as a picture: where bars, knots, loops and labels stand.
//!
//! Across, places are hundredths of the width, so that one picture fits every width without scaling
//! its text; down, they are pixels. What is too near to tell apart is judged by the smallest width
//! that the picture is shown at.

use super::axis::Axis;
use super::labels::{Label, labels};
use super::{Deed, Knot, Moments};

/// Height of the tallest bar.
const BAR: u64 = 56;
/// Marks nearer than this become one.
const NEAR: f64 = 16.0;
/// Between the words of two loops on one line.
const APART: f64 = 16.0;
/// From the seam's marks down to the first loop, and from loop to loop.
const FIRST_LANE: u32 = 92;
const LANE: u32 = 40;

/// What a width allows.
#[derive(Debug, Clone, Copy)]
pub(super) struct Room {
    pub(in crate::web) class: &'static str,
    /// The smallest width that it is drawn at, in pixels.
    pub(in crate::web) width: f64,
    /// The most steps of its axis.
    pub(in crate::web) steps: i64,
    /// The most loops one below the other.
    lanes: usize,
    /// Whether loops have their words in short.
    brief: bool,
}

/// From 768 px, and below.
pub(super) const ROOMS: [Room; 2] = [
    Room { class: "wide", width: 640.0, steps: 96, lanes: 4, brief: false },
    Room { class: "small", width: 212.0, steps: 44, lanes: 3, brief: true },
];

/// The picture for one room.
#[derive(Debug)]
pub(in crate::web) struct Drawing {
    pub(in crate::web) class: &'static str,
    pub(in crate::web) height: u32,
    /// Where the labels of the axis stand.
    pub(in crate::web) foot: u32,
    /// Steps, ten units each, that the bars are drawn over.
    pub(in crate::web) units: i64,
    /// All bars as one path.
    pub(in crate::web) bars: String,
    /// `Bars: events per 10 minutes, 60 at most.`
    pub(in crate::web) caption: String,
    pub(in crate::web) folds: Vec<String>,
    pub(in crate::web) labels: Vec<Label>,
    pub(in crate::web) marks: Vec<Mark>,
    pub(in crate::web) loops: Vec<Loop>,
}

/// A knot on the seam, or several that are too near to tell apart.
#[derive(Debug)]
pub(in crate::web) struct Mark {
    pub(in crate::web) x: String,
    pub(in crate::web) symbol: &'static str,
    pub(in crate::web) pinned: bool,
    /// How many; 1 is drawn as itself.
    pub(in crate::web) count: usize,
    pub(in crate::web) title: String,
    pub(in crate::web) url: String,
    place: f64,
}

/// A loop under the seam: events that were taken back.
#[derive(Debug)]
pub(in crate::web) struct Loop {
    pub(in crate::web) x: String,
    pub(in crate::web) width: String,
    /// Its top, and where its words stand.
    pub(in crate::web) y: u32,
    pub(in crate::web) line: u32,
    pub(in crate::web) words: Label,
    pub(in crate::web) clock: String,
    pub(in crate::web) title: String,
    pub(in crate::web) url: String,
    /// The events are back.
    pub(in crate::web) undone: bool,
}

impl Drawing {
    /// None where nothing happened in the time shown.
    pub(super) fn new(room: Room, seen: &Moments) -> Option<Self> {
        let axis = Axis::new(&seen.minutes(), room.steps)?;
        let (bars, most) = bars(&axis, seen);
        let loops = loops(&axis, room, &seen.deeds);
        let lanes = loops.iter().map(|one| one.y).max().map_or(0, |y| y + LANE - FIRST_LANE);
        let foot = FIRST_LANE + lanes + 14;
        Some(Self {
            class: room.class,
            height: foot + 8,
            foot,
            units: axis.steps * 10,
            bars,
            caption: caption(axis.step, most),
            folds: axis.folds().map(percent).collect(),
            labels: labels(&axis, room.width, seen.now),
            marks: marks(&axis, room, &seen.knots),
            loops,
        })
    }
}

/// A place as an attribute.
pub(super) fn percent(place: f64) -> String {
    format!("{place:.2}%")
}

/// One path of all bars, and the count of the tallest.
fn bars(axis: &Axis, seen: &Moments) -> (String, u64) {
    let mut counts = vec![0; usize::try_from(axis.steps).unwrap_or_default() + 1];
    for &(minute, events) in &seen.events {
        if let Some(count) = usize::try_from(axis.bar(minute)).ok().and_then(|at| counts.get_mut(at)) {
            *count += events;
        }
    }
    let most: u64 = counts.iter().copied().max().unwrap_or_default();
    let bar = |(at, &count): (usize, &u64)| {
        // One event among many thousands is still seen.
        let height = (count * BAR).div_ceil(most.max(1)).max(2);
        (count > 0).then(|| format!("M{} {BAR}v-{height}h8v{height}z", at * 10 + 1))
    };
    (counts.iter().enumerate().filter_map(bar).collect(), most)
}

fn caption(step: i64, most: u64) -> String {
    if most == 0 {
        return "No events in this time.".to_owned();
    }
    let per = match step {
        1 => "minute".to_owned(),
        2..60 => format!("{step} minutes"),
        60 => "hour".to_owned(),
        61..1440 => format!("{} hours", step / 60),
        1440 => "day".to_owned(),
        10_080 => "week".to_owned(),
        _ => format!("{} days", step / 1440),
    };
    format!("Bars: events per {per}, {} at most.", super::grouped(most))
}

fn marks(axis: &Axis, room: Room, knots: &[Knot]) -> Vec<Mark> {
    let mut marks: Vec<Mark> = Vec::new();
    for knot in knots {
        let place = axis.percent(knot.at.minute);
        match marks.last_mut() {
            Some(last) if (place - last.place) * room.width / 100.0 < NEAR => last.join(knot),
            _ => marks.push(Mark {
                x: percent(place),
                symbol: knot.symbol,
                pinned: knot.pinned,
                count: 1,
                title: knot.title.clone(),
                url: knot.url.clone(),
                place,
            }),
        }
    }
    marks
}

impl Mark {
    /// Takes in one that is too near to stand by itself.
    fn join(&mut self, knot: &Knot) {
        self.count += 1;
        self.pinned |= knot.pinned;
        if knot.symbol == "damaged" || self.symbol == "damaged" {
            self.symbol = "damaged";
        } else {
            self.symbol = "round";
        }
        let damaged = if self.symbol == "damaged" { ", at least one of them damaged" } else { "" };
        self.title = format!("{} snapshots to {}{damaged}", self.count, knot.at.moment.dated());
        super::links::SNAPSHOTS.clone_into(&mut self.url);
    }

    /// Of the circle around its count.
    pub(in crate::web) fn radius(&self) -> &'static str {
        match self.count {
            0..10 => "8.5",
            10..100 => "11",
            _ => "14",
        }
    }

    /// Whether it is drawn with its count.
    pub(in crate::web) fn is_many(&self) -> bool {
        self.count > 1
    }
}

fn loops(axis: &Axis, room: Room, deeds: &[Deed]) -> Vec<Loop> {
    let mut lanes: Vec<f64> = vec![f64::INFINITY; room.lanes];
    let mut loops = Vec::new();
    // The newest first, from right to left: they matter most where there is not room for all.
    for deed in deeds.iter().rev() {
        let (from, to) = (axis.percent(deed.from), axis.percent(deed.at.minute));
        let narrowest = 1400.0 / room.width;
        let left = from.min(to - narrowest).max(0.0);
        let words = if room.brief { &deed.brief } else { &deed.words };
        let words = Label::near((left + to) / 2.0, words.clone(), deed.at.moment.iso.clone(), 6, room.width);
        let (begins, ends) = words.extent();
        let Some(lane) = lanes.iter().position(|used| ends.max(to) < *used) else { continue };
        if let Some(used) = lanes.get_mut(lane) {
            *used = begins.min(left) - APART * 100.0 / room.width;
        }
        let y = FIRST_LANE + LANE * u32::try_from(lane).unwrap_or_default();
        loops.push(Loop {
            x: percent(left),
            width: percent(to - left),
            y,
            line: y + 22,
            words,
            clock: deed.at.moment.clock.clone(),
            title: deed.title.clone(),
            url: deed.url.clone(),
            undone: deed.undone,
        });
    }
    loops
}
