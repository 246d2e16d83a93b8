//! A database with incidents, and the commands that are run on it.

use crate::kit::command;
use model::codec::Message;
use model::{
    Finding, Incident, OrgId, Points, Receipt, RiskModel, Severity, Term, TermKind, Timestamp, UserClass, UserId, Uuid,
};
use serde_json::{Value, json};
use servers::Postgres;
use store::{IncidentWrite, Owner, Settings, Status, Store, StoredFinding};

pub(super) const ORG: &str = "00D000000000001EAA";
pub(super) const DAY: i64 = 86_400_000;
/// The start of the incident, two days before the clock of the org.
pub(super) const START: i64 = 20_000 * DAY;
/// The start of Emma's second incident, beyond the merge window after her first one.
pub(super) const SECOND: i64 = START + 30 * 3_600_000;

pub(super) struct Site {
    pub(super) postgres: Postgres,
    pub(super) store: Store,
}

impl Site {
    /// A database with two incidents of Emma, one of the integration, and the clock of their org.
    pub(super) async fn new() -> Self {
        let postgres = Postgres::start().await.unwrap();
        let settings = Settings { url: postgres.url().into(), ..Settings::default() };
        let store = Store::connect(&settings, "test").await.unwrap();
        store.migrate().await.unwrap();
        for (id, user, at) in [(1, "emma", START), (2, "emma", SECOND), (3, "bot", START)] {
            put_incident(&store, id, user, at).await;
        }
        let owner = Owner::connect(&settings, "test", "test", 1).await.unwrap();
        assert!(owner.try_acquire(1).await.unwrap());
        owner.put_clocks(1, 1, &[(OrgId::new(ORG), Timestamp(START + 2 * DAY))]).await.unwrap();
        owner.close().await.unwrap();
        Self { postgres, store }
    }

    /// Runs a command. Returns its exit code, its output and its errors.
    pub(super) async fn run(&self, line: &str) -> (Option<i32>, String, String) {
        let words: Vec<&str> = line.split(' ').map(|word| if word == "ORG" { ORG } else { word }).collect();
        let output = command(&words).env("ORGWATCH_POSTGRES__URL", self.postgres.url()).output().await.unwrap();
        let [out, error] = [output.stdout, output.stderr].map(|bytes| String::from_utf8(bytes).unwrap());
        (output.status.code(), out, error)
    }

    pub(super) async fn text(&self, line: &str) -> String {
        let (code, out, error) = self.run(line).await;
        assert_eq!((code, error.as_str()), (Some(0), ""), "{line}");
        out
    }

    pub(super) async fn json(&self, line: &str) -> Value {
        serde_json::from_str(&self.text(&format!("{line} --json")).await).unwrap()
    }

    pub(super) async fn refused(&self, line: &str) -> String {
        let (code, _, error) = self.run(line).await;
        assert_eq!(code, Some(1), "{line}: {error}");
        error
    }

    /// Returns the only decision that a command records.
    pub(super) async fn decided(&self, line: &str) -> Value {
        let printed = self.json(&format!("{line} --as anna --no-wait")).await;
        assert_eq!((&printed["applied"], printed["decisions"].as_array().unwrap().len()), (&json!(false), 1), "{line}");
        let decision = printed["decisions"][0].clone();
        assert_eq!((&decision["decided_by"], &decision["claimed_by"]), (&json!("postgres"), &json!("anna")), "{line}");
        decision
    }
}

/// Returns the effects on incidents by a preview.
pub(super) fn becomes(preview: &Value) -> Vec<&str> {
    preview["effects"].as_array().unwrap().iter().map(|effect| effect["becomes"].as_str().unwrap()).collect()
}

pub(super) fn finding(id: u128, user: &str, detector: &str, at: i64) -> Finding {
    Finding {
        finding_id: Uuid::from_u128(id),
        revision: 1,
        org_id: OrgId::new(ORG),
        user_id: UserId::new(user),
        username: Some(format!("{user}@example.com").into()),
        user_class: UserClass::Normal,
        detector: detector.into(),
        severity: Severity::High,
        score: 7.5,
        anomaly_score: 0.9,
        confidence: 0.8,
        surprise: 7.0,
        observed_at: Timestamp(at),
        revised_at: Timestamp(at),
        summary: format!("{detector} of {user}"),
        features: vec![],
        measures: vec![],
        event_ids: vec![],
        objects: vec!["Contact".into()],
        surface: None,
        withdrawn: false,
        config_hash: "hash".into(),
        addresses: vec!["203.0.113.7".into()],
        resource_id: None,
        resource_name: None,
        client: Some("curl".into()),
        app: None,
        precision: None,
        evidence: Vec::new(),
    }
}

/// Stores an incident with two findings, of which one has three times the points of the other.
pub(super) async fn put_incident(store: &Store, id: u128, user: &str, at: i64) {
    let findings = [finding(id * 10, user, "row_spike", at), finding(id * 10 + 1, user, "new_access", at + 1_000)];
    let term = |finding: &Finding, points: i32| Term {
        kind: TermKind::Finding,
        name: finding.detector.clone(),
        finding_id: Some(finding.finding_id),
        score: finding.score,
        weight: 0.5,
        decay: 1.0,
        damping: 1.0,
        multiplier: 1.0,
        points: Points(points),
        reason: finding.summary.clone(),
    };
    let risk_score = Points(6_000 + id as i32);
    let terms = vec![term(&findings[0], 4_500), term(&findings[1], 1_500)];
    let incident = Incident {
        incident_id: Uuid::from_u128(id),
        revision: 1,
        org_id: OrgId::new(ORG),
        user_id: UserId::new(user),
        username: findings[0].username.clone(),
        user_class: UserClass::Normal,
        severity: Severity::High,
        risk_score,
        first_event_at: Timestamp(at),
        last_event_at: Timestamp(at + 1_000),
        findings: findings.to_vec(),
        receipt: Receipt { model: RiskModel::NoisyOr, config_hash: "hash".into(), risk_score, terms },
        disposition: None,
    };
    assert_eq!(Incident::decode(&incident.encode()).unwrap(), incident);
    let stored = findings.into_iter().map(|finding| StoredFinding {
        first_observed_at: Some(finding.observed_at),
        finding,
        traceparent: None,
        incident_id: Some(incident.incident_id),
        hidden_by: None,
    });
    let mut correlation = store.correlate(&[(OrgId::new(ORG), UserId::new(user))]).await.unwrap();
    correlation.put_findings(&stored.collect::<Vec<_>>()).await.unwrap();
    let written = IncidentWrite {
        incident,
        status: Status::Open,
        trace_id: None,
        merged_into: None,
        ended: false,
        disposition: None,
        assignee: None,
        snoozed_until: None,
    };
    correlation.put_incidents(&[written]).await.unwrap();
    correlation.commit().await.unwrap();
}

pub(super) fn id(id: u128) -> String {
    Uuid::from_u128(id).to_string()
}

pub(super) fn at(milliseconds: i64) -> Value {
    json!(Timestamp(milliseconds))
}
