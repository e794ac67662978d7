//! The copy of the domain that the database keeps: every command follows it.

use std::collections::BTreeMap;

use rusqlite::Connection;

use crate::domain::Domain;
use crate::error::Result;

/// The domain that the tables of this database follow; none in a new database.
///
/// # Errors
///
/// Where the database fails or the copy no longer passes the checks of a domain.
pub fn load(conn: &Connection) -> Result<Option<Domain>> {
    let mut statement = conn.prepare("SELECT path, content FROM backstitch_domain")?;
    let files: BTreeMap<String, String> =
        statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?.collect::<rusqlite::Result<_>>()?;
    if files.is_empty() { Ok(None) } else { Domain::from_files(files).map(Some) }
}

/// Puts the copy in place of the one before.
///
/// # Errors
///
/// Where the database fails.
pub fn keep(conn: &Connection, domain: &Domain) -> Result<()> {
    conn.execute("DELETE FROM backstitch_domain", [])?;
    let mut insert = conn.prepare("INSERT INTO backstitch_domain (path, content) VALUES (?1, ?2)")?;
    for file in domain.files() {
        insert.execute(file)?;
    }
    conn.execute("UPDATE backstitch_state SET logic = ?1", [domain.logic.to_string()])?;
    Ok(())
}
