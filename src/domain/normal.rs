//! The tokens of SQL text, and the form of it that comments and blanks do not change.
//!
//! The rules are those of SQLite's own tokenizer, as far as they decide where a token ends. Text
//! that SQLite would refuse still gives tokens; refusing it is left to SQLite.

/// What a token is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// A keyword, an unquoted name, or a run of digits.
    Word,
    /// A string or blob literal.
    Literal,
    /// A name in double quotes, backquotes or brackets.
    Name,
    /// `:name`, `?1` and the like.
    Parameter,
    /// An operator, a bracket, a comma, a semicolon.
    Sign,
}

/// A piece of SQL that is neither blank nor comment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Token<'a> {
    /// What it is.
    pub kind: Kind,
    /// As written.
    pub text: &'a str,
    /// The byte where it begins.
    pub at: usize,
}

impl Token<'_> {
    /// Whether it is this keyword, in capitals or not.
    pub(super) fn is(&self, word: &str) -> bool {
        self.kind == Kind::Word && self.text.eq_ignore_ascii_case(word)
    }

    /// Whether it is this sign.
    pub(super) fn is_sign(&self, sign: &str) -> bool {
        self.kind == Kind::Sign && self.text == sign
    }

    /// The byte after it.
    pub(super) fn end(&self) -> usize {
        self.at + self.text.len()
    }
}

/// Longer ones first, so that `->>` is not read as `->` and `>`.
const OPERATORS: [&str; 10] = ["->>", "->", "||", "<=", ">=", "<>", "!=", "==", "<<", ">>"];

/// The tokens of SQL text, in order.
pub(super) fn tokens(sql: &str) -> Vec<Token<'_>> {
    let mut found = Vec::new();
    let mut at = 0;
    while let Some(first) = sql[at..].chars().next() {
        let rest = &sql[at..];
        let (kind, length) = match blank(rest) {
            Some(length) => (None, length),
            None => {
                let (kind, length) = token(rest, first);
                (Some(kind), length)
            }
        };
        if let Some(kind) = kind {
            found.push(Token { kind, text: &rest[..length], at });
        }
        at += length;
    }
    found
}

/// The same SQL with one blank between tokens and without comments. Two texts of the same form mean
/// the same to SQLite.
pub(super) fn normal(sql: &str) -> String {
    let parts: Vec<&str> = tokens(sql).iter().map(|token| token.text).collect();
    parts.join(" ")
}

/// The name that a token stands for, without its quotes.
pub(super) fn unquoted(token: &str) -> String {
    let inner = || token.get(1..token.len().saturating_sub(1)).unwrap_or_default();
    match token.chars().next() {
        Some(quote @ ('"' | '`' | '\'')) => inner().replace(&format!("{quote}{quote}"), &quote.to_string()),
        Some('[') => inner().to_owned(),
        _ => token.to_owned(),
    }
}

/// The length of a blank or comment at the start, if there is one.
fn blank(rest: &str) -> Option<usize> {
    if rest.starts_with("--") {
        return Some(rest.find('\n').unwrap_or(rest.len()));
    }
    if let Some(comment) = rest.strip_prefix("/*") {
        return Some(comment.find("*/").map_or(rest.len(), |end| end + 4));
    }
    let first = rest.chars().next()?;
    (first.is_ascii_whitespace() || first == '\u{feff}').then_some(first.len_utf8())
}

/// The kind and length of the token at the start.
fn token(rest: &str, first: char) -> (Kind, usize) {
    match first {
        '\'' => (Kind::Literal, quoted(rest, first)),
        '"' | '`' => (Kind::Name, quoted(rest, first)),
        '[' => (Kind::Name, rest.find(']').map_or(rest.len(), |end| end + 1)),
        'x' | 'X' if rest[1..].starts_with('\'') => (Kind::Literal, 1 + quoted(&rest[1..], '\'')),
        ':' | '@' | '#' | '?' => (Kind::Parameter, 1 + word(&rest[1..])),
        _ if in_word(first) => (Kind::Word, word(rest)),
        _ => {
            let operator = OPERATORS.iter().find(|operator| rest.starts_with(*operator));
            (Kind::Sign, operator.map_or(first.len_utf8(), |operator| operator.len()))
        }
    }
}

/// The length of a quoted piece; a doubled quote does not end it.
fn quoted(rest: &str, quote: char) -> usize {
    let mut at = 1;
    while let Some(end) = rest[at..].find(quote) {
        at += end + 1;
        if !rest[at..].starts_with(quote) {
            return at;
        }
        at += 1;
    }
    rest.len()
}

fn word(rest: &str) -> usize {
    rest.find(|c| !in_word(c)).unwrap_or(rest.len())
}

fn in_word(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == '_' || c == '$' || (!c.is_ascii() && c != '\u{feff}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn comments_and_blanks_do_not_count() {
        let plain = normal("CREATE TABLE t(a,b)");
        for other in [
            "CREATE  TABLE t (a, b)",
            "CREATE TABLE t( -- the ; 'first\n a, b)",
            "/* it's\n*/CREATE TABLE/**/t(a,b) /* open",
            "\u{feff}CREATE\tTABLE\r\nt(a,b) --",
        ] {
            assert_eq!(normal(other), plain, "{other}");
        }
    }

    #[test]
    fn literals_and_quoted_names_are_kept_as_written() {
        assert_eq!(
            normal("SELECT  'a  -- b', \"c  /*\", [d  e], `f  g`"),
            "SELECT 'a  -- b' , \"c  /*\" , [d  e] , `f  g`"
        );
        assert_eq!(normal("'it''s  so' ''"), "'it''s  so' ''");
        assert_ne!(normal("SELECT 'a b'"), normal("SELECT 'a  b'"));
    }

    #[test]
    fn what_a_blank_tells_apart_stays_apart() {
        for (left, right) in [("x'ab'", "x 'ab'"), ("ab", "a b"), (":id", ": id"), ("a||b", "a| |b"), ("''''", "'' ''")]
        {
            assert_ne!(normal(left), normal(right));
        }
    }

    #[test]
    fn arrows_are_one_token() {
        assert_eq!(normal(":payload->>'$.a'"), ":payload ->> '$.a'");
        assert_eq!(normal("a<-1"), "a < - 1");
    }

    #[test]
    fn tokens_tell_where_they_stand() {
        let text = "é /* ü */ 'ö'; x";
        for token in tokens(text) {
            assert_eq!(&text[token.at..token.end()], token.text);
        }
        assert_eq!(tokens("-- nothing").len(), 0);
    }

    #[test]
    fn quotes_are_taken_off() {
        for (written, name) in
            [("a", "a"), ("\"a\"\"b\"", "a\"b"), ("[a b]", "a b"), ("`a`", "a"), ("'a'", "a"), ("\"", "")]
        {
            assert_eq!(unquoted(written), name);
        }
    }
}
