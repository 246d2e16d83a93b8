//! Findings that another threshold would have raised on stored days.

use crate::registry::Detector;
use crate::{Settings, judgement, score};
use model::{Finding, OrgId, Severity, Text, Timestamp, UserClass, UserId, id};

/// What is stored of a closed day on which a detector raised nothing.
#[derive(Clone, Debug, PartialEq)]
pub struct QuietDay {
    /// The org of the account.
    pub org_id: OrgId,
    /// The account.
    pub user_id: UserId,
    /// Its username, where it is known.
    pub username: Option<Text>,
    /// Its class.
    pub user_class: UserClass,
    /// Start of the day in the org's time zone.
    pub day: Timestamp,
    /// Event time of its last activity.
    pub last_at: Timestamp,
    /// The largest calibrated surprise of the detector.
    pub surprise: f64,
    /// Hash of the settings by which it would be judged.
    pub config_hash: Text,
}

/// Returns the finding that a detector would have raised on a day, as far as its surprise says: at full confidence, with
/// the highest score that the detector gives to people, and without reasons, objects and addresses, which are not stored.
pub fn supposed(detector: &dyn Detector, settings: &Settings, day: QuietDay) -> Finding {
    let name = detector.name();
    let score = settings.score(name, detector.ceiling(), day.surprise);
    Finding {
        finding_id: id::finding_id(&day.org_id, &day.user_id, name, "supposed", day.day),
        revision: 0,
        org_id: day.org_id,
        user_id: day.user_id,
        username: day.username,
        user_class: day.user_class,
        detector: name.into(),
        severity: Severity::of_score(score),
        score,
        anomaly_score: judgement::round(score::anomaly_score(day.surprise)),
        confidence: 1.0,
        surprise: day.surprise,
        observed_at: day.last_at,
        revised_at: day.last_at,
        summary: String::new(),
        features: Vec::new(),
        measures: Vec::new(),
        event_ids: Vec::new(),
        objects: Vec::new(),
        surface: None,
        withdrawn: false,
        config_hash: day.config_hash,
        addresses: Vec::new(),
        resource_id: None,
        resource_name: None,
        client: None,
        app: None,
        precision: None,
        evidence: Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::detectors::row_spike::RowSpike;

    #[test]
    fn a_supposed_finding_has_the_score_of_its_surprise() {
        let day = |surprise| QuietDay {
            org_id: OrgId::new("00D1"),
            user_id: UserId::new("0051"),
            username: None,
            user_class: UserClass::Normal,
            day: Timestamp(0),
            last_at: Timestamp(7),
            surprise,
            config_hash: "hash".into(),
        };
        let settings = Settings::default();
        let of = |surprise| supposed(&RowSpike, &settings, day(surprise));
        assert!(of(3.0).score < of(4.0).score, "more surprise, more score");
        assert_eq!(of(40.0).score, RowSpike.ceiling());
        assert_eq!((of(4.0).anomaly_score, of(4.0).observed_at), (0.5, Timestamp(7)));
    }
}
