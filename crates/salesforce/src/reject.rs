//! Records that were set aside, and why.

use model::Text;

/// A record that could not become an activity.
#[derive(Clone, Debug, PartialEq)]
pub struct Reject {
    /// Line of the file on which the record starts, from 1.
    pub line: u64,
    pub reason: RejectReason,
    /// The start of the record, at most 200 characters, without keys of sessions and the like.
    pub excerpt: String,
}

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RejectReason {
    #[error("no event type: neither attributes.type, channel nor EVENT_TYPE")]
    NoEventType,
    #[error("not an event: the record is of type {0}")]
    NotAnEvent(Text),
    #[error("no time: none of EventDate, TIMESTAMP_DERIVED and TIMESTAMP is there")]
    NoTime,
    #[error("no time: {field} is not a time: {value:?}")]
    BadTime { field: &'static str, value: Text },
    #[error("no user: neither UserId nor Username")]
    NoUser,
    #[error("no org: give --org")]
    NoOrg,
    #[error("the id of the {0} has more than {most} bytes", most = model::id::MAX_BYTES)]
    LongId(&'static str),
    #[error("not a JSON object: {0}")]
    Json(String),
    #[error("not valid UTF-8")]
    NotUtf8,
    #[error("{found} fields, but the header has {expected}")]
    FieldCount { found: usize, expected: usize },
    #[error("longer than {} MiB", crate::MAX_RECORD >> 20)]
    TooLong,
    /// Not the record alone: nothing after it can be read.
    #[error("the file breaks off: {0}")]
    BreaksOff(String),
}

const EXCERPT: usize = 200;
/// Names, in lower case and without underscores, whose values are not shown.
const SECRET: [&str; 8] =
    ["sessionkey", "loginkey", "token", "secret", "password", "sessionid", "authorization", "cookie"];

/// The start of a JSON record with the values of [`SECRET`] names masked.
pub(crate) fn excerpt(record: &[u8]) -> String {
    let mut masked = String::new();
    let mut secret = false;
    // Odd parts are inside quotes; an escaped quote ends one early, which only masks more.
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

/// The first four fields of a log-file row: type, time, request and org come before any key.
pub(crate) fn csv_excerpt(row: &[u8]) -> String {
    let text = one_line(row, EXCERPT);
    let end = text.match_indices(',').nth(3).map_or(text.len(), |(end, _)| end);
    text.get(..end).unwrap_or_default().chars().take(EXCERPT).collect()
}

fn one_line(record: &[u8], limit: usize) -> String {
    let head = record.get(..limit).unwrap_or(record);
    String::from_utf8_lossy(head).chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn excerpts_hide_keys_of_sessions() {
        let shown = excerpt(br#"{"UserId":"005","SessionKey":"abc","LOGIN_KEY" : "def","ACCESS_TOKEN":"x\"y"}"#);
        assert_eq!(shown, r#"{"UserId":"005","SessionKey":"…","LOGIN_KEY" : "…","ACCESS_TOKEN":"…"y"}"#);
        assert_eq!(excerpt(&[b'x'; 5000]).chars().count(), 200);
        assert_eq!(csv_excerpt("é,é,é,é,secret".as_bytes()), "é,é,é,é");
        assert_eq!(csv_excerpt(b"\"API\",\"2024\",\"r\",\"o\",\"u\",\"s3cret\""), "\"API\",\"2024\",\"r\",\"o\"");
    }
}
