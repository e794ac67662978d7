//! `/entities`: single characters, chats or whatever the domain names, at their versions, and
//! snapshots of them.

use std::collections::BTreeMap;
use std::convert::Infallible;

use askama::Template;
use axum::Json;
use axum::body::Body;
use axum::extract::{FromRequestParts, Path, State};
use axum::http::StatusCode;
use axum::http::request::Parts;
use axum::response::{IntoResponse, Redirect, Response};
use serde::Serialize;
use serde_json::json;

use super::entity_page::{Compared, EntityPage, SnapshotPage};
use super::error::Failure;
use super::extract::{self, Fields, Form, Query};
use super::filters::{self, Moment};
use super::layout::{Door, Shell, page};
use super::links;
use super::negotiate::Wants;
use super::state::{AppState, blocking};
use super::words;
use crate::engine::{Engine, EntityAt, EntityDifference, EntityDue, EntityRead, EntityState, EntityType};
use crate::entity::exchange::LARGEST_STATE;
use crate::entity::{EntityKey, EntitySnapshot};
use crate::error::{Error, Result};

/// A state at its largest, every character escaped, and what stands around it.
const LARGEST_IMPORT: usize = 6 * LARGEST_STATE + 64 * 1024;

/// The decoded `{type}/{id}` of a path.
pub(super) struct RawKey(pub(super) EntityKey);

impl FromRequestParts<AppState> for RawKey {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, state: &AppState) -> Result<Self, Infallible> {
        let path = Path::<Vec<(String, String)>>::from_request_parts(parts, state).await;
        let named = path.map(|Path(named)| named).unwrap_or_default();
        let get = |name: &str| named.iter().find(|(key, _)| key == name).map(|(_, value)| value.clone());
        Ok(Self(EntityKey::new(get("type").unwrap_or_default(), get("id").unwrap_or_default())))
    }
}

/// The `{version}` of a path.
pub(super) struct RawVersion(String);

impl FromRequestParts<AppState> for RawVersion {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, state: &AppState) -> Result<Self, Infallible> {
        let path = Path::<Vec<(String, String)>>::from_request_parts(parts, state).await;
        let named = path.map(|Path(named)| named).unwrap_or_default();
        Ok(Self(named.into_iter().find(|(key, _)| key == "version").map(|(_, value)| value).unwrap_or_default()))
    }
}

#[derive(Template)]
#[template(path = "entities.html")]
struct EntitiesPage {
    shell: Shell,
    types: Vec<Type>,
    /// The type that is listed; empty where the domain has none.
    kind: String,
    q: String,
    rows: Vec<Row>,
    first_page: Option<String>,
    next_page: Option<String>,
}

struct Type {
    name: String,
    /// None where the domain's list fails.
    count: Option<u64>,
    url: String,
    current: bool,
}

struct Row {
    id: String,
    url: String,
    version: u64,
    last: Option<(i64, String)>,
    snapshot: Option<(u64, Option<Moment>)>,
    /// Events since that, or since the first.
    since: u64,
    due: String,
    due_at: Option<Moment>,
    /// Why none could be taken.
    refused: Option<String>,
}

/// What of the list is asked for.
struct Asked {
    kind: Option<String>,
    q: Option<String>,
    after: Option<String>,
    limit: usize,
}

/// `GET /entities?type=&q=&after=&limit=`: those of a type; for programs without `type`, of all types.
pub(super) async fn list(
    State(state): State<AppState>,
    wants: Wants,
    Query(fields): Query,
) -> Result<Response, Failure> {
    let most = state.settings.page_limit;
    let asked = Asked {
        kind: fields.owned("type")?,
        q: fields.owned("q")?,
        after: fields.get("after")?.map(str::to_owned),
        limit: fields.limit(most, most / 10)?,
    };
    let (status, types, asked, found, mut next) = blocking(&state, move |engine| {
        let types = engine.entity_types()?;
        let listed: Vec<String> = match (&asked.kind, wants) {
            (Some(kind), _) => vec![kind.clone()],
            (None, Wants::Json) => types.iter().filter(|one| one.count.is_some()).map(|one| one.kind.clone()).collect(),
            (None, _) => types.first().map(|one| one.kind.clone()).into_iter().collect(),
        };
        let (mut found, mut next) = (Vec::new(), BTreeMap::new());
        for kind in listed {
            // One more than asked for tells whether there is another page.
            let mut some = engine.entities(&kind, asked.q.as_deref(), asked.after.as_deref(), asked.limit + 1)?;
            if some.len() > asked.limit {
                some.truncate(asked.limit);
                next.extend(some.last().map(|last| (kind, last.key.id.clone())));
            }
            found.extend(some);
        }
        Ok((engine.status()?, types, asked, found, next))
    })
    .await?;
    if wants.json() {
        let next_after = asked.kind.as_ref().and_then(|kind| next.get(kind));
        let one = |of: &EntityType| {
            let mut one = json!(of);
            one["next_after"] = json!(next.get(&of.kind));
            one
        };
        let types: Vec<_> = types.iter().map(one).collect();
        return Ok(Json(json!({ "entities": found, "types": types, "next_after": next_after })).into_response());
    }
    let shell = Shell::new(&state, &status, "Entities", Door::Entities);
    let next_after = next.pop_first().map(|(_, id)| id);
    Ok(page(&EntitiesPage::new(&state, shell, &types, &asked, &found, next_after))?)
}

impl EntitiesPage {
    fn new(
        state: &AppState,
        shell: Shell,
        types: &[EntityType],
        asked: &Asked,
        found: &[EntityDue],
        next_after: Option<String>,
    ) -> Self {
        let kind = asked.kind.clone().or_else(|| types.first().map(|one| one.kind.clone())).unwrap_or_default();
        let q = asked.q.clone().unwrap_or_default();
        let now = state.engine.now();
        let mut command = format!("backstitch entity list {kind}");
        if !q.is_empty() {
            command.push_str(&format!(" --query {}", words::shell(&q)));
        }
        let types = types.iter().map(|one| Type {
            name: one.kind.clone(),
            count: one.count,
            url: links::entities(&one.kind, "", None),
            current: one.kind == kind,
        });
        Self {
            shell: shell.also(state, &links::entities(&kind, &q, None), command),
            types: types.collect(),
            rows: found.iter().map(|one| Row::new(one, now)).collect(),
            first_page: asked.after.as_ref().map(|_| links::entities(&kind, &q, None)),
            next_page: next_after.map(|after| links::entities(&kind, &q, Some(&after))),
            kind,
            q,
        }
    }
}

impl Row {
    fn new(one: &EntityDue, now: time::OffsetDateTime) -> Self {
        Self {
            id: one.key.id.clone(),
            url: links::entity(&one.key),
            version: one.version,
            last: (one.sequence > 0).then(|| (one.sequence, links::event(one.sequence))),
            snapshot: one.snapshot_version.map(|version| (version, one.snapshot_at.map(|at| Moment::new(at, now)))),
            since: one.events_since,
            due: due(one),
            refused: one.refused.as_deref().map(words::visible),
            due_at: one.due_at.filter(|_| one.due_after_events > 0).map(|at| Moment::new(at, now)),
        }
    }
}

/// `after 37 more events`.
pub(super) fn due(one: &EntityDue) -> String {
    match one.due_after_events {
        _ if one.version == 0 => "none of its events are in the log".to_owned(),
        0 => "due now".to_owned(),
        1 => "after 1 more event".to_owned(),
        more => format!("after {} more events", filters::grouped(more)),
    }
}

fn at(fields: &Fields) -> Result<EntityAt> {
    let version: Option<u64> = fields.number("version", "a whole number")?;
    let event: Option<i64> = fields.number("at", "the id of an event")?;
    match (version, event) {
        (Some(_), Some(_)) => Err(Error::malformed("give version or at, not both")),
        (Some(version), None) => Ok(EntityAt::Version(version)),
        (None, Some(event)) => Ok(EntityAt::Event(event)),
        (None, None) => Ok(EntityAt::Now),
    }
}

/// `GET /entities/{type}/{id}?version=&at=&with=`.
pub(super) async fn show(
    State(state): State<AppState>,
    wants: Wants,
    RawKey(key): RawKey,
    Query(fields): Query,
) -> Result<Response, Failure> {
    let (at, with) = (at(&fields)?, fields.number::<u64>("with", "a whole number")?);
    let told = fields.owned("told")?;
    let (status, found, compared) = blocking(&state, move |engine| {
        let found = engine.entity(&key, at)?;
        let compared = with.map(|with| engine.entity_difference_from(&found, with)).transpose()?;
        Ok((engine.status()?, found, compared))
    })
    .await?;
    if wants.json() {
        let answer = Answer { found: &found, diff: compared.as_ref() };
        return Ok(Json(answer).into_response());
    }
    let compared = compared.map(Compared::new);
    Ok(page(&EntityPage::new(&state, &status, &found, at, compared, told.as_deref()))?)
}

/// One entity for programs.
#[derive(Serialize)]
struct Answer<'a> {
    #[serde(flatten)]
    found: &'a EntityState,
    #[serde(skip_serializing_if = "Option::is_none")]
    diff: Option<&'a EntityDifference>,
}

/// `POST /entities/{type}/{id}/snapshots`: takes one; at a version that has one answers with it.
pub(super) async fn take(
    State(state): State<AppState>,
    wants: Wants,
    RawKey(key): RawKey,
    _: Form,
) -> Result<Response, Failure> {
    let back = links::entity(&key);
    let (snapshot, new) = blocking(&state, move |engine| engine.save_entity_snapshot(&key)).await?;
    if wants.json() {
        let status = if new { StatusCode::CREATED } else { StatusCode::OK };
        return Ok((status, Json(EntityRead::of_today(snapshot, false))).into_response());
    }
    let told = if new { "taken" } else { "there" };
    Ok(Redirect::to(&links::told_on(&back, told)).into_response())
}

/// `GET /entities/{type}/{id}/snapshots/{version}?fallback=replay`.
pub(super) async fn snapshot(
    State(state): State<AppState>,
    wants: Wants,
    RawKey(key): RawKey,
    RawVersion(version): RawVersion,
    Query(fields): Query,
) -> Result<Response, Failure> {
    let version = version.parse().map_err(|_| Error::not_found("a version is a whole number"))?;
    let replay = match fields.filled("fallback")? {
        None => false,
        Some("replay") => true,
        Some(_) => return Err(Error::malformed("fallback must be replay").into()),
    };
    let (status, read) =
        blocking(&state, move |engine| Ok((engine.status()?, engine.entity_snapshot(&key, version, replay)?))).await?;
    if wants.json() {
        return Ok(Json(read).into_response());
    }
    Ok(page(&SnapshotPage::new(&state, &status, read))?)
}

/// `POST /entities/import`: the body is a snapshot of an entity in the original's form.
pub(super) async fn import(State(state): State<AppState>, wants: Wants, body: Body) -> Result<Response, Failure> {
    let body = extract::read(body, LARGEST_IMPORT).await?;
    let imported: EntitySnapshot = blocking(&state, move |engine: &Engine| {
        let text = std::str::from_utf8(&body).map_err(|_| Error::malformed("the snapshot is not UTF-8"))?;
        engine.import_entity_snapshot(text)
    })
    .await?;
    if wants.json() {
        return Ok((StatusCode::CREATED, Json(imported)).into_response());
    }
    Ok(Redirect::to(&links::entity_snapshot(&imported.key(), imported.version)).into_response())
}
