//! Opening a store, and bringing its tables to the end of the log at a start of the server.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::{Duration, Instant};

use rusqlite::{Connection, TransactionBehavior};

use super::backups::Runtime;
use super::census::Counting;
use super::entities::{LogHashes, Sound};
use super::full::Full;
use super::listing::Listing;
use super::moments::Moments;
use super::row_events::Rows;
use super::{Core, Engine, millis};
use crate::adopt::adopt;
use crate::catchup::{Broken, Hold, catch_up};
use crate::clock::Clock;
use crate::domain::Domain;
use crate::domain_copy;
use crate::entity::SnapshotPolicy;
use crate::entity::replay::Replayer;
use crate::error::{Error, Result};
use crate::files;
use crate::history::{self, Means, What};
use crate::image::{ChunkStore, Doubt, LiveImages};
use crate::log;
use crate::progress::Progress;
use crate::snapshot::policy::Policy;
use crate::snapshot::take::{Capture, take};
use crate::snapshot::{Format, Kind, Library, base};
use crate::store::state::{State, raise_epoch};
use crate::store::{Readers, Writer, connection, quietly, schema};

/// How a store is opened.
#[derive(Debug, Clone)]
pub struct Options {
    /// The data folder; made if it is not there.
    pub data_dir: PathBuf,
    /// The database; `backstitch.db` in the data folder by default.
    pub db: Option<PathBuf>,
    /// How long work waits for its turn at the writer.
    pub busy_timeout: Duration,
    /// How many readers there are at most.
    pub readers: u32,
    /// When snapshots are taken and how long they are kept.
    pub policy: Policy,
    /// The clock.
    pub clock: Clock,
    /// How periodic snapshots are written; safety snapshots are always kept in chunks, which can
    /// say every value.
    pub format: Format,
    /// Who is told how far long work is.
    pub progress: Progress,
    /// The registry file of the app, which goes into backups.
    pub registry: Option<PathBuf>,
    /// The folder of the app's vector store, which goes into backups when it is asked for.
    pub chroma_dir: Option<PathBuf>,
    /// How many backups are kept; none: all.
    pub keep_backups: Option<usize>,
    /// When snapshots of entities are taken.
    pub entity_policy: SnapshotPolicy,
    /// How many snapshots of an entity are kept.
    pub keep_entity_snapshots: usize,
}

impl Options {
    /// The defaults, for a data folder.
    pub fn new(data_dir: impl Into<PathBuf>) -> Self {
        Self {
            data_dir: data_dir.into(),
            db: None,
            busy_timeout: Duration::from_secs(5),
            readers: 8,
            policy: Policy::default(),
            clock: Clock::system(),
            format: Format::Chunks,
            progress: Progress::default(),
            registry: None,
            chroma_dir: None,
            keep_backups: None,
            entity_policy: SnapshotPolicy::default(),
            keep_entity_snapshots: 20,
        }
    }

    /// Where the database is.
    pub fn database(&self) -> PathBuf {
        self.db.clone().unwrap_or_else(|| self.data_dir.join("backstitch.db"))
    }
}

/// What a start of the server did to bring the tables to the end of the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ColdLoad {
    /// Which way it took.
    pub loaded: Loaded,
    /// Events replayed.
    pub applied: u64,
    /// How long it took, in milliseconds.
    pub took_ms: u64,
}

/// The ways of a cold load, cheapest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Loaded {
    /// The tables stood at the end of the log.
    NothingToDo,
    /// Only newer events were replayed.
    Suffix,
    /// The tables went back to a snapshot at this event first.
    FromBase(i64),
    /// Everything was replayed.
    Everything,
}

impl Engine {
    /// Opens the store in a data folder, or makes one there with the built-in domain.
    ///
    /// # Errors
    ///
    /// Refused where the folder cannot be used or the database is not one of this program.
    pub fn open(options: Options) -> Result<Self> {
        Self::open_with(options, &mut Domain::companion)
    }

    /// Opens the store in a data folder; a new one gets the domain that `fresh` gives.
    ///
    /// # Errors
    ///
    /// As [`Engine::open`].
    pub fn open_with(options: Options, fresh: &mut dyn FnMut() -> Result<Domain>) -> Result<Self> {
        connection::check_library()?;
        let data_dir = open_folder(&options.data_dir)?;
        let db = Options { data_dir: data_dir.clone(), ..options.clone() }.database();
        schema::look(&db, options.busy_timeout).map_err(|error| error.at(db.display()))?;
        let mut conn = connection::open_writer(&db, options.busy_timeout).map_err(|error| error.at(db.display()))?;
        schema::migrate(&mut conn).map_err(|error| error.at(db.display()))?;
        let (domain, is_new) = open_domain(&mut conn, fresh)?;
        adopt(&mut conn, &domain, &data_dir, &options.progress)?;
        let runtime = Runtime::new(&options, &data_dir, db.clone())?;
        runtime.mend(&conn)?;
        let snapshots = data_dir.join("snapshots");
        let core = Core {
            library: Library::open(snapshots.clone())?,
            chunks: ChunkStore::open(snapshots.join("chunks"))?,
            live: LiveImages::default(),
            data_dir,
            domain: RwLock::new(Arc::new(domain)),
            policy: options.policy,
            clock: options.clock,
            progress: options.progress,
            listing: Listing::default(),
            decision: Mutex::default(),
            counted: Mutex::default(),
            counting: Counting::default(),
            rows: Rows::default(),
            moments: Moments::default(),
            dump: Mutex::default(),
            backup: Mutex::default(),
            format: options.format,
            full: Full::default(),
            runtime,
            entity_policy: options.entity_policy,
            keep_entity_snapshots: options.keep_entity_snapshots,
            log_hashes: LogHashes::default(),
            rounds: Mutex::default(),
            replayer: Replayer::default(),
            sound: Sound::default(),
        };
        let readers = Readers::open(&db, options.readers + 1, options.busy_timeout)?;
        Ok(Self {
            core: Arc::new(core),
            watch: Mutex::new(readers.get()?),
            readers,
            writer: Writer::start(conn, options.busy_timeout)?,
            is_new,
        })
    }

    /// What a server does before it serves: sweeps what crashes left, puts another domain in
    /// place if one is given, and brings the tables to the end of the log. A hold ends here.
    ///
    /// # Errors
    ///
    /// Refused for a domain of another name unless `change` says so, and for one in which an old
    /// event breaks a rule; the store is as it was then.
    pub fn cold_load(&self, domain: Option<Domain>, change: bool) -> Result<ColdLoad> {
        self.core.runtime.backups.sweep()?;
        // Where another process is at work, what is unfinished may be its own.
        if let Some(_own) = self.core.chunks.try_own()? {
            self.core.library.sweep()?;
            files::sweep_unfinished(&self.core.data_dir)?;
        }
        let before = self.domain();
        if let Some(domain) = &domain
            && domain.name != before.name
            && !change
        {
            return Err(Error::refused(format!(
                "this store follows the domain {:?}, and the one given is {:?}.",
                before.name, domain.name
            ))
            .hint("Start with --change-domain to rebuild the tables after it, or with another --data-dir."));
        }
        let core = Arc::clone(&self.core);
        self.writer.alone(move |conn| {
            let transaction = conn.transaction_with_behavior(TransactionBehavior::Immediate)?;
            let new = domain.filter(|domain| domain.logic != before.logic || domain.name != before.name);
            let answer = match &new {
                Some(domain) => replace_domain(&transaction, &core, &before, domain)?,
                None => load(&transaction, &core, &before)?,
            };
            transaction.commit()?;
            if let Some(domain) = new {
                *core.domain.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(domain);
            }
            Ok(answer)
        })
    }
}

fn open_folder(path: &Path) -> Result<PathBuf> {
    let refused = |error| files::refused(path, error);
    files::make_folder(path).map_err(refused)?;
    let path = path.canonicalize().map_err(refused)?;
    if fs::read_dir(&path).map_err(refused)?.next().is_none() {
        // Made for this store, by whom ever; one that holds other things is its owner's to decide, and
        // so is one of another user.
        match files::make_private(&path) {
            Err(error) if error.kind() == io::ErrorKind::PermissionDenied => {}
            made => made.map_err(refused)?,
        }
    }
    tempfile::tempfile_in(&path).map_err(refused)?;
    Ok(path)
}

/// The domain of the store; a new store gets one, in one transaction with its tables.
fn open_domain(conn: &mut Connection, fresh: &mut dyn FnMut() -> Result<Domain>) -> Result<(Domain, bool)> {
    if let Some(domain) = domain_copy::load(conn)? {
        return Ok((domain, false));
    }
    let domain = fresh()?;
    let transaction = conn.transaction_with_behavior(TransactionBehavior::Immediate)?;
    // Another process may have been quicker.
    if let Some(domain) = domain_copy::load(&transaction)? {
        return Ok((domain, false));
    }
    domain.create_tables(&transaction)?;
    domain_copy::keep(&transaction, &domain)?;
    transaction.commit()?;
    Ok((domain, true))
}

fn load(conn: &Connection, core: &Core, domain: &Domain) -> Result<ColdLoad> {
    let started = Instant::now();
    if !domain.matches(conn)? {
        return rebuild_tables(conn, core, domain, domain, Broken::Stick);
    }
    let done = catch_up(conn, core.shelf(domain), Hold::End, Broken::Stick)?;
    let loaded = match done.from_base {
        Some(0) => Loaded::Everything,
        Some(base) => Loaded::FromBase(base),
        None if done.applied > 0 => Loaded::Suffix,
        None => Loaded::NothingToDo,
    };
    Ok(ColdLoad { loaded, applied: done.applied, took_ms: millis(started) })
}

fn replace_domain(conn: &Connection, core: &Core, before: &Domain, domain: &Domain) -> Result<ColdLoad> {
    let at = core.clock.now();
    let capture = Capture {
        kind: Kind::Rewind,
        means: Means::Command,
        reason: Some(format!("change of the domain to {}", domain.name)),
        label: None,
        at,
        sequence: core.next_sequence(conn)?,
    };
    // What was changed in the log comes first: a snapshot of tables that do not follow is no base.
    catch_up(conn, core.shelf(before), Hold::Keep, Broken::Stick)?;
    let safety = take(conn, core.shelf(before), capture, Doubt::Everything)?;
    domain_copy::keep(conn, domain)?;
    let answer = rebuild_tables(conn, core, before, domain, Broken::Refuse)
        .map_err(|error| error.hint("The store is as it was."))?;
    let detail = serde_json::json!({ "from": before.name, "to": domain.name, "safety_snapshot": safety.id });
    history::record(conn, What::Domain, Means::Command, at, answer.took_ms, &detail)?;
    Ok(answer)
}

/// Makes the tables anew, from the newest base and what came after it.
fn rebuild_tables(
    conn: &Connection,
    core: &Core,
    before: &Domain,
    domain: &Domain,
    broken: Broken,
) -> Result<ColdLoad> {
    let started = Instant::now();
    quietly(conn, || before.drop_tables(conn))?;
    domain.create_tables(conn)?;
    let state = State::read(conn)?;
    let shelf = core.shelf(domain);
    let base = base::rewind_tables(conn, shelf, &state, log::head(conn)?.saturating_add(1))?;
    State { position: base, hold: None, stale_from: None, stuck: None, ..state }.write(conn)?;
    let done = catch_up(conn, shelf, Hold::End, broken)?;
    raise_epoch(conn)?;
    let loaded = if base > 0 { Loaded::FromBase(base) } else { Loaded::Everything };
    Ok(ColdLoad { loaded, applied: done.applied, took_ms: millis(started) })
}
