//! What an event changed in the tables, row by row, as its page and programs get it.

use super::error::sentence;
use super::filters::{counted, grouped};
use super::links;
use super::rows::{RowView, Words};
use super::words::{on_pages, visible};
use crate::compare::DiffRow;
use crate::effect::{Changed, EventChanges, RowEffect};
use crate::engine::Engine;
use crate::error::{ErrorKind, Result};
use crate::log::Event;

/// Rows of one table that the page shows.
const ROWS: usize = 50;
/// Characters of a value in a row.
const VALUE: usize = 2000;

const WORDS: Words = Words {
    added: ("adds", "+", "comes"),
    removed: ("removes", "\u{2212}", "goes"),
    changed: ("changes", "~", "changes"),
    now: "before",
    then: "after",
};

/// The rows that an event changed, or why that cannot be told.
pub(super) enum Effects {
    Known(EventChanges),
    Unknown(String),
}

impl Effects {
    /// Asks the engine. An event is shown also where what it changed cannot be computed.
    ///
    /// # Errors
    ///
    /// Not found; internal.
    pub(super) fn of(engine: &Engine, event: i64) -> Result<Self> {
        match engine.event_changes(event) {
            Ok(changes) => Ok(Self::Known(changes)),
            Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::Internal) => Err(error),
            Err(error) => Ok(Self::Unknown(error.message().to_owned())),
        }
    }

    /// The tables; none where that cannot be told.
    pub(super) fn tables(&self) -> Option<&[Changed]> {
        match self {
            Self::Known(changes) => Some(&changes.tables),
            Self::Unknown(_) => None,
        }
    }

    /// Why it cannot be told.
    pub(super) fn unknown(&self) -> Option<&str> {
        match self {
            Self::Known(_) => None,
            Self::Unknown(why) => Some(why),
        }
    }
}

/// The same on the page of the event.
pub(super) struct EffectsView {
    pub(super) lead: String,
    pub(super) tables: Vec<TableView>,
}

/// The rows of one table.
pub(super) struct TableView {
    pub(super) name: String,
    /// The table as of the event.
    pub(super) url: String,
    pub(super) rows: Vec<RowView>,
    /// That there are more rows than these.
    pub(super) more: Option<String>,
}

impl EffectsView {
    /// `waits`: the tables have not taken account of the event yet.
    pub(super) fn new(effects: &Effects, event: &Event, waits: bool) -> Self {
        let tables = match effects {
            Effects::Known(changes) => changes.tables.as_slice(),
            Effects::Unknown(why) => {
                let why = visible(&sentence(&on_pages(why)));
                return Self { lead: format!("It cannot be told. {why}"), tables: Vec::new() };
            }
        };
        let supersedes = match effects {
            Effects::Known(changes) => changes.supersedes,
            Effects::Unknown(_) => None,
        };
        Self {
            lead: lead(tables, event, supersedes, waits),
            tables: tables.iter().map(|table| TableView::new(table, event.id)).collect(),
        }
    }
}

impl TableView {
    fn new(changed: &Changed, event: i64) -> Self {
        let view = |row: &RowEffect| {
            let (change, key) = (row.change, row.key.clone());
            let row = DiffRow { change, key, now: row.before.clone(), then: row.after.clone() };
            RowView::of(&changed.columns, &changed.key, &row, &WORDS).cut(VALUE).leading(&changed.table, &row.key)
        };
        let all = changed.rows.len();
        Self {
            name: changed.table.clone(),
            url: links::table_at(&changed.table, Some(event)),
            rows: changed.rows.iter().take(ROWS).map(view).collect(),
            more: (all > ROWS || changed.more).then(|| {
                let all = grouped(all as u64);
                let all = if changed.more { format!("more than {all}") } else { all };
                format!("These are the first {ROWS} rows of {all}; as JSON there are up to 1,000.")
            }),
        }
    }
}

/// What the rows are, before they are listed.
fn lead(tables: &[Changed], event: &Event, supersedes: Option<i64>, waits: bool) -> String {
    let rows = count(tables);
    let itself = match (rows.as_deref(), waits) {
        (None, false) => "changed no row".to_owned(),
        (None, true) => "will change no row".to_owned(),
        (Some(rows), false) => format!("changed {rows}"),
        (Some(rows), true) => format!("will change {rows}"),
    };
    let took_back = supersedes.map(|of| format!(", what it took back of event {of} included")).unwrap_or_default();
    match (event.hidden, event.superseded_by) {
        (true, _) if rows.is_none() => "It is hidden, so the tables leave it out and no row changed.".to_owned(),
        (true, _) => format!("It is hidden, so the tables leave it out. As of itself it {itself}{took_back}."),
        (false, Some(by)) => format!(
            "Event {by} has superseded it since, so the tables leave it out now. As of itself it {itself}{took_back}."
        ),
        (false, None) => format!("It {itself}{took_back}."),
    }
}

/// `3 rows in 2 tables`; none where there are none.
fn count(tables: &[Changed]) -> Option<String> {
    let rows: usize = tables.iter().map(|table| table.rows.len()).sum();
    let more = if tables.iter().any(|table| table.more) { "more than " } else { "" };
    (rows > 0).then(|| format!("{more}{} in {}", counted(rows as u64, "row"), counted(tables.len() as u64, "table")))
}
