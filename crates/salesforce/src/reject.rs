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
    #[error("no believable time: more than 5 minutes after it was read: {0}")]
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
            Self::FutureTime(_) => "no believable time: more than 5 minutes after it was read",
            Self::Json(what) => {
                let what = what.split(" at line ").next().unwrap_or_default();
                return Cow::Owned(format!("not a JSON object: {what}"));
            }
            Self::FieldCount { .. } => "more or fewer fields than the header",
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

/// Returns the start of a JSON record, with the values of [`SECRET`] fields masked.
pub(crate) fn excerpt(record: &[u8]) -> String {
    let mut masked = String::new();
    let mut secret = false;
    // Odd parts are inside quotes. An escaped quote ends a part early, which only masks more.
    for (i, part) in one_line(record, 4 * EXCERPT).split('"').enumerate() {
        if i > 0 {
            masked.push('"');
        }
        if i % 2 == 0 {
            let is_value = part.trim_start().starts_with(':');
            secret &= is_value;
            masked.push_str(part);
            continue;
        }
        if secret {
            masked.push('…');
            secret = false;
        } else {
            let name: String = part.chars().filter(|c| *c != '_').map(|c| c.to_ascii_lowercase()).collect();
            secret = SECRET.iter().any(|word| name.contains(word));
            masked.push_str(part);
        }
    }
    masked.chars().take(EXCERPT).collect()
}

/// Returns the first four fields of a row: Salesforce puts type, time, request and org before any key.
pub(crate) fn csv_excerpt(row: &[u8]) -> String {
    let ends = row.iter().enumerate().filter(|(_, byte)| matches!(byte, b',' | b';' | b'\t' | b'|'));
    let end = ends.map(|(at, _)| at).nth(3).unwrap_or(EXCERPT);
    one_line(row, end.min(EXCERPT)).chars().take(EXCERPT).collect()
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
        let shown = excerpt(br#"{"UserId":"005","SessionKey":"abc","LOGIN_KEY" : "def","ACCESS_TOKEN":"x\"y"}"#);
        assert_eq!(shown, r#"{"UserId":"005","SessionKey":"…","LOGIN_KEY" : "…","ACCESS_TOKEN":"…"y"}"#);
        assert_eq!(excerpt(&[b'x'; 5000]).chars().count(), 200);
        assert_eq!(csv_excerpt("é,é,é,é,secret".as_bytes()), "é,é,é,é");
        assert_eq!(csv_excerpt(b"\"API\",\"2024\",\"r\",\"o\",\"u\",\"s3cret\""), "\"API\",\"2024\",\"r\",\"o\"");
        assert_eq!(csv_excerpt(b"API;2024;r;o;u;s3cret"), "API;2024;r;o");
    }
}
