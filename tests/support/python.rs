//! Real packages of Python's index, each installed once in an environment of its own.

use std::fs;
use std::io::{Read, Write};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::{Mutex, PoisonError, mpsc};
use std::thread;
use std::time::Duration;

/// A network that is slower skips the test.
const LONGEST: Duration = Duration::from_secs(300);

/// Python with a package of a pinned version (`name==version`) that can be imported; none, and said
/// why, where it cannot be had here. It lies below the target folder.
pub fn python_with(package: &str) -> Option<PathBuf> {
    // One after the other: who installs removes what another test may be using.
    static INSTALLING: Mutex<()> = Mutex::new(());
    let _alone = INSTALLING.lock().unwrap_or_else(PoisonError::into_inner);
    let name = package.split("==").next().unwrap();
    let kept = Path::new(env!("CARGO_TARGET_TMPDIR")).join(package.replace("==", "-"));
    let python = kept.join("bin/python");
    if imports(&python, name) {
        return Some(python);
    }
    match install(package, &kept) {
        Ok(()) if imports(&python, name) => return Some(python),
        Ok(()) => skipped(&format!("{name} cannot be used after it was installed")),
        Err(why) => skipped(&why),
    }
    None
}

fn imports(python: &Path, name: &str) -> bool {
    let import = format!("import {name}");
    Command::new(python).args(["-c", &import]).output().is_ok_and(|run| run.status.success())
}

/// Installs beside its place, so that one that broke off is never taken for whole.
fn install(package: &str, kept: &Path) -> Result<(), String> {
    let place = kept.parent().unwrap();
    fs::create_dir_all(place).unwrap();
    let fresh = tempfile::tempdir_in(place).unwrap();
    run(Command::new("python3").args(["-m", "venv"]).arg(fresh.path()))?;
    let mut pip = Command::new(fresh.path().join("bin/python"));
    run(pip.args(["-m", "pip", "install", "--quiet", "--no-compile", "--disable-pip-version-check", package]))?;
    let _ = fs::remove_dir_all(kept);
    fs::rename(fresh.keep(), kept).map_err(|error| error.to_string())
}

/// Runs a command to its end, and not longer than that is waited for.
fn run(command: &mut Command) -> Result<(), String> {
    let told = command.get_args().take(3).map(|word| word.to_string_lossy()).collect::<Vec<_>>().join(" ");
    let child = command.process_group(0).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn();
    let mut child = child.map_err(|error| format!("python3 cannot be run: {error}"))?;
    let (tell, ended) = mpsc::channel();
    let mut output = child.stderr.take().unwrap().chain(child.stdout.take().unwrap());
    thread::spawn(move || {
        let mut said = String::new();
        let _ = output.read_to_string(&mut said);
        let _ = tell.send(said);
    });
    let Ok(said) = ended.recv_timeout(LONGEST) else {
        let group = format!("-{}", child.id());
        let _ = Command::new("kill").args(["-KILL", "--", &group]).status();
        let _ = child.wait();
        return Err(format!("{told} takes longer than {} seconds", LONGEST.as_secs()));
    };
    match child.wait() {
        Ok(status) if status.success() => Ok(()),
        _ => Err(format!("{told} says: {}", said.trim().lines().last().unwrap_or_default())),
    }
}

/// Says on standard error, past what the test harness holds back, that the test was skipped.
fn skipped(why: &str) {
    let test = thread::current().name().unwrap_or("a test").to_owned();
    let _ = writeln!(std::io::stderr(), "{test}: skipped, {why}");
}
