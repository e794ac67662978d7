//! What the pages weigh: each with its style and script under 60 KB, on plays of Shakespeare too.

use std::path::Path;

use crate::support::{HTML, PLAIN, TestApp, TestStore};

/// The most that a page weighs without a cache.
const MOST: usize = 60 * 1000;

/// A store with one play, a snapshot from its middle, and something taken back.
fn play() -> TestApp {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/data/hamlet.events.jsonl");
    let text = std::fs::read_to_string(path).unwrap();
    let lines: Vec<&str> = text.lines().collect();
    let app = TestApp::over(TestStore::new());
    let send = |part: &[&str]| {
        let body = part.join("\n");
        assert_eq!(app.post_body("/events", "application/x-ndjson", &body, PLAIN).status, 201);
        app.store.take()
    };
    send(&lines[..1200]);
    send(&lines[1200..]);
    app.post("/rewind", &[("after_event_id", "2500"), ("confirm_event_id", "2500")], PLAIN);
    app
}

/// What a browser loads of a file.
fn weight_of(app: &TestApp, path: &str) -> usize {
    let answer = app.send("GET", path, PLAIN, &[("accept-encoding", "gzip, deflate, br, zstd")], "");
    assert_eq!((answer.status, answer.header("content-encoding")), (200, "zstd"), "{path}");
    answer.body.len()
}

#[test]
fn every_page_of_a_play_is_light() {
    let app = play();
    let first = app.store.engine.snapshots().unwrap().pop().unwrap().snapshot_id;
    let plan = format!("/snapshots/{first}/preview?kind=periodic&scope=everything");
    let rows = |table: &str| format!("/snapshots/{first}/diff?kind=periodic&scope=everything&table={table}");
    let pages = [
        "/".to_owned(),
        "/snapshots".to_owned(),
        plan.clone(),
        format!("{plan}&table=memories"),
        rows("memories"),
        rows("edges"),
        "/events".to_owned(),
        "/events?raw=true".to_owned(),
        "/events/2000".to_owned(),
        "/rewind?after_event_id=1000".to_owned(),
        "/state".to_owned(),
        "/state/memories".to_owned(),
        "/state/bots".to_owned(),
        "/state/chat_state/row?key=%5B%22hamlet%22%5D".to_owned(),
        "/history".to_owned(),
    ];
    for path in pages {
        let answer = app.get(&path, HTML);
        assert_eq!(answer.status, 200, "{path}");
        let page = answer.page();
        let mut weight = answer.body.len();
        for (tag, name) in [("link[rel=stylesheet]", "href"), ("script", "src"), ("link[rel=icon]", "href")] {
            let parts = page.attributes(tag, name);
            assert!(!parts.is_empty(), "{tag}");
            weight += parts.iter().map(|part| weight_of(&app, part)).sum::<usize>();
        }
        assert!(weight < MOST, "{path} weighs {weight} bytes, {} of them its own", answer.body.len());
    }
}
