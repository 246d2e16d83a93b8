//! Findings for tests.

use model::{Finding, OrgId, Severity, Timestamp, UserClass, UserId, Uuid};

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
    }
}
