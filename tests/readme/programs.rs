//! The programs of "Beside an app" in Python and in Node.

use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

use super::blocks::text;
use super::room::{Room, installed, said_by, skipped};
use crate::support::Server;

const HTTP: &str = "Over HTTP";
const SQLITE: &str = "With the app's own SQLite";
/// What the section says that each program prints.
pub const SAID: &str = "Bob\nevents that leave: 1\nAda\n";

#[test]
fn python_goes_back_over_http() {
    if installed(&["python3"]) {
        goes_back(|room, server| room.run("python3", "app.py", &text(HTTP, "python"), server));
    }
}

#[test]
fn python_goes_back_beside_its_own_sqlite() {
    if installed(&["python3"]) {
        goes_back(|room, server| room.run("python3", "app.py", &text(SQLITE, "python"), server));
    }
}

#[test]
fn node_goes_back_over_http() {
    if installed(&["node"]) {
        goes_back(|room, server| room.run("node", "app.mjs", &text(HTTP, "js"), server));
    }
}

#[test]
fn node_goes_back_beside_its_own_sqlite() {
    if !installed(&["node", "npm"]) {
        return;
    }
    let Some(modules) = better_sqlite3() else { return };
    goes_back(|room, server| {
        let _ = std::os::unix::fs::symlink(&modules, room.path("node_modules"));
        room.run("node", "app.mjs", &text(SQLITE, "js"), server)
    });
}

/// Runs a program twice: it says what the README says, the table and the log are as they were at
/// the snapshot, and what went is in a safety snapshot.
fn goes_back(program: impl Fn(&Room, &Server) -> String) {
    let room = Room::new();
    let server = room.serve();
    for run in 1..=2 {
        assert_eq!(program(&room, &server), SAID);
        assert_went_back(&room, run);
        let kept = server.get("/snapshots").json()["snapshots"].as_array().unwrap().clone();
        let safety: Vec<&Value> = kept.iter().filter(|one| one["kind"] == "rewind").collect();
        assert_eq!(safety.len(), run);
        assert!(safety.iter().all(|one| one["damaged"].is_null()));
    }
}

/// The name is the first one again, and only events that set it are in the log, one for each run.
pub fn assert_went_back(room: &Room, run: usize) {
    assert_eq!(room.value("SELECT group_concat(name) FROM you_entity"), "Ada");
    let log = "SELECT group_concat(kind || ' ' || (payload_json ->> '$.name')) FROM event_log";
    assert_eq!(room.value(log), vec!["you_updated Ada"; run].join(","));
}

/// The folder `node_modules` with better-sqlite3, built once for each version of Node's interface.
fn better_sqlite3() -> Option<PathBuf> {
    let versions = said_by(Command::new("node").args(["-p", "process.versions.modules + ' ' + process.versions.node"]));
    let (interface, node) = versions.trim().split_once(' ').unwrap();
    let kept = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("readme-node-{interface}"));
    let modules = kept.join("node_modules");
    if opens_a_database(&kept) || install(&kept, node) && opens_a_database(&kept) {
        return Some(modules);
    }
    skipped("better-sqlite3 cannot be installed");
    None
}

fn opens_a_database(folder: &Path) -> bool {
    let script = "new (require('better-sqlite3'))(':memory:')";
    folder.exists()
        && Command::new("node").args(["-e", script]).current_dir(folder).output().is_ok_and(|run| run.status.success())
}

/// Installs beside its place, so that one that broke off is never taken for whole.
fn install(kept: &Path, node: &str) -> bool {
    let place = kept.parent().unwrap();
    std::fs::create_dir_all(place).unwrap();
    let fresh = tempfile::tempdir_in(place).unwrap();
    // npm runs the install scripts of the packages named here only.
    let package = r#"{ "private": true, "allowScripts": { "better-sqlite3": true } }"#;
    std::fs::write(fresh.path().join("package.json"), package).unwrap();
    let major: u32 = node.split('.').next().unwrap().parse().unwrap();
    let wanted = if major < 20 { "better-sqlite3@11" } else { "better-sqlite3@12" };
    let mut npm = Command::new("npm");
    let npm = npm.args(["install", "--no-audit", "--no-fund", wanted]).current_dir(fresh.path()).output().unwrap();
    if !npm.status.success() {
        let error = String::from_utf8_lossy(&npm.stderr);
        return skipped(&format!("npm says: {}", error.lines().rfind(|line| line.contains("err")).unwrap_or(&error)));
    }
    let _ = std::fs::remove_dir_all(kept);
    std::fs::rename(fresh.keep(), kept).is_ok()
}
