//! A damaged snapshot, and a backup made, checked and restored, by the pages alone.

use fantoccini::Locator;

use super::driver::{Browser, Script};
use crate::support::{Server, Story, TestStore};

/// A snapshot is damaged; the list says so, its page leads to a sound one, and it is deleted.
async fn a_damaged_snapshot(script: Script) {
    let Some(browser) = Browser::start(script).await else { return };
    let store = TestStore::with_story(20);
    let sound = store.take().snapshot_id;
    store.append(Story::from(21).tell(10));
    let damaged = store.take().snapshot_id;
    std::fs::write(store.path().join(format!("snapshots/periodic/{damaged}.json")), "{\"last_event_id\": 3").unwrap();
    let server = Server::start(store.path(), &["--snapshot-events", "1000000"]);
    browser.open(&server.address).await;
    browser.wait_for("is damaged").await;
    browser.click("See what is wrong, or delete it").await;
    browser.wait_for("cannot be restored").await;
    browser.click("Go to it").await;
    browser.wait_for(sound.as_str()).await;
    browser.client.back().await.unwrap();
    browser.type_into("#did", damaged.as_str()).await;
    browser.choose("#delete button").await;
    browser.wait_for(&format!("The snapshot {damaged} is deleted.")).await;
    let left = server.get("/snapshots").json();
    assert_eq!(left["snapshots"].as_array().unwrap().len(), 1, "{left}");
    browser.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_damaged_snapshot_is_seen_through_with_script() {
    a_damaged_snapshot(Script::On).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_damaged_snapshot_is_seen_through_without_script() {
    a_damaged_snapshot(Script::Off).await;
}

/// Back up, check, go on, restore the backup, and take that back.
async fn a_backup(script: Script) {
    let Some(browser) = Browser::start(script).await else { return };
    let store = TestStore::with_story(20);
    let server = Server::start(store.path(), &[]);
    browser.open(&format!("{}/backups", server.address)).await;
    browser.click("Back up").await;
    browser.wait_for("not yet checked").await;
    let stamp = server.get("/backups").json()["backups"][0]["stamp"].as_str().unwrap().to_owned();
    browser.click("Plan").await;
    browser.click("Check this backup").await;
    browser.wait_for("checked just now").await;
    store.append(Story::from(21).tell(10));
    server.wait_for(30);
    browser.open(&format!("{}/backups/{stamp}", server.address)).await;
    browser.type_into("input[name=confirm_stamp]", &stamp).await;
    let button = browser.client.find(Locator::Css("form.confirm button")).await.unwrap();
    button.click().await.unwrap();
    browser.wait_for("10 events left the log").await;
    assert_eq!(server.get("/health").json()["last_event_id"], 20);
    browser.click("Undo").await;
    browser.wait_for("Undone").await;
    assert_eq!(server.get("/health").json()["last_event_id"], 30);
    browser.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_backup_is_made_checked_and_restored_with_script() {
    a_backup(Script::On).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_backup_is_made_checked_and_restored_without_script() {
    a_backup(Script::Off).await;
}
