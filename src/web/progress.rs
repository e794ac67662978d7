//! `GET /progress`: what runs now, how far it is, and what just changed.
//!
//! To whoever accepts anything it is a stream of server-sent events that ends when the client goes
//! or the server stops; to a program that asks for JSON the state of now; to a browser a page that
//! asks again by itself while something runs. `progress` events hold the same as the JSON's
//! `working`, `changed` events the same as its `store`.

use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use askama::Template;
use axum::Json;
use axum::extract::State;
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use futures_core::Stream;
use serde::Serialize;
use tokio::sync::mpsc::{Receiver, Sender, channel};
use tokio::time::{MissedTickBehavior, interval};

use super::error::Failure;
use super::layout::{Shell, page};
use super::links;
use super::negotiate::Wants;
use super::state::{AppState, at_once, blocking};
use super::working::Working;
use crate::engine::Engine;
use crate::error::Result;
use crate::history::What;

/// How often a stream looks whether there is something to tell.
const LOOK: Duration = Duration::from_millis(200);

/// Where the store stands, and what was last done to it.
#[derive(Debug, Clone, Serialize)]
struct Stands {
    /// Another number means that something has changed.
    version: i64,
    last_event_id: i64,
    events: u64,
    position: i64,
    held: bool,
    epoch: u64,
    operation: Option<i64>,
    what: Option<What>,
}

impl Stands {
    fn look(engine: &Engine) -> Result<Self> {
        let (status, last) = (engine.status()?, engine.operations(1)?.pop());
        Ok(Self {
            version: status.version,
            last_event_id: status.head,
            events: status.events,
            position: status.position,
            held: status.held,
            epoch: status.epoch,
            operation: last.as_ref().map(|line| line.operation),
            what: last.map(|line| line.what),
        })
    }
}

/// The answer for programs.
#[derive(Serialize)]
struct Answer {
    working: Working,
    store: Stands,
}

/// `GET /progress`.
pub(super) async fn show(State(state): State<AppState>, wants: Wants) -> Result<Response, Failure> {
    match wants {
        Wants::Json => {
            let store = blocking(&state, Stands::look).await?;
            Ok(Json(Answer { working: Working::now(state.engine.progress()), store }).into_response())
        }
        Wants::Page => drawn(&state).await,
        Wants::Plain => {
            let (sender, receiver) = channel(1);
            tokio::spawn(stream(state, sender));
            Ok(Sse::new(News(receiver)).keep_alive(KeepAlive::default()).into_response())
        }
    }
}

/// The page, for browsers without script and for whoever wants to watch.
#[derive(Template)]
#[template(path = "progress.html")]
struct ProgressPage {
    shell: Shell,
    working: Working,
}

async fn drawn(state: &AppState) -> Result<Response, Failure> {
    let status = blocking(state, Engine::status).await?;
    let shell = Shell::around(state, &status, "What runs now", None)
        .also(state, links::PROGRESS, "backstitch history".to_owned())
        .without_working();
    Ok(page(&ProgressPage { shell, working: Working::now(state.engine.progress()) })?)
}

/// Tells until the client has gone or the server stops: a graceful stop waits for what is open.
async fn stream(state: AppState, sender: Sender<Event>) {
    tokio::select! {
        () = state.stopped() => {}
        () = tell(&state, &sender) => {}
    }
}

async fn tell(state: &AppState, sender: &Sender<Event>) {
    let (mut working, mut version) = (None, None);
    let mut looks = interval(LOOK);
    looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            () = sender.closed() => return,
            _ = looks.tick() => {}
        }
        let now = Working::now(state.engine.progress());
        if working.as_ref() != Some(&now) && send(sender, "progress", &now).await.is_none() {
            return;
        }
        working = Some(now);
        // Where the engine is busy, the next look tells.
        if at_once(state, Engine::data_version).await.is_none_or(|seen| version == Some(seen)) {
            continue;
        }
        let Some(stands) = at_once(state, Stands::look).await else { continue };
        version = Some(stands.version);
        if send(sender, "changed", &stands).await.is_none() {
            return;
        }
    }
}

/// Nothing where nobody listens any more.
async fn send(sender: &Sender<Event>, name: &str, value: &impl Serialize) -> Option<()> {
    let event = Event::default().event(name).json_data(value).ok()?;
    sender.send(event).await.ok()
}

/// The events of one stream.
struct News(Receiver<Event>);

impl Stream for News {
    type Item = Result<Event, Infallible>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.0.poll_recv(context).map(|event| event.map(Ok))
    }
}
