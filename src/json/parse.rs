//! Reading JSON: strictly what RFC 8259 has, with the limits that Python and SQLite have too.

use std::borrow::Cow;
use std::collections::HashMap;

use super::{Number, Value};

/// How deep arrays and objects may stand in each other. SQLite reads 1,000.
const DEPTH: usize = 500;

/// How many digits an integer may have: Python reads no more.
const DIGITS: usize = 4300;

/// Why a text is no JSON.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("byte {at}: {reason}")]
pub struct JsonError {
    /// Where, in bytes from the beginning.
    pub at: usize,
    /// Why, as a sentence without a point.
    pub reason: String,
}

/// Reads a text that is one JSON value.
///
/// Where an object has a name twice the last value counts, as in Python.
///
/// # Errors
///
/// The first place that is not JSON, or beyond a limit; a lone surrogate is no text.
pub fn parse(text: &str) -> Result<Value<'_>, JsonError> {
    let mut reader = Reader { text, at: 0 };
    let value = reader.value(0)?;
    reader.blanks();
    if reader.at < text.len() {
        return Err(reader.refuse("something stands after the value"));
    }
    Ok(value)
}

struct Reader<'a> {
    text: &'a str,
    at: usize,
}

impl<'t> Reader<'t> {
    fn refuse(&self, reason: impl Into<String>) -> JsonError {
        JsonError { at: self.at, reason: reason.into() }
    }

    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn blanks(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\t' | b'\n' | b'\r')) {
            self.at += 1;
        }
    }

    fn takes(&mut self, byte: u8) -> bool {
        let found = self.peek() == Some(byte);
        self.at += usize::from(found);
        found
    }

    fn value(&mut self, depth: usize) -> Result<Value<'t>, JsonError> {
        if depth > DEPTH {
            return Err(self.refuse(format!("arrays and objects stand more than {DEPTH} deep in each other")));
        }
        self.blanks();
        match self.peek() {
            Some(b'{') => self.object(depth),
            Some(b'[') => self.array(depth),
            Some(b'"') => self.string().map(Value::String),
            Some(b'-' | b'0'..=b'9') => self.number().map(Value::Number),
            Some(b't') => self.word("true", Value::Bool(true)),
            Some(b'f') => self.word("false", Value::Bool(false)),
            Some(b'n') => self.word("null", Value::Null),
            Some(_) => Err(self.refuse("a value was expected")),
            None => Err(self.refuse("the text ends where a value was expected")),
        }
    }

    fn word(&mut self, word: &str, value: Value<'t>) -> Result<Value<'t>, JsonError> {
        if self.text[self.at..].starts_with(word) {
            self.at += word.len();
            return Ok(value);
        }
        Err(self.refuse("a value was expected"))
    }

    fn object(&mut self, depth: usize) -> Result<Value<'t>, JsonError> {
        self.at += 1;
        let mut members = Members::default();
        self.blanks();
        if self.takes(b'}') {
            return Ok(Value::Object(members.members));
        }
        loop {
            self.blanks();
            if self.peek() != Some(b'"') {
                return Err(self.refuse("a member's name was expected"));
            }
            let name = self.string()?;
            self.blanks();
            if !self.takes(b':') {
                return Err(self.refuse("a colon was expected"));
            }
            let value = self.value(depth + 1)?;
            members.put(name, value);
            self.blanks();
            if self.takes(b'}') {
                return Ok(Value::Object(members.members));
            }
            if !self.takes(b',') {
                return Err(self.refuse("a comma or } was expected"));
            }
        }
    }

    fn array(&mut self, depth: usize) -> Result<Value<'t>, JsonError> {
        self.at += 1;
        let mut elements = Vec::new();
        self.blanks();
        if self.takes(b']') {
            return Ok(Value::Array(elements));
        }
        loop {
            elements.push(self.value(depth + 1)?);
            self.blanks();
            if self.takes(b']') {
                return Ok(Value::Array(elements));
            }
            if !self.takes(b',') {
                return Err(self.refuse("a comma or ] was expected"));
            }
        }
    }

    fn digits(&mut self) -> usize {
        let from = self.at;
        while matches!(self.peek(), Some(b'0'..=b'9')) {
            self.at += 1;
        }
        self.at - from
    }

    fn number(&mut self) -> Result<Number<'t>, JsonError> {
        let from = self.at;
        self.takes(b'-');
        let leading_zero = self.peek() == Some(b'0');
        let whole = self.digits();
        if whole == 0 || (leading_zero && whole > 1) {
            return Err(self.refuse("that is no number"));
        }
        let mut is_integer = true;
        if self.takes(b'.') {
            is_integer = false;
            if self.digits() == 0 {
                return Err(self.refuse("a digit was expected after the point"));
            }
        }
        if self.takes(b'e') || self.takes(b'E') {
            is_integer = false;
            let _sign = self.takes(b'+') || self.takes(b'-');
            if self.digits() == 0 {
                return Err(self.refuse("a digit was expected in the exponent"));
            }
        }
        if is_integer && whole > DIGITS {
            return Err(self.refuse(format!("an integer has more than {DIGITS} digits")));
        }
        Ok(Number(&self.text[from..self.at]))
    }

    fn string(&mut self) -> Result<Cow<'t, str>, JsonError> {
        self.at += 1;
        let mut found = Cow::Borrowed(self.plain());
        loop {
            match self.peek() {
                Some(b'"') => {
                    self.at += 1;
                    return Ok(found);
                }
                Some(b'\\') => found.to_mut().push(self.escape()?),
                Some(_) => return Err(self.refuse("a control character stands in a text unescaped")),
                None => return Err(self.refuse("the text ends inside a string")),
            }
            found += self.plain();
        }
    }

    /// What stands as it is, up to a quote, an escape or a control character; none of these is a
    /// part of a longer character in UTF-8.
    fn plain(&mut self) -> &'t str {
        let rest = &self.text[self.at..];
        let length = rest.bytes().position(|byte| matches!(byte, b'"' | b'\\' | 0..b' ')).unwrap_or(rest.len());
        self.at += length;
        &rest[..length]
    }

    fn escape(&mut self) -> Result<char, JsonError> {
        self.at += 1;
        let Some(letter) = self.peek() else { return Err(self.refuse("the text ends inside a string")) };
        let plain = match letter {
            b'"' | b'\\' | b'/' => char::from(letter),
            b'b' => '\u{8}',
            b'f' => '\u{c}',
            b'n' => '\n',
            b'r' => '\r',
            b't' => '\t',
            b'u' => return self.code_point(),
            _ => return Err(self.refuse("that is no escape")),
        };
        self.at += 1;
        Ok(plain)
    }

    /// A `\u` with its four digits; two of them where they are a surrogate pair.
    fn code_point(&mut self) -> Result<char, JsonError> {
        let start = self.at - 1;
        let unit = self.unit()?;
        let point = match unit {
            0xD800..=0xDBFF if self.text[self.at..].starts_with("\\u") => {
                self.at += 1;
                match self.unit()? {
                    low @ 0xDC00..=0xDFFF => 0x10000 + ((unit - 0xD800) << 10) + (low - 0xDC00),
                    _ => unit,
                }
            }
            _ => unit,
        };
        char::from_u32(point)
            .ok_or_else(|| JsonError { at: start, reason: format!("\\u{unit:04x} is half of a character") })
    }

    fn unit(&mut self) -> Result<u32, JsonError> {
        self.at += 1;
        let hex = self.text.as_bytes().get(self.at..self.at + 4);
        let hex = hex
            .filter(|hex| hex.iter().all(u8::is_ascii_hexdigit))
            .ok_or_else(|| self.refuse("four hexadecimal digits were expected"))?;
        let unit = hex.iter().fold(0, |unit, digit| unit * 16 + char::from(*digit).to_digit(16).unwrap_or(0));
        self.at += 4;
        Ok(unit)
    }
}

/// The members of an object, each name once; past the first few they are found by their hash.
#[derive(Default)]
struct Members<'t> {
    members: Vec<(Cow<'t, str>, Value<'t>)>,
    /// Where each is, once there are many.
    places: HashMap<Cow<'t, str>, usize>,
}

/// So many are looked through one by one.
const FEW: usize = 16;

impl<'t> Members<'t> {
    fn put(&mut self, name: Cow<'t, str>, value: Value<'t>) {
        match self.place(&name) {
            Some(place) => self.members[place].1 = value,
            None => {
                if self.members.len() >= FEW {
                    self.places.insert(name.clone(), self.members.len());
                }
                self.members.push((name, value));
            }
        }
    }

    fn place(&self, name: &str) -> Option<usize> {
        let first = self.members.iter().take(FEW).position(|(known, _)| known == name);
        first.or_else(|| self.places.get(name).copied())
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]
    use super::*;

    #[test]
    fn what_is_no_json_is_refused_at_its_place() {
        for (text, at, reason) in [
            ("", 0, "the text ends where a value was expected"),
            ("{\"a\": 1,}", 8, "a member's name was expected"),
            ("[1 2]", 3, "a comma or ] was expected"),
            ("{\"a\" 1}", 5, "a colon was expected"),
            ("{} x", 3, "something stands after the value"),
            ("01", 2, "that is no number"),
            ("-", 1, "that is no number"),
            ("1.", 2, "a digit was expected after the point"),
            ("1e+", 3, "a digit was expected in the exponent"),
            ("NaN", 0, "a value was expected"),
            ("-Infinity", 1, "that is no number"),
            ("\"\u{1}\"", 1, "a control character stands in a text unescaped"),
            ("\"\\x\"", 2, "that is no escape"),
            ("\"\\u12g4\"", 3, "four hexadecimal digits were expected"),
            ("\"a", 2, "the text ends inside a string"),
            ("\"\\ud800\"", 1, "\\ud800 is half of a character"),
            ("\"\\udc00\\ud800\"", 1, "\\udc00 is half of a character"),
            ("\"\\ud800\\u0041\"", 1, "\\ud800 is half of a character"),
        ] {
            assert_eq!(parse(text), Err(JsonError { at, reason: reason.to_owned() }), "{text}");
        }
    }

    #[test]
    fn limits_are_those_of_python_and_sqlite() {
        let deep = |levels: usize| format!("{}{}", "[".repeat(levels), "]".repeat(levels));
        assert!(parse(&deep(DEPTH + 1)).is_ok());
        assert!(parse(&deep(DEPTH + 2)).unwrap_err().reason.contains("deep"));
        assert!(parse(&deep(100_000)).is_err(), "a hundred thousand brackets do not end the program");
        assert!(parse(&"9".repeat(DIGITS)).is_ok());
        assert!(parse(&"9".repeat(DIGITS + 1)).unwrap_err().reason.contains("digits"));
    }

    #[test]
    fn the_last_of_two_members_of_a_name_counts_and_surrogate_pairs_are_one_character() {
        let value = parse(r#"{"a": 1, "b": "\ud83d\ude00\n\/", "a": 12345678901234567890123}"#).unwrap();
        let Value::Object(members) = &value else { unreachable!() };
        assert_eq!(members.len(), 2);
        assert_eq!(value.get("b"), Some(&Value::String("\u{1f600}\n/".into())));
        assert!(matches!(value.get("a"), Some(Value::Number(number)) if number.as_str() == "12345678901234567890123"));
    }
}
