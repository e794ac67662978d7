//! Reading the projected tables, as they are now or as of an event, and the names of speakers.

use std::collections::HashMap;
use std::collections::hash_map::Entry;

use rusqlite::types::Value as Parameter;
use rusqlite::{Connection, OptionalExtension, params_from_iter};
use serde::Serialize;

use super::Engine;
use crate::domain::Domain;
use crate::error::{Error, Result};
use crate::image::table::quote;
use crate::image::{Table, Value, codec};
use crate::log::{self, Event};
use crate::progress::Task;
use crate::snapshot::take::row_count;
use crate::store::State;

/// A projected table and how many rows it has.
#[derive(Debug, Clone, Serialize)]
pub struct TableCount {
    /// The table.
    pub name: String,
    /// Its rows.
    pub rows: u64,
    /// Whether it can be searched by full text.
    pub full_text: bool,
}

/// Which rows of a table to read.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RowQuery {
    /// Only rows with these words: full-text search where the table has an index, else rows with
    /// this text in a value.
    pub q: Option<String>,
    /// The column to sort by, a `-` before it for the highest first; the key by default.
    pub sort: Option<String>,
    /// Where the page before ended, as `next_after` gives it.
    pub after: Option<String>,
    /// At most so many rows; all by default.
    pub limit: Option<usize>,
}

/// The rows of a projected table.
#[derive(Debug, Clone, Serialize)]
pub struct TableRows {
    /// The table.
    pub table: String,
    /// The event that the rows are as of.
    pub at: i64,
    /// Its columns.
    pub columns: Vec<String>,
    /// Its rows, in the order asked for.
    pub rows: Vec<Vec<Value>>,
    /// Give this as `after` for the next page; none on the last.
    pub next_after: Option<String>,
    /// Where the key's columns stand in `columns`.
    #[serde(skip)]
    pub key: Vec<usize>,
}

/// The names of speakers, by the kind of turn and what the turn calls them.
#[derive(Debug, Clone, Default)]
pub struct SpeakerNames(HashMap<(String, String), String>);

impl SpeakerNames {
    /// The name of who speaks in a turn of this kind; what the turn calls them where it has none.
    pub fn name<'s>(&'s self, kind: &str, speaker: &'s str) -> &'s str {
        self.0.get(&(kind.to_owned(), speaker.to_owned())).map_or(speaker, String::as_str)
    }

    fn find(&mut self, conn: &Connection, domain: &Domain, event: &Event) -> Result<()> {
        let turn = domain.turns.iter().find(|turn| turn.kind == event.kind);
        let Some((turn, sql)) = turn.and_then(|turn| Some((turn, turn.speaker_name.as_deref()?))) else {
            return Ok(());
        };
        let payload: serde_json::Value = serde_json::from_str(event.payload.get()).unwrap_or_default();
        let Some(speaker) = turn.speaker_of(&payload) else { return Ok(()) };
        if let Entry::Vacant(place) = self.0.entry((event.kind.clone(), speaker.clone())) {
            let name = conn.prepare_cached(sql)?.query_row(&[(":speaker", &speaker)], |row| row.get(0)).optional()?;
            place.insert(name.unwrap_or(speaker));
        }
        Ok(())
    }
}

impl Engine {
    /// The projected tables with their counts, in the domain's order, and the event that they are
    /// as of.
    ///
    /// # Errors
    ///
    /// Where the database fails.
    pub fn tables(&self) -> Result<(i64, Vec<TableCount>)> {
        let domain = self.domain();
        self.readers.read(|conn| Ok((State::read(conn)?.position, count_rows(conn, &domain)?)))
    }

    /// The names of the speakers of some events, where the domain tells how to find one.
    ///
    /// # Errors
    ///
    /// Where the database fails.
    pub fn speaker_names(&self, events: &[Event]) -> Result<SpeakerNames> {
        let domain = self.domain();
        let mut names = SpeakerNames::default();
        self.readers.read(|conn| {
            for event in events {
                names.find(conn, &domain, event)?;
            }
            Ok(names)
        })
    }

    /// Rows of a projected table, now.
    ///
    /// # Errors
    ///
    /// Not found where the domain has no such table; malformed where a field of the query is.
    pub fn state(&self, name: &str, query: &RowQuery) -> Result<TableRows> {
        let domain = self.domain();
        let table = find_table(&domain, name)?;
        self.readers.read(|conn| read_rows(conn, State::read(conn)?.position, &domain, table, query))
    }

    /// Rows of a projected table as of an event, without touching the live one.
    ///
    /// # Errors
    ///
    /// As [`Engine::state`]; malformed for an event past the log's end; unprocessable where the log
    /// up to there does not replay.
    ///
    /// # Example
    ///
    /// ```
    /// # use backstitch::{engine::{Engine, Options, RowQuery}, log::NewEvent};
    /// # fn main() -> backstitch::error::Result<()> {
    /// # let folder = tempfile::tempdir()?;
    /// # let store = Engine::open(Options::new(folder.path()))?;
    /// for id in ["ada", "bob"] {
    ///     let payload = format!(r#"{{"bot_id": "{id}", "name": "{id}", "persona": "A bot."}}"#);
    ///     store.append(vec![NewEvent::new("bot_created", payload)?])?;
    /// }
    /// assert_eq!(store.state_at("bots", 1, &RowQuery::default())?.rows.len(), 1);
    /// assert_eq!(store.state_at("bots", 2, &RowQuery::default())?.rows.len(), 2);
    /// # Ok(())
    /// # }
    /// ```
    pub fn state_at(&self, name: &str, at: i64, query: &RowQuery) -> Result<TableRows> {
        let _task = self.core.progress.task(Task::Past);
        let domain = self.domain();
        let table = find_table(&domain, name)?;
        self.at_moment(at, check_moment, |_, _, moment| {
            let searched = query.q.as_deref().is_some_and(|q| !q.trim().is_empty());
            if searched && index_of(&domain, name).is_some() {
                moment.scratch().index()?;
            }
            read_rows(moment.scratch().conn(), at, &domain, table, query)
        })
    }

    /// The projected tables with their counts as of an event.
    ///
    /// # Errors
    ///
    /// As [`Engine::state_at`].
    pub fn tables_at(&self, at: i64) -> Result<Vec<TableCount>> {
        let _task = self.core.progress.task(Task::Past);
        let domain = self.domain();
        self.at_moment(at, check_moment, |_, _, moment| count_rows(moment.scratch().conn(), &domain))
    }
}

/// Refuses an event that the log has not come to.
pub(super) fn check_moment(conn: &Connection, at: i64) -> Result<()> {
    let head = log::head(conn)?;
    if (0..=head).contains(&at) {
        return Ok(());
    }
    Err(Error::malformed(format!("at must be from 0 to {head}, the last event of the log")))
}

pub(super) fn find_table<'d>(domain: &'d Domain, name: &str) -> Result<&'d Table> {
    let found = domain.tables.iter().find(|table| table.name == name);
    found.ok_or_else(|| Error::not_found(format!("the domain has no table {name:?}")))
}

fn count_rows(conn: &Connection, domain: &Domain) -> Result<Vec<TableCount>> {
    let counted = domain.tables.iter().map(|table| {
        let full_text = index_of(domain, &table.name).is_some();
        Ok(TableCount { name: table.name.clone(), rows: row_count(conn, table)?, full_text })
    });
    counted.collect()
}

/// The full-text index of a table.
fn index_of<'d>(domain: &'d Domain, table: &str) -> Option<(&'d str, &'d str)> {
    let found = domain.full_text.iter().find(|index| index.table == table);
    found.map(|index| (index.index.as_str(), index.rowid.as_str()))
}

fn read_rows(conn: &Connection, at: i64, domain: &Domain, table: &Table, query: &RowQuery) -> Result<TableRows> {
    let skipped = parse_after(query.after.as_deref())?;
    let (condition, parameter) = search(domain, table, query.q.as_deref())?;
    // One row more than asked for tells whether there is another page.
    let limit = query.limit.map_or(-1, |limit| i64::try_from(limit).unwrap_or(i64::MAX - 1) + 1);
    let sql = format!(
        "SELECT {} FROM {} {condition} ORDER BY {} LIMIT {limit} OFFSET {skipped}",
        table.column_list(),
        table.quoted(),
        order(table, query.sort.as_deref())?,
    );
    let columns = table.columns.len();
    let mut statement = conn.prepare(&sql)?;
    let rows = statement.query_map(params_from_iter(parameter), |row| codec::row_values(row, columns))?;
    let mut rows: Vec<Vec<Value>> = rows.collect::<rusqlite::Result<_>>()?;
    let more = query.limit.is_some_and(|limit| rows.len() > limit);
    rows.truncate(query.limit.unwrap_or(usize::MAX));
    Ok(TableRows {
        table: table.name.clone(),
        at,
        columns: table.columns.clone(),
        key: table.key.clone(),
        next_after: more.then(|| (skipped + rows.len() as u64).to_string()),
        rows,
    })
}

fn parse_after(after: Option<&str>) -> Result<u64> {
    let parsed = after.map_or(Ok(0), str::parse);
    parsed
        .ok()
        .filter(|&rows| rows <= i64::MAX as u64)
        .ok_or_else(|| Error::malformed("after must be a number of rows, as next_after gives it"))
}

fn order(table: &Table, sort: Option<&str>) -> Result<String> {
    let key = table.key_list();
    let Some(sort) = sort else { return Ok(key) };
    let (name, direction) = sort.strip_prefix('-').map_or((sort, ""), |name| (name, " DESC"));
    if !table.columns.iter().any(|column| column == name) {
        return Err(Error::malformed(format!("sort must be a column of {}, perhaps with a - before it", table.name)));
    }
    Ok(format!("{}{direction}, {key}", quote(name)))
}

/// The condition of a search and its parameter.
fn search(domain: &Domain, table: &Table, q: Option<&str>) -> Result<(String, Option<Parameter>)> {
    let Some(q) = q.map(str::trim).filter(|q| !q.is_empty()) else { return Ok((String::new(), None)) };
    if let Some((index, rowid)) = index_of(domain, &table.name) {
        let index = quote(index);
        let condition = format!("WHERE {} IN (SELECT rowid FROM {index} WHERE {index} MATCH ?1)", quote(rowid));
        return Ok((condition, Some(words(q).into())));
    }
    let any = table.columns.iter().map(|column| format!("instr(lower({}), lower(?1)) > 0", quote(column)));
    Ok((format!("WHERE {}", any.collect::<Vec<_>>().join(" OR ")), Some(q.to_owned().into())))
}

/// All of the words, each taken as it is: a quote or a dash is no operator. A star at the end of
/// a word finds what begins with it.
fn words(q: &str) -> String {
    let word = |word: &str| match word.strip_suffix('*') {
        Some(start) if !start.is_empty() => format!("\"{}\"*", start.replace('"', "\"\"")),
        _ => format!("\"{}\"", word.replace('"', "\"\"")),
    };
    q.split_whitespace().map(word).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_no_operators() {
        assert_eq!(words("don't \"NEAR oph*"), "\"don't\" \"\"\"NEAR\" \"oph\"*");
    }
}
