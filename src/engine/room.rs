//! Making room where a full disk leaves none to open the database: even reading it needs some when
//! nobody has it open. Snapshots are files, and go without it.

use std::path::Path;

use super::Pruned;
use crate::error::{Error, Result};
use crate::image::ChunkStore;
use crate::snapshot::{Kind, Library, SnapshotId, retention};

/// Deletes a snapshot and the chunks that only it needs, by their files alone. As on a full disk with
/// an open database, no line of the history tells it.
///
/// # Errors
///
/// Not found where there is none; malformed where both kinds have the id and none is given.
pub fn delete(data_dir: &Path, id: &SnapshotId, kind: Option<Kind>) -> Result<Pruned> {
    let snapshots = data_dir.join("snapshots");
    let (library, chunks) = (Library::open(snapshots.clone())?, ChunkStore::open(snapshots.join("chunks"))?);
    let has = |kind: &Kind| library.path(*kind, id).is_file();
    let kind = match kind {
        None if Kind::ALL.iter().all(has) => {
            return Err(Error::malformed("both kinds have this id; give --kind periodic or --kind rewind"));
        }
        None => Kind::ALL.into_iter().find(has),
        given => given,
    };
    if !kind.map(|kind| library.remove(kind, id)).transpose()?.unwrap_or(false) {
        return Err(Error::not_found("snapshot not found"));
    }
    Ok(Pruned { removed: vec![id.clone()], collected: retention::collect(&library, &chunks)? })
}
