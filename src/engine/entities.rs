//! Entities at any of their versions, what two versions differ in, and snapshots of them.

mod asked;
mod due;
mod hashes;
mod pace;
mod policy;
mod sound;
mod taking;

use serde::{Serialize, Serializer};
use serde_json::value::RawValue;

use self::asked::Asked;
pub use self::due::{EntityDue, EntityType};
pub(super) use self::hashes::LogHashes;
pub(super) use self::policy::Rounds;
pub(super) use self::sound::Sound;
pub use self::taking::EntityRead;
use super::Engine;
use crate::domain::{Domain, Entity, Replay};
use crate::entity::{self, EntityKey, Origin, table};
use crate::error::{Error, Result};
use crate::json::{self, Difference};
use crate::scratch::Scratch;
use crate::snapshot::log_image::Part;

/// Which state of an entity is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EntityAt {
    /// That of the tables, where they stand.
    Now,
    /// That after so many of its events, as the log gives it.
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
        self.entity_difference_from(&self.entity_told(key, EntityAt::Version(version), false)?, with)
    }

    /// What a state that was asked for differs in from the entity at one of its versions.
    ///
    /// # Errors
    ///
    /// As [`Engine::entity`].
    pub fn entity_difference_from(&self, found: &EntityState, with: u64) -> Result<EntityDifference> {
        let (key, version) = (found.key.clone(), found.version);
        let other = self.entity_told(&key, EntityAt::Version(with), false)?.state;
        let differences = difference(found.state.as_deref(), other.as_deref())?;
        Ok(EntityDifference { key, version, with, differences })
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
