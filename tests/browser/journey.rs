//! From an empty folder to a restored story, by the pages alone.

use super::driver::{Browser, Script};
use crate::support::{Random, Server};

/// Loads the sample, continues it, plans, mistypes, restores, and comes forward again.
async fn a_newcomer(script: Script) {
    let Some(browser) = Browser::start(script).await else { return };
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(folder.path(), &[]);
    browser.open(&server.address).await;
    browser.wait_for("Nothing here yet").await;
    browser.click("Load the sample story").await;
    browser.wait_for("event 110").await;
    let first = wait_for_snapshot(&server);

    browser.open(&server.address).await;
    browser.click("Continue the story").await;
    browser.wait_for("event 150").await;

    let plan = format!("{}/snapshots/{first}/preview?kind=periodic", server.address);
    browser.open(&plan).await;
    browser.wait_for("rows change in").await;
    browser.choose("input[name=scope][value=everything]").await;
    browser.type_into("input[name=confirm_id]", &format!(" {first} ")).await;
    browser.click("Restore").await;
    browser.wait_for("Went back to event 110").await;
    browser.wait_for("40 events left the log").await;
    let status = server.get("/health").json();
    assert_eq!((status["last_event_id"].as_i64(), status["held"].as_bool()), (Some(110), Some(false)));

    browser.click("See what undoing would change").await;
    browser.wait_for("40 events come back").await;
    browser.click("Bring back 40 events").await;
    browser.wait_for("Undone: the log is at event 150 again").await;
    assert_eq!(server.get("/health").json()["last_event_id"], 150);
    browser.close().await;
}

/// The policy takes the first snapshot soon; the server says which it was.
fn wait_for_snapshot(server: &Server) -> String {
    for _ in 0..1000 {
        if let Some(id) = server.get("/snapshots").json()["snapshots"][0]["snapshot_id"].as_str() {
            return id.to_owned();
        }
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
    panic!("the policy takes no snapshot");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_newcomer_goes_back_and_forward_with_script() {
    a_newcomer(Script::On).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_newcomer_goes_back_and_forward_without_script() {
    a_newcomer(Script::Off).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_id_typed_wrongly_changes_nothing_and_says_what_was_typed() {
    let Some(browser) = Browser::start(Script::Off).await else { return };
    let store = crate::support::TestStore::with_story(30);
    let snapshot = store.take().snapshot_id;
    store.append(crate::support::Story::from(31).tell(10));
    let server = Server::start(store.path(), &[]);
    browser.open(&format!("{}/snapshots/{snapshot}/preview?kind=periodic", server.address)).await;
    browser.choose("input[name=scope][value=everything]").await;
    // The form checks itself; what gets past it is the server's to refuse.
    let wrong = format!("confirm_id={}&kind=periodic&scope=everything", Random::new(1).number());
    let answer = server.post(&format!("/snapshots/restore/{snapshot}"), "application/x-www-form-urlencoded", &wrong);
    assert_eq!(answer.status, 400);
    browser.type_into("input[name=confirm_id]", "20200101T000000Z").await;
    browser.click("Restore").await;
    assert!(browser.client.current_url().await.unwrap().path().ends_with("/preview"), "the form does not leave");
    assert_eq!(server.get("/health").json()["last_event_id"], 40);
    browser.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_phone_shows_each_table_of_a_plan_once_and_scrolls_nothing_sideways() {
    let Some(browser) = Browser::start_on_a_phone().await else { return };
    let store = crate::support::TestStore::with_story(30);
    let snapshot = store.take().snapshot_id;
    store.append(crate::support::Story::from(31).tell(10));
    let server = Server::start(store.path(), &[]);
    for page in ["", "snapshots", "events", "events/8", "state", "state/memories", "nowhere"] {
        browser.open(&format!("{}/{page}", server.address)).await;
        browser.nothing_scrolls_sideways(page).await;
    }
    browser.open(&format!("{}/snapshots/{snapshot}/preview?kind=periodic", server.address)).await;
    browser.nothing_scrolls_sideways("the plan").await;
    let text = browser.text().await;
    assert_eq!(text.matches("chat_state").count(), 1, "{text}");
    browser.close().await;
}
