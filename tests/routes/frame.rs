//! What every page has around its content, and what none may have.

use std::collections::BTreeSet;

use super::{damage, with_newer_events};
use crate::support::{HTML, Page, TestApp};

/// Pages of every sort, of a store that has all of what they show.
fn pages(app: &TestApp, id: &str) -> Vec<(String, Page)> {
    let rewound = app.post("/rewind", &[("after_event_id", "20"), ("confirm_event_id", "20")], HTML);
    assert_eq!(rewound.status, 303, "{}", rewound.text());
    assert_eq!(app.post("/backups", &[], HTML).status, 303);
    let stamp = app.get("/backups", "application/json").json()["backups"][0]["stamp"].as_str().unwrap().to_owned();
    let plan = format!("/snapshots/{id}/preview?kind=periodic");
    let mut paths: Vec<String> = [
        "/",
        "/snapshots",
        "/events",
        "/events?q=Ada",
        "/events/7",
        "/rewind?after_event_id=12",
        "/rewind?after_event_id=12&table=memories&view=rows",
        "/state",
        "/state/memories",
        "/state/memories?at=9",
        "/projection",
        "/history",
        "/history/2/undo",
        "/backups",
        "/progress",
        "/help",
        "/help/components",
        "/nowhere",
        "/snapshots/20010101T000000Z/preview?kind=periodic",
    ]
    .map(str::to_owned)
    .to_vec();
    paths.push(format!("/snapshots/{id}/diff?kind=periodic&table=memories"));
    paths.push(plan.clone());
    paths.push(format!("/backups/{stamp}"));
    let mut pages: Vec<(String, Page)> =
        paths.into_iter().map(|path| (path.clone(), app.get(&path, HTML).page())).collect();
    damage(app, id);
    pages.push(("a damaged snapshot".to_owned(), app.get(&plan, HTML).page()));
    pages
}

fn all() -> Vec<(String, Page)> {
    let (app, id) = with_newer_events();
    pages(&app, &id)
}

#[test]
fn every_page_has_the_same_frame() {
    for (path, page) in all() {
        assert!(page.text("head title").ends_with(" \u{b7} Backstitch"), "{path}");
        assert_eq!(page.texts("h1").len(), 1, "{path} has one heading of its own");
        assert_eq!(page.attribute("body > a:first-child", "href"), "#main", "{path}: the skip link is first");
        assert!(page.has("main#main[tabindex='-1']"), "{path}");
        let doors = page.texts(".head nav > ul > li > a");
        assert_eq!(doors, ["Overview", "Snapshots", "Events", "Tables", "History"], "{path}");
        assert!(page.texts(".head .more li").ends_with(&["Backups".to_owned(), "Help".to_owned()]), "{path}");
        assert!(page.texts(".head [aria-current=page]").len() <= 1, "{path}");
        assert!(page.text(".foot").contains(env!("CARGO_PKG_VERSION")), "{path}");
        assert!(page.texts(".foot code")[0].starts_with('/'), "{path}: the folder, from the root");
        assert!(page.texts("#strip > .strip").len() <= 1, "{path}: one strip at most");
        assert!(page.texts("main .primary").len() <= 1 || path.contains("components"), "{path}: one main action");
    }
}

#[test]
fn no_id_stands_twice_on_a_page_and_every_label_has_its_field() {
    for (path, page) in all() {
        let ids = page.attributes("[id]", "id");
        let known: BTreeSet<&String> = ids.iter().collect();
        assert_eq!(known.len(), ids.len(), "{path}: {ids:?}");
        for name in ["aria-labelledby", "aria-describedby", "for"] {
            for named in page.attributes(&format!("[{name}]"), name) {
                for id in named.split_whitespace() {
                    assert!(known.contains(&id.to_owned()), "{path}: {name} {id}");
                }
            }
        }
    }
}

#[test]
fn the_way_to_the_same_by_other_means_stands_on_every_page_that_has_one() {
    for (path, page) in all().into_iter().filter(|(path, _)| !path.contains("nowhere") && !path.contains("2001")) {
        if path.contains("components") || path.contains("damaged") {
            continue;
        }
        let lines = page.texts(".foot pre");
        assert_eq!(lines.len(), 2, "{path}: {lines:?}");
        assert!(lines[0].starts_with("curl -H 'Accept: application/json' 'http://127.0.0.1:8787/"), "{path}");
        assert!(lines[1].starts_with("backstitch "), "{path}");
    }
}

#[test]
fn a_page_says_what_it_was_drawn_from() {
    let app = TestApp::with_story(12);
    let page = app.get("/snapshots", HTML).page();
    assert_eq!(page.attribute("body", "data-events"), "12");
    let before = page.attribute("body", "data-version");
    assert_eq!(app.get("/snapshots", HTML).page().attribute("body", "data-version"), before, "nothing changed");
    app.store.take();
    assert_ne!(app.get("/snapshots", HTML).page().attribute("body", "data-version"), before);
}

#[test]
fn pages_and_their_files_travel_compressed_and_streams_do_not() {
    let app = TestApp::with_story(12);
    let style = app.get("/", HTML).page().attribute("link[rel=stylesheet]", "href");
    let packed = |path: &str, accept: &str| {
        let answer = app.send("GET", path, accept, &[("accept-encoding", "gzip")], "");
        answer.header("content-encoding").to_owned()
    };
    assert_eq!(packed("/", HTML), "gzip");
    assert_eq!(packed(&style, "text/css"), "gzip");
    assert_eq!(packed("/state.db", HTML), "", "a download says its length");
    assert_eq!(packed("/progress", "application/json"), "");
}

#[test]
fn what_changes_by_itself_can_be_found_again_and_is_no_part_of_a_plan() {
    for (path, page) in all() {
        let live = page.attributes("[data-live]", "id");
        assert_eq!(live.len(), page.texts("[data-live]").len(), "{path}: each has an id");
        assert!(["standing", "strip"].iter().all(|id| live.contains(&(*id).to_owned())), "{path}");
        if page.has("form.confirm") {
            assert!(!page.has("main [data-live]"), "{path} is a plan");
        }
    }
    let app = TestApp::with_story(12);
    for path in ["/", "/snapshots", "/events", "/state", "/history", "/backups"] {
        assert!(app.get(path, HTML).page().has("main [data-live]"), "{path}");
    }
}
