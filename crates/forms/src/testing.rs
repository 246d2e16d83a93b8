//! Incidents for tests.

use crate::facts::{Facts, Subject};
use model::{
    Activity, Channel, Contribution, Disposition, Evidence, Finding, Incident, Kind, OrgId, Points, Receipt, RiskModel,
    Severity, SourceIp, Status, Surface, Term, TermKind, Timestamp, UserClass, UserId, Uuid,
};

const ORG: &str = "00Dhn0000018hrcMAU";
const USER: &str = "005hn00000EmmaMAAU";

/// A finding with as little as a finding has.
pub(crate) fn finding(id: u128, detector: &str, score: f64) -> Finding {
    Finding {
        finding_id: Uuid::from_u128(id),
        revision: 1,
        org_id: OrgId::new(ORG),
        user_id: UserId::new(USER),
        username: None,
        user_class: UserClass::Normal,
        detector: detector.into(),
        severity: Severity::of_score(score),
        score,
        anomaly_score: score / 10.0,
        confidence: 0.8,
        surprise: 5.0,
        observed_at: Timestamp(1_772_461_912_867),
        revised_at: Timestamp(1_772_465_512_000),
        summary: format!("{detector} of {score}"),
        features: vec![],
        measures: vec![],
        event_ids: vec![],
        objects: vec![],
        surface: None,
        withdrawn: false,
        config_hash: "hash".into(),
        addresses: vec![],
        resource_id: None,
        resource_name: None,
        client: None,
        app: None,
        precision: None,
        evidence: vec![],
    }
}

/// An incident of these findings, each with its points.
pub(crate) fn incident(findings: Vec<(Finding, i32)>) -> Incident {
    let terms = findings.iter().map(|(finding, points)| Term {
        kind: TermKind::Finding,
        name: finding.detector.clone(),
        finding_id: Some(finding.finding_id),
        score: finding.score,
        weight: 0.5,
        decay: 1.0,
        damping: 1.0,
        multiplier: 1.0,
        points: Points(*points),
        reason: finding.summary.clone(),
    });
    let terms: Vec<Term> = terms.collect();
    let risk_score = Points(findings.iter().map(|(_, points)| *points).sum::<i32>().clamp(0, Points::MAX.0));
    Incident {
        incident_id: Uuid::from_u128(0x1c1d_e4f0),
        revision: 1,
        org_id: OrgId::new(ORG),
        user_id: UserId::new(USER),
        username: None,
        user_class: UserClass::Normal,
        severity: risk_score.severity(),
        risk_score,
        first_event_at: Timestamp(1_772_461_912_867),
        last_event_at: Timestamp(1_772_465_512_000),
        findings: findings.into_iter().map(|(finding, _)| finding).collect(),
        receipt: Receipt { model: RiskModel::NoisyOr, config_hash: "hash".into(), risk_score, terms },
        disposition: None,
    }
}

/// A feature with its share in hundredths of a percent.
pub(crate) fn feature(name: &str, value: &str, share: u32) -> Contribution {
    Contribution { name: name.into(), value: value.into(), share }
}

/// The least that an incident is: one finding, of which little is known.
pub(crate) fn minimal() -> Incident {
    incident(vec![(finding(1, "off_hours", 3.0), 1_800)])
}

/// An incident of three findings, of which much is known.
pub(crate) fn rich() -> Incident {
    let network = Finding {
        summary: "first use of the network AS20473 (DE)".to_owned(),
        features: vec![feature("autonomousSystem", "AS20473", 7_000), feature("dayOfWeek", "Sunday", 3_000)],
        event_ids: vec![Uuid::from_u128(101)],
        addresses: vec!["2001:db8::7".into(), "203.0.113.7".into()],
        ..finding(1, "rare_network", 5.0)
    };
    let spike = Finding {
        summary: "read 111,141 rows through the API in a day; usual are 120".to_owned(),
        features: vec![feature("rowCount", "111141", 9_500), feature("dayOfWeek", "Sunday", 500)],
        event_ids: vec![Uuid::from_u128(102), Uuid::from_u128(101)],
        objects: vec!["Contact".into(), "Account".into()],
        surface: Some(Surface::Api),
        addresses: vec!["203.0.113.7".into(), "Salesforce.com IP".into()],
        resource_name: Some("All contacts".into()),
        client: Some("curl".into()),
        app: Some("Data Loader".into()),
        ..finding(2, "row_spike", 9.0)
    };
    let app = Finding { summary: "first use of Data Loader".to_owned(), ..finding(3, "new_app", 4.0) };
    Incident {
        revision: 4,
        username: Some("emma.martin@example.com".into()),
        user_class: UserClass::Integration,
        disposition: Some(Disposition::Suspicious),
        ..incident(vec![(network, 1_501), (spike, 6_203), (app, 700)])
    }
}

/// Evidence of the leading finding of [`rich`]: a login, and a query with most of the rows.
pub(crate) fn evidence() -> Vec<Evidence> {
    let org_and_user = || (OrgId::new(ORG), UserId::new(USER));
    let activity = |id, kind| {
        let (org, user) = org_and_user();
        Activity {
            source_ip: Some(SourceIp::Address("203.0.113.7".parse().unwrap())),
            login_key: Some("lUqjLPQTWRdvRG4".into()),
            ..Activity::new(Uuid::from_u128(id), org, user, Timestamp(1_772_461_912_867), Channel::Stream, kind)
        }
    };
    let query = Activity {
        operation: Some("Query".into()),
        objects: ["Contact".into()].into_iter().collect(),
        rows: Some(110_000),
        user_agent: Some("curl/8.5 (x86_64=linux)".into()),
        session_key: Some("vMASKIU6AxEr+Op5".into()),
        request_id: Some("3nWgxWbDKWWDIk0FKfF5D".into()),
        connected_app: Some("0H4hn0000004CBMCA2".into()),
        ..activity(102, Kind::Api)
    };
    vec![Evidence::of(&activity(100, Kind::Login)), Evidence::of(&query)]
}

/// An acknowledged incident of "Example", which has a page.
pub(crate) fn subject<'a>(incident: &'a Incident, evidence: &'a [Evidence]) -> Subject<'a> {
    let link = Some("https://orgwatch.example.com/incidents/1");
    Subject { incident, evidence, status: Status::Acknowledged, tenant_name: Some("Example"), link }
}

/// The facts of an open incident of which nothing else is known.
pub(crate) fn bare(incident: &Incident) -> Facts<'_> {
    Facts::of(Subject { incident, evidence: &[], status: Status::Open, tenant_name: None, link: None }).unwrap()
}
