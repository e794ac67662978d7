//! What runs now, in words and as a bar.

use std::time::Duration;

use serde::Serialize;

use super::filters::{counted, grouped, span};
use crate::progress::{Now, Part, Progress, Running, Task};

/// Work shorter than this is not worth a bar: it would only flash.
const SHOWN_AFTER: Duration = Duration::from_millis(500);

/// What runs, the oldest first; a bar shows the part that began last.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub(super) struct Working {
    tasks: Vec<OneTask>,
    parts: Vec<OnePart>,
    /// All of it in one line; empty where nothing runs.
    pub(super) words: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
struct OneTask {
    task: Task,
    for_ms: u64,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
struct OnePart {
    name: String,
    done: u64,
    total: Option<u64>,
    left_ms: Option<u64>,
}

impl Working {
    /// What runs now.
    pub(super) fn now(progress: &Progress) -> Self {
        Self::of(&progress.now())
    }

    /// What pages show of it: what has taken a while already.
    pub(super) fn shown(progress: &Progress) -> Option<Self> {
        let now = progress.now();
        now.tasks.iter().any(|running| running.time >= SHOWN_AFTER).then(|| Self::of(&now))
    }

    pub(super) fn of(now: &Now) -> Self {
        // What reads a page that somebody draws is no work that anybody waits to hear of.
        let parts = if now.tasks.is_empty() { &[] } else { now.parts.as_slice() };
        Self {
            tasks: now.tasks.iter().map(one_task).collect(),
            parts: parts.iter().map(one_part).collect(),
            words: words(&now.tasks, parts),
        }
    }

    /// Whether anything runs.
    pub(super) fn runs(&self) -> bool {
        !self.tasks.is_empty()
    }

    /// How much is done of how much, where that is known.
    pub(super) fn bar(&self) -> Option<(u64, u64)> {
        let part = self.parts.last()?;
        part.total.filter(|total| *total > 0).map(|total| (part.done.min(total), total))
    }
}

fn one_task(running: &Running) -> OneTask {
    OneTask { task: running.task, for_ms: millis(running.time) }
}

fn one_part(part: &Part) -> OnePart {
    OnePart { name: part.what.clone(), done: part.done, total: part.total, left_ms: part.left().map(millis) }
}

fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

/// `Going back to a snapshot: memories, 31,000 of 104,770 rows, about 2 s`.
fn words(tasks: &[Running], parts: &[Part]) -> String {
    let mut named: Vec<&str> = tasks.iter().map(|running| name(running.task)).collect();
    named.dedup();
    let mut text = named.join("; ");
    if let Some(part) = parts.last() {
        text.push_str(": ");
        text.push_str(&counts(part));
    }
    text
}

fn counts(part: &Part) -> String {
    let mut text = part.what.clone();
    match part.total {
        Some(total) => {
            text.push_str(&format!(", {} of {}", grouped(part.done.min(total)), counted(total, part.noun)));
        }
        None if part.done > 0 => text.push_str(&format!(", {}", counted(part.done, part.noun))),
        None => {}
    }
    if let Some(left) = part.left().filter(|left| left.as_secs() > 0) {
        text.push_str(&format!(", about {}", span(left)));
    }
    text
}

fn name(task: Task) -> &'static str {
    match task {
        Task::Append => "Taking events in",
        Task::Replay => "Applying the waiting events",
        Task::Take => "Taking a snapshot",
        Task::Plan => "Working out what would change",
        Task::Restore => "Going back to a snapshot",
        Task::Rewind => "Going back to an event",
        Task::Undo => "Undoing an operation",
        Task::Flag => "Hiding an event, or showing it again",
        Task::Rebuild => "Making the tables anew",
        Task::Verify => "Checking a snapshot",
        Task::Compare => "Comparing the tables with the log",
        Task::Drill => "Rehearsing a restore",
        Task::Export => "Writing a snapshot as one file",
        Task::Import => "Reading a snapshot from one file",
        Task::Past => "Working out how things stood",
        Task::Backup => "Backing up",
        Task::Validate => "Checking a backup",
        Task::BackupRestore => "Restoring a backup",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn part(what: &str, done: u64, total: Option<u64>) -> Part {
        Part { what: what.into(), noun: "row", done, total, time: Duration::from_millis(850) }
    }

    fn running(task: Task) -> Running {
        Running { task, time: Duration::from_secs(1) }
    }

    #[test]
    fn the_line_names_what_runs_with_count_rest_and_time() {
        let now = Now { tasks: vec![running(Task::Restore)], parts: vec![part("memories", 31_000, Some(104_770))] };
        let working = Working::of(&now);
        assert_eq!(working.words, "Going back to a snapshot: memories, 31,000 of 104,770 rows, about 2 s");
        assert_eq!(working.bar(), Some((31_000, 104_770)));
    }

    #[test]
    fn an_end_that_is_not_known_is_not_guessed() {
        let now = Now { tasks: vec![running(Task::Plan)], parts: vec![part("comparing edges", 12_000, None)] };
        let working = Working::of(&now);
        assert_eq!(working.words, "Working out what would change: comparing edges, 12,000 rows");
        assert_eq!(working.bar(), None);
        assert_eq!(counts(&part("copying the database", 0, None)), "copying the database");
    }

    #[test]
    fn several_tasks_are_named_once_each() {
        let tasks = vec![running(Task::Plan), running(Task::Plan), running(Task::Take)];
        assert_eq!(
            Working::of(&Now { tasks, parts: Vec::new() }).words,
            "Working out what would change; Taking a snapshot"
        );
    }

    #[test]
    fn parts_without_a_task_are_nobodys_to_wait_for() {
        let now = Now { tasks: Vec::new(), parts: vec![part("comparing bots", 2, None)] };
        assert_eq!(Working::of(&now), Working::default());
    }

    #[test]
    fn what_has_just_begun_is_not_shown() {
        let progress = Progress::default();
        let _task = progress.task(Task::Take);
        assert!(Working::now(&progress).runs());
        assert_eq!(Working::shown(&progress), None);
    }
}
