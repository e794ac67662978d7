//! The program of "In Rust", compiled against the library that this binary was linked with.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::Value;

use super::blocks::text;
use super::programs::{SAID, assert_went_back};
use super::room::{Room, said_by};

#[test]
fn a_rust_app_goes_back_by_the_library_alone() {
    let room = Room::new();
    compile(&room, &text("In Rust", "rust"));
    let app = room.path("app");
    for run in 1..=2 {
        assert_eq!(said_by(&mut room.command(app.to_str().unwrap())), SAID);
        assert_went_back(&room, run);
    }
    let list = said_by(&mut room.backstitch(&["snapshot", "list", "--json"]));
    assert_eq!(list.matches("\"rewind\"").count(), 2, "{list}");
}

#[test]
fn a_rust_app_goes_back_beside_a_server() {
    let room = Room::new();
    let server = room.serve();
    compile(&room, &text("In Rust", "rust"));
    assert_eq!(said_by(&mut room.command(room.path("app").to_str().unwrap())), SAID);
    assert_went_back(&room, 1);
    assert_eq!(server.get("/health").json()["last_event_id"], 1);
}

/// Makes the program `app` of a source.
fn compile(room: &Room, source: &str) {
    std::fs::write(room.path("app.rs"), source).unwrap();
    let libraries = libraries();
    let of = |name: &str| format!("{name}={}", libraries[name].display());
    let mut rustc = Command::new("rustc");
    rustc.args(["--edition", "2024", "--extern", &of("backstitch"), "--extern", &of("rusqlite"), "-L"]);
    rustc.arg(format!("dependency={}", libraries["rusqlite"].parent().unwrap().display()));
    rustc.arg("-o").arg(room.path("app")).arg(room.path("app.rs"));
    said_by(rustc.current_dir(env!("CARGO_MANIFEST_DIR")));
}

/// The libraries of this build. Cargo names them where it has nothing to build; a look into the
/// folder would find those of older builds too.
fn libraries() -> BTreeMap<String, PathBuf> {
    let mut cargo = Command::new(env!("CARGO"));
    cargo.args(["test", "--test", "all", "--no-run", "--quiet", "--message-format=json", "--target-dir"]);
    cargo.arg(Path::new(env!("CARGO_TARGET_TMPDIR")).parent().unwrap());
    if std::env::current_exe().unwrap().components().any(|part| part.as_os_str() == "release") {
        cargo.arg("--release");
    }
    let lines = said_by(cargo.current_dir(env!("CARGO_MANIFEST_DIR")).stdin(Stdio::null()));
    let messages = lines.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    let library = |message: Value| {
        let name = message["target"]["name"].as_str()?.to_owned();
        let files = message["filenames"].as_array()?.iter().filter_map(Value::as_str);
        Some((name, PathBuf::from(files.into_iter().find(|file| file.ends_with(".rlib"))?)))
    };
    messages.filter_map(library).collect()
}
