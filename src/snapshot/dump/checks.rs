//! What only shows once all rows are in: whether they fit together.

use rusqlite::{Connection, OptionalExtension, Row};

use super::LAST_EVENT_ID;
use crate::domain::Domain;
use crate::error::{Error, Result};
use crate::image::table::quote;
use crate::image::{Table, Value};
use crate::log;
use crate::projection::first_broken_reference;

/// `last_event_id` is the highest id of the log.
///
/// # Errors
///
/// Unprocessable, with both.
pub(super) fn check_head(conn: &Connection, last_event_id: i64) -> Result<()> {
    match log::head(conn)? {
        head if head == last_event_id => Ok(()),
        0 => Err(Error::unprocessable(format!("it is {last_event_id}, and event_log is empty")).at(LAST_EVENT_ID)),
        head => {
            let reason = format!("it is {last_event_id}, and the highest id of event_log is {head}");
            Err(Error::unprocessable(reason).at(LAST_EVENT_ID))
        }
    }
}

/// Every row refers to rows that are there.
///
/// # Errors
///
/// Unprocessable, with the key of the first that does not.
pub(super) fn check_references(conn: &Connection, table: &Table) -> Result<()> {
    let Some(broken) = first_broken_reference(conn, &table.name)? else { return Ok(()) };
    let mut place = table.name.clone();
    if let Some(key) = broken_key(conn, table)? {
        place = format!("{place}, the row with the key {key}");
    }
    Err(Error::unprocessable(broken).at(place))
}

/// A foreign key: the table it names, its columns here and there.
#[derive(Default)]
struct Reference {
    parent: String,
    here: Vec<String>,
    there: Vec<Option<String>>,
}

/// The key of a row that refers to nothing: the check of SQLite does not tell it for every table.
fn broken_key(conn: &Connection, table: &Table) -> Result<Option<String>> {
    for reference in references(conn, table)? {
        let parent = Table::read(conn, &reference.parent)?;
        let there = reference.there.iter().zip(parent.key_columns().map(Some).chain(std::iter::repeat(None)));
        let there = there.filter_map(|(named, key)| named.as_ref().or(key));
        let pairs: Vec<(String, &String)> = reference.here.iter().map(|name| quote(name)).zip(there).collect();
        let given: Vec<String> = pairs.iter().map(|(here, _)| format!("c.{here} IS NOT NULL")).collect();
        let same: Vec<String> = pairs.iter().map(|(here, there)| format!("p.{} = c.{here}", quote(there))).collect();
        let sql = format!(
            "SELECT {} FROM {} AS c WHERE {} AND NOT EXISTS (SELECT 1 FROM {} AS p WHERE {}) ORDER BY {} LIMIT 1",
            table.key_list(),
            table.quoted(),
            given.join(" AND "),
            parent.quoted(),
            same.join(" AND "),
            table.key_list(),
        );
        let columns = table.key.len();
        if let Some(key) = conn.query_row(&sql, [], |row| key(row, columns)).optional()? {
            return Ok(Some(key));
        }
    }
    Ok(None)
}

fn key(row: &Row<'_>, columns: usize) -> rusqlite::Result<String> {
    let value = |at| row.get_ref(at).map(|value| super::clipped(&Value::from(value).to_string()));
    Ok((0..columns).map(value).collect::<rusqlite::Result<Vec<_>>>()?.join(", "))
}

fn references(conn: &Connection, table: &Table) -> Result<Vec<Reference>> {
    let mut select =
        conn.prepare("SELECT id, \"table\", \"from\", \"to\" FROM pragma_foreign_key_list(?1) ORDER BY id, seq")?;
    let mut rows = select.query([&table.name])?;
    let mut found: Vec<(i64, Reference)> = Vec::new();
    while let Some(row) = rows.next()? {
        let id = row.get(0)?;
        if found.last().is_none_or(|(last, _)| *last != id) {
            found.push((id, Reference { parent: row.get(1)?, ..Reference::default() }));
        }
        if let Some((_, reference)) = found.last_mut() {
            reference.here.push(row.get(2)?);
            reference.there.push(row.get(3)?);
        }
    }
    Ok(found.into_iter().map(|(_, reference)| reference).collect())
}

/// Builds the full-text indexes anew: their triggers were off while the rows came.
///
/// # Errors
///
/// Where the database fails.
pub(super) fn rebuild_indexes(conn: &Connection, domain: &Domain) -> Result<()> {
    for index in &domain.full_text {
        let index = quote(&index.index);
        conn.execute(&format!("INSERT INTO {index}({index}) VALUES ('rebuild')"), [])?;
    }
    Ok(())
}
