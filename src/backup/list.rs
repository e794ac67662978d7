//! All backups, as far as their metadata tells, and what checking them found last.

use std::fs;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use time::OffsetDateTime;

use super::folder::Backups;
use super::metadata::{Contents, Found};
use super::stamp::Stamp;
use super::validate::{self, Validation};
use crate::error::{Error, Result};
use crate::files;

/// One backup as lists show it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Backup {
    /// Its stamp.
    pub stamp: Stamp,
    /// Its folder.
    pub path: String,
    /// Whether there is a metadata file.
    pub has_metadata: bool,
    /// The metadata; none where there is none that can be read.
    pub metadata: Option<Value>,
    /// `invalid_json`, where it cannot be read.
    pub metadata_error: Option<String>,
    /// The moment that the metadata gives.
    pub created_at: Option<String>,
    /// Bytes of its files, as the metadata gives them.
    pub size_bytes: u64,
    /// The highest id of the log in it.
    pub last_event_id: Option<i64>,
    /// What is in it.
    pub includes: Includes,
    /// Whether this program made it: only such a one is restored, and removed by retention.
    pub own: bool,
    /// What checking it found last; none where it was not checked.
    pub checked: Option<Checked>,
}

/// What is in a backup.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Includes {
    /// The database.
    pub database: bool,
    /// The registry file.
    pub registry: bool,
    /// The vector store.
    pub vectors: bool,
}

/// What checking a backup found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Checked {
    /// When.
    #[serde(with = "time::serde::rfc3339")]
    pub at: OffsetDateTime,
    /// Whether it was sound.
    pub valid: bool,
    /// What was wrong.
    pub errors: Vec<String>,
}

impl Checked {
    /// Whether it was damaged, and not only so as the store itself was when it was copied.
    pub fn is_damaged(&self) -> bool {
        !validate::damage(&self.errors).is_empty()
    }
}

/// All backups, newest first. Reads their metadata and nothing else of them.
///
/// # Errors
///
/// Where a folder cannot be read.
pub fn list(backups: &Backups) -> Result<Vec<Backup>> {
    Ok(backups.stamps()?.into_iter().rev().map(|stamp| show(backups, stamp)).collect())
}

/// One backup.
///
/// # Errors
///
/// Not found where there is none.
pub fn find(backups: &Backups, stamp: &Stamp) -> Result<Backup> {
    backups.find(stamp)?;
    Ok(show(backups, stamp.clone()))
}

fn show(backups: &Backups, stamp: Stamp) -> Backup {
    let path = backups.path(&stamp);
    let (has_metadata, metadata) = match Found::read(&path) {
        Found::Missing => (false, None),
        Found::Invalid(_) => (true, None),
        Found::Read(metadata) => (true, Some(metadata)),
    };
    let contents = metadata.as_ref().and_then(|metadata| Contents::of(metadata).ok());
    let number = |key: &str| metadata.as_ref().and_then(|metadata| metadata.get(key)?.as_u64()).unwrap_or(0);
    let own = contents.as_ref().and_then(|contents| contents.own.as_ref());
    let listed = own.map(|own| own.files.iter().map(|file| file.size).sum());
    Backup {
        size_bytes: listed.unwrap_or_else(|| number("db_size_bytes") + number("chroma_snapshot_bytes")),
        created_at: metadata.as_ref().and_then(|metadata| Some(metadata.get("created_at")?.as_str()?.to_owned())),
        last_event_id: own.map(|own| own.last_event_id),
        includes: contents.as_ref().map_or_else(Includes::default, Includes::of),
        own: own.is_some(),
        checked: read_checked(backups, &stamp),
        path: path.to_string_lossy().into_owned(),
        metadata_error: (has_metadata && metadata.is_none()).then(|| "invalid_json".to_owned()),
        has_metadata,
        metadata,
        stamp,
    }
}

impl Includes {
    fn of(contents: &Contents) -> Self {
        let (database, registry) = (contents.database.is_some(), contents.registry.is_some());
        Self { database, registry, vectors: contents.vectors }
    }
}

/// Remembers what checking a backup found.
///
/// # Errors
///
/// Where it cannot be written.
pub fn remember(backups: &Backups, validation: &Validation, at: OffsetDateTime) -> Result<()> {
    let checked = Checked { at, valid: validation.valid, errors: validation.errors.clone() };
    let bytes = serde_json::to_vec(&checked)
        .map_err(|source| Error::internal("what a check found has no JSON form").because(source))?;
    files::publish(&backups.checked(&validation.stamp), &bytes)
}

/// What cannot be read counts as not checked.
fn read_checked(backups: &Backups, stamp: &Stamp) -> Option<Checked> {
    serde_json::from_slice(&fs::read(backups.checked(stamp)).ok()?).ok()
}
