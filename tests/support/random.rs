//! What random tests need: a seed that a failure prints and the environment gives back, how many
//! cases to run, and a small source of numbers.

use std::hash::{BuildHasher, RandomState};

/// How many cases to run: the variable's number, else the figure for every submission.
pub fn count(variable: &str, default: u32) -> u32 {
    std::env::var(variable).ok().map_or(default, |text| text.parse().expect("a number of cases"))
}

/// `BACKSTITCH_SEED`, else a new seed; printed, and shown where the test fails.
pub fn seed() -> u64 {
    let given = std::env::var("BACKSTITCH_SEED").ok().map(|text| text.parse().expect("a seed"));
    let seed = given.unwrap_or_else(|| RandomState::new().hash_one("seed"));
    eprintln!("BACKSTITCH_SEED={seed}");
    seed
}

/// Numbers that follow from a seed (splitmix64).
pub struct Random(u64);

impl Random {
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }

    pub fn number(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// From 0 to `end`, `end` left out.
    pub fn below(&mut self, end: usize) -> usize {
        (self.number() % end.max(1) as u64) as usize
    }

    pub fn pick<'a, T>(&mut self, from: &'a [T]) -> &'a T {
        &from[self.below(from.len())]
    }

    pub fn shuffle<T>(&mut self, items: &mut [T]) {
        for end in (1..items.len()).rev() {
            items.swap(end, self.below(end + 1));
        }
    }
}
