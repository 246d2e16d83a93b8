//! Rejected records and the reasons.

use model::{Text, Timestamp};
use std::borrow::Cow;

/// A record that could not be read.
#[derive(Clone, Debug, PartialEq)]
pub struct Reject {
    /// Line of the file on which the record starts, from 1.
    pub line: u64,
    /// Why it was rejected.
    pub reason: RejectReason,
    /// The start of the record, at most 200 characters, with session keys and other secrets masked.
    pub excerpt: String,
}

/// Why a record was rejected.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RejectReason {
    /// No field names the type of event.
    #[error(
        "no event type: neither the record nor its envelope, the file's name or the columns say it; give it with --type"
    )]
    NoEventType,
    /// The record is of a type that is not an event.
    #[error("not an event: the record is of type {0}")]
    NotAnEvent(Text),
    /// No field holds the event time.
    #[error("no time: EventDate, TIMESTAMP_DERIVED and TIMESTAMP are missing")]
    NoTime,
    /// The event time cannot be parsed.
    #[error("no time: {field} is not a time: {value:?}")]
    BadTime {
        /// The field.
        field: &'static str,
        /// Its value.
        value: Text,
    },
    /// The event time is a date without a time of day.
    #[error("no time: {field} is a date without a time of day: {value:?}")]
    DateOnly {
        /// The field.
        field: &'static str,
        /// Its value.
        value: Text,
    },
    /// The event time is one at which Salesforce had no such events.
    #[error("no believable time: {field} is not between the years 2000 and 9999: {value:?}")]
    ImplausibleTime {
        /// The field.
        field: &'static str,
        /// Its value.
        value: Text,
    },
    /// The event is dated after its receipt.
    #[error("no believable time: more than 5 minutes after it was received: {0}")]
    FutureTime(Timestamp),
    /// No field names the account.
    #[error("no user: UserId and Username are missing")]
    NoUser,
    /// The record names no org, and [`crate::Context`] has none.
    #[error("no org in the record: pass --org")]
    NoOrg,
    /// The id of the org or user is longer than [`model::id::MAX_BYTES`].
    #[error("the id of the {0} has more than {most} bytes", most = model::id::MAX_BYTES)]
    LongId(&'static str),
    /// The record is not a valid JSON object.
    #[error("not a JSON object: {0}")]
    Json(String),
    /// The record is not valid UTF-8.
    #[error("not valid UTF-8")]
    NotUtf8,
    /// A row has more or fewer fields than its header.
    #[error("{found} fields, but the header has {expected}")]
    FieldCount {
        /// Fields of the row.
        found: usize,
        /// Fields of the header.
        expected: usize,
    },
    /// A row does not fit its header, and has quotes behind backslashes.
    #[error(
        "{found} fields, but the header has {expected}: quotes within a field must be doubled, not behind a backslash"
    )]
    BackslashQuotes {
        /// Fields of the row.
        found: usize,
        /// Fields of the header.
        expected: usize,
    },
    /// A row does not fit its header, and has a quote that is not closed.
    #[error(
        "{found} fields, but the header has {expected}: a quote is not closed, or one within a field is not doubled"
    )]
    OpenQuote {
        /// Fields of the row.
        found: usize,
        /// Fields of the header.
        expected: usize,
    },
    /// The table is quoted with single quotes.
    #[error("the table is quoted with ' instead of \"")]
    SingleQuotes,
    /// The record is longer than [`crate::MAX_RECORD`].
    #[error("longer than {} MiB", crate::MAX_RECORD >> 20)]
    TooLong,
    /// The envelopes of a record are nested too deeply.
    #[error("more than {} envelopes around the record", crate::MAX_ENVELOPES)]
    TooDeep,
    /// An event has more members than any.
    #[error("more than {} members in one event", crate::MAX_MEMBERS)]
    TooManyMembers,
    /// A line or object holds more records than are read of one.
    #[error("more than {} records in one: the rest is not read", crate::MAX_WITHIN)]
    TooManyWithin,
    /// The input failed at this record, so nothing after it can be read either.
    #[error("cannot read the rest of the file: {0}")]
    BreaksOff(String),
}

impl RejectReason {
    /// Returns the reason without the values of the record: the same for all records with the same fault.
    pub fn fault(&self) -> Cow<'static, str> {
        Cow::Borrowed(match self {
            Self::BadTime { field, .. } => return Cow::Owned(format!("no time: {field} is not a time")),
            Self::DateOnly { field, .. } => {
                return Cow::Owned(format!("no time: {field} is a date without a time of day"));
            }
            Self::ImplausibleTime { field, .. } => {
                return Cow::Owned(format!("no believable time: {field} is not between the years 2000 and 9999"));
            }
            Self::FutureTime(_) => "no believable time: more than 5 minutes after it was received",
            Self::Json(what) => {
                let what = what.split(" at line ").next().unwrap_or_default();
                return Cow::Owned(format!("not a JSON object: {what}"));
            }
            Self::FieldCount { .. } => "more or fewer fields than the header",
            Self::OpenQuote { .. } => {
                "more or fewer fields than the header: a quote is not closed, or one within a field is not doubled"
            }
            Self::BackslashQuotes { .. } => {
                "more or fewer fields than the header: quotes within a field must be doubled, not behind a backslash"
            }
            other => return Cow::Owned(other.to_string()),
        })
    }
}

/// Longest excerpt, in characters.
const EXCERPT: usize = 200;
/// Values of fields are masked if the name contains one of these, in lower case and without underscores.
const SECRET: [&str; 8] =
    ["sessionkey", "loginkey", "token", "secret", "password", "sessionid", "authorization", "cookie"];

/// Returns the start of a record, with the values of [`SECRET`] fields masked.
pub(crate) fn excerpt(record: &[u8]) -> String {
    masked(&one_line(record, 4 * EXCERPT)).chars().take(EXCERPT).collect()
}

/// Returns whether a name is that of a secret.
pub(crate) fn is_secret(name: &str) -> bool {
    let name: String = name.chars().filter(char::is_ascii_alphanumeric).map(|c| c.to_ascii_lowercase()).collect();
    SECRET.iter().any(|secret| name.contains(secret))
}

/// Returns the first four fields of a row, and at most `shown`. A field that holds a record is masked like one.
pub(crate) fn csv_excerpt(row: &[u8], shown: usize) -> String {
    let Some(last) = shown.min(4).checked_sub(1) else { return "…".to_owned() };
    let ends = row.iter().enumerate().filter(|(_, byte)| matches!(byte, b',' | b';' | b'\t' | b'|'));
    let end = ends.map(|(at, _)| at).nth(last).unwrap_or(EXCERPT);
    masked(&one_line(row, end.min(EXCERPT))).chars().take(EXCERPT).collect()
}

/// Masks the value behind each name that contains one of [`SECRET`]: in JSON, in JSON within a text, and in pairs.
fn masked(text: &str) -> String {
    let is_word = |c: char| c.is_alphanumeric() || matches!(c, '_' | '-');
    let (mut masked, mut rest) = (String::new(), text);
    while let Some(start) = rest.find(is_word) {
        let (before, word_on) = rest.split_at(start);
        let (word, after) = word_on.split_at(word_on.find(|c| !is_word(c)).unwrap_or(word_on.len()));
        masked.push_str(before);
        masked.push_str(word);
        rest = after;
        if !is_secret(word) {
            continue;
        }
        // Between name and value stand quotes, and a colon or an equals sign.
        let between = after.find(|c: char| !matches!(c, '"' | '\'' | '\\' | ':' | '=' | ' ')).unwrap_or(after.len());
        let (sign, value_on) = after.split_at(between);
        if sign.contains([':', '=']) {
            let (value, behind) = value_on.split_at(value_end(sign, value_on));
            masked.push_str(sign);
            masked.push_str(if value.is_empty() { "" } else { "…" });
            rest = behind;
        }
    }
    masked + rest
}

/// Returns where a value ends that begins behind `sign`.
fn value_end(sign: &str, value: &str) -> usize {
    let end = if sign.ends_with("\\\"") {
        value.find(['\\', '"'])
    } else if sign.ends_with(['"', '\'']) {
        let mut is_escaped = false;
        value.find(|c| {
            let ends = !is_escaped && matches!(c, '"' | '\'');
            is_escaped = c == '\\' && !is_escaped;
            ends
        })
    } else {
        value.find(|c: char| c.is_whitespace() || matches!(c, ',' | ';' | '}' | ']' | '&'))
    };
    end.unwrap_or(value.len())
}

/// Returns the first `limit` bytes as one line of text.
fn one_line(record: &[u8], limit: usize) -> String {
    let head = record.get(..limit).unwrap_or(record);
    String::from_utf8_lossy(head).chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn excerpts_mask_session_keys() {
        let check = |text: &str, expect: &str| assert_eq!(excerpt(text.as_bytes()), expect);
        check(
            r#"{"UserId":"005","SessionKey":"abc","LOGIN_KEY" : "def","ACCESS_TOKEN":"x\"y","n":1}"#,
            r#"{"UserId":"005","SessionKey":"…","LOGIN_KEY" : "…","ACCESS_TOKEN":"…","n":1}"#,
        );
        check(r#"{"m":"{\"SessionKey\":\"abc\",\"a\":1}"}"#, r#"{"m":"{\"SessionKey\":\"…\",\"a\":1}"}"#);
        check(r#"t, SESSION_KEY="abc", LOGIN_KEY=def, X="y""#, r#"t, SESSION_KEY="…", LOGIN_KEY=…, X="y""#);
        check(r#""{""SessionKey"":""abc""}",1"#, r#""{""SessionKey"":""…""}",1"#);
        check("a token of none, and the secret", "a token of none, and the secret");
        check(r#"{"SessionKey":null,"Cookie":"#, r#"{"SessionKey":…,"Cookie":"#);
        assert_eq!(excerpt(&[b'x'; 5000]).chars().count(), 200);
        assert_eq!(csv_excerpt("é,é,é,é,secret".as_bytes(), 9), "é,é,é,é");
        assert_eq!(csv_excerpt(b"\"API\",\"2024\",\"r\",\"o\",\"u\",\"s3cret\"", 9), "\"API\",\"2024\",\"r\",\"o\"");
        assert_eq!(csv_excerpt(b"API;2024;r;o;u;s3cret", 9), "API;2024;r;o");
        assert_eq!((csv_excerpt(b"API,s3cret,x", 1), csv_excerpt(b"s3cret,x", 0)), ("API".into(), "…".into()));
    }
}
