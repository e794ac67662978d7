//! Rows to a dump, as the original writes one: the same keys in the same order, the same blanks, and
//! ASCII only, since its reader takes the encoding of its machine.

use std::io::{self, Write};

use serde::Serialize;
use serde_json::ser::Formatter;

use super::{LAST_EVENT_ID, LONGEST_ROW, clipped};
use crate::error::{Error, Result};
use crate::image::{Rows, Value};
use crate::progress::Progress;

/// A table to be written.
pub struct Source<'a> {
    /// Its name.
    pub name: &'a str,
    /// The columns, in the order of a row's values.
    pub columns: &'a [String],
    /// Its rows.
    pub rows: &'a dyn Rows,
}

/// Writes a dump of these tables: the log, then those of the domain. One segment is in memory at a
/// time.
///
/// What cannot be said is found while it is written; who has to know before writes to
/// [`io::sink`] first.
///
/// # Errors
///
/// Unprocessable, with table, row and column, where a value has no form in a dump; damaged where
/// rows are not what was written; what `out` answers.
pub fn write(out: &mut dyn Write, last_event_id: i64, tables: &[Source<'_>], progress: &Progress) -> Result<()> {
    write!(out, "{{\"{LAST_EVENT_ID}\": {last_event_id}")?;
    for table in tables {
        let rows = table.rows.segments().iter().map(|segment| segment.rows).sum();
        let mut work = progress.begin(&format!("writing {}", table.name), Some(rows));
        let mut json = json_of(table.columns)?;
        out.write_all(b", ")?;
        out.write_all(&ascii(table.name)?)?;
        out.write_all(b": [")?;
        json.write_rows(out, table, &mut |rows| work.advance(rows))?;
        out.write_all(b"]")?;
    }
    out.write_all(b"}")?;
    Ok(out.flush()?)
}

/// The rows of one table as JSON.
struct Json {
    /// What stands before each value: the comma or the bracket, the name, the colon.
    before: Vec<Vec<u8>>,
    line: Vec<u8>,
}

fn json_of(columns: &[String]) -> Result<Json> {
    let before = columns.iter().enumerate().map(|(at, name)| {
        let start: &[u8] = if at == 0 { b"{" } else { b", " };
        Ok([start, &ascii(name)?, b": "].concat())
    });
    Ok(Json { before: before.collect::<Result<_>>()?, line: Vec::new() })
}

impl Json {
    fn write_rows(&mut self, out: &mut dyn Write, table: &Source<'_>, progress: &mut dyn FnMut(u64)) -> Result<()> {
        let mut number = 0_u64;
        for segment in table.rows.segments() {
            for row in table.rows.read(segment)? {
                number += 1;
                if number > 1 {
                    out.write_all(b", ")?;
                }
                self.fill(table, &row, number)?;
                out.write_all(&self.line)?;
                progress(1);
            }
        }
        Ok(())
    }

    fn fill(&mut self, table: &Source<'_>, row: &[Value], number: u64) -> Result<()> {
        let place = || place(table, row, number);
        if row.len() != self.before.len() {
            let reason = format!("it has {} values, its table {} columns", row.len(), self.before.len());
            return Err(Error::damaged(reason).at(place()));
        }
        self.line.clear();
        for ((before, value), column) in self.before.iter().zip(row).zip(table.columns) {
            self.line.extend_from_slice(before);
            let written = write_value(&mut self.line, value);
            written.map_err(|error| error.at(format!("{}, column {column}", place())))?;
        }
        self.line.push(b'}');
        if self.line.len() as u64 > LONGEST_ROW {
            let reason = format!("a row of a dump has at most {LONGEST_ROW} bytes, this one {}.", self.line.len());
            return Err(unsayable(reason).at(place()));
        }
        Ok(())
    }
}

/// Rows are counted in the order of the dump; most tables begin with their key.
fn place(table: &Source<'_>, row: &[Value], number: u64) -> String {
    match table.columns.first().zip(row.first()) {
        Some((column, value)) => format!("{}, row {number} ({column} {})", table.name, clipped(&value.to_string())),
        None => format!("{}, row {number}", table.name),
    }
}

fn write_value(line: &mut Vec<u8>, value: &Value) -> Result<()> {
    match value {
        Value::Null => line.extend_from_slice(b"null"),
        Value::Integer(integer) => write!(line, "{integer}")?,
        Value::Real(real) if real.is_finite() => serde_json::to_writer(line, real).map_err(unwritable)?,
        Value::Real(real) if *real > 0.0 => line.extend_from_slice(b"1e999"),
        Value::Real(_) => line.extend_from_slice(b"-1e999"),
        Value::Text(text) => match std::str::from_utf8(text) {
            Ok(text) => write_ascii(line, text)?,
            Err(_) => return Err(unsayable("a text that is not UTF-8 has no form in a dump.")),
        },
        Value::Blob(_) => return Err(unsayable("a blob has no form in a dump.")),
    }
    Ok(())
}

fn unsayable(reason: impl Into<String>) -> Error {
    Error::unprocessable(reason)
        .hint("Take a snapshot in chunks, or copy the store as an SQLite file: both hold every value.")
}

fn ascii(text: &str) -> Result<Vec<u8>> {
    let mut bytes = Vec::new();
    write_ascii(&mut bytes, text)?;
    Ok(bytes)
}

fn write_ascii(line: &mut Vec<u8>, text: &str) -> Result<()> {
    text.serialize(&mut serde_json::Serializer::with_formatter(line, Ascii)).map_err(unwritable)
}

/// Python escapes it too.
const DELETE: char = '\x7f';

/// Writes what is beyond ASCII as escapes.
struct Ascii;

impl Formatter for Ascii {
    fn write_string_fragment<W: ?Sized + Write>(&mut self, writer: &mut W, fragment: &str) -> io::Result<()> {
        let mut written = 0;
        for (at, beyond) in fragment.char_indices().filter(|(_, c)| !(*c).is_ascii() || *c == DELETE) {
            writer.write_all(&fragment.as_bytes()[written..at])?;
            for unit in beyond.encode_utf16(&mut [0; 2]) {
                write!(writer, "\\u{unit:04x}")?;
            }
            written = at + beyond.len_utf8();
        }
        writer.write_all(&fragment.as_bytes()[written..])
    }
}

fn unwritable(source: serde_json::Error) -> Error {
    Error::internal("a row cannot be written as JSON").because(source)
}
