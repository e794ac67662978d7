//! Where segments end.
//!
//! A cut comes after a row whose key hashes to a multiple of 256, and after an entry of the index
//! whose last key hashes to a multiple of 256², 256³, … one level up each. The key alone decides:
//! an insert or a delete changes at most two segments and a changed row exactly one. Cutting by
//! size as well would let one longer value shift every later cut.

use super::hash::Hash;
use super::value::Value;

/// How many levels of lists a key closes: 0 none, 1 its segment, 2 its index chunk too, and so on.
pub type Level = u32;

/// The level of a key.
pub fn level<'a>(key: impl IntoIterator<Item = &'a Value>) -> Level {
    let mut hasher = blake3::Hasher::new();
    for value in key {
        match value {
            Value::Null => hasher.update(b"n"),
            Value::Integer(integer) => hasher.update(b"i").update(&integer.to_le_bytes()),
            Value::Real(real) => hasher.update(b"r").update(&real.to_bits().to_le_bytes()),
            Value::Text(text) => hasher.update(b"t").update(&length(text)).update(text),
            Value::Blob(blob) => hasher.update(b"b").update(&length(blob)).update(blob),
        };
    }
    let mut first = [0; 8];
    first.copy_from_slice(&hasher.finalize().as_bytes()[..8]);
    u64::from_le_bytes(first).trailing_zeros() / 8
}

/// So that no two keys give the hasher the same bytes.
fn length(bytes: &[u8]) -> [u8; 8] {
    (bytes.len() as u64).to_le_bytes()
}

/// The hash of a whole segment whose bytes came in parts.
pub(crate) fn finish(hasher: &blake3::Hasher) -> Hash {
    hasher.finalize().into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn about_one_key_in_256_closes_a_segment() {
        let cuts = (0..100_000).filter(|&id| level([&Value::Integer(id)]) > 0).count();
        assert!((300..500).contains(&cuts), "{cuts}");
    }

    #[test]
    fn the_parts_of_a_key_cannot_be_shifted_from_one_column_to_the_next() {
        let hash = |a: &str, b: &str| {
            let mut same = 0;
            // Levels are coarse, so compare many pairs: equal input would give equal levels always.
            for n in 0..4096 {
                let left = [Value::Text(format!("{a}{n}").into()), Value::Text(b.into())];
                let right = [Value::Text(format!("{a}{n}{b}").into()), Value::Text(String::new().into())];
                same += u32::from((level(&left) > 0) && (level(&right) > 0));
            }
            same
        };
        assert!(hash("x", "y") < 8);
    }
}
