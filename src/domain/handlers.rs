//! Checking the handlers and the queries of entities and turns, against the scratch database.

use std::collections::BTreeMap;

use rusqlite::Connection;
use toml::Spanned;

use super::error::DomainError;
use super::manifest::{self, EntityEntry, Manifest, Replay};
use super::order;
use super::schema::{Schema, check_rollback};
use super::statements::{Statement, split};
use super::watch::{Rules, Watch};
use crate::error::Result;

/// The parameters of a handler.
pub const PARAMETERS: [&str; 5] = [":id", ":branch_id", ":ts", ":kind", ":payload"];

/// The parameters of the statements that load a state.
pub const LOAD_PARAMETERS: [&str; 2] = [":entity_id", ":state"];

/// The folder of the handlers, and what their names end with.
const FOLDER: &str = "handlers/";
const SUFFIX: &str = ".sql";

/// How long a kind may be, in bytes.
const KIND_LENGTH: usize = 200;

/// What events of one kind do to the tables.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Handler {
    /// The statements, in order, each with some of [`PARAMETERS`].
    pub statements: Vec<String>,
}

/// A type of entity: something whose state is looked at over its own versions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entity {
    /// The name of the type.
    pub kind: String,
    /// Gives the ids, one a row; no parameter.
    pub list: String,
    /// Gives one JSON object for `:entity_id`, or no row where there is no such entity.
    pub state: String,
    /// With [`PARAMETERS`], just after the event's handler: gives the ids of the entities that the
    /// event belongs to, one a row. A row may be NULL and an id may come twice; both count for
    /// nothing.
    pub events: String,
    /// Gives the id of the workflow for `:entity_id`.
    pub workflow: Option<String>,
    /// What is replayed for the state at an earlier version.
    pub replay: Replay,
    /// Statements with [`LOAD_PARAMETERS`] that put a state's rows into empty tables, so that later
    /// events can be applied to them; without them, replay begins at the entity's first event.
    pub load: Vec<String>,
}

/// The kind of events that a file handles; `None` where the path is not one of a handler.
pub(super) fn kind_of(path: &str) -> Option<&str> {
    let kind = path.strip_prefix(FOLDER)?.strip_suffix(SUFFIX)?;
    let fits = !kind.is_empty()
        && kind.len() <= KIND_LENGTH
        && kind.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_.:-".contains(&byte));
    fits.then_some(kind)
}

/// Checks all handlers.
pub(super) fn check(
    conn: &Connection,
    schema: &Schema,
    files: &BTreeMap<String, String>,
) -> Result<BTreeMap<String, Handler>> {
    let watch = Watch::new(conn, schema.rules.clone(), "the handler")?;
    let mut handlers = BTreeMap::new();
    for (path, text) in files {
        let Some(kind) = kind_of(path) else { continue };
        let mut statements = Vec::new();
        for statement in split(path, text) {
            check_statement(&watch, &statement, &PARAMETERS)?;
            statements.push(statement.sql);
        }
        handlers.insert(kind.to_owned(), Handler { statements });
    }
    Ok(handlers)
}

fn check_statement(watch: &Watch<'_>, statement: &Statement, parameters: &[&str]) -> Result<(), DomainError> {
    let tokens = statement.tokens();
    let changes = ["INSERT", "REPLACE", "UPDATE", "DELETE", "WITH"];
    if !tokens.first().is_some_and(|first| changes.iter().any(|word| first.is(word))) {
        return Err(statement.refuse("a handler has INSERT, REPLACE, UPDATE and DELETE, nothing else"));
    }
    check_rollback(statement, &tokens)?;
    order::check(statement, &tokens)?;
    let prepared = watch.prepare(statement, parameters)?;
    if prepared.column_count() > 0 {
        return Err(statement.refuse("the statement gives rows, which nobody reads; a handler only changes tables"));
    }
    Ok(())
}

/// Checks the queries of all entities.
pub(super) fn check_entities(
    conn: &Connection,
    schema: &Schema,
    manifest: &Manifest,
    text: &str,
) -> Result<Vec<Entity>> {
    let rules = Rules { read_only: true, ..schema.rules.clone() };
    let mut entities = Vec::new();
    for entry in &manifest.entities {
        let watch = Watch::new(conn, rules.clone(), format!("the query of the entity {}", entry.kind.get_ref()))?;
        let check = |value: &Spanned<String>, parameters: &[&str]| {
            check_query(&watch, &manifest::query(text, value), parameters)
        };
        let check_of_one = |value: &Spanned<String>| {
            let query = manifest::query(text, value);
            let sql = check_query(&watch, &query, &[":entity_id"])?;
            match conn.prepare(&sql).is_ok_and(|query| query.parameter_count() > 0) {
                true => Ok(sql),
                false => Err(query.refuse("the query does not ask for :entity_id, so it is not of one entity")),
            }
        };
        entities.push(Entity {
            kind: entry.kind.get_ref().clone(),
            list: check(&entry.list, &[])?,
            state: check_of_one(&entry.state)?,
            events: check(&entry.events, &PARAMETERS)?,
            workflow: entry.workflow.as_ref().map(check_of_one).transpose()?,
            replay: entry.replay,
            load: check_load(conn, schema, entry, text)?,
        });
    }
    let watch = Watch::new(conn, rules, "the query of the turn")?;
    for turn in &manifest.turns {
        if let Some(query) = &turn.get_ref().speaker_name {
            let place = manifest::query(text, &Spanned::new(turn.span(), query.clone()));
            check_query(&watch, &place, &[":speaker"])?;
        }
    }
    Ok(entities)
}

/// Checks the statements that load the state of an entity.
fn check_load(conn: &Connection, schema: &Schema, entry: &EntityEntry, text: &str) -> Result<Vec<String>> {
    let Some(value) = &entry.load else { return Ok(Vec::new()) };
    let whole = manifest::query(text, value);
    if entry.replay == Replay::Full {
        return Err(whole
            .refuse("a state is loaded to apply the entity's own events to it: `replay = \"own\"`")
            .into());
    }
    let watch = Watch::new(conn, schema.rules.clone(), format!("the load of the entity {}", entry.kind.get_ref()))?;
    let mut statements = Vec::new();
    for mut statement in split(manifest::FILE, &whole.sql) {
        statement.line += whole.line - 1;
        check_statement(&watch, &statement, &LOAD_PARAMETERS)?;
        statements.push(statement.sql);
    }
    Ok(statements)
}

/// Checks a query and gives it back, trimmed.
fn check_query(watch: &Watch<'_>, query: &Statement, parameters: &[&str]) -> Result<String, DomainError> {
    let tokens = query.tokens();
    if !tokens.first().is_some_and(|first| first.is("SELECT") || first.is("WITH") || first.is("VALUES")) {
        return Err(query.refuse("a query begins with SELECT, WITH or VALUES"));
    }
    order::check(query, &tokens)?;
    let prepared = watch.prepare(query, parameters)?;
    if prepared.column_count() != 1 {
        return Err(query.refuse(format!("the query gives {} columns instead of one", prepared.column_count())));
    }
    Ok(query.sql.clone())
}
