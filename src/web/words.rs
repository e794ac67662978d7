//! Words of the engine and of the interface for programs, said as pages say them.
//!
//! Programs and terminals read an error's own words, fields' names included; a page must not name
//! what no page shows.

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
    ("done must be the number of an operation", "No operation is named so."),
];

/// A sentence of the engine as a page says it.
pub(super) fn on_pages(text: &str) -> String {
    let lower = text.to_lowercase();
    if let Some((_, instead)) = INSTEAD.iter().find(|(part, _)| lower.contains(part)) {
        return (*instead).to_owned();
    }
    text.replace(
        "Restore tables and log together instead (scope=everything).",
        "Choose \u{201c}Tables and log\u{201d} instead.",
    )
}

/// Why a snapshot is damaged, after a colon in a list.
pub(super) fn damage_in_short(why: &str) -> String {
    if on_pages(why) == NO_SNAPSHOT {
        "not a snapshot of this program, or cut short".to_owned()
    } else {
        why.to_owned()
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
