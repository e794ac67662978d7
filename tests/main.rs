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
mod browser;
mod clients;
mod commands;
mod crash;
mod damage;
mod follow;
mod honest;
mod laws;
mod plays;
mod race;
mod readme;
mod routes;
mod snapshots;
mod support;
mod tidy;
