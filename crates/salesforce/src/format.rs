//! Detects the format of a file from its first bytes.

pub(crate) mod json;
mod table;

use std::fmt;

/// How the records of a file are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Format {
    /// One JSON object per line.
    JsonLines,
    /// JSON objects over many lines or joined within one, arrays of them, pages of results (`{"records":[…]}`), or a mix
    /// of these. Up to ten lines of other text may stand before them.
    Json,
    /// A table with a header: an event log file, or an export as CSV.
    Csv,
    /// One record per line, as text around JSON or as `key="value"` pairs.
    Text,
}

impl Format {
    /// Returns it in words.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::JsonLines => "JSON, a record a line",
            Self::Json => "JSON",
            Self::Csv => "a table",
            Self::Text => "lines of text",
        }
    }
}

/// Why a file holds no events.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotEvents {
    /// It has no bytes but white space.
    #[error("empty")]
    Empty,
    /// It is a table without rows.
    #[error("a header without rows")]
    HeaderAlone,
    /// It is JSON, and holds no records.
    #[error("JSON without records")]
    NoRecords,
    /// It is text that says that nothing was found.
    #[error("text that says that there are no records")]
    SaysNone,
    /// It is the answer of an interface to a request that failed.
    #[error("an error message of an API{}", Code(.0.as_deref()))]
    ApiError(Option<String>),
    /// It is in another format, which has a name.
    #[error("{0}, not events")]
    Other(&'static str),
    /// It is in no format that is known.
    #[error("not JSON or CSV")]
    Unknown,
}

/// The code of an error, behind a colon.
struct Code<'a>(Option<&'a str>);

impl fmt::Display for Code<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.map_or(Ok(()), |code| write!(f, ": {code}"))
    }
}

/// The byte order mark of UTF-8.
pub(crate) const BOM: &[u8] = b"\xef\xbb\xbf";

/// Detects the format of a file that starts with `head`, which is the whole file if that is short.
///
/// # Errors
/// If the file holds no events.
pub fn detect(head: &[u8]) -> Result<Format, NotEvents> {
    let text = head.strip_prefix(BOM).unwrap_or(head).trim_ascii_start();
    if text.is_empty() {
        return Err(NotEvents::Empty);
    }
    if json::is_at_start(text) {
        return json::detect(text);
    }
    if let Some(name) = other_format(text) {
        return Err(NotEvents::Other(name));
    }
    if is_event_line(split_line(text).map_or(text, |(line, _)| line)) && has_event_lines(text) {
        return Ok(Format::Text);
    }
    if let Some(found) = table::detect(text) {
        return found;
    }
    if let Some(json) = behind_warnings(text) {
        return json::detect(json).map(|_| Format::Json);
    }
    if has_event_lines(text) {
        return Ok(Format::Text);
    }
    Err(if says_none(text) { NotEvents::SaysNone } else { NotEvents::Unknown })
}

/// Returns the name of a format that is not read.
fn other_format(text: &[u8]) -> Option<&'static str> {
    const MAGIC: [(&[u8], &str); 9] = [
        (b"PAR1", "Parquet"),
        (b"Obj\x01", "Avro"),
        (b"ORC", "ORC"),
        (b"%PDF", "PDF"),
        (b"\xd0\xcf\x11\xe0", "an Excel workbook (save it as CSV)"),
        (b"7z\xbc\xaf", "7-Zip (unpack it)"),
        (b"Rar!", "RAR (unpack it)"),
        (b"\xfd7zXZ", "xz (unpack it)"),
        (b"\x04\x22\x4d\x18", "LZ4 (unpack it)"),
    ];
    let is_markup = |next: &u8| next.is_ascii_alphabetic() || matches!(next, b'!' | b'?');
    if text.first() == Some(&b'<') && text.get(1).is_some_and(is_markup) {
        let start = text.get(..512).unwrap_or(text).to_ascii_lowercase();
        let is_html = memchr::memmem::find(&start, b"<html").is_some() || start.starts_with(b"<!doctype html");
        return Some(if is_html { "HTML" } else { "XML" });
    }
    MAGIC.iter().find(|(magic, _)| text.starts_with(magic)).map(|(_, name)| *name)
}

/// Returns the JSON behind a few lines that a program wrote before it.
fn behind_warnings(text: &[u8]) -> Option<&[u8]> {
    let mut rest = text;
    for _ in 0..crate::chunk::json::LINES_BEFORE {
        let (line, later) = split_line(rest)?;
        if line.contains(&b'{') {
            return None;
        }
        rest = later.trim_ascii_start();
        if json::is_at_start(rest) {
            return Some(rest);
        }
    }
    None
}

/// Returns whether most of the first lines hold JSON or pairs, and any of them mentions what event records have.
fn has_event_lines(text: &[u8]) -> bool {
    const LINES: usize = 20;
    const MARKS: [&[u8]; 6] =
        [b"EVENT_TYPE", b"EventDate", b"EventIdentifier", b"\"attributes\"", b"/event/", b"USER_ID"];
    let lines = || text.split(|byte| *byte == b'\n').filter(|line| !line.trim_ascii().is_empty()).take(LINES);
    let (count, records) = (lines().count(), lines().filter(|line| is_event_line(line)).count());
    records * 2 >= count && lines().any(|line| MARKS.iter().any(|mark| has(line, mark)))
}

/// Returns whether a line holds JSON or pairs.
fn is_event_line(line: &[u8]) -> bool {
    let line = line.trim_ascii();
    let is_json = has(line, b"{\"") && (line.ends_with(b"}") || line.ends_with(b"}]"));
    is_json || has(line, b"=\"") || has(line, b"EVENT_TYPE=")
}

fn has(line: &[u8], mark: &[u8]) -> bool {
    memchr::memmem::find(line, mark).is_some()
}

/// Returns whether a short text says that nothing was found.
fn says_none(text: &[u8]) -> bool {
    if text.len() > 200 {
        return false;
    }
    let text = String::from_utf8_lossy(text).to_lowercase();
    let mut words = text.split(|c: char| !c.is_alphanumeric());
    let is_negation = |word: &str| matches!(word, "no" | "not" | "0" | "none" | "nothing");
    let is_thing = |word: &str| {
        let thing = word.strip_suffix('s').unwrap_or(word);
        matches!(thing, "record" | "result" | "event" | "row" | "data" | "entry" | "entrie" | "item")
    };
    words.clone().any(is_negation) && words.any(is_thing)
}

/// Splits off the first line, without its line break; `None` if there is no line break.
fn split_line(text: &[u8]) -> Option<(&[u8], &[u8])> {
    let end = memchr::memchr(b'\n', text)?;
    Some((text.get(..end)?, text.get(end + 1..)?))
}

#[cfg(test)]
mod tests;
