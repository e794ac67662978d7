//! Entities: their versions and states, snapshots of them, and what proves these.

mod damaged;
mod doubt;
mod exchange;
mod history;
mod kept;
mod long;
mod plays;
mod policy;
mod states;
mod true_to_log;

use std::collections::BTreeMap;
use std::sync::Arc;

use backstitch::domain::Domain;
use backstitch::engine::{Engine, EntityAt, EntityState, Options};
use backstitch::entity::{self, EntityKey};
use backstitch::log::NewEvent;

use crate::support::{TestStore, replay};

/// An event that is made in one line.
fn event(kind: &str, payload: &str) -> NewEvent {
    NewEvent::new(kind, payload).unwrap()
}

fn ada() -> EntityKey {
    EntityKey::new("bot", "ada")
}

fn chat() -> EntityKey {
    EntityKey::new("chat", "c")
}

/// What the whole log gives for an entity, up to an event.
fn replayed(store: &TestStore, key: &EntityKey, up_to: i64) -> Option<String> {
    let domain = store.engine.domain();
    let tables = replay(&store.other_program(), &domain, up_to);
    entity::state(&tables, domain.entity(&key.kind).unwrap(), &key.id).unwrap()
}

fn at(store: &TestStore, key: &EntityKey, version: u64) -> EntityState {
    store.engine.entity(key, EntityAt::Version(version)).unwrap()
}

/// The text with another in the place of one that stands in it.
fn changed(text: &str, from: &str, to: &str) -> String {
    assert!(text.contains(from), "{from} does not stand in {text}");
    text.replacen(from, to, 1)
}

/// The built-in domain with a text of its `domain.toml` changed.
fn companion_with(from: &str, to: &str) -> backstitch::error::Result<Domain> {
    companion_of(|toml| changed(&toml, from, to))
}

/// The built-in domain with another `domain.toml`.
fn companion_of(change: impl FnOnce(String) -> String) -> backstitch::error::Result<Domain> {
    let mut files: BTreeMap<String, String> = Domain::companion().unwrap().files().clone();
    let toml = files.remove("domain.toml").unwrap();
    files.insert("domain.toml".to_owned(), change(toml));
    Domain::from_files(files)
}

/// A `domain.toml` without the statements that load states.
fn without_loads(mut toml: String) -> String {
    while let Some(from) = toml.find("load = \"\"\"") {
        let body = from + "load = \"\"\"".len();
        let end = body + toml[body..].find("\"\"\"").unwrap() + 3;
        toml.replace_range(from..end, "");
    }
    toml
}

/// A store of a domain.
fn store_of(domain: &Domain) -> TestStore {
    let folder = tempfile::tempdir().unwrap();
    let engine = Engine::open_with(Options::new(folder.path()), &mut || Ok(domain.clone())).unwrap();
    TestStore { engine: Arc::new(engine), folder }
}
