//! Refusing what depends on the order of rows that nobody has ordered.
//!
//! A LIMIT without ORDER BY takes whichever rows SQLite comes to first, and that is another row once
//! an index is added or the tables were filled in another order. This looks at tokens, one SELECT at
//! a time: a SELECT in brackets stands for itself, and an ORDER BY within the brackets of a function
//! or a window is not that of the SELECT around it.
//!
//! What it does not see: an ORDER BY that leaves rows equal; a subquery in the place of a value that
//! finds several rows; an aggregate such as `group_concat` over rows that are in no order.

use super::error::DomainError;
use super::normal::Token;
use super::statements::Statement;

/// Refuses a LIMIT whose SELECT has no ORDER BY.
pub(super) fn check(statement: &Statement, tokens: &[Token<'_>]) -> Result<(), DomainError> {
    if !has_loose_limit(tokens) {
        return Ok(());
    }
    Err(statement
        .refuse("a LIMIT without ORDER BY takes whichever rows come first, so that a replay may differ")
        .hint("Order the rows by a key, or use min or max."))
}

fn has_loose_limit(tokens: &[Token<'_>]) -> bool {
    let mut outer = Vec::new();
    let mut is_ordered = false;
    for (at, token) in tokens.iter().enumerate() {
        match token.text {
            "(" => outer.push(std::mem::take(&mut is_ordered)),
            ")" => is_ordered = outer.pop().unwrap_or_default(),
            // The next statement of a trigger.
            ";" => is_ordered = false,
            _ if token.is("ORDER") => is_ordered |= tokens.get(at + 1).is_some_and(|next| next.is("BY")),
            _ if token.is("LIMIT") && !is_ordered => return true,
            _ => {}
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::normal::tokens;

    #[test]
    fn a_limit_needs_the_order_of_its_own_select() {
        for (sql, loose) in [
            ("SELECT v FROM t LIMIT 1", true),
            ("SELECT v FROM t ORDER BY v LIMIT 1", false),
            ("SELECT v FROM t order /* it */ by v LIMIT 1", false),
            ("SELECT (SELECT v FROM t LIMIT 1) FROM t ORDER BY v", true),
            ("SELECT v FROM (SELECT v FROM t ORDER BY v) LIMIT 1", true),
            ("SELECT row_number() OVER (ORDER BY v) FROM t LIMIT 1", true),
            ("SELECT a FROM t ORDER BY (SELECT 1) LIMIT 2", false),
            ("SELECT v FROM t UNION SELECT w FROM u ORDER BY 1 LIMIT 1", false),
            ("SELECT v FROM t ORDER BY v; SELECT v FROM t LIMIT 1", true),
            ("SELECT \"limit\", 'LIMIT' FROM t -- LIMIT 1", false),
        ] {
            assert_eq!(has_loose_limit(&tokens(sql)), loose, "{sql}");
        }
    }
}
