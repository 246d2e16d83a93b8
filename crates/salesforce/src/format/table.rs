//! Looks at the beginning of tables.

use super::{Format, NotEvents};
use crate::csv::dialect::{self, Line};
use crate::csv::{Fields, row_end};

/// Returns whether `text` is a table: a header of names, and rows that have as many fields. `None` if it is none.
///
/// A header that has the type or time of events is enough. Otherwise a table of two or three columns needs a name that
/// exports of events have, since prose may have as many commas in each line.
pub(super) fn detect(text: &[u8]) -> Option<Result<Format, NotEvents>> {
    let (header, delimiter, rows) = header(text)?;
    let names: Vec<Vec<u8>> =
        Fields::of(header, delimiter).take(MAX_NAMES).map(|name| unquoted(&name).to_vec()).collect();
    let folded: Vec<Vec<u8>> = names.iter().map(|name| fold(name)).collect();
    let has =
        |words: &[&[u8]]| folded.iter().any(|name| words.iter().any(|word| memchr::memmem::find(name, word).is_some()));
    let count = names.len();
    if count == 1 {
        let is_known = folded.first().is_some_and(|name| COLUMNS_OF_RECORDS.contains(&name.as_slice()));
        return (is_known && rows.iter().any(|byte| matches!(byte, b'{' | b'='))).then_some(Ok(Format::Csv));
    }
    // A longer header may go on behind what is looked at.
    let is_empty = rows.trim_ascii().is_empty() && header.len() < LONGEST_HEADER;
    if has(&EVENT) && !header.contains(&b'=') {
        return Some(if is_empty { Err(NotEvents::HeaderAlone) } else { Ok(Format::Csv) });
    }
    // Markdown has a delimiter before the first name, too.
    let is_markdown = delimiter == b'|' && names.first().is_some_and(Vec::is_empty);
    let are_names = names.iter().all(|name| name.is_empty() || is_name(name)) && !names.iter().all(Vec::is_empty);
    if is_markdown || !are_names {
        return None;
    }
    let holds_records = folded.iter().any(|name| COLUMNS_OF_RECORDS.contains(&name.as_slice()));
    let first = rows.get(..ROWS * 1_024).unwrap_or(rows);
    let holds_json = [&b"{\""[..], b"{\"\""].iter().any(|mark| memchr::memmem::find(first, mark).is_some());
    let is_known = has(&KNOWN) || holds_records || holds_json;
    if is_empty {
        return is_known.then_some(Err(NotEvents::HeaderAlone));
    }
    (is_consistent(rows, count, delimiter) && (count > FEW || is_known)).then_some(Ok(Format::Csv))
}

/// Parts of names of which one is in each event log file and stored event.
const EVENT: [&[u8]; 2] = [b"eventtype", b"eventdate"];
/// Parts of names that other exports of events have.
const KNOWN: [&[u8]; 7] = [b"event", b"user", b"date", b"time", b"raw", b"message", b"payload"];
/// Names of single columns that hold whole records.
const COLUMNS_OF_RECORDS: [&[u8]; 9] =
    [b"raw", b"message", b"record", b"event", b"data", b"payload", b"value", b"body", b"airbytedata"];
/// Columns up to which a name must be one of these. A choice.
const FEW: usize = 3;
/// Columns of the header that are looked at. A choice.
const MAX_NAMES: usize = 1_024;
/// Bytes of a header that is believed to have no rows. A choice.
const LONGEST_HEADER: usize = 64 << 10;
/// Rows that are compared with the header. A choice.
const ROWS: usize = 20;

/// Returns the header, its delimiter, and the rows.
fn header(text: &[u8]) -> Option<(&[u8], u8, &[u8])> {
    let (mut rest, mut separator) = (text, None);
    loop {
        let length = row_end(rest, true, b',')?;
        let (row, later) = rest.split_at_checked(length)?;
        match Line::of(row) {
            Line::PassedOver => {}
            Line::Separator(delimiter) => separator = Some(delimiter),
            Line::Header => return Some((row, separator.unwrap_or_else(|| dialect::delimiter(row)), later)),
        }
        rest = later;
    }
}

/// Returns whether two thirds of the first rows have as many fields as the header, or only lack some at the end.
fn is_consistent(rows: &[u8], count: usize, delimiter: u8) -> bool {
    let (mut rest, mut seen, mut fitting) = (rows, 0, 0);
    while seen < ROWS
        && let Some(length) = row_end(rest, true, delimiter)
        && let Some((row, later)) = rest.split_at_checked(length)
    {
        rest = later;
        let is_cut = later.is_empty() && seen > 0 && !row.ends_with(b"\n");
        if row.trim_ascii().is_empty() || is_cut {
            continue;
        }
        let found = Fields::of(row, delimiter).count();
        seen += 1;
        fitting += usize::from(found == count || found == count + 1);
    }
    seen > 0 && fitting * 3 >= seen * 2
}

/// Returns whether this could be the name of a column.
fn is_name(name: &[u8]) -> bool {
    const LONGEST: usize = 80;
    const MOST_WORDS: usize = 6;
    let is_part = |byte: &u8| byte.is_ascii_alphanumeric() || *byte >= 0x80 || b" _.-[]()/:#@%&,'?".contains(byte);
    let is_start = |byte: &u8| byte.is_ascii_alphabetic() || *byte >= 0x80 || b"_@#[".contains(byte);
    name.len() <= LONGEST
        && name.first().is_some_and(is_start)
        && name.iter().all(is_part)
        && name.split(|byte| *byte == b' ').count() <= MOST_WORDS
}

/// Returns a name without spaces and single quotes around it.
fn unquoted(name: &[u8]) -> &[u8] {
    let name = name.trim_ascii();
    name.strip_prefix(b"'").and_then(|name| name.strip_suffix(b"'")).unwrap_or(name)
}

/// Returns a name in lower case, letters and digits alone.
fn fold(name: &[u8]) -> Vec<u8> {
    name.iter().filter(|byte| byte.is_ascii_alphanumeric()).map(u8::to_ascii_lowercase).collect()
}
