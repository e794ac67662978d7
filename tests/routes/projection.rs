//! `/projection`: where the tables stand, comparing them with the log, making them anew.

use serde_json::{Value, json};

use super::{follow, refused, with_newer_events};
use crate::support::{HTML, JSON, PLAIN, Reply, TestApp, shown};

const ANEW: &str = "/projection/rebuild";

/// A store whose tables another program has changed: rows of `edges` and one of `bots` differ, and a
/// memory is missing.
fn drifted() -> TestApp {
    let app = TestApp::with_story(40);
    let changes = "UPDATE edges SET affinity = affinity + 100;
                   UPDATE bots SET name = 'Eve' WHERE id = 'ada';
                   DELETE FROM memories WHERE id = (SELECT min(id) FROM memories)";
    app.store.other_program().execute_batch(changes).unwrap();
    app
}

fn compare(app: &TestApp) -> Value {
    let answer = app.post("/projection/verify", &[], JSON);
    assert_eq!(answer.status, 200, "{}", answer.text());
    answer.json()
}

fn total(check: &Value) -> u64 {
    let counted = |table: &Value| {
        ["missing", "extra", "different"].iter().map(|name| table[*name].as_u64().unwrap()).sum::<u64>()
    };
    check["tables"].as_array().unwrap().iter().map(counted).sum()
}

fn head(app: &TestApp) -> String {
    app.store.engine.status().unwrap().head.to_string()
}

fn expected(app: &TestApp) -> (String, String) {
    let status = app.store.engine.status().unwrap();
    (status.head.to_string(), status.epoch.to_string())
}

#[test]
fn where_the_tables_stand_is_told() {
    let (app, id) = with_newer_events();
    app.restore(&id, &[("scope", "projections")]);
    let answer = app.get("/projection", JSON).json();
    let epoch = app.store.engine.status().unwrap().epoch;
    let told = |name: &str| answer[name].clone();
    assert_eq!(
        (told("position"), told("head"), told("held"), told("waiting")),
        (12.into(), 24.into(), true.into(), 12.into())
    );
    assert_eq!((told("stuck"), told("epoch"), told("last_check")), (Value::Null, epoch.into(), Value::Null));
    for accept in [HTML, PLAIN] {
        let page = app.get("/projection", accept).page();
        assert_eq!(
            page.text(".title-row .quiet"),
            "The tables stand at event 12, the log at event 24; 12 events wait."
        );
        assert_eq!(page.texts("main .lead"), ["The tables as they are have not been compared with the log."]);
    }
}

#[test]
fn of_an_empty_log_nothing_is_made_anew() {
    let page = TestApp::new().get("/projection", HTML).page();
    assert!(!page.has("form#rebuild"));
    assert!(page.text("main").contains("The log is empty, so there is nothing to make the tables from."));
}

#[test]
fn tables_that_follow_from_the_log_are_clean() {
    let app = TestApp::with_story(24);
    let check = compare(&app);
    assert_eq!((&check["clean"], total(&check)), (&true.into(), 0));
    assert_eq!(check["tables"].as_array().unwrap().len(), shown(app.store.content()).len() - 1);
    assert_eq!(app.get("/projection", JSON).json()["last_check"], check);
    let answer = app.post("/projection/verify", &[], HTML);
    assert_eq!((answer.status, answer.header("location")), (303, "/projection"));
    let page = app.get("/projection", HTML).page();
    assert_eq!(page.text("main .lead"), "Compared just now, at event 24: the tables are what the log gives.");
    assert!(!page.has(".strip") && !page.has("table.drift"));
}

#[test]
fn rows_that_differ_are_told_table_by_table_and_row_by_row() {
    let app = drifted();
    let check = compare(&app);
    assert_eq!(check["clean"], false);
    let of =
        |name: &str| check["tables"].as_array().unwrap().iter().find(|table| table["name"] == name).unwrap().clone();
    assert_eq!(of("bots"), json!({ "name": "bots", "missing": 0, "extra": 0, "different": 1 }));
    assert_eq!(of("memories"), json!({ "name": "memories", "missing": 1, "extra": 0, "different": 0 }));
    let all = total(&check);
    let page = app.get("/projection", HTML).page();
    let words = format!("Compared just now, at event 40: {all} rows differ from the log in 3 tables.");
    assert_eq!(page.text("main .lead"), words);
    assert_eq!(page.texts("table.drift tbody tr").len(), 3);
    assert_eq!(page.texts("ol.rows > li").len() as u64, all);
    let of_bots = app.get("/projection?table=bots", HTML).page();
    assert_eq!(of_bots.text("ol.rows .verb"), "~ differs");
    assert_eq!(of_bots.texts("ol.rows dd"), ["now Eve", "log Ada"]);
    assert_eq!(app.get("/projection?table=memories", HTML).page().text("ol.rows .verb"), "+ is missing");
    assert!(!app.get("/projection?table=chats", HTML).page().has("ol.rows"));
    refused(|accept| app.get("/projection?table=nothing", accept), 404, "no table");
}

#[test]
fn an_event_that_belongs_to_nobody_any_more_is_told_in_words_and_counted_by_its_mending() {
    let app = TestApp::with_story(24);
    let clean = app.store.content();
    let removed = app.store.other_program().execute("DELETE FROM entity_events WHERE event_id = 10", []).unwrap();
    assert_eq!(removed, 1);
    assert_eq!(total(&compare(&app)), 1);
    let page = app.get("/projection", HTML).page();
    assert_eq!(page.text("main .lead"), "Compared just now, at event 24: 1 row differs from the log in 1 table.");
    let words = "which events belong to which entity";
    assert_eq!(page.texts("table.drift tbody tr"), [format!("{words}100")]);
    assert_eq!(page.texts("ol.rows .row-head"), [format!("+ is missing {words}: event 10, of chat c")]);
    let of_it = app.get(&page.attribute("table.drift a", "href").replace("#rows", ""), HTML).page();
    assert_eq!(of_it.text("h2#rows"), format!("Rows that differ: {words}"));
    assert_eq!(of_it.text("ol.rows .key"), "event 10, of chat c");
    assert!(!page.text("main").contains("entity_events"), "no page names it so");

    let everywhere = app.get("/events", HTML).page();
    let strip =
        "1 row differs from the log. Another program or a fault changed it. The log has all that it follows from.";
    assert_eq!(everywhere.text(".strip p:first-child"), strip);
    assert_eq!(everywhere.text(".strip a"), "See it, or make the tables anew");

    let page = follow(&app, &posted(&app, "24"));
    let mended = page.text(".result > p");
    assert!(mended.starts_with("1 row changed in 1 table, in "), "{mended}");
    assert_eq!(app.store.content(), clean);
    assert!(compare(&app)["clean"].as_bool().unwrap());
    let operation = app.store.engine.operations(1).unwrap()[0].operation;
    let undone = follow(&app, &app.post(&format!("/history/{operation}/undo"), &[], HTML));
    assert!(undone.text(".result > p").starts_with("1 row changed in 1 table, in "));
    assert!(undone.text(".result form button").starts_with("Make the tables anew again"));
}

#[test]
fn pages_have_every_row_that_differs_once() {
    let app = drifted();
    let all = total(&compare(&app));
    let whole = app.get("/projection", JSON).json()["rows"].clone();
    assert_eq!(whole.as_array().unwrap().len() as u64, all);
    let (mut seen, mut address) = (0, "/projection?limit=1".to_owned());
    loop {
        let page = app.get(&address, HTML).page();
        seen += page.texts("ol.rows > li").len() as u64;
        let next = page.attributes(".pages a[href*='after=']", "href").pop();
        match next {
            Some(next) => address = next.split('#').next().unwrap().to_owned(),
            None => break,
        }
    }
    assert_eq!(seen, all);
    for wrong in ["after=x", "after=-1", "limit=0", "limit=1001"] {
        assert_eq!(app.get(&format!("/projection?{wrong}"), JSON).status, 400, "{wrong}");
    }
}

#[test]
fn every_page_says_that_rows_differ_until_the_tables_are_made_anew() {
    let app = drifted();
    assert!(!app.get("/", HTML).page().has(".strip"), "nobody has looked yet");
    let all = total(&compare(&app));
    for path in ["/", "/events", "/state"] {
        let page = app.get(path, HTML).page();
        assert_eq!(page.text(".strip strong"), format!("{all} rows differ from the log."), "{path}");
        assert_eq!(page.attribute(".strip a", "href"), "/projection");
    }
    let attention = app.get("/", JSON).json()["attention"].clone();
    assert_eq!(attention[0]["lead"], format!("{all} rows differ from the log."));
    assert!(!app.get("/projection", HTML).page().has(".strip"), "the page itself tells it");
    assert_eq!(app.post(ANEW, &[], JSON).status, 200);
    assert!(!app.get("/", HTML).page().has(".strip"));
}

#[test]
fn the_tables_are_made_anew_from_the_log() {
    let app = TestApp::with_story(40);
    let clean = app.store.content();
    app.store.other_program().execute_batch("UPDATE bots SET name = 'Eve' WHERE id = 'ada'").unwrap();
    let memory = "DELETE FROM memories WHERE id = (SELECT min(id) FROM memories)";
    app.store.other_program().execute_batch(memory).unwrap();
    compare(&app);
    let answer = app.post(ANEW, &[], JSON);
    assert_eq!(answer.status, 200, "{}", answer.text());
    let done = answer.json();
    assert_eq!((&done["safety_snapshot"]["kind"], &done["position"]), (&"rewind".into(), &40.into()));
    assert_eq!((&done["rows_changed"]["bots"], &done["rows_changed"]["memories"]), (&1.into(), &1.into()));
    assert_eq!(app.store.content(), clean);
    assert!(compare(&app)["clean"].as_bool().unwrap());
}

fn posted(app: &TestApp, typed: &str) -> Reply {
    let (head, epoch) = expected(app);
    app.post(ANEW, &[("confirm_head", typed), ("expected_head", &head), ("expected_epoch", &epoch)], HTML)
}

#[test]
fn a_browser_types_the_last_event_and_is_led_to_what_was_done() {
    let app = drifted();
    let form = app.get("/projection", HTML).page();
    assert_eq!(form.attribute("form.confirm", "action"), ANEW);
    assert_eq!(form.attribute("form.confirm", "data-confirm"), head(&app));
    let answer = posted(&app, " 40 ");
    assert_eq!(answer.status, 303, "{}", answer.text());
    let (address, part) = answer.header("location").split_once('#').unwrap();
    assert!(address.starts_with("/projection?done=") && part == "result");
    let page = app.get(address, HTML).page();
    assert_eq!(page.text("#result"), "The tables are made anew from the log.");
    assert!(page.text(".result p:not(.act)").contains("rows changed in 3 tables"), "{}", page.text(".result"));
    let restored = app.store.engine.operations(1).unwrap().remove(0);
    let undone = app.post(&format!("/history/{}/undo", restored.operation), &[], JSON);
    assert_eq!(undone.status, 200, "{}", undone.text());
    assert!(!compare(&app)["clean"].as_bool().unwrap(), "undo brings the tables back as they were");
}

#[test]
fn what_is_typed_wrongly_changes_nothing() {
    let app = drifted();
    let before = app.store.content();
    for (typed, said) in [
        ("39", "That is 39; the log's last event is 40. Nothing was done."),
        ("", "Nothing was typed; the log's last event is 40. Nothing was done."),
    ] {
        let answer = posted(&app, typed);
        assert_eq!(answer.status, 400);
        let page = answer.page();
        assert_eq!((page.text("main .alert"), page.text("#cid-error")), (said.to_owned(), said.to_owned()));
        assert_eq!(page.attribute("#cid", "value"), typed);
    }
    assert_eq!(app.post(ANEW, &[], HTML).status, 400, "a page has to send what was typed");
    assert_eq!(app.post(ANEW, &[("confirm_head", "7")], JSON).status, 400);
    assert_eq!((app.store.content(), app.store.engine.operations(5).unwrap().len()), (before, 0));
}

#[test]
fn a_store_that_moved_is_left_as_it_is() {
    let app = drifted();
    let (seen, epoch) = expected(&app);
    app.store.append(crate::support::Story::from(41).tell(2));
    let before = app.store.content();
    let fields = [("confirm_head", seen.as_str()), ("expected_head", &seen), ("expected_epoch", &epoch)];
    assert_eq!(app.post(ANEW, &fields, JSON).status, 409);
    let answer = app.post(ANEW, &fields, HTML);
    assert_eq!(answer.status, 409);
    assert_eq!(answer.page().text(".strip strong"), "The log moved while you were reading: 2 new events.");
    assert_eq!(answer.page().attribute("#cid", "value"), "", "what was typed confirmed another store");
    assert_eq!(app.post(ANEW, &[("expected_epoch", "99")], JSON).status, 409);
    assert_eq!(app.store.content(), before);
}

#[test]
fn a_form_sent_twice_makes_the_tables_anew_once() {
    let app = drifted();
    let (head, epoch) = expected(&app);
    let fields = [("confirm_head", head.as_str()), ("expected_head", &head), ("expected_epoch", &epoch)];
    let first = app.post(ANEW, &fields, HTML);
    let second = app.post(ANEW, &fields, HTML);
    assert_eq!((first.status, second.status), (303, 303));
    assert_eq!(first.header("location"), second.header("location"));
    assert_eq!(app.store.engine.operations(5).unwrap().len(), 1);
}

#[test]
fn paused_tables_are_compared_where_they_stand_and_made_anew_to_the_end() {
    let (app, id) = with_newer_events();
    let ahead = app.store.content();
    app.restore(&id, &[("scope", "projections")]);
    let check = compare(&app);
    assert_eq!((&check["clean"], &check["position"]), (&true.into(), &12.into()));
    assert!(
        app.get("/projection", HTML).page().text("main").contains("What waits is applied as well, and the pause ends.")
    );
    let done = app.post(ANEW, &[], JSON).json();
    assert_eq!((&done["position"], &done["held"]), (&24.into(), &false.into()));
    assert_eq!(app.store.content(), ahead);
}
