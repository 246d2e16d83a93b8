//! Findings about what orgwatch does not see of an org. They belong to an account of orgwatch's own.

use crate::{Contribution, Finding, OrgId, Severity, Text, Timestamp, UserClass, UserId, id};

/// The account of an org to which these findings belong.
const ACCOUNT: &str = "orgwatch";
/// The detector that they name.
const DETECTOR: &str = "blind_source";

/// What is not seen, and since when.
#[derive(Clone, Debug)]
pub struct Unseen<'a> {
    /// What is not seen, such as `stream/login`. Together with `since` it identifies the finding.
    pub subject: &'a str,
    /// Since when events are missing.
    pub since: Timestamp,
    /// When that was noticed.
    pub noticed: Timestamp,
    /// 0 to 10.
    pub score: f64,
    /// One line for people.
    pub summary: String,
}

impl Unseen<'_> {
    /// Returns the finding at a revision of `revised_at`. No setting takes part in it.
    pub fn finding(self, org: &OrgId, revision: u64, revised_at: Timestamp) -> Finding {
        let Self { subject, since, noticed, score, summary } = self;
        let user_id = UserId::new(ACCOUNT);
        Finding {
            finding_id: id::finding_id(org, &user_id, DETECTOR, subject, since),
            revision,
            org_id: org.clone(),
            user_id,
            username: Some("orgwatch sources".into()),
            user_class: UserClass::Integration,
            detector: DETECTOR.into(),
            severity: Severity::of_score(score),
            score,
            anomaly_score: score / 10.0,
            confidence: 1.0,
            surprise: 0.0,
            observed_at: noticed,
            revised_at,
            summary,
            features: vec![Contribution { name: "source".into(), value: subject.into(), share: 10_000 }],
            measures: Vec::new(),
            event_ids: Vec::new(),
            objects: Vec::new(),
            surface: None,
            withdrawn: false,
            config_hash: Text::default(),
            addresses: Vec::new(),
            resource_id: None,
            resource_name: None,
            client: None,
            app: None,
            precision: None,
            evidence: Vec::new(),
        }
    }
}
