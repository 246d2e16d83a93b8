//! Incidents: findings of one user merged over time, and the arithmetic of their risk score.

use crate::words::words;
use crate::{Disposition, Finding, OrgId, Severity, Text, Timestamp, UserClass, UserId};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use uuid::Uuid;

/// Findings of one user with one risk score.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Incident {
    /// Derived from the finding that opened the incident: see [`crate::id::incident_id`].
    pub incident_id: Uuid,
    /// Increases with every change of the incident. The correlator counts from 1; a backtest takes the highest revision
    /// of the findings.
    pub revision: u64,
    /// The org of the account.
    pub org_id: OrgId,
    /// The account.
    pub user_id: UserId,
    /// The account's username, where it is known.
    pub username: Option<Text>,
    /// The account's class, from its latest finding.
    pub user_class: UserClass,
    /// The severity that `risk_score` stands for.
    pub severity: Severity,
    /// The risk, 0 to 100.
    pub risk_score: Points,
    /// Event time of the first observation of its first finding.
    pub first_event_at: Timestamp,
    /// Event time of the latest revision of any of its findings.
    pub last_event_at: Timestamp,
    /// The findings, by time of first observation and then by id, without their evidence: an incident is sent at each
    /// change, and stored with its history.
    pub findings: Vec<Finding>,
    /// How `risk_score` came about.
    pub receipt: Receipt,
    /// What a person has decided that it was; `None` if nobody has, or it has grown since.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub disposition: Option<Disposition>,
}

/// Points of risk in hundredths, so that sums are exact. JSON has them on the scale of 0 to 100.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Points(pub i32);

impl Points {
    /// 100 points, the highest risk score.
    pub const MAX: Self = Self(10_000);

    /// Rounds a number of points to hundredths.
    pub fn from_f64(points: f64) -> Self {
        Self((points * 100.0).round() as i32)
    }

    /// Returns the points as a number, 100.0 for [`Points::MAX`].
    pub fn to_f64(self) -> f64 {
        f64::from(self.0) / 100.0
    }

    /// Returns the severity of a risk score: critical from 80 points, high from 60, medium from 40.
    pub fn severity(self) -> Severity {
        Severity::of_score(f64::from(self.0) / 1_000.0)
    }
}

impl std::fmt::Display for Points {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(&format!("{:.2}", self.to_f64()))
    }
}

impl Serialize for Points {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_f64(self.to_f64())
    }
}

impl<'de> Deserialize<'de> for Points {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        f64::deserialize(deserializer).map(Self::from_f64)
    }
}

/// Every term of a risk score. The points of the terms add up to `risk_score` exactly.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Receipt {
    /// The formula that was used.
    pub model: RiskModel,
    /// Hash of the settings behind the score.
    pub config_hash: Text,
    /// The incident's risk score.
    pub risk_score: Points,
    /// The terms of the score.
    pub terms: Vec<Term>,
}

/// One term of a risk score: a finding, or a modifier of what the findings add up to.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Term {
    /// What the term stands for.
    pub kind: TermKind,
    /// Name of the detector for a finding, of the modifier otherwise.
    pub name: Text,
    /// The finding, if the term is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub finding_id: Option<Uuid>,
    /// The finding's score, 0 to 10.
    pub score: f64,
    /// The detector's weight, 0 to 1.
    pub weight: f64,
    /// Factor for the finding's age when the incident last changed, 0 to 1.
    pub decay: f64,
    /// Factor below 1 if the same group of detectors has a stronger finding, 0 to 1.
    pub damping: f64,
    /// A modifier's factor on the odds; 1 for a finding.
    pub multiplier: f64,
    /// Points that the term adds. Negative if a modifier lowers the score.
    pub points: Points,
    /// Why the term is there, in a sentence for analysts.
    pub reason: String,
}

words! {
    /// Where an incident is in its life.
    Status {
        /// Nobody has dealt with it yet.
        Open = "open",
        /// Somebody is looking into it.
        Acknowledged = "acknowledged",
        /// Somebody has settled it.
        Resolved = "resolved",
        /// Another incident has its findings.
        Merged = "merged",
        /// All its findings were withdrawn: later events explained them.
        Withdrawn = "withdrawn",
    }
}

words! {
    /// How the points of findings combine.
    RiskModel {
        /// Findings are independent causes: 1 − ∏ (1 − pᵢ).
        NoisyOr = "noisy_or",
        /// Points add up, capped at 100.
        Sum = "sum",
    }
}

words! {
    /// What a term of a receipt stands for.
    TermKind {
        /// A finding.
        Finding = "finding",
        /// A factor on the odds, for the account's class, say.
        Modifier = "modifier",
        /// What lies above 100 points, taken off.
        Cap = "cap",
    }
}
