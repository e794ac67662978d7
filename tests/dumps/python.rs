//! A program in Python that does to a dump what the original does: its `json` module reads and writes
//! it, plain INSERT puts the rows in.

use std::path::Path;
use std::process::{Command, Stdio};

use backstitch::image::Value;
use backstitch::log::NewEvent;
use rusqlite::Connection;

use super::{Aside, content, dump, sample_store};
use crate::support::{TestStore, rows, shown};

const READER: &str = "
import json, sqlite3, sys
with open(sys.argv[1]) as file:
    dump = json.load(file)
assert next(iter(dump)) == 'last_event_id'
db = sqlite3.connect(sys.argv[2])
for table, rows in dump.items():
    for row in rows if isinstance(rows, list) else []:
        names = ', '.join(row)
        marks = ', '.join('?' for _ in row)
        db.execute(f'INSERT INTO {table} ({names}) VALUES ({marks})', list(row.values()))
db.commit()
print(dump['last_event_id'])
";

const WRITER: &str = "
import json, sqlite3, sys
db = sqlite3.connect(sys.argv[1])
db.row_factory = sqlite3.Row
tables = ['event_log', 'bots', 'you_entity', 'edges', 'memories', 'chats', 'chat_state', 'containers', 'scenes',
          'activity', 'classifier_failures']
dump = {'last_event_id': db.execute('SELECT coalesce(max(id), 0) FROM event_log').fetchone()[0]}
for table in tables:
    names = ', '.join(column['name'] for column in db.execute(f'PRAGMA table_info({table})'))
    dump[table] = [dict(row) for row in db.execute(f'SELECT {names} FROM {table}')]
with open(sys.argv[2], 'w') as file:
    file.write(json.dumps(dump))
";

/// The log as the original has it.
const LOG: &str = "CREATE TABLE event_log (id INTEGER PRIMARY KEY, branch_id INTEGER, ts TEXT, kind TEXT,
    payload_json TEXT, superseded_by INTEGER, hidden INTEGER)";

fn has_python() -> bool {
    let found = Command::new("python3").arg("--version").stdout(Stdio::null()).stderr(Stdio::null()).status();
    let found = found.is_ok_and(|status| status.success());
    if !found {
        eprintln!("skipped: there is no python3 here");
    }
    found
}

/// Runs a program where files are read as ASCII, which the original's reader must not mind.
fn python(program: &str, paths: [&Path; 2]) -> String {
    let mut command = Command::new("python3");
    command.envs([("LC_ALL", "C"), ("PYTHONCOERCECLOCALE", "0"), ("PYTHONUTF8", "0")]);
    let output = command.args(["-c", program]).args(paths).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

/// The sample story, and texts that are easily lost.
fn store() -> TestStore {
    let store = sample_store();
    let odd = "\u{0}\u{1f}\u{7f}\"\\/ é \u{2028} \u{1f600} \u{10ffff} <b>&";
    let payload = serde_json::json!({ "bot_id": "odd", "name": odd, "persona": "" }).to_string();
    store.append(vec![NewEvent::new("bot_created", payload).unwrap()]);
    store
}

#[test]
fn python_puts_the_same_rows_into_the_same_tables() {
    if !has_python() {
        return;
    }
    let (store, aside) = (store(), Aside::companion());
    let folder = tempfile::tempdir().unwrap();
    let (file, database) = (folder.path().join("dump.json"), folder.path().join("restored.db"));
    std::fs::write(&file, dump(&store.other_program(), &aside.domain)).unwrap();
    let conn = Connection::open(&database).unwrap();
    aside.domain.create_tables(&conn).unwrap();
    conn.execute_batch(LOG).unwrap();
    assert_eq!(python(READER, [&file, &database]), "111\n");
    assert_eq!(content(&conn, &aside.domain), shown(store.content()));
    let name = Value::Text("\0\u{1f}\u{7f}\"\\/ é \u{2028} \u{1f600} \u{10ffff} <b>&".as_bytes().to_vec());
    assert!(rows(&conn, "bots").iter().any(|row| row[1] == name));
}

#[test]
fn python_writes_the_same_bytes_and_they_load() {
    if !has_python() {
        return;
    }
    let (store, aside) = (store(), Aside::companion());
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("dump.json");
    python(WRITER, [&store.path().join("backstitch.db"), &file]);
    let theirs = std::fs::read(&file).unwrap();
    assert_eq!(String::from_utf8(theirs.clone()), String::from_utf8(dump(&store.other_program(), &aside.domain)));
    aside.load(&theirs).unwrap();
    assert_eq!(aside.content(), shown(store.content()));
}
