//! One row: an object with a value for each column.

use std::borrow::Cow;
use std::fmt;

use rusqlite::{Connection, Statement, params_from_iter};
use serde::Deserialize;
use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, Visitor};
use serde_json::value::RawValue;

use super::clipped;
use super::column::{Column, Given, insertion, words};
use crate::error::{Error, Result};
use crate::image::Table;

/// A table that rows are put into.
pub(super) struct Target<'c> {
    columns: Vec<Column>,
    insert: Statement<'c>,
}

impl<'c> Target<'c> {
    /// Prepares a table.
    ///
    /// # Errors
    ///
    /// Where the database fails.
    pub(super) fn new(conn: &'c Connection, table: &Table) -> Result<Self> {
        Ok(Self { columns: Column::of(conn, table)?, insert: conn.prepare(&insertion(table))? })
    }

    /// Puts in the row that this JSON says.
    ///
    /// # Errors
    ///
    /// Malformed or unprocessable with the column or the constraint; the row's place is the
    /// caller's to say.
    pub(super) fn put(&mut self, json: &str) -> Result<(), Misfit> {
        if !json.starts_with('{') {
            return Err(Error::unprocessable("a row is an object with a value for each column").into());
        }
        let mut parser = serde_json::Deserializer::from_str(json);
        let pairs = Pairs { most: self.columns.len() + 1 }.deserialize(&mut parser);
        let pairs = pairs.map_err(|error| Error::malformed(words(&error)))?;
        let values = values(&self.columns, &pairs)?;
        self.insert.execute(params_from_iter(&values)).map(drop).map_err(|error| refused(error).into())
    }
}

/// Why a row is refused, and in which column where that is known.
pub(super) struct Misfit {
    column: Option<String>,
    error: Error,
}

impl Misfit {
    /// The error with its place: that of the row is given.
    pub(super) fn at(self, row: &str) -> Error {
        match self.column {
            Some(column) => self.error.at(format!("{row}, column {column}")),
            None => self.error.at(row),
        }
    }
}

impl From<Error> for Misfit {
    fn from(error: Error) -> Self {
        Self { column: None, error }
    }
}

/// The values in the order of the columns.
fn values<'a>(columns: &'a [Column], pairs: &[(Cow<'a, str>, &'a RawValue)]) -> Result<Vec<Given<'a>>, Misfit> {
    let mut found: Vec<Option<Given<'a>>> = columns.iter().map(|_| None).collect();
    for (name, json) in pairs {
        let known = columns.iter().zip(&mut found).find(|(column, _)| column.name == *name);
        let refuse = |error: Error| Misfit { column: Some(clipped(name)), error };
        match known {
            None => return Err(refuse(Error::unprocessable("the table has no such column"))),
            Some((_, Some(_))) => return Err(refuse(Error::unprocessable("it stands twice in the row"))),
            Some((column, free)) => {
                let value = Given::read(json.get()).and_then(|value| column.check(&value).map(|()| value));
                *free = Some(value.map_err(refuse)?);
            }
        }
    }
    let or_default = |(column, value): (&'a Column, Option<Given<'a>>)| {
        value.or(column.default.as_ref().map(Given::Default)).ok_or_else(|| Misfit {
            column: Some(column.name.clone()),
            error: Error::unprocessable("the row leaves it out, and it has no default"),
        })
    };
    columns.iter().zip(found).map(or_default).collect()
}

/// A constraint is the row's matter, anything else the machine's.
fn refused(error: rusqlite::Error) -> Error {
    use rusqlite::ErrorCode::{ConstraintViolation, TooBig, TypeMismatch};
    match &error {
        rusqlite::Error::SqliteFailure(code, Some(words))
            if matches!(code.code, ConstraintViolation | TypeMismatch | TooBig) =>
        {
            Error::unprocessable(words.clone())
        }
        _ => Error::from(error),
    }
}

#[derive(Deserialize)]
struct Name<'a>(#[serde(borrow)] Cow<'a, str>);

/// The keys and values of an object, as they are written.
///
/// One more than there are columns is enough to find one that is unknown or stands twice; the rest
/// is only read past, since keys can be far shorter than what it takes to keep them.
struct Pairs {
    most: usize,
}

impl<'de> DeserializeSeed<'de> for Pairs {
    type Value = Vec<(Cow<'de, str>, &'de RawValue)>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for Pairs {
    type Value = Vec<(Cow<'de, str>, &'de RawValue)>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a row")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut pairs = Vec::with_capacity(self.most);
        while pairs.len() < self.most {
            match map.next_entry::<Name<'de>, &'de RawValue>()? {
                Some((name, value)) => pairs.push((name.0, value)),
                None => return Ok(pairs),
            }
        }
        while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok(pairs)
    }
}
