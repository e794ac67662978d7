//! The database: its schema, the one writer, the pool of readers.
//!
//! - [`connection`]: how every connection is set up;
//! - [`schema`]: Backstitch's own tables and triggers, in versions;
//! - [`state`]: the one row that says where the store stands;
//! - [`writer`]: the thread that owns the writing connection;
//! - [`readers`]: the pool of read-only connections;
//! - [`quiet`]: triggers and foreign keys off, and surely on again.
//!
//! Nothing here knows what an event or a snapshot means.

pub mod connection;
pub mod quiet;
pub mod readers;
pub mod schema;
pub mod state;
pub mod writer;

pub use quiet::quietly;
pub use readers::Readers;
pub use state::State;
pub use writer::Writer;
