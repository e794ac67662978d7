//! All integration tests, in one binary: it links once, and the modules share `support`.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stderr,
    reason = "a test may stop at once"
)]
#![allow(unreachable_pub, reason = "nothing outside uses a test binary")]

mod background;
mod backups;
mod browser;
mod clients;
mod commands;
mod crash;
mod damage;
mod dumps;
mod entities;
mod entities_python;
mod follow;
mod full_disk;
mod going_back_plays;
mod honest;
mod laws;
mod plays;
mod points;
mod race;
mod readme;
mod routes;
mod snapshots;
mod support;
mod tidy;
