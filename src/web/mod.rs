//! The pages and the HTTP interface, over the engine and nothing else.
//!
//! A handler reads its request into types, makes one call of the engine through
//! `state::blocking`, and answers in the form that the client wants. GET never changes
//! anything; every change is a POST that ends in a redirect, or in JSON for a program. Nothing
//! here knows SQL or files, and nothing below knows HTTP.
//!
//! Reading order: `guard`, `negotiate`, `extract`, `error`, `state`; then the pages.

mod about;
mod assets;
mod attention;
mod backups;
mod backups_list;
mod backups_outcome;
mod backups_plan;
mod backups_restore;
mod backups_view;
mod components;
mod damaged;
mod diff;
mod difference;
mod download;
mod drill;
mod due;
mod dump;
mod entities;
mod entity_page;
mod entity_view;
mod error;
mod event_changes;
mod event_list;
mod event_page;
mod event_view;
mod events;
mod extract;
mod filters;
mod flags;
mod guard;
mod headers;
mod health;
mod help;
mod help_words;
mod history;
mod jump;
mod keeping;
mod kept;
mod layout;
mod links;
mod negotiate;
mod not_alone;
mod notice;
mod offer;
mod operations;
mod outcome;
mod overview;
mod plan;
mod plan_page;
mod plan_view;
mod progress;
mod projection;
mod projection_view;
mod replay;
mod rewind;
mod rewind_view;
mod row_page;
mod rows;
mod sample;
mod snapshots;
mod state;
mod state_file;
mod tables;
mod take;
mod timeline;
mod twice;
mod undo;
mod undo_view;
mod went_back;
mod when;
mod words;
mod working;

use std::any::Any;
use std::future::Future;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::http::{Extensions, HeaderMap, StatusCode, Version, header};
use axum::middleware::{from_fn, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use tokio::net::TcpListener;
use tokio::sync::watch;
use tower::ServiceBuilder;
use tower_http::catch_panic::CatchPanicLayer;
use tower_http::compression::CompressionLayer;

pub use self::help::{Flag, Origin};

use self::error::Failure;
use self::state::AppState;
use crate::engine::Engine;
use crate::error::{Error, ErrorKind};

/// What the web layer needs to know besides the engine.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The address that is listened on: for the commands that pages show, never for links.
    pub address: SocketAddr,
    /// Largest body of events, in bytes.
    pub body_limit: usize,
    /// Most rows of one page; a tenth of it is the default.
    pub page_limit: usize,
    /// Host names to answer for besides localhost and the loopback addresses.
    pub allowed_hosts: Vec<String>,
    /// Calls of the engine at once.
    pub permits: usize,
    /// How long a call waits for its turn before it is answered 503.
    pub permit_wait: Duration,
    /// How long safety snapshots are kept, for the texts that say so.
    pub safety_kept: Duration,
    /// How many periodic snapshots are kept, for the same.
    pub keep_periodic: usize,
    /// The settings that the program was started with, for the help page.
    pub flags: Vec<Flag>,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            address: SocketAddr::from((Ipv4Addr::LOCALHOST, 8787)),
            body_limit: 16 * 1024 * 1024,
            page_limit: 1000,
            allowed_hosts: Vec::new(),
            permits: 32,
            permit_wait: Duration::from_secs(3),
            safety_kept: Duration::from_secs(14 * 86_400),
            keep_periodic: 5,
            flags: Vec::new(),
        }
    }
}

/// All routes with their middleware, for a server of the caller's.
pub fn router(engine: Arc<Engine>, settings: Settings) -> Router {
    routes(AppState::new(engine, settings, watch::channel(false).1))
}

fn routes(state: AppState) -> Router {
    let allowed_hosts: Arc<[String]> = state.settings.allowed_hosts.as_slice().into();

    // Outermost first. The limits on bodies, on waiting and on time are kept where the body is
    // read and the engine is called (`extract`, `state`): a deadline over a whole request would
    // answer "failed" for a restore that goes on and succeeds.
    let middleware = ServiceBuilder::new()
        .layer(CatchPanicLayer::custom(after_panic))
        .layer(from_fn(headers::secure))
        .layer(CompressionLayer::new().compress_when(is_of_a_page))
        .layer(from_fn_with_state(state.clone(), error::draw))
        .layer(from_fn_with_state(allowed_hosts, guard::guard));

    Router::new()
        // Pages
        .route(links::OVERVIEW, get(overview::show))
        .route(links::SNAPSHOTS, get(snapshots::list))
        .route("/snapshots/{id}/preview", get(plan::preview))
        .route("/snapshots/{id}/diff", get(diff::show))
        .route(links::EVENTS, get(event_list::show).post(events::append))
        .route("/events/{id}", get(event_page::show))
        .route(links::TABLES, get(tables::list))
        .route("/state/{table}", get(tables::rows))
        .route("/state/{table}/row", get(row_page::show))
        .route(links::STATE_FILE, get(state_file::show))
        .route(links::PROJECTION, get(projection::show))
        .route(links::REWIND, get(rewind::show).post(rewind::rewind))
        .route(links::HISTORY, get(history::show))
        .route("/history/{op}/undo", get(undo::show).post(undo::undo))
        .route(links::ENTITIES, get(entities::list))
        .route("/entities/{type}/{id}", get(entities::show))
        .route("/entities/{type}/{id}/snapshots/{version}", get(entities::snapshot))
        .route(links::BACKUPS, get(backups::list).post(backups::create))
        .route("/backups/{stamp}", get(backups::show))
        .route(links::PROGRESS, get(progress::show))
        .route(links::HELP, get(help::show))
        .route(links::COMPONENTS, get(components::show))
        // Changes
        .route(links::TAKE, post(take::take))
        // A fixed word wins over `{id}`: reading these two paths of a snapshot named `restore` ends
        // up here as well.
        .route("/snapshots/restore/{id}", post(plan::restore).get(plan::read_one_named_restore))
        .route("/snapshots/{id}/pin", post(keeping::pin))
        .route("/snapshots/{id}/unpin", post(keeping::unpin))
        .route("/snapshots/{id}/label", post(keeping::label))
        .route("/snapshots/{id}/verify", post(keeping::verify))
        .route("/snapshots/{id}/delete", post(keeping::delete))
        .route("/events/{id}/hide", post(flags::hide))
        .route("/events/{id}/unhide", post(flags::unhide))
        .route("/snapshots/{id}/drill", post(drill::drill))
        .route("/snapshots/{id}/export", get(dump::export))
        .route("/snapshots/import", post(dump::import))
        .route(links::REPLAY, post(replay::replay))
        .route(links::COMPARE, post(projection::verify))
        .route(links::REBUILD, post(projection::rebuild))
        .route(links::ENTITY_IMPORT, post(entities::import))
        .route("/entities/{type}/{id}/snapshots", post(entities::take))
        .route("/backups/{stamp}/validate", post(backups::validate))
        .route("/backups/{stamp}/restore", post(backups_restore::restore))
        .route(links::SAMPLE, post(sample::load))
        .route(links::SAMPLE_CONTINUE, post(sample::go_on))
        // For programs
        .route("/health", get(health::show))
        .route("/static/{*path}", get(assets::serve))
        .fallback(async || refused(ErrorKind::NotFound, "There is no such page."))
        .method_not_allowed_fallback(async || {
            refused(ErrorKind::MethodNotAllowed, "This address does not take that method.")
        })
        .layer(middleware)
        .with_state(state)
}

/// Serves until `shutdown` is done, then lets the requests that run come to their end, and ends the
/// streams that have none.
///
/// # Errors
///
/// Fails where the listener does.
pub async fn serve(
    listener: TcpListener,
    engine: Arc<Engine>,
    settings: Settings,
    shutdown: impl Future<Output = ()> + Send + 'static,
) -> std::io::Result<()> {
    let (stop, stopping) = watch::channel(false);
    let router = routes(AppState::new(engine, settings, stopping));
    let shutdown = async move {
        shutdown.await;
        let _ = stop.send(true);
    };
    axum::serve(listener, router).with_graceful_shutdown(shutdown).await
}

/// Pages and what belongs to them travel small. A stream of events is sent on at once, and a download
/// keeps the length that it says.
fn is_of_a_page(_: StatusCode, _: Version, headers: &HeaderMap, _: &Extensions) -> bool {
    let kind = headers.get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    ["text/html", "text/css", "text/javascript"].iter().any(|of_pages| kind.starts_with(of_pages))
}

fn refused(kind: ErrorKind, message: &str) -> Failure {
    Error::new(kind, message).into()
}

/// The answer after a panic in a handler or a template. The engine's own panics do not come this
/// far. It stands outside every other layer, so it brings the security headers itself.
fn after_panic(_: Box<dyn Any + Send>) -> Response {
    tracing::error!("a handler panicked");
    let words = error::words(&Error::internal("a handler panicked"));
    let mut response = (StatusCode::INTERNAL_SERVER_ERROR, format!("{words}\n")).into_response();
    headers::apply(response.headers_mut());
    response
}
