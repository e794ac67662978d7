//! What every handler shares, and the one way from a handler to the engine.

use std::sync::Arc;

use tokio::sync::{Semaphore, watch};
use tokio::task::spawn_blocking;
use tokio::time::timeout;

use super::Settings;
use crate::engine::{Engine, Status};
use crate::error::{Error, Result};

/// Shared by all handlers; cloned for each request.
#[derive(Clone)]
pub(super) struct AppState {
    pub(super) engine: Arc<Engine>,
    pub(super) settings: Arc<Settings>,
    permits: Arc<Semaphore>,
    stopping: watch::Receiver<bool>,
}

impl AppState {
    /// `stopping` turns true when the server is to stop; what is open for long ends then.
    pub(super) fn new(engine: Arc<Engine>, settings: Settings, stopping: watch::Receiver<bool>) -> Self {
        let permits = Arc::new(Semaphore::new(settings.permits));
        Self { engine, settings: Arc::new(settings), permits, stopping }
    }

    /// Done when the server is to stop.
    pub(super) async fn stopped(&self) {
        if self.stopping.clone().wait_for(|stopping| *stopping).await.is_err() {
            // Nobody is left who could say so: routes without a server of their own.
            std::future::pending::<()>().await;
        }
    }
}

/// Where the store stands, if that can be told at once: for pages that say why something failed.
pub(super) async fn glance(state: &AppState) -> Option<Status> {
    at_once(state, Engine::status).await
}

/// What `look` answers, if there is a permit for it and it does not fail: for what can do without.
pub(super) async fn at_once<T: Send + 'static>(
    state: &AppState,
    look: impl FnOnce(&Engine) -> Result<T> + Send + 'static,
) -> Option<T> {
    let permit = Arc::clone(&state.permits).try_acquire_owned().ok()?;
    let engine = Arc::clone(&state.engine);
    let work = spawn_blocking(move || {
        let _permit = permit;
        look(&engine)
    });
    work.await.ok()?.ok()
}

/// Runs `work` with the engine on a thread that may block.
///
/// The engine is synchronous. Without the permit a burst of requests would fill the pool and
/// every later one would hang without an answer; with it the later ones get a 503 and can retry.
/// Work that has begun runs to its end even if the client goes away: half a restore is not a thing.
///
/// # Errors
///
/// Busy where no permit came in time; internal where `work` panicked; else what `work` answers.
pub(super) async fn blocking<T, F>(state: &AppState, work: F) -> Result<T>
where
    T: Send + 'static,
    F: FnOnce(&Engine) -> Result<T> + Send + 'static,
{
    let permit = timeout(state.settings.permit_wait, Arc::clone(&state.permits).acquire_owned())
        .await
        .map_err(|_| Error::busy())?
        .map_err(|closed| Error::internal("no work is taken any more").because(closed))?;
    let engine = Arc::clone(&state.engine);
    spawn_blocking(move || {
        let _permit = permit;
        work(&engine).inspect_err(|error| engine.remember_full_disk(error))
    })
    .await
    .map_err(|panic| Error::internal("the work broke off").because(panic))?
}
