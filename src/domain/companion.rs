//! The built-in domain: a companion chat store, from the folder `data/companion`.

use std::collections::BTreeMap;

use rust_embed::RustEmbed;

#[derive(RustEmbed)]
#[folder = "data/companion"]
struct Folder;

/// The folder's files by their paths in it.
pub(super) fn files() -> BTreeMap<String, String> {
    Folder::iter()
        .filter_map(|path| {
            let file = Folder::get(&path)?;
            Some((path.to_string(), String::from_utf8_lossy(&file.data).into_owned()))
        })
        .collect()
}
