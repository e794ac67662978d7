//! The folder of manifests: listing, finding, publishing, removing.
//!
//! Layout: `<kind>/<id>.json` the immutable manifest, `<kind>/<id>.note` beside it with what may
//! change (pin and label), `chunks/` what manifests name. Any `.json` whose stem has the form of an
//! id is a snapshot, whoever put it there; one that cannot be read is listed as damaged.

use std::collections::HashMap;
use std::fs;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::SystemTime;

use tempfile::NamedTempFile;
use time::OffsetDateTime;

use super::dump::head;
use super::entry::{Content, Entry, Note};
use super::manifest::{self, Manifest};
use super::model::{Kind, SnapshotId};
use crate::error::{Error, Result};
use crate::files;

/// More snapshots than a second has room for.
const IDS_OF_A_SECOND: u32 = 10_000;

/// The folder of manifests.
#[derive(Debug)]
pub struct Library {
    folder: PathBuf,
    read: Mutex<HashMap<PathBuf, Remembered>>,
}

/// A manifest that was read before, and the file as it was then.
#[derive(Debug, Clone)]
struct Remembered {
    size: u64,
    modified: SystemTime,
    content: Content,
}

impl SnapshotId {
    /// The id for a moment: the `attempt`-th (from 1) of its second.
    pub fn at(moment: OffsetDateTime, attempt: u32) -> Self {
        let (moment, time) = (moment.to_offset(time::UtcOffset::UTC), moment.to_offset(time::UtcOffset::UTC).time());
        let stem = format!(
            "{:04}{:02}{:02}T{:02}{:02}{:02}Z",
            moment.year(),
            u8::from(moment.month()),
            moment.day(),
            time.hour(),
            time.minute(),
            time.second()
        );
        let text = if attempt > 1 { format!("{stem}_{attempt:02}") } else { stem };
        Self::from_made(text)
    }
}

impl Library {
    /// The library in a folder; the folders of both kinds are made if they are not there.
    ///
    /// # Errors
    ///
    /// Where they cannot be made.
    pub fn open(folder: PathBuf) -> Result<Self> {
        for kind in Kind::ALL {
            files::make_folder(&folder.join(kind.as_str()))?;
        }
        Ok(Self { folder, read: Mutex::default() })
    }

    /// Where a snapshot's manifest is.
    pub fn path(&self, kind: Kind, id: &SnapshotId) -> PathBuf {
        self.folder.join(kind.as_str()).join(format!("{id}.json"))
    }

    fn note_path(&self, kind: Kind, id: &SnapshotId) -> PathBuf {
        self.folder.join(kind.as_str()).join(format!("{id}.note"))
    }

    /// All snapshots, newest first.
    ///
    /// # Errors
    ///
    /// Where a folder cannot be read.
    pub fn entries(&self) -> Result<Vec<Entry>> {
        let mut entries = Vec::new();
        for kind in Kind::ALL {
            for file in fs::read_dir(self.folder.join(kind.as_str()))? {
                let name = file?.file_name();
                let id = name.to_str().and_then(|name| name.strip_suffix(".json")).map(str::parse);
                if let Some(Ok(id)) = id
                    && let Some(entry) = self.entry(kind, id)?
                {
                    entries.push(entry);
                }
            }
        }
        entries.sort_by_key(|entry| std::cmp::Reverse((entry.order(), entry.id.clone())));
        Ok(entries)
    }

    /// Whether the file of an entry has gone since it was read.
    pub fn is_gone(&self, entry: &Entry) -> bool {
        !self.path(entry.kind, &entry.id).exists()
    }

    /// One snapshot.
    ///
    /// # Errors
    ///
    /// Not found where there is none.
    pub fn find(&self, kind: Kind, id: &SnapshotId) -> Result<Entry> {
        self.entry(kind, id.clone())?.ok_or_else(|| Error::not_found("snapshot not found"))
    }

    /// None where the file is gone, as it may be between listing a folder and reading it.
    fn entry(&self, kind: Kind, id: SnapshotId) -> Result<Option<Entry>> {
        let path = self.path(kind, &id);
        let metadata = match fs::metadata(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            metadata => metadata?,
        };
        if !metadata.is_file() {
            return Ok(None);
        }
        let (size, modified) = (metadata.len(), metadata.modified()?);
        let Some(content) = self.content(&path, size, modified)? else { return Ok(None) };
        let note = read_note(&self.note_path(kind, &id));
        Ok(Some(Entry { kind, id, size, modified: modified.into(), content, note }))
    }

    fn content(&self, path: &Path, size: u64, modified: SystemTime) -> Result<Option<Content>> {
        let mut read = self.read.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = read.get(path)
            && (known.size, known.modified) == (size, modified)
        {
            return Ok(Some(known.content.clone()));
        }
        let content = match read_content(path, size) {
            Ok(content) => content,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            // Not remembered: the next read may succeed.
            Err(error) => return Ok(Some(Content::Unreadable(format!("it cannot be read: {error}")))),
        };
        read.insert(path.to_owned(), Remembered { size, modified, content: content.clone() });
        Ok(Some(content))
    }

    /// Publishes a manifest under the first id of its moment above all that are there, so that ids
    /// sort by capture also where earlier ones of a second are pruned; `write` is given the id.
    ///
    /// # Errors
    ///
    /// Where it cannot be written; nothing is visible then.
    pub fn publish(
        &self,
        kind: Kind,
        moment: OffsetDateTime,
        write: &mut dyn FnMut(&SnapshotId) -> Result<Vec<u8>>,
    ) -> Result<SnapshotId> {
        self.publish_with(kind, moment, &mut |id, path| files::publish_new(path, &write(id)?, moment.into()))
    }

    /// Publishes a whole file, as [`Library::publish`] does; where it is cannot be seen before.
    ///
    /// # Errors
    ///
    /// Where it cannot be put there.
    pub fn publish_file(&self, kind: Kind, moment: OffsetDateTime, file: NamedTempFile) -> Result<SnapshotId> {
        file.as_file().set_modified(moment.into())?;
        file.as_file().sync_all()?;
        let mut left = Some(file);
        self.publish_with(kind, moment, &mut |_, path| {
            let Some(file) = left.take() else { return Ok(false) };
            match files::persist_new(file, path)? {
                Ok(()) => Ok(true),
                Err(file) => {
                    left = Some(file);
                    Ok(false)
                }
            }
        })
    }

    /// An unfinished file beside the snapshots of a kind.
    ///
    /// # Errors
    ///
    /// Where it cannot be made.
    pub fn unfinished(&self, kind: Kind) -> Result<NamedTempFile> {
        Ok(files::unfinished(&self.folder.join(kind.as_str()))?)
    }

    /// Tries the ids of a moment until `put` answers that it has put a file there.
    fn publish_with(
        &self,
        kind: Kind,
        moment: OffsetDateTime,
        put: &mut dyn FnMut(&SnapshotId, &Path) -> Result<bool>,
    ) -> Result<SnapshotId> {
        for attempt in self.last_of_second(kind, moment)? + 1..IDS_OF_A_SECOND {
            let id = SnapshotId::at(moment, attempt);
            let path = self.path(kind, &id);
            if !path.exists() && put(&id, &path)? {
                return Ok(id);
            }
        }
        Err(Error::internal("there are ten thousand snapshots of this second"))
    }

    /// The number of the last id of a moment's second; 0 where there is none.
    fn last_of_second(&self, kind: Kind, moment: OffsetDateTime) -> Result<u32> {
        let first = SnapshotId::at(moment, 1);
        let mut last = 0;
        for file in fs::read_dir(self.folder.join(kind.as_str()))? {
            let name = file?.file_name();
            let stem = name.to_str().and_then(|name| name.strip_suffix(".json"));
            let number = match stem.and_then(|stem| stem.strip_prefix(first.as_str())) {
                Some("") => 1,
                Some(rest) => rest.strip_prefix('_').and_then(|number| number.parse().ok()).unwrap_or(0),
                None => 0,
            };
            // A file put there by hand may have any number.
            if number < IDS_OF_A_SECOND / 2 {
                last = last.max(number);
            }
        }
        Ok(last)
    }

    /// Writes pin and label.
    ///
    /// # Errors
    ///
    /// Where the file cannot be written.
    pub fn write_note(&self, kind: Kind, id: &SnapshotId, note: &Note) -> Result<()> {
        let bytes =
            serde_json::to_vec(note).map_err(|source| Error::internal("a note has no JSON form").because(source))?;
        files::publish(&self.note_path(kind, id), &bytes)
    }

    /// Removes a manifest and its note, the manifest first. Says whether it was there.
    ///
    /// # Errors
    ///
    /// Where it cannot be removed.
    pub fn remove(&self, kind: Kind, id: &SnapshotId) -> Result<bool> {
        let was_there = files::remove_if_there(&self.path(kind, id))?;
        files::remove_if_there(&self.note_path(kind, id))?;
        files::sync_folder(&self.folder.join(kind.as_str()))?;
        self.read.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.path(kind, id));
        Ok(was_there)
    }

    /// Removes what crashes left unfinished.
    ///
    /// # Errors
    ///
    /// Where a folder cannot be read.
    pub fn sweep(&self) -> Result<()> {
        Kind::ALL.into_iter().try_for_each(|kind| files::sweep_unfinished(&self.folder.join(kind.as_str())))
    }
}

/// What a file holds. A dump is judged by its ends: reading all of it is for whoever checks it.
fn read_content(path: &Path, size: u64) -> io::Result<Content> {
    let mut file = fs::File::open(path)?;
    let mut first = Vec::new();
    Read::by_ref(&mut file).take(head::LOOKED_AT as u64).read_to_end(&mut first)?;
    if head::looks_like_dump(&first) {
        return match head::judge(&mut file) {
            Ok(Ok(head)) => Ok(Content::Dump(head)),
            Ok(Err(reason)) => Ok(Content::Unreadable(reason)),
            Err(error) => Err(io::Error::other(error.to_string())),
        };
    }
    if size > manifest::LARGEST {
        return Ok(Content::Unreadable("it is no manifest that this program wrote".to_owned()));
    }
    file.read_to_end(&mut first)?;
    Ok(match Manifest::read(&first) {
        Ok(manifest) => Content::Chunks(Arc::new(manifest)),
        Err(error) => Content::Unreadable(error.to_string()),
    })
}

/// A note that cannot be read counts as a pin: nothing is pruned for want of it.
fn read_note(path: &Path) -> Option<Note> {
    let unreadable = || Some(Note { pinned: true, ..Note::default() });
    match fs::read(path) {
        Ok(bytes) => serde_json::from_slice(&bytes).ok().or_else(unreadable),
        Err(error) if error.kind() == io::ErrorKind::NotFound => None,
        Err(_) => unreadable(),
    }
}
