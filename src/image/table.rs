//! What an image needs to know of a table: its stored columns and its primary key.
//!
//! Generated columns are left out: they follow from the others. Rowids are left out too, since
//! VACUUM may renumber them; so a table without a declared primary key has no identity and is
//! refused.

use rusqlite::Connection;

use crate::error::{Error, Result};

/// A table as images see it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Table {
    /// Its name, unquoted.
    pub name: String,
    /// Stored columns in declared order; generated ones are left out.
    pub columns: Vec<String>,
    /// Where the primary key's columns stand in `columns`, in the key's own order.
    pub key: Vec<usize>,
}

impl Table {
    /// Describes a table of the main schema of `conn`.
    ///
    /// # Errors
    ///
    /// Not found where there is no such table; unprocessable where it has no primary key.
    pub fn read(conn: &Connection, name: &str) -> Result<Self> {
        let mut statement =
            conn.prepare_cached("SELECT name, pk FROM pragma_table_xinfo(?1) WHERE hidden = 0 ORDER BY cid")?;
        let columns: Vec<(String, usize)> = statement
            .query_map([name], |row| Ok((row.get(0)?, row.get::<_, i64>(1)? as usize)))?
            .collect::<rusqlite::Result<_>>()?;
        if columns.is_empty() {
            return Err(Error::not_found(format!("there is no table {name}")));
        }
        let mut key: Vec<(usize, usize)> =
            columns.iter().enumerate().filter(|(_, (_, pk))| *pk > 0).map(|(at, (_, pk))| (*pk, at)).collect();
        if key.is_empty() {
            return Err(Error::unprocessable(format!("table {name} has no primary key, so its rows have no identity")));
        }
        key.sort_unstable();
        Ok(Self {
            name: name.to_owned(),
            columns: columns.into_iter().map(|(name, _)| name).collect(),
            key: key.into_iter().map(|(_, at)| at).collect(),
        })
    }

    /// The columns, quoted and separated by commas.
    pub fn column_list(&self) -> String {
        quoted_list(self.columns.iter())
    }

    /// The key's columns, quoted and separated by commas.
    pub fn key_list(&self) -> String {
        quoted_list(self.key_columns())
    }

    /// The names of the key's columns, in the key's order.
    pub fn key_columns(&self) -> impl Iterator<Item = &String> {
        self.key.iter().map(|&at| &self.columns[at])
    }

    /// The table's name, quoted.
    pub fn quoted(&self) -> String {
        quote(&self.name)
    }
}

/// An SQL identifier in double quotes.
pub fn quote(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

fn quoted_list<'a>(names: impl Iterator<Item = &'a String>) -> String {
    names.map(|name| quote(name)).collect::<Vec<_>>().join(", ")
}
