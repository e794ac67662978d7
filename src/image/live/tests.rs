//! That an image which is kept is that of a scan, and is thrown away in doubt.
#![expect(clippy::unwrap_used, reason = "tests")]

mod noticing;

use std::collections::HashSet;

use rusqlite::Connection;
use tempfile::TempDir;

use super::*;
use crate::image::{ChunkStore, Doubt, cut};
use crate::store::connection;

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
