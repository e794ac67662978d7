//! What changes on a page while it is open: long work, what has come in, and keys.

use fantoccini::Locator;

use super::driver::{Browser, Script};
use crate::support::{Server, Story, TestStore};

/// A store with its server, and another program that writes, so that what the server is asked to do
/// waits until it is done.
fn busy() -> (TestStore, Server) {
    let store = TestStore::with_story(20);
    store.take();
    let server = Server::start(store.path(), &["--busy-timeout", "60s"]);
    (store, server)
}

/// While an answer is awaited the driver cannot ask the page that awaits it, so the page notes what it
/// shows where another window can read it.
const NOTE: &str = "new MutationObserver(() => {
    const words = document.querySelector('form + .working:not([hidden]) .words');
    if (words) localStorage.setItem('shown', words.textContent);
}).observe(document.body, { subtree: true, childList: true, attributes: true, characterData: true })";

#[tokio::test(flavor = "multi_thread")]
async fn long_work_is_seen_where_it_was_started_and_in_another_window() {
    let Some(browser) = Browser::start_hasty(Script::On).await else { return };
    let (store, server) = busy();
    let starting = browser.client.window().await.unwrap();
    let watching = browser.client.new_window(false).await.unwrap().handle;
    browser.client.switch_to_window(watching.clone()).await.unwrap();
    browser.open(&format!("{}/history", server.address)).await;
    browser.wait_for("nothing to undo").await;
    browser.client.switch_to_window(starting.clone()).await.unwrap();
    browser.open(&format!("{}/snapshots", server.address)).await;
    browser.wait_for("1 kept").await;
    while browser.eval("return document.readyState").await != "complete" {}
    browser.eval(NOTE).await;

    let program = store.other_program();
    program.execute_batch("BEGIN IMMEDIATE").unwrap();
    browser.click("Take snapshot").await;
    browser.client.switch_to_window(watching).await.unwrap();
    assert_eq!(browser.wait_to_see(".working:not([hidden]) .words").await, "Taking a snapshot");
    while browser.eval("return localStorage.getItem('shown')").await != "Taking a snapshot" {}
    // A reload shows it at once: it is drawn by the server.
    browser.client.refresh().await.unwrap();
    assert_eq!(browser.wait_to_see(".working:not([hidden]) .words").await, "Taking a snapshot");

    program.execute_batch("ROLLBACK").unwrap();
    browser.client.wait().for_element(Locator::Css(".working[hidden]")).await.unwrap();
    browser.client.switch_to_window(starting).await.unwrap();
    browser.wait_for("A snapshot is taken, at event 20.").await;
    browser.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn long_work_is_seen_in_another_browser_without_script() {
    let Some(one) = Browser::start_hasty(Script::Off).await else { return };
    let Some(other) = Browser::start(Script::Off).await else { return };
    let (store, server) = busy();
    one.open(&format!("{}/snapshots", server.address)).await;
    one.wait_for("1 kept").await;
    let program = store.other_program();
    program.execute_batch("BEGIN IMMEDIATE").unwrap();
    one.click("Take snapshot").await;
    other.open(&server.address).await;
    while !other.text().await.contains("Taking a snapshot") {
        other.open(&server.address).await;
    }
    other.click("See how far it is").await;
    other.wait_for("This page is drawn again by itself until it is done.").await;
    program.execute_batch("ROLLBACK").unwrap();
    other.wait_for("Nothing runs.").await;
    one.wait_for("A snapshot is taken, at event 20.").await;
    one.close().await;
    other.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_takes_in_what_has_changed_and_a_plan_only_says_so() {
    let Some(browser) = Browser::start(Script::On).await else { return };
    let store = TestStore::with_story(20);
    let id = store.take().snapshot_id;
    store.append(Story::from(21).tell(10));
    let server = Server::start(store.path(), &[]);
    browser.open(&format!("{}/snapshots/{id}/preview?kind=periodic", server.address)).await;
    browser.eval("window.stayed = true").await;
    browser.type_into("input[name=confirm_id]", "2026").await;
    store.append(Story::from(31).tell(3));
    browser.wait_for("3 new events; see the new plan").await;
    browser.wait_for("event 33").await;
    assert_eq!(
        browser.eval("return [window.stayed, document.querySelector('[name=confirm_id]').value]").await,
        serde_json::json!([true, "2026"])
    );
    browser.click("see the new plan").await;
    browser.wait_for("The newest 13 events leave the log.").await;
    assert_eq!(browser.complaints().await, Vec::<String>::new());
    browser.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_list_takes_in_what_has_come_and_leaves_what_is_typed_and_focused() {
    let Some(browser) = Browser::start(Script::On).await else { return };
    let store = TestStore::with_story(20);
    let server = Server::start(store.path(), &["--snapshot-events", "1000000"]);
    browser.open(&format!("{}/snapshots", server.address)).await;
    browser.type_into("#label", "before").await;
    browser.eval("window.stayed = true; scrollTo(0, 0)").await;
    store.take();
    store.take();
    let list = browser.client.wait().for_element(Locator::XPath("//tbody/tr[not(@class='day')][2]")).await;
    list.unwrap();
    let kept = "return [window.stayed, document.getElementById('label').value, document.activeElement.id]";
    assert_eq!(browser.eval(kept).await, serde_json::json!([true, "before", "label"]));
    // A time that came with it is local as the others are.
    assert_eq!(browser.eval("return document.querySelector('#kept time').title.endsWith('UTC')").await, true);

    browser.eval("document.querySelector('#kept a[href]').focus()").await;
    let focused = browser.eval("return document.activeElement.getAttribute('href')").await;
    store.append(Story::from(21).tell(5));
    browser.wait_for("event 25").await;
    assert_eq!(browser.eval("return document.activeElement.getAttribute('href')").await, focused);
    assert_eq!(browser.eval("return document.querySelector('.c-behind').textContent").await, "none");
    browser.eval("document.activeElement.blur()").await;
    browser.wait_for("5 events").await;
    browser.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_page_of_an_empty_store_becomes_the_overview_with_its_first_event() {
    let Some(browser) = Browser::start(Script::On).await else { return };
    let store = TestStore::new();
    let server = Server::start(store.path(), &[]);
    browser.open(&server.address).await;
    browser.wait_for("Nothing here yet").await;
    store.append(Story::default().tell(3));
    browser.wait_for("and the tables with it.").await;
    // And the snapshot that follows it.
    browser.wait_for("checkpoint, automatic").await;
    browser.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn keys_lead_about_and_change_nothing() {
    let Some(browser) = Browser::start(Script::On).await else { return };
    let store = TestStore::with_story(20);
    store.take();
    let server = Server::start(store.path(), &[]);
    let path = async || browser.client.current_url().await.unwrap().path().to_owned();
    browser.open(&server.address).await;
    browser.press("g").await;
    browser.press("s").await;
    browser.wait_for("1 kept").await;
    assert_eq!(path().await, "/snapshots");
    browser.press("j").await;
    assert_eq!(browser.eval("return document.activeElement.closest('tr') !== null").await, true);
    browser.press("g").await;
    browser.press("e").await;
    browser.wait_for("Text or ids").await;
    assert_eq!(path().await, "/events");
    let row =
        "return [...document.querySelectorAll('.event')].findIndex((row) => row.contains(document.activeElement))";
    browser.press("jjk").await;
    assert_eq!(browser.eval(row).await, 0);
    browser.press("/").await;
    assert_eq!(browser.eval("return document.activeElement.closest('[role=search]') !== null").await, true);
    browser.press("g?").await;
    assert_eq!(path().await, "/events", "what is typed into a field is no key");
    browser.eval("document.activeElement.blur()").await;
    browser.press("?").await;
    browser.wait_for("Settings of this server").await;
    assert_eq!(server.get("/history").json()["operations"].as_array().unwrap().len(), 1);
    browser.close().await;
}
