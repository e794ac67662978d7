//! Reading `domain.toml`: the domain's name, its tables, full-text indexes, turns and entities.
//!
//! Only the file's own form is judged here. Whether the tables exist and the queries hold is judged
//! beside the schema.

use std::collections::HashSet;

use serde::Deserialize;
use serde_json::Value;
use toml::Spanned;

use super::error::DomainError;
use super::statements::{Statement, newlines};

/// The file's path within the domain's folder.
pub(super) const FILE: &str = "domain.toml";

/// How long a domain's, an entity type's name may be, in bytes.
const NAME_LENGTH: usize = 64;

/// `domain.toml` as written.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Manifest {
    pub name: Spanned<String>,
    pub tables: Vec<Spanned<String>>,
    #[serde(default)]
    pub full_text: Vec<FullTextEntry>,
    #[serde(default, rename = "turn")]
    pub turns: Vec<Spanned<Turn>>,
    #[serde(default, rename = "entity")]
    pub entities: Vec<EntityEntry>,
}

/// One `[[full_text]]`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct FullTextEntry {
    pub index: Spanned<String>,
    pub table: Spanned<String>,
    pub columns: Vec<String>,
}

/// Events of one kind that are turns of a conversation.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Turn {
    /// The kind of the events.
    pub kind: String,
    /// Who speaks: a path in the payload (`$.bot_id`), or a fixed word.
    pub speaker: Option<String>,
    /// A query with the parameter `:speaker` that gives the name to be shown for what the path gave.
    pub speaker_name: Option<String>,
    /// The path of what is said.
    pub text: String,
    /// The path of the id of the conversation, where there are several.
    pub conversation: Option<String>,
}

impl Turn {
    /// Who speaks in an event of this payload: the fixed word, or what stands at the path.
    pub fn speaker_of(&self, payload: &Value) -> Option<String> {
        let speaker = self.speaker.as_deref()?;
        if is_path(speaker) { at_path(payload, speaker) } else { Some(speaker.to_owned()) }
    }

    /// What is said in an event of this payload.
    pub fn text_of(&self, payload: &Value) -> Option<String> {
        at_path(payload, &self.text)
    }

    /// The conversation that an event of this payload belongs to.
    pub fn conversation_of(&self, payload: &Value) -> Option<String> {
        at_path(payload, self.conversation.as_deref()?)
    }
}

/// Where the state of an entity at an earlier version comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Replay {
    /// Its own events, replayed alone with foreign keys off.
    Own,
    /// All events up to that version.
    Full,
}

impl Replay {
    /// The word that `domain.toml` has for it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Own => "own",
            Self::Full => "full",
        }
    }
}

/// One `[[entity]]`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct EntityEntry {
    #[serde(rename = "type")]
    pub kind: Spanned<String>,
    pub replay: Replay,
    pub list: Spanned<String>,
    pub state: Spanned<String>,
    pub events: Spanned<String>,
    pub workflow: Option<Spanned<String>>,
    pub load: Option<Spanned<String>>,
}

impl Manifest {
    /// Reads the file and judges its form.
    pub(super) fn read(text: &str) -> Result<Self, DomainError> {
        let manifest: Self = toml::from_str(text).map_err(|error| {
            let line = error.span().map(|span| line_at(text, span.start));
            DomainError::at(FILE, line, error.message().trim().replace('\n', ", "))
        })?;
        manifest.check_names(text)?;
        for turn in &manifest.turns {
            check_turn(turn.get_ref()).map_err(|reason| refuse(text, turn, reason))?;
        }
        check_unique(text, manifest.turns.iter().map(|turn| (turn, turn.get_ref().kind.as_str())), "turn")?;
        Ok(manifest)
    }

    fn check_names(&self, text: &str) -> Result<(), DomainError> {
        if self.tables.is_empty() {
            return Err(DomainError::at(FILE, None, "the domain lists no table in `tables`"));
        }
        for name in std::iter::once(&self.name).chain(self.entities.iter().map(|entity| &entity.kind)) {
            if !is_name(name.get_ref()) {
                let reason = format!(
                    "{:?} is no name: up to {NAME_LENGTH} of a-z, 0-9, _ and -, the first a letter",
                    name.get_ref()
                );
                return Err(refuse(text, name, reason));
            }
        }
        check_unique(text, self.tables.iter().map(|table| (table, table.get_ref().as_str())), "table")?;
        let types = self.entities.iter().map(|entity| (&entity.kind, entity.kind.get_ref().as_str()));
        check_unique(text, types, "entity type")
    }
}

/// A refusal at a value of the file.
pub(super) fn refuse<T>(text: &str, place: &Spanned<T>, reason: impl Into<String>) -> DomainError {
    DomainError::at(FILE, Some(line_at(text, place.span().start)), reason)
}

/// A query of the file as a statement of its own. Its line is that of the value's first line with
/// SQL.
pub(super) fn query(text: &str, value: &Spanned<String>) -> Statement {
    let written = text.get(value.span()).unwrap_or_default();
    // TOML drops the line end that follows the opening quotes.
    let opening = written.starts_with("\"\"\"\n") || written.starts_with("'''\n");
    let sql = value.get_ref();
    let start = sql.len() - sql.trim_start().len();
    let line = line_at(text, value.span().start) + usize::from(opening) + newlines(&sql[..start]);
    Statement { sql: sql.trim().to_owned(), file: FILE.to_owned(), line }
}

fn line_at(text: &str, offset: usize) -> usize {
    1 + text.get(..offset).map_or(0, newlines)
}

fn is_name(name: &str) -> bool {
    name.len() <= NAME_LENGTH
        && name.starts_with(|c: char| c.is_ascii_lowercase())
        && name.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"_-".contains(&byte))
}

fn check_unique<'a, T: 'a>(
    text: &str,
    names: impl Iterator<Item = (&'a Spanned<T>, &'a str)>,
    what: &str,
) -> Result<(), DomainError> {
    let mut seen = HashSet::new();
    for (place, name) in names {
        if !seen.insert(name.to_ascii_lowercase()) {
            return Err(refuse(text, place, format!("the {what} {name} is given twice")));
        }
    }
    Ok(())
}

fn check_turn(turn: &Turn) -> Result<(), String> {
    for path in std::iter::once(&turn.text).chain(&turn.conversation) {
        if !is_path(path) {
            return Err(format!("{path:?} is no path in the payload: write \"$.text\""));
        }
    }
    if turn.speaker_name.is_some() && !turn.speaker.as_deref().is_some_and(is_path) {
        return Err("`speaker_name` needs a `speaker` that is a path in the payload".to_owned());
    }
    Ok(())
}

/// Whether it is a path in a payload: `$.` and keys, separated by points.
fn is_path(text: &str) -> bool {
    text.strip_prefix("$.").is_some_and(|keys| keys.split('.').all(|key| !key.is_empty()))
}

/// The text or number at a path.
fn at_path(payload: &Value, path: &str) -> Option<String> {
    let found = path.strip_prefix("$.")?.split('.').try_fold(payload, |value, key| value.get(key))?;
    match found {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

    use super::*;

    #[test]
    fn a_manifest_that_is_wrong_is_refused_at_its_line() {
        for (text, words) in [
            ("name = \"a\"\ntables = [\"t\"]\ncolour = 1", "domain.toml:3: unknown field `colour`"),
            ("name = \"a\"\ntables = [\"t\"", "domain.toml:2: "),
            ("name = \"a\"", "domain.toml:1: missing field `tables`"),
            ("name = \"a\"\ntables = []", "domain.toml: the domain lists no table"),
            ("\nname = \"Große\"\ntables = [\"t\"]", "domain.toml:2: \"Große\" is no name"),
            ("name = \"9a\"\ntables = [\"t\"]", "domain.toml:1: \"9a\" is no name"),
            ("name = \"a\"\ntables = [\"t\",\n\"T\"]", "domain.toml:3: the table T is given twice"),
            ("name = \"a\"\ntables = [\"t\"]\n[[turn]]\nkind = \"k\"\ntext = \"text\"", "\"text\" is no path"),
            (
                "name = \"a\"\ntables = [\"t\"]\n[[turn]]\nkind = \"k\"\ntext = \"$.a\"\nspeaker = \"I\"\nspeaker_name = \"x\"",
                "needs a `speaker`",
            ),
        ] {
            let error = Manifest::read(text).unwrap_err().to_string();
            assert!(error.contains(words), "{error}");
        }
        let long = "a".repeat(NAME_LENGTH + 1);
        assert!(Manifest::read(&format!("name = \"{long}\"\ntables = [\"t\"]")).is_err());
    }

    #[test]
    fn a_turn_tells_speaker_and_text() {
        let turn = Turn {
            kind: "said".to_owned(),
            speaker: Some("$.by.id".to_owned()),
            speaker_name: None,
            text: "$.text".to_owned(),
            conversation: None,
        };
        let payload = serde_json::json!({"by": {"id": 7}, "text": "Who's there?"});
        assert_eq!(turn.speaker_of(&payload).as_deref(), Some("7"));
        assert_eq!(turn.text_of(&payload).as_deref(), Some("Who's there?"));
        assert_eq!(turn.conversation_of(&payload), None);
        assert_eq!(turn.text_of(&serde_json::json!([])), None);
    }
}
