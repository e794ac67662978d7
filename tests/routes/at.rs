//! The tables as of an event: `at` of `/state` and `/state/{table}`, and `/state.db`.

use rusqlite::{Connection, OpenFlags};
use serde_json::{Value, json};

use super::{refused, with_newer_events};
use crate::support::{CLIENTS, Content, HTML, JSON, PLAIN, Reply, Story, TestApp, encoded, rows, shown, story};

#[track_caller]
fn read(app: &TestApp, address: &str) -> Value {
    let answer = app.get(address, JSON);
    assert_eq!(answer.status, 200, "{address}: {}", answer.text());
    answer.json()
}

/// A store with the first 40 events of the story, and what was in it when it had so many of them.
fn grown(moments: &[usize]) -> (TestApp, Vec<Content>) {
    let (app, mut story, mut told) = (TestApp::new(), Story::default(), 0);
    let mut then = Vec::new();
    for &at in moments {
        app.store.append(story.tell(at - told));
        told = at;
        then.push(shown(app.store.content()));
    }
    if told < 40 {
        app.store.append(story.tell(40 - told));
    }
    (app, then)
}

#[test]
fn the_rows_as_of_an_event_are_those_of_a_store_that_ends_there() {
    let moments = [1, 6, 13, 27, 40];
    let (app, then) = grown(&moments);
    for (at, content) in moments.into_iter().zip(then) {
        let all: usize = content.iter().filter(|(name, _)| *name != "event_log").map(|(_, rows)| rows.len()).sum();
        for (name, rows) in content.into_iter().filter(|(name, _)| name != "event_log") {
            let answer = read(&app, &format!("/state/{name}?at={at}&limit=1000"));
            assert_eq!((&answer["table"], &answer["at"]), (&name.as_str().into(), &at.into()));
            assert_eq!(answer["rows"], serde_json::to_value(&rows).unwrap(), "{name} at {at}");
        }
        let tables = read(&app, &format!("/state?at={at}"));
        assert_eq!(tables["at"], at);
        let counts = tables["tables"].as_array().unwrap().iter().map(|table| table["rows"].as_u64().unwrap());
        let counted: u64 = counts.sum();
        assert_eq!(counted, all as u64, "at {at}");
    }
    for table in read(&app, "/state?at=0")["tables"].as_array().unwrap() {
        assert_eq!(table["rows"], 0);
    }
    assert_eq!(app.store.engine.status().unwrap().position, 40, "the live tables stay where they are");
}

#[test]
fn a_moment_that_the_log_has_not_come_to_is_refused() {
    let app = TestApp::with_story(12);
    for path in ["/state", "/state/bots", "/state.db"] {
        for at in ["13", "-1", "9223372036854775807"] {
            refused(|accept| app.get(&format!("{path}?at={at}"), accept), 400, "at must be from 0 to 12");
        }
        for at in ["x", "1.5", "1e1", "99999999999999999999"] {
            refused(|accept| app.get(&format!("{path}?at={at}"), accept), 400, "at must be the id of an event");
        }
        assert_eq!(app.get(&format!("{path}?at="), HTML).status, 200, "a blank one is now");
    }
    refused(|accept| app.get("/state/nothing?at=3", accept), 404, "no table");
    let page = app.get("/state?at=13", HTML).page();
    assert!(page.text("main .lead").contains("from 0 to 12"));
}

#[test]
fn the_page_says_of_which_event_its_rows_are() {
    let app = TestApp::with_story(12);
    let flat = |text: String| text.replace('\u{a0}', " ");
    let page = app.get("/state/bots?at=2", HTML).page();
    assert_eq!(flat(page.text("h1")), "bots as of event 2");
    assert_eq!(page.texts("table.state tbody tr").len(), 1);
    assert_eq!(page.text(".title-row .quiet"), "1 row. Now the tables stand at event 12.");
    assert_eq!(page.attribute("#at", "value"), "2");
    assert_eq!(flat(app.get("/state?at=2", HTML).page().text("h1")), "Tables as of event 2");
    assert_eq!(app.get("/state?at=0", HTML).page().text("h1"), "Tables before the first event");
    let now = app.get("/state/bots", HTML).page();
    assert_eq!((now.text("h1"), now.attribute("#at", "value")), ("bots".to_owned(), String::new()));
    assert_eq!(now.text(".title-row .quiet"), "2 rows. The tables stand at event 12.");
    assert!(!now.has("form a[href='/state/bots']"));
}

#[test]
fn every_link_keeps_the_moment_and_one_leads_back_to_now() {
    let app = TestApp::with_story(60);
    let list = app.get("/state?at=30", HTML).page();
    let links = list.attributes("main table a", "href");
    assert!(links.len() > 3 && links.iter().all(|link| link.ends_with("?at=30")), "{links:?}");
    assert_eq!(list.attribute("form a", "href"), "/state");
    assert!(list.has("a[href='/state.db?at=30']"));

    let page = app.get("/state/memories?at=30&q=Remembers&sort=-id&limit=2", HTML).page();
    let links = [page.attributes("thead a", "href"), page.attributes(".pages a", "href")].concat();
    assert!(links.len() > 2 && links.iter().all(|link| link.contains("?at=30&q=Remembers")), "{links:?}");
    assert_eq!(page.attribute(".back a", "href"), "/state?at=30");
    assert_eq!(page.attributes("form a[href^='/state/memories?q=']", "href"), ["/state/memories?q=Remembers&sort=-id"]);
    assert_eq!(page.attributes("form[role=search] input[name=at]", "value"), ["30"]);
    let mut kept = page.attributes("form:not([role]) input[type=hidden]", "value");
    kept.sort();
    assert_eq!(kept, ["-id", "Remembers"]);
    for link in page.attributes("thead a, .pages a", "href") {
        assert_eq!(app.get(&link, JSON).json()["at"], 30, "{link}");
    }
}

#[test]
fn full_text_is_searched_as_of_the_event() {
    let app = TestApp::with_story(60);
    let found =
        |query: &str| read(&app, &format!("/state/memories?{query}&limit=1000"))["rows"].as_array().unwrap().len();
    let all = found("q=remembers");
    assert!(all > 4);
    let then = found("at=21&q=remembers");
    assert!((1..all).contains(&then));
    assert_eq!(found("at=21&q=REMEMBERS%20%C3%A9vening"), then);
    assert_eq!(found(&format!("at=21&q={}", encoded("re*"))), then);
    assert_eq!((found("at=21&q=reme"), found("at=0&q=remembers")), (0, 0), "a word is whole");
    assert_eq!((found("q=remembers"), found("at=60&q=remembers")), (all, all));
}

#[test]
fn paused_tables_can_be_read_as_of_events_that_wait() {
    let (app, id) = with_newer_events();
    let ahead = read(&app, "/state/memories?limit=1000")["rows"].clone();
    app.restore(&id, &[("scope", "projections")]);
    let now = read(&app, "/state/memories?limit=1000");
    assert_eq!(now["at"], 12);
    assert_ne!(now["rows"], ahead);
    assert_eq!(read(&app, "/state/memories?at=24&limit=1000")["rows"], ahead);
    assert_eq!(
        app.get("/state?at=24", HTML).page().text(".title-row .quiet").split(". ").next(),
        Some("Now the tables stand at event 12")
    );
}

#[test]
fn a_moment_after_an_event_that_breaks_a_rule_is_refused_and_those_before_are_read() {
    let app = TestApp::with_story(6);
    let insert = "INSERT INTO event_log (kind, payload_json) VALUES ('user_turn', ?1)";
    app.store.other_program().execute(insert, [json!({ "chat_id": "none", "text": "?" }).to_string()]).unwrap();
    app.store.engine.catch_up().unwrap();
    assert_eq!(read(&app, "/state/bots?at=6")["rows"].as_array().unwrap().len(), 2);
    for path in ["/state?at=7", "/state/bots?at=7", "/state.db?at=7"] {
        refused(|accept| app.get(path, accept), 422, "event 7");
    }
    assert_eq!(app.get("/state.db", PLAIN).status, 200);
    assert_nothing_left(&app);
}

fn assert_nothing_left(app: &TestApp) {
    let names = std::fs::read_dir(app.store.path()).unwrap().map(|entry| entry.unwrap().file_name());
    // Moments that were asked for lately are kept in folders.
    let left: Vec<_> = names.filter(|name| name.to_string_lossy().starts_with(".unfinished-")).collect();
    let left: Vec<_> = left.into_iter().filter(|name| app.store.path().join(name).is_file()).collect();
    assert!(left.is_empty(), "{left:?}");
}

/// The file of an answer, opened by plain SQLite.
fn opened(answer: &Reply) -> (tempfile::TempDir, Connection) {
    assert_eq!(answer.status, 200);
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("store.db");
    std::fs::write(&path, &answer.body).unwrap();
    (folder, Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_ONLY).unwrap())
}

#[test]
fn the_file_of_a_moment_is_that_store_whole() {
    let (app, then) = grown(&[17, 40]);
    for (query, content) in ["?at=17", ""].into_iter().zip(then) {
        let (_folder, conn) = opened(&app.get(&format!("/state.db{query}"), PLAIN));
        let check: String = conn.query_row("PRAGMA integrity_check", [], |row| row.get(0)).unwrap();
        assert_eq!(check, "ok");
        for (name, expected) in content {
            assert_eq!(rows(&conn, &name), expected, "{name} {query}");
        }
    }
    let (_folder, empty) = opened(&app.get("/state.db?at=0", PLAIN));
    assert!(rows(&empty, "event_log").is_empty() && rows(&empty, "bots").is_empty());
    assert_nothing_left(&app);
}

#[test]
fn the_file_is_an_attachment_with_a_name_of_the_servers_making() {
    let app = TestApp::with_story(12);
    for (query, name) in
        [("", "backstitch-now.db"), ("?at=7", "backstitch-at-7.db"), ("?at=+007", "backstitch-at-7.db")]
    {
        for accept in CLIENTS {
            let answer = app.get(&format!("/state.db{query}"), accept);
            assert_eq!(answer.header("content-type"), "application/vnd.sqlite3");
            assert_eq!(answer.header("content-disposition"), format!("attachment; filename=\"{name}\""));
            assert_eq!(answer.header("content-length"), answer.body.len().to_string());
            assert_eq!(answer.header("cache-control"), "no-store");
            assert!(answer.body.starts_with(b"SQLite format 3\0"));
        }
    }
    let head = app.send("HEAD", "/state.db?at=7", PLAIN, &[], "");
    assert_eq!((head.status, head.body.len()), (200, 0));
    assert_eq!(head.header("content-disposition"), "attachment; filename=\"backstitch-at-7.db\"");
    assert!(head.header("content-length").parse::<u64>().unwrap() > 4096);
    assert_eq!(app.post("/state.db", &[], JSON).status, 405);
    assert_nothing_left(&app);
}

#[test]
fn a_file_of_many_pieces_arrives_whole() {
    let app = TestApp::new();
    app.store.append(story(6));
    let long = |n: usize| json!({ "owner_id": "ada", "chat_id": "c", "scene_id": "s", "text": format!("{n} {}", "x".repeat(20_000)), "significance": 1 });
    let memories = (0..40).map(|n| backstitch::log::NewEvent::new("memory_written", long(n).to_string()).unwrap());
    app.store.append(memories.collect());
    let answer = app.get("/state.db", PLAIN);
    assert!(answer.body.len() > 1_000_000);
    let (_folder, conn) = opened(&answer);
    assert_eq!(rows(&conn, "memories"), app.store.content()["memories"]);
}
