//! The folder of a vector store, copied cold: nothing may change in it meanwhile, and if something
//! does, the copy is given up.
//!
//! SQLite databases in it are copied as databases, their side files with them; all else byte for
//! byte. A link is followed to a file of the folder, and nowhere else.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use rusqlite::{Connection, OpenFlags};

use super::database::{self, Held};
use super::sums;
use crate::error::{Error, Result};
use crate::files;
use crate::progress::Progress;
use crate::store::connection;

/// What there was to copy.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Copied {
    /// Files.
    pub files: u64,
    /// Bytes of the copies.
    pub bytes: u64,
}

/// What is in a folder, by path below it.
#[derive(Debug, PartialEq, Eq)]
struct Survey {
    folders: Vec<PathBuf>,
    /// Size and time of each file that is copied byte for byte.
    plain: BTreeMap<PathBuf, (u64, Option<SystemTime>)>,
    databases: Vec<PathBuf>,
}

/// Copies the folder `from` into a new folder `to`; nothing of it is synced.
///
/// # Errors
///
/// Unprocessable where there is what cannot be copied (a socket, a link out of the folder, a name
/// that is no text); conflict where the folder changes meanwhile. Both name the path.
pub fn copy(from: &Path, to: &Path, wait: Duration, progress: &Progress) -> Result<Copied> {
    let root = from.canonicalize()?;
    if !root.is_dir() {
        return Err(Error::unprocessable(format!("the vector store {} is no folder.", from.display()))
            .hint("No backup was made. Give its folder with --chroma-dir."));
    }
    let before = Survey::of(&root)?;
    let versions = Versions::of(&root, &before.databases, wait)?;
    copy_all(&root, to, &before, wait, progress)?;
    let after = Survey::of(&root)?;
    if let Some(path) = before.first_difference(&after).or(versions.first_changed()?) {
        return Err(changed(&path));
    }
    measure(to, &before)
}

fn copy_all(root: &Path, to: &Path, survey: &Survey, wait: Duration, progress: &Progress) -> Result<()> {
    files::make_folder(to)?;
    for folder in &survey.folders {
        files::make_folder(&to.join(folder))?;
    }
    let of = |error: Error, path: &Path| error.at(format!("the vector store's {}", path.display()));
    for path in &survey.databases {
        Held::take(&root.join(path), wait)
            .and_then(|database| database.copy(&to.join(path), "copying the vector store's database", progress))
            .map_err(|error| of(error, path))?;
    }
    let mut work = progress.begin_of("copying the vector store", "file", Some(survey.plain.len() as u64));
    for path in survey.plain.keys() {
        let (from, to) = (root.join(path), to.join(path));
        File::open(from)
            .and_then(|mut file| io::copy(&mut file, &mut sums::create(&to)?))
            .map_err(|error| gone_or(error, path))?;
        work.advance(1);
    }
    Ok(())
}

fn measure(to: &Path, survey: &Survey) -> Result<Copied> {
    let mut copied = Copied::default();
    for path in survey.plain.keys().chain(&survey.databases) {
        copied.files += 1;
        copied.bytes += fs::metadata(to.join(path))?.len();
    }
    Ok(copied)
}

/// Connections that see whether others write to their databases meanwhile.
struct Versions(Vec<(PathBuf, Connection, i64)>);

impl Versions {
    fn of(root: &Path, databases: &[PathBuf], wait: Duration) -> Result<Self> {
        let of = |path: &PathBuf| {
            let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
            let conn = Connection::open_with_flags(root.join(path), flags)?;
            connection::set_up_reader(&conn, wait)?;
            let version = version(&conn)?;
            Ok((path.clone(), conn, version))
        };
        let of = |path: &PathBuf| {
            of(path).map_err(|error: Error| error.at(format!("the vector store's {}", path.display())))
        };
        databases.iter().map(of).collect::<Result<_>>().map(Self)
    }

    fn first_changed(&self) -> Result<Option<PathBuf>> {
        for (path, conn, before) in &self.0 {
            if version(conn)? != *before {
                return Ok(Some(path.clone()));
            }
        }
        Ok(None)
    }
}

fn version(conn: &Connection) -> rusqlite::Result<i64> {
    conn.query_row("PRAGMA data_version", [], |row| row.get(0))
}

impl Survey {
    fn of(root: &Path) -> Result<Self> {
        let mut found = Self { folders: Vec::new(), plain: BTreeMap::new(), databases: Vec::new() };
        found.look(root, Path::new(""))?;
        found.leave_out_sides();
        Ok(found)
    }

    fn look(&mut self, root: &Path, below: &Path) -> Result<()> {
        let entries = fs::read_dir(root.join(below)).map_err(|error| gone_or(error, below))?;
        for entry in entries {
            let entry = entry?;
            let path = below.join(entry.file_name());
            if path.to_str().is_none_or(|text| text.contains('\\')) {
                return Err(cannot(&path, "has a name that not every system can keep"));
            }
            let found = entry.path().symlink_metadata().map_err(|error| gone_or(error, &path))?;
            if found.is_dir() {
                self.folders.push(path.clone());
                self.look(root, &path)?;
            } else {
                self.file(root, path)?;
            }
        }
        Ok(())
    }

    fn file(&mut self, root: &Path, path: PathBuf) -> Result<()> {
        let whole = root.join(&path);
        let target = whole.canonicalize().map_err(|error| gone_or(error, &path))?;
        if !target.starts_with(root) {
            return Err(cannot(&path, "is a link to outside of the folder"));
        }
        let found = fs::metadata(&target).map_err(|error| gone_or(error, &path))?;
        if !found.is_file() {
            return Err(cannot(&path, "is neither a file nor a folder"));
        }
        let is_database = File::open(&target).and_then(|mut file| database::is_one(&mut file));
        if is_database.map_err(|error| gone_or(error, &path))? {
            self.databases.push(path);
        } else {
            self.plain.insert(path, (found.len(), found.modified().ok()));
        }
        Ok(())
    }

    /// They go with their database, and are no part of its copy.
    fn leave_out_sides(&mut self) {
        for database in &self.databases {
            for side in database::SIDES {
                let mut name = database.clone().into_os_string();
                name.push(side);
                self.plain.remove(Path::new(&name));
            }
        }
        self.folders.sort_unstable();
        self.databases.sort_unstable();
    }

    fn first_difference(&self, other: &Self) -> Option<PathBuf> {
        let paths =
            self.plain.keys().chain(other.plain.keys()).find(|path| self.plain.get(*path) != other.plain.get(*path));
        let lists = [(&self.folders, &other.folders), (&self.databases, &other.databases)];
        let listed = lists
            .into_iter()
            .find(|(one, two)| one != two)
            .and_then(|(one, two)| one.iter().chain(two).find(|path| one.contains(path) != two.contains(path)));
        paths.or(listed).cloned()
    }
}

fn cannot(path: &Path, why: &str) -> Error {
    Error::unprocessable(format!("the vector store cannot be copied: {} {why}", path.display()))
}

fn changed(path: &Path) -> Error {
    Error::conflict(format!("The vector store changed while it was copied: {}. Nothing was kept.", path.display()))
        .hint("Stop what writes to it, and try again.")
}

/// What vanishes is told as a change; the rest as it is.
fn gone_or(error: io::Error, path: &Path) -> Error {
    if error.kind() == io::ErrorKind::NotFound { changed(path).because(error) } else { error.into() }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]
    use super::*;
    use crate::error::ErrorKind;

    fn copied(folder: &Path) -> Result<Copied> {
        let to = folder.with_extension("copy");
        let done = copy(folder, &to, Duration::ZERO, &Progress::default());
        if to.exists() {
            fs::remove_dir_all(&to).unwrap();
        }
        done
    }

    #[cfg(unix)]
    #[test]
    fn links_out_of_the_folder_and_sockets_are_refused_and_links_within_are_followed() {
        let scratch = tempfile::tempdir().unwrap();
        let folder = scratch.path().join("vectors");
        fs::create_dir_all(folder.join("a/b")).unwrap();
        fs::write(folder.join("a/b/x.bin"), [7; 10]).unwrap();
        std::os::unix::fs::symlink(folder.join("a/b/x.bin"), folder.join("y.bin")).unwrap();
        assert_eq!(copied(&folder).unwrap(), Copied { files: 2, bytes: 20 });

        let out = folder.join("out");
        fs::write(scratch.path().join("outside"), "x").unwrap();
        std::os::unix::fs::symlink(scratch.path().join("outside"), &out).unwrap();
        let refused = copied(&folder).unwrap_err();
        assert_eq!(refused.kind(), ErrorKind::Unprocessable);
        assert!(refused.message().contains("out is a link to outside of the folder"), "{refused}");
        fs::remove_file(&out).unwrap();
        std::os::unix::fs::symlink(folder.join("a"), &out).unwrap();
        assert!(copied(&folder).unwrap_err().message().contains("out is neither a file nor a folder"));
        fs::remove_file(&out).unwrap();
        let _socket = std::os::unix::net::UnixListener::bind(&out).unwrap();
        assert!(copied(&folder).unwrap_err().message().contains("out is neither a file nor a folder"));
    }

    #[test]
    fn what_differs_between_two_looks_is_named() {
        let scratch = tempfile::tempdir().unwrap();
        fs::write(scratch.path().join("x"), "1").unwrap();
        let before = Survey::of(scratch.path()).unwrap();
        assert_eq!(before.first_difference(&Survey::of(scratch.path()).unwrap()), None);
        fs::write(scratch.path().join("x"), "12").unwrap();
        assert_eq!(before.first_difference(&Survey::of(scratch.path()).unwrap()), Some("x".into()));
        fs::write(scratch.path().join("x"), "1").unwrap();
        fs::create_dir(scratch.path().join("y")).unwrap();
        let after = Survey::of(scratch.path()).unwrap();
        let found = before.first_difference(&after).unwrap();
        assert!(found == Path::new("x") || found == Path::new("y"));
    }
}
