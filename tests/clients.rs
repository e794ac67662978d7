//! Many clients at once: each gets a documented answer, and nothing that was acknowledged is lost.

use std::collections::{BTreeMap, BTreeSet};
use std::thread;
use std::time::{Duration, Instant};

use crate::support::{Answer, Random, Server, TestStore, count, request, seed};

const CLIENTS: usize = 64;

/// What one client saw.
#[derive(Default)]
struct Seen {
    /// How often each status was answered, by what was asked.
    answers: BTreeMap<(&'static str, u16), u64>,
    /// Ids of acknowledged events.
    acknowledged: Vec<i64>,
}

struct Client {
    address: String,
    random: Random,
    seen: Seen,
}

impl Client {
    fn ask(&mut self, what: &'static str, method: &str, path: &str, body: &str) -> Answer {
        let form = if path == "/events" { "application/json" } else { "application/x-www-form-urlencoded" };
        let content_type = if body.is_empty() { "" } else { form };
        let answer = request(&self.address, method, path, content_type, body).unwrap();
        *self.seen.answers.entry((what, answer.status)).or_default() += 1;
        answer
    }

    fn step(&mut self, id: usize) {
        match self.random.below(20) {
            0 => drop(self.ask("take", "POST", "/snapshots/take", "")),
            1 => self.restore(),
            2..=5 => drop(self.ask("list", "GET", "/snapshots", "")),
            6..=8 => drop(self.ask("state", "GET", "/state/edges", "")),
            9..=10 => drop(self.ask("health", "GET", "/health", "")),
            _ => {
                let body = format!(r#"{{"kind":"note","payload":{{"client":{id}}}}}"#);
                let answer = self.ask("append", "POST", "/events", &body);
                if answer.status == 201 {
                    self.seen.acknowledged.push(answer.json()["last_id"].as_i64().unwrap());
                }
            }
        }
    }

    /// Restores the tables of any snapshot: the log, and so every acknowledged event, stays.
    fn restore(&mut self) {
        let list = self.ask("list", "GET", "/snapshots", "");
        if list.status != 200 {
            return;
        }
        let list = list.json();
        let snapshots = list["snapshots"].as_array().unwrap();
        if snapshots.is_empty() {
            return;
        }
        let one = self.random.pick(snapshots);
        let (id, kind) = (one["snapshot_id"].as_str().unwrap(), one["kind"].as_str().unwrap());
        let body = format!("confirm_id={id}&kind={kind}&scope=projections");
        self.ask("restore", "POST", &format!("/snapshots/restore/{id}"), &body);
    }
}

/// Deliberate answers: busy is told, and a snapshot may be pruned between listing and restoring.
fn is_documented(what: &str, status: u16) -> bool {
    match what {
        "append" | "take" => matches!(status, 201 | 503),
        "restore" => matches!(status, 200 | 404 | 409 | 503),
        _ => matches!(status, 200 | 503),
    }
}

#[test]
fn sixty_four_clients_get_only_documented_answers_and_lose_nothing() {
    let store = TestStore::with_story(200);
    store.take();
    let server = Server::start(store.path(), &[]);
    let end = Instant::now() + Duration::from_secs(u64::from(count("BACKSTITCH_SECONDS", 30)));
    let seed = seed();
    let clients: Vec<_> = (0..CLIENTS)
        .map(|id| {
            let (address, random) = (server.address.clone(), Random::new(seed + id as u64));
            let mut client = Client { address, random, seen: Seen::default() };
            thread::spawn(move || {
                while Instant::now() < end {
                    client.step(id);
                }
                client.seen
            })
        })
        .collect();
    let seen: Vec<Seen> = clients.into_iter().map(|client| client.join().unwrap()).collect();

    let undocumented: Vec<_> =
        seen.iter().flat_map(|one| one.answers.keys()).filter(|(what, status)| !is_documented(what, *status)).collect();
    assert!(undocumented.is_empty(), "{undocumented:?}");
    let acknowledged: Vec<i64> = seen.into_iter().flat_map(|one| one.acknowledged).collect();
    assert!(!acknowledged.is_empty());
    let unique: BTreeSet<i64> = acknowledged.iter().copied().collect();
    assert_eq!(unique.len(), acknowledged.len(), "an id is given once");
    let conn = store.other_program();
    for id in unique {
        let there: bool =
            conn.query_row("SELECT EXISTS (SELECT 1 FROM event_log WHERE id = ?1)", [id], |row| row.get(0)).unwrap();
        assert!(there, "event {id} was acknowledged");
    }
    assert!(server.terminate().success());
}
