//! What an operation would change, and what it changed: in columns and in words.

use std::io::{self, Write};

use super::output::{columns, counted, grouped, safe};
use super::settings::quoted;
use crate::compare::{DiffRow, RowChange, RowPage};
use crate::rewind::TableEffect;
use crate::snapshot::Restored;
use crate::snapshot::log_image::LOG;

/// How many events would leave the log and how many would come back.
pub(super) fn leave_and_return(gone: u64, back: u64, out: &mut dyn Write) -> io::Result<()> {
    let (leave, come) = (if gone == 1 { "leaves" } else { "leave" }, if back == 1 { "comes" } else { "come" });
    writeln!(out, "{} {leave} the log, {} {come} back.", counted(gone, "event"), counted(back, "event"))
}

/// Every table with the rows that come back, go and change.
pub(super) fn print_tables(tables: &[TableEffect], out: &mut dyn Write) -> io::Result<()> {
    let line = |table: &TableEffect| {
        let counts = [table.added, table.removed, table.changed, table.rows_now, table.rows_after];
        std::iter::once(table.name.clone()).chain(counts.map(grouped)).collect()
    };
    let rows: Vec<Vec<String>> = tables.iter().map(line).collect();
    columns(out, &["table", "come back", "go", "change", "rows now", "rows then"], &rows)
}

/// One page of the rows of a table that would change, and how to ask for the next one.
pub(super) fn print_rows(page: &RowPage, out: &mut dyn Write) -> io::Result<()> {
    writeln!(out, "{}", page.table)?;
    for row in &page.rows {
        let word = match row.change {
            RowChange::Added => "+ comes back",
            RowChange::Removed => "- goes",
            RowChange::Changed => "~ changes",
        };
        writeln!(out, "  {word}  {}", key(row))?;
        print_cells(&page.columns, row, ["now ", "then"], out)?;
    }
    if let Some(after) = &page.next_after {
        let (table, after) = (quoted(&page.table), quoted(&safe(after)));
        writeln!(out, "  more rows follow: raise --limit, or go on with --table {table} --after {after}")?;
    }
    Ok(())
}

/// The values of a row's key.
pub(super) fn key(row: &DiffRow) -> String {
    row.key.iter().map(|value| safe(&value.to_string())).collect::<Vec<_>>().join(", ")
}

/// The cells that differ, each side after its word; of a row that one side lacks, none: its key says
/// which it is.
pub(super) fn print_cells(
    columns: &[String],
    row: &DiffRow,
    [now_word, then_word]: [&str; 2],
    out: &mut dyn Write,
) -> io::Result<()> {
    let (Some(now), Some(then)) = (&row.now, &row.then) else { return Ok(()) };
    for ((column, now), then) in columns.iter().zip(now).zip(then).filter(|((_, now), then)| now != then) {
        writeln!(out, "      {column}  {now_word}  {}", safe(&now.to_string()))?;
        writeln!(out, "      {:width$}  {then_word}  {}", "", safe(&then.to_string()), width = column.chars().count())?;
    }
    Ok(())
}

/// What was done, and the command that undoes it; `flags` are those that find the store.
pub(super) fn tell(restored: &Restored, flags: &str, out: &mut dyn Write) -> io::Result<()> {
    // The log's rows are told as events.
    let tables = restored.rows_changed.iter().filter(|(name, _)| *name != LOG);
    let (rows, tables) = tables.fold((0, 0), |(rows, tables), (_, more)| (rows + more, tables + 1));
    let mut moved = Vec::new();
    for (events, verb) in [(restored.events_removed, "left the log"), (restored.events_returned, "came back")] {
        moved.extend((events > 0).then(|| format!("{} {verb}", counted(events, "event"))));
    }
    let changed = match rows {
        0 => "No row changed".to_owned(),
        rows => format!("{} changed in {}", counted(rows, "row"), counted(tables, "table")),
    };
    writeln!(
        out,
        "{changed}{}{}. The tables stand at event {}{}.",
        if moved.is_empty() { "" } else { "; " },
        moved.join(", "),
        restored.position,
        if restored.held { ", paused" } else { "" },
    )?;
    let (safety, operation) = (&restored.safety_snapshot.snapshot_id, restored.operation);
    writeln!(out, "Safety copy {safety} has what was there before. Undo: backstitch undo {operation}{flags}")
}
