//! The plan of an undo: its sentences, and its form.

use super::due::Timed;
use super::extract::Fields;
use super::filters::{counted, grouped};
use super::layout::{Door, Shell, address, with_folder};
use super::links::{self, PlanLinks};
use super::offer::deed;
use super::plan_page::{Changes, Confirm, Notice, PlanPage, Saw, Title, Typing, curl, expected, summary};
use super::plan_view::{leaving, returning, safety_until};
use super::state::AppState;
use crate::compare::RowPage;
use crate::engine::{Status, Undo, UndoPreview, Way};
use crate::error::Error;

/// What the engine answered for a plan.
pub(super) struct Drawn {
    pub(super) status: Status,
    pub(super) preview: UndoPreview,
    pub(super) rows: Option<RowPage>,
    pub(super) q: String,
}

/// What was typed before, and what the form was drawn from.
pub(super) struct Typed {
    pub(super) confirm: String,
    saw: Saw,
}

impl Typed {
    /// Reads what can be read; what cannot is the error's matter.
    pub(super) fn read(fields: &Fields, saw: Saw) -> Self {
        let typed = fields.get("confirm_op").ok().flatten().unwrap_or_default();
        Self { confirm: typed.trim().to_owned(), saw }
    }

    /// Why the undo was not done.
    pub(super) fn notice(&self, error: &Error, now: &UndoPreview) -> Notice {
        let number = now.line.operation.operation;
        let (typed, is_asked) = (&self.confirm, now.line.undo.as_ref().is_some_and(|undo| undo.confirm));
        if !typed.is_empty() && *typed != number.to_string() {
            return Notice::Wrong(format!("That is {typed}; the number is {number}. Nothing was done."));
        }
        match Notice::of(error, self.saw, now.current_event_log_max_id, now.epoch) {
            Notice::Stopped(_) if is_asked && typed.is_empty() => {
                Notice::Wrong(format!("Nothing was typed; the number is {number}. Nothing was done."))
            }
            other => other,
        }
    }
}

/// The plan of an undo as a page.
pub(super) fn plan(state: &AppState, drawn: Drawn, typed: String, notice: Option<Notice>) -> PlanPage {
    let now = state.engine.now();
    let Drawn { status, preview, rows, q } = drawn;
    let operation = &preview.line.operation;
    let links = PlanLinks::of_undo(operation.operation);
    let title = format!("Undo {}", deed(operation));
    let shell = Shell::new(state, &status, &title, Door::History);
    let page = PlanPage {
        shell: shell.also(state, &links.plan(), "backstitch history".to_owned()),
        notice: None,
        up: ("History".to_owned(), links::HISTORY.to_owned()),
        title: Title { words: title, ..Title::default() },
        nothing: None,
        choice: None,
        lead: Timed { before: lead(&preview), ..Timed::default() },
        text: text(&preview, &safety_until(state, now)),
        changes: Changes::new(&preview.tables, &links, rows.as_ref(), &q),
        confirm: confirm(state, &preview, typed),
        about: None,
        backup: None,
    };
    page.noticed(notice)
}

/// What it does, in one sentence.
fn lead(preview: &UndoPreview) -> String {
    match preview.line.undo.as_ref().map(|undo| &undo.way) {
        Some(Way::Flag { event, hidden: true }) => format!("Event {event} is hidden again: the tables leave it out."),
        Some(Way::Flag { event, .. }) => format!("Event {event} is shown again: the tables take it in."),
        Some(Way::Tables { .. }) | None => {
            "The tables return to how they were before it. The log stays as it is.".to_owned()
        }
        Some(way @ (Way::Everything { .. } | Way::Backup { .. })) => {
            let what = match way {
                Way::Backup { .. } => "The log, the tables and the files of the backup",
                _ => "The log and the tables",
            };
            let moves = match (preview.events_returned, preview.events_removed) {
                (0, 0) => String::new(),
                (0, leave) => format!(": {}", leaving(leave, "event")),
                (back, 0) => format!(": {}", returning(back)),
                (back, leave) => format!(": {}, {}", returning(back), leaving(leave, "newer one")),
            };
            format!("{what} return to how they were before it{moves}.")
        }
    }
}

/// What came after it, what changes, and the safety copy.
fn text(preview: &UndoPreview, until: &str) -> String {
    let mut parts = Vec::new();
    parts.extend(preview.line.undo.as_ref().and_then(came_after));
    if !preview.tables.is_empty() {
        parts.push(summary(&preview.tables));
    }
    parts.push(format!("A safety copy is taken first and kept until {until}, so that this can be undone as well."));
    parts.join(" ")
}

/// What came after the operation, and what becomes of it.
pub(super) fn came_after(undo: &Undo) -> Option<String> {
    let since = match undo.events_since {
        1 => "1 event was added since.".to_owned(),
        events => format!("{} were added since.", counted(events, "event")),
    };
    let them = if undo.events_since == 1 { "it" } else { "them" };
    match (&undo.way, undo.events_since, undo.log_changed_since) {
        (Way::Flag { .. }, ..) | (_, 0, false) | (Way::Tables { .. }, 0, _) => None,
        (Way::Everything { .. } | Way::Backup { .. }, 0, true) => {
            Some("The log was changed since. Undoing undoes that as well, after a safety copy.".to_owned())
        }
        (Way::Everything { .. } | Way::Backup { .. }, ..) => {
            Some(format!("{since} Undoing takes {them} away as well, after a safety copy."))
        }
        (Way::Tables { .. }, ..) => Some(format!("{since} The tables follow {them} as well.")),
    }
}

fn confirm(state: &AppState, preview: &UndoPreview, typed: String) -> Confirm {
    let number = preview.line.operation.operation;
    let is_asked = preview.line.undo.as_ref().is_some_and(|undo| undo.confirm);
    let hidden = expected(preview.current_event_log_max_id, preview.epoch).to_vec();
    let mut fields = hidden.clone();
    if is_asked {
        fields.insert(0, ("confirm_op", number.to_string()));
    }
    Confirm {
        form: "undo",
        action: links::undo(number),
        hidden,
        typing: is_asked.then(|| Typing {
            field: "confirm_op",
            ask: "Type the number of the operation:",
            value: number.to_string(),
            typed,
        }),
        button: button(preview),
        destroys: is_asked || preview.events_removed > 0,
        cancel: links::HISTORY.to_owned(),
        as_curl: curl(&address(state, &links::undo(number)), &fields),
        as_command: with_folder(state, format!("backstitch undo {number}")),
    }
}

/// A verb and its object, with the number where there is one.
fn button(preview: &UndoPreview) -> String {
    let events = |verb: &str, count: u64| match count {
        1 => format!("{verb} 1 event"),
        count => format!("{verb} {} events", grouped(count)),
    };
    match (preview.line.undo.as_ref().map(|undo| &undo.way), preview.events_returned, preview.events_removed) {
        (Some(Way::Flag { event, hidden: true }), ..) => format!("Hide event {event}"),
        (Some(Way::Flag { event, .. }), ..) => format!("Show event {event}"),
        (Some(Way::Everything { .. } | Way::Backup { .. }), back @ 1.., 0) => events("Bring back", back),
        (Some(Way::Everything { .. } | Way::Backup { .. }), 0, leave @ 1..) => events("Take back", leave),
        _ => format!("Undo operation {}", preview.line.operation.operation),
    }
}
