//! What a projected table must be, so that its rows have an identity and a replay gives them again.

use rusqlite::{Connection, OptionalExtension};

use super::error::DomainError;
use super::normal::{Kind, tokens};
use super::schema::{Places, refuse};
use crate::error::Result;
use crate::image::Table;

/// Checks one table of the scratch database.
pub(super) fn check(conn: &Connection, table: &Table, all: &[Table], places: &Places<'_>) -> Result<()> {
    let name = &table.name;
    let strict: bool =
        conn.query_row("SELECT strict FROM pragma_table_list WHERE schema = 'main' AND name = ?1", [name], |row| {
            row.get(0)
        })?;
    if strict {
        let reason =
            format!("STRICT (table {name}) is newer than SQLite 3.31; other programs could not open the database");
        return Err(refuse(places, name, reason).hint("Write CHECK (typeof(column) = 'text') and the like.").into());
    }
    let place = places.get(&name.to_ascii_lowercase());
    if place.is_some_and(|statement| statement.tokens().iter().any(|token| token.is("AUTOINCREMENT"))) {
        let reason = format!("AUTOINCREMENT (table {name}) counts outside of the table, so a replay would differ");
        return Err(refuse(places, name, reason).hint("Take the id from :id, or leave the word out.").into());
    }
    check_key(conn, name, places)?;
    check_defaults(conn, name, places)?;
    check_references(conn, name, all, places)
}

/// The column that is another name of the rowid.
pub(super) fn rowid_alias(conn: &Connection, table: &str) -> rusqlite::Result<Option<String>> {
    conn.query_row(
        "SELECT max(name) FROM pragma_table_info(?1) WHERE pk > 0 \
         HAVING count(*) = 1 AND max(type) = 'INTEGER' COLLATE NOCASE \
         AND NOT EXISTS (SELECT 1 FROM pragma_index_list(?1) WHERE origin = 'pk')",
        [table],
        |row| row.get(0),
    )
    .optional()
}

/// Whether a table is WITHOUT ROWID.
pub(super) fn is_without_rowid(conn: &Connection, table: &str) -> rusqlite::Result<bool> {
    conn.query_row("SELECT wr FROM pragma_table_list WHERE schema = 'main' AND name = ?1", [table], |row| row.get(0))
}

/// The primary key is NOT NULL and compared in binary, ascending order.
fn check_key(conn: &Connection, table: &str, places: &Places<'_>) -> Result<()> {
    if rowid_alias(conn, table)?.is_some() {
        return Ok(());
    }
    let nullable: Option<String> = conn
        .query_row("SELECT name FROM pragma_table_info(?1) WHERE pk > 0 AND NOT \"notnull\"", [table], |row| row.get(0))
        .optional()?;
    if let Some(column) = nullable {
        let reason = format!("the column {column} of the primary key of {table} may be NULL, so rows have no identity");
        return Err(refuse(places, table, reason).hint("Write NOT NULL behind it.").into());
    }
    let odd: Option<String> = conn
        .query_row(
            "SELECT x.name FROM pragma_index_list(?1) AS i, pragma_index_xinfo(i.name) AS x \
             WHERE i.origin = 'pk' AND x.key AND (x.\"desc\" OR x.coll <> 'BINARY')",
            [table],
            |row| row.get(0),
        )
        .optional()?;
    match odd {
        Some(column) => {
            let reason = format!("the column {column} of the primary key of {table} is not in binary, ascending order");
            Err(refuse(places, table, reason).hint("Leave out COLLATE and DESC in the key.").into())
        }
        None => Ok(()),
    }
}

fn check_defaults(conn: &Connection, table: &str, places: &Places<'_>) -> Result<()> {
    let mut statement = conn
        .prepare("SELECT name, dflt_value FROM pragma_table_xinfo(?1) WHERE dflt_value IS NOT NULL AND hidden = 0")?;
    for default in statement.query_map([table], |row| Ok((row.get::<_, String>(0)?, row.get::<_, String>(1)?)))? {
        let (column, value) = default?;
        if !is_literal(&value) {
            let reason = format!("the DEFAULT of {table}.{column} is not a literal: {value}");
            return Err(refuse(places, table, reason).hint("Give the value in the handlers.").into());
        }
    }
    Ok(())
}

/// Whether it is a number, signed or not, a string, a blob, NULL, TRUE or FALSE.
fn is_literal(value: &str) -> bool {
    match tokens(value).as_slice() {
        [only] if only.kind == Kind::Literal => true,
        [only] if only.is("NULL") || only.is("TRUE") || only.is("FALSE") => true,
        _ => {
            let number = value.trim().trim_start_matches(['+', '-', ' ']);
            let hexadecimal = number.strip_prefix("0x").or_else(|| number.strip_prefix("0X"));
            let plain = number.starts_with(|c: char| c.is_ascii_digit() || c == '.') && number.parse::<f64>().is_ok();
            plain || hexadecimal.is_some_and(|digits| u64::from_str_radix(digits, 16).is_ok())
        }
    }
}

fn check_references(conn: &Connection, table: &str, all: &[Table], places: &Places<'_>) -> Result<()> {
    let mut statement = conn.prepare("SELECT \"table\" FROM pragma_foreign_key_list(?1)")?;
    for target in statement.query_map([table], |row| row.get::<_, String>(0))? {
        let target = target?;
        if !all.iter().any(|table| table.name.eq_ignore_ascii_case(&target)) {
            let error: DomainError =
                refuse(places, table, format!("{table} refers to {target}, which is not one of the domain's tables"));
            return Err(error.into());
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_default_is_a_literal() {
        for value in ["1", "-1", "+1.5e-3", ".5", "0x1F", "'a b'", "''", "x'00'", "NULL", "true", "FALSE"] {
            assert!(is_literal(value), "{value}");
        }
        for value in ["CURRENT_TIMESTAMP", "1+2", "random()", "abc", "\"abc\"", "'a' || 'b'", "inf", "nan", "-"] {
            assert!(!is_literal(value), "{value}");
        }
    }
}
