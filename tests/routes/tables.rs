//! `GET /state` and `GET /state/{table}`.

use backstitch::log::NewEvent;
use serde_json::{Value, json};

use super::refused;
use crate::support::{HTML, JSON, PLAIN, TestApp, encoded, shown};

fn sample() -> TestApp {
    let app = TestApp::new();
    assert_eq!(app.post("/sample", &[], JSON).status, 201);
    app
}

#[track_caller]
fn read(app: &TestApp, address: &str) -> Value {
    let answer = app.get(&format!("/state/{address}"), JSON);
    assert_eq!(answer.status, 200, "{address}: {}", answer.text());
    answer.json()
}

/// One column of the rows.
#[track_caller]
fn column(app: &TestApp, address: &str, name: &str) -> Vec<Value> {
    let answer = read(app, address);
    let at = answer["columns"].as_array().unwrap().iter().position(|column| column == name).unwrap();
    answer["rows"].as_array().unwrap().iter().map(|row| row[at].clone()).collect()
}

/// A story in which somebody remembers these texts.
fn remembering(texts: &[&str]) -> TestApp {
    let app = TestApp::with_story(6);
    let memory = |text: &&str| {
        let payload = json!({ "owner_id": "ada", "chat_id": "c", "scene_id": "s", "text": text, "significance": 1 });
        NewEvent::new("memory_written", payload.to_string()).unwrap()
    };
    app.store.append(texts.iter().map(memory).collect());
    app
}

/// The memories that a search finds.
#[track_caller]
fn found(app: &TestApp, q: &str) -> Vec<String> {
    let texts = column(app, &format!("memories?q={}", encoded(q)), "text");
    texts.iter().map(|text| text.as_str().unwrap().to_owned()).collect()
}

#[test]
fn all_tables_of_the_domain_are_listed_with_their_counts() {
    let app = TestApp::with_story(12);
    let content = shown(app.store.content());
    let answer = app.get("/state", JSON).json();
    assert_eq!(answer["at"], 12);
    let tables = answer["tables"].as_array().unwrap();
    assert_eq!(tables.len(), content.len() - 1, "all but the log");
    for table in tables {
        let name = table["name"].as_str().unwrap();
        assert_eq!(table["rows"], content[name].len(), "{name}");
        assert_eq!(table["full_text"], name == "memories", "{name}");
    }
    for accept in [HTML, PLAIN] {
        let page = app.get("/state", accept).page();
        assert_eq!(page.texts("main a[href^='/state/']").len(), tables.len());
    }
}

#[test]
fn the_rows_of_every_table_are_those_of_the_database() {
    let app = TestApp::with_story(24);
    for (name, rows) in shown(app.store.content()).into_iter().filter(|(name, _)| name != "event_log") {
        let answer = read(&app, &format!("{name}?limit=1000"));
        assert_eq!((&answer["table"], &answer["at"]), (&name.as_str().into(), &24.into()));
        assert_eq!(answer["rows"], serde_json::to_value(&rows).unwrap(), "{name}");
        assert!(answer["next_after"].is_null());
        assert_eq!(app.get(&format!("/state/{name}"), HTML).page().texts("table.state tbody tr").len(), rows.len());
    }
}

#[test]
fn the_answer_has_the_fields_of_the_contract() {
    let answer = read(&TestApp::with_story(12), "bots?limit=1");
    let fields: Vec<&str> = answer.as_object().unwrap().keys().map(String::as_str).collect();
    assert_eq!(fields[..4], ["table", "at", "columns", "rows"]);
    assert_eq!((&answer["columns"][0], &answer["rows"][0][0]), (&"id".into(), &"ada".into()));
}

#[test]
fn pages_of_any_size_have_every_row_once() {
    let app = sample();
    for name in ["memories", "edges", "activity"] {
        let all = read(&app, &format!("{name}?limit=1000"));
        for limit in [1, 3, 1000] {
            let (mut rows, mut after) = (Vec::new(), String::new());
            loop {
                let page = read(&app, &format!("{name}?limit={limit}&after={after}"));
                rows.extend(page["rows"].as_array().unwrap().clone());
                match page["next_after"].as_str() {
                    Some(next) => after = encoded(next),
                    None => break,
                }
            }
            assert_eq!(Value::Array(rows), all["rows"], "{name} by {limit}");
        }
    }
}

#[test]
fn the_links_of_the_pages_lead_through_all_rows_in_the_order_asked_for() {
    let app = sample();
    let (mut address, mut rows) = ("/state/memories?limit=4&sort=-id".to_owned(), 0);
    loop {
        let page = app.get(&address, HTML).page();
        rows += page.texts("table.state tbody tr").len();
        let links = page.attributes(".pages a", "href");
        match links.into_iter().find(|link| link.contains("after=") && page.texts(".pages a").concat().contains("Next"))
        {
            Some(next) => address = next,
            None => break,
        }
    }
    assert_eq!(rows, app.store.content()["memories"].len());
}

#[test]
fn rows_are_sorted_by_any_column_in_both_directions() {
    let app = sample();
    let ids = |sort: &str| -> Vec<i64> {
        column(&app, &format!("memories?sort={sort}&limit=1000"), "id").iter().map(|id| id.as_i64().unwrap()).collect()
    };
    let mut ascending = ids("id");
    assert!(ascending.len() > 2 && ascending.is_sorted());
    ascending.reverse();
    assert_eq!(ids("-id"), ascending);
    let reasons = column(&app, "edges?sort=-affinity", "affinity");
    assert!(reasons.windows(2).all(|pair| pair[0].as_i64() >= pair[1].as_i64()), "{reasons:?}");
    let head = app.get("/state/memories?sort=-id", HTML).page();
    assert_eq!(head.text("th[aria-sort=descending] a").trim_end_matches([' ', '\u{25bc}']), "id");
}

#[test]
fn a_search_says_which_columns_it_looks_at() {
    let app = remembering(&["The clock strikes."]);
    let said = |address: &str, css: &str| app.get(address, HTML).page().text(css);
    assert_eq!(said("/state/memories", "label[for=q]"), "Words in text");
    assert_eq!(said("/state/bots", "label[for=q]"), "Text");
    let one = said("/state/memories?q=clock", ".title-row p");
    assert!(one.starts_with("1 row holds \u{201c}clock\u{201d} in the column text, of "), "{one}");
    assert!(said("/state/memories?q=nowhere", "main").contains("No row holds nowhere in the column text."));
    assert!(said("/state/bots?q=ada", ".title-row p").starts_with("1 row holds \u{201c}ada\u{201d}, of "));
}

#[test]
fn numbers_moments_and_sentences_are_told_apart_so_that_each_breaks_where_it_may() {
    let page = sample().get("/state/memories", HTML).page();
    let row = |class: &str| page.attributes(&format!(".state tbody tr:first-child td.{class}"), "data-head");
    assert_eq!(row("n"), ["id", "significance", "pinned"]);
    assert_eq!(row("moment"), ["created_at"]);
    assert_eq!(row("prose"), ["text"]);
    assert_eq!(page.texts(".state td.moment .nowrap")[0].len(), "2026-11-20".len());
}

#[test]
fn an_order_that_is_no_column_is_refused() {
    let app = TestApp::with_story(6);
    for sort in ["nothing", "-", "--id", "ID", "id DESC", "id\" --", "rowid", "+id"] {
        refused(|accept| app.get(&format!("/state/bots?sort={}", encoded(sort)), accept), 400, "sort must be");
    }
}

#[test]
fn words_of_memories_are_searched_for_in_any_order() {
    let app = remembering(&["The brass lamp burns low", "A lamp of tin", "Nothing at all"]);
    assert_eq!(found(&app, "lamp"), ["The brass lamp burns low", "A lamp of tin"]);
    assert_eq!(found(&app, "LAMP brass"), ["The brass lamp burns low"]);
    assert_eq!(found(&app, "bra*"), ["The brass lamp burns low"]);
    assert!(found(&app, "bra").is_empty(), "a word is whole");
    assert!(found(&app, "lamp nothing").is_empty(), "all of the words");
    assert_eq!(found(&app, "   ").len(), 3);
}

#[test]
fn no_sign_in_a_search_is_an_operator() {
    let app = remembering(&["rock and roll", "either NOT or", "half-open door", "she said \"so\""]);
    assert_eq!(found(&app, "half-open"), ["half-open door"]);
    assert_eq!(found(&app, "\"so\""), ["she said \"so\""]);
    assert_eq!(found(&app, "either NOT"), ["either NOT or"]);
    assert!(found(&app, "rock NOT roll").is_empty() && found(&app, "rock OR door").is_empty());
    for odd in [
        "\"",
        "\"\"",
        "-",
        "*",
        "**",
        "(",
        ")",
        "^",
        ":",
        "text:rock",
        "'",
        "NEAR(",
        "+",
        "{",
        "\\",
        "AND",
        "\" OR \"a",
    ] {
        found(&app, odd);
        let page = app.get(&format!("/state/memories?q={}", encoded(odd)), HTML);
        assert_eq!(page.status, 200, "{odd:?}");
    }
}

#[test]
fn other_tables_are_searched_for_a_part_of_any_value() {
    let app = TestApp::with_story(12);
    assert_eq!(column(&app, "bots?q=oun", "id"), ["ada"]);
    assert_eq!(column(&app, "bots?q=OUN", "id"), ["ada"]);
    for nothing in ["%", "_", "a%a", "' OR 1 --"] {
        assert!(column(&app, &format!("bots?q={}", encoded(nothing)), "id").is_empty(), "{nothing}");
    }
    assert!(app.get("/state/bots?q=zebra", HTML).page().text("main").contains("No row holds"));
}

#[test]
fn a_table_that_the_domain_does_not_have_is_not_found() {
    let app = TestApp::with_story(6);
    for name in ["nothing", "event_log", "memories_fts", "sqlite_master", "BOTS", "main.bots", "bots\"", "bots;--"] {
        refused(|accept| app.get(&format!("/state/{}", encoded(name)), accept), 404, "no table");
    }
}

#[test]
fn pages_and_limits_that_cannot_be_read_are_refused() {
    let app = TestApp::with_story(6);
    for limit in ["0", "1001", "x", "-1"] {
        refused(|accept| app.get(&format!("/state/bots?limit={limit}"), accept), 400, "limit must be");
    }
    for after in ["x", "-1", "1.5", "99999999999999999999"] {
        refused(|accept| app.get(&format!("/state/bots?after={after}"), accept), 400, "after must be");
    }
    assert_eq!(read(&app, "bots?after=9223372036854775807")["rows"], json!([]));
}
