//! That every way in which rows change is noticed, and that an image which is kept is that of a scan.
#![expect(clippy::unwrap_used, reason = "tests")]

use std::collections::HashSet;

use rusqlite::Connection;
use tempfile::TempDir;

use super::*;
use crate::image::{ChunkStore, Doubt, cut};
use crate::store::{connection, quietly};

/// The writer's connection of a file, its tables, and what is known of them.
struct Store {
    folder: TempDir,
    conn: Connection,
    live: LiveImages,
    tables: Vec<Table>,
}

/// Each sort of table that a domain may have.
const SCHEMA: &str = "
    CREATE TABLE rows (id INTEGER PRIMARY KEY, text TEXT, u UNIQUE, kind TEXT);
    CREATE TABLE pairs (b TEXT NOT NULL, v, a NOT NULL, PRIMARY KEY (a, b)) WITHOUT ROWID;
    CREATE TABLE parents (name TEXT PRIMARY KEY NOT NULL);
    CREATE TABLE children (
      id INTEGER PRIMARY KEY, parent TEXT REFERENCES parents ON DELETE CASCADE ON UPDATE CASCADE,
      other TEXT REFERENCES parents ON DELETE SET NULL);
    CREATE TABLE \"odd \"\"name\" (\"select\" TEXT PRIMARY KEY NOT NULL, v);
    INSERT INTO parents VALUES ('a'), ('b'), ('c');
    INSERT INTO children VALUES (1, 'a', 'b'), (2, 'b', 'c'), (3, 'c', 'c');
    INSERT INTO pairs VALUES ('x', 1, 1), ('y', 2, 2.5), ('z', 3, x'00');
    INSERT INTO \"odd \"\"name\" VALUES ('k', 1);
    WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 3000)
    INSERT INTO rows SELECT i, 'text ' || i, i, 'old' FROM n;";

impl Store {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let conn = connection::open_writer(&folder.path().join("test.db"), std::time::Duration::from_secs(5)).unwrap();
        conn.execute_batch(SCHEMA).unwrap();
        let tables = ["rows", "pairs", "parents", "children", "odd \"name"];
        let tables = tables.map(|name| Table::read(&conn, name).unwrap()).to_vec();
        let store = Self { folder, conn, live: LiveImages::default(), tables };
        store.look();
        store
    }

    fn other_program(&self) -> Connection {
        let conn = Connection::open(self.folder.path().join("test.db")).unwrap();
        conn.busy_timeout(std::time::Duration::from_secs(5)).unwrap();
        conn
    }

    fn view(&self) -> View {
        self.live.view(&self.conn, &self.tables, || Ok(())).unwrap().1
    }

    /// Looks at all tables as a reader would; in a debug build that compares them with a scan.
    fn look(&self) {
        let view = self.view();
        for table in &self.tables {
            let segments = Seen::Reading(&view).of(&self.conn, table).unwrap();
            let segments = segments.segments(&self.conn, table, None, &mut |_| {}).unwrap();
            assert_eq!(segments, scan(&self.conn, table, None, &mut |_| {}).unwrap(), "{}", table.name);
        }
    }

    /// The keys that are marked, as a person reads them; none where the table is not known.
    fn marked(&self, table: usize) -> Option<Vec<String>> {
        let state = self.live.lock();
        let tracked = state.tables.get(table)?;
        tracked.known.as_ref()?;
        let changed = tracked.changed.as_ref()?;
        let told = |key: &Key| key.iter().map(Value::to_string).collect::<Vec<_>>().join("/");
        let mut keys: Vec<String> = changed.keys().map(told).collect();
        keys.sort_unstable();
        Some(keys)
    }

    /// Whether what is known holds on the writer's connection, inside a transaction.
    fn is_known(&self) -> bool {
        self.live.inside(&self.conn, &self.tables[0]).unwrap().is_some()
    }

    #[track_caller]
    fn check(&self, sql: &str, table: usize, expected: &[&str]) {
        self.conn.execute_batch(sql).unwrap();
        assert_eq!(self.marked(table).unwrap(), expected, "{sql}");
        assert!(self.is_known());
        self.look();
        assert_eq!(self.marked(table).unwrap(), [""; 0], "looking takes them in");
    }
}

const ROWS: usize = 0;
const PAIRS: usize = 1;
const CHILDREN: usize = 3;
const ODD: usize = 4;

#[test]
fn rows_that_come_go_and_change_are_noticed() {
    let store = Store::new();
    store.check("INSERT INTO rows (text, u) VALUES ('new', 'new')", ROWS, &["3001"]);
    store.check("UPDATE rows SET text = 'other' WHERE id IN (7, 8)", ROWS, &["7", "8"]);
    store.check("UPDATE rows SET id = 5000 WHERE id = 9", ROWS, &["5000", "9"]);
    store.check("DELETE FROM rows WHERE id = 10", ROWS, &["10"]);
    store.check("INSERT INTO rows (id, u) VALUES (7, 0) ON CONFLICT (id) DO UPDATE SET text = 'up'", ROWS, &["7"]);
    store.check("UPDATE \"odd \"\"name\" SET v = 2", ODD, &["k"]);
}

#[test]
fn tables_without_rowid_are_noticed() {
    let store = Store::new();
    store.check("UPDATE pairs SET v = 7 WHERE a = 2.5", PAIRS, &["2.5/y"]);
    store.check("UPDATE pairs SET a = 3 WHERE a = 1", PAIRS, &["1/x", "3/x"]);
    // The same key to SQLite, and other bytes to an image.
    store.check("UPDATE pairs SET a = 3.0 WHERE a = 3", PAIRS, &["3.0/x", "3/x"]);
    store.check("INSERT OR REPLACE INTO pairs VALUES ('z', 4, x'00')", PAIRS, &["blob, 1 B/z"]);
}

#[test]
fn rows_that_a_replace_deletes_are_noticed() {
    let store = Store::new();
    store.check("INSERT OR REPLACE INTO rows VALUES (20, 'new', 30, '')", ROWS, &["20", "30"]);
    store.check("UPDATE OR REPLACE rows SET u = 40 WHERE id = 50", ROWS, &["40", "50"]);
}

#[test]
fn a_delete_without_where_is_noticed() {
    let store = Store::new();
    store.conn.execute_batch("DELETE FROM rows").unwrap();
    assert_eq!(store.marked(ROWS).unwrap().len(), 3000);
    store.look();
}

#[test]
fn what_the_action_of_a_foreign_key_does_is_noticed() {
    let store = Store::new();
    store.check("DELETE FROM parents WHERE name = 'b'", CHILDREN, &["1", "2"]);
    store.check("UPDATE parents SET name = 'd' WHERE name = 'a'", CHILDREN, &["1"]);
}

#[test]
fn with_the_triggers_of_the_schema_off_rows_are_noticed_all_the_same() {
    let store = Store::new();
    store.conn.execute_batch("CREATE TRIGGER loud AFTER DELETE ON rows BEGIN DELETE FROM pairs; END").unwrap();
    store.look();
    store.conn.execute_batch("BEGIN IMMEDIATE").unwrap();
    quietly(&store.conn, || {
        store.conn.execute("DELETE FROM rows WHERE id = 3", [])?;
        store.conn.execute("INSERT OR REPLACE INTO rows VALUES (20, 'new', 30, '')", [])?;
        Ok(())
    })
    .unwrap();
    store.conn.execute_batch("COMMIT").unwrap();
    assert_eq!(store.marked(ROWS).unwrap(), ["20", "3", "30"]);
    assert_eq!(store.marked(PAIRS).unwrap(), [""; 0], "no trigger fired");
    quietly(&store.conn, || Ok(store.conn.execute("DELETE FROM rows", [])?)).unwrap();
    store.look();
}

#[test]
fn a_trigger_of_the_schema_can_keep_no_row_from_being_noticed() {
    let store = Store::new();
    store
        .conn
        .execute_batch(
            "CREATE TRIGGER ignore_i AFTER INSERT ON rows BEGIN SELECT raise(IGNORE); END;
             CREATE TRIGGER ignore_u AFTER UPDATE ON rows BEGIN SELECT raise(IGNORE); END;
             CREATE TRIGGER ignore_d AFTER DELETE ON rows BEGIN SELECT raise(IGNORE); END;
             CREATE TRIGGER writes AFTER UPDATE ON parents BEGIN UPDATE rows SET text = 'so' WHERE id = 1; END",
        )
        .unwrap();
    store.look();
    store.check("INSERT INTO rows (id) VALUES (9000)", ROWS, &["9000"]);
    store.check("UPDATE rows SET text = 'x' WHERE id = 2", ROWS, &["2"]);
    store.check("DELETE FROM rows WHERE id = 4", ROWS, &["4"]);
    store.check("UPDATE parents SET name = 'e' WHERE name = 'a'", ROWS, &["1"]);
}

#[test]
fn whatever_was_rolled_back_stays_marked_and_harms_nobody() {
    let store = Store::new();
    store.conn.execute_batch("BEGIN; DELETE FROM rows WHERE id < 4; ROLLBACK").unwrap();
    assert_eq!(store.marked(ROWS).unwrap(), ["1", "2", "3"]);
    store.conn.execute_batch("BEGIN; SAVEPOINT s; DELETE FROM rows WHERE id = 9; ROLLBACK TO s; COMMIT").unwrap();
    store.conn.execute_batch("INSERT INTO rows (id, u) VALUES (8000, 1), (8001, 2)").unwrap_err();
    store.look();
    assert_eq!(store.marked(ROWS).unwrap(), [""; 0]);
}

#[test]
fn inside_a_transaction_the_image_is_that_of_its_own_rows() {
    let store = Store::new();
    store.conn.execute_batch("BEGIN IMMEDIATE; DELETE FROM rows WHERE id % 3 = 0").unwrap();
    let inside = |live| {
        let known = Seen::Writing(live).of(&store.conn, &store.tables[ROWS]).unwrap();
        let is_known = known.before.is_some();
        let segments = known.segments(&store.conn, &store.tables[ROWS], None, &mut |_| {}).unwrap();
        assert_eq!(segments, scan(&store.conn, &store.tables[ROWS], None, &mut |_| {}).unwrap());
        is_known
    };
    assert!(inside(&store.live));
    store.conn.execute_batch("ROLLBACK; BEGIN IMMEDIATE").unwrap();
    assert!(inside(&store.live), "and that of what was there before once it is rolled back");
    store.conn.execute_batch("COMMIT").unwrap();
    store.look();
}

#[test]
fn another_program_that_writes_makes_everything_unknown() {
    let store = Store::new();
    assert!(store.is_known());
    store.other_program().execute("UPDATE rows SET text = 'theirs' WHERE id = 77", []).unwrap();
    assert!(!store.is_known());
    store.look();
    assert!(store.is_known(), "all of it was read");
    store.check("UPDATE rows SET text = 'ours' WHERE id = 77", ROWS, &["77"]);
}

#[test]
fn one_that_writes_just_before_the_reader_begins_is_not_missed() {
    let store = Store::new();
    let other = store.other_program();
    let begin = || {
        other.execute("UPDATE rows SET text = 'theirs' WHERE id = 77", [])?;
        Ok(())
    };
    let (_, view) = store.live.view(&store.conn, &store.tables, begin).unwrap();
    assert!(Seen::Reading(&view).of(&store.conn, &store.tables[ROWS]).unwrap().before.is_none());
    store.look();
}

#[test]
fn another_table_of_the_same_name_is_not_taken_for_it() {
    let store = Store::new();
    let anew = "DROP TABLE rows; CREATE TABLE rows (id INTEGER PRIMARY KEY, text TEXT, u UNIQUE, kind TEXT);
                INSERT INTO rows (id) VALUES (1)";
    store.conn.execute_batch(&format!("BEGIN; {anew}")).unwrap();
    assert!(!store.is_known());
    store.conn.execute_batch("ROLLBACK").unwrap();
    assert!(store.is_known());
    store.check("DELETE FROM rows WHERE id = 1", ROWS, &["1"]);
    store.conn.execute_batch(&format!("BEGIN; {anew}; COMMIT")).unwrap();
    store.look();
    store.check("DELETE FROM rows WHERE id = 1", ROWS, &["1"]);
    store.other_program().execute_batch(anew).unwrap();
    store.look();
    store.check("DELETE FROM rows WHERE id = 1", ROWS, &["1"]);
}

#[test]
fn where_nothing_is_noticed_any_more_nothing_is_known_until_the_next_view_or_a_rollback() {
    let store = Store::new();
    store.conn.execute_batch("BEGIN IMMEDIATE").unwrap();
    noticing::stop(&store.conn).unwrap();
    store.conn.execute_batch("DELETE FROM rows; INSERT INTO rows (id) VALUES (3), (4)").unwrap();
    assert!(!store.is_known());
    store.conn.execute_batch("ROLLBACK").unwrap();
    assert!(store.is_known());
    store.check("DELETE FROM rows WHERE id = 3", ROWS, &["3"]);
    noticing::stop(&store.conn).unwrap();
    store.conn.execute_batch("DELETE FROM rows; INSERT INTO rows (id) VALUES (3), (4)").unwrap();
    assert!(!store.is_known());
    store.look();
    store.check("DELETE FROM rows WHERE id = 3", ROWS, &["3"]);
}

#[test]
fn a_connection_whose_changes_nobody_notices_is_never_believed() {
    let store = Store::new();
    let other = store.other_program();
    for _ in 0..4 {
        assert!(store.live.inside(&other, &store.tables[ROWS]).unwrap().is_none());
        other.pragma_update(None, "user_version", 1).unwrap();
    }
}

#[test]
fn what_changes_while_a_view_is_worked_on_stays_marked() {
    let store = Store::new();
    let reader = store.other_program();
    let begin = || Ok(reader.execute_batch("BEGIN; SELECT count(*) FROM rows")?);
    store.conn.execute("DELETE FROM rows WHERE id = 5", []).unwrap();
    let ((), view) = store.live.view(&store.conn, &store.tables, begin).unwrap();
    store.conn.execute("DELETE FROM rows WHERE id = 6", []).unwrap();
    let known = Seen::Reading(&view).of(&reader, &store.tables[ROWS]).unwrap();
    let segments = known.segments(&reader, &store.tables[ROWS], None, &mut |_| {}).unwrap();
    assert_eq!(segments.iter().map(|one| one.rows).sum::<u64>(), 2999);
    assert_eq!(store.marked(ROWS).unwrap(), ["6"]);
    store.look();
}

#[test]
fn an_older_view_does_not_replace_what_a_newer_one_found() {
    let store = Store::new();
    let reader = store.other_program();
    let begin = || Ok(reader.execute_batch("BEGIN; SELECT count(*) FROM rows")?);
    let ((), older) = store.live.view(&store.conn, &store.tables, begin).unwrap();
    store.conn.execute("DELETE FROM rows WHERE id = 5", []).unwrap();
    store.look();
    let known = Seen::Reading(&older).of(&reader, &store.tables[ROWS]).unwrap();
    known.segments(&reader, &store.tables[ROWS], None, &mut |_| {}).unwrap();
    assert!(store.is_known());
    store.look();
}

#[test]
fn too_many_changes_are_read_whole_and_noticed_again_afterwards() {
    let store = Store::new();
    let many = format!(
        "WITH RECURSIVE n (i) AS (SELECT 10000 UNION ALL SELECT i + 1 FROM n WHERE i < 10000 + {MOST})
         INSERT INTO rows (id) SELECT i FROM n"
    );
    let before = store.view();
    store.conn.execute_batch(&many).unwrap();
    assert!(store.marked(ROWS).is_none());
    store.live.keep(&before, &store.tables[ROWS], &[]);
    assert!(store.marked(ROWS).is_none(), "what changed since is not known");
    store.look();
    store.check("DELETE FROM rows WHERE id = 11000", ROWS, &["11000"]);
}

#[test]
fn rows_that_change_while_all_are_read_for_the_first_time_are_known_then() {
    let store = Store::new();
    store.other_program().execute("DELETE FROM pairs", []).unwrap();
    let reader = store.other_program();
    let begin = || Ok(reader.execute_batch("BEGIN; SELECT count(*) FROM rows")?);
    let ((), view) = store.live.view(&store.conn, &store.tables, begin).unwrap();
    store.conn.execute("DELETE FROM rows WHERE id = 5", []).unwrap();
    let known = Seen::Reading(&view).of(&reader, &store.tables[ROWS]).unwrap();
    assert!(known.before.is_none());
    known.segments(&reader, &store.tables[ROWS], None, &mut |_| {}).unwrap();
    assert_eq!(store.marked(ROWS).unwrap(), ["5"]);
    assert!(store.is_known());
    store.look();
}

#[test]
fn cuts_that_come_and_go_give_the_segments_of_a_scan() {
    let store = Store::new();
    let is_cut = |id: &i64| cut::level([&Value::Integer(*id)]) > 0;
    let cuts: Vec<i64> = (1..=3000).filter(is_cut).collect();
    let beyond: Vec<i64> = (3001..9000).filter(is_cut).take(2).collect();
    let changes = [
        format!("DELETE FROM rows WHERE id = {}", cuts[2]),
        format!("DELETE FROM rows WHERE id IN ({}, {})", cuts[3], cuts[4]),
        format!("INSERT INTO rows (id) VALUES ({})", cuts[3]),
        format!("DELETE FROM rows WHERE id >= {}", cuts[cuts.len() - 1]),
        format!("INSERT INTO rows (id) VALUES ({}), ({})", beyond[0], beyond[1] + 1),
        format!("INSERT INTO rows (id) VALUES ({})", beyond[1]),
        format!("DELETE FROM rows WHERE id > {}", beyond[0]),
        format!("DELETE FROM rows WHERE id > {} AND id <= {}", cuts[5], cuts[6]),
        "DELETE FROM rows".to_owned(),
        "INSERT INTO rows (id) VALUES (1)".to_owned(),
        "DELETE FROM rows".to_owned(),
    ];
    for change in changes {
        store.conn.execute_batch(&change).unwrap();
        assert!(store.is_known());
        store.look();
    }
}

#[test]
fn a_known_segment_is_stored_again_where_its_chunk_is_gone_or_damaged() {
    let store = Store::new();
    let chunks = ChunkStore::open(store.folder.path().join("chunks")).unwrap();
    let put = |doubt| {
        let view = store.view();
        let mut writer = chunks.writer(doubt);
        let known = Seen::Reading(&view).of(&store.conn, &store.tables[ROWS]).unwrap();
        let segments = known.segments(&store.conn, &store.tables[ROWS], Some(&mut writer), &mut |_| {}).unwrap();
        (segments, writer.finish().unwrap().chunks)
    };
    let (segments, written) = put(Doubt::Nothing);
    assert_eq!(written, segments.len() as u64);
    assert_eq!(put(Doubt::Nothing).1, 0);
    let file = |at: usize| {
        let name = segments[at].hash.to_string();
        store.folder.path().join("chunks").join(&name[..2]).join(format!("{name}.zst"))
    };
    std::fs::remove_file(file(1)).unwrap();
    assert_eq!(put(Doubt::Nothing).1, 1);
    std::fs::write(file(2), b"damaged").unwrap();
    assert_eq!(put(Doubt::Nothing).1, 0);
    assert_eq!(put(Doubt::These(HashSet::from([segments[2].hash]))).1, 1);
    std::fs::write(file(3), b"damaged").unwrap();
    assert_eq!(put(Doubt::Everything).1, 1);
    for segment in &segments {
        chunks.read(segment.hash, segment.bytes).unwrap();
    }
}

#[test]
fn neither_the_schema_nor_anybody_unlisted_can_call_back() {
    let store = Store::new();
    let call = "SELECT backstitch_row_changed(1, 0, 5)";
    store.conn.execute_batch(&format!("CREATE TRIGGER t AFTER INSERT ON parents BEGIN {call}; END")).unwrap();
    let refused = store.conn.execute("INSERT INTO parents VALUES ('z')", []).unwrap_err();
    assert!(refused.to_string().contains("unsafe use"), "{refused}");
    assert!(store.other_program().query_row(call, [], |_| Ok(())).is_err(), "no other connection has it");
}
