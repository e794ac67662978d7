//! `/entities`: the list, one entity, two versions compared, snapshots taken, read and imported.

use serde_json::{Value, json};

use crate::support::{HTML, JSON, PLAIN, Story, TestApp, encoded};

fn ada(app: &TestApp, query: &str) -> Value {
    app.get(&format!("/entities/bot/ada{query}"), JSON).json()
}

#[test]
fn the_list_tells_versions_and_what_is_due() {
    let app = TestApp::with_story(40);
    let listed = app.get("/entities?type=bot", JSON).json();
    let types = json!([
        { "type": "bot", "count": 2, "next_after": null },
        { "type": "chat", "count": 1, "next_after": null },
    ]);
    assert_eq!(listed["types"], types);
    let ids: Vec<&str> = listed["entities"].as_array().unwrap().iter().map(|one| one["id"].as_str().unwrap()).collect();
    assert_eq!(ids, ["ada", "bob"]);
    let first = &listed["entities"][0];
    assert_eq!(first["version"], ada(&app, "")["version"]);
    assert_eq!(first["due_after_events"], json!(100 - first["version"].as_u64().unwrap()));
    let all = app.get("/entities", JSON).json();
    assert_eq!(all["entities"].as_array().unwrap().len(), 3, "of all types");

    let page = app.get("/entities", HTML).page();
    assert_eq!(page.texts(".entities tbody th"), ["ada", "bob"]);
    assert_eq!(page.texts(".tabs a"), ["bot", "chat"]);
    assert_eq!(page.attribute(".tabs a[aria-current]", "href"), "/entities?type=bot");
    assert_eq!(page.texts(".more a[aria-current]"), ["Entities"]);
}

#[test]
fn the_list_is_searched_and_paged() {
    let app = TestApp::with_story(10);
    let bots = (0..30).map(|n| {
        let payload = json!({ "bot_id": format!("walk-on {n:02}"), "name": "W", "persona": "-" });
        backstitch::log::NewEvent::new("bot_created", payload.to_string()).unwrap()
    });
    app.store.append(bots.collect());
    let found = app.get("/entities?type=bot&q=WALK&limit=10", JSON).json();
    assert_eq!((found["entities"].as_array().unwrap().len(), &found["next_after"]), (10, &json!("walk-on 09")));
    let all = app.get("/entities?limit=10", JSON).json();
    assert_eq!(all["entities"].as_array().unwrap().len(), 11, "ten bots and the chat");
    assert_eq!((&all["types"][0]["next_after"], &all["types"][1]["next_after"]), (&json!("walk-on 07"), &Value::Null));
    let page = app.get("/entities?type=bot&q=walk&limit=10&after=walk-on%2009", HTML).page();
    assert_eq!(page.texts(".entities tbody th").first().map(String::as_str), Some("walk-on 10"));
    assert_eq!(page.texts(".pages a"), ["First ones", "Next ones →"]);
    assert!(app.get("/entities?type=bot&q=nobody", HTML).page().text("main").contains("No bot has"));
    assert!(app.get("/entities?type=bot&after=zzz", HTML).page().text("main").contains("none past that place"));
}

#[test]
fn one_entity_has_the_promised_fields() {
    let app = TestApp::with_story(40);
    let found = ada(&app, "");
    for field in ["type", "id", "version", "sequence", "state", "snapshots"] {
        assert!(found.get(field).is_some(), "{field}");
    }
    assert_eq!(found["state"]["name"], "Ada");
    assert_eq!(found["workflow_id"], "c");
    let earlier = ada(&app, "?version=2");
    assert_eq!((&earlier["version"], &earlier["latest"]), (&json!(2), &found["version"]));
    assert_eq!(ada(&app, &format!("?at={}", earlier["sequence"]))["state"], earlier["state"]);
    assert_eq!(ada(&app, "?version=0")["state"], Value::Null);
}

#[test]
fn a_page_shows_the_state_and_leads_to_the_versions_beside_it() {
    let app = TestApp::with_story(40);
    let page = app.get("/entities/bot/ada?version=4", HTML).page();
    assert_eq!(page.text("h1"), "bot ada");
    assert!(page.texts("main .fields dd").contains(&"Ada".to_owned()));
    assert!(page.texts("h3").iter().any(|head| head.starts_with("memories")));
    // A heading stands over its numbers.
    let numbers = ["id", "significance", "pinned"];
    assert_eq!(page.texts("[aria-label=memories] th.n"), numbers);
    assert_eq!(page.attributes("[aria-label=memories] tbody tr:first-child td.n", "data-head"), numbers);
    assert_eq!(page.attribute("a[rel=prev]", "href"), "/entities/bot/ada?version=3");
    assert_eq!(page.attribute("a[rel=next]", "href"), "/entities/bot/ada?version=5");
    let first = app.get("/entities/bot/ada?version=0", HTML).page();
    assert!(!first.has("a[rel=prev]"));
    assert!(first.text("main").contains("Before its first event there is none."));
    assert!(!app.get("/entities/bot/ada", HTML).page().has("a[rel=next]"));
}

#[test]
fn two_versions_are_compared_by_path() {
    let app = TestApp::with_story(40);
    let found = ada(&app, "?version=1&with=2");
    assert_eq!((&found["diff"]["version"], &found["diff"]["with"]), (&json!(1), &json!(2)));
    let first = &found["diff"]["differences"][0];
    assert_eq!((&first["path"], &first["change"]), (&json!("$.edges_out[target_id=\"bob\"]"), &json!("added")));
    assert_eq!(first["after"]["affinity"], 1);
    assert!(ada(&app, "").get("diff").is_none());

    let page = app.get("/entities/bot/ada?version=1&with=4", HTML).page();
    assert_eq!(page.text("#compared"), "From version 1 to version 4");
    let foot = page.text("footer");
    assert!(foot.contains("backstitch entity diff bot ada 1 4"), "{foot}");
    assert!(
        page.attributes("footer a", "href").iter().any(|to| to.contains("version=1&with=4")) || foot.contains("with=4"),
        "{foot}"
    );
    let then = app.get("/entities/bot/ada?version=2", HTML).page();
    assert!(then.text("footer").contains("backstitch entity show bot ada --version 2"));
    assert!(page.texts(".compared .key").contains(&"$.edges_out[target_id=\"bob\"]".to_owned()));
    assert_eq!(page.texts(".compared .pair .quiet")[..3], ["target_id", "affinity", "trust"]);
    let same = app.get("/entities/bot/ada?version=4&with=4", HTML).page();
    assert!(same.text("main").contains("Nothing differs."));
}

#[test]
fn taking_one_answers_201_and_the_same_again_200() {
    let app = TestApp::with_story(40);
    let taken = app.post("/entities/bot/ada/snapshots", &[], JSON);
    assert_eq!(taken.status, 201);
    let taken = taken.json();
    for field in ["entity_type", "entity_id", "workflow_id", "version", "sequence", "state", "state_hash", "created_at"]
    {
        assert!(taken.get(field).is_some(), "{field}");
    }
    let again = app.post("/entities/bot/ada/snapshots", &[], JSON);
    assert_eq!((again.status, again.json()), (200, taken.clone()));
    let path = format!("/entities/bot/ada/snapshots/{}", taken["version"]);
    assert_eq!(app.get(&path, JSON).json(), taken);

    let answer = app.post("/entities/bot/ada/snapshots", &[], HTML);
    assert_eq!((answer.status, answer.header("location")), (303, "/entities/bot/ada?told=there#result"));
    app.store.append(Story::from(41).tell(6));
    let answer = app.post("/entities/bot/ada/snapshots", &[], PLAIN);
    assert_eq!((answer.status, answer.header("location")), (303, "/entities/bot/ada?told=taken#result"));
    let page = app.get("/entities/bot/ada?told=taken", HTML).page();
    assert!(page.text(".result h2").starts_with("A snapshot at version "));
    assert!(app.get(&path, HTML).page().text("main").contains(taken["state_hash"].as_str().unwrap()));
}

#[test]
fn a_damaged_snapshot_is_422_and_the_log_answers_where_it_is_asked() {
    let app = TestApp::with_story(40);
    let taken = app.post("/entities/bot/ada/snapshots", &[], JSON).json();
    let sql = "UPDATE entity_snapshots SET state = replace(state, 'Ada', 'Eve')";
    app.store.other_program().execute(sql, []).unwrap();
    let path = format!("/entities/bot/ada/snapshots/{}", taken["version"]);
    for accept in [HTML, JSON, PLAIN] {
        let refused = app.get(&path, accept);
        assert_eq!(refused.status, 422, "{accept}");
        assert!(refused.words(accept).contains("its state hash is"), "{}", refused.words(accept));
    }
    let answer = app.get(&format!("{path}?fallback=replay"), JSON).json();
    assert_eq!((&answer["state"], &answer["state_hash"]), (&taken["state"], &taken["state_hash"]));
    let page = app.get(&format!("{path}?fallback=replay"), HTML).page();
    assert!(page.text("main").contains("No sound snapshot is there; this is what the log gives."));
    assert!(app.get("/entities/bot/ada", HTML).page().text("#snapshots ~ table").contains("damaged"));
    assert_eq!(app.get("/entities/bot/ada/snapshots/1?fallback=replay", JSON).json()["version"], 1, "none was taken");
}

#[test]
fn a_snapshot_of_elsewhere_is_imported() {
    let app = TestApp::with_story(40);
    let text = r#"{"entity_type": "bot", "entity_id": "far/away", "version": 7, "state": {"n": 123456789012345678901234567890}}"#;
    let imported = app.post_body("/entities/import", "application/json", text, JSON);
    assert_eq!(imported.status, 201);
    assert!(imported.text().contains("123456789012345678901234567890"), "every digit");
    let sent = app.post_body("/entities/import", "application/json", text, PLAIN);
    assert_eq!((sent.status, sent.header("location")), (303, "/entities/bot/far%2Faway/snapshots/7"));
    let page = app.get("/entities/bot/far%2Faway/snapshots/7", HTML).page();
    assert!(page.text("main").contains("imported without a hash"));
    let list = app.get("/entities?type=bot&q=far", HTML).page();
    assert_eq!(list.texts("tbody th"), ["far/away"]);
    assert!(list.text("tbody").contains("none of its events are in the log"));
    let listed = app.get("/entities", JSON).json();
    assert_eq!(listed["types"][0], serde_json::json!({"type": "bot", "count": 3, "next_after": null}));
    assert_eq!((&listed["entities"][2]["id"], &listed["entities"][2]["version"]), (&"far/away".into(), &0.into()));
    for (body, status) in
        [("", 400), ("[1]", 400), (r#"{"entity_type": "ship"}"#, 404), (r#"{"state_hash": "0"}"#, 422)]
    {
        assert_eq!(app.post_body("/entities/import", "application/json", body, JSON).status, status, "{body}");
    }
}

#[test]
fn what_is_not_there_or_not_meant_is_refused() {
    let app = TestApp::with_story(40);
    for (path, status, words) in [
        ("/entities/ship/ada", 404, "no type of entity \"ship\""),
        ("/entities/bot/eve", 404, "here is no bot \"eve\""),
        ("/entities/bot/ada?version=999", 404, "has no version 999"),
        ("/entities/bot/ada?version=1&with=999", 404, "has no version 999"),
        ("/entities/bot/ada?version=-1", 400, "version must be"),
        ("/entities/bot/ada?version=1&at=2", 400, "not both"),
        ("/entities/bot/ada?at=999", 400, "must be from 0 to 40"),
        ("/entities/bot/ada/snapshots/1", 404, "no snapshot of bot \"ada\" at version 1"),
        ("/entities/bot/ada/snapshots/one", 404, "a version is a whole number"),
        ("/entities/bot/ada/snapshots/1?fallback=guess", 400, "fallback must be replay"),
        ("/entities?type=ship", 404, "no type of entity \"ship\""),
    ] {
        for accept in [HTML, JSON, PLAIN] {
            let refused = app.get(path, accept);
            assert_eq!(refused.status, status, "{path}");
            // A page begins with a capital.
            let told = refused.words(accept);
            assert!(told.to_lowercase().contains(&words.to_lowercase()), "{path}: {told}");
        }
    }
    assert_eq!(app.post("/entities/bot/eve/snapshots", &[], JSON).status, 404);
}

#[test]
fn an_id_may_hold_anything() {
    let app = TestApp::new();
    for id in ["../../etc/passwd", "a b?c#d", "🎭", "%2F", "<b>", "'; DROP TABLE bots; --"] {
        let payload = json!({ "bot_id": id, "name": "N", "persona": "P" });
        app.store.append(vec![backstitch::log::NewEvent::new("bot_created", payload.to_string()).unwrap()]);
        let path = format!("/entities/bot/{}", encoded(id));
        assert_eq!(app.get(&path, JSON).json()["id"], id);
        assert_eq!(app.get(&path, HTML).page().text("h1"), format!("bot {id}"));
        assert_eq!(app.post(&format!("{path}/snapshots"), &[], JSON).status, 201);
    }
    let urls = app.get("/entities?type=bot", HTML).page().attributes(".entities th a", "href");
    assert_eq!(urls.len(), 6);
    assert!(urls.iter().all(|url| app.get(url, HTML).status == 200), "{urls:?}");
}

#[test]
fn a_moment_beyond_the_calendar_is_refused_and_no_page_minds() {
    let app = TestApp::with_story(10);
    let edge = "9999-12-31T23:59:59-23:00";
    let event = format!(r#"{{"kind": "note", "payload": {{}}, "ts": "{edge}"}}"#);
    assert_eq!(app.post_body("/events", "application/json", &event, JSON).status, 400);
    let import = format!(r#"{{"entity_type": "bot", "entity_id": "ada", "created_at": "{edge}"}}"#);
    assert_eq!(app.post_body("/entities/import", "application/json", &import, JSON).status, 400);
    // Another program asks nobody.
    let sql = "INSERT INTO event_log (ts, kind, payload_json) VALUES (?1, 'note', '{}')";
    app.store.other_program().execute(sql, [edge]).unwrap();
    app.store.engine.catch_up().unwrap();
    for path in ["/", "/?show=all", "/events", "/events/11", "/rewind?after_event_id=10", "/entities"] {
        assert_eq!(app.get(path, HTML).status, 200, "{path}");
    }
}
