//! Laws as property tests: what holds for every store, checked on random ones.
//!
//! A failure prints the smallest store that was found to break the law, and the seed;
//! `BACKSTITCH_SEED` runs the same cases again. `BACKSTITCH_CASES` (256) raises all counts alike.

mod engine;
mod going_back;
mod identity;
mod live;
mod pages;
mod projection;
mod segments;
mod stream;
mod tables;
mod values;
mod walk;

use proptest::strategy::Strategy;
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};

use crate::support::{count, seed};

/// Checks a law; `one_in` says how many times fewer cases it gets than the cheapest laws.
fn check<S: Strategy>(one_in: u32, stores: &S, law: impl Fn(S::Value)) {
    let cases = (count("BACKSTITCH_CASES", 256) / one_in).max(1);
    let config = Config { cases, failure_persistence: None, max_shrink_iters: 1_000, ..Config::default() };
    let seed = seed();
    let bytes: Vec<u8> = seed.to_le_bytes().into_iter().cycle().take(32).collect();
    let mut runner = TestRunner::new_with_rng(config, TestRng::from_seed(RngAlgorithm::ChaCha, &bytes));
    let outcome = runner.run(stores, |store| {
        law(store);
        Ok(())
    });
    if let Err(failure) = outcome {
        panic!("BACKSTITCH_SEED={seed} breaks the law: {failure}");
    }
}
