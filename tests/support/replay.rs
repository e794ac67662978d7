//! The log replayed aside, in a database of its own: what the tables must be.

use backstitch::domain::Domain;
use backstitch::progress::Progress;
use backstitch::projection;
use backstitch::store::{schema, state::State};
use rusqlite::Connection;

use super::{Content, rows};

/// Every projected table of a database.
fn tables(conn: &Connection, domain: &Domain) -> Content {
    domain.projected().iter().map(|table| (table.name.clone(), rows(conn, &table.name))).collect()
}

/// An empty database in which the events of a log up to an id were all applied.
pub fn replay(log: &Connection, domain: &Domain, up_to: i64) -> Connection {
    let mut aside = Connection::open_in_memory().unwrap();
    schema::migrate(&mut aside).unwrap();
    domain.create_tables(&aside).unwrap();
    aside.execute_batch("PRAGMA foreign_keys = OFF; DROP TRIGGER event_log_ids_only_grow; BEGIN").unwrap();
    for row in rows(log, "event_log") {
        let marks = vec!["?"; row.len()].join(", ");
        aside.execute(&format!("INSERT INTO event_log VALUES ({marks})"), rusqlite::params_from_iter(&row)).unwrap();
    }
    aside.execute_batch("COMMIT; PRAGMA foreign_keys = ON; PRAGMA recursive_triggers = ON").unwrap();
    projection::apply(&aside, domain, 0, up_to, &Progress::default()).unwrap();
    aside
}

/// Asserts that the tables are what the log up to their position gives, that the position is the
/// end of the log unless they are held or stuck, and that the full-text indexes fit their rows.
pub fn assert_follows(conn: &Connection, domain: &Domain) -> State {
    let reading = conn.unchecked_transaction().unwrap();
    let state = State::read(conn).unwrap();
    let expected = tables(&replay(conn, domain, state.position), domain);
    for (name, rows) in tables(conn, domain) {
        assert_eq!(rows, expected[&name], "{name} is not what the log up to {} gives", state.position);
    }
    if state.hold.is_none() && state.stuck.is_none() {
        assert_eq!(state.position, backstitch::log::head(conn).unwrap(), "the tables are behind: {state:?}");
    }
    drop(reading);
    for index in &domain.full_text {
        let name = &index.index;
        conn.execute(&format!("INSERT INTO {name} ({name}, rank) VALUES ('integrity-check', 1)"), []).unwrap();
    }
    state
}
