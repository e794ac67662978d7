//! Random states as JSON text, in every spelling that JSON has for them.

use crate::support::Random;

/// How deep one is nested at most.
const DEPTH: usize = 4;

/// Texts with a trap in each: names that sort otherwise in UTF-16, numbers at the edge of a form.
pub const TRAPS: [&str; 19] = [
    "{}",
    r#"{"": {}, "a": [], "b": [[]], "c": {"": null}}"#,
    "{\"\u{ff5a}\": 1, \"\u{1f600}\": 2, \"\u{e000}\": 3, \"z\": 4, \"\u{e9}\": 5, \"e\u{301}\": 6}",
    r#"{"a": "\u0000\u001f\u007f\b\f\n\r\t\"\\\/", "\u0000": 1}"#,
    "{\"\u{7f}\": \"\u{7f}\u{80}\u{2028}\u{feff}\u{ffff}\u{10ffff}\"}",
    r#"{"a": "\ud83d\uDE00\uD834\udd1e"}"#,
    r#"{"a": 18446744073709551615, "b": 18446744073709551616, "c": -9223372036854775809}"#,
    r#"{"a": 123456789012345678901234567890123456789012345678901234567890}"#,
    r#"{"a": 0, "b": -0, "c": 0.0, "d": -0.0, "e": 0e0, "f": -0E-7}"#,
    r#"{"a": 5e-324, "b": 2.2250738585072014e-308, "c": 1.7976931348623157e308, "d": 4.9e-324, "e": 1e-400}"#,
    r#"{"a": 9999999999999998.0, "b": 1e16, "c": 9007199254740993.0, "d": 0.0001, "e": 0.00009999, "f": 1e15}"#,
    r#"{"a": 0.1, "b": 0.30000000000000004, "c": 1e22, "d": 1e23, "e": 1.0E+2, "f": 100, "g": 123456.7890}"#,
    r#"{"a": 2e-5, "b": 5e-07, "c": 1.5e300, "d": 12345678901234567890.0, "e": 1E5}"#,
    r#"{"a": 1, "b": 2, "a": 3}"#,
    r#"{"true": true, "false": false, "null": null, "1": 1, "10": 2, "9": 3, "Z": 4, "a": 5, "_": 6}"#,
    r#"{"a": 9.5367431640625e-07, "b": 3.1415926535897932384626433832795, "c": 1.0000000000000002}"#,
    r#"{"a": -154828113622460.13, "b": 5.684341886080802e-14, "c": 9007199254740992.5, "d": 2251799813685248.25}"#,
    r#"{"a": 1e400, "b": -1e400}"#,
    " \r\n\t{ \"a\" : [ 1 , 2 ] } \n",
];

/// The text of a random object.
pub fn random(random: &mut Random) -> String {
    let mut text = String::new();
    object(random, DEPTH, &mut text);
    text
}

fn value(random: &mut Random, depth: usize, out: &mut String) {
    match random.below(if depth == 0 { 8 } else { 10 }) {
        0 => out.push_str(random.pick::<&str>(&["null", "true", "false"])),
        1 | 2 => out.push_str(&integer(random)),
        3..=5 => out.push_str(&float(random)),
        6 | 7 => string(random, out),
        8 => array(random, depth - 1, out),
        _ => object(random, depth - 1, out),
    }
}

fn object(random: &mut Random, depth: usize, out: &mut String) {
    members(random, ['{', '}'], out, |random, out| {
        string(random, out);
        blank(random, out);
        out.push(':');
        blank(random, out);
        value(random, depth, out);
    });
}

fn array(random: &mut Random, depth: usize, out: &mut String) {
    members(random, ['[', ']'], out, |random, out| value(random, depth, out));
}

fn members(random: &mut Random, brackets: [char; 2], out: &mut String, mut one: impl FnMut(&mut Random, &mut String)) {
    out.push(brackets[0]);
    for at in 0..random.below(7) {
        out.push_str(if at > 0 { "," } else { "" });
        blank(random, out);
        one(random, out);
        blank(random, out);
    }
    out.push(brackets[1]);
}

fn blank(random: &mut Random, out: &mut String) {
    out.push_str(random.pick::<&str>(&["", "", "", " ", "\n  ", "\t", "\r\n"]));
}

fn integer(random: &mut Random) -> String {
    let sign = *random.pick(&["", "-"]);
    let digits = match random.below(4) {
        0 => random.below(1000).to_string(),
        1 => random.number().to_string(),
        2 => (u128::from(random.number()) << random.below(64)).to_string(),
        _ => format!("{}{:019}{:019}", 1 + random.below(9), random.number() >> 1, random.number() >> 1),
    };
    format!("{sign}{digits}")
}

/// Of any magnitude, at powers of ten and of two, halfway between two of so many digits, or of few
/// digits; written with the fewest digits, or with more.
fn float(random: &mut Random) -> String {
    let number = match random.below(6) {
        0 => f64::from_bits(random.number()),
        1 => {
            let power: f64 = format!("1e{}", random.below(640) as i32 - 330).parse().unwrap();
            f64::from_bits(power.to_bits().saturating_add_signed(random.below(5) as i64 - 2))
        }
        2 => random.below(100_000) as f64 / 1000.0,
        3 => f64::from_bits((random.below(2047) as u64) << 52),
        4 => (random.number() >> 11) as f64 / (1_u64 << random.below(60)) as f64,
        _ => (random.number() >> random.below(64)) as f64,
    };
    let number = if number.is_finite() { number } else { 0.1 };
    match random.below(5) {
        0 => format!("{number:e}").replace('e', "E+").replace("+-", "-"),
        1 => format!("{number:.17e}"),
        2 => format!("{number:.25}"),
        _ => format!("{number:?}"),
    }
}

fn string(random: &mut Random, out: &mut String) {
    out.push('"');
    for _ in 0..random.below(9) {
        let c = character(random);
        match random.below(4) {
            _ if c < ' ' || c == '"' || c == '\\' => escaped(c, random, out),
            0 => escaped(c, random, out),
            _ => out.push(c),
        }
    }
    out.push('"');
}

fn character(random: &mut Random) -> char {
    let code = match random.below(8) {
        0 => random.below(0x20),
        1 => 0x7f + random.below(0x40),
        2 => 0xe000 + random.below(0x2000),
        3 => 0x1_0000 + random.below(0x10_0000),
        4 => random.below(0xd800),
        _ => 0x20 + random.below(0x5f),
    };
    char::from_u32(code as u32).unwrap_or('\u{1f600}')
}

/// By its short name where it has one, or by its digits in small letters or capitals.
fn escaped(c: char, random: &mut Random, out: &mut String) {
    let short =
        [('"', '"'), ('\\', '\\'), ('/', '/'), ('\u{8}', 'b'), ('\u{c}', 'f'), ('\n', 'n'), ('\r', 'r'), ('\t', 't')];
    match short.iter().find(|(known, _)| *known == c).filter(|_| random.below(2) == 0) {
        Some((_, letter)) => out.extend(['\\', *letter]),
        None => {
            for unit in c.encode_utf16(&mut [0; 2]) {
                out.push_str(&if random.below(2) == 0 { format!("\\u{unit:04x}") } else { format!("\\u{unit:04X}") });
            }
        }
    }
}
