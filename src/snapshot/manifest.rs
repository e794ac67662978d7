//! The manifest: one JSON file that names everything a snapshot holds.
//!
//! ```text
//! {"last_event_id":1240,
//!  "event_log":{"columns":[…],"rows":1240,"bytes":310000,"root":{"hash":"…","bytes":900,"level":0}},
//!  "bots":{…}, …,
//!  "backstitch":{"format":1,"id":"20261120T180201Z","kind":"periodic", …,"hash":"…"}}
//! ```
//!
//! The top-level keys are those of the original service's dump, but each table is an object and
//! not a list: a reader of dumps can list such a file, and fails on restoring it instead of
//! emptying its tables.
//!
//! Valid: the file ends with `,"hash":"<64 hex digits>"}}` and a line end, and those digits are the
//! BLAKE3 of every byte before them. So any change of any byte is found without knowing the rest.
//!
//! Order of writing: chunks durable, then the manifest under an unfinished name, synced, renamed,
//! the folder synced. A manifest that is there names chunks that are there.

use serde::{Deserialize, Serialize};
use time::{OffsetDateTime, UtcOffset};

use super::model::{Kind, SnapshotId};
use crate::domain::Fingerprint;
use crate::error::{Error, Result};
use crate::image::index::{self, Index};
use crate::image::{ChunkStore, Hash, Root, Segment};

/// The form written here; another number is another program's.
pub const FORMAT: u32 = 1;
/// A manifest has a line a table; more than this is no manifest.
pub const LARGEST: u64 = 16 << 20;

/// Ids and sequence numbers stay far below; what is above was not counted.
const LARGEST_NUMBER: i64 = i64::MAX / 2;

const TAIL: &[u8] = b"\"}}\n";
const HASH_DIGITS: usize = 64;

/// A snapshot's manifest.
#[derive(Debug, Clone, PartialEq)]
pub struct Manifest {
    /// The log's highest id in the snapshot; 0: empty.
    pub last_event_id: i64,
    /// The log and the projected tables, by name, the log first.
    pub tables: Vec<(String, StoredImage)>,
    /// What else is to know.
    pub about: About,
    /// The manifest's own hash.
    pub hash: Hash,
}

/// A table's image as the manifest names it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StoredImage {
    /// The columns, in the order of a row's values.
    pub columns: Vec<String>,
    /// How many rows.
    pub rows: u64,
    /// Bytes before compression.
    pub bytes: u64,
    /// The top of the index; none for an empty table.
    pub root: Option<Root>,
}

/// All that is under the key `backstitch` but the hash.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct About {
    /// [`FORMAT`].
    pub format: u32,
    /// The id under which it was taken; another file name means that someone copied it.
    pub id: SnapshotId,
    /// The store that took it.
    pub store: String,
    /// What it is for.
    pub kind: Kind,
    /// By what means it was taken.
    pub means: String,
    /// Why, where an operation took it to be safe.
    pub reason: Option<String>,
    /// The moment of capture.
    #[serde(with = "time::serde::rfc3339")]
    pub captured_at: OffsetDateTime,
    /// Grows with every snapshot of the store.
    pub sequence: u64,
    /// The event up to which the tables had taken account of the log.
    pub position: i64,
    /// Whether they stood there on purpose.
    pub held: bool,
    /// The store's epoch.
    pub epoch: u64,
    /// The label that it was taken with.
    pub label: Option<String>,
    /// The shape of the domain.
    pub shape: Fingerprint,
    /// The logic of the domain.
    pub logic: Fingerprint,
}

impl StoredImage {
    /// Stores the index of some segments and names it.
    ///
    /// # Errors
    ///
    /// Where the index cannot be stored.
    pub fn store(columns: Vec<String>, segments: &[Segment], writer: &mut crate::image::ChunkWriter) -> Result<Self> {
        Ok(Self {
            columns,
            rows: segments.iter().map(|segment| segment.rows).sum(),
            bytes: segments.iter().map(|segment| segment.bytes).sum(),
            root: index::write(segments, writer)?,
        })
    }

    /// Reads its index.
    ///
    /// # Errors
    ///
    /// Damaged where a chunk of it is.
    pub fn index(&self, store: &ChunkStore) -> Result<Index> {
        let index = index::read(store, self.root.as_ref())?;
        let rows = index.segments.iter().try_fold(0_u64, |rows, segment| rows.checked_add(segment.rows));
        if rows != Some(self.rows) {
            return Err(Error::damaged("an index names another number of rows than its manifest"));
        }
        Ok(index)
    }
}

impl Manifest {
    fn is_in_range(&self) -> bool {
        let numbers = [Some(self.last_event_id), Some(self.about.position), i64::try_from(self.about.sequence).ok()];
        let counted = |number: Option<i64>| number.is_some_and(|number| (0..=LARGEST_NUMBER).contains(&number));
        numbers.into_iter().all(counted) && self.about.captured_at.checked_to_offset(UtcOffset::UTC).is_some()
    }

    /// The image of a table; none where the snapshot does not have it.
    pub fn table(&self, name: &str) -> Option<&StoredImage> {
        self.tables.iter().find(|(known, _)| known == name).map(|(_, image)| image)
    }

    /// The bytes of the file, and the manifest's hash.
    ///
    /// # Errors
    ///
    /// None in practice: these values always have a JSON form.
    pub fn write(last_event_id: i64, tables: &[(String, StoredImage)], about: &About) -> Result<(Vec<u8>, Hash)> {
        let mut object = serde_json::Map::new();
        object.insert("last_event_id".into(), last_event_id.into());
        for (name, image) in tables {
            object.insert(name.clone(), serde_json::to_value(image).map_err(unwritable)?);
        }
        object.insert("backstitch".into(), serde_json::to_value(about).map_err(unwritable)?);
        let mut bytes = serde_json::to_vec(&object).map_err(unwritable)?;
        bytes.truncate(bytes.len() - b"}}".len());
        bytes.extend_from_slice(b",\"hash\":\"");
        let hash = Hash::of(&bytes);
        bytes.extend_from_slice(hash.to_string().as_bytes());
        bytes.extend_from_slice(TAIL);
        Ok((bytes, hash))
    }

    /// Reads a manifest.
    ///
    /// # Errors
    ///
    /// Damaged: it is not what was written, or no manifest at all.
    pub fn read(bytes: &[u8]) -> Result<Self> {
        let hash = check_hash(bytes)?;
        let unreadable = |source| Error::damaged("it is no manifest that this program knows").because(source);
        let object: serde_json::Map<String, serde_json::Value> = serde_json::from_slice(bytes).map_err(unreadable)?;
        let (mut last_event_id, mut about, mut tables) = (0, None, Vec::new());
        for (key, value) in object {
            match key.as_str() {
                "last_event_id" => last_event_id = serde_json::from_value(value).map_err(unreadable)?,
                "backstitch" => about = Some(serde_json::from_value(value).map_err(unreadable)?),
                _ => tables.push((key, serde_json::from_value(value).map_err(unreadable)?)),
            }
        }
        let about: About = about.ok_or_else(|| Error::damaged("it does not say what it is of"))?;
        let manifest = Self { last_event_id, tables, about, hash };
        match manifest.about.format {
            FORMAT if !manifest.is_in_range() => Err(Error::damaged("it has a number or a moment that no store has")),
            FORMAT if manifest.table("event_log").is_some() => Ok(manifest),
            FORMAT => Err(Error::damaged("it names no log")),
            other => Err(Error::damaged(format!("it has format {other}; this program knows {FORMAT}"))),
        }
    }
}

fn check_hash(bytes: &[u8]) -> Result<Hash> {
    let no_manifest = || Error::damaged("it is no manifest that this program wrote, or it was cut short");
    let digits_from = bytes.len().checked_sub(TAIL.len() + HASH_DIGITS).ok_or_else(no_manifest)?;
    let (hashed, rest) = bytes.split_at(digits_from);
    let (digits, tail) = rest.split_at(HASH_DIGITS);
    let expected: Option<Hash> = std::str::from_utf8(digits).ok().and_then(|digits| digits.parse().ok());
    match expected {
        Some(expected) if tail == TAIL && hashed.ends_with(b",\"hash\":\"") => match Hash::of(hashed) {
            found if found == expected => Ok(found),
            found => Err(Error::damaged(format!("it is not what was written: expected {expected}, found {found}"))),
        },
        _ => Err(no_manifest()),
    }
}

fn unwritable(source: serde_json::Error) -> Error {
    Error::internal("a manifest cannot be written as JSON").because(source)
}
