//! The page of a snapshot that cannot be restored: what is wrong with it, and the two ways on.

use askama::Template;
use axum::response::Response;
use time::OffsetDateTime;

use super::about::About;
use super::error::{self, Failure, sentence};
use super::filters::{self, Moment};
use super::layout::{Door, Shell, page};
use super::links::SnapshotLinks;
use super::snapshots::Name;
use super::state::{AppState, blocking};
use super::words::{on_pages, visible};
use crate::engine::{Engine, Status};
use crate::error::{Error, ErrorKind, Result};
use crate::snapshot::{Kind, Snapshot, SnapshotId};

/// What the page is drawn from.
struct Seen {
    status: Status,
    snapshot: Snapshot,
    newest_sound: Option<Snapshot>,
}

impl Seen {
    /// None where the snapshot is not known as damaged: then something else is.
    fn look(engine: &Engine, kind: Kind, id: &SnapshotId) -> Result<Option<Self>> {
        let mut snapshots = engine.snapshots()?;
        let newest_sound = snapshots.iter().find(|one| one.damaged.is_none()).cloned();
        let found = snapshots.iter().position(|one| one.kind == kind && one.snapshot_id == *id);
        let Some(snapshot) = found.map(|at| snapshots.swap_remove(at)).filter(|one| one.damaged.is_some()) else {
            return Ok(None);
        };
        Ok(Some(Self { status: engine.status()?, snapshot, newest_sound }))
    }
}

/// Answers an error about a snapshot: with the snapshot's own page where the error is its damage.
/// `refused` is what was typed to delete it and why that did not do.
pub(super) async fn answer(
    state: &AppState,
    kind: Kind,
    id: &SnapshotId,
    error: Error,
    refused: Option<(String, String)>,
) -> Result<Response, Failure> {
    if error.kind() != ErrorKind::Damaged && refused.is_none() {
        return Err(error.into());
    }
    let id = id.clone();
    let Ok(Some(seen)) = blocking(state, move |engine| Seen::look(engine, kind, &id)).await else {
        return Err(error.into());
    };
    let mut response = page(&DamagedPage::new(state, &seen, refused))?;
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
    /// Its own file cannot be read, so nothing says which pieces it needs.
    unreadable: bool,
    sound: Option<(Moment, String)>,
    about: About,
}

impl DamagedPage {
    fn new(state: &AppState, seen: &Seen, refused: Option<(String, String)>) -> Self {
        let now = OffsetDateTime::now_utc();
        let snapshot = &seen.snapshot;
        let at = Moment::new(snapshot.created_at, now);
        let title = format!("Damaged: {}, {}", at.day, at.clock);
        let about = About::new(snapshot, None, now);
        let sound = seen
            .newest_sound
            .as_ref()
            .map(|one| (Moment::new(one.created_at, now), SnapshotLinks::new(&one.snapshot_id, one.kind).plan()));
        Self {
            shell: Shell::new(state, &seen.status, &title, Door::Snapshots),
            at,
            name: Name::of(snapshot),
            why: visible(&sentence(&on_pages(snapshot.damaged.as_deref().unwrap_or_default()))),
            // Every snapshot that this program wrote has a number from 1.
            unreadable: snapshot.sequence == 0,
            sound,
            about: match refused {
                Some((typed, wrong)) => about.refused(typed, Some(wrong)),
                None => about,
            },
        }
    }

    fn wrong(&self) -> Option<&str> {
        self.about.wrong.as_deref()
    }
}
