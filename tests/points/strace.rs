//! The program under strace: watched, or with one call stopped.

use std::collections::BTreeSet;
use std::fs::File;
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use super::Deed;
use crate::support::program;

/// What makes a change durable or visible, by all the names it has.
const WATCHED: &str = "write,writev,pwrite64,pwritev,pwritev2,fsync,fdatasync,sync_file_range,\
                       rename,renameat,renameat2,link,linkat,unlink,unlinkat,ftruncate";

/// What stops a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// Before it, the process dies.
    Kill,
    /// The disk fails.
    Eio,
    /// The disk is full.
    Enospc,
}

impl Fault {
    pub const ALL: [Self; 3] = [Self::Kill, Self::Eio, Self::Enospc];

    fn injected(self) -> &'static str {
        match self {
            Self::Kill => "signal=KILL",
            Self::Eio => "error=EIO",
            Self::Enospc => "error=ENOSPC",
        }
    }
}

/// How a command ended.
#[derive(Debug)]
pub enum End {
    Killed { out: String },
    Done { out: String },
    Failed { out: String, err: String },
}

/// Whether strace is there and may do its work; said out loud where not.
pub fn is_permitted() -> bool {
    let tried = Command::new("strace").args(["-f", "-o", "/dev/null", "true"]).stderr(Stdio::null()).status();
    match tried {
        Ok(status) if status.success() => return true,
        Ok(_) => eprintln!("skipped: strace may not trace here"),
        Err(_) => eprintln!("skipped: strace is not installed"),
    }
    false
}

/// The calls that a command made.
pub struct Calls {
    names: BTreeSet<String>,
    synced: BTreeSet<String>,
}

impl Calls {
    /// Their names.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.names.iter().map(String::as_str)
    }

    /// What was synced, relative to the store.
    pub fn synced(&self) -> impl Iterator<Item = &str> {
        self.synced.iter().map(String::as_str)
    }
}

/// Runs the command and looks at what it does.
pub fn watch(store: &Path, deed: Deed) -> (Calls, End) {
    let log = tempfile::NamedTempFile::new().unwrap();
    let output = trace(store, deed, log.path(), &["-y".into(), "-e".into(), format!("trace={WATCHED}")]);
    let log = std::fs::read_to_string(log.path()).unwrap();
    let mut calls = Calls { names: BTreeSet::new(), synced: BTreeSet::new() };
    // `1234 fsync(4</path>) = 0`
    for line in log.lines() {
        let Some((name, rest)) = line.split_once(' ').and_then(|(_, call)| call.trim_start().split_once('(')) else {
            continue;
        };
        if !name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_') {
            continue;
        }
        calls.names.insert(name.to_owned());
        let path = rest.split_once('<').and_then(|(_, path)| path.split_once('>')).map(|(path, _)| Path::new(path));
        if let (true, Some(Ok(path))) = (name.contains("sync"), path.map(|path| path.strip_prefix(store))) {
            calls.synced.insert(path.to_str().unwrap().to_owned());
        }
    }
    (calls, end(output))
}

/// Runs the command and stops the `n`-th call of a thread; also says whether there was one.
pub fn run(store: &Path, deed: Deed, call: &str, paths: &[PathBuf], fault: Fault, n: usize) -> (End, bool) {
    let log = tempfile::NamedTempFile::new().unwrap();
    let mut arguments = vec!["-e".to_owned(), format!("trace={call}"), "-e".to_owned()];
    arguments.push(format!("inject={call}:{}:when={n}", fault.injected()));
    for path in paths {
        arguments.extend(["-P".to_owned(), path.to_str().unwrap().to_owned()]);
    }
    let end = end(trace(store, deed, log.path(), &arguments));
    let fired = match fault {
        Fault::Kill => matches!(end, End::Killed { .. }),
        _ => std::fs::read_to_string(log.path()).unwrap().contains("(INJECTED)"),
    };
    (end, fired)
}

fn trace(store: &Path, deed: Deed, log: &Path, arguments: &[String]) -> Output {
    let inner = program(store);
    let mut command = Command::new("strace");
    for (name, value) in inner.get_envs() {
        match value {
            Some(value) => command.env(name, value),
            None => command.env_remove(name),
        };
    }
    command.args(["-f", "--seccomp-bpf", "-o"]).arg(log).args(arguments);
    command.arg(inner.get_program()).args(deed.arguments());
    command.stdin(File::open("/dev/null").unwrap()).output().unwrap()
}

/// strace ends as the program does.
fn end(output: Output) -> End {
    let out = String::from_utf8(output.stdout).unwrap();
    let err = String::from_utf8(output.stderr).unwrap();
    match (output.status.code(), output.status.signal()) {
        (None, Some(9)) => End::Killed { out },
        (Some(0), _) => End::Done { out },
        (Some(1), _) => End::Failed { out, err },
        other => panic!("it ended with {other:?}: {out}{err}"),
    }
}
