//! How much room snapshots take on disk, and how much a day adds.

use rusqlite::Connection;
use time::{Duration, OffsetDateTime};

use super::{Engine, lock};
use crate::clock;
use crate::error::Result;

/// So far back is looked for what checkpoints wrote.
const WINDOW: Duration = Duration::WEEK;
/// What is written in less time than this says nothing about a day.
const SHORT: Duration = Duration::hours(6);
/// So few checkpoints say nothing about a day.
const FEW: usize = 3;

/// The room that the snapshots take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Space {
    /// Bytes that more than one snapshot needs: deleting one of them frees none of these.
    pub shared: u64,
    /// What checkpoints have lately written in a day; none where there are too few to tell.
    pub daily: Option<Daily>,
}

/// What checkpoints have written, for each day.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Daily {
    /// Bytes a day.
    pub bytes: u64,
    /// The time that this is measured over.
    pub over: Duration,
}

impl Engine {
    /// The room of the snapshots that were listed last.
    ///
    /// # Errors
    ///
    /// Where the database fails.
    pub fn space(&self) -> Result<Space> {
        let since = self.now() - WINDOW;
        let takes = self.readers.read(|conn| takes(conn, since))?;
        Ok(Space { shared: lock(&self.core.listing.shared).unwrap_or_default(), daily: daily(&takes) })
    }
}

/// When checkpoints were taken since a moment, and how many bytes each wrote.
fn takes(conn: &Connection, since: OffsetDateTime) -> Result<Vec<(OffsetDateTime, u64)>> {
    let sql = "SELECT at, detail ->> '$.written_bytes' FROM backstitch_operations
               WHERE what = 'take' AND at >= ?1 ORDER BY operation";
    let mut select = conn.prepare_cached(sql)?;
    let rows = select.query_map([clock::rfc3339(since)], |row| {
        let (at, bytes): (String, Option<i64>) = (row.get(0)?, row.get(1)?);
        Ok(clock::parse_rfc3339(&at).zip(bytes.map(i64::unsigned_abs)))
    })?;
    Ok(rows.collect::<rusqlite::Result<Vec<_>>>()?.into_iter().flatten().collect())
}

/// What the first one wrote was there before, or is of the whole store: time counts from it, and
/// the bytes of those after it.
fn daily(takes: &[(OffsetDateTime, u64)]) -> Option<Daily> {
    let ((first, _), (last, _)) = (takes.first()?, takes.last()?);
    let over = *last - *first;
    if takes.len() < FEW || over < SHORT {
        return None;
    }
    let written: u64 = takes.iter().skip(1).map(|(_, bytes)| bytes).sum();
    let days = over.as_seconds_f64() / Duration::DAY.as_seconds_f64();
    Some(Daily { bytes: (written as f64 / days) as u64, over })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn taken(hours: &[(i64, u64)]) -> Vec<(OffsetDateTime, u64)> {
        hours.iter().map(|(hour, bytes)| (OffsetDateTime::UNIX_EPOCH + Duration::hours(*hour), *bytes)).collect()
    }

    #[test]
    fn a_day_is_measured_from_the_first_checkpoint_on() {
        let told = daily(&taken(&[(0, 5_000_000), (12, 300), (24, 500), (48, 200)]));
        assert_eq!(told, Some(Daily { bytes: 500, over: Duration::hours(48) }));
    }

    #[test]
    fn too_few_or_too_near_say_nothing() {
        assert_eq!(daily(&taken(&[])), None);
        assert_eq!(daily(&taken(&[(0, 9), (48, 9)])), None);
        assert_eq!(daily(&taken(&[(0, 9), (1, 9), (2, 9), (3, 9)])), None);
    }
}
