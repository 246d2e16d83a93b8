//! Detects the format of a file from its first bytes.

/// How the records of a file are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Format {
    /// One JSON object per line.
    JsonLines,
    /// JSON objects over many lines, arrays of them, pages of query results (`{"records":[…]}`), or a mix of these.
    Json,
    /// An event log file: CSV with a header.
    Csv,
}

/// The byte order mark of UTF-8.
pub(crate) const BOM: &[u8] = b"\xef\xbb\xbf";
/// Bytes that [`looks_like_events`] searches. A choice, far above the length of a record.
const HEAD: usize = 64 << 10;

/// Detects the format of a file that starts with `head`. Returns `None` if the file cannot hold events.
pub fn detect(head: &[u8]) -> Option<Format> {
    let text = head.strip_prefix(BOM).unwrap_or(head).trim_ascii_start();
    match text.first()? {
        b'{' => Some(if is_one_line_object(text) { Format::JsonLines } else { Format::Json }),
        b'[' => text
            .get(1..)?
            .trim_ascii_start()
            .first()
            .is_none_or(|b| matches!(b, b'{' | b']' | b'['))
            .then_some(Format::Json),
        _ => {
            let header = text.split(|b| *b == b'\n').next()?;
            let upper = header.to_ascii_uppercase();
            let has = |name: &[u8]| memchr::memmem::find(&upper, name).is_some();
            (header.contains(&b',') && (has(b"EVENT_TYPE") || has(b"EVENTDATE"))).then_some(Format::Csv)
        }
    }
}

/// Returns whether `head` mentions anything that event records have. A cheap test before a whole file is read.
pub fn looks_like_events(head: &[u8]) -> bool {
    let head = head.get(..HEAD).unwrap_or(head);
    ["EVENT_TYPE", "\"attributes\"", "/event/", "EventDate"]
        .iter()
        .any(|mark| memchr::memmem::find(head, mark.as_bytes()).is_some())
}

/// Returns whether the first line is a complete object that is not a page of query results.
fn is_one_line_object(text: &[u8]) -> bool {
    let line = match memchr::memchr(b'\n', text) {
        Some(end) => text.get(..end).unwrap_or(text).trim_ascii_end(),
        // The first line is longer than `head`.
        None => text,
    };
    let is_page = memchr::memmem::find(line, b"\"records\":[").is_some()
        || memchr::memmem::find(line, b"\"records\": [").is_some();
    let is_whole = line.len() < text.len() && line.len() > 1 && line.ends_with(b"}");
    let is_cut = line.len() == text.len() && line.len() > 1;
    !is_page && (is_whole || is_cut)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn formats_are_detected_from_the_first_bytes() {
        let check = |head: &[u8], expect| assert_eq!(detect(head), expect, "{}", String::from_utf8_lossy(head));
        check(b"{\"a\":1}\n{\"a\":2}\n", Some(Format::JsonLines));
        check(b"\xef\xbb\xbf{\"a\":1}\n", Some(Format::JsonLines));
        check(b"{\"a\":\"cut off he", Some(Format::JsonLines));
        check(b"{\n  \"a\": 1\n}\n", Some(Format::Json));
        check(b"{", Some(Format::Json));
        check(b"[{\"a\":1}]", Some(Format::Json));
        check(b"{\"totalSize\":1,\"done\":true,\"records\":[{}]}\n", Some(Format::Json));
        check(b"\xef\xbb\xbf\"EVENT_TYPE\",\"TIMESTAMP\"\n", Some(Format::Csv));
        check(b"EVENT_TYPE,TIMESTAMP\r\n", Some(Format::Csv));
        check(b"# notes\n", None);
        check(b"[package]\nname = 1", None);
        check(b"name,age\n", None);
        check(b"", None);
    }

    #[test]
    fn files_without_events_are_recognized() {
        assert!(looks_like_events(br#"{"attributes":{"type":"ListViewEvent"}}"#));
        assert!(looks_like_events(b"\"EVENT_TYPE\",\"TIMESTAMP\""));
        assert!(!looks_like_events(br#"{"ActiveScratchOrgs":{"Max":3}}"#));
    }
}
