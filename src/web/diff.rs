//! The rows of one table that a plan would change, page by page; `/snapshots/{id}/diff` for those of
//! a restore.

use askama::Template;
use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse, Response};

use super::damaged::{self, Before};
use super::difference::{Difference, Run};
use super::error::Failure;
use super::extract::{Fields, Query, RawId};
use super::filters::{self, encoded};
use super::layout::{Door, Shell, page};
use super::links::{PlanLinks, SnapshotLinks};
use super::negotiate::Wants;
use super::rows::{Cell, RowView, views};
use super::state::{AppState, blocking};
use crate::compare::RowPage;
use crate::engine::{DiffPage, Status};
use crate::error::{Error, Result};
use crate::snapshot::{Diff, Kind, Scope, SnapshotId};

/// Rows of a page where the address does not say: rows are wide.
const ROWS: usize = 40;

/// Which rows an address asks for.
#[derive(Debug, Clone)]
pub(super) struct AskedTable {
    pub(super) table: String,
    pub(super) page: DiffPage,
}

impl AskedTable {
    /// The fields `table`, `q`, `after` and `limit`.
    ///
    /// # Errors
    ///
    /// Malformed where no table is named, or `limit` is out of its bounds.
    pub(super) fn read(fields: &Fields, page_limit: usize, wants: Wants) -> Result<Self> {
        let usual = if wants.json() { page_limit / 10 } else { ROWS.min(page_limit) };
        let table = fields.get("table")?.filter(|table| !table.is_empty());
        Ok(Self {
            table: table.ok_or_else(|| Error::malformed("table must be the name of a table"))?.to_owned(),
            page: DiffPage {
                q: fields.owned("q")?,
                after: fields.owned("after")?,
                limit: fields.limit(page_limit, usual)?,
            },
        })
    }
}

/// What the address of a restore's rows asks for.
struct Asked {
    id: SnapshotId,
    kind: Kind,
    scope: Scope,
    rows: AskedTable,
}

impl Asked {
    fn read(id: &str, fields: &Fields, page_limit: usize, wants: Wants) -> Result<Self> {
        let kind = fields.kind()?;
        let id = id.parse()?;
        Ok(Self { id, kind, scope: fields.scope()?, rows: AskedTable::read(fields, page_limit, wants)? })
    }
}

/// What the rows are of.
pub(super) struct Of {
    pub(super) door: Door,
    /// The name of the plan.
    pub(super) plan: String,
    /// What would change them: `going back to`.
    pub(super) doing: String,
    /// The id that the words end with, where that is a snapshot's.
    pub(super) id: Option<String>,
    pub(super) links: PlanLinks,
    /// The same in a terminal.
    pub(super) command: String,
}

/// The rows of one table as a page.
#[derive(Template)]
#[template(path = "diff.html")]
pub(super) struct RowsPage {
    shell: Shell,
    of: Of,
    table: String,
    key: String,
    q: String,
    rows: Vec<RowView>,
    first_page: String,
    next_page: String,
    /// Not the first page.
    later: bool,
}

impl RowsPage {
    pub(super) fn new(state: &AppState, status: &Status, of: Of, asked: &AskedTable, found: &RowPage) -> Self {
        let rows = of.links.rows(&found.table);
        let q = asked.page.q.clone().unwrap_or_default();
        let filtered = if q.is_empty() { String::new() } else { format!("&q={}", encoded(&q)) };
        let first_page = format!("{rows}{filtered}&limit={}", asked.page.limit);
        let next_page = found.next_after.as_ref().map(|after| format!("{first_page}&after={}", encoded(after)));
        let shell = Shell::new(state, status, &format!("Rows of {}", found.table), of.door);
        Self {
            shell: shell.also(state, &rows, of.command.clone()),
            table: found.table.clone(),
            key: found.key.join(", "),
            q,
            rows: views(found),
            first_page,
            next_page: next_page.unwrap_or_default(),
            later: asked.page.after.is_some(),
            of,
        }
    }
}

fn of_restore(diff: &Diff) -> Of {
    let links = SnapshotLinks::new(&diff.snapshot_id, diff.kind).of_scope(diff.scope);
    let (id, kind, table) = (&diff.snapshot_id, diff.kind, &diff.page.table);
    Of {
        door: Door::Snapshots,
        plan: format!("The plan of {id}"),
        doing: "going back to".to_owned(),
        id: Some(id.to_string()),
        command: format!("backstitch snapshot diff {id} --kind {kind} --table {table}"),
        links,
    }
}

/// `GET /snapshots/{id}/diff`.
pub(super) async fn show(
    State(state): State<AppState>,
    wants: Wants,
    RawId(id): RawId,
    Query(fields): Query,
) -> Result<Response, Failure> {
    let asked = Asked::read(&id, &fields, state.settings.page_limit, wants)?;
    let (id, kind) = (asked.id.clone(), asked.kind);
    let compared = blocking(&state, move |engine| {
        let diff = engine.diff(&asked.id, asked.kind, asked.scope, &asked.rows.table, &asked.rows.page)?;
        Ok((asked.rows, engine.status()?, diff))
    });
    match compared.await {
        Ok((_, _, diff)) if wants.json() => Ok(Json(diff).into_response()),
        Ok((asked, status, diff)) => Ok(page(&RowsPage::new(&state, &status, of_restore(&diff), &asked, &diff.page))?),
        Err(error) if wants == Wants::Page => damaged::answer(&state, kind, &id, error, Before::Nothing).await,
        Err(error) => Err(error.into()),
    }
}
