//! Salesforce ids, and identifiers derived from content.

use crate::{Text, Timestamp};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fmt;
use uuid::Uuid;
use xxhash_rust::xxh3::xxh3_64;

/// A Salesforce org, identified by its 18-character id.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct OrgId(Text);

/// An account of an org, identified by its 18-character id, or by its username in lower case if no record has the id.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct UserId(Text);

impl OrgId {
    /// Creates an id in its normal form: see [`normalize`].
    pub fn new(id: &str) -> Self {
        Self(normalize(id))
    }

    /// Returns the id as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl UserId {
    /// Creates an id in its normal form: see [`normalize`].
    pub fn new(id: &str) -> Self {
        Self(normalize(id))
    }

    /// Creates the id of an account of which only the username is known.
    pub fn from_username(username: &str) -> Self {
        Self::new(&Text::new(username).to_lowercase())
    }

    /// Returns the id as text.
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

/// Converts a 15-character Salesforce id to its 18-character form. Trims all other texts.
///
/// Zero bytes are removed, since Postgres refuses them in text. The last three characters of the long form encode, five
/// bits each, which of the first fifteen are upper case (Salesforce Help, "Convert 15 Character IDs to 18 Characters").
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

/// Returns one text for each id of a configuration that is no org's (`00D` and 12 or 15 more letters and digits), and for
/// each that names the same org as another one. `key` is that of the table.
pub fn check_orgs<'a>(key: &str, orgs: impl IntoIterator<Item = &'a OrgId>) -> Vec<String> {
    let (mut errors, mut seen) = (Vec::new(), BTreeMap::new());
    for org in orgs {
        let id = org.as_str();
        let has_length = matches!(id.len(), 15 | 18);
        if !has_length || !id.starts_with("00D") || !id.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
            errors.push(format!("{key}.{id:?}: must be the id of an org: 00D and 12 or 15 more letters and digits"));
        }
        if let Some(other) = seen.insert(normalize(id), id) {
            errors.push(format!("{key}.{id}: is the same org as {other}, give it once"));
        }
    }
    errors
}

/// The longest id, in bytes. Salesforce's usernames have at most 80 characters; 255 leaves room and keeps database keys
/// short.
pub const MAX_BYTES: usize = 255;

/// Returns a 64-bit XXH3 hash. It is the same on every machine and in every version.
pub fn hash(bytes: &[u8]) -> u64 {
    xxh3_64(bytes)
}

/// Namespace of all identifiers that orgwatch derives (UUID version 5, RFC 9562, section 5.5). A
/// choice: the bytes spell "orgwatch" and "versio". It must never change.
const NAMESPACE: Uuid = Uuid::from_u128(0x6f72_6777_6174_6368_8000_7665_7273_696f);

/// Returns the id of the activity with this `EventIdentifier`.
///
/// A UUID is kept, so that the streamed and the stored copy of an event have one id. Any other text is hashed.
pub fn activity_id(event_identifier: &str) -> Uuid {
    match Uuid::try_parse(event_identifier) {
        Ok(id) => id,
        Err(_) => derive(&["activity", event_identifier]),
    }
}

/// Returns the id of a finding: one for each user, detector, subject and day.
pub fn finding_id(org: &OrgId, user: &UserId, detector: &str, subject: &str, day: Timestamp) -> Uuid {
    derive(&["finding", org.as_str(), user.as_str(), detector, subject, &day.0.to_string()])
}

/// Returns the id of the incident that `first_finding` opened.
pub fn incident_id(org: &OrgId, user: &UserId, first_finding: Uuid) -> Uuid {
    derive(&["incident", org.as_str(), user.as_str(), &first_finding.to_string()])
}

/// Derives a UUID from a list of texts.
///
/// Each part is preceded by its length, so different lists never give the same name.
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
    fn zero_bytes_are_removed() {
        assert_eq!(normalize("0055f00000\0CyENt"), "0055f00000CyENtAAN");
        assert_eq!(normalize(" \0 "), "");
    }

    #[test]
    fn fifteen_characters_become_eighteen() {
        // From Salesforce's documentation of the algorithm and from real records.
        assert_eq!(normalize("0055f00000CyENt"), "0055f00000CyENtAAN");
        assert_eq!(normalize("0054x000001L78a"), "0054x000001L78aAAC");
        assert_eq!(normalize("005hn00000EmmaMAAU"), "005hn00000EmmaMAAU");
        assert_eq!(normalize(" 00Dhn0000018hrc "), normalize("00Dhn0000018hrc"));
        assert_eq!(normalize("alice@example.com"), "alice@example.com");
    }

    #[test]
    fn different_parts_give_different_ids() {
        assert_ne!(derive(&["ab", "c"]), derive(&["a", "bc"]));
        assert_eq!(derive(&["a"]), derive(&["a"]));
    }

    #[test]
    fn a_uuid_is_kept_as_the_id() {
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
