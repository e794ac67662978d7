//! The page of a backup: what is in it, and the plan of restoring it, or why it cannot be restored.

use askama::Template;
use axum::response::Response;
use time::OffsetDateTime;

use super::backups_list::with_places;
use super::backups_view::{BackupView, moment};
use super::due::Timed;
use super::error::sentence;
use super::event_view::Stamp as EventStamp;
use super::extract::Fields;
use super::filters::{self, Moment};
use super::layout::{Door, Shell, address, page};
use super::links::{self, PlanLinks};
use super::notice::{Notice, Saw};
use super::outcome::Outcome;
use super::plan_page::{Changes, Confirm, Newer, PlanPage, Title, Typing, by_kind, changing, curl, expected};
use super::plan_view::{leaving, returning};
use super::state::AppState;
use super::words::{on_pages, visible};
use crate::backup::restore::Places;
use crate::backup::{Backup, Includes, Stamp};
use crate::compare::RowPage;
use crate::engine::Status;
use crate::error::{Error, Result};
use crate::rewind::TableEffect;
use crate::snapshot::Preview;

/// What the engine answered for the page of a backup.
pub(super) struct Drawn {
    pub(super) status: Status,
    pub(super) backup: Backup,
    pub(super) plan: Plan,
    pub(super) q: String,
}

/// What restoring it would change, and rows of one table; or why it cannot be restored.
pub(super) enum Plan {
    Possible(Box<Preview>, Option<RowPage>),
    Not(Error),
}

/// What was typed before, and what the form was drawn from.
#[derive(Default)]
pub(super) struct Typed {
    pub(super) confirm: String,
    pub(super) saw: Saw,
}

impl Typed {
    /// Reads what can be read; what cannot is the error's matter.
    pub(super) fn read(fields: &Fields) -> Self {
        let typed = fields.get("confirm_stamp").ok().flatten().unwrap_or_default();
        Self { confirm: typed.trim().to_owned(), saw: Saw::read(fields) }
    }

    /// Why the restore was not done.
    pub(super) fn notice(&self, error: &Error, drawn: &Drawn) -> Notice {
        let (typed, stamp) = (&self.confirm, &drawn.backup.stamp);
        match &drawn.plan {
            _ if typed.is_empty() => {
                Notice::Wrong(format!("Nothing was typed; the stamp is {stamp}. Nothing was done."))
            }
            _ if typed != stamp.as_str() => {
                Notice::Wrong(visible(&format!("That is {typed}; the stamp is {stamp}. Nothing was done.")))
            }
            Plan::Possible(now, _) => Notice::of(error, self.saw, now.current_event_log_max_id, now.epoch),
            Plan::Not(_) => Notice::Stopped(words(error)),
        }
    }
}

/// A backup that cannot be restored.
#[derive(Template)]
#[template(path = "backup.html")]
struct BackupPage {
    shell: Shell,
    title: Title,
    top: Option<String>,
    /// Why it cannot be restored.
    reason: String,
    backup: BackupView,
}

/// Why a backup cannot be restored here: a part of it has no place.
pub(super) fn without_place(includes: Includes, places: &Places) -> Option<Error> {
    let (what, flag) = match (includes.registry && places.registry.is_none(), includes.vectors) {
        (true, _) => ("a registry file", "--registry FILE"),
        (false, true) if places.vectors.is_none() => ("a vector store", "--chroma-dir DIR"),
        _ => return None,
    };
    let message = format!("the backup holds {what}, and this server was not told where that belongs.");
    Some(Error::conflict(message).hint(format!("Start it with {flag}.")))
}

/// The page as it is answered; `is_checked`: the backup was checked just now, and the page tells
/// what was found.
pub(super) fn answer(
    state: &AppState,
    drawn: Drawn,
    typed: Typed,
    notice: Option<Notice>,
    is_checked: bool,
) -> Result<Response> {
    let now = state.engine.now();
    let Drawn { status, backup, plan, q } = drawn;
    let view = BackupView::new(&backup, now);
    let (outcome, found) = if is_checked { told(&view, backup.own) } else { (None, None) };
    let title = title(&backup, now);
    let heading = match &title.at {
        Some(at) => format!("Backup of {}", at.dated()),
        None => title.words.clone(),
    };
    let shell = Shell::new(state, &status, &heading, Door::Backups)
        .also(state, &links::backup(&backup.stamp), "backstitch backup list".to_owned())
        .told(outcome);
    let notice = notice.or(found.map(Notice::Stopped));
    match plan {
        Plan::Not(error) => {
            let top = notice.as_ref().and_then(Notice::text).map(str::to_owned);
            page(&BackupPage { shell, title, top, reason: words(&error), backup: view })
        }
        Plan::Possible(preview, rows) => {
            let links = PlanLinks::of_backup(&backup.stamp);
            let tables: Vec<TableEffect> = preview.tables.iter().cloned().map(TableEffect::from).collect();
            let changes = Changes::new(&tables, &links, rows.as_ref(), &q).after(newer(&preview, now));
            let confirm = confirm(state, &backup.stamp, &preview, typed.confirm);
            let plan = PlanPage {
                title,
                backup: Some(view),
                ..going_back(shell, &preview, backup.includes, changes, confirm)
            };
            page(&plan.noticed(notice))
        }
    }
}

/// The plan of restoring a backup that has these parts.
fn going_back(shell: Shell, preview: &Preview, includes: Includes, changes: Changes, confirm: Confirm) -> PlanPage {
    let tables: Vec<TableEffect> = preview.tables.iter().cloned().map(TableEffect::from).collect();
    PlanPage {
        shell,
        notice: None,
        up: ("Backups".to_owned(), links::BACKUPS.to_owned()),
        title: Title::default(),
        nothing: is_nothing(preview, includes).then_some("The log and the tables already are as this backup has them."),
        choice: None,
        lead: Timed { before: lead(preview), ..Timed::default() },
        text: text(&tables, includes),
        changes,
        confirm,
        about: None,
        backup: None,
    }
}

/// What a check that was just made found: a box where all is well, else words for the top.
fn told(view: &BackupView, own: bool) -> (Option<Outcome>, Option<String>) {
    if view.check.at.is_none() {
        return (None, None);
    }
    if !view.check.valid {
        return (None, Some(format!("This backup is not as it should be: {}.", view.check.found())));
    }
    let text = if own {
        "Every file is what was written, and the database is whole."
    } else {
        "Its database is whole. Another program made it, so there are no hashes to compare its files with."
    };
    let heading = "This backup is sound.".to_owned();
    (Some(Outcome { heading, text: text.to_owned(), link: None, actions: Vec::new() }), None)
}

/// An error's words as a page says them.
fn words(error: &Error) -> String {
    visible(&sentence(&on_pages(&error.to_string())))
}

fn title(backup: &Backup, now: OffsetDateTime) -> Title {
    let at: Option<Moment> = moment(backup, now);
    let words = if at.is_some() { "Backup of".to_owned() } else { format!("Backup {}", backup.stamp) };
    Title { words, at, facts: None }
}

fn is_nothing(preview: &Preview, includes: Includes) -> bool {
    let rows: u64 = preview.tables.iter().map(crate::compare::TableChange::total).sum();
    let moved = preview.events_removed + preview.events_returned;
    rows + moved == 0 && !includes.registry && !includes.vectors
}

/// `Restoring it returns the log and the tables to event 1240: 12 events leave.`
fn lead(preview: &Preview) -> String {
    let to = match preview.snapshot.last_event_id.unwrap_or_default() {
        0 => "before the first event".to_owned(),
        last => format!("event {last}"),
    };
    let moves = match (preview.events_returned, preview.events_removed) {
        (0, 0) => String::new(),
        (0, leave) => format!(": {}", leaving(leave, "event")),
        (back, 0) => format!(": {}", returning(back)),
        (back, leave) => format!(": {}, {}", returning(back), leaving(leave, "newer one")),
    };
    format!("Restoring this backup returns the log and the tables to {to}{moves}.")
}

/// What else goes back, and how it is undone.
fn text(tables: &[TableEffect], includes: Includes) -> String {
    let files = match (includes.registry, includes.vectors) {
        (true, true) => "The registry file and the vector store are put back as well.",
        (true, false) => "The registry file is put back as well; the vector store stays as it is.",
        (false, true) => "The vector store is put back as well; the registry file stays as it is.",
        (false, false) => "The registry file and the vector store stay as they are.",
    };
    format!(
        "{} {files} The backup is checked first, and a backup of the present is made; Undo brings all of that back \
         while it is kept.",
        changing(tables)
    )
}

/// Which events leave.
fn newer(preview: &Preview, now: OffsetDateTime) -> Newer {
    let Some((id, ts)) = &preview.first_newer else { return Newer::default() };
    let kinds = by_kind(preview.newer_by_kind.iter().map(|kind| (kind.kind.as_str(), kind.events)));
    Newer { text: format!("Leave: {kinds}."), first: Some((*id, EventStamp::new(ts, now))) }
}

fn confirm(state: &AppState, stamp: &Stamp, preview: &Preview, typed: String) -> Confirm {
    let hidden = expected(preview.current_event_log_max_id, preview.epoch).to_vec();
    let mut fields = hidden.clone();
    fields.insert(0, ("confirm_stamp", stamp.to_string()));
    Confirm {
        form: "restore",
        action: links::restore_backup(stamp),
        hidden,
        typing: Some(Typing {
            field: "confirm_stamp",
            ask: "Type or paste the backup's stamp:",
            value: stamp.to_string(),
            typed,
        }),
        button: "Restore this backup".to_owned(),
        destroys: true,
        cancel: links::BACKUPS.to_owned(),
        as_curl: curl(&address(state, &links::restore_backup(stamp)), &fields),
        as_command: with_places(state, format!("backstitch backup restore {stamp}")),
        as_note: "",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_part_without_a_place_stops_a_restore() {
        let includes = |registry, vectors| Includes { database: true, registry, vectors };
        let places = |known: bool| Places { registry: known.then(|| "r".into()), vectors: known.then(|| "v".into()) };
        let told = |includes, known| without_place(includes, &places(known)).map(|error| error.to_string());
        assert_eq!(told(includes(true, true), true), None);
        assert_eq!(told(includes(false, false), false), None);
        assert!(told(includes(true, true), false).is_some_and(|words| words.contains("--registry FILE")));
        assert!(told(includes(false, true), false).is_some_and(|words| words.contains("--chroma-dir DIR")));
    }

    #[test]
    fn what_goes_back_with_the_tables_is_said() {
        let said = text(&[], Includes { database: true, registry: true, vectors: false });
        assert!(said.contains("The registry file is put back as well; the vector store stays as it is."), "{said}");
    }
}
