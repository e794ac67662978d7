//! What whole operations cost on a store of a given size, beside the plain ways to do the same.
//!
//! `cargo bench --bench store` makes a store of 100,000 events; `-- 10000 1000000` makes others,
//! and `-- --rounds 5` takes the medians of more rounds (3 without it), `-- --only take` leaves
//! out work without that word. Every piece of work runs in a process of its own on a fresh copy of
//! the store, in turn with its peers, so the ratios hold on a machine that is busy with other
//! things too. What starts 100 events on is measured as in a server that runs: the store has lain
//! for a few seconds, and a take that is not timed came before the 100 events. The first take of a
//! process reads all rows. The copies are in the page cache, and what is written is synced by all
//! but the JSON dump.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::print_stdout, reason = "a benchmark")]

#[path = "store/backups.rs"]
mod backups;
#[path = "store/entities.rs"]
mod entities;
#[path = "store/measure.rs"]
mod measure;
#[path = "store/peers.rs"]
mod peers;
#[path = "store/story.rs"]
mod story;
#[path = "store/works.rs"]
mod works;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use tempfile::TempDir;

use measure::{Cost, bytes_in, copy_folder, median};
use works::{Start, WORKS, Work};

/// So long a copy of a store lies before it is worked on.
const LAIN: Duration = Duration::from_secs(5);

/// The first argument of the process that does one piece of work.
const CHILD: &str = "--child";

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if let [child, work, folder, events] = arguments.as_slice()
        && child == CHILD
    {
        let work = WORKS.iter().find(|one| one.name == work).unwrap();
        println!("{}", serde_json::to_string(&work.run(Path::new(folder), events.parse().unwrap())).unwrap());
        return;
    }
    let (mut sizes, mut rounds, mut only) = (Vec::new(), 3, String::new());
    let mut left = arguments.into_iter().filter(|argument| argument != "--bench");
    while let Some(argument) = left.next() {
        match argument.as_str() {
            "--rounds" => rounds = left.next().unwrap().parse().unwrap(),
            "--only" => only = left.next().unwrap(),
            events => sizes.push(events.parse().expect("a number of events")),
        }
    }
    if sizes.is_empty() {
        sizes.push(100_000);
    }
    for events in sizes {
        compare(events, rounds, &only);
    }
}

/// The stores that work starts from.
struct Stores {
    folder: TempDir,
    events: u64,
}

impl Stores {
    fn make(events: u64) -> Self {
        let stores = Self { folder: tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap(), events };
        works::make_store(&stores.path("plain"), events);
        copy_folder(&stores.path("plain"), &stores.path("taken"));
        works::take(&works::open(&stores.path("taken")));
        peers::dump(&peers::open(&stores.path("plain")), &stores.path("dump.json"));
        stores
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Runs a piece of work in a process of its own.
    fn run(&self, work: &Work) -> Cost {
        let folder = self.path("work");
        copy_folder(&self.path(if work.start == Start::Plain { "plain" } else { "taken" }), &folder);
        if work.needs_dump() {
            fs::copy(self.path("dump.json"), folder.join("dump.json")).unwrap();
        }
        // What the copying left to be written would slow down the first sync of the work.
        Command::new("sync").status().unwrap();
        // Folders that changed just now are looked at file by file.
        std::thread::sleep(LAIN);
        let program = std::env::current_exe().unwrap();
        let events = self.events.to_string();
        let output = Command::new(program).args([CHILD, work.name]).arg(&folder).arg(events).output().unwrap();
        assert!(output.status.success(), "{}: {}", work.name, String::from_utf8_lossy(&output.stderr));
        fs::remove_dir_all(&folder).unwrap();
        serde_json::from_slice(&output.stdout).unwrap()
    }
}

fn compare(events: u64, rounds: usize, only: &str) {
    let stores = Stores::make(events);
    let size = bytes_in(&stores.path("plain")) as f64 / 1e6;
    println!("\n{events} events, {size:.1} MB; medians of {rounds} rounds\n");
    let works: Vec<&Work> = WORKS.iter().filter(|work| work.name.contains(only)).collect();
    let mut costs = vec![Vec::new(); works.len()];
    for _ in 0..rounds {
        for (work, costs) in works.iter().zip(&mut costs) {
            costs.push(stores.run(work));
        }
    }
    let costs: Vec<(&Work, Cost)> = works.iter().copied().zip(costs.iter().map(|costs| median(costs))).collect();
    println!("| work | wall ms | CPU ms | peak MiB | written MB | what its peer takes |");
    println!("| --- | ---: | ---: | ---: | ---: | --- |");
    for (work, cost) in &costs {
        let (wall, cpu, peak, bytes) = (cost.wall_ms, cost.cpu_ms, cost.peak_mib, cost.bytes as f64 / 1e6);
        println!("| {} | {wall:.2} | {cpu:.2} | {peak:.0} | {bytes:.2} | {} |", work.name, ratio(work, cost, &costs));
    }
}

fn ratio(work: &Work, cost: &Cost, costs: &[(&Work, Cost)]) -> String {
    let peer = work.peer.and_then(|name| costs.iter().find(|(other, _)| other.name == name));
    let Some((peer, other)) = peer else { return String::new() };
    let times = |peer: f64, own: f64| match peer / own {
        times if !times.is_finite() => "–".to_owned(),
        times if times < 10.0 => format!("{times:.1}"),
        times => format!("{times:.0}"),
    };
    let (wall, cpu) = (times(other.wall_ms, cost.wall_ms), times(other.cpu_ms, cost.cpu_ms));
    format!("{}: {wall} × the wall time, {cpu} × the CPU time", peer.name)
}
