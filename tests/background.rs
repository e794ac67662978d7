//! What a server does by itself: the policy over years, snapshots when they are due, and stopping.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use backstitch::clock::Clock;
use backstitch::engine::Decided;
use backstitch::history::Means;
use backstitch::scheduler::Scheduler;
use backstitch::snapshot::policy::Why;
use backstitch::snapshot::{Keep, Kind, Scope, Snapshot};
use time::OffsetDateTime;

use crate::support::{Random, Server, Story, TestStore, count, request, seed};

const MINUTE: i64 = 60;
const DAY: i64 = 24 * 60 * MINUTE;

/// A store whose clock the test moves.
struct Years {
    store: TestStore,
    now: Arc<AtomicI64>,
    told: Story,
}

impl Years {
    fn new() -> Self {
        let now = Arc::new(AtomicI64::new(1_800_000_000));
        let hands = Arc::clone(&now);
        let store = TestStore::with(|options| {
            options.clock =
                Clock::new(move || OffsetDateTime::from_unix_timestamp(hands.load(Ordering::SeqCst)).unwrap());
        });
        Self { store, now, told: Story::default() }
    }

    fn pass(&self, seconds: i64) {
        self.now.fetch_add(seconds, Ordering::SeqCst);
    }

    fn listed(&self, kind: Kind) -> Vec<Snapshot> {
        self.store.engine.snapshots().unwrap().into_iter().filter(|one| one.kind == kind).collect()
    }
}

#[test]
fn ten_years_of_policy_keep_what_they_promise() {
    let (mut random, mut years) = (Random::new(seed()), Years::new());
    let end = years.now.load(Ordering::SeqCst) + 3653 * DAY;
    let mut pinned = BTreeSet::new();
    while years.now.load(Ordering::SeqCst) < end {
        years.pass(*random.pick(&[MINUTE, 20 * MINUTE, 40 * MINUTE, DAY, 30 * DAY]));
        let events = *random.pick(&[0, 0, 1, 7, 120]);
        if events > 0 {
            let told = years.told.tell(events);
            years.store.append(told);
        }
        let engine = &years.store.engine;
        let due = engine.should_take_periodic_snapshot().unwrap();
        let before = years.listed(Kind::Periodic);
        engine.follow_policy().unwrap();
        let after = years.listed(Kind::Periodic);
        let is_new = after.first().map(|one| one.sequence) != before.first().map(|one| one.sequence);
        assert_eq!(is_new, due, "a snapshot is taken when one is due, and only then");
        if random.below(40) == 0
            && let Some(newest) = after.first()
        {
            engine.note(newest.kind, &newest.snapshot_id, Some(true), None).unwrap();
            pinned.insert(newest.snapshot_id.clone());
        }
        if random.below(30) == 0
            && let Some(newest) = after.first()
        {
            years.store.restore(newest, Scope::Everything);
        }
        check(&years, &pinned);
    }
}

fn check(years: &Years, pinned: &BTreeSet<backstitch::snapshot::SnapshotId>) {
    let (periodic, safety) = (years.listed(Kind::Periodic), years.listed(Kind::Rewind));
    let unpinned = periodic.iter().filter(|one| !one.pinned).count();
    assert!(unpinned <= 6, "{unpinned} unpinned: the newest five, and perhaps the newest that matches the log");
    let ids: BTreeSet<_> = periodic.iter().map(|one| one.snapshot_id.clone()).collect();
    assert!(pinned.is_subset(&ids), "a pinned snapshot is never pruned");
    assert!(periodic.windows(2).all(|pair| pair[0].sequence > pair[1].sequence), "newest first");
    let now = years.store.engine.now();
    for one in &safety {
        assert!(matches!(one.keep, Keep::Until(until) if until > now) || one.keep != Keep::Due || safety.len() > 5);
    }
    let any = periodic.iter().chain(&safety).any(|one| one.on_this_history == Some(true));
    assert!(any || periodic.is_empty(), "there is always a way back");
}

#[test]
fn a_clock_an_hour_back_and_ten_years_on_harms_neither_order_nor_the_newest() {
    let mut years = Years::new();
    for step in [10 * MINUTE, -60 * MINUTE, 0, 3653 * DAY, -3653 * DAY, 31 * MINUTE] {
        years.pass(step);
        let told = years.told.tell(100);
        years.store.append(told);
        let due = years.store.engine.should_take_periodic_snapshot().unwrap();
        assert!(due, "a hundred events have come, whatever the clock says");
        years.store.engine.follow_policy().unwrap();
    }
    let newest = years.listed(Kind::Periodic);
    assert_eq!(newest.len(), 5);
    for one in newest {
        years.store.engine.verify(one.kind, &one.snapshot_id).unwrap();
    }
}

#[test]
fn a_server_takes_the_first_snapshot_by_itself_and_says_why_it_takes_no_other() {
    let store = TestStore::with_story(20);
    let _scheduler = Scheduler::start(&store.engine).unwrap();
    let deadline = std::time::Instant::now() + Duration::from_secs(20);
    let looked = || store.engine.last_decision().map(|decision| decision.what);
    while looked() != Some(Decided::Nothing(Why::Unchanged)) {
        assert!(std::time::Instant::now() < deadline, "the policy decides within seconds");
        std::thread::yield_now();
    }
    let listed = store.engine.snapshots().unwrap();
    assert_eq!(listed.len(), 1);
    assert!(listed[0].automatic);
    assert!(looked().unwrap().to_string().starts_with("nothing has changed"));
    let deed = store.engine.last_deed().unwrap().what;
    assert_eq!(deed.to_string(), format!("took {}, since there was none yet", listed[0].snapshot_id));
}

#[test]
fn what_the_policy_did_and_why_outlives_its_later_looks() {
    let mut years = Years::new();
    assert!(years.store.engine.last_deed().is_none());
    for (events, reason) in [
        (1, "since there was none yet"),
        (100, "since 100 events had come since the last one"),
        (1, "since its time had come and something had changed"),
    ] {
        years.pass(31 * MINUTE);
        let told = years.told.tell(events);
        years.store.append(told);
        let taken_at = years.store.engine.now();
        years.store.engine.follow_policy().unwrap();
        years.pass(MINUTE);
        years.store.engine.follow_policy().unwrap();
        let newest = years.listed(Kind::Periodic)[0].snapshot_id.to_string();
        let (look, deed) = (years.store.engine.last_decision().unwrap(), years.store.engine.last_deed().unwrap());
        assert_eq!(look.what, Decided::Nothing(Why::Unchanged));
        assert_eq!((deed.at, deed.what.to_string()), (taken_at, format!("took {newest}, {reason}")));
        assert!(look.at > deed.at);
    }
}

#[test]
fn a_snapshot_that_was_due_and_failed_is_remembered() {
    let mut years = Years::new();
    let told = years.told.tell(3);
    years.store.append(told);
    // Nothing can be published in what is no folder.
    let folder = years.store.path().join("snapshots/chunks");
    std::fs::remove_dir_all(&folder).unwrap();
    std::fs::write(&folder, "").unwrap();
    let error = years.store.engine.follow_policy().unwrap_err().to_string();
    let (look, deed) = (years.store.engine.last_decision().unwrap(), years.store.engine.last_deed().unwrap());
    assert_eq!(deed.what, Decided::Failed(error));
    assert_eq!(look, deed);
}

#[test]
fn none_is_taken_by_the_policy_while_the_tables_are_held() {
    let store = TestStore::with_story(50);
    let snapshot = store.take();
    store.append(Story::from(51).tell(150));
    store.restore(&snapshot, Scope::Projections);
    assert!(!store.engine.should_take_periodic_snapshot().unwrap());
    store.engine.replay(Means::Command).unwrap();
    assert!(store.engine.should_take_periodic_snapshot().unwrap());
}

#[test]
fn a_server_that_is_asked_to_stop_finishes_or_rolls_back_what_runs() {
    let mut random = Random::new(seed());
    let store = tempfile::tempdir().unwrap();
    let mut acknowledged = 0;
    for round in 0..count("BACKSTITCH_ROUNDS", 50) {
        let server = Server::start(store.path(), &[]);
        let address = server.address.clone();
        let clients: Vec<_> = (0..3).map(|client| work_until_refused(address.clone(), client, round)).collect();
        std::thread::sleep(Duration::from_millis(random.below(60) as u64));
        let signal = *random.pick(&["-TERM", "-INT"]);
        assert!(server.stop_with(signal).success(), "asked to stop, it ends well");
        acknowledged += clients.into_iter().map(|client| client.join().unwrap()).sum::<u64>();
    }
    let store = backstitch::engine::Engine::open(backstitch::engine::Options::new(store.path())).unwrap();
    let status = store.status().unwrap();
    assert!(status.events >= acknowledged, "{acknowledged} events were acknowledged, {} are there", status.events);
    assert_eq!(status.position, status.head);
    for one in store.snapshots().unwrap() {
        store.verify(one.kind, &one.snapshot_id).unwrap();
    }
}

/// Appends, and takes now and then, until the server is gone; answers what was acknowledged.
fn work_until_refused(address: String, client: u32, round: u32) -> std::thread::JoinHandle<u64> {
    std::thread::spawn(move || {
        let mut acknowledged = 0;
        for n in 0.. {
            let body = format!(r#"{{"kind":"note","payload":{{"from":[{round},{client},{n}]}}}}"#);
            match request(&address, "POST", "/events", "application/json", &body) {
                Ok(answer) if answer.status == 201 => acknowledged += 1,
                _ => break,
            }
            if n % 10 == 9 && request(&address, "POST", "/snapshots/take", "", "").is_err() {
                break;
            }
        }
        acknowledged
    })
}
