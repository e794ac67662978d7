//! The background thread of a server: takes in what other processes wrote to the log, and takes
//! the snapshots that the policy wants.
//!
//! It sleeps until the database changes or the next snapshot is due by time. Whether it changed is
//! asked of SQLite five times a second: another process has no other way to tell, and the question
//! reads one page.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Weak};
use std::thread::JoinHandle;
use std::time::Duration;

use crossbeam_channel::{Receiver, RecvTimeoutError, Sender, bounded};
use time::OffsetDateTime;

use crate::engine::Engine;
use crate::error::{Error, ErrorKind, Result};

/// Rows of another process are applied within half a second.
const LOOK: Duration = Duration::from_millis(200);
/// After a snapshot that could not be taken the next try waits this long.
const AFTER_FAILURE: Duration = Duration::from_secs(60);

/// The background thread; it ends when this is dropped, after what it does at that moment.
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

/// What the thread knows between two looks.
#[derive(Default)]
struct Watch {
    /// The database as it was last seen.
    version: Option<i64>,
    /// When to judge again though nothing has changed.
    judge_at: Option<OffsetDateTime>,
    /// What the last look failed with.
    told: Option<String>,
}

fn look_after(engine: &Weak<Engine>, stopped: &Receiver<()>) {
    let mut watch = Watch::default();
    loop {
        {
            let Some(engine) = engine.upgrade() else { return };
            // The thread goes on after a panic: nobody else applies what other programs write.
            let look = catch_unwind(AssertUnwindSafe(|| watch.look(&engine)));
            let outcome = look.unwrap_or_else(|_| Err(Error::internal("looking after the store panicked")));
            let outcome = outcome.inspect_err(|error| engine.remember_full_disk(error));
            watch.tell(outcome);
        }
        if stopped.recv_timeout(LOOK) != Err(RecvTimeoutError::Timeout) {
            return;
        }
    }
}

impl Watch {
    fn look(&mut self, engine: &Engine) -> Result<()> {
        let now = engine.now();
        engine.mend_if_cut_short()?;
        let version = engine.data_version()?;
        let changed = self.version != Some(version);
        let is_time = self.judge_at.is_some_and(|at| now >= at);
        if changed {
            engine.catch_up_if_behind()?;
        }
        if changed || is_time {
            self.judge_at = match engine.follow_policy() {
                Ok(next) => next.at.filter(|&at| at > now),
                Err(error) => {
                    engine.remember_full_disk(&error);
                    tracing::warn!(%error, "the snapshot that is due could not be taken");
                    Some(now + AFTER_FAILURE)
                }
            };
        }
        engine.follow_entity_policy()?;
        // Only now: what failed before is looked at again.
        self.version = Some(version);
        Ok(())
    }

    /// The next look tries again, and what it meets again is not told again; another process that
    /// writes for long is no news.
    fn tell(&mut self, outcome: Result<()>) {
        let words = outcome.err().filter(|error| error.kind() != ErrorKind::Busy).map(|error| error.to_string());
        if let Some(error) = words.as_ref().filter(|_| words != self.told) {
            tracing::warn!(%error, "the store could not be looked after");
        }
        self.told = words;
    }
}
