//! One SQLite value, compared as SQLite compares and written so that it comes back bit for bit.
//!
//! | SQLite | JSON |
//! | --- | --- |
//! | NULL | `null` |
//! | INTEGER | digits, all 64 bits |
//! | REAL | the shortest digits that read back the same, always with `.` or `e`; `{"real":"inf"}`, `{"real":"-inf"}` |
//! | TEXT | a string; `{"text":"<hex>"}` where it is not UTF-8 |
//! | BLOB | `{"blob":"<hex>"}` |

use std::cmp::Ordering;
use std::fmt;
use std::hash::{Hash, Hasher};

use rusqlite::ToSql;
use rusqlite::types::{ToSqlOutput, ValueRef};
use serde::de::{self, Deserialize, Deserializer, MapAccess, Visitor};
use serde::ser::{Serialize, SerializeMap, Serializer};

/// One value of a row.
#[derive(Debug, Clone)]
pub enum Value {
    /// NULL.
    Null,
    /// A 64-bit integer.
    Integer(i64),
    /// A double; never NaN, which SQLite stores as NULL.
    Real(f64),
    /// Text as its bytes: SQLite does not insist on UTF-8.
    Text(Vec<u8>),
    /// Bytes.
    Blob(Vec<u8>),
}

impl Value {
    /// The value as SQLite's own borrowed form.
    pub fn as_ref(&self) -> ValueRef<'_> {
        match self {
            Self::Null => ValueRef::Null,
            Self::Integer(integer) => ValueRef::Integer(*integer),
            Self::Real(real) => ValueRef::Real(*real),
            Self::Text(text) => ValueRef::Text(text),
            Self::Blob(blob) => ValueRef::Blob(blob),
        }
    }

    fn rank(&self) -> u8 {
        match self {
            Self::Null => 0,
            Self::Integer(_) | Self::Real(_) => 1,
            Self::Text(_) => 2,
            Self::Blob(_) => 3,
        }
    }

    /// The order in which SQLite's BINARY collation sorts: NULL, numbers, text, blobs.
    pub fn sqlite_cmp(&self, other: &Self) -> Ordering {
        match (self, other) {
            (Self::Integer(a), Self::Integer(b)) => a.cmp(b),
            (Self::Real(a), Self::Real(b)) => a.partial_cmp(b).unwrap_or(Ordering::Equal),
            (Self::Integer(a), Self::Real(b)) => integer_cmp_real(*a, *b),
            (Self::Real(a), Self::Integer(b)) => integer_cmp_real(*b, *a).reverse(),
            (Self::Text(a), Self::Text(b)) | (Self::Blob(a), Self::Blob(b)) => a.cmp(b),
            _ => self.rank().cmp(&other.rank()),
        }
    }
}

/// Exact, also beyond 2^53, where converting the integer would round it.
fn integer_cmp_real(integer: i64, real: f64) -> Ordering {
    const TWO_TO_63: f64 = 9_223_372_036_854_775_808.0;
    if real >= TWO_TO_63 {
        return Ordering::Less;
    }
    if real < -TWO_TO_63 {
        return Ordering::Greater;
    }
    let whole = real.trunc();
    integer.cmp(&(whole as i64)).then_with(|| 0.0_f64.partial_cmp(&(real - whole)).unwrap_or(Ordering::Equal))
}

/// Compares two keys of the same table, column by column.
pub(crate) fn key_cmp<'a>(a: impl IntoIterator<Item = &'a Value>, b: impl IntoIterator<Item = &'a Value>) -> Ordering {
    a.into_iter().zip(b).map(|(a, b)| a.sqlite_cmp(b)).find(|ordering| ordering.is_ne()).unwrap_or(Ordering::Equal)
}

/// Bit for bit: 1 and 1.0 differ, and so do 0.0 and -0.0.
impl PartialEq for Value {
    fn eq(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Null, Self::Null) => true,
            (Self::Integer(a), Self::Integer(b)) => a == b,
            (Self::Real(a), Self::Real(b)) => a.to_bits() == b.to_bits(),
            (Self::Text(a), Self::Text(b)) | (Self::Blob(a), Self::Blob(b)) => a == b,
            _ => false,
        }
    }
}

impl Eq for Value {}

/// As equality has it: bit for bit.
impl Hash for Value {
    fn hash<H: Hasher>(&self, hasher: &mut H) {
        self.rank().hash(hasher);
        match self {
            Self::Null => {}
            Self::Integer(integer) => integer.hash(hasher),
            Self::Real(real) => real.to_bits().hash(hasher),
            Self::Text(bytes) | Self::Blob(bytes) => bytes.hash(hasher),
        }
    }
}

impl From<ValueRef<'_>> for Value {
    fn from(value: ValueRef<'_>) -> Self {
        match value {
            ValueRef::Null => Self::Null,
            ValueRef::Integer(integer) => Self::Integer(integer),
            ValueRef::Real(real) => Self::Real(real),
            ValueRef::Text(text) => Self::Text(text.to_vec()),
            ValueRef::Blob(blob) => Self::Blob(blob.to_vec()),
        }
    }
}

impl ToSql for Value {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(ToSqlOutput::Borrowed(self.as_ref()))
    }
}

/// For people: text as it is, the rest as JSON.
impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Null => f.write_str("null"),
            Self::Integer(integer) => write!(f, "{integer}"),
            Self::Real(real) => write!(f, "{real:?}"),
            Self::Text(text) => f.write_str(&String::from_utf8_lossy(text)),
            Self::Blob(blob) => write!(f, "blob, {} B", blob.len()),
        }
    }
}

/// A borrowed value that serializes as [`Value`] does: rows are written without copying them.
pub(crate) struct Borrowed<'a>(pub(crate) ValueRef<'a>);

impl Serialize for Borrowed<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.0 {
            ValueRef::Null => serializer.serialize_unit(),
            ValueRef::Integer(integer) => serializer.serialize_i64(integer),
            ValueRef::Real(real) if real.is_finite() => serializer.serialize_f64(real),
            ValueRef::Real(real) => tagged(serializer, "real", if real > 0.0 { "inf" } else { "-inf" }),
            ValueRef::Text(text) => match std::str::from_utf8(text) {
                Ok(text) => serializer.serialize_str(text),
                Err(_) => tagged(serializer, "text", &hex::encode(text)),
            },
            ValueRef::Blob(blob) => tagged(serializer, "blob", &hex::encode(blob)),
        }
    }
}

fn tagged<S: Serializer>(serializer: S, tag: &str, text: &str) -> Result<S::Ok, S::Error> {
    let mut map = serializer.serialize_map(Some(1))?;
    map.serialize_entry(tag, text)?;
    map.end()
}

impl Serialize for Value {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        Borrowed(self.as_ref()).serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Value {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ValueVisitor)
    }
}

struct ValueVisitor;

impl<'de> Visitor<'de> for ValueVisitor {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value of a row")
    }

    fn visit_unit<E: de::Error>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_i64<E: de::Error>(self, integer: i64) -> Result<Value, E> {
        Ok(Value::Integer(integer))
    }

    fn visit_u64<E: de::Error>(self, integer: u64) -> Result<Value, E> {
        i64::try_from(integer).map(Value::Integer).map_err(|_| E::custom("an integer of more than 64 bits"))
    }

    fn visit_f64<E: de::Error>(self, real: f64) -> Result<Value, E> {
        Ok(Value::Real(real))
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Value, E> {
        Ok(Value::Text(text.as_bytes().to_vec()))
    }

    fn visit_string<E: de::Error>(self, text: String) -> Result<Value, E> {
        Ok(Value::Text(text.into_bytes()))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Value, A::Error> {
        let (tag, text) = map
            .next_entry::<String, String>()?
            .ok_or_else(|| de::Error::custom("an object without a tag is no value of a row"))?;
        if map.next_key::<String>()?.is_some() {
            return Err(de::Error::custom("an object with two tags is no value of a row"));
        }
        untag(&tag, &text).ok_or_else(|| de::Error::custom("an unknown form of a value"))
    }
}

fn untag(tag: &str, text: &str) -> Option<Value> {
    match (tag, text) {
        ("real", "inf") => Some(Value::Real(f64::INFINITY)),
        ("real", "-inf") => Some(Value::Real(f64::NEG_INFINITY)),
        ("text", hex) => hex::decode(hex).ok().map(Value::Text),
        ("blob", hex) => hex::decode(hex).ok().map(Value::Blob),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]
    use super::*;

    fn back(value: &Value) -> Value {
        serde_json::from_str(&serde_json::to_string(value).unwrap()).unwrap()
    }

    #[test]
    fn every_kind_of_value_comes_back_bit_for_bit() {
        for value in [
            Value::Null,
            Value::Integer(i64::MIN),
            Value::Integer((1 << 53) + 1),
            Value::Real(1.0),
            Value::Real(-0.0),
            Value::Real(f64::MIN_POSITIVE / 2.0),
            Value::Real(f64::MAX),
            Value::Real(0.1 + 0.2),
            Value::Real(f64::INFINITY),
            Value::Real(f64::NEG_INFINITY),
            Value::Text(b"a\0b\n\"".to_vec()),
            Value::Text(vec![0xff, 0xfe, 0]),
            Value::Text("\u{2028}\u{10ffff}".as_bytes().to_vec()),
            Value::Blob(vec![]),
            Value::Blob(vec![0, 255]),
        ] {
            assert_eq!(back(&value), value);
        }
    }

    #[test]
    fn integers_and_reals_sort_together_without_rounding() {
        let big = (1_i64 << 53) + 1;
        assert_eq!(Value::Integer(big).sqlite_cmp(&Value::Real((1_i64 << 53) as f64)), Ordering::Greater);
        assert_eq!(Value::Integer(1).sqlite_cmp(&Value::Real(1.5)), Ordering::Less);
        assert_eq!(Value::Integer(-1).sqlite_cmp(&Value::Real(-1.5)), Ordering::Greater);
        assert_eq!(Value::Integer(i64::MAX).sqlite_cmp(&Value::Real(f64::INFINITY)), Ordering::Less);
        assert_eq!(Value::Real(2.0).sqlite_cmp(&Value::Integer(2)), Ordering::Equal);
        assert_eq!(Value::Null.sqlite_cmp(&Value::Blob(vec![])), Ordering::Less);
    }
}
