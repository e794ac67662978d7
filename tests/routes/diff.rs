//! `GET /snapshots/{id}/diff`: the rows of one table, page by page.

use std::collections::BTreeSet;

use backstitch::web::Settings;
use serde_json::{Value, json};

use super::{refused, with_newer_events};
use crate::support::{HTML, JSON, PLAIN, Story, TestApp, TestStore, encoded};

fn diff(app: &TestApp, id: &str, more: &str) -> Value {
    let answer = app.get(&format!("/snapshots/{id}/diff?kind=periodic&{more}"), JSON);
    assert_eq!(answer.status, 200, "{}", answer.text());
    answer.json()
}

/// Three hundred events past a snapshot: fifty memories that a restore would take away.
fn with_many_rows() -> (TestApp, String) {
    let store = TestStore::with_story(12);
    let id = store.take().snapshot_id.to_string();
    store.append(Story::from(13).tell(300));
    (TestApp::serving(store, Settings { page_limit: 200, ..Settings::default() }), id)
}

#[test]
fn pages_join_to_all_rows_without_a_gap_or_a_repetition() {
    let (app, id) = with_many_rows();
    let all = diff(&app, &id, "table=memories&limit=200");
    assert_eq!(all["rows"].as_array().unwrap().len(), 50);
    assert!(all["next_after"].is_null());
    let mut joined = Vec::new();
    let mut after = String::new();
    loop {
        let page = diff(&app, &id, &format!("table=memories&limit=7{after}"));
        joined.extend(page["rows"].as_array().unwrap().clone());
        let Some(next) = page["next_after"].as_str() else { break };
        assert_eq!(page["rows"].as_array().unwrap().len(), 7);
        after = format!("&after={}", encoded(next));
    }
    assert_eq!(&Value::from(joined), &all["rows"]);
}

#[test]
fn the_links_of_the_pages_lead_through_all_rows() {
    let (app, id) = with_many_rows();
    let mut address = format!("/snapshots/{id}/diff?kind=periodic&table=memories&limit=20&q=vening");
    let (mut keys, mut pages) = (BTreeSet::new(), 0);
    loop {
        let page = app.get(&address, HTML).page();
        keys.extend(page.texts("ol.rows .key"));
        pages += 1;
        let links = page.attributes(".pages a", "href");
        assert_eq!(page.texts(".pages a").contains(&"First rows".to_owned()), pages > 1);
        match page.texts(".pages a").iter().position(|text| text.starts_with("Next rows")) {
            Some(at) => address = links[at].clone(),
            None => break,
        }
    }
    assert_eq!((keys.len(), pages), (50, 3));
}

#[test]
fn a_row_says_what_happens_to_it_and_its_values_now_and_then() {
    let (app, id) = with_newer_events();
    let chat = diff(&app, &id, "table=chat_state");
    assert_eq!(chat["key"], json!(["chat_id"]));
    let row = &chat["rows"][0];
    assert_eq!((&row["change"], &row["key"]), (&"changed".into(), &json!(["c"])));
    assert_ne!(row["now"], row["then"]);
    let memory = &diff(&app, &id, "table=memories")["rows"][0];
    assert_eq!((&memory["change"], &memory["then"]), (&"removed".into(), &Value::Null));
    let page = app.get(&format!("/snapshots/{id}/diff?kind=periodic&table=chat_state"), PLAIN).page();
    assert_eq!(page.text("ol.rows .verb"), "~ changes");
    assert!(page.texts("ol.rows dt").contains(&"turn_count".to_owned()));
}

#[test]
fn a_filter_looks_into_every_value_whatever_its_capitals() {
    let (app, id) = with_many_rows();
    let texts = |q: &str| {
        let found = diff(&app, &id, &format!("table=memories&q={}", encoded(q)));
        found["rows"].as_array().unwrap().len()
    };
    assert_eq!(texts("REMEMBERS ÉVENING 1"), texts("remembers évening 1"));
    assert_eq!(texts("remembers évening 111"), 1);
    assert_eq!(texts("nowhere to be found"), 0);
    assert_eq!(texts("  "), 20, "a blank filter is none, and the default page is a tenth of the largest");
}

#[test]
fn the_log_can_be_compared_where_everything_goes_back() {
    let (app, id) = with_newer_events();
    let log = diff(&app, &id, "table=event_log&scope=everything");
    assert_eq!(log["rows"].as_array().unwrap().len(), 12);
    refused(|accept| app.get(&format!("/snapshots/{id}/diff?kind=periodic&table=event_log"), accept), 404, "no table");
}

#[test]
fn what_does_not_fit_is_refused_by_name() {
    let (app, id) = with_newer_events();
    let ask = |query: &str, status: u16, words: &str| {
        refused(|accept| app.get(&format!("/snapshots/{id}/diff?{query}"), accept), status, words);
    };
    ask("table=bots", 400, "kind must be one of");
    ask("kind=hourly&table=bots", 400, "kind must be one of");
    ask("kind=periodic", 400, "table must be the name of a table");
    ask("kind=periodic&table=", 400, "table must be the name of a table");
    ask("kind=periodic&table=bots&scope=half", 400, "scope must be one of");
    for limit in ["0", "1001", "-1", "ten", "99999999999999999999"] {
        ask(&format!("kind=periodic&table=bots&limit={limit}"), 400, "limit must be a number from 1 to 1000");
    }
    for after in ["x", "5", "{}", "[1,2]", "[]", "%5B%22a%22"] {
        ask(&format!("kind=periodic&table=memories&after={after}"), 400, "after must");
    }
    for table in ["nothing", "sqlite_schema", "backstitch_state", "bots;--", "memories_fts"] {
        ask(&format!("kind=periodic&table={}", encoded(table)), 404, "no table");
    }
    ask("kind=periodic&table=%zz", 400, "urlencoded");
    ask("kind=rewind&table=bots", 404, "snapshot not found");
}
