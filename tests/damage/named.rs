//! What happens in each known case of damage.

use std::fs;
use std::path::Path;

use backstitch::error::ErrorKind;
use backstitch::history::Means;
use backstitch::image::{ChunkError, ChunkStore, Hash};
use backstitch::snapshot::{Kind, Scope, Snapshot};

use super::{Fixture, chunk_files, with_right_hash, write};
use crate::support::{Story, memory_folder};

/// The piece that holds the bots: one chunk, the same in both snapshots and today.
fn bots_chunk(fixture: &Fixture) -> Hash {
    let root: Hash = fixture.json(&fixture.then)["bots"]["root"]["hash"].as_str().unwrap().parse().unwrap();
    let index = zstd::decode_all(fs::File::open(fixture.chunk(root)).unwrap()).unwrap();
    let entry: serde_json::Value = serde_json::from_slice(&index).unwrap();
    entry[4].as_str().unwrap().parse().unwrap()
}

fn root_of(fixture: &Fixture, snapshot: &Snapshot, table: &str) -> Hash {
    fixture.json(snapshot)[table]["root"]["hash"].as_str().unwrap().parse().unwrap()
}

fn add_file(fixture: &Fixture, kind: Kind, id: &str, bytes: &[u8]) -> Snapshot {
    write(&fixture.folder().join(kind.as_str()).join(format!("{id}.json")), bytes);
    let all = fixture.store.engine.snapshots().unwrap();
    all.into_iter().find(|one| one.kind == kind && one.snapshot_id.as_str() == id).expect("the file is listed")
}

#[test]
fn a_damaged_piece_is_set_aside_and_the_next_take_mends_the_older_snapshots() {
    let fixture = Fixture::new();
    let chunk = bots_chunk(&fixture);
    write(&fixture.chunk(chunk), b"not what was written");
    let refused = fixture.verify(&fixture.then).unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::Damaged);
    assert!(refused.message().contains(&chunk.to_string()), "{refused}");
    let listed = fixture.listed(&fixture.then).unwrap();
    assert!(listed.damaged.is_some_and(|damage| damage.contains("bots")));
    assert_eq!(listed.last_event_id, None);
    assert!(!fixture.chunk(chunk).exists());
    assert!(fixture.folder().join("chunks/damaged").join(format!("{chunk}.zst")).exists());

    fixture.store.take();
    assert!(fixture.chunk(chunk).exists(), "the live rows still give it");
    let listed = fixture.listed(&fixture.then).unwrap();
    assert_eq!((listed.damaged, listed.last_event_id), (None, Some(400)));
    fixture.verify(&fixture.then).unwrap();
    fixture.restore(&fixture.then, Scope::Everything).unwrap();
    assert_eq!(fixture.content(), fixture.of_then);
}

#[test]
fn a_piece_that_was_set_aside_is_told_by_what_is_wrong_with_it() {
    let fixture = Fixture::new();
    let chunk = bots_chunk(&fixture);
    fs::copy(fixture.chunk(root_of(&fixture, &fixture.then, "bots")), fixture.chunk(chunk)).unwrap();
    let told = || fixture.verify(&fixture.then).unwrap_err().to_string();
    let first = told();
    assert!(first.contains("is not what was written: expected"), "{first}");
    assert_eq!(told(), first, "and so it is once it was set aside");
}

#[test]
fn a_missing_piece_is_named_with_its_table() {
    let fixture = Fixture::new();
    let chunk = bots_chunk(&fixture);
    fs::remove_file(fixture.chunk(chunk)).unwrap();
    let refused = fixture.verify(&fixture.then).unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::Damaged);
    assert!(refused.message().contains(&format!("bots, rows ada to bob: piece {chunk} is missing")), "{refused}");
}

#[test]
fn a_manifest_that_names_a_missing_piece_is_listed_and_refused() {
    let fixture = Fixture::new();
    let mut json = fixture.json(&fixture.then);
    json["event_log"]["root"]["hash"] = Hash::of(b"never written").to_string().into();
    let snapshot = add_file(&fixture, Kind::Periodic, "by-hand", &with_right_hash(json));
    assert!(snapshot.damaged.as_ref().is_some_and(|damage| damage.contains("is missing")), "{snapshot:?}");
    for scope in [Scope::Projections, Scope::Everything] {
        assert_eq!(fixture.preview(&snapshot, scope).unwrap_err().kind(), ErrorKind::Damaged);
        assert_eq!(fixture.restore(&snapshot, scope).unwrap_err().kind(), ErrorKind::Damaged);
    }
    assert_eq!(fixture.content(), fixture.of_now);
}

#[test]
fn an_index_that_breaks_after_it_was_listed_does_not_break_the_list() {
    let fixture = Fixture::new();
    fixture.listed(&fixture.then);
    write(&fixture.chunk(root_of(&fixture, &fixture.then, "event_log")), b"not what was written");
    // Another epoch: what was remembered of the snapshot's history no longer counts.
    fixture.restore(&fixture.now, Scope::Everything).unwrap();
    let listed = fixture.listed(&fixture.then).unwrap();
    assert!(listed.damaged.is_some(), "{listed:?}");
    assert_eq!(listed.last_event_id, None);
}

#[test]
fn an_unreadable_manifest_is_listed_and_stops_the_collection_of_pieces() {
    let fixture = Fixture::new();
    let path = fixture.manifest(&fixture.then);
    let whole = fs::read(&path).unwrap();
    write(&path, &whole[..whole.len() / 2]);
    let listed = fixture.listed(&fixture.then).unwrap();
    assert_eq!((listed.last_event_id, listed.damaged.is_some()), (None, true));
    let before = chunk_files(&fixture.folder());
    let pruned = fixture.store.engine.delete(Kind::Periodic, &fixture.now.snapshot_id, Means::Command).unwrap();
    assert!(pruned.collected.skipped);
    assert_eq!(pruned.collected.unreadable, Some(fixture.then.snapshot_id.clone()));
    assert_eq!(chunk_files(&fixture.folder()), before);

    write(&path, &whole);
    let pruned = fixture.store.engine.prune_periodic_snapshots(Means::Command).unwrap();
    assert!(!pruned.collected.skipped && pruned.collected.chunks > 0, "{pruned:?}");
    fixture.verify(&fixture.then).unwrap();
}

#[test]
fn a_bomb_is_refused_at_the_recorded_length() {
    let fixture = Fixture::new();
    let chunk = bots_chunk(&fixture);
    let zeros = std::io::Read::take(std::io::repeat(0), 1 << 30);
    let bomb = zstd::encode_all(zeros, 19).unwrap();
    assert!(bomb.len() < 128 << 10, "{} bytes", bomb.len());
    write(&fixture.chunk(chunk), &bomb);
    let refused = fixture.verify(&fixture.then).unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::Damaged);
    assert!(refused.message().contains("found more"), "{refused}");
}

#[test]
fn a_manifest_of_a_format_to_come_is_listed_and_refused() {
    let fixture = Fixture::new();
    let mut json = fixture.json(&fixture.then);
    json["backstitch"]["format"] = 2.into();
    let snapshot = add_file(&fixture, Kind::Periodic, "of-tomorrow", &with_right_hash(json));
    assert!(snapshot.damaged.as_ref().is_some_and(|damage| damage.contains("format 2")), "{snapshot:?}");
    assert_eq!(fixture.restore(&snapshot, Scope::Everything).unwrap_err().kind(), ErrorKind::Damaged);
    assert_eq!(fixture.content(), fixture.of_now);
}

#[test]
fn a_manifest_renamed_by_hand_is_a_snapshot_and_stays() {
    let fixture = Fixture::new();
    let path = fixture.manifest(&fixture.then);
    fs::rename(&path, path.with_file_name("before-upgrade.json")).unwrap();
    for n in 0..7 {
        fixture.store.append(Story::from(461 + n).tell(1));
        fixture.store.take();
    }
    assert!(fixture.listed(&fixture.now).is_none(), "five newer ones are kept");
    assert!(fixture.listed(&fixture.then).is_none(), "it has another name now");
    let all = fixture.store.engine.snapshots().unwrap();
    let renamed = all.into_iter().find(|one| one.snapshot_id.as_str() == "before-upgrade").expect("it stays");
    fixture.restore(&renamed, Scope::Everything).unwrap();
    assert_eq!(fixture.content(), fixture.of_then);
}

#[test]
fn a_manifest_copied_to_the_other_kind_is_a_snapshot_of_that_kind() {
    let fixture = Fixture::new();
    let bytes = fs::read(fixture.manifest(&fixture.then)).unwrap();
    let copy = add_file(&fixture, Kind::Rewind, fixture.then.snapshot_id.as_str(), &bytes);
    assert_eq!((copy.damaged.as_ref(), copy.last_event_id, copy.own), (None, Some(400), false));
    fixture.store.engine.delete(Kind::Periodic, &fixture.then.snapshot_id, Means::Command).unwrap();
    fixture.restore(&copy, Scope::Everything).unwrap();
    assert_eq!(fixture.content(), fixture.of_then, "its pieces are still named");
}

#[test]
fn a_manifest_with_the_content_of_another_is_that_other_snapshot() {
    let fixture = Fixture::new();
    let bytes = fs::read(fixture.manifest(&fixture.now)).unwrap();
    write(&fixture.manifest(&fixture.then), &bytes);
    let listed = fixture.listed(&fixture.then).unwrap();
    assert_eq!((listed.last_event_id, listed.own), (Some(460), false));
    fixture.store.append(Story::from(461).tell(10));
    fixture.restore(&fixture.then, Scope::Everything).unwrap();
    assert_eq!(fixture.content(), fixture.of_now);
}

#[test]
fn a_folder_with_the_name_of_a_manifest_is_no_snapshot() {
    let fixture = Fixture::new();
    fs::create_dir(fixture.folder().join("periodic/folder.json")).unwrap();
    assert!(fixture.listed(&fixture.then).is_some());
}

/// On Linux, reading this file fails as a bad sector does.
#[cfg(target_os = "linux")]
#[test]
fn a_manifest_that_the_disk_does_not_give_is_listed_as_damaged() {
    let fixture = Fixture::new();
    let path = fixture.folder().join("periodic/bad-sector.json");
    std::os::unix::fs::symlink("/proc/self/mem", path).unwrap();
    let all = fixture.store.engine.snapshots().unwrap();
    let listed = all.into_iter().find(|one| one.snapshot_id.as_str() == "bad-sector").unwrap();
    assert!(listed.damaged.is_some_and(|damage| damage.contains("cannot be read")));
    assert!(fixture.listed(&fixture.then).is_some_and(|then| then.damaged.is_none()));
}

#[test]
fn a_sound_piece_stays_where_it_is_when_another_length_was_recorded_for_it() {
    let folder = memory_folder();
    let chunks = ChunkStore::open(folder.path().join("chunks")).unwrap();
    let (hash, bytes) = (Hash::of(b"[1]\n"), b"[1]\n");
    let mut writer = chunks.writer(backstitch::image::Doubt::Nothing);
    writer.put(hash, bytes).unwrap();
    writer.finish().unwrap();
    for length in [0, 3, 5, u64::MAX] {
        let refused = chunks.read(hash, length).unwrap_err();
        assert_eq!(refused.kind(), ErrorKind::Damaged, "{refused}");
        assert_eq!(chunks.read(hash, 4).unwrap(), bytes, "after a read of {length} bytes");
    }
}

#[test]
fn a_piece_that_needs_a_larger_window_than_any_written_here_is_refused() {
    let folder = memory_folder();
    let chunks = ChunkStore::open(folder.path().join("chunks")).unwrap();
    let bytes = vec![7_u8; 1 << 20];
    let hash = Hash::of(&bytes);
    let name = hash.to_string();
    let path = folder.path().join("chunks").join(&name[..2]).join(format!("{name}.zst"));
    fs::create_dir(path.parent().unwrap()).unwrap();
    fs::write(&path, wide(&bytes)).unwrap();
    let refused = chunks.read(hash, bytes.len() as u64).unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::Damaged);
    assert!(cause(&refused).is_some_and(|error| error.chunk() == hash), "{refused}");
    assert!(!Path::new(&path).exists());
}

/// A frame of unknown length with a window of 128 MiB.
fn wide(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = zstd::stream::Encoder::new(Vec::new(), 1).unwrap();
    encoder.window_log(27).unwrap();
    std::io::Write::write_all(&mut encoder, bytes).unwrap();
    encoder.finish().unwrap()
}

fn cause(error: &backstitch::error::Error) -> Option<&ChunkError> {
    std::error::Error::source(error)?.downcast_ref()
}
