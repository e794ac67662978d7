//! Pictures of every page at three widths and in both schemes, for people to look at.

use std::path::Path;

use super::driver::{Browser, Scheme, Script};
use super::house::House;
use crate::support::Server;

/// Where they go: no part of the project.
const FOLDER: &str = "target/pictures";
const WIDTHS: [u64; 3] = [360, 768, 1440];
/// What is below is left out.
const HIGHEST: u64 = 4_000;

async fn picture(browser: &Browser, name: &str, url: &str) {
    for width in WIDTHS {
        browser.resize(width, 900).await;
        browser.open(url).await;
        let height = browser.eval("return document.documentElement.scrollHeight").await.as_u64().unwrap();
        browser.resize(width, height.clamp(900, HIGHEST)).await;
        for scheme in Scheme::BOTH {
            browser.prefer(scheme).await;
            let png = browser.client.screenshot().await.unwrap();
            std::fs::write(format!("{FOLDER}/{name}-{width}-{}.png", scheme.name()), png).unwrap();
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "writes pictures: cargo test --test all -- --ignored pictures"]
async fn pictures_of_every_page() {
    let Some(browser) = Browser::start(Script::On).await else { return };
    std::fs::create_dir_all(Path::new(FOLDER)).unwrap();
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
    browser.close().await;
}
