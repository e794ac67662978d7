//! The style sheet, the script and the icon, compiled in.
//!
//! Pages name them with a piece of their hash (`/static/app.1f2e3d4c.css`), so that a browser may
//! keep them for ever; the plain name answers too, to be asked again each time. A browser that
//! takes zstd gets them packed: a first visit then loads a fifth.

use std::collections::HashMap;
use std::sync::LazyLock;

use axum::extract::{Path, Request};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use rust_embed::{EmbeddedFile, RustEmbed};

use super::error::Failure;
use crate::error::Error;

#[derive(RustEmbed)]
#[folder = "static/"]
struct Assets;

/// All files, packed as small as it goes: once for the life of the program.
static PACKED: LazyLock<HashMap<String, Vec<u8>>> = LazyLock::new(|| {
    let pack = |name: &str| zstd::bulk::compress(&Assets::get(name)?.data, 19).ok();
    Assets::iter().filter_map(|name| Some((name.to_string(), pack(&name)?))).collect()
});

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
    let packed = PACKED.get(name).filter(|_| takes_zstd(asked));
    let form = if packed.is_some() { "-z" } else { "" };
    let tag = format!("\"{}{form}\"", hex::encode(&file.metadata.sha256_hash()[..16]));
    let mut response = if knows(asked, &tag) {
        StatusCode::NOT_MODIFIED.into_response()
    } else {
        let body = packed.cloned().unwrap_or_else(|| file.data.clone().into_owned());
        ([(header::CONTENT_TYPE, content_type(name))], body).into_response()
    };
    let headers = response.headers_mut();
    headers.insert(header::VARY, HeaderValue::from_static("Accept-Encoding"));
    if packed.is_some() {
        headers.insert(header::CONTENT_ENCODING, HeaderValue::from_static("zstd"));
    }
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static(keep));
    if let Ok(tag) = HeaderValue::from_str(&tag) {
        headers.insert(header::ETAG, tag);
    }
    response
}

/// Whether a client takes zstd. One that gives it a weight of zero does not.
fn takes_zstd(asked: &HeaderMap) -> bool {
    let given = asked.get_all(header::ACCEPT_ENCODING).iter().filter_map(|value| value.to_str().ok());
    given.flat_map(|value| value.split(',')).any(|one| {
        let (name, weight) = one.split_once(';').unwrap_or((one, ""));
        name.trim() == "zstd" && !matches!(weight.trim().trim_start_matches("q="), "0" | "0.0" | "0.00" | "0.000")
    })
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
    fn who_takes_zstd_gets_the_same_file_packed() {
        let mut asked = HeaderMap::new();
        assert!(!takes_zstd(&asked));
        for (given, takes) in [("gzip, deflate, br, zstd", true), ("gzip, zstd;q=0", false), ("zstd;q=0.5", true)] {
            asked.insert(header::ACCEPT_ENCODING, HeaderValue::from_static(given));
            assert_eq!(takes_zstd(&asked), takes, "{given}");
        }
        let plain = Assets::get("app.css").unwrap().data;
        let packed = PACKED.get("app.css").unwrap();
        assert_eq!(zstd::bulk::decompress(packed, plain.len()).unwrap(), *plain);
        assert!(packed.len() * 3 < plain.len(), "{} of {}", packed.len(), plain.len());
    }

    #[test]
    fn a_known_tag_needs_no_body() {
        let mut asked = HeaderMap::new();
        asked.insert(header::IF_NONE_MATCH, HeaderValue::from_static("\"a\", W/\"b\""));
        assert!(knows(&asked, "\"b\""));
        assert!(!knows(&asked, "\"c\""));
    }
}
