//! A real browser: what a newcomer does with and without script, and what other sites try.
//!
//! Where Chromium or its driver is not installed, each test says so and is skipped.

mod driver;
mod going_back;
mod journey;
mod strangers;
