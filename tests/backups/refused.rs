//! What cannot be backed up is refused with one clear error: nothing is listed, nothing live is
//! touched.

use std::fs;
use std::os::unix::fs::symlink;
use std::os::unix::net::UnixListener;
use std::path::Path;
use std::process::Command;

use backstitch::engine::{Engine, Options};
use backstitch::error::{Error, ErrorKind};
use backstitch::history::Means;
use rusqlite::Connection;

use super::{App, Once, places};

/// Asks for a backup of everything, which is refused and leaves everything as it is.
fn refused(app: &App) -> Error {
    let before = app.store.content();
    let refused = app.store.engine.create_backup(true, Means::Command).unwrap_err();
    assert!(app.store.engine.backups().unwrap().is_empty());
    assert!(app.leftovers().is_empty(), "{:?}", app.leftovers());
    assert_eq!(app.store.content(), before);
    refused
}

fn assert_says(error: &Error, kind: ErrorKind, words: &[&str]) {
    assert_eq!(error.kind(), kind, "{error}");
    for word in words {
        assert!(error.to_string().contains(word), "{word}: {error}");
    }
}

#[test]
fn a_registry_that_cannot_be_read_or_is_no_json_is_named_with_the_reason() {
    let app = App::new();
    let registry = app.registry();
    let refuses = |words: &[&str]| {
        let words = [&["registry.json", "No backup was made."], words].concat();
        assert_says(&refused(&app), ErrorKind::Unprocessable, &words);
        let _ = fs::remove_dir(&registry);
        let _ = fs::remove_file(&registry);
    };
    fs::write(&registry, "{ half").unwrap();
    refuses(&["is not JSON"]);
    fs::write(&registry, [0xff, 0xfe]).unwrap();
    refuses(&["is not JSON"]);
    fs::create_dir(&registry).unwrap();
    refuses(&["cannot be read: it is no file", "--registry"]);
    assert!(Command::new("mkfifo").arg(&registry).status().unwrap().success());
    refuses(&["cannot be read: it is no file"]);
    let looped = app.home.path().join("looped");
    symlink(&looped, &looped).unwrap();
    symlink(&looped, &registry).unwrap();
    refuses(&["cannot be read"]);
    // One that is not there is none.
    assert!(!app.back_up().includes.registry);
}

#[test]
fn what_cannot_be_copied_from_a_vector_store_is_named_with_the_reason() {
    let app = App::new();
    let inside = app.vectors().join("ab/odd");
    let refuses = |words: &[&str]| {
        assert_says(&refused(&app), ErrorKind::Unprocessable, &[&["vector store", "ab/odd"], words].concat());
        fs::remove_file(&inside).unwrap();
    };
    let socket = UnixListener::bind(&inside).unwrap();
    refuses(&["is neither a file nor a folder"]);
    drop(socket);
    assert!(Command::new("mkfifo").arg(&inside).status().unwrap().success());
    refuses(&["is neither a file nor a folder"]);
    symlink(app.registry(), &inside).unwrap();
    refuses(&["is a link to outside of the folder"]);
    symlink(app.home.path(), &inside).unwrap();
    refuses(&["is a link to outside of the folder"]);
    app.back_up();
}

#[test]
fn a_vector_store_that_is_a_file_is_refused() {
    let app = App::new();
    fs::rename(app.vectors(), app.home.path().join("elsewhere")).unwrap();
    fs::write(app.vectors(), "").unwrap();
    let refused = app.store.engine.create_backup(true, Means::Command).unwrap_err();
    assert_says(&refused, ErrorKind::Unprocessable, &["is no folder", "--chroma-dir"]);
}

/// Something happens while the vector store is copied.
fn refused_while(deed: impl FnOnce(&Path) + Send + 'static) -> (App, Error) {
    let app = App::new();
    let vectors = app.vectors();
    let other = app.again(|options| {
        options.progress = Once::progress("copying the vector store", move || deed(&vectors));
    });
    let refused = other.create_backup(true, Means::Command).unwrap_err();
    assert!(app.store.engine.backups().unwrap().is_empty());
    assert!(app.leftovers().is_empty(), "{:?}", app.leftovers());
    (app, refused)
}

#[test]
fn a_vector_store_that_changes_while_it_is_copied_is_not_kept_and_what_changed_is_named() {
    let conflict = |deed: fn(&Path), changed: &str| {
        let (app, refused) = refused_while(deed);
        assert_says(&refused, ErrorKind::Conflict, &[changed, "Nothing was kept.", "Stop what writes to it"]);
        app.back_up();
    };
    conflict(|vectors| fs::remove_file(vectors.join("ab/data.bin")).unwrap(), "ab/data.bin");
    conflict(|vectors| fs::write(vectors.join("ab/data.bin"), "longer").unwrap(), "ab/data.bin");
    conflict(|vectors| fs::write(vectors.join("ab/more.bin"), "").unwrap(), "ab/more.bin");
    conflict(|vectors| fs::create_dir(vectors.join("cd")).unwrap(), "cd");
    let write = |vectors: &Path| {
        let chroma = Connection::open(vectors.join("chroma.sqlite3")).unwrap();
        chroma.execute("INSERT INTO embeddings (embedding_id) VALUES ('d')", []).unwrap();
    };
    conflict(write, "chroma.sqlite3");
}

#[test]
fn a_damaged_database_is_not_backed_up() {
    let app = App::new();
    app.store.other_program().execute_batch(super::words::BREAK_A_RULE).unwrap();
    let refused = app.store.engine.create_backup(false, Means::Command).unwrap_err();
    assert_says(&refused, ErrorKind::Damaged, &["the database is damaged: ", "No backup was made."]);
    assert!(app.store.engine.backups().unwrap().is_empty() && app.leftovers().is_empty());
}

/// A restore would move the store itself away.
#[test]
fn places_that_hold_the_store_or_are_of_it_are_refused_at_once() {
    let app = App::new();
    let open = |change: &dyn Fn(&mut Options)| {
        let mut options = Options::new(app.store.path());
        places(&mut options, app.home.path());
        change(&mut options);
        Engine::open(options).err()
    };
    let path = |below: &str| Some(app.store.path().join(below));
    assert!(open(&|options| options.chroma_dir = path("chroma")).is_none());
    assert!(open(&|options| options.registry = path("registry.json")).is_none());
    for below in ["", "..", "backups", "snapshots/periodic"] {
        let refused = open(&|options| options.chroma_dir = path(below)).unwrap();
        assert_says(&refused, ErrorKind::Refused, &["--chroma-dir", "Give a place of its own."]);
    }
    let linked = app.home.path().join("linked");
    symlink(app.store.path(), &linked).unwrap();
    assert!(open(&|options| options.chroma_dir = Some(linked.clone())).is_some());
    for below in ["backstitch.db", "backups/restore.json"] {
        fs::create_dir_all(app.backups()).unwrap();
        fs::write(app.store.path().join("backups/restore.json.kept"), "").unwrap();
        let refused = open(&|options| options.registry = path(&below.replace("restore.json", "restore.json.kept")));
        assert_says(&refused.unwrap(), ErrorKind::Refused, &["--registry"]);
    }
}
