//! The program as a process: commands, and a server that is stopped when the test ends.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};

/// The program on a data folder; the caller adds the command.
pub fn program(folder: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_backstitch"));
    for (name, _) in std::env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("BACKSTITCH_")) {
        command.env_remove(name);
    }
    command.env("BACKSTITCH_DATA_DIR", folder).stdin(Stdio::null());
    command
}

/// A running server.
pub struct Server {
    child: Child,
    /// Where it listens: `http://127.0.0.1:<port>`.
    pub address: String,
    /// What it printed before it listened.
    pub greeting: String,
}

impl Server {
    /// Starts a server on a free port and waits until it listens.
    pub fn start(folder: &Path, arguments: &[&str]) -> Self {
        let child = program(folder)
            .args(["serve", "--listen", "127.0.0.1:0"])
            .args(arguments)
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        // From here on dropping it ends the process, also where it never listens.
        let mut server = Self { child, address: String::new(), greeting: String::new() };
        let output = server.child.stdout.take().unwrap();
        for line in BufReader::new(output).lines() {
            let line = line.unwrap();
            if let Some(address) = line.strip_prefix("Listening on ") {
                address.clone_into(&mut server.address);
                return server;
            }
            server.greeting.push_str(&line);
            server.greeting.push('\n');
        }
        panic!("the server ended before it listened: {}", server.greeting);
    }

    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Asks it to stop, as a service manager does, and waits until it has.
    pub fn terminate(self) -> ExitStatus {
        self.stop_with("-TERM")
    }

    /// Sends it a signal and waits until it has ended.
    pub fn stop_with(mut self, signal: &str) -> ExitStatus {
        let asked = Command::new("kill").args([signal, &self.id().to_string()]).status().unwrap();
        assert!(asked.success());
        self.child.wait().unwrap()
    }

    /// Kills it without a chance to clean up.
    pub fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
