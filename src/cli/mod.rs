//! The command line: one file a command. Each parses, calls the engine, and prints.
//!
//! Exit codes: 0 done; 1 refused or failed, with one line on standard error that starts with
//! `backstitch: `; 2 wrong usage.

mod append;
mod events;
mod output;
mod progress;
mod projection;
mod serve;
mod settings;
mod snapshot;
mod state;

use std::io::Write;
use std::process::ExitCode;

use clap::{Parser, Subcommand};

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
    /// Print the log
    Events(events::Events),
    /// Take, list, compare and restore snapshots
    #[command(subcommand)]
    Snapshot(snapshot::Snapshot),
    /// Where the tables stand, and applying what waits
    #[command(subcommand)]
    Projection(projection::Projection),
    /// Print the rows of a table
    State(state::State),
}

/// Runs the program: parses the arguments, does the work, says how it ended.
pub fn main() -> ExitCode {
    let cli = Cli::parse();
    match run(cli) {
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

fn run(cli: Cli) -> Result<(), Failure> {
    let settings = cli.settings;
    let out = Output::new(settings.json);
    match cli.command {
        None => serve::Serve::default_run(&settings),
        Some(Command::Serve(command)) => command.run(&settings),
        Some(Command::Append(command)) => command.run(&settings, out),
        Some(Command::Events(command)) => command.run(&settings, out),
        Some(Command::Snapshot(command)) => command.run(&settings, out),
        Some(Command::Projection(command)) => command.run(&settings, out),
        Some(Command::State(command)) => command.run(&settings, out),
    }
}
