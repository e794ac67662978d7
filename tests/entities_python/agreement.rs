//! The same state has the same hash on both sides.

use backstitch::entity::snapshot::state_hash;
use backstitch::entity::{Import, Origin};
use time::OffsetDateTime;

use super::stabilize::Stabilize;
use super::states::{self, TRAPS};
use crate::support::{Random, count, seed};

/// How many states are made each time.
const STATES: u32 = 2_000;

fn generated() -> Vec<String> {
    let mut random = Random::new(seed());
    let made = (0..count("BACKSTITCH_CASES", STATES)).map(|_| states::random(&mut random));
    TRAPS.iter().map(|trap| (*trap).to_owned()).chain(made).collect()
}

#[test]
fn a_state_has_the_hash_that_the_original_gives_it() {
    let Some(stabilize) = Stabilize::new() else { return };
    let states = generated();
    assert!(states.len() > 1_000 || std::env::var_os("BACKSTITCH_CASES").is_some());
    for (state, theirs) in states.iter().zip(stabilize.ask_texts("hash", &states)) {
        assert_eq!(state_hash(state).unwrap(), theirs, "{state}");
    }
}

#[test]
fn what_either_side_writes_is_read_by_the_other_with_the_same_state_and_hash() {
    let Some(stabilize) = Stabilize::new() else { return };
    // Python writes what JSON has no word for, and reads it too.
    let states: Vec<String> = generated().into_iter().filter(|state| !state.contains("1e400")).collect();
    let read = |dict: &str| Import::from_dict(dict, OffsetDateTime::UNIX_EPOCH).map(|Import(snapshot)| snapshot);
    let theirs = stabilize.ask_texts("dump", &states);
    let read_here: Vec<_> = theirs.iter().map(|dict| read(dict).unwrap()).collect();
    for (state, here) in states.iter().zip(&read_here) {
        assert_eq!((here.origin, &here.state_hash), (Origin::Imported, &state_hash(state).unwrap()), "{state}");
        assert_eq!((here.entity_type.as_str(), here.version, here.sequence), ("task", 7, 19));
    }
    let ours: Vec<String> = read_here.iter().map(|here| here.to_dict().unwrap()).collect();
    for (answer, theirs) in stabilize.ask("load", &ours).iter().zip(&theirs) {
        assert_eq!(answer["is"], theirs.as_str(), "it is as they wrote it");
    }
}

#[test]
fn half_a_character_and_what_is_no_number_are_refused_though_python_writes_them() {
    let Some(stabilize) = Stabilize::new() else { return };
    let states = [
        (r#"{"a": "\ud800"}"#, "\\ud800 is half of a character"),
        (r#"{"a": "\ude00\ud83d"}"#, "\\ude00 is half of a character"),
        (r#"{"\udfff": 1}"#, "\\udfff is half of a character"),
        (r#"{"a": NaN}"#, "a value was expected"),
        (r#"{"a": 1e400}"#, "a value was expected"),
        (r#"{"a": -1e400}"#, "that is no number"),
    ];
    let theirs = stabilize.ask_texts("dump", &states.map(|(state, _)| state));
    for ((state, words), dict) in states.iter().zip(theirs) {
        let error = Import::from_dict(&dict, OffsetDateTime::UNIX_EPOCH).unwrap_err().to_string();
        assert!(error.contains(words), "{state}: {error}");
        if !state.contains("1e400") {
            assert!(state_hash(state).is_err(), "{state}");
        }
    }
}
