//! The history of operations: one line each, never rewritten.

use std::fmt;

use rusqlite::{Connection, OptionalExtension, Row};
use serde::Serialize;
use time::OffsetDateTime;

use crate::clock;
use crate::error::{Error, Result};

/// What an operation did.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum What {
    /// A snapshot was taken.
    Take,
    /// A snapshot was restored.
    Restore,
    /// The log was cut after an event, and the tables went back with it.
    Rewind,
    /// An operation was undone.
    Undo,
    /// An event was hidden.
    Hide,
    /// A hidden event was shown again.
    Unhide,
    /// A snapshot was deleted.
    Delete,
    /// Snapshots were removed by retention.
    Prune,
    /// A snapshot was imported.
    Import,
    /// Waiting events were applied.
    Replay,
    /// The tables were made anew from the log.
    Rebuild,
    /// The tables follow another domain since.
    Domain,
    /// A runtime backup was made.
    Backup,
    /// A runtime backup was restored.
    #[serde(rename = "backup_restore")]
    BackupRestore,
}

impl What {
    const ALL: [Self; 14] = [
        Self::Take,
        Self::Restore,
        Self::Rewind,
        Self::Undo,
        Self::Hide,
        Self::Unhide,
        Self::Delete,
        Self::Prune,
        Self::Import,
        Self::Replay,
        Self::Rebuild,
        Self::Domain,
        Self::Backup,
        Self::BackupRestore,
    ];

    /// The word in the database and in JSON.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Take => "take",
            Self::Restore => "restore",
            Self::Rewind => "rewind",
            Self::Undo => "undo",
            Self::Hide => "hide",
            Self::Unhide => "unhide",
            Self::Delete => "delete",
            Self::Prune => "prune",
            Self::Import => "import",
            Self::Replay => "replay",
            Self::Rebuild => "rebuild",
            Self::Domain => "domain",
            Self::Backup => "backup",
            Self::BackupRestore => "backup_restore",
        }
    }
}

impl fmt::Display for What {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// By what means an operation was asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Means {
    /// A form of a page.
    Page,
    /// A program over HTTP.
    Http,
    /// The command line.
    Command,
    /// The policy, or the program itself.
    Policy,
}

impl Means {
    const ALL: [Self; 4] = [Self::Page, Self::Http, Self::Command, Self::Policy];

    /// The word in the database, in manifests and in JSON.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Page => "page",
            Self::Http => "http",
            Self::Command => "command",
            Self::Policy => "policy",
        }
    }

    /// The means of that word.
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|means| means.as_str() == word)
    }
}

/// One line of the history.
#[derive(Debug, Clone, Serialize)]
pub struct Operation {
    /// Its id; grows.
    pub operation: i64,
    /// What it did.
    pub what: What,
    /// When it was done.
    #[serde(with = "time::serde::rfc3339")]
    pub at: OffsetDateTime,
    /// By what means.
    pub by: Means,
    /// What is particular to it.
    pub detail: serde_json::Value,
    /// How long it took, in milliseconds.
    pub took_ms: u64,
}

/// Adds a line and answers its id.
///
/// # Errors
///
/// Where the database fails.
pub fn record(
    conn: &Connection,
    what: What,
    by: Means,
    at: OffsetDateTime,
    took_ms: u64,
    detail: &serde_json::Value,
) -> Result<i64> {
    conn.prepare_cached(
        "INSERT INTO backstitch_operations (what, at, means, detail, took_ms) VALUES (?1, ?2, ?3, ?4, ?5)",
    )?
    .execute((
        what.as_str(),
        clock::rfc3339(at),
        by.as_str(),
        detail.to_string(),
        i64::try_from(took_ms).unwrap_or(i64::MAX),
    ))?;
    Ok(conn.last_insert_rowid())
}

/// One line by its id.
///
/// # Errors
///
/// Not found where there is none.
pub fn find(conn: &Connection, operation: i64) -> Result<Operation> {
    conn.prepare_cached(
        "SELECT operation, what, at, means, detail, took_ms FROM backstitch_operations WHERE operation = ?1",
    )?
    .query_row([operation], read)
    .optional()?
    .ok_or_else(|| Error::not_found("operation not found"))
}

/// The latest lines, newest first, at most `limit`.
///
/// # Errors
///
/// Where the database fails.
pub fn latest(conn: &Connection, limit: u64) -> Result<Vec<Operation>> {
    before(conn, i64::MAX, limit)
}

/// The last event of the log before going back, at its highest of all times that the store went
/// back; none where it never did. An undo is none of these.
///
/// # Errors
///
/// Where the database fails.
pub fn went_back_from(conn: &Connection) -> Result<Option<i64>> {
    let sql = "SELECT max(detail ->> '$.from_head') FROM backstitch_operations WHERE what IN (?1, ?2, ?3)";
    let back = [What::Restore, What::Rewind, What::BackupRestore].map(What::as_str);
    Ok(conn.prepare_cached(sql)?.query_row(back, |row| row.get(0))?)
}

/// The stamps of the backups that this store made, the last one first.
///
/// # Errors
///
/// Where the database fails.
pub fn backups(conn: &Connection) -> Result<Vec<String>> {
    let sql = "SELECT detail ->> '$.backup' AS stamp FROM backstitch_operations WHERE what = ?1 AND stamp IS NOT NULL
               GROUP BY stamp ORDER BY max(operation) DESC";
    let mut statement = conn.prepare(sql)?;
    let stamps = statement.query_map([What::Backup.as_str()], |row| row.get(0))?;
    Ok(stamps.collect::<rusqlite::Result<_>>()?)
}

/// The lines before one, newest first, at most `limit`.
///
/// # Errors
///
/// Where the database fails.
pub fn before(conn: &Connection, operation: i64, limit: u64) -> Result<Vec<Operation>> {
    let mut statement = conn.prepare_cached(
        "SELECT operation, what, at, means, detail, took_ms FROM backstitch_operations
         WHERE operation < ?1 ORDER BY operation DESC LIMIT ?2",
    )?;
    let rows = statement.query_map((operation, i64::try_from(limit).unwrap_or(i64::MAX)), read)?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}

/// The latest lines of operations that took events out of the log, newest first, at most `limit`.
///
/// # Errors
///
/// Where the database fails.
pub fn that_removed_events(conn: &Connection, limit: u64) -> Result<Vec<Operation>> {
    let mut statement = conn.prepare_cached(
        "SELECT operation, what, at, means, detail, took_ms FROM backstitch_operations
         WHERE what IN ('rewind', 'restore', 'undo', 'backup_restore') AND detail ->> '$.events_removed' > 0
         ORDER BY operation DESC LIMIT ?1",
    )?;
    let rows = statement.query_map([i64::try_from(limit).unwrap_or(i64::MAX)], read)?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}

fn read(row: &Row<'_>) -> rusqlite::Result<Operation> {
    let (what, at, means): (String, String, String) = (row.get(1)?, row.get(2)?, row.get(3)?);
    let detail: String = row.get(4)?;
    Ok(Operation {
        operation: row.get(0)?,
        what: What::ALL.into_iter().find(|known| known.as_str() == what).ok_or_else(|| unknown(1, &what))?,
        at: clock::parse_rfc3339(&at).ok_or_else(|| unknown(2, &at))?,
        by: Means::parse(&means).ok_or_else(|| unknown(3, &means))?,
        detail: serde_json::from_str(&detail).map_err(|_| unknown(4, &detail))?,
        took_ms: row.get::<_, i64>(5)?.unsigned_abs(),
    })
}

fn unknown(column: usize, word: &str) -> rusqlite::Error {
    let reason = format!("{word:?} is no word of the history");
    rusqlite::Error::FromSqlConversionFailure(column, rusqlite::types::Type::Text, reason.into())
}
