//! Runtime backups: what they cost beside the copy that `sqlite3` makes, and how long appends wait
//! while one is made.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use backstitch::backup::Stamp;
use backstitch::engine::{Engine, Options};
use backstitch::history::Means;
use backstitch::snapshot::Expected;

use crate::measure::{Cost, bytes_in, measure};
use crate::story::Story;

/// Files of the vector store, and the size of each in bytes.
const VECTORS: (usize, usize) = (10, 10 << 20);
/// From one append to the next: 200 in a second, as long as none waits.
const PACE: Duration = Duration::from_millis(5);
/// How long appends are measured where nothing else goes on.
const ALONE: Duration = Duration::from_secs(3);

fn open(folder: &Path) -> Engine {
    let mut options = Options::new(folder);
    options.busy_timeout = Duration::from_secs(600);
    options.chroma_dir = Some(folder.join("vectors"));
    Engine::open(options).unwrap()
}

fn back_up(engine: &Engine, include_chroma: bool) -> Stamp {
    engine.create_backup(include_chroma, Means::Command).unwrap().backup.stamp
}

/// The peer: the command that people know, its copy made durable.
pub(crate) fn by_sqlite(folder: &Path, _: u64) -> Cost {
    let copy = folder.join("copy.db");
    let done = || {
        let mut command = Command::new("sqlite3");
        command.arg(folder.join("backstitch.db")).arg(format!(".backup {}", copy.display()));
        assert!(command.status().expect("sqlite3 is installed").success());
        fs::File::open(&copy).unwrap().sync_all().unwrap();
    };
    measure(done, || copy.metadata().unwrap().len())
}

pub(crate) fn create(folder: &Path, _: u64) -> Cost {
    let engine = open(folder);
    measure(|| drop(back_up(&engine, false)), || bytes_in(&folder.join("backups")))
}

pub(crate) fn validate(folder: &Path, _: u64) -> Cost {
    let engine = open(folder);
    let stamp = back_up(&engine, false);
    measure(|| assert!(engine.validate_backup(&stamp).unwrap().valid), || 0)
}

pub(crate) fn preview(folder: &Path, events: u64) -> Cost {
    let engine = open(folder);
    let stamp = back_up(&engine, false);
    engine.append(Story::after(events).tell(100)).unwrap();
    measure(|| assert_eq!(engine.preview_backup(&stamp).unwrap().events_removed, 100), || 0)
}

pub(crate) fn restore(folder: &Path, events: u64) -> Cost {
    let engine = open(folder);
    let stamp = back_up(&engine, false);
    engine.append(Story::after(events).tell(100)).unwrap();
    let done = || {
        let done = engine.restore_backup(&stamp, Expected::default(), Means::Command).unwrap();
        assert_eq!(done.restored.events_removed, 100);
    };
    measure(done, || 0)
}

/// What is told of the appends that came meanwhile.
#[derive(Clone, Copy)]
pub(crate) enum Of {
    Median,
    Longest,
}

/// Appends with nothing else going on.
pub(crate) fn append_alone(folder: &Path, events: u64, of: Of) -> Cost {
    append_while(folder, events, of, |_| thread::sleep(ALONE))
}

/// Appends while a backup is made.
pub(crate) fn append_meanwhile(folder: &Path, events: u64, of: Of, include_chroma: bool) -> Cost {
    fs::create_dir(folder.join("vectors")).unwrap();
    for file in 0..VECTORS.0 {
        fs::write(folder.join(format!("vectors/{file}.bin")), vec![file as u8; VECTORS.1]).unwrap();
    }
    append_while(folder, events, of, |engine| drop(back_up(engine, include_chroma)))
}

fn append_while(folder: &Path, events: u64, of: Of, work: impl FnOnce(&Engine)) -> Cost {
    let (engine, stop) = (open(folder), AtomicBool::new(false));
    let waits = thread::scope(|scope| {
        let appends = scope.spawn(|| {
            let (mut story, mut waits) = (Story::after(events), Vec::new());
            while !stop.load(Ordering::Relaxed) {
                let started = Instant::now();
                engine.append(story.tell(1)).unwrap();
                waits.push(started.elapsed());
                thread::sleep(PACE.saturating_sub(started.elapsed()));
            }
            waits.sort_unstable();
            waits
        });
        // So that the first append is not the first thing that is measured.
        thread::sleep(PACE * 20);
        work(&engine);
        stop.store(true, Ordering::Relaxed);
        appends.join().unwrap()
    });
    let wait = match of {
        Of::Median => waits.get(waits.len() / 2),
        Of::Longest => waits.last(),
    };
    Cost { wall_ms: wait.unwrap().as_secs_f64() * 1e3, ..Cost::default() }
}
