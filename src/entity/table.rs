//! The table of entity snapshots, beside the log.

use rusqlite::types::{ToSqlOutput, ValueRef};
use rusqlite::{Connection, OptionalExtension, Row};

use super::EntityKey;
use super::snapshot::{EntitySnapshot, Origin};
use crate::clock;
use crate::error::{Error, Result};
use crate::image::Hash;

/// All columns but the state, which can be long: it stands last in a row, so that these are read
/// without it.
const ENTRY: &str = "n, entity_type, entity_id, workflow_id, version, sequence, log_hash, state_hash, \
                     identity_hash, created_at, logic, imported";

const COLUMNS: &str = "entity_type, entity_id, workflow_id, version, sequence, log_hash, state, state_hash, \
                       identity_hash, created_at, logic, imported";

/// What the table says of a snapshot besides its state, not checked.
#[derive(Debug, Clone)]
pub struct Entry {
    /// Its row.
    pub n: i64,
    /// The snapshot, with an empty text for its state.
    said: EntitySnapshot,
    identity_hash: String,
}

impl Entry {
    /// What the row says; the state is an empty text here.
    pub fn said(&self) -> &EntitySnapshot {
        &self.said
    }

    /// Why its identity hash is not that of its columns; none where it is.
    pub fn wrong(&self) -> Option<String> {
        self.said.check_identity(&self.identity_hash).err().map(|error| error.message().to_owned())
    }

    /// Reads its state as well; none where the row has gone since.
    ///
    /// # Errors
    ///
    /// Where the database fails.
    pub fn read(self, conn: &Connection) -> Result<Option<Stored>> {
        let sql = "SELECT state FROM entity_snapshots WHERE n = ?1";
        let state = conn.prepare_cached(sql)?.query_row([self.n], |row| text(row, 0)).optional()?;
        Ok(state.map(|state| Stored {
            n: self.n,
            snapshot: EntitySnapshot { state, ..self.said },
            identity_hash: self.identity_hash,
        }))
    }
}

/// A row as it stands in the table, not checked yet.
#[derive(Debug, Clone)]
pub struct Stored {
    /// Its row.
    pub n: i64,
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

/// Keeps a snapshot of this store's own; false where the very same is there already. One that is
/// damaged, or that another domain gave, makes room.
///
/// # Errors
///
/// Where the database fails.
pub fn keep(conn: &Connection, snapshot: &EntitySnapshot) -> Result<bool> {
    if put(conn, snapshot)? {
        return Ok(true);
    }
    if in_place_of(conn, snapshot)?.is_some_and(|there| there.logic == snapshot.logic) {
        return Ok(false);
    }
    replace(conn, snapshot)
}

/// The sound snapshot that has the place of another: the same entity, version, sequence and log.
fn in_place_of(conn: &Connection, snapshot: &EntitySnapshot) -> Result<Option<EntitySnapshot>> {
    let same = |one: &EntitySnapshot| {
        (one.version, one.sequence, &one.log_hash) == (snapshot.version, snapshot.sequence, &snapshot.log_hash)
    };
    let there = entries(conn, &snapshot.key())?.into_iter().find(|one| same(one.said()));
    let stored = there.map_or(Ok(None), |there| there.read(conn))?;
    Ok(stored.and_then(|stored| stored.checked().ok()))
}

fn replace(conn: &Connection, snapshot: &EntitySnapshot) -> Result<bool> {
    let sql = "DELETE FROM entity_snapshots
               WHERE entity_type = ?1 AND entity_id = ?2 AND version = ?3 AND sequence = ?4 AND log_hash = ?5";
    let EntitySnapshot { entity_type, entity_id, version, sequence, log_hash, .. } = snapshot;
    conn.prepare_cached(sql)?.execute((entity_type, entity_id, *version as i64, sequence, log_hash))?;
    put(conn, snapshot)
}

/// Puts all snapshots of another database in beside those that are there, in the order in which they
/// came. One that is there damaged is put right.
///
/// # Errors
///
/// Where a database fails.
pub fn put_all(from: &Connection, to: &Connection) -> Result<()> {
    let mut select = from.prepare(&format!("SELECT {COLUMNS}, n FROM entity_snapshots ORDER BY n"))?;
    // Its row where that is free: what came before the others goes before them, too.
    let sql = format!(
        "INSERT INTO entity_snapshots ({COLUMNS}, n) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?,
           CASE WHEN ?13 IN (SELECT n FROM entity_snapshots) THEN NULL ELSE ?13 END) ON CONFLICT DO NOTHING"
    );
    let mut insert = to.prepare(&sql)?;
    let mut rows = select.query([])?;
    while let Some(row) = rows.next()? {
        for column in 0..13 {
            insert.raw_bind_parameter(column + 1, ToSqlOutput::Borrowed(row.get_ref(column)?))?;
        }
        if insert.raw_execute()? == 0 {
            put_right(from, row.get(12)?, to)?;
        }
    }
    Ok(())
}

/// Puts a sound snapshot in the place of one that is there damaged; a sound one stays, whichever
/// domain gave it.
fn put_right(from: &Connection, n: i64, to: &Connection) -> Result<()> {
    let Some(Ok(snapshot)) = find(from, n)?.map(Stored::checked) else { return Ok(()) };
    if in_place_of(to, &snapshot)?.is_none() {
        replace(to, &snapshot)?;
    }
    Ok(())
}

/// The snapshots of an entity, newest first: by sequence, and of one sequence by when they came.
///
/// # Errors
///
/// Where the database fails.
pub fn entries(conn: &Connection, key: &EntityKey) -> Result<Vec<Entry>> {
    let sql = format!(
        "SELECT {ENTRY} FROM entity_snapshots WHERE entity_type = ?1 AND entity_id = ?2 ORDER BY sequence DESC, n DESC"
    );
    let mut select = conn.prepare_cached(&sql)?;
    let rows = select.query_map((&key.kind, &key.id), entry)?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}

/// How many bytes a row's state has.
///
/// # Errors
///
/// Where the database fails.
pub fn state_bytes(conn: &Connection, n: i64) -> Result<u64> {
    let sql = "SELECT octet_length(state) FROM entity_snapshots WHERE n = ?1";
    let bytes = conn.prepare_cached(sql)?.query_row([n], |row| row.get::<_, i64>(0)).optional()?;
    Ok(bytes.unwrap_or(0).unsigned_abs())
}

/// Where a snapshot of this store is, in the log and in time.
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
        key: EntityKey { kind: text(row, 1)?, id: text(row, 2)? },
        version: count(row, 3)?,
        sequence: whole(row, 4)?,
        log_hash: text(row, 5)?,
        logic: text(row, 6)?,
        created_at: clock::parse_rfc3339(&text(row, 7)?),
    })
}

/// The snapshot of a row; none where there is no such row any more.
///
/// # Errors
///
/// Where the database fails.
pub fn find(conn: &Connection, n: i64) -> Result<Option<Stored>> {
    find_entry(conn, n)?.map_or(Ok(None), |entry| entry.read(conn))
}

/// The same without its state.
///
/// # Errors
///
/// Where the database fails.
pub fn find_entry(conn: &Connection, n: i64) -> Result<Option<Entry>> {
    let sql = format!("SELECT {ENTRY} FROM entity_snapshots WHERE n = ?1");
    Ok(conn.prepare_cached(&sql)?.query_row([n], entry).optional()?)
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
/// Conflict where this store has one of its own of that entity and version, or one that was imported
/// with its hash and this one has none.
pub fn put_imported(conn: &Connection, snapshot: &EntitySnapshot) -> Result<()> {
    let key = (&snapshot.entity_type, &snapshot.entity_id, snapshot.version as i64);
    let own =
        "SELECT 1 FROM entity_snapshots WHERE entity_type = ?1 AND entity_id = ?2 AND version = ?3 AND imported = 0";
    if conn.prepare_cached(own)?.query_row(key, |_| Ok(())).optional()?.is_some() {
        let (key, version) = (snapshot.key(), snapshot.version);
        return Err(Error::conflict(format!("this store has a snapshot of its own of {key} at version {version}."))
            .hint("Nothing was imported; it stays as it is."));
    }
    let proven =
        "SELECT 1 FROM entity_snapshots WHERE entity_type = ?1 AND entity_id = ?2 AND version = ?3 AND imported = 1";
    if snapshot.origin == Origin::Unverified && conn.prepare_cached(proven)?.exists(key)? {
        let (key, version) = (snapshot.key(), snapshot.version);
        return Err(Error::conflict(format!("a snapshot of {key} at version {version} was imported with its hash."))
            .hint("Nothing was imported: give this one's state_hash too, to put it in the other's place."));
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

/// A text, also where somebody has put something else there: the identity hash says so then.
fn text(row: &Row<'_>, column: usize) -> rusqlite::Result<String> {
    Ok(match row.get_ref(column)? {
        ValueRef::Text(text) | ValueRef::Blob(text) => String::from_utf8_lossy(text).into_owned(),
        ValueRef::Null => String::new(),
        ValueRef::Integer(number) => number.to_string(),
        ValueRef::Real(number) => number.to_string(),
    })
}

/// A whole number, or one that no snapshot has.
fn whole(row: &Row<'_>, column: usize) -> rusqlite::Result<i64> {
    Ok(row.get_ref(column)?.as_i64().unwrap_or(i64::MIN))
}

fn count(row: &Row<'_>, column: usize) -> rusqlite::Result<u64> {
    Ok(u64::try_from(whole(row, column)?).unwrap_or(u64::MAX))
}

/// Nothing that stands in a row is refused here: its hashes are what judges it.
fn entry(row: &Row<'_>) -> rusqlite::Result<Entry> {
    // Only as it was written: the hash is over the moment and not over its text.
    let written = text(row, 9)?;
    let created_at = clock::parse_rfc3339(&written).filter(|at| clock::rfc3339(*at) == written);
    let said = EntitySnapshot {
        entity_type: text(row, 1)?,
        entity_id: text(row, 2)?,
        workflow_id: text(row, 3)?,
        version: count(row, 4)?,
        sequence: whole(row, 5)?,
        log_hash: text(row, 6)?,
        state: String::new(),
        state_hash: text(row, 7)?,
        created_at: created_at.unwrap_or(time::OffsetDateTime::UNIX_EPOCH),
        logic: text(row, 10)?,
        origin: Origin::from_code(whole(row, 11)?),
    };
    Ok(Entry { n: row.get(0)?, said, identity_hash: text(row, 8)? })
}
