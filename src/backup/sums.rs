//! SHA-256 of files, and copies that are hashed on their way.

use std::fs::{File, OpenOptions};
use std::io::{self, Read, Write};
use std::path::Path;

use sha2::{Digest, Sha256};

use crate::progress::Work;

/// Bytes that are read at once.
const BLOCK: usize = 1 << 17;

/// Size and SHA-256 (64 hex digits) of what was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sum {
    /// Bytes.
    pub size: u64,
    /// The hash.
    pub sha256: String,
}

/// The sum of a file.
///
/// # Errors
///
/// Where it cannot be read.
pub fn of_file(path: &Path, work: &mut Work) -> io::Result<Sum> {
    through(&mut File::open(path)?, &mut io::sink(), work)
}

/// Makes a file that was written durable, and answers its sum.
///
/// # Errors
///
/// Where it cannot be read or synced.
pub fn settle(path: &Path, work: &mut Work) -> io::Result<Sum> {
    let mut file = File::open(path)?;
    let sum = through(&mut file, &mut io::sink(), work)?;
    file.sync_all()?;
    Ok(sum)
}

/// Copies a file into a new one, for the owner alone, and syncs it. Answers the sum of what was
/// copied.
///
/// # Errors
///
/// Where one cannot be read or the other not made.
pub fn copy(from: &mut File, to: &Path, work: &mut Work) -> io::Result<Sum> {
    let (sum, file) = copy_unsynced(from, to, work)?;
    file.sync_all()?;
    Ok(sum)
}

/// As [`copy`], for a copy that is thrown away after a crash.
///
/// # Errors
///
/// As there.
pub fn copy_aside(from: &mut File, to: &Path, work: &mut Work) -> io::Result<Sum> {
    Ok(copy_unsynced(from, to, work)?.0)
}

fn copy_unsynced(from: &mut File, to: &Path, work: &mut Work) -> io::Result<(Sum, File)> {
    let mut file = create(to)?;
    Ok((through(from, &mut file, work)?, file))
}

/// A size in the steps in which hashing reports how far it is: kilobytes.
pub fn steps(bytes: u64) -> u64 {
    bytes >> 10
}

/// A new file for the owner alone.
///
/// # Errors
///
/// Where there is one, or it cannot be made.
pub fn create(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)
}

fn through(from: &mut File, to: &mut dyn Write, work: &mut Work) -> io::Result<Sum> {
    let (mut hasher, mut size, mut block) = (Sha256::new(), 0, vec![0; BLOCK]);
    loop {
        let read = match from.read(&mut block) {
            Ok(0) => break,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            read => read?,
        };
        let bytes = block.get(..read).unwrap_or_default();
        hasher.update(bytes);
        to.write_all(bytes)?;
        let before = steps(size);
        size += read as u64;
        work.advance(steps(size) - before);
    }
    Ok(Sum { size, sha256: hex::encode(hasher.finalize()) })
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]
    use super::*;

    #[test]
    fn a_sum_is_that_of_the_standard() {
        let folder = tempfile::tempdir().unwrap();
        let (one, two) = (folder.path().join("one"), folder.path().join("two"));
        std::fs::write(&one, "abc").unwrap();
        let mut work = crate::progress::Progress::default().begin("copying", None);
        let sum = copy(&mut File::open(&one).unwrap(), &two, &mut work).unwrap();
        assert_eq!(sum.sha256, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
        assert_eq!((sum.size, &settle(&two, &mut work).unwrap()), (3, &sum));
        assert!(copy(&mut File::open(&one).unwrap(), &two, &mut work).is_err(), "a file that is there stays");
    }
}
