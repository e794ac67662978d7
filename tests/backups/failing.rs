//! A restore that fails, or is cut short, at any of its steps leaves everything as it was or
//! everything as it was to be.

use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use backstitch::backup::intent::{Intent, Swap};
use backstitch::backup::{Backup, Backups};
use backstitch::error::ErrorKind;
use backstitch::history::{Means, What};
use backstitch::scheduler::Scheduler;
use backstitch::snapshot::Expected;

use super::{App, Once, note};

/// The files that a restore has prepared, in the folder of the app.
fn staged(home: &Path) -> Vec<PathBuf> {
    let paths = fs::read_dir(home).unwrap().map(|entry| entry.unwrap().path());
    paths.filter(|path| path.to_string_lossy().contains("/.unfinished-new-")).collect()
}

fn remove(path: &Path) {
    if path.is_dir() { fs::remove_dir_all(path).unwrap() } else { fs::remove_file(path).unwrap() }
}

fn spoil(path: &Path) {
    let mut bytes = fs::read(path).unwrap();
    bytes[0] ^= 1;
    fs::write(path, bytes).unwrap();
}

/// Restores, and at one step something happens that makes it fail; answers how.
fn fails_at(step: &'static str, deed: impl FnOnce(PathBuf, PathBuf) + Send + 'static) -> ErrorKind {
    let app = App::new();
    let made = app.back_up();
    app.move_on();
    let (before, status) = (app.everything(), app.store.engine.status().unwrap());
    let (home, folder) = (app.home.path().to_owned(), app.folder(&made));
    let other = app.again(|options| options.progress = Once::progress(step, move || deed(home, folder)));
    let refused = other.restore_backup(&made.stamp, Expected::default(), Means::Command).unwrap_err();
    assert_eq!(app.everything(), before, "{step}");
    let now = app.store.engine.status().unwrap();
    assert_eq!((now.head, now.epoch, now.position), (status.head, status.epoch, status.position), "{step}");
    assert!(app.leftovers().is_empty(), "{step}: {:?}", app.leftovers());
    let lines = app.store.engine.history(None, 100).unwrap();
    assert!(lines.iter().all(|line| line.operation.what == What::Backup), "{step}");
    refused.kind()
}

#[test]
fn a_restore_that_fails_at_any_step_leaves_everything_as_it_was() {
    let damaged = ErrorKind::Damaged;
    assert_eq!(fails_at("copying its database aside", |_, backup| spoil(&backup.join("db/backstitch.db"))), damaged);
    assert_eq!(
        fails_at("preparing the registry file", |_, backup| spoil(&backup.join("config/registry.json"))),
        damaged
    );
    assert_eq!(fails_at("preparing the vector store", |_, backup| spoil(&backup.join("chroma/ab/data.bin"))), damaged);
    let gone = |_, backup: PathBuf| fs::remove_file(backup.join("chroma/chroma.sqlite3")).unwrap();
    assert_eq!(fails_at("preparing the vector store", gone), damaged);
    for part in ["vectors", "registry"] {
        let kind = fails_at("putting the files in place", move |home, _| {
            let prepared = staged(&home);
            assert_eq!(prepared.len(), 2);
            // The registry changes places first, and has to go back.
            prepared.iter().filter(|path| path.is_dir() == (part == "vectors")).for_each(|path| remove(path));
        });
        assert_eq!(kind, ErrorKind::Internal);
    }
}

#[test]
fn an_event_that_comes_between_the_look_and_the_restore_is_not_lost() {
    let app = App::new();
    let made = app.back_up();
    app.move_on();
    let before = app.everything();
    let database = app.store.path().join("backstitch.db");
    let other = app.again(|options| {
        options.progress = Once::progress("preparing the registry file", move || {
            let conn = rusqlite::Connection::open(database).unwrap();
            conn.execute("INSERT INTO event_log (kind, payload_json) VALUES ('note', '{}')", []).unwrap();
        });
    });
    let expected = Expected { head: Some(40), epoch: None };
    let refused = other.restore_backup(&made.stamp, expected, Means::Command).unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::Conflict);
    let now = app.everything();
    assert_eq!((now.0["event_log"].len(), &now.1, &now.2), (41, &before.1, &before.2));
    assert!(app.leftovers().is_empty());
}

/// As a restore leaves it that was killed between its commit and its end.
fn killed_after_commit(app: &App, made: &Backup) -> Intent {
    let done = app.store.engine.restore_backup(&made.stamp, Expected::default(), Means::Command).unwrap();
    let line = app.store.engine.operation(done.restored.operation).unwrap();
    let token = line.detail["token"].as_str().unwrap().to_owned();
    let intent = Intent { swaps: vec![Swap::new(&app.registry(), &token)], token };
    fs::write(&intent.swaps[0].aside, "old").unwrap();
    intent.write(&Backups::new(app.store.path())).unwrap();
    intent
}

#[test]
fn a_restore_that_is_cut_short_after_its_end_is_completed_by_whoever_opens_the_folder() {
    let app = App::new();
    let (then, made) = (app.everything(), app.back_up());
    app.move_on();
    killed_after_commit(&app, &made);
    assert_eq!(app.leftovers().len(), 2);
    app.again(|_| {});
    assert_eq!(app.everything(), then);
    assert!(app.leftovers().is_empty(), "{:?}", app.leftovers());
}

/// As a restore leaves it that was killed when it had exchanged the files, before its commit.
fn killed_before_commit(app: &App) {
    Backups::new(app.store.path()).make().unwrap();
    let token = "killed".to_owned();
    let swaps = [app.registry(), app.vectors()].map(|place| Swap::new(&place, &token)).to_vec();
    let intent = Intent { swaps, token };
    intent.write(&Backups::new(app.store.path())).unwrap();
    fs::write(&intent.swaps[0].staged, "{}").unwrap();
    fs::create_dir(&intent.swaps[1].staged).unwrap();
    intent.exchange().unwrap();
}

#[test]
fn who_has_the_folder_open_already_mends_it_before_the_next_event() {
    let app = App::new();
    let before = app.everything();
    killed_before_commit(&app);
    assert_ne!(app.everything().1, before.1);
    app.store.append(vec![note()]);
    let now = app.everything();
    assert_eq!((now.0["event_log"].len(), &now.1, &now.2), (31, &before.1, &before.2));
    assert!(app.leftovers().is_empty(), "{:?}", app.leftovers());
}

#[test]
fn a_server_mends_it_where_no_event_comes() {
    let app = App::new();
    let before = app.everything();
    let _background = Scheduler::start(&app.store.engine).unwrap();
    killed_before_commit(&app);
    let deadline = Instant::now() + Duration::from_secs(30);
    while !app.leftovers().is_empty() {
        assert!(Instant::now() < deadline, "{:?}", app.leftovers());
        std::thread::yield_now();
    }
    assert_eq!(app.everything(), before);
}

#[test]
fn an_intent_that_cannot_be_read_is_left_to_a_person() {
    let app = App::new();
    app.back_up();
    let intent = app.store.path().join("backups/restore.json");
    fs::write(&intent, "{").unwrap();
    let refused = catch_unwind(AssertUnwindSafe(|| app.again(|_| {})));
    assert!(refused.is_err(), "it is not opened");
    assert_eq!(fs::read_to_string(intent).unwrap(), "{");
}
