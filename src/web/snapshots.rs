//! `/snapshots`: what there is to go back to, newest first.

use askama::Template;
use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use serde_json::json;
use time::macros::format_description;
use time::{OffsetDateTime, PrimitiveDateTime};

use super::attention;
use super::due::{self, Timed};
use super::error::Failure;
use super::extract::{Fields, Query};
use super::filters::{self, Moment};
use super::kept::Kept;
use super::layout::{Door, Shell, address, page};
use super::links::{self, SnapshotLinks};
use super::negotiate::Wants;
use super::outcome::{Outcome, Tell};
use super::sample;
use super::state::{AppState, blocking};
use super::words::{damage_in_short, visible};
use crate::engine::{Engine, Space, Status};
use crate::error::{Error, Result};
use crate::history::{Means, What};
use crate::snapshot::left::Left;
use crate::snapshot::{Kind, Snapshot};

#[derive(Template)]
#[template(path = "snapshots.html")]
struct SnapshotsPage {
    shell: Shell,
    /// Nothing has happened in this store yet.
    empty: bool,
    new: bool,
    events_url: String,
    /// The domain is the one that the sample story is told in.
    can_sample: bool,
    next: Timed,
    days: Vec<Day>,
    count: u64,
    /// What they take on disk, together.
    bytes: u64,
    /// What of it is shared, and how much a day adds.
    room: String,
    sort: Sort,
    refused: Refused,
}

/// In which order the list stands.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) enum Sort {
    #[default]
    Newest,
    Size,
}

impl Sort {
    /// The field `sort`.
    ///
    /// # Errors
    ///
    /// Malformed where it is none of the words.
    fn read(fields: &Fields) -> Result<Self> {
        match fields.filled("sort")? {
            None | Some("newest") => Ok(Self::Newest),
            Some("size") => Ok(Self::Size),
            Some(_) => Err(Error::malformed("sort must be one of newest, size")),
        }
    }

    fn url(self) -> &'static str {
        match self {
            Self::Newest => links::SNAPSHOTS,
            Self::Size => links::SNAPSHOTS_BY_SIZE,
        }
    }

    /// Puts snapshots, the newest first, in this order.
    fn order(self, snapshots: &mut [Snapshot]) {
        if self == Self::Size {
            snapshots.sort_by_key(|one| std::cmp::Reverse(one.unique_bytes));
        }
    }
}

/// Why no snapshot was taken, on the page that it was asked for from.
#[derive(Default)]
pub(super) struct Refused {
    /// Said at the top; empty where nothing was refused.
    pub(super) text: String,
    /// What the label must be, said at the field.
    pub(super) label: Option<String>,
    /// The label that was typed.
    pub(super) typed: String,
    /// The disk is full, so that the sizes of snapshots are worth a look.
    pub(super) full: bool,
}

/// What the page is drawn from.
pub(super) struct Seen {
    status: Status,
    snapshots: Vec<Snapshot>,
    space: Space,
}

impl Seen {
    /// # Errors
    ///
    /// Where the store cannot be read.
    pub(super) fn look(engine: &Engine) -> Result<Self> {
        Ok(Self { status: engine.status()?, snapshots: engine.snapshots()?, space: engine.space()? })
    }
}

/// The snapshots of one day.
struct Day {
    name: String,
    rows: Vec<Row>,
}

/// One snapshot as lists show it.
pub(super) struct Row {
    pub(super) id: String,
    pub(super) at: Moment,
    pub(super) name: Name,
    kept: Kept,
    pub(super) behind: String,
    /// Events came after it.
    pub(super) later: bool,
    pub(super) damaged: Option<String>,
    checked: Option<Moment>,
    rehearsed: Option<Moment>,
    matches: Option<bool>,
    /// What took it off the log's history.
    left: Option<Timed>,
    bytes: u64,
    pub(super) plan: String,
}

/// What a snapshot is called, and with which mark.
pub(super) struct Name {
    /// The symbol: `round`, `diamond` or `damaged`.
    pub(super) mark: &'static str,
    /// What it is, in words.
    pub(super) what: String,
    /// When the snapshot was taken that `what` says was gone back to.
    pub(super) to: Option<Moment>,
    /// The user's own name for it.
    pub(super) label: Option<String>,
    pub(super) pinned: bool,
}

impl Name {
    pub(super) fn of(snapshot: &Snapshot, now: OffsetDateTime) -> Self {
        let what = match (snapshot.kind, snapshot.own, snapshot.automatic) {
            (Kind::Rewind, true, _) => "safety copy",
            (Kind::Rewind, false, _) => "safety copy, brought in",
            (Kind::Periodic, true, true) => "checkpoint, automatic",
            (Kind::Periodic, true, false) => "checkpoint, by hand",
            (Kind::Periodic, false, _) => "checkpoint, brought in",
        };
        let mark = match (&snapshot.damaged, snapshot.kind) {
            (Some(_), _) => "damaged",
            (None, Kind::Periodic) => "round",
            (None, Kind::Rewind) => "diamond",
        };
        // An id is for copying; a reader wants the moment that it is made of.
        let to = snapshot.reason.as_deref().and_then(|reason| taken_at(reason.strip_prefix("restore of ")?));
        let what = match (&snapshot.reason, to) {
            (Some(reason), Some(_)) if reason.ends_with("tables only") => {
                format!("{what} before the tables went back to")
            }
            (_, Some(_)) => format!("{what} before going back to"),
            (Some(reason), None) => format!("{what} before the {reason}"),
            (None, None) => what.to_owned(),
        };
        let to = to.map(|at| Moment::new(at, now));
        Self { mark, what, to, label: snapshot.label.as_deref().map(visible), pinned: snapshot.pinned }
    }
}

/// The moment in an id that this program made, such as `20261120T204112Z`, or with a number behind it.
fn taken_at(id: &str) -> Option<OffsetDateTime> {
    let format = format_description!("[year][month][day]T[hour][minute][second]");
    let at = id.split_once('Z')?.0;
    PrimitiveDateTime::parse(at, format).ok().map(PrimitiveDateTime::assume_utc)
}

impl Row {
    pub(super) fn new(snapshot: &Snapshot, head: i64, now: OffsetDateTime) -> Self {
        Self {
            at: Moment::new(snapshot.created_at, now),
            name: Name::of(snapshot, now),
            kept: Kept::new(snapshot, now),
            behind: behind(snapshot, head),
            later: snapshot.events_after.is_some_and(|after| after > 0) && !is_ahead(snapshot, head),
            checked: snapshot.checked_at.map(|at| Moment::new(at, now)),
            rehearsed: snapshot.proven_at.map(|at| Moment::new(at, now)),
            matches: snapshot.on_this_history,
            left: left_by(snapshot, now),
            bytes: snapshot.unique_bytes,
            plan: SnapshotLinks::new(&snapshot.snapshot_id, snapshot.kind).plan(),
            id: snapshot.snapshot_id.to_string(),
            damaged: snapshot.damaged.as_deref().map(damage_in_short),
        }
    }
}

/// What changed the log since a snapshot that no longer matches it: an operation with its moment, an
/// event that replaced one, or somebody else.
pub(super) fn left_by(snapshot: &Snapshot, now: OffsetDateTime) -> Option<Timed> {
    let plain = |before: String| Timed { before, ..Timed::default() };
    Some(match snapshot.left.as_ref()? {
        Left::Operation { what, at, .. } => {
            let before = match what {
                What::Hide => "an event was hidden, ".to_owned(),
                What::Unhide => "an event was shown again, ".to_owned(),
                What::BackupRestore => "restore of a backup, ".to_owned(),
                _ => format!("{what} of "),
            };
            Timed { before, at: Some(Moment::new(*at, now)), ..Timed::default() }
        }
        Left::Event { event, supersedes } => plain(format!("event {event} replaced event {supersedes}")),
        Left::Elsewhere => plain("another program changed the log".to_owned()),
        Left::Foreign => plain("or it is of another one".to_owned()),
    })
}

/// Whether it holds events that the log has no more. Of a dump it is not known how many.
fn is_ahead(snapshot: &Snapshot, head: i64) -> bool {
    snapshot.events_gone.map_or(snapshot.last_event_id > Some(head), |gone| gone > 0)
}

/// How far the log has gone on since, and how far it was ahead, after a rewind.
fn behind(snapshot: &Snapshot, head: i64) -> String {
    let Some(after) = snapshot.events_after else { return "\u{2013}".to_owned() };
    let ahead = match snapshot.events_gone {
        _ if !is_ahead(snapshot, head) => None,
        Some(gone) => Some(format!("ahead, {}", filters::counted(gone, "event"))),
        None => Some("ahead".to_owned()),
    };
    match (ahead, after) {
        (None, 0) => "none".to_owned(),
        (None, after) => filters::counted(after, "event"),
        (Some(ahead), 0) => ahead,
        (Some(ahead), after) => format!("{ahead}; {} behind", filters::grouped(after)),
    }
}

/// Under one heading, since the days are mixed.
fn in_one(snapshots: &[Snapshot], head: i64, now: OffsetDateTime) -> Vec<Day> {
    let rows = snapshots.iter().map(|one| Row::new(one, head, now)).collect();
    vec![Day { name: "The largest first".to_owned(), rows }]
}

fn by_day(snapshots: &[Snapshot], head: i64, now: OffsetDateTime) -> Vec<Day> {
    let mut days: Vec<Day> = Vec::new();
    for snapshot in snapshots {
        let name = filters::day(snapshot.created_at, now);
        let row = Row::new(snapshot, head, now);
        match days.last_mut() {
            Some(day) if day.name == name => day.rows.push(row),
            _ => days.push(Day { name, rows: vec![row] }),
        }
    }
    days
}

/// `GET /snapshots?sort=`, with the result box of `?done=<operation>`.
pub(super) async fn list(
    State(state): State<AppState>,
    wants: Wants,
    Query(fields): Query,
) -> Result<Response, Failure> {
    let sort = Sort::read(&fields)?;
    if wants.json() {
        let mut snapshots = blocking(&state, Engine::snapshots).await?;
        sort.order(&mut snapshots);
        return Ok(Json(json!({ "snapshots": snapshots })).into_response());
    }
    let (tell, kept) = (Tell::read(&fields)?, state.settings.safety_kept);
    let (seen, outcome) = blocking(&state, move |engine| {
        let seen = Seen::look(engine)?;
        let outcome = tell.outcome(engine, &seen.status, kept)?;
        Ok((seen, outcome))
    })
    .await?;
    Ok(page(&SnapshotsPage::new(&state, seen, sort, outcome))?)
}

/// The list as it is now, the newest first, with why none was taken.
///
/// # Errors
///
/// Where the page cannot be drawn.
pub(super) fn refused(state: &AppState, seen: Seen, refused: Refused) -> Result<Response> {
    let mut drawn = SnapshotsPage::new(state, seen, Sort::Newest, None);
    drawn.shell = drawn.shell.told_by(&refused.text);
    page(&SnapshotsPage { refused, ..drawn })
}

impl SnapshotsPage {
    fn new(state: &AppState, seen: Seen, sort: Sort, outcome: Option<Outcome>) -> Self {
        let now = OffsetDateTime::now_utc();
        let Seen { status, mut snapshots, space } = seen;
        let mut shell = Shell::new(state, &status, "Snapshots", Door::Snapshots).told(outcome);
        // A link to where the reader is helps nobody.
        if let Some(strip) = &mut shell.strip {
            strip.action.take_if(|action| action.url() == sort.url());
        }
        sort.order(&mut snapshots);
        Self {
            shell: shell.also(state, sort.url(), "backstitch snapshot list".to_owned()),
            empty: status.events == 0 && snapshots.is_empty(),
            new: state.engine.is_new(),
            events_url: address(state, links::EVENTS),
            can_sample: sample::fits(&status),
            next: due::next(&status, &snapshots, "one", now),
            count: snapshots.len() as u64,
            bytes: space.shared + snapshots.iter().map(|one| one.unique_bytes).sum::<u64>(),
            room: room(space),
            days: match sort {
                Sort::Newest => by_day(&snapshots, status.head, now),
                Sort::Size => in_one(&snapshots, status.head, now),
            },
            sort,
            refused: Refused::default(),
        }
    }
}

/// `2.4 MB more is shared by several. Over the last 5 days checkpoints added about 410 KB a day.`
fn room(space: Space) -> String {
    let shared = match space.shared {
        0 => String::new(),
        shared => format!("{} more is shared by several. ", filters::size(shared)),
    };
    let added = match space.daily {
        Some(daily) => {
            let (bytes, over) = (filters::size(daily.bytes), filters::span(daily.over.unsigned_abs()));
            format!("Over the last {over} checkpoints added about {bytes} a day.")
        }
        None => "What a day adds shows once three checkpoints lie six hours apart.".to_owned(),
    };
    format!("{shared}{added}")
}

/// By what means a request asks for an operation.
pub(super) fn means(wants: Wants) -> Means {
    match wants {
        Wants::Page => Means::Page,
        Wants::Json | Wants::Plain => Means::Http,
    }
}

#[cfg(test)]
mod tests {
    use time::macros::datetime;

    use super::*;

    #[test]
    fn an_id_of_this_program_has_its_moment() {
        let at = datetime!(2026-11-20 20:41:12 UTC);
        assert_eq!([taken_at("20261120T204112Z"), taken_at("20261120T204112Z_02")], [Some(at); 2]);
        for other in ["copy", "20261320T204112Z", "Z", "of the backup 20261120_204112"] {
            assert_eq!(taken_at(other), None, "{other}");
        }
    }
}
