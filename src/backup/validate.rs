//! Proving a backup: the checks and words of the original service, and beyond them every hash,
//! references, full-text indexes, and whether the tables are what the log gives.
//!
//! | word | what is wrong |
//! | --- | --- |
//! | `snapshot_directory_missing`, `metadata_missing`, `metadata_invalid_json` | there is nothing to go by |
//! | `db_snapshot_missing`, `db_open_failed`, `db_integrity_check_failed` | the database |
//! | `registry_snapshot_missing`, `registry_invalid_json` | the registry file |
//! | `chroma_snapshot_missing`, `chroma_open_failed` | the vector store |
//! | `file_missing`, `file_differs` | a listed file is not there, or not what was written |
//! | `metadata_differs` | the metadata counts other events or rows than the database has |
//! | `db_references_broken`, `db_full_text_differs`, `db_projection_differs` | the store was so when it was copied |
//!
//! What was so when it was copied is told, and restored all the same: what was going on before a
//! restore must come back with its undo. So is a registry file that is no JSON, where it is the one
//! that was copied.

use std::fs;
use std::path::{Path, PathBuf};

use rusqlite::{Connection, OpenFlags, OptionalExtension};
use serde::Serialize;
use serde::de::IgnoredAny;
use serde_json::Value;
use time::OffsetDateTime;

use super::folder::Backups;
use super::metadata::{Contents, Found, Listed, VECTORS};
use super::replica::Replica;
use super::stamp::Stamp;
use super::sums;
use super::{database, list};
use crate::error::{Error, ErrorKind, Result};
use crate::files;
use crate::progress::{Progress, Work};

/// Words of what a backup tells faithfully of a store that was so.
const FAITHFUL: [&str; 4] =
    ["db_references_broken", "db_full_text_differs", "db_projection_differs", "registry_invalid_json"];
/// The database of a Chroma store.
const CHROMA: &str = "chroma.sqlite3";

/// What checking a backup found.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Validation {
    /// Its stamp.
    pub stamp: Stamp,
    /// Its folder.
    pub path: String,
    /// Whether it is there.
    pub exists: bool,
    /// Whether the database opens and is whole.
    pub db_ok: bool,
    /// Whether the registry file is JSON; none where there is none.
    pub registry_ok: Option<bool>,
    /// Whether the vector store is whole; none where there is none.
    pub chroma_ok: Option<bool>,
    /// What is wrong: a word, and more after a colon.
    pub errors: Vec<String>,
    /// Whether nothing is.
    pub valid: bool,
    /// The metadata, where it can be read.
    pub metadata: Option<Value>,
    /// The vector store beside the memories, where it is Chroma's.
    pub vectors: Option<Vectors>,
}

/// How many entries a Chroma store has, and how many memories the database. They need not be equal.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Vectors {
    /// Ids of embeddings.
    pub embeddings: u64,
    /// Rows of `memories`; none where there is no such table.
    pub memories: Option<u64>,
}

impl Validation {
    /// What is damaged or missing, as against what the store itself was like when it was copied.
    pub fn damage(&self) -> Vec<&str> {
        damage(&self.errors)
    }

    fn error(&mut self, word: &str) {
        self.errors.push(word.to_owned());
    }

    fn explained(&mut self, word: &str, why: impl std::fmt::Display) {
        self.errors.push(format!("{word}: {why}"));
    }
}

/// What of the errors of a check is damage.
pub(super) fn damage(errors: &[String]) -> Vec<&str> {
    let faithful = |error: &str| FAITHFUL.iter().any(|word| error.starts_with(word));
    errors.iter().map(String::as_str).filter(|error| !faithful(error)).collect()
}

/// Checks a backup that stays where it is meanwhile, and remembers what was found.
///
/// # Errors
///
/// Where the machine refuses.
pub fn check(backups: &Backups, stamp: &Stamp, at: OffsetDateTime, progress: &Progress) -> Result<Validation> {
    let _shared = backups.share()?;
    let found = validate(backups, stamp, backups.snapshots(), progress)?;
    if found.exists
        && let Err(error) = list::remember(backups, &found, at)
    {
        tracing::warn!(%error, "what the check found could not be remembered");
    }
    Ok(found)
}

/// Checks a backup. What needs to be opened is copied to a folder in `beside` first.
///
/// # Errors
///
/// Where the machine refuses; whatever is wrong with the backup is in the answer.
pub fn validate(backups: &Backups, stamp: &Stamp, beside: &Path, progress: &Progress) -> Result<Validation> {
    let folder = backups.path(stamp);
    let mut found = Validation {
        stamp: stamp.clone(),
        path: folder.to_string_lossy().into_owned(),
        exists: folder.is_dir(),
        db_ok: false,
        registry_ok: None,
        chroma_ok: None,
        errors: Vec::new(),
        valid: false,
        metadata: None,
        vectors: None,
    };
    if !found.exists {
        found.error("snapshot_directory_missing");
        return Ok(found);
    }
    let contents = match Found::read(&folder) {
        Found::Missing => {
            found.error("metadata_missing");
            return Ok(found);
        }
        Found::Invalid(why) => Err(why),
        Found::Read(metadata) => Contents::of(found.metadata.insert(metadata)),
    };
    match contents {
        Err(why) => found.explained("metadata_invalid_json", why),
        Ok(contents) => Check { folder: &folder, contents: &contents, beside, progress, found: &mut found }.run()?,
    }
    found.valid = found.errors.is_empty();
    Ok(found)
}

struct Check<'a> {
    folder: &'a Path,
    contents: &'a Contents,
    beside: &'a Path,
    progress: &'a Progress,
    found: &'a mut Validation,
}

impl Check<'_> {
    fn run(mut self) -> Result<()> {
        let memories = self.database()?;
        self.registry()?;
        self.vectors(memories)
    }

    /// A file of the backup itself: what a link leads to is none.
    fn file(&self, path: &str) -> Option<PathBuf> {
        let whole = self.folder.join(path);
        whole.symlink_metadata().is_ok_and(|file| file.is_file()).then_some(whole)
    }

    fn database(&mut self) -> Result<Option<u64>> {
        let path = self.contents.database.clone();
        let Some((path, whole)) =
            path.and_then(|path| Some((self.file(&path)?, path))).map(|(whole, path)| (path, whole))
        else {
            self.found.error("db_snapshot_missing");
            return Ok(None);
        };
        let replica = match Replica::of(&whole, self.beside, self.progress) {
            Ok(replica) => replica,
            Err(error) => return self.unopened(&error, error.kind()).map(|()| None),
        };
        if self.contents.listed(&path).is_some_and(|listed| listed.sum() != *replica.sum()) {
            self.found.explained("file_differs", &path);
        }
        let work = self.progress.begin("checking its database", None);
        match database::broken_pages(replica.conn()) {
            Ok(None) => self.found.db_ok = true,
            Ok(Some(said)) => self.found.explained("db_integrity_check_failed", said),
            Err(error) => self.found.explained("db_open_failed", error),
        }
        drop(work);
        if !self.found.db_ok || self.contents.own.is_none() {
            return Ok(None);
        }
        match self.store(replica) {
            Ok(memories) => Ok(memories),
            Err(error) => self.unopened(&error, error.kind()).map(|()| None),
        }
    }

    /// What the machine refuses is no fault of the backup.
    fn unopened(&mut self, error: &Error, kind: ErrorKind) -> Result<()> {
        if matches!(kind, ErrorKind::DiskFull | ErrorKind::Busy) {
            return Err(error.for_another());
        }
        self.found.db_ok = false;
        self.found.explained("db_open_failed", error.message());
        Ok(())
    }

    /// Checks what only this program's own database can be asked. Answers how many memories it has.
    fn store(&mut self, replica: Replica) -> Result<Option<u64>> {
        // Before an older one is brought to today's schema, which has more tables. What it is not is told
        // better by that.
        let told = database::tell(replica.conn());
        let store = replica.into_store()?;
        let told = told?;
        if let Some(own) = &self.contents.own
            && (own.last_event_id, &own.rows) != (told.last_event_id, &told.rows)
        {
            self.found.explained("metadata_differs", "it counts other events or rows than the database");
        }
        if let Some(broken) = broken_reference(store.conn())? {
            self.found.explained("db_references_broken", broken);
        }
        for index in database::drifted_indexes(store.conn())? {
            self.found.explained("db_full_text_differs", index);
        }
        match store.drift(self.progress) {
            Ok(drifted) => {
                for table in drifted {
                    self.found.explained("db_projection_differs", format!("{}, {} rows", table.name, table.total()));
                }
            }
            Err(error) if error.kind() == ErrorKind::Unprocessable => {
                self.found.explained("db_projection_differs", error.message());
            }
            Err(error) => return Err(error),
        }
        Ok(told.rows.get("memories").copied())
    }

    fn registry(&mut self) -> Result<()> {
        let Some(path) = self.contents.registry.clone() else { return Ok(()) };
        let Some(whole) = self.file(&path) else {
            self.found.registry_ok = Some(false);
            self.found.error("registry_snapshot_missing");
            return Ok(());
        };
        self.listed(&path, &whole, &mut self.progress.begin("checking the registry file", None))?;
        let parsed = serde_json::from_slice::<IgnoredAny>(&fs::read(whole)?);
        self.found.registry_ok = Some(parsed.is_ok());
        if let Err(error) = parsed {
            self.found.explained("registry_invalid_json", error);
        }
        Ok(())
    }

    fn vectors(&mut self, memories: Option<u64>) -> Result<()> {
        if !self.contents.vectors {
            return Ok(());
        }
        let folder = self.folder.join(VECTORS);
        if !folder.symlink_metadata().is_ok_and(|folder| folder.is_dir()) {
            self.found.chroma_ok = Some(false);
            self.found.error("chroma_snapshot_missing");
            return Ok(());
        }
        let before = self.found.errors.len();
        let contents = self.contents;
        let kilobytes = contents.listed_vectors().map(|listed| sums::steps(listed.size)).sum();
        let mut work = self.progress.begin_of("checking the vector store", "kilobyte", Some(kilobytes));
        for listed in contents.listed_vectors() {
            match self.file(&listed.path) {
                Some(whole) => self.listed(&listed.path, &whole, &mut work)?,
                None => self.found.explained("file_missing", &listed.path),
            }
        }
        if let Some(database) = self.file(&format!("{VECTORS}/{CHROMA}")) {
            match embeddings(&database, self.beside) {
                Ok(embeddings) => {
                    self.found.vectors = embeddings.map(|embeddings| Vectors { embeddings, memories });
                }
                Err(error) if error.kind() == ErrorKind::DiskFull => return Err(error),
                Err(error) => self.found.explained("chroma_open_failed", error.message()),
            }
        }
        self.found.chroma_ok = Some(self.found.errors.len() == before);
        Ok(())
    }

    fn listed(&mut self, path: &str, whole: &Path, work: &mut Work) -> Result<()> {
        let listed = self.contents.listed(path).map(Listed::sum);
        if let Some(sum) = listed
            && sum != sums::of_file(whole, work)?
        {
            self.found.explained("file_differs", path);
        }
        Ok(())
    }
}

fn broken_reference(conn: &Connection) -> Result<Option<String>> {
    let told = |row: &rusqlite::Row<'_>| {
        Ok(format!("a row of {} names none of {}", row.get::<_, String>(0)?, row.get::<_, String>(2)?))
    };
    Ok(conn.query_row("PRAGMA foreign_key_check", [], told).optional()?)
}

/// How many ids of embeddings a Chroma database has; none where it has no such table. It is opened
/// aside, its write-ahead log with it: a cold copy may have one.
fn embeddings(database: &Path, beside: &Path) -> Result<Option<u64>> {
    let folder = files::unfinished_folder(beside)?;
    let copy = folder.path().join(CHROMA);
    fs::copy(database, &copy)?;
    let log = database.with_file_name(format!("{CHROMA}-wal"));
    if log.is_file() {
        fs::copy(log, folder.path().join(format!("{CHROMA}-wal")))?;
    }
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let conn = Connection::open_with_flags(copy, flags)?;
    let sql = "SELECT count(*) FROM sqlite_schema WHERE type = 'table' AND name = 'embeddings'";
    if conn.query_row(sql, [], |row| row.get::<_, i64>(0))? == 0 {
        return Ok(None);
    }
    let sql = "SELECT count(DISTINCT embedding_id) FROM embeddings";
    Ok(Some(conn.query_row(sql, [], |row| row.get::<_, i64>(0))?.unsigned_abs()))
}
