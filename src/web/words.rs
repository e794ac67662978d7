//! Words of the engine and of the interface for programs, said as pages say them.
//!
//! Programs and terminals read an error's own words, fields' names included; a page must not name
//! what no page shows.

use time::OffsetDateTime;

use super::filters::Moment;
use crate::clock;

/// What an unreadable snapshot is, on pages.
const NO_SNAPSHOT: &str = "This file is not a snapshot of this program, or it was cut short.";

/// Fragments of errors, and the whole sentence that a page says instead.
const INSTEAD: &[(&str, &str)] = &[
    ("no manifest that this program", NO_SNAPSHOT),
    ("kind must be one of", "The address does not say which kind of snapshot is meant. Take the link from the list."),
    ("scope must be one of", "Choose what should go back: tables only, or tables and log."),
    ("branch_id must be", "A branch is given by its number, such as 1."),
    ("after must be the id of an event", "A place in the log is given by the number of an event."),
    ("before must be the id of an event", "A place in the log is given by the number of an event."),
    ("expected_head must be", "The form is not whole. Open the plan again."),
    ("expected_epoch must be", "The form is not whole. Open the plan again."),
    ("confirm_id does not match", "What was typed is not the snapshot's id. Nothing was done."),
    ("confirm_event_id does not match", "What was typed is not the number of the event. Nothing was done."),
    ("confirm_op does not match", "What was typed is not the number of the operation. Nothing was done."),
    ("confirm_stamp does not match", "What was typed is not the backup's stamp. Nothing was done."),
    ("include_chroma must be", "The form is not whole. Open the list of backups again."),
    ("after_event_id must be", "The event to go back to is given by its number."),
    ("before must be the number of an operation", "A place in the history is given by the number of an operation."),
    ("at must be the id of an event", "A moment is given by the number of an event, such as 12."),
    ("go must be", "Give the number of an event, or a day and a time, such as 2026-11-20 19:41."),
    ("key must", "A row is named by its key. Take the link from the table."),
    ("show must be", "The timeline shows 24 hours, 7 days or all."),
    ("sort must be", "The list stands by age, or by size."),
    ("raw must be", "The address is not whole. Take the link from the list."),
    ("done must be the number of an operation", "No operation is named so."),
    (" was expected. nothing was done", "The log moved while you were reading. Nothing was done."),
    (" was expected: something else changed it", "The store changed while you were reading. Nothing was done."),
];

/// A sentence of the engine as a page says it.
pub(super) fn on_pages(text: &str) -> String {
    let lower = text.to_lowercase();
    if let Some((_, instead)) = INSTEAD.iter().find(|(part, _)| lower.contains(part)) {
        return (*instead).to_owned();
    }
    if let Some((event, reason)) = text.split_once(" breaks a rule: ") {
        return format!("{event} breaks a rule: {}", rule(reason));
    }
    let text = text.replace(
        "Restore tables and log together instead (scope=everything).",
        "Choose \u{201c}Tables and log\u{201d} instead.",
    );
    // Which row is missing says it all.
    let text = text.replace("FOREIGN KEY constraint failed: ", "");
    moments(&text.replace("at must be from 0 to", "The event must be from 0 to"))
}

/// A text with each moment in it as pages say it.
fn moments(text: &str) -> String {
    let spoken = |word: &str| {
        let bare = word.trim_end_matches([' ', '.', ',']);
        let at = clock::parse_rfc3339(bare)?;
        Some(format!("{}{}", Moment::new(at, OffsetDateTime::now_utc()).dated(), &word[bare.len()..]))
    };
    text.split_inclusive(' ').map(|word| spoken(word).unwrap_or_else(|| word.to_owned())).collect()
}

/// Why a snapshot is damaged, after a colon in a list.
pub(super) fn damage_in_short(why: &str) -> String {
    if on_pages(why) == NO_SNAPSHOT {
        return "not a snapshot of this program, or cut short".to_owned();
    }
    match why.split_once(": piece ") {
        // What it is of stands in front: the table, perhaps with the rows.
        Some((place, _)) => visible(&format!("{}, 1 piece", place.split(", rows ").next().unwrap_or(place))),
        None => visible(&short_hashes(why)),
    }
}

/// A text with each hash in it cut to its first digits, which are enough to tell two apart.
pub(super) fn short_hashes(text: &str) -> String {
    const DIGITS: usize = 64;
    let mut short = String::with_capacity(text.len());
    // Words are what hashes and blanks part, with what stands around them.
    for word in text.split_inclusive(|char: char| !char.is_ascii_hexdigit()) {
        let digits = word.trim_end_matches(|char: char| !char.is_ascii_hexdigit());
        if digits.len() == DIGITS {
            short += &format!("{}\u{2026}{}", &digits[..4], &word[DIGITS..]);
        } else {
            short += word;
        }
    }
    short
}

/// Which rule an event breaks, without the name that SQLite has for such rules.
pub(super) fn rule(reason: &str) -> String {
    let reason = visible(reason.trim_end_matches('.'));
    let Some((sort, what)) = reason.split_once(" constraint failed") else { return reason };
    match (sort, what.trim_start_matches([':', ' '])) {
        ("FOREIGN KEY", "") => "it names a row that is not there".to_owned(),
        ("FOREIGN KEY", what) => what.to_owned(),
        ("NOT NULL", what) => format!("{what} has no value"),
        ("UNIQUE", what) => format!("there is already a row with this {what}"),
        ("CHECK", what) => format!("it does not meet {what}"),
        _ => reason.clone(),
    }
}

/// A word for a shell, quoted where that is needed.
pub(super) fn shell(word: &str) -> String {
    let is_plain = |char: char| char.is_ascii_alphanumeric() || "/._-+:@%,=".contains(char);
    if !word.is_empty() && word.chars().all(is_plain) {
        word.to_owned()
    } else {
        format!("'{}'", word.replace('\'', r"'\''"))
    }
}

/// A text with what cannot be seen in it made visible: control characters but line ends and tabs,
/// and the marks that turn the direction of what follows, past the end of the text too.
pub(super) fn visible(text: &str) -> String {
    let hides = |char: char| {
        (char.is_control() && char != '\n' && char != '\t')
            || matches!(char, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
    };
    if !text.contains(hides) {
        return text.to_owned();
    }
    text.chars().fold(String::with_capacity(text.len()), |mut seen, char| {
        if hides(char) {
            seen += &format!("\\u{:04x}", u32::from(char));
        } else {
            seen.push(char);
        }
        seen
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_name_no_field() {
        assert_eq!(on_pages("branch_id must be the number of a branch"), "A branch is given by its number, such as 1.");
        assert_eq!(on_pages("it is no manifest that this program wrote"), NO_SNAPSHOT);
        assert_eq!(on_pages("snapshot not found"), "snapshot not found");
        let gone = on_pages("Its safety copy X is gone since 2025-11-21T13:40:53.38845475Z.");
        assert_eq!(gone, "Its safety copy X is gone since 21 Nov 2025, 13:40 UTC.");
        let late = on_pages("The log stands at event 150, and event 90 was expected. Nothing was done.");
        assert_eq!(late, "The log moved while you were reading. Nothing was done.");
        let broken = "event 7 (user_turn) breaks a rule: FOREIGN KEY constraint failed: chats.id names no row of bots";
        assert_eq!(on_pages(broken), "event 7 (user_turn) breaks a rule: chats.id names no row of bots");
    }

    #[test]
    fn a_rule_is_told_without_its_sort() {
        let broken = |sort: &str| rule(&format!("{sort} constraint failed: chats.id names no row of bots."));
        assert_eq!(broken("FOREIGN KEY"), "chats.id names no row of bots");
        assert_eq!(rule("FOREIGN KEY constraint failed"), "it names a row that is not there");
        assert_eq!(rule("NOT NULL constraint failed: chats.title"), "chats.title has no value");
        assert_eq!(rule("UNIQUE constraint failed: bots.bot_id"), "there is already a row with this bots.bot_id");
        assert_eq!(rule("CHECK constraint failed: significance"), "it does not meet significance");
        assert_eq!(rule("payload has no chat_id"), "payload has no chat_id");
    }

    #[test]
    fn damage_is_told_in_short() {
        let (hash, other) = ("ab12".repeat(16), "9f03".repeat(16));
        let damage = format!("memories, rows 1 to 9: piece {hash} is missing");
        assert_eq!(damage_in_short(&damage), "memories, 1 piece");
        assert_eq!(damage_in_short(&format!("bots: piece {hash} is missing")), "bots, 1 piece");
        let damage = format!("it is not what was written: expected {hash}, found {other}");
        assert_eq!(damage_in_short(&damage), "it is not what was written: expected ab12\u{2026}, found 9f03\u{2026}");
    }

    #[test]
    fn what_turns_a_text_is_seen() {
        assert_eq!(visible("a\u{202e}b\u{1b}\n\t"), "a\\u202eb\\u001b\n\t");
        assert_eq!(visible("é"), "é");
    }

    #[test]
    fn a_shell_reads_one_word() {
        assert_eq!(shell("/tmp/x"), "/tmp/x");
        assert_eq!(shell("/tmp/it's"), r"'/tmp/it'\''s'");
    }
}
