//! What a column of a dump may hold: what SQLite keeps as it is given.
//!
//! A column with a declared type changes some values on their way in: text that reads as a number
//! becomes one, a number becomes text. In a table they cannot stand, so in a dump they are a
//! mistake, and would be lost without a word. Only an integer for a column of reals is taken:
//! programs that rewrite JSON make 1 of 1.0.

use std::borrow::Cow;

use rusqlite::types::{ToSql, ToSqlOutput, ValueRef};
use rusqlite::{Connection, OptionalExtension};
use serde::Deserialize;

use super::{LARGEST_ID, clipped};
use crate::error::{Error, Result};
use crate::image::table::quote;
use crate::image::{Table, Value};
use crate::snapshot::log_image::LOG;

/// The shortest way to write what is out of a double's range.
const INFINITE: &str = "1e999";
/// From here on a real is no 64-bit integer.
const TWO_TO_63: f64 = 9_223_372_036_854_775_808.0;

/// A value as a dump gives it.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Given<'a> {
    Null,
    Integer(i64),
    Real(f64),
    Text(Cow<'a, str>),
    Default(&'a Value),
}

impl ToSql for Given<'_> {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(ToSqlOutput::Borrowed(match self {
            Self::Null => ValueRef::Null,
            Self::Integer(integer) => ValueRef::Integer(*integer),
            Self::Real(real) => ValueRef::Real(*real),
            Self::Text(text) => ValueRef::Text(text.as_bytes()),
            Self::Default(value) => value.as_ref(),
        }))
    }
}

#[derive(Deserialize)]
struct Text<'a>(#[serde(borrow)] Cow<'a, str>);

impl<'a> Given<'a> {
    /// Reads one JSON value.
    ///
    /// # Errors
    ///
    /// Malformed where it is not JSON; unprocessable where it is not a value of a row.
    pub(super) fn read(json: &'a str) -> Result<Self> {
        match json.as_bytes().first() {
            Some(b'n') => Ok(Self::Null),
            Some(b'"') => {
                let text: Text<'a> = serde_json::from_str(json).map_err(|error| Error::malformed(words(&error)))?;
                Ok(Self::Text(text.0))
            }
            Some(b'-' | b'0'..=b'9') => Self::number(json),
            Some(b't' | b'f') => Err(Error::unprocessable("true and false are no values of a row; SQLite has 1 and 0")),
            _ => Err(Error::unprocessable("a list or an object is no value of a row")),
        }
    }

    fn number(json: &str) -> Result<Self> {
        let refuse = |reason: &str| Err(Error::unprocessable(format!("{} is {reason}", clipped(json))));
        if !json.contains(['.', 'e', 'E']) {
            return json.parse().map(Self::Integer).or_else(|_| refuse("an integer of more than 64 bits"));
        }
        match json.parse::<f64>() {
            Ok(real) if real.is_finite() || is_infinity(json) => Ok(Self::Real(real)),
            Ok(_) => refuse("beyond what a real number holds"),
            Err(_) => refuse("no number"),
        }
    }
}

/// Some programs write it as `1E+999`.
fn is_infinity(json: &str) -> bool {
    json.trim_start_matches('-').replace('+', "").eq_ignore_ascii_case(INFINITE)
}

/// What serde says, without the place, which is told in front.
pub(super) fn words(error: &serde_json::Error) -> String {
    let words = error.to_string();
    let place = format!(" at line {} column {}", error.line(), error.column());
    words.strip_suffix(&place).unwrap_or(&words).to_owned()
}

/// What a declared type does to values, by the rules of SQLite.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Affinity {
    Integer,
    Text,
    Blob,
    Real,
    Numeric,
}

impl Affinity {
    fn of(declared: &str) -> Self {
        let declared = declared.to_ascii_uppercase();
        let has = |words: &[&str]| words.iter().any(|word| declared.contains(word));
        match () {
            () if has(&["INT"]) => Self::Integer,
            () if has(&["CHAR", "CLOB", "TEXT"]) => Self::Text,
            () if declared.is_empty() || has(&["BLOB"]) => Self::Blob,
            () if has(&["REAL", "FLOA", "DOUB"]) => Self::Real,
            () => Self::Numeric,
        }
    }
}

/// A column of a table.
#[derive(Debug)]
pub(super) struct Column {
    /// Its name.
    pub(super) name: String,
    /// What stands where a row leaves it out; none: it may not.
    pub(super) default: Option<Value>,
    affinity: Affinity,
    is_key: bool,
    is_event_id: bool,
}

impl Column {
    /// The columns of a table, in its order.
    ///
    /// # Errors
    ///
    /// Where the database fails.
    pub(super) fn of(conn: &Connection, table: &Table) -> Result<Vec<Self>> {
        let column = |(at, name): (usize, &String)| Self::read(conn, table, at, name);
        table.columns.iter().enumerate().map(column).collect()
    }

    fn read(conn: &Connection, table: &Table, at: usize, name: &str) -> Result<Self> {
        let mut select = conn.prepare_cached("SELECT type, dflt_value FROM pragma_table_xinfo(?1) WHERE name = ?2")?;
        let (declared, default): (String, Option<String>) =
            select.query_row([&table.name, name], |row| Ok((row.get(0)?, row.get(1)?)))?;
        let is_log = table.name == LOG;
        // The moment at which a dump is read is not the moment of its events.
        let default = default.filter(|_| !(is_log && name == "ts"));
        let is_key = table.key.contains(&at);
        Ok(Self {
            name: name.to_owned(),
            default: default.map(|sql| literal(conn, &sql)).transpose()?.flatten(),
            affinity: Affinity::of(&declared),
            is_key,
            is_event_id: is_log && is_key,
        })
    }

    /// Refuses what this column would not keep as it is.
    ///
    /// # Errors
    ///
    /// Unprocessable, with the reason.
    pub(super) fn check(&self, value: &Given<'_>) -> Result<()> {
        match self.objection(value) {
            Some(reason) => Err(Error::unprocessable(reason)),
            None => Ok(()),
        }
    }

    fn objection(&self, value: &Given<'_>) -> Option<String> {
        match (value, self.affinity) {
            (Given::Null, _) if self.is_key => Some("null is no key".to_owned()),
            (Given::Integer(id), _) if self.is_event_id && !(1..=LARGEST_ID).contains(id) => {
                Some(format!("{id} is no id of an event"))
            }
            (Given::Integer(_) | Given::Real(_), Affinity::Text) => {
                Some("a number stands where text belongs".to_owned())
            }
            (Given::Real(real), Affinity::Integer | Affinity::Numeric) if is_whole(*real) => {
                Some(format!("{real:?} stands where an integer belongs"))
            }
            (Given::Text(text), Affinity::Integer | Affinity::Numeric | Affinity::Real) if reads_as_number(text) => {
                Some("text stands where a number belongs".to_owned())
            }
            _ => None,
        }
    }
}

fn literal(conn: &Connection, sql: &str) -> rusqlite::Result<Option<Value>> {
    conn.query_row(&format!("SELECT {sql}"), [], |row| row.get_ref(0).map(Value::from)).optional()
}

fn is_whole(real: f64) -> bool {
    real.fract() == 0.0 && real.abs() < TWO_TO_63
}

/// Whether SQLite takes a text for a number.
fn reads_as_number(text: &str) -> bool {
    let blank = |c: char| matches!(c, ' ' | '\t' | '\n' | '\r' | '\x0b' | '\x0c');
    let text = text.trim_matches(blank);
    // Rust also reads words, such as inf.
    text.chars().all(|c| c.is_ascii_digit() || matches!(c, '+' | '-' | '.' | 'e' | 'E')) && text.parse::<f64>().is_ok()
}

/// The statement that puts a row of these columns into a table.
pub(super) fn insertion(table: &Table) -> String {
    let marks = vec!["?"; table.columns.len()].join(", ");
    format!("INSERT INTO {} ({}) VALUES ({marks})", quote(&table.name), table.column_list())
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]
    use super::*;

    const TYPES: [&str; 9] = ["INTEGER", "BIGINT", "TEXT", "VARCHAR(9)", "", "BLOB", "REAL", "DOUBLE", "NUMERIC"];

    #[test]
    fn what_a_column_takes_is_what_sqlite_keeps() {
        let conn = Connection::open_in_memory().unwrap();
        let texts = ["", "a", "1", " 1\n", "-1.5", "+1", "1.", ".5", ".", "1e5", "1e", "0x1F", "inf", "1 2", "\u{a0}1"];
        let reals = [0.0, 1.0, -1.5, 1e16, 1e300, f64::INFINITY, 0.1 + 0.2];
        let mut values: Vec<Given<'_>> = texts.into_iter().map(|text| Given::Text(text.into())).collect();
        values.extend(reals.map(Given::Real));
        values.extend([0, 1, i64::MAX, i64::MIN].map(Given::Integer));
        for (at, declared) in TYPES.into_iter().enumerate() {
            conn.execute_batch(&format!("CREATE TABLE t{at} (id INTEGER PRIMARY KEY, a {declared})")).unwrap();
            let column = &Column::of(&conn, &Table::read(&conn, &format!("t{at}")).unwrap()).unwrap()[1];
            for value in &values {
                let sql = format!("INSERT INTO t{at} (a) VALUES (?1) RETURNING a");
                let kept: Value = conn.query_row(&sql, [value], |row| Ok(row.get_ref(0)?.into())).unwrap();
                let same = kept.as_ref()
                    == match value.to_sql().unwrap() {
                        ToSqlOutput::Borrowed(given) => given,
                        _ => unreachable!(),
                    };
                let lenient = column.affinity == Affinity::Real && matches!(value, Given::Integer(_));
                assert_eq!(column.check(value).is_ok(), same || lenient, "{value:?} in a column {declared:?}");
            }
        }
    }

    fn number(json: &str) -> Result<Given<'_>, String> {
        Given::read(json).map_err(|error| error.message().to_owned())
    }

    #[test]
    fn numbers_are_read_to_the_last_bit_or_refused() {
        assert_eq!(number("9223372036854775807"), Ok(Given::Integer(i64::MAX)));
        assert_eq!(number("-9223372036854775808"), Ok(Given::Integer(i64::MIN)));
        assert_eq!(number("0.30000000000000004"), Ok(Given::Real(0.1 + 0.2)));
        assert_eq!(number("5e-324"), Ok(Given::Real(f64::from_bits(1))));
        assert_eq!(number("1e999"), Ok(Given::Real(f64::INFINITY)));
        assert_eq!(number("-1E+999"), Ok(Given::Real(f64::NEG_INFINITY)));
        for refused in ["9223372036854775808", "-9223372036854775809", "1e400", "-1e1000", "true", "[]", "{}"] {
            assert!(number(refused).is_err(), "{refused}");
        }
    }
}
