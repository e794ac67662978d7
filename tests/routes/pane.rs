//! The rows beside a plan, and how a changed value is told: words, JSON by path, both values.

use backstitch::snapshot::Scope;

use crate::support::{HTML, Page, TestApp, encoded};

fn append(app: &TestApp, lines: &[String]) {
    assert_eq!(app.post_body("/events", "application/x-ndjson", &lines.join("\n"), HTML).status, 303);
}

fn you(persona: &str) -> String {
    let payload = serde_json::json!({ "name": "Reader", "persona": persona });
    format!(r#"{{"kind": "you_updated", "payload": {payload}}}"#)
}

/// The plan of going back from one persona to another.
fn plan(then: &str, now: &str) -> Page {
    let app = TestApp::new();
    append(&app, &[you(then)]);
    let id = app.store.take().snapshot_id;
    append(&app, &[you(now)]);
    app.get(&format!("/snapshots/{id}/preview?kind=periodic&table=you_entity"), HTML).page()
}

#[test]
fn a_text_that_was_changed_is_told_word_by_word() {
    let page = plan("Asks a great deal, and listens.", "Asks a little, and listens.");
    assert_eq!(page.texts(".pane .differs del"), ["now: little,"]);
    assert_eq!(page.texts(".pane .differs ins"), ["then: great deal,"]);
    assert_eq!(page.text(".pane .differs"), "Asks a now: little,then: great deal, and listens.");
}

#[test]
fn texts_with_little_in_common_stand_one_over_the_other() {
    let page = plan("Calm.", "Never at rest, and always late.");
    assert!(!page.has(".pane .differs"));
    let values = page.texts(".pane .changes dd");
    assert!(values.contains(&"now Never at rest, and always late.".to_owned()), "{values:?}");
    assert!(values.contains(&"then Calm.".to_owned()), "{values:?}");
}

#[test]
fn json_is_told_by_path() {
    let page = plan(r#"{"mood": "calm", "likes": ["tea"]}"#, r#"{"mood": "glad", "likes": ["tea"], "n": 2}"#);
    let places = page.texts(".pane .at-path");
    assert_eq!(places, ["mood now \u{201c}glad\u{201d} then \u{201c}calm\u{201d}", "n now 2"]);
}

#[test]
fn markup_in_a_difference_is_text() {
    let page = plan("a <b>bold</b> word stays", "a <i>bold</i> word stays");
    assert!(page.text(".pane .differs").contains("<b>bold</b>"));
    assert!(!page.has(".pane .differs b") && !page.has(".pane .differs i"));
}

fn bots(ids: std::ops::Range<u32>) -> Vec<String> {
    let line =
        |id| format!(r#"{{"kind": "bot_created", "payload": {{"bot_id": "b{id:04}", "name": "B", "persona": "B."}}}}"#);
    ids.map(line).collect()
}

#[test]
fn the_rows_beside_a_plan_come_in_pages_and_can_be_filtered() {
    let app = TestApp::new();
    append(&app, &bots(0..1));
    let id = app.store.take().snapshot_id;
    append(&app, &bots(1..40));
    let keys = |page: &Page| page.texts(".pane .row .key");
    let mut address = format!("/snapshots/{id}/preview?kind=periodic&table=bots");
    let mut seen = Vec::new();
    loop {
        let page = app.get(&address, HTML).page();
        assert_eq!(page.text(".pane h2"), "bots, 39 rows");
        seen.extend(keys(&page));
        let links = page.texts(".pane .pages a").into_iter().zip(page.attributes(".pane .pages a", "href"));
        match links.into_iter().find(|(words, _)| words.starts_with("Next rows")) {
            Some((_, next)) => address = next.trim_end_matches("#rows").to_owned(),
            None => break,
        }
    }
    assert_eq!(seen, (1..40).map(|id| format!("b{id:04}")).collect::<Vec<_>>());
    let found =
        app.get(&format!("/snapshots/{id}/preview?kind=periodic&table=bots&q={}", encoded("b003")), HTML).page();
    assert_eq!(keys(&found).len(), 10);
    assert_eq!(
        app.store.engine.preview(&id, backstitch::snapshot::Kind::Periodic, Scope::Everything).unwrap().events_removed,
        39
    );
}
