//! Facts about domains as a whole: what they create, their hashes, how they are read.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod companion;
mod refusals;

use super::*;

const MANIFEST: &str = r#"name = "notes"
tables = ["notes", "tags"]
[[full_text]]
index = "notes_fts"
table = "notes"
columns = ["body"]
[[entity]]
type = "note"
replay = "own"
list = "SELECT id FROM notes"
state = "SELECT json_object('body', body) FROM notes WHERE id = :entity_id"
events = "SELECT :payload ->> '$.id' WHERE :kind = 'noted'"
"#;

const SCHEMA: &str = "CREATE TABLE notes (id INTEGER PRIMARY KEY, body TEXT NOT NULL DEFAULT '');
CREATE TABLE tags (note_id INTEGER NOT NULL REFERENCES notes (id), tag TEXT NOT NULL, PRIMARY KEY (note_id, tag));
CREATE UNIQUE INDEX tags_by_name ON tags (tag, note_id);
CREATE VIRTUAL TABLE notes_fts USING fts5(body, content='notes', content_rowid='id');
CREATE TRIGGER notes_ai AFTER INSERT ON notes BEGIN
    INSERT INTO notes_fts (rowid, body) VALUES (new.id, new.body);
END;
";

const HANDLER: &str = "INSERT INTO notes (id, body) VALUES (:payload ->> '$.id', :payload ->> '$.body');";

/// The files of a small sound domain.
fn notes() -> BTreeMap<String, String> {
    [("domain.toml", MANIFEST), ("schema.sql", SCHEMA), ("handlers/noted.sql", HANDLER)]
        .map(|(path, text)| (path.to_owned(), text.to_owned()))
        .into()
}

/// The same with one file changed, or one more.
fn with(path: &str, text: &str) -> BTreeMap<String, String> {
    let mut files = notes();
    files.insert(path.to_owned(), text.to_owned());
    files
}

fn load(files: BTreeMap<String, String>) -> Domain {
    Domain::from_files(files).unwrap()
}

/// An empty database with the domain's tables and foreign keys on.
fn database(domain: &Domain) -> Connection {
    let conn = Connection::open_in_memory().unwrap();
    conn.pragma_update(None, "foreign_keys", true).unwrap();
    domain.create_tables(&conn).unwrap();
    conn
}

#[test]
fn a_database_matches_until_something_is_changed() {
    let domain = load(notes());
    let conn = database(&domain);
    conn.execute_batch("CREATE TABLE elsewhere (a)").unwrap();
    assert!(domain.matches(&conn).unwrap());
    for (change, back) in [
        ("CREATE INDEX more ON notes (body)", "DROP INDEX more"),
        ("CREATE TRIGGER more AFTER DELETE ON tags BEGIN SELECT 1; END", "DROP TRIGGER more"),
        ("ALTER TABLE notes ADD COLUMN more", "ALTER TABLE notes DROP COLUMN more"),
    ] {
        conn.execute_batch(change).unwrap();
        assert!(!domain.matches(&conn).unwrap(), "{change}");
        conn.execute_batch(back).unwrap();
        assert!(domain.matches(&conn).unwrap(), "{back}");
    }
    conn.execute_batch("DROP TRIGGER notes_ai").unwrap();
    assert!(!domain.matches(&conn).unwrap());
    conn.pragma_update(None, "foreign_keys", false).unwrap();
    domain.drop_tables(&conn).unwrap();
    domain.drop_tables(&conn).unwrap();
    let left: Vec<String> = conn
        .prepare("SELECT name FROM sqlite_schema")
        .unwrap()
        .query_map([], |row| row.get(0))
        .unwrap()
        .collect::<rusqlite::Result<_>>()
        .unwrap();
    assert_eq!(left, ["elsewhere"]);
    domain.create_tables(&conn).unwrap();
    assert!(domain.matches(&conn).unwrap());
}

#[test]
fn a_database_matches_a_schema_that_differs_in_comments() {
    let conn = database(&load(notes()));
    let other = load(with("schema.sql", &SCHEMA.replace("id INTEGER", "id  INTEGER /* the id */")));
    assert!(other.matches(&conn).unwrap());
}

#[test]
fn comments_blanks_and_order_change_no_hash() {
    let domain = load(notes());
    for (path, text) in [
        ("schema.sql", SCHEMA.replace(", ", " ,\n -- a comment\n ")),
        ("schema.sql", SCHEMA.replace("CREATE TABLE", "CREATE TABLE IF NOT EXISTS")),
        ("domain.toml", MANIFEST.replace(r#""notes", "tags""#, r#""tags", "notes""#)),
        ("domain.toml", MANIFEST.replace("SELECT json", "SELECT /* state */ json")),
        ("handlers/noted.sql", format!("-- said\n\n{}", HANDLER.replace(' ', "\n"))),
    ] {
        let other = load(with(path, &text));
        assert_eq!((other.shape, other.logic), (domain.shape, domain.logic), "{path}: {text}");
    }
}

#[test]
fn a_constraint_changes_shape_and_logic() {
    let domain = load(notes());
    for text in [
        SCHEMA.replace("body TEXT NOT NULL", "body TEXT NOT NULL CHECK (body <> '')"),
        SCHEMA.replace("DEFAULT ''", "DEFAULT ' '"),
        SCHEMA.replace("body TEXT", "body"),
    ] {
        let other = load(with("schema.sql", &text));
        assert_ne!(other.shape, domain.shape);
        assert_ne!(other.logic, domain.logic);
    }
}

#[test]
fn handlers_triggers_unique_indexes_and_entities_change_the_logic_alone() {
    let domain = load(notes());
    for (path, text) in [
        ("handlers/noted.sql", HANDLER.replace("$.body", "$.text")),
        ("handlers/other.sql", "DELETE FROM tags".to_owned()),
        ("schema.sql", SCHEMA.replace("AFTER INSERT", "AFTER UPDATE")),
        ("schema.sql", SCHEMA.replace("(tag, note_id)", "(note_id, tag)")),
        ("schema.sql", SCHEMA.replace("fts5(body,", "fts5(body, tokenize='porter',")),
        ("domain.toml", MANIFEST.replace("\"own\"", "\"full\"")),
        ("domain.toml", MANIFEST.replace("= 'noted'", "= 'told'")),
    ] {
        let other = load(with(path, &text));
        assert_eq!(other.shape, domain.shape, "{text}");
        assert_ne!(other.logic, domain.logic, "{text}");
    }
    let other = load(with("schema.sql", &format!("{SCHEMA}CREATE INDEX more ON tags (tag);")));
    assert_eq!(other.logic, domain.logic);
}

#[test]
fn the_files_are_kept_as_they_were() {
    assert_eq!(load(notes()).files(), &notes());
}

#[test]
fn a_folder_is_read_and_its_strangers_passed_over() {
    let folder = tempfile::tempdir().unwrap();
    let put = |name: &str, text: &str| fs::write(folder.path().join(name), text).unwrap();
    fs::create_dir(folder.path().join("handlers")).unwrap();
    for (path, text) in notes() {
        put(&path, &text);
    }
    put("README.md", "about");
    put("handlers/.noted.sql.swp", "");
    assert_eq!(Domain::from_folder(folder.path()).unwrap().files(), &notes());
    put("handlers/noted.txt", "");
    let error = Domain::from_folder(folder.path()).unwrap_err();
    assert!(error.message().starts_with("handlers/noted.txt: the file is no part of a domain"), "{error}");
    let missing = Domain::from_folder(&folder.path().join("none")).unwrap_err();
    assert!(missing.message().contains("there is no such folder"), "{missing}");
}
