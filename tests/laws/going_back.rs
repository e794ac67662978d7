//! Going back: a rewind, its undo, flags and the past agree with each other and with a replay, on
//! stores that other programs changed, that were held, and whose ids have gaps.

use std::cmp::Ordering;
use std::collections::BTreeSet;

use backstitch::engine::{DiffPage, RowQuery};
use backstitch::error::ErrorKind;
use backstitch::history::Means;
use backstitch::image::Value;
use backstitch::log::NewEvent;
use backstitch::rewind::RewindPreview;
use backstitch::snapshot::{Expected, Restored};
use proptest::collection::vec;
use proptest::prelude::*;

use super::check;
use super::stream::{Step, edit, edits, found, go, log_of, same_log, steps, store};
use super::walk::{Whole, head, hold, ids, moves, rewind, some_event, turn, walk, whole};
use crate::support::{Content, TestStore, assert_follows, shown};

fn undo(store: &TestStore, operation: i64) -> Restored {
    store.engine.undo(operation, true, Expected::default(), Means::Command).unwrap()
}

/// A place in the log to go back to: an event, the gap after one, or the very beginning.
fn place(store: &TestStore, which: u16) -> i64 {
    let head = head(store);
    if which.is_multiple_of(16) { 0 } else { i64::from(which) % head }
}

/// The log as of an event, told from the whole of it.
fn log_as_of(log: &[Vec<Value>], event: i64) -> Vec<Vec<Value>> {
    const SUPERSEDED_BY: usize = 5;
    let kept = log.iter().filter(|row| row[0].sqlite_cmp(&Value::Integer(event)).is_le());
    let revived = kept.cloned().map(|mut row| {
        if matches!(row[SUPERSEDED_BY], Value::Integer(by) if by > event) {
            row[SUPERSEDED_BY] = Value::Null;
        }
        row
    });
    revived.collect()
}

fn tables_of(content: &Content) -> Content {
    let mut tables = shown(content.clone());
    tables.remove("event_log");
    tables
}

fn tables_at(store: &TestStore, at: i64) -> backstitch::error::Result<Content> {
    let tables = store.engine.domain().tables.iter().map(|table| table.name.clone()).collect::<Vec<_>>();
    tables
        .into_iter()
        .map(|name| Ok((name.clone(), store.engine.state_at(&name, at, &RowQuery::default())?.rows)))
        .collect()
}

#[test]
fn undoing_a_rewind_brings_everything_back_and_undoing_that_rewinds_again() {
    check(4, &(moves(6), edits(), any::<u16>()), |(moves, edits, which)| {
        let store = store();
        walk(&store, &moves);
        edit(&store, &edits);
        let before = whole(&store);
        let Some(done) = rewind(&store, place(&store, which)) else { return };
        let after = whole(&store);
        let undone = undo(&store, done.operation);
        assert_eq!(whole(&store), before);
        assert_eq!((undone.events_removed, undone.events_returned), (done.events_returned, done.events_removed));
        assert_eq!(undone.rows_changed, done.rows_changed);
        undo(&store, undone.operation);
        assert_eq!(whole(&store), after);
    });
}

#[test]
fn ids_are_never_given_twice_however_often_the_log_goes_back() {
    check(8, &(moves(4), vec(any::<u16>(), 1..6)), |(moves, turns)| {
        let store = store();
        walk(&store, &moves);
        let mut seen: BTreeSet<i64> = ids(&store).into_iter().collect();
        for which in turns {
            let Some(done) = rewind(&store, place(&store, which)) else { continue };
            if which.is_multiple_of(3) {
                undo(&store, done.operation);
            }
            let given = store.append(vec![NewEvent::new("note", "[]").unwrap()]).first_id;
            assert!(seen.last().is_none_or(|&last| given > last), "{given} after {:?}", seen.last());
            seen.insert(given);
        }
    });
}

#[test]
fn a_rewound_store_is_one_that_never_had_the_later_events() {
    check(4, &(moves(6), any::<u16>()), |(moves, which)| {
        let store = store();
        walk(&store, &moves);
        let (before, after) = (store.content(), place(&store, which));
        if rewind(&store, after).is_none() {
            return;
        }
        let expected = log_as_of(log_of(&before), after);
        assert_eq!(log_of(&store.content()), &expected);
        let state = assert_follows(&store.other_program(), &store.engine.domain());
        assert_eq!((state.hold, state.stuck, state.stale_from), (None, None, None));
        if ids(&store).last().is_some_and(|&last| last == expected.len() as i64) {
            let fresh = TestStore::in_memory(|_| {});
            fresh.append(same_log(&store));
            assert_eq!(store.content(), fresh.content());
            assert_eq!(found(&store.other_program()), found(&fresh.other_program()));
        }
    });
}

#[test]
fn the_past_is_what_a_rewind_brings_back() {
    check(4, &(moves(6), vec(any::<u16>(), 1..4)), |(moves, places)| {
        let store = store();
        walk(&store, &moves);
        for which in places {
            let (before, at) = (store.content(), place(&store, which));
            let told = tables_at(&store, at);
            assert_eq!(store.content(), before, "looking changes nothing");
            match (rewind(&store, at), told) {
                (Some(done), Ok(told)) => {
                    assert_eq!(tables_of(&store.content()), told);
                    undo(&store, done.operation);
                    assert_eq!(store.content(), before);
                    assert_eq!(tables_at(&store, at).unwrap(), told);
                }
                (None, Err(refused)) => assert_eq!(refused.kind(), ErrorKind::Unprocessable),
                (done, told) => panic!("as of {at}: {done:?}, {told:?}"),
            }
        }
    });
}

#[test]
fn a_flag_turned_twice_or_undone_leaves_everything_as_it_was() {
    check(4, &(moves(6), vec(any::<u16>(), 1..4)), |(moves, which)| {
        let store = store();
        walk(&store, &moves);
        for which in which {
            let before = whole(&store);
            let event = some_event(&store, which);
            let Some(operation) = turn(&store, event) else { continue };
            let turned = whole(&store);
            assert_follows(&store.other_program(), &store.engine.domain());
            turn(&store, event).expect("it was so before");
            assert_eq!(whole(&store), before);
            turn(&store, event).expect("it was so before");
            assert_eq!(whole(&store), turned);
            let undone = undo(&store, operation);
            assert_eq!(whole(&store), before);
            undo(&store, undone.operation);
            assert_eq!(whole(&store), turned);
        }
    });
}

#[test]
fn an_undone_restore_of_the_tables_is_as_if_it_had_not_been() {
    check(4, &(moves(6), edits(), any::<u16>(), steps(3)), |(moves, edits, which, later)| {
        let store = store();
        walk(&store, &moves);
        edit(&store, &edits);
        let before = whole(&store);
        let Some(operation) = hold(&store, which) else { return };
        let undone = undo(&store, operation);
        assert_eq!(whole(&store), before);
        undo(&store, undone.operation);
        let later: Vec<_> = later.into_iter().filter(|step| matches!(step, Step::Append(_))).collect();
        go(&store, &later);
        let (log, status) = (log_of(&store.content()).clone(), store.engine.status().unwrap());
        if let Ok(undone) = store.engine.undo(operation, true, Expected::default(), Means::Command) {
            assert_eq!((undone.events_removed, undone.events_returned), (0, 0));
            assert_eq!(log_of(&store.content()), &log);
            let grown = status.head > last_of(&before);
            assert_eq!(store.engine.status().unwrap().held, before.held && !grown);
            if edits.is_empty() {
                assert_follows(&store.other_program(), &store.engine.domain());
            }
        }
    });
}

fn last_of(whole: &Whole) -> i64 {
    match log_of(&whole.content).last().map(|row| &row[0]) {
        Some(Value::Integer(id)) => *id,
        _ => 0,
    }
}

#[test]
fn the_preview_of_a_rewind_and_its_rows_say_what_happens() {
    check(4, &(moves(5), edits(), moves(3), edits(), any::<u16>()), |(first, edits, then, again, which)| {
        let store = store();
        walk(&store, &first);
        edit(&store, &edits);
        walk(&store, &then);
        edit(&store, &again);
        let (before, after) = (store.content(), place(&store, which));
        let preview = store.engine.compute_rewind_preview(after);
        let pages: Vec<_> =
            [1, 3, 1000].map(|limit| preview.as_ref().ok().map(|plan| rows(&store, plan, &before, limit))).into();
        assert_eq!(store.content(), before, "looking changes nothing");
        let (preview, done) = match (preview, rewind(&store, after)) {
            (Ok(preview), Some(done)) => (preview, done),
            (Err(refused), None) => return assert_eq!(refused.kind(), ErrorKind::Unprocessable),
            (preview, done) => panic!("after {after}: {preview:?}, {done:?}"),
        };
        let now = store.content();
        pages.into_iter().flatten().for_each(|told| assert_eq!(told, tables_of(&now)));
        assert_eq!((preview.total_events, done.events_returned), (done.events_removed, 0));
        assert_eq!(preview.by_kind.values().sum::<u64>(), preview.total_events);
        assert_eq!(log_of(&before).len() as u64 - preview.total_events, log_of(&now).len() as u64);
        assert_eq!((preview.last_event_id, done.position), (head(&store), head(&store)));
        let mut told: Vec<_> = preview.tables.iter().map(|table| (table.name.clone(), table.total())).collect();
        told.retain(|(_, rows)| *rows > 0);
        let mut changed: Vec<_> = done.rows_changed.into_iter().filter(|(name, _)| name != "event_log").collect();
        told.sort();
        changed.sort();
        assert_eq!(told, changed);
    });
}

/// Today's tables with the pages of a plan applied to them.
fn rows(store: &TestStore, plan: &RewindPreview, before: &Content, limit: usize) -> Content {
    let mut tables = tables_of(before);
    for table in &plan.tables {
        let rows = tables.get_mut(&table.name).unwrap();
        assert_eq!(rows.len() as u64, table.rows_now);
        let mut page = DiffPage { limit, ..DiffPage::default() };
        let mut listed = 0;
        loop {
            let found = store.engine.rewind_rows(plan.after_event_id, &table.name, &page).unwrap();
            listed += found.rows.len() as u64;
            for row in found.rows {
                let same = |one: &Vec<Value>| Some(one) == row.now.as_ref();
                let now = rows.iter().position(same);
                assert_eq!(now.is_some(), row.now.is_some(), "{}: {:?}", table.name, row.now);
                now.map(|at| rows.remove(at));
                rows.extend(row.then);
            }
            match found.next_after {
                None => break,
                after => page.after = after,
            }
        }
        let domain = store.engine.domain();
        let key = &domain.tables.iter().find(|one| one.name == table.name).unwrap().key;
        let of_key = |row: &Vec<Value>| key.iter().map(|&at| row[at].clone()).collect::<Vec<_>>();
        rows.sort_by(|a, b| in_order(&of_key(a), &of_key(b)));
        assert_eq!((listed, rows.len() as u64), (table.total(), table.rows_after), "{}", table.name);
    }
    tables
}

fn in_order(a: &[Value], b: &[Value]) -> Ordering {
    a.iter().zip(b).map(|(a, b)| a.sqlite_cmp(b)).find(|order| order.is_ne()).unwrap_or(Ordering::Equal)
}
