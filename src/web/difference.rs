//! The difference of two values of a cell: texts word by word, JSON by path.

use similar::{ChangeTag, TextDiff};

use super::filters;
use super::words::visible;
use crate::json::{self, Value as Json};

/// Texts longer than this, in bytes, are not compared word by word.
const LONGEST: usize = 20_000;
/// Texts of which less than this is the same, blanks aside, are two texts, not one that was changed.
const ALIKE: f64 = 0.4;
/// Characters that stay of what is the same at each end of a long run.
const CONTEXT: usize = 60;
/// Paths that are told.
const PATHS: usize = 30;
/// Characters of a value at a path.
const VALUE: usize = 200;

/// How two values differ, where that says more than both of them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Difference {
    /// One text with what goes and what comes.
    Words(Vec<Run>),
    /// The places of a JSON value that differ, and how many more there are.
    Paths(Vec<PathChange>, u64),
}

/// A part of a text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Run {
    Same(String),
    Goes(String),
    Comes(String),
}

/// One place of a JSON value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct PathChange {
    pub(super) path: String,
    /// None where there is none.
    pub(super) now: Option<String>,
    pub(super) then: Option<String>,
}

impl Difference {
    /// None where both values are better seen one over the other.
    pub(super) fn of(now: &str, then: &str) -> Option<Self> {
        paths(now, then).or_else(|| words(now, then))
    }
}

fn paths(now: &str, then: &str) -> Option<Difference> {
    let (now, then) = (container(now)?, container(then)?);
    let found = json::diff(&now, &then);
    let change = |one: &json::Difference<'_>| PathChange {
        // What is at the top has no name.
        path: visible(one.path.strip_prefix("$.").unwrap_or(&one.path)),
        now: one.before.map(value),
        then: one.after.map(value),
    };
    let more = found.len().saturating_sub(PATHS) as u64;
    // Written in another way, and the same: then the texts say how.
    (!found.is_empty()).then(|| Difference::Paths(found.iter().take(PATHS).map(change).collect(), more))
}

fn container(text: &str) -> Option<Json<'_>> {
    if text.trim_start().starts_with(['{', '[']) { json::parse(text).ok() } else { None }
}

fn value(value: &Json<'_>) -> String {
    let text = match value {
        Json::String(text) => format!("\u{201c}{text}\u{201d}"),
        other => json::dumps(other),
    };
    visible(&filters::cut(&text, VALUE).0)
}

fn words(now: &str, then: &str) -> Option<Difference> {
    let has_words = |text: &str| text.len() <= LONGEST && text.trim().contains(char::is_whitespace);
    if !has_words(now) || !has_words(then) {
        return None;
    }
    let diff = TextDiff::from_words(now, then);
    let (mut parts, mut same) = (Parts::default(), 0);
    for change in diff.iter_all_changes() {
        match change.tag() {
            ChangeTag::Equal => {
                same += letters(change.value());
                parts.same.push_str(change.value());
            }
            ChangeTag::Delete => parts.changed().0.push_str(change.value()),
            ChangeTag::Insert => parts.changed().1.push_str(change.value()),
        }
    }
    let all = letters(now) + letters(then);
    (2.0 * same as f64 >= ALIKE * all as f64).then(|| Difference::Words(parts.end()))
}

fn letters(text: &str) -> usize {
    text.chars().filter(|char| !char.is_whitespace()).count()
}

/// Parts as they are found. A blank between two changed words belongs to both changes: read as one
/// phrase they say more than as single words.
#[derive(Default)]
struct Parts {
    done: Vec<Run>,
    goes: String,
    comes: String,
    /// What is the same since.
    same: String,
}

impl Parts {
    /// What goes and what comes, to be added to.
    fn changed(&mut self) -> (&mut String, &mut String) {
        let is_open = !self.goes.is_empty() || !self.comes.is_empty();
        if is_open && !self.same.is_empty() && self.same.trim().is_empty() && !self.same.contains('\n') {
            self.goes += &self.same;
            self.comes += &self.same;
            self.same.clear();
        }
        if !self.same.is_empty() {
            self.close();
        }
        (&mut self.goes, &mut self.comes)
    }

    fn close(&mut self) {
        let (goes, comes, same) =
            (std::mem::take(&mut self.goes), std::mem::take(&mut self.comes), std::mem::take(&mut self.same));
        self.done.extend((!goes.is_empty()).then(|| Run::Goes(visible(&goes))));
        self.done.extend((!comes.is_empty()).then(|| Run::Comes(visible(&comes))));
        self.done.extend((!same.is_empty()).then(|| Run::Same(visible(&same))));
    }

    fn end(mut self) -> Vec<Run> {
        self.close();
        let last = self.done.len().saturating_sub(1);
        for (at, part) in self.done.iter_mut().enumerate() {
            if let Run::Same(text) = part {
                *text = shortened(text, at == 0, at == last);
            }
        }
        self.done
    }
}

/// A long run of what is the same, with its ends only where something changes beside them.
fn shortened(text: &str, first: bool, last: bool) -> String {
    let (before, after) = (if first { 0 } else { CONTEXT }, if last { 0 } else { CONTEXT });
    let all = text.chars().count();
    if all <= before + after + CONTEXT {
        return text.to_owned();
    }
    let head: String = text.chars().take(before).collect();
    let tail: String = text.chars().skip(all - after).collect();
    format!("{head} \u{2026} {tail}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(now: &str, then: &str) -> String {
        let Some(difference) = Difference::of(now, then) else { return "both".to_owned() };
        match difference {
            Difference::Words(parts) => parts.iter().map(run).collect(),
            Difference::Paths(paths, more) => {
                let one = |path: &PathChange| format!("{} {:?} {:?}", path.path, path.now, path.then);
                format!("{} +{more}", paths.iter().map(one).collect::<Vec<_>>().join("; "))
            }
        }
    }

    fn run(run: &Run) -> String {
        match run {
            Run::Same(text) => text.clone(),
            Run::Goes(text) => format!("[{text}]"),
            Run::Comes(text) => format!("{{{text}}}"),
        }
    }

    #[test]
    fn texts_differ_by_words() {
        assert_eq!(told("he doubts him now", "he trusts him now"), "he [doubts]{trusts} him now");
        assert_eq!(told("a b c d e f", "a x y d e f"), "a [b c]{x y} d e f");
        assert_eq!(told("Held the bag by its handle.", "Loved the engine, and said so."), "both");
        assert_eq!(told("to be or not", "to be or not to be"), "to be or not{ to be}");
    }

    #[test]
    fn what_has_little_in_common_is_shown_whole() {
        assert_eq!(told("calm", "glad"), "both");
        assert_eq!(told("one two three four", "quite another sentence here"), "both");
    }

    #[test]
    fn a_long_run_of_the_same_is_shortened() {
        let run = "so much ".repeat(100);
        let told = told(&format!("{run}old {run}"), &format!("{run}new {run}"));
        assert!(told.contains("[old]{new}"), "{told}");
        assert!(told.chars().count() < 200, "{told}");
        assert!(told.starts_with(" \u{2026} ") && told.ends_with(" \u{2026} "), "{told}");
    }

    #[test]
    fn json_differs_by_path() {
        let now = r#"{"mood": "calm", "trust": {"ada": 9}, "n": 1.50}"#;
        let then = r#"{"mood": "glad", "trust": {"ada": 9, "bob": null}, "n": 1.5}"#;
        assert_eq!(
            told(now, then),
            "mood Some(\"\u{201c}calm\u{201d}\") Some(\"\u{201c}glad\u{201d}\"); trust.bob None Some(\"null\") +0"
        );
        assert_eq!(told("[1, 2]", "[1, 3]"), "$[1] Some(\"2\") Some(\"3\") +0");
        assert_eq!(told(r#"{"a": "b c d"}"#, "not JSON at all"), "both");
    }
}
