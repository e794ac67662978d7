//! A process that appends, backs up and restores is killed at random moments, and so is whoever mends
//! what it left: the next to open the folder finds one state or the other, never a mixture.
//!
//! The process tells each step of its work, and the kill comes some hundred microseconds after one of
//! them; so the short steps are met as often as the long ones.

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, ChildStderr, Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use backstitch::backup::Stamp;
use backstitch::engine::{Engine, Options};
use backstitch::history::{Means, What};
use backstitch::image::Value;
use backstitch::progress::{Progress, Report};
use backstitch::snapshot::Expected;

use super::{App, Everything, note, places};
use crate::support::{Random, count, seed};

/// What the process is asked to do: the data folder, the app's, two backups, a seed; or nothing but
/// to open the folder, where there is no backup named.
const TASK: &str = "BACKSTITCH_TEST_BACKUPS";
/// Apps that are worked on at once.
const LANES: u32 = 2;
/// One round in so many has a second kill, while the first is mended.
const KILLED_AGAIN: u32 = 4;
/// The kill comes after at most so many lines.
const LINES: usize = 60;
/// And so many microseconds.
const MICROS: usize = 3_000;

/// Tells every step on standard error.
struct Steps;

/// In one write, so that no kill leaves half a line.
fn tell(line: &str) {
    std::io::stderr().write_all(format!("{line}\n").as_bytes()).unwrap();
}

impl Report for Steps {
    fn begin(&self, what: &str, _total: Option<u64>) {
        tell(&format!("step {what}"));
    }

    fn advance(&self, _steps: u64) {}

    fn end(&self) {}
}

/// Appends, backs up and restores until it is killed. Where nobody asks for that, there is nothing to
/// do.
#[test]
fn works_until_it_is_killed_when_it_is_asked_to() {
    let Ok(task) = std::env::var(TASK) else { return };
    let [data, home, rest @ ..] = &task.split('|').collect::<Vec<_>>()[..] else { panic!("{task}") };
    let mut options = Options::new(data);
    places(&mut options, Path::new(home));
    options.progress = Progress::new(Arc::new(Steps));
    tell("ready");
    let engine = Engine::open(options).unwrap();
    engine.cold_load(None, false).unwrap();
    let [one, two, seed] = rest else { return };
    let (stamps, mut random): ([Stamp; 2], _) =
        ([one.parse().unwrap(), two.parse().unwrap()], Random::new(seed.parse().unwrap()));
    loop {
        for _ in 0..random.below(3) {
            tell(&format!("appended {}", engine.append(vec![note()]).unwrap().last_id));
        }
        match random.below(3) {
            0 => {
                let made = engine.create_backup(random.below(2) == 0, Means::Command).unwrap();
                tell(&format!("made {}", made.backup.stamp));
            }
            _ => {
                let which = random.below(2);
                tell(&format!("restoring {which}"));
                engine.restore_backup(&stamps[which], Expected::default(), Means::Command).unwrap();
                tell(&format!("restored {which}"));
            }
        }
    }
}

fn start(task: &str) -> (Child, std::io::Lines<BufReader<ChildStderr>>) {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["backups::killed::works_until_it_is_killed_when_it_is_asked_to", "--exact", "--nocapture"])
        .env(TASK, task)
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
    assert!(lines.any(|line| line.unwrap() == "ready"), "it does not start");
    (child, lines)
}

fn kill(mut child: Child) {
    child.kill().unwrap();
    child.wait().unwrap();
}

/// An app with two backups, and where it stands: the last one that was restored, and the events that
/// were acknowledged since.
struct Ledger {
    app: App,
    stamps: [Stamp; 2],
    states: [Everything; 2],
    at: usize,
    since: Vec<i64>,
    /// Kills that left a restore to be mended.
    met: u32,
}

impl Ledger {
    fn new() -> Self {
        let app = App::new();
        let (one, first) = (app.back_up().stamp, app.everything());
        app.move_on();
        let (two, second) = (app.back_up().stamp, app.everything());
        Self { app, stamps: [one, two], states: [first, second], at: 1, since: Vec::new(), met: 0 }
    }

    fn round(&mut self, round: u32, random: &mut Random) {
        let (data, home) = (self.app.store.path().display(), self.app.home.path().display());
        let [one, two] = &self.stamps;
        let (child, mut lines) = start(&format!("{data}|{home}|{one}|{two}|{}", random.number()));
        let mut told: Vec<String> = lines.by_ref().take(random.below(LINES)).map(|line| line.unwrap()).collect();
        std::thread::sleep(Duration::from_micros(random.below(MICROS) as u64));
        kill(child);
        told.extend(lines.map(|line| line.unwrap()));
        let intent = self.app.store.path().join("backups/restore.json");
        self.met += u32::from(intent.exists());
        if round.is_multiple_of(KILLED_AGAIN) || intent.exists() && random.below(2) == 0 {
            let (child, lines) = start(&format!("{data}|{home}"));
            std::thread::sleep(Duration::from_micros(random.below(MICROS) as u64 * 5));
            kill(child);
            assert!(lines.map(|line| line.unwrap()).all(|line| line.starts_with("step ")), "it opens the folder");
        }
        self.look(&told);
        self.remove_other_backups();
    }

    /// Opens the folder, and asserts that everything is of one moment.
    fn look(&mut self, told: &[String]) {
        let mut restoring = None;
        let (mut acknowledged, mut made) = (self.since.clone(), Vec::new());
        for line in told {
            match line.split_once(' ').unwrap_or((line, "")) {
                ("appended", id) => acknowledged.push(id.parse().unwrap()),
                ("made", stamp) => made.push(stamp.parse::<Stamp>().unwrap()),
                ("restoring", which) => restoring = Some(which.parse::<usize>().unwrap()),
                ("restored", which) => {
                    (self.at, restoring) = (which.parse().unwrap(), None);
                    acknowledged.clear();
                }
                ("step", _) => {}
                _ => panic!("it failed: {told:#?}"),
            }
        }
        let engine = self.app.again(|_| {});
        engine.cold_load(None, false).unwrap();
        assert!(self.app.leftovers().is_empty(), "{:?}", self.app.leftovers());
        let now = self.app.everything();
        let stays = since(&self.states[self.at], &now).filter(|since| since.starts_with(&acknowledged));
        let restored =
            restoring.filter(|which| since(&self.states[*which], &now).is_some_and(|since| since.is_empty()));
        match (stays, restored) {
            // One more may have come that was not acknowledged any more.
            (Some(since), _) if since.len() <= acknowledged.len() + 1 => self.since = since,
            (_, Some(which)) => {
                assert_saved(&engine, &acknowledged);
                (self.at, self.since) = (which, Vec::new());
            }
            _ => panic!("neither {} and {acknowledged:?} nor {restoring:?}: {told:#?}", self.at),
        }
        assert!(engine.verify_projection().unwrap().clean);
        let listed = engine.backups().unwrap();
        assert!(listed.iter().all(|backup| backup.own), "a listed backup is whole");
        for stamp in made.iter().chain(listed.first().map(|backup| &backup.stamp)) {
            let found = engine.validate_backup(stamp).unwrap();
            assert!(found.valid, "{stamp}: {:?}", found.errors);
        }
    }

    fn remove_other_backups(&self) {
        for entry in fs::read_dir(self.app.backups()).unwrap().map(|entry| entry.unwrap()) {
            let name = entry.file_name().to_string_lossy().into_owned();
            if entry.path().is_dir() && !self.stamps.iter().any(|stamp| stamp.as_str() == name) {
                fs::remove_dir_all(entry.path()).unwrap();
            }
        }
    }
}

/// The events that came after a state; none where it is not that state at all.
fn since((then, registry, vectors): &Everything, now: &Everything) -> Option<Vec<i64>> {
    if (registry, vectors) != (&now.1, &now.2) {
        return None;
    }
    let same = then.iter().all(|(table, rows)| table == "event_log" || now.0.get(table) == Some(rows));
    let later = now.0["event_log"].strip_prefix(&then["event_log"][..]).filter(|_| same)?;
    let id = |row: &Vec<Value>| row[0].to_string().parse().unwrap();
    Some(later.iter().map(id).collect())
}

/// What a restore took out of the log is in the backup that it made before.
fn assert_saved(engine: &Engine, acknowledged: &[i64]) {
    let line = engine.operations(1).unwrap().remove(0);
    assert_eq!(line.what, What::BackupRestore);
    let before: Stamp = line.detail["backup_before"].as_str().unwrap().parse().unwrap();
    assert!(engine.backup(&before).unwrap().last_event_id >= acknowledged.last().copied());
}

#[test]
fn after_a_kill_at_any_moment_all_is_of_one_backup() {
    let (rounds, seed) = (count("BACKSTITCH_BACKUP_KILLS", 200), seed());
    let lanes = (0..LANES).map(|lane| {
        std::thread::spawn(move || {
            let (mut ledger, mut random) = (Ledger::new(), Random::new(seed.wrapping_add(u64::from(lane))));
            (lane..rounds).step_by(LANES as usize).for_each(|round| ledger.round(round / LANES, &mut random));
            ledger.met
        })
    });
    let lanes: Vec<_> = lanes.collect();
    let met: u32 = lanes.into_iter().map(|lane| lane.join().unwrap()).sum();
    eprintln!("{met} of {rounds} kills left a restore to be mended");
    assert!(rounds < 100 || met > 0, "no kill came while files and rows changed places");
}
