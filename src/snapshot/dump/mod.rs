//! The original service's dump: the log and every table as lists of row objects, in one JSON object.
//!
//! ```text
//! {"last_event_id": 2, "event_log": [{"id": 1, "branch_id": 1, …}, …], "bots": [{"id": "ada", …}], …}
//! ```
//!
//! - [`head`]: what listing tells of one, in constant time;
//! - [`read`]: one whole into a scratch store, or nothing of it;
//! - [`mod@write`]: rows to a dump.
//!
//! A dump says NULL, integers, reals and text; an infinity is `1e999`, which is out of every
//! reader's range and so reads as one. It cannot say a blob, nor text that is not UTF-8. A table may
//! stand at any place behind `last_event_id`; what the domain does not know is refused, since it
//! would be lost.
//!
//! A dump is one line, so nothing here goes by lines: rows are bounded in bytes, and no more than
//! one of them is in memory.

mod checks;
mod column;
pub mod head;
mod meter;
pub mod read;
mod row;
pub mod write;

/// The most bytes that a row of a dump has: an event of 16 MiB of control characters takes six
/// times as much when they are escaped, and its other columns little more.
pub const LONGEST_ROW: u64 = 128 << 20;

/// The key that a dump begins with.
const LAST_EVENT_ID: &str = "last_event_id";

/// The greatest event id: what is above was not counted, and would leave no room for more.
const LARGEST_ID: i64 = i64::MAX / 2;

/// The beginning of a text that somebody else wrote, for an error: one line, and never nothing.
fn clipped(text: &str) -> String {
    const LONGEST: usize = 60;
    let mut clipped: String = text.chars().take(LONGEST).map(|c| if c.is_control() { '\u{fffd}' } else { c }).collect();
    if text.chars().nth(LONGEST).is_some() {
        clipped.push('…');
    }
    if clipped.is_empty() { "\"\"".to_owned() } else { clipped }
}

#[cfg(test)]
mod tests;
