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

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]
    use std::sync::mpsc::channel;

    use super::*;
    use crate::domain::ENTITY_EVENTS;
    use crate::engine::Options;
    use crate::history::Means;
    use crate::image::Table;
    use crate::log::NewEvent;
    use crate::snapshot::{Expected, Scope};

    fn store() -> (Engine, tempfile::TempDir) {
        let folder = tempfile::tempdir().unwrap();
        let mut options = Options::new(folder.path());
        options.busy_timeout = Duration::from_secs(30);
        let engine = Engine::open(options).unwrap();
        append(&engine, "ada");
        (engine, folder)
    }

    fn append(engine: &Engine, bot: &str) {
        let payload = format!(r#"{{"bot_id": "{bot}", "name": "A name", "persona": "Counts."}}"#);
        engine.append(vec![NewEvent::new("bot_created", payload).unwrap()]).unwrap();
    }

    fn take(engine: &Engine) -> crate::snapshot::Snapshot {
        engine.take_snapshot(None, false, Means::Command).unwrap().snapshot
    }

    /// How many tables are known, to a reader and on the writer's connection.
    fn known(engine: &Engine) -> (usize, usize) {
        let count = |conn: &Connection, seen: Seen<'_>, tables: &[Table]| {
            tables.iter().filter(|table| seen.of(conn, table).unwrap().rows().is_some()).count()
        };
        let domain = engine.domain();
        let writing = engine.transact(move |core, conn| Ok(count(conn, Seen::Writing(&core.live), domain.projected())));
        let domain = engine.domain();
        let reading = engine.read_beside(&domain, |conn, shelf| Ok(count(conn, shelf.seen, domain.projected())));
        (reading.unwrap(), writing.unwrap())
    }

    #[test]
    fn after_a_take_every_table_is_known_whatever_this_program_does() {
        let (engine, _folder) = store();
        assert_eq!(known(&engine), (0, 0));
        let first = take(&engine);
        let all = engine.domain().projected().len();
        assert_eq!(known(&engine), (all, all));
        append(&engine, "bob");
        engine.preview(&first.snapshot_id, first.kind, Scope::Everything).unwrap();
        let (none, by) = (Expected::default(), Means::Command);
        let restored =
            engine.restore_from_snapshot(&first.snapshot_id, first.kind, Scope::Everything, none, by).unwrap();
        engine.undo(restored.operation, false, none, by).unwrap();
        engine.execute_rewind(1, none, by).unwrap();
        engine.append(vec![NewEvent::new("bot_created", "{}").unwrap()]).unwrap_err();
        take(&engine);
        assert_eq!(known(&engine), (all, all));
        assert!(engine.domain().projected().iter().any(|table| table.name == ENTITY_EVENTS));
    }

    #[test]
    fn what_another_program_writes_is_read_whole_and_then_known_again() {
        let (engine, folder) = store();
        take(&engine);
        let other = Connection::open(folder.path().join("backstitch.db")).unwrap();
        other.execute("UPDATE bots SET name = 'Theirs'", []).unwrap();
        assert_eq!(known(&engine), (0, 0));
        take(&engine);
        let all = engine.domain().projected().len();
        assert_eq!(known(&engine), (all, all));
    }

    #[test]
    fn a_plain_append_has_nothing_noticed() {
        let (engine, _folder) = store();
        let triggers = engine.transact(|_, conn| {
            Ok(conn.query_row("SELECT count(*) FROM temp.sqlite_schema", [], |row| row.get::<_, i64>(0))?)
        });
        assert_eq!(triggers.unwrap(), 0);
    }

    #[test]
    fn a_reader_does_not_wait_for_a_writer_that_is_busy_for_long() {
        let (engine, _folder) = store();
        let first = take(&engine);
        let engine = Arc::new(engine);
        let ((started, has_started), (release, released)) = (channel(), channel::<()>());
        let busy = Arc::clone(&engine);
        let long = std::thread::spawn(move || {
            busy.transact(move |_, _| {
                started.send(()).unwrap();
                released.recv().unwrap();
                Ok(())
            })
        });
        has_started.recv().unwrap();
        let preview = engine.preview(&first.snapshot_id, first.kind, Scope::Everything).unwrap();
        assert_eq!(preview.events_removed, 0);
        release.send(()).unwrap();
        long.join().unwrap().unwrap();
        let all = engine.domain().projected().len();
        assert_eq!(known(&engine), (all, all));
    }
}
