//! NDJSON: events one a line, read in bounded memory, and set aside on disk until all have come.
//!
//! Whoever reads events from a pipe does not know when the next one comes. A [`Spool`] takes them in
//! first, so that nothing is locked while the pipe is waited for.

use std::fs::File;
use std::io::{self, BufRead, BufReader, BufWriter, Read, Seek, Write};
use std::path::Path;

use super::NewEvent;
use crate::error::{Error, ErrorKind, Result};
use crate::files;

/// The longest line of NDJSON, in bytes: the default limit of a body over HTTP, so that what one
/// way takes the other takes too. A line is held in memory; what is longer is never read to its end.
pub const LONGEST_LINE: usize = 16 << 20;

/// The lines of a reader that are not blank.
struct Lines<R> {
    reader: R,
    longest: usize,
    line: Vec<u8>,
    number: u64,
}

impl<R: BufRead> Lines<R> {
    fn new(reader: R, longest: usize) -> Self {
        Self { reader, longest, line: Vec::new(), number: 0 }
    }

    /// The next line, without its end.
    fn next(&mut self) -> Result<Option<&[u8]>> {
        loop {
            self.line.clear();
            self.number += 1;
            self.refuse_start()?;
            // One byte more, for the line's end.
            let most = (self.longest as u64).saturating_add(1);
            let read = self.reader.by_ref().take(most).read_until(b'\n', &mut self.line)?;
            if read == 0 {
                return Ok(None);
            }
            if self.line.last() != Some(&b'\n') && self.line.len() > self.longest {
                let reason = format!("an event has at most {} bytes", self.longest);
                return Err(self.place(Error::new(ErrorKind::TooLarge, reason)));
            }
            if !self.line.trim_ascii().is_empty() {
                return Ok(Some(self.line.trim_ascii()));
            }
        }
    }

    /// What cannot become an event is refused by its first byte: a file of another sort may be one
    /// line of any length.
    fn refuse_start(&mut self) -> Result<()> {
        let start = self.reader.fill_buf()?.iter().find(|byte| !matches!(byte, b' ' | b'\t' | b'\r'));
        match start {
            None | Some(b'{' | b'\n') => Ok(()),
            Some(_) => Err(self.place(Error::malformed("an event is a JSON object, which starts with {"))),
        }
    }

    fn next_event(&mut self) -> Result<Option<NewEvent>> {
        let event = match self.next()? {
            Some(line) => NewEvent::parse(line),
            None => return Ok(None),
        };
        event.map(Some).map_err(|error| self.place(error))
    }

    fn place(&self, error: Error) -> Error {
        error.at(format!("line {}", self.number))
    }
}

/// The events of NDJSON, read line by line, each of at most [`LONGEST_LINE`]; blank lines are
/// passed over. After an error nothing more is to be read.
pub fn lines(reader: impl BufRead) -> impl Iterator<Item = Result<NewEvent>> {
    lines_up_to(reader, LONGEST_LINE)
}

/// [`lines`] of at most so many bytes each.
pub(super) fn lines_up_to(reader: impl BufRead, longest: usize) -> impl Iterator<Item = Result<NewEvent>> {
    let mut lines = Lines::new(reader, longest);
    std::iter::from_fn(move || lines.next_event().transpose())
}

/// Checked events in a file without a name, which goes with the handle and with the process.
#[derive(Debug)]
pub struct Spool {
    file: File,
    count: u64,
}

impl Spool {
    /// Reads NDJSON to its end into a file of the folder, or of the nearest one above it that is
    /// there; `seen` is called for each event.
    ///
    /// # Errors
    ///
    /// Refused where the folder cannot be written; malformed or too large with the line where one
    /// is no event; malformed where there is none.
    pub fn read(folder: &Path, reader: impl BufRead, mut seen: impl FnMut()) -> Result<Self> {
        let mut out = BufWriter::new(unnamed(folder)?);
        let mut lines = Lines::new(reader, LONGEST_LINE);
        let mut count = 0;
        while let Some(line) = lines.next()? {
            let checked = NewEvent::parse(line).map(drop);
            out.write_all(line)?;
            out.write_all(b"\n")?;
            checked.map_err(|error| lines.place(error))?;
            count += 1;
            seen();
        }
        if count == 0 {
            return Err(Error::malformed("there is no event to append"));
        }
        let mut file = out.into_inner().map_err(io::IntoInnerError::into_error)?;
        file.rewind()?;
        Ok(Self { file, count })
    }

    /// How many events it has.
    pub fn count(&self) -> u64 {
        self.count
    }

    /// The events, in order.
    pub fn into_events(self) -> impl Iterator<Item = Result<NewEvent>> {
        lines(BufReader::with_capacity(1 << 16, self.file))
    }
}

/// A folder that is still to be made has room where it will be.
fn unnamed(folder: &Path) -> Result<File> {
    let there = folder.ancestors().find(|folder| folder.exists()).unwrap_or(Path::new("."));
    tempfile::tempfile_in(there).map_err(|error| files::refused(folder, error))
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]
    use super::*;

    /// Counts what is read of an endless line.
    struct Zeros<'a>(&'a mut usize);

    impl Read for Zeros<'_> {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            buffer.fill(0);
            *self.0 += buffer.len();
            Ok(buffer.len())
        }
    }

    #[test]
    fn a_line_without_end_is_refused_before_it_is_read() {
        let folder = tempfile::tempdir().unwrap();
        let mut read = 0;
        let good = b"\n{\"kind\":\"a\",\"payload\":1}\n";
        let error = Spool::read(folder.path(), BufReader::new(good.chain(Zeros(&mut read))), || ()).unwrap_err();
        assert_eq!(error.message(), "line 3: an event is a JSON object, which starts with {");
        assert!(read <= 1 << 16, "{read} bytes were read");
        read = 0;
        let input = good.chain(&b"{"[..]).chain(Zeros(&mut read));
        let error = Spool::read(folder.path(), BufReader::new(input), || ()).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::TooLarge);
        assert_eq!(error.message(), format!("line 3: an event has at most {LONGEST_LINE} bytes"));
        assert!(read < LONGEST_LINE + (1 << 16), "{read} bytes were read");
    }

    #[test]
    fn a_line_of_the_greatest_length_is_read_and_one_byte_more_is_not() {
        let event = r#"{"kind":"a","payload":1}"#;
        for end in ["", "\n"] {
            let body = format!("{event}{end}");
            assert_eq!(lines_up_to(body.as_bytes(), event.len()).filter(Result::is_ok).count(), 1);
            assert!(lines_up_to(body.as_bytes(), event.len() - 1).next().unwrap().is_err());
        }
    }

    #[test]
    fn what_is_set_aside_comes_back_in_order_and_leaves_no_file() {
        let folder = tempfile::tempdir().unwrap();
        let body = "{\"kind\":\"a\",\"payload\": {\"b\" : 1.50} }\r\n\n {\"kind\":\"b\",\"payload\":2}";
        let spool = Spool::read(&folder.path().join("to/be/made"), body.as_bytes(), || ()).unwrap();
        assert_eq!(spool.count(), 2);
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0, "it has no name");
        let events: Vec<NewEvent> = spool.into_events().collect::<Result<_>>().unwrap();
        assert_eq!((events[0].payload.get(), events[1].kind.as_str()), ("{\"b\" : 1.50}", "b"));
    }

    #[test]
    fn what_is_no_event_is_refused_with_its_line() {
        let folder = tempfile::tempdir().unwrap();
        let refused = |body: &str| Spool::read(folder.path(), body.as_bytes(), || ()).unwrap_err().to_string();
        assert!(refused("\n{\"kind\":\"a\",\"payload\":1}\n\n{").starts_with("line 4: "));
        assert_eq!(refused(" \n\n"), "there is no event to append");
    }
}
