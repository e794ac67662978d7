//! Appending events, and reading the log.

use std::io::BufRead;
use std::sync::Arc;

use rusqlite::Connection;

use super::{Core, Engine};
use crate::catchup::{Broken, Hold, catch_up};
use crate::error::{Error, Result};
use crate::log::{self, Appended, Event, EventQuery, NewEvent, Spool};
use crate::progress::Task;
use crate::sample::{self, Told};
use crate::snapshot::take::Shelf;
use crate::store::State;

impl Engine {
    /// Appends events and applies them, all or nothing; the answer comes after they are on disk.
    ///
    /// # Errors
    ///
    /// Unprocessable where one breaks a rule, naming its place and the rule; conflict while stuck;
    /// busy where a backup of both stores keeps events waiting for too long.
    pub fn append(&self, events: Vec<NewEvent>) -> Result<Appended> {
        let core = Arc::clone(&self.core);
        let _open = self.pass_gate()?;
        self.writer.grouped(move |conn| append_in(conn, &core, &mut events.into_iter().map(Ok)))
    }

    /// Appends NDJSON, all or nothing. It is read to its end first, into a file of the data folder:
    /// while a slow pipe is waited for, others write.
    ///
    /// # Errors
    ///
    /// As [`Engine::append`]; malformed with the line where one is no event.
    pub fn append_lines(&self, reader: impl BufRead) -> Result<Appended> {
        let _task = self.core.progress.task(Task::Append);
        let mut work = self.core.progress.begin_of("reading events", "event", None);
        let spool = Spool::read(self.data_dir(), reader, || work.advance(1))?;
        drop(work);
        self.append_spooled(spool)
    }

    /// Appends events that were set aside, all or nothing.
    ///
    /// # Errors
    ///
    /// As [`Engine::append`].
    pub fn append_spooled(&self, spool: Spool) -> Result<Appended> {
        let _task = self.core.progress.task(Task::Append);
        let core = Arc::clone(&self.core);
        let _open = self.pass_gate()?;
        self.writer.grouped(move |conn| {
            let mut work = core.progress.begin_of("appending events", "event", Some(spool.count()));
            append_in(conn, &core, &mut spool.into_events().inspect(|_| work.advance(1)))
        })
    }

    /// Puts the sample story into a store without live events.
    ///
    /// # Errors
    ///
    /// Conflict where there are live events, or the store follows another domain.
    pub fn append_sample(&self) -> Result<Appended> {
        self.refuse_sample_elsewhere()?;
        let core = Arc::clone(&self.core);
        let _open = self.pass_gate()?;
        self.writer.grouped(move |conn| {
            let sql = "SELECT EXISTS (SELECT 1 FROM event_log WHERE hidden = 0 AND superseded_by IS NULL)";
            if conn.query_row(sql, [], |row| row.get(0))? {
                return Err(Error::conflict(
                    "The sample story goes into a store without events, and this one has some.",
                )
                .hint("Start with another --data-dir to look at it."));
            }
            let first_id = next_id(conn)?;
            append_in(conn, &core, &mut sample::story(first_id)?.into_iter().map(Ok))
        })
    }

    /// Continues the sample story, once.
    ///
    /// # Errors
    ///
    /// Conflict where its first part is not there, or the continuation is.
    pub fn continue_sample(&self) -> Result<Appended> {
        self.refuse_sample_elsewhere()?;
        let core = Arc::clone(&self.core);
        let _open = self.pass_gate()?;
        self.writer.grouped(move |conn| match sample::told(conn)? {
            Told::Story(first_id) => {
                let more = sample::continuation(first_id, next_id(conn)?)?;
                append_in(conn, &core, &mut more.into_iter().map(Ok))
            }
            Told::Nothing => {
                Err(Error::conflict("There is no sample story to continue: its first part is not in the log."))
            }
            Told::All(_) => Err(Error::conflict("The sample story is continued already; it has no more parts.")),
        })
    }

    /// How far the sample story is told.
    ///
    /// # Errors
    ///
    /// Where the log cannot be read.
    pub fn sample(&self) -> Result<Told> {
        self.readers.read(sample::told)
    }

    fn refuse_sample_elsewhere(&self) -> Result<()> {
        match self.domain().name.as_str() {
            "companion" => Ok(()),
            other => Err(Error::conflict(format!(
                "The sample story is told in the companion domain; this store follows {other:?}."
            ))),
        }
    }

    /// Events of the log.
    ///
    /// # Errors
    ///
    /// Where the database fails.
    pub fn events(&self, query: &EventQuery) -> Result<Vec<Event>> {
        self.readers.read(|conn| log::read(conn, query))
    }

    /// One event.
    ///
    /// # Errors
    ///
    /// Not found where there is none of that id.
    pub fn event(&self, id: i64) -> Result<Event> {
        let query = EventQuery { after: Some(id.saturating_sub(1)), limit: 1, ..EventQuery::default() };
        let found = self.events(&query)?.pop().filter(|event| event.id == id);
        found.ok_or_else(|| Error::not_found("event not found"))
    }
}

/// The id that the next event gets.
fn next_id(conn: &Connection) -> Result<i64> {
    let sql = "SELECT coalesce(max(seq), 0) + 1 FROM sqlite_sequence WHERE name = 'event_log'";
    Ok(conn.query_row(sql, [], |row| row.get(0))?)
}

/// Appends in a savepoint, so that a refusal leaves nothing behind in a shared transaction.
fn append_in(conn: &Connection, core: &Core, events: &mut dyn Iterator<Item = Result<NewEvent>>) -> Result<Appended> {
    let domain = core.domain();
    let shelf = core.shelf(&domain);
    // What another process did is taken in whether or not this append is refused.
    in_savepoint(conn, || catch_up(conn, shelf, Hold::Keep, Broken::Stick))?;
    refuse_while_stuck(conn)?;
    in_savepoint(conn, || {
        // A refused append lifts no hold, so the waiting events are applied within.
        catch_up(conn, shelf, Hold::End, Broken::Stick)?;
        refuse_while_stuck(conn)?;
        let appended = log::insert(conn, events)?.ok_or_else(|| Error::malformed("there is no event to append"))?;
        project(conn, shelf, appended)?;
        Ok(appended)
    })
}

/// Runs `work` so that nothing of it stays where it fails; the transaction around goes on.
fn in_savepoint<T>(conn: &Connection, work: impl FnOnce() -> Result<T>) -> Result<T> {
    conn.execute_batch("SAVEPOINT work")?;
    let outcome = work();
    // A full disk can make SQLite end the whole transaction, the savepoint with it.
    if !conn.is_autocommit() {
        let end = if outcome.is_ok() { "RELEASE work" } else { "ROLLBACK TO work; RELEASE work" };
        conn.execute_batch(end)?;
    }
    outcome
}

fn refuse_while_stuck(conn: &Connection) -> Result<()> {
    let Some(stuck) = State::read(conn)?.stuck else { return Ok(()) };
    Err(Error::conflict(format!(
        "The tables stopped before event {}, which another program wrote and which breaks a rule: {}. New events are refused until this is mended.",
        stuck.event, stuck.reason
    ))
    .hint("Hide the event, rewind to before it, or start the server with a domain in which it is valid."))
}

/// Applies what was just appended; a failure names the place in the batch.
fn project(conn: &Connection, shelf: Shelf<'_>, appended: Appended) -> Result<()> {
    catch_up(conn, shelf, Hold::Keep, Broken::Refuse).map(|_| ()).map_err(|error| match failed_event(&error) {
        Some(event) if event >= appended.first_id => error.at(log::place(event.abs_diff(appended.first_id))),
        _ => error,
    })
}

fn failed_event(error: &Error) -> Option<i64> {
    use std::error::Error as _;
    error.source()?.downcast_ref::<crate::projection::Failure>().map(|failure| failure.event)
}
