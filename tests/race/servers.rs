//! One server a folder: of two that start at once one wins, and the other says where that one is.

use std::io::{BufRead, BufReader, Read};
use std::path::Path;
use std::process::{Child, Stdio};
use std::thread::spawn;

use crate::support::{count, program};

/// A server that was started, and where it listens; none where it ended instead.
struct Started {
    child: Child,
    address: Option<String>,
}

impl Drop for Started {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn start(folder: &Path) -> Child {
    let mut command = program(folder);
    command.args(["serve", "--listen", "127.0.0.1:0"]).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
}

/// Reads until the server listens or ends.
fn outcome(mut child: Child) -> Started {
    let lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let address = lines.map_while(Result::ok).find_map(|line| Some(line.strip_prefix("Listening on ")?.to_owned()));
    Started { child, address }
}

fn refusal(started: &mut Started) -> String {
    assert_eq!(started.child.wait().unwrap().code(), Some(1));
    let mut words = String::new();
    started.child.stderr.take().unwrap().read_to_string(&mut words).unwrap();
    words
}

fn assert_one_wins(first: &Path, second: &Path) {
    let children = [start(first), start(second)].map(|child| spawn(move || outcome(child)));
    let mut started = children.map(|one| one.join().unwrap());
    started.sort_by_key(|one| one.address.is_none());
    let [winner, loser] = &mut started;
    let address = winner.address.clone().unwrap_or_else(|| panic!("neither listens: {}", refusal(loser)));
    assert_eq!(loser.address, None, "both listen");
    let words = refusal(loser);
    assert!(words.starts_with("backstitch: another server runs on "), "{words}");
    assert!(words.contains(&format!("process {}", winner.child.id())), "{words}");
    assert!(words.contains(&address), "{words}, not {address}");
}

#[test]
fn of_two_servers_started_at_once_one_wins_and_the_other_names_it() {
    for round in 0..count("BACKSTITCH_ROUNDS", 20) {
        let parent = tempfile::tempdir().unwrap();
        let folder = parent.path().join("data");
        std::fs::create_dir(&folder).unwrap();
        let link = parent.path().join("link");
        std::os::unix::fs::symlink(&folder, &link).unwrap();
        // Half of them on a new folder, half where a killed server left its address.
        if round % 2 == 1 {
            drop(outcome(start(&folder)));
        }
        assert_one_wins(&folder, if round % 4 < 2 { &folder } else { &link });
    }
}
