//! Rows that a restore would write or delete, as the plan and the page of differences show them.

use super::filters::{self, size};
use super::words::visible;
use crate::image::Value;
use crate::snapshot::{Diff, DiffRow, RowChange};

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
            Value::Text(bytes) if bytes.is_empty() => Self::Text("\"\"".to_owned()),
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

    /// As part of a key: on one line, whatever it is.
    fn spoken(&self) -> &str {
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
}

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
    /// The columns that differ, or all but the key.
    pub(super) fields: Vec<Field>,
}

impl RowView {
    fn new(diff: &Diff, row: &DiffRow) -> Self {
        let (verb, sign, class) = match row.change {
            RowChange::Added => ("comes back", "+", "comes"),
            RowChange::Removed => ("goes", "\u{2212}", "goes"),
            RowChange::Changed => ("changes", "~", "changes"),
        };
        let key: Vec<Cell> = row.key.iter().map(Cell::of).collect();
        let key = key.iter().map(Cell::spoken).collect::<Vec<_>>().join(" \u{b7} ");
        Self { verb, sign, class, key, fields: fields(diff, row) }
    }

    pub(super) fn changes(&self) -> bool {
        self.class == "changes"
    }
}

fn fields(diff: &Diff, row: &DiffRow) -> Vec<Field> {
    let cell = |values: &Option<Vec<Value>>, at: usize| values.as_ref().and_then(|values| values.get(at)).map(Cell::of);
    let differs = |at: usize| match (&row.now, &row.then) {
        (Some(now), Some(then)) => now.get(at) != then.get(at),
        _ => true,
    };
    let columns = diff.columns.iter().enumerate().filter(|(at, name)| !diff.key.contains(name) && differs(*at));
    columns
        .map(|(at, name)| Field { column: name.clone(), now: cell(&row.now, at), then: cell(&row.then, at) })
        .collect()
}

/// All rows of one page of differences.
pub(super) fn views(diff: &Diff) -> Vec<RowView> {
    diff.rows.iter().map(|row| RowView::new(diff, row)).collect()
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
}
