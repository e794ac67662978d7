//! `GET /state` and `GET /state/{table}`: the tables as they stand now, or stood at an event.

use askama::Template;
use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use serde_json::json;

use super::error::Failure;
use super::extract::{Fields, Query, RawId};
use super::filters::{self, encoded};
use super::layout::{Door, Shell, page};
use super::links;
use super::negotiate::Wants;
use super::outcome::Tell;
use super::rows::{self, Cell};
use super::state::{AppState, blocking};
use super::when::{EVENT, When};
use super::words::visible;
use crate::compare::key_text;
use crate::engine::{Engine, RowQuery, Status, TableCount, TableRows};
use crate::error::Result;
use crate::image::Value;

/// Rows of a page where the address does not say: rows are wide.
const ROWS: usize = 40;
/// Characters of a value in a row.
const VALUE: usize = 240;

/// `GET /state?at=`.
pub(super) async fn list(
    State(state): State<AppState>,
    wants: Wants,
    Query(fields): Query,
) -> Result<Response, Failure> {
    let (tell, kept) = (Tell::read(&fields)?, state.settings.safety_kept);
    let asked = fields.number("at", EVENT)?;
    let (status, (at, tables), outcome) = blocking(&state, move |engine| {
        let status = engine.status()?;
        let outcome = tell.outcome(engine, &status, kept)?;
        let tables = match asked {
            Some(at) => (at, engine.tables_at(at)?),
            None => engine.tables()?,
        };
        Ok((status, tables, outcome))
    })
    .await?;
    if wants.json() {
        return Ok(Json(json!({ "at": at, "tables": tables })).into_response());
    }
    let when = When::new(asked, &status);
    let shell = Shell::new(&state, &status, &format!("Tables{}", when.suffix()), Door::Tables).told(outcome);
    let shell = shell.also(&state, &links::tables(asked), format!("backstitch state{}", when.flag()));
    let rows = tables.iter().map(|table| table.rows).sum();
    Ok(page(&TablesPage { shell, when, rows, count: tables.len() as u64, tables })?)
}

#[derive(Template)]
#[template(path = "tables.html")]
struct TablesPage {
    shell: Shell,
    when: When,
    rows: u64,
    count: u64,
    tables: Vec<TableCount>,
}

/// What the address of a table asks for.
struct Asked {
    table: String,
    at: Option<i64>,
    query: RowQuery,
    limit: usize,
}

impl Asked {
    fn read(table: String, fields: &Fields, most: usize, usual: usize) -> Result<Self> {
        let limit = fields.limit(most, usual)?;
        let query = RowQuery {
            q: fields.owned("q")?,
            sort: fields.owned("sort")?,
            after: fields.owned("after")?,
            limit: Some(limit),
        };
        Ok(Self { table, at: fields.number("at", EVENT)?, query, limit })
    }

    /// What stays when another moment is asked for.
    fn kept(&self) -> Vec<(&'static str, String)> {
        let fields = [("q", &self.query.q), ("sort", &self.query.sort)];
        fields.into_iter().filter_map(|(name, value)| Some((name, value.clone()?))).collect()
    }

    /// The rows, and how many rows each table has.
    fn look(&self, engine: &Engine) -> Result<(TableRows, Vec<TableCount>)> {
        match self.at {
            Some(at) => Ok((engine.state_at(&self.table, at, &self.query)?, engine.tables_at(at)?)),
            None => Ok((engine.state(&self.table, &self.query)?, engine.tables()?.1)),
        }
    }
}

/// `GET /state/{table}?at=&q=&sort=&after=&limit=`.
pub(super) async fn rows(
    State(state): State<AppState>,
    wants: Wants,
    RawId(table): RawId,
    Query(fields): Query,
) -> Result<Response, Failure> {
    let most = state.settings.page_limit;
    let usual = if wants.json() { most / 10 } else { ROWS };
    let asked = Asked::read(table, &fields, most, usual)?;
    let (asked, (rows, counts), status) = blocking(&state, move |engine| {
        let found = asked.look(engine)?;
        Ok((asked, found, engine.status()?))
    })
    .await?;
    if wants.json() {
        return Ok(Json(rows).into_response());
    }
    let count = counts.into_iter().find(|count| count.name == rows.table);
    Ok(page(&TablePage::new(&state, &status, &asked, &rows, count))?)
}

/// The head of one column, which sorts by it.
struct Column {
    name: String,
    url: String,
    /// `ascending`, `descending` or empty.
    sorted: &'static str,
    /// Its values on this page are numbers.
    number: bool,
}

#[derive(Template)]
#[template(path = "table.html")]
struct TablePage {
    shell: Shell,
    table: String,
    when: When,
    total: u64,
    /// The columns that are searched, as they are told; empty where that is all of them.
    searched: String,
    /// How many rows hold what was searched for, as far as that is known.
    found: Option<String>,
    q: String,
    sort: String,
    columns: Vec<Column>,
    /// Each with the address of the events that changed it, where those of now are shown.
    rows: Vec<(Option<String>, Vec<Cell>)>,
    /// The column that links there.
    linked: Option<usize>,
    /// Some value is cut.
    is_cut: bool,
    first_page: Option<String>,
    next_page: Option<String>,
}

impl TablePage {
    fn new(state: &AppState, status: &Status, asked: &Asked, rows: &TableRows, count: Option<TableCount>) -> Self {
        let address = Address { asked, table: links::table(&rows.table) };
        let when = When::new(asked.at, status).on(address.table.clone(), address.at(None), asked.kept());
        let title = format!("Table {}{}", rows.table, when.suffix());
        let query = asked.query.q.as_ref().map(|q| format!(" --query '{}'", q.replace('\'', r"'\''")));
        let command = format!("backstitch state {}{}{}", rows.table, query.unwrap_or_default(), when.flag());
        let path = address.with(asked.query.sort.as_deref(), asked.query.after.as_deref());
        let searched = state.engine.domain().searched(&rows.table).join(" or ");
        let place = if searched.is_empty() { String::new() } else { format!(" in the column {searched}") };
        let cells: Vec<Vec<(Cell, bool)>> =
            rows.rows.iter().map(|row| row.iter().map(|value| Cell::of(value).cut(VALUE)).collect()).collect();
        Self {
            shell: Shell::new(state, status, &title, Door::Tables).also(state, &path, command),
            table: rows.table.clone(),
            when,
            total: count.as_ref().map_or(0, |count| count.rows),
            found: found(asked, rows, &place, count.map_or(0, |count| count.rows)),
            searched,
            q: asked.query.q.clone().unwrap_or_default(),
            sort: asked.query.sort.clone().unwrap_or_default(),
            columns: columns(&address, rows),
            is_cut: cells.iter().flatten().any(|(_, is_cut)| *is_cut),
            rows: linked_rows(asked, rows, cells),
            linked: rows.key.first().copied(),
            first_page: asked.query.after.as_ref().map(|_| address.with(asked.query.sort.as_deref(), None)),
            next_page: rows.next_after.as_ref().map(|after| address.with(asked.query.sort.as_deref(), Some(after))),
        }
    }
}

/// The cells of each row, with the address of the events that changed it. That is told of rows as
/// they are now.
fn linked_rows(asked: &Asked, rows: &TableRows, cells: Vec<Vec<(Cell, bool)>>) -> Vec<(Option<String>, Vec<Cell>)> {
    let url = |row: &Vec<Value>| {
        let key: Vec<Value> = rows.key.iter().filter_map(|&at| row.get(at).cloned()).collect();
        let key = key_text(&key).ok().filter(|_| asked.at.is_none())?;
        Some(links::row(&rows.table, &key, None))
    };
    let cells = cells.into_iter().map(|row| row.into_iter().map(|(cell, _)| cell).collect());
    rows.rows.iter().map(url).zip(cells).collect()
}

/// `place`: the columns that are searched, after a blank.
fn found(asked: &Asked, rows: &TableRows, place: &str, all: u64) -> Option<String> {
    let q = format!("\u{201c}{}\u{201d}{place}", visible(asked.query.q.as_deref()?));
    let (seen, all) = (rows.rows.len() as u64, filters::grouped(all));
    let first = asked.query.after.is_none();
    match (seen, rows.next_after.is_some()) {
        (0, _) => None,
        (1, false) if first => Some(format!("1 row holds {q}, of {all}.")),
        (_, false) if first => Some(format!("{} hold {q}, of {all}.", filters::counted(seen, "row"))),
        (_, true) if first => {
            Some(format!("The first {} that hold {q}, of {all} in all.", filters::counted(seen, "row")))
        }
        _ => Some(format!("More rows that hold {q}, of {all} in all.")),
    }
}

fn columns(address: &Address<'_>, rows: &TableRows) -> Vec<Column> {
    let sort = address.asked.query.sort.as_deref().unwrap_or_default();
    let is_number =
        |at: usize| rows.rows.iter().all(|row| matches!(row.get(at), Some(Value::Integer(_) | Value::Real(_))));
    let column = |(at, name): (usize, &String)| {
        let sorted = match sort.strip_prefix('-') {
            _ if sort == name => "ascending",
            Some(descending) if descending == name => "descending",
            _ => "",
        };
        let next = if sorted == "ascending" { format!("-{name}") } else { name.clone() };
        Column { name: name.clone(), url: address.with(Some(&next), None), sorted, number: is_number(at) }
    };
    rows.columns.iter().enumerate().map(column).collect()
}

/// The addresses of the pages of one table, with what was asked for.
struct Address<'a> {
    asked: &'a Asked,
    table: String,
}

impl Address<'_> {
    fn with(&self, sort: Option<&str>, after: Option<&str>) -> String {
        let mut parts = self.parts(self.asked.at, sort);
        parts.extend(after.map(|after| format!("after={}", encoded(after))));
        if self.asked.limit != ROWS {
            parts.push(format!("limit={}", self.asked.limit));
        }
        self.join(&parts)
    }

    /// The first page of another moment.
    fn at(&self, at: Option<i64>) -> String {
        self.join(&self.parts(at, self.asked.query.sort.as_deref()))
    }

    fn parts(&self, at: Option<i64>, sort: Option<&str>) -> Vec<String> {
        let mut parts = Vec::new();
        parts.extend(at.map(|at| format!("at={at}")));
        parts.extend(self.asked.query.q.as_ref().map(|q| format!("q={}", encoded(q))));
        parts.extend(sort.map(|sort| format!("sort={}", encoded(sort))));
        parts
    }

    fn join(&self, parts: &[String]) -> String {
        if parts.is_empty() { self.table.clone() } else { format!("{}?{}", self.table, parts.join("&")) }
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test may stop at once")]
    use super::*;

    fn asked(query: &str) -> Asked {
        Asked::read("edges".into(), &Fields::parse(query.as_bytes()).unwrap(), 1000, ROWS).unwrap()
    }

    fn rows(columns: &[&str]) -> TableRows {
        let columns = columns.iter().map(|&name| name.to_owned()).collect();
        TableRows { table: "t".into(), at: 9, columns, rows: vec![], next_after: None, key: vec![] }
    }

    #[test]
    fn a_second_click_on_a_column_turns_the_order() {
        let asked = asked("q=a+b&sort=trust&after=50");
        let address = Address { asked: &asked, table: links::table("edges") };
        let columns = columns(&address, &rows(&["trust", "reason"]));
        assert_eq!((columns[0].sorted, columns[0].url.as_str()), ("ascending", "/state/edges?q=a%20b&sort=-trust"));
        assert_eq!((columns[1].sorted, columns[1].url.as_str()), ("", "/state/edges?q=a%20b&sort=reason"));
    }

    #[test]
    fn every_link_keeps_the_moment_but_the_one_to_now() {
        let asked = asked("at=7&q=a&sort=trust&after=50");
        let address = Address { asked: &asked, table: links::table("edges") };
        assert_eq!(columns(&address, &rows(&["trust"]))[0].url, "/state/edges?at=7&q=a&sort=-trust");
        assert_eq!(address.with(None, Some("100")), "/state/edges?at=7&q=a&after=100");
        assert_eq!(address.at(None), "/state/edges?q=a&sort=trust");
    }
}
