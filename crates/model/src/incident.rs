//! Findings of one user merged over time, and the arithmetic of their risk score.

use crate::activity::words;
use crate::{Finding, OrgId, Severity, Text, Timestamp, UserClass, UserId};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use uuid::Uuid;

/// One weighted risk score over the findings of one user.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Incident {
    pub incident_id: Uuid,
    pub revision: u64,
    pub org_id: OrgId,
    pub user_id: UserId,
    pub username: Option<Text>,
    pub user_class: UserClass,
    pub severity: Severity,
    pub risk_score: Points,
    pub first_event_at: Timestamp,
    pub last_event_at: Timestamp,
    /// By time of first observation, then by id.
    pub findings: Vec<Finding>,
    pub receipt: Receipt,
}

/// Points of risk in hundredths, so that sums are exact. Serialized on the scale of 0 to 100.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Points(pub i32);

impl Points {
    pub const MAX: Self = Self(10_000);

    /// To the nearest hundredth.
    pub fn from_f64(points: f64) -> Self {
        Self((points * 100.0).round() as i32)
    }

    pub fn to_f64(self) -> f64 {
        f64::from(self.0) / 100.0
    }

    /// Critical from 80, high from 60, medium from 40.
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
    pub model: RiskModel,
    pub config_hash: Text,
    pub risk_score: Points,
    pub terms: Vec<Term>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Term {
    pub kind: TermKind,
    /// The detector for a finding's term, the modifier's name otherwise.
    pub name: Text,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub finding_id: Option<Uuid>,
    /// The finding's score, 0 to 10.
    pub score: f64,
    /// 0 to 1.
    pub weight: f64,
    /// 0 to 1, by the finding's age when the incident was last touched.
    pub decay: f64,
    /// 0 to 1: below 1 where a stronger finding of the same group speaks already.
    pub damping: f64,
    /// A modifier's factor on the odds; 1 for a finding.
    pub multiplier: f64,
    /// Negative where a modifier lowers the score.
    pub points: Points,
    pub reason: String,
}

words! {
    RiskModel { NoisyOr = "noisy_or", Sum = "sum" }
}

words! {
    TermKind { Finding = "finding", Modifier = "modifier", Cap = "cap" }
}
