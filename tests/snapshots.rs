//! Taking, keeping and losing snapshots: policy, retention, what is shared and what is freed.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use backstitch::clock::Clock;
use backstitch::engine::Options;
use backstitch::error::ErrorKind;
use backstitch::history::Means;
use backstitch::snapshot::{Keep, Kind, Scope};
use time::OffsetDateTime;

use crate::support::{Story, TestStore, story};

/// A clock that stands until it is moved.
#[derive(Clone)]
struct Hands(Arc<AtomicI64>);

impl Hands {
    fn at(seconds: i64) -> Self {
        Self(Arc::new(AtomicI64::new(seconds)))
    }

    fn forward(&self, time: Duration) {
        self.0.fetch_add(i64::try_from(time.as_secs()).unwrap(), Ordering::SeqCst);
    }

    fn set(&self, options: &mut Options) {
        let hands = self.clone();
        options.clock =
            Clock::new(move || OffsetDateTime::from_unix_timestamp(hands.0.load(Ordering::SeqCst)).unwrap());
    }
}

const DAY: Duration = Duration::from_secs(86_400);

#[test]
fn an_empty_store_can_be_taken_and_restored() {
    let store = TestStore::new();
    let snapshot = store.take();
    assert_eq!(snapshot.last_event_id, Some(0));
    assert_eq!(snapshot.on_this_history, Some(true));
    store.append(story(20));
    let again = store.engine.snapshot(snapshot.kind, &snapshot.snapshot_id).unwrap();
    assert_eq!(again.on_this_history, Some(true), "the empty log begins every log");
    let restored = store.restore(&snapshot, Scope::Everything);
    assert_eq!(restored.events_removed, 20);
    assert!(store.content().values().all(Vec::is_empty));
}

#[test]
fn a_snapshot_after_little_costs_little() {
    let store = TestStore::with_story(3000);
    let first = store.take();
    store.append(Story::from(3001).tell(10));
    let second = store.take();
    let sizes = store.engine.snapshots().unwrap();
    let alone: u64 = sizes.iter().map(|one| one.unique_bytes).sum();
    let shared =
        std::process::Command::new("du").args(["-sb", "--apparent-size"]).arg(store.path().join("snapshots")).output();
    let total: u64 =
        String::from_utf8(shared.unwrap().stdout).unwrap().split_whitespace().next().unwrap().parse().unwrap();
    assert!(alone * 2 < total, "{alone} bytes are of one snapshot alone, of {total}");
    assert_ne!(first.snapshot_id, second.snapshot_id);
}

#[test]
fn the_newest_five_stay_and_pinned_ones_too() {
    let hands = Hands::at(1_800_000_000);
    let store = TestStore::with(|options| hands.set(options));
    let mut told = Story::default();
    let mut taken = Vec::new();
    for n in 0..9 {
        store.append(told.tell(10));
        hands.forward(Duration::from_secs(60));
        let label = (n == 1).then(|| "kept".to_owned());
        let pinned = label.is_some();
        taken.push(store.engine.take_snapshot(label, pinned, Means::Command).unwrap().snapshot.snapshot_id);
    }
    let left: Vec<_> = store.engine.snapshots().unwrap();
    let ids: Vec<_> = left.iter().map(|one| one.snapshot_id.clone()).collect();
    let expected: Vec<_> = taken.iter().skip(4).rev().chain([&taken[1]]).cloned().collect();
    assert_eq!(ids, expected);
    assert_eq!(left.last().unwrap().keep, Keep::Pinned);
    assert_eq!(left[0].keep, Keep::Newest(1));
    for one in left {
        store.engine.verify(one.kind, &one.snapshot_id).unwrap();
    }
}

#[test]
fn safety_snapshots_go_after_their_time_but_never_the_newest_five() {
    let hands = Hands::at(1_800_000_000);
    let store = TestStore::with(|options| hands.set(options));
    store.append(story(30));
    let base = store.take();
    for _ in 0..8 {
        hands.forward(Duration::from_secs(10));
        store.restore(&base, Scope::Everything);
    }
    let safety =
        |store: &TestStore| store.engine.snapshots().unwrap().iter().filter(|one| one.kind == Kind::Rewind).count();
    hands.forward(13 * DAY);
    store.take();
    assert_eq!(safety(&store), 8);
    hands.forward(2 * DAY);
    store.take();
    assert_eq!(safety(&store), 5);
}

#[test]
fn what_others_put_there_is_listed_and_never_pruned() {
    let store = TestStore::with_story(40);
    let own = store.take();
    let folder = store.path().join("snapshots/periodic");
    std::fs::copy(folder.join(&own.filename), folder.join("before-upgrade.json")).unwrap();
    for _ in 0..7 {
        store.take();
    }
    let listed = store.engine.snapshots().unwrap();
    let hand = listed.iter().find(|one| one.snapshot_id.as_str() == "before-upgrade").unwrap();
    assert_eq!(hand.keep, Keep::UntilDeleted);
    assert_eq!(listed.iter().filter(|one| one.own).count(), 5);
    store.engine.verify(hand.kind, &hand.snapshot_id).unwrap();
}

#[test]
fn deleting_frees_what_no_other_snapshot_needs() {
    let store = TestStore::with_story(400);
    let (first, second) = (store.take(), {
        store.append(Story::from(401).tell(50));
        store.take()
    });
    let freed = store.engine.delete(second.kind, &second.snapshot_id, Means::Command).unwrap();
    assert!(freed.collected.chunks > 0);
    store.engine.verify(first.kind, &first.snapshot_id).unwrap();
    let again = store.engine.delete(second.kind, &second.snapshot_id, Means::Command).unwrap_err();
    assert_eq!(again.kind(), ErrorKind::NotFound);
}

#[test]
fn a_snapshot_is_due_after_a_hundred_events_or_half_an_hour_of_changes() {
    let hands = Hands::at(OffsetDateTime::now_utc().unix_timestamp());
    let store = TestStore::with(|options| hands.set(options));
    let due = || store.engine.should_take_periodic_snapshot().unwrap();
    assert!(!due(), "an empty log has nothing to keep");
    let mut told = Story::default();
    store.append(told.tell(7));
    assert!(due(), "there is none yet");
    store.take();
    assert!(!due());
    store.append(told.tell(99));
    assert!(!due());
    store.append(told.tell(1));
    assert!(due(), "100 events have come");
    store.take();
    hands.forward(Duration::from_secs(3600));
    assert!(!due(), "nothing has changed");
    store.append(told.tell(1));
    assert!(due(), "half an hour has passed and an event has come");
}

#[test]
fn every_take_restore_delete_and_prune_has_its_line_in_the_history() {
    let store = TestStore::with_story(60);
    let mut taken = Vec::new();
    for _ in 0..6 {
        taken.push(store.take());
    }
    let last = taken.last().unwrap();
    store.restore(last, Scope::Everything);
    store.engine.delete(last.kind, &last.snapshot_id, Means::Command).unwrap();
    let conn = store.other_program();
    let mut lines =
        conn.prepare("SELECT what, count(*) FROM backstitch_operations GROUP BY what ORDER BY what").unwrap();
    let lines: Vec<(String, i64)> =
        lines.query_map([], |row| Ok((row.get(0)?, row.get(1)?))).unwrap().collect::<rusqlite::Result<_>>().unwrap();
    let expected = [("delete", 1), ("prune", 1), ("restore", 1), ("take", 6)].map(|(what, n)| (what.to_owned(), n));
    assert_eq!(lines, expected);
}

#[test]
fn a_clock_that_goes_back_harms_no_order_of_the_same_moment() {
    let hands = Hands::at(1_800_000_000);
    let store = TestStore::with(|options| hands.set(options));
    store.append(story(10));
    let ids: Vec<String> = (0..3).map(|_| store.take().snapshot_id.to_string()).collect();
    assert_eq!(ids, ["20270115T080000Z", "20270115T080000Z_02", "20270115T080000Z_03"]);
    let listed: Vec<String> = store.engine.snapshots().unwrap().iter().map(|one| one.snapshot_id.to_string()).collect();
    assert_eq!(listed, ["20270115T080000Z_03", "20270115T080000Z_02", "20270115T080000Z"]);
}
