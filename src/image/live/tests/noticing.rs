//! That every way in which rows change is noticed.

use super::super::noticing::stop;
use super::*;
use crate::store::quietly;

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
fn where_nothing_is_noticed_any_more_nothing_is_known_until_the_next_view_or_a_rollback() {
    let store = Store::new();
    store.conn.execute_batch("BEGIN IMMEDIATE").unwrap();
    stop(&store.conn).unwrap();
    store.conn.execute_batch("DELETE FROM rows; INSERT INTO rows (id) VALUES (3), (4)").unwrap();
    assert!(!store.is_known());
    store.conn.execute_batch("ROLLBACK").unwrap();
    assert!(store.is_known());
    store.check("DELETE FROM rows WHERE id = 3", ROWS, &["3"]);
    stop(&store.conn).unwrap();
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
fn neither_the_schema_nor_anybody_unlisted_can_call_back() {
    let store = Store::new();
    let call = "SELECT backstitch_row_changed(1, 0, 5)";
    store.conn.execute_batch(&format!("CREATE TRIGGER t AFTER INSERT ON parents BEGIN {call}; END")).unwrap();
    let refused = store.conn.execute("INSERT INTO parents VALUES ('z')", []).unwrap_err();
    assert!(refused.to_string().contains("unsafe use"), "{refused}");
    assert!(store.other_program().query_row(call, [], |_| Ok(())).is_err(), "no other connection has it");
}
