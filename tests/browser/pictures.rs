//! Pictures of every page at three widths and in both schemes, for people to look at.

use std::path::Path;

use super::driver::{Browser, Scheme, Script};
use super::house::House;
use crate::support::Server;

/// Where they go: no part of the project.
const FOLDER: &str = "target/pictures";
const WIDTHS: [u64; 3] = [360, 768, 1440];
/// What is below is left out.
const HIGHEST: u64 = 6_000;
/// Pages of which the colours of the system leave the most to shape alone.
const FORCED: [&str; 5] = ["overview", "snapshots", "plan", "events", "damaged"];

async fn take(browser: &Browser, name: &str) {
    let png = browser.client.screenshot().await.unwrap();
    std::fs::write(format!("{FOLDER}/{name}.png"), png).unwrap();
}

/// Opens a page in a window as high as the page is.
async fn open_whole(browser: &Browser, width: u64, url: &str) {
    browser.resize(width, HIGHEST).await;
    browser.open(url).await;
    // What is far down has its own height only once it was in sight.
    browser.painted().await;
    browser.resize(width, 900).await;
    let height = browser.eval("scrollTo(0, 0); return document.documentElement.scrollHeight").await.as_u64().unwrap();
    browser.resize(width, height.clamp(900, HIGHEST)).await;
}

async fn picture(browser: &Browser, name: &str, url: &str) {
    for width in WIDTHS {
        open_whole(browser, width, url).await;
        for scheme in Scheme::BOTH {
            browser.prefer(scheme).await;
            take(browser, &format!("{name}-{width}-{}", scheme.name())).await;
        }
    }
}

/// Pages in the colours of the system, which come last: the page that is opened next would keep its ground.
async fn forced(browser: &Browser, house: &House) {
    let features = serde_json::json!({ "features": [{ "name": "forced-colors", "value": "active" }] });
    browser.tell("Emulation.setEmulatedMedia", features).await;
    for (name, path) in house.pages.iter().filter(|(name, _)| FORCED.contains(name)) {
        open_whole(browser, 1440, &house.url(path)).await;
        take(browser, &format!("{name}-1440-forced")).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "writes pictures: cargo test --test all -- --ignored pictures"]
async fn pictures_of_every_page() {
    let Some(browser) = Browser::start(Script::On).await else { return };
    std::fs::create_dir_all(Path::new(FOLDER)).unwrap();
    browser.tell("Emulation.setScrollbarsHidden", serde_json::json!({ "hidden": true })).await;
    let house = House::open();
    for (name, path) in &house.pages {
        picture(&browser, name, &house.url(path)).await;
    }
    house.pause();
    picture(&browser, "paused", &house.url("")).await;
    let empty = tempfile::tempdir().unwrap();
    let server = Server::start(empty.path(), &[]);
    picture(&browser, "empty", &server.address).await;
    browser.open(&server.address).await;
    browser.click("Load the sample story").await;
    browser.wait_for("event 110").await;
    picture(&browser, "sample", &server.address).await;
    forced(&browser, &house).await;
    browser.close().await;
}
