//! How far long work is: one handle that all of it reports to. The command line draws it as a bar,
//! and the server sends it on.
//!
//! A *task* is what somebody asked for ([`Task`]); while it runs, *parts* of it come and go, most of
//! them one for each table. The handle remembers what runs ([`Progress::now`]), so whoever looks
//! later sees it too.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use serde::Serialize;

/// A part says nothing of its end before it has run this long.
const GUESS_AFTER: Duration = Duration::from_millis(200);

/// Draws the parts of the work as they happen.
pub trait Report: Send + Sync {
    /// A piece of work starts: what it is, and how many steps it has, where that is known.
    fn begin(&self, what: &str, total: Option<u64>);
    /// So many more steps are done.
    fn advance(&self, steps: u64);
    /// The piece of work is over.
    fn end(&self);
}

/// What somebody may wait for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Task {
    /// Events come in.
    Append,
    /// Waiting events are applied.
    Replay,
    /// A snapshot is taken.
    Take,
    /// What a restore, a rewind or an undo would change is worked out.
    Plan,
    /// A snapshot is restored.
    Restore,
    /// The log goes back to an event.
    Rewind,
    /// An operation is undone.
    Undo,
    /// An event is hidden, or shown again.
    Flag,
    /// The tables are made anew from the log.
    Rebuild,
    /// A snapshot is reread.
    Verify,
    /// The tables are compared with the log.
    Compare,
    /// A restore is rehearsed.
    Drill,
    /// A snapshot is written as a dump.
    Export,
    /// A dump becomes a snapshot.
    Import,
    /// The state as of an event is worked out.
    Past,
    /// A backup is made.
    Backup,
    /// A backup is checked.
    Validate,
    /// A backup is restored.
    BackupRestore,
}

/// A task that runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Running {
    /// What it is.
    pub task: Task,
    /// For how long it has been running.
    pub time: Duration,
}

/// A part of a task that runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Part {
    /// What is worked on, such as a table.
    pub what: String,
    /// What is counted, in the singular.
    pub noun: &'static str,
    /// How many are done.
    pub done: u64,
    /// How many there are, where that is known.
    pub total: Option<u64>,
    /// For how long it has been running.
    pub time: Duration,
}

impl Part {
    /// How long the rest takes if it goes on as it did; none where that cannot be told yet.
    pub fn left(&self) -> Option<Duration> {
        let total = self.total.filter(|total| self.done > 0 && *total >= self.done)?;
        let rest = (total - self.done) as f64 / self.done as f64;
        (self.time >= GUESS_AFTER).then(|| Duration::try_from_secs_f64(self.time.as_secs_f64() * rest).ok())?
    }
}

/// What runs at one moment, the oldest first. Several may run at once, so a part is not known to be
/// of one task.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Now {
    /// What was asked for.
    pub tasks: Vec<Running>,
    /// What is worked on.
    pub parts: Vec<Part>,
}

/// The handle that long work reports to; a clone is the same handle.
#[derive(Clone, Default)]
pub struct Progress(Arc<Shared>);

#[derive(Default)]
struct Shared {
    report: Option<Arc<dyn Report>>,
    board: Mutex<Board>,
}

/// What runs. Few things do at once, so lists are searched.
#[derive(Default)]
struct Board {
    begun: u64,
    tasks: Vec<(u64, Instant, Task)>,
    parts: Vec<(u64, Instant, Part)>,
}

impl Board {
    fn next(&mut self) -> u64 {
        self.begun += 1;
        self.begun
    }
}

impl Progress {
    /// A handle that reports to `report` as well.
    pub fn new(report: Arc<dyn Report>) -> Self {
        Self(Arc::new(Shared { report: Some(report), board: Mutex::default() }))
    }

    /// Starts a task, which ends when the answer is dropped.
    #[must_use]
    pub fn task(&self, task: Task) -> Doing {
        let mut board = self.0.board();
        let id = board.next();
        board.tasks.push((id, Instant::now(), task));
        Doing { shared: Arc::clone(&self.0), id }
    }

    /// Starts a piece of work on rows, which ends when the answer is dropped.
    pub fn begin(&self, what: &str, total: Option<u64>) -> Work {
        self.begin_of(what, "row", total)
    }

    /// Starts a piece of work on something else; `noun` is in the singular.
    pub fn begin_of(&self, what: &str, noun: &'static str, total: Option<u64>) -> Work {
        let shared = Arc::clone(&self.0);
        if let Some(report) = &shared.report {
            report.begin(what, total);
        }
        let part = Part { what: what.to_owned(), noun, done: 0, total, time: Duration::ZERO };
        let mut board = shared.board();
        let id = board.next();
        board.parts.push((id, Instant::now(), part));
        drop(board);
        let lot = total.map_or(Work::LOT, |total| (total / 100).clamp(1, Work::LOT));
        Work { shared, id, unsent: 0, lot }
    }

    /// What runs now.
    pub fn now(&self) -> Now {
        let board = self.0.board();
        Now {
            tasks: board.tasks.iter().map(|(_, since, task)| Running { task: *task, time: since.elapsed() }).collect(),
            parts: board.parts.iter().map(|(_, since, part)| Part { time: since.elapsed(), ..part.clone() }).collect(),
        }
    }
}

impl Shared {
    /// A panic elsewhere leaves nothing half-done behind this lock.
    fn board(&self) -> MutexGuard<'_, Board> {
        self.board.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Progress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Progress")
    }
}

/// A task under way.
pub struct Doing {
    shared: Arc<Shared>,
    id: u64,
}

impl Drop for Doing {
    fn drop(&mut self) {
        self.shared.board().tasks.retain(|(id, ..)| *id != self.id);
    }
}

/// A piece of work under way.
pub struct Work {
    shared: Arc<Shared>,
    id: u64,
    unsent: u64,
    lot: u64,
}

impl Work {
    /// Steps are sent on in lots, at most so large: rows come by the hundred thousand a second.
    const LOT: u64 = 256;

    /// So many more steps are done.
    pub fn advance(&mut self, steps: u64) {
        self.unsent += steps;
        if self.unsent >= self.lot {
            self.send();
        }
    }

    fn send(&mut self) {
        if let Some(report) = &self.shared.report {
            report.advance(self.unsent);
        }
        if let Some((.., part)) = self.shared.board().parts.iter_mut().find(|(id, ..)| *id == self.id) {
            part.done += self.unsent;
        }
        self.unsent = 0;
    }
}

impl Drop for Work {
    fn drop(&mut self) {
        self.send();
        self.shared.board().parts.retain(|(id, ..)| *id != self.id);
        if let Some(report) = &self.shared.report {
            report.end();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn part(done: u64, total: Option<u64>, time: Duration) -> Part {
        Part { what: "memories".into(), noun: "row", done, total, time }
    }

    #[test]
    fn what_runs_is_remembered_until_it_ends() {
        let progress = Progress::default();
        let task = progress.task(Task::Restore);
        let mut work = progress.clone().begin("memories", Some(1_000));
        let other = progress.begin_of("the log", "event", None);
        work.advance(300);
        let now = progress.now();
        assert_eq!(now.tasks.iter().map(|running| running.task).collect::<Vec<_>>(), [Task::Restore]);
        let seen = now.parts.iter().map(|part| (part.what.as_str(), part.noun, part.done, part.total));
        assert_eq!(seen.collect::<Vec<_>>(), [("memories", "row", 300, Some(1_000)), ("the log", "event", 0, None)]);
        drop((task, work, other));
        assert_eq!(progress.now(), Now::default());
    }

    #[test]
    fn few_steps_are_seen_one_by_one() {
        let progress = Progress::default();
        let mut work = progress.begin_of("copying the vector store", "file", Some(7));
        work.advance(1);
        assert_eq!(progress.now().parts[0].done, 1);
    }

    #[test]
    fn the_rest_takes_as_long_as_what_was_done() {
        let second = Duration::from_secs(1);
        assert_eq!(part(250, Some(1_000), second).left(), Some(3 * second));
        assert_eq!(part(1_000, Some(1_000), second).left(), Some(Duration::ZERO));
        assert_eq!(part(0, Some(1_000), second).left(), None);
        assert_eq!(part(250, None, second).left(), None);
        assert_eq!(part(250, Some(1_000), second / 10).left(), None, "too early to tell");
        assert_eq!(part(1_200, Some(1_000), second).left(), None, "the total was a guess");
    }
}
