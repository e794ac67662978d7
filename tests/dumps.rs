//! The original service's dumps: malformed ones are refused whole and by their place, sound ones come
//! back as they went, and Python reads and writes the same.

mod columns;
mod python;
mod round_trip;
mod structure;
mod syntax;

use backstitch::domain::Domain;
use backstitch::error::Result;
use backstitch::image::{LiveTable, Table, scan};
use backstitch::progress::Progress;
use backstitch::snapshot::dump::read::{Loaded, load};
use backstitch::snapshot::dump::write::{Source, write};
use backstitch::store::schema;
use rusqlite::Connection;
use serde_json::Value as Json;

use crate::support::{Content, TestStore, rows};

/// An empty store of a domain, in memory.
pub struct Aside {
    pub conn: Connection,
    pub domain: Domain,
}

impl Aside {
    pub fn of(domain: Domain) -> Self {
        let mut conn = Connection::open_in_memory().unwrap();
        conn.pragma_update(None, "foreign_keys", true).unwrap();
        schema::migrate(&mut conn).unwrap();
        domain.create_tables(&conn).unwrap();
        Self { conn, domain }
    }

    pub fn companion() -> Self {
        Self::of(Domain::companion().unwrap())
    }

    pub fn load(&self, dump: &[u8]) -> Result<Loaded> {
        load(dump, &self.conn, &self.domain, &Progress::default())
    }

    pub fn content(&self) -> Content {
        content(&self.conn, &self.domain)
    }
}

/// The log and every table of a domain.
pub fn content(conn: &Connection, domain: &Domain) -> Content {
    let names = domain.tables.iter().map(|table| table.name.clone());
    std::iter::once("event_log".to_owned()).chain(names).map(|name| (name.clone(), rows(conn, &name))).collect()
}

/// A database as a dump.
pub fn dump(conn: &Connection, domain: &Domain) -> Vec<u8> {
    let log = Table::read(conn, "event_log").unwrap();
    let tables: Vec<&Table> = std::iter::once(&log).chain(&domain.tables).collect();
    let live = tables.iter().map(|&table| {
        let segments = scan(conn, table, None, &mut |_| {}).unwrap();
        LiveTable { conn, table, segments }
    });
    let live: Vec<LiveTable<'_>> = live.collect();
    let sources: Vec<Source<'_>> =
        live.iter().map(|live| Source { name: &live.table.name, columns: &live.table.columns, rows: live }).collect();
    let head = conn.query_row("SELECT coalesce(max(id), 0) FROM event_log", [], |row| row.get(0)).unwrap();
    let mut out = Vec::new();
    write(&mut out, head, &sources, &Progress::default()).unwrap();
    out
}

/// A store with the sample story, all of whose tables have rows.
pub fn sample_store() -> TestStore {
    let store = TestStore::new();
    store.append(backstitch::sample::story(1).unwrap());
    store
}

/// A sound dump to be spoilt.
#[derive(Clone)]
pub struct Sound {
    pub json: Json,
}

/// Stands for what JSON cannot say, until the text is there.
const HOLE: &str = "@hole@";

impl Sound {
    pub fn new() -> Self {
        let store = sample_store();
        let bytes = dump(&store.other_program(), &store.engine.domain());
        let mut json: Json = serde_json::from_slice(&bytes).unwrap();
        // A few rows of each table are enough, as long as they keep together.
        json["event_log"].as_array_mut().unwrap().truncate(8);
        json["last_event_id"] = 8.into();
        for event in json["event_log"].as_array_mut().unwrap() {
            event["superseded_by"] = Json::Null;
        }
        json["event_log"][0]["superseded_by"] = 2.into();
        let aside = Aside::companion();
        aside.load(json.to_string().as_bytes()).unwrap();
        let sound = Self { json };
        for (table, _) in sound.columns() {
            assert!(!sound.rows(&table).is_empty(), "{table} has rows to spoil");
        }
        sound
    }

    pub fn bytes(&self) -> Vec<u8> {
        self.json.to_string().into_bytes()
    }

    pub fn rows(&self, table: &str) -> &Vec<Json> {
        self.json[table].as_array().unwrap()
    }

    /// Every column of every table.
    pub fn columns(&self) -> Vec<(String, String)> {
        let tables = self.json.as_object().unwrap().iter().filter(|(_, rows)| rows.is_array());
        tables
            .flat_map(|(table, rows)| {
                rows[0].as_object().unwrap().keys().map(|column| (table.clone(), column.clone())).collect::<Vec<_>>()
            })
            .collect()
    }

    /// The dump with another value in a column of a row.
    pub fn with(&self, table: &str, row: usize, column: &str, value: Json) -> Vec<u8> {
        let mut spoilt = self.clone();
        spoilt.json[table][row][column] = value;
        spoilt.bytes()
    }

    /// The dump with these very bytes in place of a value.
    pub fn with_raw(&self, table: &str, row: usize, column: &str, raw: impl AsRef<[u8]>) -> Vec<u8> {
        replaced(&self.with(table, row, column, HOLE.into()), &format!("\"{HOLE}\""), raw.as_ref())
    }
}

/// The bytes with others in place of a text that stands there once.
pub fn replaced(bytes: &[u8], text: &str, by: &[u8]) -> Vec<u8> {
    let whole = String::from_utf8(bytes.to_vec()).unwrap();
    let at = whole.find(text).unwrap_or_else(|| panic!("{text} stands there"));
    [&bytes[..at], by, &bytes[at + text.len()..]].concat()
}

/// A dump that is to be refused, and words of the error that name the place.
pub struct Case {
    pub name: String,
    pub dump: Vec<u8>,
    pub place: String,
}

impl Case {
    pub fn new(name: impl Into<String>, dump: impl Into<Vec<u8>>, place: impl Into<String>) -> Self {
        Self { name: name.into(), dump: dump.into(), place: place.into() }
    }

    /// What is wrong with how the dump is refused; nothing where all is well.
    fn objection(&self, aside: &Aside) -> Option<String> {
        let Self { name, dump, place } = self;
        let words = match aside.load(dump) {
            Err(error) => error.to_string(),
            Ok(loaded) => return Some(format!("{name} was taken: {loaded:?}")),
        };
        if !words.contains(place) {
            return Some(format!("{name}: {words:?} does not name {place:?}"));
        }
        if words.len() > 400 || words.contains('\n') {
            return Some(format!("{name}: too many words: {words:?}"));
        }
        let left = aside.content().into_iter().find(|(_, rows)| !rows.is_empty());
        left.map(|(table, _)| format!("{name}: {table} has rows"))
    }
}

#[test]
fn three_hundred_malformed_dumps_are_refused_whole_and_by_their_place() {
    let sound = Sound::new();
    let cases: Vec<Case> =
        [syntax::cases(&sound), structure::cases(&sound), columns::cases(&sound)].into_iter().flatten().collect();
    assert!(cases.len() >= 300, "{} cases", cases.len());
    let aside = Aside::companion();
    let wrong: Vec<String> = cases.iter().filter_map(|case| case.objection(&aside)).collect();
    assert!(wrong.is_empty(), "{} of {} cases:\n{}", wrong.len(), cases.len(), wrong.join("\n"));
    aside.load(&sound.bytes()).unwrap();
}
