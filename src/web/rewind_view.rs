//! The plan of a rewind: its sentences, and its form.

use std::sync::Arc;

use time::OffsetDateTime;

use super::due::Timed;
use super::event_view::{Said, Stamp};
use super::extract::Fields;
use super::filters::{self, counted, grouped};
use super::layout::{Door, Shell, address, with_folder};
use super::links::{self, PlanLinks};
use super::notice::{Notice, Saw};
use super::plan_page::{Changes, Confirm, PlanPage, Title, Typing, by_kind, changing, curl, expected};
use super::plan_view::safety_until;
use super::state::AppState;
use crate::compare::RowPage;
use crate::domain::Domain;
use crate::engine::{SpeakerNames, Status};
use crate::error::Error;
use crate::log::Event;
use crate::rewind::RewindPreview;

/// What the engine answered for a plan.
pub(super) struct Drawn {
    pub(super) status: Status,
    pub(super) preview: RewindPreview,
    /// The event that becomes the last; none where no event stays.
    pub(super) last: Option<Event>,
    pub(super) names: SpeakerNames,
    pub(super) domain: Arc<Domain>,
    pub(super) rows: Option<RowPage>,
    pub(super) q: String,
}

/// What was typed before, and what the form was drawn from.
pub(super) struct Typed {
    pub(super) confirm: String,
    asked: String,
    saw: Saw,
}

impl Typed {
    /// Reads what can be read; what cannot is the error's matter.
    pub(super) fn read(fields: &Fields, saw: Saw) -> Self {
        let text = |name: &str| fields.get(name).ok().flatten().unwrap_or_default().trim().to_owned();
        Self { confirm: text("confirm_event_id"), asked: text("after_event_id"), saw }
    }

    /// Why the rewind was not done.
    pub(super) fn notice(&self, error: &Error, now: &RewindPreview) -> Notice {
        let (typed, last) = (&self.confirm, now.last_event_id);
        match typed.as_str() {
            "" => Notice::Wrong(format!("Nothing was typed; the number is {last}. Nothing was done.")),
            _ if *typed != self.asked => {
                Notice::Wrong(format!("That is {typed}; the number is {last}. Nothing was done."))
            }
            _ => Notice::of(error, self.saw, now.current_event_log_max_id, now.epoch),
        }
    }
}

/// The plan of a rewind as a page.
pub(super) fn plan(state: &AppState, drawn: Drawn, typed: String, notice: Option<Notice>) -> PlanPage {
    let now = state.engine.now();
    let Drawn { status, preview, last, names, domain, rows, q } = drawn;
    let links = PlanLinks::of_rewind(preview.last_event_id);
    let speaker = last.as_ref().and_then(|event| match Said::of(event, &domain, &names, 1) {
        Said::Turn { speaker, .. } => speaker,
        Said::Fields(..) => None,
    });
    let title = match preview.last_event_id {
        0 => "Go back to before the first event".to_owned(),
        last => format!("Go back to event {last}"),
    };
    let command = format!("backstitch rewind {} --dry-run", preview.last_event_id);
    let shell = Shell::new(state, &status, &title, Door::Events).also(state, &links.plan(), command);
    let page = PlanPage {
        shell,
        notice: None,
        up: ("Events".to_owned(), links::EVENTS.to_owned()),
        title: Title { words: title, ..Title::default() },
        nothing: None,
        choice: None,
        lead: lead(&preview, last.as_ref(), speaker.as_deref(), now),
        text: text(&preview, &safety_until(state, now)),
        changes: Changes::new(&preview.tables, &links, rows.as_ref(), &q),
        confirm: confirm(state, &preview, typed),
        about: None,
        backup: None,
    };
    page.noticed(notice)
}

/// `Take back 88 events. Event 1240 (assistant turn, HORATIO, 19:41) becomes the last; events 1241 to
/// 1328 leave the log: 40 assistant turns, 22 user turns, 26 others, hidden ones included.`
fn lead(preview: &RewindPreview, last: Option<&Event>, speaker: Option<&str>, now: OffsetDateTime) -> Timed {
    let (first, end) = (preview.first_event.id, preview.last_event.id);
    let leave = match preview.total_events {
        1 => format!("event {first} leaves the log"),
        // Ids that were taken back before are not given again.
        events if end.abs_diff(first) + 1 > events => {
            format!("events {first} to {end}, {} in all, leave the log", grouped(events))
        }
        _ => format!("events {first} to {end} leave the log"),
    };
    let take = format!("Take back {}.", counted(preview.total_events, "event"));
    let hidden = if preview.total_events > 1 { ", hidden ones included" } else { "" };
    let kinds = by_kind(preview.by_kind.iter().map(|(kind, events)| (kind.as_str(), *events)));
    let Some(last) = last else {
        return Timed { before: format!("{take} No event stays; {leave}: {kinds}{hidden}."), ..Timed::default() };
    };
    let kind = filters::spoken(&last.kind);
    let who = speaker.map(|speaker| format!("{speaker}, ")).unwrap_or_default();
    let stamp = Stamp::new(&last.ts, now);
    let (raw, at) = if stamp.at.is_some() { (String::new(), stamp.at) } else { (stamp.raw, None) };
    Timed {
        before: format!("{take} Event {} ({kind}, {who}{raw}", last.id),
        at,
        after: format!(") becomes the last; {leave}: {kinds}{hidden}.").into(),
    }
}

fn text(preview: &RewindPreview, until: &str) -> String {
    let mut text = changing(&preview.tables);
    match preview.events_revived {
        0 => {}
        1 => text += " 1 event counts again, since the one that superseded it leaves.",
        revived => {
            text += &format!(" {} count again, since those that superseded them leave.", counted(revived, "event"));
        }
    }
    if preview.held {
        text += &format!(" The tables stand at event {} now; the pause ends.", preview.position);
    }
    format!("{text} A safety copy is taken first and kept until {until}; Undo brings everything back.")
}

fn confirm(state: &AppState, preview: &RewindPreview, typed: String) -> Confirm {
    // In a gap of the log the last event that stays says the same as the number asked for.
    let last = preview.last_event_id;
    let mut hidden = vec![("after_event_id", last.to_string())];
    hidden.extend(expected(preview.current_event_log_max_id, preview.epoch));
    let mut fields = hidden.clone();
    fields.insert(1, ("confirm_event_id", last.to_string()));
    Confirm {
        form: "rewind",
        action: links::REWIND.to_owned(),
        hidden,
        typing: Some(Typing {
            field: "confirm_event_id",
            ask: if last == 0 {
                "No event stays. Type the number:"
            } else {
                "Type the number of the last event that stays:"
            },
            value: last.to_string(),
            typed,
        }),
        button: match preview.total_events {
            1 => "Take back 1 event".to_owned(),
            events => format!("Take back {} events", grouped(events)),
        },
        cancel: links::EVENTS.to_owned(),
        destroys: true,
        as_curl: curl(&address(state, links::REWIND), &fields),
        as_command: with_folder(state, format!("backstitch rewind {last}")),
        as_note: "",
    }
}
