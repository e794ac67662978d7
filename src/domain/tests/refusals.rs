//! Each reason for which a domain is refused, with the place that is told.

use super::*;
use crate::error::ErrorKind;

#[track_caller]
fn refused(files: BTreeMap<String, String>, words: &str) {
    let error = Domain::from_files(files).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Refused, "{error}");
    assert!(error.message().contains(words), "expected {words:?} in {:?}", error.message());
}

#[test]
fn a_domain_without_its_files_is_refused() {
    for name in ["domain.toml", "schema.sql"] {
        let mut files = notes();
        files.remove(name);
        refused(files, &format!("{name}: the file is missing"));
    }
    refused(with("handlers/a b.sql", ""), "no part of a domain");
    refused(with("handlers/deep/a.sql", ""), "no part of a domain");
    refused(with("handlers/noted.sql", "DELETE\n FROM tags\0"), "handlers/noted.sql:2: the file has a zero byte");
}

#[test]
fn a_schema_that_a_snapshot_or_replay_cannot_trust_is_refused() {
    let more = |sql: &str| with("schema.sql", &format!("{SCHEMA}{sql}"));
    for (sql, words) in [
        ("CREATE TABLE extra (a INTEGER PRIMARY KEY)", "schema.sql:8: the table extra is not listed"),
        ("CREATE TABLE event_log (a INTEGER PRIMARY KEY)", "schema.sql:8: the name event_log is kept"),
        ("CREATE TABLE Backstitch_x (a INTEGER PRIMARY KEY)", "the name Backstitch_x is kept"),
        ("CREATE INDEX entity_events ON notes (body)", "the name entity_events is kept"),
        ("CREATE TABLE last_event_id (a INTEGER PRIMARY KEY)", "the name last_event_id is kept"),
        ("CREATE TABLE Backstitch (a INTEGER PRIMARY KEY)", "the name Backstitch is kept"),
        (
            "CREATE TABLE t (a INTEGER PRIMARY KEY REFERENCES notes (id) DEFERRABLE INITIALLY DEFERRED)",
            "schema.sql:8: a deferred key is judged at the commit",
        ),
        (
            "CREATE TRIGGER more AFTER DELETE ON tags BEGIN DELETE FROM notes WHERE id = (SELECT note_id FROM tags LIMIT 1); END",
            "schema.sql:8: a LIMIT without ORDER BY",
        ),
        ("CREATE VIEW v AS SELECT 1", "nothing else"),
        ("CREATE TEMP TABLE t (a)", "nothing else"),
        ("CREATE TABLE temp.t (a)", "without the name of a database"),
        ("INSERT INTO notes VALUES (1, '')", "nothing else"),
        ("\n\nPRAGMA user_version = 3", "schema.sql:10: the schema creates"),
        ("CREATE TABEL x (a)", "nothing else"),
        ("CREATE TABLE notes (id)", "schema.sql:8: table notes already exists"),
        ("CREATE TABLE t2 (\na INTEGER,\n,b)", "schema.sql:10: near \",\": syntax error"),
        ("CREATE VIRTUAL TABLE v USING rtree(a, b, c)", "schema.sql:8: "),
        ("CREATE VIRTUAL TABLE v USING fts5(a)", "the full-text index v is not declared"),
        ("CREATE INDEX i ON notes (lower(body) || random())", "random(), which would make a replay differ"),
        ("CREATE INDEX i ON notes (iif(body, 1, 2))", "iif, which is newer than SQLite 3.31"),
        ("CREATE INDEX i ON notes (body ->> '$.a')", "->> is newer than SQLite 3.31"),
        ("CREATE INDEX i ON notes (id) WHERE body IS NOT DISTINCT FROM 'a'", "IS DISTINCT FROM is newer"),
    ] {
        refused(more(sql), words);
    }
}

#[test]
fn a_table_that_has_no_identity_or_constant_form_is_refused() {
    for (tags, words) in [
        ("CREATE TABLE tags (a)", "schema.sql:2: table tags has no primary key"),
        ("CREATE TABLE tags AS SELECT 1 AS a", "has no primary key"),
        ("CREATE TABLE tags (a TEXT PRIMARY KEY)", "the column a of the primary key of tags may be NULL"),
        ("CREATE TABLE tags (a INT PRIMARY KEY)", "may be NULL"),
        ("CREATE TABLE tags (a TEXT COLLATE NOCASE NOT NULL PRIMARY KEY)", "not in binary, ascending order"),
        ("CREATE TABLE tags (a TEXT NOT NULL, PRIMARY KEY (a DESC)) WITHOUT ROWID", "not in binary, ascending order"),
        ("CREATE TABLE tags (a INTEGER PRIMARY KEY AUTOINCREMENT)", "AUTOINCREMENT (table tags)"),
        ("CREATE TABLE tags (a INTEGER PRIMARY KEY, b TEXT) STRICT", "STRICT (table tags)"),
        ("CREATE TABLE tags (a INTEGER PRIMARY KEY, b DEFAULT CURRENT_TIMESTAMP)", "the DEFAULT of tags.b is not"),
        ("CREATE TABLE tags (a INTEGER PRIMARY KEY, b DEFAULT (1 + 2))", "the DEFAULT of tags.b is not a literal"),
        ("CREATE TABLE tags (a INTEGER PRIMARY KEY, b DEFAULT (random()))", "tags.b is not a literal"),
        ("CREATE TABLE tags (a INTEGER PRIMARY KEY CHECK (a < unixepoch()))", "unixepoch(), which can read the clock"),
        ("CREATE TABLE tags (a INTEGER PRIMARY KEY ON CONFLICT ROLLBACK)", "ROLLBACK would end the transaction"),
        ("CREATE TABLE tags (a INTEGER PRIMARY KEY REFERENCES elsewhere)", "tags refers to elsewhere"),
        ("CREATE TABLE tags (a INTEGER PRIMARY KEY, b REFERENCES notes (body))", "foreign key mismatch"),
        ("CREATE TABLE taggs (a INTEGER PRIMARY KEY)", "domain.toml:2: the table tags is listed"),
    ] {
        let lines: Vec<&str> = SCHEMA.lines().filter(|line| !line.contains("INDEX")).collect();
        let text = lines.join("\n").replace(lines[1], &format!("{tags};"));
        refused(with("schema.sql", &text), words);
    }
}

#[test]
fn a_full_text_index_that_differs_from_its_declaration_is_refused() {
    for (from, to, words) in [
        ("content='notes', ", "", "lacks content='notes'"),
        (", content_rowid='id'", "", "lacks content_rowid='id'"),
        ("content='notes'", "content='tags'", "lacks content='notes'"),
        ("fts5(body,", "fts5(tag,", "has the columns [\"tag\"]"),
        ("fts5(body,", "fts5(body, tokenize='trigram',", "trigram is newer"),
        ("fts5(body, content='notes', content_rowid='id')", "fts5vocab('notes_fts', 'row')", "another kind than fts5"),
        ("id INTEGER PRIMARY KEY", "id INT PRIMARY KEY NOT NULL", "notes has no INTEGER PRIMARY KEY"),
        ("notes_fts USING", "other_fts USING", "the full-text index notes_fts is declared"),
    ] {
        refused(with("schema.sql", &SCHEMA.replace(from, to)), words);
    }
    refused(with("domain.toml", &MANIFEST.replace("table = \"notes\"", "table = \"other\"")), "not a listed table");
    refused(with("domain.toml", &MANIFEST.replace("[\"body\"]", "[\"title\"]")), "domain.toml:4: ");
}

#[test]
fn a_trigger_that_would_make_a_replay_differ_is_refused() {
    for (body, words) in [
        (
            "INSERT INTO tags VALUES (new.id, date())",
            "schema.sql:8: the trigger t calls date(), which can read the clock",
        ),
        ("INSERT INTO tags VALUES (new.id, new.nobody)", "schema.sql:8: no such column: new.nobody"),
        ("DELETE FROM event_log", "no such table: main.event_log"),
        ("DELETE FROM sqlite_schema", "schema.sql:8: "),
        ("DELETE FROM notes_fts_data", "the trigger t writes notes_fts_data"),
        ("DELETE FROM tags WHERE rowid = 1", "the trigger t reads the rowid of tags"),
        ("UPDATE tags SET tag = body FROM notes", "UPDATE … FROM is newer than SQLite 3.31"),
        ("SELECT RAISE(ROLLBACK, 'no')", "ROLLBACK would end the transaction"),
        ("INSERT INTO tags SELECT 1, iif(1, 2, 3)", "the trigger t uses iif"),
    ] {
        let sql = format!("{SCHEMA}CREATE TRIGGER t AFTER UPDATE OF body ON notes BEGIN {body}; END;");
        refused(with("schema.sql", &sql), words);
    }
    let sound = "CREATE TRIGGER t AFTER UPDATE ON notes BEGIN \
         UPDATE tags SET tag = (SELECT max(body) FROM notes) WHERE note_id = new.id; END;";
    load(with("schema.sql", &format!("{SCHEMA}{sound}")));
}

#[test]
fn a_handler_that_would_make_a_replay_differ_is_refused() {
    for (sql, words) in [
        (
            "\nUPDATE notes\nSET body = random()",
            "handlers/noted.sql:2: the handler calls random(), which would make a replay differ",
        ),
        ("UPDATE notes SET body = hex(randomblob(4))", "randomblob()"),
        ("UPDATE notes SET body = date(:ts)", "calls date(), which can read the clock"),
        ("UPDATE notes SET body = CURRENT_TIMESTAMP", "CURRENT_TIMESTAMP, which can read the clock"),
        ("UPDATE notes SET body = last_insert_rowid()", "of the connection"),
        ("UPDATE notes SET body = changes()", "of the connection"),
        ("UPDATE notes SET body = sqlite_version()", "of the connection"),
        (
            "UPDATE notes SET body = (SELECT tag FROM tags LIMIT 1)",
            "handlers/noted.sql:1: a LIMIT without ORDER BY takes whichever rows come first",
        ),
        ("UPDATE notes SET body = (SELECT max(id) FROM event_log)", "no such table: event_log"),
        ("UPDATE notes SET body = (SELECT count(*) FROM sqlite_schema)", "reads sqlite_"),
        ("UPDATE notes SET body = (SELECT count(*) FROM pragma_database_list)", "reads pragma_database_list"),
        ("UPDATE notes SET body = (SELECT count(*) FROM NOTES_FTS)", "reads NOTES_FTS"),
        ("UPDATE notes SET body = (SELECT id FROM notes_fts_docsize)", "reads notes_fts_docsize"),
        ("INSERT INTO notes_fts (body) VALUES ('a')", "writes notes_fts"),
        ("UPDATE tags SET tag = rowid", "the handler reads the rowid of tags"),
        ("UPDATE tags SET rowid = 4", "the handler writes the rowid of tags"),
        ("INSERT OR ROLLBACK INTO notes VALUES (1, '')", "ROLLBACK would end the transaction"),
        ("UPDATE notes SET body = \"misspelt\"", "no such column: \"misspelt\""),
        ("UPDATE notes SET body = :text", "the parameter :text is unknown here"),
        ("UPDATE notes SET body = ?1", "the parameter ?1 is unknown here"),
        ("UPDATE notes SET body = ?", "the parameter ? is unknown here"),
        ("DELETE FROM notes;\n\nDELETE FORM tags", "handlers/noted.sql:3: near \"FORM\""),
        ("UPDATE notes SET\nbody = 1,\nid = title", "handlers/noted.sql:3: no such column: title"),
        ("DELETE FROM notes RETURNING id", "the statement gives rows"),
        ("WITH a AS (SELECT 1) SELECT * FROM a", "the statement gives rows"),
        ("SELECT 1", "nothing else"),
        ("PRAGMA foreign_keys = off", "nothing else"),
        ("ATTACH 'a.db' AS a", "nothing else"),
        ("COMMIT", "nothing else"),
        ("SAVEPOINT a", "nothing else"),
        ("DROP TABLE notes", "nothing else"),
        ("VACUUM", "nothing else"),
    ] {
        refused(with("handlers/noted.sql", sql), words);
    }
}

#[test]
fn a_handler_may_use_what_follows_from_the_data() {
    for sql in [
        "",
        "-- nothing to do",
        "DELETE FROM notes WHERE rowid = :id",
        "WITH a AS (SELECT 1 AS x) INSERT INTO notes (body) SELECT count(*) FROM a",
        "UPDATE notes SET body = (SELECT tag FROM tags ORDER BY tag, note_id LIMIT 1)",
        "INSERT INTO tags SELECT 1, value FROM json_each(:payload, '$.tags') WHERE true ON CONFLICT DO NOTHING",
        "INSERT INTO notes (id, body) SELECT :id, upper(:kind) || :branch_id || :ts FROM (SELECT count(*) FROM tags) AS b",
        "UPDATE tags SET tag = n.body FROM notes AS n WHERE n.id = note_id",
        "UPDATE notes SET body = iif(body IS DISTINCT FROM 'a', round(sqrt(2), 3), row.n) \
         FROM (SELECT row_number() OVER (ORDER BY tag) AS n FROM tags) AS row",
    ] {
        load(with("handlers/noted.sql", sql));
    }
}

#[test]
fn a_query_of_an_entity_that_does_more_than_read_is_refused() {
    for (from, to, words) in [
        ("\"SELECT id FROM notes\"", "\"DELETE FROM notes\"", "domain.toml:10: a query begins with SELECT"),
        (
            "\"SELECT id FROM notes\"",
            "\"\"\"\n\nSELECT id ||\nnobody FROM notes\"\"\"",
            "domain.toml:13: no such column: nobody",
        ),
        ("\"SELECT id FROM notes\"", "\"SELECT id, body FROM notes\"", "gives 2 columns instead of one"),
        (
            "\"SELECT id FROM notes\"",
            "\"SELECT id FROM notes WHERE id = :id\"",
            "the parameter :id is unknown here; there is none",
        ),
        (
            "\"SELECT id FROM notes\"",
            "\"WITH a AS (SELECT 1) DELETE FROM notes RETURNING id\"",
            "only handlers and triggers",
        ),
        ("\"SELECT id FROM notes\"", "\"SELECT id FROM notes LIMIT 9\"", "domain.toml:10: a LIMIT without ORDER BY"),
        ("\"SELECT id FROM notes\"", "\"SELECT random()\"", "the query of the entity note calls random()"),
        ("\"SELECT id FROM notes\"", "\"SELECT id FROM notes; SELECT 2\"", "Multiple statements"),
        ("'noted'", ":entity_id", "the parameter :entity_id is unknown here"),
    ] {
        refused(with("domain.toml", &MANIFEST.replace(from, to)), words);
    }
}
