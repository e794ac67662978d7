//! The event log: parsing what callers send, appending it, reading it.
//!
//! Appending knows nothing of the projection: whoever appends applies what follows in the same
//! transaction.

mod census;
pub mod flags;
mod ndjson;

use rusqlite::types::Type;
use rusqlite::{Connection, OptionalExtension, Row};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::clock;
use crate::error::{Error, ErrorKind, Result};

pub use self::census::{Census, Minute};
pub use self::ndjson::{LONGEST_LINE, Spool, lines};

/// SQLite's own JSON functions read no deeper than 1000; nothing sensible comes near this.
const DEEPEST_PAYLOAD: usize = 128;
/// Characters of a kind.
const LONGEST_KIND: usize = 200;

/// An event to append.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NewEvent {
    /// When it happened, RFC 3339; the moment of the append where it is left out.
    pub ts: Option<String>,
    /// Its branch; 1 where it is left out.
    pub branch_id: Option<i64>,
    /// What happened.
    pub kind: String,
    /// The event's content, kept byte for byte.
    pub payload: Box<RawValue>,
    /// The earlier event that this one replaces.
    pub supersedes: Option<i64>,
    /// Recorded, and left out of the projection.
    #[serde(default)]
    pub hidden: bool,
}

impl NewEvent {
    /// An event of a kind with a payload, everything else left to defaults.
    ///
    /// # Errors
    ///
    /// Malformed where the payload is not JSON or the kind has no form of one.
    pub fn new(kind: &str, payload: impl Into<String>) -> Result<Self> {
        let payload = RawValue::from_string(payload.into())
            .map_err(|source| Error::malformed(format!("payload is not JSON: {source}")))?;
        let event = Self { ts: None, branch_id: None, kind: kind.to_owned(), payload, supersedes: None, hidden: false };
        event.check()?;
        Ok(event)
    }

    fn parse(json: &[u8]) -> Result<Self> {
        let event: Self = serde_json::from_slice(json).map_err(|error| Error::malformed(error.to_string()))?;
        event.check()?;
        Ok(event)
    }

    fn check(&self) -> Result<()> {
        let characters = self.kind.chars().count();
        if characters == 0 || characters > LONGEST_KIND || self.kind.chars().any(char::is_control) {
            return Err(Error::malformed(format!(
                "kind must have 1 to {LONGEST_KIND} characters, none of them control"
            )));
        }
        if let Some(ts) = &self.ts
            && clock::parse_rfc3339(ts).is_none()
        {
            return Err(Error::malformed(format!("ts must be RFC 3339, as 2026-11-20T20:41:12Z; it is {ts:?}")));
        }
        if depth(self.payload.get()) > DEEPEST_PAYLOAD {
            return Err(Error::malformed(format!("payload nests deeper than {DEEPEST_PAYLOAD} levels")));
        }
        Ok(())
    }
}

/// How deep valid JSON nests; counted in one pass, since parsing would recurse.
fn depth(json: &str) -> usize {
    let (mut depth, mut deepest, mut in_string, mut escaped) = (0_usize, 0, false, false);
    for byte in json.bytes() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if in_string => escaped = true,
            b'"' => in_string = !in_string,
            _ if in_string => {}
            b'{' | b'[' => {
                depth += 1;
                deepest = deepest.max(depth);
            }
            b'}' | b']' => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    deepest
}

/// How events stand in a body.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BodyForm {
    /// One JSON object, or an array of them.
    Json,
    /// One JSON object a line.
    NdJson,
}

/// The events of a body.
///
/// # Errors
///
/// Malformed, naming the place in the batch or the line.
pub fn parse_events(body: &[u8], form: BodyForm) -> Result<Vec<NewEvent>> {
    let events = match form {
        // The body's own limit has judged it already.
        BodyForm::NdJson => ndjson::lines_up_to(body, body.len()).collect::<Result<Vec<_>>>()?,
        BodyForm::Json if body.trim_ascii_start().first() == Some(&b'[') => {
            let parts: Vec<&RawValue> = serde_json::from_slice(body)
                .map_err(|error| Error::malformed(format!("the body is not JSON: {error}")))?;
            let parse = |(at, part): (usize, &&RawValue)| {
                NewEvent::parse(part.get().as_bytes()).map_err(|error| error.at(place(at as u64)))
            };
            parts.iter().enumerate().map(parse).collect::<Result<Vec<_>>>()?
        }
        BodyForm::Json => {
            vec![NewEvent::parse(body).map_err(|error| error.at("the body is no event"))?]
        }
    };
    if events.is_empty() {
        return Err(Error::malformed("the body holds no event"));
    }
    Ok(events)
}

/// How a place in a batch is told: counted from 1.
pub fn place(index: u64) -> String {
    format!("event {} of the batch", index + 1)
}

/// What an append answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Appended {
    /// The id of its first event.
    pub first_id: i64,
    /// The id of its last event.
    pub last_id: i64,
    /// How many events.
    pub count: u64,
}

/// Inserts events into the log and marks what they supersede. The caller's transaction (or
/// savepoint) makes it all or nothing.
///
/// # Errors
///
/// Unprocessable, naming the place in the batch, where a superseded event does not fit.
pub fn insert(conn: &Connection, events: &mut dyn Iterator<Item = Result<NewEvent>>) -> Result<Option<Appended>> {
    let mut insert = conn.prepare_cached(
        "INSERT INTO event_log (branch_id, ts, kind, payload_json, hidden)
         VALUES (coalesce(?1, 1), coalesce(?2, strftime('%Y-%m-%dT%H:%M:%fZ', 'now')), ?3, ?4, ?5)",
    )?;
    let mut appended: Option<Appended> = None;
    for event in events {
        let event = event?;
        let at = appended.map_or(0, |appended| appended.count);
        insert
            .execute((event.branch_id, &event.ts, &event.kind, event.payload.get(), event.hidden))
            .map_err(|error| placed(refusal(error), at))?;
        let id = conn.last_insert_rowid();
        if let Some(superseded) = event.supersedes {
            supersede(conn, superseded, id).map_err(|error| placed(error, at))?;
        }
        let first_id = appended.map_or(id, |appended| appended.first_id);
        appended = Some(Appended { first_id, last_id: id, count: at + 1 });
    }
    Ok(appended)
}

/// With the place of the event, where it is the event that breaks a rule; a failure of the disk has
/// nothing to do with it.
fn placed(error: Error, at: u64) -> Error {
    match error.kind() {
        ErrorKind::Unprocessable | ErrorKind::Malformed => error.at(place(at)),
        _ => error,
    }
}

fn refusal(error: rusqlite::Error) -> Error {
    match error.sqlite_error_code() {
        Some(rusqlite::ErrorCode::ConstraintViolation | rusqlite::ErrorCode::TooBig) => {
            Error::unprocessable(error.to_string()).because(error)
        }
        _ => error.into(),
    }
}

fn supersede(conn: &Connection, superseded: i64, by: i64) -> Result<()> {
    let found: Option<Option<i64>> = conn
        .prepare_cached("SELECT superseded_by FROM event_log WHERE id = ?1 AND id < ?2")?
        .query_row((superseded, by), |row| row.get(0))
        .optional()?;
    match found {
        None => Err(Error::unprocessable(format!("supersedes {superseded}: there is no earlier event of that id"))),
        Some(Some(successor)) => {
            Err(Error::unprocessable(format!("supersedes {superseded}: event {successor} superseded it already")))
        }
        Some(None) => {
            conn.prepare_cached("UPDATE event_log SET superseded_by = ?2 WHERE id = ?1")?.execute((superseded, by))?;
            Ok(())
        }
    }
}

/// The highest id in the log; 0 where it is empty.
///
/// # Errors
///
/// Where the database fails.
pub fn head(conn: &Connection) -> Result<i64> {
    Ok(conn.prepare_cached("SELECT coalesce(max(id), 0) FROM event_log")?.query_row([], |row| row.get(0))?)
}

/// How many events there are after one, up to another.
///
/// # Errors
///
/// Where the database fails.
pub fn count_between(conn: &Connection, after: i64, up_to: i64) -> Result<u64> {
    let sql = "SELECT count(*) FROM event_log WHERE id > ?1 AND id <= ?2";
    Ok(conn.prepare_cached(sql)?.query_row([after, up_to], |row| row.get::<_, i64>(0))?.unsigned_abs())
}

/// Whether an event up to one is superseded by one after it, up to another.
///
/// # Errors
///
/// Where the database fails.
pub fn superseded_between(conn: &Connection, id: i64, up_to: i64) -> Result<bool> {
    let sql = "SELECT EXISTS (SELECT 1 FROM event_log WHERE superseded_by > ?1 AND superseded_by <= ?2 AND id <= ?1)";
    Ok(conn.prepare_cached(sql)?.query_row((id, up_to), |row| row.get(0))?)
}

/// An event as it stands in the log.
#[derive(Debug, Clone, Serialize)]
pub struct Event {
    /// Its id.
    pub id: i64,
    /// Its branch.
    pub branch_id: i64,
    /// When it happened.
    pub ts: String,
    /// What happened.
    pub kind: String,
    /// Its content.
    pub payload: Box<RawValue>,
    /// The event that replaced it.
    pub superseded_by: Option<i64>,
    /// Left out of the projection.
    pub hidden: bool,
}

/// Which events to read.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct EventQuery {
    /// Only higher ids, and ascending.
    pub after: Option<i64>,
    /// Only lower ids.
    pub before: Option<i64>,
    /// At most so many events.
    pub limit: u64,
    /// Only of this kind.
    pub kind: Option<String>,
    /// Only of this branch.
    pub branch_id: Option<i64>,
    /// Only those that this event superseded.
    pub superseded_by: Option<i64>,
    /// Only with this text in the payload, capitals of ASCII letters aside.
    pub q: Option<String>,
}

/// Events of the log: ascending after an id, else the newest first.
///
/// # Errors
///
/// Where the database fails.
pub fn read(conn: &Connection, query: &EventQuery) -> Result<Vec<Event>> {
    let order = if query.after.is_some() { "ASC" } else { "DESC" };
    // A condition of its own only where it is asked for: then the partial index serves it.
    let superseded = query.superseded_by.map_or_else(String::new, |by| format!("AND superseded_by = {by}"));
    let mut statement = conn.prepare_cached(&format!(
        "SELECT id, branch_id, ts, kind, payload_json, superseded_by, hidden FROM event_log
         WHERE id > ?1 AND id < ?2 AND kind = coalesce(?3, kind) AND branch_id = coalesce(?4, branch_id)
           AND (?5 IS NULL OR instr(lower(payload_json), lower(?5)) > 0) {superseded}
         ORDER BY id {order} LIMIT ?6"
    ))?;
    let after = query.after.unwrap_or(i64::MIN);
    let before = query.before.unwrap_or(i64::MAX);
    let limit = i64::try_from(query.limit).unwrap_or(i64::MAX);
    let rows = statement.query_map((after, before, &query.kind, query.branch_id, &query.q, limit), event)?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}

fn event(row: &Row<'_>) -> rusqlite::Result<Event> {
    let payload = text(row, 4)?;
    let unreadable = |error: serde_json::Error| rusqlite::Error::FromSqlConversionFailure(4, Type::Text, error.into());
    Ok(Event {
        id: row.get(0)?,
        branch_id: row.get(1)?,
        ts: text(row, 2)?,
        kind: text(row, 3)?,
        payload: RawValue::from_string(payload).map_err(unreadable)?,
        superseded_by: row.get(5)?,
        hidden: row.get(6)?,
    })
}

/// What is not UTF-8, as another program may write it, is shown as far as it is.
fn text(row: &Row<'_>, column: usize) -> rusqlite::Result<String> {
    Ok(String::from_utf8_lossy(row.get_ref(column)?.as_bytes()?).into_owned())
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]
    use super::*;

    fn refused(body: &str, form: BodyForm) -> String {
        parse_events(body.as_bytes(), form).unwrap_err().to_string()
    }

    #[test]
    fn a_payload_is_kept_byte_for_byte() {
        let body = r#"[{"kind":"a","payload": {"b" : 1.50, "a":"\u00e9"} }]"#;
        let events = parse_events(body.as_bytes(), BodyForm::Json).unwrap();
        assert_eq!(events[0].payload.get(), r#"{"b" : 1.50, "a":"\u00e9"}"#);
    }

    #[test]
    fn what_is_no_event_is_refused_with_its_place() {
        assert!(refused("", BodyForm::Json).contains("no event"));
        assert!(refused("[]", BodyForm::Json).contains("no event"));
        assert!(refused("\n\n", BodyForm::NdJson).contains("no event"));
        assert!(
            refused(r#"[{"kind":"a","payload":1},{"kind":"a"}]"#, BodyForm::Json).starts_with("event 2 of the batch")
        );
        assert!(refused("{\"kind\":\"a\",\"payload\":1}\n\nx", BodyForm::NdJson).starts_with("line 3"));
        assert!(refused(r#"{"kind":"a","payload":1,"supercedes":1}"#, BodyForm::Json).contains("supercedes"));
        assert!(refused(r#"{"kind":"","payload":1}"#, BodyForm::Json).contains("kind"));
        assert!(refused(r#"{"kind":"a","payload":1,"ts":"yesterday"}"#, BodyForm::Json).contains("RFC 3339"));
        let deep = format!(r#"{{"kind":"a","payload":{}1{}}}"#, "[".repeat(100_000), "]".repeat(100_000));
        assert!(refused(&deep, BodyForm::Json).contains("deeper"));
    }

    #[test]
    fn brackets_within_strings_are_no_depth() {
        assert_eq!(depth(r#"{"a":"[[[\"{{","b":[1]}"#), 2);
    }
}
