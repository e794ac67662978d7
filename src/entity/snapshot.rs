//! One snapshot of an entity's state, and the hashes that prove it.

use serde::{Serialize, Serializer};
use serde_json::value::RawValue;
use sha2::{Digest, Sha256};
use time::OffsetDateTime;

use super::EntityKey;
use crate::clock;
use crate::error::{Error, Result};
use crate::image::Hash;
use crate::json;

/// Where a snapshot comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Origin {
    /// This store took it.
    Own,
    /// It was imported, and its hash fits its state.
    Imported,
    /// It was imported without a hash.
    Unverified,
}

impl Origin {
    /// How the database writes it.
    pub(super) fn code(self) -> i64 {
        self as i64
    }

    pub(super) fn from_code(code: i64) -> Self {
        match code {
            0 => Self::Own,
            1 => Self::Imported,
            _ => Self::Unverified,
        }
    }
}

/// A snapshot of an entity's state at one of its versions.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct EntitySnapshot {
    /// The type of the entity.
    pub entity_type: String,
    /// Its id.
    pub entity_id: String,
    /// The workflow that it belongs to; empty where it belongs to none.
    pub workflow_id: String,
    /// How many events belong to it.
    pub version: u64,
    /// The id of the last of them.
    pub sequence: i64,
    /// The text of a JSON object.
    #[serde(serialize_with = "raw")]
    pub state: String,
    /// [`state_hash`] of the state.
    pub state_hash: String,
    /// When it was taken.
    #[serde(with = "time::serde::rfc3339")]
    pub created_at: OffsetDateTime,
    /// The hash of the log up to `sequence`; empty for one that was imported.
    pub log_hash: String,
    /// The logic of the domain that gave the state; empty for one that was imported.
    pub logic: String,
    /// Where it comes from.
    pub origin: Origin,
}

/// The hash of a state: SHA-256 of what Python's `json.dumps(state, sort_keys=True, default=str)`
/// gives, in hexadecimal.
///
/// # Errors
///
/// Where the text is not JSON.
///
/// ```
/// let hash = backstitch::entity::snapshot::state_hash(r#"{"b": 1, "a": "é"}"#).unwrap();
/// // What Python's hashlib gives for the bytes `{"a": "\u00e9", "b": 1}`.
/// assert_eq!(hash, "d73913efb309b5986cdc9592ec8697c5a024c2240ce3217cf777d396c4e383ad");
/// ```
pub fn state_hash(state: &str) -> Result<String, json::JsonError> {
    Ok(hex::encode(Sha256::digest(json::dumps(&json::parse(state)?))))
}

fn raw<S: Serializer>(state: &str, serializer: S) -> Result<S::Ok, S::Error> {
    RawValue::from_string(state.to_owned()).map_err(serde::ser::Error::custom)?.serialize(serializer)
}

impl EntitySnapshot {
    /// Which entity it is of.
    pub fn key(&self) -> EntityKey {
        EntityKey::new(&self.entity_type, &self.entity_id)
    }

    /// The hash of all but the state: BLAKE3, in hexadecimal, over each column as the length of its
    /// text (8 bytes, least first) and its text.
    pub fn identity_hash(&self) -> String {
        let mut hasher = blake3::Hasher::new();
        let numbers = [self.version.to_string(), self.sequence.to_string(), self.origin.code().to_string()];
        let [version, sequence, origin] = &numbers;
        let created_at = clock::rfc3339(self.created_at);
        for text in [
            &self.entity_type,
            &self.entity_id,
            &self.workflow_id,
            version,
            sequence,
            &self.log_hash,
            &self.state_hash,
            &created_at,
            &self.logic,
            origin,
        ] {
            hasher.update(&(text.len() as u64).to_le_bytes()).update(text.as_bytes());
        }
        Hash::from(hasher.finalize()).to_string()
    }

    /// Compares both hashes with what they are of.
    ///
    /// # Errors
    ///
    /// Damaged, naming what does not fit, what was expected and what was found.
    pub fn check(&self, identity_hash: &str) -> Result<()> {
        let found = state_hash(&self.state).unwrap_or_else(|error| format!("no JSON ({error})"));
        let state = wrong("state hash", &self.state_hash, &found);
        self.refuse(state.into_iter().chain(wrong("identity hash", identity_hash, &self.identity_hash())))
    }

    /// The same of the identity hash alone, which does not need the state.
    ///
    /// # Errors
    ///
    /// As [`EntitySnapshot::check`].
    pub fn check_identity(&self, identity_hash: &str) -> Result<()> {
        self.refuse(wrong("identity hash", identity_hash, &self.identity_hash()).into_iter())
    }

    fn refuse(&self, wrong: impl Iterator<Item = String>) -> Result<()> {
        let wrong: Vec<String> = wrong.collect();
        if wrong.is_empty() {
            return Ok(());
        }
        let what = format!("the snapshot of {} at version {} is damaged", self.key(), self.version);
        Err(Error::damaged(format!("{what}: {}.", wrong.join("; ")))
            .hint("The log gives the state as well: ask with fallback=replay."))
    }
}

/// What is wrong where a hash is not the one that was kept.
fn wrong(what: &str, kept: &str, found: &str) -> Option<String> {
    (kept != found).then(|| format!("its {what} is {found}, and {kept} was kept"))
}
