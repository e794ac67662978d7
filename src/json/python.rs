//! Writing JSON as Python's `json.dumps(value, sort_keys=True, default=str)` does, to the byte.
//!
//! Separators are `, ` and `: `, names are sorted by code point, all but printable ASCII is escaped,
//! integers stand as they are, and floats as `repr` gives them.

use std::fmt::Write as _;

use super::Value;

/// The value as Python writes it.
pub fn dumps(value: &Value<'_>) -> String {
    let mut text = String::new();
    write(value, &mut text);
    text
}

fn write(value: &Value<'_>, out: &mut String) {
    match value {
        Value::Null => out.push_str("null"),
        Value::Bool(true) => out.push_str("true"),
        Value::Bool(false) => out.push_str("false"),
        Value::Number(written) => out.push_str(&number(written.as_str())),
        Value::String(text) => string(text, out),
        Value::Array(elements) => {
            out.push('[');
            for (place, element) in elements.iter().enumerate() {
                out.push_str(if place > 0 { ", " } else { "" });
                write(element, out);
            }
            out.push(']');
        }
        Value::Object(members) => {
            // UTF-8 sorts as its code points do.
            let mut sorted: Vec<_> = members.iter().collect();
            sorted.sort_unstable_by(|(a, _), (b, _)| a.cmp(b));
            out.push('{');
            for (place, (name, member)) in sorted.into_iter().enumerate() {
                out.push_str(if place > 0 { ", " } else { "" });
                string(name, out);
                out.push_str(": ");
                write(member, out);
            }
            out.push('}');
        }
    }
}

fn string(text: &str, out: &mut String) {
    out.push('"');
    let mut rest = text;
    // Of a character of several bytes the first one stops the search, since none of them is ASCII.
    while let Some(at) = rest.bytes().position(|byte| !matches!(byte, b' '..=b'~') || matches!(byte, b'"' | b'\\')) {
        out.push_str(&rest[..at]);
        let mut escaped = rest[at..].chars();
        escaped.next().into_iter().for_each(|c| escape(c, out));
        rest = escaped.as_str();
    }
    out.push_str(rest);
    out.push('"');
}

fn escape(c: char, out: &mut String) {
    match c {
        '"' => out.push_str("\\\""),
        '\\' => out.push_str("\\\\"),
        '\n' => out.push_str("\\n"),
        '\r' => out.push_str("\\r"),
        '\t' => out.push_str("\\t"),
        '\u{8}' => out.push_str("\\b"),
        '\u{c}' => out.push_str("\\f"),
        _ => {
            for unit in c.encode_utf16(&mut [0; 2]) {
                // Writing into a String cannot fail.
                let _ = write!(out, "\\u{unit:04x}");
            }
        }
    }
}

/// A number as Python writes what it read.
pub(super) fn number(written: &str) -> String {
    if !written.contains(['.', 'e', 'E']) {
        // Integers have no negative zero.
        return if written == "-0" { "0".to_owned() } else { written.to_owned() };
    }
    // The reader has seen to the form, so this is a number.
    float(written.parse().unwrap_or(f64::NAN))
}

/// `repr` of a float: the fewest digits that read back as the same, with an exponent below 1e-4 and
/// from 1e16 on.
fn float(value: f64) -> String {
    if value.is_infinite() {
        return if value > 0.0 { "Infinity" } else { "-Infinity" }.to_owned();
    }
    let scientific = fewest_digits(value.abs());
    let (digits, exponent) = scientific.split_once('e').unwrap_or((&scientific, "0"));
    let exponent: i32 = exponent.parse().unwrap_or(0);
    let sign = if value.is_sign_negative() { "-" } else { "" };
    if (-4..16).contains(&exponent) {
        return format!("{sign}{}", plain(&digits.replace('.', ""), exponent));
    }
    format!("{sign}{digits}e{}{:02}", if exponent < 0 { '-' } else { '+' }, exponent.abs())
}

/// The fewest digits that read back as the same. Of two numbers of so many digits that are equally
/// near Python has the one that ends even, and `{:e}` has the other at times.
fn fewest_digits(value: f64) -> String {
    let fewest = format!("{value:e}");
    let digits = fewest.bytes().take_while(|&byte| byte != b'e').filter(u8::is_ascii_digit).count();
    let nearest = format!("{value:.*e}", digits.saturating_sub(1));
    // Just above a power of two the nearest may be too far below it, and another one is not.
    if nearest.parse() == Ok(value) { nearest } else { fewest }
}

/// Digits with the point after the one that stands for ten to the power of an exponent.
fn plain(digits: &str, exponent: i32) -> String {
    match usize::try_from(exponent) {
        Err(_) => format!("0.{}{digits}", "0".repeat(exponent.unsigned_abs() as usize - 1)),
        Ok(last) if last + 1 >= digits.len() => format!("{digits}{}.0", "0".repeat(last + 1 - digits.len())),
        Ok(last) => format!("{}.{}", &digits[..=last], &digits[last + 1..]),
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]
    use super::*;
    use crate::json::parse;

    /// What Python 3.11 printed for these.
    #[test]
    fn values_are_written_as_python_writes_them() {
        for (text, python) in [
            ("{}", "{}"),
            ("[]", "[]"),
            (r#"{"b":1,"a":[true,null,"x"]}"#, r#"{"a": [true, null, "x"], "b": 1}"#),
            (r#"{"ｚ":1,"😀":2,"é":3,"z":4}"#, r#"{"z": 4, "\u00e9": 3, "\uff5a": 1, "\ud83d\ude00": 2}"#),
            ("\"\u{7f}\u{80}/\\b\\f\\u0000\"", r#""\u007f\u0080/\b\f\u0000""#),
            ("-0", "0"),
            ("-0.0", "-0.0"),
            ("0e5", "0.0"),
            ("1E5", "100000.0"),
            ("1e15", "1000000000000000.0"),
            ("1e16", "1e+16"),
            ("123456789012345680.0", "1.2345678901234568e+17"),
            ("0.0001", "0.0001"),
            ("0.00001", "1e-05"),
            ("1.5e-7", "1.5e-07"),
            ("5e-324", "5e-324"),
            ("1.7976931348623157e308", "1.7976931348623157e+308"),
            ("1e400", "Infinity"),
            ("-1e400", "-Infinity"),
            ("0.1", "0.1"),
            ("100.0", "100.0"),
            ("-123.456", "-123.456"),
            ("0.00012345", "0.00012345"),
            ("9007199254740993.0", "9007199254740992.0"),
            // Halfway between two of so many digits.
            ("-154828113622460.13", "-154828113622460.12"),
            ("5.684341886080802e-14", "5.684341886080802e-14"),
            ("9.5367431640625e-07", "9.5367431640625e-07"),
            ("18446744073709551616", "18446744073709551616"),
        ] {
            assert_eq!(dumps(&parse(text).unwrap()), python, "{text}");
        }
    }
}
