//! What long work on a backup tells of itself; and each of the steps that a restore tells, at which
//! it loses its files, or ends.

use std::collections::BTreeMap;
use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use backstitch::backup::Backup;
use backstitch::engine::{DiffPage, Engine};
use backstitch::history::Means;
use backstitch::progress::{Progress, Report};
use backstitch::snapshot::Expected;

use super::{App, Everything, remove_staged};

type Deed = Box<dyn FnOnce() + Send>;

/// Every piece of work that was begun: what it is, how many steps it was to have, and had.
#[derive(Default)]
struct Told {
    pieces: Mutex<Vec<(String, Option<u64>, u64)>>,
    /// Happens when so many pieces have begun.
    deed: Mutex<Option<(usize, Deed)>>,
}

impl Told {
    fn at(number: usize, deed: impl FnOnce() + Send + 'static) -> Arc<Self> {
        Arc::new(Self { deed: Mutex::new(Some((number, Box::new(deed)))), ..Self::default() })
    }

    fn pieces(&self) -> Vec<(String, Option<u64>, u64)> {
        self.pieces.lock().unwrap().clone()
    }
}

impl Report for Told {
    fn begin(&self, what: &str, total: Option<u64>) {
        let begun = {
            let mut pieces = self.pieces.lock().unwrap();
            pieces.push((what.to_owned(), total, 0));
            pieces.len()
        };
        let deed = self.deed.lock().unwrap().take_if(|(number, _)| *number == begun);
        if let Some((_, deed)) = deed {
            deed();
        }
    }

    fn advance(&self, steps: u64) {
        self.pieces.lock().unwrap().last_mut().unwrap().2 += steps;
    }

    fn end(&self) {}
}

/// By name, how many steps the pieces of work had that bear it.
fn told_by(app: &App, work: impl FnOnce(&Engine)) -> BTreeMap<String, (Option<u64>, u64)> {
    let told = Arc::new(Told::default());
    work(&app.again(|options| options.progress = Progress::new(told.clone())));
    let mut by_name = BTreeMap::new();
    for (what, total, steps) in told.pieces() {
        by_name.entry(what).or_insert((total, 0)).1 += steps;
    }
    by_name
}

#[test]
fn making_checking_and_restoring_a_backup_tell_how_far_they_are() {
    let app = App::new();
    fs::write(app.vectors().join("large.bin"), vec![7; 300 << 10]).unwrap();
    let made = app.back_up();
    let pages = fs::metadata(app.folder(&made).join("db/backstitch.db")).unwrap().len() / 4096;

    let told = told_by(&app, |engine| drop(engine.create_backup(true, Means::Command).unwrap()));
    assert_eq!(told["copying the database"], (Some(pages), pages));
    assert_eq!(told["copying the vector store's database"], (Some(2), 2));
    assert_eq!(told["copying the vector store"], (Some(2), 2));
    let (total, hashed) = told["hashing the copies"];
    assert!(total.unwrap() > pages * 4 + 300 && total == Some(hashed), "{total:?} {hashed}");
    for unmeasured in ["checking the copy", "checking the search indexes"] {
        assert_eq!(told[unmeasured], (None, 0));
    }

    let told = told_by(&app, |engine| assert!(engine.validate_backup(&made.stamp).unwrap().valid));
    assert_eq!(told["copying its database aside"], (Some(pages * 4), pages * 4));
    let (total, hashed) = told["checking the vector store"];
    assert!(total.unwrap() > 300 && total == Some(hashed), "{total:?} {hashed}");
    assert_eq!(told["applying events"].0, Some(30));
    assert!(told.contains_key("checking its database") && told.contains_key("comparing memories"));

    app.move_on();
    let restore = |engine: &Engine| {
        engine.restore_backup(&made.stamp, Expected::default(), Means::Command).unwrap();
    };
    let told = told_by(&app, restore);
    for step in ["copying the database", "preparing the vector store", "event_log", "comparing event_log"] {
        let (total, steps) = told[step];
        assert!(steps > 0 && total.is_none_or(|total| total == steps), "{step}: {total:?} {steps}");
    }
    assert!(told.contains_key("putting the files in place"));
}

#[test]
fn a_plan_is_paged_through_without_reading_the_backup_again() {
    let app = App::new();
    let (made, other) = (app.back_up(), app.back_up());
    app.move_on();
    let size = |backup: &Backup| fs::metadata(app.folder(backup).join("db/backstitch.db")).unwrap().len() >> 10;
    let page = DiffPage { limit: 100, ..DiffPage::default() };
    let told = told_by(&app, |engine| {
        for _ in 0..2 {
            assert_eq!(engine.preview_backup(&made.stamp).unwrap().events_removed, 10);
            assert_eq!(engine.backup_rows(&made.stamp, "event_log", &page).unwrap().rows.len(), 10);
        }
        // Another process may sweep while this one has it open.
        app.store.engine.cold_load(None, false).unwrap();
        assert_eq!(engine.preview_backup(&made.stamp).unwrap().events_removed, 10);
    });
    assert_eq!(told["copying its database aside"].1, size(&made));
    let told = told_by(&app, |engine| {
        engine.preview_backup(&made.stamp).unwrap();
        engine.preview_backup(&other.stamp).unwrap();
    });
    assert_eq!(told["copying its database aside"].1, size(&made) + size(&other));
    assert!(app.leftovers().is_empty(), "{:?}", app.leftovers());
}

/// An app to restore into, and what it is like before and after.
struct Trial {
    app: App,
    stamp: backstitch::backup::Stamp,
    before: Everything,
    after: Everything,
}

impl Trial {
    fn new() -> Self {
        let app = App::new();
        let (stamp, after) = (app.back_up().stamp, app.everything());
        app.move_on();
        Self { before: app.everything(), after, stamp, app }
    }

    fn restore(&self, told: Arc<Told>) -> bool {
        let other = self.app.again(|options| options.progress = Progress::new(told));
        // Where the writer itself ends, the one who waits for it is told so.
        let done = catch_unwind(AssertUnwindSafe(|| {
            other.restore_backup(&self.stamp, Expected::default(), Means::Command).is_ok()
        }));
        done.unwrap_or(false)
    }

    fn assert_whole(&self, is_done: bool, step: &str) {
        assert!(self.app.everything() == *if is_done { &self.after } else { &self.before }, "{step}");
        assert!(self.app.leftovers().is_empty(), "{step}: {:?}", self.app.leftovers());
        let engine = &self.app.store.engine;
        assert_eq!(engine.status().unwrap().head, if is_done { 30 } else { 40 }, "{step}");
        let listed = engine.backups().unwrap();
        assert!(
            listed.iter().all(|backup| backup.own || backup.stamp == self.stamp),
            "{step}: a listed backup is whole"
        );
    }
}

/// The names of the steps that a restore has.
fn steps() -> Vec<String> {
    let (trial, told) = (Trial::new(), Arc::new(Told::default()));
    assert!(trial.restore(told.clone()));
    trial.assert_whole(true, "unharmed");
    told.pieces().into_iter().map(|(what, ..)| what).collect()
}

#[test]
fn a_restore_that_loses_its_files_at_any_step_leaves_everything_as_it_was() {
    let steps = steps();
    let mut failed = Vec::new();
    for (number, step) in (1..).zip(&steps) {
        let trial = Trial::new();
        let folder = trial.app.backups().join(trial.stamp.as_str());
        let home = trial.app.home.path().to_owned();
        let parts: Vec<PathBuf> = ["db", "config", "chroma"].map(|part| folder.join(part)).to_vec();
        let is_done = trial.restore(Told::at(number, move || {
            parts.iter().for_each(|part| fs::remove_dir_all(part).unwrap());
            remove_staged(&home);
        }));
        trial.assert_whole(is_done, step);
        failed.extend((!is_done).then_some(step.as_str()));
    }
    for step in ["checking its database", "copying its database aside", "copying the database"] {
        assert!(failed.contains(&step), "{step}: {failed:?}");
    }
    for step in ["preparing the registry file", "preparing the vector store", "putting the files in place"] {
        assert!(failed.contains(&step), "{step}: {failed:?}");
    }
}

#[test]
fn a_restore_that_ends_at_any_step_is_reversed_by_whoever_opens_the_folder() {
    let steps = steps();
    for (number, step) in (1..).zip(&steps) {
        let trial = Trial::new();
        assert!(!trial.restore(Told::at(number, || panic!("cut short"))), "{step}");
        let again = trial.app.again(|_| {});
        again.cold_load(None, false).unwrap();
        trial.assert_whole(false, step);
        assert!(again.verify_projection().unwrap().clean, "{step}");
    }
}
