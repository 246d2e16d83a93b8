//! Dialects of tables: what may stand before the header, and what separates the columns.

/// A line before the header, or the header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Line {
    /// A blank line or a comment, which is passed over.
    PassedOver,
    /// `sep=;`, by which spreadsheets name the delimiter.
    Separator(u8),
    /// Anything else.
    Header,
}

/// What separates columns, in the order of preference.
const DELIMITERS: [u8; 4] = [b',', b';', b'\t', b'|'];

impl Line {
    pub(crate) fn of(row: &[u8]) -> Self {
        let row = row.trim_ascii_start();
        if row.is_empty() || row.starts_with(b"#") {
            return Self::PassedOver;
        }
        let text = row.strip_prefix(b"\"").unwrap_or(row);
        let is_separator = text.get(..4).is_some_and(|name| name.eq_ignore_ascii_case(b"sep="));
        match text.get(4) {
            Some(delimiter) if is_separator && DELIMITERS.contains(delimiter) && text.len() < 9 => {
                Self::Separator(*delimiter)
            }
            _ => Self::Header,
        }
    }
}

/// Returns the delimiter that a header has most often outside of quotes; a comma if it has none.
pub(crate) fn delimiter(header: &[u8]) -> u8 {
    let mut counts = [0_usize; DELIMITERS.len()];
    let mut in_quotes = false;
    for byte in header {
        in_quotes ^= *byte == b'"';
        let found = DELIMITERS.iter().position(|delimiter| delimiter == byte).filter(|_| !in_quotes);
        if let Some(count) = found.and_then(|found| counts.get_mut(found)) {
            *count += 1;
        }
    }
    let most = DELIMITERS.iter().zip(counts).rev().max_by_key(|(_, count)| *count);
    most.filter(|(_, count)| *count > 0).map_or(b',', |(delimiter, _)| *delimiter)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_header_decides_on_the_delimiter() {
        let check =
            |header: &str, expect: char| assert_eq!(char::from(delimiter(header.as_bytes())), expect, "{header}");
        check("a,b", ',');
        check("\"a\";\"b\";\"c,d\"", ';');
        check("a\tb|c\td", '\t');
        check("a|b", '|');
        check("a;b,c", ',');
        check("\"a;b\",\"c;d\"", ',');
        check("a", ',');
    }

    #[test]
    fn lines_before_the_header() {
        let check = |line: &str, expect| assert_eq!(Line::of(line.as_bytes()), expect, "{line}");
        check("\r\n", Line::PassedOver);
        check(" # exported today\n", Line::PassedOver);
        check("sep=;\r\n", Line::Separator(b';'));
        check("\"SEP=|\"\n", Line::Separator(b'|'));
        check("sep=\t\n", Line::Separator(b'\t'));
        check("sep=x\n", Line::Header);
        check("separator;EVENT_TYPE\n", Line::Header);
    }
}
