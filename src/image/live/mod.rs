//! The images of live tables, kept in memory: what is asked of them costs what has changed since,
//! and not what there is.
//!
//! Of each table this keeps its segments as of some moment, and the keys of all rows that may have
//! changed since. Triggers on the writer's connection tell of every row that it changes
//! ([`noticing`]); the segments of those rows are read again, the rest is taken as it was
//! (`refresh`). A key too many only costs reading, so whatever a transaction that was rolled back
//! had touched stays marked.
//!
//! Nothing here is stored, and everything is thrown away in doubt:
//!
//! - another connection wrote (`PRAGMA data_version` of the writer's connection tells);
//! - the schema changed, as with another domain (`PRAGMA schema_version`);
//! - the triggers are not on the connection at hand, so that nobody noticed what it changed;
//! - so many rows of a table changed that reading all of it costs about the same.
//!
//! A [`View`] belongs to the transaction of a reader. It begins while the writer stands between two
//! transactions and waits; so what the reader sees is exactly what the images and the keys then
//! tell of. Appends go on as soon as it has begun, and what they change is told apart by a stamp.
//! What the view finds out replaces what was known before. On the writer's own connection, inside
//! a transaction, images are only read: after a rollback the older ones are still right.
//!
//! In a debug build every image is compared with a scan of all rows, so each test of a take, a
//! preview, a restore or a rewind is a test of this too.

pub mod noticing;
mod refresh;
#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use rusqlite::Connection;

use super::chunk_writer::ChunkWriter;
use super::segment::Segment;
use super::value::Value;
use super::{Table, scan};
use crate::error::Result;

/// So many changed rows of a table are kept by their keys, a few megabytes of them.
const MOST: usize = 50_000;

type Key = Vec<Value>;

/// What is known of the live tables of one database; shared by all who have a clone.
#[derive(Clone, Default)]
pub struct LiveImages(Arc<Mutex<State>>);

#[derive(Default)]
struct State {
    /// Counts what was thrown away: what was begun before does not fit any more.
    generation: u64,
    /// What the writer's connection told when it was last without doubt; none while nobody notices.
    versions: Option<Versions>,
    /// Counts views: a key has the number of the view before which it was marked.
    stamp: u64,
    tables: Vec<Tracked>,
}

/// What changes when others write, and when the schema does.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Versions {
    data: i64,
    schema: i64,
}

impl Versions {
    fn read(conn: &Connection) -> Result<Self> {
        let version = |name| conn.pragma_query_value(None, name, |row| row.get(0));
        Ok(Self { data: version("data_version")?, schema: version("schema_version")? })
    }
}

/// One table whose changes are noticed.
struct Tracked {
    table: Table,
    known: Option<Image>,
    /// The keys of rows that changed, each with its stamp; none where they were too many.
    changed: Option<HashMap<Key, u64>>,
    /// Changes with a stamp above this are all in `changed`.
    since: u64,
}

struct Image {
    segments: Arc<[Segment]>,
    /// The view that they are of.
    stamp: u64,
}

impl Tracked {
    fn new(table: &Table, since: u64) -> Self {
        Self { table: table.clone(), known: None, changed: Some(HashMap::new()), since }
    }

    fn mark(&mut self, key: Key, stamp: u64) {
        let Some(changed) = &mut self.changed else { return };
        changed.insert(key, stamp);
        if changed.len() > MOST {
            (self.known, self.changed) = (None, None);
        }
    }

    fn before(&self) -> Option<Before> {
        let (known, changed) = (self.known.as_ref()?, self.changed.as_ref()?);
        Some(Before { segments: Arc::clone(&known.segments), changed: changed.keys().cloned().collect() })
    }
}

/// The image of one table before some of its rows changed.
#[derive(Clone)]
struct Before {
    segments: Arc<[Segment]>,
    /// The keys of rows that may have come, gone or changed.
    changed: Arc<[Key]>,
}

impl LiveImages {
    /// Runs `begin`, which begins the transaction of a reader, and gives the view that belongs to
    /// it. `conn` is the writer's connection, with no transaction open; from the first view on, what
    /// it changes in `tables` is noticed.
    ///
    /// # Errors
    ///
    /// Those of `begin`. Where the images cannot be kept, the view knows nothing, and all is read.
    pub fn view<T>(&self, conn: &Connection, tables: &[Table], begin: impl FnOnce() -> Result<T>) -> Result<(T, View)> {
        let before = self.watch(conn, tables);
        let begun = begin()?;
        // Looked at once more: another program may have written just before the reader began.
        let is_sound = before.and_then(|before| Ok(conn.is_autocommit() && Versions::read(conn)? == before));
        match is_sound {
            Ok(true) => Ok((begun, self.look())),
            Ok(false) => Ok((begun, View::default())),
            Err(error) => {
                tracing::debug!(%error, "the live tables are read whole");
                Ok((begun, View::default()))
            }
        }
    }

    /// Sees to it that changes are noticed, and forgets what is in doubt.
    fn watch(&self, conn: &Connection, tables: &[Table]) -> Result<Versions> {
        let now = Versions::read(conn)?;
        if self.knows(conn, now)? && self.lock().tracks(tables) {
            return Ok(now);
        }
        let generation = {
            let mut state = self.lock();
            state.generation += 1;
            (state.versions, state.tables) = (None, Vec::new());
            state.generation
        };
        // Unlocked, since the triggers may call back at once.
        noticing::install(conn, self, tables, generation)?;
        let now = Versions::read(conn)?;
        let mut state = self.lock();
        let stamp = state.stamp;
        state.tables = tables.iter().map(|table| Tracked::new(table, stamp)).collect();
        state.versions = Some(now);
        Ok(now)
    }

    /// Whether what is known holds on a connection at these versions.
    fn knows(&self, conn: &Connection, now: Versions) -> Result<bool> {
        let (generation, tables) = {
            let state = self.lock();
            if state.versions != Some(now) {
                return Ok(false);
            }
            (state.generation, state.tables.len())
        };
        noticing::are_installed(conn, tables, generation)
    }

    /// What is known now, for a reader that has just begun.
    fn look(&self) -> View {
        let mut state = self.lock();
        let stamp = state.stamp;
        // What changes from here on is not in the view.
        state.stamp += 1;
        let mut tables = HashMap::new();
        for tracked in &mut state.tables {
            if tracked.changed.is_none() {
                *tracked = Tracked::new(&tracked.table, stamp);
            }
            tables.insert(tracked.table.name.clone(), tracked.before());
        }
        View { generation: state.generation, stamp, tables, of: Some(self.clone()) }
    }

    /// What is known of a table on the writer's connection, inside a transaction.
    fn inside(&self, conn: &Connection, table: &Table) -> Result<Option<Before>> {
        // Most who ask never took a snapshot in this process.
        if self.lock().versions.is_none() || !self.knows(conn, Versions::read(conn)?)? {
            return Ok(None);
        }
        let state = self.lock();
        Ok(state.tables.iter().find(|tracked| tracked.table == *table).and_then(Tracked::before))
    }

    /// A row of a table has come, gone or changed.
    fn mark(&self, generation: i64, table: i64, key: Key) {
        let mut state = self.lock();
        let stamp = state.stamp;
        if u64::try_from(generation) == Ok(state.generation)
            && let Ok(table) = usize::try_from(table)
            && let Some(tracked) = state.tables.get_mut(table)
        {
            tracked.mark(key, stamp);
        }
    }

    /// Keeps what a view found out, unless something newer is known or it is in doubt by now.
    fn keep(&self, view: &View, table: &Table, segments: &[Segment]) {
        let mut state = self.lock();
        if state.generation != view.generation {
            return;
        }
        let Some(tracked) = state.tables.iter_mut().find(|tracked| tracked.table == *table) else { return };
        let is_newer = tracked.known.as_ref().is_none_or(|known| known.stamp <= view.stamp);
        if let Some(changed) = &mut tracked.changed
            && is_newer
            && tracked.since <= view.stamp
        {
            changed.retain(|_, stamp| *stamp > view.stamp);
            tracked.known = Some(Image { segments: segments.into(), stamp: view.stamp });
        }
    }

    /// A panic elsewhere leaves a mark too many at most.
    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn tracks(&self, tables: &[Table]) -> bool {
        self.tables.iter().map(|tracked| &tracked.table).eq(tables)
    }
}

/// What was known of the live tables when the transaction of a reader began.
#[derive(Default)]
pub struct View {
    generation: u64,
    stamp: u64,
    tables: HashMap<String, Option<Before>>,
    /// None: nothing is known, and nothing is kept.
    of: Option<LiveImages>,
}

/// What is known of the live tables on a connection that is at hand.
#[derive(Clone, Copy, Default)]
pub enum Seen<'a> {
    /// Nothing: every row is read.
    #[default]
    Nothing,
    /// The connection may be the writer's: this finds out whether it is.
    Writing(&'a LiveImages),
    /// The connection is in the transaction that this view began with.
    Reading(&'a View),
}

impl<'a> Seen<'a> {
    /// What is known of one table.
    ///
    /// # Errors
    ///
    /// Where the database fails.
    pub fn of(self, conn: &Connection, table: &Table) -> Result<Known<'a>> {
        let (before, view) = match self {
            Self::Nothing => (None, None),
            Self::Writing(live) => (live.inside(conn, table)?, None),
            Self::Reading(view) => (view.tables.get(&table.name).cloned().flatten(), Some(view)),
        };
        Ok(Known { before, view })
    }
}

/// What is known of one table.
pub struct Known<'a> {
    before: Option<Before>,
    view: Option<&'a View>,
}

impl Known<'_> {
    /// About how many rows it has; none where nothing is known.
    pub fn rows(&self) -> Option<u64> {
        Some(self.before.as_ref()?.segments.iter().map(|segment| segment.rows).sum())
    }

    /// The segments of the table, exactly as [`scan`] gives them; with a writer, each of them is
    /// stored.
    ///
    /// # Errors
    ///
    /// Where the table cannot be read or a chunk cannot be stored.
    pub fn segments(
        self,
        conn: &Connection,
        table: &Table,
        writer: Option<&mut ChunkWriter>,
        progress: &mut dyn FnMut(u64),
    ) -> Result<Vec<Segment>> {
        let segments = match &self.before {
            Some(before) => refresh::refresh(conn, table, before, writer, progress)?,
            None => scan(conn, table, writer, progress)?,
        };
        debug_assert!(
            self.before.is_none() || segments == scan(conn, table, None, &mut |_| {})?,
            "the image of {} is not what its rows give",
            table.name
        );
        if let Some(view) = self.view
            && let Some(live) = &view.of
        {
            live.keep(view, table, &segments);
        }
        Ok(segments)
    }
}
