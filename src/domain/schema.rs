//! Checking `schema.sql` in a scratch database: what it may create, and what a table must be.
//!
//! The scratch database is in memory and is thrown away, so that a refusal touches nothing.

use std::collections::{BTreeMap, BTreeSet};

use rusqlite::Connection;

use super::error::DomainError;
use super::full_text::{self, FullText};
use super::manifest::{self, Manifest};
use super::normal::{Kind, Token, normal, unquoted};
use super::order;
use super::statements::{Statement, split};
use super::table;
use super::watch::{Rules, Watch};
use crate::error::Result;
use crate::image::Table;
use crate::image::table::quote;

/// The file's path within the domain's folder.
pub(super) const FILE: &str = "schema.sql";

/// Names that Backstitch keeps for tables of its own.
///
/// The last two are keys of a snapshot's file, beside those of its tables.
const RESERVED: [&str; 6] =
    ["event_log", "entity_snapshots", "entity_events", "log_segments", "last_event_id", "backstitch"];

/// What Backstitch's further names begin with.
const RESERVED_PREFIX: &str = "backstitch_";

/// Which events belong to which entity: a projected table that is Backstitch's own, there where a
/// domain has entities. One key serves both questions, an entity's events and how many there are since
/// one of them; a second index made the database of Shakespeare's plays a tenth larger.
pub const ENTITY_EVENTS: &str = "entity_events";

pub(super) const ENTITY_EVENTS_SQL: &str = "CREATE TABLE entity_events (
       type     TEXT NOT NULL,
       id       TEXT NOT NULL CONSTRAINT entity_events_id_is_text CHECK (typeof(id) = 'text'),
       event_id INTEGER NOT NULL,
       PRIMARY KEY (type, id, event_id)
     ) WITHOUT ROWID";

/// A table, index or trigger as `sqlite_schema` has it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Object {
    /// `table`, `index` or `trigger`.
    pub kind: String,
    /// Its name.
    pub name: String,
    /// The table that it belongs to.
    pub table: String,
    /// Its SQL without comments and blanks; an index that follows from a key has none.
    pub sql: Option<String>,
}

/// A schema that has passed.
#[derive(Debug)]
pub(super) struct Schema {
    /// What creates everything, in order.
    pub statements: Vec<String>,
    /// The projected tables, as listed.
    pub tables: Vec<Table>,
    /// Those, and [`ENTITY_EVENTS`] where the domain has entities.
    pub projected: Vec<Table>,
    /// The full-text indexes, as declared.
    pub full_text: Vec<FullText>,
    /// Everything that the statements create, but for the inner tables of full-text indexes.
    pub objects: BTreeSet<Object>,
    /// What handlers and queries may touch.
    pub rules: Rules,
}

/// What a statement of the file creates.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Form {
    Table,
    Index,
    Trigger,
    FullText,
}

/// The statements by the name of what they create, in small letters.
pub(super) type Places<'a> = BTreeMap<String, &'a Statement>;

/// Creates the schema in a scratch database and checks it.
///
/// # Errors
///
/// The first refusal, with its place.
pub(super) fn load(conn: &Connection, manifest: &Manifest, manifest_text: &str, text: &str) -> Result<Schema> {
    let statements = split(FILE, text);
    let mut places = Places::new();
    let mut triggers = Vec::new();
    for statement in &statements {
        let (form, name) = form(statement)?;
        check_syntax(statement)?;
        check_name(statement, &name)?;
        create(conn, statement)?;
        if form == Form::Trigger {
            triggers.push((statement, name.clone()));
        }
        places.insert(name.to_ascii_lowercase(), statement);
    }
    let tables = listed(conn, manifest, manifest_text, &places)?;
    for found in &tables {
        table::check(conn, found, &tables, &places)?;
    }
    let full_text = full_text::check(conn, manifest, manifest_text, &tables, &places)?;
    let mut sql: Vec<String> = statements.iter().map(|statement| statement.sql.clone()).collect();
    let mut projected = tables.clone();
    if !manifest.entities.is_empty() {
        projected.push(create_entity_events(conn)?);
        sql.push(ENTITY_EVENTS_SQL.to_owned());
    }
    let names = projected.iter().map(|table| &table.name).chain(full_text.iter().map(|index| &index.index));
    let objects = objects(conn, names)?;
    let rules = rules(conn, &tables, &full_text, &objects)?;
    check_triggers(conn, &rules, &tables, &triggers, &places)?;
    Ok(Schema { tables, projected, full_text, objects, rules, statements: sql })
}

fn create_entity_events(conn: &Connection) -> Result<Table> {
    conn.execute_batch(ENTITY_EVENTS_SQL)?;
    Table::read(conn, ENTITY_EVENTS)
}

/// The refusal at the statement that creates this name.
pub(super) fn refuse(places: &Places<'_>, name: &str, reason: impl Into<String>) -> DomainError {
    match places.get(&name.to_ascii_lowercase()) {
        Some(statement) => statement.refuse(reason),
        None => DomainError::at(FILE, None, reason),
    }
}

/// The tables, indexes and triggers of these tables, with those that `schema.sql` does not know.
pub(super) fn objects<'a>(
    conn: &Connection,
    tables: impl Iterator<Item = &'a String>,
) -> rusqlite::Result<BTreeSet<Object>> {
    let tables: BTreeSet<String> = tables.map(|name| name.to_ascii_lowercase()).collect();
    let mut statement = conn.prepare("SELECT type, name, tbl_name, sql FROM sqlite_schema")?;
    let rows = statement.query_map([], |row| {
        let sql: Option<String> = row.get(3)?;
        Ok(Object { kind: row.get(0)?, name: row.get(1)?, table: row.get(2)?, sql: sql.as_deref().map(normal) })
    })?;
    let mut found = BTreeSet::new();
    for object in rows {
        let object = object?;
        if tables.contains(&object.table.to_ascii_lowercase()) {
            found.insert(object);
        }
    }
    Ok(found)
}

/// What a statement creates, and its name.
fn form(statement: &Statement) -> Result<(Form, String), DomainError> {
    let tokens = statement.tokens();
    let starts = |words: &[&str]| words.iter().enumerate().all(|(at, word)| tokens.get(at).is_some_and(|t| t.is(word)));
    let (form, length) = if starts(&["CREATE", "TABLE"]) {
        (Form::Table, 2)
    } else if starts(&["CREATE", "INDEX"]) {
        (Form::Index, 2)
    } else if starts(&["CREATE", "UNIQUE", "INDEX"]) {
        (Form::Index, 3)
    } else if starts(&["CREATE", "TRIGGER"]) {
        (Form::Trigger, 2)
    } else if starts(&["CREATE", "VIRTUAL", "TABLE"]) {
        (Form::FullText, 3)
    } else {
        return Err(
            statement.refuse("the schema creates tables, indexes, triggers and full-text indexes, nothing else")
        );
    };
    let mut rest = &tokens[length..];
    if let [a, b, c, after @ ..] = rest
        && a.is("IF")
        && b.is("NOT")
        && c.is("EXISTS")
    {
        rest = after;
    }
    match rest {
        [_, point, ..] if point.is_sign(".") => {
            Err(statement.refuse("a name stands without the name of a database before it"))
        }
        [name, ..] => Ok((form, unquoted(name.text))),
        [] => Err(statement.refuse("the statement has no name")),
    }
}

/// Refuses what SQLite 3.31 cannot read, as far as its own functions do not tell.
fn check_syntax(statement: &Statement) -> Result<(), DomainError> {
    let tokens = statement.tokens();
    let newer = |what: &str| {
        let reason = format!("{what} is newer than SQLite 3.31; other programs could not open the database");
        Err(statement.refuse(reason))
    };
    for (at, token) in tokens.iter().enumerate() {
        let next = |word: &str| tokens.get(at + 1).is_some_and(|next| next.is(word));
        if token.is_sign("->") || token.is_sign("->>") {
            return newer(token.text);
        }
        if token.is("DISTINCT") && next("FROM") {
            return newer("IS DISTINCT FROM");
        }
        if (token.is("RIGHT") || token.is("FULL")) && (next("JOIN") || next("OUTER")) {
            return newer("a RIGHT or FULL JOIN");
        }
        if token.kind == Kind::Word && token.text.starts_with(|c: char| c.is_ascii_digit()) && token.text.contains('_')
        {
            return newer("a number with _ in it");
        }
        if (token.is("AS") && next("MATERIALIZED")) || (token.is("NOT") && next("MATERIALIZED")) {
            return newer("MATERIALIZED");
        }
    }
    if updates_from(&tokens) {
        return newer("UPDATE … FROM");
    }
    if tokens.windows(2).any(|pair| pair[0].is("INITIALLY") && pair[1].is("DEFERRED")) {
        let reason = "a deferred key is judged at the commit, which events share, so that none could be refused for it";
        return Err(statement.refuse(reason).hint("Leave INITIALLY DEFERRED away."));
    }
    order::check(statement, &tokens)?;
    check_rollback(statement, &tokens)
}

/// Refuses ROLLBACK as an answer to a conflict.
pub(super) fn check_rollback(statement: &Statement, tokens: &[Token<'_>]) -> Result<(), DomainError> {
    match tokens.iter().find(|token| token.is("ROLLBACK")) {
        Some(_) => Err(statement.refuse("ROLLBACK would end the transaction that the event is written in; use ABORT")),
        None => Ok(()),
    }
}

/// Whether a statement in a trigger is `UPDATE … FROM`: outside brackets its FROM can be nothing
/// else.
fn updates_from(tokens: &[Token<'_>]) -> bool {
    let (mut depth, mut in_update, mut first) = (0, false, false);
    for token in tokens {
        match token.text {
            "(" => depth += 1,
            ")" => depth -= 1,
            _ => {}
        }
        if first {
            in_update = token.is("UPDATE");
        }
        first = token.is("BEGIN") || token.is_sign(";");
        if in_update && depth == 0 && token.is("FROM") {
            return true;
        }
    }
    false
}

fn check_name(statement: &Statement, name: &str) -> Result<(), DomainError> {
    let lower = name.to_ascii_lowercase();
    if RESERVED.contains(&lower.as_str()) || lower.starts_with(RESERVED_PREFIX) || lower.starts_with("sqlite_") {
        return Err(statement
            .refuse(format!("the name {name} is kept for Backstitch and SQLite"))
            .hint("Give it another name."));
    }
    Ok(())
}

fn create(conn: &Connection, statement: &Statement) -> Result<()> {
    let watch = Watch::new(conn, Rules { schema: true, creating: true, ..Rules::default() }, "the schema")?;
    let mut prepared = watch.prepare(statement, &[])?;
    prepared.execute([]).map_err(|error| watch.refuse(statement, &error))?;
    Ok(())
}

/// The listed tables, which are exactly those of the schema.
fn listed(conn: &Connection, manifest: &Manifest, text: &str, places: &Places<'_>) -> Result<Vec<Table>> {
    let mut created = BTreeSet::new();
    let mut statement = conn.prepare(
        "SELECT name FROM pragma_table_list \
         WHERE schema = 'main' AND type = 'table' AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\'",
    )?;
    for name in statement.query_map([], |row| row.get::<_, String>(0))? {
        created.insert(name?);
    }
    let mut tables = Vec::new();
    for name in &manifest.tables {
        if !created.remove(name.get_ref()) {
            let reason = format!("the table {} is listed, but {FILE} does not create it", name.get_ref());
            return Err(manifest::refuse(text, name, reason).into());
        }
        tables
            .push(Table::read(conn, name.get_ref()).map_err(|error| refuse(places, name.get_ref(), error.message()))?);
    }
    match created.first() {
        Some(name) => Err(refuse(places, name, format!("the table {name} is not listed in {}", manifest::FILE))
            .hint("Add it to `tables`.")
            .into()),
        None => Ok(tables),
    }
}

fn rules(
    conn: &Connection,
    tables: &[Table],
    full_text: &[FullText],
    objects: &BTreeSet<Object>,
) -> rusqlite::Result<Rules> {
    let mut others = BTreeSet::new();
    let mut statement = conn.prepare("SELECT name FROM sqlite_schema UNION SELECT name FROM pragma_module_list")?;
    for name in statement.query_map([], |row| row.get::<_, String>(0))? {
        others.insert(name?.to_ascii_lowercase());
    }
    let mut hidden_rowids = BTreeSet::new();
    for table in tables {
        others.remove(&table.name.to_ascii_lowercase());
        if !table::is_without_rowid(conn, &table.name)? && table::rowid_alias(conn, &table.name)?.is_none() {
            hidden_rowids.insert(table.name.clone());
        }
    }
    Ok(Rules {
        tables: tables.iter().map(|table| table.name.clone()).collect(),
        hidden_rowids,
        full_text: full_text.iter().map(|index| index.index.clone()).collect(),
        triggers: objects.iter().filter(|object| object.kind == "trigger").map(|object| object.name.clone()).collect(),
        others,
        ..Rules::default()
    })
}

/// Compiles each trigger by preparing the changes that fire it, one trigger more each time, so that
/// the last one is to blame.
fn check_triggers(
    conn: &Connection,
    rules: &Rules,
    tables: &[Table],
    triggers: &[(&Statement, String)],
    places: &Places<'_>,
) -> Result<()> {
    for (_, name) in triggers {
        conn.execute_batch(&format!("DROP TRIGGER {}", quote(name)))?;
    }
    let rules = Rules { schema: true, ..rules.clone() };
    for table in tables {
        if let Some(place) = places.get(&table.name.to_ascii_lowercase()) {
            check_changes(&Watch::new(conn, rules.clone(), "the table")?, table, place)?;
        }
    }
    for (statement, name) in triggers {
        create(conn, statement)?;
        let watch = Watch::new(conn, rules.clone(), format!("the trigger {name}"))?;
        for table in tables {
            check_changes(&watch, table, statement)?;
        }
    }
    Ok(())
}

/// Prepares an insert, an update and a delete of a table.
fn check_changes(watch: &Watch<'_>, table: &Table, place: &Statement) -> Result<(), DomainError> {
    let name = table.quoted();
    let sets: Vec<String> = table.columns.iter().map(|column| format!("{0} = {0}", quote(column))).collect();
    for sql in [
        format!("INSERT INTO {name} DEFAULT VALUES"),
        format!("UPDATE {name} SET {}", sets.join(", ")),
        format!("DELETE FROM {name}"),
    ] {
        let change = Statement { sql, ..place.clone() };
        watch.prepare(&change, &[]).map_err(|error| DomainError { statement: None, ..error }.statement(&place.sql))?;
    }
    Ok(())
}
