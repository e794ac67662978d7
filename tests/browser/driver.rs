//! Chromium behind its driver, each with a profile of its own.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};

use axum::http::Method;
use fantoccini::wd::WebDriverCompatibleCommand;
use fantoccini::{Client, ClientBuilder, Locator};
use serde_json::{Value, json};
use tempfile::TempDir;
use url::{ParseError, Url};

/// Whether pages may run script.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Script {
    On,
    Off,
}

/// Which colours the reader prefers.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Scheme {
    Light,
    Dark,
}

impl Scheme {
    pub const BOTH: [Self; 2] = [Self::Light, Self::Dark];

    pub fn name(self) -> &'static str {
        match self {
            Self::Light => "light",
            Self::Dark => "dark",
        }
    }
}

/// A command that the driver has beyond those of the standard.
#[derive(Debug)]
struct Beyond {
    path: &'static str,
    body: Value,
}

impl WebDriverCompatibleCommand for Beyond {
    fn endpoint(&self, base: &Url, session: Option<&str>) -> Result<Url, ParseError> {
        base.join(&format!("session/{}/{}", session.unwrap_or_default(), self.path))
    }

    fn method_and_body(&self, _: &Url) -> (Method, Option<String>) {
        (Method::POST, Some(self.body.to_string()))
    }
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

    /// A browser that does not wait for pages, so that one can look on while an answer is awaited.
    pub async fn start_hasty(script: Script) -> Option<Self> {
        Self::start_with(|options| {
            if script == Script::Off {
                options["prefs"] = json!({ "profile.managed_default_content_settings.javascript": 2 });
            }
            options["hasty"] = true.into();
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

    /// Tells the browser something in the words of its own protocol.
    pub async fn tell(&self, command: &str, parameters: Value) -> Value {
        let body = json!({ "cmd": command, "params": parameters });
        self.client.issue_cmd(Beyond { path: "goog/cdp/execute", body }).await.unwrap()
    }

    /// A window of this size, whatever the smallest of the desktop is.
    pub async fn resize(&self, width: u64, height: u64) {
        let size = json!({ "width": width, "height": height, "deviceScaleFactor": 1, "mobile": false });
        self.tell("Emulation.setDeviceMetricsOverride", size).await;
    }

    pub async fn prefer(&self, scheme: Scheme) {
        let feature = |name: &str, value: &str| json!({ "name": name, "value": value });
        let features = [feature("prefers-color-scheme", scheme.name()), feature("prefers-reduced-motion", "reduce")];
        self.tell("Emulation.setEmulatedMedia", json!({ "features": features })).await;
    }

    /// What the console was told since it was last asked: errors of scripts, of the policy, of loading.
    pub async fn complaints(&self) -> Vec<String> {
        let body = json!({ "type": "browser" });
        let said = self.client.issue_cmd(Beyond { path: "se/log", body }).await.unwrap();
        let lines = said.as_array().cloned().unwrap_or_default();
        let bad = lines.iter().filter(|line| matches!(line["level"].as_str(), Some("SEVERE" | "WARNING")));
        bad.map(|line| line["message"].as_str().unwrap_or_default().to_owned()).collect()
    }

    /// What a script of the test gives.
    pub async fn eval(&self, script: &str) -> Value {
        self.client.execute(script, vec![]).await.unwrap()
    }

    /// Waits until the page is painted as it is now.
    pub async fn painted(&self) {
        let frames = "const done = arguments[0]; requestAnimationFrame(() => requestAnimationFrame(() => done(1)))";
        self.client.execute_async(frames, vec![]).await.unwrap();
    }

    /// Waits, frame by frame, until a condition of the page holds.
    pub async fn until(&self, condition: &str) {
        while self.eval(&format!("return {condition}")).await != true {
            self.painted().await;
        }
    }

    /// Presses a key where the focus is.
    pub async fn press(&self, keys: &str) {
        let focused = self.client.active_element().await.unwrap();
        focused.send_keys(keys).await.unwrap();
    }

    /// Waits until there is an element that can be seen.
    pub async fn wait_to_see(&self, selector: &str) -> String {
        loop {
            let found = self.client.wait().for_element(Locator::Css(selector)).await;
            match found.unwrap_or_else(|error| panic!("no {selector}: {error}")).text().await {
                Err(error) if error.is_stale_element_reference() => {}
                text => return text.unwrap(),
            }
        }
    }

    async fn start_with(change: impl FnOnce(&mut Value)) -> Option<Self> {
        let Some((driver, port)) = start_driver() else {
            eprintln!("skipped: chromedriver is not installed");
            return None;
        };
        let address = format!("http://127.0.0.1:{port}");
        let profile = tempfile::tempdir().unwrap();
        let capabilities = capabilities(change, &profile);
        let client = ClientBuilder::new(hyper_connector()).capabilities(capabilities).connect(&address).await.unwrap();
        Some(Self { client, driver, _profile: profile })
    }

    pub async fn open(&self, url: &str) {
        self.client.goto(url).await.unwrap();
    }

    /// Opens a page and waits until it is painted, which nothing is before its style is there.
    pub async fn see(&self, url: &str) {
        self.open(url).await;
        self.painted().await;
    }

    /// Clicks the link or button with this text.
    pub async fn click(&self, text: &str) {
        let path = format!("//*[self::a or self::button][contains(normalize-space(.), '{text}')]");
        loop {
            let found = self.client.wait().for_element(Locator::XPath(&path)).await;
            let found = found.unwrap_or_else(|error| panic!("no {text:?}: {error}"));
            match found.click().await {
                // The page took in what had changed just then.
                Err(error) if error.is_stale_element_reference() => {}
                clicked => return clicked.unwrap(),
            }
        }
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
        // Not the window's inner width: a phone zooms out until all of a wide page fits.
        let widths = "const root = document.documentElement; return root.scrollWidth - root.clientWidth";
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

/// A driver and the port on which it listens; none where it is not installed. It looks for a free port
/// itself, and gives up where another program is quicker to take it: then once more.
fn start_driver() -> Option<(Child, u16)> {
    for _ in 0..5 {
        let mut driver =
            Command::new("chromedriver").arg("--port=0").stdout(Stdio::piped()).stderr(Stdio::null()).spawn().ok()?;
        if let Some(port) = port(&mut driver) {
            return Some((driver, port));
        }
        let _ = driver.kill();
        let _ = driver.wait();
    }
    panic!("the driver never says its port");
}

fn port(driver: &mut Child) -> Option<u16> {
    let lines = BufReader::new(driver.stdout.take().unwrap()).lines();
    lines.map_while(Result::ok).find_map(|line| {
        let (_, port) = line.split_once("started successfully on port ")?;
        port.trim_end_matches('.').parse().ok()
    })
}

fn capabilities(change: impl FnOnce(&mut Value), profile: &TempDir) -> serde_json::Map<String, Value> {
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
    let strategy = if options.as_object_mut().unwrap().remove("hasty").is_some() { "none" } else { "normal" };
    let capabilities = json!({
        "browserName": "chrome",
        "pageLoadStrategy": strategy,
        "goog:chromeOptions": options,
        "goog:loggingPrefs": { "browser": "ALL" },
    });
    capabilities.as_object().unwrap().clone()
}
