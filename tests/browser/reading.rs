//! How pages are read: in the reader's own time, and on a narrow page.

use super::driver::{Browser, Script};
use crate::support::{Server, TestStore};

#[tokio::test(flavor = "multi_thread")]
async fn a_moment_is_typed_in_the_time_that_the_page_shows() {
    let Some(browser) = Browser::start(Script::On).await else { return };
    let store = TestStore::with_story(6);
    let server = Server::start(store.path(), &[]);
    browser.tell("Emulation.setTimezoneOverride", serde_json::json!({ "timezoneId": "Asia/Kolkata" })).await;
    browser.open(&format!("{}/events", server.address)).await;
    let shown =
        "return [document.querySelector('label[for=go]').textContent, document.getElementById('go').placeholder]";
    let shown = browser.eval(shown).await;
    assert_eq!(shown[0], "Event, or day and time (your time)");
    // The example is the moment of the newest event, whose line says the same.
    let newest = browser.eval("return document.querySelector('.event time').textContent").await;
    assert!(shown[1].as_str().unwrap().ends_with(&newest.as_str().unwrap()[newest.as_str().unwrap().len() - 5..]));

    browser.type_into("#go", shown[1].as_str().unwrap()).await;
    browser.click("Go there").await;
    browser.until("location.hash.startsWith('#e')").await;
    browser.open(&format!("{}/events?go=2099-01-01T00:00:00.000Z", server.address)).await;
    assert_eq!(browser.eval("return document.getElementById('go').value").await, "2099-01-01 05:30");
    browser.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_timeline_tells_one_time_to_those_who_see_and_those_who_hear_it() {
    let Some(browser) = Browser::start(Script::On).await else { return };
    let store = TestStore::new();
    let server = Server::start(store.path(), &["--snapshot-events", "1000000"]);
    let note = r#"{"kind": "note", "payload": 1, "ts": "2026-11-20T20:41:10Z"}"#;
    assert_eq!(server.post("/events", "application/json", note).status, 201);
    for _ in 0..3 {
        store.take();
    }
    browser.tell("Emulation.setTimezoneOverride", serde_json::json!({ "timezoneId": "Asia/Kolkata" })).await;
    browser.open(&format!("{}/?show=all", server.address)).await;
    let told =
        "return [...document.querySelectorAll('.seam [aria-label]')].map((one) => one.getAttribute('aria-label'))
        .concat([...document.querySelectorAll('.seam title')].map((one) => one.textContent))";
    let told = browser.eval(told).await;
    let told: Vec<&str> = told.as_array().unwrap().iter().map(|one| one.as_str().unwrap()).collect();
    assert!(told.len() >= 4 && told.iter().all(|text| !text.contains("UTC")), "{told:?}");
    assert!(told[0].contains(" from 21 Nov") && told[0].contains(", 02:11 to "), "{told:?}");
    assert!(told.iter().any(|text| text.contains(" snapshots to ")), "{told:?}");
    browser.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_button_with_many_words_leaves_its_line_room() {
    let Some(browser) = Browser::start(Script::Off).await else { return };
    let store = TestStore::with_story(30);
    let server = Server::start(store.path(), &[]);
    browser.resize(360, 800).await;
    browser.open(&format!("{}/rewind?after_event_id=12", server.address)).await;
    browser.type_into("input[name=confirm_event_id]", "12").await;
    browser.click("Take back 18 events").await;
    browser.click("Undo").await;
    browser.click("Go back again").await;
    browser.open(&server.address).await;
    browser.wait_for("Bring back 18 events").await;
    let narrow = "return [...document.querySelectorAll('.columns .brief-what')].filter((one) => one.clientWidth < 160)
        .map((one) => `${one.clientWidth} px: ${one.parentElement.textContent}`)";
    assert_eq!(browser.eval(narrow).await, serde_json::json!([]));
    browser.nothing_scrolls_sideways("the overview").await;
    browser.close().await;
}
