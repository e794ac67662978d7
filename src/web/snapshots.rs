//! `/snapshots`: what there is to go back to, newest first, and taking one more.

use askama::Template;
use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};
use serde_json::json;
use time::OffsetDateTime;

use super::due::{self, Timed};
use super::error::Failure;
use super::extract::{Fields, Form, Query};
use super::filters::{self, Moment};
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
use crate::snapshot::retention::SAFETY_KEPT;
use crate::snapshot::{Keep, Kind, Snapshot};

/// The longest label, in characters.
const LABEL_LIMIT: usize = 200;

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
    /// The user's own name for it.
    pub(super) label: Option<String>,
    pub(super) pinned: bool,
}

impl Name {
    pub(super) fn of(snapshot: &Snapshot) -> Self {
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
        let what = match &snapshot.reason {
            Some(reason) => format!("{what} before the {reason}"),
            None => what.to_owned(),
        };
        Self { mark, what, label: snapshot.label.as_deref().map(visible), pinned: snapshot.pinned }
    }
}

impl Row {
    pub(super) fn new(snapshot: &Snapshot, head: i64, now: OffsetDateTime) -> Self {
        Self {
            at: Moment::new(snapshot.created_at, now),
            name: Name::of(snapshot),
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
                _ => format!("{what} of "),
            };
            Timed { before, at: Some(Moment::new(*at, now)), ..Timed::default() }
        }
        Left::Event { event, supersedes } => plain(format!("event {event} replaced event {supersedes}")),
        Left::Elsewhere => plain("another program changed the log".to_owned()),
        Left::Foreign => plain("or it is of another one".to_owned()),
    })
}

/// Why a snapshot is kept and when it goes.
pub(super) struct Kept {
    kind: Kind,
    keep: Keep,
    damaged: bool,
    now: OffsetDateTime,
}

impl Kept {
    pub(super) fn new(snapshot: &Snapshot, now: OffsetDateTime) -> Self {
        Self { kind: snapshot.kind, keep: snapshot.keep, damaged: snapshot.damaged.is_some(), now }
    }

    /// In words, in a store that keeps so many checkpoints.
    pub(super) fn words(&self, keep_periodic: usize) -> String {
        let newest = match self.kind {
            Kind::Periodic => keep_periodic,
            Kind::Rewind => SAFETY_KEPT,
        };
        match self.keep {
            _ if self.damaged => format!("not counted among the newest {newest}"),
            Keep::Pinned => "kept until you unpin it".to_owned(),
            Keep::Newest(place) if place <= newest => format!("newest {newest}: {}", ordinal(place)),
            // One more than these is kept where none of them matches the log.
            Keep::Newest(_) => "kept: the newest that matches the log".to_owned(),
            Keep::Until(at) => format!("goes {}", Moment::new(at, self.now).day),
            Keep::UntilDeleted => "kept until you delete it".to_owned(),
            Keep::Due => "goes with the next checkpoint".to_owned(),
        }
    }
}

fn ordinal(place: usize) -> String {
    match (place % 10, place % 100) {
        (_, 11..=13) => format!("{place}th"),
        (1, _) => format!("{place}st"),
        (2, _) => format!("{place}nd"),
        (3, _) => format!("{place}rd"),
        _ => format!("{place}th"),
    }
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

fn by_day(snapshots: Vec<Snapshot>, head: i64, now: OffsetDateTime) -> Vec<Day> {
    let mut days: Vec<Day> = Vec::new();
    for snapshot in snapshots {
        let name = filters::day(snapshot.created_at, now);
        let row = Row::new(&snapshot, head, now);
        match days.last_mut() {
            Some(day) if day.name == name => day.rows.push(row),
            _ => days.push(Day { name, rows: vec![row] }),
        }
    }
    days
}

/// `GET /snapshots`, with the result box of `?done=<operation>`.
pub(super) async fn list(
    State(state): State<AppState>,
    wants: Wants,
    Query(fields): Query,
) -> Result<Response, Failure> {
    if wants.json() {
        let snapshots = blocking(&state, Engine::snapshots).await?;
        return Ok(Json(json!({ "snapshots": snapshots })).into_response());
    }
    let (tell, kept) = (Tell::read(&fields)?, state.settings.safety_kept);
    let (status, (snapshots, space), outcome) = blocking(&state, move |engine| {
        let status = engine.status()?;
        let outcome = tell.outcome(engine, &status, kept)?;
        let snapshots = engine.snapshots()?;
        Ok((status, (snapshots, engine.space()?), outcome))
    })
    .await?;
    Ok(page(&SnapshotsPage::new(&state, &status, (snapshots, space), outcome))?)
}

impl SnapshotsPage {
    fn new(
        state: &AppState,
        status: &Status,
        (snapshots, space): (Vec<Snapshot>, Space),
        outcome: Option<Outcome>,
    ) -> Self {
        let now = OffsetDateTime::now_utc();
        let shell = Shell::new(state, status, "Snapshots", Door::Snapshots).told(outcome);
        Self {
            shell: shell.also(state, links::SNAPSHOTS, "backstitch snapshot list".to_owned()),
            empty: status.events == 0 && snapshots.is_empty(),
            new: state.engine.is_new(),
            events_url: address(state, links::EVENTS),
            can_sample: sample::fits(status),
            next: due::next(status, "one", now),
            count: snapshots.len() as u64,
            bytes: space.shared + snapshots.iter().map(|one| one.unique_bytes).sum::<u64>(),
            room: room(space),
            days: by_day(snapshots, status.head, now),
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

/// `POST /snapshots/take`, with `label` and `pin`, both optional.
pub(super) async fn take(State(state): State<AppState>, wants: Wants, Form(fields): Form) -> Result<Response, Failure> {
    let label = label(&fields)?;
    // Who names a snapshot wants to find it again, so a label pins unless told otherwise.
    let pinned = flag(&fields, "pin")?.unwrap_or(label.is_some());
    let means = means(wants);
    let taken = blocking(&state, move |engine| engine.take_snapshot(label, pinned, means)).await?;
    Ok(match wants {
        Wants::Json => (StatusCode::CREATED, Json(taken)).into_response(),
        Wants::Page | Wants::Plain => Redirect::to(&links::done(taken.operation)).into_response(),
    })
}

/// By what means a request asks for an operation.
pub(super) fn means(wants: Wants) -> Means {
    match wants {
        Wants::Page => Means::Page,
        Wants::Json | Wants::Plain => Means::Http,
    }
}

/// The field `label` as a name for a snapshot; none where it is not there or blank.
pub(super) fn label(fields: &Fields) -> Result<Option<String>> {
    let Some(label) = fields.filled("label")? else { return Ok(None) };
    if label.chars().count() > LABEL_LIMIT || label.chars().any(char::is_control) {
        return Err(Error::malformed(format!("label must be one line of at most {LABEL_LIMIT} characters")));
    }
    Ok(Some(label.to_owned()))
}

fn flag(fields: &Fields, name: &str) -> Result<Option<bool>> {
    fields.number(name, "true or false")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_told_with_the_number_that_is_kept() {
        let said = |kind, keep, damaged| Kept { kind, keep, damaged, now: OffsetDateTime::UNIX_EPOCH }.words(7);
        assert_eq!(said(Kind::Periodic, Keep::Newest(1), false), "newest 7: 1st");
        assert_eq!(said(Kind::Periodic, Keep::Newest(8), false), "kept: the newest that matches the log");
        assert_eq!(said(Kind::Rewind, Keep::Newest(2), false), "newest 5: 2nd");
        assert_eq!(said(Kind::Periodic, Keep::UntilDeleted, true), "not counted among the newest 7");
    }

    #[test]
    fn places_are_spoken() {
        assert_eq!([1, 2, 3, 4, 11, 12, 21].map(ordinal), ["1st", "2nd", "3rd", "4th", "11th", "12th", "21st"]);
    }
}
