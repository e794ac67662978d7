//! The files of a backup put where they are used: made beside their place for a restore in which
//! they change places, or into an empty folder.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::path::{Path, PathBuf};

use super::folder::Backups;
use super::intent::{Intent, Swap};
use super::metadata::{Contents, Found, Listed, REGISTRY, VECTORS};
use super::sums;
use super::validate::Validation;
use crate::error::{Error, Result};
use crate::files;
use crate::progress::{Progress, Work};

/// The database in a data folder, whatever it was called where it comes from.
const STORE: &str = "backstitch.db";

/// A backup of this program, as a restore reads it.
#[derive(Debug, Clone)]
pub struct Source {
    folder: PathBuf,
    contents: Contents,
}

/// Where the registry file and the vector store of a running app are.
#[derive(Debug, Clone, Default)]
pub struct Places {
    /// The registry file.
    pub registry: Option<PathBuf>,
    /// The folder of the vector store.
    pub vectors: Option<PathBuf>,
}

impl Places {
    /// Refuses places in which a restore would move away more than they are for.
    ///
    /// # Errors
    ///
    /// Refused, with the flag to change.
    pub fn check(&self, data_dir: &Path, database: &Path) -> Result<()> {
        let real = |path: &Path| path.canonicalize().unwrap_or_else(|_| path.to_owned());
        let own = ["snapshots", "backups"].map(|folder| real(&data_dir.join(folder)));
        let (data_dir, database) = (real(data_dir), real(database));
        let refused = |flag: &str, path: &Path, why: &str| {
            Err(Error::refused(format!("{flag} {} {why}.", path.display())).hint("Give a place of its own."))
        };
        if let Some(path) = &self.vectors {
            let vectors = real(path);
            if data_dir.starts_with(&vectors) || database.starts_with(&vectors) {
                return refused("--chroma-dir", path, "holds the store itself");
            }
        }
        for (flag, path) in [("--registry", &self.registry), ("--chroma-dir", &self.vectors)] {
            let Some(path) = path else { continue };
            let place = real(path);
            if place == database || own.iter().any(|own| place.starts_with(own)) {
                return refused(flag, path, "is a file or folder of the store itself");
            }
        }
        Ok(())
    }
}

impl Source {
    /// The backup in a folder.
    ///
    /// # Errors
    ///
    /// Damaged where its metadata cannot be read; unprocessable where another program made it.
    pub fn open(folder: PathBuf) -> Result<Self> {
        let unreadable = |why: String| Error::damaged(format!("the backup cannot be restored: its metadata {why}."));
        let contents = match Found::read(&folder) {
            Found::Missing => return Err(unreadable("is not there".to_owned())),
            Found::Invalid(why) => return Err(unreadable(format!("cannot be read: {why}"))),
            Found::Read(metadata) => {
                Contents::of(&metadata).map_err(|why| unreadable(format!("cannot be read: {why}")))?
            }
        };
        if contents.own.is_none() {
            return Err(Error::unprocessable(
                "the backup was made by another program, which does not say what its files were.",
            )
            .hint("It can be listed and checked, and not restored."));
        }
        Ok(Self { folder, contents })
    }

    /// The backup that a check has just found not to be damaged.
    ///
    /// # Errors
    ///
    /// Not found; damaged, with what is; those of [`Source::open`].
    pub fn proven(backups: &Backups, found: &Validation) -> Result<Self> {
        let folder = backups.find(&found.stamp)?;
        match found.damage().as_slice() {
            [] => Self::open(folder),
            damage => Err(Error::damaged(format!("Backup {} cannot be restored: {}.", found.stamp, damage.join("; ")))
                .hint("Nothing was changed. Choose another backup.")),
        }
    }

    /// The path of the registry file in it, where there is one.
    pub fn registry(&self) -> Option<&str> {
        self.contents.registry.as_deref()
    }

    /// Whether the vector store is in it.
    pub fn has_vectors(&self) -> bool {
        self.contents.vectors
    }

    /// Whether a registry file is in it.
    pub fn has_registry(&self) -> bool {
        self.contents.registry.is_some()
    }

    /// The database.
    ///
    /// # Errors
    ///
    /// Damaged where none is listed.
    pub fn database(&self) -> Result<(&Listed, PathBuf)> {
        let listed = self.contents.database.as_deref().and_then(|path| self.contents.listed(path));
        let listed = listed.ok_or_else(|| Error::damaged("the backup has no database."))?;
        Ok((listed, self.folder.join(&listed.path)))
    }

    /// The swaps that put registry and vector store in place; what is not in the backup stays.
    ///
    /// # Errors
    ///
    /// Refused where the backup holds what the app has no place for.
    pub fn swaps(&self, places: &Places, token: &str) -> Result<Vec<Swap>> {
        let place = |is_in: bool, place: &Option<PathBuf>, what: &str, flag: &str| match place {
            Some(place) if is_in => Ok(Some(Swap::new(place, token))),
            None if is_in => {
                Err(Error::refused(format!("the backup holds {what}, and it is not said where that belongs."))
                    .hint(format!("Give its place with {flag}, or restore into an empty folder.")))
            }
            _ => Ok(None),
        };
        let registry = place(self.has_registry(), &places.registry, "a registry file", "--registry")?;
        let vectors = place(self.has_vectors(), &places.vectors, "a vector store", "--chroma-dir")?;
        Ok(registry.into_iter().chain(vectors).collect())
    }

    /// Makes what the swaps put in place.
    ///
    /// # Errors
    ///
    /// Damaged where a file is not what was written.
    pub fn stage(&self, intent: &Intent, progress: &Progress) -> Result<()> {
        let mut swaps = intent.swaps.iter();
        if self.has_registry()
            && let Some(swap) = swaps.next()
        {
            let mut work = progress.begin("preparing the registry file", None);
            make_parent(&swap.staged)?;
            self.put_registry(&swap.staged, &mut work)?;
            keep_permissions(&swap.live, &swap.staged)?;
        }
        if let Some(swap) = swaps.next() {
            make_parent(&swap.staged)?;
            self.put_vectors(&swap.staged, progress)?;
            keep_permissions(&swap.live, &swap.staged)?;
        }
        Ok(())
    }

    fn put_registry(&self, to: &Path, work: &mut Work) -> Result<()> {
        let listed = self.contents.registry.as_deref().and_then(|path| self.contents.listed(path));
        listed.map_or(Ok(()), |listed| self.put(listed, to, work))
    }

    fn put_vectors(&self, to: &Path, progress: &Progress) -> Result<()> {
        let kilobytes = self.contents.listed_vectors().map(|listed| sums::steps(listed.size)).sum();
        let mut work = progress.begin_of("preparing the vector store", "kilobyte", Some(kilobytes));
        let mut folders = BTreeSet::from([to.to_owned()]);
        for listed in self.contents.listed_vectors() {
            let path = to.join(listed.below(VECTORS).unwrap_or_default().trim_start_matches('/'));
            make_parent(&path)?;
            folders.extend(path.ancestors().skip(1).take_while(|folder| *folder != to).map(Path::to_owned));
            self.put(listed, &path, &mut work)?;
        }
        for path in self.contents.empty_folders() {
            let path = to.join(path.trim_start_matches('/'));
            files::make_folder(&path)?;
            folders.extend(path.ancestors().take_while(|folder| *folder != to).map(Path::to_owned));
        }
        files::make_folder(to)?;
        folders.iter().try_for_each(|folder| files::sync_folder(folder))?;
        Ok(())
    }

    /// Copies a file, hashed and compared with what is listed.
    fn put(&self, listed: &Listed, to: &Path, work: &mut Work) -> Result<()> {
        let from = self.folder.join(&listed.path);
        let is_file = from.symlink_metadata().is_ok_and(|found| found.is_file());
        let damaged = |what: &str| Error::damaged(format!("the backup's file {} {what}.", listed.path));
        if !is_file {
            return Err(damaged("is missing"));
        }
        if sums::copy(&mut File::open(from)?, to, work)? == listed.sum() {
            return Ok(());
        }
        Err(damaged("is not what was written"))
    }

    /// Puts everything into a folder that is empty or not there: a data folder with the database,
    /// the registry file in `config/` and the vector store in `chroma/`. The database comes last.
    ///
    /// # Errors
    ///
    /// Refused where something is in the folder; damaged where a file is not what was written.
    /// Nothing stays in the folder then.
    pub fn put_into(&self, to: &Path, progress: &Progress) -> Result<()> {
        let refused = |error| Error::from(error).at(to.display());
        files::make_folder(to).map_err(refused)?;
        if fs::read_dir(to).map_err(refused)?.next().is_some() {
            return Err(Error::refused(format!("{} is not empty, and is left as it is.", to.display()))
                .hint("Give a folder that is empty or not there."));
        }
        let scratch = files::unfinished_folder(to).map_err(refused)?;
        let put = self.fill(scratch.path(), progress).and_then(|parts| {
            for part in &parts {
                fs::rename(scratch.path().join(part), to.join(part))?;
            }
            Ok(files::sync_folder(to)?)
        });
        if put.is_err() {
            // The reason counts more than whether the rest could be removed.
            for part in [REGISTRY, VECTORS] {
                let _ = fs::remove_dir_all(to.join(part));
            }
        }
        put
    }

    /// What is to be renamed into place, in this order.
    fn fill(&self, folder: &Path, progress: &Progress) -> Result<Vec<String>> {
        let mut parts = Vec::new();
        if let Some(path) = &self.contents.registry {
            files::make_folder(&folder.join(REGISTRY))?;
            self.put_registry(&folder.join(path), &mut progress.begin("copying the registry file", None))?;
            files::sync_folder(&folder.join(REGISTRY))?;
            parts.push(REGISTRY.to_owned());
        }
        if self.has_vectors() {
            self.put_vectors(&folder.join(VECTORS), progress)?;
            parts.push(VECTORS.to_owned());
        }
        let (listed, _) = self.database()?;
        let mut work = progress.begin_of("copying the database", "kilobyte", Some(sums::steps(listed.size)));
        self.put(listed, &folder.join(STORE), &mut work)?;
        parts.push(STORE.to_owned());
        Ok(parts)
    }
}

fn make_parent(path: &Path) -> Result<()> {
    Ok(path.parent().map_or(Ok(()), files::make_folder)?)
}

/// Who could read what is replaced can read what replaces it.
fn keep_permissions(live: &Path, staged: &Path) -> Result<()> {
    let Ok(found) = fs::metadata(live) else { return Ok(()) };
    if found.is_dir() != staged.is_dir() {
        return Ok(());
    }
    if found.is_dir() {
        for entry in fs::read_dir(staged)? {
            let entry = entry?;
            keep_permissions(&live.join(entry.file_name()), &entry.path())?;
        }
    }
    Ok(fs::set_permissions(staged, found.permissions())?)
}
