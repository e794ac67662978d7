//! A disk of a few megabytes that a test can fill, and questions to a server that runs on it.

use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::Duration;

use axum::http::{HeaderMap, HeaderName, HeaderValue};
use backstitch::log::NewEvent;
use tempfile::{NamedTempFile, TempDir};

use crate::support::{JSON, Reply, Server, encoded, program};

/// A small file system in memory, unmounted when the test ends.
pub struct SmallDisk {
    folder: TempDir,
}

impl SmallDisk {
    /// Mounts one; none where this process may not, which is then said.
    pub fn mount() -> Option<Self> {
        Self::mount_of("3m")
    }

    /// One of a size in the words of `mount`.
    pub fn mount_of(size: &str) -> Option<Self> {
        Self::mount_with(&format!("size={size},mode=0755"))
    }

    /// One that has room for a few files only, however small.
    pub fn mount_for_few_files() -> Option<Self> {
        Self::mount_with("size=3m,mode=0755,nr_inodes=100")
    }

    fn mount_with(options: &str) -> Option<Self> {
        let disk = Self { folder: tempfile::tempdir().unwrap() };
        run("mount", &["-t", "tmpfs", "-o", options, "small", disk.folder.path().to_str().unwrap()])
            .map_err(|why| eprintln!("skipped: no small disk can be mounted here: {why}"))
            .ok()?;
        Some(disk)
    }

    /// The data folder of the store on it.
    pub fn store(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    fn filler(&self) -> PathBuf {
        self.folder.path().join("filler")
    }

    /// Fills it to the last byte.
    pub fn fill(&self) {
        let mut filler = File::options().create(true).append(true).open(self.filler()).unwrap();
        for piece in [[0; 4096].as_slice(), &[0]] {
            let full = std::iter::repeat_with(|| filler.write_all(piece)).find_map(Result::err).unwrap();
            assert_eq!(full.kind(), io::ErrorKind::StorageFull);
        }
    }

    /// Fills it up to so many bytes.
    pub fn fill_but(&self, room: u64) {
        self.fill();
        let filler = File::options().write(true).open(self.filler()).unwrap();
        filler.set_len(filler.metadata().unwrap().len().saturating_sub(room)).unwrap();
    }

    /// Makes empty files until there is room for no other.
    pub fn fill_with_files(&self) {
        let make = |number: u32| File::create(self.folder.path().join(format!("filler-{number}")));
        let full = (0..).map(make).find_map(Result::err).unwrap();
        assert_eq!(full.kind(), io::ErrorKind::StorageFull);
    }

    /// Gives back the room that [`SmallDisk::fill`] took.
    pub fn free(&self) {
        fs::remove_file(self.filler()).unwrap();
    }

    /// Mounts it anew, `ro` or `rw`; nothing may have a file of it open for writing.
    pub fn remount(&self, mode: &str) {
        run("mount", &["-o", &format!("remount,{mode}"), self.folder.path().to_str().unwrap()]).unwrap();
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let _ = run("umount", &["--lazy", self.folder.path().to_str().unwrap()]);
    }
}

/// A folder that can be read only, while this lives.
pub struct Sealed(PathBuf);

impl Sealed {
    pub fn new(folder: &Path) -> Self {
        let path = folder.to_str().unwrap();
        run("mount", &["--bind", path, path]).unwrap();
        let sealed = Self(folder.to_owned());
        run("mount", &["-o", "remount,bind,ro", path]).unwrap();
        sealed
    }
}

impl Drop for Sealed {
    fn drop(&mut self) {
        let _ = run("umount", &["--lazy", self.0.to_str().unwrap()]);
    }
}

/// Runs a program of the system; where it fails, why.
pub fn run(name: &str, arguments: &[&str]) -> Result<(), String> {
    let done = Command::new(name).args(arguments).output().map_err(|error| format!("{name}: {error}"))?;
    if done.status.success() { Ok(()) } else { Err(String::from_utf8_lossy(&done.stderr).trim().to_owned()) }
}

/// A command on a store, with whatever it says; a server that should not have started is ended.
pub fn command(folder: &Path, arguments: &[&str]) -> Output {
    let program = program(folder);
    let mut command = Command::new("timeout");
    command.arg("60").arg(program.get_program()).args(arguments).stdin(Stdio::null());
    for (name, value) in program.get_envs() {
        match value {
            Some(value) => command.env(name, value),
            None => command.env_remove(name),
        };
    }
    command.output().unwrap()
}

/// The one line with which a command says why it did nothing.
pub fn refusal(done: &Output) -> String {
    let said = String::from_utf8(done.stderr.clone()).unwrap();
    assert_eq!(done.status.code(), Some(1), "{said}");
    assert!(done.stdout.is_empty(), "{}", String::from_utf8_lossy(&done.stdout));
    assert_eq!(said.matches('\n').count(), 1, "one line: {said:?}");
    said.trim_end().strip_prefix("backstitch: ").unwrap_or_else(|| panic!("{said}")).to_owned()
}

/// A file of events, on another disk.
pub fn file_of(events: &[NewEvent]) -> NamedTempFile {
    let file = NamedTempFile::new().unwrap();
    fs::write(&file, lines(events)).unwrap();
    file
}

/// Events as lines.
fn lines(events: &[NewEvent]) -> String {
    events
        .iter()
        .map(|event| format!("{{\"kind\":\"{}\",\"payload\":{}}}\n", event.kind, event.payload.get()))
        .collect()
}

/// A request of one of the three sorts of clients.
pub fn ask(server: &Server, method: &str, path: &str, accept: &str, kind: &str, body: &str) -> Reply {
    let host = server.address.trim_start_matches("http://");
    let mut stream = TcpStream::connect(host).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
    let length = body.len();
    let head = format!("{method} {path} HTTP/1.1\r\nHost: {host}\r\nAccept: {accept}\r\nConnection: close\r\n");
    write!(stream, "{head}Content-Type: {kind}\r\nContent-Length: {length}\r\n\r\n{body}").unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).unwrap();
    let end = answer.windows(4).position(|four| four == b"\r\n\r\n").unwrap();
    let head = String::from_utf8(answer[..end].to_vec()).unwrap();
    let status = head.split(' ').nth(1).unwrap().parse().unwrap();
    let headers: HeaderMap = head.lines().skip(1).filter_map(header).collect();
    Reply { status, headers, body: answer[end + 4..].to_vec() }
}

fn header(line: &str) -> Option<(HeaderName, HeaderValue)> {
    let (name, value) = line.split_once(": ")?;
    Some((name.parse().ok()?, value.parse().ok()?))
}

/// Posts a form.
pub fn post(server: &Server, path: &str, accept: &str, fields: &[(&str, &str)]) -> Reply {
    let pairs = fields.iter().map(|(name, value)| format!("{}={}", encoded(name), encoded(value)));
    let body = pairs.collect::<Vec<_>>().join("&");
    ask(server, "POST", path, accept, "application/x-www-form-urlencoded", &body)
}

/// Posts events.
pub fn append(server: &Server, accept: &str, events: &[NewEvent]) -> Reply {
    ask(server, "POST", "/events", accept, "application/x-ndjson", &lines(events))
}

/// Takes a snapshot; its id.
pub fn take(server: &Server) -> String {
    let taken = post(server, "/snapshots/take", JSON, &[]);
    assert_eq!(taken.status, 201, "{}", taken.text());
    taken.json()["snapshot_id"].as_str().unwrap().to_owned()
}

/// The ids of the snapshots that are listed, newest first.
pub fn listed(server: &Server) -> Vec<String> {
    let list = server.get("/snapshots");
    assert_eq!(list.status, 200);
    let snapshots = list.json()["snapshots"].clone();
    snapshots.as_array().unwrap().iter().map(|one| one["snapshot_id"].as_str().unwrap().to_owned()).collect()
}
