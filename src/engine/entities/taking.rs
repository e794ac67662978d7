//! Taking snapshots of entities, reading them, and exchanging them with the original service.

use rusqlite::Connection;
use serde::Serialize;

use super::hashes::Place;
use super::{Asked, EntityState, find_type};
use crate::domain::{Domain, Replay};
use crate::engine::{Core, Engine, lock};
use crate::entity::exchange::check_size;
use crate::entity::snapshot::state_hash;
use crate::entity::table::Entry;
use crate::entity::{self, EntityKey, EntitySnapshot, Import, Origin, table};
use crate::error::{Error, ErrorKind, Result};
use crate::snapshot::log_image;
use crate::store::State;

/// How often a snapshot is read anew because the store was changed meanwhile.
const TRIES: usize = 5;

/// A snapshot that is made but not in the table yet, and the store that it was made of.
pub(super) struct Made {
    pub(super) snapshot: EntitySnapshot,
    pub(super) seen: State,
}

impl Core {
    /// Makes a snapshot of an entity where the tables stand.
    pub(super) fn make_entity_snapshot(&self, conn: &Connection, domain: &Domain, key: &EntityKey) -> Result<Made> {
        let asked = Asked::new(self, conn, domain, key)?;
        let (version, sequence, state) = match asked.entity.replay {
            Replay::Own => {
                let (version, sequence) = asked.latest()?;
                (version, sequence, if version > 0 { asked.state_to_keep(sequence)? } else { None })
            }
            Replay::Full => {
                let moment = self.moment(conn, self.shelf(domain), asked.state.position)?;
                let found = asked.answer_from(lock(&moment).scratch())?;
                (found.version, found.sequence, found.state)
            }
        };
        if version == 0 {
            return Err(Error::not_found(format!("there is no {key}")));
        }
        let gone = || Error::unprocessable(format!("{key} has no state any more, so there is nothing to keep."));
        let state = state.ok_or_else(gone)?;
        check_size(key, &state)?;
        let log_hash = self.log_hashes.of(conn, &asked.state, sequence)?.to_string();
        let snapshot = EntitySnapshot {
            entity_type: key.kind.clone(),
            entity_id: key.id.clone(),
            workflow_id: entity::workflow(conn, asked.entity, &key.id)?,
            version,
            sequence,
            state_hash: state_hash(&state).map_err(|source| Error::internal("a state is not JSON").because(source))?,
            state,
            created_at: self.clock.now(),
            log_hash,
            logic: domain.logic.to_string(),
            origin: Origin::Own,
        };
        Ok(Made { snapshot, seen: asked.state })
    }

    /// Keeps what was made, and lets the oldest go. Answers how many are new; none where the store was
    /// changed meanwhile, so that they are not of this log any more.
    pub(super) fn keep_entity_snapshots(&self, conn: &Connection, made: &[Made]) -> Result<Option<usize>> {
        let now = State::read(conn)?;
        if made.iter().any(|made| made.seen.epoch != now.epoch || made.seen.logic != now.logic)
            || now.stale_from.is_some()
        {
            return Ok(None);
        }
        let mut new = 0;
        for Made { snapshot, seen } in made {
            new += usize::from(table::keep(conn, snapshot)?);
            table::prune(conn, &snapshot.key(), self.keep_entity_snapshots)?;
            log_image::remember(conn, &self.log_hashes.take_fresh(seen.epoch), seen)?;
        }
        Ok(Some(new))
    }
}

/// A snapshot of an entity that was read, and what it is worth today.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct EntityRead {
    /// The snapshot, or what the log gives in its form.
    #[serde(flatten)]
    pub snapshot: EntitySnapshot,
    /// Whether the log answered, and no snapshot.
    pub replayed: bool,
    /// Whether the log up to its sequence is still what it was; none for an imported one.
    pub on_this_history: Option<bool>,
    /// Whether today's domain gave its state; none for an imported one.
    pub of_this_logic: Option<bool>,
}

impl EntityRead {
    /// One that was made of the store as it is.
    pub fn of_today(snapshot: EntitySnapshot, replayed: bool) -> Self {
        Self { snapshot, replayed, on_this_history: Some(true), of_this_logic: Some(true) }
    }
}

impl Engine {
    /// Takes a snapshot of an entity now. Answers it, and whether it is new: at a version that has
    /// one already there is nothing to take.
    ///
    /// Counterpart of the original's `SnapshotStore.save_snapshot`.
    ///
    /// # Errors
    ///
    /// Not found for an unknown type or id; unprocessable where its state is none or over 8 MiB.
    ///
    /// # Example
    ///
    /// ```
    /// # use backstitch::{engine::{Engine, Options}, entity::EntityKey, log::NewEvent};
    /// # fn main() -> backstitch::error::Result<()> {
    /// # let folder = tempfile::tempdir()?;
    /// # let store = Engine::open(Options::new(folder.path()))?;
    /// store.append(vec![NewEvent::new("bot_created", r#"{"bot_id": "ada", "name": "Ada", "persona": "Counts."}"#)?])?;
    /// let (taken, new) = store.save_entity_snapshot(&EntityKey::new("bot", "ada"))?;
    /// assert!(new && taken.version == 1 && taken.sequence == 1);
    /// # Ok(())
    /// # }
    /// ```
    pub fn save_entity_snapshot(&self, key: &EntityKey) -> Result<(EntitySnapshot, bool)> {
        let domain = self.domain();
        self.catch_up_if_behind()?;
        for _ in 0..TRIES {
            let made = self.readers.read(|conn| {
                let made = self.core.make_entity_snapshot(conn, &domain, key)?;
                Ok((self.core.there_already(conn, &made.snapshot)?, made))
            })?;
            if let (Some(there), _) = made {
                return Ok((there, false));
            }
            let snapshot = made.1.snapshot.clone();
            if let Some(new) = self.transact(move |core, conn| core.keep_entity_snapshots(conn, &[made.1]))? {
                return Ok((snapshot, new > 0));
            }
        }
        Err(Error::busy())
    }

    /// The newest sound snapshot of an entity that is on this history; none where there is none.
    ///
    /// Counterpart of the original's `SnapshotStore.get_latest_snapshot`.
    ///
    /// # Errors
    ///
    /// Not found for an unknown type.
    ///
    /// # Example
    ///
    /// ```
    /// # use backstitch::{engine::{Engine, Options}, entity::EntityKey, log::NewEvent};
    /// # fn main() -> backstitch::error::Result<()> {
    /// # let folder = tempfile::tempdir()?;
    /// # let store = Engine::open(Options::new(folder.path()))?;
    /// # store.append(vec![NewEvent::new("bot_created", r#"{"bot_id": "ada", "name": "Ada", "persona": "Counts."}"#)?])?;
    /// let ada = EntityKey::new("bot", "ada");
    /// assert_eq!(store.latest_entity_snapshot(&ada)?, None);
    /// let (taken, _) = store.save_entity_snapshot(&ada)?;
    /// assert_eq!(store.latest_entity_snapshot(&ada)?, Some(taken));
    /// # Ok(())
    /// # }
    /// ```
    pub fn latest_entity_snapshot(&self, key: &EntityKey) -> Result<Option<EntitySnapshot>> {
        let domain = self.domain();
        self.readers.read(|conn| Asked::new(&self.core, conn, &domain, key)?.base(i64::MAX))
    }

    /// Takes a snapshot of the entity that a workflow is: the one whose own id is the workflow's.
    ///
    /// Counterpart of the original's `SnapshotStore.create_workflow_snapshot`; the state is the log's.
    ///
    /// # Errors
    ///
    /// Not found where no type of entity has it; as [`Engine::save_entity_snapshot`].
    ///
    /// # Example
    ///
    /// ```
    /// # use backstitch::{engine::{Engine, Options}, log::NewEvent};
    /// # fn main() -> backstitch::error::Result<()> {
    /// # let folder = tempfile::tempdir()?;
    /// # let store = Engine::open(Options::new(folder.path()))?;
    /// store.append(vec![
    ///     NewEvent::new("bot_created", r#"{"bot_id": "ada", "name": "Ada", "persona": "Counts."}"#)?,
    ///     NewEvent::new("chat_created", r#"{"chat_id": "tea", "title": "Tea", "host_bot_id": "ada"}"#)?,
    /// ])?;
    /// let (taken, _) = store.create_workflow_snapshot("tea")?;
    /// assert_eq!((taken.entity_type.as_str(), taken.workflow_id.as_str()), ("chat", "tea"));
    /// # Ok(())
    /// # }
    /// ```
    pub fn create_workflow_snapshot(&self, workflow: &str) -> Result<(EntitySnapshot, bool)> {
        let domain = self.domain();
        let kind = self.readers.read(|conn| {
            for entity in &domain.entities {
                if entity::workflow(conn, entity, workflow)? == workflow && !workflow.is_empty() {
                    return Ok(Some(entity.kind.clone()));
                }
            }
            Ok(None)
        })?;
        let kind = kind.ok_or_else(|| Error::not_found(format!("no entity is the workflow {workflow:?}")))?;
        self.save_entity_snapshot(&EntityKey::new(kind, workflow))
    }

    /// A snapshot of an entity at a version, its hashes checked: one on this history before others,
    /// and the newest of several. Where it is damaged, not of this history, of another domain, or not
    /// there, and `replay` says so, the log answers in its form.
    ///
    /// # Errors
    ///
    /// Not found; damaged, naming both hashes; conflict for one that another domain gave.
    pub fn entity_snapshot(&self, key: &EntityKey, version: u64, replay: bool) -> Result<EntityRead> {
        let domain = self.domain();
        let found = self.readers.read(|conn| Asked::new(&self.core, conn, &domain, key)?.read(version));
        let gives_way = match &found {
            Ok(read) => read.on_this_history == Some(false) || read.of_this_logic == Some(false),
            Err(error) => matches!(error.kind(), ErrorKind::Damaged | ErrorKind::NotFound),
        };
        if replay && gives_way {
            return self.replayed_snapshot(key, version).map(|snapshot| EntityRead::of_today(snapshot, true));
        }
        match found {
            Ok(EntityRead { of_this_logic: Some(false), .. }) => {
                let words = format!("another domain gave the snapshot of {key} at version {version}.");
                Err(Error::conflict(words).hint("The log gives the state as today's does: ask with fallback=replay."))
            }
            found => found,
        }
    }

    /// The state at a version from its first event on; no snapshot is read for it.
    fn replayed(&self, key: &EntityKey, version: u64) -> Result<EntityState> {
        let domain = self.domain();
        let (sequence, own) = self.readers.read(|conn| {
            let asked = Asked::new(&self.core, conn, &domain, key)?;
            let sequence = asked.event_of(version)?;
            let own = match asked.entity.replay {
                Replay::Own => {
                    let state = self.core.replayer.state_at(conn, &asked.wanted(sequence), None)?;
                    Some(asked.answer(asked.latest()?.0, version, sequence, state)?)
                }
                Replay::Full => None,
            };
            Ok((sequence, own))
        })?;
        own.map_or_else(|| self.entity_of_today(key, sequence, false), Ok)
    }

    /// What the log gives, in the form of a snapshot.
    fn replayed_snapshot(&self, key: &EntityKey, version: u64) -> Result<EntitySnapshot> {
        let domain = self.domain();
        let at = self.replayed(key, version)?;
        let gone = || Error::not_found(format!("{key} has no state at version {version}"));
        let state = at.state.ok_or_else(gone)?;
        self.readers.read(|conn| {
            let asked = Asked::new(&self.core, conn, &domain, key)?;
            let log_hash = self.core.log_hashes.of(conn, &asked.state, at.sequence)?.to_string();
            Ok(EntitySnapshot {
                entity_type: key.kind.clone(),
                entity_id: key.id.clone(),
                workflow_id: at.workflow_id.clone(),
                version: at.version,
                sequence: at.sequence,
                state_hash: state_hash(&state)
                    .map_err(|source| Error::internal("a state is not JSON").because(source))?,
                state,
                created_at: self.now(),
                log_hash,
                logic: domain.logic.to_string(),
                origin: Origin::Own,
            })
        })
    }

    /// Imports a snapshot in the original's form. It is marked, and nothing is ever replayed from
    /// it.
    ///
    /// # Errors
    ///
    /// As [`Import::from_dict`]; not found for a type that the domain does not have; conflict where
    /// this store has a snapshot of its own of that version.
    pub fn import_entity_snapshot(&self, text: &str) -> Result<EntitySnapshot> {
        let Import(snapshot) = Import::from_dict(text, self.now())?;
        find_type(&self.domain(), &snapshot.entity_type)?;
        let kept = snapshot.clone();
        self.transact(move |_, conn| table::put_imported(conn, &kept))?;
        Ok(snapshot)
    }
}

impl Asked<'_> {
    /// A snapshot of a version.
    fn read(&self, version: u64) -> Result<EntityRead> {
        let logic = self.domain.logic.to_string();
        let mut best: Option<(bool, Entry)> = None;
        for one in table::entries(self.conn, self.key)?.into_iter().filter(|one| one.said().version == version) {
            let is_on = one.said().origin == Origin::Own
                && self.core.log_hashes.has(self.conn, &self.state, &Place::of(self.key, one.said()))?;
            if best.as_ref().is_none_or(|(best, _)| is_on && !best) {
                best = Some((is_on, one));
            }
        }
        let missing = || Error::not_found(format!("there is no snapshot of {} at version {version}", self.key));
        let (is_on, entry) = best.ok_or_else(missing)?;
        let snapshot = self.core.sound.checked(entry.read(self.conn)?.ok_or_else(missing)?)?;
        let own = snapshot.origin == Origin::Own;
        Ok(EntityRead {
            replayed: false,
            on_this_history: own.then_some(is_on),
            of_this_logic: own.then(|| snapshot.logic == logic),
            snapshot,
        })
    }
}

impl Core {
    /// The sound snapshot of the very same version, sequence and log.
    fn there_already(&self, conn: &Connection, made: &EntitySnapshot) -> Result<Option<EntitySnapshot>> {
        let same = |one: &EntitySnapshot| {
            (one.version, one.sequence, &one.log_hash, &one.logic)
                == (made.version, made.sequence, &made.log_hash, &made.logic)
        };
        let found = table::entries(conn, &made.key())?.into_iter().find(|one| same(one.said()));
        let stored = found.map_or(Ok(None), |entry| entry.read(conn))?;
        Ok(stored.and_then(|stored| self.sound.checked(stored).ok()))
    }
}
