//! Following the policy: whether a periodic snapshot is due, taking it, and remembering why.

use std::fmt;
use std::sync::MutexGuard;

use time::OffsetDateTime;

use super::{Core, Engine, lock};
use crate::error::Result;
use crate::history::Means;
use crate::snapshot::SnapshotId;
use crate::snapshot::policy::{NextDue, Why, next_due};

/// What the policy made of a moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decision {
    /// The moment.
    pub at: OffsetDateTime,
    /// What was decided, and why.
    pub what: Decided,
}

/// What can be decided; in words with its `Display`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Decided {
    /// None is due.
    Nothing(Why),
    /// One was due and is taken.
    Took {
        /// The snapshot.
        snapshot: SnapshotId,
        /// Why it was due.
        why: Why,
    },
    /// One is due and could not be taken, for this reason.
    Failed(String),
}

impl Decided {
    /// Why one was due, told after it is taken; none where none was.
    pub fn because(&self) -> Option<String> {
        match self {
            Self::Took { why: Why::First, .. } => Some("since there was none yet".to_owned()),
            Self::Took { why: Why::Events(1), .. } => Some("since an event had come since the last one".to_owned()),
            Self::Took { why: Why::Events(events), .. } => {
                Some(format!("since {events} events had come since the last one"))
            }
            Self::Took { .. } => Some("since its time had come and something had changed".to_owned()),
            Self::Nothing(_) | Self::Failed(_) => None,
        }
    }
}

impl fmt::Display for Decided {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Nothing(why) => why.fmt(f),
            Self::Took { snapshot, .. } => {
                write!(f, "took {snapshot}, {}", self.because().unwrap_or_default())
            }
            Self::Failed(reason) => write!(f, "could not take the snapshot that is due: {reason}"),
        }
    }
}

/// What is remembered of the policy's looks: each look would else hide what the one before it did.
#[derive(Debug, Default)]
pub(super) struct Decisions {
    latest: Option<Decision>,
    did: Option<Decision>,
}

impl Core {
    fn decide(&self, what: Decided) {
        let did = !matches!(what, Decided::Nothing(_));
        let decision = Decision { at: self.clock.now(), what };
        let mut decisions = self.decisions();
        if did {
            decisions.did = Some(decision.clone());
        }
        decisions.latest = Some(decision);
    }

    fn decisions(&self) -> MutexGuard<'_, Decisions> {
        lock(&self.decision)
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
        if !due.due_now {
            self.core.decide(Decided::Nothing(due.why));
            return Ok(due);
        }
        match self.take_snapshot(None, false, Means::Policy) {
            Ok(taken) => {
                self.core.decide(Decided::Took { snapshot: taken.snapshot.snapshot_id, why: due.why });
                self.next_due()
            }
            Err(error) => {
                self.core.decide(Decided::Failed(error.to_string()));
                Err(error)
            }
        }
    }

    /// What the policy made of its latest look; none before its first.
    pub fn last_decision(&self) -> Option<Decision> {
        self.core.decisions().latest.clone()
    }

    /// What the policy last did: took a snapshot, or failed to. None while it has done nothing.
    pub fn last_deed(&self) -> Option<Decision> {
        self.core.decisions().did.clone()
    }
}
