//! Cuts an input into chunks of whole records, in constant memory.

mod csv;
mod json;
mod lines;

use crate::csv::Header;
use crate::format::{BOM, Format};
use crate::reject::{self, Reject, RejectReason};
use std::io::Read;
use std::ops::Range;
use std::sync::Arc;

/// A longer record is rejected unread.
pub const MAX_RECORD: usize = 16 << 20;
/// Chunks have about this many bytes.
const CHUNK: usize = 512 << 10;

#[derive(Debug, thiserror::Error)]
#[error("cannot read on in line {line}")]
pub struct ReadError {
    /// The line in which the input breaks off.
    pub line: u64,
    #[source]
    pub source: std::io::Error,
}

/// The chunks of one input, in its order.
pub struct Chunks<R> {
    reader: R,
    splitter: Splitter,
    /// What has been read and not yet handed out; starts at a record.
    buffer: Vec<u8>,
    /// Room of a chunk that is done with, for the next.
    spare: Vec<u8>,
    /// Line on which `buffer` starts.
    line: u64,
    has_begun: bool,
    has_ended: bool,
    /// Why no more can be read, until it has been told.
    broken: Option<std::io::Error>,
}

/// Whole records, which [`crate::parse`] reads.
#[derive(Clone, Debug)]
pub struct Chunk {
    bytes: Vec<u8>,
    first_line: u64,
    /// Line breaks within.
    lines: u64,
    records: Records,
    /// The header of the rows, if they are rows.
    pub(crate) header: Option<Arc<Header>>,
    /// What had to be set aside already here.
    pub(crate) rejects: Vec<Reject>,
}

#[derive(Clone, Debug)]
enum Records {
    Lines,
    /// Where each row or JSON value is.
    Spans(Vec<Range<usize>>),
}

enum Splitter {
    Lines,
    Csv(csv::Splitter),
    Json(json::Splitter),
}

/// The part of the buffer that makes a chunk.
struct Cut {
    /// Bytes before the first record.
    skip: usize,
    /// End of the last whole record; 0 if there is none yet.
    end: usize,
    records: Records,
}

impl<R: Read> Chunks<R> {
    pub fn new(reader: R, format: Format) -> Self {
        let splitter = match format {
            Format::JsonLines => Splitter::Lines,
            Format::Json => Splitter::Json(json::Splitter::default()),
            Format::Csv => Splitter::Csv(csv::Splitter::default()),
        };
        Self {
            reader,
            splitter,
            buffer: Vec::new(),
            spare: Vec::new(),
            line: 1,
            has_begun: false,
            has_ended: false,
            broken: None,
        }
    }

    /// The next chunk; `None` at the end of the input.
    ///
    /// # Errors
    /// If the input breaks off, once all whole records before the break have been given.
    pub fn next_chunk(&mut self) -> Result<Option<Chunk>, ReadError> {
        let mut want = CHUNK;
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

    /// Takes back a chunk that is done with: its room serves the next.
    pub fn recycle(&mut self, chunk: Chunk) {
        self.spare = chunk.bytes;
        self.spare.clear();
    }

    /// Nothing whole is left: drops what is left of a record that broke off.
    fn end(&mut self) -> Result<Option<Chunk>, ReadError> {
        let line = self.line + newlines(&self.buffer);
        self.buffer.clear();
        self.has_ended = true;
        self.broken.take().map_or(Ok(None), |source| Err(ReadError { line, source }))
    }

    /// Reads until the buffer has `want` bytes or the input ends or breaks off.
    fn fill(&mut self, want: usize) {
        // All at once: growing step by step would copy what is there each time. The reader probes beyond the end.
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
        Chunk { bytes, first_line, lines, records: cut.records, header: self.splitter.header(), rejects: Vec::new() }
    }

    /// Drops the record that the buffer starts with, however long it is.
    fn skip_record(&mut self) -> Chunk {
        let line = self.line;
        let head = self.buffer.get(..4096).unwrap_or(&self.buffer);
        let excerpt = match self.splitter {
            Splitter::Csv(_) => reject::csv_excerpt(head),
            Splitter::Lines | Splitter::Json(_) => reject::excerpt(head),
        };
        let reject = Reject { line, reason: RejectReason::TooLong, excerpt };
        // Braces tell where a JSON object ends; anything else is given up to the end of its line.
        let is_object = matches!(self.splitter, Splitter::Json(_)) && self.buffer.first() == Some(&b'{');
        let mut skip = if is_object { Skip::Object(json::Scanner::default()) } else { Skip::Line };
        loop {
            let end = skip.end(&self.buffer);
            let dropped: Vec<u8> = self.buffer.drain(..end.unwrap_or(self.buffer.len())).collect();
            self.line += newlines(&dropped);
            if end.is_some() || self.has_ended || self.broken.is_some() {
                break;
            }
            self.fill(CHUNK);
        }
        let header = self.splitter.header();
        let (bytes, records) = (Vec::new(), Records::Lines);
        Chunk { bytes, first_line: self.line, lines: 0, records, header, rejects: vec![reject] }
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

/// Looks for the end of a record that is too long to be kept.
enum Skip {
    Line,
    Object(json::Scanner),
}

impl Skip {
    /// The end of the record, if `bytes`, which follow those of the calls before, have it.
    fn end(&mut self, bytes: &[u8]) -> Option<usize> {
        match self {
            Self::Line => memchr::memchr(b'\n', bytes).map(|end| end + 1),
            Self::Object(scanner) => scanner.end(bytes),
        }
    }
}

impl Chunk {
    /// Line of the file on which the chunk starts, from 1.
    pub fn first_line(&self) -> u64 {
        self.first_line
    }

    /// Number of bytes.
    pub fn len(&self) -> usize {
        self.bytes.len()
    }

    pub fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    /// How many records there are, about.
    pub(crate) fn record_count(&self) -> usize {
        match &self.records {
            Records::Lines => self.lines as usize + 1,
            Records::Spans(spans) => spans.len(),
        }
    }

    /// The records, each with the line on which it starts.
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
