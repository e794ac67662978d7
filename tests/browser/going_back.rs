//! Back to an event, forward again by Undo, and back by the undo of that, by the pages alone.

use super::driver::{Browser, Script};
use crate::support::{Server, Story, TestStore};

fn head(server: &Server) -> i64 {
    server.get("/health").json()["last_event_id"].as_i64().unwrap()
}

/// From the list of events to the plan, back, forward, and back again; then forward by the history.
async fn back_and_forth(script: Script) {
    let Some(browser) = Browser::start(script).await else { return };
    let store = TestStore::with_story(30);
    let server = Server::start(store.path(), &[]);
    browser.open(&format!("{}/events/12", server.address)).await;
    browser.click("Go back to here").await;
    browser.wait_for("events 13 to 30 leave the log").await;
    browser.type_into("input[name=confirm_event_id]", " 12 ").await;
    browser.click("Take back 18 events").await;
    browser.wait_for("Went back to event 12").await;
    assert_eq!(head(&server), 12);

    browser.click("Undo").await;
    browser.wait_for("Undone: the log is at event 30 again").await;
    assert_eq!(head(&server), 30);

    browser.click("Go back again").await;
    browser.wait_for("The undo is undone: the log stands at event 12 again.").await;
    assert_eq!(head(&server), 12);

    browser.open(&format!("{}/history", server.address)).await;
    browser.wait_for("undone by operation 3").await;
    browser.click("Bring back 18 events").await;
    browser.wait_for("The undo is undone: the log stands at event 30 again.").await;
    assert_eq!(head(&server), 30);
    browser.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rewind_its_undo_and_the_undo_of_that_with_script() {
    back_and_forth(Script::On).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rewind_its_undo_and_the_undo_of_that_without_script() {
    back_and_forth(Script::Off).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_button_that_waits_says_for_what_beside_it() {
    let Some(browser) = Browser::start(Script::On).await else { return };
    let store = TestStore::with_story(30);
    let server = Server::start(store.path(), &[]);
    browser.open(&format!("{}/rewind?after_event_id=12", server.address)).await;
    let told = "const button = document.querySelector('form.confirm button');
        const note = document.getElementById(button.getAttribute('aria-describedby'));
        return [button.getAttribute('aria-disabled'), note.textContent.startsWith('Type 12 first.')]";
    assert_eq!(browser.eval(told).await, serde_json::json!(["true", true]));
    browser.type_into("input[name=confirm_event_id]", "12").await;
    assert_eq!(browser.eval(told).await, serde_json::json!(["false", false]));
    browser.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_button_that_is_late_leads_to_the_plan() {
    // With script the page would have taken in what came.
    let Some(browser) = Browser::start(Script::Off).await else { return };
    let store = TestStore::with_story(30);
    let server = Server::start(store.path(), &[]);
    let form = "after_event_id=12&confirm_event_id=12";
    assert_eq!(server.post("/rewind", "application/x-www-form-urlencoded", form).status, 200);
    browser.open(&format!("{}/history", server.address)).await;
    browser.wait_for("Went back to event 12").await;
    store.append(Story::from(31).tell(2));
    browser.click("Undo").await;
    browser.wait_for("The log moved while you were reading: 2 new events.").await;
    assert_eq!(head(&server), 32);
    browser.type_into("input[name=confirm_op]", "1").await;
    browser.click("Undo operation 1").await;
    browser.wait_for("Undone: the log is at event 30 again").await;
    browser.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_of_going_back_scrolls_sideways_on_a_phone() {
    let Some(browser) = Browser::start_on_a_phone().await else { return };
    let store = TestStore::with_story(30);
    let server = Server::start(store.path(), &[]);
    for page in ["history", "rewind?after_event_id=12", "rewind?after_event_id=12&table=memories&view=rows"] {
        browser.open(&format!("{}/{page}", server.address)).await;
        browser.nothing_scrolls_sideways(page).await;
    }
    let form = "after_event_id=12&confirm_event_id=12";
    assert_eq!(server.post("/rewind", "application/x-www-form-urlencoded", form).status, 200);
    for page in ["history?done=1", "history/1/undo", "events?done=1", "", "events/7"] {
        browser.open(&format!("{}/{page}", server.address)).await;
        browser.nothing_scrolls_sideways(page).await;
    }
    browser.close().await;
}
