//! Manifests and indexes whose hashes are right and whose content is not: edited by hand, or by a
//! program that means harm. They may be refused or harmless; they never cause a panic, an
//! allocation of what they claim, or a change of a sound snapshot.

use backstitch::error::ErrorKind;
use backstitch::history::Means;
use backstitch::image::{ChunkStore, Hash};
use backstitch::snapshot::{Kind, Scope, Snapshot, SnapshotId};
use serde_json::{Value, json};

use super::{Fixture, with_right_hash, write};

impl Fixture {
    /// Puts a forged copy of the manifest in its place.
    fn forge(&self, change: impl FnOnce(&mut Value)) {
        let mut json = self.json(&self.then);
        change(&mut json);
        write(&self.manifest(&self.then), &with_right_hash(json));
    }

    /// Everything that reads a snapshot meets the forged one, without harm.
    fn meet(&self, told: &str) {
        let sound = std::fs::read(self.manifest(&self.then)).unwrap();
        self.listed(&self.then).unwrap_or_else(|| panic!("{told}: it is listed"));
        drop(self.verify(&self.then));
        for scope in [Scope::Projections, Scope::Everything] {
            drop(self.preview(&self.then, scope));
            match self.restore(&self.then, scope) {
                Ok(restored) => {
                    let head = self.store.engine.status().unwrap().head;
                    assert!(restored.position <= head, "{told}: at {} of {head}", restored.position);
                    self.restore(&self.now, Scope::Everything).unwrap();
                }
                Err(_) => assert_eq!(self.content(), self.of_now, "{told}"),
            }
        }
        self.store.take();
        self.store.engine.prune_periodic_snapshots(Means::Command).unwrap();
        self.listed(&self.then).unwrap_or_else(|| panic!("{told}: it is still listed"));
        assert_eq!(std::fs::read(self.manifest(&self.then)).unwrap(), sound);
    }

    /// The snapshot as it was is still sound: no piece of it was taken for a damaged one.
    fn check_the_sound_one(&self, original: &[u8], told: &str) {
        write(&self.manifest(&self.then), original);
        self.verify(&self.then).unwrap_or_else(|error| panic!("{told}: {error}"));
        self.verify(&self.now).unwrap_or_else(|error| panic!("{told}: {error}"));
    }
}

#[test]
fn absurd_numbers_in_a_manifest_are_refused_or_harmless() {
    let fixture = Fixture::new();
    pin(&fixture);
    let original = std::fs::read(fixture.manifest(&fixture.then)).unwrap();
    let numbers =
        [json!(u64::MAX), json!(i64::MAX), json!(1_u64 << 40), json!(0), json!(-1), json!(i64::MIN), json!(1e300)];
    let places = [
        "/last_event_id",
        "/memories/rows",
        "/memories/bytes",
        "/memories/root/bytes",
        "/memories/root/level",
        "/event_log/root/bytes",
        "/event_log/root/level",
        "/event_log/rows",
        "/backstitch/sequence",
        "/backstitch/position",
        "/backstitch/epoch",
        "/backstitch/format",
    ];
    for place in places {
        for number in &numbers {
            let told = format!("{place} = {number}");
            fixture.forge(|json| *json.pointer_mut(place).unwrap() = number.clone());
            fixture.meet(&told);
            fixture.check_the_sound_one(&original, &told);
        }
    }
}

/// So that the takes in between prune neither of the two.
fn pin(fixture: &Fixture) {
    for snapshot in [&fixture.then, &fixture.now] {
        let note = fixture.manifest(snapshot).with_extension("note");
        std::fs::write(note, r#"{"pinned":true}"#).unwrap();
    }
}

#[test]
fn a_moment_at_the_end_of_time_is_a_moment() {
    let fixture = Fixture::new();
    for moment in ["9999-12-31T23:59:59Z", "0000-01-01T00:00:00Z", "9999-12-31T23:59:59-23:59"] {
        for kind in [Kind::Periodic, Kind::Rewind] {
            let mut json = fixture.json(&fixture.then);
            json["backstitch"]["captured_at"] = moment.into();
            json["backstitch"]["kind"] = kind.as_str().into();
            let path = fixture.folder().join(kind.as_str()).join(&fixture.then.filename);
            let before = std::fs::read(&path).ok();
            write(&path, &with_right_hash(json));
            fixture.store.engine.snapshots().unwrap();
            fixture.store.engine.next_due().unwrap();
            match before {
                Some(bytes) => write(&path, &bytes),
                None => std::fs::remove_file(&path).unwrap(),
            }
        }
    }
}

#[test]
fn exchanged_tables_are_refused_whether_their_columns_are_as_many_or_not() {
    let names = ["memories", "bots", "edges", "chats", "containers", "activity", "chat_state", "event_log"];
    let fixture = Fixture::new();
    pin(&fixture);
    let original = std::fs::read(fixture.manifest(&fixture.then)).unwrap();
    for (at, a) in names.iter().enumerate() {
        for b in &names[at + 1..] {
            for whole in [true, false] {
                let part = |name: &str| if whole { format!("/{name}") } else { format!("/{name}/root") };
                fixture.forge(|json| {
                    let of_a = json.pointer(&part(a)).unwrap().clone();
                    let of_b = std::mem::replace(json.pointer_mut(&part(b)).unwrap(), of_a);
                    *json.pointer_mut(&part(a)).unwrap() = of_b;
                });
                for scope in [Scope::Projections, Scope::Everything] {
                    drop(fixture.preview(&fixture.then, scope));
                    let refused = fixture.restore(&fixture.then, scope);
                    assert!(refused.is_err(), "{a} and {b}, whole: {whole}, {scope}");
                    assert_eq!(fixture.content(), fixture.of_now, "{a} and {b}");
                }
                drop(fixture.verify(&fixture.then));
                fixture.check_the_sound_one(&original, &format!("{a} and {b}"));
            }
        }
    }
}

/// A snapshot whose index of the memories is this text.
fn with_index(fixture: &Fixture, id: &str, level: u32, rows: u64, lines: &str) -> Snapshot {
    let chunks = ChunkStore::open(fixture.folder().join("chunks")).unwrap();
    let mut writer = chunks.writer(backstitch::image::Doubt::Nothing);
    writer.put(Hash::of(lines.as_bytes()), lines.as_bytes()).unwrap();
    writer.finish().unwrap();
    let mut json = fixture.json(&fixture.then);
    let root = json!({ "hash": Hash::of(lines.as_bytes()), "bytes": lines.len(), "level": level });
    (json["memories"]["root"], json["memories"]["rows"]) = (root, rows.into());
    write(&fixture.folder().join(format!("periodic/{id}.json")), &with_right_hash(json));
    let id: SnapshotId = id.parse().unwrap();
    fixture.store.engine.snapshot(Kind::Periodic, &id).unwrap()
}

#[test]
fn absurd_numbers_in_an_index_are_refused() {
    let fixture = Fixture::new();
    let chunk = Hash::of(b"never written");
    let max = u64::MAX;
    let entries = [
        (0, 1, format!("[[1],[1],1,{max},\"{chunk}\",[]]\n")),
        (0, max, format!("[[1],[1],{max},1,\"{chunk}\",[]]\n")),
        (0, 0, format!("[[1],[1],{max},1,\"{chunk}\",[]]\n[[2],[2],1,1,\"{chunk}\",[]]\n")),
        (0, 1, format!("[[1],[1],1,{max},\"{chunk}\",[\"{chunk}\"]]\n")),
        (0, 1, format!("[[],[],1,1,\"{chunk}\",[]]\n")),
        (0, 1, format!("[[1,2,3],[null],1,1,\"{chunk}\",[]]\n")),
        (1, 1, format!("[[1],[1],1,{max},\"{chunk}\",[]]\n")),
        (8, 1, format!("[[1],[1],1,1,\"{chunk}\",[]]\n")),
        (9, 1, "[]\n".to_owned()),
        (0, 1, "\n\n".to_owned()),
        (0, 0, String::new()),
    ];
    for (at, (level, rows, lines)) in entries.into_iter().enumerate() {
        let snapshot = with_index(&fixture, &format!("forged-{at}"), level, rows, &lines);
        if lines.is_empty() {
            continue;
        }
        let refused = fixture.verify(&snapshot).unwrap_err();
        assert_eq!(refused.kind(), ErrorKind::Damaged, "{lines}: {refused}");
        let refused = fixture.restore(&snapshot, Scope::Everything).unwrap_err();
        assert_eq!(refused.kind(), ErrorKind::Damaged, "{lines}: {refused}");
        assert_eq!(fixture.content(), fixture.of_now);
    }
}
