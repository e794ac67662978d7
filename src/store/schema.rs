//! Backstitch's own tables, in versions.
//!
//! `PRAGMA user_version` counts the migrations that a database has seen. A database with more than
//! this program knows is refused untouched. What stays in the file is SQL of SQLite 3.31,
//! since other programs write `event_log` too.
//!
//! | table | what |
//! | --- | --- |
//! | `event_log` | the source of truth, in id order |
//! | `backstitch_state` | one row: where the store stands |
//! | `backstitch_operations` | one line for each take, restore, rewind, undo …; never rewritten |
//! | `backstitch_domain` | the files of the domain that the projected tables follow |
//! | `backstitch_log_segments` | hashes of closed segments of the log |
//! | `backstitch_checks` | what reading a snapshot whole, or rehearsing its restore, has found |
//! | `backstitch_comparison`, `backstitch_drift` | what comparing the tables with the log found last |
//! | `entity_snapshots` | snapshots of single entities |

use std::path::Path;
use std::time::Duration;

use rusqlite::{Connection, OpenFlags, TransactionBehavior};

use crate::error::{Error, Result};

/// "bkst": tells our databases from others.
const APPLICATION_ID: i32 = 0x626b_7374;

const MIGRATIONS: &[&str] = &[VERSION_1, VERSION_2, VERSION_3];

const VERSION_1: &str = "
CREATE TABLE event_log (
  id            INTEGER PRIMARY KEY AUTOINCREMENT,
  branch_id     INTEGER NOT NULL DEFAULT 1 CONSTRAINT branch_is_a_number CHECK (typeof(branch_id) = 'integer'),
  ts            TEXT NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%fZ', 'now')) CONSTRAINT ts_is_text CHECK (typeof(ts) = 'text'),
  kind          TEXT NOT NULL CONSTRAINT kind_is_a_word CHECK (typeof(kind) = 'text' AND length(kind) BETWEEN 1 AND 200),
  payload_json  TEXT NOT NULL CONSTRAINT payload_is_json CHECK (typeof(payload_json) = 'text' AND json_valid(payload_json) AND instr(payload_json, char(0)) = 0),
  superseded_by INTEGER REFERENCES event_log (id) CONSTRAINT successor_comes_later CHECK (superseded_by IS NULL OR (typeof(superseded_by) = 'integer' AND superseded_by > id)),
  hidden        INTEGER NOT NULL DEFAULT 0 CONSTRAINT hidden_is_0_or_1 CHECK (hidden IN (0, 1))
);
-- Without it, deleting the end of a long log scans the whole log once for each deleted row.
CREATE INDEX event_log_superseded_by ON event_log (superseded_by) WHERE superseded_by IS NOT NULL;

CREATE TABLE backstitch_state (
  id                INTEGER PRIMARY KEY CHECK (id = 1),
  store             TEXT NOT NULL,
  position          INTEGER NOT NULL DEFAULT 0,
  hold              INTEGER,
  epoch             INTEGER NOT NULL DEFAULT 0,
  stale_from        INTEGER,
  stuck_event       INTEGER,
  stuck_reason      TEXT,
  logic             TEXT NOT NULL DEFAULT '',
  barred_from       INTEGER NOT NULL DEFAULT 0,
  barred_to         INTEGER NOT NULL DEFAULT 0,
  snapshot_sequence INTEGER NOT NULL DEFAULT 0
);
INSERT INTO backstitch_state (id, store) VALUES (1, lower(hex(randomblob(16))));

CREATE TABLE backstitch_operations (
  operation INTEGER PRIMARY KEY AUTOINCREMENT,
  what      TEXT NOT NULL,
  at        TEXT NOT NULL,
  means     TEXT NOT NULL,
  detail    TEXT NOT NULL,
  took_ms   INTEGER NOT NULL
);

CREATE TABLE backstitch_domain (path TEXT PRIMARY KEY NOT NULL, content TEXT NOT NULL);

CREATE TABLE backstitch_log_segments (
  first_id INTEGER PRIMARY KEY,
  last_id  INTEGER NOT NULL,
  rows     INTEGER NOT NULL,
  bytes    INTEGER NOT NULL,
  hash     TEXT NOT NULL,
  pieces   TEXT NOT NULL
);

CREATE TABLE backstitch_checks (
  kind       TEXT NOT NULL,
  snapshot   TEXT NOT NULL,
  manifest   TEXT NOT NULL,
  checked_at TEXT NOT NULL,
  damage     TEXT,
  chunk      TEXT,
  PRIMARY KEY (kind, snapshot)
);

-- Until the end of a statement sqlite_sequence still has the highest id from before it.
CREATE TRIGGER event_log_ids_only_grow AFTER INSERT ON event_log
WHEN new.id <= coalesce((SELECT seq FROM sqlite_sequence WHERE name = 'event_log'), 0)
  OR new.id > coalesce((SELECT seq FROM sqlite_sequence WHERE name = 'event_log'), 0) + 1000000
  OR new.id < (SELECT max(id) FROM event_log)
BEGIN
  SELECT raise(ABORT, 'an event id is above every id ever given, by at most a million');
END;
-- Of every update, since rowid, _rowid_ and oid are other names of id.
CREATE TRIGGER event_log_ids_never_change BEFORE UPDATE ON event_log WHEN new.id IS NOT old.id
BEGIN
  SELECT raise(ABORT, 'an event id never changes');
END;
-- Segments do not overlap, so the one that starts last at or below an id is the only one that can
-- hold it.
CREATE TRIGGER event_log_updated AFTER UPDATE ON event_log
BEGIN
  UPDATE backstitch_state SET stale_from = min(coalesce(stale_from, old.id), old.id);
  DELETE FROM backstitch_log_segments
   WHERE first_id = (SELECT max(first_id) FROM backstitch_log_segments WHERE first_id <= old.id)
     AND last_id >= old.id;
END;
CREATE TRIGGER event_log_deleted AFTER DELETE ON event_log
BEGIN
  UPDATE backstitch_state SET stale_from = min(coalesce(stale_from, old.id), old.id);
  DELETE FROM backstitch_log_segments
   WHERE first_id = (SELECT max(first_id) FROM backstitch_log_segments WHERE first_id <= old.id)
     AND last_id >= old.id;
END;
";

const VERSION_2: &str = "
-- Hashes that overlap were kept before; they are found again by the next take.
DELETE FROM backstitch_log_segments;
ALTER TABLE backstitch_state ADD COLUMN clean_sequence INTEGER NOT NULL DEFAULT 0;
ALTER TABLE backstitch_state ADD COLUMN suspect INTEGER NOT NULL DEFAULT 0;
ALTER TABLE backstitch_checks ADD COLUMN proven_at TEXT;
CREATE TABLE backstitch_comparison (
  id       INTEGER PRIMARY KEY CHECK (id = 1),
  at       TEXT NOT NULL,
  position INTEGER NOT NULL,
  applied  INTEGER NOT NULL,
  took_ms  INTEGER NOT NULL,
  tables   TEXT NOT NULL
);
CREATE TABLE backstitch_drift (n INTEGER PRIMARY KEY, name TEXT NOT NULL, content TEXT NOT NULL);
";

const VERSION_3: &str = "
-- Tables of doubtful origin are told by a bar without an end, and not by a mark of their own.
UPDATE backstitch_state
   SET barred_from = CASE WHEN barred_to = 0 THEN snapshot_sequence + 1 ELSE min(barred_from, snapshot_sequence + 1) END,
       barred_to = 9223372036854775807
 WHERE suspect = 1;
ALTER TABLE backstitch_state DROP COLUMN suspect;
CREATE TABLE entity_snapshots (
  n             INTEGER PRIMARY KEY AUTOINCREMENT,
  entity_type   TEXT NOT NULL,
  entity_id     TEXT NOT NULL,
  workflow_id   TEXT NOT NULL,
  version       INTEGER NOT NULL,
  sequence      INTEGER NOT NULL,
  log_hash      TEXT NOT NULL,
  state_hash    TEXT NOT NULL,
  identity_hash TEXT NOT NULL,
  created_at    TEXT NOT NULL,
  logic         TEXT NOT NULL,
  imported      INTEGER NOT NULL DEFAULT 0,
  -- Last, so that the other columns are read without going through a long one.
  state         TEXT NOT NULL,
  UNIQUE (entity_type, entity_id, version, sequence, log_hash)
);
";

/// Brings a database to today's schema; says whether it was empty before.
///
/// # Errors
///
/// Refused where the database is another program's, or of a newer version of this one.
pub fn migrate(conn: &mut Connection) -> Result<bool> {
    let version = refuse_unknown(conn)?;
    if version == MIGRATIONS.len() {
        return Ok(false);
    }
    let transaction = conn.transaction_with_behavior(TransactionBehavior::Immediate)?;
    // Another process may have been quicker.
    let version = refuse_unknown(&transaction)?;
    for migration in MIGRATIONS.iter().skip(version) {
        transaction.execute_batch(migration)?;
    }
    transaction.pragma_update(None, "user_version", MIGRATIONS.len() as i64)?;
    transaction.pragma_update(None, "application_id", APPLICATION_ID)?;
    transaction.commit()?;
    Ok(version == 0)
}

/// Looks at a database before anything is written to it: one of another program, or of a newer
/// version of this one, must stay as it is to the byte, and even setting the journal mode writes.
///
/// # Errors
///
/// As [`migrate`].
pub fn look(path: &Path, busy_timeout: Duration) -> Result<()> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let marks = Connection::open_with_flags(path, flags).and_then(|conn| {
        conn.busy_timeout(busy_timeout)?;
        Marks::read(&conn)
    });
    // One that is not there yet, or that its last writer left to be mended, is the writer's matter.
    marks.map_or(Ok(()), |marks| marks.known().map(|_| ()))
}

fn refuse_unknown(conn: &Connection) -> Result<usize> {
    Marks::read(conn)?.known()
}

/// What tells whose a database is.
struct Marks {
    version: i64,
    application: i32,
    objects: i64,
}

impl Marks {
    fn read(conn: &Connection) -> rusqlite::Result<Self> {
        // One statement, so one moment: another process may be making the database just now.
        let sql = "SELECT (SELECT user_version FROM pragma_user_version),
                          (SELECT application_id FROM pragma_application_id),
                          (SELECT count(*) FROM sqlite_schema)";
        conn.query_row(sql, [], |row| Ok(Self { version: row.get(0)?, application: row.get(1)?, objects: row.get(2)? }))
    }

    /// How many migrations it has seen.
    fn known(&self) -> Result<usize> {
        if self.application != APPLICATION_ID && (self.objects > 0 || self.version != 0) {
            return Err(Error::refused("the database was made by another program, and is left as it is.")
                .hint("Give another file with --db, or another folder with --data-dir."));
        }
        match usize::try_from(self.version) {
            Ok(known) if known <= MIGRATIONS.len() => Ok(known),
            _ => Err(Error::refused(format!(
                "the database has schema {}, and this program knows {}: a newer Backstitch wrote it.",
                self.version,
                MIGRATIONS.len()
            ))
            .hint("Update the program; nothing was changed.")),
        }
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]
    use super::*;

    fn database() -> Connection {
        let mut conn = Connection::open_in_memory().unwrap();
        migrate(&mut conn).unwrap();
        conn
    }

    fn add(conn: &Connection, id: Option<i64>) -> rusqlite::Result<usize> {
        conn.execute("INSERT INTO event_log (id, kind, payload_json) VALUES (?1, 'note', '{}')", [id])
    }

    #[test]
    fn kind_and_payload_are_enough() {
        let conn = database();
        conn.execute("INSERT INTO event_log (kind, payload_json) VALUES ('note', '{}')", []).unwrap();
        let row: (i64, i64, i64) = conn
            .query_row("SELECT id, branch_id, hidden FROM event_log WHERE ts LIKE '20__-__-__T%Z'", [], |row| {
                Ok((row.get(0)?, row.get(1)?, row.get(2)?))
            })
            .unwrap();
        assert_eq!(row, (1, 1, 0));
    }

    #[test]
    fn an_id_is_never_given_twice_and_never_leaps() {
        let conn = database();
        add(&conn, Some(5)).unwrap();
        conn.execute("DELETE FROM event_log", []).unwrap();
        for refused in [0, -1, 1, 5, 5 + 1_000_001] {
            assert!(add(&conn, Some(refused)).is_err(), "{refused}");
        }
        add(&conn, None).unwrap();
        assert_eq!(conn.last_insert_rowid(), 6);
        for name in ["id", "rowid", "_rowid_", "oid"] {
            assert!(conn.execute(&format!("UPDATE event_log SET {name} = 9"), []).is_err(), "{name}");
        }
        let two = |ids: &str| {
            conn.execute(&format!("INSERT OR REPLACE INTO event_log (id, kind, payload_json) VALUES {ids}"), [])
        };
        assert!(two("(20, 'a', '{}'), (19, 'b', '{}')").is_err(), "ids only grow within a statement too");
        assert!(
            conn.execute("INSERT OR REPLACE INTO event_log (id, kind, payload_json) VALUES (6, 'x', '{}')", [])
                .is_err()
        );
        add(&conn, Some(6 + 1_000_000)).unwrap();
    }

    #[test]
    fn what_could_not_be_read_back_is_not_taken() {
        let conn = database();
        add(&conn, None).unwrap();
        for row in ["('x', '{}' || char(0) || 'junk')", "('x', 'no json')", "('', '{}')", "('x', x'7b7d')"] {
            let sql = format!("INSERT INTO event_log (kind, payload_json) VALUES {row}");
            assert!(conn.execute(&sql, []).is_err(), "{row}");
        }
        for change in ["superseded_by = 'abc'", "superseded_by = 1", "branch_id = 'x'", "hidden = 2"] {
            assert!(conn.execute(&format!("UPDATE event_log SET {change}"), []).is_err(), "{change}");
        }
    }

    #[test]
    fn a_change_of_a_row_is_remembered_and_drops_the_hash_of_its_segment_alone() {
        let conn = database();
        for _ in 0..30 {
            add(&conn, None).unwrap();
        }
        conn.execute_batch(
            "INSERT INTO backstitch_log_segments VALUES (1, 10, 10, 1, 'a', '[]'), (11, 20, 10, 1, 'b', '[]');
             UPDATE event_log SET hidden = 1 WHERE id = 25;
             UPDATE event_log SET hidden = 1 WHERE id = 12;",
        )
        .unwrap();
        let left: String =
            conn.query_row("SELECT group_concat(hash) FROM backstitch_log_segments", [], |row| row.get(0)).unwrap();
        let stale: i64 = conn.query_row("SELECT stale_from FROM backstitch_state", [], |row| row.get(0)).unwrap();
        assert_eq!((left.as_str(), stale), ("a", 12));
    }

    #[test]
    fn tables_of_doubtful_origin_stay_barred_through_an_update() {
        let mut conn = Connection::open_in_memory().unwrap();
        conn.execute_batch(VERSION_1).unwrap();
        conn.execute_batch(VERSION_2).unwrap();
        conn.execute_batch("UPDATE backstitch_state SET suspect = 1, snapshot_sequence = 7").unwrap();
        conn.pragma_update(None, "user_version", 2).unwrap();
        conn.pragma_update(None, "application_id", APPLICATION_ID).unwrap();
        migrate(&mut conn).unwrap();
        let state = crate::store::State::read(&conn).unwrap();
        assert!(state.bars(8) && state.bars(1_000_000) && !state.bars(7));
    }

    #[test]
    fn a_newer_schema_and_a_foreign_database_are_refused() {
        let mut conn = database();
        conn.pragma_update(None, "user_version", 99).unwrap();
        assert!(migrate(&mut conn).unwrap_err().message().contains("schema 99"));
        let mut foreign = Connection::open_in_memory().unwrap();
        foreign.execute_batch("CREATE TABLE theirs (x)").unwrap();
        assert!(migrate(&mut foreign).unwrap_err().message().contains("another program"));
    }
}
