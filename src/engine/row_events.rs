//! Which events changed a row, remembered: each answer costs a replay of the log.

use std::sync::Mutex;

use rusqlite::Connection;

use super::tables::find_table;
use super::{Core, Engine, lock};
use crate::compare::parse_key;
use crate::domain::Fingerprint;
use crate::error::Result;
use crate::image::Table;
use crate::log;
use crate::snapshot::take::Shelf;
use crate::store::State;
use crate::touched::RowEvents;

/// Rows whose events are kept.
const KEPT: usize = 8;

/// The answers given last, the newest at the end.
#[derive(Default)]
pub(super) struct Rows(Mutex<Vec<Kept>>);

struct Kept {
    epoch: u64,
    logic: Fingerprint,
    found: RowEvents,
}

impl Engine {
    /// The events that changed one row, as far as the tables stand; `key` is a JSON array of its
    /// key's values. The first answer applies the whole log aside; later ones go on from it.
    ///
    /// # Errors
    ///
    /// Not found where the domain has no such table; malformed where `key` is no key of it;
    /// unprocessable where the log does not replay.
    pub fn row_events(&self, name: &str, key: &str) -> Result<RowEvents> {
        let domain = self.domain();
        let table = find_table(&domain, name)?;
        let asked = RowEvents::none(table, parse_key("key", key, table)?);
        self.readers.read(|conn| self.core.row_events(conn, self.core.shelf(&domain), table, asked))
    }
}

impl Core {
    fn row_events(&self, conn: &Connection, shelf: Shelf<'_>, table: &Table, asked: RowEvents) -> Result<RowEvents> {
        let (state, logic) = (State::read(conn)?, shelf.domain.logic);
        let kept = self.rows.take_out(&state, logic, &asked);
        let mut found = kept.unwrap_or_else(|| asked.clone());
        // What was superseded since counts no longer, so nothing of the answer can be kept.
        if found.at > state.position || log::superseded_between(conn, found.at, state.position)? {
            found = asked;
        }
        if found.at < state.position {
            let moment = self.moment(conn, shelf, found.at)?;
            found.go_on(conn, shelf, &lock(&moment), table, state.position)?;
        }
        if state.stale_from.is_none() {
            self.rows.put_back(Kept { epoch: state.epoch, logic, found: found.clone() });
        }
        Ok(found)
    }
}

impl Rows {
    fn take_out(&self, state: &State, logic: Fingerprint, asked: &RowEvents) -> Option<RowEvents> {
        let mut kept = lock(&self.0);
        kept.retain(|one| one.epoch == state.epoch && one.logic == logic);
        let place = kept.iter().position(|one| one.found.table == asked.table && one.found.key == asked.key)?;
        Some(kept.remove(place).found)
    }

    fn put_back(&self, one: Kept) {
        let mut kept = lock(&self.0);
        kept.push(one);
        if kept.len() > KEPT {
            kept.remove(0);
        }
    }
}
