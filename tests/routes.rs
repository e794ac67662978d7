//! Every route, asked by a browser, by a program and by curl, with good and with bad input.

mod at;
mod backups;
mod damaged;
mod diff;
mod drill;
mod dump;
mod entities;
mod event_changes;
mod events;
mod flags;
mod forms;
mod frame;
mod guard;
mod health;
mod help;
mod history;
mod ids;
mod keeping;
mod left;
mod list;
mod log;
mod markup;
mod overview;
mod pane;
mod places;
mod plan;
mod progress;
mod projection;
mod replay;
mod restore;
mod restore_checks;
mod rewind;
mod row;
mod sample;
mod tables;
mod take;
mod texts;
mod timeline;
mod undo;
mod weight;

use crate::support::{CLIENTS, HTML, Page, Reply, TestApp};

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

/// Sends a form of a page as a browser without script does: its hidden fields, and what is typed.
fn send_form(app: &TestApp, page: &Page, form: &str, typed: &[(&str, &str)]) -> Reply {
    assert_eq!(page.attribute(form, "method"), "post");
    let hidden = format!("{form} input[type=hidden]");
    let (names, values) = (page.attributes(&hidden, "name"), page.attributes(&hidden, "value"));
    let mut fields: Vec<(&str, &str)> =
        names.iter().map(String::as_str).zip(values.iter().map(String::as_str)).collect();
    for (name, _) in typed {
        assert!(page.has(&format!("{form} [name={name}]")), "the form has a field {name}");
    }
    fields.extend_from_slice(typed);
    app.post(&page.attribute(form, "action"), &fields, HTML)
}

/// The page that a browser is sent to.
fn follow(app: &TestApp, answer: &Reply) -> Page {
    assert_eq!(answer.status, 303, "{}", answer.text());
    app.get(answer.header("location").split('#').next().unwrap(), HTML).page()
}
