//! A state of an entity as people read it: what is single as fields, lists of objects as tables.

use super::filters::{cut, moment};
use super::rows::WORD;
use crate::json::{self, Value};

/// Of so many characters of a value the beginning is shown.
const VALUE: usize = 400;

/// So many elements of a list are shown; as JSON they are all there.
const ROWS: usize = 50;

/// So many members of an object, and columns of a list.
const MEMBERS: usize = 100;

/// An object with at most so many members is read by them, and not as JSON.
const PAIRS: usize = 12;

/// A value in a few characters.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Shown {
    pub(super) text: String,
    /// What the text is: `text`, `moment`, `number`, `null`, `json`.
    pub(super) class: &'static str,
}

impl Shown {
    /// The value that a JSON text is.
    pub(super) fn of(json: &str, most: usize) -> Self {
        json::parse(json)
            .map_or_else(|_| Self { text: cut(json, most).0, class: "json" }, |value| Self::value(&value, most))
    }

    /// The day and the time of a moment.
    pub(super) fn moment(&self) -> Option<(&str, &str)> {
        if self.class == "moment" { moment(&self.text) } else { None }
    }

    /// Whether it is a text of several words.
    pub(super) fn is_prose(&self) -> bool {
        self.class == "text" && self.text.contains(' ')
    }

    /// Whether it is one short word, such as an id.
    pub(super) fn is_brief(&self) -> bool {
        self.class == "text" && self.text.chars().count() <= WORD && !self.is_prose()
    }

    fn value(value: &Value<'_>, most: usize) -> Self {
        let (text, class) = match value {
            Value::Null => ("null".to_owned(), "null"),
            Value::String(text) if text.is_empty() => ("\"\"".to_owned(), "text"),
            Value::String(text) if moment(text).is_some() => (text.to_string(), "moment"),
            Value::String(text) => (cut(text, most).0, "text"),
            Value::Number(number) => (number.as_str().to_owned(), "number"),
            Value::Bool(_) => (value.to_string(), "number"),
            Value::Array(elements) if elements.is_empty() => ("none".to_owned(), "null"),
            Value::Array(_) | Value::Object(_) => (cut(&value.to_string(), most).0, "json"),
        };
        Self { text, class }
    }
}

/// The members of an object, each in a few characters; none where the JSON text is anything else, or
/// an object with more of them than are read with ease.
pub(super) fn members(json: &str, most: usize) -> Vec<(String, Shown)> {
    match json::parse(json) {
        Ok(Value::Object(members)) if members.len() <= PAIRS => {
            members.into_iter().map(|(name, value)| (cut(&name, most).0, Shown::value(&value, most))).collect()
        }
        _ => Vec::new(),
    }
}

/// A member that the objects of a list have.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Column {
    pub(super) name: String,
    /// Wherever something is in it, that is a number.
    pub(super) number: bool,
}

/// A list of objects.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Rows {
    pub(super) name: String,
    pub(super) columns: Vec<Column>,
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
                None => view.fields.push((name.into_owned(), Shown::value(&value, VALUE))),
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
fn rows(name: &str, value: &Value<'_>) -> Option<Rows> {
    let Value::Array(elements) = value else { return None };
    let mut names: Vec<String> = Vec::new();
    for element in elements {
        let Value::Object(members) = element else { return None };
        for (member, _) in members {
            if names.len() < MEMBERS && !names.iter().any(|name| name == member) {
                names.push(member.to_string());
            }
        }
    }
    let nothing = || Shown { text: String::new(), class: "null" };
    let cell =
        |element: &Value<'_>, name: &String| element.get(name).map_or_else(nothing, |one| Shown::value(one, VALUE));
    let shown = elements.iter().take(ROWS);
    let rows: Vec<Vec<Shown>> = shown.map(|one| names.iter().map(|name| cell(one, name)).collect()).collect();
    let columns = names.into_iter().enumerate().map(|(at, name)| Column { number: is_of_numbers(&rows, at), name });
    let columns = columns.collect();
    (!elements.is_empty()).then(|| Rows { name: name.to_owned(), rows, count: elements.len() as u64, columns })
}

/// Whether the column at this place has numbers, and besides them nothing but gaps.
fn is_of_numbers(rows: &[Vec<Shown>], at: usize) -> bool {
    let mut filled = rows.iter().filter_map(|row| row.get(at)).filter(|cell| cell.class != "null").peekable();
    filled.peek().is_some() && filled.all(|cell| cell.class == "number")
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
        let columns: Vec<_> = view.lists[0].columns.iter().map(|one| (one.name.as_str(), one.number)).collect();
        assert_eq!(columns, [("to", false), ("trust", true), ("why", false)]);
        let cells: Vec<_> = view.lists[0].rows[1].iter().map(|cell| (cell.text.as_str(), cell.class)).collect();
        assert_eq!(cells, [("eve", "text"), ("", "null"), ("null", "null")]);
        assert!(!view.is_cut);
    }

    #[test]
    fn a_column_is_of_numbers_where_all_that_is_in_it_are() {
        let view = StateView::of(r#"{"list": [{"a": 1, "b": 1, "c": null}, {"a": null, "b": "x"}, {"b": 2}]}"#);
        let numbers: Vec<_> = view.lists[0].columns.iter().map(|one| one.number).collect();
        assert_eq!(numbers, [true, false, false]);
    }

    #[test]
    fn an_object_is_read_by_its_members_and_a_moment_as_one_word() {
        let shown: Vec<_> = members(r#"{"to": "bob", "trust": 1, "at": "2024-01-01T06:02:23Z"}"#, 9)
            .into_iter()
            .map(|(name, shown)| (name, shown.text, shown.class))
            .collect();
        let expected = [("to", "bob", "text"), ("trust", "1", "number"), ("at", "2024-01-01T06:02:23Z", "moment")];
        assert_eq!(shown, expected.map(|(name, text, class)| (name.to_owned(), text.to_owned(), class)));
        let many: Vec<_> = (0..=PAIRS).map(|at| format!("\"{at}\": 1")).collect();
        for json in ["[1]", "{}", &format!("{{{}}}", many.join(", "))] {
            assert_eq!(members(json, 9), Vec::new(), "{json}");
        }
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
