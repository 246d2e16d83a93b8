//! Rows that a correlation writes.

use crate::{Disposition, Status};
use model::{Incident, OrgId, Points, Severity, Text, Timestamp, UserClass, UserId};
use uuid::Uuid;

/// An incident to store.
#[derive(Clone, Debug, PartialEq)]
pub struct IncidentWrite {
    /// The incident.
    pub incident: Incident,
    /// Where it stands in its life.
    pub status: Status,
    /// The trace that opened it. A stored trace id is never replaced.
    pub trace_id: Option<String>,
    /// The incident that absorbed it; present exactly if the status is `merged`.
    pub merged_into: Option<Uuid>,
    /// Whether it has ended, and not resumed since.
    pub ended: bool,
    /// What people decided that it was.
    pub disposition: Option<Disposition>,
    /// Who works on it.
    pub assignee: Option<String>,
    /// Until when, by the wall clock, it is of no concern.
    pub snoozed_until: Option<Timestamp>,
}

/// A line of an incident's history. Its time is the database's.
#[derive(Clone, Debug, PartialEq)]
pub struct HistoryWrite {
    /// The incident.
    pub incident_id: Uuid,
    /// Its revision after the change.
    pub revision: u64,
    /// Its org.
    pub org_id: OrgId,
    /// The kind of change, as [`model::ChangeKind`] is written.
    pub change: String,
    /// Its risk score after the change.
    pub risk_score: Points,
    /// Its severity after the change.
    pub severity: Severity,
    /// The encoded incident after the change; empty for a change that is not published.
    pub message: Vec<u8>,
    /// Why it ended, as [`model::EndReason`] is written.
    pub end_reason: Option<String>,
    /// The incident that absorbed it.
    pub merged_into: Option<Uuid>,
}

/// A message to publish once the transaction is committed.
#[derive(Clone, Debug, PartialEq)]
pub struct OutboxWrite {
    /// The incident that changed.
    pub incident_id: Uuid,
    /// Its revision after the change.
    pub revision: u64,
    /// Its org.
    pub org_id: OrgId,
    /// The kind of change, as [`model::ChangeKind`] is written.
    pub change: String,
    /// The encoded incident after the change.
    pub message: Vec<u8>,
    /// W3C trace context of the correlation.
    pub traceparent: Option<String>,
    /// Why it ended, as [`model::EndReason`] is written.
    pub end_reason: Option<String>,
    /// The incident that absorbed it.
    pub merged_into: Option<Uuid>,
}

/// The present risk of an account.
#[derive(Clone, Debug, PartialEq)]
pub struct RiskWrite {
    /// The account's org.
    pub org_id: OrgId,
    /// The account.
    pub user_id: UserId,
    /// Its name, if any finding has it.
    pub username: Option<Text>,
    /// Its class.
    pub user_class: UserClass,
    /// The risk over its incidents.
    pub risk_score: Points,
    /// How many incidents the score is computed from.
    pub incidents: u32,
    /// Event time of the latest event in any of its findings.
    pub last_event_at: Option<Timestamp>,
}
