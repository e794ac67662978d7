//! What a page of another site can do to the server: nothing.

use std::io::{Read, Write};
use std::net::TcpListener;

use fantoccini::Locator;

use super::driver::{Browser, Script};
use crate::support::{Server, TestStore};

/// Another site on this machine, reached as `localhost`, which is not the site `127.0.0.1`. It
/// serves one page to whoever asks.
fn another_site(page: String) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("http://localhost:{}", listener.local_addr().unwrap().port());
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let Ok(mut stream) = stream else { return };
            let mut request = [0; 4096];
            let _ = stream.read(&mut request);
            let head = "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nConnection: close\r\n";
            let _ = write!(stream, "{head}Content-Length: {}\r\n\r\n{page}", page.len());
        }
    });
    address
}

fn page(server: &Server) -> String {
    let target = &server.address;
    format!(
        "<!doctype html><title>Another site</title>
         <form method=post action='{target}/snapshots/take'><button>Win a prize</button></form>
         <img id=stolen src='{target}/static/favicon.svg'>
         <iframe id=framed src='{target}/snapshots' width=600 height=400></iframe>"
    )
}

#[tokio::test(flavor = "multi_thread")]
async fn a_form_an_image_and_a_frame_of_another_site_are_refused() {
    let Some(browser) = Browser::start(Script::On).await else { return };
    let store = TestStore::with_story(30);
    store.take();
    let server = Server::start(store.path(), &[]);
    browser.open(&another_site(page(&server))).await;
    let width = browser.client.execute("return document.getElementById('stolen').naturalWidth", vec![]).await.unwrap();
    assert_eq!(width, 0, "the image is not given to another site");

    let frame = browser.client.find(Locator::Css("#framed")).await.unwrap();
    frame.enter_frame().await.unwrap();
    let framed = browser.client.source().await.unwrap();
    assert!(!framed.contains("Take snapshot"), "the page cannot be framed: {framed}");
    browser.client.enter_parent_frame().await.unwrap();

    browser.click("Win a prize").await;
    browser.client.wait().for_url(&format!("{}/snapshots/take", server.address).parse().unwrap()).await.unwrap();
    assert_eq!(server.get("/snapshots").json()["snapshots"].as_array().unwrap().len(), 1, "nothing was taken");
    browser.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_foreign_name_that_leads_here_is_refused() {
    let Some(browser) = Browser::start(Script::On).await else { return };
    let store = TestStore::with_story(30);
    let server = Server::start(store.path(), &[]);
    let rebound = server.address.replace("127.0.0.1", "rebound.example");
    browser.open(&format!("{rebound}/snapshots")).await;
    let text = browser.text().await;
    assert!(text.contains("--allowed-host"), "it says which flag would allow it: {text}");
    assert!(!text.contains("Take snapshot"));
    browser.close().await;
}
