//! The README as its reader meets it: each block is run as it is written, and what it is said to
//! do is compared with what is there afterwards.
//!
//! Only the address of the server is put in place of the one in the text. A test whose language is
//! not installed says so on standard error and passes.

mod backups;
mod blocks;
mod commands;
mod entities;
mod leaving;
mod programs;
mod room;
mod rust;
mod shell;

use blocks::blocks;

/// The blocks that are run: under which heading, in what form, how many.
const RUN: [(&str, &str, usize); 13] = [
    ("Ten minutes", "sh", 1),
    ("Let a program loose, and take it back", "sh", 2),
    ("A domain of your own", "sh", 2),
    ("Over HTTP", "python", 1),
    ("Over HTTP", "js", 1),
    ("With the app's own SQLite", "python", 1),
    ("With the app's own SQLite", "js", 1),
    ("In Rust", "rust", 1),
    ("At every login", "ini", 1),
    ("What leaves with you", "sh", 1),
    ("Runtime backups", "sh", 3),
    ("Entities", "sh", 3),
    ("Entities", "toml", 1),
];

#[test]
fn every_block_is_run_or_marked_as_text() {
    let mut found: Vec<(String, String)> =
        blocks().into_iter().filter(|block| block.info != "text").map(|block| (block.heading, block.info)).collect();
    let mut run: Vec<(String, String)> = RUN
        .iter()
        .flat_map(|(heading, info, count)| std::iter::repeat_n(((*heading).to_owned(), (*info).to_owned()), *count))
        .collect();
    found.sort();
    run.sort();
    assert_eq!(found, run, "a block of README.md is not run, or one that is run is gone");
}
