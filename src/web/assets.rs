//! The style sheet, the script and the icon, compiled in.
//!
//! Pages name them with a piece of their hash (`/static/app.1f2e3d4c.css`), so that a browser may
//! keep them for ever; the plain name answers too, to be asked again each time.

use axum::extract::{Path, Request};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use rust_embed::{EmbeddedFile, RustEmbed};

use super::error::Failure;
use crate::error::Error;

#[derive(RustEmbed)]
#[folder = "static/"]
struct Assets;

/// The address of a file that never changes its content.
pub(super) fn url(name: &str) -> String {
    match (Assets::get(name), name.rsplit_once('.')) {
        (Some(file), Some((stem, ending))) => format!("/static/{stem}.{}.{ending}", hash(&file)),
        _ => format!("/static/{name}"),
    }
}

/// `GET /static/{path}`.
pub(super) async fn serve(
    path: Result<Path<String>, axum::extract::rejection::PathRejection>,
    request: Request,
) -> Result<Response, Failure> {
    let Ok(Path(path)) = path else { return Err(missing()) };
    if let Some(file) = Assets::get(&path) {
        return Ok(answer(&path, &file, "no-cache", request.headers()));
    }
    let (name, hash_in_path) = without_hash(&path).ok_or_else(missing)?;
    let file = Assets::get(&name).filter(|file| hash(file) == hash_in_path).ok_or_else(missing)?;
    Ok(answer(&name, &file, "public, max-age=31536000, immutable", request.headers()))
}

fn missing() -> Failure {
    Error::not_found("There is no such file.").into()
}

/// Takes `app.1f2e3d4c.css` apart into `app.css` and the hash.
fn without_hash(path: &str) -> Option<(String, &str)> {
    let (rest, ending) = path.rsplit_once('.')?;
    let (stem, hash) = rest.rsplit_once('.')?;
    Some((format!("{stem}.{ending}"), hash))
}

/// Eight digits are enough to tell versions apart; nothing rests on them being hard to forge.
fn hash(file: &EmbeddedFile) -> String {
    hex::encode(&file.metadata.sha256_hash()[..4])
}

fn answer(name: &str, file: &EmbeddedFile, keep: &'static str, asked: &HeaderMap) -> Response {
    let tag = format!("\"{}\"", hex::encode(&file.metadata.sha256_hash()[..16]));
    let mut response = if knows(asked, &tag) {
        StatusCode::NOT_MODIFIED.into_response()
    } else {
        ([(header::CONTENT_TYPE, content_type(name))], file.data.clone().into_owned()).into_response()
    };
    let headers = response.headers_mut();
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static(keep));
    if let Ok(tag) = HeaderValue::from_str(&tag) {
        headers.insert(header::ETAG, tag);
    }
    response
}

fn knows(asked: &HeaderMap, tag: &str) -> bool {
    let given = asked.get_all(header::IF_NONE_MATCH).iter().filter_map(|value| value.to_str().ok());
    given
        .flat_map(|value| value.split(','))
        .map(str::trim)
        .any(|given| given == "*" || given.trim_start_matches("W/") == tag)
}

fn content_type(name: &str) -> &'static str {
    match name.rsplit_once('.').map(|(_, ending)| ending) {
        Some("css") => "text/css; charset=utf-8",
        Some("js") => "text/javascript; charset=utf-8",
        Some("svg") => "image/svg+xml",
        _ => "application/octet-stream",
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test may stop at once")]
    use super::*;

    #[test]
    fn an_address_leads_back_to_its_file() {
        let url = url("app.css");
        let (name, hash) = without_hash(url.strip_prefix("/static/").unwrap()).unwrap();
        assert_eq!(name, "app.css");
        assert_eq!(hash.len(), 8);
        assert!(Assets::get(&name).is_some());
    }

    #[test]
    fn a_known_tag_needs_no_body() {
        let mut asked = HeaderMap::new();
        asked.insert(header::IF_NONE_MATCH, HeaderValue::from_static("\"a\", W/\"b\""));
        assert!(knows(&asked, "\"b\""));
        assert!(!knows(&asked, "\"c\""));
    }
}
