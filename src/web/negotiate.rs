//! Which form of an answer the client wants, by its Accept header.

use std::convert::Infallible;

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::http::{HeaderMap, header};

/// The forms that answers have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Wants {
    /// A program that asks for JSON.
    Json,
    /// A browser: it names text/html.
    Page,
    /// Anything else, such as curl with its `*/*`: pages on GET, a redirect after POST, errors as
    /// one plain line.
    Plain,
}

impl Wants {
    /// Reads every Accept header; where JSON and HTML weigh the same, the first named wins.
    pub(super) fn of(headers: &HeaderMap) -> Self {
        let (mut json, mut html) = (0, 0);
        let mut first = None;
        let accepted = headers.get_all(header::ACCEPT).iter().filter_map(|value| value.to_str().ok());
        for (kind, weight) in accepted.flat_map(|value| value.split(',')).map(range) {
            let best = match kind.as_str() {
                "application/json" | "application/problem+json" => &mut json,
                "text/html" | "application/xhtml+xml" => &mut html,
                _ => continue,
            };
            *best = weight.max(*best);
            first.get_or_insert(kind.starts_with("application/json") || kind.ends_with("problem+json"));
        }
        match (json, html) {
            (0, 0) => Self::Plain,
            (json, html) if json > html || (json == html && first == Some(true)) => Self::Json,
            _ => Self::Page,
        }
    }

    /// Whether the client asks for JSON.
    pub(super) fn json(self) -> bool {
        self == Self::Json
    }
}

impl<S: Sync> FromRequestParts<S> for Wants {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        Ok(Self::of(&parts.headers))
    }
}

/// One media range in lower case and its weight in thousandths. A weight that cannot be read
/// counts as full, as if it were not there.
fn range(text: &str) -> (String, u16) {
    let mut parts = text.split(';').map(str::trim);
    let kind = parts.next().unwrap_or_default().to_ascii_lowercase();
    let weight = parts
        .find_map(|part| part.strip_prefix("q=").or_else(|| part.strip_prefix("Q=")))
        .and_then(|weight| weight.parse::<f32>().ok())
        .map_or(1000, |weight| (weight.clamp(0.0, 1.0) * 1000.0) as u16);
    (kind, weight)
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test may stop at once")]
    use super::*;

    fn wants(accept: &str) -> Wants {
        let mut headers = HeaderMap::new();
        headers.insert(header::ACCEPT, accept.parse().unwrap());
        Wants::of(&headers)
    }

    #[test]
    fn a_browser_gets_pages() {
        assert_eq!(wants("text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"), Wants::Page);
        assert_eq!(wants("text/html, application/json;q=0.9"), Wants::Page);
        assert_eq!(wants("text/html, application/json"), Wants::Page);
    }

    #[test]
    fn a_program_gets_json() {
        assert_eq!(wants("application/json"), Wants::Json);
        assert_eq!(wants("Application/JSON; charset=utf-8"), Wants::Json);
        assert_eq!(wants("application/json, text/plain, */*"), Wants::Json);
        assert_eq!(wants("application/json, text/html"), Wants::Json);
        assert_eq!(wants("application/problem+json"), Wants::Json);
    }

    #[test]
    fn anything_else_gets_plain_lines() {
        assert_eq!(Wants::of(&HeaderMap::new()), Wants::Plain);
        assert_eq!(wants("*/*"), Wants::Plain);
        assert_eq!(wants("application/json;q=0"), Wants::Plain);
        assert_eq!(wants("nonsense"), Wants::Plain);
    }
}
