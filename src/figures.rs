//! Numbers as people read them, on pages and in a terminal.

/// A count with a comma between groups of three digits: `74,262`. Ids never get them, so that they
/// can be copied.
pub fn grouped(count: u64) -> String {
    let digits = count.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_have_group_commas() {
        let seen = [0, 7, 999, 1_000, 74_262, 1_000_000].map(grouped);
        assert_eq!(seen, ["0", "7", "999", "1,000", "74,262", "1,000,000"]);
    }
}
