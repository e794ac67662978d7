//! The background thread of a server: takes in what other processes wrote to the log.

use std::sync::{Arc, Weak};
use std::thread::JoinHandle;
use std::time::Duration;

use crossbeam_channel::{Receiver, RecvTimeoutError, Sender, bounded};

use crate::engine::Engine;
use crate::error::{ErrorKind, Result};

/// Rows of another process are applied within half a second; looking costs one page read.
const LOOK: Duration = Duration::from_millis(200);

/// The background thread; it ends when this is dropped.
pub struct Scheduler {
    stop: Option<Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Scheduler {
    /// Starts the thread.
    ///
    /// # Errors
    ///
    /// Where the thread cannot be started.
    pub fn start(engine: &Arc<Engine>) -> Result<Self> {
        let (stop, stopped) = bounded(0);
        let engine = Arc::downgrade(engine);
        let thread =
            std::thread::Builder::new().name("scheduler".into()).spawn(move || look_after(&engine, &stopped))?;
        Ok(Self { stop: Some(stop), thread: Some(thread) })
    }
}

impl Drop for Scheduler {
    fn drop(&mut self) {
        self.stop = None;
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

fn look_after(engine: &Weak<Engine>, stopped: &Receiver<()>) {
    let mut seen = None;
    while stopped.recv_timeout(LOOK) == Err(RecvTimeoutError::Timeout) {
        let Some(engine) = engine.upgrade() else { return };
        if let Err(error) = look(&engine, &mut seen) {
            // The next look tries again; another process that writes for long is no news.
            if error.kind() != ErrorKind::Busy {
                tracing::warn!(%error, "what another process wrote could not be taken in");
            }
        }
    }
}

fn look(engine: &Engine, seen: &mut Option<i64>) -> Result<()> {
    let version = engine.data_version()?;
    if *seen != Some(version) {
        engine.catch_up_if_behind()?;
        *seen = Some(version);
    }
    Ok(())
}
