//! What another threshold of a detector would do.

use super::{Eyes, time};
use model::{OrgId, Text, Timestamp, UserId};
use risk::Effect;
use serde::Serialize;
use store::UnraisedDay;
use utoipa::ToSchema;

/// What another threshold of a detector would have done.
#[derive(Serialize, ToSchema)]
#[schema(as = TriedThreshold)]
pub(crate) struct ThresholdBody {
    /// Salesforce id of the org.
    pub(crate) org_id: String,
    /// The detector.
    pub(crate) detector: String,
    /// Start of the span that is looked at, in event time.
    #[schema(format = DateTime)]
    pub(crate) from: String,
    /// Its end.
    #[schema(format = DateTime)]
    pub(crate) to: String,
    /// The threshold now: the least calibrated surprise, −log10 p, of a finding.
    pub(crate) raise_at: f64,
    /// The threshold that is tried.
    pub(crate) least: f64,
    /// The incidents that would be gone, be there or have another risk, the highest risk first: at most 200.
    pub(crate) incidents: Vec<ChangedIncident>,
    /// How many there are.
    #[schema(minimum = 0)]
    pub(crate) incident_count: usize,
    /// How many more incidents with weaker findings were not worked out: the 200 of the highest risk are.
    #[schema(minimum = 0)]
    pub(crate) incidents_left_out: u64,
    /// The closed days that reach the threshold and have no finding of the detector, the largest surprise first: at most
    /// 200.
    pub(crate) days: Vec<UnraisedBody>,
    /// How many there are.
    #[schema(minimum = 0)]
    pub(crate) day_count: u64,
    /// How many more days would be raised and were not worked out: the 200 of the largest surprise are.
    #[schema(minimum = 0)]
    pub(crate) days_left_out: u64,
    /// The keys of a decision of kind `settings` that would adopt it.
    pub(crate) toml: String,
}

/// An incident that would be gone, be there, or have another risk.
#[derive(Serialize, ToSchema)]
pub(crate) struct ChangedIncident {
    /// The incident as it is, or would be if it is not there yet.
    #[schema(format = Uuid)]
    pub(crate) incident_id: String,
    /// Salesforce id of the account.
    pub(crate) user_id: String,
    /// Its username, or a pseudonym; null where it is not known.
    pub(crate) username: Option<String>,
    /// vanishes, falls (its severity), stays (with another risk), closes, reopens, rises, merges, or appears.
    pub(crate) becomes: String,
    /// Its risk now, 0 to 100; null if it is not there yet.
    pub(crate) risk_before: Option<f64>,
    /// Its severity now.
    pub(crate) severity_before: Option<String>,
    /// Its risk then; null if it would be gone.
    pub(crate) risk_after: Option<f64>,
    /// Its severity then.
    pub(crate) severity_after: Option<String>,
}

/// A closed day on which a detector raised nothing.
#[derive(Serialize, ToSchema)]
#[schema(as = UnraisedDay)]
pub(crate) struct UnraisedBody {
    /// Salesforce id of the account.
    pub(crate) user_id: String,
    /// Its username, or a pseudonym; null where it is not known.
    pub(crate) username: Option<String>,
    /// Start of the day in the org's time zone.
    #[schema(format = DateTime)]
    pub(crate) day: String,
    /// The largest calibrated surprise of the detector, −log10 p.
    pub(crate) surprise: f64,
}

impl ThresholdBody {
    /// Makes one without incidents and days.
    pub(crate) fn of(
        (org, detector): (&OrgId, &str),
        (from, to): (Timestamp, Timestamp),
        (raise_at, least): (f64, f64),
    ) -> Self {
        Self {
            org_id: org.to_string(),
            detector: detector.to_owned(),
            from: time(from),
            to: time(to),
            raise_at,
            least,
            incidents: Vec::new(),
            incident_count: 0,
            incidents_left_out: 0,
            days: Vec::new(),
            day_count: 0,
            days_left_out: 0,
            // With a decimal point, without which TOML has a whole number.
            toml: format!("[detect.detectors.{detector}]\nraise_at = {least:?}\n"),
        }
    }
}

impl ChangedIncident {
    pub(crate) fn of((user, name, effect): &(UserId, Option<Text>, Effect), org: &OrgId, eyes: Eyes<'_>) -> Self {
        let risk = |standing: Option<risk::Standing>| standing.map(|standing| standing.risk_score.to_f64());
        let severity =
            |standing: Option<risk::Standing>| standing.map(|standing| standing.severity.as_str().to_owned());
        Self {
            incident_id: effect.incident_id.to_string(),
            user_id: user.to_string(),
            username: eyes.name(org, user, name.as_deref()),
            becomes: effect.becomes.as_str().to_owned(),
            risk_before: risk(effect.before),
            severity_before: severity(effect.before),
            risk_after: risk(effect.after),
            severity_after: severity(effect.after),
        }
    }
}

impl UnraisedBody {
    pub(crate) fn of(day: &UnraisedDay, org: &OrgId, eyes: Eyes<'_>) -> Self {
        Self {
            user_id: day.user_id.to_string(),
            username: eyes.name(org, &day.user_id, day.username.as_deref()),
            day: time(day.day),
            surprise: day.surprise,
        }
    }
}
