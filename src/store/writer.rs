//! The one writer: a thread that owns the writing connection and takes jobs from a bounded queue.
//!
//! Two sorts of jobs. A *grouped* job runs in a transaction that it shares with others that wait:
//! one fsync serves them all, and each is answered after the commit. A job *alone* has the
//! connection for itself and its own transaction.
//!
//! Whoever waits longer than the busy timeout for its turn gives its job up, and is told so; a job
//! that has started is always waited for. So a "busy" answer means that nothing was done.

use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, RecvTimeoutError, Sender, bounded};
use rusqlite::Connection;

use crate::error::{self, Error, Result};

/// Jobs that wait in the queue; more wait outside.
const QUEUE: usize = 1024;
/// Jobs that share one commit.
const GROUP: usize = 256;

/// The way to the writer's thread. Dropping it lets the thread finish what waits and end.
pub struct Writer {
    queue: Option<Sender<Job>>,
    thread: Option<JoinHandle<()>>,
    busy_timeout: Duration,
}

enum Job {
    Grouped(Box<dyn Grouped>),
    Alone(Box<dyn FnOnce(&mut Connection) + Send>),
}

/// A job of a group, in three steps so that the answer can wait for the commit.
trait Grouped: Send {
    fn claim(&self) -> bool;
    fn run(&mut self, conn: &Connection);
    fn answer(self: Box<Self>, failure: Option<&Error>);
}

/// Who got to a job first: the writer, or the caller who gave up waiting.
#[derive(Default)]
struct Ticket(AtomicU8);

impl Ticket {
    const CLAIMED: u8 = 1;
    const GIVEN_UP: u8 = 2;

    fn claim(&self) -> bool {
        self.0.compare_exchange(0, Self::CLAIMED, Ordering::AcqRel, Ordering::Acquire).is_ok()
    }

    fn give_up(&self) -> bool {
        self.0.compare_exchange(0, Self::GIVEN_UP, Ordering::AcqRel, Ordering::Acquire).is_ok()
    }
}

struct GroupedJob<T, F> {
    ticket: Arc<Ticket>,
    work: Option<F>,
    outcome: Option<Result<T>>,
    reply: Sender<Result<T>>,
}

impl<T: Send, F: FnOnce(&Connection) -> Result<T> + Send> Grouped for GroupedJob<T, F> {
    fn claim(&self) -> bool {
        self.ticket.claim()
    }

    fn run(&mut self, conn: &Connection) {
        self.outcome = self.work.take().map(|work| work(conn));
    }

    fn answer(self: Box<Self>, failure: Option<&Error>) {
        let outcome = match (failure, self.outcome) {
            // Its own refusal stands, whatever became of the others.
            (_, Some(Err(error))) => Err(error),
            (Some(failure), _) => Err(failure.for_another()),
            (None, Some(outcome)) => outcome,
            (None, None) => Err(Error::internal("a job was not run")),
        };
        // A caller that is gone needs no answer.
        let _ = self.reply.send(outcome);
    }
}

impl Writer {
    /// Starts the thread on a connection that is set up for writing.
    ///
    /// # Errors
    ///
    /// Where the thread cannot be started.
    pub fn start(conn: Connection, busy_timeout: Duration) -> Result<Self> {
        let (queue, jobs) = bounded(QUEUE);
        let thread = std::thread::Builder::new().name("writer".into()).spawn(move || work_off(conn, &jobs))?;
        Ok(Self { queue: Some(queue), thread: Some(thread), busy_timeout })
    }

    /// Runs `work` in a transaction that it may share with others. It sees what earlier jobs of
    /// the group did; if it fails it must leave nothing behind (a savepoint does that).
    ///
    /// # Errors
    ///
    /// Those of `work` and of the commit; busy where its turn does not come in time.
    pub fn grouped<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Connection) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        let (reply, answer) = bounded(1);
        let ticket = Arc::new(Ticket::default());
        let job = GroupedJob { ticket: Arc::clone(&ticket), work: Some(work), outcome: None, reply };
        self.submit(Job::Grouped(Box::new(job)), self.busy_timeout, &ticket, &answer)
    }

    /// Runs `work` with the connection to itself.
    ///
    /// # Errors
    ///
    /// As [`Writer::grouped`].
    pub fn alone<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut Connection) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        self.alone_within(self.busy_timeout, work)
    }

    /// As [`Writer::alone`], and waits for its turn only so long.
    ///
    /// # Errors
    ///
    /// As [`Writer::alone`].
    pub fn alone_within<T: Send + 'static>(
        &self,
        patience: Duration,
        work: impl FnOnce(&mut Connection) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        let (reply, answer) = bounded(1);
        let ticket = Arc::new(Ticket::default());
        let claimed = Arc::clone(&ticket);
        let job = move |conn: &mut Connection| {
            if claimed.claim() {
                let _ = reply.send(work(conn));
            }
        };
        self.submit(Job::Alone(Box::new(job)), patience, &ticket, &answer)
    }

    fn submit<T>(&self, job: Job, patience: Duration, ticket: &Ticket, answer: &Receiver<Result<T>>) -> Result<T> {
        let stopped = || Error::internal("the writer has stopped");
        let deadline = Instant::now() + patience;
        let queue = self.queue.as_ref().ok_or_else(stopped)?;
        if let Err(failed) = queue.send_deadline(job, deadline) {
            return Err(if failed.is_timeout() { Error::busy() } else { stopped() });
        }
        match answer.recv_deadline(deadline) {
            Ok(outcome) => outcome,
            Err(RecvTimeoutError::Timeout) if ticket.give_up() => Err(Error::busy()),
            Err(RecvTimeoutError::Timeout) => answer.recv().map_err(|_| stopped())?,
            Err(RecvTimeoutError::Disconnected) => Err(stopped()),
        }
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        self.queue = None;
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

fn work_off(mut conn: Connection, jobs: &Receiver<Job>) {
    let mut next = None;
    while let Some(job) = next.take().or_else(|| jobs.recv().ok()) {
        match job {
            Job::Alone(work) => work(&mut conn),
            Job::Grouped(first) => {
                let mut group = vec![first];
                while group.len() < GROUP {
                    match jobs.try_recv() {
                        Ok(Job::Grouped(job)) => group.push(job),
                        Ok(alone) => {
                            next = Some(alone);
                            break;
                        }
                        Err(_) => break,
                    }
                }
                run_group(&conn, group);
            }
        }
    }
    leave_tidy(&conn);
}

/// Takes the write-ahead log into the database file, unless another process is using it just now.
fn leave_tidy(conn: &Connection) {
    let at_once = conn.busy_timeout(Duration::ZERO);
    if let Err(error) = at_once.and_then(|()| conn.execute_batch("PRAGMA wal_checkpoint(TRUNCATE)")) {
        tracing::debug!(%error, "the write-ahead log stays beside the database");
    }
}

fn run_group(conn: &Connection, group: Vec<Box<dyn Grouped>>) {
    let mut claimed: Vec<_> = group.into_iter().filter(|job| job.claim()).collect();
    if claimed.is_empty() {
        return;
    }
    let outcome = commit_together(conn, &mut claimed);
    if outcome.is_err() && !conn.is_autocommit() {
        // The first error is what is told; a failing rollback leaves nothing committed either.
        let _ = conn.execute_batch("ROLLBACK");
    }
    for job in claimed {
        job.answer(outcome.as_ref().err());
    }
}

fn commit_together(conn: &Connection, group: &mut [Box<dyn Grouped>]) -> Result<()> {
    conn.execute_batch("BEGIN IMMEDIATE")?;
    for job in group {
        job.run(conn);
        // A full disk can make SQLite end the whole transaction on its own.
        if conn.is_autocommit() {
            return Err(error::disk_full());
        }
    }
    conn.execute_batch("COMMIT")?;
    Ok(())
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]
    use super::*;
    use crate::error::ErrorKind;

    fn writer(busy_timeout: Duration) -> Writer {
        let conn = Connection::open_in_memory().unwrap();
        conn.execute_batch("CREATE TABLE t (n)").unwrap();
        Writer::start(conn, busy_timeout).unwrap()
    }

    #[test]
    fn a_job_that_gives_up_waiting_is_never_run() {
        let writer = Arc::new(writer(Duration::from_millis(50)));
        let (started, has_started) = bounded(1);
        let (release, released) = bounded::<()>(1);
        let blocking = Arc::clone(&writer);
        let long = std::thread::spawn(move || {
            blocking.alone(move |_| {
                started.send(()).unwrap();
                released.recv().unwrap();
                Ok(())
            })
        });
        has_started.recv().unwrap();
        let refused = writer.grouped(|conn| Ok(conn.execute("INSERT INTO t VALUES (1)", [])?)).unwrap_err();
        assert_eq!(refused.kind(), ErrorKind::Busy);
        release.send(()).unwrap();
        long.join().unwrap().unwrap();
        let count: i64 =
            writer.alone(|conn| Ok(conn.query_row("SELECT count(*) FROM t", [], |row| row.get(0))?)).unwrap();
        assert_eq!(count, 0);
    }

    #[test]
    fn a_refused_job_takes_no_other_of_its_group_with_it() {
        let writer = Arc::new(writer(Duration::from_secs(10)));
        let (release, released) = bounded::<()>(1);
        let (started, has_started) = bounded(1);
        let first = Arc::clone(&writer);
        let gate = std::thread::spawn(move || {
            first.alone(move |_| {
                started.send(()).unwrap();
                released.recv().unwrap();
                Ok(())
            })
        });
        has_started.recv().unwrap();
        let jobs: Vec<_> = (0..8)
            .map(|n| {
                let writer = Arc::clone(&writer);
                std::thread::spawn(move || {
                    writer.grouped(move |conn| {
                        if n == 3 {
                            return Err(Error::unprocessable("no"));
                        }
                        Ok(conn.execute("INSERT INTO t VALUES (?1)", [n])?)
                    })
                })
            })
            .collect();
        release.send(()).unwrap();
        gate.join().unwrap().unwrap();
        let failed = jobs.into_iter().map(|job| job.join().unwrap()).filter(Result::is_err).count();
        assert_eq!(failed, 1);
        let count: i64 =
            writer.alone(|conn| Ok(conn.query_row("SELECT count(*) FROM t", [], |row| row.get(0))?)).unwrap();
        assert_eq!(count, 7);
    }
}
