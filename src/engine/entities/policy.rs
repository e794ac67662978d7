//! Following the policy of entity snapshots in the background, and listing entities with what it
//! makes of them.

use std::collections::{BTreeSet, HashSet};
use std::time::{Duration, Instant};

use rusqlite::{Connection, OptionalExtension};
use serde::Serialize;
use time::OffsetDateTime;

use super::find_type;
use super::hashes::Place;
use super::pace::{Pace, is_up};
use super::taking::Made;
use crate::clock;
use crate::domain::Domain;
use crate::engine::{Core, Engine, lock};
use crate::entity::table::{self, Mark};
use crate::entity::{self, EntityKey, SnapshotPolicy};
use crate::error::{Error, ErrorKind, Result};
use crate::log;
use crate::store::State;

/// One round reads the log and takes snapshots for so long at most, since other work waits behind it.
const ROUND: Duration = Duration::from_millis(100);

/// One round takes so many at most.
const AT_ONCE: usize = 200;

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
}

/// What the background work knows between two rounds.
#[derive(Debug, Default)]
pub(in crate::engine) struct Rounds {
    /// Epoch and position that were looked through to the end.
    seen: Option<(u64, i64)>,
    /// When one is due by time next.
    due_at: Option<OffsetDateTime>,
    pace: Pace,
    /// Entities of which none could be taken, with their sequences: not tried again until they change.
    failed: HashSet<(EntityKey, i64)>,
}

/// The entities that have events, each with its last snapshot on this history.
struct Judge<'a> {
    core: &'a Core,
    conn: &'a Connection,
    state: State,
    logic: String,
}

impl<'a> Judge<'a> {
    fn new(core: &'a Core, conn: &'a Connection, domain: &Domain) -> Result<Self> {
        let state = State::read(conn)?;
        state.check_logic(domain.logic)?;
        Ok(Self { core, conn, state, logic: domain.logic.to_string() })
    }

    /// The newest of an entity's snapshots that counts.
    fn last<'m>(&self, marks: &'m [Mark]) -> Result<Option<&'m Mark>> {
        for mark in marks.iter().filter(|mark| mark.logic == self.logic) {
            if self.core.log_hashes.has(self.conn, &self.state, &Place::of_mark(mark))? {
                return Ok(Some(mark));
            }
        }
        Ok(None)
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
        })
    }

    /// Whether one is due, by as few rows as tell it.
    fn is_due(&self, key: &EntityKey, marks: &[Mark], now: OffsetDateTime) -> Result<Judged> {
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

struct Judged {
    due: bool,
    at: Option<OffsetDateTime>,
    /// The last event that belongs to it.
    sequence: i64,
}

/// The next entity of a type in the order of ids that has events.
fn next(conn: &Connection, kind: &str, after: &str) -> Result<Option<EntityKey>> {
    let sql = "SELECT id FROM entity_events WHERE type = ?1 AND id > ?2 ORDER BY id LIMIT 1";
    let id = conn.prepare_cached(sql)?.query_row((kind, after), |row| row.get::<_, String>(0)).optional()?;
    Ok(id.map(|id| EntityKey::new(kind, id)))
}

/// The ids of a type's entities as a common table: what the domain lists, and what was imported;
/// `kind` is the parameter that has the type.
fn there(list: &str, kind: &str) -> String {
    format!(
        "WITH listed (id) AS ({list}\n), there (id) AS (
           SELECT CAST(id AS TEXT) FROM listed
           UNION SELECT entity_id FROM entity_snapshots WHERE imported > 0 AND entity_type = {kind})"
    )
}

/// The marks of one entity among those of all, which stand in the order of entities.
fn of<'m>(marks: &'m [Mark], key: &EntityKey) -> &'m [Mark] {
    let from = marks.partition_point(|mark| mark.key < *key);
    let to = marks.partition_point(|mark| mark.key <= *key);
    &marks[from..to]
}

/// What a look at all entities found.
struct Look {
    epoch: u64,
    position: i64,
    due: Vec<(EntityKey, i64)>,
    at: Option<OffsetDateTime>,
}

impl Core {
    /// Nothing where they are not to be looked at now, or the time is up before the log is read.
    fn look_at_entities(
        &self,
        conn: &Connection,
        domain: &Domain,
        now: OffsetDateTime,
        until: Option<Instant>,
    ) -> Result<Option<Look>> {
        let judge = Judge::new(self, conn, domain)?;
        let State { epoch, position, .. } = judge.state;
        if judge.state.hold.is_some() || judge.state.stuck.is_some() || !judge.state.is_settled(log::head(conn)?) {
            return Ok(None);
        }
        let marks = table::marks(conn, None)?;
        let sequences: BTreeSet<i64> = marks.iter().map(|mark| mark.sequence).collect();
        if !self.log_hashes.reach(conn, &judge.state, &Vec::from_iter(sequences), until)? {
            return Ok(None);
        }
        let mut look = Look { epoch, position, due: Vec::new(), at: None };
        for entity in &domain.entities {
            let mut after = String::new();
            while let Some(key) = next(conn, &entity.kind, &after)? {
                let judged = judge.is_due(&key, of(&marks, &key), now)?;
                if !judged.due {
                    look.at = [look.at, judged.at].into_iter().flatten().min();
                }
                after.clone_from(&key.id);
                if judged.due {
                    look.due.push((key, judged.sequence));
                }
            }
        }
        Ok(Some(look))
    }
}

impl Engine {
    /// Takes the entity snapshots that are due, as many as one round has time for, unless the last
    /// round was just now or nothing has changed since. Answers how many it took.
    ///
    /// # Errors
    ///
    /// Where the store cannot be read or written.
    pub fn follow_entity_policy(&self) -> Result<usize> {
        if self.domain().entities.is_empty() || self.rests_or_has_seen_all(self.now())? {
            return Ok(0);
        }
        let started = Instant::now();
        let taken = self.take_entity_snapshots(Some(started + ROUND));
        lock(&self.core.rounds).pace.ran(started, Instant::now());
        taken
    }

    /// Takes entity snapshots that are due, a few hundred at most, however long that takes. Answers how
    /// many it took.
    ///
    /// # Errors
    ///
    /// As [`Engine::follow_entity_policy`].
    pub fn follow_entity_policy_now(&self) -> Result<usize> {
        self.take_entity_snapshots(None)
    }

    fn take_entity_snapshots(&self, until: Option<Instant>) -> Result<usize> {
        let (domain, now) = (self.domain(), self.now());
        let look = self.readers.read(|conn| self.core.look_at_entities(conn, &domain, now, until))?;
        look.map_or(Ok(0), |look| self.take_due(&domain, &look, until))
    }

    fn rests_or_has_seen_all(&self, now: OffsetDateTime) -> Result<bool> {
        let state = self.readers.read(State::read)?;
        let mut rounds = lock(&self.core.rounds);
        let rests = !rounds.pace.allows(Instant::now(), state.position);
        let seen = rounds.seen == Some((state.epoch, state.position)) && rounds.due_at.is_none_or(|at| now < at);
        Ok(rests || seen)
    }

    fn take_due(&self, domain: &Domain, look: &Look, until: Option<Instant>) -> Result<usize> {
        let failed = lock(&self.core.rounds).failed.clone();
        let due: Vec<&(EntityKey, i64)> =
            look.due.iter().filter(|due| !failed.contains(due)).take(AT_ONCE + 1).collect();
        let lot = &due[..due.len().min(AT_ONCE)];
        let sequences = Vec::from_iter(lot.iter().map(|(_, sequence)| *sequence).collect::<BTreeSet<i64>>());
        let reach = |conn: &Connection| self.core.log_hashes.reach(conn, &State::read(conn)?, &sequences, until);
        if !self.readers.read(reach)? {
            return Ok(0);
        }
        let (made, tried) = self.make_due(domain, lot, until);
        let all = tried == due.len();
        let kept = match made.is_empty() {
            true => Some(0),
            false => self.transact(move |core, conn| core.keep_entity_snapshots(conn, &made))?,
        };
        let mut rounds = lock(&self.core.rounds);
        rounds.seen = (all && kept.is_some()).then_some((look.epoch, look.position));
        rounds.due_at = look.at;
        Ok(kept.unwrap_or(0))
    }

    /// Makes snapshots of these entities until the time is up; says how many were tried, one at least.
    fn make_due(&self, domain: &Domain, due: &[&(EntityKey, i64)], until: Option<Instant>) -> (Vec<Made>, usize) {
        let (mut made, mut refused): (Vec<Made>, Vec<(EntityKey, Error)>) = (Vec::new(), Vec::new());
        let mut left = due.iter();
        while (made.is_empty() || !is_up(until))
            && let Some(due) = left.next()
        {
            match self.readers.read(|conn| self.core.make_entity_snapshot(conn, domain, &due.0)) {
                Ok(one) => made.push(one),
                Err(error) => {
                    // It may be once the entity, or its domain, is another.
                    if error.kind() == ErrorKind::Unprocessable {
                        lock(&self.core.rounds).failed.insert((*due).clone());
                    }
                    refused.push((due.0.clone(), error));
                }
            }
        }
        if let Some((entity, error)) = refused.first() {
            let more = refused.len() - 1;
            tracing::warn!(%entity, %error, more, "a snapshot of an entity is due and could not be taken");
        }
        (made, due.len() - left.len())
    }

    /// The entities of a type that there are now, and those that only an import tells of, in the order
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
            "{} SELECT id FROM there WHERE id > coalesce(?1, '') AND (?2 IS NULL OR instr(lower(id), lower(?2)) > 0)
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

    /// The types of entities of the domain, each with how many there are now.
    ///
    /// # Errors
    ///
    /// Unprocessable where the domain's query fails.
    pub fn entity_types(&self) -> Result<Vec<(String, u64)>> {
        let domain = self.domain();
        self.readers.read(|conn| {
            let counted = domain.entities.iter().map(|entity| {
                let sql = format!("{} SELECT count(*) FROM there", there(&entity.list, "?1"));
                let count = conn.query_row(&sql, [&entity.kind], |row| row.get::<_, i64>(0)).map_err(|error| {
                    Error::unprocessable(format!("the domain's list of {} fails: {error}.", entity.kind)).because(error)
                })?;
                Ok((entity.kind.clone(), count.unsigned_abs()))
            });
            counted.collect()
        })
    }
}
