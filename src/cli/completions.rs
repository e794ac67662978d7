//! `backstitch completions SHELL`: a script that lets a shell complete commands and their options.

use std::io::Write;

use clap::{Args, CommandFactory};
use clap_complete::{Shell, generate};

use super::{Cli, Failure};

#[derive(Debug, Args)]
pub(super) struct Completions {
    /// The shell that is to read it
    #[arg(value_name = "SHELL")]
    shell: Shell,
}

impl Completions {
    pub(super) fn run(&self) -> Result<(), Failure> {
        // Written at once: the generator itself cannot say that nobody reads on.
        let mut script = Vec::new();
        generate(self.shell, &mut Cli::command(), "backstitch", &mut script);
        Ok(std::io::stdout().write_all(&script)?)
    }
}
