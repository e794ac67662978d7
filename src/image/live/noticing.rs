//! How changes of rows are noticed: temporary triggers on the writer's connection, which call back
//! into this program with the key of each row that comes, goes or changes.
//!
//! SQLite's own hooks do not do: the update hook is silent for tables WITHOUT ROWID, for rows that a
//! REPLACE deletes and for a DELETE without WHERE, and the pre-update hook is not in every build.
//! Temporary triggers see all of these (`recursive_triggers` is on where we write), what a foreign
//! key's action does too, and they stay on where the others are switched off to restore rows
//! quietly. They fire before the triggers of the schema, so that none can keep them from it.
//!
//! They are of this connection alone: no other program meets them, and no copy has them.

use rusqlite::Connection;
use rusqlite::functions::FunctionFlags;

use super::{Key, LiveImages};
use crate::error::Result;
use crate::image::table::quote;
use crate::image::{Table, Value};

/// Only temporary triggers and this program can call it: neither the schema nor, since domains may
/// call what is on their list alone, a handler.
const FUNCTION: &str = "backstitch_row_changed";
const PREFIX: &str = "backstitch_live_";

/// Has every change of these tables noticed from here on, and no other.
pub(super) fn install(conn: &Connection, live: &LiveImages, tables: &[Table], generation: u64) -> Result<()> {
    let live = live.clone();
    let flags = FunctionFlags::SQLITE_UTF8 | FunctionFlags::SQLITE_DIRECTONLY;
    conn.create_scalar_function(FUNCTION, -1, flags, move |call| {
        let key: Key = (2..call.len()).map(|at| Value::from(call.get_raw(at))).collect();
        live.mark(call.get(0)?, call.get(1)?, key);
        Ok(None::<i64>)
    })?;
    let mut sql = drops(conn)?;
    for (number, table) in tables.iter().enumerate() {
        sql.extend(triggers(number, table, generation));
    }
    // One transaction, so that none is there where one cannot be made.
    conn.execute_batch(&format!("SAVEPOINT noticing;\n{sql}RELEASE noticing;")).inspect_err(|_| {
        let _ = conn.execute_batch("ROLLBACK TO noticing; RELEASE noticing");
    })?;
    Ok(())
}

/// Has nothing noticed any more on a connection, until the next view: where all rows are about to go,
/// telling of each would cost more than reading those that come. A rollback takes this back.
///
/// # Errors
///
/// Where the database fails.
pub fn stop(conn: &Connection) -> Result<()> {
    Ok(conn.execute_batch(&drops(conn)?)?)
}

/// Drops whatever triggers of this kind there are.
fn drops(conn: &Connection) -> Result<String> {
    let sql = "SELECT name FROM temp.sqlite_schema WHERE type = 'trigger' AND name GLOB ?1 || '*'";
    let mut select = conn.prepare_cached(sql)?;
    let names = select.query_map([PREFIX], |row| row.get::<_, String>(0))?;
    let drops = names.map(|name| Ok(format!("DROP TRIGGER IF EXISTS temp.{};\n", quote(&name?))));
    Ok(drops.collect::<rusqlite::Result<_>>()?)
}

/// Whether the triggers of a generation are all on a connection.
pub(super) fn are_installed(conn: &Connection, tables: usize, generation: u64) -> Result<bool> {
    let sql = "SELECT count(*) FROM temp.sqlite_schema WHERE type = 'trigger' AND name GLOB ?1 || '*'";
    let found: i64 = conn.prepare_cached(sql)?.query_row([names(generation)], |row| row.get(0))?;
    Ok(usize::try_from(found) == Ok(tables * CHANGES.len()))
}

/// How a row changes, and which of its two states have a key to tell.
const CHANGES: [(&str, &[&str]); 3] = [("INSERT", &["new"]), ("UPDATE", &["old", "new"]), ("DELETE", &["old"])];

fn triggers(number: usize, table: &Table, generation: u64) -> impl Iterator<Item = String> {
    CHANGES.into_iter().map(move |(change, states)| {
        let call = |state: &&str| {
            let key: String = table.key_columns().map(|column| format!(", {state}.{}", quote(column))).collect();
            format!("SELECT {FUNCTION}({generation}, {number}{key}); ")
        };
        let calls: String = states.iter().map(call).collect();
        let name = quote(&format!("{}{number}_{change}", names(generation)));
        format!("CREATE TEMP TRIGGER {name} AFTER {change} ON main.{} BEGIN {calls}END;\n", table.quoted())
    })
}

fn names(generation: u64) -> String {
    format!("{PREFIX}{generation}_")
}
