//! A dump into a scratch store: all of it, or nothing.
//!
//! One pass over the bytes. Each row is taken as the text it is, at most [`LONGEST_ROW`] of it, then
//! read value by value: a number beyond the range of a double, which stands for an infinity, is
//! still there in its text.
//!
//! Rows come in any order of tables, and ids in any order, so triggers and foreign keys are off
//! while they come; the references are checked once all are there. That also keeps the log's own
//! trigger quiet, which lets ids only grow.

use std::cell::{Cell, RefCell};
use std::fmt;
use std::io::{self, Read};

use rusqlite::{Connection, Transaction, TransactionBehavior};
use serde::de::{self, DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;

use super::column::words;
use super::meter::{Meter, Metered, Stop};
use super::row::Target;
use super::{LARGEST_ID, LAST_EVENT_ID, LONGEST_ROW, checks, clipped};
use crate::domain::Domain;
use crate::error::{Error, ErrorKind, Result};
use crate::image::Table;
use crate::progress::{Progress, Work};
use crate::snapshot::log_image::LOG;
use crate::store::quietly;

/// What a dump has brought.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Loaded {
    /// The log's highest id; 0: empty.
    pub last_event_id: i64,
    /// The rows of each table that the dump names, in its order.
    pub rows: Vec<(String, u64)>,
}

/// Puts a whole dump into a store whose log and tables are empty. The connection is in no
/// transaction.
///
/// # Errors
///
/// Malformed where it is not JSON, too large where a row is, unprocessable where it does not fit the
/// domain or itself, each with the place; what the source and the database answer. The tables are
/// empty then.
pub fn load(source: impl Read, conn: &Connection, domain: &Domain, progress: &Progress) -> Result<Loaded> {
    load_up_to(source, conn, domain, progress, LONGEST_ROW)
}

/// [`load`] of rows of at most so many bytes each.
pub(super) fn load_up_to(
    source: impl Read,
    conn: &Connection,
    domain: &Domain,
    progress: &Progress,
    longest: u64,
) -> Result<Loaded> {
    let transaction = Transaction::new_unchecked(conn, TransactionBehavior::Immediate)?;
    let log = Table::read(conn, LOG)?;
    let loaded = quietly(conn, || {
        let meter = Meter::new(longest);
        Reading::new(conn, domain, &log, &meter, progress).read(source)
    })?;
    checks::check_head(conn, loaded.last_event_id)?;
    for table in std::iter::once(&log).chain(&domain.tables) {
        checks::check_references(conn, table)?;
    }
    checks::rebuild_indexes(conn, domain)?;
    transaction.commit()?;
    Ok(loaded)
}

/// A dump being read, and where.
struct Reading<'a> {
    conn: &'a Connection,
    domain: &'a Domain,
    log: &'a Table,
    meter: &'a Meter,
    work: RefCell<Work>,
    table: RefCell<String>,
    /// Counted from 1; 0: before the first.
    row: Cell<u64>,
    /// The error of this crate that stopped the deserializer, which knows only its own.
    refusal: RefCell<Option<Error>>,
}

impl<'a> Reading<'a> {
    fn new(conn: &'a Connection, domain: &'a Domain, log: &'a Table, meter: &'a Meter, progress: &Progress) -> Self {
        Self {
            conn,
            domain,
            log,
            meter,
            work: RefCell::new(progress.begin("reading the dump", None)),
            table: RefCell::default(),
            row: Cell::new(0),
            refusal: RefCell::new(None),
        }
    }

    fn read(&self, source: impl Read) -> Result<Loaded> {
        let mut json = serde_json::Deserializer::from_reader(Metered::new(source, self.meter));
        let loaded = json.deserialize_any(Whole(self)).and_then(|loaded| json.end().map(|()| loaded));
        loaded.map_err(|error| self.explain(error))
    }

    fn enter(&self, table: &str) {
        table.clone_into(&mut self.table.borrow_mut());
        self.row.set(0);
        self.meter.begin();
    }

    fn next_row(&self) {
        self.row.set(self.row.get() + 1);
        self.meter.begin();
    }

    fn place(&self) -> String {
        match self.row.get() {
            0 => self.table.borrow().clone(),
            row => format!("{}, row {row}", self.table.borrow()),
        }
    }

    /// Keeps the error, and gives the deserializer one of its own to stop with.
    fn refuse<E: de::Error>(&self, error: Error) -> E {
        let place = self.place();
        self.stop(if place.is_empty() { error } else { error.at(place) })
    }

    /// [`Self::refuse`] of an error that has its place.
    fn stop<E: de::Error>(&self, error: Error) -> E {
        *self.refusal.borrow_mut() = Some(error);
        E::custom("refused")
    }

    /// The table of this name: the log, or one of the domain.
    fn find(&self, name: &str) -> Option<&'a Table> {
        std::iter::once(self.log).chain(&self.domain.tables).find(|table| table.name == name)
    }

    fn explain(&self, error: serde_json::Error) -> Error {
        if let Some(refusal) = self.refusal.take() {
            return refusal;
        }
        // On its first line serde knows the very byte, but for one that the meter kept from it.
        let is_known = error.line() == 1 && self.meter.stop().is_none();
        let byte = if is_known { error.column() as u64 } else { self.meter.read() };
        let place = match self.place() {
            place if place.is_empty() => format!("byte {byte}"),
            place => format!("{place}, byte {byte}"),
        };
        let found = match self.meter.stop() {
            Some(Stop::Long) => Error::new(ErrorKind::TooLarge, self.too_long()),
            Some(Stop::Deep) => Error::malformed("lists and objects lie in each other deeper than a dump has them"),
            None if error.is_io() => Error::from(io::Error::from(error)),
            None if error.is_eof() => Error::malformed("it ends in the middle"),
            None if error.is_syntax() && self.meter.is_at_nan() => {
                Error::malformed("NaN and Infinity are no JSON; an infinity is 1e999 in a dump")
            }
            None => Error::malformed(words(&error)),
        };
        found.at(place)
    }

    fn too_long(&self) -> String {
        format!("a row has at most {} bytes", self.meter.longest())
    }
}

/// The object that a dump is.
struct Whole<'r, 'a>(&'r Reading<'a>);

impl Whole<'_, '_> {
    fn last_event_id<'de, A: MapAccess<'de>>(&self, map: &mut A) -> Result<i64, A::Error> {
        let Self(reading) = self;
        if map.next_key::<String>()?.as_deref() != Some(LAST_EVENT_ID) {
            let reason = format!("a dump begins with {LAST_EVENT_ID}");
            return Err(reading.refuse(Error::malformed(reason).at(format!("byte {}", reading.meter.read()))));
        }
        reading.enter(LAST_EVENT_ID);
        let json = map.next_value::<Box<RawValue>>()?;
        let id = json.get().parse().ok().filter(|id| (0..=LARGEST_ID).contains(id));
        id.ok_or_else(|| reading.refuse(Error::malformed(format!("{} is no id of an event", clipped(json.get())))))
    }

    fn table<'de, A: MapAccess<'de>>(&self, name: &str, map: &mut A) -> Result<u64, A::Error> {
        let Self(reading) = self;
        if let Some(table) = reading.find(name) {
            let target = Target::new(reading.conn, table).map_err(|error| reading.refuse(error))?;
            return map.next_value_seed(Rows { reading, target: Some(target) });
        }
        if reading.domain.full_text.iter().any(|index| index.index == name) {
            return map.next_value_seed(Rows { reading, target: None });
        }
        let hint = "A dump is read with the tables of today's domain.";
        Err(reading.refuse(Error::unprocessable("there is no such table.").hint(hint)))
    }
}

impl<'de> Visitor<'de> for Whole<'_, '_> {
    type Value = Loaded;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the object that a dump is")
    }

    /// Serde would repeat the whole text in its error.
    fn visit_str<E: de::Error>(self, _: &str) -> Result<Loaded, E> {
        Err(E::custom("a text is no dump"))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Loaded, A::Error> {
        let Self(reading) = self;
        let last_event_id = self.last_event_id(&mut map)?;
        let mut rows: Vec<(String, u64)> = Vec::new();
        reading.enter("");
        while let Some(name) = map.next_key::<String>()? {
            reading.enter(&clipped(&name));
            if name == LAST_EVENT_ID || rows.iter().any(|(known, _)| *known == name) {
                return Err(reading.refuse(Error::unprocessable("it stands twice in the dump")));
            }
            let count = self.table(&name, &mut map)?;
            rows.push((name, count));
            reading.enter("");
        }
        if rows.iter().any(|(name, _)| name == LOG) {
            return Ok(Loaded { last_event_id, rows });
        }
        reading.enter(LOG);
        Err(reading.refuse(Error::unprocessable("the dump lacks it")))
    }
}

/// The list of a table's rows; without a target its rows are read past.
struct Rows<'r, 'a> {
    reading: &'r Reading<'a>,
    target: Option<Target<'a>>,
}

impl<'de> DeserializeSeed<'de> for Rows<'_, '_> {
    type Value = u64;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<u64, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Rows<'_, '_> {
    type Value = u64;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list of rows")
    }

    /// Serde would repeat the whole text in its error.
    fn visit_str<E: de::Error>(self, _: &str) -> Result<u64, E> {
        Err(E::custom("a text is no list of rows"))
    }

    fn visit_map<A: MapAccess<'de>>(self, _: A) -> Result<u64, A::Error> {
        Err(de::Error::custom("an object is no list of rows; a snapshot's manifest has objects here, a dump lists"))
    }

    fn visit_seq<A: SeqAccess<'de>>(mut self, mut rows: A) -> Result<u64, A::Error> {
        let reading = self.reading;
        let mut count = 0;
        loop {
            reading.next_row();
            match &mut self.target {
                None if rows.next_element::<IgnoredAny>()?.is_none() => return Ok(count),
                None => {}
                Some(target) => match rows.next_element::<Box<RawValue>>()? {
                    None => return Ok(count),
                    Some(row) => target.put(row.get()).map_err(|misfit| reading.stop(misfit.at(&reading.place())))?,
                },
            }
            count += 1;
            reading.work.borrow_mut().advance(1);
        }
    }
}
