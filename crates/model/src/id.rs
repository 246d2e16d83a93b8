//! Salesforce ids and derived identifiers.

use crate::{Text, Timestamp};
use serde::{Deserialize, Serialize};
use std::fmt;
use uuid::Uuid;
use xxhash_rust::xxh3::xxh3_64;

/// A Salesforce org, by its 18-character id.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct OrgId(Text);

/// An account within an org: its 18-character id, or its username in lower case where no id is known.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct UserId(Text);

impl OrgId {
    pub fn new(id: &str) -> Self {
        Self(normalize(id))
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl UserId {
    pub fn new(id: &str) -> Self {
        Self(normalize(id))
    }

    /// The account of a record that names its user and gives no id.
    pub fn from_username(username: &str) -> Self {
        Self::new(&Text::new(username).to_lowercase())
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for OrgId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Display for UserId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A 15-character Salesforce id becomes its 18-character form; all else is trimmed and kept, but for zero bytes, which
/// no database takes as text.
///
/// The last three characters say, five bits each, which of the fifteen are upper case.
pub fn normalize(id: &str) -> Text {
    let id = id.trim();
    if id.contains('\0') {
        return normalize(&id.replace('\0', ""));
    }
    let bytes = id.as_bytes();
    if bytes.len() != 15 || !bytes.iter().all(u8::is_ascii_alphanumeric) {
        return Text::new(id);
    }
    let mut full = Text::new(id);
    for chunk in bytes.chunks(5) {
        let bits = chunk.iter().enumerate().fold(0u8, |bits, (i, c)| bits | (u8::from(c.is_ascii_uppercase()) << i));
        full.push(char::from(if bits < 26 { b'A' + bits } else { b'0' + (bits - 26) }));
    }
    full
}

/// The most bytes of an id: a username has 80 characters, and a key of a database must be short.
pub const MAX_BYTES: usize = 255;

/// A stable 64-bit hash (XXH3), the same on every machine and in every version.
pub fn hash(bytes: &[u8]) -> u64 {
    xxh3_64(bytes)
}

/// Name space of every identifier that orgwatch derives (UUID version 5, RFC 9562).
const NAMESPACE: Uuid = Uuid::from_u128(0x6f72_6777_6174_6368_8000_7665_7273_696f);

/// The identity of an activity: the event's own identifier where that is a UUID, so that the streamed
/// and the stored copy are one; otherwise derived from the parts that tell it from others.
pub fn activity_id(event_identifier: &str) -> Uuid {
    match Uuid::try_parse(event_identifier) {
        Ok(id) => id,
        Err(_) => derive(&["activity", event_identifier]),
    }
}

/// The identity of a finding: one a user, detector, subject and day.
pub fn finding_id(org: &OrgId, user: &UserId, detector: &str, subject: &str, day: Timestamp) -> Uuid {
    derive(&["finding", org.as_str(), user.as_str(), detector, subject, &day.0.to_string()])
}

/// The identity of an incident: fixed by the finding that opened it.
pub fn incident_id(org: &OrgId, user: &UserId, first_finding: Uuid) -> Uuid {
    derive(&["incident", org.as_str(), user.as_str(), &first_finding.to_string()])
}

/// A UUID from its parts; no two lists of parts give the same name.
pub fn derive(parts: &[&str]) -> Uuid {
    let mut name = String::with_capacity(parts.iter().map(|part| part.len() + 4).sum());
    for part in parts {
        name.push_str(&part.len().to_string());
        name.push(':');
        name.push_str(part);
    }
    Uuid::new_v5(&NAMESPACE, name.as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn zero_bytes_are_left_out() {
        assert_eq!(normalize("0055f00000\0CyENt"), "0055f00000CyENtAAN");
        assert_eq!(normalize(" \0 "), "");
    }

    #[test]
    fn fifteen_characters_become_eighteen() {
        // From Salesforce's own documentation of the algorithm, and from real rows.
        assert_eq!(normalize("0055f00000CyENt"), "0055f00000CyENtAAN");
        assert_eq!(normalize("0054x000001L78a"), "0054x000001L78aAAC");
        assert_eq!(normalize("005hn00000EmmaMAAU"), "005hn00000EmmaMAAU");
        assert_eq!(normalize(" 00Dhn0000018hrc "), normalize("00Dhn0000018hrc"));
        assert_eq!(normalize("alice@example.com"), "alice@example.com");
    }

    #[test]
    fn parts_are_told_apart() {
        assert_ne!(derive(&["ab", "c"]), derive(&["a", "bc"]));
        assert_eq!(derive(&["a"]), derive(&["a"]));
    }

    #[test]
    fn a_uuid_is_its_own_identity() {
        let text = "fde6ee7f-5058-40c7-9870-b54dc909c150";
        assert_eq!(activity_id(text).to_string(), text);
        assert_eq!(activity_id("abcdefgh-1234").get_version_num(), 5);
    }

    proptest! {
        #[test]
        fn normalizing_twice_changes_nothing(id in "[0-9A-Za-z]{15}") {
            let once = normalize(&id);
            prop_assert_eq!(once.len(), 18);
            prop_assert!(once.starts_with(&id));
            prop_assert_eq!(normalize(&once), once);
        }
    }
}
