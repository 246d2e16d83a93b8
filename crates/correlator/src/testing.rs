//! Findings and a database for tests.

use crate::rules::Rules;
use model::time::HOUR;
use model::{Finding, OrgId, Severity, Timestamp, UserClass, UserId, Uuid};
use servers::Postgres;
use settings::Settings;
use std::sync::Arc;
use store::Store;
use tokio::sync::watch;

/// A finding of Emma at an hour since 1970, at revision 1; `id` chooses the detector.
pub(crate) fn finding(id: u128, hour: i64, score: f64) -> Finding {
    Finding {
        finding_id: Uuid::from_u128(id),
        revision: 1,
        org_id: OrgId::new("00Dhn0000018hrcMAU"),
        user_id: UserId::new("005hn00000EmmaMAAU"),
        username: None,
        user_class: UserClass::Normal,
        detector: ["row_spike", "view_burst", "new_access"][id as usize % 3].into(),
        severity: Severity::of_score(score),
        score,
        anomaly_score: score / 10.0,
        confidence: 1.0,
        surprise: score,
        observed_at: Timestamp(hour * HOUR),
        revised_at: Timestamp(hour * HOUR),
        summary: String::new(),
        features: Vec::new(),
        measures: Vec::new(),
        event_ids: Vec::new(),
        objects: Vec::new(),
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

/// The default settings, in force.
pub(crate) fn rules() -> Rules {
    Rules::new(watch::channel(Arc::new(Settings::default().into())).1)
}

/// A database of its own, with the schema. It ends with the server.
pub(crate) async fn store() -> (Postgres, Store) {
    let server = Postgres::start().await.unwrap();
    let settings = store::Settings { url: server.url().into(), ..store::Settings::default() };
    let store = Store::connect(&settings, "orgwatch-test").await.unwrap();
    store.migrate().await.unwrap();
    (server, store)
}
