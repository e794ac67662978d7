//! The timeline of the overview: what it draws, and the same links as a list.

use super::{damage, refused};
use crate::support::{HTML, JSON, Page, TestApp};

fn page(app: &TestApp, query: &str) -> Page {
    let answer = app.get(&format!("/{query}"), HTML);
    assert_eq!(answer.status, 200);
    answer.page()
}

/// Events an hour apart from each other, on a day long ago.
fn hours(app: &TestApp, hours: std::ops::Range<u32>) {
    let line = |hour: u32| {
        let payload = format!(r#"{{"bot_id": "b{hour}", "name": "B", "persona": "B."}}"#);
        format!(r#"{{"kind": "bot_created", "ts": "2024-01-02T{hour:02}:00:00Z", "payload": {payload}}}"#)
    };
    let lines: Vec<String> = hours.map(line).collect();
    assert_eq!(app.post_body("/events", "application/x-ndjson", &lines.join("\n"), HTML).status, 303);
}

#[test]
fn it_is_drawn_for_wide_and_for_small_pages_with_one_sentence() {
    let app = TestApp::with_story(12);
    app.store.take();
    let page = page(&app, "");
    let said = page.attributes(".seam g[role=img]", "aria-label");
    assert_eq!(said.len(), 2);
    assert_eq!(said[0], said[1]);
    assert!(said[0].starts_with("12 events and 1 snapshot from "), "{said:?}");
    for seam in [".seam-wide", ".seam-small"] {
        assert!(page.attribute(&format!("{seam} path.bars"), "d").contains("v-56h8"));
        assert_eq!(page.text(&format!("{seam} .seam-end")), "12");
    }
    assert!(page.text(".seam-wide figcaption").starts_with("Bars: events per "));
}

#[test]
fn every_knot_and_loop_is_a_link_with_a_title_and_stands_in_the_list() {
    let app = TestApp::with_story(12);
    let id = app.store.take().snapshot_id.to_string();
    let fields = [("after_event_id", "9"), ("confirm_event_id", "9")];
    assert_eq!(app.post("/rewind", &fields, HTML).status, 303);
    let page = page(&app, "?show=all");
    assert!(page.texts(".seam-wide a title").len() >= 2);
    assert_eq!(page.attributes(".seam-wide a", "href").len(), page.texts(".seam-wide a title").len());
    let told = page.texts(".seam-wide a.loop title");
    assert_eq!(told, ["took back 3 events, to 9"]);
    assert!(page.text(".seam-wide a.loop text").starts_with("took back 3 events, to 9, "));
    assert!(page.text(".seam-small a.loop text").starts_with("\u{2212}3, "));
    let listed = page.attributes(".timeline-foot details a", "href");
    assert!(listed.contains(&format!("/snapshots/{id}/preview?kind=periodic")), "{listed:?}");
    assert!(listed.iter().any(|url| url.starts_with("/history?before=")), "{listed:?}");
    assert_eq!(listed.len(), 3, "the checkpoint, the safety copy and the loop");
}

#[test]
fn snapshots_of_one_minute_are_one_mark_with_their_count() {
    let app = TestApp::with_story(6);
    for _ in 0..4 {
        app.store.take();
    }
    let page = page(&app, "");
    assert_eq!(page.texts(".seam-wide .knot .many-count"), ["4"]);
    assert_eq!(page.attributes(".seam-wide .knot", "href"), ["/snapshots"]);
    assert!(!page.has(".seam-wide .mark-damaged"));
}

#[test]
fn a_damaged_knot_is_seen_and_so_is_a_pinned_one() {
    let app = TestApp::with_story(6);
    let id = app.store.take().snapshot_id.to_string();
    app.post(&format!("/snapshots/{id}/pin"), &[("kind", "periodic")], HTML);
    assert!(page(&app, "").has(".seam-wide .knot use[href='#m-flag']"));
    assert!(page(&app, "").text(".seam-wide .knot title").ends_with("at event 6, pinned"));
    damage(&app, &id);
    assert!(page(&app, "").has(".seam-wide .knot use[href='#m-damaged']"));
}

#[test]
fn idle_hours_are_folded_to_a_marked_gap() {
    let app = TestApp::new();
    hours(&app, 1..3);
    hours(&app, 9..11);
    let page = page(&app, "?show=all");
    assert_eq!(page.attributes(".seam-wide path.fold", "d").len(), 1);
    let labels = page.texts(".seam-wide g[role=img] text[data-show=moment]");
    assert_eq!(labels, ["2 Jan 2024, 09:00", "2 Jan 2024, 01:00"]);
    assert_eq!(page.attributes(".seam-wide text[data-show=moment]", "datetime")[1], "2024-01-02T01:00:00Z");
}

#[test]
fn the_time_shown_can_be_chosen_and_the_chosen_one_is_told() {
    let app = TestApp::new();
    hours(&app, 0..12);
    let current = ".timeline-foot nav a[aria-current]";
    assert_eq!(page(&app, "").text(current), "all", "nothing of this week has a course");
    let day = page(&app, "?show=day");
    assert_eq!(day.text(current), "24 hours");
    assert_eq!(day.text(".timeline > p"), "Nothing happened in this time.");
    let links = day.attributes(".timeline-foot nav a", "href");
    assert_eq!(links, ["/?show=day", "/?show=week", "/?show=all"]);
    refused(|accept| app.get("/?show=year", accept), 400, "show must be one of day, week, all");
}

#[test]
fn counts_follow_the_log_through_appends_and_going_back() {
    let app = TestApp::new();
    hours(&app, 0..6);
    let said = |app: &TestApp| page(app, "?show=all").attributes(".seam-wide g[role=img]", "aria-label").remove(0);
    assert!(said(&app).starts_with("6 events"), "{}", said(&app));
    hours(&app, 6..8);
    assert!(said(&app).starts_with("8 events"), "{}", said(&app));
    app.post("/rewind", &[("after_event_id", "3"), ("confirm_event_id", "3")], HTML);
    assert!(said(&app).starts_with("3 events"), "{}", said(&app));
    let taken: Vec<String> = page(&app, "?show=all").texts(".timeline-foot details a");
    assert!(taken.iter().any(|words| words == "took back 5 events, to 3"), "{taken:?}");
}

#[test]
fn a_log_whose_times_cannot_be_read_still_has_its_page() {
    let app = TestApp::with_story(3);
    let sql = "INSERT INTO event_log (kind, payload_json, ts) VALUES ('note', '1', 'yesterday')";
    app.store.other_program().execute(sql, []).unwrap();
    app.store.engine.catch_up().unwrap();
    assert!(page(&app, "?show=all").attributes(".seam-wide g[role=img]", "aria-label")[0].starts_with("3 events"));
}

#[test]
fn what_was_taken_back_and_came_back_is_told_as_undone() {
    let app = TestApp::with_story(12);
    let rewind = |after: &str| {
        let answer = app.post("/rewind", &[("after_event_id", after), ("confirm_event_id", after)], JSON);
        answer.json()["operation"].clone()
    };
    let (first, _) = (rewind("9"), rewind("7"));
    let shown = || page(&app, "?show=all");
    assert!(!shown().has(".seam a.loop.undone"));
    // What is undone is as it was before the first, so that the second is undone with it.
    let fields = [("confirm_op", first.to_string())];
    let fields: Vec<(&str, &str)> = fields.iter().map(|(name, value)| (*name, value.as_str())).collect();
    assert_eq!(app.post(&format!("/history/{first}/undo"), &fields, JSON).status, 200);
    let listed = shown().texts(".timeline-foot details a");
    for words in ["took back 3 events, to 9, undone", "took back 2 events, to 7, undone"] {
        assert!(listed.iter().any(|one| one == words), "{words}: {listed:?}");
    }
    assert!(shown().has(".seam-wide a.loop.undone"));
    let brief = shown().texts(".seam-small a.loop.undone text");
    assert!(brief.iter().all(|text| text.contains(", undone, ")), "{brief:?}");
    rewind("10");
    let listed = shown().texts(".timeline-foot details a");
    assert!(listed.iter().any(|one| one == "took back 2 events, to 10"), "{listed:?}");
}
