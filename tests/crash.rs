//! `kill -9` of the program at random moments of its work, then: nothing acknowledged is lost, and
//! everything is wholly before or wholly after.
//!
//! A round runs a server with several clients, and commands beside it, kills all of them, and looks
//! at what is left (`check`). What the clients do follows from the seed (`work`); when the kill
//! comes does so as far as time repeats itself.

pub mod check;
mod choices;
mod commands;
mod ledger;
mod model;
mod work;

use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::path::Path;
use std::process::Stdio;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use crate::support::{Random, Server, TestStore, count, program, seed, story};
use choices::Known;
use commands::Victim;
use ledger::Ledger;
use work::Done;

/// Rounds on one store: it stays small.
const ROUNDS_OF_A_STORE: u64 = 25;
/// One round in so many has a second kill, during the recovery from the first.
const KILLED_AGAIN: u64 = 8;
/// Stores that are worked on at once.
const LANES: u64 = 2;

#[test]
fn killed_at_any_moment_nothing_acknowledged_is_lost_and_nothing_is_half_done() {
    let (rounds, seed) = (u64::from(count("BACKSTITCH_ROUNDS", 200)), seed());
    let stores = rounds.div_ceil(ROUNDS_OF_A_STORE);
    let lanes = (0..LANES).map(|lane| {
        std::thread::spawn(move || {
            let mut tally = Tally::default();
            for store in (lane..stores).step_by(LANES as usize) {
                let rounds = ROUNDS_OF_A_STORE.min(rounds - store * ROUNDS_OF_A_STORE);
                tally.add(&work_on_a_store(seed.wrapping_add(store), rounds));
            }
            tally
        })
    });
    let lanes: Vec<_> = lanes.collect();
    let mut tally = Tally::default();
    lanes.into_iter().for_each(|lane| tally.add(&lane.join().unwrap_or_else(|panic| resume_unwind(panic))));
    tally.assert_all_sorts(rounds);
}

/// How much was acknowledged, and how often the kill came twice.
#[derive(Debug, Default, Clone, Copy)]
struct Tally {
    appended: u64,
    taken: u64,
    restored: u64,
    rewound: u64,
    undone: u64,
    flagged: u64,
    killed_again: u64,
}

impl Tally {
    fn of(done: &[Done], killed_again: bool) -> Self {
        let number = |fits: fn(&Done) -> bool| done.iter().filter(|one| fits(one)).count() as u64;
        Self {
            appended: number(|one| matches!(one, Done::Appended { .. })),
            taken: number(|one| matches!(one, Done::Taken { .. })),
            restored: number(|one| matches!(one, Done::Changed { what: "restore", .. })),
            rewound: number(|one| matches!(one, Done::Changed { what: "rewind", .. })),
            undone: number(|one| matches!(one, Done::Changed { what: "undo", .. })),
            flagged: number(|one| matches!(one, Done::Changed { what: "hide" | "unhide", .. })),
            killed_again: u64::from(killed_again),
        }
    }

    fn add(&mut self, other: &Self) {
        self.appended += other.appended;
        self.taken += other.taken;
        self.restored += other.restored;
        self.rewound += other.rewound;
        self.undone += other.undone;
        self.flagged += other.flagged;
        self.killed_again += other.killed_again;
    }

    fn assert_all_sorts(&self, rounds: u64) {
        eprintln!("{self:?}");
        let Self { appended, taken, restored, rewound, undone, flagged, killed_again } = *self;
        let each = [taken, restored, rewound, undone, flagged].iter().all(|number| *number >= rounds / 50);
        assert!(appended * 2 > rounds && each, "the kills left too little done: {self:?}");
        assert!(killed_again * 10 >= rounds, "too few kills during a recovery: {self:?}");
    }
}

/// A failure names the seed and keeps the folder.
fn work_on_a_store(seed: u64, rounds: u64) -> Tally {
    let TestStore { engine, folder } = TestStore::new();
    for part in story(200).chunks(100) {
        engine.append(part.to_vec()).unwrap();
        engine.take_snapshot(None, false, backstitch::history::Means::Command).unwrap();
    }
    drop(engine);
    let outcome = catch_unwind(AssertUnwindSafe(|| {
        let mut random = Random::new(seed);
        let mut tally = Tally::default();
        let mut ledger = Ledger::of(&check::open(folder.path()));
        (0..rounds).for_each(|round| tally.add(&one_round(folder.path(), round, &mut ledger, &mut random)));
        check::no_leftovers(folder.path());
        tally
    }));
    outcome.unwrap_or_else(|panic| {
        let kept = folder.keep();
        eprintln!(
            "BACKSTITCH_SEED={seed} BACKSTITCH_ROUNDS={rounds} works on such a store; this one is kept: {}",
            kept.display()
        );
        resume_unwind(panic)
    })
}

fn one_round(folder: &Path, round: u64, ledger: &mut Ledger, random: &mut Random) -> Tally {
    let known = Arc::new(Known::read(&check::open(folder)));
    let server = Server::start(folder, &[]);
    let victim = Arc::new(Victim::default());
    let (tell, told) = channel();
    let mut workers: Vec<_> = (0..3)
        .map(|client| {
            let name = format!("{round}-{client}");
            let (address, known) = (server.address.clone(), Arc::clone(&known));
            work::client(address, folder.to_owned(), name, random.number(), known, tell.clone())
        })
        .collect();
    workers.push(commands::commands(Arc::clone(&victim), folder.to_owned(), round, random.number(), known, tell));
    let mut done = until_the_kill(&told, random);
    server.kill();
    victim.kill();
    for worker in workers {
        worker.join().unwrap();
    }
    done.extend(told.try_iter());
    // Before anybody looks: who opens the store and closes it has recovered it.
    let killed_again = round % KILLED_AGAIN == KILLED_AGAIN / 2;
    if killed_again {
        kill_during_the_recovery(folder, random);
    }
    check::all_is_well(folder, ledger, &done);
    Tally::of(&done, killed_again)
}

/// Waits for a moment that the seed gives: a time, or so many acknowledgements.
fn until_the_kill(told: &Receiver<Done>, random: &mut Random) -> Vec<Done> {
    let by_time = random.below(2) == 0;
    let (millis, enough) = if by_time { (random.below(61), usize::MAX) } else { (2000, 1 + random.below(12)) };
    let deadline = Instant::now() + Duration::from_millis(millis as u64);
    let mut done = Vec::new();
    while done.len() < enough {
        match told.recv_timeout(deadline.saturating_duration_since(Instant::now())) {
            Ok(one) => done.push(one),
            Err(_) => break,
        }
    }
    done
}

/// The second kill: the server that recovers from the first dies at its start.
fn kill_during_the_recovery(folder: &Path, random: &mut Random) {
    let mut server = program(folder).args(["serve", "--listen", "127.0.0.1:0"]).stdout(Stdio::null()).spawn().unwrap();
    std::thread::sleep(Duration::from_micros(random.below(40_000) as u64));
    server.kill().unwrap();
    server.wait().unwrap();
}
