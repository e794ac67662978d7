//! The census of the log, remembered: counting the whole log for each page would cost a scan.

use std::sync::{Arc, Mutex};

use super::{Engine, lock};
use crate::error::Result;
use crate::log::{self, Census};
use crate::store::State;

/// The last census and the epoch that it is of. While that stays, events only come at the end.
#[derive(Default)]
pub(super) struct Counting(Mutex<Option<(u64, Arc<Census>)>>);

impl Engine {
    /// The events of the log by minute and by kind. The first call after a change of the log other
    /// than by appending reads all of it, once; later ones read what came since.
    ///
    /// # Errors
    ///
    /// Where the log cannot be read.
    pub fn census(&self) -> Result<Arc<Census>> {
        self.readers.read(|conn| {
            let (state, head) = (State::read(conn)?, log::head(conn)?);
            // Held while it counts: who asks meanwhile would count the same.
            let mut kept = lock(&self.core.counting.0);
            let still = |(epoch, census): &(u64, Arc<Census>)| *epoch == state.epoch && census.through() <= head;
            // A change of the log that is not taken in yet has not raised the epoch.
            let settled = state.stale_from.is_none();
            let known = kept.take().filter(|known| settled && still(known));
            let mut census = known.map_or_else(Arc::default, |(_, census)| census);
            if census.through() < head {
                Arc::make_mut(&mut census).go_on(conn)?;
            }
            *kept = settled.then(|| (state.epoch, Arc::clone(&census)));
            Ok(census)
        })
    }

    /// How many events of each kind there are, most first.
    ///
    /// # Errors
    ///
    /// Where the database fails.
    pub fn events_by_kind(&self) -> Result<Vec<(String, u64)>> {
        Ok(self.census()?.by_kind())
    }
}
