//! A real browser: what a newcomer does with and without script, what every page is like in it, and
//! what other sites try.
//!
//! Where Chromium or its driver is not installed, each test says so and is skipped.

mod axe;
mod driver;
mod going_back;
mod house;
mod journey;
mod keeping;
mod live;
mod pages;
mod pictures;
mod reading;
mod strangers;
mod versions;
