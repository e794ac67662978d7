//! `backup-metadata.json`: what is in a backup.
//!
//! The first ten keys are the original service's, absolute paths included, so that its own check
//! finds everything. Here only `files` is trusted. Of a backup that another program wrote nothing
//! but the *names* of its files is taken from the metadata: they are looked for where they belong.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Read};
use std::path::{Component, Path};

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::sums::Sum;

/// Its name in the folder of a backup.
pub const FILE: &str = "backup-metadata.json";
/// The folder of the database in a backup.
pub const DATABASE: &str = "db";
/// The folder of the registry file in a backup.
pub const REGISTRY: &str = "config";
/// The folder of the vector store in a backup.
pub const VECTORS: &str = "chroma";
/// One that is larger was not written here.
const LARGEST: u64 = 256 << 20;

/// What is in a backup.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Metadata {
    /// The moment, RFC 3339.
    pub created_at: String,
    /// The backup's folder when it was made.
    pub backup_root: String,
    /// The database in it.
    pub db_snapshot_path: String,
    /// Its size.
    pub db_size_bytes: u64,
    /// The registry file in it; empty where there was none.
    pub registry_snapshot_path: String,
    /// The vector store in it; empty where it is not included.
    pub chroma_snapshot_path: String,
    /// Bytes of the vector store.
    pub chroma_snapshot_bytes: u64,
    /// Files of the vector store.
    pub chroma_snapshot_files: u64,
    /// Whether the vector store is in it.
    pub chroma_snapshot_included: bool,
    /// That in words.
    pub vector_store_note: String,
    /// The program that made it, and its version.
    pub program: String,
    /// The highest id of the log in the database.
    pub last_event_id: i64,
    /// Rows of the log and of every projected table.
    pub rows: BTreeMap<String, u64>,
    /// Every file but this one.
    pub files: Vec<Listed>,
    /// The folders of the vector store that have nothing in them, by paths as those of files.
    #[serde(default)]
    pub folders: Vec<String>,
}

/// One file of a backup.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Listed {
    /// Its path in the folder of the backup, parted by slashes.
    pub path: String,
    /// Its size.
    pub size: u64,
    /// Its SHA-256, 64 hex digits.
    pub sha256: String,
}

impl Listed {
    /// A file and its sum.
    pub fn new(path: String, sum: Sum) -> Self {
        Self { path, size: sum.size, sha256: sum.sha256 }
    }

    /// The sum that it should have.
    pub fn sum(&self) -> Sum {
        Sum { size: self.size, sha256: self.sha256.clone() }
    }

    /// Its path below the folder of its part, where it is of that part.
    pub fn below(&self, part: &str) -> Option<&str> {
        below(&self.path, part)
    }
}

fn below<'a>(path: &'a str, part: &str) -> Option<&'a str> {
    path.strip_prefix(part)?.strip_prefix('/')
}

/// Whether a path stays in the backup, in one of the folders of its parts.
fn is_inside(path: &str, parts: &[&str]) -> bool {
    let plain = |part: Component<'_>| matches!(part, Component::Normal(_));
    Path::new(path).components().all(plain) && parts.iter().any(|part| below(path, part).is_some())
}

/// The metadata file of a backup, as it was found.
#[derive(Debug, Clone)]
pub enum Found {
    /// There is none.
    Missing,
    /// It cannot be read, and why.
    Invalid(String),
    /// An object.
    Read(Value),
}

impl Found {
    /// Reads the metadata of a backup in `folder`.
    pub fn read(folder: &Path) -> Self {
        let mut bytes = Vec::new();
        let read = File::open(folder.join(FILE)).and_then(|file| file.take(LARGEST + 1).read_to_end(&mut bytes));
        match read {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Self::Missing,
            Err(error) => return Self::Invalid(error.kind().to_string()),
            Ok(_) if bytes.len() as u64 > LARGEST => return Self::Invalid("it is too large".to_owned()),
            Ok(_) => {}
        }
        match serde_json::from_slice(&bytes) {
            Ok(Value::Object(object)) => Self::Read(Value::Object(object)),
            Ok(_) => Self::Invalid("it is no object".to_owned()),
            Err(error) => Self::Invalid(error.to_string()),
        }
    }
}

/// What a backup holds, by paths in its folder.
#[derive(Debug, Clone)]
pub struct Contents {
    /// The database; none where the metadata names none.
    pub database: Option<String>,
    /// The registry file.
    pub registry: Option<String>,
    /// Whether there is a vector store.
    pub vectors: bool,
    /// What this program wrote; none in a backup of another.
    pub own: Option<Metadata>,
}

impl Contents {
    /// What metadata says. Such as names `files` is held to be this program's and must have the
    /// form of it.
    ///
    /// # Errors
    ///
    /// The reason, where it has not.
    pub fn of(metadata: &Value) -> Result<Self, String> {
        if metadata.get("files").is_none() {
            return Ok(Self::of_another(metadata));
        }
        let own: Metadata = serde_json::from_value(metadata.clone()).map_err(|error| error.to_string())?;
        let files = own.files.iter().map(|file| (&file.path, &[DATABASE, REGISTRY, VECTORS][..]));
        let folders = own.folders.iter().map(|folder| (folder, &[VECTORS][..]));
        if let Some((outside, _)) = files.chain(folders).find(|(path, parts)| !is_inside(path, parts)) {
            return Err(format!("{outside:?} is no path in a backup"));
        }
        let of = |part| -> Vec<_> { own.files.iter().filter(|file| file.below(part).is_some()).collect() };
        let (databases, registries) = (of(DATABASE), of(REGISTRY));
        if databases.len() > 1 || registries.len() > 1 {
            return Err("it lists more than one database or registry file".to_owned());
        }
        let path = |files: Vec<&Listed>| files.first().map(|file| file.path.clone());
        let (database, registry) = (path(databases), path(registries));
        Ok(Self { database, registry, vectors: own.chroma_snapshot_included, own: Some(own) })
    }

    fn of_another(metadata: &Value) -> Self {
        let named = |key: &str| metadata.get(key).and_then(Value::as_str).filter(|path| !path.is_empty());
        let inside = |part: &str, key: &str| {
            // The other program may have run where paths are parted otherwise.
            let name = named(key)?.rsplit(['/', '\\']).next().filter(|name| !matches!(*name, "" | "." | ".."))?;
            Some(format!("{part}/{name}"))
        };
        Self {
            database: inside(DATABASE, "db_snapshot_path"),
            registry: inside(REGISTRY, "registry_snapshot_path"),
            vectors: named("chroma_snapshot_path").is_some(),
            own: None,
        }
    }

    /// The file of this program's list at a path.
    pub fn listed(&self, path: &str) -> Option<&Listed> {
        self.own.as_ref()?.files.iter().find(|file| file.path == path)
    }

    /// The files of the vector store that this program listed.
    pub fn listed_vectors(&self) -> impl Iterator<Item = &Listed> {
        let files = self.own.iter().flat_map(|own| &own.files);
        files.filter(|file| file.below(VECTORS).is_some())
    }

    /// The folders of the vector store that have nothing in them, by paths below its own.
    pub fn empty_folders(&self) -> impl Iterator<Item = &str> {
        self.own.iter().flat_map(|own| &own.folders).filter_map(|path| below(path, VECTORS))
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]
    use serde_json::json;

    use super::*;

    #[test]
    fn of_another_program_only_names_are_taken() {
        let contents = Contents::of(&json!({
            "db_snapshot_path": "/etc/passwd", "registry_snapshot_path": "", "chroma_snapshot_path": "C:\\x\\chroma",
        }));
        let contents = contents.unwrap();
        assert_eq!((contents.database.as_deref(), contents.registry), (Some("db/passwd"), None));
        assert!(contents.vectors && contents.own.is_none());
        let nothing = Contents::of(&json!({ "db_snapshot_path": "../.." })).unwrap();
        assert!(nothing.database.is_none() && !nothing.vectors);
    }

    #[test]
    fn a_listed_path_stays_in_the_backup() {
        for (path, fits) in [
            ("db/a.db", true),
            ("chroma/x/y.bin", true),
            ("db/../../x", false),
            ("/etc/passwd", false),
            ("other/x", false),
            ("db", false),
            ("db//etc/passwd", true),
        ] {
            assert_eq!(is_inside(path, &[DATABASE, VECTORS]), fits, "{path}");
        }
    }
}
