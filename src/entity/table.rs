//! The table of entity snapshots, beside the log.

use rusqlite::types::ToSqlOutput;
use rusqlite::{Connection, OptionalExtension, Row};

use super::EntityKey;
use super::snapshot::{EntitySnapshot, Origin};
use crate::clock;
use crate::error::{Error, Result};
use crate::image::Hash;

const COLUMNS: &str = "entity_type, entity_id, workflow_id, version, sequence, log_hash, state, state_hash, \
                       identity_hash, created_at, logic, imported";

/// A row as it stands in the table, not checked yet.
#[derive(Debug, Clone)]
pub struct Stored {
    snapshot: EntitySnapshot,
    identity_hash: String,
}

impl Stored {
    /// The snapshot, both of its hashes checked.
    ///
    /// # Errors
    ///
    /// Damaged where one does not fit.
    pub fn checked(self) -> Result<EntitySnapshot> {
        self.snapshot.check(&self.identity_hash)?;
        Ok(self.snapshot)
    }

    /// A hash of the whole row.
    pub fn row_hash(&self) -> Hash {
        let mut hasher = blake3::Hasher::new();
        for text in [&self.snapshot.identity_hash(), &self.identity_hash, &self.snapshot.state] {
            hasher.update(&(text.len() as u64).to_le_bytes()).update(text.as_bytes());
        }
        hasher.finalize().into()
    }

    /// The snapshot of a row that was [`Stored::checked`] before.
    pub fn known_to_be_sound(self) -> EntitySnapshot {
        self.snapshot
    }

    /// What the row says, unchecked.
    pub fn said(&self) -> &EntitySnapshot {
        &self.snapshot
    }
}

/// Puts a snapshot in; one of the same entity, version, sequence and log stays as it is.
///
/// # Errors
///
/// Where the database fails.
pub fn put(conn: &Connection, snapshot: &EntitySnapshot) -> Result<bool> {
    let sql = format!(
        "INSERT INTO entity_snapshots ({COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING"
    );
    let added = conn.prepare_cached(&sql)?.execute((
        &snapshot.entity_type,
        &snapshot.entity_id,
        &snapshot.workflow_id,
        snapshot.version as i64,
        snapshot.sequence,
        &snapshot.log_hash,
        &snapshot.state,
        &snapshot.state_hash,
        snapshot.identity_hash(),
        clock::rfc3339(snapshot.created_at),
        &snapshot.logic,
        snapshot.origin.code(),
    ))?;
    Ok(added > 0)
}

/// Puts all snapshots of another database in beside those that are there.
///
/// # Errors
///
/// Where a database fails.
pub fn put_all(from: &Connection, to: &Connection) -> Result<()> {
    let mut select = from.prepare(&format!("SELECT {COLUMNS} FROM entity_snapshots ORDER BY n"))?;
    let sql = format!(
        "INSERT INTO entity_snapshots ({COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING"
    );
    let mut insert = to.prepare(&sql)?;
    let mut rows = select.query([])?;
    while let Some(row) = rows.next()? {
        for column in 0..12 {
            insert.raw_bind_parameter(column + 1, ToSqlOutput::Borrowed(row.get_ref(column)?))?;
        }
        insert.raw_execute()?;
    }
    Ok(())
}

/// The snapshots of an entity, newest first: by sequence, and of one sequence by when they came.
///
/// # Errors
///
/// Where the database fails.
pub fn of_entity(conn: &Connection, key: &EntityKey) -> Result<Vec<Stored>> {
    let sql = format!(
        "SELECT {COLUMNS} FROM entity_snapshots WHERE entity_type = ?1 AND entity_id = ?2 ORDER BY sequence DESC, n DESC"
    );
    let mut select = conn.prepare_cached(&sql)?;
    let rows = select.query_map((&key.kind, &key.id), stored)?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}

/// What is told of a snapshot without reading its state.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mark {
    /// Its row.
    pub n: i64,
    /// Which entity.
    pub key: EntityKey,
    /// Its version.
    pub version: u64,
    /// Its sequence.
    pub sequence: i64,
    /// The log up to there.
    pub log_hash: String,
    /// The domain's logic.
    pub logic: String,
    /// When it was taken.
    pub created_at: Option<time::OffsetDateTime>,
}

/// The marks of this store's own snapshots: of one entity, or of all; each entity's newest first.
///
/// # Errors
///
/// Where the database fails.
pub fn marks(conn: &Connection, key: Option<&EntityKey>) -> Result<Vec<Mark>> {
    let of_one = key.map_or("", |_| "AND entity_type = ?1 AND entity_id = ?2");
    let sql = format!(
        "SELECT n, entity_type, entity_id, version, sequence, log_hash, logic, created_at FROM entity_snapshots
         WHERE imported = 0 {of_one} ORDER BY entity_type, entity_id, sequence DESC, n DESC"
    );
    let mut select = conn.prepare_cached(&sql)?;
    let rows = match key {
        Some(key) => select.query_map((&key.kind, &key.id), mark)?.collect(),
        None => select.query_map([], mark)?.collect::<rusqlite::Result<_>>(),
    };
    Ok(rows?)
}

fn mark(row: &Row<'_>) -> rusqlite::Result<Mark> {
    Ok(Mark {
        n: row.get(0)?,
        key: EntityKey { kind: row.get(1)?, id: row.get(2)? },
        version: row.get::<_, i64>(3)?.unsigned_abs(),
        sequence: row.get(4)?,
        log_hash: row.get(5)?,
        logic: row.get(6)?,
        created_at: clock::parse_rfc3339(&row.get::<_, String>(7)?),
    })
}

/// The snapshot of a mark; none where it has gone since.
///
/// # Errors
///
/// Where the database fails.
pub fn of_mark(conn: &Connection, mark: &Mark) -> Result<Option<Stored>> {
    let sql = format!("SELECT {COLUMNS} FROM entity_snapshots WHERE n = ?1");
    Ok(conn.prepare_cached(&sql)?.query_row([mark.n], stored).optional()?)
}

/// Whether there is a snapshot of an entity, an imported one included.
///
/// # Errors
///
/// Where the database fails.
pub fn has_any(conn: &Connection, key: &EntityKey) -> Result<bool> {
    let sql = "SELECT 1 FROM entity_snapshots WHERE entity_type = ?1 AND entity_id = ?2";
    Ok(conn.prepare_cached(sql)?.exists((&key.kind, &key.id))?)
}

/// Puts an imported snapshot in place of one that was imported before.
///
/// # Errors
///
/// Conflict where this store has one of its own of that entity and version.
pub fn put_imported(conn: &Connection, snapshot: &EntitySnapshot) -> Result<()> {
    let key = (&snapshot.entity_type, &snapshot.entity_id, snapshot.version as i64);
    let own =
        "SELECT 1 FROM entity_snapshots WHERE entity_type = ?1 AND entity_id = ?2 AND version = ?3 AND imported = 0";
    if conn.prepare_cached(own)?.query_row(key, |_| Ok(())).optional()?.is_some() {
        let (key, version) = (snapshot.key(), snapshot.version);
        return Err(Error::conflict(format!("this store has a snapshot of its own of {key} at version {version}."))
            .hint("Nothing was imported; it stays as it is."));
    }
    let before = "DELETE FROM entity_snapshots WHERE entity_type = ?1 AND entity_id = ?2 AND version = ?3";
    conn.prepare_cached(before)?.execute(key)?;
    put(conn, snapshot)?;
    Ok(())
}

/// Removes the oldest of an entity's own snapshots beyond so many; imported ones stay.
///
/// # Errors
///
/// Where the database fails.
pub fn prune(conn: &Connection, key: &EntityKey, keep: usize) -> Result<usize> {
    let sql = "DELETE FROM entity_snapshots WHERE n IN (
                 SELECT n FROM entity_snapshots WHERE entity_type = ?1 AND entity_id = ?2 AND imported = 0
                 ORDER BY n DESC LIMIT -1 OFFSET ?3)";
    let keep = i64::try_from(keep).unwrap_or(i64::MAX);
    Ok(conn.prepare_cached(sql)?.execute((&key.kind, &key.id, keep))?)
}

/// A moment that cannot be read is not when it was taken: the identity hash says so then.
fn stored(row: &Row<'_>) -> rusqlite::Result<Stored> {
    let created_at = clock::parse_rfc3339(&row.get::<_, String>(9)?);
    let snapshot = EntitySnapshot {
        entity_type: row.get(0)?,
        entity_id: row.get(1)?,
        workflow_id: row.get(2)?,
        version: row.get::<_, i64>(3)?.unsigned_abs(),
        sequence: row.get(4)?,
        log_hash: row.get(5)?,
        state: String::from_utf8_lossy(row.get_ref(6)?.as_bytes()?).into_owned(),
        state_hash: row.get(7)?,
        created_at: created_at.unwrap_or(time::OffsetDateTime::UNIX_EPOCH),
        logic: row.get(10)?,
        origin: Origin::from_code(row.get(11)?),
    };
    Ok(Stored { snapshot, identity_hash: row.get(8)? })
}
