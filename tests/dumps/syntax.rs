//! What is wrong in the bytes: cut, mistyped, not UTF-8, too deep, or followed by more.

use super::{Case, Sound, replaced};

pub fn cases(sound: &Sound) -> Vec<Case> {
    [cut(sound), around(sound), inside(sound), texts(sound), depths(sound), strangers()].into_iter().flatten().collect()
}

/// Cut at each of the first bytes, then at many to the end.
fn cut(sound: &Sound) -> Vec<Case> {
    let whole = sound.bytes();
    let step = whole.len() / 60;
    let ends = (0..30).chain((30..whole.len()).step_by(step)).chain(whole.len() - 3..whole.len());
    ends.map(|end| Case::new(format!("cut at {end}"), &whole[..end], format!("byte {end}: it ends in the middle")))
        .collect()
}

fn around(sound: &Sound) -> Vec<Case> {
    let whole = sound.bytes();
    let behind = [&b"x"[..], b"{}", b"]", b"}", b",", b"\0", b" \n null", b"\xff", &whole];
    let behind = behind.map(|tail| {
        let blanks = tail.iter().take_while(|byte| byte.is_ascii_whitespace()).count();
        let dump = [&whole, tail].concat();
        let name = format!("followed by {:?}", String::from_utf8_lossy(&tail[..tail.len().min(9)]));
        let byte = if tail.contains(&b'\n') { String::new() } else { format!("byte {}", whole.len() + blanks + 1) };
        Case::new(name, dump, format!("{byte}: trailing characters"))
    });
    let before = [&b"\xef\xbb\xbf"[..], b"\xff\xfe", b"\0", b"x", b","];
    let before = before.map(|head| Case::new(format!("preceded by {head:?}"), [head, &whole].concat(), "byte 1: "));
    behind.into_iter().chain(before).collect()
}

/// Signs of JSON that are missing, doubled or of another language.
fn inside(sound: &Sound) -> Vec<Case> {
    let whole = sound.bytes();
    let first_row = "event_log, row 1, byte ";
    [
        ("no colon behind last_event_id", "\"last_event_id\":", "\"last_event_id\" ", "byte 18: expected `:`"),
        ("no comma behind last_event_id", "8,\"event_log\"", "8 \"event_log\"", "byte 20: expected `,`"),
        ("two commas behind it", "8,\"event_log\"", "8,,\"event_log\"", "byte 20: "),
        ("a name without quotes", "\"event_log\"", "event_log", "byte 20: key must be a string"),
        ("a name in single quotes", "\"event_log\"", "'event_log'", "byte 20: key must be a string"),
        ("a number for a name", "\"event_log\"", "7", "byte 20: key must be a string"),
        ("no colon behind a table", "\"event_log\":", "\"event_log\" ", "event_log, byte 32: expected `:`"),
        ("no bracket before rows", "\"event_log\":[", "\"event_log\":", "event_log, byte "),
        ("a comma before rows", "\"event_log\":[", "\"event_log\":[,", first_row),
        ("a comment", "\"event_log\":[", "\"event_log\":[/* rows */", first_row),
        ("another bracket", "\"event_log\":[", "\"event_log\":(", "event_log, byte "),
        ("no colon in a row", "\"id\":1,", "\"id\" 1,", first_row),
        ("no comma in a row", "\"id\":1,", "\"id\":1 ", first_row),
        ("two commas in a row", "\"id\":1,", "\"id\":1,,", first_row),
        ("no value in a row", "\"id\":1,", "\"id\":,", first_row),
        ("no name in a row", "\"id\":1,", "1,", first_row),
        ("a semicolon in a row", "\"id\":1,", "\"id\":1;", first_row),
        ("no comma between rows", "},{\"id\":2,", "} {\"id\":2,", "event_log, row 2, byte "),
        ("no brace before a row", "},{\"id\":2,", "},\"id\":2,", "event_log, row 2"),
        ("a comma behind the last row", "}],\"bots\"", "},],\"bots\"", "event_log, row 9, byte "),
        ("a brace behind the rows", "}],\"bots\"", "}},\"bots\"", "event_log, row 9, byte "),
        ("no bracket behind the rows", "}],\"bots\"", "},\"bots\"", "event_log, row 9"),
        ("a comma behind the last value", "},{\"id\":2,", ",},{\"id\":2,", "event_log, row 1, byte "),
    ]
    .into_iter()
    .map(|(name, text, by, place)| Case::new(name, replaced(&whole, text, by.as_bytes()), place))
    .chain([Case::new("a comma at the end", [&whole[..whole.len() - 1], b",}"].concat(), "byte ")])
    .collect()
}

/// A text of a row in bytes that are none.
fn texts(sound: &Sound) -> Vec<Case> {
    let mut cases = Vec::new();
    for raw in [&b"\xff"[..], b"a\xc0\x80", b"\xed\xa0\x80", b"\xf4\x90\x80\x80", b"\xe2\x82", b"caf\xe9", b"\x80"] {
        let dump = sound.with_raw("bots", 1, "name", [b"\"", raw, b"\""].concat());
        cases.push(Case::new(format!("not UTF-8: {raw:?}"), dump, "bots, row 2, byte "));
    }
    for raw in ["\\ud800", "\\udc00", "\\ud83dx", "\\ud800\\u0041", "\\udbff\\n", "a\\uDFFF"] {
        let place = "memories, row 1, column text: ";
        cases.push(Case::new(
            format!("half a pair: {raw}"),
            sound.with_raw("memories", 0, "text", format!("\"{raw}\"")),
            place,
        ));
    }
    for raw in ["\\x41", "\\u12g4", "\\u", "\\'", "a\nb", "a\tb", "a\0b", "\u{1}"] {
        let dump = sound.with_raw("chats", 0, "title", format!("\"{raw}\""));
        cases.push(Case::new(format!("no text: {raw:?}"), dump, "chats, row 1, byte "));
    }
    let broken_names = [("\"\\ud800\":1", "bots, row 1: "), ("\"\\q\":1", "bots, row 1, byte ")];
    for (raw, place) in broken_names {
        let row = format!("{{{raw}}}");
        let mut spoilt = sound.clone();
        spoilt.json["bots"][0] = "@row@".into();
        cases.push(Case::new(format!("a name {raw}"), replaced(&spoilt.bytes(), "\"@row@\"", row.as_bytes()), place));
    }
    let table = replaced(&sound.bytes(), "\"bots\"", b"\"bo\xffts\"");
    cases.push(Case::new("a table that is not UTF-8", table, "byte "));
    cases
}

/// 100,000 levels wherever a value may stand.
fn depths(sound: &Sound) -> Vec<Case> {
    let mut cases = Vec::new();
    for open in ["[", "{\"a\":"] {
        let deep = open.repeat(100_000);
        let whole = sound.bytes();
        let name = |place: &str| format!("{open} 100,000 times for {place}");
        cases.push(Case::new(name("the dump"), deep.as_bytes(), "byte "));
        cases.push(Case::new(name("last_event_id"), format!("{{\"last_event_id\":{deep}"), "last_event_id, byte "));
        let table = replaced(&whole, "\"event_log\":[", format!("\"event_log\":{deep}").as_bytes());
        cases.push(Case::new(name("a table"), table, "event_log"));
        let row = replaced(&whole, "\"bots\":[", format!("\"bots\":[{deep},").as_bytes());
        cases.push(Case::new(name("a row"), row, "bots, row 1, byte "));
        cases.push(Case::new(name("a value"), sound.with_raw("bots", 1, "name", &deep), "bots, row 2, byte "));
        let index = replaced(&whole, "\"bots\":[", format!("\"memories_fts\":[{deep}],\"bots\":[").as_bytes());
        cases.push(Case::new(name("an index"), index, "memories_fts, row 1, byte "));
    }
    cases
}

/// Files of another sort.
fn strangers() -> Vec<Case> {
    let utf_16: Vec<u8> = "{\"last_event_id\": 0}".encode_utf16().flat_map(u16::to_le_bytes).collect();
    [
        ("nothing", &b""[..]),
        ("blanks", b" \t  "),
        ("null", b"null"),
        ("a number", b"17"),
        ("a text", b"\"last_event_id\""),
        ("a list", b"[{\"last_event_id\": 0}]"),
        ("a truth", b"true"),
        ("gzip", b"\x1f\x8b\x08\0\0\0\0\0\0\x03"),
        ("SQLite", b"SQLite format 3\0"),
        ("UTF-16", &utf_16),
        ("an empty object", b"{}"),
        ("an object of others", b"{\"name\": \"x\", \"version\": 1}"),
        ("Python", b"{'last_event_id': 0, 'event_log': []}"),
    ]
    .map(|(name, bytes)| Case::new(name, bytes, "byte "))
    .into()
}
