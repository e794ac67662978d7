//! Random tables in memory, random changes to them, and their images.

use backstitch::image::restore::{delete_differing, insert_missing};
use backstitch::image::table::quote;
use backstitch::image::{ChunkStore, Counts, LiveTable, Root, Segment, StoredTable, Table, Value, index, scan};
use backstitch::store::quietly;
use proptest::collection::vec;
use proptest::prelude::*;
use rusqlite::{Connection, ErrorCode, params_from_iter};

use super::values::{key, value};

/// What a stored column takes.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Column {
    Id,
    Key,
    Value,
    Unique,
    /// The first column of the key of some row.
    Parent,
}

use Column::{Id, Key, Parent, Unique, Value as Any};

const SHAPES: [(&str, &[Column]); 9] = [
    (
        "CREATE TABLE t (id INTEGER PRIMARY KEY, v, u UNIQUE, p REFERENCES t (id));
         CREATE TRIGGER t_ad AFTER DELETE ON t BEGIN UPDATE t SET v = 'touched' WHERE id > old.id; END;
         CREATE TRIGGER t_ai AFTER INSERT ON t BEGIN DELETE FROM t WHERE v = 'never'; END",
        &[Id, Any, Unique, Parent],
    ),
    (
        "CREATE TABLE t (k TEXT PRIMARY KEY NOT NULL, a TEXT, b NUMERIC, c INTEGER, d REAL, e BLOB)",
        &[Key, Any, Any, Any, Any, Any],
    ),
    (
        "CREATE TABLE t (\"a \"\"v\", \"select\" NOT NULL, a NOT NULL, u UNIQUE, PRIMARY KEY (a, \"select\"))",
        &[Any, Key, Key, Unique],
    ),
    (
        "CREATE TABLE t (k NOT NULL, v, u UNIQUE, p REFERENCES t (k) ON DELETE CASCADE ON UPDATE CASCADE, PRIMARY KEY (k)) WITHOUT ROWID",
        &[Key, Any, Unique, Parent],
    ),
    (
        "CREATE TABLE t (id INTEGER PRIMARY KEY, g AS (quote(v)) VIRTUAL, v, s AS (typeof(v) || id) STORED, u, w AS (u) STORED UNIQUE)",
        &[Id, Any, Unique],
    ),
    ("CREATE TABLE t (k PRIMARY KEY NOT NULL, v)", &[Key, Any]),
    (
        "CREATE TABLE t (b NOT NULL, v, a NOT NULL, g AS (hex(v)) VIRTUAL, PRIMARY KEY (a DESC, b)) WITHOUT ROWID",
        &[Key, Any, Key],
    ),
    ("CREATE TABLE t (k ANY NOT NULL PRIMARY KEY, v ANY, i INT, r REAL) STRICT", &[Key, Any, Id, Any]),
    (
        "CREATE TABLE t (id INTEGER PRIMARY KEY AUTOINCREMENT, u UNIQUE ON CONFLICT REPLACE, v NOT NULL ON CONFLICT IGNORE)",
        &[Id, Unique, Any],
    ),
];

/// One change to a table. What breaks a constraint does nothing.
#[derive(Debug, Clone)]
pub enum Op {
    Put {
        replace: bool,
        seed: u16,
        values: Vec<Value>,
    },
    Set {
        row: u16,
        column: u16,
        seed: u16,
        value: Value,
    },
    Delete {
        row: u16,
    },
    /// Two rows exchange what is unique among them.
    Exchange {
        a: u16,
        b: u16,
    },
    /// Many rows at once, so that there are several segments.
    Fill {
        from: u16,
        rows: u16,
    },
}

/// A table: how it is made, and how it comes from nothing to A and from A to B.
#[derive(Debug, Clone)]
pub struct Changes {
    shape: usize,
    to_a: Vec<Op>,
    to_b: Vec<Op>,
}

pub fn changes() -> impl Strategy<Value = Changes> {
    (0..SHAPES.len(), vec(op(), 0..25), vec(op(), 0..15)).prop_map(|(shape, to_a, to_b)| Changes { shape, to_a, to_b })
}

fn op() -> impl Strategy<Value = Op> {
    // A narrow range, so that keys meet again.
    let seed = 0..300_u16;
    prop_oneof![
        10 => (any::<bool>(), seed.clone(), vec(value(), 5)).prop_map(|(replace, seed, values)| Op::Put { replace, seed, values }),
        4 => (any::<u16>(), 0..6_u16, seed.clone(), value()).prop_map(|(row, column, seed, value)| Op::Set { row, column, seed, value }),
        3 => any::<u16>().prop_map(|row| Op::Delete { row }),
        3 => (any::<u16>(), any::<u16>()).prop_map(|(a, b)| Op::Exchange { a, b }),
        1 => (seed, 1..500_u16).prop_map(|(from, rows)| Op::Fill { from, rows }),
    ]
}

/// A table `t` in a database in memory.
pub struct TestTable {
    pub conn: Connection,
    pub table: Table,
    columns: &'static [Column],
}

impl Changes {
    /// The empty table.
    pub fn table(&self) -> TestTable {
        let (sql, columns) = SHAPES[self.shape];
        let conn = Connection::open_in_memory().unwrap();
        conn.execute_batch("PRAGMA foreign_keys = ON; PRAGMA recursive_triggers = ON").unwrap();
        conn.execute_batch(sql).unwrap();
        let table = Table::read(&conn, "t").unwrap();
        TestTable { conn, table, columns }
    }

    pub fn go_to_a(&self, table: &TestTable) {
        table.run(&self.to_a);
    }

    pub fn go_to_b(&self, table: &TestTable) {
        table.run(&self.to_b);
    }
}

impl TestTable {
    fn run(&self, ops: &[Op]) {
        self.conn.execute_batch("BEGIN").unwrap();
        ops.iter().for_each(|op| self.run_one(op));
        self.conn.execute_batch("COMMIT").unwrap();
    }

    fn run_one(&self, op: &Op) {
        match op {
            Op::Put { replace, seed, values } => self.put(*replace, *seed, values),
            Op::Set { row, column, seed, value } => {
                let at = usize::from(*column) % self.columns.len();
                self.set(at, &self.cell(self.columns[at], *seed, value), &self.key_of(*row));
            }
            Op::Delete { row } => {
                let sql = format!("DELETE FROM t WHERE ({}) = ({})", self.table.key_list(), self.key_marks());
                self.try_run(&sql, &self.key_of(*row));
            }
            Op::Exchange { a, b } => self.exchange(*a, *b),
            Op::Fill { from, rows } => {
                (*from..from + rows).for_each(|seed| self.put(false, seed, &[Value::Integer(seed.into())]));
            }
        }
    }

    fn put(&self, replace: bool, seed: u16, values: &[Value]) {
        let row: Vec<Value> = (0_u16..)
            .zip(self.columns)
            .map(|(at, &column)| self.cell(column, seed.wrapping_add(at), &values[usize::from(at) % values.len()]))
            .collect();
        let verb = if replace { "INSERT OR REPLACE" } else { "INSERT" };
        self.try_run(&format!("{verb} INTO t ({}) VALUES ({})", self.table.column_list(), marks(row.len())), &row);
    }

    fn exchange(&self, a: u16, b: u16) {
        let Some(at) = self.columns.iter().position(|column| *column == Unique) else { return };
        let (a, b) = (self.key_of(a), self.key_of(b));
        let sql = format!(
            "SELECT {} FROM t WHERE ({}) = ({})",
            quote(&self.table.columns[at]),
            self.table.key_list(),
            self.key_marks()
        );
        let read = |key: &[Value]| {
            self.conn
                .query_row(&sql, params_from_iter(key), |row| Ok(Value::from(row.get_ref(0)?)))
                .unwrap_or(Value::Null)
        };
        let (of_a, of_b) = (read(&a), read(&b));
        self.set(at, &Value::Null, &a);
        self.set(at, &of_a, &b);
        self.set(at, &of_b, &a);
    }

    fn set(&self, column: usize, value: &Value, key: &[Value]) {
        let column = quote(&self.table.columns[column]);
        let sql = format!("UPDATE t SET {column} = ? WHERE ({}) = ({})", self.table.key_list(), self.key_marks());
        let parameters: Vec<Value> = std::iter::once(value).chain(key).cloned().collect();
        self.try_run(&sql, &parameters);
    }

    fn cell(&self, column: Column, seed: u16, value: &Value) -> Value {
        match column {
            Id => Value::Integer(seed.into()),
            Key => key(seed),
            Any => value.clone(),
            Unique if seed.is_multiple_of(9) => Value::Null,
            Unique => Value::Integer((seed % 700).into()),
            Parent if seed.is_multiple_of(3) => Value::Null,
            Parent => self.key_of(seed).swap_remove(0),
        }
    }

    /// The key of some row; one of NULLs where there is none.
    fn key_of(&self, row: u16) -> Vec<Value> {
        let sql = format!(
            "SELECT {0} FROM t ORDER BY {0} LIMIT 1 OFFSET ? % max(1, (SELECT count(*) FROM t))",
            self.table.key_list()
        );
        let parts = self.table.key.len();
        let read = |row: &rusqlite::Row<'_>| (0..parts).map(|at| Ok(Value::from(row.get_ref(at)?))).collect();
        self.conn.prepare_cached(&sql).unwrap().query_row([row], read).unwrap_or(vec![Value::Null; parts])
    }

    fn key_marks(&self) -> String {
        marks(self.table.key.len())
    }

    fn try_run(&self, sql: &str, parameters: &[Value]) {
        match self.conn.prepare_cached(sql).unwrap().execute(params_from_iter(parameters)) {
            Ok(_) => {}
            Err(error) => {
                let code = error.sqlite_error_code();
                assert!(
                    matches!(code, Some(ErrorCode::ConstraintViolation | ErrorCode::TypeMismatch)),
                    "{sql}: {error}"
                );
            }
        }
    }

    /// All rows with generated columns, in the key's order.
    pub fn rows(&self) -> Vec<Vec<Value>> {
        let mut statement = self.conn.prepare(&format!("SELECT * FROM t ORDER BY {}", self.table.key_list())).unwrap();
        let columns = statement.column_count();
        let read = |row: &rusqlite::Row<'_>| (0..columns).map(|at| Ok(Value::from(row.get_ref(at)?))).collect();
        statement.query_map([], read).unwrap().collect::<Result<_, _>>().unwrap()
    }

    /// Stored columns only, in the key's order.
    pub fn stored_rows(&self) -> Vec<Vec<Value>> {
        crate::support::rows(&self.conn, "t")
    }

    pub fn insert(&self, row: &[Value]) {
        let sql = format!("INSERT INTO t ({}) VALUES ({})", self.table.column_list(), marks(row.len()));
        self.conn.prepare_cached(&sql).unwrap().execute(params_from_iter(row)).unwrap();
    }

    pub fn segments(&self) -> Vec<Segment> {
        scan(&self.conn, &self.table, None, &mut |_| {}).unwrap()
    }

    pub fn live(&self) -> LiveTable<'_> {
        LiveTable { conn: &self.conn, table: &self.table, segments: self.segments() }
    }

    /// Writes the image of the table; answers the top of its index.
    pub fn take(&self, chunks: &ChunkStore) -> Option<Root> {
        let mut writer = chunks.writer(backstitch::image::Doubt::Nothing);
        let segments = scan(&self.conn, &self.table, Some(&mut writer), &mut |_| {}).unwrap();
        let root = index::write(&segments, &mut writer).unwrap();
        writer.finish().unwrap();
        root
    }

    pub fn stored<'a>(&self, chunks: &'a ChunkStore, root: Option<&Root>) -> StoredTable<'a> {
        let segments = index::read(chunks, root).unwrap().segments;
        StoredTable { store: chunks, name: "t", columns: self.table.columns.len(), segments }
    }

    /// Restores by difference, as the engine does, and checks the table's own order after it.
    pub fn restore(&self, then: &StoredTable<'_>) -> Counts {
        self.conn.execute_batch("BEGIN").unwrap();
        let now = self.live();
        let counts = quietly(&self.conn, || {
            let counts = delete_differing(then, &now, &[], &mut |_| {})?;
            insert_missing(then, &now, &[], &mut |_| {})?;
            Ok(counts)
        });
        self.conn.execute_batch("COMMIT").unwrap();
        let sound: String = self.conn.query_row("PRAGMA integrity_check", [], |row| row.get(0)).unwrap();
        assert_eq!(sound, "ok");
        assert!(!self.conn.prepare("PRAGMA foreign_key_check").unwrap().exists([]).unwrap());
        counts.unwrap()
    }
}

pub fn marks(count: usize) -> String {
    vec!["?"; count].join(", ")
}
