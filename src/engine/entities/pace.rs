//! When a round of entity snapshots may run: at once while nothing comes in, and else so seldom that
//! appends do not feel it.

use std::time::{Duration, Instant};

/// While events come in a round waits for so many times what it costs: it takes at most a
/// forty-first part of one processor then.
const REST: u32 = 40;

/// What the first round is taken to cost.
const FIRST: Duration = Duration::from_millis(100);

/// When rounds ran and events came in.
#[derive(Debug)]
pub(super) struct Pace {
    /// Where the tables stood at the last look.
    position: i64,
    /// Since when each look has found new events.
    busy_since: Option<Instant>,
    /// When the last round ended, and what it took.
    last: Option<(Instant, Duration)>,
}

impl Default for Pace {
    fn default() -> Self {
        // No store stands there, so that the first look takes it for busy.
        Self { position: -1, busy_since: None, last: None }
    }
}

impl Pace {
    /// Whether a round may run now. What has not been earned yet is not spent: a round waits in the
    /// beginning of a burst too, and not only after one.
    pub(super) fn allows(&mut self, now: Instant, position: i64) -> bool {
        let has_moved = position != self.position;
        self.position = position;
        self.busy_since = if has_moved { self.busy_since.or(Some(now)) } else { None };
        let cost = self.last.map_or(FIRST, |(_, took)| took);
        let ended = self.last.map(|(ended, _)| ended);
        match self.busy_since {
            Some(since) => now >= ended.map_or(since, |ended| ended.max(since)) + cost * REST,
            None => ended.is_none_or(|ended| now >= ended + cost),
        }
    }

    /// A round has run.
    pub(super) fn ran(&mut self, started: Instant, ended: Instant) {
        self.last = Some((ended, ended.duration_since(started)));
    }
}

/// Whether the time that there is, if it has an end, is over.
pub(super) fn is_up(until: Option<Instant>) -> bool {
    until.is_some_and(|until| Instant::now() >= until)
}

#[cfg(test)]
mod tests {
    use super::*;

    const LOOK: Duration = Duration::from_millis(200);

    #[test]
    fn a_quiet_store_has_its_round_at_the_second_look() {
        let (mut pace, start) = (Pace::default(), Instant::now());
        assert!(!pace.allows(start, 7));
        assert!(pace.allows(start + LOOK, 7));
    }

    #[test]
    fn a_burst_waits_for_what_a_round_costs_from_its_beginning_on() {
        let (mut pace, start) = (Pace::default(), Instant::now());
        let day = start + Duration::from_secs(86_400);
        pace.ran(start, start + FIRST);
        pace.allows(start + LOOK, 0);
        assert!(pace.allows(start + LOOK * 2, 0));
        let allowed: Vec<u32> = (0..100).filter(|look| pace.allows(day + LOOK * *look, i64::from(*look) + 1)).collect();
        assert_eq!(allowed.first(), Some(&20), "four seconds after it began");
    }

    #[test]
    fn a_round_is_followed_by_a_rest_while_events_come_in_and_not_after_them() {
        let (mut pace, start) = (Pace::default(), Instant::now());
        pace.ran(start, start + LOOK);
        let first = (1..100).find(|look| pace.allows(start + LOOK * *look, i64::from(*look)));
        assert_eq!(first, Some(1 + REST), "the first look that finds it busy, and forty times what the round took");
        pace.ran(start + LOOK * 41, start + LOOK * 42);
        assert!(pace.allows(start + LOOK * 43, 41), "nothing has come in since");
    }
}
