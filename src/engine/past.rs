//! The past as pages and files: what one event changed, and a moment as a plain SQLite file.

use std::path::Path;

use super::tables::check_moment;
use super::{Engine, lock};
use crate::effect::{self, EventChanges};
use crate::error::Result;
use crate::moment::Moment;
use crate::progress::Task;
use crate::snapshot::log_image::Part;
use crate::state_file;

impl Engine {
    /// What one event changed in the tables, row by row, and its neighbours in the log.
    ///
    /// # Errors
    ///
    /// Not found; unprocessable where the log up to there does not replay.
    pub fn event_changes(&self, event: i64) -> Result<EventChanges> {
        let _task = self.core.progress.task(Task::Past);
        let domain = self.domain();
        self.readers.read(|conn| {
            let mut found = effect::neighbours(conn, event)?;
            let shelf = self.core.shelf(&domain);
            let before = self.core.moment(conn, shelf, event - 1)?;
            found.tables = if found.supersedes.is_some() {
                let after = Moment::as_of(conn, shelf, &self.core.data_dir, event)?;
                effect::between(&domain, &lock(&before), &after)?
            } else {
                effect::ahead(conn, shelf, &lock(&before), event)?
            };
            Ok(found)
        })
    }

    /// Writes the log and the tables, as of an event or as they are now, into a new SQLite file.
    ///
    /// # Errors
    ///
    /// Refused where the file is there already; malformed for an event past the log's end.
    pub fn write_state(&self, at: Option<i64>, to: &Path) -> Result<()> {
        let _task = self.core.progress.task(Task::Past);
        let (domain, progress) = (self.domain(), &self.core.progress);
        match at {
            None => self.readers.read(|conn| state_file::write(to, &domain, conn, &Part::whole(), conn, progress)),
            Some(at) => self.at_moment(at, check_moment, |conn, _, moment| {
                let part = Part::as_of(conn, at)?;
                state_file::write(to, &domain, conn, &part, moment.scratch().conn(), progress)
            }),
        }
    }
}
