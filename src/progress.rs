//! How far long work is: one handle that the command line draws as a bar and the server sends on.

use std::fmt;
use std::sync::Arc;

/// Draws or sends progress.
pub trait Report: Send + Sync {
    /// A piece of work starts: what it is, and how many steps it has, where that is known.
    fn begin(&self, what: &str, total: Option<u64>);
    /// So many more steps are done.
    fn advance(&self, steps: u64);
    /// The piece of work is over.
    fn end(&self);
}

/// A handle that long work reports to; by default nobody looks.
#[derive(Clone, Default)]
pub struct Progress(Option<Arc<dyn Report>>);

impl Progress {
    /// A handle that reports to `report`.
    pub fn new(report: Arc<dyn Report>) -> Self {
        Self(Some(report))
    }

    /// Starts a piece of work, which ends when the answer is dropped.
    pub fn begin(&self, what: &str, total: Option<u64>) -> Work {
        if let Some(report) = &self.0 {
            report.begin(what, total);
        }
        Work { report: self.0.clone(), unsent: 0 }
    }
}

impl fmt::Debug for Progress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Progress")
    }
}

/// A piece of work under way.
pub struct Work {
    report: Option<Arc<dyn Report>>,
    unsent: u64,
}

impl Work {
    /// Steps are sent on in lots: rows come by the hundred thousand a second.
    const LOT: u64 = 256;

    /// So many more steps are done.
    pub fn advance(&mut self, steps: u64) {
        self.unsent += steps;
        if self.unsent >= Self::LOT {
            self.send();
        }
    }

    fn send(&mut self) {
        if let Some(report) = &self.report {
            report.advance(self.unsent);
        }
        self.unsent = 0;
    }
}

impl Drop for Work {
    fn drop(&mut self) {
        self.send();
        if let Some(report) = &self.report {
            report.end();
        }
    }
}
