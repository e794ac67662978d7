//! Following the policy of entity snapshots in the background.

use std::collections::{BTreeSet, HashMap};
use std::time::{Duration, Instant};

use rusqlite::{Connection, OptionalExtension};
use time::OffsetDateTime;

use super::due::Judge;
use super::pace::{Pace, is_up};
use super::taking::Made;
use crate::domain::{Domain, Fingerprint};
use crate::engine::{Core, Engine, lock};
use crate::entity::EntityKey;
use crate::entity::table::{self, Mark};
use crate::error::{Error, ErrorKind, Result};
use crate::log;
use crate::store::State;

/// One round reads the log and takes snapshots for so long at most, since other work waits behind it.
const ROUND: Duration = Duration::from_millis(100);

/// One round takes so many at most.
const AT_ONCE: usize = 200;

/// What the background work knows between two rounds.
#[derive(Debug, Default)]
pub(in crate::engine) struct Rounds {
    /// Epoch and position that were looked through to the end.
    seen: Option<(u64, i64)>,
    /// When one is due by time next.
    due_at: Option<OffsetDateTime>,
    pace: Pace,
    failed: Failed,
}

/// Entities of which none could be taken, with their sequences and why: not tried again until they, the
/// log before or the domain change.
#[derive(Debug, Default)]
struct Failed {
    of: Option<(u64, Fingerprint)>,
    why: HashMap<(EntityKey, i64), String>,
}

impl Failed {
    fn forget_other(&mut self, epoch: u64, logic: Fingerprint) {
        if self.of != Some((epoch, logic)) {
            *self = Self { of: Some((epoch, logic)), why: HashMap::new() };
        }
    }
}

impl Rounds {
    /// Why none of an entity could be taken at a sequence.
    pub(super) fn refusal(&self, key: &EntityKey, sequence: i64) -> Option<String> {
        self.failed.why.get(&(key.clone(), sequence)).cloned()
    }
}

/// The next entity of a type in the order of ids that has events.
fn next(conn: &Connection, kind: &str, after: Option<&str>) -> Result<Option<EntityKey>> {
    let sql = match after {
        Some(_) => "SELECT id FROM entity_events WHERE type = ?1 AND id > ?2 ORDER BY id LIMIT 1",
        None => "SELECT id FROM entity_events WHERE type = ?1 AND ?2 IS NULL ORDER BY id LIMIT 1",
    };
    let id = conn.prepare_cached(sql)?.query_row((kind, after), |row| row.get::<_, String>(0)).optional()?;
    Ok(id.map(|id| EntityKey::new(kind, id)))
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
            let mut after = None;
            while let Some(key) = next(conn, &entity.kind, after.as_deref())? {
                let judged = judge.is_due(&key, of(&marks, &key), now)?;
                if !judged.due {
                    look.at = [look.at, judged.at].into_iter().flatten().min();
                }
                after = Some(key.id.clone());
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
        let due: Vec<&(EntityKey, i64)> = {
            let failed = &mut lock(&self.core.rounds).failed;
            failed.forget_other(look.epoch, domain.logic);
            look.due.iter().filter(|due| !failed.why.contains_key(*due)).take(AT_ONCE + 1).collect()
        };
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
                        lock(&self.core.rounds).failed.why.insert((*due).clone(), error.message().to_owned());
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
}
