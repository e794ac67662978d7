//! Cutting an SQL file into its statements.
//!
//! A statement ends at a semicolon; that of `CREATE TRIGGER` ends at the semicolon after an `END`
//! that follows a semicolon, which is SQLite's own rule (`sqlite3_complete`). Each statement is then
//! prepared alone, and SQLite refuses a piece that holds more than one.

use super::error::DomainError;
use super::normal::{Token, tokens};

/// One statement of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Statement {
    /// Its text, from its first token to its last, without the semicolon.
    pub sql: String,
    /// The file's path within the domain's folder.
    pub file: String,
    /// The line of its first token, from 1.
    pub line: usize,
}

impl Statement {
    /// The refusal of this statement.
    pub(super) fn refuse(&self, reason: impl Into<String>) -> DomainError {
        DomainError::at(&self.file, Some(self.line), reason).statement(&self.sql)
    }

    /// The refusal of this statement as SQLite words it, with the line that SQLite points to.
    pub(super) fn refuse_as(&self, error: &rusqlite::Error) -> DomainError {
        let (reason, offset) = match error {
            rusqlite::Error::SqlInputError { msg, offset, .. } => (msg.clone(), usize::try_from(*offset).ok()),
            rusqlite::Error::SqliteFailure(_, Some(message)) => (message.clone(), None),
            other => (other.to_string(), None),
        };
        let before = offset.and_then(|offset| self.sql.get(..offset)).unwrap_or_default();
        DomainError::at(&self.file, Some(self.line + newlines(before)), reason).statement(&self.sql)
    }

    /// Its tokens.
    pub(super) fn tokens(&self) -> Vec<Token<'_>> {
        tokens(&self.sql)
    }
}

/// The statements of a file's text; a file of blanks and comments has none.
pub(super) fn split(file: &str, text: &str) -> Vec<Statement> {
    let mut found = Vec::new();
    let mut current: Vec<Token<'_>> = Vec::new();
    for token in tokens(text) {
        if token.is_sign(";") && ends(&current) {
            found.extend(statement(file, text, &current));
            current.clear();
        } else {
            current.push(token);
        }
    }
    found.extend(statement(file, text, &current));
    found
}

/// Whether a semicolon after these tokens ends the statement.
fn ends(tokens: &[Token<'_>]) -> bool {
    if !is_trigger(tokens) {
        return true;
    }
    matches!(tokens, [.., before, end] if before.is_sign(";") && end.is("END"))
}

fn is_trigger(tokens: &[Token<'_>]) -> bool {
    match tokens {
        [create, trigger, ..] if create.is("CREATE") && trigger.is("TRIGGER") => true,
        [create, temp, trigger, ..] => {
            create.is("CREATE") && (temp.is("TEMP") || temp.is("TEMPORARY")) && trigger.is("TRIGGER")
        }
        _ => false,
    }
}

fn statement(file: &str, text: &str, tokens: &[Token<'_>]) -> Option<Statement> {
    let (first, last) = (tokens.first()?, tokens.last()?);
    Some(Statement {
        sql: text[first.at..last.end()].to_owned(),
        file: file.to_owned(),
        line: 1 + newlines(&text[..first.at]),
    })
}

/// How many lines end in a text.
pub(super) fn newlines(text: &str) -> usize {
    text.bytes().filter(|byte| *byte == b'\n').count()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cut(text: &str) -> Vec<(usize, String)> {
        split("f.sql", text).into_iter().map(|statement| (statement.line, statement.sql)).collect()
    }

    #[test]
    fn statements_end_at_semicolons_and_know_their_lines() {
        let text = "-- head; of file\nSELECT ';' -- one;\n;;\n\n/* two\n */ SELECT 2\n, 3; -- tail";
        assert_eq!(cut(text), [(2, "SELECT ';'".to_owned()), (6, "SELECT 2\n, 3".to_owned())]);
    }

    #[test]
    fn a_file_of_comments_has_no_statement() {
        assert_eq!(cut(" -- nothing\n/* at all */\n;"), []);
        assert_eq!(cut(""), []);
    }

    #[test]
    fn a_trigger_ends_at_its_end() {
        let trigger =
            "create trigger a after insert on t begin\n update t set a = case when 1 then 2 end; select 1; end";
        let text = format!("{trigger};\nSELECT 1");
        assert_eq!(cut(&text), [(1, trigger.to_owned()), (3, "SELECT 1".to_owned())]);
    }
}
