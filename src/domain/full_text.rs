//! Checking the full-text indexes: fts5 over a projected table, kept by triggers.
//!
//! Only external content is accepted: the index then holds no text of its own, is no part of a
//! snapshot, and can be rebuilt from the rows at any time.

use std::collections::{BTreeMap, BTreeSet};

use rusqlite::Connection;

use super::error::DomainError;
use super::manifest::{self, FullTextEntry, Manifest};
use super::normal::{Token, normal, unquoted};
use super::schema::{FILE, Places, refuse};
use super::table;
use crate::error::Result;
use crate::image::Table;

/// Words of an fts5 definition that SQLite 3.31 does not know.
const NEWER: [&str; 4] = ["trigram", "contentless_delete", "contentless_unindexed", "locale"];

/// A full-text index over a projected table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FullText {
    /// The fts5 table.
    pub index: String,
    /// The projected table whose text it holds.
    pub table: String,
    /// The columns of both.
    pub columns: Vec<String>,
    /// The INTEGER PRIMARY KEY of the projected table, which is the index's rowid.
    pub rowid: String,
}

/// The declared indexes, which are exactly those of the schema.
pub(super) fn check(
    conn: &Connection,
    manifest: &Manifest,
    text: &str,
    tables: &[Table],
    places: &Places<'_>,
) -> Result<Vec<FullText>> {
    let mut created = BTreeSet::new();
    let mut statement =
        conn.prepare("SELECT name FROM pragma_table_list WHERE schema = 'main' AND type = 'virtual'")?;
    for name in statement.query_map([], |row| row.get::<_, String>(0))? {
        created.insert(name?);
    }
    let mut found = Vec::new();
    for entry in &manifest.full_text {
        let index = entry.index.get_ref();
        if !created.remove(index) {
            let reason = format!("the full-text index {index} is declared, but {FILE} does not create it");
            return Err(manifest::refuse(text, &entry.index, reason).into());
        }
        found.push(check_one(conn, entry, text, tables, places)?);
    }
    match created.first() {
        Some(name) => {
            let reason = format!("the full-text index {name} is not declared in {}", manifest::FILE);
            Err(refuse(places, name, reason).hint("Add a [[full_text]] for it.").into())
        }
        None => Ok(found),
    }
}

fn check_one(
    conn: &Connection,
    entry: &FullTextEntry,
    text: &str,
    tables: &[Table],
    places: &Places<'_>,
) -> Result<FullText> {
    let (index, content) = (entry.index.get_ref(), entry.table.get_ref());
    let options = options(places, index)?;
    let Some(table) = tables.iter().find(|table| table.name == *content) else {
        let reason = format!("the full-text index {index} is over {content}, which is not a listed table");
        return Err(manifest::refuse(text, &entry.table, reason).into());
    };
    if options.get("content").is_none_or(|written| !written.eq_ignore_ascii_case(content)) {
        let reason =
            format!("the full-text index {index} lacks content='{content}', the table that is declared for it");
        return Err(refuse(places, index, reason).into());
    }
    let Some(rowid) = table::rowid_alias(conn, content)? else {
        let reason =
            format!("{content} has no INTEGER PRIMARY KEY, so the full-text index {index} cannot name its rows");
        return Err(refuse(places, index, reason).into());
    };
    if options.get("content_rowid").is_none_or(|written| !written.eq_ignore_ascii_case(&rowid)) {
        let reason = format!("the full-text index {index} lacks content_rowid='{rowid}', the key of {content}");
        return Err(refuse(places, index, reason).into());
    }
    let mut statement = conn.prepare("SELECT name FROM pragma_table_xinfo(?1) WHERE hidden = 0 ORDER BY cid")?;
    let columns: Vec<String> = statement.query_map([index], |row| row.get(0))?.collect::<rusqlite::Result<_>>()?;
    if columns != entry.columns {
        let reason =
            format!("the full-text index {index} has the columns {columns:?} in {FILE}, but {:?} here", entry.columns);
        return Err(manifest::refuse(text, &entry.index, reason).into());
    }
    match columns.iter().find(|column| !table.columns.contains(column)) {
        Some(column) => {
            let reason = format!("the full-text index {index} has the column {column}, which {content} lacks");
            Err(refuse(places, index, reason).into())
        }
        None => Ok(FullText { index: index.clone(), table: content.clone(), columns, rowid }),
    }
}

/// The `name = value` arguments of a CREATE VIRTUAL TABLE … USING fts5.
fn options(places: &Places<'_>, index: &str) -> Result<BTreeMap<String, String>, DomainError> {
    let Some(statement) = places.get(&index.to_ascii_lowercase()) else {
        return Ok(BTreeMap::new());
    };
    let tokens = statement.tokens();
    let using = tokens.iter().position(|token| token.is("USING")).unwrap_or(tokens.len());
    let (module, arguments) = tokens.get(using + 1..).and_then(<[Token<'_>]>::split_first).unzip();
    if !module.is_some_and(|module| unquoted(module.text).eq_ignore_ascii_case("fts5")) {
        return Err(statement.refuse("a virtual table of another kind than fts5 is no part of a domain"));
    }
    let mut options = BTreeMap::new();
    for argument in arguments.unwrap_or_default().split(|token| token.is_sign(",")) {
        let argument: Vec<&Token<'_>> = argument.iter().filter(|t| !t.is_sign("(") && !t.is_sign(")")).collect();
        if let [name, equals, value, ..] = argument.as_slice()
            && equals.is_sign("=")
        {
            options.insert(name.text.to_ascii_lowercase(), unquoted(value.text));
        }
    }
    let written = normal(&statement.sql).to_ascii_lowercase();
    match NEWER.iter().find(|word| written.contains(**word)) {
        Some(word) => Err(statement.refuse(format!("{word} is newer than SQLite 3.31"))),
        None => Ok(options),
    }
}
