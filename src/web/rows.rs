//! Rows that come, go or change, as plans, the page of an event and the page of differences show
//! them.

use super::difference::Difference;
use super::filters::{self, size};
use super::links;
use super::words::visible;
use crate::compare::{DiffRow, RowChange, RowPage, key_text};
use crate::image::Value;

/// Characters of a row's texts beside its key.
const GLIMPSE: usize = 80;
/// Characters of a word that is not broken where a table has room.
pub(super) const WORD: usize = 16;
/// A table of more columns is a card for each row, until the page is wide enough for all of them.
pub(super) const MOST_ABREAST: usize = 5;
/// The empty text, told apart from no text.
const EMPTY: &str = "\"\"";

/// One value, told apart by more than its colour: null, the empty text and a blob are words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Cell {
    Null,
    Text(String),
    Number(String),
    /// A blob, by its size.
    Blob(String),
}

impl Cell {
    pub(super) fn of(value: &Value) -> Self {
        match value {
            Value::Null => Self::Null,
            Value::Integer(number) => Self::Number(number.to_string()),
            Value::Real(number) => Self::Number(format!("{number:?}")),
            Value::Text(bytes) if bytes.is_empty() => Self::Text(EMPTY.to_owned()),
            Value::Text(bytes) => Self::Text(visible(&String::from_utf8_lossy(bytes))),
            Value::Blob(bytes) => Self::Blob(format!("blob, {}", size(bytes.len() as u64))),
        }
    }

    /// At most so many characters of a text, and whether that is not all.
    pub(super) fn cut(self, most: usize) -> (Self, bool) {
        match self {
            Self::Text(text) => {
                let (text, is_cut) = filters::cut(&text, most);
                (Self::Text(text), is_cut)
            }
            other => (other, false),
        }
    }

    pub(super) fn is_number(&self) -> bool {
        matches!(self, Self::Number(_))
    }

    /// The day and the time of a text that is a moment.
    pub(super) fn moment(&self) -> Option<(&str, &str)> {
        if let Self::Text(text) = self { filters::moment(text) } else { None }
    }

    /// Whether it is a text of several words.
    pub(super) fn is_prose(&self) -> bool {
        matches!(self, Self::Text(text) if text.contains(' '))
    }

    /// Whether it is one short word, such as an id.
    pub(super) fn is_brief(&self) -> bool {
        matches!(self, Self::Text(text) if text.chars().count() <= WORD) && !self.is_prose()
    }

    /// As part of a key: on one line, whatever it is.
    pub(super) fn spoken(&self) -> &str {
        match self {
            Self::Null => "null",
            Self::Text(text) | Self::Number(text) | Self::Blob(text) => text,
        }
    }
}

/// One column of a row: one value where the row comes or goes, both where it changes.
#[derive(Debug)]
pub(super) struct Field {
    pub(super) column: String,
    pub(super) now: Option<Cell>,
    pub(super) then: Option<Cell>,
    /// How both differ, where that says more than both of them.
    pub(super) difference: Option<Difference>,
}

/// What is said of rows: for each change the words, the sign in front of them, and the name of
/// colour and rule; and for a row that changes, of its two values.
#[derive(Debug)]
pub(super) struct Words {
    pub(super) added: (&'static str, &'static str, &'static str),
    pub(super) removed: (&'static str, &'static str, &'static str),
    pub(super) changed: (&'static str, &'static str, &'static str),
    pub(super) now: &'static str,
    pub(super) then: &'static str,
}

/// Of the rows that going back would change.
const BACK: Words = Words {
    added: ("comes back", "+", "comes"),
    removed: ("goes", "\u{2212}", "goes"),
    changed: ("changes", "~", "changes"),
    now: "now",
    then: "then",
};

/// One row and what happens to it.
#[derive(Debug)]
pub(super) struct RowView {
    /// The words, which carry the meaning.
    pub(super) verb: &'static str,
    /// The sign in front of them.
    pub(super) sign: &'static str,
    /// The name of its colour and rule.
    pub(super) class: &'static str,
    pub(super) key: String,
    /// Where the row's own events are told, if the page leads there.
    pub(super) url: Option<String>,
    /// The columns that differ, or all but the key.
    pub(super) fields: Vec<Field>,
    /// What is said in front of the two values of a row that changes.
    pub(super) now: &'static str,
    pub(super) then: &'static str,
}

impl RowView {
    /// A row of a table with these columns, some of which are its key.
    pub(super) fn of(columns: &[String], key: &[String], row: &DiffRow, words: &Words) -> Self {
        let (verb, sign, class) = match row.change {
            RowChange::Added => words.added,
            RowChange::Removed => words.removed,
            RowChange::Changed => words.changed,
        };
        let fields = fields(columns, key, row);
        let key: Vec<Cell> = row.key.iter().map(Cell::of).collect();
        let key = key.iter().map(Cell::spoken).collect::<Vec<_>>().join(" \u{b7} ");
        Self { verb, sign, class, key, url: None, fields, now: words.now, then: words.then }
    }

    /// With a link to the events that changed this row of a table.
    #[must_use]
    pub(super) fn leading(mut self, table: &str, key: &[Value]) -> Self {
        self.url = key_text(key).ok().map(|key| links::row(table, &key, None));
        self
    }

    /// With at most so many characters of each text.
    #[must_use]
    pub(super) fn cut(mut self, most: usize) -> Self {
        self.key = filters::cut(&self.key, most).0;
        for field in &mut self.fields {
            for cell in [&mut field.now, &mut field.then] {
                *cell = cell.take().map(|cell| cell.cut(most).0);
            }
        }
        self
    }

    pub(super) fn changes(&self) -> bool {
        self.class == "changes"
    }

    /// So much of its texts that one can tell which row it is where its key alone is shown.
    pub(super) fn glimpse(&self) -> Option<String> {
        let text = |field: &Field| match field.now.as_ref().or(field.then.as_ref()) {
            Some(Cell::Text(text)) if text != EMPTY => Some(text.chars().take(GLIMPSE + 1).collect()),
            _ => None,
        };
        let mut texts: Vec<String> = self.fields.iter().filter_map(text).collect();
        // Ids and moments tell less than what has words, and stand in front of it in most tables.
        if texts.iter().any(|text| text.contains(' ')) {
            texts.retain(|text| text.contains(' '));
        }
        (!texts.is_empty()).then(|| filters::cut(&texts.join(" \u{b7} "), GLIMPSE).0)
    }
}

fn fields(columns: &[String], key: &[String], row: &DiffRow) -> Vec<Field> {
    let cell = |values: &Option<Vec<Value>>, at: usize| values.as_ref().and_then(|values| values.get(at)).map(Cell::of);
    let differs = |at: usize| match (&row.now, &row.then) {
        (Some(now), Some(then)) => now.get(at) != then.get(at),
        _ => true,
    };
    let columns = columns.iter().enumerate().filter(|(at, name)| !key.contains(name) && differs(*at));
    columns
        .map(|(at, name)| Field {
            column: name.clone(),
            now: cell(&row.now, at),
            then: cell(&row.then, at),
            difference: difference(row, at),
        })
        .collect()
}

/// Of two texts only: numbers and blobs are seen side by side.
fn difference(row: &DiffRow, at: usize) -> Option<Difference> {
    let text = |values: &Option<Vec<Value>>| match values.as_ref()?.get(at)? {
        Value::Text(bytes) => String::from_utf8(bytes.clone()).ok(),
        _ => None,
    };
    Difference::of(&text(&row.now)?, &text(&row.then)?)
}

/// All rows of one page of differences.
pub(super) fn views(diff: &RowPage) -> Vec<RowView> {
    diff.rows.iter().map(|row| RowView::of(&diff.columns, &diff.key, row, &BACK)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_that_look_alike_are_told_apart() {
        assert_eq!(Cell::of(&Value::Null), Cell::Null);
        assert_eq!(Cell::of(&Value::Text(Vec::new())), Cell::Text("\"\"".into()));
        assert_eq!(Cell::of(&Value::Blob(vec![0; 312])), Cell::Blob("blob, 312 B".into()));
        assert_eq!(Cell::of(&Value::Real(9.0)), Cell::Number("9.0".into()));
    }

    #[test]
    fn a_row_is_told_by_what_has_words() {
        let columns = ["id", "owner", "note", "text"].map(str::to_owned);
        let text = |text: &str| Value::Text(text.into());
        let glimpse = |note: &str, said: &str| {
            let then = Some(vec![Value::Integer(7), text("ada"), text(note), text(said)]);
            let row = DiffRow { change: RowChange::Added, key: vec![Value::Integer(7)], now: None, then };
            RowView::of(&columns, &columns[..1], &row, &BACK).glimpse()
        };
        assert_eq!(glimpse("", "Ada likes tea").as_deref(), Some("Ada likes tea"));
        assert_eq!(glimpse("", "tea").as_deref(), Some("ada \u{b7} tea"));
        let long = glimpse("x", &"so much ".repeat(20)).unwrap_or_default();
        assert!(long.starts_with("so much") && long.ends_with("h\u{2026}") && long.chars().count() <= 81, "{long}");
    }
}
