//! The guard's rules as a table: one request a line, and the status that it must get.
#![expect(clippy::unwrap_used, reason = "a test may stop at once")]

use axum::http::{HeaderName, HeaderValue};

use super::*;

type Vector = (&'static str, &'static str, &'static [(&'static str, &'static str)], u16);

const HOME: (&str, &str) = ("host", "localhost:8787");
const SAME: (&str, &str) = ("sec-fetch-site", "same-origin");
const CROSS: (&str, &str) = ("sec-fetch-site", "cross-site");
const SIBLING: (&str, &str) = ("sec-fetch-site", "same-site");
const NAVIGATE: (&str, &str) = ("sec-fetch-mode", "navigate");
const DOCUMENT: (&str, &str) = ("sec-fetch-dest", "document");

const HOSTS: &[Vector] = &[
    ("localhost", "GET", &[("host", "localhost")], 200),
    ("localhost with a port", "GET", &[HOME], 200),
    ("localhost in capitals", "GET", &[("host", "LocalHost:8787")], 200),
    ("the loopback address", "GET", &[("host", "127.0.0.1")], 200),
    ("the loopback address with a port", "GET", &[("host", "127.0.0.1:8787")], 200),
    ("another loopback address", "GET", &[("host", "127.8.9.10:1")], 200),
    ("loopback of IPv6", "GET", &[("host", "[::1]")], 200),
    ("loopback of IPv6 with a port", "GET", &[("host", "[::1]:8787")], 200),
    ("loopback of IPv6 in full", "GET", &[("host", "[0:0:0:0:0:0:0:1]:8787")], 200),
    ("an allowed name", "GET", &[("host", "stitch.example")], 200),
    ("an allowed name with a port", "GET", &[("host", "stitch.example:443")], 200),
    ("an allowed name in capitals", "GET", &[("host", "Stitch.Example")], 200),
    ("the largest port", "GET", &[("host", "localhost:65535")], 200),
    ("a foreign name", "GET", &[("host", "evil.example")], 403),
    ("a foreign name that posts", "POST", &[("host", "evil.example")], 403),
    ("a foreign name that says same-origin", "POST", &[("host", "evil.example:8787"), SAME], 403),
    ("a name below an allowed one", "GET", &[("host", "a.stitch.example")], 403),
    ("a name that ends like an allowed one", "GET", &[("host", "xstitch.example")], 403),
    ("a name that starts like localhost", "GET", &[("host", "localhost.evil.example")], 403),
    ("a name that starts like the loopback address", "GET", &[("host", "127.0.0.1.evil.example")], 403),
    ("a name below localhost", "GET", &[("host", "app.localhost")], 403),
    ("localhost with a dot", "GET", &[("host", "localhost.")], 403),
    ("an address of the network", "GET", &[("host", "192.168.1.5:8787")], 403),
    ("the address of every interface", "GET", &[("host", "0.0.0.0:8787")], 403),
    ("the address of every interface, IPv6", "GET", &[("host", "[::]:8787")], 403),
    ("a mapped address", "GET", &[("host", "[::ffff:127.0.0.1]:8787")], 403),
    ("a short form of the loopback address", "GET", &[("host", "127.1")], 403),
    ("the loopback address as one number", "GET", &[("host", "2130706433")], 403),
    ("the loopback address in octal", "GET", &[("host", "0177.0.0.1")], 403),
    ("no host", "GET", &[], 400),
    ("an empty host", "GET", &[("host", "")], 400),
    ("two hosts", "GET", &[HOME, ("host", "evil.example")], 400),
    ("the same host twice", "GET", &[HOME, HOME], 400),
    ("two hosts in one header", "GET", &[("host", "localhost, evil.example")], 400),
    ("userinfo", "GET", &[("host", "user@localhost")], 400),
    ("a foreign host behind userinfo", "GET", &[("host", "localhost@evil.example")], 400),
    ("a path", "GET", &[("host", "localhost/x")], 400),
    ("a backslash", "GET", &[("host", "localhost\\x")], 400),
    ("a scheme", "GET", &[("host", "http://localhost")], 400),
    ("a space before", "GET", &[("host", " localhost")], 400),
    ("a space within", "GET", &[("host", "local host")], 400),
    ("an empty port", "GET", &[("host", "localhost:")], 400),
    ("a port that is a word", "GET", &[("host", "localhost:http")], 400),
    ("a port with a sign", "GET", &[("host", "localhost:+80")], 400),
    ("port zero", "GET", &[("host", "localhost:0")], 400),
    ("a port that is too large", "GET", &[("host", "localhost:65536")], 400),
    ("two ports", "GET", &[("host", "localhost:80:80")], 400),
    ("a port without a host", "GET", &[("host", ":8787")], 400),
    ("IPv6 without brackets", "GET", &[("host", "::1")], 400),
    ("an open bracket", "GET", &[("host", "[::1")], 400),
    ("a zone", "GET", &[("host", "[::1%lo]:8787")], 400),
    ("a name in brackets", "GET", &[("host", "[localhost]")], 400),
    ("text after the bracket", "GET", &[("host", "[::1]x")], 400),
    ("an empty port of IPv6", "GET", &[("host", "[::1]:")], 400),
    ("letters beyond ASCII", "GET", &[("host", "löcalhost")], 400),
    ("a percent sign", "GET", &[("host", "localhost%2e")], 400),
];

const ORIGINS: &[Vector] = &[
    ("a post of a program", "POST", &[HOME], 200),
    ("a delete of a program", "DELETE", &[HOME], 200),
    ("our own form", "POST", &[HOME, SAME, ("origin", "http://localhost:8787")], 200),
    ("our own form in a browser without Sec-Fetch", "POST", &[HOME, ("origin", "http://localhost:8787")], 200),
    (
        "the same behind a proxy with TLS",
        "POST",
        &[("host", "stitch.example"), ("origin", "https://stitch.example")],
        200,
    ),
    ("the address bar", "GET", &[HOME, ("sec-fetch-site", "none"), NAVIGATE, DOCUMENT], 200),
    ("a post from the address bar", "POST", &[HOME, ("sec-fetch-site", "none")], 200),
    ("our own script reads", "GET", &[HOME, SAME, ("sec-fetch-mode", "cors"), ("sec-fetch-dest", "empty")], 200),
    ("a link on another site", "GET", &[HOME, CROSS, NAVIGATE, DOCUMENT], 200),
    ("a link on another site, HEAD", "HEAD", &[HOME, CROSS, NAVIGATE, DOCUMENT], 200),
    ("a link on another port", "GET", &[HOME, SIBLING, NAVIGATE, DOCUMENT], 200),
    ("a read with a foreign origin, no Sec-Fetch", "GET", &[HOME, ("origin", "http://evil.example")], 200),
    ("a form on another site", "POST", &[HOME, CROSS, NAVIGATE, DOCUMENT], 403),
    ("a form on another port", "POST", &[HOME, SIBLING, NAVIGATE, DOCUMENT], 403),
    ("a form on another site that names our origin", "POST", &[HOME, CROSS, ("origin", "http://localhost:8787")], 403),
    ("a fetch of another site", "GET", &[HOME, CROSS, ("sec-fetch-mode", "no-cors"), ("sec-fetch-dest", "empty")], 403),
    (
        "an image on another site",
        "GET",
        &[HOME, CROSS, ("sec-fetch-mode", "no-cors"), ("sec-fetch-dest", "image")],
        403,
    ),
    (
        "a script tag on another port",
        "GET",
        &[HOME, SIBLING, ("sec-fetch-mode", "no-cors"), ("sec-fetch-dest", "script")],
        403,
    ),
    ("a frame on another site", "GET", &[HOME, CROSS, NAVIGATE, ("sec-fetch-dest", "iframe")], 403),
    ("an object on another site", "GET", &[HOME, CROSS, NAVIGATE, ("sec-fetch-dest", "object")], 403),
    ("a navigation that hides its destination", "GET", &[HOME, CROSS, NAVIGATE], 403),
    ("a cross-site read without a mode", "GET", &[HOME, CROSS], 403),
    ("a preflight", "OPTIONS", &[HOME, CROSS, ("sec-fetch-mode", "cors"), ("origin", "http://evil.example")], 403),
    ("an unknown value of Sec-Fetch-Site", "POST", &[HOME, ("sec-fetch-site", "friendly")], 403),
    ("an empty Sec-Fetch-Site", "POST", &[HOME, ("sec-fetch-site", "")], 403),
    ("Sec-Fetch-Site in capitals", "POST", &[HOME, ("sec-fetch-site", "Same-Origin")], 403),
    ("a foreign origin", "POST", &[HOME, ("origin", "http://evil.example")], 403),
    ("a foreign origin that deletes", "DELETE", &[HOME, ("origin", "http://evil.example")], 403),
    ("an origin on another port", "POST", &[HOME, ("origin", "http://localhost:3000")], 403),
    ("an origin without the port", "POST", &[HOME, ("origin", "http://localhost")], 403),
    ("another loopback name", "POST", &[HOME, ("origin", "http://127.0.0.1:8787")], 403),
    ("an opaque origin", "POST", &[HOME, ("origin", "null")], 403),
    ("an empty origin", "POST", &[HOME, ("origin", "")], 403),
    ("an origin of another scheme", "POST", &[HOME, ("origin", "file://localhost:8787")], 403),
    ("an origin with a path", "POST", &[HOME, ("origin", "http://localhost:8787/")], 403),
    ("an origin with userinfo", "POST", &[HOME, ("origin", "http://localhost:8787@evil.example")], 403),
    ("two origins", "POST", &[HOME, ("origin", "http://localhost:8787"), ("origin", "http://evil.example")], 400),
    ("two origins on a read", "GET", &[HOME, ("origin", "null"), ("origin", "null")], 400),
    ("Sec-Fetch-Site twice", "POST", &[HOME, SAME, CROSS], 400),
    ("Sec-Fetch-Mode twice", "GET", &[HOME, SAME, NAVIGATE, NAVIGATE], 400),
    ("Sec-Fetch-Dest twice", "GET", &[HOME, CROSS, NAVIGATE, DOCUMENT, DOCUMENT], 400),
    ("Sec-Fetch-User twice", "GET", &[HOME, SAME, ("sec-fetch-user", "?1"), ("sec-fetch-user", "?1")], 400),
];

fn status(method: &str, headers: &[(&str, &str)]) -> u16 {
    let mut map = HeaderMap::new();
    for (name, value) in headers {
        let name = HeaderName::from_bytes(name.as_bytes()).unwrap();
        map.append(name, HeaderValue::from_bytes(value.as_bytes()).unwrap());
    }
    let allowed = ["stitch.example".to_owned()];
    match check(&method.parse().unwrap(), &map, &allowed) {
        Ok(()) => 200,
        Err(Refusal::Malformed(_)) => 400,
        Err(Refusal::UnknownHost(_) | Refusal::CrossOrigin) => 403,
    }
}

#[test]
fn every_request_gets_the_status_of_its_line() {
    let wrong: Vec<_> = HOSTS
        .iter()
        .chain(ORIGINS)
        .map(|(name, method, headers, expected)| (name, status(method, headers), *expected))
        .filter(|(_, got, expected)| got != expected)
        .collect();
    assert!(wrong.is_empty(), "name, got, expected: {wrong:#?}");
}

#[test]
fn the_table_is_long_enough_and_names_each_line_once() {
    let mut names: Vec<_> = HOSTS.iter().chain(ORIGINS).map(|(name, ..)| name).collect();
    let all = names.len();
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), all);
    assert!(all >= 60);
}

#[test]
fn a_refused_host_is_told_which_flag_allows_it() {
    let error = Error::from(Refusal::UnknownHost("evil.example".into()));
    assert!(error.to_string().contains("--allowed-host evil.example"));
}
