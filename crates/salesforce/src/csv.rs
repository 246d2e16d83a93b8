//! Parses log files: CSV after RFC 4180, with a header that names the columns.

use crate::chunk::Chunk;
use crate::client::Clients;
use crate::field::{self, Meaning};
use crate::fingerprint::{Fingerprint, NameHash};
use crate::normalize;
use crate::record::{Record, Scalar};
use crate::reject::{self, RejectReason};
use crate::{Context, Parsed};
use std::borrow::Cow;

/// The header of a log file.
#[derive(Debug)]
pub(crate) struct Header {
    /// At most [`MAX_COLUMNS`].
    columns: Vec<Column>,
    /// How many columns the row names.
    count: usize,
    raw: Vec<u8>,
}

/// Columns of a header that are read; values of further ones are ignored. A choice, far above the columns of log files,
/// so that a row of commas cannot fill the memory.
const MAX_COLUMNS: usize = 1_024;

#[derive(Debug)]
struct Column {
    name: String,
    hash: NameHash,
    meaning: Meaning,
}

impl Header {
    /// Looks up the columns that a header row names.
    pub(crate) fn new(row: &[u8]) -> Self {
        let column = |name: Cow<'_, [u8]>| {
            let name = String::from_utf8_lossy(name.trim_ascii()).into_owned();
            Column { hash: NameHash::new(&name), meaning: field::meaning(&name), name }
        };
        let columns = Fields::of(row).take(MAX_COLUMNS).map(column).collect();
        Self { columns, count: Fields::of(row).count(), raw: row.trim_ascii_end().to_vec() }
    }

    /// Returns whether the row repeats this header.
    pub(crate) fn is_written_as(&self, row: &[u8]) -> bool {
        row.len() <= self.raw.len() + 2 && row.trim_ascii_end() == self.raw
    }
}

/// Parses the chunk's rows into `parsed`.
pub(crate) fn read(chunk: &Chunk, header: &Header, context: &Context, parsed: &mut Parsed) {
    let mut record = Record::new();
    let mut clients = Clients::default();
    for (line, row) in chunk.records() {
        if row.trim_ascii().is_empty() {
            continue;
        }
        record.clear();
        let (found, content) = fill(row, header, &mut record);
        let expected = header.count;
        let result = if found == expected {
            normalize::normalize(&record, &mut clients, context, || content.value())
        } else {
            Err(RejectReason::FieldCount { found, expected })
        };
        parsed.add(result, line, || reject::csv_excerpt(row));
    }
}

/// Fills the record from a row. Returns the number of fields and the fingerprint of the content.
fn fill<'a>(row: &'a [u8], header: &'a Header, record: &mut Record<'a>) -> (usize, Fingerprint) {
    let mut found = 0;
    let mut content = Fingerprint::default();
    for value in Fields::of(row) {
        if let Some(column) = header.columns.get(found) {
            content.add(column.hash, &value);
            match column.meaning {
                Meaning::Dropped => {}
                Meaning::Field(field) => record.set(field, Scalar::Text(text(value))),
                Meaning::Unknown if value.is_empty() => {}
                Meaning::Unknown => record.set_unknown(Cow::Borrowed(&column.name), Scalar::Text(text(value))),
            }
        }
        found += 1;
    }
    (found, content)
}

fn text(value: Cow<'_, [u8]>) -> Cow<'_, str> {
    match value {
        Cow::Borrowed(bytes) => String::from_utf8_lossy(bytes),
        Cow::Owned(bytes) => Cow::Owned(String::from_utf8_lossy(&bytes).into_owned()),
    }
}

/// Returns the length of the first row of `bytes`, including its line break; `None` if the row may continue.
///
/// A quoted text with line breaks that closes in the middle of a field was opened by mistake. Such a row ends with its
/// first line, so that the rows after it can be read.
pub(crate) fn row_end(bytes: &[u8], has_ended: bool) -> Option<usize> {
    let mut at = 0;
    loop {
        // Outside quotes.
        let rest = bytes.get(at..)?;
        let Some(found) = memchr::memchr2(b'"', b'\n', rest) else {
            return (has_ended && !bytes.is_empty()).then_some(bytes.len());
        };
        at += found + 1;
        if rest.get(found) == Some(&b'\n') {
            return Some(at);
        }
        // Inside quotes.
        let opened = at;
        loop {
            let Some(found) = memchr::memchr(b'"', bytes.get(at..)?) else {
                return has_ended.then(|| line_end(bytes, opened));
            };
            at += found + 1;
            match bytes.get(at) {
                Some(b'"') => at += 1,
                Some(b',' | b'\n' | b'\r') => break,
                None if has_ended => return Some(bytes.len()),
                None => return None,
                Some(_) if memchr::memchr(b'\n', bytes.get(opened..at)?).is_some() => {
                    return Some(line_end(bytes, opened));
                }
                Some(_) => break,
            }
        }
    }
}

/// Returns the end of the line that contains `from`, including its line break.
fn line_end(bytes: &[u8], from: usize) -> usize {
    memchr::memchr(b'\n', bytes.get(from..).unwrap_or_default()).map_or(bytes.len(), |found| from + found + 1)
}

/// Iterates over the fields of one row, without their quotes.
pub(crate) struct Fields<'a> {
    rest: Option<&'a [u8]>,
}

impl<'a> Fields<'a> {
    /// Splits a row, which may end with a line break.
    pub(crate) fn of(row: &'a [u8]) -> Self {
        let row = row.strip_suffix(b"\n").unwrap_or(row);
        Self { rest: Some(row.strip_suffix(b"\r").unwrap_or(row)) }
    }

    /// Splits off an unquoted field, up to the next comma.
    fn plain(&mut self, rest: &'a [u8]) -> &'a [u8] {
        let end = memchr::memchr(b',', rest);
        self.rest = end.and_then(|end| rest.get(end + 1..));
        end.and_then(|end| rest.get(..end)).unwrap_or(rest)
    }
}

impl<'a> Iterator for Fields<'a> {
    type Item = Cow<'a, [u8]>;

    fn next(&mut self) -> Option<Cow<'a, [u8]>> {
        let rest = self.rest?;
        let Some(quoted) = rest.strip_prefix(b"\"") else {
            return Some(Cow::Borrowed(self.plain(rest)));
        };
        let mut at = 0;
        let mut has_quotes = false;
        let end = loop {
            let Some(found) = memchr::memchr(b'"', quoted.get(at..)?) else { break quoted.len() };
            at += found;
            if quoted.get(at + 1) != Some(&b'"') {
                break at;
            }
            has_quotes = true;
            at += 2;
        };
        let value = quoted.get(..end)?;
        // Text after the closing quote belongs to the field, as in csv-core.
        let tail = self.plain(quoted.get(end + 1..).unwrap_or_default());
        if !has_quotes && tail.is_empty() {
            return Some(Cow::Borrowed(value));
        }
        let mut owned = Vec::with_capacity(value.len() + tail.len());
        let mut pieces = value.split(|b| *b == b'"');
        owned.extend_from_slice(pieces.next().unwrap_or_default());
        // A doubled quote leaves an empty piece between its halves.
        while let (Some(_), Some(piece)) = (pieces.next(), pieces.next()) {
            owned.push(b'"');
            owned.extend_from_slice(piece);
        }
        owned.extend_from_slice(tail);
        Some(Cow::Owned(owned))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn fields(row: &str) -> Vec<String> {
        Fields::of(row.as_bytes()).map(|field| text(field).into_owned()).collect()
    }

    #[test]
    fn quoted_and_plain_fields() {
        assert_eq!(fields("\"a\",b,\"\",\n"), ["a", "b", "", ""]);
        assert_eq!(fields("\"\"\"https://x\"\"\",\"a,b\"\r\n"), ["\"https://x\"", "a,b"]);
        assert_eq!(fields("\"open"), ["open"]);
        assert_eq!(fields("\"a\"b,c"), ["ab", "c"]);
        assert_eq!(fields(""), [""]);
    }

    #[test]
    fn columns_are_bounded_and_all_are_counted() {
        let header = Header::new("EVENT_TYPE,".repeat(5_000).as_bytes());
        assert_eq!((header.columns.len(), header.count), (MAX_COLUMNS, 5_001));
    }

    #[test]
    fn rows_end_outside_quotes() {
        let check =
            |bytes: &str, has_ended, expect| assert_eq!(row_end(bytes.as_bytes(), has_ended), expect, "{bytes}");
        check("\"a\nb\",c\nd", false, Some(8));
        check("\"a\"\"\n\"\n", false, Some(7));
        check("a,b", false, None);
        check("a,b", true, Some(3));
        check("\"a\"", false, None);
        check("", true, None);
    }

    proptest! {
        /// Valid rows give the same fields here and in csv-core.
        #[test]
        fn agrees_with_csv_core(values in prop::collection::vec("[a,\"\n\ré]{0,6}", 1..6)) {
            let quoted: Vec<_> = values.iter().map(|value| format!("\"{}\"", value.replace('"', "\"\""))).collect();
            let row = format!("{}\n", quoted.join(","));
            prop_assert_eq!(row_end(row.as_bytes(), false), Some(row.len()));
            prop_assert_eq!(&fields(&row), &values);
            let (mut output, mut ends) = ([0; 256], [0; 16]);
            let (_, _, _, count) = csv_core::Reader::new().read_record(row.as_bytes(), &mut output, &mut ends);
            prop_assert_eq!(count, values.len());
            let starts = std::iter::once(0).chain(ends);
            let theirs: Vec<_> = starts.zip(ends).take(count).map(|(start, end)| String::from_utf8_lossy(&output[start..end]).into_owned()).collect();
            prop_assert_eq!(theirs, values);
        }
    }
}
