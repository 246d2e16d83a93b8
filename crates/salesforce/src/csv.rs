//! Parses tables: CSV after RFC 4180, also with other delimiters, with a header that names the columns.

pub(crate) mod dialect;
mod rows;

use crate::chunk::Chunk;
use crate::client::Clients;
use crate::envelope::{Member, Value};
use crate::field::{self, Marks, Meaning};
use crate::fingerprint::{Fingerprint, NameHash};
use crate::json::wrapped;
use crate::normalize::{self, Normalized};
use crate::record::{Record, Scalar};
use crate::reject::{self, RejectReason};
use crate::types::{self, Suggested};
use crate::{Context, Parsed};
use dialect::Line;
pub(crate) use rows::{Fields, row_end};
use std::borrow::Cow;

/// The header of a table.
#[derive(Debug)]
pub(crate) struct Header {
    /// At most [`MAX_COLUMNS`].
    columns: Vec<Column>,
    /// How many columns the row names.
    count: usize,
    /// How many columns a row must have: those behind them are empty in the first rows, so that a row may lack them.
    needed: usize,
    delimiter: u8,
    is_in_single_quotes: bool,
    raw: Vec<u8>,
    /// The type that alone has these columns.
    event_type: Option<&'static str>,
    /// How many fields of a row may be shown: those before the first secret one.
    shown: usize,
}

/// Columns of a header that are read; values of further ones are ignored. A choice, far above the columns of log files,
/// so that a row of commas cannot fill the memory.
const MAX_COLUMNS: usize = 1_024;
/// How many of the first rows, and bytes of them, show which columns are empty. Choices: spreadsheets pad the first 16
/// rows, and leave out empty columns at the end of later ones.
const FIRST_ROWS: usize = 16;
const FIRST_BYTES: usize = 32 << 10;

#[derive(Debug)]
struct Column {
    name: String,
    /// `None` if the column is not part of what identifies a row.
    hash: Option<NameHash>,
    meaning: Meaning,
}

impl Header {
    /// Looks up the columns that a header row names. `rows` are those behind it. A `separator` that the file names goes
    /// before the delimiter that the row has.
    pub(crate) fn new(row: &[u8], separator: Option<u8>, rows: &[u8]) -> Self {
        let delimiter = separator.unwrap_or_else(|| dialect::delimiter(row));
        let column = |name: Cow<'_, [u8]>| {
            let name = String::from_utf8_lossy(name.trim_ascii()).into_owned();
            Column { hash: None, meaning: field::meaning(&name), name }
        };
        let mut columns: Vec<Column> = Fields::of(row, delimiter).take(MAX_COLUMNS).map(column).collect();
        let styles = columns.iter().fold(Marks::ALL, |styles, column| match column.meaning {
            Meaning::Field(_, marks) => styles.and(marks),
            Meaning::Dropped | Meaning::Unknown => styles,
        });
        for column in columns.iter_mut().filter(|column| field::identifies(&column.name, styles)) {
            column.hash = Some(NameHash::new(&column.name));
        }
        let count = Fields::of(row, delimiter).count();
        let is_in_single_quotes = columns.first().is_some_and(|column| {
            column.name.len() > 2 && column.name.starts_with('\'') && column.name.ends_with('\'')
        });
        let needed = needed(rows, count, delimiter);
        let short = columns.iter().filter(|column| column.name.len() <= field::LONGEST);
        let names: Vec<_> = short.map(|column| field::fold(field::plain(&column.name))).collect();
        let event_type = types::by_columns(|column| names.iter().any(|name| name == column));
        let raw = row.trim_ascii_end().to_vec();
        let shown = columns.iter().position(|column| reject::is_secret(&column.name)).unwrap_or(usize::MAX);
        Self { columns, count, needed, delimiter, is_in_single_quotes, raw, event_type, shown }
    }

    /// Returns how many fields of a row may be shown.
    pub(crate) fn shown(&self) -> usize {
        self.shown
    }

    /// Returns the fields of a row by name.
    pub(crate) fn members<'a>(&'a self, row: &'a [u8]) -> Vec<Member<'a>> {
        let names = self.columns.iter().map(|column| Cow::Borrowed(column.name.as_str()));
        names.zip(Fields::of(row, self.delimiter).map(|value| Value::Text(text(value)))).collect()
    }

    /// Returns whether the row repeats this header.
    pub(crate) fn is_written_as(&self, row: &[u8]) -> bool {
        row.len() <= self.raw.len() + 2 && row.trim_ascii_end() == self.raw
    }

    /// Returns what separates the columns.
    pub(crate) fn delimiter(&self) -> u8 {
        self.delimiter
    }
}

/// Returns how many columns a row must have: up to the last that has a value in the first rows, and at least half.
fn needed(rows: &[u8], count: usize, delimiter: u8) -> usize {
    let (mut rest, mut last) = (rows.get(..FIRST_BYTES).unwrap_or(rows), None);
    for _ in 0..FIRST_ROWS {
        let Some(length) = row_end(rest, false, delimiter) else { break };
        let (row, later) = rest.split_at_checked(length).unwrap_or((rest, &[]));
        rest = later;
        if has_open_quote(row) {
            continue;
        }
        let value = Fields::of(row, delimiter).enumerate().filter(|(_, value)| !value.is_empty()).last();
        // A row with more values than columns says nothing about the columns.
        last = last.max(value.map(|(index, _)| index + 1).filter(|last| *last <= count));
    }
    last.map_or(count, |last| last.max(count.div_ceil(2)))
}

/// Returns whether a quote is not closed, so that the row is a part of another.
fn has_open_quote(row: &[u8]) -> bool {
    memchr::memchr_iter(b'"', row).count() % 2 == 1
}

/// Parses the chunk's rows into `parsed`.
pub(crate) fn read(chunk: &Chunk, header: &Header, context: &Context, parsed: &mut Parsed) {
    let mut record = Record::new();
    let mut clients = Clients::default();
    let suggested = Suggested { columns: header.event_type, names: context.types, ..Suggested::default() };
    for (line, row) in chunk.records() {
        if row.trim_ascii().is_empty() {
            continue;
        }
        record.clear();
        let filled = fill(row, header, &mut record);
        let is_whole =
            filled.found == header.count || filled.found >= header.needed && !filled.has_more && !has_open_quote(row);
        let result = if is_whole && !header.is_in_single_quotes {
            normalize::normalize(&record, &mut clients, context, &suggested, || filled.content.value())
        } else if Line::of(row) == Line::Header {
            Err(misfit(row, filled.found, header))
        } else {
            continue;
        };
        let excerpt = || reject::csv_excerpt(row, header.shown);
        match result {
            Ok(Normalized::Mixed) => {
                wrapped::read_row(header.members(row), &excerpt, line, None, &mut clients, context, parsed)
            }
            // The record may be in a field of the row.
            Err(fault @ (RejectReason::NoEventType | RejectReason::NoTime | RejectReason::NoUser)) => {
                wrapped::read_row(header.members(row), &excerpt, line, Some(fault), &mut clients, context, parsed);
            }
            result => parsed.add(result, &record, line, excerpt),
        }
    }
}

/// Says why a row does not fit its header.
fn misfit(row: &[u8], found: usize, header: &Header) -> RejectReason {
    let expected = header.count;
    if header.is_in_single_quotes {
        RejectReason::SingleQuotes
    } else if memchr::memmem::find(row, b"\\\"").is_some() {
        RejectReason::BackslashQuotes { found, expected }
    } else if has_open_quote(row) {
        RejectReason::OpenQuote { found, expected }
    } else {
        RejectReason::FieldCount { found, expected }
    }
}

/// What a row gave.
struct Filled {
    /// The number of fields.
    found: usize,
    /// Whether a field behind the last column has a value.
    has_more: bool,
    content: Fingerprint,
}

/// Fills the record from a row.
fn fill<'a>(row: &'a [u8], header: &'a Header, record: &mut Record<'a>) -> Filled {
    let mut filled = Filled { found: 0, has_more: false, content: Fingerprint::default() };
    for value in Fields::of(row, header.delimiter) {
        if let Some(column) = header.columns.get(filled.found) {
            if let Some(hash) = column.hash {
                filled.content.add(hash, &value);
            }
            match column.meaning {
                Meaning::Dropped => {}
                Meaning::Field(field, marks) => record.set_spelled(field, marks, Scalar::Text(text(value))),
                Meaning::Unknown if value.is_empty() => {}
                Meaning::Unknown => record.set_unknown(Cow::Borrowed(&column.name), Scalar::Text(text(value))),
            }
        } else if filled.found >= header.count && !value.is_empty() {
            filled.has_more = true;
        }
        filled.found += 1;
    }
    filled
}

/// Returns a field as text, with U+FFFD for what is not UTF-8.
pub(crate) fn text(value: Cow<'_, [u8]>) -> Cow<'_, str> {
    match value {
        Cow::Borrowed(bytes) => String::from_utf8_lossy(bytes),
        Cow::Owned(bytes) => Cow::Owned(String::from_utf8_lossy(&bytes).into_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_may_lack_columns_that_are_empty_in_the_first_rows() {
        let check = |rows: &str, expect| assert_eq!(needed(rows.as_bytes(), 4, b';'), expect, "{rows}");
        check("", 4);
        check("a;b;c;d\n", 4);
        check("a;b;c;\na;b;;\n", 3);
        check("a;b;c\na;b;\n", 3);
        check("a\n", 2);
        check("a;b;c;d;e\na;b;c\n", 3);
    }

    #[test]
    fn columns_are_bounded_and_all_are_counted() {
        let header = Header::new("EVENT_TYPE,".repeat(5_000).as_bytes(), None, b"");
        assert_eq!((header.columns.len(), header.count), (MAX_COLUMNS, 5_001));
    }
}
