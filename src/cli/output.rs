//! What commands print: JSON where asked for, else lines and aligned columns for people.

use std::io::{self, BufWriter, Stdout, Write};

use serde::Serialize;
use time::OffsetDateTime;

use super::Failure;
use crate::clock::rfc3339;
pub(super) use crate::figures::grouped;

/// Standard output.
pub(super) struct Output {
    json: bool,
    out: BufWriter<Stdout>,
}

impl Output {
    pub(super) fn new(json: bool) -> Self {
        Self { json, out: BufWriter::new(io::stdout()) }
    }

    pub(super) fn is_json(&self) -> bool {
        self.json
    }

    /// Prints the value as JSON, or what `words` writes.
    pub(super) fn show<T: Serialize>(
        mut self,
        value: &T,
        words: impl FnOnce(&mut dyn Write) -> io::Result<()>,
    ) -> Result<(), Failure> {
        let printed = if self.json { json_lines(value, &mut self.out) } else { words(&mut self.out) };
        printed.and_then(|()| self.out.flush()).map_err(Failure::unprinted)
    }

    /// Prints many values: one line of JSON each, or what `words` writes for each.
    pub(super) fn each<T: Serialize>(
        mut self,
        values: impl IntoIterator<Item = T>,
        words: impl Fn(&T, &mut dyn Write) -> io::Result<()>,
    ) -> Result<(), Failure> {
        let mut print = |value: &T| match self.json {
            true => {
                serde_json::to_writer(&mut self.out, value).map_err(io::Error::from).and_then(|()| writeln!(self.out))
            }
            false => words(value, &mut self.out),
        };
        let printed = values.into_iter().try_for_each(|value| print(&value));
        printed.and_then(|()| self.out.flush()).map_err(Failure::unprinted)
    }
}

fn json_lines(value: &impl Serialize, out: &mut dyn Write) -> io::Result<()> {
    serde_json::to_writer_pretty(&mut *out, value)?;
    writeln!(out)
}

/// Columns, each as wide as its widest cell; numbers to the right. The last column is not padded.
pub(super) fn columns(out: &mut dyn Write, head: &[&str], rows: &[Vec<String>]) -> io::Result<()> {
    let width = |column: usize| {
        let cells = rows.iter().filter_map(|row| row.get(column)).map(|cell| cell.chars().count());
        cells.chain(head.get(column).map(|cell| cell.chars().count())).max().unwrap_or(0)
    };
    let widths: Vec<usize> = (0..head.len()).map(width).collect();
    let heads: Vec<String> = head.iter().map(|&cell| cell.to_owned()).collect();
    for row in std::iter::once(&heads).chain(rows) {
        let mut line = String::new();
        for (at, (cell, width)) in row.iter().zip(&widths).enumerate() {
            let last = at + 1 == row.len();
            let number = cell.bytes().next().is_some_and(|byte| byte.is_ascii_digit())
                && cell.bytes().all(|byte| byte.is_ascii_digit() || byte == b',');
            match (last, number) {
                (_, true) => line.push_str(&format!("{cell:>width$}")),
                (true, false) => line.push_str(cell),
                (false, false) => line.push_str(&format!("{cell:<width$}")),
            }
            if !last {
                line.push_str("  ");
            }
        }
        writeln!(out, "{}", line.trim_end())?;
    }
    Ok(())
}

/// A count and its noun: "1 event", "74,262 events".
pub(super) fn counted(count: u64, noun: &str) -> String {
    format!("{} {noun}{}", grouped(count), if count == 1 { "" } else { "s" })
}

/// A moment to the second, as RFC 3339 text.
pub(super) fn moment(at: OffsetDateTime) -> String {
    rfc3339(at.replace_nanosecond(0).unwrap_or(at))
}

/// Bytes in the largest unit that leaves a number of at least 1.
pub(super) fn bytes(count: u64) -> String {
    const UNITS: [&str; 4] = ["KB", "MB", "GB", "TB"];
    let mut value = count as f64;
    let mut unit = "B";
    for next in UNITS {
        if value < 1000.0 {
            break;
        }
        (value, unit) = (value / 1000.0, next);
    }
    if unit == "B" || value >= 10.0 { format!("{value:.0} {unit}") } else { format!("{value:.1} {unit}") }
}

/// Control characters of stored text, made visible: they could otherwise drive the terminal.
pub(super) fn safe(text: &str) -> String {
    text.chars().flat_map(|c| if c.is_control() { c.escape_default().collect() } else { vec![c] }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_have_group_commas_and_their_noun() {
        assert_eq!(counted(1, "event"), "1 event");
        assert_eq!(counted(74_262, "event"), "74,262 events");
        assert_eq!(bytes(999), "999 B");
        assert_eq!(bytes(2_372_024), "2.4 MB");
        assert_eq!(bytes(18_799_679), "19 MB");
    }

    #[test]
    fn moments_are_told_to_the_second() {
        let at = crate::clock::parse_rfc3339("2026-11-20T20:41:01.987654321Z");
        assert_eq!(at.map(moment).as_deref(), Some("2026-11-20T20:41:01Z"));
    }

    #[test]
    fn stored_text_cannot_drive_the_terminal() {
        assert_eq!(safe("a\u{1b}[2Jb"), "a\\u{1b}[2Jb");
    }
}
