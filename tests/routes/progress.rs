//! `/progress`: as a stream, as JSON, as a page, and the strip of the other pages.

use axum::body::Body;
use backstitch::progress::Task;
use http_body_util::BodyExt;
use serde_json::Value;

use crate::support::{HTML, JSON, PLAIN, Story, TestApp};

/// What an event source of a browser sends as Accept.
const STREAM: &str = "text/event-stream";

/// The next event of this name of a stream.
async fn next(body: &mut Body, name: &str) -> Value {
    loop {
        let frame = body.frame().await.expect("the stream goes on").unwrap().into_data().unwrap();
        let text = String::from_utf8(frame.to_vec()).unwrap();
        for event in text.split("\n\n") {
            if let Some(data) = event.strip_prefix(&format!("event: {name}\ndata: ")) {
                return serde_json::from_str(data).unwrap();
            }
        }
    }
}

#[test]
fn a_program_is_told_what_runs_and_where_the_store_stands() {
    let app = TestApp::with_story(12);
    let idle = app.get("/progress", JSON).json();
    assert_eq!(idle["working"], serde_json::json!({ "tasks": [], "parts": [], "words": "" }));
    assert_eq!((&idle["store"]["last_event_id"], &idle["store"]["events"]), (&12.into(), &12.into()));
    assert!(idle["store"]["operation"].is_null());
    let progress = app.store.engine.progress();
    let _task = progress.task(Task::Restore);
    let mut part = progress.begin("memories", Some(104_770));
    part.advance(31_000);
    let working = &app.get("/progress", JSON).json()["working"];
    assert_eq!(working["tasks"][0]["task"], "restore");
    assert_eq!((&working["parts"][0]["done"], &working["parts"][0]["total"]), (&31_000.into(), &104_770.into()));
    let words = working["words"].as_str().unwrap();
    assert!(words.starts_with("Going back to a snapshot: memories, 31,000 of 104,770 rows"), "{words}");
}

#[test]
fn a_stream_tells_what_runs_and_what_has_changed() {
    let app = TestApp::with_story(12);
    app.run(async {
        for accept in [STREAM, PLAIN] {
            let head = app.store.engine.status().unwrap().head;
            let mut body = app.open("/progress", accept).await;
            assert_eq!(next(&mut body, "progress").await["tasks"], serde_json::json!([]));
            let first = next(&mut body, "changed").await;
            assert_eq!(first["last_event_id"], head);
            app.store.append(Story::from(head + 1).tell(3));
            let changed = next(&mut body, "changed").await;
            assert_eq!(changed["last_event_id"], head + 3);
            assert_ne!(changed["version"], first["version"]);
            let task = app.store.engine.progress().task(Task::Backup);
            let working = next(&mut body, "progress").await;
            assert_eq!((&working["tasks"][0]["task"], &working["words"]), (&"backup".into(), &"Backing up".into()));
            drop(task);
            while next(&mut body, "progress").await["words"] != "" {}
        }
    });
}

#[test]
fn a_stream_tells_of_a_snapshot_though_the_log_stays() {
    let app = TestApp::with_story(12);
    app.run(async {
        let mut body = app.open("/progress", STREAM).await;
        assert!(next(&mut body, "changed").await["operation"].is_null());
        app.store.take();
        while next(&mut body, "changed").await["what"] != "take" {}
    });
}

#[test]
fn streams_of_two_browsers_tell_the_same() {
    let app = TestApp::with_story(12);
    app.run(async {
        let (mut one, mut other) = (app.open("/progress", STREAM).await, app.open("/progress", STREAM).await);
        let _task = app.store.engine.progress().task(Task::Drill);
        for body in [&mut one, &mut other] {
            while next(body, "progress").await["words"] != "Rehearsing a restore" {}
        }
    });
}

#[test]
fn a_browser_without_script_has_a_page_that_asks_again_while_something_runs() {
    let app = TestApp::with_story(12);
    let idle = app.get("/progress", HTML);
    assert!(!idle.text().contains("http-equiv"));
    assert_eq!(idle.page().text("main .lead"), "Nothing runs.");
    let progress = app.store.engine.progress();
    let (_task, mut part) = (progress.task(Task::Restore), progress.begin("memories", Some(1_000)));
    part.advance(250);
    let busy = app.get("/progress", HTML);
    assert!(busy.text().contains("<noscript><meta http-equiv=\"refresh\" content=\"1\"></noscript>"));
    let page = busy.page();
    assert!(page.text("main .lead").starts_with("Going back to a snapshot: memories, 250 of 1,000 rows"));
    assert_eq!(page.attribute("main progress", "value"), "250");
    assert_eq!(page.attribute("main progress", "max"), "1000");
    assert_eq!(page.attribute("main progress", "aria-labelledby"), page.attribute("main .words", "id"));
    assert!(page.has(".working[hidden]"), "one bar a page");
}

#[test]
fn every_page_shows_what_has_been_running_for_a_while() {
    let app = TestApp::with_story(12);
    let strip = |path: &str| app.get(path, HTML).page();
    assert!(strip("/").has(".working[hidden]"));
    let task = app.store.engine.progress().task(Task::Rewind);
    while strip("/").has(".working[hidden]") {}
    for path in ["/", "/snapshots", "/events/7", "/help", "/nowhere"] {
        let page = strip(path);
        assert_eq!(page.text(".working .words"), "Going back to an event", "{path}");
        assert_eq!(page.attribute(".working a", "href"), "/progress");
    }
    drop(task);
    assert!(strip("/").has(".working[hidden]"));
}

#[test]
fn operations_of_the_engine_are_told_while_they_run() {
    let app = TestApp::with_story(12);
    let id = app.store.take().snapshot_id;
    let engine = std::sync::Arc::clone(&app.store.engine);
    app.run(async {
        let mut body = app.open("/progress", STREAM).await;
        next(&mut body, "progress").await;
        // Again and again, since one alone may be over between two looks.
        let done = std::sync::Arc::new(std::sync::atomic::AtomicBool::new(false));
        let until = std::sync::Arc::clone(&done);
        let work = tokio::task::spawn_blocking(move || {
            while !until.load(std::sync::atomic::Ordering::Relaxed) {
                engine.verify(backstitch::snapshot::Kind::Periodic, &id).unwrap();
            }
        });
        while !next(&mut body, "progress").await["words"].as_str().unwrap().starts_with("Checking a snapshot") {}
        done.store(true, std::sync::atomic::Ordering::Relaxed);
        work.await.unwrap();
    });
}
