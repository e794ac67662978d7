//! The engine: the one door for the command line and the web. Each operation is one method.
//!
//! Methods are synchronous and may block; the engine is shared between threads. What changes the
//! store goes through the one writer; what only reads goes through the pool.

mod appending;
mod backup_restoring;
mod backups;
mod census;
mod damage;
mod dumps;
mod entities;
mod flags;
mod full;
mod lines;
mod listing;
mod live;
mod moments;
mod moved;
mod opening;
mod past;
mod periodic;
mod proving;
mod removing;
mod restoring;
mod rewinding;
pub mod room;
mod row_events;
mod safety;
mod snapshots;
mod space;
mod tables;
mod taken_back;
mod undoing;

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};
use std::time::{Duration, Instant};

use rusqlite::{Connection, TransactionBehavior};
use time::OffsetDateTime;

pub use self::backup_restoring::RestoredBackup;
pub use self::backups::NewBackup;
pub use self::damage::{Damage, Place};
pub use self::entities::{
    EntityAt, EntityDifference, EntityDue, EntityRead, EntitySnapshotLine, EntityState, EntityType, PathChange,
};
pub use self::flags::Flagged;
pub use self::lines::{Line, Undo, Way};
pub use self::opening::{ColdLoad, Loaded, Options};
pub use self::periodic::{Decided, Decision};
pub use self::removing::Pruned;
pub use self::snapshots::NewSnapshot;
pub use self::space::{Daily, Space};
pub use self::tables::{RowQuery, SpeakerNames, TableCount, TableRows};
pub use self::taken_back::TakenBack;
pub use self::undoing::UndoPreview;
pub use crate::compare::DiffPage;

use self::backups::Runtime;
use self::census::Counting;
use self::entities::{LogHashes, Rounds, Sound};
use self::full::Full;
use self::listing::Listing;
use self::moments::Moments;
use self::periodic::Decisions;
use self::row_events::Rows;
use crate::catchup::{Broken, CaughtUp, Hold, catch_up};
use crate::clock::Clock;
use crate::domain::Domain;
use crate::drift;
use crate::entity::SnapshotPolicy;
use crate::entity::replay::Replayer;
use crate::error::Result;
use crate::history::{self, Means, Operation, What};
use crate::image::{ChunkStore, LiveImages, Seen};
use crate::log::{self};
use crate::progress::{Progress, Task};
use crate::snapshot::policy::{NextDue, Policy, next_due};
use crate::snapshot::take::Shelf;
use crate::snapshot::{Format, Library, SnapshotId};
use crate::store::readers::Reader;
use crate::store::state::{State, Stuck};
use crate::store::{Readers, Writer};

/// How often a waiting reader looks whether its event is applied.
const LOOK: Duration = Duration::from_millis(20);

/// A store, open.
pub struct Engine {
    core: Arc<Core>,
    /// One connection that only watches: the pragma counts changes between two looks of the same.
    watch: Mutex<Reader>,
    readers: Readers,
    /// Last, since fields drop in order: only a writer that closes last takes the write-ahead log
    /// into the database file.
    writer: Writer,
    is_new: bool,
}

/// What jobs on the writer's thread need too.
struct Core {
    data_dir: PathBuf,
    library: Library,
    chunks: ChunkStore,
    live: LiveImages,
    domain: RwLock<Arc<Domain>>,
    policy: Policy,
    clock: Clock,
    progress: Progress,
    listing: Listing,
    decision: Mutex<Decisions>,
    counted: Mutex<Option<Counted>>,
    counting: Counting,
    rows: Rows,
    moments: Moments,
    dump: Mutex<Option<dumps::Remembered>>,
    backup: Mutex<Option<backup_restoring::Remembered>>,
    format: Format,
    full: Full,
    runtime: Runtime,
    entity_policy: SnapshotPolicy,
    keep_entity_snapshots: usize,
    log_hashes: LogHashes,
    rounds: Mutex<Rounds>,
    replayer: Replayer,
    sound: Sound,
}

/// How many events the log had.
#[derive(Debug, Clone, Copy)]
struct Counted {
    epoch: u64,
    head: i64,
    events: u64,
}

impl Core {
    fn domain(&self) -> Arc<Domain> {
        Arc::clone(&self.domain.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Counts the log's events. Counting reads the whole log, so it is remembered with the epoch:
    /// while that stays, events only come at the end.
    fn count_events(&self, conn: &Connection, state: &State, head: i64) -> Result<u64> {
        let mut counted = lock(&self.counted);
        let known =
            counted.filter(|known| known.epoch == state.epoch && known.head <= head && state.stale_from.is_none());
        let (after, before) = known.map_or((0, 0), |known| (known.head, known.events));
        let sql = "SELECT count(*) FROM event_log WHERE id > ?1";
        let more: i64 = conn.prepare_cached(sql)?.query_row([after], |row| row.get(0))?;
        let events = before + more.unsigned_abs();
        *counted = state.stale_from.is_none().then_some(Counted { epoch: state.epoch, head, events });
        Ok(events)
    }

    /// The shelf for work on the writer's connection; on a reader's, [`Engine::read_beside`] knows
    /// more of the live tables.
    fn shelf<'a>(&'a self, domain: &'a Domain) -> Shelf<'a> {
        let seen = Seen::Writing(&self.live);
        Shelf { library: &self.library, chunks: &self.chunks, domain, progress: &self.progress, seen }
    }
}

/// Where the store stands.
#[derive(Debug, Clone)]
pub struct Status {
    /// [`Engine::data_version`] from before the rest was read: another one means that there may be
    /// news.
    pub version: i64,
    /// The log's highest id; 0: empty.
    pub head: i64,
    /// The last event that the tables have taken account of.
    pub position: i64,
    /// The tables stand at an older position on purpose.
    pub held: bool,
    /// The event at which they cannot go on.
    pub stuck: Option<Stuck>,
    /// Grows with every change other than by appending.
    pub epoch: u64,
    /// Events past `position`.
    pub waiting: u64,
    /// Rows that differed from the log when the tables were last compared with it.
    pub drift: u64,
    /// Events in the log.
    pub events: u64,
    /// The newest periodic snapshot.
    pub last_snapshot: Option<(SnapshotId, OffsetDateTime)>,
    /// When the next one is due.
    pub next_due: NextDue,
    /// Work met a full disk, and there is no room yet.
    pub disk_full: bool,
    /// The domain's name.
    pub domain: String,
}

impl Engine {
    /// The absolute path of the data folder.
    pub fn data_dir(&self) -> &Path {
        &self.core.data_dir
    }

    /// The absolute path of the database.
    pub fn database(&self) -> PathBuf {
        let watch = lock(&self.watch);
        watch.path().map_or_else(|| self.core.data_dir.join("backstitch.db"), PathBuf::from)
    }

    /// Whether the database did not exist before this start.
    pub fn is_new(&self) -> bool {
        self.is_new
    }

    /// The moment, by the engine's clock.
    pub fn now(&self) -> OffsetDateTime {
        self.core.clock.now()
    }

    /// The domain that the tables follow.
    pub fn domain(&self) -> Arc<Domain> {
        self.core.domain()
    }

    /// The handle that says what runs now, and how far it is.
    pub fn progress(&self) -> &Progress {
        &self.core.progress
    }

    /// Where the store stands.
    ///
    /// # Errors
    ///
    /// Where the database or the folder cannot be read.
    pub fn status(&self) -> Result<Status> {
        let (domain, now) = (self.domain(), self.core.clock.now());
        let disk_full = self.core.full.is_full(&self.core.data_dir);
        let version = self.data_version()?;
        self.readers.read(|conn| {
            let state = State::read(conn)?;
            let head = log::head(conn)?;
            let last = self.core.last_periodic(conn)?;
            let waiting = log::count_between(conn, state.position, head)?;
            Ok(Status {
                version,
                head,
                events: self.core.count_events(conn, &state, head)?,
                position: state.position,
                held: state.hold.is_some(),
                stuck: state.stuck,
                epoch: state.epoch,
                waiting,
                drift: drift::last(conn)?.map_or(0, |check| check.rows()),
                next_due: next_due(conn, &self.core.policy, &domain, last.as_ref(), now)?,
                last_snapshot: last.map(|entry| (entry.id.clone(), entry.captured_at())),
                disk_full,
                domain: domain.name.clone(),
            })
        })
    }

    /// Takes in what other processes did to the log. Answers what was applied.
    ///
    /// # Errors
    ///
    /// Where the database fails.
    pub fn catch_up(&self) -> Result<CaughtUp> {
        self.transact(|core, conn| {
            let domain = core.domain();
            catch_up(conn, core.shelf(&domain), Hold::Keep, Broken::Stick)
        })
    }

    /// A number that changes when the database does, whoever changes it.
    ///
    /// # Errors
    ///
    /// Where the database fails.
    pub fn data_version(&self) -> Result<i64> {
        let watch = lock(&self.watch);
        Ok(watch.pragma_query_value(None, "data_version", |row| row.get(0))?)
    }

    /// [`Engine::catch_up`] where there is something to take in; else the writer is left alone.
    ///
    /// # Errors
    ///
    /// Where the database fails.
    pub fn catch_up_if_behind(&self) -> Result<CaughtUp> {
        let behind = self.readers.read(|conn| Ok(!State::read(conn)?.is_settled(log::head(conn)?)))?;
        if behind { self.catch_up() } else { Ok(CaughtUp::default()) }
    }

    /// Lifts a hold: applies the waiting events. Answers what was applied.
    ///
    /// # Errors
    ///
    /// Where the database fails.
    pub fn replay(&self, means: Means) -> Result<CaughtUp> {
        let _task = self.core.progress.task(Task::Replay);
        self.transact(move |core, conn| {
            let started = Instant::now();
            let domain = core.domain();
            let from = State::read(conn)?.position;
            let done = catch_up(conn, core.shelf(&domain), Hold::End, Broken::Stick)?;
            if done != CaughtUp::default() {
                let to = State::read(conn)?.position;
                let waited = log::count_between(conn, from, to)?;
                let detail = serde_json::json!({ "from": from, "to": to, "applied": done.applied, "waited": waited });
                history::record(conn, What::Replay, means, core.clock.now(), millis(started), &detail)?;
            }
            Ok(done)
        })
    }

    /// Waits until an event is applied, at most so long; says whether it is.
    ///
    /// # Errors
    ///
    /// Where the database fails.
    pub fn applied(&self, event: i64, wait: Duration) -> Result<bool> {
        let deadline = Instant::now() + wait;
        loop {
            let position = self.readers.read(|conn| Ok(State::read(conn)?.position))?;
            if position >= event {
                return Ok(true);
            }
            if Instant::now() >= deadline {
                return Ok(false);
            }
            std::thread::sleep(LOOK);
        }
    }

    /// One line of the history.
    ///
    /// # Errors
    ///
    /// Not found where there is none of that id.
    pub fn operation(&self, operation: i64) -> Result<Operation> {
        self.readers.read(|conn| history::find(conn, operation))
    }

    /// The latest lines of the history, newest first.
    ///
    /// # Errors
    ///
    /// Where the database fails.
    pub fn operations(&self, limit: u64) -> Result<Vec<Operation>> {
        self.readers.read(|conn| history::latest(conn, limit))
    }

    /// Runs `work` on the writer, alone, in a transaction of its own.
    fn transact<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Core, &Connection) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        let core = Arc::clone(&self.core);
        self.writer.alone(move |conn| {
            let transaction = conn.transaction_with_behavior(TransactionBehavior::Immediate)?;
            let answer = work(&core, &transaction)?;
            transaction.commit()?;
            core.full.look_again();
            Ok(answer)
        })
    }
}

fn millis(since: Instant) -> u64 {
    u64::try_from(since.elapsed().as_millis()).unwrap_or(u64::MAX)
}

/// A panic elsewhere leaves nothing half-done behind these: what is remembered is made anew.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
