//! `/help` and `/help/components`.

use backstitch::web::{Flag, Origin, Settings};

use crate::support::{HTML, JSON, TestApp, TestStore, program};

fn flag(name: &str, takes: &str, value: &str, origin: Origin) -> Flag {
    let help = format!("What {name} is");
    Flag { name: name.into(), takes: takes.into(), value: value.into(), origin, help }
}

fn app() -> TestApp {
    let flags = vec![
        flag("keep-periodic", "N", "7", Origin::Flag),
        flag("registry", "FILE", "", Origin::Default),
        flag("data-dir", "DIR", "data", Origin::Default),
        flag("open", "", "true", Origin::Environment("BACKSTITCH_OPEN".into())),
    ];
    TestApp::serving(TestStore::with_story(12), Settings { flags, ..Settings::default() })
}

#[test]
fn every_flag_stands_there_with_its_value_and_where_that_is_from() {
    let page = app().get("/help", HTML).page();
    assert_eq!(page.texts(".flags th code"), ["--keep-periodic N", "--registry FILE", "--data-dir DIR", "--open"]);
    let folder = page.text(".foot-item code");
    assert_eq!(page.texts(".flags td[data-head=value]"), ["7", "not set", folder.as_str(), "yes"]);
    assert!(std::path::Path::new(&folder).is_absolute());
    assert_eq!(page.texts(".flags td[data-head=from]"), ["the flag", "default", "default", "BACKSTITCH_OPEN"]);
    assert_eq!(page.texts(".flags td:last-child")[0], "What keep-periodic is");
}

#[test]
fn a_program_gets_flags_and_words_as_json() {
    let json = app().get("/help", JSON).json();
    assert_eq!(json["flags"][0]["value"], "7");
    assert_eq!(json["flags"][0]["origin"], "flag");
    assert_eq!(json["flags"][2]["value"], "data", "as it was given");
    assert_eq!(json["flags"][3]["origin"]["environment"], "BACKSTITCH_OPEN");
    let word = json["words"].as_array().unwrap().iter().find(|word| word["word"] == "paused").unwrap();
    assert_eq!(word["also"], "held");
}

#[test]
fn help_is_behind_more_and_leads_on_to_the_components() {
    let page = app().get("/help", HTML).page();
    assert_eq!(page.text(".more [aria-current=page]"), "Help");
    assert!(page.has("main a[href='/help/components']"));
    for part in page.attributes("main .ways a", "href") {
        assert!(page.has(&part), "{part}");
    }
}

#[test]
fn every_line_for_curl_names_a_route_of_this_server() {
    let app = app();
    let page = app.get("/help", HTML).page();
    let lines: Vec<String> = page.texts(".ways-of dd").into_iter().filter(|line| line.starts_with("curl ")).collect();
    assert!(lines.len() > 20);
    for line in lines {
        let path = line.split_once("http://127.0.0.1:8787").unwrap().1.split([' ', '\'']).next().unwrap();
        if path == "/progress" {
            continue;
        }
        let method = if line.contains("-X POST") { "POST" } else { "GET" };
        // To anyone else a form's answer is a way to a page, of which curl prints nothing.
        assert!(method == "GET" || line.contains("-H 'Accept: application/json'"), "{line}");
        let filled = path.replace("STAMP", "20010101T000000Z").replace("OPERATION", "9").replace("=N", "=7");
        let filled = filled.replace("/N/", "/7/").replace("TABLE", "bots").replace("/ID", "/20010101T000000Z");
        let answer = app.send(method, &filled, JSON, &[], "");
        assert_ne!(answer.status, 405, "{line}");
        assert!(!String::from_utf8_lossy(&answer.body).contains("There is no such page"), "{line}");
    }
}

#[test]
fn every_command_and_its_options_are_the_programs() {
    let page = app().get("/help", HTML).page();
    let folder = tempfile::tempdir().unwrap();
    let lines: Vec<String> =
        page.texts(".ways-of dd").into_iter().filter(|line| line.starts_with("backstitch ")).collect();
    assert!(lines.len() > 20);
    for line in lines {
        let words: Vec<&str> = line.split(' ').skip(1).collect();
        let command = words.iter().take_while(|word| word.chars().all(|c| c.is_ascii_lowercase()));
        let help = program(folder.path()).args(command).arg("--help").output().unwrap();
        let help = String::from_utf8(help.stdout).unwrap();
        let usage = help.lines().find(|line| line.starts_with("Usage: backstitch")).unwrap();
        for option in words.iter().filter(|word| word.starts_with("--")) {
            assert!(help.contains(option), "{line}: {option}");
        }
        let first = words.iter().find(|word| word.chars().all(char::is_uppercase) && !word.starts_with("--"));
        if let Some(argument) = first.filter(|_| !line.contains(" --out ")) {
            assert!(usage.contains('<') || usage.contains('['), "{line} takes {argument}: {usage}");
        }
    }
}

#[test]
fn every_component_is_shown_in_its_states() {
    let page = app().get("/help/components", HTML).page();
    assert_eq!(
        page.texts("section[aria-labelledby=c-rows] .verb"),
        ["+ comes back", "− goes", "~ changes", "~ changes", "~ changes"]
    );
    assert!(page.has(".differs del") && page.has(".differs ins") && page.has(".at-path"));
    assert!(
        page.has(".seam-wide .knot .mark-damaged") && page.has(".seam-wide a.loop") && page.has(".seam-wide .fold")
    );
    assert!(page.texts(".fact").len() > 3);
    for css in [
        "button.primary",
        "button.danger[aria-disabled=true]",
        "main .acts button[type=button]",
        "main .strip button",
        "main .strip a",
        "main progress[value]",
        ".result h2",
        ".alert",
        ".field-error",
        "[aria-invalid=true]",
        "form.confirm input[name=confirm_id]",
        ".option.off",
        ".option input[checked]",
        "table.changes tr.current",
        ".pane",
        ".turn",
        ".event.off",
        ".flag",
        "pre[data-copy]",
        "details",
        "select",
        ".null",
        "button.primary[aria-disabled=true]",
        ".attention .matters button",
        ".steps .ticked",
        ".result .acts button",
        ".newer-plan a",
        "form[data-confirm] [aria-describedby=c-did-note]",
    ] {
        assert!(page.has(css), "{css}");
    }
    let strips = page.texts("main .strip strong");
    for lead in
        ["3 rows differ", "The disk is full: nothing", "The tables are paused", "The tables stopped", "No checkpoint"]
    {
        assert!(strips.iter().any(|strip| strip.starts_with(lead)), "{lead}: {strips:?}");
    }
    let all = page.attributes(".symbols symbol", "id");
    let shown = page.attributes("main use", "href");
    let missing: Vec<&String> =
        all.iter().filter(|id| *id != "m-stitch" && !shown.contains(&format!("#{id}"))).collect();
    assert!(missing.is_empty(), "marks that are not shown: {missing:?}");
}

#[test]
fn no_form_of_the_components_changes_anything() {
    let page = app().get("/help/components", HTML).page();
    for action in page.attributes("main form[method=post]", "action") {
        assert!(action.starts_with("/rewind?"), "{action}");
    }
}
