//! Table images: a table's rows in primary-key order, cut into segments, each named by the hash of
//! its content.
//!
//! Taking, previewing, restoring, verifying and asking whether a snapshot is the beginning of
//! today's log are all one operation on this one value. The flow, from the rows to the disk:
//!
//! - [`Value`], [`codec`]: one row as one line of JSON, every SQLite value bit for bit;
//! - [`cut`]: where segments end, decided by the key alone;
//! - [`Segment`], [`build`]: rows to segments, to chunks;
//! - [`index`]: the list of segments, cut and stored the same way;
//! - [`chunks`]: the folder of content-addressed files;
//! - [`diff`]: two images to the rows that differ;
//! - [`restore`]: those rows, written into the live table;
//! - [`live`]: the images of the live tables, kept in memory and brought up to date.
//!
//! This module knows SQLite tables and files, and nothing of events, snapshots or HTTP.

pub mod build;
pub mod chunk_writer;
pub mod chunks;
pub mod codec;
pub mod cut;
pub mod diff;
pub mod hash;
pub mod index;
pub mod live;
pub mod lock;
mod present;
pub mod restore;
pub mod segment;
pub mod source;
pub mod table;
mod value;

pub use build::scan;
pub use chunk_writer::{ChunkWriter, Doubt};
pub use chunks::{ChunkError, ChunkStore};
pub use diff::{Change, Counts};
pub use hash::Hash;
pub use index::Root;
pub use live::{LiveImages, Seen};
pub use segment::Segment;
pub use source::{LiveTable, Rows, StoredTable};
pub use table::Table;
pub use value::Value;
