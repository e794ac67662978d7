//! `/snapshots/{id}/diff`: which rows of one table a restore would change, page by page.

use askama::Template;
use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse, Response};

use super::damaged;
use super::error::Failure;
use super::extract::{Fields, Query, RawId};
use super::filters::encoded;
use super::layout::{Door, Shell, page};
use super::links::SnapshotLinks;
use super::negotiate::Wants;
use super::rows::{Cell, RowView, views};
use super::state::{AppState, blocking};
use crate::engine::{DiffPage, Status};
use crate::error::{Error, Result};
use crate::snapshot::{Diff, Kind, Scope, SnapshotId};

/// What the address asks for.
struct Asked {
    id: SnapshotId,
    kind: Kind,
    scope: Scope,
    table: String,
    page: DiffPage,
}

impl Asked {
    fn read(id: &str, fields: &Fields, page_limit: usize) -> Result<Self> {
        let kind = fields.kind()?;
        let id = id.parse()?;
        let table = fields.get("table")?.filter(|table| !table.is_empty());
        Ok(Self {
            id,
            kind,
            scope: fields.scope()?,
            table: table.ok_or_else(|| Error::malformed("table must be the name of a table"))?.to_owned(),
            page: DiffPage {
                q: fields.owned("q")?,
                after: fields.owned("after")?,
                limit: fields.limit(page_limit, page_limit / 10)?,
            },
        })
    }
}

#[derive(Template)]
#[template(path = "diff.html")]
struct DiffPageView {
    shell: Shell,
    links: SnapshotLinks,
    id: String,
    kind: Kind,
    scope: Scope,
    table: String,
    key: String,
    q: String,
    rows: Vec<RowView>,
    first_page: String,
    next_page: String,
    /// Not the first page.
    later: bool,
}

impl DiffPageView {
    fn new(state: &AppState, status: &Status, asked: &Asked, diff: &Diff) -> Self {
        let links = SnapshotLinks::new(&diff.snapshot_id, diff.kind);
        let q = asked.page.q.clone().unwrap_or_default();
        let filtered = if q.is_empty() { String::new() } else { format!("&q={}", encoded(&q)) };
        let first_page = format!("{}{filtered}&limit={}", links.rows(asked.scope, &diff.table), asked.page.limit);
        let next_page = diff.next_after.as_ref().map(|after| format!("{first_page}&after={}", encoded(after)));
        let command =
            format!("backstitch snapshot diff {} --kind {} --table {}", diff.snapshot_id, diff.kind, diff.table);
        let shell = Shell::new(state, status, &format!("Rows of {}", diff.table), Door::Snapshots);
        Self {
            shell: shell.also(state, &links.rows(asked.scope, &diff.table), command),
            id: diff.snapshot_id.to_string(),
            kind: diff.kind,
            scope: asked.scope,
            table: diff.table.clone(),
            key: diff.key.join(", "),
            q,
            rows: views(diff),
            first_page,
            next_page: next_page.unwrap_or_default(),
            later: asked.page.after.is_some(),
            links,
        }
    }
}

/// `GET /snapshots/{id}/diff`.
pub(super) async fn show(
    State(state): State<AppState>,
    wants: Wants,
    RawId(id): RawId,
    Query(fields): Query,
) -> Result<Response, Failure> {
    let asked = Asked::read(&id, &fields, state.settings.page_limit)?;
    let (id, kind) = (asked.id.clone(), asked.kind);
    let compared = blocking(&state, move |engine| {
        let diff = engine.diff(&asked.id, asked.kind, asked.scope, &asked.table, &asked.page)?;
        Ok((asked, engine.status()?, diff))
    });
    match compared.await {
        Ok((_, _, diff)) if wants.json() => Ok(Json(diff).into_response()),
        Ok((asked, status, diff)) => Ok(page(&DiffPageView::new(&state, &status, &asked, &diff))?),
        Err(error) if wants == Wants::Page => damaged::answer(&state, kind, &id, error, None).await,
        Err(error) => Err(error.into()),
    }
}
