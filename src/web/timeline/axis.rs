//! The axis of the timeline: time, with idle stretches folded to a marked gap.
//!
//! Everything is in minutes since 1970 began in UTC. The axis is made of stretches, each a whole
//! number of steps; a step is one bar. What lies between two stretches has one fixed width.

/// Lengths of a step, in minutes; past the last they double.
const STEPS: [i64; 14] = [1, 2, 5, 10, 15, 30, 60, 120, 240, 480, 720, 1440, 2880, 10_080];
/// The width of a fold, in steps.
const FOLD: i64 = 3;
/// Idle time up to here is drawn, in minutes.
const SHORT: i64 = 60;

/// A part of the axis without a fold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Stretch {
    /// Its first minute, at a multiple of the step.
    pub(super) from: i64,
    /// The minute after its last.
    pub(super) until: i64,
    /// Where it begins on the axis, in steps.
    at: i64,
}

/// The axis.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Axis {
    /// Minutes of a step.
    pub(super) step: i64,
    pub(super) stretches: Vec<Stretch>,
    /// Its length in steps.
    pub(super) steps: i64,
}

impl Axis {
    /// The finest axis of at most so many steps that has all of these minutes, which are in order;
    /// none where there are no minutes.
    pub(super) fn new(minutes: &[i64], most: i64) -> Option<Self> {
        let mut step = STEPS.into_iter();
        let mut last = 1;
        loop {
            last = step.next().unwrap_or(last * 2);
            let axis = Self::of(minutes, last)?;
            if axis.steps <= most {
                // So that a single bar is not as wide as the page.
                return Some(Self { steps: axis.steps.max(most / 2), ..axis });
            }
        }
    }

    fn of(minutes: &[i64], step: i64) -> Option<Self> {
        let mut stretches: Vec<Stretch> = Vec::new();
        for &minute in minutes {
            let (from, until) = (minute.div_euclid(step) * step, (minute.div_euclid(step) + 1) * step);
            match stretches.last_mut() {
                // A fold must be shorter than what it stands for.
                Some(last) if from - last.until <= SHORT.max(FOLD * step) => last.until = until.max(last.until),
                Some(last) => {
                    let at = last.at + (last.until - last.from) / step + FOLD;
                    stretches.push(Stretch { from, until, at });
                }
                None => stretches.push(Stretch { from, until, at: 0 }),
            }
        }
        let last = stretches.last()?;
        let steps = last.at + (last.until - last.from) / step;
        Some(Self { step, stretches, steps })
    }

    /// Where a minute is, in steps. One before the axis is at its beginning, one in a fold at the
    /// fold's end, one past the axis at its end.
    pub(super) fn place(&self, minute: f64) -> f64 {
        let stretch = self.stretches.iter().find(|stretch| minute < stretch.until as f64).or(self.stretches.last());
        stretch.map_or(0.0, |stretch| {
            let within = minute.clamp(stretch.from as f64, stretch.until as f64) - stretch.from as f64;
            stretch.at as f64 + within / self.step as f64
        })
    }

    /// The same in hundredths of its length.
    pub(super) fn percent(&self, minute: f64) -> f64 {
        self.place(minute) * 100.0 / self.steps as f64
    }

    /// The step in which a minute of the axis lies.
    pub(super) fn bar(&self, minute: i64) -> i64 {
        self.place(minute as f64) as i64
    }

    /// The middles of the folds, in hundredths of the axis.
    pub(super) fn folds(&self) -> impl Iterator<Item = f64> {
        self.stretches.iter().skip(1).map(|next| (next.at as f64 - FOLD as f64 / 2.0) * 100.0 / self.steps as f64)
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test may stop at once")]
    use super::*;

    #[test]
    fn an_idle_stretch_of_more_than_an_hour_is_folded() {
        let axis = Axis::new(&[0, 30, 90, 600, 610], 2000).unwrap();
        let seen: Vec<(i64, i64, i64)> = axis.stretches.iter().map(|one| (one.from, one.until, one.at)).collect();
        assert_eq!((axis.step, seen), (1, vec![(0, 91, 0), (600, 611, 94)]));
        assert_eq!(axis.folds().count(), 1);
        assert_eq!(axis.bar(605), 99);
    }

    #[test]
    fn a_long_log_has_coarse_steps_and_never_more_than_asked_for() {
        let year: Vec<i64> = (0..365 * 24 * 60).step_by(7).collect();
        for most in [40, 96] {
            let axis = Axis::new(&year, most).unwrap();
            assert!(axis.steps <= most, "{} steps of {} minutes", axis.steps, axis.step);
        }
        assert_eq!(Axis::new(&year, 96).unwrap().step, 10_080);
        // Bursts that are far apart cost a fold each, so the step grows past the folds.
        let bursts: Vec<i64> = (0..500).map(|at| at * 100_000).collect();
        assert!(Axis::new(&bursts, 40).unwrap().steps <= 40);
    }

    #[test]
    fn what_is_not_on_the_axis_is_at_its_nearest_end() {
        let axis = Axis::new(&[60, 61, 6000], 96).unwrap();
        assert_eq!(axis.percent(0.0), 0.0);
        assert!(axis.place(3000.0) > axis.place(61.5), "in a fold: where it ends");
        assert_eq!(axis.place(9000.0), axis.place(6001.0));
    }

    #[test]
    fn one_event_is_one_narrow_bar() {
        let axis = Axis::new(&[7], 96).unwrap();
        assert_eq!((axis.step, axis.bar(7), axis.steps), (1, 0, 48));
        assert!(Axis::new(&[], 96).is_none());
    }
}
