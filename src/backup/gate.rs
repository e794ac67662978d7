//! The gate: new events pass it together, a backup of both stores closes it.
//!
//! Two lock files in the data folder. Whoever appends holds the first shared; whoever copies or
//! exchanges the vector store holds it alone. The second keeps the turn: who wants to close the
//! gate takes it first, so that a stream of appends does not keep it open for ever.

use std::path::PathBuf;
use std::thread;
use std::time::{Duration, Instant};

use crate::error::{Error, ErrorKind, Result};
use crate::image::lock::FileLock;

/// Held shared by appends.
const FILE: &str = "append.lock";
/// Held alone by who waits to close the gate.
const TURN: &str = "append.turn.lock";
/// How often a lock that is held is tried again.
const LOOK: Duration = Duration::from_millis(2);

/// The gate of a data folder.
#[derive(Debug, Clone)]
pub struct Gate {
    file: PathBuf,
    turn: PathBuf,
}

/// The gate is closed until this is dropped.
#[derive(Debug)]
pub struct Closed {
    _file: FileLock,
    _turn: FileLock,
}

impl Gate {
    /// The gate of a data folder.
    pub fn new(data_dir: &std::path::Path) -> Self {
        Self { file: data_dir.join(FILE), turn: data_dir.join(TURN) }
    }

    /// Passes the gate: it stays open until the answer is dropped.
    ///
    /// # Errors
    ///
    /// Busy where it is closed for longer than `wait`.
    pub fn pass(&self, wait: Duration) -> Result<FileLock> {
        let shared = || match FileLock::try_shared(&self.turn)? {
            Some(_turn) => FileLock::try_shared(&self.file),
            None => Ok(None),
        };
        until(Instant::now() + wait, shared)?.ok_or_else(|| {
            let why = "A backup is being taken or restored, and new events wait until it is done.";
            Error::new(ErrorKind::Busy, format!("{why} Nothing was done; try again in a moment."))
        })
    }

    /// Closes the gate: waits until those who passed are done.
    ///
    /// # Errors
    ///
    /// Busy where that takes longer than `wait`.
    pub fn close(&self, wait: Duration) -> Result<Closed> {
        let deadline = Instant::now() + wait;
        let busy = || {
            let why = "Another backup is being taken or restored, or events are being written.";
            Error::new(ErrorKind::Busy, format!("{why} Nothing was done; try again in a moment."))
        };
        let turn = until(deadline, || FileLock::try_exclusive(&self.turn))?.ok_or_else(busy)?;
        let file = until(deadline, || FileLock::try_exclusive(&self.file))?.ok_or_else(busy)?;
        Ok(Closed { _file: file, _turn: turn })
    }
}

/// Tries until there is an answer, at least once; none where the deadline passes first.
fn until<T>(deadline: Instant, mut attempt: impl FnMut() -> Result<Option<T>>) -> Result<Option<T>> {
    loop {
        let answer = attempt()?;
        if answer.is_some() || Instant::now() >= deadline {
            return Ok(answer);
        }
        thread::sleep(LOOK);
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]
    use super::*;

    #[test]
    fn a_closed_gate_lets_nobody_pass_and_an_open_one_everybody() {
        let folder = tempfile::tempdir().unwrap();
        let gate = Gate::new(folder.path());
        let (one, two) = (gate.pass(Duration::ZERO).unwrap(), gate.pass(Duration::ZERO).unwrap());
        assert_eq!(gate.close(Duration::ZERO).unwrap_err().kind(), ErrorKind::Busy);
        drop((one, two));
        let closed = gate.close(Duration::ZERO).unwrap();
        assert_eq!(gate.pass(Duration::ZERO).unwrap_err().kind(), ErrorKind::Busy);
        assert_eq!(gate.close(Duration::ZERO).unwrap_err().kind(), ErrorKind::Busy);
        drop(closed);
        gate.pass(Duration::ZERO).unwrap();
    }
}
