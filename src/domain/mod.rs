//! The domain: what the projected tables are, and what each kind of event does to them.
//!
//! A domain is a folder of text, nothing compiled:
//!
//! - `domain.toml`: its name; the projected tables in the order in which they are shown; the
//!   full-text indexes; which events are turns of a conversation; the entities. Tables are listed by
//!   name on purpose: what a snapshot holds never changes by the way.
//! - `schema.sql`: CREATE TABLE, INDEX and TRIGGER of these tables, and VIRTUAL TABLE for fts5 with
//!   external content. Every table has a primary key that is NOT NULL and in binary order; a DEFAULT
//!   is a literal; nothing is newer than SQLite 3.31, since other programs open the file too.
//! - `handlers/<kind>.sql`: statements with the parameters `:id :branch_id :ts :kind :payload`. A
//!   kind without a handler changes no table.
//!
//! Other files of the folder are left alone.
//!
//! A domain that is loaded has been checked, in a scratch database in memory: all of its SQL
//! compiles, touches the projected tables only, and calls only functions whose result follows from
//! their arguments, and a LIMIT has an ORDER BY, so that a replay gives the same rows. What this cannot
//! see is in the head of `order`; `PRAGMA reverse_unordered_selects` shows some of it to an author.
//!
//! Two hashes tell domains apart. *Shape*: the tables, with columns, types, keys and constraints.
//! *Logic*: shape, and unique indexes, triggers, full-text indexes, handlers and entities. Comments,
//! blanks and the order of files, tables and definitions do not count.

mod companion;
mod error;
mod fingerprint;
mod full_text;
mod functions;
mod handlers;
mod manifest;
mod normal;
mod order;
mod schema;
mod statements;
mod table;
mod watch;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use rusqlite::Connection;
use rusqlite::config::DbConfig;

pub use error::DomainError;
pub use fingerprint::Fingerprint;
pub use full_text::FullText;
pub use handlers::{Entity, Handler, LOAD_PARAMETERS, PARAMETERS};
pub use manifest::{Replay, Turn};
pub use schema::ENTITY_EVENTS;

use crate::error::Result;
use crate::image::Table;
use crate::image::table::quote;
use manifest::Manifest;
use schema::Object;

/// A checked domain.
#[derive(Debug, Clone)]
pub struct Domain {
    /// Its name.
    pub name: String,
    /// The projected tables, in the order in which they are shown.
    pub tables: Vec<Table>,
    /// The full-text indexes over them.
    pub full_text: Vec<FullText>,
    /// What each kind of event does.
    pub handlers: BTreeMap<String, Handler>,
    /// The kinds of events that are turns of a conversation.
    pub turns: Vec<Turn>,
    /// The types of entities.
    pub entities: Vec<Entity>,
    /// The hash of the tables' form.
    pub shape: Fingerprint,
    /// The hash of all that decides what a replay gives.
    pub logic: Fingerprint,
    files: BTreeMap<String, String>,
    projected: Vec<Table>,
    statements: Vec<String>,
    objects: BTreeSet<Object>,
}

impl Domain {
    /// The built-in domain.
    ///
    /// # Errors
    ///
    /// Only if the program was built from a folder that does not pass.
    pub fn companion() -> Result<Self> {
        Self::from_files(companion::files())
    }

    /// The domain of a user's folder.
    ///
    /// # Errors
    ///
    /// Refused, with file, line and reason, where it does not pass or cannot be read.
    pub fn from_folder(folder: &Path) -> Result<Self> {
        Self::from_files(read_folder(folder)?)
    }

    /// The domain of these files, by their paths in the folder (`handlers/user_turn.sql`).
    ///
    /// # Errors
    ///
    /// Refused, with file, line and reason, where it does not pass.
    pub fn from_files(files: BTreeMap<String, String>) -> Result<Self> {
        check_paths(&files)?;
        let manifest_text = required(&files, manifest::FILE)?;
        let schema_text = required(&files, schema::FILE)?;
        let manifest = Manifest::read(manifest_text)?;
        let scratch = scratch()?;
        let schema = schema::load(&scratch, &manifest, manifest_text, schema_text)?;
        let handlers = handlers::check(&scratch, &schema, &files)?;
        let entities = handlers::check_entities(&scratch, &schema, &manifest, manifest_text)?;
        let shape = fingerprint::shape(&schema.objects, &schema.rules.tables);
        Ok(Self {
            name: manifest.name.into_inner(),
            logic: fingerprint::logic(shape, &schema, &handlers, &entities),
            shape,
            tables: schema.tables,
            full_text: schema.full_text,
            handlers,
            turns: manifest.turns.into_iter().map(toml::Spanned::into_inner).collect(),
            entities,
            files,
            projected: schema.projected,
            statements: schema.statements,
            objects: schema.objects,
        })
    }

    /// The files that the domain was loaded from, by their paths in its folder.
    pub fn files(&self) -> &BTreeMap<String, String> {
        &self.files
    }

    /// The columns that a search in a table looks at: those of its full-text index. Without one it
    /// looks at all columns, and there are none here.
    pub fn searched(&self, table: &str) -> &[String] {
        let index = self.full_text.iter().find(|index| index.table == table);
        index.map(|index| index.columns.as_slice()).unwrap_or_default()
    }

    /// All tables that follow from the log: those that are listed and shown, and [`ENTITY_EVENTS`]
    /// where the domain has entities. Snapshots hold them all.
    pub fn projected(&self) -> &[Table] {
        &self.projected
    }

    /// The type of entity of this name.
    pub fn entity(&self, kind: &str) -> Option<&Entity> {
        self.entities.iter().find(|entity| entity.kind == kind)
    }

    /// The handler of a kind of event.
    pub fn handler(&self, kind: &str) -> Option<&Handler> {
        self.handlers.get(kind)
    }

    /// Creates the tables, indexes, triggers and full-text indexes, in the caller's transaction.
    ///
    /// # Errors
    ///
    /// Those of SQLite; a name may be taken already.
    pub fn create_tables(&self, conn: &Connection) -> Result<()> {
        for statement in &self.statements {
            conn.execute_batch(statement)?;
        }
        Ok(())
    }

    /// Creates [`ENTITY_EVENTS`], in the caller's transaction, where the domain has entities and the
    /// database does not have it yet; says whether it did.
    ///
    /// # Errors
    ///
    /// Those of SQLite.
    pub fn create_entity_events(&self, conn: &Connection) -> Result<bool> {
        let wanted = !self.entities.is_empty() && !conn.table_exists(None, ENTITY_EVENTS)?;
        if wanted {
            conn.execute_batch(schema::ENTITY_EVENTS_SQL)?;
        }
        Ok(wanted)
    }

    /// Drops what [`Self::create_tables`] creates, as far as it exists, in the caller's transaction.
    /// Foreign keys must be off.
    ///
    /// # Errors
    ///
    /// Those of SQLite.
    pub fn drop_tables(&self, conn: &Connection) -> Result<()> {
        for trigger in self.objects.iter().filter(|object| object.kind == "trigger") {
            conn.execute_batch(&format!("DROP TRIGGER IF EXISTS {}", quote(&trigger.name)))?;
        }
        let indexes = self.full_text.iter().map(|index| &index.index);
        for table in indexes.chain(self.projected.iter().rev().map(|table| &table.name)) {
            conn.execute_batch(&format!("DROP TABLE IF EXISTS {}", quote(table)))?;
        }
        Ok(())
    }

    /// Whether the database has this domain's tables, indexes, triggers and full-text indexes as
    /// [`Self::create_tables`] would create them, and no other index or trigger on these tables.
    ///
    /// # Errors
    ///
    /// Those of SQLite.
    pub fn matches(&self, conn: &Connection) -> Result<bool> {
        let tables = self.projected.iter().map(|table| &table.name);
        let found = schema::objects(conn, tables.chain(self.full_text.iter().map(|index| &index.index)))?;
        Ok(found == self.objects)
    }
}

/// The database in memory that a domain is checked in.
fn scratch() -> rusqlite::Result<Connection> {
    let conn = Connection::open_in_memory()?;
    conn.pragma_update(None, "foreign_keys", true)?;
    // Else SQLite takes a misspelt "name" for a string.
    conn.set_db_config(DbConfig::SQLITE_DBCONFIG_DQS_DDL, false)?;
    conn.set_db_config(DbConfig::SQLITE_DBCONFIG_DQS_DML, false)?;
    Ok(conn)
}

fn required<'a>(files: &'a BTreeMap<String, String>, name: &str) -> Result<&'a str, DomainError> {
    files.get(name).map(String::as_str).ok_or_else(|| {
        DomainError::at(name, None, "the file is missing")
            .hint("A domain is a folder with domain.toml, schema.sql and handlers/<kind>.sql.")
    })
}

fn check_paths(files: &BTreeMap<String, String>) -> Result<(), DomainError> {
    for (path, text) in files {
        if path != manifest::FILE && path != schema::FILE && handlers::kind_of(path).is_none() {
            let reason = "the file is no part of a domain";
            return Err(DomainError::at(path, None, reason)
                .hint("A handler is named <kind>.sql, with a kind of up to 200 of A-Z a-z 0-9 _ . : and -."));
        }
        if let Some(at) = text.find('\0') {
            let line = 1 + statements::newlines(&text[..at]);
            return Err(DomainError::at(path, Some(line), "the file has a zero byte"));
        }
    }
    Ok(())
}

/// The files of a folder that make the domain: hidden ones and strangers beside `domain.toml` are
/// passed over, strangers among the handlers are not, since a misspelt handler would be lost.
fn read_folder(folder: &Path) -> Result<BTreeMap<String, String>> {
    let unreadable = |name: &str, error: &std::io::Error| {
        let reason = format!("the file cannot be read: {error}");
        let place = if name.is_empty() { folder.display().to_string() } else { name.to_owned() };
        DomainError::at(&place, None, reason)
    };
    if !folder.is_dir() {
        let place = folder.display().to_string();
        return Err(DomainError::at(&place, None, "there is no such folder").into());
    }
    let mut names: Vec<String> = [manifest::FILE, schema::FILE]
        .into_iter()
        .filter(|name| folder.join(name).exists())
        .map(str::to_owned)
        .collect();
    let handlers = folder.join("handlers");
    if handlers.exists() {
        for entry in fs::read_dir(&handlers).map_err(|error| unreadable("handlers", &error))? {
            let name = entry?.file_name().to_string_lossy().into_owned();
            if !name.starts_with('.') {
                names.push(format!("handlers/{name}"));
            }
        }
    }
    names.sort_unstable();
    let mut files = BTreeMap::new();
    for name in names {
        let text = fs::read_to_string(folder.join(&name)).map_err(|error| unreadable(&name, &error))?;
        files.insert(name, text);
    }
    Ok(files)
}

#[cfg(test)]
mod tests;
