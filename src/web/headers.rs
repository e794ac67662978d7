//! The security headers, on every answer, errors included.
//!
//! They close what the guard leaves open: framing, sniffed types, scripts that are not ours, and
//! answers kept in a cache where another program finds them.

use axum::extract::Request;
use axum::http::{HeaderMap, HeaderName, HeaderValue, header};
use axum::middleware::Next;
use axum::response::Response;

/// Everything comes from here or not at all; no inline script, no inline style.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; \
                      connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'";

const ALWAYS: [(HeaderName, &str); 6] = [
    (header::CONTENT_SECURITY_POLICY, POLICY),
    (header::X_FRAME_OPTIONS, "DENY"),
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    // With no-referrer, Chrome sends `Origin: null` from our own forms.
    (header::REFERRER_POLICY, "same-origin"),
    (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
    (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
];

/// Adds the headers to an answer on its way out.
pub(super) async fn secure(request: Request, next: Next) -> Response {
    let mut response = next.run(request).await;
    apply(response.headers_mut());
    response
}

/// Sets the headers; `Cache-Control` only where the answer does not bring its own.
pub(super) fn apply(headers: &mut HeaderMap) {
    for (name, value) in ALWAYS {
        headers.insert(name, HeaderValue::from_static(value));
    }
    headers.entry(header::CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_not_stored_unless_it_says_so_itself() {
        let mut plain = HeaderMap::new();
        apply(&mut plain);
        assert_eq!(plain[header::CACHE_CONTROL], "no-store");
        let mut kept = HeaderMap::new();
        kept.insert(header::CACHE_CONTROL, HeaderValue::from_static("immutable"));
        apply(&mut kept);
        assert_eq!(kept[header::CACHE_CONTROL], "immutable");
    }

    #[test]
    fn no_script_or_style_may_be_inline() {
        assert!(!POLICY.contains("unsafe"));
        assert!(POLICY.starts_with("default-src 'none'; script-src 'self'; style-src 'self';"));
    }
}
