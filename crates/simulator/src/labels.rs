//! Labels: the ground truth about attacks and confounders.

use std::collections::BTreeMap;

use chrono::{DateTime, SecondsFormat, Utc};
use serde::{Deserialize, Serialize};

/// The ground truth about a simulated org.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Labels {
    /// The org's id, 18 characters.
    pub org_id: String,
    /// Attacks, by time.
    pub labels: Vec<Label>,
    /// Harmless behavior that looks unusual, by time.
    pub confounders: Vec<Confounder>,
    /// How each account behaves, by its id: `normal`, `power`, `admin`, `integration` or `guest`.
    pub classes: BTreeMap<String, String>,
}

/// One attack. Its events are those events of `user_id` from `from` to `to` that are not ordinary.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Label {
    /// Family and number: `leaver-007`.
    pub label_id: String,
    /// One of [`crate::families`].
    pub family: String,
    /// The account that is misused, 18 characters.
    pub user_id: String,
    /// The account's username.
    pub username: String,
    /// Time of the first malicious event, in RFC 3339 in UTC with milliseconds.
    pub from: String,
    /// Time of the last malicious event.
    pub to: String,
    /// What happens, in a sentence.
    pub note: String,
}

/// Harmless behavior that looks unusual. No label covers the same events.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Confounder {
    /// One of [`crate::confounder_kinds`].
    pub kind: String,
    /// The account, 18 characters. Empty if it concerns a team or the whole org.
    pub user_id: String,
    /// The account's username. Empty if it concerns a team or the whole org.
    pub username: String,
    /// Start of its first day, in RFC 3339.
    pub from: String,
    /// End of its last day, in RFC 3339.
    pub to: String,
}

/// Formats milliseconds since 1970 in RFC 3339.
pub(crate) fn rfc3339(at: i64) -> String {
    DateTime::<Utc>::from_timestamp_millis(at).unwrap_or_default().to_rfc3339_opts(SecondsFormat::Millis, true)
}
