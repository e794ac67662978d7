//! `POST /events`: what an app sends as it happens.

use axum::Json;
use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Redirect, Response};

use super::error::Failure;
use super::extract::{content_type, read};
use super::links;
use super::negotiate::Wants;
use super::state::{AppState, blocking};
use crate::error::{Error, Result};
use crate::log::{BodyForm, parse_events};

/// Appends one event, an array of them, or one a line; all or none.
///
/// The answer is JSON for everyone but a browser, curl with its `*/*` included: whoever appends is
/// a program and needs the ids, and there is no page that would show them to it.
pub(super) async fn append(
    State(state): State<AppState>,
    wants: Wants,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Failure> {
    let form = form(&content_type(&headers))?;
    let body = read(body, state.settings.body_limit).await?;
    // Parsing 16 MiB takes a while, so it too is done where blocking is allowed.
    let appended = blocking(&state, move |engine| engine.append(parse_events(&body, form)?)).await?;
    Ok(match wants {
        Wants::Page => Redirect::to(links::EVENTS).into_response(),
        Wants::Json | Wants::Plain => (StatusCode::CREATED, Json(appended)).into_response(),
    })
}

/// How the body is written, by its content type. None at all, and the type that curl gives to any
/// `-d`, are read as JSON: the body itself then says whether it is.
fn form(content_type: &str) -> Result<BodyForm> {
    match content_type {
        "application/x-ndjson" | "application/ndjson" => Ok(BodyForm::NdJson),
        "" | "application/json" | "application/x-www-form-urlencoded" => Ok(BodyForm::Json),
        _ => Err(Error::malformed("the body must be application/json or application/x-ndjson")),
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test may stop at once")]
    use super::*;

    #[test]
    fn the_content_type_says_how_to_read_the_body() {
        assert_eq!(form("application/x-ndjson").unwrap(), BodyForm::NdJson);
        assert_eq!(form("application/json").unwrap(), BodyForm::Json);
        assert_eq!(form("").unwrap(), BodyForm::Json);
        assert!(form("text/plain").is_err());
        assert!(form("multipart/form-data").is_err());
    }
}
