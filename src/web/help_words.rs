//! What the help page tells besides the settings: words, keys, and the ways of a terminal.

use serde::Serialize;

use super::links;

/// A word of the pages.
#[derive(Debug, Serialize)]
pub(super) struct Word {
    /// On pages.
    pub(super) word: &'static str,
    /// In commands and JSON, where it is another one there.
    pub(super) also: &'static str,
    /// What is meant.
    pub(super) meaning: &'static str,
}

const fn word(word: &'static str, also: &'static str, meaning: &'static str) -> Word {
    Word { word, also, meaning }
}

/// The glossary, in the order in which one word needs another.
pub(super) const WORDS: &[Word] = &[
    word(
        "event",
        "",
        "One line of what happened: a kind, a text in JSON, a moment. It has a number that is never used again.",
    ),
    word("the log", "event_log", "All events in the order of their numbers. It is what everything else follows from."),
    word(
        "the tables",
        "projection",
        "What the events amount to, as tables of SQLite. Only the domain's handlers write them.",
    ),
    word("domain", "", "A folder of SQL: the tables, and one handler for each kind of event."),
    word("the tables stand at event N", "position", "Event N is the last one that the tables have taken account of."),
    word(
        "paused",
        "held",
        "The tables stand at an older event on purpose, after going back with the tables alone. The events after it wait.",
    ),
    word(
        "stopped before event N",
        "stuck",
        "Another program wrote an event that breaks a rule of the domain; the tables stand before it, and nothing is lost.",
    ),
    word("apply the waiting events", "replay", "The tables follow the log again, to its end."),
    word("hidden", "hidden", "The event stays in the log, and the tables leave it out."),
    word("superseded", "superseded_by", "A later event took its place, so the tables leave it out."),
    word(
        "snapshot",
        "",
        "A picture of the log and all tables at one moment. It never changes, and costs what has changed since the one before.",
    ),
    word("checkpoint", "periodic", "A snapshot for its own sake: automatic, or taken by hand."),
    word("safety copy", "rewind", "The snapshot that is taken before anything is destroyed. Undo rests on it."),
    word("pinned", "pinned", "It stays until you unpin it."),
    word(
        "kept: newest 5; goes on 4 December",
        "prune",
        "How long a snapshot stays by itself; --keep-periodic and --keep-rewind say so.",
    ),
    word(
        "behind, ahead",
        "event_delta",
        "How many events came after the snapshot, or how many of its own the log has no longer.",
    ),
    word(
        "matches the log",
        "on_this_history",
        "The snapshot's log is, event for event, the beginning of today's. Where the log has changed since, only tables and log together can go back to it.",
    ),
    word("checked", "verify", "Every piece of it was read again and is what was written."),
    word(
        "rehearsed",
        "drill, proven_at",
        "It was restored aside, what came after was applied, and the tables were the same as today's.",
    ),
    word(
        "damaged",
        "damaged",
        "Something of it is not what was written. It cannot be restored, and nothing of it is read into the tables.",
    ),
    word(
        "tables only; tables and log",
        "scope projections; everything",
        "What goes back: the tables, while the log keeps its newer events; or both, so that the newer events leave the log.",
    ),
    word("comes back, goes, changes", "added, removed, changed", "What going back does to a row of today's tables."),
    word(
        "go back to an event",
        "rewind",
        "The event becomes the last one: those after it leave the log, and the tables with them.",
    ),
    word("undo", "undo", "What an operation destroyed is brought back from its safety copy. An undo can be undone."),
    word("as of event N", "at", "How things stood when N was the last event."),
    word(
        "rows that differ from the log",
        "drift",
        "Rows of the tables that are not what the log gives: somebody else changed them.",
    ),
    word(
        "compare tables with the log",
        "projection verify",
        "The tables are made from the log alone, aside, and compared row by row.",
    ),
    word(
        "operation",
        "operation",
        "One line of the history: everything done to the store but events that come in. It has a number.",
    ),
    word(
        "entity",
        "entity",
        "One thing of the domain that is looked at by itself, with its own versions: a bot, a chat, whatever the domain names.",
    ),
    word(
        "version",
        "version",
        "How many events belong to an entity up to a point, hidden and superseded ones left out.",
    ),
    word(
        "backup",
        "backup",
        "A folder with the whole database, the app's registry file and, where asked for, its vector store. It can be put elsewhere.",
    ),
];

/// The keys of pages with script.
pub(super) const KEYS: &[(&str, &str)] = &[
    ("/", "to the search field of the page, or to the events"),
    ("g s", "to the snapshots"),
    ("g e", "to the events"),
    ("j", "to the next row"),
    ("k", "to the row before"),
    ("?", "to this page"),
];

/// What a page does, as a terminal does it.
pub(super) struct Way {
    pub(super) page: &'static str,
    /// The page, where its address needs nothing to be filled in.
    pub(super) url: Option<&'static str>,
    /// Options, then the path, then fields.
    pub(super) curl: &'static str,
    /// Without the program's name; empty where there is none.
    pub(super) command: &'static str,
}

const fn way(page: &'static str, url: Option<&'static str>, curl: &'static str, command: &'static str) -> Way {
    Way { page, url, curl, command }
}

/// Capital words are to be filled in. The page of each shows the same with everything filled in.
pub(super) const WAYS: &[Way] = &[
    way("Overview", Some(links::OVERVIEW), "-H 'Accept: application/json' /", "projection status"),
    way("Snapshots", Some(links::SNAPSHOTS), "-H 'Accept: application/json' /snapshots", "snapshot list"),
    way(
        "Take snapshot",
        None,
        "-H 'Accept: application/json' -X POST /snapshots/take -d label=TEXT",
        "snapshot take --label TEXT",
    ),
    way(
        "What going back would change",
        None,
        "-H 'Accept: application/json' /snapshots/ID/preview?kind=periodic",
        "snapshot show ID",
    ),
    way(
        "The rows of a table that would change",
        None,
        "-H 'Accept: application/json' /snapshots/ID/diff?kind=periodic&table=TABLE",
        "snapshot diff ID",
    ),
    way(
        "Restore",
        None,
        "-H 'Accept: application/json' -X POST /snapshots/restore/ID -d kind=periodic -d scope=everything -d confirm_id=ID",
        "snapshot restore ID --scope everything",
    ),
    way(
        "Pin this snapshot",
        None,
        "-H 'Accept: application/json' -X POST /snapshots/ID/pin -d kind=periodic",
        "snapshot pin ID",
    ),
    way(
        "Check this snapshot",
        None,
        "-H 'Accept: application/json' -X POST /snapshots/ID/verify -d kind=periodic",
        "snapshot verify ID",
    ),
    way(
        "Rehearse this restore",
        None,
        "-H 'Accept: application/json' -X POST /snapshots/ID/drill -d kind=periodic",
        "snapshot drill ID",
    ),
    way(
        "Delete this snapshot",
        None,
        "-H 'Accept: application/json' -X POST /snapshots/ID/delete -d kind=periodic -d confirm_id=ID",
        "snapshot delete ID",
    ),
    way("Events", Some(links::EVENTS), "-H 'Accept: application/json' /events?after=0", "events"),
    way("Hide this event", None, "-H 'Accept: application/json' -X POST /events/N/hide", "events hide N"),
    way(
        "What going back to an event would change",
        None,
        "-H 'Accept: application/json' /rewind?after_event_id=N",
        "rewind N --dry-run",
    ),
    way(
        "Take back events",
        None,
        "-H 'Accept: application/json' -X POST /rewind -d after_event_id=N -d confirm_event_id=N",
        "rewind N",
    ),
    way("Tables", Some(links::TABLES), "-H 'Accept: application/json' /state/TABLE?at=N", "state TABLE --at N"),
    way("This moment as a SQLite file", None, "-o FILE /state.db?at=N", "state --out FILE --at N"),
    way(
        "Apply the waiting events",
        None,
        "-H 'Accept: application/json' -X POST /projection/replay",
        "projection replay",
    ),
    way(
        "Compare tables with the log",
        Some(links::PROJECTION),
        "-H 'Accept: application/json' -X POST /projection/verify",
        "projection verify",
    ),
    way(
        "Make the tables anew",
        None,
        "-H 'Accept: application/json' -X POST /projection/rebuild",
        "projection rebuild",
    ),
    way("History", Some(links::HISTORY), "-H 'Accept: application/json' /history", "history"),
    way(
        "Undo",
        None,
        "-H 'Accept: application/json' -X POST /history/OPERATION/undo -d confirm_op=OPERATION",
        "undo OPERATION",
    ),
    way("Backups", Some(links::BACKUPS), "-H 'Accept: application/json' /backups", "backup list"),
    way("Back up", None, "-H 'Accept: application/json' -X POST /backups -d include_chroma=false", "backup create"),
    way(
        "Check this backup",
        None,
        "-H 'Accept: application/json' -X POST /backups/STAMP/validate",
        "backup validate STAMP",
    ),
    way(
        "Restore a backup",
        None,
        "-H 'Accept: application/json' -X POST /backups/STAMP/restore -d confirm_stamp=STAMP",
        "backup restore STAMP",
    ),
    way("Entities", Some(links::ENTITIES), "-H 'Accept: application/json' /entities", "entity list"),
    way(
        "One entity at a version",
        None,
        "-H 'Accept: application/json' /entities/TYPE/ID?version=N",
        "entity show TYPE ID --version N",
    ),
    way(
        "What two versions differ in",
        None,
        "-H 'Accept: application/json' /entities/TYPE/ID?version=N&with=M",
        "entity diff TYPE ID N M",
    ),
    way(
        "Take snapshot of an entity",
        None,
        "-H 'Accept: application/json' -X POST /entities/TYPE/ID/snapshots",
        "entity snapshot TYPE ID",
    ),
    way(
        "A snapshot of an entity",
        None,
        "-H 'Accept: application/json' /entities/TYPE/ID/snapshots/N",
        "entity export TYPE ID N",
    ),
    way(
        "Import a snapshot of an entity",
        None,
        "-H 'Accept: application/json' -X POST /entities/import --data-binary @FILE",
        "entity import FILE",
    ),
    way("What runs now", Some(links::PROGRESS), "-N /progress", ""),
    way("Help", Some(links::HELP), "-H 'Accept: application/json' /help", "--help"),
];
