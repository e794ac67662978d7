//! Making a backup: built aside, proven, synced, and only then put under its stamp.

use std::fs;
use std::io::{self, Write};
use std::path::Path;
use std::thread;
use std::time::Duration;

use serde::de::IgnoredAny;
use time::OffsetDateTime;

use super::database::{self, Held, Told};
use super::folder::Backups;
use super::gate::Closed;
use super::metadata::{self, DATABASE, Listed, Metadata, REGISTRY, VECTORS};
use super::stamp::Stamp;
use super::sums;
use super::vectors::{self, Copied};
use crate::clock;
use crate::error::{Error, Result};
use crate::files;
use crate::progress::Progress;

/// A registry file that another program writes just now is read again so often.
const TRIES: usize = 5;
/// From one try to the next.
const PAUSE: Duration = Duration::from_millis(40);

/// What is copied.
#[derive(Debug, Clone, Copy)]
pub struct Sources<'a> {
    /// The store's database.
    pub database: &'a Path,
    /// The registry file; it may not be there.
    pub registry: Option<&'a Path>,
    /// Whether a registry file that is not JSON is copied all the same, as what there is.
    pub any_registry: bool,
    /// The folder of the vector store, where it is to be included; it may not be there.
    pub vectors: Option<&'a Path>,
    /// How long a locked database is waited for.
    pub wait: Duration,
    /// Who is told how far it is.
    pub progress: &'a Progress,
}

/// Makes a backup. Answers its stamp and what is in it. New events are kept waiting by `closed`, where
/// it is given, only until everything is of one moment.
///
/// # Errors
///
/// Damaged where the database is; unprocessable where the registry is not JSON; those of
/// [`vectors::copy`]. Nothing is visible then.
pub fn create(
    backups: &Backups,
    sources: Sources<'_>,
    closed: Option<Closed>,
    at: OffsetDateTime,
) -> Result<(Stamp, Metadata)> {
    let _shared = backups.share()?;
    let folder = files::unfinished_folder(backups.snapshots())?;
    let built = build(folder.path(), sources, closed)?;
    let mut made = None;
    let stamp = backups.publish(folder.path(), at, &mut |stamp| {
        let metadata = built.metadata(&backups.path(stamp), at);
        write(folder.path(), &metadata)?;
        made = Some(metadata);
        Ok(())
    })?;
    // It has another name now, and stays.
    let _ = folder.keep();
    Ok((stamp, made.ok_or_else(|| Error::internal("a backup was published unwritten"))?))
}

/// What was copied, before it has a name.
struct Built {
    files: Vec<Listed>,
    /// The empty folders.
    folders: Vec<String>,
    told: Told,
    /// Its path in the backup.
    registry: Option<String>,
    vectors: Option<Copied>,
    note: &'static str,
}

fn build(folder: &Path, sources: Sources<'_>, closed: Option<Closed>) -> Result<Built> {
    for part in [DATABASE, REGISTRY, VECTORS] {
        files::make_folder(&folder.join(part))?;
    }
    let database = Held::take(sources.database, sources.wait)?;
    let vectors = match sources.vectors.filter(|vectors| vectors.exists()) {
        Some(from) => Some(vectors::copy(from, &folder.join(VECTORS), sources.wait, sources.progress)?),
        None => None,
    };
    // What the database is held at stays, whatever is appended now.
    drop(closed);
    let registry = sources.registry.map(|from| registry(from, folder, sources.any_registry)).transpose()?.flatten();
    let path = folder.join(DATABASE).join(name_of(sources.database)?);
    database.copy(&path, "copying the database", sources.progress)?;
    drop(database);
    let told = database::prove(&path, sources.progress)?;
    let note = match (vectors, sources.vectors) {
        (Some(_), _) => "The vector store is included, copied while no events came in.",
        (None, Some(_)) => "The vector store is not included: its folder was not there.",
        (None, None) => "The vector store is not included: it was not asked for.",
    };
    let (files, folders) = settle(folder, sources.progress)?;
    Ok(Built { files, folders, told, registry, vectors, note })
}

fn name_of(path: &Path) -> Result<&str> {
    let name = path.file_name().and_then(|name| name.to_str());
    name.ok_or_else(|| Error::unprocessable(format!("{} has a name that is no text", path.display())))
}

/// Copies the registry, once it is JSON. Answers its path in the backup; none where there is none.
fn registry(from: &Path, folder: &Path, any: bool) -> Result<Option<String>> {
    let mut tried = 0;
    loop {
        let Some(bytes) = read_registry(from)? else { return Ok(None) };
        tried += 1;
        match serde_json::from_slice::<IgnoredAny>(&bytes) {
            Err(_) if tried < TRIES => thread::sleep(PAUSE),
            Err(error) if !any => {
                return Err(Error::unprocessable(format!(
                    "the registry file {} is not JSON: {error}.",
                    from.display()
                ))
                .hint("No backup was made. Mend the file, or start without it."));
            }
            _ => {
                let path = format!("{REGISTRY}/{}", name_of(from)?);
                sums::create(&folder.join(&path))?.write_all(&bytes)?;
                return Ok(Some(path));
            }
        }
    }
}

/// None where it is not there.
fn read_registry(from: &Path) -> Result<Option<Vec<u8>>> {
    let cannot = |why: String| {
        Error::unprocessable(format!("the registry file {} cannot be read: {why}.", from.display()))
            .hint("No backup was made. Give another file with --registry, or start without it.")
    };
    // Looked at first: reading a pipe would wait for a writer.
    match fs::metadata(from) {
        Ok(found) if found.is_file() => {}
        Ok(_) => return Err(cannot("it is no file".to_owned())),
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(cannot(error.kind().to_string()).because(error)),
    }
    match fs::read(from) {
        Ok(bytes) => Ok(Some(bytes)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(cannot(error.kind().to_string()).because(error)),
    }
}

/// Makes all of a folder durable. Answers every file of it, and every empty folder, in the order of
/// paths.
fn settle(folder: &Path, progress: &Progress) -> Result<(Vec<Listed>, Vec<String>)> {
    let (mut found, mut empty, mut folders) = (Vec::new(), Vec::new(), vec![String::new()]);
    let mut at = 0;
    while let Some(below) = folders.get(at).cloned() {
        at += 1;
        let mut is_empty = true;
        for entry in fs::read_dir(folder.join(&below))? {
            let entry = entry?;
            is_empty = false;
            let name = entry.file_name();
            let path = if below.is_empty() { String::new() } else { format!("{below}/") } + &name.to_string_lossy();
            if entry.file_type()?.is_dir() {
                folders.push(path);
            } else {
                found.push((path, entry.metadata()?.len()));
            }
        }
        empty.extend(is_empty.then_some(below));
    }
    found.sort();
    empty.retain(|path| path.contains('/'));
    empty.sort();
    let kilobytes = found.iter().map(|(_, size)| sums::steps(*size)).sum();
    let mut work = progress.begin_of("hashing the copies", "kilobyte", Some(kilobytes));
    let hash = |(path, _): (String, u64)| Ok(Listed::new(path.clone(), sums::settle(&folder.join(path), &mut work)?));
    let files = found.into_iter().map(hash).collect::<Result<_>>()?;
    folders.iter().rev().try_for_each(|path| files::sync_folder(&folder.join(path)))?;
    Ok((files, empty))
}

impl Built {
    /// The metadata of a backup that will be at `root`: the original's keys name absolute paths.
    fn metadata(&self, root: &Path, at: OffsetDateTime) -> Metadata {
        let whole = |path: Option<&str>| match path {
            Some(path) => root.join(path).to_string_lossy().into_owned(),
            None => String::new(),
        };
        let database = self.files.iter().find(|file| file.below(DATABASE).is_some());
        let vectors = self.vectors.unwrap_or_default();
        Metadata {
            created_at: clock::rfc3339(at),
            backup_root: root.to_string_lossy().into_owned(),
            db_snapshot_path: whole(database.map(|file| file.path.as_str())),
            db_size_bytes: database.map_or(0, |file| file.size),
            registry_snapshot_path: whole(self.registry.as_deref()),
            chroma_snapshot_path: whole(self.vectors.map(|_| VECTORS)),
            chroma_snapshot_bytes: vectors.bytes,
            chroma_snapshot_files: vectors.files,
            chroma_snapshot_included: self.vectors.is_some(),
            vector_store_note: self.note.to_owned(),
            program: format!("{} {}", env!("CARGO_PKG_NAME"), env!("CARGO_PKG_VERSION")),
            last_event_id: self.told.last_event_id,
            rows: self.told.rows.clone(),
            files: self.files.clone(),
            folders: self.folders.clone(),
        }
    }
}

fn write(folder: &Path, metadata: &Metadata) -> Result<()> {
    let mut bytes = serde_json::to_vec_pretty(metadata)
        .map_err(|source| Error::internal("a backup's metadata has no JSON form").because(source))?;
    bytes.push(b'\n');
    // In place of one that names another stamp, where that was taken meanwhile.
    files::publish(&folder.join(metadata::FILE), &bytes)
}
