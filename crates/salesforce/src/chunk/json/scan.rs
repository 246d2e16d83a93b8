//! Finds the end of a JSON object, or the array of records within it.

/// Finds the end of an object, which may arrive in parts.
#[derive(Clone, Default)]
pub(crate) struct Scanner {
    pages: Pages,
    /// One bit for each open bracket, set for braces, innermost lowest. Holds the 64 innermost brackets.
    braces: u64,
    /// One bit for each open bracket, set for an object of which a member belongs to an event.
    events: u64,
    depth: usize,
    in_string: bool,
    is_escaped: bool,
    /// The last byte that is not white space.
    last: u8,
    /// The last key, within objects that stand in no array.
    key: Key,
    /// Whether any of these objects has a member of an event.
    is_event: bool,
}

/// Whether a scan ends at an array of records.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum Pages {
    #[default]
    Closed,
    Opened,
}

/// What a key says about the array that follows it.
#[derive(Clone, Copy, Default, PartialEq, Eq, Debug)]
pub(crate) enum Key {
    /// Nothing: it holds records if the first of them looks like an event.
    #[default]
    Other,
    /// It holds records if it holds objects.
    Wrapper,
    /// It holds records, even if there is none.
    Records,
    /// The object around is an event, so that its arrays are values.
    Event,
}

/// What a scan of an object found.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Scan {
    /// The object ends after this many bytes.
    End(usize),
    /// The object is a page. Its records start after `length` bytes, within `depth` objects.
    Page { length: usize, depth: usize },
    /// The object does not end within the bytes.
    Open,
}

/// Most objects around the array of a page. A choice: `compositeResponse` has two.
const MAX_WRAPPERS: usize = 5;
/// Bytes of an array's first object that are searched for members of an event. A choice, above what envelopes put first.
const LOOK: usize = 16 << 10;

impl Scanner {
    pub(crate) fn new(pages: Pages) -> Self {
        Self { pages, ..Self::default() }
    }

    /// Returns where the object ends within `bytes`, which continue those of earlier calls.
    pub(crate) fn end(&mut self, bytes: &[u8]) -> Option<usize> {
        match self.scan(bytes) {
            Scan::End(length) | Scan::Page { length, .. } => Some(length),
            Scan::Open => None,
        }
    }

    pub(crate) fn scan(&mut self, bytes: &[u8]) -> Scan {
        let mut at = 0;
        while let Some(&byte) = bytes.get(at) {
            if self.in_string {
                at = self.string(bytes, at);
                continue;
            }
            match byte {
                b'"' => {
                    if self.events == 0 && self.is_in_wrappers() && matches!(self.last, b'{' | b',') {
                        self.see_key(bytes.get(at..).unwrap_or_default());
                    }
                    self.in_string = true;
                }
                b'{' => {
                    if self.depth > 0 && self.in_braces() && self.last != b':' {
                        return Scan::End(at);
                    }
                    self.open(true);
                }
                b'[' => {
                    let may_be_page = self.pages == Pages::Opened && self.events == 0 && self.last == b':';
                    if may_be_page && self.is_in_wrappers() {
                        match holds_records(self.key, bytes.get(at + 1..).unwrap_or_default()) {
                            Some(true) => return Scan::Page { length: at + 1, depth: self.depth },
                            Some(false) => {}
                            None => return Scan::Open,
                        }
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
                    self.events >>= 1;
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

    fn see_key(&mut self, string: &[u8]) {
        self.key = key(string);
        if self.key == Key::Event {
            self.events |= 1;
            self.is_event = true;
        }
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
        self.events <<= 1;
    }

    fn in_braces(&self) -> bool {
        self.depth > 64 || self.braces & 1 == 1
    }

    /// Returns whether all open brackets are braces, and few.
    fn is_in_wrappers(&self) -> bool {
        self.depth <= MAX_WRAPPERS && self.braces.trailing_ones() as usize == self.depth
    }
}

/// Returns whether an array after `key`, of which these are the bytes behind its bracket, holds records; `None` if that
/// is decided by bytes to come.
pub(crate) fn holds_records(key: Key, array: &[u8]) -> Option<bool> {
    let start = array.iter().position(|byte| !byte.is_ascii_whitespace())?;
    let first = array.get(start..)?;
    match (first.first()?, key) {
        (b'{', Key::Records | Key::Wrapper) | (b']', Key::Records) => Some(true),
        (b'{', Key::Other) => {
            let head = first.get(..LOOK).unwrap_or(first);
            let mut scanner = Scanner::new(Pages::Closed);
            let has_ended = scanner.scan(head) != Scan::Open;
            (scanner.is_event || has_ended || head.len() == LOOK).then_some(scanner.is_event)
        }
        _ => Some(false),
    }
}

/// Classifies the key at the start of `string`, which includes its quotes.
pub(crate) fn key(string: &[u8]) -> Key {
    const RECORDS: [&[u8]; 5] = [b"records", b"result", b"results", b"hits", b"value"];
    const WRAPPERS: [&[u8]; 11] = [
        b"Records",
        b"data",
        b"logs",
        b"logEvents",
        b"items",
        b"body",
        b"compositeResponse",
        b"events",
        b"rows",
        b"entries",
        b"responses",
    ];
    const EVENT: [&[u8]; 4] = [b"attributes", b"eventidentifier", b"eventdate", b"eventtype"];
    /// Longest key of these, with quotes and underscores.
    const LONGEST: usize = 24;
    let Some(name) = string.strip_prefix(b"\"") else { return Key::Other };
    let name = name.get(..LONGEST).unwrap_or(name);
    let Some(name) = memchr::memchr(b'"', name).and_then(|end| name.get(..end)) else { return Key::Other };
    if RECORDS.contains(&name) {
        return Key::Records;
    }
    if WRAPPERS.contains(&name) {
        return Key::Wrapper;
    }
    let folded = || name.iter().filter(|byte| **byte != b'_').map(u8::to_ascii_lowercase);
    if EVENT.iter().any(|event| folded().eq(event.iter().copied())) { Key::Event } else { Key::Other }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arrays_of_records_are_found_below_wrappers_and_not_within_events() {
        let check = |text: &str, expect: Option<usize>| {
            let found = match Scanner::new(Pages::Opened).scan(text.as_bytes()) {
                Scan::Page { length, depth } => {
                    assert!(text[..length].ends_with('['), "{text}");
                    Some(depth)
                }
                Scan::End(length) => {
                    assert_eq!(length, text.len(), "{text}");
                    None
                }
                Scan::Open => panic!("{text} does not end"),
            };
            assert_eq!(found, expect, "{text}");
        };
        check(r#"{"totalSize":1,"records":[{}]}"#, Some(1));
        check(r#"{"records" : [ ]}"#, Some(1));
        check(r#"{"took":3,"hits":{"total":{"value":1},"hits":[{"_source":{}}]}}"#, Some(2));
        check(r#"{"statusCode":200,"body":{"data":{"records":[{}]}}}"#, Some(3));
        check(r#"{"common":{"attributes":{"a":1}},"logs":[{"message":"x"}]}"#, Some(1));
        check(r#"{"logEvents":[{"id":"1"}]}"#, Some(1));
        // A key that nobody knows, but an event within.
        check(r#"{"logins":[{"Id":"1","EventDate":"2026-03-02"}]}"#, Some(1));
        check(r#"{"logins":[{"detail":{"payload":{"EVENT_TYPE":"Login"}}}]}"#, Some(1));
        check(r#"{"fields":[{"name":"_raw"}]}"#, None);
        check(r#"{"items":[]}"#, None);
        check(r#"{"records":["text"]}"#, None);
        check(r#"{"a":[{"records":[{}]}]}"#, None);
        check(r#"{"attributes":{"type":"ListViewEvent"},"Records":[{"Id":"1"}]}"#, None);
        check(r#"{"EventDate":"2026-03-02","Records":{"totalSize":1,"records":[{"attributes":{}}]}}"#, None);
        check(r#"{"result":{"EVENT_TYPE":"Login","items":[{"a":1}]}}"#, None);
        check(r#"{"schema":"x","payload":{"EventIdentifier":"x","records":[{"a":1}]}}"#, None);
    }

    #[test]
    fn what_is_cut_off_before_the_first_record_stays_open() {
        for text in [r#"{"records":["#, r#"{"records": [ "#, r#"{"logins":[{"Id":"1","#] {
            assert_eq!(Scanner::new(Pages::Opened).scan(text.as_bytes()), Scan::Open, "{text}");
        }
    }
}
