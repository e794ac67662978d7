//! Restoring a snapshot brings its store back, and the safety snapshot brings back what it replaced.

use backstitch::compare::{DiffRow, RowChange, TableChange};
use backstitch::engine::DiffPage;
use backstitch::error::ErrorKind;
use backstitch::history::Means;
use backstitch::image::Value;
use backstitch::snapshot::{Scope, Snapshot};

use super::check;
use super::stream::{edit, edits, found, go, log_of, steps, store, try_restore};
use crate::support::{Content, TestStore};

/// All that a restore promises to bring back.
fn whole(store: &TestStore) -> (Content, Vec<Vec<i64>>, i64, bool) {
    let status = store.engine.status().unwrap();
    (store.content(), found(&store.other_program()), status.position, status.held)
}

fn tables_of(mut content: Content) -> Content {
    content.remove("event_log");
    content
}

#[test]
fn restoring_everything_brings_the_store_back_and_the_safety_snapshot_undoes_it() {
    check(1, &(steps(6), steps(6), edits()), |(to_a, to_b, edits)| {
        let store = store();
        go(&store, &to_a);
        let (snapshot, a) = (store.take(), whole(&store));
        go(&store, &to_b);
        edit(&store, &edits);
        let b = whole(&store);
        let restored = store.restore(&snapshot, Scope::Everything);
        assert_eq!(whole(&store), a);
        let safety = store.engine.snapshot(restored.safety_snapshot.kind, &restored.safety_snapshot.snapshot_id);
        store.restore(&safety.unwrap(), Scope::Everything);
        assert_eq!(whole(&store), b);
    });
}

#[test]
fn restoring_the_tables_leaves_the_log_alone_and_a_replay_ends_the_hold() {
    check(1, &(steps(6), steps(6), edits()), |(to_a, to_b, edits)| {
        let store = store();
        go(&store, &to_a);
        let (snapshot, a) = (store.take(), store.content());
        go(&store, &to_b);
        let b = whole(&store);
        edit(&store, &edits);
        let edited = store.content();
        let on_this_history = log_of(&b.0).starts_with(log_of(&a));
        let restored = match try_restore(&store, &snapshot, Scope::Projections) {
            Err(refused) => {
                assert!(!on_this_history && refused.kind() == ErrorKind::Conflict, "{refused}");
                return assert_eq!(store.content(), edited);
            }
            Ok(restored) => restored,
        };
        assert!(on_this_history);
        let now = store.content();
        assert_eq!(log_of(&now), log_of(&b.0));
        assert_eq!(tables_of(now), tables_of(a));
        let last = snapshot.last_event_id.unwrap();
        assert_eq!((restored.position, restored.held), (last, last < b.2));
        store.engine.replay(Means::Command).unwrap();
        assert_eq!(whole(&store), b, "as if no other program had edited its rows");
    });
}

#[test]
fn a_hold_comes_back_with_the_safety_snapshot() {
    check(2, &(steps(5), steps(5), edits()), |(to_a, to_b, edits)| {
        let store = store();
        let snapshot = store.take();
        go(&store, &to_a);
        if try_restore(&store, &snapshot, Scope::Projections).is_err() {
            return;
        }
        edit(&store, &edits);
        let (held, taken) = (whole(&store), store.take());
        store.engine.replay(Means::Command).unwrap();
        go(&store, &to_b);
        store.restore(&taken, Scope::Everything);
        assert_eq!(whole(&store), held);
    });
}

#[test]
fn the_pages_of_a_diff_list_every_row_that_the_preview_counts() {
    check(2, &(steps(6), steps(6), edits()), |(to_a, to_b, edits)| {
        let store = store();
        go(&store, &to_a);
        let (snapshot, a) = (store.take(), store.content());
        go(&store, &to_b);
        edit(&store, &edits);
        let b = store.content();
        let preview = store.engine.preview(&snapshot.snapshot_id, snapshot.kind, Scope::Everything).unwrap();
        for change in &preview.tables {
            let (then, now) = (&a[&change.name], &b[&change.name]);
            assert_eq!((change.rows_in_snapshot, change.rows_now), (then.len() as u64, now.len() as u64));
            let whole = listed(&store, &snapshot, &change.name, 1_000);
            check_rows(change, &whole, then, now);
            for size in [1, 2, 5] {
                assert_eq!(listed(&store, &snapshot, &change.name, size), whole, "in pages of {size}");
            }
        }
    });
}

type Row = (RowChange, Option<Vec<Value>>, Option<Vec<Value>>);

fn listed(store: &TestStore, snapshot: &Snapshot, table: &str, limit: usize) -> Vec<Row> {
    let mut page = DiffPage { limit, ..DiffPage::default() };
    let mut rows = Vec::new();
    loop {
        let diff = store.engine.diff(&snapshot.snapshot_id, snapshot.kind, Scope::Everything, table, &page).unwrap();
        let diff = diff.page;
        assert!(diff.rows.len() <= limit);
        rows.extend(diff.rows.into_iter().map(|DiffRow { change, now, then, .. }| (change, now, then)));
        match diff.next_after {
            None => return rows,
            after => {
                assert_ne!(after, page.after, "the next page is another one");
                page.after = after;
            }
        }
    }
}

/// The listed rows turn what is now into what was then, and are as many as counted.
fn check_rows(change: &TableChange, listed: &[Row], then: &[Vec<Value>], now: &[Vec<Value>]) {
    let counted = |which| listed.iter().filter(|row| row.0 == which).count() as u64;
    let counts = (counted(RowChange::Added), counted(RowChange::Removed), counted(RowChange::Changed));
    assert_eq!(counts, (change.added, change.removed, change.changed), "{}", change.name);
    let gone: Vec<_> = listed.iter().filter_map(|row| row.1.as_ref()).collect();
    let come: Vec<_> = listed.iter().filter_map(|row| row.2.as_ref()).collect();
    assert!(gone.iter().all(|row| now.contains(row) && !then.contains(row)), "{}", change.name);
    assert!(come.iter().all(|row| then.contains(row) && !now.contains(row)), "{}", change.name);
    assert_eq!(now.len() - gone.len() + come.len(), then.len(), "{}", change.name);
    assert!(now.iter().all(|row| gone.contains(&row) || then.contains(row)), "{}", change.name);
}
