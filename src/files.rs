//! Files and folders that are durable or not there: written beside their place, synced, renamed,
//! the folder synced.

use std::fs::{self, DirBuilder, File};
use std::io::{self, Write};
use std::path::Path;
use std::time::SystemTime;

use tempfile::{Builder, NamedTempFile, TempDir};

use crate::error::{Error, Result};

/// How the name of an unfinished file starts; whatever has it is a leftover of a crash.
pub const UNFINISHED: &str = ".unfinished-";

/// Makes a folder and its parents, for the owner alone, and leaves an existing one as it is.
///
/// # Errors
///
/// Where a folder cannot be made.
pub fn make_folder(path: &Path) -> io::Result<()> {
    let mut builder = DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(path)
}

/// Closes a folder to everybody but its owner.
///
/// # Errors
///
/// Where its permissions cannot be set.
pub fn make_private(path: &Path) -> io::Result<()> {
    #[cfg(unix)]
    fs::set_permissions(path, std::os::unix::fs::PermissionsExt::from_mode(0o700))?;
    #[cfg(not(unix))]
    let _ = path;
    Ok(())
}

/// Why the data folder cannot be used: a full disk, or else one that may not be written.
pub fn refused(data_dir: &Path, error: io::Error) -> Error {
    if matches!(error.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded) {
        return error.into();
    }
    Error::refused(format!("the data folder {} cannot be used: {error}.", data_dir.display()))
        .hint("Give a folder that you may write to with --data-dir.")
        .because(error)
}

/// Makes the entries of a folder durable: a rename is not, until then.
///
/// # Errors
///
/// Where the folder cannot be opened or synced.
pub fn sync_folder(path: &Path) -> io::Result<()> {
    File::open(path)?.sync_all()
}

/// A new unfinished file in a folder, for the owner alone.
///
/// # Errors
///
/// Where it cannot be made.
pub fn unfinished(folder: &Path) -> io::Result<NamedTempFile> {
    Builder::new().prefix(UNFINISHED).tempfile_in(folder)
}

/// A new unfinished folder in a folder, for the owner alone; it goes when it is dropped.
///
/// # Errors
///
/// Where it cannot be made.
pub fn unfinished_folder(folder: &Path) -> io::Result<TempDir> {
    let made = Builder::new().prefix(UNFINISHED).tempdir_in(folder)?;
    make_private(made.path())?;
    Ok(made)
}

/// Publishes a file whole, in place of another of that name if there is one.
///
/// # Errors
///
/// Where it cannot be written; the old file is then as it was.
pub fn publish(path: &Path, bytes: &[u8]) -> Result<()> {
    let folder = path.parent().unwrap_or(Path::new("."));
    let mut file = unfinished(folder)?;
    file.write_all(bytes)?;
    file.as_file().sync_all()?;
    file.persist(path).map_err(|failed| failed.error)?;
    sync_folder(folder)?;
    Ok(())
}

/// Publishes a file whole, of the given moment, unless there is one of that name: then answers
/// false.
///
/// # Errors
///
/// Where it cannot be written.
pub fn publish_new(path: &Path, bytes: &[u8], modified: SystemTime) -> Result<bool> {
    let folder = path.parent().unwrap_or(Path::new("."));
    let mut file = unfinished(folder)?;
    file.write_all(bytes)?;
    file.as_file().set_modified(modified)?;
    file.as_file().sync_all()?;
    Ok(persist_new(file, path)?.is_ok())
}

/// Puts a synced file in its place, durably, unless there is one of that name: then gives it back.
///
/// # Errors
///
/// Where it cannot be put there.
pub fn persist_new(file: NamedTempFile, path: &Path) -> Result<std::result::Result<(), NamedTempFile>> {
    match file.persist_noclobber(path) {
        Ok(_) => {
            // Who is told that it failed must find nothing.
            sync_folder(path.parent().unwrap_or(Path::new("."))).inspect_err(|_| {
                let _ = fs::remove_file(path);
            })?;
            Ok(Ok(()))
        }
        Err(failed) if failed.error.kind() == io::ErrorKind::AlreadyExists => Ok(Err(failed.file)),
        Err(failed) => Err(failed.error.into()),
    }
}

/// Removes what a crash left unfinished in a folder, files and folders. A folder that is not there
/// has nothing.
///
/// # Errors
///
/// Where the folder cannot be read.
pub fn sweep_unfinished(folder: &Path) -> Result<()> {
    let entries = match fs::read_dir(folder) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        entries => entries?,
    };
    for entry in entries {
        let entry = entry?;
        if !entry.file_name().to_string_lossy().starts_with(UNFINISHED) {
            continue;
        }
        if entry.file_type()?.is_dir() {
            if is_in_use(&entry.path()) {
                continue;
            }
            fs::remove_dir_all(entry.path())?;
        } else {
            remove_if_there(&entry.path())?;
        }
    }
    Ok(())
}

/// The name of the file in an unfinished folder that whoever works there holds locked.
const IN_USE: &str = "in-use";

/// Marks an unfinished folder as worked in, until what is answered is dropped: a start of another
/// process leaves it alone.
///
/// # Errors
///
/// Where the file cannot be made or locked.
pub fn hold_unfinished(folder: &Path) -> io::Result<File> {
    let file = File::create(folder.join(IN_USE))?;
    file.lock()?;
    Ok(file)
}

fn is_in_use(folder: &Path) -> bool {
    File::open(folder.join(IN_USE)).is_ok_and(|file| matches!(file.try_lock(), Err(fs::TryLockError::WouldBlock)))
}

/// Removes a file; one that is gone already is no error. Says whether it was there.
///
/// # Errors
///
/// Where it is there and cannot be removed.
pub fn remove_if_there(path: &Path) -> Result<bool> {
    match fs::remove_file(path) {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(error.into()),
    }
}
