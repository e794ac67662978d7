//! What the SQL of a domain touches, as SQLite itself tells while it prepares a statement.
//!
//! SQLite asks its authorizer about each table, column and function that a statement names. The
//! watch answers by the rules below and keeps the reason of its first refusal, since SQLite's own
//! error says only "not authorized".

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use rusqlite::Connection;
use rusqlite::hooks::{AuthAction, AuthContext, Authorization};

use super::error::DomainError;
use super::functions;
use super::statements::Statement;
use crate::error::Result;

/// What the statements of a domain may touch.
#[derive(Debug, Clone, Default)]
pub(super) struct Rules {
    /// The projected tables.
    pub tables: BTreeSet<String>,
    /// Those of them whose rowid is not their INTEGER PRIMARY KEY.
    pub hidden_rowids: BTreeSet<String>,
    /// The full-text indexes: triggers write them, nothing reads them.
    pub full_text: BTreeSet<String>,
    /// The triggers.
    pub triggers: BTreeSet<String>,
    /// All else that a name in FROM can mean, in small letters: SQLite's own tables and functions.
    pub others: BTreeSet<String>,
    /// The statements are of the schema, which other programs read: SQLite 3.31 has to know the
    /// functions.
    pub schema: bool,
    /// Tables, indexes and triggers are being created, so that only the functions are judged.
    pub creating: bool,
    /// Nothing is written.
    pub read_only: bool,
}

impl Rules {
    /// The reason for which an action is refused.
    fn judge(&self, context: &AuthContext<'_>) -> Result<(), String> {
        match context.action {
            AuthAction::Select | AuthAction::Recursive => Ok(()),
            AuthAction::Function { function_name } => functions::judge(function_name, self.schema),
            _ if self.creating => Ok(()),
            AuthAction::Read { table_name, column_name } => self.judge_read(table_name, column_name),
            AuthAction::Update { table_name, column_name: "ROWID" } if self.hidden_rowids.contains(table_name) => {
                Err(hidden_rowid("writes", table_name))
            }
            AuthAction::Insert { table_name }
            | AuthAction::Delete { table_name }
            | AuthAction::Update { table_name, .. } => self.judge_write(table_name, context.accessor),
            other => Err(format!("does more than read and write the projected tables ({other:?})")),
        }
    }

    fn judge_read(&self, table: &str, column: &str) -> Result<(), String> {
        if self.tables.contains(table) {
            return match column {
                "ROWID" if self.hidden_rowids.contains(table) => Err(hidden_rowid("reads", table)),
                _ => Ok(()),
            };
        }
        // A subquery none of whose columns is used is reported by its alias and no column.
        let lower = table.to_ascii_lowercase();
        let known = lower.starts_with("sqlite_") || lower.starts_with("pragma_") || self.others.contains(&lower);
        if functions::TABLES.contains(&lower.as_str()) || (column.is_empty() && !known) {
            return Ok(());
        }
        Err(format!("reads {table}, which is not one of the domain's tables"))
    }

    fn judge_write(&self, table: &str, accessor: Option<&str>) -> Result<(), String> {
        if self.read_only {
            return Err(format!("writes {table}, but only handlers and triggers may write"));
        }
        let by_trigger = accessor.is_some_and(|name| self.triggers.contains(name));
        if self.tables.contains(table) || (by_trigger && self.full_text.contains(table)) {
            return Ok(());
        }
        Err(format!("writes {table}, which is not one of the domain's tables"))
    }
}

fn hidden_rowid(does: &str, table: &str) -> String {
    format!("{does} the rowid of {table}, which is not part of the table's content")
}

/// The reason of the first refusal of a statement.
type Refusal = Option<String>;

/// A connection whose statements are judged while they are prepared.
pub(super) struct Watch<'c> {
    conn: &'c Connection,
    subject: String,
    refusal: Arc<Mutex<Refusal>>,
}

impl<'c> Watch<'c> {
    /// Judges by these rules all that is prepared on the connection, until this value is dropped.
    /// The subject ("the handler") begins the sentence of a refusal.
    pub(super) fn new(conn: &'c Connection, rules: Rules, subject: impl Into<String>) -> Result<Self> {
        let refusal = Arc::new(Mutex::new(Refusal::default()));
        let told = Arc::clone(&refusal);
        conn.authorizer(Some(move |context: AuthContext<'_>| match rules.judge(&context) {
            Ok(()) => Authorization::Allow,
            Err(reason) => {
                lock(&told).get_or_insert(reason);
                Authorization::Deny
            }
        }))?;
        Ok(Self { conn, subject: subject.into(), refusal })
    }

    /// Prepares a statement and judges its parameters.
    ///
    /// # Errors
    ///
    /// The refusal, at the statement.
    pub(super) fn prepare(
        &self,
        statement: &Statement,
        parameters: &[&str],
    ) -> Result<rusqlite::Statement<'c>, DomainError> {
        *lock(&self.refusal) = None;
        let prepared = self.conn.prepare(&statement.sql).map_err(|error| self.refuse(statement, &error))?;
        for index in 1..=prepared.parameter_count() {
            match prepared.parameter_name(index) {
                Some(name) if parameters.contains(&name) => {}
                name => {
                    let known = if parameters.is_empty() { "none".to_owned() } else { parameters.join(" ") };
                    let reason = format!("the parameter {} is unknown here; there is {known}", name.unwrap_or("?"));
                    return Err(statement.refuse(reason));
                }
            }
        }
        Ok(prepared)
    }

    /// The refusal of a statement that failed: the watch's reason, else SQLite's.
    pub(super) fn refuse(&self, statement: &Statement, error: &rusqlite::Error) -> DomainError {
        match &*lock(&self.refusal) {
            Some(reason) => statement.refuse(format!("{} {reason}", self.subject)),
            None => statement.refuse_as(error),
        }
    }
}

impl Drop for Watch<'_> {
    fn drop(&mut self) {
        // Taking the hook away cannot fail on an open connection.
        let _ = self.conn.authorizer(None::<fn(AuthContext<'_>) -> Authorization>);
    }
}

fn lock(refusal: &Mutex<Refusal>) -> MutexGuard<'_, Refusal> {
    refusal.lock().unwrap_or_else(PoisonError::into_inner)
}
