//! The page of a damaged snapshot: what is wrong with it, what else is concerned, where to go.

use std::path::{Path, PathBuf};

use backstitch::log::NewEvent;
use backstitch::snapshot::Snapshot;

use super::damage;
use crate::support::{HTML, JSON, Page, TestApp};

const PERIODIC: (&str, &str) = ("kind", "periodic");

fn plan(id: &str) -> String {
    format!("/snapshots/{id}/preview?kind=periodic")
}

fn page(app: &TestApp, id: &str) -> Page {
    page_at(app, &plan(id))
}

fn page_at(app: &TestApp, address: &str) -> Page {
    let answer = app.get(address, HTML);
    assert_eq!(answer.status, 422, "{}", answer.text());
    answer.page()
}

/// Whether a paragraph of the page has these words.
#[track_caller]
fn says(page: &Page, words: &str) {
    let paragraphs = page.texts("main p");
    assert!(paragraphs.iter().any(|text| text.contains(words)), "{words:?} in {paragraphs:?}");
}

fn pieces(app: &TestApp) -> Vec<PathBuf> {
    let inside = |folder: &Path| std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let folders = inside(&app.store.path().join("snapshots/chunks")).filter(|path| path.is_dir());
    folders.flat_map(|folder| inside(&folder).collect::<Vec<_>>()).collect()
}

/// Makes a snapshot damaged by the loss of one piece that has rows of `bots`, which it shares with
/// every snapshot of the same bots.
fn lose_the_bots(app: &TestApp, of: &Snapshot) -> String {
    for piece in pieces(app) {
        let bytes = std::fs::read(&piece).unwrap();
        std::fs::remove_file(&piece).unwrap();
        let error = app.store.engine.verify(of.kind, &of.snapshot_id).unwrap_err().to_string();
        if error.contains("bots, rows ") {
            let name = piece.file_stem().unwrap().to_str().unwrap();
            assert!(error.contains(name), "{error}");
            return name.to_owned();
        }
        std::fs::write(&piece, bytes).unwrap();
    }
    panic!("no piece holds bots");
}

/// A snapshot of the first events of the story, which the loss of one piece damages.
fn with_lost_bots() -> (TestApp, Snapshot) {
    let app = TestApp::with_story(12);
    let snapshot = app.store.take();
    lose_the_bots(&app, &snapshot);
    (app, snapshot)
}

#[test]
fn it_says_which_of_how_many_pieces_is_lost_and_with_which_rows() {
    let (app, snapshot) = with_lost_bots();
    let page = page(&app, snapshot.snapshot_id.as_str());
    let lead = page.text("main .lead");
    let (count, rest) = lead
        .strip_prefix("This snapshot cannot be restored. One of its ")
        .and_then(|rest| rest.split_once(" pieces (bots, row"))
        .unwrap_or_else(|| panic!("{lead}"));
    // Nothing but this snapshot has pieces here, and one of them is gone.
    assert_eq!(count.parse::<usize>().unwrap(), pieces(&app).len() + 1);
    assert!(rest.ends_with(") is missing."), "{lead}");
    says(&page, "your live data is not affected");
    says(&page, "No other snapshot shares this piece.");
    says(&page, "There is no sound snapshot.");
    assert!(page.has("form[action='/snapshots/take'] button.primary"));
    assert!(!page.texts("main p").iter().any(|text| text.contains("No space is freed")));
}

#[test]
fn what_was_expected_and_what_was_found_is_told_in_short() {
    let app = TestApp::with_story(12);
    let snapshot = app.store.take();
    let name = lose_the_bots(&app, &snapshot);
    // A sound frame with other rows in it.
    let path = app.store.path().join("snapshots/chunks").join(&name[..2]).join(format!("{name}.zst"));
    let other = pieces(&app).into_iter().max_by_key(|piece| piece.metadata().unwrap().len()).unwrap();
    std::fs::copy(other, path).unwrap();
    let id = snapshot.snapshot_id.as_str();
    assert_eq!(app.post(&format!("/snapshots/{id}/verify"), &[PERIODIC], JSON).status, 422);
    let lead = page(&app, id).text("main .lead");
    assert!(lead.contains(&format!("{}\u{2026}", &name[..4])), "{lead}");
    assert!(lead.contains(" is not what was written: expected ") && lead.contains(", found "), "{lead}");
    assert!(!lead.contains(&name[..5]), "a hash is cut: {lead}");
}

#[test]
fn those_that_share_the_piece_are_named_and_the_newest_sound_one_is_another() {
    let app = TestApp::with_story(12);
    let (first, second) = (app.store.take(), app.store.take());
    lose_the_bots(&app, &first);
    let matters = app.get("/", HTML).page().text(".matters");
    assert!(matters.contains(&format!("The snapshot {} of ", first.snapshot_id)), "{matters}");
    let shared = page(&app, first.snapshot_id.as_str());
    says(&shared, "1 other snapshot shares this piece: ");
    assert_eq!(shared.attributes("main .shared a", "href"), [plan(second.snapshot_id.as_str())]);
    says(&shared, "There is no sound snapshot.");

    // Another bot, another piece.
    let zed = r#"{"bot_id": "zed", "name": "Zed", "persona": "Counts."}"#;
    app.store.append(vec![NewEvent::new("bot_created", zed).unwrap()]);
    let sound = app.store.take().snapshot_id.to_string();
    let page = page(&app, first.snapshot_id.as_str());
    assert_eq!(page.attributes("main .ways a", "href"), [plan(&sound), "#delete".to_owned()]);
    assert!(page.has("form#delete"));
}

#[test]
fn what_was_found_in_one_that_is_deleted_stays_known_of_the_others() {
    let app = TestApp::with_story(12);
    let (first, second) = (app.store.take(), app.store.take());
    lose_the_bots(&app, &first);
    let id = first.snapshot_id.as_str();
    let deleted = app.post(&format!("/snapshots/{id}/delete"), &[PERIODIC, ("confirm_id", id)], JSON);
    assert_eq!(deleted.status, 200);
    let left = app.get("/snapshots", JSON).json();
    assert_eq!(left["snapshots"][0]["snapshot_id"], second.snapshot_id.as_str());
    assert!(left["snapshots"][0]["damaged"].as_str().unwrap().contains("piece"), "{left}");
    assert!(app.get("/", HTML).page().text(".matters").contains(second.snapshot_id.as_str()));
}

#[test]
fn a_piece_that_three_snapshots_share_is_told_whole_with_links_to_the_others() {
    let app = TestApp::with_story(12);
    let taken: Vec<Snapshot> = (0..3).map(|_| app.store.take()).collect();
    let before: Vec<_> = pieces(&app).into_iter().map(|path| (std::fs::read(&path).unwrap(), path)).collect();
    let name = lose_the_bots(&app, &taken[0]);
    let (frame, path) = before.into_iter().find(|(_, path)| path.to_str().unwrap().contains(&name)).unwrap();
    // A sound frame with as many bytes in it, one of which is another.
    let mut rows = zstd::decode_all(frame.as_slice()).unwrap();
    *rows.iter_mut().find(|byte| **byte == b'A').unwrap() = b'E';
    std::fs::write(path, zstd::encode_all(rows.as_slice(), 3).unwrap()).unwrap();
    let zed = r#"{"bot_id": "zed", "name": "Zed", "persona": "Counts."}"#;
    app.store.append(vec![NewEvent::new("bot_created", zed).unwrap()]);
    let sound = app.store.take();
    for one in &taken {
        app.post(&format!("/snapshots/{}/verify", one.snapshot_id), &[PERIODIC], JSON);
    }
    let page = page(&app, taken[0].snapshot_id.as_str());
    let lead = page.text("main .lead");
    let told = lead.strip_prefix("This snapshot cannot be restored. One of its ").unwrap();
    let (_, told) = told.split_once(" pieces (bots, rows ada to bob) is not what was written: ").unwrap();
    assert!(told.starts_with(&format!("expected {}\u{2026}, found ", &name[..4])), "{told}");
    let rest = page.texts("main .lead ~ p");
    assert_eq!(rest[0], "Nothing of it was read into your tables, and your live data is not affected.");
    assert!(rest[1].starts_with("2 other snapshots share this piece: "), "{}", rest[1]);
    let others = [&taken[2], &taken[1]].map(|one| plan(one.snapshot_id.as_str()));
    assert_eq!(page.attributes("main .shared a", "href"), others);
    let at = page.text(".lead ~ p:not(.shared) time");
    assert_eq!(rest[2], format!("The newest sound snapshot is {at}."));
    assert_eq!(page.texts("main .ways a"), ["Go to it", "Delete this one"]);
    assert_eq!(page.attributes("main .ways a", "href"), [plan(sound.snapshot_id.as_str()), "#delete".to_owned()]);
}

#[test]
fn of_many_damaged_ones_three_are_named_and_those_of_one_minute_by_their_ids() {
    let app = TestApp::with_story(12);
    let taken: Vec<Snapshot> = (0..5).map(|_| app.store.take()).collect();
    lose_the_bots(&app, &taken[0]);
    let overview = app.get("/", HTML).page();
    assert_eq!(overview.texts(".matters li").len(), 4);
    assert!(overview.text(".matters").contains("And 2 more snapshots are damaged."));
    let shared = page(&app, taken[0].snapshot_id.as_str());
    let minute = |one: &Snapshot| one.created_at.unix_timestamp() / 60;
    for one in &taken[1..] {
        let is_alone = taken[1..].iter().filter(|other| minute(other) == minute(one)).count() == 1;
        assert_ne!(shared.text("main .shared").contains(one.snapshot_id.as_str()), is_alone);
    }
}

#[test]
fn of_one_whose_file_cannot_be_read_it_says_what_that_costs() {
    let app = TestApp::with_story(12);
    let (id, other) = (app.store.take().snapshot_id.to_string(), app.store.take().snapshot_id.to_string());
    damage(&app, &id);
    let page = page(&app, &id);
    assert!(page.text("main .lead").ends_with("This file is not a snapshot of this program, or it was cut short."));
    says(&page, "No space is freed while it is here.");
    assert_eq!(page.attributes("main .ways a", "href"), [plan(&other), "#delete".to_owned()]);
    assert!(!page.has("main .shared"));
}

#[test]
fn the_list_names_the_table_and_does_not_count_it() {
    let (app, _) = with_lost_bots();
    let what = app.get("/snapshots", HTML).page().text(".c-what");
    assert!(what.contains("damaged: bots, 1 piece"), "{what}");
    assert!(what.ends_with("not counted among the newest 5"), "{what}");
}

#[test]
fn what_is_done_with_it_is_told_on_its_page() {
    let (app, snapshot) = with_lost_bots();
    let id = snapshot.snapshot_id.as_str();
    for (way, label, told) in [
        ("pin", "", "Pinned: kept until you unpin it."),
        ("label", "the old one", "The label is saved."),
        ("label", "", "The label is taken away."),
        ("unpin", "", "Unpinned. It is damaged, and stays until you delete it."),
    ] {
        let answer = app.post(&format!("/snapshots/{id}/{way}"), &[PERIODIC, ("label", label)], HTML);
        assert_eq!(answer.status, 303, "{way}");
        let (address, part) = answer.header("location").split_once('#').unwrap();
        let page = page_at(&app, address);
        assert_eq!(page.text("[role=status]"), told);
        assert!(page.has(&format!("#{part}[open]")), "it is seen");
    }
    let page = page_at(&app, &format!("{}&done=checked", plan(id)));
    assert!(!page.has("[role=status]"), "it is not as it was written");
}
