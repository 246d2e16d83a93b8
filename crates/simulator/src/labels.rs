//! What a perfect detector would find, and what it would keep quiet about.

use chrono::{DateTime, SecondsFormat, Utc};
use serde::{Deserialize, Serialize};

/// The truth about a simulated org.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Labels {
    pub org_id: String,
    /// Attacks, by time.
    pub labels: Vec<Label>,
    /// Harmless things that look unusual, by time.
    pub confounders: Vec<Confounder>,
}

/// One attack. Its events are those of `user_id` that are not ordinary, all between `from` and `to`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Label {
    pub label_id: String,
    /// One of [`crate::families`].
    pub family: String,
    /// The account whose behavior changes, 18 characters.
    pub user_id: String,
    pub username: String,
    /// The first malicious event, RFC 3339 in UTC with milliseconds.
    pub from: String,
    /// The last malicious event.
    pub to: String,
    pub note: String,
}

/// One harmless oddity. No label ever describes the same thing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Confounder {
    /// One of [`crate::confounder_kinds`].
    pub kind: String,
    /// Empty, like `username`, when a whole team or the whole org is concerned.
    pub user_id: String,
    pub username: String,
    pub from: String,
    pub to: String,
}

/// RFC 3339 text of milliseconds since 1970.
pub(crate) fn rfc3339(at: i64) -> String {
    DateTime::<Utc>::from_timestamp_millis(at).unwrap_or_default().to_rfc3339_opts(SecondsFormat::Millis, true)
}
