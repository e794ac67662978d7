//! The plan of a restore as a page: choice, sentence, counts, rows, confirm, in this order.

use askama::Template;
use time::OffsetDateTime;

use super::about::About;
use super::attention::Matter;
use super::error::sentence;
use super::event_view::Stamp;
use super::extract::Fields;
use super::filters::{self, Moment, counted, grouped};
use super::keeping::typed_wrongly;
use super::layout::{Door, Shell, address, with_folder};
use super::links::SnapshotLinks;
use super::rows::{Cell, RowView, views};
use super::snapshots::Name;
use super::state::AppState;
use super::words::{on_pages, visible};
use crate::engine::Status;
use crate::error::{Error, ErrorKind};
use crate::snapshot::{Diff, Kind, Preview, Scope, TableChange};

/// What the engine answered for a plan.
pub(super) struct Drawn {
    pub(super) status: Status,
    pub(super) preview: Preview,
    /// What the counts and the rows are for.
    pub(super) scope: Scope,
    pub(super) rows: Option<Diff>,
    pub(super) q: String,
}

/// What was typed and chosen before, kept when the plan is drawn again.
#[derive(Debug, Default)]
pub(super) struct Typed {
    pub(super) confirm: String,
    pub(super) scope: Option<Scope>,
    /// What was typed to delete the snapshot.
    delete: String,
    head: Option<i64>,
    epoch: Option<u64>,
}

impl Typed {
    /// What was typed to delete the snapshot.
    pub(super) fn to_delete(typed: String) -> Self {
        Self { delete: typed, ..Self::default() }
    }

    /// Reads what can be read; what cannot is the error's matter.
    pub(super) fn read(fields: &Fields) -> Self {
        let scope = fields.get("scope").ok().flatten().filter(|scope| !scope.is_empty());
        Self {
            confirm: fields.get("confirm_id").ok().flatten().unwrap_or_default().trim().to_owned(),
            scope: scope.and_then(|scope| scope.parse().ok()),
            delete: String::new(),
            head: fields.number("expected_head", "").ok().flatten(),
            epoch: fields.number("expected_epoch", "").ok().flatten(),
        }
    }
}

/// Why the plan is drawn again.
#[derive(Debug)]
pub(super) enum Notice {
    /// The id was typed wrongly: said at the top and at the field.
    Wrong(String),
    /// The id was typed wrongly to delete the snapshot.
    NotDeleted(String),
    /// The store moved while the plan was read.
    Moved(Box<Matter>),
    /// Anything else, in the error's own words.
    Stopped(String),
}

impl Notice {
    fn not_deleted(&self) -> Option<String> {
        match self {
            Self::NotDeleted(text) => Some(text.clone()),
            _ => None,
        }
    }

    pub(super) fn of(error: &Error, typed: &Typed, now: &Preview) -> Self {
        let id = &now.snapshot.snapshot_id;
        if typed.confirm != id.as_str() {
            return Self::Wrong(typed_wrongly(&typed.confirm, id));
        }
        let newer = typed.head.map_or(0, |head| now.current_event_log_max_id - head);
        let moved = newer != 0 || typed.epoch.is_some_and(|epoch| epoch != now.epoch);
        if error.kind() != ErrorKind::Conflict || !moved {
            return Self::Stopped(visible(&sentence(&on_pages(&error.to_string()))));
        }
        let lead = match u64::try_from(newer) {
            Ok(newer) if newer > 0 => {
                format!("The log moved while you were reading: {}.", counted(newer, "new event"))
            }
            _ => "The store changed while you were reading.".to_owned(),
        };
        let text = "Nothing was done. This is the plan as it is now.".to_owned();
        Self::Moved(Box::new(Matter { mark: "moved", lead, timed: None, text, action: None }))
    }
}

/// The events that came after the snapshot.
#[derive(Default)]
struct Newer {
    text: String,
    first: Option<(i64, Stamp)>,
}

/// One table that would change.
pub(super) struct TableRow {
    change: TableChange,
    /// The plan with its rows beside.
    beside: String,
    /// The page of its rows.
    rows: String,
    current: bool,
}

#[derive(Template)]
#[template(path = "plan.html")]
pub(super) struct PlanPage {
    shell: Shell,
    notice: Option<Notice>,
    typed: Typed,
    links: SnapshotLinks,
    id: String,
    /// The id as a regular expression, for the browser's own check.
    pattern: String,
    kind: Kind,
    at: Moment,
    name: Name,
    checked: Option<Moment>,
    rehearsed: Option<Moment>,
    matches: Option<bool>,
    /// Why the tables alone cannot go back.
    blocked: Option<String>,
    tables_only: String,
    everything: String,
    summary: String,
    /// The promise of the safety copy.
    copy: String,
    nothing: bool,
    scope: Scope,
    tables: Vec<TableRow>,
    same: Vec<String>,
    newer: Newer,
    beside: Option<Beside>,
    head: i64,
    epoch: u64,
    about: About,
    /// The restore by a program, and in a terminal.
    as_curl: String,
    as_command: String,
}

/// The rows of one table beside the plan.
struct Beside {
    table: String,
    total: u64,
    rows: Vec<RowView>,
    url: String,
    q: String,
    more: bool,
}

impl PlanPage {
    pub(super) fn new(state: &AppState, drawn: Drawn, typed: Typed, notice: Option<Notice>) -> Self {
        let now = OffsetDateTime::now_utc();
        let Drawn { status, preview, scope, rows, q } = drawn;
        let snapshot = &preview.snapshot;
        let links = SnapshotLinks::new(&snapshot.snapshot_id, snapshot.kind);
        let at = Moment::new(snapshot.created_at, now);
        let title = format!("Go back to {}, {}", at.day, at.clock);
        let command =
            |verb: &str| format!("backstitch snapshot {verb} {} --kind {}", snapshot.snapshot_id, snapshot.kind);
        let shell = Shell::new(state, &status, &title, Door::Snapshots).also(state, &links.plan(), command("show"));
        let (delete, not_deleted) = (typed.delete.clone(), notice.as_ref().and_then(Notice::not_deleted));
        let current = rows.as_ref().map(|rows| rows.table.clone()).unwrap_or_default();
        Self {
            as_curl: as_curl(state, &preview, &links),
            as_command: with_folder(state, command("restore")),
            shell: Self::with_strip(shell, notice.as_ref()),
            notice,
            typed,
            id: snapshot.snapshot_id.to_string(),
            pattern: snapshot.snapshot_id.as_str().replace('.', "\\."),
            kind: snapshot.kind,
            at,
            name: Name::of(snapshot),
            checked: snapshot.checked_at.map(|at| Moment::new(at, now)),
            rehearsed: snapshot.proven_at.map(|at| Moment::new(at, now)),
            matches: snapshot.on_this_history,
            blocked: preview.tables_alone.is_some().then(|| blocked(&preview)),
            tables_only: tables_only(&preview, status.events),
            everything: everything(&preview),
            copy: format!(
                "Before anything else, a safety copy of the present is taken and kept until {}; going back to that copy \
                 undoes this.",
                safety_until(state, now)
            ),
            summary: summary(&preview),
            nothing: is_nothing(&preview),
            scope,
            tables: table_rows(&preview, &links, scope, &current),
            same: preview.tables.iter().filter(|table| table.total() == 0).map(|table| table.name.clone()).collect(),
            newer: newer(&preview, now),
            beside: rows.map(|rows| Beside::new(&rows, &preview, &links, scope, q)),
            head: preview.current_event_log_max_id,
            epoch: preview.epoch,
            about: About::new(snapshot, Some(preview.event_log_rows_in_snapshot), now).refused(delete, not_deleted),
            links,
        }
    }

    /// Says what was just done with the snapshot.
    #[must_use]
    pub(super) fn told(mut self, word: Option<&str>) -> Self {
        self.about = self.about.told(word);
        self
    }

    /// A store that moved is told in the place of the strip: one strip at most, the nearest first.
    fn with_strip(mut shell: Shell, notice: Option<&Notice>) -> Shell {
        if let Some(Notice::Moved(strip)) = notice {
            shell.strip = Some(Matter::clone(strip));
        }
        shell
    }

    fn wrong(&self) -> Option<&str> {
        match &self.notice {
            Some(Notice::Wrong(text)) => Some(text),
            _ => None,
        }
    }

    fn top(&self) -> Option<&str> {
        match &self.notice {
            Some(Notice::Wrong(text) | Notice::NotDeleted(text) | Notice::Stopped(text)) => Some(text),
            _ => None,
        }
    }

    fn chosen(&self, scope: Scope) -> bool {
        self.typed.scope == Some(scope)
    }
}

impl Beside {
    fn new(diff: &Diff, preview: &Preview, links: &SnapshotLinks, scope: Scope, q: String) -> Self {
        let total = preview.tables.iter().find(|table| table.name == diff.table).map_or(0, TableChange::total);
        Self {
            table: diff.table.clone(),
            total,
            rows: views(diff),
            url: links.rows(scope, &diff.table),
            q,
            more: diff.next_after.is_some(),
        }
    }
}

fn table_rows(preview: &Preview, links: &SnapshotLinks, scope: Scope, current: &str) -> Vec<TableRow> {
    let changed = preview.tables.iter().filter(|table| table.total() > 0);
    let row = |table: &TableChange| TableRow {
        beside: links.plan_with(scope, &table.name),
        rows: links.rows(scope, &table.name),
        current: table.name == current,
        change: table.clone(),
    };
    changed.map(row).collect()
}

fn is_nothing(preview: &Preview) -> bool {
    let rows: u64 = preview.tables.iter().map(TableChange::total).sum();
    rows == 0 && preview.events_removed == 0 && preview.events_returned == 0
}

/// The newest events as a subject: `the newest 424 wait`, `the newest one waits`.
fn newest(count: u64, many: &str, one: &str) -> String {
    if count == 1 { format!("the newest one {one}") } else { format!("the newest {} {many}", grouped(count)) }
}

fn tables_only(preview: &Preview, events: u64) -> String {
    let event = preview.snapshot.last_event_id.unwrap_or_default();
    if preview.events_removed == 0 {
        return format!("The tables return to how they were at event {event}. The log stays as it is.");
    }
    format!(
        "The tables return to how they were at event {event}. The log keeps all of its {}; {}, and the tables stay \
         paused until you apply them, a new event comes in, or you restart.",
        counted(events, "event"),
        newest(preview.events_removed, "wait", "waits"),
    )
}

fn everything(preview: &Preview) -> String {
    let event = preview.snapshot.last_event_id.unwrap_or_default();
    let back = match preview.events_returned {
        0 => String::new(),
        1 => " 1 event comes back to the log.".to_owned(),
        returned => format!(" {} come back to the log.", counted(returned, "event")),
    };
    let leave = match preview.events_removed {
        0 => String::new(),
        1 => " The newest event leaves the log.".to_owned(),
        removed => format!(" The newest {} leave the log.", counted(removed, "event")),
    };
    format!("The tables and the log return to event {event}.{back}{leave}")
}

fn safety_until(state: &AppState, now: OffsetDateTime) -> String {
    Moment::new(now + state.settings.safety_kept, now).day
}

fn summary(preview: &Preview) -> String {
    let rows: u64 = preview.tables.iter().map(TableChange::total).sum();
    let changed = preview.tables.iter().filter(|table| table.total() > 0).count() as u64;
    match rows {
        0 => "No row of the tables changes.".to_owned(),
        1 => format!("1 row changes, in 1 of {}.", counted(preview.tables.len() as u64, "table")),
        _ => format!(
            "{} change in {} of {}.",
            counted(rows, "row"),
            grouped(changed),
            counted(preview.tables.len() as u64, "table")
        ),
    }
}

/// Why the tables alone cannot go back, and what can.
fn blocked(preview: &Preview) -> String {
    let moves = match (preview.events_returned, preview.events_removed) {
        (0, 0) => String::new(),
        (0, leave) => format!(": {}", leaving(leave, "event")),
        (back, 0) => format!(": {}", returning(back)),
        (back, leave) => format!(": {}, {}", returning(back), leaving(leave, "newer one")),
    };
    let way = format!("Choose \u{201c}Tables and log\u{201d}{moves}.");
    match preview.snapshot.on_this_history {
        Some(true) => {
            format!("Its tables alone cannot return, since today's domain has tables of another shape. {way}")
        }
        _ => format!("Its tables alone cannot return, since they would not fit today's log. {way}"),
    }
}

fn returning(events: u64) -> String {
    format!("{} {}", counted(events, "event"), if events == 1 { "comes back" } else { "come back" })
}

fn leaving(events: u64, noun: &str) -> String {
    format!("{} {}", counted(events, noun), if events == 1 { "leaves" } else { "leave" })
}

/// The restore as a program asks for it, on what this page shows.
fn as_curl(state: &AppState, preview: &Preview, links: &SnapshotLinks) -> String {
    let scope = if preview.tables_alone.is_some() { Scope::Everything } else { Scope::Projections };
    let fields = [
        ("confirm_id", preview.snapshot.snapshot_id.to_string()),
        ("kind", preview.snapshot.kind.to_string()),
        ("scope", scope.to_string()),
        ("expected_head", preview.current_event_log_max_id.to_string()),
        ("expected_epoch", preview.epoch.to_string()),
    ];
    let fields: String = fields.iter().map(|(name, value)| format!(" \\\n  -d {name}={value}")).collect();
    format!("curl -H 'Accept: application/json' '{}'{fields}", address(state, &links.restore()))
}

/// Which events would wait or leave: the three most frequent kinds, the others as one number.
fn newer(preview: &Preview, now: OffsetDateTime) -> Newer {
    let Some((id, ts)) = &preview.first_newer else { return Newer::default() };
    let named = preview.newer_by_kind.iter().take(3).map(|kind| counted(kind.events, &filters::spoken(&kind.kind)));
    let mut parts: Vec<String> = named.collect();
    let others: u64 = preview.newer_by_kind.iter().skip(3).map(|kind| kind.events).sum();
    if others > 0 {
        parts.push(format!("{} others", grouped(others)));
    }
    // Which of the two, the choice decides; where there is none, they leave.
    let what = if preview.tables_alone.is_some() { "Leave" } else { "Wait or leave" };
    let text = visible(&format!("{what}: {}.", parts.join(", ")));
    Newer { text, first: Some((*id, Stamp::new(ts, now))) }
}
