//! The routes of a store without a socket: requests as verbs, and answers that can be asked.

use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::http::{HeaderMap, Request};
use backstitch::engine::Options;
use backstitch::snapshot::Snapshot;
use backstitch::web::{Settings, router};
use http_body_util::BodyExt;
use scraper::{Html, Selector};
use serde_json::Value;
use tokio::runtime::{Builder, Runtime};
use tower::ServiceExt;

use super::TestStore;

/// What a browser sends as Accept.
pub const HTML: &str = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8";
/// What a program that wants JSON sends.
pub const JSON: &str = "application/json";
/// What curl sends.
pub const PLAIN: &str = "*/*";
/// The three sorts of clients.
pub const CLIENTS: [&str; 3] = [HTML, JSON, PLAIN];

/// A store and its routes.
pub struct TestApp {
    pub store: TestStore,
    router: Router,
    runtime: Runtime,
}

impl TestApp {
    pub fn new() -> Self {
        Self::over(TestStore::new())
    }

    /// An app over a store with the first events of the story.
    pub fn with_story(events: usize) -> Self {
        Self::over(TestStore::with_story(events))
    }

    /// An app whose options a test changes first.
    pub fn with(change: impl FnOnce(&mut Options)) -> Self {
        Self::over(TestStore::with(change))
    }

    pub fn over(store: TestStore) -> Self {
        Self::serving(store, Settings::default())
    }

    pub fn serving(store: TestStore, settings: Settings) -> Self {
        let router = router(Arc::clone(&store.engine), settings);
        let runtime = Builder::new_current_thread().enable_all().build().unwrap();
        Self { store, router, runtime }
    }

    pub fn get(&self, path: &str, accept: &str) -> Reply {
        self.send("GET", path, accept, &[], "")
    }

    /// Posts a form; no field, no body.
    pub fn post(&self, path: &str, fields: &[(&str, &str)], accept: &str) -> Reply {
        let pairs = fields.iter().map(|(name, value)| format!("{}={}", encoded(name), encoded(value)));
        let body = pairs.collect::<Vec<_>>().join("&");
        let headers: &[_] =
            if fields.is_empty() { &[] } else { &[("content-type", "application/x-www-form-urlencoded")] };
        self.send("POST", path, accept, headers, &body)
    }

    /// Posts a body of the given type.
    pub fn post_body(&self, path: &str, kind: &str, body: &str, accept: &str) -> Reply {
        self.send("POST", path, accept, &[("content-type", kind)], body)
    }

    pub fn send(&self, method: &str, path: &str, accept: &str, headers: &[(&str, &str)], body: &str) -> Reply {
        self.run(self.answer(method, path, accept, headers, body))
    }

    /// The answer as a future, for tests in which something else happens meanwhile.
    pub async fn answer(&self, method: &str, path: &str, accept: &str, headers: &[(&str, &str)], body: &str) -> Reply {
        let mut request = Request::builder().method(method).uri(path).header("host", "localhost");
        request =
            headers.iter().fold(request.header("accept", accept), |so_far, (name, value)| so_far.header(*name, *value));
        let response = self.router.clone().oneshot(request.body(Body::from(body.to_owned())).unwrap()).await.unwrap();
        let (parts, body) = response.into_parts();
        let body = body.collect().await.unwrap().to_bytes().to_vec();
        Reply { status: parts.status.as_u16(), headers: parts.headers, body }
    }

    /// An answer whose body is read as it comes.
    pub async fn open(&self, path: &str, accept: &str) -> Body {
        let request = Request::builder().uri(path).header("host", "localhost").header("accept", accept);
        let response = self.router.clone().oneshot(request.body(Body::empty()).unwrap()).await.unwrap();
        assert_eq!(response.status().as_u16(), 200);
        response.into_body()
    }

    pub fn run<T>(&self, work: impl Future<Output = T>) -> T {
        self.runtime.block_on(work)
    }

    /// Takes a snapshot through its route.
    pub fn take_snapshot(&self) -> Value {
        let taken = self.post("/snapshots/take", &[], JSON);
        assert_eq!(taken.status, 201);
        taken.json()
    }

    /// Restores a snapshot through its route, as a program does; further fields may be added.
    pub fn restore(&self, id: &str, fields: &[(&str, &str)]) -> Reply {
        let mut all = vec![("confirm_id", id), ("kind", "periodic")];
        all.extend_from_slice(fields);
        self.post(&format!("/snapshots/restore/{id}"), &all, JSON)
    }

    /// A snapshot that is not on this history: its last events were taken back and others came.
    pub fn leave_a_snapshot_behind(&self, more: usize) -> Snapshot {
        let base = self.store.take();
        let head = self.store.engine.status().unwrap().head;
        self.store.append(super::Story::from(head + 1).tell(more));
        let behind = self.store.take();
        self.store.restore(&base, backstitch::snapshot::Scope::Everything);
        behind
    }
}

/// A whole answer.
pub struct Reply {
    pub status: u16,
    pub headers: HeaderMap,
    pub body: Vec<u8>,
}

impl Reply {
    /// A header's one value; empty where it is not there.
    pub fn header(&self, name: &str) -> &str {
        assert!(self.headers.get_all(name).iter().count() <= 1, "{name} is given twice");
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    pub fn text(&self) -> &str {
        std::str::from_utf8(&self.body).unwrap()
    }

    pub fn json(&self) -> Value {
        assert!(self.header("content-type").ends_with("json"), "{}", self.text());
        serde_json::from_slice(&self.body).unwrap()
    }

    pub fn page(&self) -> Page {
        assert_eq!(self.header("content-type"), "text/html; charset=utf-8", "{}", self.text());
        Page(Html::parse_document(self.text()))
    }

    /// What is said to a client that was refused, after its form was checked.
    pub fn words(&self, accept: &str) -> String {
        match accept {
            HTML => self.page().texts("main .lead, main .alert, .strip").join(" "),
            JSON => self.problem(),
            _ => {
                assert!(self.header("content-type").starts_with("text/plain"), "{}", self.text());
                assert_eq!(self.text().matches('\n').count(), 1, "one line: {:?}", self.text());
                self.text().trim_end().to_owned()
            }
        }
    }

    /// The detail of an `application/problem+json`.
    fn problem(&self) -> String {
        assert_eq!(self.header("content-type"), "application/problem+json");
        let problem = self.json();
        let fields: Vec<&String> = problem.as_object().unwrap().keys().collect();
        assert_eq!(fields, ["type", "title", "status", "detail"]);
        assert_eq!(problem["type"], "about:blank");
        assert_eq!(problem["status"], self.status);
        assert!(!problem["title"].as_str().unwrap().is_empty());
        problem["detail"].as_str().unwrap().to_owned()
    }
}

/// A page, asked by CSS selectors.
pub struct Page(Html);

impl Page {
    /// The text of each element, with single blanks.
    pub fn texts(&self, css: &str) -> Vec<String> {
        let selector = Selector::parse(css).unwrap();
        let flat = |text: String| text.split_whitespace().collect::<Vec<_>>().join(" ");
        self.0.select(&selector).map(|element| flat(element.text().collect())).collect()
    }

    /// The text of the one element.
    pub fn text(&self, css: &str) -> String {
        let mut texts = self.texts(css);
        assert_eq!(texts.len(), 1, "{css}: {texts:?}");
        texts.remove(0)
    }

    /// An attribute of each element that has it.
    pub fn attributes(&self, css: &str, name: &str) -> Vec<String> {
        let selector = Selector::parse(css).unwrap();
        self.0.select(&selector).filter_map(|element| element.attr(name)).map(str::to_owned).collect()
    }

    /// An attribute of the one element.
    pub fn attribute(&self, css: &str, name: &str) -> String {
        let mut values = self.attributes(css, name);
        assert_eq!(values.len(), 1, "{css} {name}: {values:?}");
        values.remove(0)
    }

    pub fn has(&self, css: &str) -> bool {
        self.0.select(&Selector::parse(css).unwrap()).next().is_some()
    }
}

/// Text as part of a form, a query or a path: everything but letters and digits encoded.
pub fn encoded(text: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric();
    text.bytes().map(|byte| if plain(byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") }).collect()
}
