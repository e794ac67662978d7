//! `snapshot take|list|show|diff|verify|prune`.

use super::{run, store, store_with_snapshot};

#[test]
fn a_take_says_what_it_took() {
    let folder = store();
    let taken = run(folder.path(), &["snapshot", "take"]).done();
    assert!(taken.starts_with("Snapshot 20") && taken.contains(" of event 3 taken, "), "{taken}");
    let named = run(folder.path(), &["snapshot", "take", "--label", " before the move ", "--json"]).json();
    assert_eq!((&named["label"], &named["pinned"]), (&"before the move".into(), &true.into()));
    let loose = run(folder.path(), &["snapshot", "take", "--label", "loose", "--no-pin", "--json"]).json();
    assert_eq!((&loose["label"], &loose["pinned"]), (&"loose".into(), &false.into()));
    run(folder.path(), &["snapshot", "take", "--no-pin"]).misused();
    let said = run(folder.path(), &["snapshot", "take", "--label", "two\nlines"]).refused(1);
    assert!(said.starts_with("label must have at most 200 characters"), "{said}");
}

#[test]
fn the_list_is_newest_first_and_says_how_each_stands() {
    let folder = store();
    let empty = run(folder.path(), &["snapshot", "list"]).done();
    assert_eq!(empty, "No snapshots yet. Take one with: backstitch snapshot take\n");
    assert_eq!(run(folder.path(), &["snapshot", "list", "--json"]).json()["snapshots"], serde_json::json!([]));
    let ids: Vec<String> = (0..3)
        .map(|_| run(folder.path(), &["snapshot", "take", "--json"]).json()["snapshot_id"].as_str().unwrap().to_owned())
        .collect();
    let broken = folder.path().join(format!("snapshots/periodic/{}.json", ids[1]));
    std::fs::write(broken, "{").unwrap();
    let list = run(folder.path(), &["snapshot", "list"]).done();
    let lines: Vec<&str> = list.lines().collect();
    assert!(lines[0].starts_with("id ") && lines.len() == 4, "{list}");
    for id in &ids {
        assert_eq!(lines.iter().filter(|line| line.split(' ').next() == Some(id)).count(), 1, "{list}");
    }
    assert!(lines.iter().any(|line| line.starts_with(&ids[1]) && line.contains("damaged: ")), "{list}");
    assert!(lines[1].starts_with(&ids[2]) || lines[1].contains("damaged"), "{list}");
}

#[test]
fn a_snapshot_is_shown_with_what_restoring_it_would_change() {
    let (folder, id) = store_with_snapshot();
    let shown = run(folder.path(), &["snapshot", "show", &id, "--scope", "everything"]).done();
    insta::assert_snapshot!(shown.replace(&id, "ID"), @r"
    Snapshot ID (periodic) of event 3.
    The log stands at event 5.
    2 events leave the log, 0 events come back.
    table                come back  go  change  rows now  rows then
    bots                         0   1       0         3          2
    you_entity                   0   0       0         0          0
    edges                        0   0       1         1          1
    memories                     0   0       0         0          0
    chats                        0   0       0         0          0
    chat_state                   0   0       0         0          0
    containers                   0   0       0         0          0
    scenes                       0   0       0         0          0
    activity                     0   0       0         0          0
    classifier_failures          0   0       0         0          0
    ");
    let json = run(folder.path(), &["snapshot", "show", &id, "--json"]).json();
    assert_eq!((&json["event_delta"], &json["scope"]), (&2.into(), &"projections".into()));
}

#[test]
fn the_rows_that_would_change_are_shown_with_both_values() {
    let (folder, id) = store_with_snapshot();
    insta::assert_snapshot!(run(folder.path(), &["snapshot", "diff", &id]).done(), @r"
    bots
      - goes  cid
    edges
      ~ changes  ada, bob
          affinity  now   3
                    then  2
          trust  now   0
                 then  -1
          reason  now   a walk
                  then  a talk
          updated_event_id  now   5
                            then  3
    ");
    let one = run(folder.path(), &["snapshot", "diff", &id, "--table", "bots", "--json"]).json();
    assert_eq!((&one["rows"][0]["change"], &one["rows"][0]["key"][0]), (&"removed".into(), &"cid".into()));
    assert_eq!(run(folder.path(), &["snapshot", "diff", &id, "--table", "bots", "-q", "nobody"]).done(), "bots\n");
    let said = run(folder.path(), &["snapshot", "diff", &id, "--table", "nothing"]).refused(1);
    assert!(said.contains("no table"), "{said}");
}

#[test]
fn a_snapshot_like_the_present_has_no_difference() {
    let folder = store();
    let id = run(folder.path(), &["snapshot", "take", "--json"]).json()["snapshot_id"].as_str().unwrap().to_owned();
    let said = run(folder.path(), &["snapshot", "diff", &id]).done();
    assert_eq!(said, "The tables already are as this snapshot has them.\n");
    assert_eq!(run(folder.path(), &["snapshot", "diff", &id, "--json"]).done(), "");
}

#[test]
fn a_verify_reads_all_and_finds_damage() {
    let (folder, id) = store_with_snapshot();
    let sound = run(folder.path(), &["snapshot", "verify", &id]).done();
    assert!(sound.starts_with(&format!("Snapshot {id} is sound: 6 rows in 11 tables, ")), "{sound}");
    assert_eq!(run(folder.path(), &["snapshot", "verify", &id, "--json"]).json()["rows"], 6);
    for chunk in chunks(folder.path()) {
        std::fs::write(chunk, "not what was written").unwrap();
    }
    let said = run(folder.path(), &["snapshot", "verify", &id]).refused(1);
    assert!(said.starts_with(&format!("Snapshot {id} cannot be restored: ")), "{said}");
    assert!(run(folder.path(), &["snapshot", "list"]).done().contains("damaged: "));
}

fn chunks(folder: &std::path::Path) -> Vec<std::path::PathBuf> {
    let read = |folder: std::path::PathBuf| std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let found: Vec<_> = read(folder.join("snapshots/chunks")).filter(|path| path.is_dir()).flat_map(read).collect();
    assert!(!found.is_empty());
    found
}

#[test]
fn an_id_or_kind_that_is_none_is_refused() {
    let (folder, id) = store_with_snapshot();
    for command in ["show", "diff", "verify"] {
        for unknown in ["20010101T000000Z", "../x", "", "-"] {
            assert_eq!(run(folder.path(), &["snapshot", command, unknown]).refused(1), "snapshot not found");
        }
        assert_eq!(
            run(folder.path(), &["snapshot", command, &id, "--kind", "rewind"]).refused(1),
            "snapshot not found"
        );
        run(folder.path(), &["snapshot", command]).misused();
    }
}

#[test]
fn a_kind_or_scope_that_is_none_is_wrong_usage_before_the_store_is_looked_for() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("nowhere");
    for command in ["show", "diff", "restore"] {
        let said = run(&data, &["snapshot", command, "ID", "--kind", "hourly"]).misused();
        assert!(said.contains("--kind") && said.contains("kind must be one of periodic, rewind"), "{said}");
        let said = run(&data, &["snapshot", command, "ID", "--scope", "half"]).misused();
        assert!(said.contains("--scope") && said.contains("scope must be one of projections, everything"), "{said}");
    }
    assert!(!data.exists());
}

#[test]
fn the_rows_after_a_page_are_asked_for_by_its_end() {
    let (folder, id) = store_with_snapshot();
    let more = |name: &str| {
        format!("{{\"kind\":\"bot_created\",\"payload\":{{\"bot_id\":\"{name}\",\"name\":\"\",\"persona\":\"\"}}}}\n")
    };
    super::run_with(folder.path(), &["append"], &(more("dan") + &more("it's"))).done();
    let diff = |arguments: &[&str]| {
        run(folder.path(), &[&["snapshot", "diff", &id, "--table", "bots", "--limit", "1"], arguments].concat()).done()
    };
    let first = diff(&[]);
    let way_on = "  more rows follow: raise --limit, or go on with --table bots --after ";
    assert_eq!(first, format!("bots\n  - goes  cid\n{way_on}'[\"cid\"]'\n"));
    assert_eq!(diff(&["--after", "[\"cid\"]"]), format!("bots\n  - goes  dan\n{way_on}'[\"dan\"]'\n"));
    assert_eq!(diff(&["--after", "[\"dan\"]"]), "bots\n  - goes  it's\n");
    run(folder.path(), &["snapshot", "diff", &id, "--after", "[\"cid\"]"]).misused();
}

#[test]
fn an_id_that_both_kinds_have_needs_its_kind() {
    let (folder, id) = store_with_snapshot();
    let file = |kind: &str| folder.path().join(format!("snapshots/{kind}/{id}.json"));
    std::fs::copy(file("periodic"), file("rewind")).unwrap();
    let said = run(folder.path(), &["snapshot", "show", &id]).refused(1);
    assert_eq!(said, "both kinds have this id; give --kind periodic or --kind rewind");
    run(folder.path(), &["snapshot", "show", &id, "--kind", "rewind"]).done();
}

#[test]
fn a_prune_removes_what_retention_no_longer_keeps() {
    let folder = store();
    let keep = |n: &'static str, arguments: &[&str]| run(folder.path(), &[&["--keep-periodic", n], arguments].concat());
    for _ in 0..4 {
        keep("9", &["snapshot", "take"]).done();
    }
    let pruned = keep("1", &["snapshot", "prune", "--json"]).json();
    assert_eq!(pruned["removed"].as_array().unwrap().len(), 3);
    assert!(keep("1", &["snapshot", "prune"]).done().starts_with("0 snapshots and 0 pieces removed"));
    assert_eq!(run(folder.path(), &["snapshot", "list", "--json"]).json()["snapshots"].as_array().unwrap().len(), 1);
}
