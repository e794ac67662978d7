//! Entities with what the policy makes of them, counted from the log.

use rusqlite::Connection;
use serde::Serialize;
use time::OffsetDateTime;

use super::find_type;
use super::hashes::Place;
use crate::clock;
use crate::domain::Domain;
use crate::engine::{Core, Engine, lock};
use crate::entity::table::{self, Mark};
use crate::entity::{self, EntityKey, SnapshotPolicy};
use crate::error::{Error, Result};
use crate::store::State;

/// An entity with what the policy makes of it.
#[derive(Debug, Clone, Serialize)]
pub struct EntityDue {
    /// Which entity.
    #[serde(flatten)]
    pub key: EntityKey,
    /// How many events belong to it.
    pub version: u64,
    /// The id of the last of them.
    pub sequence: i64,
    /// The version of its last snapshot on this history.
    pub snapshot_version: Option<u64>,
    /// When that was taken.
    #[serde(with = "time::serde::rfc3339::option")]
    pub snapshot_at: Option<OffsetDateTime>,
    /// Events since then, or since the first.
    pub events_since: u64,
    /// So many more events make one due.
    pub due_after_events: u64,
    /// One is due from this moment on, if it has changed.
    #[serde(with = "time::serde::rfc3339::option")]
    pub due_at: Option<OffsetDateTime>,
    /// Why none could be taken when it was due; tried again once the entity or the log changes.
    pub refused: Option<String>,
}

/// A type of entities.
#[derive(Debug, Clone, Serialize)]
pub struct EntityType {
    /// Its name in the domain.
    #[serde(rename = "type")]
    pub kind: String,
    /// How many there are; none where the domain's list fails.
    pub count: Option<u64>,
    /// Why it fails.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
}

/// The entities that have events, each with its last snapshot on this history.
pub(super) struct Judge<'a> {
    core: &'a Core,
    conn: &'a Connection,
    pub(super) state: State,
    logic: String,
}

impl<'a> Judge<'a> {
    pub(super) fn new(core: &'a Core, conn: &'a Connection, domain: &Domain) -> Result<Self> {
        let state = State::read(conn)?;
        state.check_logic(domain.logic)?;
        Ok(Self { core, conn, state, logic: domain.logic.to_string() })
    }

    /// The newest of an entity's snapshots that counts: on this history, and as far as is known sound.
    fn last<'m>(&self, marks: &'m [Mark]) -> Result<Option<&'m Mark>> {
        for mark in marks.iter().filter(|mark| mark.logic == self.logic) {
            if self.core.log_hashes.has(self.conn, &self.state, &Place::of_mark(mark))? && self.is_sound(mark)? {
                return Ok(Some(mark));
            }
        }
        Ok(None)
    }

    fn is_sound(&self, mark: &Mark) -> Result<bool> {
        let Some(entry) = table::find_entry(self.conn, mark.n)? else { return Ok(false) };
        Ok(self.core.sound.verdict(self.conn, entry)?.damaged.is_none())
    }

    /// An entity, counted from the log.
    fn due(&self, key: &EntityKey, marks: &[Mark]) -> Result<EntityDue> {
        let last = self.last(marks)?;
        let (version, sequence) = entity::version(self.conn, key, i64::MAX)?;
        let events_since = version.saturating_sub(last.map_or(0, |mark| mark.version));
        let policy = &self.core.entity_policy;
        let snapshot_at = last.and_then(|mark| mark.created_at);
        Ok(EntityDue {
            key: key.clone(),
            version,
            sequence,
            snapshot_version: last.map(|mark| mark.version),
            snapshot_at,
            events_since,
            due_after_events: policy.event_interval.saturating_sub(events_since),
            due_at: snapshot_at.and_then(|at| clock::after(at, policy.time_interval)).filter(|_| events_since > 0),
            refused: lock(&self.core.rounds).refusal(key, sequence),
        })
    }

    /// Whether one is due, by as few rows as tell it.
    pub(super) fn is_due(&self, key: &EntityKey, marks: &[Mark], now: OffsetDateTime) -> Result<Judged> {
        let last = self.last(marks)?;
        let SnapshotPolicy { event_interval, .. } = self.core.entity_policy;
        let sql = "SELECT count(*), (SELECT max(event_id) FROM entity_events WHERE type = ?1 AND id = ?2) FROM (
                     SELECT 1 FROM entity_events WHERE type = ?1 AND id = ?2 AND event_id > ?3 LIMIT ?4)";
        let limit = i64::try_from(event_interval).unwrap_or(i64::MAX);
        let after = last.map_or(0, |mark| mark.sequence);
        let (since, sequence): (i64, i64) = self
            .conn
            .prepare_cached(sql)?
            .query_row((&key.kind, &key.id, after, limit), |row| Ok((row.get(0)?, row.get(1)?)))?;
        let mut policy = SnapshotPolicy::new(event_interval, self.core.entity_policy.time_interval);
        if let Some(at) = last.and_then(|mark| mark.created_at) {
            policy.record_snapshot(key, at);
        }
        policy.record_events(key, since.unsigned_abs());
        Ok(Judged {
            due: policy.should_snapshot(key, policy.events_since(key), now),
            at: policy.due_at(key).filter(|_| since > 0),
            sequence,
        })
    }
}

pub(super) struct Judged {
    pub(super) due: bool,
    /// When it is, if it is not yet.
    pub(super) at: Option<OffsetDateTime>,
    /// The last event that belongs to it.
    pub(super) sequence: i64,
}

/// The ids of a type's entities as a common table: those that the domain lists, and those of which
/// there are only snapshots, imported ones or of before a rewind; `kind` is the type's parameter.
fn there(list: &str, kind: &str) -> String {
    format!(
        "WITH listed (id) AS ({list}\n), there (id) AS (
           SELECT CAST(id AS TEXT) FROM listed
           UNION SELECT entity_id FROM entity_snapshots WHERE entity_type = {kind})"
    )
}

impl Engine {
    /// The entities of a type that there are now, and those of which there are snapshots, in the order
    /// of their ids, with version and when their next snapshot is due: at most so many after an id, and only those whose id has a text
    /// in it, capitals aside.
    ///
    /// # Errors
    ///
    /// Not found for a type that the domain does not have.
    pub fn entities(&self, kind: &str, q: Option<&str>, after: Option<&str>, limit: usize) -> Result<Vec<EntityDue>> {
        let domain = self.domain();
        let entity = find_type(&domain, kind)?;
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        let sql = format!(
            "{} SELECT id FROM there WHERE (?1 IS NULL OR id > ?1) AND (?2 IS NULL OR instr(lower(id), lower(?2)) > 0)
             ORDER BY id LIMIT ?3",
            there(&entity.list, "?4")
        );
        self.readers.read(|conn| {
            let judge = Judge::new(&self.core, conn, &domain)?;
            let failed = |error: rusqlite::Error| {
                Error::unprocessable(format!("the domain's list of {kind} fails: {error}.")).because(error)
            };
            let mut select = conn.prepare(&sql).map_err(failed)?;
            let ids = select.query_map((after, q, limit, kind), |row| row.get::<_, String>(0)).map_err(failed)?;
            let ids: Vec<String> = ids.collect::<rusqlite::Result<_>>().map_err(failed)?;
            let mut found = Vec::with_capacity(ids.len());
            for id in ids {
                let key = EntityKey::new(kind, id);
                found.push(judge.due(&key, &table::marks(conn, Some(&key))?)?);
            }
            Ok(found)
        })
    }

    /// The types of entities of the domain, each with how many there are now. A list that fails says so
    /// of its own type alone.
    ///
    /// # Errors
    ///
    /// Where the store cannot be read.
    pub fn entity_types(&self) -> Result<Vec<EntityType>> {
        let domain = self.domain();
        self.readers.read(|conn| {
            let counted = domain.entities.iter().map(|entity| {
                let sql = format!("{} SELECT count(*) FROM there", there(&entity.list, "?1"));
                let found = conn.query_row(&sql, [&entity.kind], |row| row.get::<_, i64>(0));
                let (count, error) = match found {
                    Ok(count) => (Some(count.unsigned_abs()), None),
                    Err(error) => (None, Some(format!("the domain's list of {} fails: {error}", entity.kind))),
                };
                EntityType { kind: entity.kind.clone(), count, error }
            });
            Ok(counted.collect())
        })
    }
}
