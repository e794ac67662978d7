//! The page of the tables and the log: where they stand, how they differ, and the two buttons.

use std::sync::Arc;

use askama::Template;
use time::OffsetDateTime;

use super::attention;
use super::difference::{Difference, Run};
use super::filters::{self, Moment, counted, encoded};
use super::layout::{Door, Shell, address, with_folder};
use super::links;
use super::notice::Notice;
use super::outcome::Outcome;
use super::plan_page::{Confirm, Typing, curl, expected_of};
use super::plan_view::safety_until;
use super::rows::{Cell, RowView, Words};
use super::state::AppState;
use super::words::{rule, visible};
use crate::domain::{Domain, ENTITY_EVENTS};
use crate::drift::{Drift, DriftRow, ProjectionCheck};
use crate::engine::Status;

/// Characters of a value in a row.
const VALUE: usize = 2000;

/// What no page of a table shows, in words.
const BELONGING: &str = "which events belong to which entity";

/// How a row of the tables differs from what the log gives.
const WORDS: Words = Words {
    added: ("is missing", "+", "comes"),
    removed: ("is too many", "\u{2212}", "goes"),
    changed: ("differs", "~", "changes"),
    now: "now",
    then: "log",
};

/// What the engine answered for the page.
pub(super) struct Drawn {
    pub(super) status: Status,
    pub(super) domain: Arc<Domain>,
    pub(super) check: Option<ProjectionCheck>,
    pub(super) rows: Rows,
}

/// One page of the rows that differ.
pub(super) struct Rows {
    /// Only of this table.
    pub(super) table: Option<String>,
    pub(super) after: u64,
    pub(super) limit: usize,
    /// The limit where the address does not say.
    pub(super) usual: usize,
    pub(super) rows: Vec<DriftRow>,
    pub(super) next_after: Option<u64>,
}

impl Rows {
    /// The address of the very same rows for a program: its own usual number is another one.
    fn address(&self) -> String {
        let table = self.table.as_ref().map(|table| format!("table={}&", encoded(table))).unwrap_or_default();
        let after = if self.after > 0 { format!("after={}&", self.after) } else { String::new() };
        format!("{}?{table}{after}limit={}", links::PROJECTION, self.limit)
    }

    /// The address of another page of them.
    fn at(&self, after: u64) -> String {
        let mut fields = Vec::new();
        fields.extend(self.table.as_ref().map(|table| format!("table={}", encoded(table))));
        fields.extend((after > 0).then(|| format!("after={after}")));
        fields.extend((self.limit != self.usual).then(|| format!("limit={}", self.limit)));
        match fields.is_empty() {
            true => format!("{}#rows", links::PROJECTION),
            false => format!("{}?{}#rows", links::PROJECTION, fields.join("&")),
        }
    }
}

/// The page.
#[derive(Template)]
#[template(path = "projection.html")]
pub(super) struct ProjectionPage {
    shell: Shell,
    notice: Option<Notice>,
    stands: String,
    compared: Option<Compared>,
    /// Of which table the rows are; none for all.
    of: Option<String>,
    /// What is said above the rows.
    heading: String,
    rows: Vec<RowView>,
    first_page: Option<String>,
    next_page: Option<String>,
    /// What making the tables anew does.
    anew: String,
    /// None where the log has nothing to make them from.
    confirm: Option<Confirm>,
}

impl ProjectionPage {
    /// What is said at the top.
    fn top(&self) -> Option<&str> {
        match &self.notice {
            Some(Notice::Wrong(text) | Notice::Full(text) | Notice::Stopped(text)) => Some(text),
            _ => None,
        }
    }

    /// Whether the sizes of snapshots are worth a look.
    fn is_full(&self) -> bool {
        matches!(self.notice, Some(Notice::Full(_)))
    }

    /// What is said at the field of the confirmation.
    fn wrong(&self) -> Option<&str> {
        match &self.notice {
            Some(Notice::Wrong(text)) => Some(text),
            _ => None,
        }
    }
}

/// The last comparison in words.
struct Compared {
    at: Moment,
    words: String,
    clean: bool,
    /// The tables in which rows differ.
    tables: Vec<Drift>,
    same: Vec<String>,
}

impl Compared {
    fn new(check: ProjectionCheck, now: OffsetDateTime) -> Self {
        let (words, at) = (found(&check), Moment::new(check.at, now));
        let (tables, same): (Vec<_>, Vec<_>) = check.tables.into_iter().partition(|table| table.total() > 0);
        Self {
            at,
            words,
            clean: check.clean,
            tables,
            same: same.into_iter().map(|table| called(&table.name).to_owned()).collect(),
        }
    }
}

/// What a comparison found.
fn found(check: &ProjectionCheck) -> String {
    let tables = check.tables.iter().filter(|table| table.total() > 0).count() as u64;
    let at = match check.position {
        0 => "before the first event".to_owned(),
        position => format!("at event {position}"),
    };
    match check.rows() {
        0 => format!("{at}: the tables are what the log gives."),
        rows => format!("{at}: {} in {}.", differing(rows), counted(tables, "table")),
    }
}

/// `1 row differs from the log`, `12 rows differ from the log`.
pub(super) fn differing(rows: u64) -> String {
    format!("{} from the log", counted(rows, "row") + if rows == 1 { " differs" } else { " differ" })
}

/// The page of what the engine answered; `typed` is what was typed before.
pub(super) fn view(
    state: &AppState,
    drawn: Drawn,
    outcome: Option<Outcome>,
    typed: String,
    notice: Option<Notice>,
) -> ProjectionPage {
    let now = state.engine.now();
    let Drawn { status, domain, check, rows } = drawn;
    let mut shell = Shell::new(state, &status, "The tables and the log", Door::Tables).told(outcome);
    shell = shell.also(state, &rows.address(), format!("backstitch projection status --limit {}", rows.limit));
    // What the page itself tells needs no strip that leads to it.
    shell.strip = match &notice {
        Some(Notice::Moved(strip)) => Some(strip.as_ref().clone()),
        _ => shell.strip.filter(|strip| strip.action.as_ref().is_none_or(|action| action.url() != links::PROJECTION)),
    };
    // What was typed confirmed another store.
    let typed = if matches!(notice, Some(Notice::Moved(_))) { String::new() } else { typed };
    if let Some(Notice::Full(text)) = &notice {
        shell = shell.told_by(text);
    }
    ProjectionPage {
        shell,
        notice,
        stands: stands(&status),
        compared: check.map(|check| Compared::new(check, now)),
        first_page: (rows.after > 0).then(|| rows.at(0)),
        next_page: rows.next_after.map(|after| rows.at(after)),
        rows: rows.rows.iter().map(|row| row_view(&domain, row, rows.table.is_none())).collect(),
        heading: heading(rows.table.as_deref()),
        of: rows.table,
        anew: anew(state, &status, now),
        confirm: (status.events > 0).then(|| confirm(state, &status, typed)),
    }
}

/// A table as pages call it.
fn called(table: &str) -> &str {
    if table == ENTITY_EVENTS { BELONGING } else { table }
}

fn heading(of: Option<&str>) -> String {
    match of {
        None => "Rows that differ".to_owned(),
        Some(ENTITY_EVENTS) => format!("Rows that differ: {BELONGING}"),
        Some(of) => format!("Rows of {of} that differ"),
    }
}

/// `named`: whether the table is told as well.
fn row_view(domain: &Domain, row: &DriftRow, named: bool) -> RowView {
    // Of a table that the domain has no more the key alone is told.
    let table = domain.projected().iter().find(|table| table.name == row.table);
    let columns = table.map(|table| table.columns.as_slice()).unwrap_or_default();
    let key: Vec<String> = table.map(|table| table.key_columns().cloned().collect()).unwrap_or_default();
    let mut view = RowView::of(columns, &key, &row.row, &WORDS).cut(VALUE);
    if let (ENTITY_EVENTS, [of, id, event]) = (row.table.as_str(), row.row.key.as_slice()) {
        view.key = visible(&format!("event {event}, of {of} {id}"));
    }
    if named { RowView { key: format!("{}: {}", called(&row.table), view.key), ..view } } else { view }
}

fn stands(status: &Status) -> String {
    let position = match status.position {
        0 => "before the first event".to_owned(),
        position => format!("at event {position}"),
    };
    match status.waiting {
        0 if status.head == status.position => format!("The tables stand {position}, as the log does."),
        0 => format!("The tables stand {position}, the log at event {}.", status.head),
        1 => format!("The tables stand {position}, the log at event {}; 1 event waits.", status.head),
        waiting => {
            format!(
                "The tables stand {position}, the log at event {}; {} wait.",
                status.head,
                counted(waiting, "event")
            )
        }
    }
}

fn anew(state: &AppState, status: &Status, now: OffsetDateTime) -> String {
    if status.events == 0 {
        return "The log is empty, so there is nothing to make the tables from.".to_owned();
    }
    format!(
        "Every table is emptied and filled again from the log{} The log stays as it is. A safety copy of the present \
         is taken first and kept until {}; Undo brings the tables back until then.",
        filled(status),
        safety_until(state, now)
    )
}

/// How far the tables come, after `filled again from the log`.
fn filled(status: &Status) -> String {
    match (&status.stuck, status.waiting, status.held) {
        (Some(stuck), _, held) => format!(
            ". They will stop before event {} again, which breaks a rule: {}.{}",
            stuck.event,
            rule(&stuck.reason),
            if held { " The pause ends." } else { "" }
        ),
        (None, 1.., true) => {
            format!("'s {}. What waits is applied as well, and the pause ends.", counted(status.events, "event"))
        }
        (None, ..) => format!("'s {}.", counted(status.events, "event")),
    }
}

fn confirm(state: &AppState, status: &Status, typed: String) -> Confirm {
    let hidden = expected_of(status).to_vec();
    Confirm {
        form: "rebuild",
        action: links::REBUILD.to_owned(),
        typing: Some(Typing {
            field: "confirm_head",
            ask: "Type the number of the log's last event:",
            value: status.head.to_string(),
            typed,
        }),
        button: "Make the tables anew from the log".to_owned(),
        destroys: true,
        cancel: links::TABLES.to_owned(),
        as_curl: curl(&address(state, links::REBUILD), &hidden),
        as_command: with_folder(state, "backstitch projection rebuild".to_owned()),
        as_note: "",
        hidden,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_found_is_told_with_its_numbers() {
        let drift = |name: &str, missing| Drift { name: name.into(), missing, extra: 0, different: 0 };
        let check = |tables: Vec<Drift>| ProjectionCheck {
            clean: false,
            at: OffsetDateTime::UNIX_EPOCH,
            position: 24,
            applied: 24,
            took_ms: 1,
            tables,
        };
        assert_eq!(found(&check(vec![drift("a", 0)])), "at event 24: the tables are what the log gives.");
        assert_eq!(found(&check(vec![drift("a", 1)])), "at event 24: 1 row differs from the log in 1 table.");
        let two = check(vec![drift("a", 5), drift("b", 7), drift("c", 0)]);
        assert_eq!(found(&two), "at event 24: 12 rows differ from the log in 2 tables.");
    }
}
