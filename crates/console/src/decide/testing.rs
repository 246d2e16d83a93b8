//! Findings and incidents for tests.

use model::operational::Unseen;
use model::{Finding, Incident, OrgId, Points, Receipt, RiskModel, Severity, Timestamp, UserClass, UserId, Uuid};

pub(super) fn finding(id: u128, user: &str, detector: &str) -> Finding {
    let at = Timestamp(1_000);
    let unseen = Unseen { subject: "", since: at, noticed: at, score: 8.0, summary: String::new() };
    let mut finding = unseen.finding(&OrgId::new("00D000000000001AAA"), 1, at);
    finding.finding_id = Uuid::from_u128(id);
    (finding.user_id, finding.detector, finding.observed_at) = (UserId::new(user), detector.into(), at);
    finding.username = None;
    finding
}

pub(super) fn incident(id: u128, user: &str, findings: &[Finding]) -> Incident {
    let risk_score = Points(5_000);
    Incident {
        incident_id: Uuid::from_u128(id),
        revision: 1,
        org_id: OrgId::new("00D000000000001AAA"),
        user_id: UserId::new(user),
        username: None,
        user_class: UserClass::Normal,
        severity: Severity::Medium,
        risk_score,
        first_event_at: Timestamp(1_000),
        last_event_at: Timestamp(2_000),
        findings: findings.to_vec(),
        receipt: Receipt { model: RiskModel::NoisyOr, config_hash: "hash".into(), risk_score, terms: vec![] },
        disposition: None,
    }
}
