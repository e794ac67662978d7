//! Whether the disk is full: what met that says so, and a small file that can be written says that
//! there is room again.

use std::io::{self, Write};
use std::path::Path;
use std::sync::{Mutex, MutexGuard};
use std::time::{Duration, Instant};

use super::{Engine, lock};
use crate::error::{Error, ErrorKind};

/// Bytes that there must be room for.
const ROOM: usize = 64 << 10;
/// From one try to the next.
const PAUSE: Duration = Duration::from_secs(1);

/// When there was last found to be no room; none while nothing has met a full disk.
#[derive(Debug, Default)]
pub(super) struct Full(Mutex<Option<Instant>>);

impl Full {
    /// Whether the disk that a folder is on is still as full as something found it.
    pub(super) fn is_full(&self, folder: &Path) -> bool {
        let mut found = self.lock();
        // Whoever only looks does not write, unless that may end what is told.
        if found.is_some_and(|at| at.elapsed() >= PAUSE) {
            *found = lacks_room(folder).then(Instant::now);
        }
        found.is_some()
    }

    fn lock(&self) -> MutexGuard<'_, Option<Instant>> {
        lock(&self.0)
    }
}

impl Full {
    /// Something was written, so there may be room again: the next look tries at once.
    pub(super) fn look_again(&self) {
        if let (Some(at), Some(before)) = (self.lock().as_mut(), Instant::now().checked_sub(PAUSE)) {
            *at = before;
        }
    }
}

impl Engine {
    /// Remembers that work met a full disk, where that is its error: [`Engine::status`] says so until
    /// there is room again.
    pub fn remember_full_disk(&self, error: &Error) {
        if error.kind() == ErrorKind::DiskFull {
            *self.core.full.lock() = Some(Instant::now());
        }
    }
}

/// Whether a small file cannot be written for want of room; what else may be wrong is told elsewhere.
fn lacks_room(folder: &Path) -> bool {
    let tried = tempfile::tempfile_in(folder).and_then(|mut file| {
        file.write_all(&[0; ROOM])?;
        file.sync_all()
    });
    tried.is_err_and(|error| matches!(error.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded))
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]
    use super::*;

    #[test]
    fn a_full_disk_is_told_until_there_is_room() {
        let folder = tempfile::tempdir().unwrap();
        let full = Full::default();
        assert!(!full.is_full(folder.path()));
        *full.lock() = Some(Instant::now());
        assert!(full.is_full(folder.path()) || full.lock().is_none(), "it is not tried at once");
        *full.lock() = Instant::now().checked_sub(PAUSE);
        assert!(!full.is_full(folder.path()));
        assert_eq!(folder.path().read_dir().unwrap().count(), 0, "nothing is left of the try");
    }
}
