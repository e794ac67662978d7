//! `serve --domain DIR`: a broken domain or one of another name is refused, the store untouched.

use std::path::{Path, PathBuf};

use tempfile::TempDir;

use super::{everything, run, run_with, store};
use crate::support::Server;

const MANIFEST: &str = "name = \"ledger\"\ntables = [\"accounts\"]\n";
const SCHEMA: &str = "CREATE TABLE accounts (
  name TEXT NOT NULL PRIMARY KEY,
  amount INTEGER NOT NULL DEFAULT 0
) WITHOUT ROWID;
";
const HANDLER: &str = "INSERT INTO accounts (name, amount)
VALUES (json_extract(:payload, '$.account'), 1)
ON CONFLICT (name) DO UPDATE SET amount = amount + 1;
";

/// A small domain, with one of its files changed.
fn domain(folder: &TempDir, changed: &str, content: &str) -> PathBuf {
    let path = folder.path().join("a-domain");
    std::fs::create_dir_all(path.join("handlers")).unwrap();
    for (file, sound) in [("domain.toml", MANIFEST), ("schema.sql", SCHEMA), ("handlers/paid_in.sql", HANDLER)] {
        std::fs::write(path.join(file), if file == changed { content } else { sound }).unwrap();
    }
    path
}

/// A file, its broken content, where that is, and what is said of it.
const BROKEN: &[(&str, &str, &str, &str)] = &[
    (
        "handlers/paid_in.sql",
        "UPDATE accounts\nSET amount = 1;\nUPDATE accounts SET amount = strftime('%s', 'now');",
        "handlers/paid_in.sql:3: ",
        "can read the clock",
    ),
    ("handlers/paid_in.sql", "UPDATE accounts\nSET amount = random();", "handlers/paid_in.sql:1: ", "random()"),
    ("handlers/paid_in.sql", "DELETE FROM accounts;\n\nDELETE FORM accounts;", "handlers/paid_in.sql:3: ", "FORM"),
    ("handlers/paid_in.sql", "UPDATE elsewhere SET a = 1", "handlers/paid_in.sql:1: ", "no such table"),
    (
        "schema.sql",
        "CREATE TABLE accounts (\n  name TEXT NOT NULL PRIMARY KEY,\n  at TEXT DEFAULT CURRENT_TIMESTAMP\n);",
        "schema.sql:1: ",
        "the DEFAULT of accounts.at is not a literal",
    ),
    ("schema.sql", "\nCREATE TABLE accounts (name TEXT, amount INTEGER);", "schema.sql:2: ", "has no primary key"),
    ("schema.sql", "CREATE TABLE accounts (\n  name TEXT PRIMARY KEY,,\n);", "schema.sql:2: ", "syntax error"),
    ("domain.toml", "name = \"ledger\"\ntables = [\"acounts\"]\n", "domain.toml:2: ", "acounts"),
    ("domain.toml", "name = ", "domain.toml:1: ", ""),
];

fn serve(folder: &Path, domain: &Path) -> super::Ran {
    run(folder, &["serve", "--listen", "127.0.0.1:0", "--domain", domain.to_str().unwrap(), "--change-domain"])
}

#[test]
fn a_domain_that_cannot_be_used_is_refused_with_file_and_line() {
    let store = store();
    let before = everything(store.path());
    let folder = tempfile::tempdir().unwrap();
    for (file, content, place, reason) in BROKEN {
        let said = serve(store.path(), &domain(&folder, file, content)).refused(1);
        assert!(said.starts_with(place) && said.contains(reason), "{place}{reason}: {said}");
        assert_eq!(everything(store.path()), before, "{place}");
    }
}

#[test]
fn a_broken_domain_makes_no_store() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    serve(&data, &domain(&folder, "schema.sql", "nonsense")).refused(1);
    serve(&data, &folder.path().join("no-such-folder")).refused(1);
    assert!(!data.exists());
}

#[test]
fn a_domain_of_another_name_needs_the_flag_for_it() {
    let store = store();
    let before = everything(store.path());
    let folder = tempfile::tempdir().unwrap();
    let ledger = domain(&folder, "", "");
    let arguments = ["serve", "--listen", "127.0.0.1:0", "--domain", ledger.to_str().unwrap()];
    let said = run(store.path(), &arguments).refused(1);
    assert!(
        said.starts_with("this store follows the domain \"companion\", and the one given is \"ledger\"."),
        "{said}"
    );
    assert!(said.contains("--change-domain"), "{said}");
    assert_eq!(everything(store.path()), before);
    let server = Server::start(store.path(), &["--domain", ledger.to_str().unwrap(), "--change-domain"]);
    assert!(server.greeting.contains("The tables are made anew from 3 events, in "), "{}", server.greeting);
    run_with(store.path(), &["append"], "{\"kind\":\"paid_in\",\"payload\":{\"account\":\"ada\"}}").done();
    assert_eq!(run(store.path(), &["state", "accounts", "--json"]).json()["rows"], serde_json::json!([["ada", 1]]));
    let rewinds = run(store.path(), &["snapshot", "list"]).done();
    assert!(rewinds.contains(" rewind "), "the tables of before are kept: {rewinds}");
}

#[test]
fn a_domain_in_which_an_old_event_breaks_a_rule_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let sound = domain(&folder, "", "");
    assert!(Server::start(&data, &["--domain", sound.to_str().unwrap()]).terminate().success());
    let events = "{\"kind\":\"paid_in\",\"payload\":{\"account\":\"ada\"}}\n".repeat(2);
    run_with(&data, &["append"], &events).done();
    let rows = || run(&data, &["state", "accounts"]).done();
    let before = rows();
    let stricter = SCHEMA.replace("DEFAULT 0", "DEFAULT 0 CONSTRAINT at_most_one CHECK (amount <= 1)");
    let said = serve(&data, &domain(&folder, "schema.sql", &stricter)).refused(1);
    assert!(said.contains("at_most_one") && said.contains("event 2"), "{said}");
    assert_eq!(rows(), before);
    assert!(
        run(&data, &["projection", "status"]).done().starts_with("The log stands at event 2, the tables at event 2.")
    );
}
