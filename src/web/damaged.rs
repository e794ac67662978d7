//! The page of a snapshot that cannot be restored: what is wrong with it, and the two ways on.

use askama::Template;
use axum::response::Response;
use time::OffsetDateTime;

use super::about::About;
use super::error::{self, Failure, sentence};
use super::filters::{self, Moment, cut, grouped};
use super::layout::{Door, Shell, page};
use super::links::SnapshotLinks;
use super::snapshots::Name;
use super::state::{AppState, blocking};
use super::words::{on_pages, short_hashes, visible};
use crate::engine::{Damage, Engine, Place, Status};
use crate::error::{Error, ErrorKind, Result};
use crate::snapshot::{Kind, Snapshot, SnapshotId};

/// Snapshots that are named where several need the damaged piece.
const SHOWN: usize = 5;
/// Characters of a key that are shown.
const KEY: usize = 40;

/// What the page is drawn from.
struct Seen {
    status: Status,
    snapshot: Snapshot,
    damage: Damage,
    /// The others that need the piece that is damaged.
    shared: Vec<Snapshot>,
    newest_sound: Option<Snapshot>,
}

impl Seen {
    /// None where the snapshot is not known as damaged: then something else is.
    fn look(engine: &Engine, kind: Kind, id: &SnapshotId) -> Result<Option<Self>> {
        let mut snapshots = engine.snapshots()?;
        let found = snapshots.iter().position(|one| one.kind == kind && one.snapshot_id == *id);
        let Some(snapshot) = found.map(|at| snapshots.remove(at)).filter(|one| one.damaged.is_some()) else {
            return Ok(None);
        };
        let damage = engine.damage(&snapshot)?;
        let shares = |one: &Snapshot| damage.shared.contains(&(one.kind, one.snapshot_id.clone()));
        let (shared, others): (Vec<_>, Vec<_>) = snapshots.into_iter().partition(shares);
        // The list is newest first. One that needs the same piece is not sound either.
        let newest_sound = others.into_iter().find(|one| one.damaged.is_none());
        Ok(Some(Self { status: engine.status()?, snapshot, damage, shared, newest_sound }))
    }
}

/// What its page tells besides.
pub(super) enum Before {
    /// Nothing was done with it.
    Nothing,
    /// What was just done with it, by the word that the address gives.
    Noted(String),
    /// What was typed to delete it, and why that did not do.
    NotDeleted { typed: String, wrong: String },
}

/// Answers an error about a snapshot: with the snapshot's own page where the error is its damage.
pub(super) async fn answer(
    state: &AppState,
    kind: Kind,
    id: &SnapshotId,
    error: Error,
    before: Before,
) -> Result<Response, Failure> {
    if error.kind() != ErrorKind::Damaged && !matches!(before, Before::NotDeleted { .. }) {
        return Err(error.into());
    }
    let id = id.clone();
    let Ok(Some(seen)) = blocking(state, move |engine| Seen::look(engine, kind, &id)).await else {
        return Err(error.into());
    };
    let mut response = page(&DamagedPage::new(state, &seen, before))?;
    *response.status_mut() = error::status(error.kind());
    Ok(response)
}

/// The damage of a snapshot as an error, for one whose other pieces could still be read.
pub(super) fn known(snapshot: &Snapshot) -> Result<()> {
    match &snapshot.damaged {
        Some(why) => {
            let why = why.trim_end_matches('.');
            Err(Error::damaged(format!("Snapshot {} cannot be restored: {why}.", snapshot.snapshot_id))
                .hint("Nothing of it was read into your tables, and your live data is not affected."))
        }
        None => Ok(()),
    }
}

#[derive(Template)]
#[template(path = "damaged.html")]
struct DamagedPage {
    shell: Shell,
    at: Moment,
    name: Name,
    why: String,
    /// Whether it is known which other snapshots need the piece.
    placed: bool,
    /// Each with its id where another one is of the same minute.
    shared: Vec<(Moment, String, Option<String>)>,
    more_shared: u64,
    /// Its own file cannot be read, so nothing says which pieces it needs.
    unreadable: bool,
    sound: Option<(Moment, String)>,
    about: About,
}

impl DamagedPage {
    fn new(state: &AppState, seen: &Seen, before: Before) -> Self {
        let now = OffsetDateTime::now_utc();
        let snapshot = &seen.snapshot;
        let at = Moment::new(snapshot.created_at, now);
        let title = format!("Damaged: {}", at.dated());
        let links = SnapshotLinks::new(&snapshot.snapshot_id, snapshot.kind);
        let command = format!("backstitch snapshot verify {} --kind {}", snapshot.snapshot_id, snapshot.kind);
        let about = About::new(snapshot, None, now);
        let sound = seen.newest_sound.as_ref().map(|one| linked(one, now));
        Self {
            shell: Shell::new(state, &seen.status, &title, Door::Snapshots).also(state, &links.plan(), command),
            at,
            name: Name::of(snapshot, now),
            why: visible(&why(snapshot.damaged.as_deref().unwrap_or_default(), &seen.damage)),
            placed: seen.damage.place.is_some(),
            more_shared: seen.shared.len().saturating_sub(SHOWN) as u64,
            shared: told_apart(&seen.shared[..seen.shared.len().min(SHOWN)], now),
            // Every snapshot that this program wrote has a number from 1.
            unreadable: snapshot.sequence == 0,
            sound,
            about: match before {
                Before::Nothing => about,
                Before::Noted(word) => about.told(Some(&word)),
                Before::NotDeleted { typed, wrong } => about.refused(typed, Some(wrong)),
            },
        }
    }

    fn wrong(&self) -> Option<&str> {
        self.about.wrong.as_deref()
    }
}

fn linked(snapshot: &Snapshot, now: OffsetDateTime) -> (Moment, String) {
    (Moment::new(snapshot.created_at, now), SnapshotLinks::new(&snapshot.snapshot_id, snapshot.kind).plan())
}

/// Snapshots with their addresses; those that have their minute in common with their ids.
fn told_apart(snapshots: &[Snapshot], now: OffsetDateTime) -> Vec<(Moment, String, Option<String>)> {
    let minute = |one: &Snapshot| one.created_at.unix_timestamp().div_euclid(60);
    let is_alone = |one: &Snapshot| snapshots.iter().filter(|other| minute(other) == minute(one)).count() == 1;
    let told = |one: &Snapshot| {
        let (at, url) = linked(one, now);
        (at, url, (!is_alone(one)).then(|| one.snapshot_id.to_string()))
    };
    snapshots.iter().map(told).collect()
}

/// What is wrong: how many of how many pieces, which one and with which rows, and what was found
/// instead of it.
fn why(sentence_of_it: &str, damage: &Damage) -> String {
    // After the piece's own name, which nobody needs to read, stands what is wrong with it.
    let problem = sentence_of_it.rsplit_once(": piece ").and_then(|(_, rest)| rest.split_once(' '));
    let (Some((piece, problem)), Some(place)) = (problem, &damage.place) else {
        return sentence(&short_hashes(&on_pages(sentence_of_it)));
    };
    let problem = match problem.split_once(" bytes that hash to it, found ") {
        // Else it is told in the words of the library that unpacks it.
        Some((expected, found)) if found == "more" || found.ends_with(" bytes") => {
            format!("{expected} bytes with the hash {piece}, found {found}")
        }
        Some(_) => "cannot be unpacked".to_owned(),
        None => problem.to_owned(),
    };
    let (place, problem) = (spoken(place), short_hashes(&problem));
    match damage.pieces {
        Some(all) if damage.lost > 1 => format!(
            "{} of its {} pieces are missing or not what was written. The one found first ({place}) {problem}.",
            grouped(damage.lost),
            grouped(all)
        ),
        Some(1) => format!("Its one piece ({place}) {problem}."),
        Some(all) => format!("One of its {} pieces ({place}) {problem}.", grouped(all)),
        None => format!("One of its pieces ({place}) {problem}."),
    }
}

fn spoken(place: &Place) -> String {
    match place {
        Place::Rows { table, first, last } if first == last => format!("{table}, row {}", cut(first, KEY).0),
        Place::Rows { table, first, last } => {
            format!("{table}, rows {} to {}", cut(first, KEY).0, cut(last, KEY).0)
        }
        Place::List { table } => format!("the list of the pieces of {table}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn damage_is_told_with_its_place_and_its_size() {
        let (piece, found) = ("ab12".repeat(16), "9f03".repeat(16));
        let told = |problem: &str, pieces, lost| {
            let place = Place::Rows { table: "memories".into(), first: "2001".into(), last: "2400".into() };
            let damage = Damage { pieces, lost, place: Some(place), shared: Vec::new() };
            why(&format!("memories, rows 2001 to 2400: piece {piece} {problem}"), &damage)
        };
        let changed = format!("is not what was written: expected {piece}, found {found}");
        assert_eq!(
            told(&changed, Some(41), 1),
            "One of its 41 pieces (memories, rows 2001 to 2400) is not what was written: expected ab12\u{2026}, found \
             9f03\u{2026}."
        );
        assert_eq!(
            told("is missing", Some(41), 3),
            "3 of its 41 pieces are missing or not what was written. The one found first (memories, rows 2001 to 2400) \
             is missing."
        );
        let cut_short = "is not what was written: expected 812 bytes that hash to it, found 9 bytes";
        let garbled = "is not what was written: expected 812 bytes that hash to it, found Data corruption detected";
        assert!(told(garbled, Some(41), 1).ends_with(" (memories, rows 2001 to 2400) cannot be unpacked."));
        assert!(told(cut_short, Some(1), 1).ends_with("expected 812 bytes with the hash ab12\u{2026}, found 9 bytes."));
    }
}
