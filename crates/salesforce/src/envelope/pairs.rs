//! Reads `NAME="value"` pairs, as Salesforce's add-on for Splunk writes events.

use super::{Member, Value};
use std::borrow::Cow;

/// Fewest pairs of a text that is a list of them: sentences have an equals sign now and then. A choice.
const LEAST: usize = 4;

/// Returns the pairs of a text; `None` if it is something else. Text between pairs, such as a time at the start, is passed
/// over. A value is in quotes, with `\"` for a quote within, or ends at a comma or white space.
pub(super) fn read(text: &str) -> Option<Vec<Member<'_>>> {
    let mut pairs = Vec::new();
    let mut rest = text;
    while let Some(at) = rest.find('=') {
        let (before, after) = (rest.get(..at)?, rest.get(at + 1..)?);
        let is_name = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '.' | '-');
        let start = before.rfind(|c| !is_name(c)).map_or(0, |i| i + before.get(i..).map_or(1, first_length));
        let name = before.get(start..)?;
        let (value, tail) = match after.strip_prefix('"') {
            Some(quoted) => in_quotes(quoted)?,
            None => plain(after),
        };
        if !name.is_empty() && pairs.len() < super::MAX_MEMBERS {
            pairs.push((Cow::Borrowed(name), Value::Text(value)));
        }
        rest = tail;
    }
    (pairs.len() >= LEAST).then_some(pairs)
}

/// Returns the value in quotes, and the text behind it; `None` if the quotes are not closed.
fn in_quotes(quoted: &str) -> Option<(Cow<'_, str>, &str)> {
    let mut escaped = false;
    let mut has_escapes = false;
    for (i, byte) in quoted.bytes().enumerate() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' => (escaped, has_escapes) = (true, true),
            b'"' => {
                let value = quoted.get(..i)?;
                let value = if has_escapes { Cow::Owned(value.replace("\\\"", "\"")) } else { Cow::Borrowed(value) };
                return Some((value, quoted.get(i + 1..)?));
            }
            _ => {}
        }
    }
    None
}

fn plain(after: &str) -> (Cow<'_, str>, &str) {
    let end = after.find(|c: char| c == ',' || c.is_whitespace()).unwrap_or(after.len());
    let (value, rest) = after.split_at(end);
    (Cow::Borrowed(value), rest)
}

fn first_length(text: &str) -> usize {
    text.chars().next().map_or(1, char::len_utf8)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pairs_are_read_in_quotes_and_without() {
        let text = r#"2026-03-02T09:00:00Z, EVENT_TYPE="Login", USER_NAME="a \"b\", c", EMPTY="", ROWS=5 X=y"#;
        let members = read(text).unwrap();
        let pairs: Vec<_> = members
            .iter()
            .map(|(name, value)| match value {
                Value::Text(text) => format!("{name}:{text}"),
                Value::Json(_) => unreachable!(),
            })
            .collect();
        assert_eq!(pairs, ["EVENT_TYPE:Login", "USER_NAME:a \"b\", c", "EMPTY:", "ROWS:5", "X:y"]);
    }

    #[test]
    fn other_texts_have_no_pairs() {
        for text in ["", "a=b", "one, two", "a=\"open, b=c, d=e, f=g"] {
            assert!(read(text).is_none(), "{text}");
        }
    }
}
