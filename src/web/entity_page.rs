//! The pages of one entity and of one snapshot of it.

use askama::Template;
use time::OffsetDateTime;

use super::entity_view::{Shown, StateView, members};
use super::filters::{self, Moment};
use super::layout::{Door, Shell};
use super::links;
use super::outcome::Outcome;
use super::rows;
use super::state::AppState;
use super::words::{shell, short_hashes};
use crate::engine::{EntityAt, EntityDifference, EntityRead, EntitySnapshotLine, EntityState, Status};
use crate::entity::{EntityKey, Origin};

/// Of so many characters of a value the beginning is shown.
const VALUE: usize = 300;

/// The same of a member of an object.
const MEMBER: usize = 80;

/// So many differences are listed; as JSON they are all there.
const DIFFERENCES: usize = 200;

#[derive(Template)]
#[template(path = "entity.html")]
pub(super) struct EntityPage {
    shell: Shell,
    kind: String,
    id: String,
    list: String,
    url: String,
    snapshots_url: String,
    /// The version that is shown.
    version: u64,
    latest: u64,
    /// The event that made it.
    event: Option<(i64, String)>,
    /// The event that it is as of, where one was asked for.
    as_of: Option<i64>,
    workflow: String,
    state: Option<StateView>,
    compared: Option<Compared>,
    snapshots: Vec<SnapshotRow>,
    previous: Option<String>,
    next: Option<String>,
}

/// Two versions side by side.
pub(super) struct Compared {
    version: u64,
    with: u64,
    rows: Vec<Change>,
    left_out: usize,
}

struct Change {
    class: &'static str,
    sign: &'static str,
    verb: String,
    path: String,
    before: Option<Side>,
    after: Option<Side>,
}

/// What a place holds in one of two versions.
struct Side {
    shown: Shown,
    /// An object's members, which are then read one by one.
    members: Vec<(String, Shown)>,
}

impl Side {
    fn new(json: &str) -> Self {
        Self { shown: Shown::of(json, VALUE), members: members(json, MEMBER) }
    }
}

struct SnapshotRow {
    version: u64,
    url: String,
    sequence: i64,
    at: Moment,
    mark: &'static str,
    word: String,
    care: bool,
}

impl Compared {
    pub(super) fn new(found: EntityDifference) -> Self {
        let left_out = found.differences.len().saturating_sub(DIFFERENCES);
        let side = |json: Option<String>| json.map(|json| Side::new(&json));
        let rows = found.differences.into_iter().take(DIFFERENCES).map(|one| {
            let (class, sign, verb) = match one.change {
                "added" => ("comes", "+", format!("only in version {}", filters::grouped(found.with))),
                "removed" => ("goes", "\u{2212}", format!("only in version {}", filters::grouped(found.version))),
                "reordered" => ("changes", "~", "stands in another order".to_owned()),
                _ => ("changes", "~", "differs".to_owned()),
            };
            Change { class, sign, verb, path: one.path, before: side(one.before), after: side(one.after) }
        });
        Self { version: found.version, with: found.with, rows: rows.collect(), left_out }
    }
}

impl SnapshotRow {
    fn new(key: &EntityKey, one: &EntitySnapshotLine, now: OffsetDateTime) -> Self {
        let (mark, word, care) = match one {
            EntitySnapshotLine { damaged: Some(why), .. } => {
                ("damaged", format!("damaged: {}", short_hashes(why)), true)
            }
            EntitySnapshotLine { origin: Origin::Imported, checked: true, .. } => {
                ("checked", "imported; its hash fits".to_owned(), false)
            }
            EntitySnapshotLine { origin: Origin::Imported, .. } => {
                ("unchecked", "imported; its hash is checked when it is read".to_owned(), false)
            }
            EntitySnapshotLine { origin: Origin::Unverified, .. } => {
                ("unchecked", "imported without a hash".to_owned(), true)
            }
            EntitySnapshotLine { on_this_history: Some(false), .. } => {
                ("broken", "the log has changed since".to_owned(), true)
            }
            EntitySnapshotLine { of_this_logic: Some(false), .. } => {
                ("broken", "the tables were made by other rules".to_owned(), true)
            }
            EntitySnapshotLine { checked: false, .. } => {
                ("unchecked", "matches the log; checked when it is read".to_owned(), false)
            }
            _ => ("checked", "matches the log".to_owned(), false),
        };
        let at = Moment::new(one.created_at, now);
        Self {
            version: one.version,
            url: links::entity_snapshot(key, one.version),
            sequence: one.sequence,
            at,
            mark,
            word,
            care,
        }
    }
}

impl EntityPage {
    pub(super) fn new(
        state: &AppState,
        status: &Status,
        found: &EntityState,
        at: EntityAt,
        compared: Option<Compared>,
        told: Option<&str>,
    ) -> Self {
        let (key, now) = (&found.key, state.engine.now());
        let as_of = if let EntityAt::Event(event) = at { Some(event) } else { None };
        let (mut path, which) = match at {
            EntityAt::Now => (links::entity(key), String::new()),
            EntityAt::Version(version) => (links::entity_version(key, version), format!(" --version {version}")),
            EntityAt::Event(event) => (links::entity_as_of(key, event), format!(" --at {event}")),
        };
        let (kind, id) = (shell(&key.kind), shell(&key.id));
        let mut command = format!("backstitch entity show {kind} {id}{which}");
        if let Some(with) = compared.as_ref().map(|compared| compared.with) {
            path.push_str(&format!("{}with={with}", if which.is_empty() { '?' } else { '&' }));
            if as_of.is_none() {
                command = format!("backstitch entity diff {kind} {id} {} {with}", found.version);
            }
        }
        let title = format!("{} {}", key.kind, key.id);
        let outcome = told.and_then(|word| outcome(word, found));
        let version = found.version;
        Self {
            shell: Shell::new(state, status, &title, Door::Entities).told(outcome).also(state, &path, command),
            kind: key.kind.clone(),
            id: key.id.clone(),
            list: links::entities(&key.kind, "", None),
            url: links::entity(key),
            snapshots_url: links::entity_snapshots(key),
            version,
            latest: found.latest,
            event: (found.sequence > 0).then(|| (found.sequence, links::event(found.sequence))),
            as_of,
            workflow: found.workflow_id.clone(),
            state: found.state.as_deref().map(StateView::of),
            compared,
            snapshots: found.snapshots.iter().map(|one| SnapshotRow::new(key, one, now)).collect(),
            previous: version.checked_sub(1).map(|before| links::entity_version(key, before)),
            next: (version < found.latest).then(|| links::entity_version(key, version + 1)),
        }
    }
}

/// The box after a snapshot was taken.
fn outcome(word: &str, found: &EntityState) -> Option<Outcome> {
    let heading = match word {
        "taken" => format!("A snapshot at version {} is taken.", filters::grouped(found.latest)),
        "there" => format!("Version {} has a snapshot already.", filters::grouped(found.latest)),
        _ => return None,
    };
    let text = "It is checked whenever it is read.".to_owned();
    Some(Outcome { heading, text, link: None, actions: Vec::new() })
}

#[derive(Template)]
#[template(path = "entity_snapshot.html")]
pub(super) struct SnapshotPage {
    shell: Shell,
    kind: String,
    id: String,
    entity: String,
    version: u64,
    sequence: i64,
    event: String,
    at: Moment,
    workflow: String,
    replayed: bool,
    /// The log has changed since.
    left: bool,
    origin: &'static str,
    state_hash: String,
    log_hash: String,
    state: StateView,
}

impl SnapshotPage {
    pub(super) fn new(state: &AppState, status: &Status, read: EntityRead) -> Self {
        let EntityRead { snapshot, replayed, on_this_history, .. } = read;
        let key = snapshot.key();
        let path = links::entity_snapshot(&key, snapshot.version);
        let command = format!("backstitch entity export {} {} {}", shell(&key.kind), shell(&key.id), snapshot.version);
        let title = format!("{} {} at version {}", key.kind, key.id, snapshot.version);
        Self {
            shell: Shell::new(state, status, &title, Door::Entities).also(state, &path, command),
            entity: links::entity(&key),
            version: snapshot.version,
            sequence: snapshot.sequence,
            event: links::event(snapshot.sequence),
            at: Moment::new(snapshot.created_at, state.engine.now()),
            workflow: snapshot.workflow_id.clone(),
            replayed,
            left: on_this_history == Some(false),
            origin: match snapshot.origin {
                Origin::Own => "taken by this store",
                Origin::Imported => "imported; its hash fits",
                Origin::Unverified => "imported without a hash",
            },
            state_hash: snapshot.state_hash.clone(),
            log_hash: snapshot.log_hash.clone(),
            state: StateView::of(&snapshot.state),
            kind: key.kind,
            id: key.id,
        }
    }
}
