//! Findings for tests.

use model::{
    Activity, Channel, Decision, Evidence, Finding, Kind, OrgId, Ruling, Severity, Timestamp, UserClass, UserId, Uuid,
};

pub(crate) fn finding(detector: &str, id: u128, score: f64, at: i64) -> Finding {
    Finding {
        finding_id: Uuid::from_u128(id),
        revision: 1,
        org_id: OrgId::new("00Dhn0000018hrcMAU"),
        user_id: UserId::new("005hn00000EmmaMAAU"),
        username: Some("emma.martin".into()),
        user_class: UserClass::Normal,
        detector: detector.into(),
        severity: Severity::of_score(score),
        score,
        anomaly_score: 0.9,
        confidence: 0.8,
        surprise: 7.0,
        observed_at: Timestamp(at),
        revised_at: Timestamp(at),
        summary: format!("{detector} of {score}"),
        features: vec![],
        measures: vec![],
        event_ids: vec![],
        objects: vec!["Contact".into()],
        surface: None,
        withdrawn: false,
        config_hash: "hash".into(),
        addresses: Vec::new(),
        resource_id: None,
        resource_name: None,
        client: None,
        app: None,
        precision: None,
        evidence: Vec::new(),
    }
}

/// An activity of the account of [`finding`]; all fields follow from its id.
pub(crate) fn evidence(id: u128) -> Evidence {
    let (org, user) = (OrgId::new("00Dhn0000018hrcMAU"), UserId::new("005hn00000EmmaMAAU"));
    let at = Timestamp(id as i64 % 7);
    let activity = Activity::new(Uuid::from_u128(id), org, user, at, Channel::Stream, Kind::Report);
    let run = id.is_multiple_of(5).then_some(id as u64 % 3);
    Evidence::of(&Activity { rows: id.is_multiple_of(2).then_some(id as u64 * 13 % 11), run, ..activity })
}

/// A decision on the account of [`finding`], for an interval in milliseconds.
pub(crate) fn decision(id: u128, (from, until): (i64, Option<i64>), ruling: Ruling) -> Decision {
    Decision {
        decision_id: Uuid::from_u128(id),
        org_id: OrgId::new("00Dhn0000018hrcMAU"),
        user_id: Some(UserId::new("005hn00000EmmaMAAU")),
        ruling,
        from: Timestamp(from),
        until: until.map(Timestamp),
        decided_by: "analyst".into(),
        claimed_by: None,
        reason: "a test".to_owned(),
        decided_at: Timestamp(id as i64),
        in_force: std::collections::BTreeMap::new(),
    }
}
