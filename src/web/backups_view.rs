//! What is in a backup, in words: its parts, its files, what checking it found.

use std::collections::BTreeMap;

use time::OffsetDateTime;

use super::filters::{Moment, counted, size};
use super::links;
use super::words::visible;
use crate::backup::metadata::{Contents, DATABASE, Listed, Metadata, REGISTRY};
use crate::backup::{Backup, Checked};
use crate::clock;

/// Words of the engine for what is wrong with a backup, and what a page says instead.
const WRONG: [(&str, &str); 16] = [
    ("snapshot_directory_missing", "its folder is not there"),
    ("metadata_missing", "the file that says what is in it is missing"),
    ("metadata_invalid_json", "the file that says what is in it cannot be read"),
    ("metadata_differs", "it holds other events or rows than were counted when it was made"),
    ("db_snapshot_missing", "the database is missing"),
    ("db_open_failed", "the database cannot be opened"),
    ("db_integrity_check_failed", "the database is damaged"),
    ("db_references_broken", "rows name rows that are not there, as in the store when it was copied"),
    ("db_full_text_differs", "a search index differs from its rows, as in the store when it was copied"),
    ("db_projection_differs", "the tables differ from the log, as in the store when it was copied"),
    ("registry_snapshot_missing", "the registry file is missing"),
    ("registry_invalid_json", "the registry file is not JSON"),
    ("chroma_snapshot_missing", "the vector store is missing"),
    ("chroma_open_failed", "the vector store cannot be opened"),
    ("file_missing", "a file is missing"),
    ("file_differs", "a file is not what was written"),
];

/// Files that a page names.
const NAMED: usize = 200;

/// What is in a backup.
pub(super) struct BackupView {
    pub(super) stamp: String,
    pub(super) path: String,
    pub(super) size: u64,
    pub(super) parts: Parts,
    pub(super) check: Check,
    /// Where the form goes that checks it.
    pub(super) check_url: String,
    /// Tables with their rows; none of a backup that another program made.
    pub(super) rows: BTreeMap<String, u64>,
    pub(super) files: Vec<File>,
    /// How many files there are.
    pub(super) count: u64,
    /// How many of them the page does not name.
    pub(super) more: u64,
}

/// The three parts that a backup may have, each in words.
pub(super) struct Parts {
    pub(super) database: String,
    pub(super) registry: String,
    pub(super) vectors: String,
}

/// One file.
pub(super) struct File {
    pub(super) path: String,
    pub(super) size: u64,
    pub(super) sha256: String,
}

/// What checking a backup found last.
pub(super) struct Check {
    pub(super) at: Option<Moment>,
    pub(super) valid: bool,
    /// What was wrong, in words.
    pub(super) wrong: Vec<String>,
}

impl BackupView {
    pub(super) fn new(backup: &Backup, now: OffsetDateTime) -> Self {
        let contents = backup.metadata.as_ref().and_then(|metadata| Contents::of(metadata).ok());
        let own = contents.and_then(|contents| contents.own);
        let count = own.as_ref().map_or(0, |own| own.files.len() as u64);
        Self {
            stamp: backup.stamp.to_string(),
            path: visible(&backup.path),
            size: backup.size_bytes,
            parts: Parts::of(backup, own.as_ref()),
            check: Check::of(backup.checked.as_ref(), now),
            check_url: links::check_backup(&backup.stamp),
            rows: own.as_ref().map(|own| own.rows.clone()).unwrap_or_default(),
            count,
            more: count.saturating_sub(NAMED as u64),
            files: own.iter().flat_map(|own| &own.files).take(NAMED).map(File::of).collect(),
        }
    }
}

impl File {
    fn of(listed: &Listed) -> Self {
        Self { path: visible(&listed.path), size: listed.size, sha256: listed.sha256.clone() }
    }
}

impl Parts {
    fn of(backup: &Backup, own: Option<&Metadata>) -> Self {
        let (includes, missing) = (backup.includes, "not in it".to_owned());
        let Some(own) = own else {
            let known = |is_there: bool| if is_there { "in it".to_owned() } else { missing.clone() };
            let (database, registry) = (known(includes.database), known(includes.registry));
            return Self { database, registry, vectors: note(backup).unwrap_or_else(|| known(includes.vectors)) };
        };
        let bytes = |part: &str| -> u64 {
            own.files.iter().filter(|file| file.below(part).is_some()).map(|file| file.size).sum()
        };
        let registry = if includes.registry { size(bytes(REGISTRY)) } else { missing };
        let note = note(backup).unwrap_or_default();
        let vectors = match own.chroma_snapshot_files {
            files if includes.vectors => {
                format!("{}, {}. {note}", size(own.chroma_snapshot_bytes), counted(files, "file"))
            }
            _ => note,
        };
        let end = match own.last_event_id {
            0 => "with an empty log".to_owned(),
            last => format!("with the log to event {last}"),
        };
        Self { database: format!("{}, {end}", size(bytes(DATABASE))), registry, vectors }
    }
}

/// What the backup itself says of its vector store.
fn note(backup: &Backup) -> Option<String> {
    backup.metadata.as_ref()?.get("vector_store_note")?.as_str().map(visible)
}

impl Check {
    pub(super) fn of(checked: Option<&Checked>, now: OffsetDateTime) -> Self {
        Self {
            at: checked.map(|checked| Moment::new(checked.at, now)),
            valid: checked.is_some_and(|checked| checked.valid),
            wrong: checked.map(|checked| wrong(&checked.errors)).unwrap_or_default(),
        }
    }

    /// `checked just now: the database is damaged`, in one line.
    pub(super) fn found(&self) -> String {
        self.wrong.join("; ")
    }
}

/// What is wrong, in words; what follows the engine's word stays.
fn wrong(errors: &[String]) -> Vec<String> {
    let said = |error: &String| {
        let (word, more) = error.split_once(": ").map_or((error.as_str(), None), |(word, more)| (word, Some(more)));
        let known = WRONG.iter().find(|(known, _)| *known == word);
        visible(&match (known, more) {
            (Some((_, words)), None) => (*words).to_owned(),
            (Some((_, words)), Some(more)) => format!("{words}: {more}"),
            (None, _) => error.clone(),
        })
    };
    errors.iter().map(said).collect()
}

/// The moment of a backup: as its metadata gives it, else as its stamp does.
pub(super) fn moment(backup: &Backup, now: OffsetDateTime) -> Option<Moment> {
    let told = backup.created_at.as_deref().and_then(clock::parse_rfc3339);
    told.or_else(|| by_stamp(backup.stamp.as_str())).map(|at| Moment::new(at, now))
}

/// `20261120T180201Z`, with or without what follows, as a moment.
fn by_stamp(stamp: &str) -> Option<OffsetDateTime> {
    let digits = |from: usize, to: usize| stamp.get(from..to).filter(|text| text.bytes().all(|b| b.is_ascii_digit()));
    let date = format!("{}-{}-{}", digits(0, 4)?, digits(4, 6)?, digits(6, 8)?);
    let time = format!("{}:{}:{}", digits(9, 11)?, digits(11, 13)?, digits(13, 15)?);
    clock::parse_rfc3339(&format!("{date}T{time}Z"))
}

#[cfg(test)]
mod tests {
    use time::macros::datetime;

    use super::*;

    #[test]
    fn what_is_wrong_is_told_in_words() {
        let errors = ["file_differs: db/a.db", "db_snapshot_missing", "something_new: x"].map(str::to_owned);
        let told = ["a file is not what was written: db/a.db", "the database is missing", "something_new: x"];
        assert_eq!(wrong(&errors), told);
    }

    #[test]
    fn a_stamp_is_a_moment() {
        let at = Some(datetime!(2026-11-20 18:02:01 UTC));
        assert_eq!((by_stamp("20261120T180201Z"), by_stamp("20261120T180201Z_02")), (at, at));
        assert_eq!((by_stamp("before-upgrade"), by_stamp("é"), by_stamp("20261340T180201Z")), (None, None, None));
    }
}
