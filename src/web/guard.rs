//! Who may talk to this server: the Host check and the cross-origin check, before any routing.
//!
//! A local web app has two enemies that a firewall does not stop: a name of a foreign site that is
//! made to point at 127.0.0.1 (DNS rebinding), and a page of a foreign site that posts a form to
//! localhost. The first is stopped by the Host check alone, the second by the cross-origin check
//! alone, so both run on every request, the fallback included. No URL is ever built from Host.

use std::net::{Ipv4Addr, Ipv6Addr};
use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::{HeaderMap, Method, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use super::error::Failure;
use crate::error::{Error, ErrorKind};

/// Why a request goes no further.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Refusal {
    /// A header is missing, doubled or not what it should be: 400.
    Malformed(&'static str),
    /// A host that this server does not answer for: 403.
    UnknownHost(String),
    /// A page of another origin asks: 403.
    CrossOrigin,
}

impl From<Refusal> for Error {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::Malformed(message) => Self::malformed(message),
            Refusal::UnknownHost(host) => {
                Self::new(ErrorKind::Forbidden, format!("The host {host} is not served here."))
                    .hint(format!("To allow it, start with --allowed-host {host}."))
            }
            Refusal::CrossOrigin => Self::new(ErrorKind::Forbidden, "Another site asked for this. Nothing was done.")
                .hint("Open the address of Backstitch itself and ask from there."),
        }
    }
}

/// A host and perhaps a port, as `Host` and the end of `Origin` write them, in lower case.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Authority {
    host: String,
    port: Option<u16>,
}

impl Authority {
    /// Reads `host[:port]` or `[v6][:port]`; nothing else, and nothing around it.
    fn parse(text: &str) -> Option<Self> {
        let (host, port) = match text.strip_prefix('[') {
            Some(rest) => {
                let (address, after) = rest.split_once(']')?;
                let address: Ipv6Addr = address.parse().ok()?;
                let port = if after.is_empty() { None } else { Some(after.strip_prefix(':')?) };
                (format!("[{address}]"), port)
            }
            None => match text.split_once(':') {
                Some((host, port)) => (name(host)?, Some(port)),
                None => (name(text)?, None),
            },
        };
        let port = match port {
            Some(port) => Some(port_number(port)?),
            None => None,
        };
        Some(Self { host, port })
    }

    fn is_loopback(&self) -> bool {
        let v6 = self.host.strip_prefix('[').and_then(|rest| rest.strip_suffix(']'));
        match v6 {
            Some(address) => address.parse().is_ok_and(|address: Ipv6Addr| address.is_loopback()),
            None => self.host == "localhost" || self.host.parse().is_ok_and(|address: Ipv4Addr| address.is_loopback()),
        }
    }
}

/// A host name in lower case; none where a byte is in it that no host name has.
fn name(text: &str) -> Option<String> {
    let fits = !text.is_empty()
        && text.len() <= 253
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_'));
    fits.then(|| text.to_ascii_lowercase())
}

/// A port as browsers write it: digits, no sign, no leading zero, 1 to 65535.
fn port_number(text: &str) -> Option<u16> {
    let plain = text.bytes().all(|byte| byte.is_ascii_digit()) && !text.starts_with('0');
    if plain { text.parse().ok() } else { None }
}

/// Judges one request by its method and headers alone.
pub(super) fn check(method: &Method, headers: &HeaderMap, allowed_hosts: &[String]) -> Result<(), Refusal> {
    let host = host(headers, allowed_hosts)?;
    let origin = single(headers, header::ORIGIN.as_str(), "The Origin header is given twice or is not text.")?;
    fetch_headers_are_single(headers)?;
    match text(headers, "sec-fetch-site") {
        Some("same-origin" | "none") => Ok(()),
        Some(_) if is_navigation(method, headers) => Ok(()),
        Some(_) => Err(Refusal::CrossOrigin),
        // Browsers from before 2023 and programs: only a browser sends Origin, and it cannot lie.
        None if is_read(method) => Ok(()),
        None => match origin {
            None => Ok(()),
            Some(origin) if origin_authority(origin).as_ref() == Some(&host) => Ok(()),
            Some(_) => Err(Refusal::CrossOrigin),
        },
    }
}

/// The request's own authority, if this server answers for it.
fn host(headers: &HeaderMap, allowed_hosts: &[String]) -> Result<Authority, Refusal> {
    let host = single(headers, header::HOST.as_str(), "The Host header is given twice or is not text.")?
        .ok_or(Refusal::Malformed("The Host header is missing."))?;
    let authority =
        Authority::parse(host).ok_or(Refusal::Malformed("The Host header is not a host and perhaps a port."))?;
    let allowed =
        authority.is_loopback() || allowed_hosts.iter().any(|name| name.eq_ignore_ascii_case(&authority.host));
    if allowed { Ok(authority) } else { Err(Refusal::UnknownHost(authority.host)) }
}

/// The one value of a header, or none; more than one is refused.
fn single<'h>(headers: &'h HeaderMap, name: &str, refusal: &'static str) -> Result<Option<&'h str>, Refusal> {
    let mut values = headers.get_all(name).iter();
    match (values.next(), values.next()) {
        (None, _) => Ok(None),
        (Some(value), None) => value.to_str().map(Some).map_err(|_| Refusal::Malformed(refusal)),
        (Some(_), Some(_)) => Err(Refusal::Malformed(refusal)),
    }
}

fn fetch_headers_are_single(headers: &HeaderMap) -> Result<(), Refusal> {
    for name in headers.keys().filter(|name| name.as_str().starts_with("sec-fetch-")) {
        single(headers, name.as_str(), "A Sec-Fetch header is given twice or is not text.")?;
    }
    Ok(())
}

fn text<'h>(headers: &'h HeaderMap, name: &str) -> Option<&'h str> {
    headers.get(name).and_then(|value| value.to_str().ok())
}

fn is_read(method: &Method) -> bool {
    matches!(*method, Method::GET | Method::HEAD)
}

/// A link on another site that opens a page here: harmless, since a GET changes nothing, and the
/// other site cannot read the answer. Frames and embedded objects are not documents.
fn is_navigation(method: &Method, headers: &HeaderMap) -> bool {
    is_read(method)
        && text(headers, "sec-fetch-mode") == Some("navigate")
        && text(headers, "sec-fetch-dest") == Some("document")
}

fn origin_authority(origin: &str) -> Option<Authority> {
    let rest = origin.strip_prefix("http://").or_else(|| origin.strip_prefix("https://"))?;
    Authority::parse(rest)
}

/// The check as middleware around all routes and the fallback.
pub(super) async fn guard(State(allowed_hosts): State<Arc<[String]>>, request: Request, next: Next) -> Response {
    let checked = check(request.method(), request.headers(), &allowed_hosts).and_then(|()| target_agrees(&request));
    match checked {
        Ok(()) => next.run(request).await,
        Err(refusal) => Failure::from(Error::from(refusal)).into_response(),
    }
}

/// A request line may carry an authority of its own (`GET http://name/ HTTP/1.1`), which outranks
/// Host: it must say the same.
fn target_agrees(request: &Request) -> Result<(), Refusal> {
    let Some(target) = request.uri().authority() else { return Ok(()) };
    let host = text(request.headers(), header::HOST.as_str()).and_then(Authority::parse);
    match (Authority::parse(target.as_str()), host) {
        (Some(target), Some(host)) if target == host => Ok(()),
        _ => Err(Refusal::Malformed("The Host header and the request line name different hosts.")),
    }
}

#[cfg(test)]
#[path = "guard_tests.rs"]
mod tests;
