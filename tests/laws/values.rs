//! Random values: every type of SQLite, and the ones that are easily lost on the way.

use backstitch::image::Value;
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;

/// Any value that a row can hold.
pub fn value() -> impl Strategy<Value = Value> {
    prop_oneof![
        1 => Just(Value::Null),
        3 => integer().prop_map(Value::Integer),
        3 => real().prop_map(Value::Real),
        4 => text().prop_map(Value::Text),
        2 => vec(any::<u8>(), 0..6).prop_map(Value::Blob),
    ]
}

fn integer() -> impl Strategy<Value = i64> {
    let far = 1_i64 << 53;
    prop_oneof![any::<i64>(), -2..3_i64, select(vec![i64::MIN, i64::MAX, far, far + 1, -far - 1])]
}

fn real() -> impl Strategy<Value = f64> {
    let known = vec![
        0.0,
        -0.0,
        1.0,
        0.1 + 0.2,
        1e16,
        9.3e18,
        9_223_372_036_854_775_808.0,
        f64::MIN_POSITIVE,
        f64::MIN_POSITIVE / 3.0,
        f64::from_bits(1),
        f64::MAX,
        f64::MIN,
        f64::INFINITY,
        f64::NEG_INFINITY,
    ];
    let any_bits = any::<u64>().prop_map(f64::from_bits).prop_map(|real| if real.is_nan() { 0.5 } else { real });
    prop_oneof![select(known), any_bits]
}

fn text() -> impl Strategy<Value = Vec<u8>> {
    let known = vec!["", "\0", "a\0b", "1", "1.0", " 12 ", "1e400", "-0", "null", "\n\r\"\\", "\u{feff}", "\u{10ffff}"];
    prop_oneof![
        select(known).prop_map(|text| text.as_bytes().to_vec()),
        vec(any::<char>(), 0..6).prop_map(|characters| characters.into_iter().collect::<String>().into_bytes()),
        vec(any::<u8>(), 0..6),
    ]
}

/// One of a few hundred keys of mixed types, some of them equal (1 and 1.0), some at the ends.
pub fn key(seed: u16) -> Value {
    let number = i64::from(seed / 4 % 300);
    match (seed % 4, number) {
        (0, 0) => Value::Integer(i64::MAX),
        (1, 0) => Value::Real(9_223_372_036_854_775_808.0),
        (0, 1) => Value::Integer((1 << 53) + 1),
        (1, 1) => Value::Real(9_007_199_254_740_992.0),
        (1, 2) => Value::Real(f64::NEG_INFINITY),
        (2, 3) => Value::Text(vec![0xff, 0]),
        (0, _) => Value::Integer(number),
        (1, _) => Value::Real(number as f64 / 2.0),
        (2, _) => Value::Text(number.to_string().into_bytes()),
        _ => Value::Blob(number.to_string().into_bytes()),
    }
}
