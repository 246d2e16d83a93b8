//! Finds the rows of a table, and the fields of a row.

use std::borrow::Cow;

/// Returns the length of the first row of `bytes`, including its line break; `None` if the row may continue.
///
/// A quoted text with line breaks that closes in the middle of a field was opened by mistake. Such a row ends with its
/// first line, so that the rows after it can be read.
pub(crate) fn row_end(bytes: &[u8], has_ended: bool, delimiter: u8) -> Option<usize> {
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
                Some(b'\n' | b'\r') => break,
                Some(byte) if *byte == delimiter => break,
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

/// Returns the text behind the spaces at its start.
fn without_spaces(text: &[u8]) -> &[u8] {
    let start = text.iter().position(|byte| *byte != b' ').unwrap_or(text.len());
    text.get(start..).unwrap_or_default()
}

/// Iterates over the fields of one row, without their quotes.
pub(crate) struct Fields<'a> {
    rest: Option<&'a [u8]>,
    delimiter: u8,
}

impl<'a> Fields<'a> {
    /// Splits a row, which may end with a line break.
    pub(crate) fn of(row: &'a [u8], delimiter: u8) -> Self {
        let row = row.strip_suffix(b"\n").unwrap_or(row);
        Self { rest: Some(row.strip_suffix(b"\r").unwrap_or(row)), delimiter }
    }

    /// Splits off an unquoted field, up to the next delimiter.
    fn plain(&mut self, rest: &'a [u8]) -> &'a [u8] {
        let end = memchr::memchr(self.delimiter, rest);
        self.rest = end.and_then(|end| rest.get(end + 1..));
        end.and_then(|end| rest.get(..end)).unwrap_or(rest)
    }
}

impl<'a> Iterator for Fields<'a> {
    type Item = Cow<'a, [u8]>;

    fn next(&mut self) -> Option<Cow<'a, [u8]>> {
        let rest = self.rest?;
        let quoted = match rest.first() {
            Some(b'"') => rest.get(1..)?,
            // Spaces after the delimiter, perhaps before a quote.
            Some(b' ') => {
                let field = without_spaces(rest);
                let Some(quoted) = field.strip_prefix(b"\"") else { return Some(Cow::Borrowed(self.plain(field))) };
                quoted
            }
            _ => return Some(Cow::Borrowed(self.plain(rest))),
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
        let tail = without_spaces(self.plain(quoted.get(end + 1..).unwrap_or_default()));
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
    use crate::csv::text;
    use proptest::prelude::*;

    fn fields(row: &str) -> Vec<String> {
        Fields::of(row.as_bytes(), b',').map(|field| text(field).into_owned()).collect()
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
    fn spaces_around_quotes_are_no_part_of_a_field() {
        assert_eq!(fields("\"a\", \"b, c\",  d, ,\"e\" ,f\n"), ["a", "b, c", "d", "", "e", "f"]);
    }

    #[test]
    fn rows_end_outside_quotes() {
        let check =
            |bytes: &str, has_ended, expect| assert_eq!(row_end(bytes.as_bytes(), has_ended, b','), expect, "{bytes}");
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
            prop_assert_eq!(row_end(row.as_bytes(), false, b','), Some(row.len()));
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
