//! Every write, sync, rename and unlink of one take and one rewind, stopped one after the other: by
//! `kill -9`, by a disk that fails, by a disk that is full.
//!
//! strace stops the N-th call of a kind, N = 1, 2, … until the command comes to its end unharmed;
//! which kinds of calls there are is read from a run that is only watched. It counts for each thread
//! on its own, so the first thread that comes so far hides the others; therefore the calls on the
//! database, and the syncs of folders, have series of their own. What stays hidden in a take, the
//! first syncs of pieces, a rewind shows.

mod store;
mod strace;

use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use store::Lane;
use strace::{Calls, End, Fault};

/// Commands at work at once.
const LANES: usize = 2;
/// More calls than this of one kind by one command would be a loop.
const MOST: usize = 400;
/// The first points of a series are all looked at, of the others one in so many: pages of the
/// database, which are written one like the other.
const ALL_OF: usize = 8;
const STEP: usize = 8;
/// The memory that SQLite shares is written in 16 places at each start, all alike: one in so many.
const STEP_OF_SHARED_MEMORY: usize = 15;
/// Syncs of folders that those of the database and of pieces hide; the later ones are first anyway.
const HIDDEN_SYNCS: usize = 4;

/// A command that is stopped at every point.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Deed {
    Take,
    Rewind,
}

impl Deed {
    pub const ALL: [Self; 2] = [Self::Take, Self::Rewind];

    pub fn arguments(self) -> Vec<String> {
        let after = store::TARGET;
        let line = match self {
            Self::Take => "snapshot take".to_owned(),
            Self::Rewind => format!("rewind {after} --confirm {after}"),
        };
        line.split(' ').map(str::to_owned).collect()
    }
}

#[test]
fn stopped_at_any_point_a_take_and_a_rewind_are_wholly_before_or_wholly_after() {
    if !strace::is_permitted() {
        return;
    }
    let base = Arc::new(store::Base::new());
    let series: Arc<Vec<Series>> = Arc::new(Deed::ALL.into_iter().flat_map(|deed| series(&base, deed)).collect());
    let next = Arc::new(AtomicUsize::new(0));
    let lanes: Vec<_> = (0..LANES)
        .map(|_| {
            let (base, series, next) = (Arc::clone(&base), Arc::clone(&series), Arc::clone(&next));
            std::thread::spawn(move || {
                let lane = Lane::new();
                let mut tally = Tally::default();
                while let Some(one) = series.get(next.fetch_add(1, Ordering::Relaxed)) {
                    one.run(&base, &lane, &mut tally);
                }
                tally
            })
        })
        .collect();
    let lanes = lanes.into_iter().map(|lane| lane.join().unwrap_or_else(|panic| resume_unwind(panic)));
    let tally = lanes.fold(Tally::default(), Tally::and);
    assert!(tally.wrong.is_empty(), "{} points: {:#?}", tally.wrong.len(), tally.wrong);
    eprintln!("{} points in {} series", tally.points, series.len());
    assert!(tally.points > 100, "too few points: not everything was watched");
}

/// How many points there were, and at which something was wrong.
#[derive(Default)]
struct Tally {
    points: usize,
    wrong: Vec<String>,
}

impl Tally {
    fn and(mut self, other: Self) -> Self {
        self.points += other.points;
        self.wrong.extend(other.wrong);
        self
    }
}

/// One kind of call of one command, and what stops it.
struct Series {
    deed: Deed,
    call: String,
    /// Only on these files, relative to the store; none: on all.
    paths: Vec<PathBuf>,
    points: Vec<usize>,
    fault: Fault,
}

/// What a watched run of the command does, each kind of call with each fault.
fn series(base: &store::Base, deed: Deed) -> Vec<Series> {
    let lane = Lane::new();
    lane.fill(base);
    let (calls, end) = strace::watch(&lane.store(), deed);
    assert!(matches!(end, End::Done { .. }), "{deed:?} does its work while it is watched: {end:?}");
    let database = ["backstitch.db", "backstitch.db-wal"].map(PathBuf::from).to_vec();
    let shared = vec![PathBuf::from("backstitch.db-shm")];
    let folders = calls.folders_synced(&lane.store());
    let each = || (1..=ALL_OF).chain((ALL_OF + 1..MOST).step_by(STEP)).collect::<Vec<_>>();
    let mut kinds = Vec::new();
    for call in calls.names() {
        let mut add = |paths: &[PathBuf], points| kinds.push((call.to_owned(), paths.to_vec(), points));
        match call {
            "fsync" | "fdatasync" => {
                add(&[], (1..MOST).collect());
                add(&database, each());
                add(&folders, (1..=HIDDEN_SYNCS).collect());
            }
            "pwrite64" => {
                add(&database, each());
                add(&shared, (1..MOST).step_by(STEP_OF_SHARED_MEMORY).collect());
            }
            _ => add(&[], (1..MOST).collect()),
        }
    }
    let with = |(call, paths, points): (String, Vec<PathBuf>, Vec<usize>)| {
        let series =
            move |fault| Series { deed, call: call.clone(), paths: paths.clone(), points: points.clone(), fault };
        Fault::ALL.map(series)
    };
    kinds.into_iter().flat_map(with).collect()
}

impl Series {
    /// Stops the command at each of its points, up to where it comes to its end unharmed.
    fn run(&self, base: &store::Base, lane: &Lane, tally: &mut Tally) {
        let Self { deed, call, fault, .. } = self;
        for &n in &self.points {
            lane.fill(base);
            let paths: Vec<PathBuf> = self.paths.iter().map(|path| lane.store().join(path)).collect();
            let (end, fired) = strace::run(&lane.store(), *deed, call, &paths, *fault, n);
            let looked =
                catch_unwind(AssertUnwindSafe(|| lane.assert_whole(base, *deed, &end, fired, call == "write")));
            let point = format!("{deed:?}, {fault:?} at {call} {n} of {:?}: {end:?}", self.paths);
            tally.wrong.extend(looked.err().map(|panic| format!("{point}: {:?}", panic.downcast_ref::<String>())));
            if !fired {
                return;
            }
            tally.points += 1;
        }
        // Those of a series that is cut short are fewer than there are.
        assert!(self.points.len() < MOST / STEP, "{deed:?} has no end of {call}");
    }
}

impl Calls {
    /// The folders that were synced; in a store of the same content they are the same.
    fn folders_synced(&self, store: &std::path::Path) -> Vec<PathBuf> {
        self.synced().filter(|path| !path.is_empty() && store.join(path).is_dir()).map(PathBuf::from).collect()
    }
}
