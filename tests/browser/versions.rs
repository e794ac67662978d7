//! Two versions of an entity side by side, by the pages alone.

use fantoccini::Locator;

use super::driver::{Browser, Script};
use crate::support::{Server, TestStore};

/// From the list to an entity, and what has become of it since its first version.
async fn versions(script: Script) {
    let Some(browser) = Browser::start(script).await else { return };
    let store = TestStore::with_story(30);
    let server = Server::start(store.path(), &[]);
    let latest = server.get("/entities/bot/ada").json()["version"].as_i64().unwrap();
    assert!(latest > 1, "it went on after its first event");
    browser.open(&server.address).await;
    browser.choose(".more > summary").await;
    browser.click("Entities").await;
    browser.click("ada").await;
    browser.wait_for(&format!("Version {latest}")).await;
    browser.client.find(Locator::Css("#version")).await.unwrap().clear().await.unwrap();
    browser.type_into("#version", "1").await;
    browser.type_into("#with", &latest.to_string()).await;
    browser.choose("form.versions button").await;
    browser.wait_for(&format!("From version 1 to version {latest}")).await;
    let rows = browser.client.find_all(Locator::Css("section[aria-labelledby=compared] .row")).await.unwrap();
    let told = server.get(&format!("/entities/bot/ada?version=1&with={latest}")).json();
    assert!(!rows.is_empty(), "{told}");
    browser.click("Version after").await;
    browser.wait_for("Version 2 of").await;
    browser.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn two_versions_of_an_entity_are_compared_with_script() {
    versions(Script::On).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn two_versions_of_an_entity_are_compared_without_script() {
    versions(Script::Off).await;
}
