//! The texts that pages speak in, each as a whole sentence with its numbers from a real store.

use std::time::Duration;

use serde_json::json;

use super::{follow, send_form, with_newer_events};
use crate::support::{HTML, JSON, Page, Story, TestApp, story};

/// A text without what differs from run to run: times of day, and how long something took.
fn calm(text: &str) -> String {
    let words: Vec<&str> = text.split(' ').collect();
    let is_unit = |word: Option<&&str>| word.is_some_and(|word| matches!(word.trim_end_matches('.'), "ms" | "s"));
    let calm = |(at, word): (usize, &&str)| match word {
        word if word.contains(':') && word.starts_with(|char: char| char.is_ascii_digit()) => "…".to_owned(),
        word if word.starts_with(|char: char| char.is_ascii_digit()) && is_unit(words.get(at + 1)) => "…".to_owned(),
        word => word.replace("ms", "s"),
    };
    words.iter().enumerate().map(calm).collect::<Vec<_>>().join(" ")
}

/// The day until which a safety copy of today is kept.
fn until(app: &TestApp) -> String {
    let (now, until) = (app.store.engine.now(), app.store.engine.now() + Duration::from_secs(14 * 86_400));
    let year = if now.year() == until.year() { String::new() } else { format!(" {}", until.year()) };
    format!("{} {}{year}", until.day(), until.month())
}

fn plan(app: &TestApp, id: &str) -> Page {
    app.get(&format!("/snapshots/{id}/preview?kind=periodic"), HTML).page()
}

fn snapshot(app: &TestApp) -> String {
    app.take_snapshot()["snapshot_id"].as_str().unwrap().to_owned()
}

fn rewind(app: &TestApp, after: &str) -> Page {
    let form = app.get(&format!("/rewind?after_event_id={after}"), HTML).page();
    follow(app, &send_form(app, &form, "form#rewind", &[("confirm_event_id", after)]))
}

/// Why the tables alone cannot go back.
fn why(app: &TestApp, id: &str) -> String {
    calm(&plan(app, id).text("main .why"))
}

const ALONE: &str = "Its tables alone cannot, since they would not fit today's log.";

#[test]
fn a_restore_says_what_each_choice_does_and_what_saves_it() {
    let (app, id) = with_newer_events();
    let (page, until) = (plan(&app, &id), until(&app));
    assert_eq!(
        page.text("label[for=tables]"),
        format!(
            "Tables only The tables return to how they were at event 12. The log keeps all of its 24 events; the newest \
             12 wait, and the tables stay paused until you apply them, a new event comes in, or you restart. A safety \
             copy of the present is taken first. It is kept until {until}."
        )
    );
    assert_eq!(
        page.text("label[for=everything]"),
        format!(
            "Tables and log The tables and the log return to event 12. The newest 12 events leave the log. A safety copy \
             with all of them is taken first and kept until {until}; Undo brings them back until then."
        )
    );
}

#[test]
fn a_snapshot_of_events_that_were_taken_back_says_when_and_what_returns() {
    let app = TestApp::with_story(24);
    let id = snapshot(&app);
    rewind(&app, "12");
    let back = format!(
        "This snapshot holds 12 events that were taken back at … UTC. Tables and log together can return to it: 12 \
         events come back. {ALONE}"
    );
    assert_eq!(why(&app, &id), back);
    assert!(!plan(&app, &id).has("#everything[disabled]") && plan(&app, &id).has("#tables[disabled]"));
    app.store.append(Story::from(25).tell(3));
    assert_eq!(why(&app, &id), back.replace("come back.", "come back, 3 newer ones leave."));
    rewind(&app, "10");
    assert!(why(&app, &id).starts_with("This snapshot holds 14 events that were taken back at … UTC and later."));
}

#[test]
fn events_that_were_brought_back_and_taken_back_again_left_by_the_second() {
    let app = TestApp::with_story(24);
    let id = snapshot(&app);
    let undone = follow(&app, &send_form(&app, &rewind(&app, "12"), ".result form", &[]));
    assert!(!plan(&app, &id).has("main .why"));
    follow(&app, &send_form(&app, &undone, ".result form", &[]));
    assert!(why(&app, &id).starts_with("This snapshot holds 12 events that were taken back at … UTC. "));
    assert!(plan(&app, &id).text(".facts .care").starts_with("the log has changed since: undo of "));
    assert!(plan(&app, &id).text("details.same").contains("--scope everything"));
    let other = snapshot(&app);
    app.store.append(Story::from(25).tell(1));
    let same = plan(&app, &other).text("details.same");
    assert!(same.contains("--scope projections") && same.contains("For tables and log say everything"), "{same}");
}

#[test]
fn an_undo_that_only_brought_events_back_is_no_reason() {
    let app = TestApp::with_story(24);
    let undone = send_form(&app, &rewind(&app, "20"), ".result form", &[]);
    follow(&app, &undone);
    rewind(&app, "10");
    let found = app.get("/snapshots", JSON).json();
    let reasons: Vec<_> = found["snapshots"].as_array().unwrap().iter().map(|one| &one["left_by"]).collect();
    assert_eq!(reasons.len(), 3);
    for reason in reasons {
        assert_eq!((&reason["what"], &reason["operation"]), (&"rewind".into(), &3.into()), "{reason}");
    }
}

#[test]
fn a_restore_of_the_log_is_what_every_later_snapshot_names() {
    let app = TestApp::with_story(12);
    let id = snapshot(&app);
    app.store.append(Story::from(13).tell(10));
    app.restore(&id, &[("scope", "projections")]);
    app.post("/projection/replay", &[], JSON);
    app.restore(&id, &[("scope", "everything")]);
    let found = app.get("/snapshots", JSON).json();
    let copies: Vec<_> = found["snapshots"].as_array().unwrap().iter().filter(|one| one["kind"] == "rewind").collect();
    assert_eq!(copies.len(), 2);
    for copy in copies {
        assert_eq!((&copy["left_by"]["by"], &copy["left_by"]["what"]), (&"operation".into(), &"restore".into()));
    }
}

#[test]
fn of_one_event_it_is_told_in_the_singular() {
    let app = TestApp::with_story(13);
    let id = snapshot(&app);
    rewind(&app, "12");
    app.store.append(Story::from(14).tell(1));
    assert_eq!(
        why(&app, &id),
        format!(
            "This snapshot holds 1 event that was taken back at … UTC. Tables and log together can return to it: 1 event \
             comes back, 1 newer one leaves. {ALONE}"
        )
    );
}

#[test]
fn what_else_changed_the_log_is_named_instead() {
    let app = TestApp::with_story(12);
    let id = snapshot(&app);
    let together = "Tables and log together can return to it";
    app.post("/events/9/hide", &[], JSON);
    let hidden = format!("An event that this snapshot shows was hidden at … UTC. {together}. {ALONE}");
    assert_eq!(why(&app, &id), hidden);
    let hiding = snapshot(&app);
    app.post("/events/9/unhide", &[], JSON);
    let shown = format!("An event that this snapshot hides was shown again at … UTC. {together}. {ALONE}");
    assert_eq!(why(&app, &hiding), shown);
    let event = json!({ "kind": "user_turn", "payload": { "chat_id": "c", "text": "Better." }, "supersedes": 12 });
    app.post_body("/events", "application/json", &event.to_string(), JSON);
    let replaced = format!(
        "Event 13 replaced event 12, which this snapshot holds as it was. {together}: 1 newer event leaves. {ALONE}"
    );
    assert_eq!(why(&app, &id), replaced);
    let newer = snapshot(&app);
    app.store.other_program().execute_batch("DELETE FROM event_log WHERE id IN (10, 11)").unwrap();
    app.store.engine.catch_up().unwrap();
    let taken_out = "This snapshot holds 2 events that another program took out of the log.";
    assert_eq!(why(&app, &newer), format!("{taken_out} {together}: 2 events come back. {ALONE}"));
}

#[test]
fn a_rewind_says_what_it_takes_back_and_what_it_did() {
    let app = TestApp::with_story(24);
    let (page, until) = (app.get("/rewind?after_event_id=13", HTML).page(), until(&app));
    assert_eq!(
        calm(&page.text("main .lead")),
        "Take back 11 events. Event 13 (assistant turn, Ada, … UTC) becomes the last; events 14 to 24 leave the log: 3 \
         assistant turns, 2 activities changed, 2 edge updates, 4 others, hidden ones included."
    );
    let rest = page.texts("main p").into_iter().find(|text| text.contains("rows change in")).unwrap();
    let (rows, safety) = rest.split_once(". ").unwrap();
    assert!(rows.ends_with(" tables") && rows.matches(' ').count() == 5, "{rows}");
    assert_eq!(safety, format!("A safety copy is taken first and kept until {until}; Undo brings everything back."));
    assert_eq!(page.text("label[for=cid]"), "Type the number of the last event that stays: 13");
    assert_eq!(page.text("#rewind button"), "Take back 11 events");

    let done = rewind(&app, "13");
    assert_eq!(done.text("#result"), "Went back to event 13.");
    let changed = rows.replace("change", "changed");
    assert_eq!(
        calm(&done.text(".result > p")),
        format!("11 events left the log, {changed}, in … s. The safety copy is kept until {until}.")
    );
    assert_eq!(done.text(".result form button"), "Undo the rewind to event 13");
    assert_eq!(done.text(".result .act a"), "See what undoing would change \u{2192}");
}

#[test]
fn what_was_undone_can_be_done_again() {
    let app = TestApp::with_story(24);
    let undone = follow(&app, &send_form(&app, &rewind(&app, "12"), ".result form", &[]));
    assert_eq!(undone.text("#result"), "Undone: the log is at event 24 again, all rows as before.");
    assert_eq!(undone.text(".result form button"), "Go back again (the undo of operation 1 is undone)");
    follow(&app, &send_form(&app, &undone, ".result form", &[]));
    assert_eq!(app.store.engine.status().unwrap().head, 12);
}

#[test]
fn tables_that_went_back_alone_say_what_waits_and_what_can_be_done() {
    let (app, id) = with_newer_events();
    let fields = [("confirm_id", id.as_str()), ("kind", "periodic")];
    let answer = app.post(&format!("/snapshots/restore/{id}"), &fields, HTML);
    let page = follow(&app, &answer);
    let changed: u64 = app.store.engine.operations(1).unwrap()[0].detail["rows_changed"]
        .as_object()
        .unwrap()
        .values()
        .map(|rows| rows.as_u64().unwrap())
        .sum();
    assert_eq!(
        calm(&page.text("#result")),
        format!("The tables are as they were at event 12; {changed} rows changed in … s.")
    );
    assert_eq!(page.text(".result > p"), format!("12 events wait. The safety copy is kept until {}.", until(&app)));
    assert_eq!(page.texts(".result form button"), ["Apply them (12 waiting events)", "Undo going back to event 12"]);
    assert_eq!(
        page.text(".strip p"),
        "The tables are paused at event 12. 12 newer events are in the log and wait. The next event that comes in, or a \
         restart, applies them as well."
    );
    assert_eq!(page.text(".strip button"), "Apply 12 events");
    let applied = follow(&app, &send_form(&app, &page, ".result form[action='/projection/replay']", &[]));
    assert_eq!(applied.text("#result"), "The tables stand at event 24.");
    let undone = follow(&app, &app.post("/history/2/undo", &[], HTML));
    assert_eq!(undone.text("#result"), "Undone: the tables stand at event 24 again.");
    assert!(undone.text(".result form button").starts_with("Go back again"));
}

#[test]
fn an_undo_after_which_the_log_went_on_leads_to_its_plan() {
    let app = TestApp::with_story(24);
    rewind(&app, "12");
    app.store.append(Story::from(25).tell(10));
    let page = app.get("/events?done=1", HTML).page();
    let said = "10 events were added since. Undoing takes them away as well, after a safety copy.";
    assert!(page.text(".result > p").ends_with(said), "{}", page.text(".result > p"));
    assert!(!page.has(".result form"));
    let links = page.texts(".result .act a");
    assert_eq!(links[0], "See the plan of undoing the rewind to event 12");
}

#[test]
fn what_is_typed_wrongly_is_told_beside_what_was_asked_for() {
    let (app, id) = with_newer_events();
    let typed = format!("{}0Z", &id[..id.len() - 2]);
    let typed = if typed == id { typed.replace("0Z", "1Z") } else { typed };
    let said = format!("That is {typed}; the id is {id}. Nothing was done.");
    for form in ["form#restore", "form#delete"] {
        let answer = send_form(&app, &plan(&app, &id), form, &[("confirm_id", &typed)]);
        assert_eq!((answer.status, answer.page().text("main .alert")), (400, said.clone()));
        assert_eq!(answer.page().text(".field-error"), said);
        assert_eq!(answer.page().attribute(&format!("{form} [name=confirm_id]"), "value"), typed);
    }
}

#[test]
fn while_another_change_is_written_every_form_stays_filled() {
    let app = TestApp::with(|options| options.busy_timeout = Duration::from_millis(700));
    app.store.append(story(12));
    let id = snapshot(&app);
    app.store.append(Story::from(13).tell(12));
    let said = "Another change is being written. Nothing was done; try again in a moment.";
    let back = format!("/snapshots/{id}/preview?kind=periodic");
    let forms = [
        (back.as_str(), "form#restore", "confirm_id", id.as_str()),
        (back.as_str(), "form#delete", "confirm_id", id.as_str()),
        ("/rewind?after_event_id=12", "form#rewind", "confirm_event_id", "12"),
        ("/projection", "form#rebuild", "confirm_head", "24"),
        ("/snapshots", "form.take", "label", "kept"),
    ];
    let pages: Vec<Page> = forms.iter().map(|(page, ..)| app.get(page, HTML).page()).collect();
    let other = app.store.other_program();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    for ((_, form, field, typed), page) in forms.into_iter().zip(pages) {
        let answer = send_form(&app, &page, form, &[(field, typed)]);
        assert_eq!((answer.status, answer.header("retry-after")), (503, "1"), "{form}");
        assert_eq!(answer.page().text("main .alert"), said, "{form}");
        assert_eq!(answer.page().attribute(&format!("{form} [name={field}]"), "value"), typed);
    }
}

#[test]
fn a_store_that_moved_says_by_how_much() {
    let app = TestApp::with_story(24);
    let page = app.get("/rewind?after_event_id=12", HTML).page();
    app.store.append(Story::from(25).tell(3));
    let answer = send_form(&app, &page, "form#rewind", &[("confirm_event_id", "12")]);
    assert_eq!(
        answer.page().text(".strip p"),
        "The log moved while you were reading: 3 new events. Nothing was done. This is the plan as it is now."
    );
}

#[test]
fn a_stuck_store_says_why_and_what_waits() {
    let app = TestApp::with_story(12);
    let other = app.store.other_program();
    for chat in ["nowhere", "c", "c"] {
        let insert = "INSERT INTO event_log (kind, payload_json) VALUES ('user_turn', ?1)";
        other.execute(insert, [json!({ "chat_id": chat, "text": "?" }).to_string()]).unwrap();
    }
    app.store.engine.catch_up().unwrap();
    let page = app.get("/", HTML).page();
    assert_eq!(
        page.text(".strip p:first-child"),
        "The tables stopped before event 13. Another program wrote it, and it breaks a rule: chat_state.chat_id names no \
         row of chats. Nothing is lost; 2 later events wait, and new ones are refused until this is mended."
    );
    assert_eq!(page.text(".strip a"), "See event 13");
}

#[test]
fn an_empty_store_says_what_it_is_for_and_how_to_begin() {
    let page = TestApp::new().get("/", HTML).page();
    assert_eq!(page.text("h1"), "Nothing here yet");
    assert_eq!(
        page.text("main .lead"),
        "Your app writes what happens as events. Backstitch keeps the tables that follow from them, saves them as it \
         goes, and lets you see, row by row, what going back would change before you do it. Try it with a short story: \
         110 events, then 40 more when you say so."
    );
    assert_eq!(page.text("main form button"), "Load the sample story");
    assert!(page.texts("main p").contains(&"Or send your first event:".to_owned()));
    let small = page.text("main p.small");
    assert!(small.starts_with("This store is new: /"), "{small}");
    assert!(small.ends_with(". Expected another one? Start with --data-dir."), "{small}");
}

#[test]
fn the_sample_leads_on_in_three_steps_and_out_again() {
    let app = TestApp::new();
    app.post("/sample", &[], HTML);
    app.take_snapshot();
    let steps = || app.get("/", HTML).page().texts(".steps li");
    let look = "Look at the first snapshot \u{2192}";
    let look = format!("{look} taken");
    assert_eq!(steps(), [&look, "Continue the story (40 events)", "See what going back would change and go back"]);
    app.post("/sample/continue", &[], HTML);
    let change = "See what going back would change \u{2192}";
    assert_eq!(steps(), [&look, "The story is continued (40 events)", &format!("{change} and go back")]);
    let page = app.get("/", HTML).page();
    assert_eq!(page.texts(".steps .ticked").len(), 2, "what was only looked at is not known");
    rewind(&app, "149");
    for _ in 0..6 {
        app.take_snapshot();
    }
    let ticked = || app.get("/", HTML).page().texts(".steps .ticked");
    assert_eq!(ticked(), [&look, "The story is continued (40 events)", &format!("{change} gone back")]);
    rewind(&app, "110");
    assert_eq!(
        ticked(),
        [&look, "Continue the story (40 events) continued before", "See what going back would change gone back"]
    );
    assert_eq!(page.text(".steps a[href='/rewind?after_event_id=0']"), "Remove the sample and start empty");
}
