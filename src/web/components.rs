//! `GET /help/components`: each component of the pages in every state, built from the same macros
//! and partials as the pages, so that a design is judged, and tested, in one place.

use askama::Template;
use axum::extract::State;
use axum::response::Response;
use time::OffsetDateTime;
use time::ext::NumericalDuration;

use super::attention::{Action, BY_SIZE, Matter};
use super::difference::{Difference, Run};
use super::due::Timed;
use super::error::Failure;
use super::event_view::{Line, Said, Stamp};
use super::filters::{self, Moment};
use super::layout::{Door, Shell, address, page};
use super::links::{self, PlanLinks};
use super::outcome::Outcome;
use super::plan_page::{Changes, Confirm, Typing};
use super::rows::{Cell, RowView, views};
use super::sample::Steps;
use super::snapshots::Name;
use super::state::{AppState, blocking};
use super::timeline::Timeline;
use super::working::Working;
use crate::compare::{DiffRow, RowChange, RowPage};
use crate::engine::Engine;
use crate::image::Value;
use crate::progress::{Now, Part, Running, Task};
use crate::rewind::TableEffect;

/// Marks, and the words that each stands beside.
const MARKS: [(&str, &str); 12] = [
    ("round", "checkpoint"),
    ("diamond", "safety copy"),
    ("flag", "pinned"),
    ("checked", "checked 2 days ago"),
    ("unchecked", "not yet checked"),
    ("damaged", "damaged"),
    ("broken", "the log has changed since"),
    ("differs", "rows that differ from the log"),
    ("paused", "paused"),
    ("stuck", "stopped before an event"),
    ("moved", "the log moved"),
    ("full", "the disk is full"),
];
const ID: &str = "20261120T180201Z";

/// What is known of how good a snapshot is.
struct Trust {
    checked: Option<Moment>,
    rehearsed: Option<Moment>,
    matches: Option<bool>,
    left: Option<Timed>,
}

#[derive(Template)]
#[template(path = "components.html")]
struct ComponentsPage {
    shell: Shell,
    marks: [(&'static str, &'static str); 12],
    names: Vec<Name>,
    trusts: Vec<Trust>,
    at: Moment,
    cells: Vec<Cell>,
    rows: Vec<RowView>,
    matters: Vec<Matter>,
    done: Outcome,
    tables_only: Outcome,
    steps: Steps,
    lines: Vec<Line>,
    timeline: Timeline,
    works: Vec<(&'static str, Working)>,
    changes: Changes,
    confirm: Confirm,
}

impl ComponentsPage {
    /// What is said at the field of the confirmation.
    fn wrong(&self) -> Option<&str> {
        Some("That is 20261120T180210Z; the id is 20261120T180201Z. Nothing was done.")
    }
}

/// `GET /help/components`.
pub(super) async fn show(State(state): State<AppState>) -> Result<Response, Failure> {
    let status = blocking(&state, Engine::status).await?;
    let now = state.engine.now();
    let differences = differences();
    let (rows, links) = (views(&differences), PlanLinks::of_rewind(1240));
    Ok(page(&ComponentsPage {
        shell: Shell::new(&state, &status, "Components", Door::Help),
        marks: MARKS,
        names: names(),
        trusts: trusts(now),
        at: Moment::new(now - 14.minutes(), now),
        cells: vec![
            Cell::of(&Value::Null),
            Cell::of(&Value::Text(Vec::new())),
            Cell::of(&text("The rest is silence.")),
            Cell::of(&Value::Integer(14)),
            Cell::of(&Value::Blob(vec![0; 312])),
        ],
        rows,
        matters: matters(),
        done: outcome(),
        tables_only: tables_only(),
        steps: steps(),
        lines: lines(now),
        timeline: Timeline::made_up(now),
        works: works(),
        changes: Changes::new(&effects(), &links, Some(&differences), ""),
        confirm: confirm(&state, &links),
    })?)
}

fn text(text: &str) -> Value {
    Value::Text(text.into())
}

fn names() -> Vec<Name> {
    let name = |mark, what: &str, label: Option<&str>, pinned| Name {
        mark,
        what: what.to_owned(),
        to: None,
        label: label.map(str::to_owned),
        pinned,
    };
    vec![
        name("round", "checkpoint, automatic", None, false),
        name("round", "checkpoint, by hand", Some("before upgrade"), true),
        name("diamond", "safety copy before the rewind to 1240", None, false),
        name("damaged", "checkpoint, automatic", None, false),
    ]
}

fn trusts(now: OffsetDateTime) -> Vec<Trust> {
    let ago = Moment::new(now - 2.days(), now);
    let left = Timed { before: "rewind of ".to_owned(), at: Some(ago.clone()), ..Timed::default() };
    vec![
        Trust { checked: None, rehearsed: None, matches: None, left: None },
        Trust { checked: Some(ago.clone()), rehearsed: Some(ago.clone()), matches: Some(true), left: None },
        Trust { checked: Some(ago), rehearsed: None, matches: Some(false), left: Some(left) },
    ]
}

fn matters() -> Vec<Matter> {
    let matter = |mark, lead: &str, text: &str, action| Matter {
        mark,
        lead: lead.to_owned(),
        timed: None,
        text: text.to_owned(),
        action,
    };
    let waits = "88 newer events are in the log and wait.";
    let reason = "Another program wrote it, and it breaks a rule. Nothing is lost.";
    let apply = Action::Post { words: "Apply 88 events".to_owned(), url: links::REPLAY };
    let see = Action::Link { words: "See event 1301".to_owned(), url: links::event(1301) };
    let damaged = "Another program or a fault changed them. The log has all that they follow from.";
    let mend =
        Action::Link { words: "See them, or make the tables anew".to_owned(), url: links::PROJECTION.to_owned() };
    let full = "Reading works. Free some space, or delete a snapshot; no restart is needed.";
    let sizes = Action::Link { words: BY_SIZE.to_owned(), url: links::SNAPSHOTS_BY_SIZE.to_owned() };
    let take = Action::Post { words: "Take snapshot".to_owned(), url: links::TAKE };
    vec![
        matter("differs", "3 rows differ from the log.", damaged, Some(mend)),
        matter("full", "The disk is full: nothing can be changed.", full, Some(sizes)),
        matter("paused", "The tables are paused at event 1240.", waits, Some(apply)),
        matter("stuck", "The tables stopped before event 1301.", reason, Some(see)),
        matter(
            "unchecked",
            "No checkpoint has been taken since 20 Nov, 18:02 UTC.",
            "Events have come since, and one is long due.",
            Some(take),
        ),
        matter("moved", "The log moved while you were reading: 3 new events.", "Nothing was done.", None),
    ]
}

fn outcome() -> Outcome {
    Outcome {
        heading: "Went back to event 1240.".to_owned(),
        text: "88 events left the log, 131 rows changed in 6 tables, in 0.3 s.".to_owned(),
        link: Some(("What changed".to_owned(), links::HISTORY.to_owned())),
        actions: vec![Action::Plan { of: "of undoing the rewind".to_owned(), url: links::HISTORY.to_owned() }],
    }
}

/// The result that leaves events waiting.
fn tables_only() -> Outcome {
    let apply = Action::Post { words: "Apply them".to_owned(), url: links::REPLAY };
    Outcome {
        heading: "The tables are as they were at event 916; 131 rows changed in 0.2 s.".to_owned(),
        text: "424 events wait.".to_owned(),
        link: None,
        actions: vec![apply, Action::Plan { of: "of undoing the restore".to_owned(), url: links::HISTORY.to_owned() }],
    }
}

/// The last step is left, and no button is in it that would do anything.
fn steps() -> Steps {
    Steps {
        plan: Some(links::COMPONENTS.to_owned()),
        continued: true,
        was_continued: false,
        can_go_on: true,
        went_back: false,
        remove: links::COMPONENTS.to_owned(),
    }
}

fn lines(now: OffsetDateTime) -> Vec<Line> {
    let line = |id: i64, kind: &str, said| Line {
        id,
        url: links::event(id),
        stamp: Stamp { at: Some(Moment::new(now - 14.minutes(), now)), raw: String::new() },
        kind: kind.to_owned(),
        said,
        hidden: false,
        superseded_by: None,
        rewind: None,
        raw: None,
    };
    let turn = |text: &str| Said::Turn { speaker: Some("HAMLET".to_owned()), text: text.to_owned() };
    let fields = vec![("source".to_owned(), "hamlet".to_owned()), ("affinity".to_owned(), "14".to_owned())];
    vec![
        Line { rewind: Some(links::rewind(1240)), ..line(1240, "assistant turn", turn("The rest is silence.")) },
        Line { hidden: true, ..line(1241, "assistant turn", turn("Words, words, words.")) },
        Line {
            superseded_by: Some((1243, links::event(1243))),
            ..line(1242, "edge update", Said::Fields(fields, true))
        },
    ]
}

fn works() -> Vec<(&'static str, Working)> {
    let of = |task, what: &str, done, total| {
        let part =
            Part { what: what.to_owned(), noun: "row", done, total, time: std::time::Duration::from_millis(850) };
        Working::of(&Now { tasks: vec![Running { task, time: part.time }], parts: vec![part] })
    };
    vec![
        ("c-known", of(Task::Restore, "memories", 31_000, Some(104_770))),
        ("c-unknown", of(Task::Plan, "comparing edges", 12_000, None)),
    ]
}

/// One row of each sort.
fn differences() -> RowPage {
    let row = |change, key: &str, now: Option<[Value; 2]>, then: Option<[Value; 2]>| {
        let whole = |values: [Value; 2]| std::iter::once(text(key)).chain(values).collect();
        DiffRow { change, key: vec![text(key)], now: now.map(whole), then: then.map(whole) }
    };
    let (doubts, trusts) = ([Value::Integer(14), text("doubts him")], [Value::Integer(9), text("trusts him")]);
    let said = |verb: &str| [Value::Integer(2), text(&format!("He {verb} the ghost, and tells nobody so."))];
    let knew = |how: &str| [Value::Integer(7), text(&format!("{{\"jest\": \"infinite\", \"how\": \"{how}\"}}"))];
    RowPage {
        table: "edges".to_owned(),
        columns: ["pair", "affinity", "reason"].map(str::to_owned).to_vec(),
        key: vec!["pair".to_owned()],
        rows: vec![
            row(RowChange::Added, "ophelia → laertes", None, Some([Value::Integer(3), text("is his sister")])),
            row(RowChange::Removed, "polonius → laertes", Some([Value::Null, text("")]), None),
            row(RowChange::Changed, "horatio → hamlet", Some(doubts), Some(trusts)),
            row(RowChange::Changed, "hamlet → ghost", Some(said("doubts")), Some(said("trusts"))),
            row(RowChange::Changed, "hamlet → yorick", Some(knew("knew him well")), Some(knew("knew him"))),
        ],
        next_after: None,
        later: false,
    }
}

fn effects() -> Vec<TableEffect> {
    let effect = |name: &str, rows_now, rows_after, added, removed, changed| TableEffect {
        name: name.to_owned(),
        rows_now,
        rows_after,
        added,
        removed,
        changed,
    };
    vec![effect("edges", 368, 368, 1, 1, 1), effect("memories", 491, 393, 0, 98, 2), effect("bots", 30, 30, 0, 0, 0)]
}

fn confirm(state: &AppState, links: &PlanLinks) -> Confirm {
    Confirm {
        form: "restore",
        // Shown, not to be sent: a snapshot of this id is not there, and the plan is no form's target.
        action: links.plan(),
        hidden: Vec::new(),
        typing: Some(Typing {
            field: "confirm_id",
            ask: "Type or paste the snapshot's id:",
            value: ID.to_owned(),
            typed: "20261120T180210Z".to_owned(),
        }),
        button: "Restore".to_owned(),
        destroys: true,
        cancel: links::COMPONENTS.to_owned(),
        as_curl: format!("curl {}", address(state, links::SNAPSHOTS)),
        as_command: format!("backstitch snapshot restore {ID}"),
        as_note: "",
    }
}
