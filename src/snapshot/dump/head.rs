//! What listing tells of a dump without reading it: its first key and its last byte.
//!
//! That finds a file that was cut short, which is what happens to files. Whether the rest is sound
//! only reading it whole can tell.

use std::cell::Cell;
use std::fmt;
use std::fs::File;
use std::io::{Read, Seek, SeekFrom};

use serde::de::{DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor};

use super::{LARGEST_ID, LAST_EVENT_ID};
use crate::error::Result;

/// How much of either end is looked at.
pub const LOOKED_AT: usize = 4 << 10;

/// What a dump says of itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Head {
    /// The log's highest id; 0: empty.
    pub last_event_id: i64,
}

/// Whether a file that begins like this is a dump, sound or not, and not one of our manifests: both
/// begin with `last_event_id`, but what follows is a list here and an object there.
///
/// [`LOOKED_AT`] bytes are enough.
pub fn looks_like_dump(first_bytes: &[u8]) -> bool {
    Beginning::of(first_bytes).list.get()
}

/// What a dump's first key says, or in words why it is none.
///
/// # Errors
///
/// Where the file cannot be read.
pub fn judge(file: &mut File) -> Result<std::result::Result<Head, String>> {
    let length = file.seek(SeekFrom::End(0))?;
    let first = part(file, 0)?;
    let last = part(file, length.saturating_sub(LOOKED_AT as u64))?;
    Ok(verdict(&first, &last))
}

fn part(file: &mut File, from: u64) -> Result<Vec<u8>> {
    file.seek(SeekFrom::Start(from))?;
    let mut bytes = Vec::with_capacity(LOOKED_AT);
    file.take(LOOKED_AT as u64).read_to_end(&mut bytes)?;
    Ok(bytes)
}

fn verdict(first: &[u8], last: &[u8]) -> std::result::Result<Head, String> {
    let refuse = |reason: &str| Err(reason.to_owned());
    let beginning = Beginning::of(first);
    if first.is_empty() {
        return refuse("it is empty");
    }
    match (beginning.named.get(), beginning.last_event_id.get()) {
        (false, _) => refuse("it does not begin with last_event_id"),
        (true, _) if last.trim_ascii_end().last() != Some(&b'}') => refuse("it ends in the middle"),
        (true, Some(last_event_id)) if beginning.ended.get() => Ok(Head { last_event_id }),
        (true, _) => refuse("its last_event_id is no id of an event"),
    }
}

/// What the first bytes show, as far as they go.
#[derive(Default)]
struct Beginning {
    /// The first key is `last_event_id`.
    named: Cell<bool>,
    last_event_id: Cell<Option<i64>>,
    /// Behind its value stands a comma or the end, so that all of its digits were seen.
    ended: Cell<bool>,
    /// The second value is a list.
    list: Cell<bool>,
}

impl Beginning {
    fn of(first_bytes: &[u8]) -> Self {
        let beginning = Self::default();
        // It always ends in an error, since it stops in the middle; what counts was noted before.
        let _ = serde_json::Deserializer::from_slice(first_bytes).deserialize_map(Keys(&beginning));
        beginning
    }
}

struct Keys<'b>(&'b Beginning);

impl<'de> Visitor<'de> for Keys<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the object that a dump is")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        let Self(beginning) = self;
        beginning.named.set(map.next_key::<String>()?.as_deref() == Some(LAST_EVENT_ID));
        if !beginning.named.get() {
            return Ok(());
        }
        let id = map.next_value::<serde_json::Value>()?.as_i64();
        beginning.last_event_id.set(id.filter(|id| (0..=LARGEST_ID).contains(id)));
        let second = map.next_key::<String>()?;
        beginning.ended.set(true);
        if second.is_some() {
            map.next_value_seed(List(beginning))?;
        }
        Ok(())
    }
}

/// Notes that a value begins as a list; what is in it does not count.
struct List<'b>(&'b Beginning);

impl<'de> DeserializeSeed<'de> for List<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_seq(self)
    }
}

impl<'de> Visitor<'de> for List<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list of rows")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, _: A) -> Result<(), A::Error> {
        self.0.list.set(true);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn whole(text: &str) -> std::result::Result<i64, String> {
        verdict(text.as_bytes(), text.as_bytes()).map(|head| head.last_event_id)
    }

    #[test]
    fn the_first_key_and_the_last_byte_decide() {
        for sound in [
            "{\"last_event_id\": 12, \"event_log\": []}",
            "{\"last_event_id\":12}",
            "\n { \"last_event_id\"\t: 12 ,\"x\":[}\r\n ",
            "{\"last_\\u0065vent_id\": 12, \"event_log\": what is not looked at}",
        ] {
            assert_eq!(whole(sound), Ok(12), "{sound}");
        }
        let middle = Err("it ends in the middle".to_owned());
        for cut in ["{\"last_event_id\": 12", "{\"last_event_id\": 12, \"event_log\": [", "{\"last_event_id\": 12, }]"]
        {
            assert_eq!(whole(cut), middle, "{cut}");
        }
        let stranger = Err("it does not begin with last_event_id".to_owned());
        for other in ["[]", "{}", "}", "\u{feff}{\"last_event_id\": 1}", "{\"event_log\": [], \"last_event_id\": 1}"] {
            assert_eq!(whole(other), stranger, "{other}");
        }
        for odd in ["-1", "null", "\"1\"", "1.0", "9223372036854775808", "[1]", "{}"] {
            let text = format!("{{\"last_event_id\": {odd}, \"event_log\": []}}");
            assert_eq!(whole(&text), Err("its last_event_id is no id of an event".to_owned()), "{odd}");
        }
        assert_eq!(whole(""), Err("it is empty".to_owned()));
    }

    #[test]
    fn digits_that_go_on_where_nobody_looks_are_not_believed() {
        let first = format!("{{\"last_event_id\":{}12", " ".repeat(LOOKED_AT - 19));
        assert_eq!(first.len(), LOOKED_AT);
        assert!(verdict(first.as_bytes(), b"}").is_err());
    }

    #[test]
    fn a_dump_is_told_from_a_manifest_by_its_second_value() {
        for dump in ["{\"last_event_id\": 1, \"event_log\": [", "{\"last_event_id\":null,\"bots\":[{\"id\":"] {
            assert!(looks_like_dump(dump.as_bytes()), "{dump}");
        }
        for other in
            ["", "{\"last_event_id\":1,\"event_log\":{\"columns\":[", "{\"last_event_id\":1}", "[]", "{\"x\":[]}"]
        {
            assert!(!looks_like_dump(other.as_bytes()), "{other}");
        }
    }
}
