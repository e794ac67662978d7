//! Why a snapshot is no longer on this history: since which operation, or since which event.
//!
//! Nothing is kept for that. Each operation that changes the log tells in its line of the history
//! from which event on it did; one that brings an older log back takes all before it back.

use rusqlite::{Connection, OptionalExtension};
use serde::Serialize;
use time::OffsetDateTime;

use super::Manifest;
use crate::error::Result;
use crate::history::{self, Operation, What};

/// What took a snapshot off this history.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "by", rename_all = "lowercase")]
pub enum Left {
    /// An operation of the history.
    Operation {
        /// Its id.
        operation: i64,
        /// What it did.
        what: What,
        /// When.
        #[serde(with = "time::serde::rfc3339")]
        at: OffsetDateTime,
        /// The log's last event after it; 0 where none stayed.
        #[serde(skip)]
        head: i64,
    },
    /// A later event that superseded one which the snapshot holds as live.
    Event {
        /// The later event.
        event: i64,
        /// The one that it superseded.
        supersedes: i64,
    },
    /// Another program that wrote to the log.
    Elsewhere,
    /// It is not this store's own, so it may be of another log.
    Foreign,
}

impl Left {
    /// What took a snapshot that is not on this history off it.
    ///
    /// # Errors
    ///
    /// Where the database fails.
    pub fn find(conn: &Connection, manifest: &Manifest, own: bool) -> Result<Self> {
        if !own {
            return Ok(Self::Foreign);
        }
        let operations = since(conn, manifest)?;
        if let Some(one) = first_standing(operations, manifest.about.epoch, manifest.last_event_id) {
            let head = one.detail["head"].as_i64().unwrap_or_default();
            return Ok(Self::Operation { operation: one.operation, what: one.what, at: one.at, head });
        }
        let sql = "SELECT superseded_by, id FROM event_log WHERE superseded_by > ?1 AND id <= ?1 LIMIT 1";
        let found = conn
            .prepare_cached(sql)?
            .query_row([manifest.last_event_id], |row| Ok(Self::Event { event: row.get(0)?, supersedes: row.get(1)? }))
            .optional()?;
        Ok(found.unwrap_or(Self::Elsewhere))
    }
}

/// The operations after a snapshot that changed the part of the log that it holds, oldest first.
fn since(conn: &Connection, manifest: &Manifest) -> Result<Vec<Operation>> {
    let sql = "SELECT operation FROM backstitch_operations
               WHERE json_extract(detail, '$.epoch') > ?1 AND json_extract(detail, '$.log_from') <= ?2
               ORDER BY operation";
    let mut select = conn.prepare_cached(sql)?;
    let epoch = i64::try_from(manifest.about.epoch).unwrap_or(i64::MAX);
    let found = select.query_map((epoch, manifest.last_event_id), |row| row.get(0))?;
    found.map(|operation| history::find(conn, operation?)).collect()
}

/// The first operation whose change still stands, since none after it took it back. The snapshot was
/// captured in an epoch, when the log ended at `last`.
fn first_standing(operations: Vec<Operation>, captured: u64, last: i64) -> Option<Operation> {
    let mut standing: Vec<Operation> = Vec::new();
    // What stood after each of them, since each may be brought back.
    let mut stood: Vec<(Option<u64>, Vec<Operation>)> = Vec::new();
    for one in operations {
        let epoch = one.detail["epoch"].as_u64();
        if let back @ Some(restored) = one.detail["restored_epoch"].as_u64() {
            let then = stood.iter().rev().find(|(epoch, _)| *epoch <= back).map(|(_, then)| then.clone());
            let then = then.unwrap_or_default();
            let is_new = |then: &Operation| standing.iter().all(|now| now.operation != then.operation);
            let is_shorter = restored == captured && one.detail["head"].as_i64().is_some_and(|head| head < last);
            // A log from before the snapshot does not hold what the snapshot does; and where the log was
            // as the snapshot has it until now, it is this that changed it.
            let is_it = restored < captured || is_shorter || then.first().is_some_and(is_new);
            standing = if is_it { vec![one] } else { then };
        } else {
            match one.detail["event"].as_i64() {
                Some(event) if standing.iter().any(|earlier| earlier.detail["event"] == event) => {
                    standing.retain(|earlier| earlier.detail["event"] != event);
                }
                _ => standing.push(one),
            }
        }
        stood.push((epoch, standing.clone()));
    }
    standing.into_iter().next()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::history::Means;

    fn operation(operation: i64, what: What, detail: serde_json::Value) -> Operation {
        Operation { operation, what, at: OffsetDateTime::UNIX_EPOCH, by: Means::Command, detail, took_ms: 1 }
    }

    fn standing(operations: Vec<Operation>) -> Option<i64> {
        first_standing(operations, 5, 9).map(|one| one.operation)
    }

    #[test]
    fn what_was_taken_back_is_no_reason() {
        let rewind = |n, epoch| operation(n, What::Rewind, json!({"epoch": epoch, "log_from": 3}));
        let undo = |n, epoch, back: u64| {
            operation(n, What::Undo, json!({"epoch": epoch, "log_from": 3, "restored_epoch": back}))
        };
        let flag = |n, what, epoch| operation(n, what, json!({"epoch": epoch, "log_from": 3, "event": 3}));
        assert_eq!(standing(vec![rewind(1, 6)]), Some(1));
        assert_eq!(standing(vec![rewind(1, 6), undo(2, 7, 5)]), None);
        assert_eq!(standing(vec![rewind(1, 6), undo(2, 7, 5), flag(3, What::Hide, 8)]), Some(3));
        assert_eq!(standing(vec![flag(1, What::Hide, 6), flag(2, What::Unhide, 7), rewind(3, 8)]), Some(3));
        assert_eq!(standing(vec![rewind(1, 6), flag(2, What::Hide, 7), undo(3, 8, 6)]), Some(1));
        assert_eq!(standing(vec![undo(1, 6, 2)]), Some(1), "an older log was brought back");
        let restore = |n, epoch, head| {
            operation(n, What::Restore, json!({"epoch": epoch, "log_from": 3, "restored_epoch": 5, "head": head}))
        };
        assert_eq!(standing(vec![restore(1, 6, 7)]), Some(1), "a shorter log of the same epoch");
        assert_eq!(standing(vec![restore(1, 6, 9)]), None);
        let twice = vec![rewind(1, 6), undo(2, 7, 5), undo(3, 8, 6)];
        assert_eq!(standing(twice), Some(3), "the undo of an undo takes back again");
        let back = vec![rewind(1, 6), undo(2, 7, 5), undo(3, 8, 6), undo(4, 9, 7)];
        assert_eq!(standing(back), None);
    }
}
