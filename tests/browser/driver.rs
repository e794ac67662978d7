//! Chromium behind its driver, each with a profile of its own.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};

use fantoccini::{Client, ClientBuilder, Locator};
use serde_json::json;
use tempfile::TempDir;

/// Whether pages may run script.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Script {
    On,
    Off,
}

/// A browser; the driver ends with it.
pub struct Browser {
    pub client: Client,
    driver: Child,
    _profile: TempDir,
}

impl Browser {
    /// Starts a browser; none, said out loud, where none is installed.
    pub async fn start(script: Script) -> Option<Self> {
        Self::start_with(|options| {
            if script == Script::Off {
                options["prefs"] = json!({ "profile.managed_default_content_settings.javascript": 2 });
            }
        })
        .await
    }

    /// A browser as narrow as a phone, with a finger in place of a mouse.
    pub async fn start_on_a_phone() -> Option<Self> {
        Self::start_with(|options| {
            let screen = json!({ "width": 360, "height": 800, "pixelRatio": 1.0 });
            options["mobileEmulation"] = json!({ "deviceMetrics": screen });
        })
        .await
    }

    async fn start_with(change: impl FnOnce(&mut serde_json::Value)) -> Option<Self> {
        let driver = Command::new("chromedriver").arg("--port=0").stdout(Stdio::piped()).stderr(Stdio::null()).spawn();
        let Ok(mut driver) = driver else {
            eprintln!("skipped: chromedriver is not installed");
            return None;
        };
        let address = format!("http://127.0.0.1:{}", port(&mut driver));
        let profile = tempfile::tempdir().unwrap();
        let capabilities = capabilities(change, &profile);
        let client = ClientBuilder::new(hyper_connector()).capabilities(capabilities).connect(&address).await.unwrap();
        Some(Self { client, driver, _profile: profile })
    }

    pub async fn open(&self, url: &str) {
        self.client.goto(url).await.unwrap();
    }

    /// Clicks the link or button with this text.
    pub async fn click(&self, text: &str) {
        let path = format!("//*[self::a or self::button][contains(normalize-space(.), '{text}')]");
        let found = self.client.wait().for_element(Locator::XPath(&path)).await;
        found.unwrap_or_else(|error| panic!("no {text:?}: {error}")).click().await.unwrap();
    }

    pub async fn type_into(&self, selector: &str, text: &str) {
        self.client.find(Locator::Css(selector)).await.unwrap().send_keys(text).await.unwrap();
    }

    pub async fn choose(&self, selector: &str) {
        self.client.find(Locator::Css(selector)).await.unwrap().click().await.unwrap();
    }

    /// The visible text of the page.
    pub async fn text(&self) -> String {
        self.client.find(Locator::Css("body")).await.unwrap().text().await.unwrap()
    }

    /// Waits until the page has this text.
    pub async fn wait_for(&self, text: &str) {
        let path = format!("//body[contains(normalize-space(.), '{text}')]");
        if let Err(error) = self.client.wait().for_element(Locator::XPath(&path)).await {
            panic!("the page never says {text:?} ({error}): {}", self.text().await);
        }
    }

    /// Whether the page is no wider than its window.
    pub async fn nothing_scrolls_sideways(&self, page: &str) {
        let widths = "return document.documentElement.scrollWidth - window.innerWidth";
        let over = self.client.execute(widths, vec![]).await.unwrap();
        assert!(over.as_i64().is_some_and(|over| over <= 0), "{page}: {over} px too wide");
    }

    pub async fn close(self) {
        self.client.clone().close().await.unwrap();
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        let _ = self.driver.kill();
        let _ = self.driver.wait();
    }
}

fn hyper_connector() -> hyper_util::client::legacy::connect::HttpConnector {
    hyper_util::client::legacy::connect::HttpConnector::new()
}

/// The driver says on which port it listens.
fn port(driver: &mut Child) -> u16 {
    let lines = BufReader::new(driver.stdout.take().unwrap()).lines();
    let said = lines.map_while(Result::ok).find_map(|line| {
        let (_, port) = line.split_once("started successfully on port ")?;
        port.trim_end_matches('.').parse().ok()
    });
    said.expect("the driver says its port")
}

fn capabilities(
    change: impl FnOnce(&mut serde_json::Value),
    profile: &TempDir,
) -> serde_json::Map<String, serde_json::Value> {
    let profile = format!("--user-data-dir={}", profile.path().display());
    let arguments = [
        "--headless",
        "--no-sandbox",
        "--disable-gpu",
        "--disable-quic",
        "--no-first-run",
        "--disable-background-networking",
        "--disable-component-update",
        "--disable-sync",
        "--disable-dev-shm-usage",
        // A name of another site that leads to this machine, as a rebound DNS name does.
        "--host-resolver-rules=MAP rebound.example 127.0.0.1",
        profile.as_str(),
    ];
    let mut options = json!({ "args": arguments });
    change(&mut options);
    let capabilities = json!({ "browserName": "chrome", "goog:chromeOptions": options });
    capabilities.as_object().unwrap().clone()
}
