//! What all answers share: the forms of an error, the security headers, the files of the pages.

use super::{damage, refused, with_newer_events};
use crate::support::{CLIENTS, HTML, JSON, PLAIN, Reply, TestApp};

const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; \
                      connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'";

#[test]
fn an_address_that_is_none_is_not_found_in_every_form() {
    let app = TestApp::new();
    for path in ["/nothing", "/snapshots/", "/snapshots/x", "/SNAPSHOTS", "//", "/static", "/health/x"] {
        refused(|accept| app.get(path, accept), 404, "There is no such page");
    }
    let page = app.get("/nothing", HTML).page();
    assert_eq!(page.text("h1"), "That is not there");
    assert!(page.has("main a[href='/snapshots']"));
    assert_eq!(app.get("/nothing", PLAIN).text(), "There is no such page.\n");
    assert_eq!(app.get("/nothing", JSON).json()["title"], "Not found");
}

#[test]
fn a_method_that_an_address_does_not_take_is_405() {
    let app = TestApp::new();
    for (method, path, allowed) in [
        ("GET", "/snapshots/take", "POST"),
        ("PUT", "/events", "POST"),
        ("POST", "/snapshots", "GET"),
        ("POST", "/health", "GET"),
        ("DELETE", "/", "GET"),
        ("PUT", "/snapshots/x/preview?kind=periodic", "GET"),
        ("PATCH", "/snapshots/restore/x", "POST"),
    ] {
        refused(|accept| app.send(method, path, accept, &[], ""), 405, "does not take that method");
        assert!(app.send(method, path, JSON, &[], "").header("allow").contains(allowed), "{method} {path}");
    }
}

#[test]
fn head_answers_as_get_without_a_body() {
    let app = TestApp::with_story(6);
    for path in ["/snapshots", "/health"] {
        let head = app.send("HEAD", path, HTML, &[], "");
        assert_eq!((head.status, head.body.len()), (200, 0));
    }
}

#[track_caller]
fn is_secured(answer: &Reply) {
    assert_eq!(answer.header("content-security-policy"), POLICY);
    assert_eq!(answer.header("x-frame-options"), "DENY");
    assert_eq!(answer.header("x-content-type-options"), "nosniff");
    assert_eq!(answer.header("referrer-policy"), "same-origin");
    assert_eq!(answer.header("cross-origin-opener-policy"), "same-origin");
    assert_eq!(answer.header("cross-origin-resource-policy"), "same-origin");
    assert!(!answer.headers.keys().any(|name| name.as_str().starts_with("access-control-")));
}

#[test]
fn every_answer_has_the_security_headers() {
    let (app, id) = with_newer_events();
    let behind = app.store.take().snapshot_id.to_string();
    damage(&app, &behind);
    let restore = format!("/snapshots/restore/{id}");
    for accept in CLIENTS {
        let get = |path: &str| app.get(path, accept);
        let answers = [
            (303, app.post("/snapshots/take", &[], HTML)),
            (200, get("/snapshots")),
            (200, get(&format!("/snapshots/{id}/preview?kind=periodic"))),
            (200, get(&format!("/snapshots/{id}/diff?kind=periodic&table=bots"))),
            (200, get("/health")),
            (503, get("/health?applied=1000")),
            (400, get(&format!("/snapshots/{id}/preview"))),
            (404, get("/nothing")),
            (404, get("/static/nothing")),
            (405, get("/snapshots/take")),
            (422, get(&format!("/snapshots/{behind}/preview?kind=periodic"))),
            (400, app.post(&restore, &[("kind", "periodic")], accept)),
            (409, app.post(&restore, &[("kind", "periodic"), ("confirm_id", &id), ("expected_head", "1")], accept)),
            (400, app.post_body("/events", "application/json", "{", accept)),
            (413, app.post_body("/snapshots/take", "", &"x".repeat(100_000), accept)),
            (403, app.send("POST", "/snapshots/take", accept, &[("sec-fetch-site", "cross-site")], "")),
        ];
        for (status, answer) in &answers {
            assert_eq!(answer.status, *status, "{}", answer.text());
            is_secured(answer);
            assert_eq!(answer.header("cache-control"), "no-store");
        }
    }
}

#[test]
fn files_of_the_pages_may_be_kept_for_ever_and_carry_the_headers() {
    let app = TestApp::with_story(6);
    let page = app.get("/snapshots", HTML).page();
    let mut addresses = page.attributes("link[href], script[src]", "href");
    addresses.extend(page.attributes("script", "src"));
    assert_eq!(addresses.len(), 4);
    for address in addresses {
        let answer = app.get(&address, PLAIN);
        assert_eq!(answer.status, 200, "{address}");
        is_secured(&answer);
        assert_eq!(answer.header("cache-control"), "public, max-age=31536000, immutable");
        let tag = answer.header("etag");
        assert_eq!(app.send("GET", &address, PLAIN, &[("if-none-match", tag)], "").status, 304);
    }
}

#[test]
fn only_files_of_the_pages_are_served() {
    let app = TestApp::new();
    assert_eq!(app.get("/static/app.css", PLAIN).header("content-type"), "text/css; charset=utf-8");
    assert_eq!(app.get("/static/app.css", PLAIN).header("cache-control"), "no-cache");
    for path in [
        "..%2fCargo.toml",
        "../Cargo.toml",
        "app.00000000.css",
        "%2e%2e/src/main.rs",
        "/etc/passwd",
        "%ff",
        "app.css%00",
    ] {
        let answer = app.get(&format!("/static/{path}"), PLAIN);
        assert_eq!(answer.status, 404, "{path}: {}", answer.text());
    }
}

#[test]
fn pages_hold_nothing_that_the_policy_forbids() {
    let (app, id) = with_newer_events();
    for path in [
        "/snapshots".to_owned(),
        format!("/snapshots/{id}/preview?kind=periodic"),
        format!("/snapshots/{id}/diff?kind=periodic&table=bots"),
        "/nothing".to_owned(),
    ] {
        let page = app.get(&path, HTML).page();
        assert!(!page.has("style") && !page.has("[style]") && !page.has("script:not([src])") && !page.has("iframe"));
        assert!(page.texts("script").iter().all(String::is_empty));
        for address in [page.attributes("[href]", "href"), page.attributes("[src], [action]", "src")].concat() {
            assert!(address.starts_with(['/', '#']) && !address.starts_with("//"), "{path}: {address}");
        }
        assert!(page.has("html[lang=en]") && page.has("main h1") && page.has("title"));
    }
}
