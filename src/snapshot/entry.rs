//! One file of the library: what it holds, and what is known of it without reading more than its
//! manifest or its ends.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

use super::dump::head::Head;
use super::manifest::Manifest;
use super::model::{Kind, SnapshotId};
use crate::error::{Error, Result};

/// What a snapshot's file holds.
#[derive(Debug, Clone)]
pub enum Content {
    /// A manifest, which names chunks.
    Chunks(Arc<Manifest>),
    /// A dump of the original service's form, as far as its ends tell.
    Dump(Head),
    /// Neither, and why.
    Unreadable(String),
}

/// One file of the library.
#[derive(Debug, Clone)]
pub struct Entry {
    /// Its kind: the folder that it is in.
    pub kind: Kind,
    /// Its id: the stem of its name.
    pub id: SnapshotId,
    /// Bytes of the file.
    pub size: u64,
    /// When the file was written.
    pub modified: OffsetDateTime,
    /// What it holds.
    pub content: Content,
    /// Pin and label, where they were set after the capture.
    pub note: Option<Note>,
}

/// What may change about a snapshot.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Note {
    /// Never pruned.
    #[serde(default)]
    pub pinned: bool,
    /// The label, in place of the manifest's.
    #[serde(default)]
    pub label: Option<String>,
    /// What a dump that this store took itself cannot say of itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dump: Option<OwnDump>,
}

/// What is known of a dump that a store took itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OwnDump {
    /// The store.
    pub store: String,
    /// Its size: a file that was put in its place has another.
    pub bytes: u64,
    /// Its place in the order of all snapshots.
    pub sequence: u64,
    /// The store's epoch at the capture.
    pub epoch: u64,
    /// By what means it was taken.
    pub means: String,
}

impl Entry {
    /// The manifest.
    ///
    /// # Errors
    ///
    /// Damaged, with the reason; refused for a dump, which has none.
    pub fn manifest(&self) -> Result<&Arc<Manifest>> {
        match &self.content {
            Content::Chunks(manifest) => Ok(manifest),
            Content::Dump(_) => {
                Err(Error::refused(format!("Snapshot {} is a dump: only its rows can be read.", self.id)))
            }
            Content::Unreadable(reason) => {
                Err(Error::damaged(format!("Snapshot {} cannot be restored: {reason}.", self.id))
                    .hint("Nothing of it was read into your tables. No space is freed while it is here."))
            }
        }
    }

    /// The manifest of one that is kept in chunks and can be read.
    pub fn chunks(&self) -> Option<&Arc<Manifest>> {
        match &self.content {
            Content::Chunks(manifest) => Some(manifest),
            Content::Dump(_) | Content::Unreadable(_) => None,
        }
    }

    /// Whether it is a dump of the original service's form.
    pub fn is_dump(&self) -> bool {
        matches!(self.content, Content::Dump(_))
    }

    /// The log's highest id in it; none where it cannot be read.
    pub fn last_event_id(&self) -> Option<i64> {
        match &self.content {
            Content::Chunks(manifest) => Some(manifest.last_event_id),
            Content::Dump(head) => Some(head.last_event_id),
            Content::Unreadable(_) => None,
        }
    }

    /// What tells this very file from another of its name; none where it cannot be read.
    pub fn fingerprint(&self) -> Option<String> {
        match &self.content {
            Content::Chunks(manifest) => Some(manifest.hash.to_string()),
            Content::Dump(_) => Some(format!("dump-{}-{}", self.size, self.modified.unix_timestamp_nanos())),
            Content::Unreadable(_) => None,
        }
    }

    /// Whether it is never pruned.
    pub fn is_pinned(&self) -> bool {
        self.note.as_ref().is_some_and(|note| note.pinned)
    }

    /// The user's name for it.
    pub fn label(&self) -> Option<&str> {
        match (&self.note, self.chunks()) {
            (Some(note), _) => note.label.as_deref(),
            (None, Some(manifest)) => manifest.about.label.as_deref(),
            (None, None) => None,
        }
    }

    /// What is known of a dump that its store took itself.
    pub fn own_dump(&self) -> Option<&OwnDump> {
        let own = self.note.as_ref()?.dump.as_ref()?;
        (self.is_dump() && own.bytes == self.size).then_some(own)
    }

    /// Whether the store took this very file: neither imported, nor copied, nor renamed.
    pub fn is_own(&self, store: &str) -> bool {
        match self.chunks().map(|manifest| &manifest.about) {
            Some(about) => about.store == store && about.id == self.id && about.kind == self.kind,
            None => self.own_dump().is_some_and(|own| own.store == store),
        }
    }

    /// The moment of capture; the file's where the manifest cannot tell.
    pub fn captured_at(&self) -> OffsetDateTime {
        self.chunks().map_or(self.modified, |manifest| manifest.about.captured_at)
    }

    /// Its place in the order in which its store took snapshots; 0 where that is not known.
    pub fn sequence(&self) -> u64 {
        let of_dump = self.own_dump().map_or(0, |own| own.sequence);
        self.chunks().map_or(of_dump, |manifest| manifest.about.sequence)
    }

    /// The store's epoch at the capture; none where that is not known.
    pub fn epoch(&self) -> Option<u64> {
        let of_dump = self.own_dump().map(|own| own.epoch);
        self.chunks().map(|manifest| manifest.about.epoch).or(of_dump)
    }

    /// What lists are ordered by.
    pub fn order(&self) -> (OffsetDateTime, u64) {
        (self.captured_at(), self.sequence())
    }
}
