//! Why a snapshot is kept and when it goes, in words.

use time::OffsetDateTime;

use super::filters::Moment;
use crate::snapshot::retention::SAFETY_KEPT;
use crate::snapshot::{Keep, Kind, Snapshot};

/// Why a snapshot is kept and when it goes.
pub(super) struct Kept {
    kind: Kind,
    keep: Keep,
    damaged: bool,
    now: OffsetDateTime,
}

impl Kept {
    pub(super) fn new(snapshot: &Snapshot, now: OffsetDateTime) -> Self {
        Self { kind: snapshot.kind, keep: snapshot.keep, damaged: snapshot.damaged.is_some(), now }
    }

    /// In words, in a store that keeps so many checkpoints.
    pub(super) fn words(&self, keep_periodic: usize) -> String {
        let newest = match self.kind {
            Kind::Periodic => keep_periodic,
            Kind::Rewind => SAFETY_KEPT,
        };
        match self.keep {
            Keep::Pinned => "kept until you unpin it".to_owned(),
            Keep::Until(at) => format!("goes {}", Moment::new(at, self.now).day),
            _ if self.damaged => format!("not counted among the newest {newest}"),
            Keep::Newest(place) if place <= newest => format!("newest {newest}: {}", ordinal(place)),
            // One more than these is kept where none of them matches the log.
            Keep::Newest(_) => "kept: the newest that matches the log".to_owned(),
            Keep::UntilDeleted => "kept until you delete it".to_owned(),
            Keep::Due => "goes with the next checkpoint".to_owned(),
        }
    }
}

fn ordinal(place: usize) -> String {
    match (place % 10, place % 100) {
        (_, 11..=13) => format!("{place}th"),
        (1, _) => format!("{place}st"),
        (2, _) => format!("{place}nd"),
        (3, _) => format!("{place}rd"),
        _ => format!("{place}th"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_told_with_the_number_that_is_kept() {
        let said = |kind, keep, damaged| Kept { kind, keep, damaged, now: OffsetDateTime::UNIX_EPOCH }.words(7);
        assert_eq!(said(Kind::Periodic, Keep::Newest(1), false), "newest 7: 1st");
        assert_eq!(said(Kind::Periodic, Keep::Newest(8), false), "kept: the newest that matches the log");
        assert_eq!(said(Kind::Rewind, Keep::Newest(2), false), "newest 5: 2nd");
        assert_eq!(said(Kind::Periodic, Keep::UntilDeleted, true), "not counted among the newest 7");
        assert_eq!(said(Kind::Periodic, Keep::Pinned, true), "kept until you unpin it");
        let until = Keep::Until(OffsetDateTime::UNIX_EPOCH);
        assert!(said(Kind::Rewind, until, true).starts_with("goes 1 Jan"), "{}", said(Kind::Rewind, until, true));
    }

    #[test]
    fn places_are_spoken() {
        assert_eq!([1, 2, 3, 4, 11, 12, 21].map(ordinal), ["1st", "2nd", "3rd", "4th", "11th", "12th", "21st"]);
    }
}
