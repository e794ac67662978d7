//! JSON with numbers as they are written, the way Python writes it, and the difference of two values.
//!
//! serde_json reads an integer beyond 64 bits as a float, and can keep it only for the whole build at
//! once; a state of an entity must keep it, so that its hash is the one that Python gives.

mod diff;
mod parse;
mod python;

use std::borrow::Cow;
use std::fmt;

pub use diff::{Change, Difference, diff};
pub use parse::{JsonError, parse};
pub use python::dumps;

/// A JSON value, which borrows from the text that it was read from what stands there as it is.
#[derive(Debug, Clone, PartialEq)]
pub enum Value<'t> {
    /// `null`.
    Null,
    /// `true` or `false`.
    Bool(bool),
    /// A number of any size.
    Number(Number<'t>),
    /// A text.
    String(Cow<'t, str>),
    /// The elements of an array.
    Array(Vec<Value<'t>>),
    /// The members of an object in the order in which they are written, each name once.
    Object(Vec<(Cow<'t, str>, Value<'t>)>),
}

impl<'t> Value<'t> {
    /// The member of an object.
    pub fn get(&self, name: &str) -> Option<&Value<'t>> {
        let Self::Object(members) = self else { return None };
        members.iter().find(|(known, _)| known == name).map(|(_, value)| value)
    }

    /// Whether it is an array or an object.
    pub fn is_container(&self) -> bool {
        matches!(self, Self::Array(_) | Self::Object(_))
    }
}

/// The value as JSON over several lines, members in their order and numbers as they were written.
pub fn pretty(value: &Value<'_>) -> String {
    let mut out = String::new();
    write_pretty(value, 0, &mut out);
    out
}

fn write_pretty(value: &Value<'_>, depth: usize, out: &mut String) {
    let line = |depth: usize, out: &mut String| {
        out.push('\n');
        out.extend(std::iter::repeat_n("  ", depth));
    };
    match value {
        Value::Array(elements) if !elements.is_empty() => {
            for (at, one) in elements.iter().enumerate() {
                out.push(if at > 0 { ',' } else { '[' });
                line(depth + 1, out);
                write_pretty(one, depth + 1, out);
            }
            line(depth, out);
            out.push(']');
        }
        Value::Object(members) if !members.is_empty() => {
            for (at, (name, one)) in members.iter().enumerate() {
                out.push(if at > 0 { ',' } else { '{' });
                line(depth + 1, out);
                out.push_str(&Value::String(Cow::Borrowed(name)).to_string());
                out.push_str(": ");
                write_pretty(one, depth + 1, out);
            }
            line(depth, out);
            out.push('}');
        }
        other => out.push_str(&other.to_string()),
    }
}

/// The value as JSON without blanks, members in their order and numbers as they were written.
impl fmt::Display for Value<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = |text: &str| serde_json::to_string(text).map_err(|_| fmt::Error);
        let comma = |at: usize| if at > 0 { "," } else { "" };
        match self {
            Self::Null => f.write_str("null"),
            Self::Bool(bool) => write!(f, "{bool}"),
            Self::Number(number) => f.write_str(number.as_str()),
            Self::String(string) => f.write_str(&text(string)?),
            Self::Array(elements) => {
                f.write_str("[")?;
                elements.iter().enumerate().try_for_each(|(at, one)| write!(f, "{}{one}", comma(at)))?;
                f.write_str("]")
            }
            Self::Object(members) => {
                f.write_str("{")?;
                for (at, (name, one)) in members.iter().enumerate() {
                    write!(f, "{}{}:{one}", comma(at), text(name)?)?;
                }
                f.write_str("}")
            }
        }
    }
}

/// A number as it is written.
#[derive(Debug, Clone, Copy)]
pub struct Number<'t>(&'t str);

impl<'t> Number<'t> {
    /// The text of the number, as JSON has it.
    pub fn as_str(&self) -> &'t str {
        self.0
    }
}

/// By what Python makes of them: `1.0` is `1.00`, and not `1`.
impl PartialEq for Number<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.0 == other.0 || python::number(self.0) == python::number(other.0)
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]
    use super::*;

    #[test]
    fn over_several_lines_every_number_stands_as_it_was_written() {
        let text = r#"{"i":123456789012345678901234567890,"z":1.10,"e":1E5,"none":[],"list":[1,{"a \"b\"":{}}]}"#;
        let lines = "{\n  \"i\": 123456789012345678901234567890,\n  \"z\": 1.10,\n  \"e\": 1E5,\n  \"none\": [],\n  \
                     \"list\": [\n    1,\n    {\n      \"a \\\"b\\\"\": {}\n    }\n  ]\n}";
        assert_eq!(pretty(&parse(text).unwrap()), lines);
    }
}
