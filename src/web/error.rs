//! How an [`Error`] reaches the client: one place, three forms, the same words.
//!
//! A handler, an extractor or the guard answers with a [`Failure`], which carries the error inside
//! an empty response. The [`draw`] layer around them all fills it in: it alone knows the request's
//! Accept header and the store's state. A failure of the server itself is logged here, once.

use std::sync::Arc;

use askama::Template;
use axum::Json;
use axum::extract::{Request, State};
use axum::http::{HeaderValue, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use serde::Serialize;

use super::attention::BY_SIZE;
use super::layout::{Door, Shell, page};
use super::links;
use super::negotiate::Wants;
use super::state::{AppState, glance};
use super::words::{on_pages, visible};
use crate::error::{Error, ErrorKind};

/// An error on its way out.
#[derive(Debug)]
pub(super) struct Failure(Error);

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self(error)
    }
}

impl IntoResponse for Failure {
    fn into_response(self) -> Response {
        let mut response = status(self.0.kind()).into_response();
        response.extensions_mut().insert(Arc::new(self.0));
        response
    }
}

/// The status of each kind of error; nothing else decides it.
pub(super) fn status(kind: ErrorKind) -> StatusCode {
    match kind {
        ErrorKind::Malformed => StatusCode::BAD_REQUEST,
        ErrorKind::Forbidden => StatusCode::FORBIDDEN,
        ErrorKind::NotFound => StatusCode::NOT_FOUND,
        ErrorKind::MethodNotAllowed => StatusCode::METHOD_NOT_ALLOWED,
        ErrorKind::Conflict => StatusCode::CONFLICT,
        ErrorKind::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
        ErrorKind::Unprocessable | ErrorKind::Damaged => StatusCode::UNPROCESSABLE_ENTITY,
        ErrorKind::Busy => StatusCode::SERVICE_UNAVAILABLE,
        ErrorKind::DiskFull => StatusCode::INSUFFICIENT_STORAGE,
        ErrorKind::Refused | ErrorKind::Internal => StatusCode::INTERNAL_SERVER_ERROR,
    }
}

/// The heading of the page that shows an error; `asks` where nothing was to be changed.
fn heading(kind: ErrorKind, asks: bool) -> &'static str {
    match kind {
        ErrorKind::Malformed if asks => "That cannot be shown",
        ErrorKind::Unprocessable if asks => "That cannot be done",
        ErrorKind::Malformed | ErrorKind::Unprocessable => "Nothing was done",
        ErrorKind::NotFound => "That is not there",
        ErrorKind::Conflict => "That cannot be done now",
        _ => title(kind),
    }
}

/// What sort of error it is, for programs.
fn title(kind: ErrorKind) -> &'static str {
    match kind {
        ErrorKind::Malformed => "This request does not fit",
        ErrorKind::Forbidden => "Not allowed from there",
        ErrorKind::NotFound => "Not found",
        ErrorKind::MethodNotAllowed => "Not done this way",
        ErrorKind::Conflict => "Not as things stand",
        ErrorKind::TooLarge => "Too large",
        ErrorKind::Unprocessable => "Against a rule of the data",
        ErrorKind::Damaged => "Damaged",
        ErrorKind::Busy => "Busy",
        ErrorKind::DiskFull => "The disk is full",
        ErrorKind::Refused => "Refused",
        ErrorKind::Internal => "Something broke here",
    }
}

/// The words for people. What broke inside is for the server's log: it may name paths.
pub(super) fn words(error: &Error) -> String {
    match error.kind() {
        ErrorKind::Internal => "A fault in Backstitch itself; its log says more.".to_owned(),
        _ => error.to_string(),
    }
}

/// The layer that turns a [`Failure`] into what the client wants to read.
pub(super) async fn draw(State(state): State<AppState>, request: Request, next: Next) -> Response {
    let wants = Wants::of(request.headers());
    let path = request.uri().path().to_owned();
    let target = format!("{} {path}", request.method());
    let asks = request.method().is_safe();
    let mut response = next.run(request).await;
    let Some(error) = response.extensions_mut().remove::<Arc<Error>>() else { return response };
    log(&error, &target);
    let mut drawn = match wants {
        Wants::Json => problem(&error),
        Wants::Page => error_page(&state, &error, &path, asks).await,
        Wants::Plain => line(&error),
    };
    // What the empty response already carried (Allow, of a 405) still holds; its body does not.
    response.headers_mut().remove(header::CONTENT_LENGTH);
    response.headers_mut().remove(header::CONTENT_TYPE);
    drawn.headers_mut().extend(std::mem::take(response.headers_mut()));
    *drawn.status_mut() = response.status();
    retry_hint(&mut drawn);
    drawn
}

/// Says when to come back, on every 503.
pub(super) fn retry_hint(response: &mut Response) {
    if response.status() == StatusCode::SERVICE_UNAVAILABLE {
        response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from_static("1"));
    }
}

/// A refused request is the client's matter; a fault of the server or its disk is logged.
fn log(error: &Error, target: &str) {
    match error.kind() {
        ErrorKind::Internal | ErrorKind::Refused => tracing::error!(%target, ?error, "request failed"),
        ErrorKind::DiskFull | ErrorKind::Damaged => tracing::warn!(%target, ?error, "request failed"),
        _ => tracing::debug!(%target, ?error, "request refused"),
    }
}

/// A problem of RFC 9457. There are no types of our own: the status and the words say it all.
#[derive(Serialize)]
struct Problem {
    r#type: &'static str,
    title: &'static str,
    status: u16,
    detail: String,
}

fn problem(error: &Error) -> Response {
    let status = status(error.kind()).as_u16();
    let problem = Problem { r#type: "about:blank", title: title(error.kind()), status, detail: words(error) };
    let mut response = Json(problem).into_response();
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
    response
}

fn line(error: &Error) -> Response {
    // One line, whatever the words hold: a log or a terminal reads it.
    let text: String = words(error).chars().map(|char| if char.is_control() { ' ' } else { char }).collect();
    format!("{text}\n").into_response()
}

/// The page that shows an error.
#[derive(Template)]
#[template(path = "error.html")]
struct ErrorPage {
    shell: Shell,
    heading: &'static str,
    message: String,
    hint: String,
    /// Where to go from here.
    ways: Vec<(&'static str, &'static str)>,
}

/// The pages that help after an error of this kind.
fn ways(kind: ErrorKind) -> Vec<(&'static str, &'static str)> {
    match kind {
        ErrorKind::DiskFull => vec![(BY_SIZE, links::SNAPSHOTS_BY_SIZE)],
        _ => vec![("Go to the overview", links::OVERVIEW), ("See the snapshots", links::SNAPSHOTS)],
    }
}

async fn error_page(state: &AppState, error: &Error, path: &str, asks: bool) -> Response {
    let (message, hint) = match error.kind() {
        ErrorKind::Internal => (words(error), String::new()),
        _ => (error.message().to_owned(), error.hint_text().unwrap_or_default().to_owned()),
    };
    let heading = heading(error.kind(), asks);
    // Who may not read the store is not told where it stands; where the server broke, it is not asked.
    let closed = matches!(error.kind(), ErrorKind::Forbidden | ErrorKind::Internal);
    let shell = match if closed { None } else { glance(state).await } {
        Some(status) => Shell::around(state, &status, heading, Door::behind(path)),
        None => Shell::bare(state, heading),
    };
    let message = visible(&sentence(&on_pages(&message)));
    let shell = shell.told_by(&message);
    page(&ErrorPage { shell, heading, message, hint: on_pages(&hint), ways: ways(error.kind()) })
        .unwrap_or_else(|_| line(error))
}

/// Words of the interface made fit to stand on a page: a capital first and a stop at the end.
pub(super) fn sentence(text: &str) -> String {
    let mut chars = text.chars();
    let Some(first) = chars.next() else { return String::new() };
    let stop = if text.ends_with(['.', '?', ':']) { "" } else { "." };
    format!("{}{}{stop}", first.to_uppercase(), chars.as_str())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_broke_inside_stays_inside() {
        let error = Error::internal("file access failed: /home/ada/data").hint("look at /etc");
        assert!(!words(&error).contains('/'));
    }

    #[test]
    fn words_of_the_interface_become_sentences() {
        assert_eq!(sentence("snapshot not found"), "Snapshot not found.");
        assert_eq!(sentence("Already one."), "Already one.");
        assert_eq!(sentence(""), "");
    }

    #[test]
    fn a_full_disk_and_a_busy_store_have_statuses_of_their_own() {
        assert_eq!(status(ErrorKind::DiskFull).as_u16(), 507);
        assert_eq!(status(ErrorKind::Busy).as_u16(), 503);
        assert_eq!(status(ErrorKind::Damaged).as_u16(), 422);
    }
}
