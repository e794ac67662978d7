//! Why a domain is refused: the file, the line, the statement and the reason.

use std::fmt;

use crate::error::Error;

/// How much of a statement is told, in characters.
const EXCERPT: usize = 90;

/// A domain that cannot be used. Nothing was changed by the attempt.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub struct DomainError {
    /// The path within the domain's folder; empty for the folder itself.
    pub file: String,
    /// The line, from 1.
    pub line: Option<usize>,
    /// The start of the statement, on one line.
    pub statement: Option<String>,
    /// What is wrong.
    pub reason: String,
    /// What to do about it.
    pub hint: Option<String>,
}

impl DomainError {
    /// A refusal at a place.
    pub(super) fn at(file: &str, line: Option<usize>, reason: impl Into<String>) -> Self {
        Self { file: file.to_owned(), line, statement: None, reason: reason.into(), hint: None }
    }

    /// The same refusal with the statement's first words.
    pub(super) fn statement(mut self, sql: &str) -> Self {
        let line = sql.split_whitespace().collect::<Vec<_>>().join(" ");
        let short: String = line.chars().take(EXCERPT).collect();
        self.statement = Some(if short.len() < line.len() { format!("{short}…") } else { short });
        self
    }

    /// The same refusal with what to do about it.
    pub(super) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }
}

impl fmt::Display for DomainError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.file.as_str(), self.line) {
            ("", _) => {}
            (file, Some(line)) => write!(f, "{file}:{line}: ")?,
            (file, None) => write!(f, "{file}: ")?,
        }
        f.write_str(&self.reason)?;
        match &self.statement {
            Some(statement) => write!(f, ", in: {statement}"),
            None => Ok(()),
        }
    }
}

impl From<DomainError> for Error {
    fn from(source: DomainError) -> Self {
        let error = Self::refused(source.to_string());
        let error = match &source.hint {
            Some(hint) => error.hint(hint.clone()),
            None => error,
        };
        error.because(source)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_tells_place_reason_and_statement() {
        let error = DomainError::at("handlers/a.sql", Some(3), "it fails").statement("SELECT\n  1").hint("Mend it.");
        assert_eq!(error.to_string(), "handlers/a.sql:3: it fails, in: SELECT 1");
        let error = Error::from(error);
        assert_eq!(error.kind(), crate::error::ErrorKind::Refused);
        assert_eq!(error.hint_text(), Some("Mend it."));
        assert_eq!(DomainError::at("", None, "no folder").to_string(), "no folder");
    }
}
