//! Entities at any of their versions, what two versions differ in, and snapshots of them.

mod hashes;
mod pace;
mod policy;
mod sound;
mod taking;

use rusqlite::Connection;
use serde::{Serialize, Serializer};
use serde_json::value::RawValue;

pub(super) use self::hashes::LogHashes;
use self::hashes::Place;
pub use self::policy::EntityDue;
pub(super) use self::policy::Rounds;
pub(super) use self::sound::Sound;
use self::sound::Verdict;
pub use self::taking::EntityRead;
use super::{Core, Engine};
use crate::domain::{Domain, Entity, Replay};
use crate::entity::replay::Wanted;
use crate::entity::{self, EntityKey, EntitySnapshot, Origin, table};
use crate::error::{Error, Result};
use crate::json::{self, Difference};
use crate::log;
use crate::scratch::Scratch;
use crate::snapshot::log_image::Part;
use crate::store::State;

/// Which state of an entity is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EntityAt {
    /// That of the tables, where they stand.
    Now,
    /// That after so many of its events.
    Version(u64),
    /// That as of an event of the log, whomever it belongs to.
    Event(i64),
}

/// An entity at one of its versions.
#[derive(Debug, Clone, Serialize)]
pub struct EntityState {
    /// Which entity.
    #[serde(flatten)]
    pub key: EntityKey,
    /// How many events belong to it.
    pub version: u64,
    /// The id of the last of them; 0 where there is none.
    pub sequence: i64,
    /// The text of a JSON object; none where there is no such entity then.
    #[serde(serialize_with = "raw")]
    pub state: Option<String>,
    /// Its newest version.
    pub latest: u64,
    /// The workflow that it belongs to today; empty where it belongs to none.
    pub workflow_id: String,
    /// Its snapshots, newest first.
    pub snapshots: Vec<EntitySnapshotLine>,
}

/// A snapshot of an entity without its state.
#[derive(Debug, Clone, Serialize)]
pub struct EntitySnapshotLine {
    /// Its version.
    pub version: u64,
    /// Its sequence.
    pub sequence: i64,
    /// When it was taken.
    #[serde(with = "time::serde::rfc3339")]
    pub created_at: time::OffsetDateTime,
    /// The hash of its state.
    pub state_hash: String,
    /// Where it comes from.
    pub origin: Origin,
    /// Whether the log up to its sequence is still what it was; none for an imported one.
    pub on_this_history: Option<bool>,
    /// Whether today's domain gave its state; none for an imported one.
    pub of_this_logic: Option<bool>,
    /// Why it cannot be relied on; none where nothing wrong was found.
    pub damaged: Option<String>,
    /// Whether its state was compared with its hash: a list does so with short ones, a long one is
    /// checked when it is read.
    pub checked: bool,
}

/// What two states of an entity differ in.
#[derive(Debug, Clone, Serialize)]
pub struct EntityDifference {
    /// Which entity.
    #[serde(flatten)]
    pub key: EntityKey,
    /// The version that is compared.
    pub version: u64,
    /// The version that it is compared with.
    pub with: u64,
    /// What differs, by path.
    pub differences: Vec<PathChange>,
}

/// One difference of two states.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PathChange {
    /// Where: `$.edges_out[target_id="ophelia"].trust`.
    pub path: String,
    /// `added`, `removed`, `changed` or `reordered`, from the one version to the other.
    pub change: &'static str,
    /// The value in the one version, as JSON.
    #[serde(serialize_with = "raw", skip_serializing_if = "Option::is_none")]
    pub before: Option<String>,
    /// The value in the other.
    #[serde(serialize_with = "raw", skip_serializing_if = "Option::is_none")]
    pub after: Option<String>,
}

impl From<Difference<'_>> for PathChange {
    fn from(found: Difference<'_>) -> Self {
        let change = found.change().as_str();
        let text = |value: Option<&json::Value<'_>>| value.map(ToString::to_string);
        Self { before: text(found.before), after: text(found.after), path: found.path, change }
    }
}

fn raw<S: Serializer>(json: &Option<String>, serializer: S) -> Result<S::Ok, S::Error> {
    let raw = json.clone().map(RawValue::from_string).transpose();
    raw.map_err(serde::ser::Error::custom)?.serialize(serializer)
}

/// An entity in one reading of the store.
struct Asked<'a> {
    core: &'a Core,
    conn: &'a Connection,
    domain: &'a Domain,
    entity: &'a Entity,
    key: &'a EntityKey,
    state: State,
    /// Whether the answer lists its snapshots.
    listed: bool,
}

impl<'a> Asked<'a> {
    fn new(core: &'a Core, conn: &'a Connection, domain: &'a Domain, key: &'a EntityKey) -> Result<Self> {
        let state = State::read(conn)?;
        state.check_logic(domain.logic)?;
        Ok(Self { core, conn, domain, entity: find_type(domain, &key.kind)?, key, state, listed: false })
    }

    /// Version and sequence where the tables stand.
    fn latest(&self) -> Result<(u64, i64)> {
        entity::version(self.conn, self.key, i64::MAX)
    }

    /// The event of a version that there is.
    fn event_of(&self, version: u64) -> Result<i64> {
        if version == 0 {
            return Ok(0);
        }
        entity::event_of(self.conn, self.key, version)?.ok_or_else(|| {
            let latest = self.latest().map_or(0, |(latest, _)| latest);
            Error::not_found(format!("{} has no version {version}: its newest is {latest}", self.key))
        })
    }

    /// The state after its events up to one of them, as far as they are live today.
    fn state_at(&self, sequence: i64) -> Result<Option<String>> {
        let from = self.base(sequence)?;
        self.core.replayer.state_at(self.conn, &self.wanted(sequence), from)
    }

    fn wanted(&self, up_to: i64) -> Wanted<'_> {
        Wanted { domain: self.domain, entity: self.entity, key: self.key, up_to }
    }

    /// The state where the tables stand, as the log gives it. Where they follow the log and show
    /// another one, a load has not put back all that later events need: it is not used any more.
    fn state_to_keep(&self, sequence: i64) -> Result<Option<String>> {
        let made = self.state_at(sequence)?;
        if !self.state.is_settled(log::head(self.conn)?) || made == entity::state(self.conn, self.entity, &self.key.id)?
        {
            return Ok(made);
        }
        let from_the_first = self.core.replayer.state_at(self.conn, &self.wanted(sequence), None)?;
        if from_the_first != made {
            self.core.replayer.doubt_load(self.domain, self.entity);
        }
        Ok(from_the_first)
    }

    /// The newest sound snapshot at or before an event that its log still leads to.
    fn base(&self, sequence: i64) -> Result<Option<EntitySnapshot>> {
        let logic = self.domain.logic.to_string();
        let marks = table::marks(self.conn, Some(self.key))?;
        for mark in marks.iter().filter(|mark| mark.sequence <= sequence && mark.logic == logic) {
            if !self.core.log_hashes.has(self.conn, &self.state, &Place::of_mark(mark))? {
                continue;
            }
            match table::of_mark(self.conn, mark)?.map(|stored| self.core.sound.checked(stored)) {
                Some(Ok(snapshot)) => return Ok(Some(snapshot)),
                Some(Err(error)) => tracing::warn!(%error, "passed over for an older one"),
                None => {}
            }
        }
        Ok(None)
    }

    fn lines(&self) -> Result<Vec<EntitySnapshotLine>> {
        let logic = self.domain.logic.to_string();
        let line = |entry: table::Entry| {
            let said = entry.said().clone();
            let own = said.origin == Origin::Own;
            let on_this_history = match own {
                true => Some(self.core.log_hashes.has(self.conn, &self.state, &Place::of(self.key, &said))?),
                false => None,
            };
            let Verdict { damaged, checked } = self.core.sound.verdict(self.conn, entry)?;
            Ok(EntitySnapshotLine {
                version: said.version,
                sequence: said.sequence,
                created_at: said.created_at,
                state_hash: said.state_hash,
                origin: said.origin,
                on_this_history,
                of_this_logic: own.then(|| said.logic == logic),
                damaged,
                checked,
            })
        };
        table::entries(self.conn, self.key)?.into_iter().map(line).collect()
    }

    /// The answer that tables aside give.
    fn answer_from(&self, aside: &Scratch) -> Result<EntityState> {
        let (version, sequence) = entity::version(aside.conn(), self.key, i64::MAX)?;
        self.answer(self.latest()?.0, version, sequence, entity::state(aside.conn(), self.entity, &self.key.id)?)
    }

    fn answer(&self, latest: u64, version: u64, sequence: i64, state: Option<String>) -> Result<EntityState> {
        Ok(EntityState {
            key: self.key.clone(),
            version,
            sequence,
            state,
            latest,
            workflow_id: entity::workflow(self.conn, self.entity, &self.key.id)?,
            snapshots: if self.listed { self.lines()? } else { Vec::new() },
        })
    }
}

impl Engine {
    /// An entity with its state and its snapshots: now, at a version, or as of an event.
    ///
    /// # Errors
    ///
    /// Not found for a type that the domain does not have, an id that nothing is known of, and a
    /// version beyond the last; unprocessable where the domain's query fails.
    ///
    /// # Example
    ///
    /// ```
    /// # use backstitch::{engine::{Engine, EntityAt, Options}, entity::EntityKey, log::NewEvent};
    /// # fn main() -> backstitch::error::Result<()> {
    /// # let folder = tempfile::tempdir()?;
    /// # let store = Engine::open(Options::new(folder.path()))?;
    /// store.append(vec![
    ///     NewEvent::new("bot_created", r#"{"bot_id": "ada", "name": "Ada", "persona": "Counts."}"#)?,
    ///     NewEvent::new("edge_update", r#"{"source_id": "ada", "target_id": "you", "affinity_delta": 2, "trust_delta": 1, "reason": "Tea."}"#)?,
    /// ])?;
    /// let ada = EntityKey::new("bot", "ada");
    /// assert_eq!(store.entity(&ada, EntityAt::Now)?.version, 2);
    /// assert!(store.entity(&ada, EntityAt::Version(1))?.state.unwrap().contains(r#""edges_out":[]"#));
    /// # Ok(())
    /// # }
    /// ```
    pub fn entity(&self, key: &EntityKey, at: EntityAt) -> Result<EntityState> {
        self.entity_told(key, at, true)
    }

    /// The same; without its snapshots, if need be.
    fn entity_told(&self, key: &EntityKey, at: EntityAt, listed: bool) -> Result<EntityState> {
        let domain = self.domain();
        let known = self.readers.read(|conn| {
            let asked = Asked { listed, ..Asked::new(&self.core, conn, &domain, key)? };
            let (latest, sequence) = asked.latest()?;
            let live = || entity::state(conn, asked.entity, &key.id);
            if latest == 0 && !table::has_any(conn, key)? && live()?.is_none() {
                return Err(Error::not_found(format!("there is no {key}")));
            }
            match at {
                EntityAt::Now => asked.answer(latest, latest, sequence, live()?).map(Some),
                EntityAt::Version(version) if version == latest => {
                    asked.answer(latest, latest, sequence, live()?).map(Some)
                }
                EntityAt::Version(version) if asked.entity.replay == Replay::Own => {
                    let sequence = asked.event_of(version)?;
                    asked.answer(latest, version, sequence, asked.state_at(sequence)?).map(Some)
                }
                EntityAt::Event(event) => asked.as_of(latest, event),
                EntityAt::Version(version) => asked.event_of(version).map(|_| None),
            }
        })?;
        match known {
            Some(known) => Ok(known),
            None => self.entity_in_moment(key, at, listed),
        }
    }

    /// The entity in the tables as of an event, all of them made aside.
    fn entity_in_moment(&self, key: &EntityKey, at: EntityAt, listed: bool) -> Result<EntityState> {
        let domain = self.domain();
        let event = match at {
            EntityAt::Event(event) => event,
            EntityAt::Version(version) => {
                self.readers.read(|conn| Asked::new(&self.core, conn, &domain, key)?.event_of(version))?
            }
            EntityAt::Now => i64::MAX,
        };
        if matches!(at, EntityAt::Version(_)) {
            return self.entity_of_today(key, event, listed);
        }
        self.at_moment(event, super::tables::check_moment, |conn, _, moment| {
            let asked = Asked { listed, ..Asked::new(&self.core, conn, &domain, key)? };
            asked.answer_from(moment.scratch())
        })
    }

    /// The entity in tables that today's log gives up to an event: what a later event superseded is
    /// no version today, though it was live as of that event.
    fn entity_of_today(&self, key: &EntityKey, event: i64, listed: bool) -> Result<EntityState> {
        let domain = self.domain();
        let as_then = self.readers.read(|conn| Ok(Part::as_of(conn, event)?.revived().is_empty()))?;
        if as_then {
            return self.entity_in_moment(key, EntityAt::Event(event), listed);
        }
        self.readers.read(|conn| {
            let asked = Asked { listed, ..Asked::new(&self.core, conn, &domain, key)? };
            let scratch = Scratch::new(&self.core.data_dir, &domain)?;
            scratch.build_needed_indexes(&domain)?;
            scratch.together(|| {
                scratch.copy_log(conn, &Part::whole().up_to(event), 0)?;
                scratch.apply(&domain, 0, event, &self.core.progress).map(|_| ())
            })?;
            asked.answer_from(&scratch)
        })
    }

    /// What an entity at one version differs in from itself at another.
    ///
    /// # Errors
    ///
    /// As [`Engine::entity`].
    pub fn entity_difference(&self, key: &EntityKey, version: u64, with: u64) -> Result<EntityDifference> {
        let state = |version| self.entity_told(key, EntityAt::Version(version), false).map(|found| found.state);
        let differences = difference(state(version)?.as_deref(), state(with)?.as_deref())?;
        Ok(EntityDifference { key: key.clone(), version, with, differences })
    }
}

impl Asked<'_> {
    /// As of an event, where its own events tell: the tables have come that far, and nothing that
    /// is superseded today was live then.
    fn as_of(&self, latest: u64, event: i64) -> Result<Option<EntityState>> {
        super::tables::check_moment(self.conn, event)?;
        let tells = self.entity.replay == Replay::Own
            && event <= self.state.position
            && self.state.stale_from.is_none()
            && Part::as_of(self.conn, event)?.revived().is_empty();
        if !tells {
            return Ok(None);
        }
        let (version, sequence) = entity::version(self.conn, self.key, event)?;
        self.answer(latest, version, sequence, self.state_at(sequence)?).map(Some)
    }
}

/// How two states differ; none is as good as an object without members.
fn difference(before: Option<&str>, after: Option<&str>) -> Result<Vec<PathChange>> {
    let broken = |source| Error::internal("a state is not JSON").because(source);
    let before = json::parse(before.unwrap_or("{}")).map_err(broken)?;
    let after = json::parse(after.unwrap_or("{}")).map_err(broken)?;
    Ok(json::diff(&before, &after).into_iter().map(PathChange::from).collect())
}

fn find_type<'d>(domain: &'d Domain, kind: &str) -> Result<&'d Entity> {
    domain.entity(kind).ok_or_else(|| {
        let known: Vec<&str> = domain.entities.iter().map(|entity| entity.kind.as_str()).collect();
        let error = Error::not_found(format!("the domain has no type of entity {kind:?}."));
        match known.as_slice() {
            [] => error.hint("It has none at all; domain.toml says how one is defined."),
            known => error.hint(format!("It has {}.", known.join(", "))),
        }
    })
}
