//! Triggers and foreign keys off while rows are put back as they were, and surely as before again.
//!
//! `PRAGMA foreign_keys` does nothing inside a transaction, but the switches of
//! `sqlite3_db_config` act at once. So rows can be restored quietly and events replayed with all
//! checks in one and the same transaction; whoever restores checks foreign keys before the commit.

use rusqlite::Connection;
use rusqlite::config::DbConfig;

use crate::error::Result;

/// Runs `work` with triggers and foreign keys off.
///
/// # Errors
///
/// Those of `work`; the switches are put back in any case.
pub fn quietly<T>(conn: &Connection, work: impl FnOnce() -> Result<T>) -> Result<T> {
    let guard = Quiet::new(conn)?;
    let outcome = work();
    guard.end()?;
    outcome
}

const SWITCHES: [DbConfig; 2] = [DbConfig::SQLITE_DBCONFIG_ENABLE_TRIGGER, DbConfig::SQLITE_DBCONFIG_ENABLE_FKEY];

struct Quiet<'a> {
    conn: &'a Connection,
    /// The switches as they were.
    before: [bool; SWITCHES.len()],
}

impl<'a> Quiet<'a> {
    fn new(conn: &'a Connection) -> Result<Self> {
        let mut before = [true; SWITCHES.len()];
        for (was, switch) in before.iter_mut().zip(SWITCHES) {
            *was = conn.db_config(switch)?;
        }
        let guard = Self { conn, before };
        guard.switch([false; SWITCHES.len()])?;
        Ok(guard)
    }

    fn end(self) -> Result<()> {
        self.switch(self.before)
    }

    fn switch(&self, on: [bool; SWITCHES.len()]) -> Result<()> {
        for (switch, on) in SWITCHES.into_iter().zip(on) {
            self.conn.set_db_config(switch, on)?;
        }
        Ok(())
    }
}

impl Drop for Quiet<'_> {
    /// For a panic in between; the switches do not touch the disk, so they do not fail.
    fn drop(&mut self) {
        let _ = self.switch(self.before);
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]
    use super::*;

    #[test]
    fn what_was_off_before_stays_off() {
        let conn = Connection::open_in_memory().unwrap();
        conn.pragma_update(None, "foreign_keys", false).unwrap();
        quietly(&conn, || quietly(&conn, || Ok(()))).unwrap();
        assert!(!conn.db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_FKEY).unwrap());
        assert!(conn.db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_TRIGGER).unwrap());
    }

    #[test]
    fn inside_a_transaction_rows_move_quietly_and_checks_return() {
        let conn = Connection::open_in_memory().unwrap();
        conn.execute_batch(
            "PRAGMA foreign_keys = ON;
             CREATE TABLE parent (id INTEGER PRIMARY KEY);
             CREATE TABLE child (id INTEGER PRIMARY KEY, parent REFERENCES parent ON DELETE CASCADE);
             CREATE TABLE seen (n);
             CREATE TRIGGER t AFTER INSERT ON child BEGIN INSERT INTO seen VALUES (new.id); END;
             INSERT INTO parent VALUES (1); INSERT INTO child VALUES (1, 1);
             BEGIN IMMEDIATE;",
        )
        .unwrap();
        quietly(&conn, || {
            conn.execute("DELETE FROM parent", [])?;
            conn.execute("INSERT INTO child VALUES (2, 77)", [])?;
            Ok(())
        })
        .unwrap();
        let count = |sql: &str| conn.query_row(sql, [], |row| row.get::<_, i64>(0)).unwrap();
        assert_eq!(count("SELECT count(*) FROM child"), 2, "no cascade");
        assert_eq!(count("SELECT count(*) FROM seen"), 1, "no trigger");
        assert!(conn.execute("INSERT INTO child VALUES (3, 78)", []).is_err(), "foreign keys are on again");
        conn.execute("INSERT INTO parent VALUES (78)", []).unwrap();
        conn.execute("INSERT INTO child VALUES (3, 78)", []).unwrap();
        assert_eq!(count("SELECT count(*) FROM seen"), 2, "triggers are on again");
    }
}
