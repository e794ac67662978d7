//! A process that restores backups is killed at random moments: whoever opens the folder next finds
//! one state or the other, never a mixture.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use backstitch::backup::Stamp;
use backstitch::engine::{Engine, Options};
use backstitch::history::Means;
use backstitch::snapshot::Expected;

use super::{App, places};
use crate::support::{Random, count, seed};

/// Names the app and both backups to the process that is to be killed.
const CHILD: &str = "BACKSTITCH_TEST_RESTORES";
/// At most so long it lives, in milliseconds.
const LIFE: usize = 600;

/// Restores one backup and the other in turn, until it is killed. Where nobody asks for that, there
/// is nothing to do.
#[test]
fn restores_in_turn_when_it_is_asked_to() {
    let Ok(task) = std::env::var(CHILD) else { return };
    let [data, home, one, two] = task.split('|').collect::<Vec<_>>().try_into().unwrap();
    let mut options = Options::new(data);
    places(&mut options, Path::new(home));
    let engine = Engine::open(options).unwrap();
    let stamps: [Stamp; 2] = [one.parse().unwrap(), two.parse().unwrap()];
    eprintln!("ready");
    for stamp in stamps.iter().cycle() {
        engine.restore_backup(stamp, Expected::default(), Means::Command).unwrap();
    }
}

#[test]
fn after_a_kill_at_any_moment_all_is_of_one_backup() {
    let rounds = count("BACKSTITCH_BACKUP_KILLS", 12);
    let mut random = Random::new(seed());
    let app = App::new();
    let (one, first) = (app.back_up().stamp, app.everything());
    app.move_on();
    let (two, second) = (app.back_up().stamp, app.everything());
    let task = format!("{}|{}|{one}|{two}", app.store.path().display(), app.home.path().display());
    let mut met = 0;
    for round in 0..rounds {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["backups::killed::restores_in_turn_when_it_is_asked_to", "--exact", "--nocapture"])
            .env(CHILD, &task)
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
        assert!(lines.any(|line| line.unwrap() == "ready"), "round {round}: it does not start");
        let life = Duration::from_millis(random.below(LIFE) as u64);
        std::thread::sleep(life);
        child.kill().unwrap();
        child.wait().unwrap();
        assert_eq!(lines.count(), 0, "round {round}: no restore failed");
        met += u32::from(app.store.path().join("backups/restore.json").exists());
        let again = app.again(|_| {});
        again.cold_load(None, false).unwrap();
        let now = app.everything();
        assert!(now == first || now == second, "round {round}, after {life:?}");
        assert!(app.leftovers().is_empty(), "round {round}: {:?}", app.leftovers());
        assert!(again.verify_projection().unwrap().clean);
        let newest = again.backups().unwrap().remove(0);
        assert!(again.validate_backup(&newest.stamp).unwrap().valid, "round {round}: a listed backup is whole");
    }
    eprintln!("{met} of {rounds} kills came while files and rows changed places");
}
