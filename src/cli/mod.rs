//! The command line: one file a command. Each parses, calls the engine, and prints.
//!
//! Exit codes: 0 done; 1 refused or failed, with one line on standard error that starts with
//! `backstitch: `; 2 wrong usage.

mod append;
mod backup;
mod completions;
mod confirm;
mod dump;
mod effects;
mod entity;
mod events;
mod expected;
mod flags;
mod history;
mod output;
mod progress;
mod projection;
mod rewind;
mod serve;
mod settings;
mod snapshot;
mod state;
mod undo;

use std::io::Write;
use std::process::ExitCode;

use clap::{ArgMatches, CommandFactory, FromArgMatches, Parser, Subcommand};

use crate::error::{Error, Result};

use self::output::Output;
use self::settings::Settings;

/// Snapshots, preview, restore and rewind for event-sourced SQLite.
#[derive(Debug, Parser)]
#[command(name = "backstitch", version, about, long_about = None)]
#[command(after_help = "Without a command the server starts, as with `backstitch serve`.")]
struct Cli {
    #[command(flatten)]
    settings: Settings,
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Serve the pages and routes on this machine
    Serve(Box<serve::Serve>),
    /// Append NDJSON events from a file or standard input, all or nothing
    Append(append::Append),
    /// Print the log; hide an event, or show it again
    Events(events::Events),
    /// Take, list, compare and restore snapshots
    #[command(subcommand)]
    Snapshot(snapshot::Snapshot),
    /// Go back to an event, after a safety snapshot: those after it leave the log
    Rewind(rewind::Rewind),
    /// Take an operation back
    Undo(undo::Undo),
    /// What was done to the store, and what undoes it
    History(history::History),
    /// Where the tables stand, applying what waits, and comparing them with the log
    #[command(subcommand)]
    Projection(projection::Projection),
    /// Make, list, check and restore backups of database, registry file and vector store
    #[command(subcommand)]
    Backup(backup::Backup),
    /// Single entities: versions, states, snapshots of them
    #[command(subcommand)]
    Entity(entity::Entity),
    /// Print the rows of a table, or write the whole store to a file, now or as of an event
    State(state::State),
    /// Print a script by which a shell completes commands and options
    Completions(completions::Completions),
}

/// Runs the program: parses the arguments, does the work, says how it ended.
pub fn main() -> ExitCode {
    let matches = Cli::command().get_matches();
    let cli = Cli::from_arg_matches(&matches).unwrap_or_else(|error| error.exit());
    match run(cli, &matches) {
        Ok(()) => ExitCode::SUCCESS,
        Err(Failure::Usage(message)) => fail(&message, 2),
        // Whoever read our output has seen enough.
        Err(Failure::Pipe) => ExitCode::SUCCESS,
        Err(Failure::Error(error)) => fail(&error.to_string(), 1),
    }
}

fn fail(message: &str, code: u8) -> ExitCode {
    // Nobody can be told where standard error is closed.
    let _ = writeln!(std::io::stderr(), "backstitch: {}", message.replace('\n', " "));
    ExitCode::from(code)
}

/// Why a command did not do its work.
enum Failure {
    Usage(String),
    Pipe,
    Error(Error),
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self::Error(error)
    }
}

impl From<std::io::Error> for Failure {
    fn from(error: std::io::Error) -> Self {
        if error.kind() == std::io::ErrorKind::BrokenPipe { Self::Pipe } else { Self::Error(error.into()) }
    }
}

impl Failure {
    /// What comes of printing at the end, when the work is done: a full disk must not be told as
    /// one that stopped the work.
    fn unprinted(error: std::io::Error) -> Self {
        if error.kind() == std::io::ErrorKind::BrokenPipe {
            return Self::Pipe;
        }
        let words = format!("the work is done, but what came of it could not be printed: {error}.");
        Self::Error(Error::refused(words).hint("What was changed is told by `backstitch history`.").because(error))
    }
}

fn run(cli: Cli, matches: &ArgMatches) -> Result<(), Failure> {
    let settings = cli.settings;
    let out = Output::new(settings.json);
    match cli.command {
        None => serve::Serve::default_run(&settings, matches),
        Some(Command::Serve(command)) => {
            let given = matches.subcommand_matches("serve").unwrap_or(matches);
            command.run(&settings, flags::of_server(given, given))
        }
        Some(Command::Append(command)) => command.run(&settings, out),
        Some(Command::Events(command)) => command.run(&settings, out),
        Some(Command::Snapshot(command)) => command.run(&settings, out),
        Some(Command::Rewind(command)) => command.run(&settings, out),
        Some(Command::Undo(command)) => command.run(&settings, out),
        Some(Command::History(command)) => command.run(&settings, out),
        Some(Command::Projection(command)) => command.run(&settings, out),
        Some(Command::Backup(command)) => command.run(&settings, out),
        Some(Command::Entity(command)) => command.run(&settings, out),
        Some(Command::State(command)) => command.run(&settings, out),
        Some(Command::Completions(command)) => command.run(),
    }
}
