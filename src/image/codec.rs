//! One row as one line of JSON: an array of its values in the order of the columns.
//!
//! Columns are named once, in the manifest. The same row always gives the same bytes, so equal
//! rows have equal hashes whoever wrote them.

use rusqlite::Row;
use serde::Serializer;
use serde::ser::SerializeSeq;

use super::value::{Borrowed, Value};
use crate::error::{Error, Result};

/// Appends the line of a row, with its line end, to `line`.
///
/// # Errors
///
/// Where a value of the row cannot be read.
pub fn write_row(row: &Row<'_>, columns: usize, line: &mut Vec<u8>) -> Result<()> {
    let mut json = serde_json::Serializer::new(&mut *line);
    let mut array = json.serialize_seq(Some(columns)).map_err(writing)?;
    for column in 0..columns {
        array.serialize_element(&Borrowed(row.get_ref(column)?)).map_err(writing)?;
    }
    array.end().map_err(writing)?;
    line.push(b'\n');
    Ok(())
}

/// Appends the line of values that are already at hand.
///
/// # Errors
///
/// None in practice: memory takes whatever is written.
pub fn write_values(values: &[Value], line: &mut Vec<u8>) -> Result<()> {
    serde_json::to_writer(&mut *line, values).map_err(writing)?;
    line.push(b'\n');
    Ok(())
}

/// Reads the rows of a segment, each of `columns` values.
///
/// # Errors
///
/// Damaged where a line is no row of that many values. Its bytes were hashed before, so only a
/// segment that another program wrote can fail here.
pub fn read_rows(bytes: &[u8], columns: usize) -> Result<Vec<Vec<Value>>> {
    let mut rows = Vec::new();
    for line in bytes.split_inclusive(|&byte| byte == b'\n') {
        let row: Vec<Value> = serde_json::from_slice(line)
            .map_err(|source| Error::damaged("a stored row cannot be read").because(source))?;
        if row.len() != columns {
            return Err(Error::damaged(format!("a stored row has {} values, its table {columns} columns", row.len())));
        }
        rows.push(row);
    }
    Ok(rows)
}

/// Reads all values of a row.
///
/// # Errors
///
/// Where a value cannot be read.
pub fn row_values(row: &Row<'_>, columns: usize) -> rusqlite::Result<Vec<Value>> {
    (0..columns).map(|column| row.get_ref(column).map(Value::from)).collect()
}

fn writing(source: serde_json::Error) -> Error {
    Error::internal("a row cannot be written as JSON").because(source)
}
