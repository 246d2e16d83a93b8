//! Finds JSON values that follow each other, in arrays, or in pages of query results.
//!
//! Only braces, brackets and strings are scanned. Damage stays within its record: a line break ends a string, since no
//! valid string contains one, and a brace in place of a key ends the record before it.

use super::{Cut, Records};

/// Finds values. Remembers the containers around the start of the buffer.
#[derive(Clone, Default)]
pub(super) struct Splitter {
    open: Vec<Container>,
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

/// Deepest nesting of containers that is followed. A choice: real files have at most three.
const MAX_DEPTH: usize = 64;

impl Splitter {
    pub(super) fn cut(&mut self, buffer: &[u8], has_ended: bool) -> Cut {
        let mut spans = Vec::new();
        let mut at = 0;
        while let Some(byte) = buffer.get(at) {
            let rest = buffer.get(at..).unwrap_or_default();
            let in_page = matches!(self.open.last(), Some(Container::Page | Container::OtherArray));
            match byte {
                b'{' => {
                    let mut scanner = Scanner::default();
                    match scanner.scan(rest) {
                        Scan::Page { length, depth } => {
                            (0..depth).for_each(|_| self.push(Container::Page));
                            self.push(Container::Array);
                            at += length;
                        }
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
                    self.push(if in_page { Container::OtherArray } else { Container::Array });
                    at += 1;
                }
                b']' => {
                    self.open.pop_if(|container| *container != Container::Page);
                    at += 1;
                }
                b'}' => {
                    self.open.pop_if(|container| *container == Container::Page);
                    at += 1;
                }
                byte if byte.is_ascii_whitespace() || matches!(byte, b',' | b':') => at += 1,
                _ => {
                    // A key of a page, or a value that is not a record.
                    let Some(length) = word(rest, has_ended) else { break };
                    if !in_page {
                        spans.push(at..at + length);
                    }
                    at += length;
                }
            }
        }
        Cut { skip: 0, end: at, records: Records::Spans(spans) }
    }

    fn push(&mut self, container: Container) {
        if self.open.len() < MAX_DEPTH {
            self.open.push(container);
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

/// Finds the end of an object, which may arrive in parts.
#[derive(Clone, Default)]
pub(super) struct Scanner {
    /// One bit for each open bracket, set for braces, innermost lowest. Holds the 64 innermost brackets.
    braces: u64,
    depth: usize,
    in_string: bool,
    is_escaped: bool,
    /// The last byte that is not white space.
    last: u8,
    /// The last string at depth 1, or at depth 2 within `result`.
    key: Key,
}

#[derive(Clone, Copy, Default, PartialEq, Eq)]
enum Key {
    #[default]
    Other,
    Records,
    Result,
}

/// What a scan of an object found.
enum Scan {
    /// The object ends after this many bytes.
    End(usize),
    /// The object is a page of query results. Its records start after `length` bytes, within `depth` objects.
    Page { length: usize, depth: usize },
    /// The object does not end within the bytes.
    Open,
}

impl Scanner {
    /// Returns where the object ends within `bytes`, which continue those of earlier calls.
    pub(super) fn end(&mut self, bytes: &[u8]) -> Option<usize> {
        match self.scan(bytes) {
            Scan::End(length) | Scan::Page { length, .. } => Some(length),
            Scan::Open => None,
        }
    }

    fn scan(&mut self, bytes: &[u8]) -> Scan {
        let mut at = 0;
        let mut in_result = false;
        while let Some(&byte) = bytes.get(at) {
            if self.in_string {
                at = self.string(bytes, at);
                continue;
            }
            match byte {
                b'"' => {
                    if self.depth == 1 || (self.depth == 2 && in_result) {
                        self.key = key(bytes.get(at..).unwrap_or_default());
                    }
                    self.in_string = true;
                }
                b'{' => {
                    if self.depth > 0 && self.in_braces() && self.last != b':' {
                        return Scan::End(at);
                    }
                    in_result |= self.depth == 1 && self.key == Key::Result;
                    self.open(true);
                }
                b'[' => {
                    if self.key == Key::Records
                        && self.last == b':'
                        && (self.depth == 1 || self.depth == 2 && in_result)
                    {
                        return Scan::Page { length: at + 1, depth: self.depth };
                    }
                    self.open(false);
                }
                b'}' | b']' => {
                    // A mismatched bracket closes the container of the record.
                    if (byte == b'}') != self.in_braces() && self.depth == 1 {
                        return Scan::End(at);
                    }
                    self.depth = self.depth.saturating_sub(1);
                    self.braces >>= 1;
                    if self.depth == 0 {
                        return Scan::End(at + 1);
                    }
                }
                _ => {}
            }
            if !byte.is_ascii_whitespace() {
                self.last = byte;
            }
            at += 1;
        }
        Scan::Open
    }

    /// Continues within a string from `from`. Returns the position after the string, or the end of `bytes`.
    fn string(&mut self, bytes: &[u8], from: usize) -> usize {
        if self.is_escaped {
            self.is_escaped = false;
            return from + 1;
        }
        let rest = bytes.get(from..).unwrap_or_default();
        let Some(found) = memchr::memchr3(b'"', b'\\', b'\n', rest) else { return bytes.len() };
        match rest.get(found) {
            Some(b'\\') => self.is_escaped = true,
            _ => self.in_string = false,
        }
        from + found + 1
    }

    fn open(&mut self, is_brace: bool) {
        self.depth += 1;
        self.braces = self.braces << 1 | u64::from(is_brace);
    }

    fn in_braces(&self) -> bool {
        self.depth > 64 || self.braces & 1 == 1
    }
}

fn key(string: &[u8]) -> Key {
    if string.starts_with(b"\"records\"") {
        Key::Records
    } else if string.starts_with(b"\"result\"") {
        Key::Result
    } else {
        Key::Other
    }
}
