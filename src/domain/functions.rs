//! The SQL functions that a domain may call.
//!
//! Allowed are those whose result follows from their arguments alone. A function that SQLite 3.31
//! lacks is no part of a schema: a program with that version could not open the database.

/// Table-valued functions that may stand in FROM.
pub(super) const TABLES: [&str; 2] = ["json_each", "json_tree"];

/// In SQLite 3.31, with the JSON functions that its builds usually have.
const OLD: &[&str] = &[
    "abs",
    "avg",
    "char",
    "coalesce",
    "count",
    "cume_dist",
    "dense_rank",
    "first_value",
    "glob",
    "group_concat",
    "hex",
    "ifnull",
    "instr",
    "json",
    "json_array",
    "json_array_length",
    "json_extract",
    "json_group_array",
    "json_group_object",
    "json_insert",
    "json_object",
    "json_patch",
    "json_quote",
    "json_remove",
    "json_replace",
    "json_set",
    "json_type",
    "json_valid",
    "lag",
    "last_value",
    "lead",
    "length",
    "like",
    "likelihood",
    "likely",
    "lower",
    "ltrim",
    "max",
    "min",
    "nth_value",
    "ntile",
    "nullif",
    "percent_rank",
    "printf",
    "quote",
    "rank",
    "replace",
    "round",
    "row_number",
    "rtrim",
    "substr",
    "sum",
    "total",
    "trim",
    "typeof",
    "unicode",
    "unlikely",
    "upper",
    "zeroblob",
];

/// Newer than 3.31.
const NEW: &[&str] = &[
    "->",
    "->>",
    "acos",
    "acosh",
    "asin",
    "asinh",
    "atan",
    "atan2",
    "atanh",
    "ceil",
    "ceiling",
    "concat",
    "concat_ws",
    "cos",
    "cosh",
    "degrees",
    "exp",
    "floor",
    "format",
    "if",
    "iif",
    "json_error_position",
    "json_pretty",
    "ln",
    "log",
    "log10",
    "log2",
    "mod",
    "octet_length",
    "pi",
    "pow",
    "power",
    "radians",
    "sign",
    "sin",
    "sinh",
    "sqrt",
    "string_agg",
    "substring",
    "tan",
    "tanh",
    "trunc",
    "unhex",
    "unistr",
    "unistr_quote",
];

/// Read the clock, or can: SQLite does not tell `date(:ts)` from `date('now')` beforehand.
const CLOCK: &[&str] = &[
    "current_date",
    "current_time",
    "current_timestamp",
    "date",
    "datetime",
    "julianday",
    "strftime",
    "time",
    "timediff",
    "unixepoch",
];

/// Another answer at each call.
const CHANCE: &[&str] = &["random", "randomblob"];

/// Answers from the connection or the program, not from the data.
const CONNECTION: &[&str] = &["changes", "last_insert_rowid", "sqlite_source_id", "sqlite_version", "total_changes"];

/// Allows a function, or gives the reason for refusing it. `old_only`: what SQLite 3.31 lacks is
/// refused too.
pub(super) fn judge(name: &str, old_only: bool) -> Result<(), String> {
    let lower = name.to_ascii_lowercase();
    let is_in = |list: &[&str]| list.contains(&lower.as_str());
    if is_in(OLD) || (is_in(NEW) && !old_only) {
        return Ok(());
    }
    let call = if lower.starts_with("current_") { name.to_ascii_uppercase() } else { format!("{name}()") };
    Err(if is_in(CLOCK) {
        format!(
            "calls {call}, which can read the clock, so a replay would differ; put the value into the payload, or use :ts"
        )
    } else if is_in(CHANCE) {
        format!("calls {call}, which would make a replay differ; put the value into the payload")
    } else if is_in(CONNECTION) {
        format!("calls {call}, which tells of the connection and not of the data, so a replay would differ")
    } else if is_in(NEW) {
        format!("uses {name}, which is newer than SQLite 3.31; other programs could not open the database")
    } else {
        format!("calls {call}, which is not among the functions that a domain may call")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_function_is_in_one_list() {
        let mut all: Vec<&str> = [OLD, NEW, CLOCK, CHANCE, CONNECTION].concat();
        let count = all.len();
        all.sort_unstable();
        all.dedup();
        assert_eq!(all.len(), count);
    }

    #[test]
    fn a_refusal_gives_the_reason() {
        assert_eq!(judge("LOWER", true), Ok(()));
        assert_eq!(judge("->>", false), Ok(()));
        for (name, words) in [
            ("->>", "newer than SQLite 3.31"),
            ("date", "clock"),
            ("current_timestamp", "CURRENT_TIMESTAMP, which can read the clock"),
            ("random", "random(), which would make a replay differ"),
            ("changes", "of the connection"),
            ("load_extension", "not among"),
        ] {
            assert!(judge(name, true).is_err_and(|reason| reason.contains(words)), "{name}");
        }
    }
}
