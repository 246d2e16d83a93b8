//! Incidents.

use super::findings::{FindingBody, ReceiptBody};
use super::stages::Stage;
use super::{Eyes, time};
use serde::Serialize;
use store::{Counted, HistoryEntry, ListedIncident, StoredFinding, StoredIncident};
use utoipa::ToSchema;

/// An incident in a list.
#[derive(Serialize, ToSchema)]
pub(crate) struct IncidentItem {
    /// Id of the incident.
    #[schema(format = Uuid)]
    pub(crate) incident_id: String,
    /// Counts its changes.
    #[schema(minimum = 0)]
    pub(crate) revision: u64,
    /// Salesforce id of the org.
    pub(crate) org_id: String,
    /// Salesforce id of the account.
    pub(crate) user_id: String,
    /// Its username, or a pseudonym for sessions that see no names; null where it is not known.
    pub(crate) username: Option<String>,
    /// normal, power, admin, integration or guest.
    pub(crate) user_class: String,
    /// low, medium, high or critical.
    pub(crate) severity: String,
    /// 0 to 100.
    #[schema(minimum = 0, maximum = 100)]
    pub(crate) risk_score: f64,
    /// open, acknowledged, resolved, merged or withdrawn.
    pub(crate) status: String,
    /// malicious, suspicious, benign or false_positive; null while nobody has decided.
    pub(crate) disposition: Option<String>,
    /// What happened, in a sentence.
    pub(crate) summary: Option<String>,
    /// The detectors of its findings.
    pub(crate) detectors: Vec<String>,
    /// Event time of its first finding.
    #[schema(format = DateTime)]
    pub(crate) first_event_at: String,
    /// Event time of its latest finding.
    #[schema(format = DateTime)]
    pub(crate) last_event_at: String,
    /// When it last changed, by the database's clock.
    #[schema(format = DateTime)]
    pub(crate) updated_at: String,
    /// Who works on it.
    pub(crate) assignee: Option<String>,
    /// Until when, by the wall clock, it is of no concern.
    #[schema(format = DateTime)]
    pub(crate) snoozed_until: Option<String>,
    /// Whether it has changed since the person of the session last looked at it; null if they never did.
    pub(crate) changed_since_look: Option<bool>,
    /// How many other incidents of the org have findings of the same detectors, at most 100.
    #[schema(minimum = 0, maximum = 100)]
    pub(crate) similar: u64,
}

impl IncidentItem {
    pub(crate) fn of(row: &ListedIncident, eyes: Eyes<'_>) -> Self {
        let ListedIncident { org_id, user_id, username, .. } = row;
        let name = username.as_deref();
        Self {
            incident_id: row.incident_id.to_string(),
            revision: row.revision,
            org_id: org_id.to_string(),
            user_id: user_id.to_string(),
            username: eyes.name(org_id, user_id, name),
            user_class: row.user_class.clone(),
            severity: row.severity.as_str().to_owned(),
            risk_score: row.risk_score.to_f64(),
            status: row.status.as_str().to_owned(),
            disposition: row.disposition.map(|disposition| disposition.as_str().to_owned()),
            summary: row.summary.as_deref().map(|text| eyes.text(org_id, user_id, name, text)),
            detectors: row.detectors.clone(),
            first_event_at: time(row.first_event_at),
            last_event_at: time(row.last_event_at),
            updated_at: time(row.updated_at),
            assignee: row.assignee.clone(),
            snoozed_until: row.snoozed_until.map(time),
            changed_since_look: row.seen_revision.map(|seen| seen < row.revision),
            similar: row.similar,
        }
    }
}

/// An incident with all that its page shows.
#[derive(Serialize, ToSchema)]
pub(crate) struct Incident {
    /// As in a list.
    #[serde(flatten)]
    pub(crate) item: IncidentItem,
    /// Whether it has ended, and not resumed since.
    pub(crate) ended: bool,
    /// The incident that absorbed it, if its status is merged.
    #[schema(format = Uuid)]
    pub(crate) merged_into: Option<String>,
    /// When it was first stored, by the database's clock.
    #[schema(format = DateTime)]
    pub(crate) opened_at: String,
    /// When it was resolved, merged or withdrawn.
    #[schema(format = DateTime)]
    pub(crate) closed_at: Option<String>,
    /// The trace that opened it.
    pub(crate) trace_id: Option<String>,
    /// The stages that it has reached, as far as they are stored: not when its activities were received, nor when its findings
    /// were. The tag does not change with them.
    pub(crate) stages: Vec<Stage>,
    /// How the risk came about: the points of its terms add up to it exactly.
    pub(crate) receipt: ReceiptBody,
    /// Its findings, in the order in which they were first observed.
    pub(crate) findings: Vec<FindingBody>,
}

impl Incident {
    /// Makes it of an incident, its place in a list, and its findings.
    pub(crate) fn of(
        stored: &StoredIncident,
        row: &ListedIncident,
        findings: Vec<StoredFinding>,
        stages: Vec<Stage>,
        eyes: Eyes<'_>,
    ) -> Self {
        let mut findings = findings;
        findings.sort_by_key(|stored| (stored.finding.observed_at, stored.finding.finding_id));
        Self {
            item: IncidentItem::of(row, eyes),
            ended: stored.ended,
            merged_into: stored.merged_into.map(|id| id.to_string()),
            opened_at: time(stored.opened_at),
            closed_at: stored.closed_at.map(time),
            trace_id: stored.trace_id.clone(),
            stages,
            receipt: ReceiptBody::of(&stored.incident, eyes),
            findings: findings.iter().map(|stored| FindingBody::of(stored, eyes)).collect(),
        }
    }
}

/// One change of an incident.
#[derive(Serialize, ToSchema)]
pub(crate) struct Change {
    /// The revision after the change.
    #[schema(minimum = 0)]
    pub(crate) revision: u64,
    /// The kind of change, such as opened, escalated or ended.
    pub(crate) change: String,
    /// The risk after the change, 0 to 100.
    pub(crate) risk_score: f64,
    /// The severity after the change.
    pub(crate) severity: String,
    /// When it was recorded, by the database's clock.
    #[schema(format = DateTime)]
    pub(crate) at: String,
    /// Why it ended, if the change is its end.
    pub(crate) end_reason: Option<String>,
    /// The incident that absorbed it.
    #[schema(format = Uuid)]
    pub(crate) merged_into: Option<String>,
}

impl From<HistoryEntry> for Change {
    fn from(entry: HistoryEntry) -> Self {
        Self {
            revision: entry.revision,
            change: entry.change,
            risk_score: entry.risk_score.to_f64(),
            severity: entry.severity.as_str().to_owned(),
            at: time(entry.at),
            end_reason: entry.end_reason,
            merged_into: entry.merged_into.map(|id| id.to_string()),
        }
    }
}

/// A value with the number of its incidents.
#[derive(Serialize, ToSchema)]
pub(crate) struct Count {
    /// The value.
    pub(crate) value: String,
    /// How many incidents have it.
    #[schema(minimum = 0)]
    pub(crate) incidents: u64,
    /// The highest risk of them, 0 to 100.
    pub(crate) highest_risk: f64,
}

impl From<Counted> for Count {
    fn from(counted: Counted) -> Self {
        let Counted { value, incidents, highest_risk } = counted;
        Self { value, incidents, highest_risk: highest_risk.to_f64() }
    }
}
