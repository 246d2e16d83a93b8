//! Finds JSON values that follow each other, in arrays, or in pages: documents that hold an array of records.
//!
//! Only braces, brackets and strings are scanned. Damage stays within its record: a line break ends a string, since no
//! valid string contains one, and a brace in place of a key ends the record before it.

mod page;
mod scan;

use super::{Cut, Records};
use crate::envelope::Hints;
use crate::format::BOM;
use crate::format::json::is_at_start;
use scan::Key;
use std::sync::Arc;

pub(crate) use scan::{Pages, Scan, Scanner};

/// Finds values. Remembers the containers around the start of the buffer.
#[derive(Clone, Default)]
pub(crate) struct Splitter {
    open: Vec<Open>,
    /// What is said of records outside of pages: nothing.
    outside: Arc<Hints>,
    /// The last key of the page around the start of the buffer.
    key: Key,
    /// Lines that were skipped before the first value; `None` behind it.
    before: Before,
}

/// A container around the start of the buffer.
#[derive(Clone)]
struct Open {
    container: Container,
    /// What the pages around say of records within.
    hints: Arc<Hints>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Container {
    /// An array of records.
    Array,
    /// The object around the array of a page: `{"totalSize":…,"records":` … `}`.
    Page,
    /// Another array of a page, which holds no records.
    OtherArray,
}

/// What stands before the first value: a warning of the program that wrote the file, for example.
#[derive(Clone, Copy)]
enum Before {
    /// So many lines were skipped.
    Skipped(usize),
    /// The first value was found.
    Done,
}

/// Deepest nesting of containers that is followed. A choice: real files have at most six.
const MAX_DEPTH: usize = 64;
/// Containers within which pages are read to their end for what stands behind their records. A choice: an answer to
/// several requests has four.
const MAX_LOOKED_AT: usize = 8;
/// Lines before the first value that are skipped. A choice: warnings have one to five.
pub(crate) const LINES_BEFORE: usize = 10;

impl Default for Before {
    fn default() -> Self {
        Self::Skipped(0)
    }
}

impl Splitter {
    pub(crate) fn cut(&mut self, buffer: &[u8], has_ended: bool) -> Cut {
        let mut spans = Vec::new();
        // Records of a chunk are of pages that say the same.
        let mut hints = Arc::clone(self.hints());
        let mut at = self.skip_lines_before(buffer, has_ended);
        while let Some(byte) = buffer.get(at) {
            let rest = buffer.get(at..).unwrap_or_default();
            let around = self.open.last().map(|open| open.container);
            if spans.is_empty() {
                hints = Arc::clone(self.hints());
            }
            let is_next = hints != *self.hints();
            let in_page = matches!(around, Some(Container::Page | Container::OtherArray));
            match byte {
                b'{' => {
                    let pages = if around == Some(Container::OtherArray) { Pages::Closed } else { Pages::Opened };
                    match Scanner::new(pages).scan(rest) {
                        Scan::Page { length, depth } => {
                            let is_deep = self.open.len() > MAX_LOOKED_AT;
                            let Some(hints) = page::hints(self.hints(), rest, (length, depth), is_deep, has_ended)
                            else {
                                break;
                            };
                            let hints = Arc::new(hints);
                            (0..depth).for_each(|_| self.push_with(Container::Page, Arc::clone(&hints)));
                            self.push_with(Container::Array, hints);
                            at += length;
                        }
                        Scan::End(_) | Scan::Open if is_next && !in_page => break,
                        Scan::End(length) => {
                            if !in_page {
                                spans.push(at..at + length);
                            }
                            at += length;
                        }
                        Scan::Open if has_ended => {
                            spans.push(at..buffer.len());
                            at = buffer.len();
                        }
                        Scan::Open => break,
                    }
                }
                b'[' => {
                    let holds_records = match around {
                        Some(Container::Page) => scan::holds_records(self.key, rest.get(1..).unwrap_or_default()),
                        Some(Container::OtherArray) => Some(false),
                        Some(Container::Array) | None => Some(true),
                    };
                    let Some(holds_records) = holds_records.or(has_ended.then_some(false)) else { break };
                    self.push(if holds_records { Container::Array } else { Container::OtherArray });
                    at += 1;
                }
                b']' => {
                    self.open.pop_if(|open| open.container != Container::Page);
                    at += 1;
                }
                b'}' => {
                    self.open.pop_if(|open| open.container == Container::Page);
                    at += 1;
                }
                byte if byte.is_ascii_whitespace() || matches!(byte, b',' | b':') => at += 1,
                // Files with a byte order mark were joined.
                _ if rest.starts_with(BOM) => at += BOM.len(),
                _ if BOM.starts_with(rest) && !has_ended => break,
                _ => {
                    // A key of a page, or a value that is not a record.
                    let Some(length) = word(rest, has_ended).filter(|_| in_page || !is_next) else { break };
                    if in_page {
                        self.key = scan::key(rest);
                    } else {
                        spans.push(at..at + length);
                    }
                    at += length;
                }
            }
        }
        Cut { skip: 0, end: at, records: Records::Spans(spans), hints }
    }

    /// Returns where the first line begins that starts a value, or as far as it is known that none does.
    fn skip_lines_before(&mut self, buffer: &[u8], has_ended: bool) -> usize {
        let mut at = 0;
        while let Before::Skipped(lines) = self.before {
            let rest = buffer.get(at..).unwrap_or_default();
            let start = rest.iter().position(|byte| !byte.is_ascii_whitespace()).unwrap_or(rest.len());
            let text = rest.get(start..).unwrap_or_default();
            let end = memchr::memchr(b'\n', text);
            if lines == LINES_BEFORE || is_at_start(text) || has_ended && end.is_none() {
                self.before = Before::Done;
                break;
            }
            let Some(end) = end else { break };
            at += start + end + 1;
            self.before = Before::Skipped(lines + 1);
        }
        at
    }

    /// Returns what the pages around say of a record.
    fn hints(&self) -> &Arc<Hints> {
        self.open.last().map_or(&self.outside, |open| &open.hints)
    }

    fn push(&mut self, container: Container) {
        self.push_with(container, Arc::clone(self.hints()));
    }

    fn push_with(&mut self, container: Container, hints: Arc<Hints>) {
        if self.open.len() < MAX_DEPTH {
            self.open.push(Open { container, hints });
        }
    }
}

/// Returns the length of the string, number or garbage at the start of `bytes`; `None` if it may continue.
fn word(bytes: &[u8], has_ended: bool) -> Option<usize> {
    let mut in_string = false;
    let mut is_escaped = false;
    for (i, byte) in bytes.iter().enumerate() {
        match byte {
            b'\n' => return Some(i),
            _ if is_escaped => is_escaped = false,
            b'\\' => is_escaped = in_string,
            b'"' => in_string = !in_string,
            b',' | b'[' | b']' | b'{' | b'}' if !in_string => return Some(i),
            _ => {}
        }
    }
    has_ended.then_some(bytes.len())
}
