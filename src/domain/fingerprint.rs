//! Shape and logic as hashes.
//!
//! Hashed are fields in a fixed order, each as the length of its label, its label, the length of its
//! value, its value (lengths as 8 bytes, least first), so that nothing can move from one field into
//! the next. SQL goes in without its comments and blanks.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use super::handlers::{Entity, Handler};
use super::normal::normal;
use super::schema::{ENTITY_EVENTS, Object, Schema};
use crate::error::Error;

/// A BLAKE3 hash; 64 hexadecimal digits when shown.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Fingerprint([u8; 32]);

impl Fingerprint {
    /// The hash's bytes.
    pub fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex::encode(self.0))
    }
}

impl fmt::Debug for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for Fingerprint {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let mut bytes = [0; 32];
        hex::decode_to_slice(text, &mut bytes)
            .map_err(|_| Error::malformed(format!("a hash is 64 hexadecimal digits, not {text:?}")))?;
        Ok(Self(bytes))
    }
}

impl Serialize for Fingerprint {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Fingerprint {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(de::Error::custom)
    }
}

/// The hash of the tables, with columns, types, keys and constraints.
pub(super) fn shape(objects: &BTreeSet<Object>, tables: &BTreeSet<String>) -> Fingerprint {
    let mut fields = Fields::new("backstitch shape 1");
    let counts = |object: &&Object| tables.contains(&object.name) || object.name == ENTITY_EVENTS;
    for object in objects.iter().filter(|object| object.kind == "table").filter(counts) {
        fields.add("table", &object.name);
        fields.add("sql", object.sql.as_deref().unwrap_or_default());
    }
    fields.finish()
}

/// The hash of all that decides what a replay gives. An index that is not unique decides nothing.
pub(super) fn logic(
    shape: Fingerprint,
    schema: &Schema,
    handlers: &BTreeMap<String, Handler>,
    entities: &[Entity],
) -> Fingerprint {
    let mut fields = Fields::new("backstitch logic 1");
    fields.add("shape", &shape.to_string());
    for object in &schema.objects {
        let sql = object.sql.as_deref().unwrap_or_default();
        let is_full_text = schema.rules.full_text.contains(&object.name);
        if object.kind == "trigger" || is_full_text || sql.starts_with("CREATE UNIQUE INDEX ") {
            fields.add(&object.kind, &object.name);
            fields.add("sql", sql);
        }
    }
    for (kind, handler) in handlers {
        fields.add("handler", kind);
        for statement in &handler.statements {
            fields.add("sql", &normal(statement));
        }
    }
    let entities: BTreeMap<&str, &Entity> = entities.iter().map(|entity| (entity.kind.as_str(), entity)).collect();
    for (kind, entity) in entities {
        fields.add("entity", kind);
        fields.add("replay", entity.replay.as_str());
        for (label, query) in [("list", &entity.list), ("state", &entity.state), ("events", &entity.events)] {
            fields.add(label, &normal(query));
        }
        if let Some(query) = &entity.workflow {
            fields.add("workflow", &normal(query));
        }
        for statement in &entity.load {
            fields.add("load", &normal(statement));
        }
    }
    fields.finish()
}

/// Labelled fields on their way into a hash.
pub(super) struct Fields(blake3::Hasher);

impl Fields {
    /// No field yet; the name says what is hashed and in which version.
    pub(super) fn new(name: &str) -> Self {
        let mut fields = Self(blake3::Hasher::new());
        fields.add("of", name);
        fields
    }

    /// One more field.
    pub(super) fn add(&mut self, label: &str, value: &str) {
        for part in [label, value] {
            self.0.update(&(part.len() as u64).to_le_bytes());
            self.0.update(part.as_bytes());
        }
    }

    /// The hash of all fields.
    pub(super) fn finish(&self) -> Fingerprint {
        Fingerprint(*self.0.finalize().as_bytes())
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

    use super::*;

    fn of(fields: &[(&str, &str)]) -> Fingerprint {
        let mut hash = Fields::new("test");
        for (label, value) in fields {
            hash.add(label, value);
        }
        hash.finish()
    }

    #[test]
    fn nothing_moves_from_one_field_to_another() {
        let all = [
            of(&[("a", "bc")]),
            of(&[("ab", "c")]),
            of(&[("a", "b"), ("", "c")]),
            of(&[("a", "b"), ("c", "")]),
            of(&[("c", ""), ("a", "b")]),
        ];
        for (at, one) in all.iter().enumerate() {
            assert!(all[at + 1..].iter().all(|other| other != one));
        }
    }

    #[test]
    fn a_fingerprint_is_read_back_as_shown() {
        let fingerprint = of(&[]);
        assert_eq!(fingerprint.to_string().len(), 64);
        assert_eq!(fingerprint.to_string().parse::<Fingerprint>().unwrap(), fingerprint);
        let json = serde_json::to_string(&fingerprint).unwrap();
        assert_eq!(serde_json::from_str::<Fingerprint>(&json).unwrap(), fingerprint);
        assert!("abc".parse::<Fingerprint>().is_err());
    }
}
