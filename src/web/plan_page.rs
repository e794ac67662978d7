//! The plan of going back, by whatever way, as a page: choice, sentence, counts, rows, confirm, in
//! this order. A restore, a rewind and an undo differ in their sentences only.

use askama::Template;

use super::about::About;
use super::attention::{self, Matter};
use super::backups_view::BackupView;
use super::difference::{Difference, Run};
use super::due::Timed;
use super::event_view::Stamp;
use super::extract::Fields;
use super::filters::{self, Moment, counted, counted_kind, grouped};
use super::layout::Shell;
use super::links::{self, PlanLinks};
use super::notice::Notice;
use super::rows::{Cell, RowView, views};
use super::snapshots::Name;
use super::words::visible;
use crate::compare::RowPage;
use crate::engine::{DiffPage, Status};
use crate::rewind::TableEffect;
use crate::snapshot::Scope;

/// Rows beside a plan where the address does not say; the page of rows has the rest.
const ROWS_BESIDE: usize = 12;

/// A plan, ready to be drawn.
#[derive(Template)]
#[template(path = "plan.html")]
pub(super) struct PlanPage {
    pub(super) shell: Shell,
    pub(super) notice: Option<Notice>,
    /// The page that this one hangs under: its name and address.
    pub(super) up: (String, String),
    pub(super) title: Title,
    /// Said where there is nothing to do; then there is no form.
    pub(super) nothing: Option<&'static str>,
    pub(super) choice: Option<Choice>,
    /// The plan's sentence.
    pub(super) lead: Timed,
    /// What else is to be known before it is confirmed.
    pub(super) text: String,
    pub(super) changes: Changes,
    pub(super) confirm: Confirm,
    /// What else can be done with the snapshot that the plan is of.
    pub(super) about: Option<About>,
    /// What is in the backup that the plan is of.
    pub(super) backup: Option<BackupView>,
}

impl PlanPage {
    /// What is said at the top.
    fn top(&self) -> Option<&str> {
        self.notice.as_ref().and_then(Notice::text)
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

    /// A store that moved is told in the place of the strip: one strip at most, the nearest first.
    #[must_use]
    pub(super) fn noticed(mut self, notice: Option<Notice>) -> Self {
        match &notice {
            Some(Notice::Moved(strip)) => {
                self.shell.strip = Some(Matter::clone(strip));
                // What was typed confirmed another plan.
                self.confirm.typing.iter_mut().for_each(|typing| typing.typed.clear());
            }
            Some(Notice::Full(text)) => self.shell = self.shell.told_by(text),
            _ => {}
        }
        self.notice = notice;
        self
    }
}

/// The heading, and beside it what is known of the snapshot.
#[derive(Default)]
pub(super) struct Title {
    pub(super) words: String,
    pub(super) at: Option<Moment>,
    pub(super) facts: Option<Facts>,
}

/// What is known of a snapshot.
pub(super) struct Facts {
    pub(super) name: Name,
    pub(super) checked: Option<Moment>,
    pub(super) rehearsed: Option<Moment>,
    pub(super) matches: Option<bool>,
    /// What took it off the log's history.
    pub(super) left: Option<Timed>,
}

/// Whether the log goes back with the tables.
pub(super) struct Choice {
    /// Why the tables alone cannot go back.
    pub(super) blocked: Option<Blocked>,
    pub(super) tables_only: String,
    pub(super) everything: String,
    /// What was chosen before.
    pub(super) chosen: Option<Scope>,
}

/// Why the tables alone cannot go back.
pub(super) struct Blocked {
    /// What the snapshot holds and what can return to it, said before the choice.
    pub(super) why: Timed,
    /// What the tables would not fit, said at the choice.
    pub(super) short: &'static str,
}

impl Choice {
    fn is(&self, scope: Scope) -> bool {
        self.chosen == Some(scope)
    }
}

/// The form that does it.
pub(super) struct Confirm {
    /// Its name in the page.
    pub(super) form: &'static str,
    pub(super) action: String,
    /// What it sends besides what is typed and chosen.
    pub(super) hidden: Vec<(&'static str, String)>,
    /// What has to be typed; none where the button is enough.
    pub(super) typing: Option<Typing>,
    pub(super) button: String,
    /// Whether anything is taken away; what only brings back needs no warning colour.
    pub(super) destroys: bool,
    /// Where giving up leads.
    pub(super) cancel: String,
    /// The same by a program, and in a terminal.
    pub(super) as_curl: String,
    pub(super) as_command: String,
    /// What there is to say of the two lines.
    pub(super) as_note: &'static str,
}

/// What has to be typed to confirm.
pub(super) struct Typing {
    /// The field of the form.
    pub(super) field: &'static str,
    pub(super) ask: &'static str,
    pub(super) value: String,
    /// What was typed before.
    pub(super) typed: String,
}

impl Typing {
    /// The value as a regular expression, for the browser's own check.
    pub(super) fn pattern(&self) -> String {
        self.value.replace('.', "\\.")
    }
}

/// The tables that change, and the rows of one of them.
pub(super) struct Changes {
    pub(super) tables: Vec<TableRow>,
    /// Names of the tables that stay as they are.
    pub(super) same: Vec<String>,
    pub(super) newer: Newer,
    pub(super) beside: Option<Beside>,
}

/// One table that would change.
pub(super) struct TableRow {
    pub(super) effect: TableEffect,
    /// The plan with its rows beside.
    pub(super) beside: String,
    /// The page of its rows.
    pub(super) rows: String,
    pub(super) current: bool,
}

/// The rows of one table beside the plan.
pub(super) struct Beside {
    pub(super) table: String,
    pub(super) total: u64,
    pub(super) rows: Vec<RowView>,
    pub(super) url: String,
    pub(super) links: PlanLinks,
    pub(super) q: String,
    /// The first rows, where these are others.
    pub(super) first: Option<String>,
    /// The rows after these.
    pub(super) next: Option<String>,
}

/// The events that came after what the plan goes back to.
#[derive(Default)]
pub(super) struct Newer {
    pub(super) text: String,
    pub(super) first: Option<(i64, Stamp)>,
}

impl Changes {
    /// With the events that came after what the plan goes back to.
    #[must_use]
    pub(super) fn after(mut self, newer: Newer) -> Self {
        self.newer = newer;
        self
    }

    /// `rows` are those of one table, found with `q`.
    pub(super) fn new(tables: &[TableEffect], links: &PlanLinks, rows: Option<&RowPage>, q: &str) -> Self {
        let is_changed = |table: &&TableEffect| table.total() > 0;
        let current = rows.map(|rows| rows.table.as_str()).unwrap_or_default();
        let row = |table: &TableEffect| TableRow {
            beside: links.beside(&table.name),
            rows: links.rows(&table.name),
            current: table.name == current,
            effect: table.clone(),
        };
        let total = tables.iter().find(|table| table.name == current).map_or(0, TableEffect::total);
        Self {
            tables: tables.iter().filter(is_changed).map(row).collect(),
            same: tables.iter().filter(|table| table.total() == 0).map(|table| table.name.clone()).collect(),
            newer: Newer::default(),
            beside: rows.map(|rows| Beside {
                table: rows.table.clone(),
                total,
                rows: views(rows),
                url: links.rows(&rows.table),
                links: links.clone(),
                q: q.to_owned(),
                first: rows.later.then(|| links.beside_at(&rows.table, q, None)),
                next: rows.next_after.as_deref().map(|after| links.beside_at(&rows.table, q, Some(after))),
            }),
        }
    }
}

/// Which rows a page asks to have beside its plan.
#[derive(Debug, Clone, Default)]
pub(super) struct AskedRows {
    table: Option<String>,
    pub(super) q: Option<String>,
    after: Option<String>,
    limit: Option<usize>,
}

impl AskedRows {
    /// The fields `table`, `q`, `after` and `limit`.
    ///
    /// # Errors
    ///
    /// Malformed where one is given more than once, or `limit` is out of its bounds.
    pub(super) fn read(fields: &Fields, page_limit: usize) -> crate::error::Result<Self> {
        let limit = Some(fields.limit(page_limit, ROWS_BESIDE)?);
        Ok(Self { table: fields.owned("table")?, q: fields.owned("q")?, after: fields.owned("after")?, limit })
    }

    /// The table asked for, or the first one that changes, and how much of it.
    pub(super) fn choose<'a>(&self, changed: impl IntoIterator<Item = (&'a str, u64)>) -> Option<(String, DiffPage)> {
        let first = changed.into_iter().find(|(_, rows)| *rows > 0).map(|(name, _)| name.to_owned());
        let page = DiffPage { q: self.q.clone(), after: self.after.clone(), limit: self.limit.unwrap_or(ROWS_BESIDE) };
        self.table.clone().or(first).map(|table| (table, page))
    }
}

/// `131 rows change in 6 tables.`
pub(super) fn changing(tables: &[TableEffect]) -> String {
    let changed = tables.iter().filter(|table| table.total() > 0);
    match (changed.clone().map(TableEffect::total).sum(), counted(changed.count() as u64, "table")) {
        (0, _) => "No row of the tables changes.".to_owned(),
        (1, tables) => format!("1 row changes in {tables}."),
        (rows, tables) => format!("{} change in {tables}.", counted(rows, "row")),
    }
}

/// Events by kind, the three most frequent named and the others as one number.
pub(super) fn by_kind<'a>(kinds: impl IntoIterator<Item = (&'a str, u64)>) -> String {
    let mut kinds: Vec<(&str, u64)> = kinds.into_iter().collect();
    // Stable: kinds that are as frequent stay in their own order.
    kinds.sort_by_key(|(_, events)| std::cmp::Reverse(*events));
    let named = kinds.iter().take(3).map(|(kind, events)| counted_kind(*events, kind));
    let mut parts: Vec<String> = named.collect();
    match kinds.iter().skip(3).map(|(_, events)| events).sum() {
        0 => {}
        1 => parts.push("1 other".to_owned()),
        others => parts.push(format!("{} others", grouped(others))),
    }
    visible(&parts.join(", "))
}

/// What a form posts so that what was shown is what runs.
pub(super) fn expected(head: i64, epoch: u64) -> [(&'static str, String); 2] {
    [("expected_head", head.to_string()), ("expected_epoch", epoch.to_string())]
}

/// The same for what is drawn from the store's status.
pub(super) fn expected_of(status: &Status) -> [(&'static str, String); 2] {
    expected(status.head, status.epoch)
}

/// A POST by curl, with its fields.
pub(super) fn curl(address: &str, fields: &[(&'static str, String)]) -> String {
    let fields: String = fields.iter().map(|(name, value)| format!(" \\\n  -d {name}={value}")).collect();
    format!("curl -H 'Accept: application/json' '{address}'{fields}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_are_told_by_how_many_there_are() {
        assert_eq!(by_kind([("bot_made", 1), ("turn", 9)]), "9 turns, 1 event \u{201c}bot made\u{201d}");
        let four = [("edge_update", 2), ("note", 2), ("bot_created", 3), ("d", 1)];
        assert_eq!(by_kind(four), "3 bots created, 2 edge updates, 2 notes, 1 other");
    }

    #[test]
    fn what_is_typed_is_not_taken_for_a_pattern() {
        let typing = Typing { field: "confirm_id", ask: "", value: "a.b".into(), typed: String::new() };
        assert_eq!(typing.pattern(), "a\\.b");
    }
}
