//! Tests of the timeline, from what happened to where it is drawn.

#![expect(clippy::unwrap_used, reason = "a test may stop at once")]
use time::macros::datetime;

use super::*;

const NOW: OffsetDateTime = datetime!(2026-11-20 21:00 UTC);

fn at(minutes_ago: i64) -> When {
    When::new(NOW - Duration::minutes(minutes_ago), NOW)
}

fn knot_at(minutes_ago: i64, symbol: &'static str, pinned: bool) -> Knot {
    let title = format!("{symbol} {minutes_ago}");
    Knot { at: at(minutes_ago), symbol, pinned, url: format!("/{minutes_ago}"), title }
}

fn deed_at(minutes_ago: i64, length: i64) -> Deed {
    Deed {
        from: at(minutes_ago + length).minute,
        at: at(minutes_ago),
        words: "took back 88 events, to 1240, ".into(),
        brief: "\u{2212}88, ".into(),
        title: "took back".into(),
        url: "/history".into(),
        undone: false,
    }
}

fn seen(events: Vec<(i64, u64)>, knots: Vec<Knot>, deeds: Vec<Deed>) -> Moments {
    Moments { events, knots, deeds, now: NOW }
}

fn drawn(seen: &Moments) -> [Drawing; 2] {
    ROOMS.map(|room| Drawing::new(room, seen).unwrap())
}

fn minutes_of_a_morning() -> Vec<(i64, u64)> {
    (0..300).map(|minute| (at(300 - minute).minute as i64, 1 + minute as u64 % 7)).collect()
}

#[test]
fn marks_that_are_too_near_become_one_with_a_count() {
    let knots = vec![knot_at(200, "round", false), knot_at(11, "diamond", false), knot_at(10, "round", true)];
    for drawing in drawn(&seen(minutes_of_a_morning(), knots, vec![])) {
        let counts: Vec<usize> = drawing.marks.iter().map(|mark| mark.count).collect();
        assert_eq!(counts, [1, 2]);
        assert_eq!(drawing.marks[1].url, links::SNAPSHOTS);
        assert!(drawing.marks[1].pinned);
        assert_eq!(drawing.marks[0].title, "round 200");
    }
}

#[test]
fn a_damaged_one_is_seen_among_many() {
    let knots = vec![knot_at(12, "round", false), knot_at(11, "damaged", false), knot_at(10, "round", false)];
    let [wide, _] = drawn(&seen(minutes_of_a_morning(), knots, vec![]));
    assert_eq!((wide.marks[0].symbol, wide.marks[0].count), ("damaged", 3));
}

#[test]
fn loops_that_meet_are_one_below_the_other_and_the_newest_stay() {
    let deeds: Vec<Deed> = (0..9).rev().map(|back| deed_at(back * 10, 60)).collect();
    for drawing in drawn(&seen(minutes_of_a_morning(), vec![], deeds)) {
        let mut lines: Vec<u32> = drawing.loops.iter().map(|one| one.line).collect();
        assert!(lines.len() >= 3 && lines.len() < 9, "{}: {lines:?}", drawing.class);
        lines.dedup();
        assert_eq!(lines.len(), drawing.loops.len(), "no two on one line: {lines:?}");
        assert_eq!(drawing.loops[0].words.iso, at(0).moment.iso);
        assert!(drawing.foot > lines[lines.len() - 1], "labels stand below all loops");
    }
}

#[test]
fn words_of_two_loops_on_one_line_keep_clear_of_each_other() {
    for gap in (0..120).step_by(5) {
        let deeds = vec![deed_at(80 + gap, 20), deed_at(60, 20)];
        let seen = seen(minutes_of_a_morning(), vec![], deeds);
        for room in ROOMS {
            let loops = Drawing::new(room, &seen).unwrap().loops;
            let (newer, older) = (&loops[0], &loops[1]);
            let apart = (newer.words.extent().0 - older.words.extent().1) * room.width / 100.0;
            assert!(newer.line != older.line || apart >= 15.9, "{}, {gap}: {apart} px", room.class);
        }
    }
}

#[test]
fn the_tallest_bar_is_the_caption() {
    let events = vec![(at(60).minute as i64, 1), (at(40).minute as i64, 5000)];
    let [wide, _] = drawn(&seen(events, vec![], vec![]));
    assert_eq!(wide.caption, "Bars: events per minute, 5,000 at most.");
    assert!(wide.bars.contains("v-56h8") && wide.bars.contains("v-2h8"), "{}", wide.bars);
}

#[test]
fn a_span_that_has_no_event_is_not_shown_unasked() {
    let census = Census::default();
    assert_eq!(Span::fitting(&census, NOW), Span::All);
    assert_eq!(Span::parse("week").unwrap(), Span::Week);
    assert!(Span::parse("year").unwrap_err().to_string().contains("day, week, all"));
}

#[test]
fn a_mark_has_room_for_its_count() {
    for (many, radius) in [(9, "8.5"), (11, "11"), (120, "14")] {
        let knots = (0..many).map(|_| knot_at(10, "round", false)).collect();
        let [wide, _] = drawn(&seen(minutes_of_a_morning(), knots, vec![]));
        assert_eq!(wide.marks[0].radius(), radius);
    }
}

#[test]
fn words_of_a_loop_stand_nearer_to_it_than_to_the_next() {
    let [wide, _] = drawn(&seen(minutes_of_a_morning(), vec![], vec![deed_at(6, 30), deed_at(4, 30), deed_at(2, 30)]));
    assert_eq!(wide.loops.len(), 3);
    for pair in wide.loops.windows(2) {
        let (above, below) = (pair[0].line - 11 - (pair[0].y + 10), pair[1].y - pair[0].line);
        assert!(above * 4 < below, "{above} px above the words, {below} px below");
    }
}
