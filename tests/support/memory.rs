//! Folders in memory, for tests that write much and for which it does not count what reaches the
//! disk: there a sync costs nothing.

use std::path::Path;
use std::sync::Arc;

use backstitch::engine::{Engine, Options};
use tempfile::TempDir;

use super::TestStore;

/// A temporary folder in memory, where the system has such a place.
pub fn memory_folder() -> TempDir {
    let memory = Path::new("/dev/shm");
    if memory.is_dir() { tempfile::tempdir_in(memory).unwrap() } else { tempfile::tempdir().unwrap() }
}

impl TestStore {
    /// A store in memory whose options a test changes first.
    pub fn in_memory(change: impl FnOnce(&mut Options)) -> Self {
        let folder = memory_folder();
        let mut options = Options::new(folder.path());
        change(&mut options);
        Self { engine: Arc::new(Engine::open(options).unwrap()), folder }
    }
}
