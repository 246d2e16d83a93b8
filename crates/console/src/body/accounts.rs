//! Orgs and accounts.

use super::{Eyes, time};
use model::{OrgId, UserId, Uuid};
use serde::Serialize;
use store::{AccountRow, OrgRow, TimelineRow};
use utoipa::ToSchema;

/// An org that the session sees.
#[derive(Serialize, ToSchema)]
pub(crate) struct Org {
    /// Salesforce id of the org.
    pub(crate) org_id: String,
    /// The role of the session in it.
    pub(crate) role: String,
    /// Event time up to which its hours are closed; null while none is.
    #[schema(format = DateTime)]
    pub(crate) closed_until: Option<String>,
    /// How many of its incidents are open or acknowledged.
    #[schema(minimum = 0)]
    pub(crate) open_incidents: u64,
}

impl Org {
    pub(crate) fn of(row: &OrgRow, eyes: Eyes<'_>) -> Self {
        Self {
            org_id: row.org_id.to_string(),
            role: eyes.session.role_in(&row.org_id).map_or("", store::Role::as_str).to_owned(),
            closed_until: row.clock.map(time),
            open_incidents: row.open_incidents,
        }
    }
}

/// The risk of an account.
#[derive(Serialize, ToSchema)]
pub(crate) struct Account {
    /// Salesforce id of the org.
    pub(crate) org_id: String,
    /// Salesforce id of the account.
    pub(crate) user_id: String,
    /// Its username, or a pseudonym; null where it is not known.
    pub(crate) username: Option<String>,
    /// normal, power, admin, integration or guest.
    pub(crate) user_class: String,
    /// The risk over its incidents, 0 to 100.
    #[schema(minimum = 0, maximum = 100)]
    pub(crate) risk_score: f64,
    /// How many incidents the risk is computed from.
    #[schema(minimum = 0)]
    pub(crate) incidents: u64,
    /// Event time of the latest event in any of its findings.
    #[schema(format = DateTime)]
    pub(crate) last_event_at: Option<String>,
}

impl Account {
    pub(crate) fn of(row: &AccountRow, eyes: Eyes<'_>) -> Self {
        Self {
            org_id: row.org_id.to_string(),
            user_id: row.user_id.to_string(),
            username: eyes.name(&row.org_id, &row.user_id, row.username.as_deref()),
            user_class: row.user_class.clone(),
            risk_score: row.risk_score.to_f64(),
            incidents: row.incidents,
            last_event_at: row.last_event_at.map(time),
        }
    }
}

/// A finding in the timeline of an account.
#[derive(Serialize, ToSchema)]
pub(crate) struct TimelineItem {
    /// Event time at which it was observed.
    #[schema(format = DateTime)]
    pub(crate) at: String,
    /// Id of the finding.
    #[schema(format = Uuid)]
    pub(crate) finding_id: String,
    /// The incident that it belongs to.
    #[schema(format = Uuid)]
    pub(crate) incident_id: Option<String>,
    /// Name of the detector.
    pub(crate) detector: String,
    /// low, medium, high or critical.
    pub(crate) severity: String,
    /// 0 to 10.
    #[schema(minimum = 0, maximum = 10)]
    pub(crate) score: f64,
    /// What happened, in a sentence.
    pub(crate) summary: String,
    /// Whether it was withdrawn, because a late event explains it.
    pub(crate) withdrawn: bool,
    /// The decision because of which it counts for nothing.
    #[schema(format = Uuid)]
    pub(crate) hidden_by: Option<String>,
}

impl TimelineItem {
    pub(crate) fn of(
        row: &TimelineRow,
        (org, user, username): (&OrgId, &UserId, Option<&str>),
        eyes: Eyes<'_>,
    ) -> Self {
        Self {
            at: time(row.at),
            finding_id: row.finding_id.to_string(),
            incident_id: row.incident_id.as_ref().map(Uuid::to_string),
            detector: row.detector.clone(),
            severity: row.severity.as_str().to_owned(),
            score: row.score,
            summary: eyes.text(org, user, username, &row.summary),
            withdrawn: row.withdrawn,
            hidden_by: row.hidden_by.as_ref().map(Uuid::to_string),
        }
    }
}
