//! Snapshots of entities beside those of the original: the package `stabilize` hashes the same
//! states, takes what is exported here, and gives what is imported here.

mod agreement;
mod exchange;
mod kept;
mod stabilize;
mod states;
