//! The basics of loading and writing: what comes in is what goes out, and what does not fit names
//! its place. Malformed dumps of every sort are an integration test of their own.
#![expect(clippy::unwrap_used, reason = "tests")]

use std::io::{self, Read};

use rusqlite::Connection;

use super::read::{Loaded, load, load_up_to};
use super::write::{Source, write};
use crate::domain::Domain;
use crate::error::{Error, ErrorKind, Result};
use crate::image::{LiveTable, Table, scan};
use crate::progress::Progress;
use crate::snapshot::log_image::LOG;
use crate::store::schema;

const TOML: &str = "name = \"test\"\ntables = [\"parts\", \"things\"]\n
[[full_text]]\nindex = \"parts_fts\"\ntable = \"parts\"\ncolumns = [\"text\"]\n";
const SQL: &str = "CREATE TABLE things (id NOT NULL PRIMARY KEY, a, size REAL, n INTEGER DEFAULT 7) WITHOUT ROWID;
CREATE TABLE parts (id INTEGER PRIMARY KEY, thing NOT NULL REFERENCES things (id), text);
CREATE VIRTUAL TABLE parts_fts USING fts5(text, content = 'parts', content_rowid = 'id');";

fn domain() -> Domain {
    let files = [("domain.toml", TOML), ("schema.sql", SQL)];
    Domain::from_files(files.map(|(name, text)| (name.to_owned(), text.to_owned())).into()).unwrap()
}

fn store(domain: &Domain) -> Connection {
    let mut conn = Connection::open_in_memory().unwrap();
    conn.pragma_update(None, "foreign_keys", true).unwrap();
    schema::migrate(&mut conn).unwrap();
    domain.create_tables(&conn).unwrap();
    conn
}

fn loaded(dump: &str) -> Result<Loaded> {
    let domain = domain();
    let conn = store(&domain);
    let loaded = load(dump.as_bytes(), &conn, &domain, &Progress::default());
    for name in [LOG, "things", "parts"] {
        let rows: i64 = conn.query_row(&format!("SELECT count(*) FROM {name}"), [], |row| row.get(0)).unwrap();
        assert!(loaded.is_ok() || rows == 0, "{name} has {rows} rows of a dump that is refused");
    }
    loaded
}

fn refused(dump: &str) -> String {
    loaded(dump).unwrap_err().message().to_owned()
}

fn written(conn: &Connection, domain: &Domain, last_event_id: i64) -> Result<String> {
    let log = Table::read(conn, LOG)?;
    let tables: Vec<&Table> = std::iter::once(&log).chain(&domain.tables).collect();
    let live = |table: &&'_ Table| scan(conn, table, None, &mut |_| {});
    let segments: Vec<_> = tables.iter().map(live).collect::<Result<_>>()?;
    let live: Vec<LiveTable<'_>> =
        tables.iter().zip(segments).map(|(&table, segments)| LiveTable { conn, table, segments }).collect();
    let sources: Vec<Source<'_>> =
        live.iter().map(|live| Source { name: &live.table.name, columns: &live.table.columns, rows: live }).collect();
    let mut out = Vec::new();
    write(&mut out, last_event_id, &sources, &Progress::default())?;
    Ok(String::from_utf8(out).unwrap())
}

const DUMP: &str = concat!(
    r#"{"last_event_id": 3, "event_log": [{"id": 1, "branch_id": 1, "ts": "t", "kind": "a", "payload_json": "{}", "#,
    r#""superseded_by": 3, "hidden": 1}, {"id": 3, "branch_id": 2, "ts": "", "kind": "b", "payload_json": "[1, \"\\u0000\"]", "#,
    r#""superseded_by": null, "hidden": 0}], "parts": [{"id": 1, "thing": "x", "text": "a spoon"}], "#,
    r#""things": [{"id": -0.0, "a": 1e999, "size": 1.0, "n": null}, {"id": 1, "a": -1e999, "size": -1e999, "n": 9223372036854775807}, "#,
    r#"{"id": "x", "a": "\u00e9\ud83d\ude00\u0000\u2028\"\\/\n", "size": 0.30000000000000004, "n": -9223372036854775808}]}"#
);

#[test]
fn what_is_loaded_is_written_to_the_byte() {
    let domain = domain();
    let conn = store(&domain);
    let loaded = load(DUMP.as_bytes(), &conn, &domain, &Progress::default()).unwrap();
    assert_eq!(loaded.last_event_id, 3);
    assert_eq!(loaded.rows, [(LOG.to_owned(), 2), ("parts".to_owned(), 1), ("things".to_owned(), 3)]);
    assert_eq!(written(&conn, &domain, 3).unwrap(), DUMP);
    let found: i64 =
        conn.query_row("SELECT rowid FROM parts_fts WHERE parts_fts MATCH 'spoon'", [], |row| row.get(0)).unwrap();
    assert_eq!(found, 1, "the index follows");
    assert!(conn.execute("UPDATE event_log SET id = 9", []).is_err(), "triggers are on again");
    assert!(conn.execute("INSERT INTO parts VALUES (2, 'nothing', '')", []).is_err(), "and foreign keys");
    conn.execute("INSERT INTO event_log (kind, payload_json) VALUES ('c', '{}')", []).unwrap();
    assert_eq!(conn.last_insert_rowid(), 4, "ids go on behind the dump's");
}

#[test]
fn tables_and_ids_come_in_any_order_and_what_has_a_default_may_be_missing() {
    let dump = r#" {"last_event_id": 7, "parts_fts": [{"any": [1]}, 2], "parts": [{"text": null, "id": 9, "thing": "x"}],
        "event_log": [{"id": 7, "ts": "", "kind": "b", "payload_json": "{}", "superseded_by": null},
                      {"id": 2, "ts": "", "kind": "b", "payload_json": "{}", "superseded_by": 7}],
        "things": [{"id": "x", "a": 1, "size": 2}]} "#;
    let domain = domain();
    let conn = store(&domain);
    load(dump.as_bytes(), &conn, &domain, &Progress::default()).unwrap();
    let row: (f64, i64, i64, i64) = conn
        .query_row("SELECT size, n, branch_id, hidden FROM things, event_log LIMIT 1", [], |row| {
            Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?))
        })
        .unwrap();
    assert_eq!(row, (2.0, 7, 1, 0));
    assert_eq!(loaded("{\"last_event_id\": 0, \"event_log\": []}").unwrap().rows, [(LOG.to_owned(), 0)]);
}

#[test]
fn a_refusal_names_the_place() {
    let event = |id: &str, rest: &str| {
        format!(
            "{{\"id\": {id}, \"ts\": \"\", \"kind\": \"a\", \"payload_json\": \"{{}}\", \"superseded_by\": null{rest}}}"
        )
    };
    let log = |rows: &str| refused(&format!("{{\"last_event_id\": 1, \"event_log\": [{rows}]}}"));
    assert_eq!(log(&event("1", ", \"hidden\": 2")), "event_log, row 1: CHECK constraint failed: hidden_is_0_or_1");
    let twice = format!("{}, {}", event("1", ""), event("1", ""));
    assert_eq!(log(&twice), "event_log, row 2: UNIQUE constraint failed: event_log.id");
    assert_eq!(
        log(&event("1", ", \"hidden\": 0, \"hidden\": 0")),
        "event_log, row 1, column hidden: it stands twice in the row"
    );
    assert_eq!(log(&event("0", "")), "event_log, row 1, column id: 0 is no id of an event");
    assert_eq!(log(&event("2", "")), "last_event_id: it is 1, and the highest id of event_log is 2");
    assert_eq!(
        log(&event("NaN", "")),
        "event_log, row 1, byte 43: NaN and Infinity are no JSON; an infinity is 1e999 in a dump"
    );
    assert_eq!(refused("{\"last_event_id\": 0, \"event_log\": []} x"), "byte 39: trailing characters");
    assert_eq!(refused("{\"last_event_id\": 0}"), "event_log: the dump lacks it");
    assert_eq!(refused("{\"last_event_id\": 0, \"event_log\": [], \"others\": []}"), "others: there is no such table.");
    let orphan =
        "{\"last_event_id\": 0, \"event_log\": [], \"parts\": [{\"id\": 5, \"thing\": \"y\", \"text\": null}]}";
    let words = "parts, the row with the key 5: FOREIGN KEY constraint failed: parts.thing names no row of things";
    assert_eq!(refused(orphan), words);
    let deep = format!("{{\"last_event_id\": 0, \"event_log\": [{{\"id\": {}", "[".repeat(100_000));
    assert!(refused(&deep).starts_with("event_log, row 1, byte 104: lists and objects lie"), "{}", refused(&deep));
}

#[test]
fn a_long_row_is_refused_before_it_is_read() {
    /// A byte without end.
    struct Endless<'a>(&'a mut u64);
    impl Read for Endless<'_> {
        fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
            into.fill(b'x');
            *self.0 += into.len() as u64;
            Ok(into.len())
        }
    }
    const LONGEST: u64 = 1 << 16;
    let domain = domain();
    let conn = store(&domain);
    for start in [
        "{\"last_event_id\": 0, \"event_log\": [{\"kind\": \"",
        "{\"last_event_id\": 0, \"event_log\": [{\"",
        "{\"last_event_id\": 0, \"event_log\": \"",
        "{\"last_event_id\": 0, \"",
        "{\"last_event_id\": \"",
        "{\"",
        "\"",
    ] {
        let mut read = 0;
        let source = start.as_bytes().chain(Endless(&mut read));
        let error = load_up_to(source, &conn, &domain, &Progress::default(), LONGEST).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::TooLarge, "{start}: {error}");
        assert!(read < LONGEST + (1 << 17), "{start}: {read} bytes were read");
    }
}

#[test]
fn what_has_no_form_is_refused_with_its_place() {
    let domain = domain();
    for (value, words) in [("x'00'", "a blob has no form in a dump"), ("CAST(x'ff' AS TEXT)", "not UTF-8")] {
        let conn = store(&domain);
        conn.execute_batch(&format!("INSERT INTO things (id, a) VALUES ('x', 1), ('y', {value})")).unwrap();
        let error = written(&conn, &domain, 0).unwrap_err();
        assert!(error.message().starts_with("things, row 2 (id y), column a: "), "{error}");
        assert!(error.message().contains(words) && error.hint_text().is_some(), "{error}");
    }
}

#[test]
fn the_machine_is_not_blamed_on_the_dump() {
    struct Broken;
    impl Read for Broken {
        fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
            Err(io::ErrorKind::StorageFull.into())
        }
    }
    let domain = domain();
    let error: Error =
        load(DUMP.as_bytes()[..400].chain(Broken), &store(&domain), &domain, &Progress::default()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::DiskFull);
}
