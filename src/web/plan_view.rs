//! The plan of a restore: its sentences, and its form.

use time::OffsetDateTime;

use super::about::About;
use super::due::Timed;
use super::event_view::Stamp;
use super::extract::Fields;
use super::filters::{self, Moment, counted, grouped};
use super::keeping::typed_wrongly;
use super::layout::{Door, Shell, address, with_folder};
use super::links::{self, SnapshotLinks};
use super::not_alone::blocked;
use super::notice::{Notice, Saw};
use super::plan_page::{
    Changes, Choice, Confirm, Facts, Newer, PlanPage, Title, Typing, by_kind, changing, curl, expected,
};
use super::snapshots::{Name, left_by};
use super::state::AppState;
use crate::compare::{RowPage, TableChange};
use crate::engine::Status;
use crate::error::Error;
use crate::rewind::TableEffect;
use crate::snapshot::{Preview, Scope};

/// What the engine answered for a plan.
pub(super) struct Drawn {
    pub(super) status: Status,
    pub(super) preview: Preview,
    /// What the counts and the rows are for.
    pub(super) scope: Scope,
    pub(super) rows: Option<RowPage>,
    pub(super) q: String,
}

/// What was typed and chosen before, kept when the plan is drawn again.
#[derive(Debug, Default)]
pub(super) struct Typed {
    confirm: String,
    pub(super) scope: Option<Scope>,
    /// What was typed to delete the snapshot.
    delete: String,
    pub(super) saw: Saw,
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
            saw: Saw::read(fields),
        }
    }

    /// Why the restore was not done.
    pub(super) fn notice(&self, error: &Error, now: &Preview) -> Notice {
        let id = &now.snapshot.snapshot_id;
        if self.confirm != id.as_str() {
            return Notice::Wrong(typed_wrongly(&self.confirm, id));
        }
        Notice::of(error, self.saw, now.current_event_log_max_id, now.epoch)
    }
}

/// The plan of a restore as a page; `told` is what was just done with the snapshot.
pub(super) fn plan(
    state: &AppState,
    drawn: Drawn,
    typed: Typed,
    notice: Option<Notice>,
    told: Option<&str>,
) -> PlanPage {
    let now = state.engine.now();
    let Drawn { status, preview, scope, rows, q } = drawn;
    let snapshot = &preview.snapshot;
    let links = SnapshotLinks::new(&snapshot.snapshot_id, snapshot.kind);
    let title = title(&preview, now);
    let heading = title.at.as_ref().map(|at| format!("Go back to {}", at.dated())).unwrap_or_default();
    let command = format!("backstitch snapshot show {} --kind {}", snapshot.snapshot_id, snapshot.kind);
    let about = About::new(snapshot, Some(preview.event_log_rows_in_snapshot), now);
    let not_deleted = notice.as_ref().and_then(Notice::not_deleted);
    let tables: Vec<TableEffect> = preview.tables.iter().cloned().map(TableEffect::from).collect();
    let changes = Changes::new(&tables, &links.of_scope(scope), rows.as_ref(), &q);
    let page = PlanPage {
        shell: Shell::new(state, &status, &heading, Door::Snapshots).also(state, &links.plan(), command),
        notice: None,
        up: ("Snapshots".to_owned(), links::SNAPSHOTS.to_owned()),
        title,
        nothing: is_nothing(&preview).then_some("The tables already are as this snapshot has them."),
        choice: Some(choice(state, &preview, &status, typed.scope)),
        lead: Timed { before: changing(&tables), ..Timed::default() },
        text: String::new(),
        changes: changes.after(newer(&preview, now)),
        confirm: confirm(state, &preview, &links, &typed),
        about: Some(about.told(told).refused(typed.delete, not_deleted)),
        backup: None,
    };
    page.noticed(notice)
}

fn choice(state: &AppState, preview: &Preview, status: &Status, chosen: Option<Scope>) -> Choice {
    let now = state.engine.now();
    let until = safety_until(state, now);
    Choice {
        blocked: blocked(preview, now),
        tables_only: tables_only(preview, status.events, &until),
        everything: everything(preview, &until),
        chosen,
    }
}

fn title(preview: &Preview, now: OffsetDateTime) -> Title {
    let snapshot = &preview.snapshot;
    Title {
        words: "Go back to".to_owned(),
        at: Some(Moment::new(snapshot.created_at, now)),
        facts: Some(Facts {
            name: Name::of(snapshot, now),
            checked: snapshot.checked_at.map(|at| Moment::new(at, now)),
            rehearsed: snapshot.proven_at.map(|at| Moment::new(at, now)),
            matches: snapshot.on_this_history,
            left: left_by(snapshot, now),
        }),
    }
}

fn confirm(state: &AppState, preview: &Preview, links: &SnapshotLinks, typed: &Typed) -> Confirm {
    let snapshot = &preview.snapshot;
    let scope = told_scope(preview);
    let command =
        format!("backstitch snapshot restore {} --kind {} --scope {scope}", snapshot.snapshot_id, snapshot.kind);
    let mut hidden = vec![("kind", snapshot.kind.to_string())];
    hidden.extend(expected(preview.current_event_log_max_id, preview.epoch));
    Confirm {
        form: "restore",
        action: links.restore(),
        hidden,
        typing: Some(Typing {
            field: "confirm_id",
            ask: "Type or paste the snapshot's id:",
            value: snapshot.snapshot_id.to_string(),
            typed: typed.confirm.clone(),
        }),
        button: "Restore".to_owned(),
        destroys: true,
        cancel: links::SNAPSHOTS.to_owned(),
        as_curl: as_curl(state, preview, links),
        as_command: with_folder(state, command),
        as_note: match preview.tables_alone {
            Some(_) => "",
            None => "For tables and log say everything in place of projections, which is the tables only.",
        },
    }
}

/// The choice that the lines for a program have: the page does not know which one is made on it.
fn told_scope(preview: &Preview) -> Scope {
    if preview.tables_alone.is_some() { Scope::Everything } else { Scope::Projections }
}

fn is_nothing(preview: &Preview) -> bool {
    let rows: u64 = preview.tables.iter().map(TableChange::total).sum();
    rows == 0 && preview.events_removed == 0 && preview.events_returned == 0
}

/// The newest events as a subject: `the newest 424 wait`, `the newest one waits`.
fn newest(count: u64, many: &str, one: &str) -> String {
    if count == 1 { format!("the newest one {one}") } else { format!("the newest {} {many}", grouped(count)) }
}

fn tables_only(preview: &Preview, events: u64, until: &str) -> String {
    let event = preview.snapshot.last_event_id.unwrap_or_default();
    let safety = format!("A safety copy of the present is taken first. It is kept until {until}.");
    if preview.events_removed == 0 {
        return format!("The tables return to how they were at event {event}. The log stays as it is. {safety}");
    }
    let them = if preview.events_removed == 1 { "it" } else { "them" };
    format!(
        "The tables return to how they were at event {event}. The log keeps all of its {}; {}, and the tables stay \
         paused until you apply {them}, a new event comes in, or you restart. {safety}",
        counted(events, "event"),
        newest(preview.events_removed, "wait", "waits"),
    )
}

fn everything(preview: &Preview, until: &str) -> String {
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
    let (with, them) = match preview.events_removed {
        0 => ("of the present", "everything"),
        1 => ("with it", "it"),
        _ => ("with all of them", "them"),
    };
    format!(
        "The tables and the log return to event {event}.{back}{leave} A safety copy {with} is taken first and kept until \
         {until}; Undo brings {them} back until then."
    )
}

/// The day until which a safety copy taken now is kept.
pub(super) fn safety_until(state: &AppState, now: OffsetDateTime) -> String {
    filters::until(now + state.settings.safety_kept, now)
}

/// `1 event comes back`, `88 events come back`.
pub(super) fn returning(events: u64) -> String {
    format!("{} {}", counted(events, "event"), if events == 1 { "comes back" } else { "come back" })
}

/// `1 event leaves`, `88 events leave`.
pub(super) fn leaving(events: u64, noun: &str) -> String {
    format!("{} {}", counted(events, noun), if events == 1 { "leaves" } else { "leave" })
}

/// The restore as a program asks for it, on what this page shows.
fn as_curl(state: &AppState, preview: &Preview, links: &SnapshotLinks) -> String {
    let scope = told_scope(preview);
    let mut fields = vec![
        ("confirm_id", preview.snapshot.snapshot_id.to_string()),
        ("kind", preview.snapshot.kind.to_string()),
        ("scope", scope.to_string()),
    ];
    fields.extend(expected(preview.current_event_log_max_id, preview.epoch));
    curl(&address(state, &links.restore()), &fields)
}

/// Which events would wait or leave.
fn newer(preview: &Preview, now: OffsetDateTime) -> Newer {
    let Some((id, ts)) = &preview.first_newer else { return Newer::default() };
    let kinds = by_kind(preview.newer_by_kind.iter().map(|kind| (kind.kind.as_str(), kind.events)));
    // Which of the two, the choice decides; where there is none, they leave.
    let what = if preview.tables_alone.is_some() { "leave" } else { "wait, or leave" };
    Newer { text: format!("The newer events, which {what}: {kinds}."), first: Some((*id, Stamp::new(ts, now))) }
}
