//! Runtime backups: the whole runtime state of an app, copied while it is in use, listed, proven
//! sound and put back: the database, a registry file, the folder of a vector store.
//!
//! - [`folder`]: where backups are, and who may be at them at once;
//! - [`gate`]: the lock that keeps new events waiting while both stores are copied;
//! - [`stamp`], [`metadata`]: a backup's name; the file that says what is in it;
//! - [`database`], [`vectors`], [`sums`]: a database copied hot, a folder copied cold, SHA-256;
//! - [`create`], [`list`], [`validate`]: making one; all that there are; proving one;
//! - [`replica`]: a backup's database in a scratch place, where it may be written to;
//! - [`intent`], [`restore`]: files exchanged so that a crash is completed or reversed; a backup
//!   put into an empty folder.
//!
//! The layout of a backup and the keys of its metadata are those of the original service, so each
//! lists and checks the backups of the other. What is trusted here is `files` alone: relative
//! paths with sizes and hashes, so that a backup may be moved. Nothing here knows HTTP.

pub mod create;
pub mod database;
pub mod folder;
pub mod gate;
pub mod intent;
pub mod list;
pub mod metadata;
pub mod replica;
pub mod restore;
pub mod stamp;
pub mod sums;
pub mod validate;
pub mod vectors;

pub use folder::Backups;
pub use gate::Gate;
pub use list::{Backup, Checked, Includes};
pub use metadata::Metadata;
pub use stamp::Stamp;
pub use validate::{Validation, Vectors};
