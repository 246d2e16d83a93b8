//! Observations for the detectors' tests.

use crate::{Detector, Settings, Verdict};
use model::{Activity, Channel, Feature, Finding, Kind, Observation, OrgId, Rate, Timestamp, UserClass, UserId, Uuid};

/// Returns an observation of one activity with one feature.
pub(crate) fn observation(feature: Feature) -> Observation {
    let (org_id, user_id) = (OrgId::new("00Dhn0000018hrcMAU"), UserId::new("005hn00000EmmaMAAU"));
    let at = Timestamp::parse("2026-03-02T14:31:52.867Z").unwrap();
    let id = Uuid::from_u128(1);
    let activity = Activity::new(id, org_id.clone(), user_id.clone(), at, Channel::Stored, Kind::ListView);
    Observation {
        org_id,
        user_id,
        username: Some("emma.martin".into()),
        user_class: UserClass::Normal,
        at,
        day: Timestamp::parse("2026-03-02").unwrap(),
        revision: 7,
        activity: Some(Box::new(activity)),
        features: vec![feature],
        blind: Vec::new(),
        calibrations: Vec::new(),
        precisions: Vec::new(),
        settings: Default::default(),
    }
}

/// Returns the detector's verdict on the feature with default settings.
pub(crate) fn verdict(detector: &dyn Detector, feature: Feature) -> Verdict {
    assert_eq!(feature.family(), detector.family(), "the feature would not reach the detector");
    let mut verdicts = detector.judge(&observation(feature), &Settings::default());
    assert_eq!(verdicts.len(), 1);
    verdicts.remove(0)
}

/// Returns the detector's finding on the feature; fails if the verdict is another.
pub(crate) fn finding(detector: &dyn Detector, feature: Feature) -> Finding {
    match verdict(detector, feature) {
        Verdict::Anomalous(finding) => *finding,
        other => panic!("{other:?}"),
    }
}

/// Returns what 40 days teach of a count with this daily mean.
pub(crate) fn usually(mean: f64) -> Rate {
    Rate { shape: 40.0 * mean, rate: 40.0, evidence: 40.0, prior_weight: 0.1 }
}
