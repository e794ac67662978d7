//! A database whose tables an earlier version kept, made to have what this one keeps beside them.
//!
//! The rows of the domain's tables are not touched: what belongs to which entity is found aside, by
//! applying the log from its beginning.

use std::path::Path;

use rusqlite::{Connection, TransactionBehavior};

use crate::domain::{Domain, ENTITY_EVENTS};
use crate::domain_copy;
use crate::error::{ErrorKind, Result};
use crate::image::Table;
use crate::progress::Progress;
use crate::scratch::{Scratch, copy_rows};
use crate::snapshot::log_image::Part;
use crate::store::State;
use crate::store::state::raise_epoch;

/// Adopts a database where its domain is read otherwise than when its tables were made.
///
/// # Errors
///
/// Where the database or the folder beside it fails; the database is as it was then.
pub fn adopt(conn: &mut Connection, domain: &Domain, beside: &Path, progress: &Progress) -> Result<()> {
    let logic = domain.logic.to_string();
    if State::read(conn)?.logic == logic {
        return Ok(());
    }
    let transaction = conn.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let state = State::read(&transaction)?;
    // Another process may have been quicker.
    if state.logic != logic {
        if domain.create_entity_events(&transaction)? {
            find_entity_events(&transaction, domain, state.position, beside, progress)?;
        }
        domain_copy::keep(&transaction, domain)?;
        raise_epoch(&transaction)?;
    }
    transaction.commit()?;
    Ok(())
}

/// Fills the table of which events belong to which entity from the log of the same database, up to
/// an event. Where the log does not replay it stays empty: nobody can say then.
///
/// # Errors
///
/// Where a database fails.
pub fn find_entity_events(
    conn: &Connection,
    domain: &Domain,
    up_to: i64,
    beside: &Path,
    progress: &Progress,
) -> Result<()> {
    if domain.entities.is_empty() {
        return Ok(());
    }
    let scratch = Scratch::new(beside, domain)?;
    scratch.build_needed_indexes(domain)?;
    let replayed = scratch.together(|| {
        scratch.copy_log(conn, &Part::whole().up_to(up_to), 0)?;
        scratch.apply(domain, 0, up_to, progress).map(|_| ())
    });
    match replayed {
        Err(error) if error.kind() == ErrorKind::Unprocessable => return Ok(()),
        replayed => replayed?,
    }
    let table = Table::read(conn, ENTITY_EVENTS)?;
    let all = format!("SELECT {} FROM {}", table.column_list(), table.quoted());
    copy_rows(scratch.conn(), &all, (), conn, &table)
}
