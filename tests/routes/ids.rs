//! Ids that are paths, on every route with an id: never a snapshot, and never a file from elsewhere.
//!
//! BACKSTITCH_SEED replays a run; it is printed where one fails.

use std::collections::BTreeMap;
use std::path::Path;

use crate::support::{CLIENTS, PLAIN, TestApp, encoded};

/// How many ids are tried on each route.
const IDS: usize = 500;

/// A store in a folder within a folder, with a whole manifest beside each place that ids could lead to.
fn surrounded() -> TestApp {
    let app = TestApp::with(|options| options.data_dir = options.data_dir.join("data"));
    app.store.append(crate::support::story(12));
    let id = app.store.take().snapshot_id;
    let data = app.store.path().join("data");
    let manifest = data.join(format!("snapshots/periodic/{id}.json"));
    for place in ["..", ".", "snapshots", "snapshots/chunks", "snapshots/periodic/.hidden"] {
        let folder = data.join(place);
        std::fs::create_dir_all(&folder).unwrap();
        std::fs::copy(&manifest, folder.join("decoy.json")).unwrap();
    }
    std::fs::remove_file(manifest).unwrap();
    // And a whole backup beside its place.
    let made = app.store.engine.create_backup(false, backstitch::history::Means::Command).unwrap().backup;
    let backup = data.join("backups/snapshots").join(made.stamp.as_str());
    for place in ["..", ".", "backups", "backups/snapshots/.hidden"] {
        let folder = data.join(place).join("decoy");
        std::fs::create_dir_all(folder.join("db")).unwrap();
        for file in ["backup-metadata.json", "db/backstitch.db"] {
            std::fs::copy(backup.join(file), folder.join(file)).unwrap();
        }
    }
    std::fs::remove_dir_all(backup).unwrap();
    app
}

/// Every file with its content; SQLite's shared memory aside, which readers mark.
fn files(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    let mut found = BTreeMap::new();
    for entry in std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()) {
        if entry.is_dir() {
            found.extend(files(&entry));
        } else if !entry.to_string_lossy().ends_with("-shm") {
            found.insert(entry.display().to_string(), std::fs::read(&entry).unwrap());
        }
    }
    found
}

/// Ids that lead, or might lead, out of the folder.
fn crafted(data: &Path) -> Vec<String> {
    let mut ids: Vec<String> = ["decoy", "x", ""]
        .iter()
        .flat_map(|name| {
            ["../", "../../", "../../../", "..\\", "./../", "....//", "/", "//", ".hidden/", "chunks/../../"]
                .map(|up| format!("{up}{name}"))
        })
        .collect();
    let absolute = data.display().to_string();
    ids.extend(["decoy", "decoy.json", "snapshots/decoy"].map(|name| format!("{absolute}/{name}")));
    ids.extend(
        [".", "..", "...", ".decoy", "decoy.", "decoy/", "decoy\0", "\0", "decoy\0.json", "a/../decoy"]
            .map(str::to_owned),
    );
    ids.extend(
        ["/etc/passwd", "file:///etc/passwd", "C:\\decoy", "\\\\host\\decoy", "~/decoy", "$HOME/decoy", "`id`", "CON"]
            .map(str::to_owned),
    );
    ids.extend(
        [
            "dé\u{301}coy",
            "\u{ff0e}\u{ff0e}\u{ff0f}decoy",
            "\u{202e}yoced",
            "\u{1f9f5}",
            "de coy",
            "decoy\n",
            "\tdecoy",
            "decoy*",
            "%",
            "%2e%2e%2fdecoy",
        ]
        .map(str::to_owned),
    );
    ids.extend([64, 65, 255, 256, 4096, 20_000].map(|length| "a".repeat(length)));
    ids.extend([1, 50, 500].map(|times| format!("{}decoy", "../".repeat(times))));
    ids.extend(
        ["..", "../decoy", "decoy/..", "decoy.json", "-decoy", "_decoy", "--help", "decoy;ls", "decoy|ls"]
            .map(str::to_owned),
    );
    ids
}

/// More ids from the letters that paths are made of.
fn random(seed: u64, count: usize) -> Vec<String> {
    let pieces = ["..", "/", "\\", "decoy", ".", "%2e", "%2f", "%5c", "%00", "\0", "a", "~", "é", " ", ":", "json"];
    let mut state = seed | 1;
    let mut next = |below: usize| {
        // xorshift64*
        state ^= state >> 12;
        state ^= state << 25;
        state ^= state >> 27;
        (state.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 33) as usize % below
    };
    (0..count).map(|_| (0..=next(6)).map(|_| pieces[next(pieces.len())]).collect()).collect()
}

/// The ways in which an id may be written in an address: once and twice encoded, and as it is
/// where an address can hold that.
fn written(id: &str) -> Vec<String> {
    let mut ways = vec![encoded(id), encoded(&encoded(id)), encoded(id).to_lowercase().replace("%2e", ".")];
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"./_-~:;$".contains(&byte);
    if id.bytes().all(plain) {
        ways.push(id.to_owned());
    }
    ways
}

fn try_everywhere(app: &TestApp, id: &str, at: usize) {
    let accept = CLIENTS[at % CLIENTS.len()];
    let kind = ["periodic", "rewind"][at % 2];
    for way in written(id) {
        let fields = [("kind", kind), ("confirm_id", id), ("scope", "everything")];
        let answers = [
            app.get(&format!("/snapshots/{way}/preview?kind={kind}"), accept),
            app.get(&format!("/snapshots/{way}/diff?kind={kind}&table=bots"), accept),
            app.post(&format!("/snapshots/restore/{way}"), &fields, accept),
            app.get(&format!("/events/{way}"), accept),
            app.get(&format!("/state/{way}"), accept),
            app.get(&format!("/backups/{way}"), accept),
            app.get(&format!("/backups/{way}?table=bots"), accept),
            app.post(&format!("/backups/{way}/validate"), &[], accept),
            app.post(&format!("/backups/{way}/restore"), &[("confirm_stamp", id)], accept),
        ];
        let changes = ["pin", "unpin", "label", "delete", "verify"];
        let fields = [("kind", kind), ("confirm_id", id), ("label", "found")];
        let changed = changes.map(|what| app.post(&format!("/snapshots/{way}/{what}"), &fields, accept));
        for answer in answers.into_iter().chain(changed) {
            assert!(matches!(answer.status, 400 | 404), "{id:?} as {way:?}: {} {}", answer.status, answer.text());
        }
    }
}

#[test]
fn an_id_that_is_a_path_opens_nothing() {
    let seed = std::env::var("BACKSTITCH_SEED").ok().and_then(|seed| seed.parse().ok()).unwrap_or(20_261_120);
    eprintln!("BACKSTITCH_SEED={seed}");
    let app = surrounded();
    let before = files(app.store.path());
    let mut ids = crafted(&app.store.path().join("data"));
    ids.extend(random(seed, IDS.saturating_sub(ids.len())));
    assert!(ids.len() >= IDS);
    for (at, id) in ids.iter().enumerate() {
        try_everywhere(&app, id, at);
    }
    assert!(files(app.store.path()) == before, "a file was changed");
}

#[test]
fn a_table_that_is_a_path_or_sql_is_none() {
    let (app, id) = super::with_newer_events();
    for table in
        ["../decoy", "bots\" --", "bots'; DROP TABLE bots; --", "main.bots", "BOTS", "pragma_table_info", "\0", "é"]
    {
        let answer = app.get(&format!("/snapshots/{id}/diff?kind=periodic&table={}", encoded(table)), PLAIN);
        assert!(matches!(answer.status, 400 | 404), "{table:?}: {}", answer.status);
    }
    assert!(!app.store.content()["bots"].is_empty());
}
