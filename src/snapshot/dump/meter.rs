//! Reading with a limit: how many bytes have come, and a stop where a row takes too many of them or
//! lies too deep.
//!
//! A row is kept as text before it is read, so its length and its nesting have to be seen while the
//! bytes come. What is said here about nesting holds for JSON; for anything else the deserializer
//! stops on its own.

use std::cell::Cell;
use std::io::{self, BufReader, Read};

/// A row's object is the third level and none of its values opens another.
const DEEPEST: usize = 64;

/// Why reading stopped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stop {
    /// A row is longer than the limit.
    Long,
    /// Lists or objects lie in each other beyond any use.
    Deep,
}

/// What has been read; shared by the reader and whoever tells where it is.
#[derive(Debug)]
pub(super) struct Meter {
    longest: u64,
    read: Cell<u64>,
    begun: Cell<u64>,
    recent: Cell<[u8; 2]>,
    nesting: Cell<Nesting>,
    stop: Cell<Option<Stop>>,
}

#[derive(Debug, Clone, Copy, Default)]
struct Nesting {
    depth: usize,
    in_text: bool,
    escaped: bool,
}

impl Nesting {
    fn after(mut self, byte: u8) -> Self {
        match byte {
            _ if self.escaped => self.escaped = false,
            b'\\' if self.in_text => self.escaped = true,
            b'"' => self.in_text = !self.in_text,
            b'[' | b'{' if !self.in_text => self.depth += 1,
            b']' | b'}' if !self.in_text => self.depth = self.depth.saturating_sub(1),
            _ => {}
        }
        self
    }
}

impl Meter {
    /// A meter that lets a row have so many bytes.
    pub(super) fn new(longest: u64) -> Self {
        Self {
            longest,
            read: Cell::new(0),
            begun: Cell::new(0),
            recent: Cell::default(),
            nesting: Cell::default(),
            stop: Cell::new(None),
        }
    }

    /// How many bytes a row may have.
    pub(super) fn longest(&self) -> u64 {
        self.longest
    }

    /// From here on the bytes are those of the next row or key.
    pub(super) fn begin(&self) {
        self.begun.set(self.read.get());
    }

    /// How many bytes have been read.
    pub(super) fn read(&self) -> u64 {
        self.read.get()
    }

    /// Whether reading stopped at a word that Python writes for a number that JSON does not have. The
    /// deserializer may have looked one byte further.
    pub(super) fn is_at_nan(&self) -> bool {
        !self.nesting.get().in_text && self.recent.get().iter().any(|byte| matches!(byte, b'N' | b'I'))
    }

    /// Why reading stopped; none where it did not stop here.
    pub(super) fn stop(&self) -> Option<Stop> {
        self.stop.get()
    }

    /// After a stop the deserializer still looks for the end of what it has begun.
    fn see(&self, byte: u8) -> io::Result<()> {
        if let Some(stop) = self.stop.get() {
            return self.stop_for(stop);
        }
        let nesting = self.nesting.get().after(byte);
        self.nesting.set(nesting);
        self.recent.set([self.recent.get()[1], byte]);
        self.read.set(self.read.get() + 1);
        if nesting.depth > DEEPEST {
            return self.stop_for(Stop::Deep);
        }
        if self.read.get() - self.begun.get() > self.longest {
            return self.stop_for(Stop::Long);
        }
        Ok(())
    }

    #[cold]
    fn stop_for(&self, stop: Stop) -> io::Result<()> {
        self.stop.set(Some(stop));
        Err(io::Error::other("the limit of a row"))
    }
}

/// A reader that tells its meter of each byte.
pub(super) struct Metered<'a, R> {
    source: BufReader<R>,
    meter: &'a Meter,
}

impl<'a, R: Read> Metered<'a, R> {
    /// Reads from `source` in blocks: the deserializer asks for single bytes.
    pub(super) fn new(source: R, meter: &'a Meter) -> Self {
        Self { source: BufReader::with_capacity(1 << 16, source), meter }
    }
}

impl<R: Read> Read for Metered<'_, R> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let count = self.source.read(into)?;
        into.iter().take(count).try_for_each(|&byte| self.meter.see(byte))?;
        Ok(count)
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]
    use super::*;

    fn stop(text: &str, longest: u64) -> Option<Stop> {
        let meter = Meter::new(longest);
        let _ = Metered::new(text.as_bytes(), &meter).read_to_end(&mut Vec::new());
        meter.stop()
    }

    #[test]
    fn a_row_stops_at_the_byte_over_its_limit() {
        assert_eq!(stop("12345", 5), None);
        assert_eq!(stop("123456", 5), Some(Stop::Long));
        let meter = Meter::new(5);
        let mut reader = Metered::new(&b"1234567"[..], &meter);
        reader.read_exact(&mut [0; 4]).unwrap();
        meter.begin();
        reader.read_exact(&mut [0; 3]).unwrap();
        assert_eq!((meter.read(), meter.stop()), (7, None));
    }

    #[test]
    fn brackets_count_outside_of_text_only() {
        let deep = "[".repeat(DEEPEST + 1);
        assert_eq!(stop(&deep, 1_000), Some(Stop::Deep));
        assert_eq!(stop(&deep[1..], 1_000), None);
        assert_eq!(stop(&format!("\"\\\"{deep}\\\\\"[]"), 1_000), None);
        assert_eq!(stop(&"[{}]".repeat(1_000), 10_000), None);
    }
}
