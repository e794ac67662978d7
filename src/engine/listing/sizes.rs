//! Bytes on disk: what deleting each snapshot would free, and what several of them share.

use std::collections::HashMap;
use std::sync::Arc;

use super::{Core, Known, lock};
use crate::image::Hash;

/// What deleting each of some snapshots would free, by manifest.
pub(super) struct Unique {
    of: Vec<Hash>,
    bytes: Arc<HashMap<Hash, u64>>,
}

impl Core {
    /// Bytes on disk of the chunks that each snapshot needs alone; remembered while the same
    /// snapshots are there.
    pub(super) fn unique_bytes(&self, known: &[Known]) -> Arc<HashMap<Hash, u64>> {
        let of: Vec<Hash> = known.iter().filter_map(Known::manifest).collect();
        let mut remembered = lock(&self.listing.unique);
        if let Some(unique) = remembered.as_ref().filter(|unique| unique.of == of) {
            return Arc::clone(&unique.bytes);
        }
        let uses = count_uses(known);
        let sizes = self.sizes(&uses);
        let size = |chunk: &Hash| sizes.get(chunk).copied();
        let alone = |one: &Known| -> u64 {
            let chunks = one.chunks.iter().flat_map(|chunks| chunks.iter());
            chunks.filter(|chunk| uses.get(chunk) == Some(&1)).filter_map(size).sum()
        };
        let bytes = known.iter().filter_map(|one| Some((one.manifest()?, alone(one)))).collect();
        let shared = uses.iter().filter(|(_, uses)| **uses > 1).filter_map(|(chunk, _)| size(chunk));
        *lock(&self.listing.shared) = Some(shared.sum());
        let bytes = Arc::new(bytes);
        *remembered = Some(Unique { of, bytes: Arc::clone(&bytes) });
        bytes
    }

    /// Bytes on disk of each of these chunks that is there. A chunk never changes, so that only those
    /// that came since are looked at.
    fn sizes(&self, uses: &HashMap<Hash, u32>) -> HashMap<Hash, u64> {
        let mut known = lock(&self.listing.sizes);
        let size = |chunk: &Hash| known.get(chunk).copied().or_else(|| self.chunks.size(*chunk));
        let sizes: HashMap<Hash, u64> = uses.keys().filter_map(|chunk| Some((*chunk, size(chunk)?))).collect();
        known.clone_from(&sizes);
        sizes
    }
}

fn count_uses(known: &[Known]) -> HashMap<Hash, u32> {
    let mut uses = HashMap::new();
    for chunk in known.iter().filter_map(|one| one.chunks.as_ref()).flat_map(|chunks| chunks.iter()) {
        *uses.entry(*chunk).or_default() += 1;
    }
    uses
}
