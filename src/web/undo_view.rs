//! The plan of an undo: its sentences, and its form.

use super::due::Timed;
use super::extract::Fields;
use super::filters::{counted, grouped};
use super::layout::{Door, Shell, address, with_folder};
use super::links::{self, PlanLinks};
use super::notice::{Notice, Saw};
use super::offer::deed;
use super::plan_page::{Changes, Confirm, PlanPage, Title, Typing, changing, curl, expected};
use super::plan_view::{leaving, returning, safety_until};
use super::state::AppState;
use crate::compare::RowPage;
use crate::engine::{Status, Undo, UndoPreview, Way};
use crate::error::Error;
use crate::rewind::TableEffect;

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
        nothing: is_nothing(&preview, &status).then_some("The store already is as it was before this."),
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
    if let Some(undo) = &preview.line.undo {
        parts.extend(came_after(undo, preview.events_removed > 0, ""));
    }
    if !preview.tables.is_empty() {
        parts.push(changing(&preview.tables));
    }
    parts.push(format!("A safety copy is taken first and kept until {until}, so that this can be undone as well."));
    parts.join(" ")
}

/// Whether undoing changes nothing: something else has brought back what was there before. What a
/// backup holds besides the tables is not compared, and the end of a pause is a change.
fn is_nothing(preview: &UndoPreview, status: &Status) -> bool {
    let moved = preview.events_removed + preview.events_returned + preview.events_changed;
    let rows: u64 = preview.tables.iter().map(TableEffect::total).sum();
    let is_told =
        matches!(preview.line.undo.as_ref().map(|undo| &undo.way), Some(Way::Everything { .. } | Way::Tables { .. }));
    is_told && moved + rows == 0 && !status.held
}

/// What came after the operation, and what becomes of it. `removes`: whether undoing takes events
/// out of the log; `tail` ends the sentence of what it does to the log.
///
/// Once the log was changed in other ways, what came back counts as newer as well, so that no number
/// is told.
fn came_after(undo: &Undo, removes: bool, tail: &str) -> Option<String> {
    let (newer, changed) = (undo.events_since, undo.log_changed_since);
    let (since, them) = match newer {
        1 => ("1 event was added since.".to_owned(), "it"),
        _ => (format!("{} were added since.", counted(newer, "event")), "them"),
    };
    let is_added = newer > 0 && !changed;
    match &undo.way {
        Way::Flag { .. } => None,
        Way::Tables { .. } if newer == 0 => None,
        Way::Tables { .. } if is_added => Some(format!("{since} The tables follow {them} as well.")),
        Way::Tables { .. } => Some("The log was changed since. The tables follow it as well.".to_owned()),
        Way::Everything { .. } | Way::Backup { .. } if newer == 0 && !changed => None,
        Way::Everything { .. } | Way::Backup { .. } if is_added && removes => {
            Some(format!("{since} Undoing takes {them} away as well{tail}."))
        }
        Way::Everything { .. } | Way::Backup { .. } => {
            Some(format!("The log was changed since. Undoing undoes that as well{tail}."))
        }
    }
}

/// The same in the box of a result that can be undone only by way of its plan.
pub(super) fn came_after_result(undo: &Undo) -> Option<String> {
    if undo.confirm { came_after(undo, true, ", after a safety copy") } else { None }
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
        as_note: "",
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
