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
