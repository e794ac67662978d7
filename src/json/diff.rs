//! The difference of two JSON values, by path.
//!
//! Members of objects are matched by name. Elements of arrays are matched by their first member
//! where all of them are objects and it tells them apart (an id, say), so that one that came into
//! the middle is one difference; else by their place.

use std::borrow::Cow;
use std::collections::{HashMap, HashSet};
use std::fmt::Write as _;

use super::Value;
use super::python::dumps;

/// What happened at a path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Change {
    /// There was nothing before.
    Added,
    /// There is nothing any more.
    Removed,
    /// The value is another one.
    Changed,
    /// Elements that are there before and after stand in another order.
    Reordered,
}

impl Change {
    /// The word for it: `added`, `removed`, `changed`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Added => "added",
            Self::Removed => "removed",
            Self::Changed => "changed",
            Self::Reordered => "reordered",
        }
    }
}

/// One difference.
#[derive(Debug, Clone, PartialEq)]
pub struct Difference<'v> {
    /// Where: `$.edges_out[target_id="ophelia"].trust`.
    pub path: String,
    /// The value before; none where it was added, or only the order changed.
    pub before: Option<&'v Value<'v>>,
    /// The value after; none where it was removed, or only the order changed.
    pub after: Option<&'v Value<'v>>,
}

impl Difference<'_> {
    /// What happened.
    pub fn change(&self) -> Change {
        match (self.before, self.after) {
            (None, None) => Change::Reordered,
            (None, _) => Change::Added,
            (_, None) => Change::Removed,
            _ => Change::Changed,
        }
    }
}

/// How two values differ, in the order of the first, then what only the second has.
///
/// ```
/// use backstitch::json::{diff, parse};
///
/// let before = parse(r#"{"name": "Ada", "mood": "calm"}"#).unwrap();
/// let after = parse(r#"{"name": "Ada", "mood": "glad", "age": 36}"#).unwrap();
/// let found: Vec<_> = diff(&before, &after).iter().map(|one| format!("{} {}", one.path, one.change().as_str())).collect();
/// assert_eq!(found, ["$.mood changed", "$.age added"]);
/// ```
pub fn diff<'v>(before: &'v Value<'v>, after: &'v Value<'v>) -> Vec<Difference<'v>> {
    let mut found = Vec::new();
    compare("$", before, after, &mut found);
    found
}

fn compare<'v>(path: &str, before: &'v Value<'v>, after: &'v Value<'v>, found: &mut Vec<Difference<'v>>) {
    match (before, after) {
        (Value::Object(a), Value::Object(b)) => {
            let name = |(name, value): &'v (Cow<'v, str>, Value<'v>)| (member(name), value);
            pairs(path, &a.iter().map(name).collect(), &b.iter().map(name).collect(), found);
        }
        (Value::Array(a), Value::Array(b)) => {
            let named = identity(a, b);
            let list = |elements: &'v [Value<'v>]| {
                elements.iter().enumerate().map(|(at, one)| (element(named, at, one), one)).collect()
            };
            let (a, b): (Parts<'v>, Parts<'v>) = (list(a), list(b));
            if named.is_some() && !in_order(&a, &b) {
                found.push(Difference { path: path.to_owned(), before: None, after: None });
            }
            pairs(path, &a, &b, found);
        }
        _ if before == after => {}
        _ => found.push(Difference { path: path.to_owned(), before: Some(before), after: Some(after) }),
    }
}

type Parts<'v> = Vec<(String, &'v Value<'v>)>;

/// Compares what has the same step on both sides, and tells the rest.
fn pairs<'v>(path: &str, before: &Parts<'v>, after: &Parts<'v>, found: &mut Vec<Difference<'v>>) {
    let there: HashMap<&str, &'v Value<'v>> = after.iter().map(|(step, value)| (step.as_str(), *value)).collect();
    for (step, value) in before {
        let path = format!("{path}{step}");
        match there.get(step.as_str()) {
            Some(other) => compare(&path, value, other, found),
            None => found.push(Difference { path, before: Some(value), after: None }),
        }
    }
    let known: HashSet<&str> = before.iter().map(|(step, _)| step.as_str()).collect();
    for (step, value) in after.iter().filter(|(step, _)| !known.contains(step.as_str())) {
        found.push(Difference { path: format!("{path}{step}"), before: None, after: Some(value) });
    }
}

/// Whether what is on both sides comes in one order.
fn in_order(before: &Parts<'_>, after: &Parts<'_>) -> bool {
    let places: HashMap<&str, usize> = after.iter().enumerate().map(|(at, (step, _))| (step.as_str(), at)).collect();
    before.iter().filter_map(|(step, _)| places.get(step.as_str())).is_sorted()
}

/// The member that tells the elements of both arrays apart.
fn identity<'v>(a: &'v [Value<'v>], b: &'v [Value<'v>]) -> Option<&'v str> {
    let Value::Object(first) = a.first().or(b.first())? else { return None };
    let (name, _) = first.first()?;
    let tells_apart = |elements: &[Value<'v>]| {
        let mut seen = HashSet::new();
        elements.iter().all(|one| one.get(name).is_some_and(|id| !id.is_container() && seen.insert(dumps(id))))
    };
    (tells_apart(a) && tells_apart(b)).then_some(name.as_ref())
}

fn element(named: Option<&str>, at: usize, value: &Value<'_>) -> String {
    match named.and_then(|name| Some((name, value.get(name)?))) {
        Some((name, id)) => format!("[{name}={}]", shown(id)),
        None => format!("[{at}]"),
    }
}

/// As Python writes it, with characters of all languages left readable.
fn shown(id: &Value<'_>) -> String {
    match id {
        Value::String(text) => format!("{text:?}"),
        other => dumps(other),
    }
}

fn member(name: &str) -> String {
    let plain = name.starts_with(|c: char| c.is_alphabetic() || c == '_')
        && name.chars().all(|c| c.is_alphanumeric() || c == '_');
    let mut step = String::new();
    // Writing into a String cannot fail.
    let _ = if plain { write!(step, ".{name}") } else { write!(step, "[{name:?}]") };
    step
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]
    use super::*;
    use crate::json::parse;

    fn paths(before: &str, after: &str) -> Vec<String> {
        let (before, after) = (parse(before).unwrap(), parse(after).unwrap());
        let found = diff(&before, &after);
        found.iter().map(|one| format!("{} {}", one.path, one.change().as_str())).collect()
    }

    #[test]
    fn members_are_matched_by_name_and_elements_by_what_tells_them_apart() {
        let before =
            r#"{"a": {"x y": 1}, "edges": [{"to": "ada", "trust": 1}, {"to": "bob", "trust": 2}], "gone": []}"#;
        let after = r#"{"edges": [{"to": "eve", "trust": 0}, {"to": "ada", "trust": 5}, {"to": "bob", "trust": 2}], "a": {"x y": 2}}"#;
        assert_eq!(
            paths(before, after),
            [
                r#"$.a["x y"] changed"#,
                r#"$.edges[to="ada"].trust changed"#,
                r#"$.edges[to="eve"] added"#,
                "$.gone removed"
            ]
        );
    }

    #[test]
    fn another_order_is_a_difference() {
        let (a, b) = (r#"{"v": [{"id": 1}, {"id": 2}, {"id": 3}]}"#, r#"{"v": [{"id": 3}, {"id": 1}, {"id": 4}]}"#);
        assert_eq!(paths(a, b), ["$.v reordered", "$.v[id=2] removed", "$.v[id=4] added"]);
        assert_eq!(paths(r#"[{"id": 1}, {"id": 2}]"#, r#"[{"id": 2}, {"id": 1}]"#), ["$ reordered"]);
    }

    #[test]
    fn elements_without_a_name_of_their_own_are_matched_by_place() {
        assert_eq!(paths("[1, 2, 3]", "[1, 3]"), ["$[1] changed", "$[2] removed"]);
        assert_eq!(paths(r#"[{"n": 1}, {"n": 1}]"#, r#"[{"n": 1}, {"n": 2}]"#), ["$[1].n changed"]);
    }

    #[test]
    fn numbers_differ_where_python_tells_them_apart() {
        assert_eq!(paths("[1.0, 1, 2]", "[1.00, 1.0, 2]"), ["$[1] changed"]);
        assert!(paths("7", "7").is_empty());
        assert_eq!(paths("7", "null"), ["$ changed"]);
    }
}
