//! All snapshots as lists show them: what the files say, what checks found, whether each is on
//! this history, why it is kept.
//!
//! Nothing here grows with the store once it is remembered: manifests are remembered by size and
//! moment, chunks by manifest, and whether a snapshot is on this history by the store's epoch
//! (appending cannot change it).

mod sizes;

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use rusqlite::Connection;
use time::OffsetDateTime;

use self::sizes::Unique;
use super::moved::Moved;
use super::{Core, Engine, lock};
use crate::clock;
use crate::error::{ErrorKind, Result};
use crate::history::Means;
use crate::image::{Hash, Table};
use crate::log;
use crate::snapshot::entry::Content;
use crate::snapshot::log_image::{self, LOG, Part};
use crate::snapshot::restore::stored_table;
use crate::snapshot::retention::{self, Judged};
use crate::snapshot::take::Taken;
use crate::snapshot::{Entry, Format, Keep, Kind, Left, Snapshot, SnapshotId};
use crate::store::State;

/// What is remembered between listings.
#[derive(Default)]
pub(super) struct Listing {
    chunks: Mutex<HashMap<Hash, Arc<Vec<Hash>>>>,
    history: Mutex<HashMap<(Hash, u64), Option<Left>>>,
    unique: Mutex<Option<Unique>>,
    /// Bytes on disk of the chunks that were counted last.
    sizes: Mutex<HashMap<Hash, u64>>,
    /// Bytes of the chunks that several of the snapshots listed last need.
    pub(super) shared: Mutex<Option<u64>>,
    /// Events up to an id, by id and epoch: appending does not change them.
    pub(super) up_to: Mutex<HashMap<(i64, u64), u64>>,
}

/// What reading a snapshot whole has found.
struct Check {
    manifest: String,
    checked_at: Option<OffsetDateTime>,
    damage: Option<String>,
    chunk: Option<Hash>,
    proven_at: Option<OffsetDateTime>,
}

/// An entry with everything that is known of it.
struct Known {
    entry: Entry,
    own: bool,
    damaged: Option<String>,
    checked_at: Option<OffsetDateTime>,
    proven_at: Option<OffsetDateTime>,
    on_this_history: Option<bool>,
    left: Option<Left>,
    moved: Moved,
    chunks: Option<Arc<Vec<Hash>>>,
}

impl Known {
    fn is_sound(&self) -> bool {
        self.damaged.is_none()
    }

    fn manifest(&self) -> Option<Hash> {
        self.entry.chunks().map(|manifest| manifest.hash)
    }
}

impl Engine {
    /// All snapshots of both kinds, newest first.
    ///
    /// # Errors
    ///
    /// Where the folder or the database cannot be read.
    pub fn snapshots(&self) -> Result<Vec<Snapshot>> {
        self.readers.read(|conn| self.core.list(conn))
    }

    /// One snapshot.
    ///
    /// # Errors
    ///
    /// Not found where there is none.
    pub fn snapshot(&self, kind: Kind, id: &SnapshotId) -> Result<Snapshot> {
        self.core.library.find(kind, id)?;
        let found = self.snapshots()?.into_iter().find(|one| one.kind == kind && one.snapshot_id == *id);
        found.ok_or_else(|| crate::error::Error::not_found("snapshot not found"))
    }

    /// The newest sound snapshot of a kind that this store took itself; none where there is none.
    ///
    /// # Errors
    ///
    /// As [`Engine::snapshots`].
    ///
    /// # Example
    ///
    /// ```
    /// # use backstitch::{engine::{Engine, Options}, history::Means, log::NewEvent, snapshot::{Expected, Kind, Scope}};
    /// # fn main() -> backstitch::error::Result<()> {
    /// # let folder = tempfile::tempdir()?;
    /// # let store = Engine::open(Options::new(folder.path()))?;
    /// assert!(store.latest_snapshot(Kind::Periodic)?.is_none());
    /// let taken = store.take_snapshot(None, false, Means::Command)?.snapshot;
    /// let latest = store.latest_snapshot(Kind::Periodic)?;
    /// assert_eq!(latest.map(|one| one.snapshot_id), Some(taken.snapshot_id));
    /// # Ok(())
    /// # }
    /// ```
    pub fn latest_snapshot(&self, kind: Kind) -> Result<Option<Snapshot>> {
        let found = |one: &Snapshot| one.kind == kind && one.own && one.damaged.is_none();
        Ok(self.snapshots()?.into_iter().filter(found).max_by_key(|one| one.sequence))
    }
}

impl Listing {
    /// What is known of a snapshot that was just taken need not be read again.
    pub(super) fn remember(&self, taken: &Taken) {
        let Some(manifest) = taken.entry.chunks().filter(|_| taken.state.stale_from.is_none()) else { return };
        let mut chunks = taken.chunks.clone();
        chunks.sort_unstable();
        lock(&self.chunks).insert(manifest.hash, Arc::new(chunks));
        lock(&self.history).insert((manifest.hash, taken.state.epoch), None);
    }
}

impl Core {
    /// All snapshots as lists show them, newest first.
    pub(super) fn list(&self, conn: &Connection) -> Result<Vec<Snapshot>> {
        let known = self.known(conn)?;
        let judged: Vec<Judged<'_>> = known
            .iter()
            .map(|one| Judged {
                entry: &one.entry,
                own: one.own,
                sound: one.is_sound(),
                on_this_history: one.on_this_history == Some(true),
            })
            .collect();
        let keeps = retention::keep(&judged, &self.policy, self.clock.now());
        let unique = self.unique_bytes(&known);
        Ok(known.iter().zip(keeps).map(|(one, keep)| shown(one, keep, &unique)).collect())
    }

    /// A snapshot that was just taken, as a list would show it: also where others have taken so
    /// many since that it is pruned already.
    pub(super) fn shown_new(&self, conn: &Connection, entry: Entry) -> Result<Snapshot> {
        let listed = self.list(conn)?.into_iter().find(|one| one.kind == entry.kind && one.snapshot_id == entry.id);
        Ok(listed.unwrap_or_else(|| {
            let known = Known {
                entry,
                own: true,
                damaged: None,
                checked_at: None,
                proven_at: None,
                on_this_history: Some(true),
                left: None,
                moved: Moved::default(),
                chunks: None,
            };
            shown(&known, Keep::Due, &HashMap::new())
        }))
    }

    /// The newest sound periodic snapshot of this store: what the policy counts from.
    pub(super) fn last_periodic(&self, conn: &Connection) -> Result<Option<Entry>> {
        let store = State::read(conn)?.store;
        let checks = read_checks(conn)?;
        let lost = self.lost(&checks);
        let whole = |entry: &Entry| {
            lost.is_empty() || self.chunks_of(entry).is_ok_and(|chunks| shared_loss(Some(&chunks), &lost).is_none())
        };
        let sound = |entry: &Entry| {
            entry.kind == Kind::Periodic
                && entry.is_own(&store)
                && self.check_of(entry, &checks).1.is_none()
                && whole(entry)
        };
        // By sequence: a clock that went back must not hide the one just taken.
        Ok(self.library.entries()?.into_iter().filter(sound).max_by_key(Entry::sequence))
    }

    fn known(&self, conn: &Connection) -> Result<Vec<Known>> {
        let state = State::read(conn)?;
        let checks = read_checks(conn)?;
        let lost = self.lost(&checks);
        let events = self.count_events(conn, &state, log::head(conn)?)?;
        // Else another process could delete one that was just read, and its pieces would be missed.
        let _shared = self.chunks.share()?;
        let mut known = Vec::new();
        for entry in self.library.entries()? {
            let (checked_at, mut damaged) = self.check_of(&entry, &checks);
            let read = self.chunks_of(&entry).and_then(|chunks| {
                // Whether a dump is on this history only reading it whole can tell.
                let left = if entry.is_dump() { None } else { self.left(conn, &entry, &state)? };
                Ok((Some(chunks), (!entry.is_dump()).then_some(left.is_none()), left))
            });
            let (chunks, on_this_history, left) = match read {
                Ok(read) => read,
                // Pruned since the folder was read: its pieces may be gone, and so is it.
                Err(_) if self.library.is_gone(&entry) => continue,
                Err(error) if error.kind() == ErrorKind::Busy => return Err(error),
                // One that cannot be read must not hide the others.
                Err(error) => {
                    damaged.get_or_insert_with(|| error.message().to_owned());
                    (None, None, None)
                }
            };
            let own = entry.is_own(&state.store);
            let damaged = damaged.or_else(|| shared_loss(chunks.as_deref(), &lost));
            let proven_at = proven_at(&entry, &checks).filter(|_| damaged.is_none());
            let moved = self.moved(conn, &entry, &state, events)?;
            known.push(Known { entry, own, damaged, checked_at, proven_at, on_this_history, left, moved, chunks });
        }
        Ok(known)
    }

    /// Chunks that were found damaged and are not written anew yet, and in what words: every
    /// snapshot that needs one is damaged, whichever it was found in.
    fn lost<'c>(&self, checks: &'c HashMap<(Kind, String), Check>) -> HashMap<Hash, &'c str> {
        let damaged = checks.values().filter_map(|check| Some((check.chunk?, check.damage.as_deref()?)));
        damaged.filter(|(chunk, _)| !self.chunks.has(*chunk)).collect()
    }

    /// What was found wrong with a snapshot and is not mended.
    pub(super) fn known_damage(&self, conn: &Connection, entry: &Entry) -> Result<Option<String>> {
        Ok(self.check_of(entry, &read_checks(conn)?).1)
    }

    /// When an entry was last found sound, or why it is damaged. A damage is over once the chunk
    /// that it names has been written anew.
    fn check_of(
        &self,
        entry: &Entry,
        checks: &HashMap<(Kind, String), Check>,
    ) -> (Option<OffsetDateTime>, Option<String>) {
        if let Content::Unreadable(reason) = &entry.content {
            return (None, Some(reason.clone()));
        }
        match checks.get(&(entry.kind, entry.id.to_string())) {
            Some(check) if Some(&check.manifest) == entry.fingerprint().as_ref() => {
                let mended = check.chunk.is_some_and(|chunk| self.chunks.has(chunk));
                match &check.damage {
                    Some(_) if mended => (None, None),
                    Some(damage) => (None, Some(damage.clone())),
                    None => (check.checked_at, None),
                }
            }
            _ => (None, None),
        }
    }

    fn chunks_of(&self, entry: &Entry) -> Result<Arc<Vec<Hash>>> {
        if entry.is_dump() {
            return Ok(Arc::default());
        }
        let hash = entry.manifest()?.hash;
        if let Some(known) = lock(&self.listing.chunks).get(&hash) {
            return Ok(Arc::clone(known));
        }
        let _shared = self.chunks.share()?;
        let mut chunks = retention::chunks_of(entry, &self.chunks)?;
        chunks.sort_unstable();
        chunks.dedup();
        let chunks = Arc::new(chunks);
        lock(&self.listing.chunks).insert(hash, Arc::clone(&chunks));
        Ok(chunks)
    }

    /// What took a snapshot off this history; none where its log is the beginning of today's.
    /// Remembered while the epoch stays.
    pub(super) fn left(&self, conn: &Connection, entry: &Entry, state: &State) -> Result<Option<Left>> {
        let manifest = entry.manifest()?;
        let key = (manifest.hash, state.epoch);
        let may_remember = state.stale_from.is_none();
        if let (true, Some(known)) = (may_remember, lock(&self.listing.history).get(&key)) {
            return Ok(known.clone());
        }
        let _shared = self.chunks.share()?;
        let log = Table::read(conn, LOG)?;
        let then = stored_table(&self.chunks, manifest, LOG)?;
        let here = log_image::is_beginning(conn, &log, &Part::whole(), &then.segments, manifest.last_event_id)?;
        let left = if here { None } else { Some(Left::find(conn, manifest, entry.is_own(&state.store))?) };
        if may_remember {
            let mut history = lock(&self.listing.history);
            history.retain(|(_, epoch), _| *epoch == state.epoch);
            history.insert(key, left.clone());
        }
        Ok(left)
    }
}

fn shown(known: &Known, keep: Keep, unique: &HashMap<Hash, u64>) -> Snapshot {
    let entry = &known.entry;
    let manifest = entry.chunks();
    let about = manifest.map(|manifest| &manifest.about);
    let of_dump = entry.own_dump().map(|own| own.means.as_str());
    let means = about.map(|about| about.means.as_str()).or(of_dump);
    let alone = known.manifest().and_then(|hash| unique.get(&hash)).copied().unwrap_or(0);
    Snapshot {
        snapshot_id: entry.id.clone(),
        kind: entry.kind,
        created_at: entry.captured_at(),
        file_size_bytes: entry.size,
        unique_bytes: entry.size + alone,
        last_event_id: entry.last_event_id().filter(|_| known.is_sound()),
        filename: format!("{}.json", entry.id),
        label: entry.label().map(str::to_owned),
        pinned: entry.is_pinned(),
        format: if entry.is_dump() { Format::Dump } else { Format::Chunks },
        on_this_history: known.on_this_history,
        left: known.left.clone(),
        events_after: known.moved.after.filter(|_| known.is_sound()),
        events_gone: known.moved.gone.filter(|_| known.is_sound()),
        proven_at: known.proven_at,
        damaged: known.damaged.clone(),
        checked_at: known.checked_at,
        own: known.own,
        automatic: means == Some(Means::Policy.as_str()),
        reason: about.and_then(|about| about.reason.clone()),
        sequence: entry.sequence(),
        position: about.map_or(entry.last_event_id().unwrap_or(0), |about| about.position),
        keep,
    }
}

/// The damage of the first chunk that is lost.
fn shared_loss(chunks: Option<&Vec<Hash>>, lost: &HashMap<Hash, &str>) -> Option<String> {
    if lost.is_empty() {
        return None;
    }
    chunks?.iter().find_map(|chunk| lost.get(chunk)).map(|damage| (*damage).to_owned())
}

/// When a rehearsed restore of this very file last passed.
fn proven_at(entry: &Entry, checks: &HashMap<(Kind, String), Check>) -> Option<OffsetDateTime> {
    let file = entry.fingerprint()?;
    let check = checks.get(&(entry.kind, entry.id.to_string()))?;
    check.proven_at.filter(|_| check.manifest == file)
}

fn read_checks(conn: &Connection) -> Result<HashMap<(Kind, String), Check>> {
    let mut statement = conn.prepare_cached(
        "SELECT kind, snapshot, manifest, checked_at, damage, chunk, proven_at FROM backstitch_checks",
    )?;
    let mut rows = statement.query([])?;
    let mut checks = HashMap::new();
    while let Some(row) = rows.next()? {
        let (kind, at): (String, String) = (row.get(0)?, row.get(3)?);
        let chunk: Option<String> = row.get(5)?;
        let check = Check {
            manifest: row.get(2)?,
            checked_at: clock::parse_rfc3339(&at),
            damage: row.get(4)?,
            chunk: chunk.and_then(|chunk| chunk.parse().ok()),
            proven_at: row.get::<_, Option<String>>(6)?.as_deref().and_then(clock::parse_rfc3339),
        };
        checks.insert((kind.parse()?, row.get(1)?), check);
    }
    Ok(checks)
}
