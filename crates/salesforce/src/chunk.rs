//! Cuts an input into chunks of whole records, in constant memory.

mod csv;
pub(crate) mod json;
mod lines;

use crate::csv::Header;
use crate::envelope::Hints;
use crate::format::{BOM, Format};
use crate::reject::{self, Reject, RejectReason};
use std::io::Read;
use std::ops::Range;
use std::sync::Arc;

/// The largest record, in bytes. A longer one is rejected unread.
///
/// A choice, far above real records: a text field of Salesforce has at most 131,072 characters.
pub const MAX_RECORD: usize = 4 << 20;
/// Usual size of a chunk, in bytes, unless [`Chunks::with_size`] says another. A choice: some hundred records, enough to keep a parsing thread busy.
const CHUNK: usize = 512 << 10;

/// An input failed before its end.
#[derive(Debug, thiserror::Error)]
#[error("read failed at line {line}")]
pub struct ReadError {
    /// The line at which the input failed, from 1.
    pub line: u64,
    /// Why it failed.
    #[source]
    pub source: std::io::Error,
}

/// Cuts an input into chunks, in the order of the input.
pub struct Chunks<R> {
    reader: R,
    splitter: Splitter,
    /// Usual size of a chunk.
    size: usize,
    /// Bytes that were read and not yet returned. They start at a record.
    buffer: Vec<u8>,
    /// Allocation of a recycled chunk, for the next one.
    spare: Vec<u8>,
    /// Line on which `buffer` starts.
    line: u64,
    has_begun: bool,
    has_ended: bool,
    /// The error of the reader, until it is returned.
    broken: Option<std::io::Error>,
}

/// Whole records. [`crate::parse`] reads them.
#[derive(Clone, Debug)]
pub struct Chunk {
    bytes: Vec<u8>,
    first_line: u64,
    /// Number of line breaks.
    lines: u64,
    records: Records,
    /// What the page around the records says of them.
    pub(crate) hints: Arc<Hints>,
    /// The header, if the records are rows of a log file.
    pub(crate) header: Option<Arc<Header>>,
    /// Records that were rejected while cutting.
    pub(crate) rejects: Vec<Reject>,
}

/// Where the records of a chunk are.
#[derive(Clone, Debug)]
pub(crate) enum Records {
    /// One per line.
    Lines,
    /// The range of each row or JSON value.
    Spans(Vec<Range<usize>>),
}

/// Finds the ends of records, by format.
enum Splitter {
    Lines,
    Csv(csv::Splitter),
    Json(json::Splitter),
}

/// The part of the buffer that becomes a chunk.
pub(crate) struct Cut {
    /// Bytes before the first record.
    skip: usize,
    /// End of the last whole record; 0 if the buffer holds none.
    end: usize,
    pub(crate) records: Records,
    /// What the page around the records says of them.
    hints: Arc<Hints>,
}

impl<R: Read> Chunks<R> {
    /// Cuts what `reader` yields, which is in `format`.
    pub fn new(reader: R, format: Format) -> Self {
        let splitter = match format {
            Format::JsonLines | Format::Text => Splitter::Lines,
            Format::Json => Splitter::Json(json::Splitter::default()),
            Format::Csv => Splitter::Csv(csv::Splitter::default()),
        };
        Self {
            reader,
            splitter,
            size: CHUNK,
            buffer: Vec::new(),
            spare: Vec::new(),
            line: 1,
            has_begun: false,
            has_ended: false,
            broken: None,
        }
    }

    /// Returns the same with chunks of another usual size in bytes. What a chunk of the smallest records parses into takes
    /// up to 50 times as many.
    #[must_use]
    pub fn with_size(self, size: usize) -> Self {
        Self { size: size.clamp(1, MAX_RECORD), ..self }
    }

    /// Returns the next chunk; `None` at the end of the input.
    ///
    /// # Errors
    /// If the reader fails. All whole records before the failure are returned first.
    pub fn next_chunk(&mut self) -> Result<Option<Chunk>, ReadError> {
        let mut want = self.size;
        loop {
            self.fill(want);
            if self.buffer.is_empty() {
                return self.end();
            }
            let cut = self.splitter.cut(&self.buffer, self.has_ended);
            if cut.end > 0 {
                return Ok(Some(self.take(cut)));
            }
            if self.broken.is_some() {
                return self.end();
            }
            if want >= MAX_RECORD {
                return Ok(Some(self.skip_record()));
            }
            want *= 2;
        }
    }

    /// Takes back a chunk that is no longer needed, to reuse its allocation.
    pub fn recycle(&mut self, chunk: Chunk) {
        self.spare = chunk.bytes;
        self.spare.clear();
    }

    /// Ends the input: drops an incomplete record, and returns the reader's error if there is one.
    fn end(&mut self) -> Result<Option<Chunk>, ReadError> {
        let line = self.line + newlines(&self.buffer);
        self.buffer.clear();
        self.has_ended = true;
        self.broken.take().map_or(Ok(None), |source| Err(ReadError { line, source }))
    }

    /// Reads until the buffer has `want` bytes, or the input ends or fails.
    fn fill(&mut self, want: usize) {
        // Reserves all at once, since growing in steps copies the buffer each time. `read_to_end` probes with a few more
        // bytes (32 in the standard library) to find the end.
        const PROBE: usize = 64;
        self.buffer.reserve((want + PROBE).saturating_sub(self.buffer.len()));
        while !self.has_ended && self.broken.is_none() && self.buffer.len() < want {
            let missing = (want - self.buffer.len()) as u64;
            match self.reader.by_ref().take(missing).read_to_end(&mut self.buffer) {
                Ok(count) => self.has_ended = count == 0,
                Err(error) => self.broken = Some(error),
            }
            if !self.has_begun && self.buffer.starts_with(BOM) {
                self.buffer.drain(..BOM.len());
            }
            self.has_begun = true;
        }
    }

    fn take(&mut self, cut: Cut) -> Chunk {
        let mut rest = std::mem::take(&mut self.spare);
        rest.extend_from_slice(self.buffer.get(cut.end..).unwrap_or_default());
        let mut bytes = std::mem::replace(&mut self.buffer, rest);
        bytes.truncate(cut.end);
        let skipped = bytes.drain(..cut.skip.min(cut.end));
        self.line += newlines(skipped.as_slice());
        drop(skipped);
        let (first_line, lines) = (self.line, newlines(&bytes));
        self.line += lines;
        let Cut { records, hints, .. } = cut;
        Chunk { bytes, first_line, lines, records, hints, header: self.splitter.header(), rejects: Vec::new() }
    }

    /// Skips the record at the start of the buffer, which is longer than [`MAX_RECORD`], and rejects it.
    fn skip_record(&mut self) -> Chunk {
        let line = self.line;
        let head = self.buffer.get(..4096).unwrap_or(&self.buffer);
        let excerpt = match self.splitter {
            Splitter::Csv(_) => reject::csv_excerpt(head, self.splitter.header().map_or(0, |header| header.shown())),
            Splitter::Lines | Splitter::Json(_) => reject::excerpt(head),
        };
        let reject = Reject { line, reason: RejectReason::TooLong, excerpt };
        // A JSON object ends at its closing brace. Anything else is skipped up to the end of its line.
        let is_object = matches!(self.splitter, Splitter::Json(_)) && self.buffer.first() == Some(&b'{');
        let mut skip = if is_object { Skip::Object(json::Scanner::default()) } else { Skip::Line };
        loop {
            let end = skip.end(&self.buffer);
            let dropped: Vec<u8> = self.buffer.drain(..end.unwrap_or(self.buffer.len())).collect();
            self.line += newlines(&dropped);
            if end.is_some() || self.has_ended || self.broken.is_some() {
                break;
            }
            self.fill(self.size);
        }
        let header = self.splitter.header();
        let (bytes, records) = (Vec::new(), Records::Lines);
        let (first_line, hints) = (self.line, Arc::default());
        Chunk { bytes, first_line, lines: 0, records, hints, header, rejects: vec![reject] }
    }
}

impl Splitter {
    fn cut(&mut self, buffer: &[u8], has_ended: bool) -> Cut {
        match self {
            Self::Lines => lines::cut(buffer, has_ended),
            Self::Csv(splitter) => splitter.cut(buffer, has_ended),
            Self::Json(splitter) => splitter.cut(buffer, has_ended),
        }
    }

    fn header(&self) -> Option<Arc<Header>> {
        match self {
            Self::Csv(splitter) => splitter.header(),
            Self::Lines | Self::Json(_) => None,
        }
    }
}

/// Finds the end of a record that is too long.
enum Skip {
    Line,
    Object(json::Scanner),
}

impl Skip {
    /// Returns the end of the record within `bytes`, which continue those of earlier calls.
    fn end(&mut self, bytes: &[u8]) -> Option<usize> {
        match self {
            Self::Line => memchr::memchr(b'\n', bytes).map(|end| end + 1),
            Self::Object(scanner) => scanner.end(bytes),
        }
    }
}

impl Chunk {
    /// Returns the line of the file on which the chunk starts, from 1.
    pub fn first_line(&self) -> u64 {
        self.first_line
    }

    /// Returns the number of bytes.
    pub fn len(&self) -> usize {
        self.bytes.len()
    }

    /// Returns whether the chunk has no bytes. It may still have rejects.
    pub fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    /// Returns about how many records there are.
    pub(crate) fn record_count(&self) -> usize {
        match &self.records {
            Records::Lines => self.lines as usize + 1,
            Records::Spans(spans) => spans.len(),
        }
    }

    /// Iterates over the records, each with the line on which it starts.
    pub(crate) fn records(&self) -> Box<dyn Iterator<Item = (u64, &[u8])> + '_> {
        match &self.records {
            Records::Lines => Box::new(lines(&self.bytes, self.first_line)),
            Records::Spans(spans) => Box::new(spanned(&self.bytes, spans, self.first_line)),
        }
    }
}

fn lines(bytes: &[u8], first_line: u64) -> impl Iterator<Item = (u64, &[u8])> {
    let ends = memchr::memchr_iter(b'\n', bytes).chain(std::iter::once(bytes.len()));
    let mut start = 0;
    ends.zip(first_line..).filter_map(move |(end, line)| {
        let record = bytes.get(start..end)?;
        start = end + 1;
        Some((line, record))
    })
}

fn spanned<'a>(bytes: &'a [u8], spans: &'a [Range<usize>], first_line: u64) -> impl Iterator<Item = (u64, &'a [u8])> {
    let (mut line, mut counted) = (first_line, 0);
    spans.iter().filter_map(move |span| {
        line += newlines(bytes.get(counted..span.start)?);
        counted = span.start;
        Some((line, bytes.get(span.clone())?))
    })
}

fn newlines(bytes: &[u8]) -> u64 {
    memchr::memchr_iter(b'\n', bytes).count() as u64
}
