//! Every route, asked by a browser, by a program and by curl, with good and with bad input.

mod diff;
mod events;
mod forms;
mod guard;
mod health;
mod ids;
mod keeping;
mod list;
mod log;
mod markup;
mod overview;
mod plan;
mod replay;
mod restore;
mod restore_checks;
mod sample;
mod tables;
mod take;

use crate::support::{CLIENTS, HTML, Reply, TestApp};

/// Asks as each sort of client and expects the same refusal, told in the words of each.
#[track_caller]
fn refused(ask: impl Fn(&str) -> Reply, status: u16, words: &str) {
    for accept in CLIENTS {
        let answer = ask(accept);
        assert_eq!(answer.status, status, "{accept}: {}", answer.text());
        let said = answer.words(accept);
        // A page names no field: it says the same in words of its own.
        if accept == HTML && words.contains(" must be") {
            assert!(!said.is_empty() && !said.contains(" must be one of "), "{said:?}");
            continue;
        }
        assert!(said.to_lowercase().contains(&words.to_lowercase()), "{accept}: expected {words:?} in {said:?}");
    }
}

/// The first snapshot of a store in which something happened since.
fn with_newer_events() -> (TestApp, String) {
    let app = TestApp::with_story(12);
    let id = app.store.take().snapshot_id.to_string();
    app.store.append(crate::support::Story::from(13).tell(12));
    (app, id)
}

/// Makes the manifest of a snapshot unreadable.
fn damage(app: &TestApp, id: &str) {
    let path = app.store.path().join(format!("snapshots/periodic/{id}.json"));
    assert!(path.is_file());
    std::fs::write(path, "{\"last_event_id\": 12, ").unwrap();
}
