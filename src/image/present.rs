//! Which chunks are still there, without looking at each of them.
//!
//! A take relies on every chunk of every segment that it does not write, thousands of them for the
//! few that changed. The system moves a folder's moment of change (`st_ctime`, which nobody can set)
//! with every file that comes into it or leaves it. So a chunk that was there is there still while
//! that moment stays; and a folder that something changed is looked at anew, file by file. A moment
//! that is hardly past says nothing: the next change may get the same one.

use std::cell::RefCell;
use std::collections::{HashMap, HashSet};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

use super::Hash;

/// Twice the coarsest clock of a file system.
const HARDLY_PAST: Duration = Duration::from_secs(4);

/// When a folder last changed, since 1970.
type Moment = Duration;

/// The chunks that were there when their folder had last changed at a moment; by the first byte of
/// their names, which is their folder.
#[derive(Debug, Default)]
pub(super) struct Present(Mutex<HashMap<u8, (Moment, HashSet<Hash>)>>);

/// One look at the folders: each is asked once, before the first of its chunks.
pub(super) struct Look {
    now: SystemTime,
    moments: RefCell<HashMap<u8, Option<Moment>>>,
}

impl Look {
    pub(super) fn at(now: SystemTime) -> Self {
        Self { now, moments: RefCell::default() }
    }

    /// When a folder changed last; none where that says nothing.
    fn moment(&self, first: u8, folder: impl FnOnce() -> PathBuf) -> Option<Moment> {
        *self.moments.borrow_mut().entry(first).or_insert_with(|| {
            let changed = changed(&folder())?;
            let now = self.now.duration_since(SystemTime::UNIX_EPOCH).ok()?;
            now.checked_sub(changed).is_some_and(|past| past >= HARDLY_PAST).then_some(changed)
        })
    }
}

impl Present {
    /// Whether a chunk is in a folder; `find` looks for it where nothing is known.
    pub(super) fn has(
        &self,
        look: &Look,
        chunk: Hash,
        folder: impl FnOnce() -> PathBuf,
        find: impl FnOnce() -> bool,
    ) -> bool {
        let first = chunk.as_bytes()[0];
        let Some(moment) = look.moment(first, folder) else { return find() };
        if self.lock().get(&first).is_some_and(|(known, chunks)| *known == moment && chunks.contains(&chunk)) {
            return true;
        }
        let found = find();
        if found {
            let mut folders = self.lock();
            let known = folders.entry(first).or_default();
            if known.0 != moment {
                *known = (moment, HashSet::new());
            }
            known.1.insert(chunk);
        }
        found
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<u8, (Moment, HashSet<Hash>)>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(unix)]
fn changed(folder: &Path) -> Option<Moment> {
    use std::os::unix::fs::MetadataExt;
    let metadata = folder.metadata().ok()?;
    let (seconds, nanoseconds) = (metadata.ctime(), metadata.ctime_nsec());
    Some(Duration::new(u64::try_from(seconds).ok()?, u32::try_from(nanoseconds).ok()?))
}

/// No other system tells.
#[cfg(not(unix))]
fn changed(_: &Path) -> Option<Moment> {
    None
}

#[cfg(all(test, unix))]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]
    use std::cell::Cell;
    use std::fs;

    use super::*;

    /// A folder with one file in it, the name of the file, and how often it was looked for.
    struct Folder {
        path: tempfile::TempDir,
        present: Present,
        looked: Cell<u32>,
    }

    impl Folder {
        fn new() -> Self {
            let path = tempfile::tempdir().unwrap();
            fs::write(path.path().join("chunk"), "").unwrap();
            Self { path, present: Present::default(), looked: Cell::new(0) }
        }

        /// Whether the file is there, seen by a look at a time.
        fn has(&self, now: SystemTime) -> bool {
            let find = || {
                self.looked.set(self.looked.get() + 1);
                self.path.path().join("chunk").exists()
            };
            self.present.has(&Look::at(now), Hash::of(b"chunk"), || self.path.path().to_owned(), find)
        }

        /// Changes the folder until its moment is another one.
        fn change(&self) {
            let before = changed(self.path.path());
            while changed(self.path.path()) == before {
                fs::write(self.path.path().join("other"), "").unwrap();
                fs::remove_file(self.path.path().join("other")).unwrap();
            }
        }
    }

    fn later() -> SystemTime {
        SystemTime::now() + HARDLY_PAST * 2
    }

    #[test]
    fn what_was_there_is_not_looked_for_again_until_its_folder_changes() {
        let folder = Folder::new();
        assert!(folder.has(later()) && folder.has(later()));
        assert_eq!(folder.looked.get(), 1);
        folder.change();
        assert!(folder.has(later()));
        assert_eq!(folder.looked.get(), 2);
        fs::remove_file(folder.path.path().join("chunk")).unwrap();
        folder.change();
        assert!(!folder.has(later()) && !folder.has(later()));
        assert_eq!(folder.looked.get(), 4);
    }

    #[test]
    fn a_folder_that_changed_just_now_is_looked_at_each_time() {
        let folder = Folder::new();
        assert!(folder.has(SystemTime::now()));
        fs::remove_file(folder.path.path().join("chunk")).unwrap();
        assert!(!folder.has(SystemTime::now()));
        assert!(!folder.has(SystemTime::UNIX_EPOCH), "nor where the clock went back");
    }

    #[test]
    fn a_folder_that_is_not_there_has_nothing() {
        let folder = Folder::new();
        assert!(folder.has(later()));
        fs::remove_dir_all(folder.path.path()).unwrap();
        assert!(!folder.has(later()));
    }
}
