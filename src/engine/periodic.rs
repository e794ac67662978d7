//! Following the policy: whether a periodic snapshot is due, taking it, and remembering why.

use std::sync::PoisonError;

use serde::Serialize;
use time::OffsetDateTime;

use super::{Core, Engine};
use crate::error::Result;
use crate::history::Means;
use crate::snapshot::policy::{NextDue, next_due};

/// What the policy made of a moment.
#[derive(Debug, Clone, Serialize)]
pub struct Decision {
    /// The moment.
    #[serde(with = "time::serde::rfc3339")]
    pub at: OffsetDateTime,
    /// What was decided, and why.
    pub what: String,
}

impl Core {
    fn decide(&self, what: String) {
        let decision = Decision { at: self.clock.now(), what };
        *self.decision.lock().unwrap_or_else(PoisonError::into_inner) = Some(decision);
    }
}

impl Engine {
    /// Whether the policy wants a periodic snapshot now.
    ///
    /// # Errors
    ///
    /// Where the store cannot be read.
    ///
    /// # Example
    ///
    /// ```
    /// # use backstitch::{engine::{Engine, Options}, history::Means, log::NewEvent, snapshot::{Expected, Kind, Scope}};
    /// # fn main() -> backstitch::error::Result<()> {
    /// # let folder = tempfile::tempdir()?;
    /// # let store = Engine::open(Options::new(folder.path()))?;
    /// assert!(!store.should_take_periodic_snapshot()?, "the log is empty");
    /// store.append(vec![NewEvent::new("note", "{}")?])?;
    /// assert!(store.should_take_periodic_snapshot()?, "there is an event and no snapshot");
    /// # Ok(())
    /// # }
    /// ```
    pub fn should_take_periodic_snapshot(&self) -> Result<bool> {
        Ok(self.next_due()?.due_now)
    }

    /// When the next periodic snapshot is due.
    ///
    /// # Errors
    ///
    /// Where the store cannot be read.
    pub fn next_due(&self) -> Result<NextDue> {
        let (domain, now) = (self.domain(), self.core.clock.now());
        self.readers.read(|conn| {
            let last = self.core.last_periodic(conn)?;
            next_due(conn, &self.core.policy, &domain, last.as_ref(), now)
        })
    }

    /// Takes a snapshot if the policy wants one, and remembers what was decided and why. Answers
    /// when the next one is due.
    ///
    /// # Errors
    ///
    /// Where the store cannot be read or the snapshot not be taken.
    pub fn follow_policy(&self) -> Result<NextDue> {
        let due = self.next_due()?;
        let (decision, due) = if due.due_now {
            match self.take_snapshot(None, false, Means::Policy) {
                Ok(taken) => (format!("took {}", taken.snapshot.snapshot_id), self.next_due()?),
                Err(error) => {
                    self.core.decide(format!("could not take the snapshot that is due: {error}"));
                    return Err(error);
                }
            }
        } else {
            (due.why.to_string(), due)
        };
        self.core.decide(decision);
        Ok(due)
    }

    /// What the policy last decided, and when; none before its first look.
    pub fn last_decision(&self) -> Option<Decision> {
        self.core.decision.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}
