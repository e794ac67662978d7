//! Snapshots: immutable pictures of the log and every projected table, of one moment.
//!
//! - [`model`]: the words of routes and commands as types;
//! - [`manifest`]: the file that makes a snapshot, its format and its own hash;
//! - [`library`]: the folder of manifests;
//! - [`log_image`]: the image of the live log, closed segments from their cache;
//! - [`take`]: live rows to chunks and a manifest;
//! - [`restore`]: a manifest's rows back into the live tables;
//! - [`base`]: from which snapshot a replay may start;
//! - [`verify`]: reading one whole;
//! - [`policy`], [`retention`]: when one is due, which ones go.
//!
//! Nothing here knows HTTP.

pub mod base;
pub mod library;
pub mod log_image;
pub mod manifest;
pub mod model;
pub mod policy;
pub mod restore;
pub mod retention;
pub mod take;
pub mod verify;

pub use library::{Entry, Library};
pub use manifest::Manifest;
pub use model::{
    Diff, DiffRow, Expected, Format, Keep, Kind, KindCount, Preview, Restored, RowChange, SafetySnapshot, Scope,
    Snapshot, SnapshotId, TableChange,
};
