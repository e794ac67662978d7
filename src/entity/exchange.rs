//! Snapshots of entities in the original's form, as its `to_dict` writes and its `from_dict` reads.
//!
//! ```text
//! {"entity_type": "bot", "entity_id": "ada", "workflow_id": "", "version": 3, "sequence": 17,
//!  "state": {…}, "state_hash": "…", "created_at": "2026-01-31T12:00:00Z"}
//! ```
//!
//! A missing key takes the original's default; other keys are passed over.

use serde::Serialize;
use serde_json::value::RawValue;
use time::OffsetDateTime;

use super::snapshot::{EntitySnapshot, Origin, state_hash};
use crate::clock;
use crate::error::{Error, Result};
use crate::json::{self, Value};

/// The most bytes that a state may have.
pub const LARGEST_STATE: usize = 8 << 20;

/// Refuses a state that is too large to be kept.
///
/// # Errors
///
/// Unprocessable over [`LARGEST_STATE`].
pub fn check_size(key: &super::EntityKey, state: &str) -> Result<()> {
    if state.len() <= LARGEST_STATE {
        return Ok(());
    }
    Err(Error::unprocessable(format!(
        "the state of {key} has {} bytes, and a snapshot of an entity holds at most {LARGEST_STATE}.",
        state.len()
    ))
    .hint("Leave out of the `state` in domain.toml what can be looked up by itself."))
}

/// The keys of the original's form, in its order.
#[derive(Serialize)]
struct Dict<'a> {
    entity_type: &'a str,
    entity_id: &'a str,
    workflow_id: &'a str,
    version: u64,
    sequence: i64,
    state: Box<RawValue>,
    state_hash: &'a str,
    created_at: String,
}

impl EntitySnapshot {
    /// The snapshot in the original's form, as JSON text.
    ///
    /// # Errors
    ///
    /// Damaged where the state is not JSON.
    pub fn to_dict(&self) -> Result<String> {
        let broken = |source| Error::damaged(format!("the state of {} is not JSON.", self.key())).because(source);
        let dict = Dict {
            entity_type: &self.entity_type,
            entity_id: &self.entity_id,
            workflow_id: &self.workflow_id,
            version: self.version,
            sequence: self.sequence,
            state: RawValue::from_string(self.state.clone()).map_err(broken)?,
            state_hash: &self.state_hash,
            created_at: clock::rfc3339(self.created_at),
        };
        serde_json::to_string(&dict).map_err(broken)
    }
}

/// A snapshot that somebody brings.
#[derive(Debug, Clone)]
pub struct Import(pub EntitySnapshot);

impl Import {
    /// Reads the original's form. What is not said about the moment is `now`.
    ///
    /// # Errors
    ///
    /// Malformed where it is not that form, naming the key; unprocessable where the state is too
    /// large or its hash is another one.
    pub fn from_dict(text: &str, now: OffsetDateTime) -> Result<Self> {
        let parsed =
            json::parse(text).map_err(|error| Error::malformed(format!("the snapshot is not JSON: {error}.")))?;
        let dict = Members(&parsed);
        if !matches!(parsed, Value::Object(_)) {
            return Err(Error::malformed("the snapshot must be a JSON object"));
        }
        let state = dict.state()?;
        let mut snapshot = EntitySnapshot {
            entity_type: dict.text("entity_type")?.unwrap_or("workflow").to_owned(),
            entity_id: dict.text("entity_id")?.unwrap_or_default().to_owned(),
            workflow_id: dict.text("workflow_id")?.unwrap_or_default().to_owned(),
            version: dict.number("version")?.unsigned_abs(),
            sequence: dict.number("sequence")?,
            state_hash: state_hash(&state).map_err(|error| Error::malformed(format!("state: {error}")))?,
            state,
            created_at: dict.moment()?.unwrap_or(now),
            log_hash: String::new(),
            logic: String::new(),
            origin: Origin::Unverified,
        };
        check_size(&snapshot.key(), &snapshot.state)?;
        if let Some(given) = dict.text("state_hash")? {
            if given != snapshot.state_hash {
                let words = format!("state_hash is {given}, and that of the state is {}.", snapshot.state_hash);
                return Err(Error::unprocessable(words).hint("Nothing was imported: the state is not what was hashed."));
            }
            snapshot.origin = Origin::Imported;
        }
        Ok(Self(snapshot))
    }
}

/// The members of what was sent; `null` is as good as not there.
struct Members<'v>(&'v Value<'v>);

impl<'v> Members<'v> {
    fn get(&self, name: &str) -> Option<&'v Value<'v>> {
        self.0.get(name).filter(|value| **value != Value::Null)
    }

    fn text(&self, name: &str) -> Result<Option<&'v str>> {
        match self.get(name) {
            None => Ok(None),
            Some(Value::String(text)) => Ok(Some(text)),
            Some(_) => Err(Error::malformed(format!("{name} must be a text"))),
        }
    }

    fn number(&self, name: &str) -> Result<i64> {
        let Some(value) = self.get(name) else { return Ok(0) };
        let number = if let Value::Number(number) = value { number.as_str().parse().ok() } else { None };
        number
            .filter(|number| *number >= 0)
            .ok_or_else(|| Error::malformed(format!("{name} must be a whole number from 0")))
    }

    fn state(&self) -> Result<String> {
        match self.get("state") {
            None => Ok("{}".to_owned()),
            Some(state @ Value::Object(_)) => Ok(state.to_string()),
            Some(_) => Err(Error::malformed("state must be a JSON object")),
        }
    }

    fn moment(&self) -> Result<Option<OffsetDateTime>> {
        let Some(text) = self.text("created_at")? else { return Ok(None) };
        let moment = clock::parse_iso8601(text);
        let refuse = || Error::malformed(format!("created_at must be a moment with Z or an offset, not {text:?}"));
        moment.map(Some).ok_or_else(refuse)
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]
    use super::*;

    fn read(text: &str) -> Result<EntitySnapshot> {
        Import::from_dict(text, OffsetDateTime::UNIX_EPOCH).map(|Import(snapshot)| snapshot)
    }

    #[test]
    fn a_missing_key_takes_the_default_of_the_original() {
        let snapshot = read("{}").unwrap();
        assert_eq!((snapshot.entity_type.as_str(), snapshot.entity_id.as_str()), ("workflow", ""));
        assert_eq!((snapshot.version, snapshot.sequence, snapshot.state.as_str()), (0, 0, "{}"));
        assert_eq!((snapshot.created_at, snapshot.origin), (OffsetDateTime::UNIX_EPOCH, Origin::Unverified));
    }

    #[test]
    fn what_is_exported_is_read_back() {
        let text = r#"{"entity_type": "bot", "entity_id": "ada", "version": 2, "sequence": 9,
                       "state": {"z": 12345678901234567890123, "a": 1.0, "é": "\ud83d\ude00"},
                       "created_at": "2026-01-31T12:00:00+02:00"}"#;
        let first = read(text).unwrap();
        assert_eq!(first.state, r#"{"z":12345678901234567890123,"a":1.0,"é":"😀"}"#);
        let again = read(&first.to_dict().unwrap()).unwrap();
        assert_eq!(again, EntitySnapshot { origin: Origin::Imported, ..first });
        assert!(again.to_dict().unwrap().contains("\"created_at\":\"2026-01-31T10:00:00Z\""));
    }

    #[test]
    fn what_is_wrong_is_named() {
        for (text, words) in [
            ("[]", "must be a JSON object"),
            ("{", "not JSON: byte 1"),
            (r#"{"entity_id": 7}"#, "entity_id must be a text"),
            (r#"{"version": -1}"#, "version must be a whole number from 0"),
            (r#"{"version": 1.5}"#, "version must be a whole number from 0"),
            (r#"{"state": []}"#, "state must be a JSON object"),
            (r#"{"state": {"a": "\ud800"}}"#, "half of a character"),
            (r#"{"created_at": "2026-01-31T12:00:00"}"#, "created_at must be a moment with Z or an offset"),
            (r#"{"state_hash": "00"}"#, "state_hash is 00, and that of the state is 44136fa3"),
        ] {
            let error = read(text).unwrap_err().to_string();
            assert!(error.contains(words), "{text}: {error}");
        }
        let large = format!(r#"{{"state": {{"a": "{}"}}}}"#, "x".repeat(LARGEST_STATE));
        assert!(read(&large).unwrap_err().to_string().contains("at most 8388608"));
    }
}
