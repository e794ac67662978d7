//! The fenced blocks of the README.

/// A block between fences.
#[derive(Debug)]
pub struct Block {
    /// The heading that it stands under.
    pub heading: String,
    /// What stands after the opening fence.
    pub info: String,
    /// What stands between the fences.
    pub text: String,
}

/// All blocks, in order.
pub fn blocks() -> Vec<Block> {
    let (mut found, mut heading) = (Vec::new(), "");
    let mut open: Option<Block> = None;
    for line in readme().lines() {
        match (&mut open, line.strip_prefix("```")) {
            (Some(_), Some("")) => found.extend(open.take()),
            (Some(block), _) => block.text += &format!("{line}\n"),
            (None, Some(info)) => {
                open = Some(Block { heading: heading.to_owned(), info: info.to_owned(), text: String::new() });
            }
            (None, None) if line.starts_with('#') => heading = line.trim_start_matches(['#', ' ']),
            (None, None) => {}
        }
    }
    assert!(open.is_none(), "a fence is not closed");
    found
}

/// The texts of the blocks of one form under a heading; at least one.
pub fn texts(heading: &str, info: &str) -> Vec<String> {
    let chosen = blocks().into_iter().filter(|block| block.heading == heading && block.info == info);
    let texts: Vec<String> = chosen.map(|block| block.text).collect();
    assert!(!texts.is_empty(), "no {info} under {heading:?}");
    texts
}

/// The text of the one block of a form under a heading.
pub fn text(heading: &str, info: &str) -> String {
    let mut texts = texts(heading, info);
    assert_eq!(texts.len(), 1, "more than one {info} under {heading:?}");
    texts.remove(0)
}

/// What stands between a heading and the next one, blocks included.
pub fn section(heading: &str) -> &'static str {
    let after = readme().split(&format!("\n## {heading}\n")).nth(1).unwrap();
    after.split("\n## ").next().unwrap()
}

fn readme() -> &'static str {
    include_str!("../../README.md")
}
