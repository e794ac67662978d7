//! A state of an entity as people read it: what is single as fields, lists of objects as tables.

use super::filters::cut;
use crate::json::{self, Value};

/// Of so many characters of a value the beginning is shown.
const VALUE: usize = 400;

/// So many elements of a list are shown; as JSON they are all there.
const ROWS: usize = 50;

/// So many members of an object, and columns of a list.
const MEMBERS: usize = 100;

/// A value in a few characters.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Shown {
    pub(super) text: String,
    /// What the text is: `text`, `number`, `null`, `json`.
    pub(super) class: &'static str,
}

impl Shown {
    /// The value that a JSON text is.
    pub(super) fn of(json: &str, most: usize) -> Self {
        json::parse(json)
            .map_or_else(|_| Self { text: cut(json, most).0, class: "json" }, |value| Self::value(&value, most))
    }

    fn value(value: &Value, most: usize) -> Self {
        let (text, class) = match value {
            Value::Null => ("null".to_owned(), "null"),
            Value::String(text) if text.is_empty() => ("\"\"".to_owned(), "text"),
            Value::String(text) => (cut(text, most).0, "text"),
            Value::Number(number) => (number.as_str().to_owned(), "number"),
            Value::Bool(_) => (value.to_string(), "number"),
            Value::Array(elements) if elements.is_empty() => ("none".to_owned(), "null"),
            Value::Array(_) | Value::Object(_) => (cut(&value.to_string(), most).0, "json"),
        };
        Self { text, class }
    }
}

/// A list of objects.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Rows {
    pub(super) name: String,
    pub(super) columns: Vec<String>,
    pub(super) rows: Vec<Vec<Shown>>,
    /// How many there are in all.
    pub(super) count: u64,
}

/// A state.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct StateView {
    pub(super) fields: Vec<(String, Shown)>,
    pub(super) lists: Vec<Rows>,
    /// Something is cut, or not all of it is shown.
    pub(super) is_cut: bool,
}

impl StateView {
    /// The state that a JSON text is.
    pub(super) fn of(state: &str) -> Self {
        let mut view = Self { fields: Vec::new(), lists: Vec::new(), is_cut: state.len() > VALUE };
        let Ok(Value::Object(members)) = json::parse(state) else { return view };
        let count = members.len();
        for (name, value) in members.into_iter().take(MEMBERS) {
            match rows(&name, &value) {
                Some(rows) => view.lists.push(rows),
                None => view.fields.push((name, Shown::value(&value, VALUE))),
            }
        }
        let is_cut = |shown: &Shown| shown.text.ends_with('\u{2026}');
        view.is_cut = count > MEMBERS
            || view.fields.iter().any(|(_, shown)| is_cut(shown))
            || view
                .lists
                .iter()
                .any(|list| list.count > list.rows.len() as u64 || list.rows.iter().flatten().any(is_cut));
        view
    }
}

/// A list as a table, where all of its elements are objects.
fn rows(name: &str, value: &Value) -> Option<Rows> {
    let Value::Array(elements) = value else { return None };
    let mut columns: Vec<String> = Vec::new();
    for element in elements {
        let Value::Object(members) = element else { return None };
        for (member, _) in members {
            if columns.len() < MEMBERS && !columns.contains(member) {
                columns.push(member.clone());
            }
        }
    }
    let nothing = || Shown { text: String::new(), class: "null" };
    let cell =
        |element: &Value, column: &String| element.get(column).map_or_else(nothing, |one| Shown::value(one, VALUE));
    let shown = elements.iter().take(ROWS);
    let rows: Vec<Vec<Shown>> = shown.map(|one| columns.iter().map(|column| cell(one, column)).collect()).collect();
    (!elements.is_empty()).then(|| Rows { name: name.to_owned(), rows, count: elements.len() as u64, columns })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn single_members_are_fields_and_lists_of_objects_are_tables() {
        let view = StateView::of(
            r#"{"id": "ada", "archived": 0, "edges": [{"to": "bob", "trust": 1}, {"to": "eve", "why": null}], "tags": ["a"], "none": []}"#,
        );
        let fields: Vec<_> =
            view.fields.iter().map(|(name, shown)| (name.as_str(), shown.text.as_str(), shown.class)).collect();
        assert_eq!(
            fields,
            [("id", "ada", "text"), ("archived", "0", "number"), ("tags", "[\"a\"]", "json"), ("none", "none", "null")]
        );
        assert_eq!(view.lists.len(), 1);
        assert_eq!(view.lists[0].columns, ["to", "trust", "why"]);
        let cells: Vec<_> = view.lists[0].rows[1].iter().map(|cell| (cell.text.as_str(), cell.class)).collect();
        assert_eq!(cells, [("eve", "text"), ("", "null"), ("null", "null")]);
        assert!(!view.is_cut);
    }

    #[test]
    fn what_is_long_is_cut_and_says_so() {
        let elements = vec![r#"{"n": 1}"#; ROWS + 1].join(", ");
        let view = StateView::of(&format!(r#"{{"list": [{elements}]}}"#));
        assert_eq!((view.lists[0].rows.len(), view.lists[0].count), (ROWS, ROWS as u64 + 1));
        assert!(view.is_cut);
        assert!(StateView::of(&format!(r#"{{"text": "{}"}}"#, "x".repeat(VALUE + 1))).is_cut);
    }
}
