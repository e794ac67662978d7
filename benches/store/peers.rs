//! What the store is compared with: a copy by `VACUUM INTO`, and the plain way of a program that
//! dumps its tables into one JSON file and reads it back row by row.

use std::fs::{self, File};
use std::path::Path;

use rusqlite::types::{ToSqlOutput, ValueRef};
use rusqlite::{Connection, ToSql};
use serde_json::{Map, Value};

/// The log, then the projected tables, children before parents where rows are deleted in order.
const TABLES: [&str; 11] = [
    "event_log",
    "memories",
    "activity",
    "classifier_failures",
    "chat_state",
    "scenes",
    "containers",
    "chats",
    "edges",
    "bots",
    "you_entity",
];

pub(crate) fn open(folder: &Path) -> Connection {
    let conn = Connection::open(folder.join("backstitch.db")).unwrap();
    conn.execute_batch("PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON").unwrap();
    conn.set_prepared_statement_cache_capacity(64);
    conn
}

/// A durable copy of the database.
pub(crate) fn vacuum_into(conn: &Connection, copy: &Path) {
    conn.execute("VACUUM INTO ?1", [copy.to_str().unwrap()]).unwrap();
    File::open(copy).unwrap().sync_all().unwrap();
}

/// One JSON file with every row of every table as an object.
pub(crate) fn dump(conn: &Connection, file: &Path) {
    let mut dump = Map::new();
    let last: i64 = conn.query_row("SELECT coalesce(max(id), 0) FROM event_log", [], |row| row.get(0)).unwrap();
    dump.insert("last_event_id".into(), last.into());
    for table in TABLES {
        dump.insert(table.into(), Value::Array(rows(conn, table)));
    }
    let text = serde_json::to_string(&dump).unwrap();
    fs::write(file, text).unwrap();
}

fn rows(conn: &Connection, table: &str) -> Vec<Value> {
    let mut info = conn.prepare(&format!("PRAGMA table_info({table})")).unwrap();
    let columns: Vec<String> = info.query_map([], |row| row.get(1)).unwrap().map(Result::unwrap).collect();
    let mut select = conn.prepare(&format!("SELECT {} FROM {table}", columns.join(", "))).unwrap();
    let rows = select.query_map([], |row| {
        let values = columns.iter().enumerate().map(|(at, name)| Ok((name.clone(), json(row.get_ref(at)?))));
        Ok(Value::Object(values.collect::<rusqlite::Result<_>>()?))
    });
    rows.unwrap().map(Result::unwrap).collect()
}

fn json(value: ValueRef<'_>) -> Value {
    match value {
        ValueRef::Null => Value::Null,
        ValueRef::Integer(integer) => integer.into(),
        ValueRef::Real(real) => real.into(),
        ValueRef::Text(text) | ValueRef::Blob(text) => String::from_utf8_lossy(text).into_owned().into(),
    }
}

pub(crate) fn parse(file: &Path) -> Value {
    serde_json::from_slice(&fs::read(file).unwrap()).unwrap()
}

/// Empties the tables and inserts the rows of a dump, triggers on; with `log`, the log too.
pub(crate) fn reload(conn: &Connection, file: &Path, log: bool) {
    let dump = parse(file);
    let tables = if log { &TABLES[..] } else { &TABLES[1..] };
    conn.execute_batch("BEGIN IMMEDIATE; PRAGMA defer_foreign_keys = ON").unwrap();
    if log {
        conn.execute_batch("DROP TRIGGER event_log_ids_only_grow; DROP TRIGGER event_log_deleted").unwrap();
    }
    for table in tables {
        conn.execute(&format!("DELETE FROM {table}"), []).unwrap();
    }
    for table in tables {
        for row in dump[table].as_array().unwrap() {
            insert(conn, table, row.as_object().unwrap());
        }
    }
    conn.execute_batch("COMMIT").unwrap();
}

fn insert(conn: &Connection, table: &str, row: &Map<String, Value>) {
    let columns: Vec<&str> = row.keys().map(String::as_str).collect();
    let marks = vec!["?"; columns.len()].join(", ");
    let sql = format!("INSERT INTO {table} ({}) VALUES ({marks})", columns.join(", "));
    conn.prepare_cached(&sql).unwrap().execute(rusqlite::params_from_iter(row.values().map(Bound))).unwrap();
}

struct Bound<'a>(&'a Value);

impl ToSql for Bound<'_> {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(match self.0 {
            Value::Null => ToSqlOutput::Borrowed(ValueRef::Null),
            Value::Number(number) => match number.as_i64() {
                Some(integer) => ToSqlOutput::from(integer),
                None => ToSqlOutput::from(number.as_f64().unwrap_or_default()),
            },
            Value::String(text) => ToSqlOutput::Borrowed(ValueRef::Text(text.as_bytes())),
            other => ToSqlOutput::from(other.to_string()),
        })
    }
}

/// Whether a snapshot is due: the newest dump is read for the one number at its head.
pub(crate) fn is_due(conn: &Connection, file: &Path) -> bool {
    let last = parse(file)["last_event_id"].as_i64();
    let new: i64 = conn.query_row("SELECT count(*) FROM event_log WHERE id > ?1", [last], |row| row.get(0)).unwrap();
    new >= 100
}
