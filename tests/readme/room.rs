//! A folder like the one in which a reader types, with the program found by its name.

use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};

use tempfile::TempDir;

use crate::support::{Server, program};

/// The temporary folder.
pub struct Room(TempDir);

impl Room {
    pub fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    /// A server on the folder `data`, where plain `backstitch` puts it.
    pub fn serve(&self) -> Server {
        Server::start(&self.path("data"), &[])
    }

    /// A command in this folder, in which `backstitch` is the program under test, without settings
    /// from outside.
    pub fn command(&self, name: &str) -> Command {
        let backstitch = Path::new(env!("CARGO_BIN_EXE_backstitch"));
        let outside = std::env::var_os("PATH").unwrap_or_default();
        let folders = std::iter::once(backstitch.parent().unwrap().to_owned()).chain(std::env::split_paths(&outside));
        let mut command = Command::new(name);
        for (name, _) in std::env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("BACKSTITCH")) {
            command.env_remove(name);
        }
        command.env("PATH", std::env::join_paths(folders).unwrap()).current_dir(self.0.path()).stdin(Stdio::null());
        command
    }

    /// A block as a script that ends at the first command that fails.
    pub fn sh(&self, block: &str) -> Command {
        let mut command = self.command("sh");
        command.args(["-ec", block]);
        command
    }

    /// A program in a file of this folder, told where the server is.
    pub fn run(&self, interpreter: &str, file: &str, text: &str, server: &Server) -> String {
        std::fs::write(self.path(file), text).unwrap();
        said_by(self.command(interpreter).arg(file).env("BACKSTITCH", &server.address))
    }

    /// What the program under test does in the folder `data` of this one.
    pub fn backstitch(&self, arguments: &[&str]) -> Command {
        let mut command = program(&self.path("data"));
        command.args(arguments);
        command
    }

    /// The first value of a query.
    pub fn value(&self, sql: &str) -> String {
        let conn = rusqlite::Connection::open(self.path("data/backstitch.db")).unwrap();
        conn.query_row(sql, [], |row| Ok(row.get_ref(0)?.as_str().unwrap_or_default().to_owned())).unwrap()
    }
}

/// What a command that succeeds prints.
pub fn said_by(command: &mut Command) -> String {
    let output = command.output().unwrap();
    let (out, error) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{command:?}\n{out}{error}");
    out.into_owned()
}

/// A server that was started by a block, in a process group of its own.
pub struct Started(Child);

impl Started {
    /// Starts it and waits until it listens.
    pub fn new(command: &mut Command) -> Self {
        std::os::unix::process::CommandExt::process_group(command, 0);
        let mut child = command.env("BACKSTITCH_LISTEN", "127.0.0.1:0").stdout(Stdio::piped()).spawn().unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines().map_while(Result::ok);
        let started = Self(child);
        assert!(lines.into_iter().any(|line| line.starts_with("Listening on ")), "the server ended: {command:?}");
        started
    }

    /// Asks all of the group to stop, and waits.
    pub fn terminate(mut self) -> ExitStatus {
        self.signal("-TERM");
        self.0.wait().unwrap()
    }

    fn signal(&self, signal: &str) {
        let group = format!("-{}", self.0.id());
        let _ = Command::new("kill").args([signal, "--", &group]).stderr(Stdio::null()).status();
    }
}

impl Drop for Started {
    fn drop(&mut self) {
        self.signal("-KILL");
        let _ = self.0.wait();
    }
}

/// Whether all of these are installed; says which is not.
pub fn installed(programs: &[&str]) -> bool {
    let missing = programs.iter().find(|name| Command::new(name).arg("--version").output().is_err());
    match missing {
        Some(name) => skipped(&format!("{name} is not installed")),
        None => true,
    }
}

/// Says on standard error, past what the test harness holds back, that a test was skipped.
pub fn skipped(why: &str) -> bool {
    let test = std::thread::current().name().unwrap_or("a test").to_owned();
    let _ = writeln!(std::io::stderr(), "{test}: skipped, {why}");
    false
}
