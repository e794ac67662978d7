//! Why a snapshot's tables cannot go back without its log, and what can, in words.

use time::OffsetDateTime;

use super::due::Timed;
use super::filters::{Moment, counted};
use super::plan_page::Blocked;
use super::plan_view::{leaving, returning};
use crate::history::What;
use crate::snapshot::Preview;
use crate::snapshot::left::Left;

/// None where the tables alone can go back.
pub(super) fn blocked(preview: &Preview, now: OffsetDateTime) -> Option<Blocked> {
    preview.tables_alone.as_ref()?;
    let is_of_another_shape = preview.snapshot.on_this_history == Some(true);
    let short = match is_of_another_shape {
        true => "they would not fit today's domain.",
        false => "they would not fit today's log.",
    };
    let first = match is_of_another_shape {
        true => plain("Today's domain has tables of another shape than this snapshot".to_owned()),
        false => changed(preview, now),
    };
    let after = format!("{}. {} Its tables alone cannot, since {short}", first.after, can_return(preview));
    Some(Blocked { why: Timed { after: after.into(), ..first }, short })
}

/// `This snapshot holds 88 events that were taken back at 19:58`: what changed the log since.
fn changed(preview: &Preview, now: OffsetDateTime) -> Timed {
    let events = preview.events_returned;
    let holds = format!("This snapshot holds {}", counted(events, "event"));
    let were = if events == 1 { "was" } else { "were" };
    match &preview.snapshot.left {
        Some(Left::Operation { what: What::Hide, at, .. }) => {
            timed("An event that this snapshot shows was hidden", *at, "", now)
        }
        Some(Left::Operation { what: What::Unhide, at, .. }) => {
            timed("An event that this snapshot hides was shown again", *at, "", now)
        }
        Some(Left::Operation { at, head, .. }) if events > 0 => {
            // Events up to there were still in the log then, and left it by a later operation.
            let later = if preview.first_returned <= Some(*head) { " and later" } else { "" };
            timed(&format!("{holds} that {were} taken back"), *at, later, now)
        }
        Some(Left::Operation { at, .. }) => timed("The log that this snapshot holds was changed", *at, "", now),
        Some(Left::Event { event, supersedes }) => {
            plain(format!("Event {event} replaced event {supersedes}, which this snapshot holds as it was"))
        }
        Some(Left::Foreign) => plain("This snapshot was brought in, and its log is not how today's begins".to_owned()),
        Some(Left::Elsewhere) if events > 0 => plain(format!("{holds} that another program took out of the log")),
        Some(Left::Elsewhere) => plain("Another program changed the log that this snapshot holds".to_owned()),
        None => plain("The log has changed since this snapshot".to_owned()),
    }
}

fn plain(before: String) -> Timed {
    Timed { before, ..Timed::default() }
}

fn timed(words: &str, at: OffsetDateTime, after: &str, now: OffsetDateTime) -> Timed {
    let at = Moment::new(at, now);
    let before = format!("{words} {} ", if at.today { "at" } else { "on" });
    Timed { before, at: Some(at), after: after.to_owned().into() }
}

/// `Tables and log together can return to it: 88 events come back, 100 newer ones leave.`
fn can_return(preview: &Preview) -> String {
    let moves = match (preview.events_returned, preview.events_removed) {
        (0, 0) => String::new(),
        (0, leave) => format!(": {}", leaving(leave, "newer event")),
        (back, 0) => format!(": {}", returning(back)),
        (back, leave) => format!(": {}, {}", returning(back), leaving(leave, "newer one")),
    };
    format!("Tables and log together can return to it{moves}.")
}
