//! When a snapshot of an entity is due.

use std::collections::HashMap;
use std::time::Duration;

use time::OffsetDateTime;

use super::EntityKey;
use crate::clock;

/// Counts events and moments of entities, and says when a snapshot of one is due: after so many of
/// its events, or after so long since its last snapshot, if it has changed.
///
/// Counterpart of the original's class of that name; what it counts is read from the log when a
/// store is opened, so a restart forgets nothing.
///
/// ```
/// use std::time::Duration;
/// use backstitch::entity::{EntityKey, SnapshotPolicy};
/// use time::OffsetDateTime;
///
/// let mut policy = SnapshotPolicy::new(2, Duration::from_secs(3600));
/// let (ada, now) = (EntityKey::new("bot", "ada"), OffsetDateTime::UNIX_EPOCH);
/// policy.record_event(&ada);
/// assert!(!policy.should_snapshot(&ada, policy.events_since(&ada), now));
/// policy.record_event(&ada);
/// assert!(policy.should_snapshot(&ada, policy.events_since(&ada), now));
///
/// policy.record_snapshot(&ada, now);
/// policy.record_event(&ada);
/// assert!(!policy.should_snapshot(&ada, policy.events_since(&ada), now));
/// assert!(policy.should_snapshot(&ada, policy.events_since(&ada), now + Duration::from_secs(3600)));
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SnapshotPolicy {
    /// Due after so many events of the entity.
    pub event_interval: u64,
    /// Due after so long since the last snapshot, if the entity has changed.
    pub time_interval: Duration,
    events: HashMap<EntityKey, u64>,
    taken: HashMap<EntityKey, OffsetDateTime>,
}

impl Default for SnapshotPolicy {
    /// The original's: 100 events, or an hour.
    fn default() -> Self {
        Self::new(100, Duration::from_secs(3600))
    }
}

impl SnapshotPolicy {
    /// A policy that has seen nothing yet.
    pub fn new(event_interval: u64, time_interval: Duration) -> Self {
        Self { event_interval, time_interval, events: HashMap::new(), taken: HashMap::new() }
    }

    /// Whether a snapshot of an entity is due, so many events after its last one. The time counts
    /// only where there is a last one and something has come since.
    pub fn should_snapshot(&self, entity: &EntityKey, events_since: u64, now: OffsetDateTime) -> bool {
        events_since >= self.event_interval || (events_since > 0 && self.due_at(entity).is_some_and(|due| now >= due))
    }

    /// When a snapshot of an entity is due by time; none where there is none yet.
    pub fn due_at(&self, entity: &EntityKey) -> Option<OffsetDateTime> {
        self.taken.get(entity).and_then(|taken| clock::after(*taken, self.time_interval))
    }

    /// Events since the last snapshot.
    pub fn events_since(&self, entity: &EntityKey) -> u64 {
        self.events.get(entity).copied().unwrap_or(0)
    }

    /// Notes that an event of an entity has come.
    pub fn record_event(&mut self, entity: &EntityKey) {
        self.record_events(entity, 1);
    }

    /// Notes that so many have come.
    pub fn record_events(&mut self, entity: &EntityKey, events: u64) {
        *self.events.entry(entity.clone()).or_default() += events;
    }

    /// Notes that a snapshot was taken.
    pub fn record_snapshot(&mut self, entity: &EntityKey, at: OffsetDateTime) {
        self.events.remove(entity);
        self.taken.insert(entity.clone(), at);
    }
}
