//! States with the hash that Python gave them once, for machines without Python: each line of
//! `states.jsonl` is the text of a state and the hash of `stabilize` 0.33.1 under Python 3.11.

use backstitch::entity::snapshot::state_hash;

use super::stabilize::Stabilize;
use super::states::{TRAPS, random};
use crate::support::Random;

fn kept() -> Vec<(String, String)> {
    include_str!("states.jsonl").lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[test]
fn kept_states_have_the_hash_that_python_gave_them() {
    let kept = kept();
    assert!(kept.len() >= 300, "{}", kept.len());
    for (state, hash) in kept {
        assert_eq!(state_hash(&state).unwrap(), hash, "{state}");
    }
}

#[test]
fn python_gives_the_kept_states_these_hashes() {
    let Some(stabilize) = Stabilize::new() else { return };
    let (states, hashes): (Vec<String>, Vec<String>) = kept().into_iter().unzip();
    assert_eq!(stabilize.ask_texts("hash", &states), hashes);
}

/// For a newer package: `-- --ignored kept_states_are_made_anew`.
#[test]
#[ignore = "it writes the file that the others read"]
fn kept_states_are_made_anew() {
    let Some(stabilize) = Stabilize::new() else { return };
    let mut numbers = Random::new(1);
    let made = (0..400).map(|_| random(&mut numbers));
    let states: Vec<String> = TRAPS.iter().map(|trap| (*trap).to_owned()).chain(made).collect();
    let hashes = stabilize.ask_texts("hash", &states);
    let line = |pair: (&String, String)| serde_json::to_string(&pair).unwrap() + "\n";
    let lines: String = states.iter().zip(hashes).map(line).collect();
    assert!(lines.len() < 200_000, "{} bytes are too many to keep", lines.len());
    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/entities_python/states.jsonl");
    std::fs::write(file, lines).unwrap();
}
