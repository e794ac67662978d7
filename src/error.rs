//! The one error of this crate: whose fault it is, what happened, what to do next.
//!
//! Which constructor to use where:
//!
//! - what the caller sent cannot be read or is not allowed: [`Error::malformed`] (the request),
//!   [`Error::unprocessable`] (well formed, but the store cannot take it);
//! - the caller is right but late or early: [`Error::conflict`], [`Error::busy`];
//! - a file is not what was written: [`Error::damaged`], naming the piece, what was expected and
//!   what was found. Damage is never "internal";
//! - the machine refuses: `From<io::Error>` and `From<rusqlite::Error>`, which know a full disk and
//!   a busy database from the rest;
//! - a promise of this crate is broken: [`Error::internal`].
//!
//! An error is told once, at the edge (`cli`, `web`), never logged and carried on.

use std::fmt;

/// Shorthand for results of this crate.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// What sort of failure it is: decides the HTTP status and the exit code, nothing else does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ErrorKind {
    /// The request cannot be understood.
    Malformed,
    /// A header or origin that may not do this.
    Forbidden,
    /// No such snapshot, event, table or page.
    NotFound,
    /// The route exists, but not for this method.
    MethodNotAllowed,
    /// Right in itself, but the store is not where the caller believes it to be.
    Conflict,
    /// The body is over its limit.
    TooLarge,
    /// Understood, but it breaks a rule of the data.
    Unprocessable,
    /// A file of the store is not what was written.
    Damaged,
    /// Another change is being written.
    Busy,
    /// The disk is full.
    DiskFull,
    /// A start or a command that is refused as asked: the words say what to change.
    Refused,
    /// A promise of this crate is broken, or the machine failed in a way not known here.
    Internal,
}

/// An error: its kind, one sentence for people, perhaps what to do next, and the cause.
#[derive(Debug)]
pub struct Error {
    kind: ErrorKind,
    message: String,
    hint: Option<String>,
    source: Option<Box<dyn std::error::Error + Send + Sync>>,
}

impl Error {
    /// An error of the given kind.
    pub fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        Self { kind, message: message.into(), hint: None, source: None }
    }

    /// The request cannot be understood (400).
    pub fn malformed(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::Malformed, message)
    }

    /// There is no such thing (404).
    pub fn not_found(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::NotFound, message)
    }

    /// The store has moved or stands where this cannot be done (409).
    pub fn conflict(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::Conflict, message)
    }

    /// A rule of the data is broken (422).
    pub fn unprocessable(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::Unprocessable, message)
    }

    /// A file is not what was written (422).
    pub fn damaged(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::Damaged, message)
    }

    /// Another change is being written (503).
    pub fn busy() -> Self {
        Self::new(ErrorKind::Busy, "Another change is being written. Nothing was done; try again in a moment.")
    }

    /// A start or command refused as asked (exit code 1).
    pub fn refused(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::Refused, message)
    }

    /// A broken promise of this crate (500).
    pub fn internal(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::Internal, message)
    }

    /// The same error with a sentence that says what to do next.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// The same error with its cause.
    #[must_use]
    pub fn because(mut self, source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        self.source = Some(source.into());
        self
    }

    /// The same error with where it happened in front of its words.
    #[must_use]
    pub fn at(mut self, place: impl fmt::Display) -> Self {
        self.message = format!("{place}: {}", self.message);
        self
    }

    /// The same kind, words and hint, for another caller that the same failure concerns.
    #[must_use]
    pub fn for_another(&self) -> Self {
        Self { kind: self.kind, message: self.message.clone(), hint: self.hint.clone(), source: None }
    }

    /// What sort of failure it is.
    pub fn kind(&self) -> ErrorKind {
        self.kind
    }

    /// The sentence without the hint.
    pub fn message(&self) -> &str {
        &self.message
    }

    /// What to do next, where there is something.
    pub fn hint_text(&self) -> Option<&str> {
        self.hint.as_deref()
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)?;
        match &self.hint {
            Some(hint) => write!(f, " {hint}"),
            None => Ok(()),
        }
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.source.as_deref().map(|source| source as _)
    }
}

impl From<std::io::Error> for Error {
    fn from(source: std::io::Error) -> Self {
        use std::io::ErrorKind as Io;
        let error = match source.kind() {
            Io::StorageFull | Io::QuotaExceeded => disk_full(),
            Io::PermissionDenied | Io::ReadOnlyFilesystem => {
                Self::refused(format!("a file of the data folder cannot be used: {}.", source.kind()))
                    .hint("Check the owner and the permissions of the data folder.")
            }
            // Its own words may name a path, which is nothing for whoever asks over HTTP.
            _ => Self::internal(format!("file access failed: {}", source.kind())),
        };
        error.because(source)
    }
}

impl From<rusqlite::Error> for Error {
    fn from(source: rusqlite::Error) -> Self {
        use rusqlite::ErrorCode as Code;
        let error = match source.sqlite_error_code() {
            Some(Code::DiskFull) => disk_full(),
            // The index of the write-ahead log cannot grow. No word of reading: where this is met at an
            // opening, nothing can be read either.
            Some(Code::SystemIoFailure) if is_index_full(&source) => {
                Self::new(ErrorKind::DiskFull, "The disk is full: nothing was changed.").hint(MAKE_ROOM)
            }
            Some(Code::DatabaseBusy | Code::DatabaseLocked) => Self::busy(),
            Some(Code::DatabaseCorrupt | Code::NotADatabase) => {
                Self::damaged(format!("the database is damaged: {source}."))
                    .hint("Stop the program, keep a copy of the data folder, and check the disk.")
            }
            Some(Code::ReadOnly | Code::CannotOpen | Code::PermissionDenied) => {
                Self::refused(format!("the database cannot be opened for writing: {source}."))
                    .hint("Check the owner and the permissions of the data folder.")
            }
            _ => Self::internal(format!("the database answered: {source}")),
        };
        error.because(source)
    }
}

/// The way out of a full disk.
const MAKE_ROOM: &str = "Free some space, or delete a snapshot; no restart is needed.";

/// That nothing could be written for want of room.
pub(crate) fn disk_full() -> Error {
    Error::new(ErrorKind::DiskFull, "The disk is full: nothing was changed. Reading works.").hint(MAKE_ROOM)
}

fn is_index_full(source: &rusqlite::Error) -> bool {
    source.sqlite_error().is_some_and(|error| error.extended_code == rusqlite::ffi::SQLITE_IOERR_SHMSIZE)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_index_of_the_write_ahead_log_that_cannot_grow_is_a_full_disk() {
        let of = |code| Error::from(rusqlite::Error::SqliteFailure(rusqlite::ffi::Error::new(code), None)).kind();
        assert_eq!(of(rusqlite::ffi::SQLITE_IOERR_SHMSIZE), ErrorKind::DiskFull);
        assert_eq!(of(rusqlite::ffi::SQLITE_FULL), ErrorKind::DiskFull);
        assert_eq!(of(rusqlite::ffi::SQLITE_IOERR_READ), ErrorKind::Internal);
    }
}
