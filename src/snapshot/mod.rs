//! Snapshots: immutable pictures of the log and every projected table, of one moment.
//!
//! - [`model`]: the words of routes and commands as types;
//! - [`manifest`]: the file that makes a snapshot, its format and its own hash;
//! - [`library`], [`entry`]: the folder of manifests, and one file of it;
//! - [`log_image`]: the image of the live log, closed segments from their cache;
//! - [`take`], [`take_dump`]: live rows to chunks and a manifest, or to a dump;
//! - [`mod@dump`]: the original service's form;
//! - [`left`]: since when one is not on this history;
//! - [`restore`]: a manifest's rows back into the live tables;
//! - [`base`]: from which snapshot a replay may start;
//! - [`verify`]: reading one whole;
//! - [`policy`], [`retention`]: when one is due, which ones go.
//!
//! Nothing here knows HTTP.

pub mod base;
pub mod dump;
pub mod entry;
pub mod left;
pub mod library;
pub mod log_image;
pub mod manifest;
pub mod model;
pub mod policy;
pub mod restore;
pub mod retention;
pub mod take;
pub mod take_dump;
pub mod verify;

pub use entry::Entry;
pub use left::Left;
pub use library::Library;
pub use manifest::Manifest;
pub use model::{
    Diff, Expected, Format, Keep, Kind, KindCount, Preview, Restored, SafetySnapshot, Scope, Snapshot, SnapshotId,
};
