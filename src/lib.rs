//! Backstitch: snapshots, preview, restore and rewind for event-sourced SQLite.
//!
//! An app keeps an append-only event log in SQLite, and tables projected from it. Backstitch owns
//! that store: it applies events to the tables, takes snapshots that cost what has changed, shows
//! row by row what going back would change, and goes back with a safety snapshot taken first.
//!
//! # The flow
//!
//! An append ([`engine::Engine::append`]) goes to the one writer, is inserted into the log and
//! applied to the tables in one transaction, and is answered once it is on disk. A take brings log
//! and tables into *table images* ([`image`]): rows in key order, cut into segments, each named by
//! its hash; what has not changed since the last one is not read again. A preview is the difference of two images, a restore the same difference written.
//! A rewind cuts the log's tail off, restores the newest base before it and replays; the state as of
//! an event is the same in a scratch database.
//!
//! # Modules, in reading order
//!
//! From the bottom: an arrow points down only.
//!
//! - [`error`], [`clock`], [`figures`], [`files`], [`progress`]: what everything uses
//! - [`json`]: JSON as Python writes it, and the difference of two values
//! - [`image`]: row codec, cutting, chunk store, difference; knows tables and files, not events
//! - [`compare`]: two states of a table side by side, counted and in pages
//! - [`store`]: the database: schema, writer, reader pool
//! - [`domain`], [`domain_copy`]: the tables and handlers of a user, checked; the copy in the database
//! - [`log`], [`history`]: events; the operations
//! - [`projection`]: events applied to tables
//! - [`snapshot`]: manifest, library, take, restore, policy, retention, dumps of the original form
//! - [`sample`]: the sample story
//! - [`catchup`], [`scratch`], [`moment`]: following the log; tables aside; the tables as of an event
//! - [`adopt`]: a database that an earlier version kept
//! - [`plan`], [`rewind`]: what a restore or a rewind would do
//! - [`effect`], [`touched`]: what an event did; which events changed a row
//! - [`drift`], [`rehearsal`], [`state_file`]: tables against the log; a restore rehearsed; a moment as a file
//! - [`entity`]: versions of one entity, their states, and snapshots of them
//! - [`backup`]: the whole runtime state of an app, copied hot, proven and put back
//! - [`engine`]: the one door for everything above
//! - [`scheduler`], [`server_lock`], [`web`], [`cli`]: what people and programs use
//!
//! # Invariants
//!
//! - The log is the truth; only handlers write projected tables, and the position never lies: it
//!   moves in the transaction that applies the event.
//! - What is destroyed was first saved: a safety snapshot is durable before a restore starts.
//! - A manifest that is visible names chunks that are durable; every byte read back is hashed.
//! - What is absent: nothing below `web` knows HTTP, nothing below `cli` prints or reads the
//!   environment, nothing but SQLite opens the database file, and nothing here is `unsafe`.
//!
//! # Example
//!
//! ```
//! use backstitch::engine::{Engine, Options, RowQuery};
//! use backstitch::history::Means;
//! use backstitch::log::NewEvent;
//! use backstitch::snapshot::{Expected, Scope};
//!
//! # fn main() -> backstitch::error::Result<()> {
//! let folder = tempfile::tempdir()?;
//! let store = Engine::open(Options::new(folder.path()))?;
//! let ada = r#"{"bot_id": "ada", "name": "Ada", "persona": "Counts."}"#;
//! store.append(vec![NewEvent::new("bot_created", ada)?])?;
//!
//! let taken = store.take_snapshot(Some("before Bob".into()), true, Means::Command)?.snapshot;
//! let bob = r#"{"bot_id": "bob", "name": "Bob", "persona": "Draws."}"#;
//! store.append(vec![NewEvent::new("bot_created", bob)?])?;
//!
//! let plan = store.preview(&taken.snapshot_id, taken.kind, Scope::Everything)?;
//! assert_eq!(plan.events_removed, 1);
//! store.restore_from_snapshot(&taken.snapshot_id, taken.kind, Scope::Everything, Expected::default(), Means::Command)?;
//! assert_eq!(store.state("bots", &RowQuery::default())?.rows.len(), 1);
//! # Ok(())
//! # }
//! ```

pub mod adopt;
pub mod backup;
pub mod catchup;
pub mod cli;
pub mod clock;
pub mod compare;
pub mod domain;
pub mod domain_copy;
pub mod drift;
pub mod effect;
pub mod engine;
pub mod entity;
pub mod error;
pub mod figures;
pub mod files;
pub mod history;
pub mod image;
pub mod json;
pub mod log;
pub mod moment;
pub mod plan;
pub mod progress;
pub mod projection;
pub mod rehearsal;
pub mod rewind;
pub mod sample;
pub mod scheduler;
pub mod scratch;
pub mod server_lock;
pub mod snapshot;
pub mod state_file;
pub mod store;
pub mod touched;
pub mod web;
