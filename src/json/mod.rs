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
