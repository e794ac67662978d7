//! Reading beside what is known of the live tables.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use rusqlite::Connection;

use super::{Core, Engine, lock};
use crate::domain::Domain;
use crate::error::Result;
use crate::image::Seen;
use crate::image::live::View;
use crate::snapshot::take::Shelf;
use crate::store::readers::{Begun, Reader};

/// So long a reader waits for the writer to stand between two transactions. Beyond it reading every
/// row costs less than waiting does.
const PATIENCE: Duration = Duration::from_millis(500);

impl Engine {
    /// Runs `work` on one unchanging state of the store, with what is known of its live tables: what
    /// it finds out of them is known to the next one.
    pub(super) fn read_beside<T>(
        &self,
        domain: &Arc<Domain>,
        work: impl FnOnce(&Connection, Shelf<'_>) -> Result<T>,
    ) -> Result<T> {
        let (begun, view) = self.begin(domain)?;
        work(&begun, Shelf { seen: Seen::Reading(&view), ..self.core.shelf(domain) })
    }

    /// Begins the transaction of a reader while the writer waits; where it is busy for long, the
    /// transaction begins without it, and nothing is known.
    fn begin(&self, domain: &Arc<Domain>) -> Result<(Begun, View)> {
        // A job that is given up is run by nobody, so the reader can be taken out of it again.
        let place = Arc::new(Mutex::new(Some(self.readers.get()?)));
        let (core, domain, reader) = (Arc::clone(&self.core), Arc::clone(domain), Arc::clone(&place));
        let looked = self.writer.alone_within(PATIENCE, move |conn| {
            lock(&reader).take().map(|reader| begin_beside(&core, conn, &domain, reader)).transpose()
        });
        match looked {
            Ok(Some(begun)) => Ok(begun),
            Ok(None) | Err(_) => {
                let reader = lock(&place).take().map_or_else(|| self.readers.get(), Ok)?;
                Ok((reader.begin()?, View::default()))
            }
        }
    }
}

fn begin_beside(core: &Core, conn: &Connection, domain: &Domain, reader: Reader) -> Result<(Begun, View)> {
    core.live.view(conn, domain.projected(), || reader.begin())
}
