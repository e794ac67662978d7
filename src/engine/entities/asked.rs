//! One entity in one reading of the store.

use rusqlite::Connection;

use super::hashes::Place;
use super::sound::Verdict;
use super::{EntitySnapshotLine, EntityState, find_type};
use crate::domain::{Domain, Entity, Replay};
use crate::engine::{Core, tables};
use crate::entity::replay::Wanted;
use crate::entity::{self, EntityKey, EntitySnapshot, Origin, table};
use crate::error::{Error, Result};
use crate::log;
use crate::scratch::Scratch;
use crate::snapshot::log_image::Part;
use crate::store::State;

/// An entity in one reading of the store.
pub(super) struct Asked<'a> {
    pub(super) core: &'a Core,
    pub(super) conn: &'a Connection,
    pub(super) domain: &'a Domain,
    pub(super) entity: &'a Entity,
    pub(super) key: &'a EntityKey,
    pub(super) state: State,
    /// Whether the answer lists its snapshots.
    pub(super) listed: bool,
}

impl<'a> Asked<'a> {
    pub(super) fn new(core: &'a Core, conn: &'a Connection, domain: &'a Domain, key: &'a EntityKey) -> Result<Self> {
        let state = State::read(conn)?;
        state.check_logic(domain.logic)?;
        Ok(Self { core, conn, domain, entity: find_type(domain, &key.kind)?, key, state, listed: false })
    }

    /// Version and sequence where the tables stand.
    pub(super) fn latest(&self) -> Result<(u64, i64)> {
        entity::version(self.conn, self.key, i64::MAX)
    }

    /// Which events belong to an entity is read from the tables, and the events from the log: both
    /// have to be of one log.
    pub(super) fn check_taken_in(&self) -> Result<()> {
        if self.state.stale_from.is_none() {
            return Ok(());
        }
        Err(Error::conflict("Another program has changed the log, and the tables have not followed yet.").hint(
            "They do within a second while the server runs; without it `backstitch projection replay` lets them.",
        ))
    }

    /// The event of a version that there is.
    pub(super) fn event_of(&self, version: u64) -> Result<i64> {
        self.check_taken_in()?;
        if version == 0 {
            return Ok(0);
        }
        entity::event_of(self.conn, self.key, version)?.ok_or_else(|| {
            let latest = self.latest().map_or(0, |(latest, _)| latest);
            Error::not_found(format!("{} has no version {version}: its newest is {latest}", self.key))
        })
    }

    /// The state after its events up to one of them, as far as they are live today.
    pub(super) fn state_at(&self, sequence: i64) -> Result<Option<String>> {
        let from = self.base(sequence)?;
        self.core.replayer.state_at(self.conn, &self.wanted(sequence), from)
    }

    pub(super) fn wanted(&self, up_to: i64) -> Wanted<'_> {
        Wanted { domain: self.domain, entity: self.entity, key: self.key, up_to }
    }

    /// The state where the tables stand, as the log gives it. Where they follow the log and show
    /// another one, a load has not put back all that later events need: it is not used any more.
    pub(super) fn state_to_keep(&self, sequence: i64) -> Result<Option<String>> {
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
    pub(super) fn base(&self, sequence: i64) -> Result<Option<EntitySnapshot>> {
        let logic = self.domain.logic.to_string();
        let marks = table::marks(self.conn, Some(self.key))?;
        for mark in marks.iter().filter(|mark| mark.sequence <= sequence && mark.logic == logic) {
            if !self.core.log_hashes.has(self.conn, &self.state, &Place::of_mark(mark))? {
                continue;
            }
            match table::find(self.conn, mark.n)?.map(|stored| self.core.sound.checked(stored)) {
                Some(Ok(snapshot)) => return Ok(Some(snapshot)),
                Some(Err(error)) => tracing::warn!(%error, "passed over for an older one"),
                None => {}
            }
        }
        Ok(None)
    }

    pub(super) fn lines(&self) -> Result<Vec<EntitySnapshotLine>> {
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
    pub(super) fn answer_from(&self, aside: &Scratch) -> Result<EntityState> {
        let (version, sequence) = entity::version(aside.conn(), self.key, i64::MAX)?;
        self.answer(self.latest()?.0, version, sequence, entity::state(aside.conn(), self.entity, &self.key.id)?)
    }

    pub(super) fn answer(
        &self,
        latest: u64,
        version: u64,
        sequence: i64,
        state: Option<String>,
    ) -> Result<EntityState> {
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

    /// As of an event, where its own events tell: the tables have come that far, and nothing that
    /// is superseded today was live then.
    pub(super) fn as_of(&self, latest: u64, event: i64) -> Result<Option<EntityState>> {
        tables::check_moment(self.conn, event)?;
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
