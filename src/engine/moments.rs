//! Moments that were asked for lately are kept, so that paging through one, or stepping from event
//! to event, does not start from a snapshot each time.

use std::sync::{Arc, Mutex, MutexGuard};

use rusqlite::Connection;

use super::{Core, Engine, lock};
use crate::domain::Fingerprint;
use crate::error::Result;
use crate::moment::Moment;
use crate::snapshot::take::Shelf;
use crate::store::State;

/// How many are kept: the one before an event and the one at it, for two people.
const KEPT: usize = 4;

/// The kept moments, the one asked for last at the end.
#[derive(Default)]
pub(super) struct Moments(Mutex<Vec<Kept>>);

struct Kept {
    epoch: u64,
    barred: (u64, u64),
    logic: Fingerprint,
    at: i64,
    moment: Arc<Mutex<Moment>>,
}

impl Moments {
    fn lock(&self) -> MutexGuard<'_, Vec<Kept>> {
        lock(&self.0)
    }

    /// Takes out the moment of an event, or one that leads to it and that nobody else reads.
    fn take_out(&self, conn: &Connection, state: &State, logic: Fingerprint, event: i64) -> Result<Option<Kept>> {
        let mut kept = self.lock();
        // The log up to an event stays the same only while the epoch does.
        // And one may have started from a snapshot that is barred since.
        kept.retain(|one| one.epoch == state.epoch && one.barred == state.barred && one.logic == logic);
        if let Some(place) = kept.iter().position(|one| one.at == event) {
            return Ok(Some(kept.remove(place)));
        }
        let mut nearest: Option<usize> = None;
        for (place, one) in kept.iter().enumerate() {
            let free = Arc::strong_count(&one.moment) == 1;
            let nearer = nearest.and_then(|place: usize| kept.get(place)).is_none_or(|best| best.at < one.at);
            if free && nearer && event - one.at <= NEAR && lock(&one.moment).leads_to(conn, event)? {
                nearest = Some(place);
            }
        }
        Ok(nearest.map(|place| kept.remove(place)))
    }

    fn put_back(&self, one: Kept) {
        let mut kept = self.lock();
        kept.retain(|other| other.at != one.at);
        kept.push(one);
        if kept.len() > KEPT {
            kept.remove(0);
        }
    }
}

/// So many events further, a snapshot on the way may be nearer.
const NEAR: i64 = 1000;

impl Core {
    /// The tables as of an event, kept from before where they still are.
    pub(super) fn moment(&self, conn: &Connection, shelf: Shelf<'_>, event: i64) -> Result<Arc<Mutex<Moment>>> {
        let state = State::read(conn)?;
        // A change of the log that is not taken in yet has not raised the epoch.
        if state.stale_from.is_some() {
            return Ok(Arc::new(Mutex::new(Moment::as_of(conn, shelf, &self.data_dir, event)?)));
        }
        let logic = shelf.domain.logic;
        let moment = match self.moments.take_out(conn, &state, logic, event)? {
            Some(kept) => {
                if kept.at != event {
                    lock(&kept.moment).forward(conn, shelf, event)?;
                }
                kept.moment
            }
            None => Arc::new(Mutex::new(Moment::as_of(conn, shelf, &self.data_dir, event)?)),
        };
        let kept = Kept { epoch: state.epoch, barred: state.barred, logic, at: event, moment: Arc::clone(&moment) };
        self.moments.put_back(kept);
        Ok(moment)
    }

    fn with_moment<T>(
        &self,
        conn: &Connection,
        shelf: Shelf<'_>,
        event: i64,
        work: impl FnOnce(&Connection, Shelf<'_>, &Moment) -> Result<T>,
    ) -> Result<T> {
        let moment = self.moment(conn, shelf, event)?;
        let moment = lock(&moment);
        work(conn, shelf, &moment)
    }
}

impl Engine {
    /// Runs `work` on the tables as of an event, beside one unchanging state of the store.
    pub(super) fn at_moment<T>(
        &self,
        event: i64,
        check: impl FnOnce(&Connection, i64) -> Result<()>,
        work: impl FnOnce(&Connection, Shelf<'_>, &Moment) -> Result<T>,
    ) -> Result<T> {
        let domain = self.domain();
        self.readers.read(|conn| {
            check(conn, event)?;
            self.core.with_moment(conn, self.core.shelf(&domain), event, work)
        })
    }

    /// As [`Engine::at_moment`], for work that compares it with the live tables.
    pub(super) fn compared_with_moment<T>(
        &self,
        event: i64,
        check: impl FnOnce(&Connection, i64) -> Result<()>,
        work: impl FnOnce(&Connection, Shelf<'_>, &Moment) -> Result<T>,
    ) -> Result<T> {
        self.read_beside(&self.domain(), |conn, shelf| {
            check(conn, event)?;
            self.core.with_moment(conn, shelf, event, work)
        })
    }
}
